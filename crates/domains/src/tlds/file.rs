//! The list of TLDs as a CSV file, and back.
//!
//! A line holds an extension's prices in one currency, for everybody or for one client group; its settings stand in its
//! first line, or the same in each. What the file has no column for stays as it is. Prices in a currency that no line of an
//! extension names stay as they are, too; in those that are named, an empty price means *not sold* from now on.

use std::collections::{BTreeMap, HashMap};

use accounts::activity_log::Actor;
use kernel::{Currency, Error, Extension, FieldErrors, Money, Result, Timestamp};
use platform::db::{Conn, Tx};

use super::prices::{LateFee, Operation, Price, Prices};
use super::{Badge, Filter, Offer, Priced, TldEdit};
use crate::tlds;

/// Columns that say something of an extension.
const SETTINGS: [&str; 12] = [
    "position",
    "category",
    "dns_management",
    "email_forwarding",
    "id_protection",
    "epp_required",
    "registrar",
    "badge",
    "spotlight",
    "allows_idn",
    "grace_days",
    "redemption_days",
];

/// The most lines that are read: more extensions than there are top-level domains, in a dozen currencies.
const MAX_LINES: usize = 50_000;
/// So many errors are shown; a file in the wrong form has one in each line.
const MAX_ERRORS: usize = 50;

/// What an import does, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    pub added: usize,
    pub changed: usize,
    pub unchanged: usize,
}

/// `register_1` … `register_10`, `transfer_1` … , `renew_1` … `renew_9`.
fn price_columns() -> Vec<(String, Operation, u8)> {
    let of = |operation: &Operation| {
        let operation = *operation;
        (1..=operation.max_years()).map(move |years| (format!("{operation}_{years}"), operation, years))
    };
    Operation::ALL.iter().flat_map(of).collect()
}

fn header() -> Vec<String> {
    let mut columns = vec!["extension".to_owned()];
    columns.extend(SETTINGS.map(str::to_owned));
    columns.extend(["client_group", "currency", "grace_fee", "redemption_fee"].map(str::to_owned));
    columns.extend(price_columns().into_iter().map(|(name, _, _)| name));
    columns
}

/// The whole list as it is, for [`import`] and for people.
pub async fn export(conn: &mut Conn, filter: &Filter) -> Result<String> {
    let all = tlds::all(conn, filter).await?;
    let priced = tlds::priced_many(conn, all).await?;
    let groups: HashMap<i64, String> =
        accounts::client_groups::all(conn).await?.into_iter().map(|group| (group.id, group.name)).collect();
    let mut out = csv::Writer::from_writer(Vec::new());
    let broken = |error: csv::Error| Error::broken(format!("CSV: {error}"));
    out.write_record(header()).map_err(broken)?;
    for one in &priced {
        for line in lines(one, &groups) {
            out.write_record(line).map_err(broken)?;
        }
    }
    let bytes = out.into_inner().map_err(|error| Error::broken(format!("CSV: {error}")))?;
    String::from_utf8(bytes).map_err(|error| Error::broken(format!("CSV: {error}")))
}

fn lines(of: &Priced, groups: &HashMap<i64, String>) -> Vec<Vec<String>> {
    let mut keys: Vec<(Option<i64>, Option<Currency>)> =
        of.prices.iter().map(|price| (price.group_id, Some(price.currency()))).collect();
    keys.extend(of.fees.iter().map(|(_, fee)| (None, Some(fee.currency))));
    keys.sort();
    keys.dedup();
    if keys.is_empty() {
        keys.push((None, None));
    }
    let group = |id: Option<i64>| id.and_then(|id| groups.get(&id)).map(String::as_str).unwrap_or_default();
    keys.into_iter().map(|(id, currency)| line(of, id, group(id), currency)).collect()
}

fn line(of: &Priced, group_id: Option<i64>, group: &str, currency: Option<Currency>) -> Vec<String> {
    let tld = &of.tld;
    let amount = |amount: Option<Money>| amount.map(Money::decimal).unwrap_or_default();
    let fee = |kind| amount(currency.filter(|_| group_id.is_none()).and_then(|currency| of.fees.of(kind, currency)));
    let mut cells = vec![
        tld.extension.clone(),
        tld.position.to_string(),
        platform::web::lists::csv_cell(&tld.category),
        tld.dns_management.to_string(),
        tld.email_forwarding.to_string(),
        tld.id_protection.to_string(),
        tld.epp_required.to_string(),
        tld.registrar.clone(),
        tld.badge.to_string(),
        tld.spotlight.to_string(),
        tld.allows_idn.to_string(),
        tld.grace_days.to_string(),
        tld.redemption_days.to_string(),
        platform::web::lists::csv_cell(group),
        currency.map(|currency| currency.to_string()).unwrap_or_default(),
        fee(LateFee::Grace),
        fee(LateFee::Redemption),
    ];
    let own = |(_, operation, years)| {
        amount(currency.and_then(|currency| of.prices.own(group_id, currency, operation, years)))
    };
    cells.extend(price_columns().into_iter().map(own));
    cells
}

