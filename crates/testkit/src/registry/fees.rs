//! What things cost (RFC 8748), and the money of registrars.

use super::answer::{Done, Refusal};
use super::command::Call;
use super::options::{Operation, decimals};
use super::state::State;
use super::xml::{Element, FEE, Sequence, Writer, choice, chosen, only_attributes, token};

/// A price in minor units of its currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Price {
    pub(super) minor: i64,
    pub(super) currency: String,
    /// Of a premium name.
    pub(super) class: Option<String>,
}

impl State {
    /// What `operation` costs for so many years; the name is one of a zone of the registry.
    pub(super) fn price(&self, name: &str, operation: Operation, years: i64) -> Result<Price, Refusal> {
        let zone = self.zone_of(name)?;
        let premium = zone.premium.get(name);
        let prices = premium.map_or(&zone.prices, |premium| &premium.prices);
        let unit = prices.get(&operation).copied().unwrap_or(0);
        let minor = if operation.is_by_year() { unit * years } else { unit };
        Ok(Price { minor, currency: zone.currency.clone(), class: premium.map(|premium| premium.class.clone()) })
    }

    /// Whether the registrar can pay.
    pub(super) fn afford(&self, registrar: &str, price: &Price) -> Result<(), Refusal> {
        let account = &self.registrars[registrar].registrar;
        let balance = account.balances.get(&price.currency).copied().unwrap_or(0);
        if price.minor > 0 && balance - price.minor < -account.credit_limit {
            return Err(Refusal::because(2104, "The balance does not suffice"));
        }
        Ok(())
    }

    /// Takes the money, whether it is there or not; a negative amount gives it back.
    pub(super) fn charge(&mut self, registrar: &str, currency: &str, minor: i64) {
        if let Some(account) = self.registrars.get_mut(registrar) {
            *account.registrar.balances.entry(currency.to_owned()).or_default() -= minor;
            *account.taken.entry(currency.to_owned()).or_default() += minor;
        }
    }
}

/// An amount as EPP writes it: `10.00`.
pub(super) fn amount(minor: i64, currency: &str) -> String {
    let digits = decimals(currency);
    let (unit, sign) = (10_u64.pow(digits), if minor < 0 { "-" } else { "" });
    let (whole, part) = (minor.unsigned_abs() / unit, minor.unsigned_abs() % unit);
    if digits == 0 {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{part:0width$}", width = digits as usize)
    }
}

/// A decimal in millionths, since a client may write more digits than the currency has.
fn millionths(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let known = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_digit());
    if (whole.is_empty() && part.is_empty()) || !known(whole) || !known(part) || whole.len() > 15 || part.len() > 6 {
        return None;
    }
    let value: i128 = format!("0{whole}{part:0<6}").parse().ok()?;
    Some(if negative { -value } else { value })
}

fn money(element: Element<'_>, most: i128) -> Result<i128, Refusal> {
    let known = ["description", "lang", "refundable", "grace-period", "applied"];
    only_attributes(element, &known)?;
    choice(element, "refundable", &["0", "1", "false", "true"])?;
    choice(element, "applied", &["immediate", "delayed"])?;
    let value = millionths(&token(element, 1, 30)?);
    let value = value.ok_or_else(|| Refusal::because(2001, "Not an amount of money"))?;
    if value > most { Err(Refusal::because(2001, "A credit is not positive")) } else { Ok(value) }
}

/// The fee that the client agrees to, when it names one, is not lower than the price and of its currency (RFC 8748,
/// section 3.4). For a premium name it must name one.
pub(super) fn agreed(call: &Call<'_>, price: &Price) -> Result<(), Refusal> {
    let Some(element) = call.extension(FEE) else {
        let missing = price.class.is_some() && price.minor > 0;
        return if missing { Err(Refusal::because(2003, "The name is premium: the fee is required")) } else { Ok(()) };
    };
    only_attributes(element, &[])?;
    let mut fields = Sequence::of(element)?;
    let currency = fields.maybe("currency").map(|currency| token(currency, 3, 3)).transpose()?;
    let mut total: i128 = 0;
    for fee in fields.some("fee")? {
        let fee = money(fee, i128::MAX)?;
        if fee < 0 {
            return Err(Refusal::because(2001, "A fee is not negative"));
        }
        total += fee;
    }
    for credit in fields.many("credit", usize::MAX)? {
        total += money(credit, 0)?;
    }
    fields.end()?;
    if currency.is_some_and(|currency| currency != price.currency) {
        return Err(Refusal::because(2004, format!("The currency is {}", price.currency)));
    }
    if total < i128::from(price.minor) * 10_i128.pow(6 - decimals(&price.currency)) {
        let amount = amount(price.minor, &price.currency);
        return Err(Refusal::because(2004, format!("The fee is {amount} {}", price.currency)));
    }
    Ok(())
}

