//! What staff, callers and importers may say of a client, and what of it is refused. No input or output.

use kernel::{Currency, Email, FieldErrors, nonempty, single_line};

use super::{Client, ClientStatus, MailKind, country_name};

/// Which fields may not be empty. What is given is checked in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Demand {
    /// Who it is, where mail goes, which tax applies: what staff must fill in.
    #[default]
    Identity,
    /// Name and postal address, as an invoice needs them: what whoever opens an account must fill in.
    Postal,
    /// The whole postal address and a telephone number as well.
    Address,
    /// Nothing: old books are full of gaps.
    Nothing,
}

/// The fields of a client as they were written. On a change `None` leaves a field as it is; on a new client it means
/// the usual.
#[derive(Debug, Clone, Default)]
pub struct ClientEdit {
    pub demand: Demand,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub company: Option<String>,
    pub email: Option<String>,
    pub address1: Option<String>,
    pub address2: Option<String>,
    pub city: Option<String>,
    pub state: Option<String>,
    pub postcode: Option<String>,
    pub country: Option<String>,
    pub phone: Option<String>,
    pub tax_id: Option<String>,
    /// A code of ISO 4217; usually the base currency.
    pub currency: Option<String>,
    /// Empty takes it away.
    pub default_gateway: Option<String>,
    /// 0 takes the client out of its group.
    pub group_id: Option<i64>,
    pub status: Option<ClientStatus>,
    pub language: Option<String>,
    pub notes: Option<String>,
    pub tax_exempt: Option<bool>,
    pub no_late_fees: Option<bool>,
    pub no_overdue_notices: Option<bool>,
    pub separate_invoices: Option<bool>,
    pub no_auto_capture: Option<bool>,
    pub no_auto_status: Option<bool>,
    pub marketing_opt_in: Option<bool>,
    /// Kinds that are not named stay as they are.
    pub email_preferences: Vec<(MailKind, bool)>,
}

pub(crate) const NAME: usize = 100;
const COMPANY: usize = 200;
const STREET: usize = 200;
const PLACE: usize = 100;
const SHORT: usize = 32;
const NOTES: usize = 20_000;

/// `base` with what was written, as far as it can be used; what cannot is in `errors`.
pub(super) fn applied(base: &Client, edit: &ClientEdit, errors: &mut FieldErrors) -> Client {
    let mut client = base.clone();
    line(&mut client.first_name, "first_name", &edit.first_name, NAME, errors);
    line(&mut client.last_name, "last_name", &edit.last_name, NAME, errors);
    line(&mut client.company, "company", &edit.company, COMPANY, errors);
    line(&mut client.address1, "address1", &edit.address1, STREET, errors);
    line(&mut client.address2, "address2", &edit.address2, STREET, errors);
    line(&mut client.city, "city", &edit.city, PLACE, errors);
    line(&mut client.state, "state", &edit.state, PLACE, errors);
    line(&mut client.postcode, "postcode", &edit.postcode, SHORT, errors);
    line(&mut client.tax_id, "tax_id", &edit.tax_id, 64, errors);
    parsed(&mut client.email, "email", &edit.email, email, errors);
    parsed(&mut client.country, "country", &edit.country, country, errors);
    parsed(&mut client.phone, "phone", &edit.phone, phone, errors);
    parsed(&mut client.language, "language", &edit.language, language, errors);
    parsed(&mut client.notes, "notes", &edit.notes, notes, errors);
    parsed(&mut client.currency, "currency", &edit.currency, Currency::parse, errors);
    if let Some(gateway) = &edit.default_gateway {
        client.default_gateway = nonempty(gateway).map(str::to_owned);
    }
    if let Some(group) = edit.group_id {
        client.group_id = (group != 0).then_some(group);
    }
    set(&mut client.status, edit.status);
    set(&mut client.tax_exempt, edit.tax_exempt);
    set(&mut client.no_late_fees, edit.no_late_fees);
    set(&mut client.no_overdue_notices, edit.no_overdue_notices);
    set(&mut client.separate_invoices, edit.separate_invoices);
    set(&mut client.no_auto_capture, edit.no_auto_capture);
    set(&mut client.no_auto_status, edit.no_auto_status);
    set(&mut client.marketing_opt_in, edit.marketing_opt_in);
    client.email_preferences.apply(&edit.email_preferences, errors);
    client
}

