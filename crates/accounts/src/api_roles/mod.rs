//! API roles: which compatible actions and operations of the JSON API a credential may be used for. A credential without
//! one may do whatever its administrator may; with one, what both allow.
//!
//! What must hold: a credential that is bound to a role never manages credentials or roles, whatever was ticked, because it
//! could free itself: [`Deeds`] does not offer those. A role that a credential has is not deleted.

pub mod admin;
pub mod api;
mod store;
#[cfg(test)]
mod tests;

use kernel::{Error, FieldErrors, Result, Timestamp, single_line};
use platform::db::{Conn, Tx};
use platform::record;

use crate::activity_log::{self, Activity, Actor, Change};
use crate::api_credentials::{self, MANAGE};
use crate::doors::Routes;

pub use store::all;

record! {
    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
    pub struct ApiRole {
        pub id: i64,
        pub name: String,
        pub created_at: Timestamp,
        /// How many things it allows.
        pub allows: i64,
        /// Credentials that have it and are not revoked.
        pub credentials: i64,
    }
}

/// One thing that an API does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// As it is stored: `getclients`, `GET /clients/{id}`.
    pub key: String,
    /// As people read it: `GetClients`, `GET /clients/{id}: One client`.
    pub label: String,
}

/// What roles can allow, by area.
#[derive(Debug, Clone, Default)]
pub struct Deeds(pub Vec<(String, Vec<Deed>)>);

/// What would let a credential take off its own bonds.
const NEVER: [&str; 2] = ["/api-credentials", "/api-roles"];

impl Deeds {
    pub fn of(routes: &Routes) -> Deeds {
        let mut deeds = Deeds::default();
        for operation in &routes.operations {
            if operation.method != "GET" && NEVER.iter().any(|path| operation.path.starts_with(path)) {
                continue;
            }
            let key = operation_key(operation.method, operation.path);
            let label = format!("{key}: {}", operation.summary);
            deeds.add(operation.tag, Deed { key, label });
        }
        for action in &routes.actions {
            let looks = action.name.starts_with("Get") || action.name.starts_with("List");
            let area = if looks { "Compatible actions that look" } else { "Compatible actions that do" };
            deeds.add(area, Deed { key: action.name.to_lowercase(), label: action.name.to_owned() });
        }
        for (_, all) in &mut deeds.0 {
            all.sort_by(|left, right| left.label.cmp(&right.label));
        }
        deeds.0.sort_by(|left, right| left.0.cmp(&right.0));
        deeds
    }

    fn add(&mut self, area: &str, deed: Deed) {
        match self.0.iter_mut().find(|(name, _)| name == area) {
            Some((_, deeds)) => deeds.push(deed),
            None => self.0.push((area.to_owned(), vec![deed])),
        }
    }

    pub fn find(&self, key: &str) -> Option<&Deed> {
        self.0.iter().flat_map(|(_, deeds)| deeds).find(|deed| deed.key == key)
    }
}

/// How an operation of the JSON API is stored.
pub fn operation_key(method: &str, path: &str) -> String {
    format!("{method} {path}")
}

/// What a credential is told whose role does not allow a thing.
pub fn refusal(key: &str) -> Error {
    Error::Barred(if key.contains(' ') {
        format!("The role of this API credential does not allow {key}.")
    } else {
        format!("Invalid Permissions: API action \"{key}\" is not allowed")
    })
}

/// A role as it was written.
#[derive(Debug, Clone, Default)]
pub struct NewRole {
    pub name: String,
    /// Keys of [`Deeds`]. Compatible actions may be written in any letter case.
    pub allowed: Vec<String>,
}

