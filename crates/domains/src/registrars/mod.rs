//! Registrars: the accounts through which domains are registered.
//!
//! What must hold: a secret of a registrar is only in `secrets`, encrypted; it is written, never shown, and never sent to
//! another address than the one it was entered for. A registrar that domains or extensions name can be switched off, but not
//! taken away. What is asked of one and what it answers is in the registrar log, without secrets.

pub mod admin;
pub mod api;
pub mod compat;
mod configure;
pub mod contract;
mod log;
#[cfg(test)]
pub mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use accounts::activity_log::{self, Activity, Actor};
use accounts::doors::Routes;
use accounts::roles::Permission;
use kernel::{Error, FieldErrors, Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::{App, params, record, secrets};

pub use configure::{Configure, add, configure};
pub use contract::{Account, Registrar, RegistrarError};
pub use log::{Line, OLD_LOG, write as log_line};

pub const CONFIGURE: Permission = Permission("Configure Domain Registrars");

pub fn routes() -> Routes {
    admin::routes().merge(api::routes()).merge(compat::routes())
}

/// Every registrar module of the program.
#[derive(Clone, Default)]
pub struct Registrars(Vec<Arc<dyn Registrar>>);

impl Registrars {
    pub fn new(all: Vec<Arc<dyn Registrar>>) -> Registrars {
        Registrars(all)
    }

    pub fn all(&self) -> &[Arc<dyn Registrar>] {
        &self.0
    }

    pub fn find(&self, module: &str) -> Result<Arc<dyn Registrar>> {
        self.0.iter().find(|one| one.module() == module).cloned().ok_or_else(|| {
            let names: Vec<&str> = self.0.iter().map(|one| one.module()).collect();
            Error::invalid("module", format!("There is no registrar module “{module}”. Modules: {}.", names.join(", ")))
        })
    }
}

record! {
    /// A registrar as it is set up here.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SetUp {
        pub id: i64,
        /// In settings and in the API; it stays.
        pub name: String,
        pub module: String,
        /// What staff call it.
        pub title: String,
        pub active: bool,
        pub config: String,
    }
}

impl SetUp {
    /// What its open fields hold.
    pub fn values(&self) -> Result<BTreeMap<String, String>> {
        serde_json::from_str(&self.config).map_err(|error| Error::broken(format!("registrar {}: {error}", self.name)))
    }

    fn subject(&self) -> String {
        format!("registrar:{}", self.id)
    }
}

pub async fn all(conn: &mut Conn) -> Result<Vec<SetUp>> {
    let sql = format!("SELECT {} FROM registrars ORDER BY title, id", SetUp::columns(""));
    conn.all(&sql, params![]).await
}

/// Those that orders may go to.
pub async fn active(conn: &mut Conn) -> Result<Vec<SetUp>> {
    Ok(all(conn).await?.into_iter().filter(|registrar| registrar.active).collect())
}

pub async fn find(conn: &mut Conn, id: i64) -> Result<SetUp> {
    let sql = format!("SELECT {} FROM registrars WHERE id = $1", SetUp::columns(""));
    conn.optional(&sql, params![id]).await?.ok_or(Error::NotFound("Registrar"))
}

pub async fn by_name(conn: &mut Conn, name: &str) -> Result<Option<SetUp>> {
    let sql = format!("SELECT {} FROM registrars WHERE name = $1", SetUp::columns(""));
    conn.optional(&sql, params![name]).await
}

/// Notes it when nothing can be ordered through a registrar of this name. Empty is nobody, and fine.
pub async fn check(conn: &mut Conn, name: &str, errors: &mut FieldErrors) -> Result<()> {
    if name.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = active(conn).await?.into_iter().map(|registrar| registrar.name).collect();
    if names.is_empty() {
        errors.add("registrar", "No registrar is active. Set one up first, or choose none.");
    } else if !names.iter().any(|known| known == name) {
        let names = names.join(", ");
        errors.add("registrar", format!("There is no active registrar of this name. Use {names}, or none."));
    }
    Ok(())
}

/// The account with its secrets, for a call of its module.
pub async fn account(conn: &mut Conn, app: &App, of: &SetUp) -> Result<(Arc<dyn Registrar>, Account)> {
    let module = app.get::<Registrars>()?.find(&of.module)?;
    let mut values = of.values()?;
    for field in module.fields() {
        if field.kind.is_secret() {
            if let Some(secret) = secrets::get(conn, &app.vault, &place(of.id, field.key)).await? {
                values.insert(field.key.to_owned(), secret);
            }
        } else if !field.default.is_empty() {
            values.entry(field.key.to_owned()).or_insert_with(|| field.default.to_owned());
        }
    }
    Ok((module, Account::new(&of.name, values)))
}

fn place(id: i64, key: &str) -> String {
    format!("registrars:{id}:{key}")
}

/// The secret fields that have a value.
pub async fn secrets_set(conn: &mut Conn, module: &dyn Registrar, id: i64) -> Result<Vec<&'static str>> {
    let mut set = Vec::new();
    for field in module.fields().iter().filter(|field| field.kind.is_secret()) {
        if secrets::exists(conn, &place(id, field.key)).await? {
            set.push(field.key);
        }
    }
    Ok(set)
}

/// Takes a registrar away that nothing names.
pub async fn delete(tx: &mut Tx, app: &App, by: &Actor, id: i64, now: Timestamp) -> Result<()> {
    let gone = find(tx, id).await?;
    let tlds: i64 = tx.scalar("SELECT COUNT(*) FROM tlds WHERE registrar = $1", params![gone.name]).await?;
    if tlds > 0 {
        let words = if tlds == 1 { "One TLD sends".to_owned() } else { format!("{tlds} TLDs send") };
        return Err(Error::refused(format!(
            "{words} orders to “{}”. Choose another registrar there first.",
            gone.title
        )));
    }
    if let Ok(module) = app.get::<Registrars>()?.find(&gone.module) {
        for field in module.fields().iter().filter(|field| field.kind.is_secret()) {
            secrets::remove(tx, &place(id, field.key)).await?;
        }
    }
    tx.execute("DELETE FROM registrars WHERE id = $1", params![id]).await?;
    let activity = Activity::new(format!("Registrar “{}” deleted", gone.title)).about(gone.subject());
    activity_log::record(tx, by, activity, now).await
}

/// Asks a registrar whether the account works, and logs it. Nothing is changed by it.
pub async fn test(app: &App, id: i64) -> Result<Result<String, RegistrarError>> {
    let mut conn = app.db.read().await?;
    let of = find(&mut conn, id).await?;
    let (module, account) = account(&mut conn, app, &of).await?;
    drop(conn);
    let answer = module.test(&account).await;
    let mut tx = app.db.write().await?;
    let detail = answer.clone().unwrap_or_else(|error| error.to_string());
    let line = Line { registrar: &of.name, what: "test", ok: answer.is_ok(), domain: "", detail };
    log::write(&mut tx, line, app.clock.now()).await?;
    tx.commit().await?;
    Ok(answer)
}
