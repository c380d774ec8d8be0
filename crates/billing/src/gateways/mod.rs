//! Ways to be paid: which exist, which are switched on, how they are configured.
//!
//! What must hold: a secret of a gateway is only in `secrets`, encrypted; it is written, never shown, and never sent to
//! another address than the one it was entered for. What is asked of a gateway and what it answers is in the gateway log,
//! without secrets.

pub mod addresses;
pub mod admin;
pub mod api;
pub mod card_numbers;
pub mod compat;
pub mod contract;
pub mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use accounts::activity_log::{self, Activity, Actor, Change};
use accounts::doors::{Permission, Routes};
use kernel::{Error, FieldErrors, Result, Timestamp, single_line};
use platform::db::{Conn, Insert, Tx};
use platform::prune::{After, Rubbish};
use platform::{App, cells, params, record, secrets};

pub use contract::*;

use crate::settings;

pub const CONFIGURE: Permission = Permission("Configure Payment Gateways");
pub const VIEW_LOG: Permission = Permission("View Gateway Log");

pub fn routes() -> Routes {
    admin::routes().merge(api::routes()).merge(compat::routes())
}

/// Every gateway module of the program.
#[derive(Clone)]
pub struct Gateways(Vec<Arc<dyn Gateway>>);

impl Gateways {
    pub fn new(all: Vec<Arc<dyn Gateway>>) -> Gateways {
        Gateways(all)
    }

    pub fn all(&self) -> &[Arc<dyn Gateway>] {
        &self.0
    }

    /// What staff call the gateway of this name, without asking the database. One that is gone is called by its name.
    pub fn title<'a>(&self, name: &'a str) -> &'a str {
        self.0.iter().find(|gateway| gateway.name() == name).map_or(name, |gateway| gateway.display_name())
    }

    pub fn find(&self, name: &str) -> Result<Arc<dyn Gateway>> {
        self.0.iter().find(|gateway| gateway.name() == name).cloned().ok_or_else(|| {
            let names: Vec<&str> = self.0.iter().map(|gateway| gateway.name()).collect();
            Error::invalid("gateway", format!("There is no gateway “{name}”. Gateways: {}.", names.join(", ")))
        })
    }
}

record! {
    /// A gateway as it is set up here.
    #[derive(Debug, Clone, serde::Serialize)]
    pub struct SetUp {
        pub name: String,
        pub display_name: String,
        pub active: bool,
        pub position: i64,
        pub config: String,
    }
}

impl SetUp {
    /// What its open fields hold.
    pub fn values(&self) -> Result<BTreeMap<String, String>> {
        serde_json::from_str(&self.config).map_err(|error| Error::broken(format!("gateway {}: {error}", self.name)))
    }
}

/// The modules that are not among those set up. The sandbox moves no money and would be refused in production.
pub fn addable(app: &App, set_up: &[SetUp]) -> Result<Vec<Arc<dyn Gateway>>> {
    let new = |module: &&Arc<dyn Gateway>| {
        !set_up.iter().any(|gateway| gateway.name == module.name()) && (module.name() != "sandbox" || app.sandbox)
    };
    Ok(app.get::<Gateways>()?.all().iter().filter(new).cloned().collect())
}

/// The gateways that need no account with anybody: a new installation has them.
pub async fn seed(tx: &mut Tx) -> Result<()> {
    let mut rows = Insert::into("gateways", &["name", "display_name", "active", "position", "config"]);
    rows.row(cells!["banktransfer", "Bank Transfer", true, 1i64, "{}"]);
    rows.row(cells!["mailin", "Mail In Payment", true, 2i64, "{}"]);
    rows.run(tx).await.map(|_| ())
}

pub async fn all(conn: &mut Conn) -> Result<Vec<SetUp>> {
    let sql = format!("SELECT {} FROM gateways ORDER BY position, name", SetUp::columns(""));
    conn.all(&sql, params![]).await
}

/// What staff and clients call the gateway of this name. One that is gone is called by its name.
pub fn title<'a>(known: &'a [SetUp], name: &'a str) -> &'a str {
    known.iter().find(|gateway| gateway.name == name).map_or(name, |gateway| gateway.display_name.as_str())
}

/// Those that clients and orders may use.
pub async fn active(conn: &mut Conn) -> Result<Vec<SetUp>> {
    Ok(all(conn).await?.into_iter().filter(|gateway| gateway.active).collect())
}

/// The active gateway of this name, or an error that lists the choices.
pub async fn require_active(conn: &mut Conn, field: &str, name: &str) -> Result<SetUp> {
    let active = active(conn).await?;
    let names: Vec<String> = active.iter().map(|gateway| gateway.name.clone()).collect();
    active.into_iter().find(|gateway| gateway.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
        Error::invalid(field, format!("Invalid Payment Method. Valid options include {}", names.join(", ")))
    })
}

