//! TLD sync: a registrar's price list becomes prices of ours, after somebody has looked at it.
//!
//! What must hold:
//! - Fetching changes no price. What is imported is what the page showed: the list is kept, and prices are worked out again
//!   from it in the transaction that imports.
//! - All that is chosen is imported, or nothing; the same import twice changes nothing the second time.
//! - By itself only a price moves that is sold already and stays within the limit.

pub mod admin;
pub mod api;
pub mod jobs;
pub mod proposal;
mod store;
#[cfg(test)]
mod tests;

use accounts::activity_log::{self, Activity, Actor};
use billing::currencies;
use hosting::edit as write;
use kernel::{Error, FieldErrors, Result, Timestamp};
use platform::App;
use platform::db::{Conn, Tx};
use platform::record;
use rust_decimal::Decimal;

use crate::registrars::contract::{Ability, Cost};
use crate::registrars::{self, Line as Logged, SetUp};
use crate::tlds::{self, Filter, TldEdit};
use proposal::{Daily, Market, Options, Row, Verdict};

pub use crate::tlds::CONFIGURE;
pub use store::OLD_LISTS;

record! {
    /// A list as a registrar gave it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct List {
        pub id: i64,
        pub registrar: String,
        pub items: i64,
        pub fetched_at: Timestamp,
    }
}

/// What an import does, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    pub added: usize,
    pub changed: usize,
    pub unchanged: usize,
}

/// The registrars whose lists can be fetched.
pub async fn sources(conn: &mut Conn, app: &App) -> Result<Vec<SetUp>> {
    let mut able = Vec::new();
    for one in registrars::active(conn).await? {
        if let Ok((module, account)) = registrars::account(conn, app, &one).await
            && module.abilities(&account).contains(&Ability::PriceList)
        {
            able.push(one);
        }
    }
    Ok(able)
}

pub async fn latest(conn: &mut Conn) -> Result<Vec<List>> {
    store::latest(conn).await
}

pub async fn find(conn: &mut Conn, id: i64) -> Result<List> {
    store::find(conn, id).await?.ok_or(Error::NotFound("Price list"))
}

/// How this registrar's costs become prices.
pub async fn options(conn: &mut Conn, registrar: &str) -> Result<Options> {
    match store::options(conn, registrar).await? {
        Some(text) => serde_json::from_str(&text).map_err(|error| Error::broken(format!("TLD sync options: {error}"))),
        None => Ok(Options::default()),
    }
}

/// Notes what makes no sense.
fn check(options: &Options, errors: &mut FieldErrors) {
    let mut within = |name: &str, value: Decimal, most: i64| {
        if value < Decimal::ZERO || value > Decimal::from(most) || value.scale() > 4 {
            errors.add(name, format!("Enter a number from 0 to {most}, with at most four decimals."));
        }
    };
    within("margin", options.margin, 1_000_000);
    within("min_margin", options.min_margin, 1_000_000);
    within("hold_above", options.hold_above, 1000);
}

pub async fn set_options(tx: &mut Tx, by: &Actor, registrar: &str, options: &Options, now: Timestamp) -> Result<()> {
    let mut errors = FieldErrors::default();
    check(options, &mut errors);
    errors.check()?;
    let known = registrars::by_name(tx, registrar).await?;
    let of = known.ok_or_else(|| Error::invalid("registrar", "There is no registrar of this name."))?;
    let before = self::options(tx, registrar).await?;
    let changes = write::differences(described(&before), described(options));
    if store::options(tx, registrar).await?.is_some() && changes.is_empty() {
        return Ok(());
    }
    let text = serde_json::to_string(options).map_err(|error| Error::broken(format!("TLD sync options: {error}")))?;
    store::set_options(tx, registrar, &text).await?;
    if changes.is_empty() {
        return Ok(());
    }
    let activity = Activity::new(format!("TLD sync with “{}” changed", of.title)).about(format!("registrar:{}", of.id));
    activity_log::record(tx, by, activity.changed(changes), now).await
}

fn described(of: &Options) -> Vec<(&'static str, String)> {
    vec![
        ("margin_kind", of.margin_kind.to_string()),
        ("margin", of.margin.normalize().to_string()),
        ("ending", of.ending.to_string()),
        ("min_margin", of.min_margin.normalize().to_string()),
        ("hold_above", of.hold_above.normalize().to_string()),
        ("set_registrar", write::yes(of.set_registrar)),
        ("late", write::yes(of.late)),
        ("daily", of.daily.to_string()),
    ]
}