/// Notes what is missing. On a change only fields that were written are looked at: a gap in old books must not keep
/// staff from correcting something else.
pub(super) fn demanded(client: &Client, edit: &ClientEdit, only_written: bool, errors: &mut FieldErrors) {
    if edit.demand == Demand::Nothing {
        return;
    }
    let mut need = |field: &str, value: &str, written: &Option<String>, message: &str| {
        if value.is_empty() && (written.is_some() || !only_written) && errors.of(field).is_none() {
            errors.add(field, message);
        }
    };
    if matches!(edit.demand, Demand::Postal | Demand::Address) {
        need("first_name", &client.first_name, &edit.first_name, "Enter the first name.");
        need("last_name", &client.last_name, &edit.last_name, "Enter the last name.");
    } else if client.first_name.is_empty() && client.last_name.is_empty() {
        need("first_name", &client.company, &edit.first_name, "Enter a name, or the name of the company below.");
    }
    need("email", &client.email, &edit.email, "Enter an e-mail address.");
    if matches!(edit.demand, Demand::Postal | Demand::Address) {
        need("address1", &client.address1, &edit.address1, "Enter the street and number.");
        need("city", &client.city, &edit.city, "Enter the city.");
    }
    if edit.demand == Demand::Address {
        need("state", &client.state, &edit.state, "Enter the state or region.");
    }
    if matches!(edit.demand, Demand::Postal | Demand::Address) {
        need("postcode", &client.postcode, &edit.postcode, "Enter the postcode.");
    }
    need("country", &client.country, &edit.country, "Choose the country: the tax depends on it.");
    if edit.demand == Demand::Address {
        need("phone", &client.phone, &edit.phone, "Enter a telephone number.");
    }
}

fn line(field: &mut String, name: &str, written: &Option<String>, max: usize, errors: &mut FieldErrors) {
    parsed(field, name, written, |text| single_line(text, max), errors);
}

fn parsed<T, E: std::fmt::Display>(
    field: &mut T,
    name: &str,
    written: &Option<String>,
    parse: impl FnOnce(&str) -> Result<T, E>,
    errors: &mut FieldErrors,
) {
    if let Some(value) = written.as_ref().and_then(|text| errors.take(name, parse(text))) {
        *field = value;
    }
}

fn set<T>(field: &mut T, written: Option<T>) {
    if let Some(value) = written {
        *field = value;
    }
}

fn email(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Ok(String::new()) } else { Email::parse(text).map(|email| email.to_string()) }
}

fn country(text: &str) -> Result<String, String> {
    let code = text.trim().to_ascii_uppercase();
    if code.is_empty() || country_name(&code).is_some() {
        Ok(code)
    } else {
        Err("Choose a country of the list, by its two letters such as DE.".to_owned())
    }
}

/// People write telephone numbers in many ways and know best; what has no digits, or more than a number can have, is
/// none. (E.164 allows 15 digits; an extension may follow.)
fn phone(text: &str) -> Result<String, String> {
    let number = single_line(text, SHORT)?;
    if number.is_empty() {
        return Ok(number);
    }
    let digits = number.chars().filter(char::is_ascii_digit).count();
    let usual = number.strip_prefix('+').unwrap_or(&number);
    let known = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '(' | ')' | '-' | '.' | '/' | 'x' | '#');
    if usual.chars().all(known) && (3..=20).contains(&digits) {
        Ok(number)
    } else {
        Err("Enter a telephone number such as +44 20 7946 0000.".to_owned())
    }
}

pub(crate) fn language(text: &str) -> Result<String, String> {
    let name = single_line(text, SHORT)?;
    if name.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, '-' | '_')) {
        Ok(name)
    } else {
        Err("Enter a language such as english or de.".to_owned())
    }
}

fn notes(text: &str) -> Result<String, String> {
    let text = text.trim().replace("\r\n", "\n");
    if text.chars().count() > NOTES {
        Err(format!("Shorten the notes to at most {NOTES} characters."))
    } else if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        Err("Remove the control characters.".to_owned())
    } else {
        Ok(text)
    }
}