/// What the lines of one extension say together.
#[derive(Default)]
struct Wanted {
    line: u64,
    edit: TldEdit,
    /// The groups and currencies that lines name, with their prices and fees.
    costs: Vec<Costs>,
}

struct Costs {
    group_id: Option<i64>,
    currency: Currency,
    /// A column that is not there leaves a price as it is.
    prices: Vec<(Operation, u8, Option<Money>)>,
    fees: Vec<(LateFee, Option<Money>)>,
}

struct Reader<'a> {
    columns: HashMap<String, usize>,
    groups: HashMap<String, i64>,
    errors: &'a mut FieldErrors,
    line: u64,
    cells: csv::StringRecord,
}

impl Reader<'_> {
    fn cell(&self, column: &str) -> Option<&str> {
        self.columns.get(column).and_then(|at| self.cells.get(*at)).map(|cell| {
            // What our own file, or a spreadsheet, puts in front of what could be a formula.
            cell.trim().strip_prefix('\'').unwrap_or(cell.trim())
        })
    }

    fn refuse(&mut self, column: &str, message: impl std::fmt::Display) {
        self.errors.add("csv", format!("Line {}, {column}: {message}", self.line));
    }

    fn parsed<T, E: std::fmt::Display>(&mut self, column: &str, parse: impl Fn(&str) -> Result<T, E>) -> Option<T> {
        let text = self.cell(column)?.to_owned();
        match parse(&text) {
            Ok(value) => Some(value),
            Err(why) => {
                self.refuse(column, why);
                None
            }
        }
    }

    /// As [`Reader::parsed`]; an empty cell leaves things as they are.
    fn filled<T, E: std::fmt::Display>(&mut self, column: &str, parse: impl Fn(&str) -> Result<T, E>) -> Option<T> {
        self.cell(column).filter(|text| !text.is_empty())?;
        self.parsed(column, parse)
    }

    fn settings(&mut self) -> TldEdit {
        let number = |text: &str| text.parse::<i64>().map_err(|_| "Write a whole number.");
        let yes = platform::compat::parse_bool;
        TldEdit {
            position: self.filled("position", number),
            category: self.cell("category").map(str::to_owned),
            dns_management: self.filled("dns_management", Offer::parse),
            email_forwarding: self.filled("email_forwarding", Offer::parse),
            id_protection: self.filled("id_protection", Offer::parse),
            epp_required: self.filled("epp_required", yes),
            registrar: self.cell("registrar").map(str::to_owned),
            badge: self.parsed("badge", Badge::parse),
            spotlight: self.filled("spotlight", yes),
            allows_idn: self.filled("allows_idn", yes),
            grace_days: self.filled("grace_days", number),
            redemption_days: self.filled("redemption_days", number),
            ..TldEdit::default()
        }
    }

    fn costs(&mut self) -> Option<Costs> {
        let currency = self.filled("currency", Currency::parse)?;
        let group_id = match self.cell("client_group").unwrap_or_default().to_owned() {
            name if name.is_empty() => None,
            name => match self.groups.get(&name) {
                Some(id) => Some(*id),
                None => {
                    self.refuse("client_group", format!("There is no client group “{name}”."));
                    return None;
                }
            },
        };
        let mut amount = |column: &str| -> Option<Option<Money>> {
            if self.cell(column)?.is_empty() {
                Some(None)
            } else {
                self.parsed(column, |text| Money::parse(text, currency)).map(Some)
            }
        };
        let prices = price_columns()
            .into_iter()
            .filter_map(|(name, operation, years)| Some((operation, years, amount(&name)?)))
            .collect();
        let fees = [("grace_fee", LateFee::Grace), ("redemption_fee", LateFee::Redemption)];
        let fees = fees.into_iter().filter(|_| group_id.is_none());
        let fees = fees.filter_map(|(name, kind)| Some((kind, amount(name)?))).collect();
        Some(Costs { group_id, currency, prices, fees })
    }
}