/// The extension of an answer that says what was paid, or given back; nothing when nothing was, or when the client did
/// not choose the extension at login.
pub(super) fn paid(call: &Call<'_>, element: &str, price: &Price, years: Option<i64>) -> String {
    if price.minor == 0 || !call.chose(FEE) {
        return String::new();
    }
    let name = format!("fee:{element}");
    let mut out = Writer::new();
    out.open(&name, &[("xmlns:fee", FEE)]).text("fee:currency", &price.currency);
    if let Some(years) = years {
        out.text_with("fee:period", &[("unit", "y")], &years.to_string());
    }
    let what = if price.minor > 0 { "fee:fee" } else { "fee:credit" };
    out.text(what, &amount(price.minor, &price.currency));
    let account = &call.state.registrars[&call.by].registrar;
    let balance = account.balances.get(&price.currency).copied().unwrap_or(0);
    out.text("fee:balance", &amount(balance, &price.currency));
    out.text("fee:creditLimit", &amount(account.credit_limit, &price.currency));
    out.close(&name).finish()
}

/// A question of `fee:check`.
struct Question<'a> {
    operation: Option<Operation>,
    attributes: Vec<(&'static str, &'a str)>,
    years: Option<u32>,
}

const OPERATIONS: [&str; 7] = ["create", "delete", "renew", "update", "transfer", "restore", "custom"];
const ATTRIBUTES: [&str; 4] = ["name", "customName", "phase", "subphase"];

fn question<'a>(element: Element<'a>) -> Result<Question<'a>, Refusal> {
    only_attributes(element, &ATTRIBUTES)?;
    let name = chosen(element, "name", &OPERATIONS)?;
    let mut fields = Sequence::of(element)?;
    let years = fields.maybe("period").map(super::domains::years).transpose()?;
    fields.end()?;
    let attributes = ATTRIBUTES.iter().filter_map(|key| Some((*key, element.attribute(*key)?))).collect();
    let operation = Operation::ALL.into_iter().find(|operation| operation.name() == name);
    Ok(Question { operation, attributes, years })
}

/// Adds `fee:chkData` to the answer to a check of these names (RFC 8748, section 5.1.1).
pub(super) fn checked(call: &Call<'_>, names: &[String], done: &mut Done) -> Result<(), Refusal> {
    let Some(element) = call.extension(FEE) else { return Ok(()) };
    only_attributes(element, &[])?;
    let mut fields = Sequence::of(element)?;
    let currency = fields.maybe("currency").map(|currency| token(currency, 3, 3)).transpose()?;
    let questions = fields.some("command")?.into_iter().map(question).collect::<Result<Vec<_>, _>>()?;
    fields.end()?;
    let own = names.iter().find_map(|name| Some(call.state.zone_of(name).ok()?.currency.clone()));
    let currency = currency.or(own).unwrap_or_else(|| "USD".to_owned());
    let mut out = Writer::new();
    out.open("fee:chkData", &[("xmlns:fee", FEE)]).text("fee:currency", &currency);
    for name in names {
        write_object(call.state, name, &currency, &questions, &mut out);
    }
    done.extension.push_str(&out.close("fee:chkData").finish());
    Ok(())
}

fn write_object(state: &State, name: &str, currency: &str, questions: &[Question<'_>], out: &mut Writer) {
    let zone = state.zone_of(name);
    let problem = match &zone {
        Err(refusal) => Some(refusal.reason.as_deref().unwrap_or("Not a name")),
        Ok(zone) if zone.currency != currency => Some("The currency is not supported"),
        Ok(_) => questions.iter().find_map(problem),
    };
    out.open("fee:cd", &[("avail", if problem.is_none() { "1" } else { "0" })]).text("fee:objID", name);
    if let (Ok(zone), None) = (&zone, problem) {
        let premium = zone.premium.get(name);
        out.text("fee:class", premium.map_or("standard", |premium| &premium.class));
        for question in questions {
            write_answer(state, name, question, premium.is_none(), out);
        }
    }
    out.maybe("fee:reason", problem).close("fee:cd");
}

fn problem(question: &Question<'_>) -> Option<&'static str> {
    if question.operation.is_none() {
        return Some("The command is not known");
    }
    let too_long = question.years.is_some_and(|years| years > 10);
    too_long.then_some("The period is 1 to 10 years")
}

fn write_answer(state: &State, name: &str, question: &Question<'_>, standard: bool, out: &mut Writer) {
    let Some(operation) = question.operation else { return };
    let mut attributes = question.attributes.clone();
    attributes.push(("standard", if standard { "1" } else { "0" }));
    out.open("fee:command", &attributes);
    // Section 5.1.1: a restore has no period, anything else has one, of a year unless another was asked for. A transfer
    // adds one year whatever is asked.
    let years = if operation == Operation::Transfer { 1 } else { question.years.unwrap_or(1) };
    if operation != Operation::Restore {
        out.text_with("fee:period", &[("unit", "y")], &years.to_string());
    }
    if let Ok(price) = state.price(name, operation, i64::from(years))
        && price.minor != 0
    {
        out.text_with("fee:fee", &[("description", operation.name())], &amount(price.minor, &price.currency));
    }
    out.close("fee:command");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact() {
        assert_eq!(amount(1005, "USD"), "10.05");
        assert_eq!(amount(-5, "KWD"), "-0.005");
        assert_eq!(amount(1005, "JPY"), "1005");
        assert_eq!(millionths("9.99"), Some(9_990_000));
        assert_eq!(millionths("-.5"), Some(-500_000));
        for bad in ["", ".", "1,00", "1e3", "0x1", "1.0000001", "--1"] {
            assert_eq!(millionths(bad), None, "{bad}");
        }
    }
}