impl NewRole {
    fn checked(self, deeds: &Deeds) -> Result<NewRole> {
        let mut errors = FieldErrors::default();
        let name = errors.take("name", single_line(&self.name, 60)).unwrap_or_default();
        if name.is_empty() && errors.is_empty() {
            errors.add("name", "Enter a name.");
        }
        let mut allowed = Vec::with_capacity(self.allowed.len());
        for written in &self.allowed {
            let key = if written.contains(' ') { written.clone() } else { written.to_lowercase() };
            match deeds.find(&key) {
                Some(deed) => allowed.push(deed.key.clone()),
                None => {
                    let shown: String = written.chars().take(80).collect();
                    errors.add("allowed", format!("A role cannot allow “{shown}”: see what can be ticked."));
                }
            }
        }
        allowed.sort_unstable();
        allowed.dedup();
        errors.check()?;
        Ok(NewRole { name, allowed })
    }
}

fn taken(name: &str) -> Error {
    Error::invalid("name", format!("There is an API role “{name}” already."))
}

pub async fn find(conn: &mut Conn, id: i64) -> Result<ApiRole> {
    store::find(conn, id).await?.ok_or(Error::NotFound("API role"))
}

/// The keys of what a role allows.
pub async fn allowed(conn: &mut Conn, id: i64) -> Result<Vec<String>> {
    store::allowed(conn, id).await
}

pub async fn create(tx: &mut Tx, by: &Actor, new: NewRole, deeds: &Deeds, now: Timestamp) -> Result<ApiRole> {
    by.require(MANAGE)?;
    let new = new.checked(deeds)?;
    let Some(id) = store::insert(tx, &new.name, now).await? else { return Err(taken(&new.name)) };
    store::allow(tx, id, &new.allowed).await?;
    let text = format!("API role “{}” added: it allows {}", new.name, things(new.allowed.len()));
    activity_log::record(tx, by, Activity::new(text).about(subject(id)), now).await?;
    find(tx, id).await
}

/// Replaces a role. What it no longer allows is refused from the next request on.
pub async fn update(tx: &mut Tx, by: &Actor, id: i64, new: NewRole, deeds: &Deeds, now: Timestamp) -> Result<ApiRole> {
    by.require(MANAGE)?;
    let old = find(tx, id).await?;
    let before = store::allowed(tx, id).await?;
    let new = new.checked(deeds)?;
    if store::named(tx, &new.name).await?.is_some_and(|other| other != id) {
        return Err(taken(&new.name));
    }
    if new.allowed.iter().any(|key| !before.contains(key)) {
        api_credentials::check_holders(tx, by, id).await?;
    }
    let changes = differences(&old.name, &before, &new);
    if !changes.is_empty() {
        store::rename(tx, id, &new.name).await?;
        store::allow(tx, id, &new.allowed).await?;
        let activity = Activity::new(format!("API role “{}” changed", new.name));
        activity_log::record(tx, by, activity.about(subject(id)).changed(changes), now).await?;
    }
    find(tx, id).await
}

fn differences(name: &str, before: &[String], new: &NewRole) -> Vec<Change> {
    let mut changes: Vec<Change> = activity_log::changes([("Name", name.to_owned(), new.name.clone())]);
    let missing = |these: &[String], others: &[String]| -> String {
        these.iter().filter(|key| !others.contains(key)).cloned().collect::<Vec<_>>().join(", ")
    };
    let (gone, come) = (missing(before, &new.allowed), missing(&new.allowed, before));
    if !gone.is_empty() || !come.is_empty() {
        changes.push(Change { field: "Allowed".to_owned(), old: gone, new: come });
    }
    changes
}

/// Takes away a role that no credential has.
pub async fn delete(tx: &mut Tx, by: &Actor, id: i64, now: Timestamp) -> Result<()> {
    by.require(MANAGE)?;
    let role = find(tx, id).await?;
    if role.credentials > 0 {
        return Err(Error::refused(format!(
            "{} API credential{} the role “{}”. Give them another one or revoke them first.",
            role.credentials,
            if role.credentials == 1 { " has" } else { "s have" },
            role.name
        )));
    }
    store::delete(tx, id).await?;
    let activity = Activity::new(format!("API role “{}” deleted", role.name));
    activity_log::record(tx, by, activity.about(subject(id)), now).await
}

fn things(count: usize) -> String {
    if count == 1 { "one thing".to_owned() } else { format!("{count} things") }
}

fn subject(id: i64) -> String {
    format!("api_role:{id}")
}