/// Adds and changes what the file says, all of it or nothing. The same file twice changes nothing the second time.
pub async fn import(tx: &mut Tx, by: &Actor, text: &str, now: Timestamp) -> Result<Imported> {
    let mut errors = FieldErrors::default();
    let wanted = read(tx, text, &mut errors).await?;
    errors.check()?;
    let mut done = Imported::default();
    let mut wrong = FieldErrors::default();
    for (extension, wanted) in wanted {
        let line = wanted.line;
        let result = put(tx, by, &extension, wanted, &mut done, now).await;
        if let Err(Error::Invalid(found)) = result {
            for (field, message) in found.iter() {
                wrong.add("csv", format!("Line {line}, {field}: {message}"));
            }
        } else {
            result?;
        }
        if wrong.iter().count() >= MAX_ERRORS {
            break;
        }
    }
    wrong.check()?;
    Ok(done)
}

async fn read(conn: &mut Conn, text: &str, errors: &mut FieldErrors) -> Result<Vec<(Extension, Wanted)>> {
    let mut csv = csv::ReaderBuilder::new().flexible(true).from_reader(text.trim_start_matches('\u{FEFF}').as_bytes());
    let columns: HashMap<String, usize> = match csv.headers() {
        Ok(names) => names.iter().enumerate().map(|(at, name)| (name.trim().to_lowercase(), at)).collect(),
        Err(error) => return Err(Error::invalid("csv", format!("This is no CSV file: {error}"))),
    };
    if !columns.contains_key("extension") {
        return Err(Error::invalid("csv", "The first line names the columns, and one of them is “extension”."));
    }
    let known = header();
    if let Some(stranger) = columns.keys().filter(|name| !known.contains(name)).min() {
        let columns = known[..17].join(", ");
        let rest = "register_1 to register_10, transfer_1 to transfer_10, renew_1 to renew_9";
        return Err(Error::invalid("csv", format!("There is no column “{stranger}”. Columns: {columns}, {rest}.")));
    }
    let groups = accounts::client_groups::all(conn).await?.into_iter().map(|group| (group.name, group.id)).collect();
    let mut reader = Reader { columns, groups, errors, line: 1, cells: csv::StringRecord::new() };
    let mut order: Vec<Extension> = Vec::new();
    let mut wanted: BTreeMap<Extension, Wanted> = BTreeMap::new();
    for (at, record) in csv.records().enumerate() {
        reader.line = u64::try_from(at).unwrap_or_default() + 2;
        if at >= MAX_LINES {
            return Err(Error::invalid("csv", format!("Import at most {MAX_LINES} lines at a time.")));
        }
        match record {
            Ok(cells) => reader.cells = cells,
            Err(error) => {
                reader.refuse("the line", error);
                break;
            }
        }
        if reader.errors.iter().count() >= MAX_ERRORS {
            break;
        }
        let Some(extension) = reader.parsed("extension", Extension::parse) else { continue };
        let (settings, costs) = (reader.settings(), reader.costs());
        let line = reader.line;
        let entry = wanted.entry(extension.clone()).or_insert_with(|| {
            order.push(extension);
            Wanted { line, edit: settings, costs: Vec::new() }
        });
        entry.costs.extend(costs);
    }
    Ok(order.into_iter().filter_map(|extension| wanted.remove(&extension).map(|wanted| (extension, wanted))).collect())
}

async fn put(
    tx: &mut Tx,
    by: &Actor,
    extension: &Extension,
    wanted: Wanted,
    done: &mut Imported,
    now: Timestamp,
) -> Result<()> {
    let base = match tlds::by_extension(tx, extension).await? {
        Some(tld) => Some(tlds::priced(tx, tld).await?),
        None => None,
    };
    let mut edit = wanted.edit;
    let (mut prices, mut fees) = base.as_ref().map(|one| (one.prices.clone(), one.fees.clone())).unwrap_or_default();
    for costs in &wanted.costs {
        prices = with(&prices, costs);
        for (kind, fee) in &costs.fees {
            fees = fees.with(*kind, costs.currency, *fee);
        }
    }
    if !wanted.costs.is_empty() {
        (edit.prices, edit.fees) = (Some(prices), Some(fees));
    }
    match base {
        Some(base) => {
            let after = tlds::update(tx, by, base.tld.id, &edit, now).await?;
            if after == base { done.unchanged += 1 } else { done.changed += 1 }
        }
        None => {
            edit.extension = Some(extension.to_string());
            tlds::create(tx, by, &edit, now).await?;
            done.added += 1;
        }
    }
    Ok(())
}

fn with(prices: &Prices, costs: &Costs) -> Prices {
    let is_named = |price: &Price| {
        price.group_id == costs.group_id
            && price.currency() == costs.currency
            && costs.prices.iter().any(|(operation, years, _)| *operation == price.operation && *years == price.years)
    };
    let new = costs.prices.iter().filter_map(|(operation, years, amount)| {
        Some(Price { group_id: costs.group_id, operation: *operation, years: *years, amount: (*amount)? })
    });
    prices.with(is_named, new.collect())
}