/// The gateway of this name, switched on or not: money may still arrive by one that is off.
pub async fn require_known(conn: &mut Conn, field: &str, name: &str) -> Result<SetUp> {
    let known = all(conn).await?;
    let names: Vec<String> = known.iter().map(|gateway| gateway.name.clone()).collect();
    known.into_iter().find(|gateway| gateway.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
        Error::invalid(field, format!("Invalid Payment Method. Valid options include {}", names.join(", ")))
    })
}

/// The configuration with its secrets, for a call of the gateway.
pub async fn config(conn: &mut Conn, app: &App, gateway: &dyn Gateway) -> Result<GatewayConfig> {
    let stored: Option<(String,)> =
        conn.optional("SELECT config FROM gateways WHERE name = $1", params![gateway.name()]).await?;
    let mut values: BTreeMap<String, String> = match stored {
        Some((text,)) => serde_json::from_str(&text)
            .map_err(|error| Error::broken(format!("gateway {}: {error}", gateway.name())))?,
        None => BTreeMap::new(),
    };
    for field in gateway.fields() {
        if field.secret {
            if let Some(secret) = secrets::get(conn, &app.vault, &place(gateway.name(), field.key)).await? {
                values.insert(field.key.to_owned(), secret);
            }
        } else if !field.default.is_empty() {
            values.entry(field.key.to_owned()).or_insert_with(|| field.default.to_owned());
        }
    }
    Ok(GatewayConfig(values))
}

fn place(gateway: &str, key: &str) -> String {
    format!("gateways:{gateway}:{key}")
}

const LONGEST_NAME: usize = 100;
/// Of an open field's value, which may be a text with several lines.
const LONGEST_VALUE: usize = 5000;

/// What staff say of a gateway. What is not named stays as it is.
#[derive(Default, Clone)]
pub struct Configure {
    pub display_name: Option<String>,
    pub active: Option<bool>,
    pub values: Vec<(String, String)>,
    pub secrets: Vec<(String, String)>,
}

/// Sets a gateway up, and switches it on unless told otherwise.
pub async fn configure(tx: &mut Tx, app: &App, by: &Actor, name: &str, new: Configure, now: Timestamp) -> Result<()> {
    let gateway = app.get::<Gateways>()?.find(name)?;
    if gateway.name() == "sandbox" && !app.sandbox {
        return Err(Error::refused(
            "The sandbox gateway moves no money. It works only in a database made with: innkeeper init --sandbox",
        ));
    }
    let mut errors = FieldErrors::default();
    let named =
        new.display_name.as_deref().and_then(|name| errors.take("display_name", single_line(name, LONGEST_NAME)));
    for (key, value) in &new.values {
        if !gateway.fields().iter().any(|field| field.key == key && !field.secret) {
            errors.add(key, format!("{} has no such open field. {}", gateway.display_name(), field_list(&*gateway)));
        } else if value.chars().count() > LONGEST_VALUE {
            errors.add(key, format!("Write at most {LONGEST_VALUE} characters."));
        }
    }
    for (key, value) in &new.secrets {
        if !gateway.fields().iter().any(|field| field.key == key && field.secret) {
            errors.add(key, format!("{} has no such secret field. {}", gateway.display_name(), field_list(&*gateway)));
        } else if value.trim().is_empty() {
            errors.add(key, "The secret is empty.");
        }
    }
    errors.check()?;
    let before: Option<(String, bool, String)> =
        tx.optional("SELECT display_name, active, config FROM gateways WHERE name = $1", params![name]).await?;
    let old: BTreeMap<String, String> =
        before.as_ref().and_then(|(_, _, text)| serde_json::from_str(text).ok()).unwrap_or_default();
    let mut values = old.clone();
    values.extend(new.values.iter().cloned());
    let stored = secrets_set(tx, app, &*gateway).await?;
    addresses::check(&*gateway, &old, &values, &stored, &new.secrets, app.sandbox)?;
    for (key, value) in &new.secrets {
        secrets::set(tx, &app.vault, &app.random, &place(name, key), value.trim(), now).await?;
    }
    let active = new.active.unwrap_or(true);
    if active {
        for field in gateway.fields().iter().filter(|field| field.required) {
            let set = if field.secret {
                secrets::get(tx, &app.vault, &place(name, field.key)).await?.is_some()
            } else {
                values.get(field.key).is_some_and(|value| !value.is_empty()) || !field.default.is_empty()
            };
            if !set {
                return Err(Error::invalid(field.key, format!("{} is required.", field.label)));
            }
        }
    }
    let display = named
        .filter(|name| !name.is_empty())
        .or_else(|| before.map(|(display, _, _)| display))
        .unwrap_or_else(|| gateway.display_name().to_owned());
    let config = serde_json::to_string(&values).map_err(|error| Error::broken(format!("gateway: {error}")))?;
    tx.execute(
        "INSERT INTO gateways (name, display_name, active, position, config) \
         VALUES ($1, $2, $3, (SELECT COALESCE(MAX(position), 0) + 1 FROM gateways), $4) \
         ON CONFLICT (name) DO UPDATE SET display_name = excluded.display_name, active = excluded.active, \
         config = excluded.config",
        params![name, display, active, config],
    )
    .await?;
    let replaced: Vec<&str> = new.secrets.iter().map(|(key, _)| key.as_str()).collect();
    let state = if active { "on" } else { "off" };
    let secrets = if replaced.is_empty() { String::new() } else { format!("; secrets: {}", replaced.join(", ")) };
    let activity = Activity::new(format!("Gateway {name} set up, switched {state}{secrets}"));
    let activity = activity.about(format!("gateway:{name}")).changed(differences(&old, &values));
    activity_log::record(tx, by, activity, now).await
}