/// Asks the registrar for its list and keeps it. Talks to the registrar; no transaction is open meanwhile.
pub async fn fetch(app: &App, registrar: &str) -> Result<List> {
    let mut conn = app.db.read().await?;
    let known = registrars::by_name(&mut conn, registrar).await?.filter(|one| one.active);
    let of = known.ok_or_else(|| Error::invalid("registrar", "There is no active registrar of this name."))?;
    let (module, account) = registrars::account(&mut conn, app, &of).await?;
    drop(conn);
    let answer = module.price_list(&account).await;
    let now = app.clock.now();
    let mut tx = app.db.write().await?;
    let (ok, detail) = match &answer {
        Ok(costs) => (true, format!("{} extensions", costs.len())),
        Err(error) => (false, error.to_string()),
    };
    let line = Logged { registrar: &of.name, what: "price_list", ok, domain: "", detail };
    registrars::log_line(&mut tx, line, now).await?;
    let list = match &answer {
        Ok(costs) => Some(store::insert(&mut tx, &of.name, costs, now).await?),
        Err(_) => None,
    };
    tx.commit().await?;
    match (list, answer) {
        (Some(list), _) => Ok(list),
        (None, Err(error)) => Err(Error::refused(format!("{}: {error}", of.title))),
        (None, Ok(_)) => Err(Error::broken("a price list was fetched and not kept")),
    }
}

/// What the list would make of our prices as they are now.
pub async fn rows(conn: &mut Conn, list: &List, options: &Options) -> Result<Vec<Row>> {
    let costs: Vec<Cost> = store::costs(conn, list.id).await?;
    let ours = tlds::all(conn, &Filter::default()).await?;
    let ours = tlds::priced_many(conn, ours).await?;
    let dealt = currencies::all(conn).await?;
    proposal::rows(&costs, &ours, &Market::new(&dealt)?, options)
}

/// Which rows of a list are imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    /// These, held or not.
    Extensions(Vec<String>),
    /// What is sold already and stays within the limit.
    WithinLimits,
}

impl Chosen {
    fn takes(&self, row: &Row) -> bool {
        match self {
            Chosen::Extensions(names) => names.iter().any(|name| name == row.extension.as_str()),
            Chosen::WithinLimits => row.verdict == Verdict::Changed,
        }
    }
}

/// Makes the chosen rows' prices ours, all of them or none.
pub async fn import(
    tx: &mut Tx,
    by: &Actor,
    list: &List,
    options: &Options,
    chosen: &Chosen,
    now: Timestamp,
) -> Result<Imported> {
    let rows = rows(tx, list, options).await?;
    let mut errors = FieldErrors::default();
    if let Chosen::Extensions(names) = chosen {
        for name in names {
            match rows.iter().find(|row| row.extension.as_str() == name) {
                None => errors.add("extensions", format!("“{name}” is not in the list.")),
                Some(row) => {
                    if let Verdict::Wrong(why) = &row.verdict {
                        errors.add("extensions", format!("{}: {}", row.extension.shown(), why.join(" ")));
                    }
                }
            }
        }
    }
    errors.check()?;
    let mut done = Imported::default();
    for row in rows.iter().filter(|row| row.importable() && chosen.takes(row)) {
        put(tx, by, list, options, row, &mut done, now).await?;
    }
    Ok(done)
}

async fn put(
    tx: &mut Tx,
    by: &Actor,
    list: &List,
    options: &Options,
    row: &Row,
    done: &mut Imported,
    now: Timestamp,
) -> Result<()> {
    let edit = TldEdit {
        epp_required: Some(row.epp_required),
        registrar: options.set_registrar.then(|| list.registrar.clone()),
        grace_days: Some(row.grace_days),
        redemption_days: Some(row.redemption_days),
        prices: Some(row.prices.clone()),
        fees: Some(row.fees.clone()),
        ..TldEdit::default()
    };
    match row.tld_id {
        Some(id) => {
            let tld = tlds::find(tx, id).await?;
            let before = tlds::priced(tx, tld).await?;
            let after = tlds::update(tx, by, id, &edit, now).await?;
            if before == after { done.unchanged += 1 } else { done.changed += 1 }
        }
        None => {
            let edit = TldEdit { extension: Some(row.extension.to_string()), ..edit };
            tlds::create(tx, by, &edit, now).await?;
            done.added += 1;
        }
    }
    Ok(())
}

/// The registrars that are looked at once a day, and how.
pub async fn daily(conn: &mut Conn, app: &App) -> Result<Vec<(SetUp, Daily)>> {
    let mut all = Vec::new();
    for one in sources(conn, app).await? {
        let daily = options(conn, &one.name).await?.daily;
        if daily != Daily::Off {
            all.push((one, daily));
        }
    }
    Ok(all)
}