/// The open fields that changed. Secrets are not among them.
fn differences(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Vec<Change> {
    let of = |values: &BTreeMap<String, String>, key: &str| values.get(key).cloned().unwrap_or_default();
    new.keys()
        .map(|key| Change { field: key.clone(), old: of(old, key), new: of(new, key) })
        .filter(|change| change.old != change.new)
        .collect()
}

/// Which way a gateway moves in the order in which clients see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    Up,
    Down,
}

/// Changes places with the neighbour. At the end of the list nothing happens.
pub async fn rearrange(tx: &mut Tx, by: &Actor, name: &str, towards: Move, now: Timestamp) -> Result<()> {
    let mut names: Vec<String> = all(tx).await?.into_iter().map(|gateway| gateway.name).collect();
    let at = names.iter().position(|known| known == name).ok_or(Error::NotFound("Gateway"))?;
    let to = match towards {
        Move::Up => at.checked_sub(1),
        Move::Down => Some(at + 1).filter(|to| *to < names.len()),
    };
    let Some(to) = to else { return Ok(()) };
    names.swap(at, to);
    for (position, name) in (1i64..).zip(&names) {
        tx.execute("UPDATE gateways SET position = $2 WHERE name = $1", params![name, position]).await?;
    }
    let activity = Activity::new(format!("Order of payment gateways: {}", names.join(", ")));
    activity_log::record(tx, by, activity.about(format!("gateway:{name}")), now).await
}

/// The secret fields that have a value.
pub async fn secrets_set(conn: &mut Conn, app: &App, gateway: &dyn Gateway) -> Result<Vec<&'static str>> {
    let mut set = Vec::new();
    for field in gateway.fields().iter().filter(|field| field.secret) {
        if secrets::get(conn, &app.vault, &place(gateway.name(), field.key)).await?.is_some() {
            set.push(field.key);
        }
    }
    Ok(set)
}

fn field_list(gateway: &dyn Gateway) -> String {
    let fields: Vec<&str> = gateway.fields().iter().map(|field| field.key).collect();
    if fields.is_empty() { "It has no fields.".to_owned() } else { format!("Fields: {}.", fields.join(", ")) }
}

/// Lines of the gateway log that nobody will ask for any more, for [`platform::prune`].
pub const OLD_LOG: Rubbish = Rubbish {
    name: "lines of the gateway log",
    table: "gateway_log",
    key: "id",
    condition: "at < $1",
    after: After::Days(&settings::KEEP_GATEWAY_LOG),
};

/// One line of the gateway log.
pub struct LogLine<'a> {
    pub gateway: &'a str,
    pub what: &'a str,
    pub result: &'a str,
    pub client_id: Option<i64>,
    pub invoice_id: Option<i64>,
    pub detail: String,
}

/// Writes a line. Should a provider ever repeat a card number, it is not kept.
pub async fn log(tx: &mut Tx, line: LogLine<'_>, now: Timestamp) -> Result<()> {
    let detail: String = card_numbers::redacted(&line.detail).chars().take(4000).collect();
    tx.execute(
        "INSERT INTO gateway_log (gateway, what, result, client_id, invoice_id, detail, at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        params![line.gateway, line.what, line.result, line.client_id, line.invoice_id, detail, now],
    )
    .await?;
    Ok(())
}
