//! Who did what, and what changed. Written in the transaction of the change itself, so there is no change without it.

pub mod admin;
pub mod api;
pub mod compat;
pub mod seals;
mod store;
#[cfg(test)]
mod tests;
mod trail;

use std::collections::HashSet;
use std::sync::Arc;

use kernel::{Error, Result, Timestamp, nonempty, single_line};
use platform::db::{Conn, Insert, Tx};
use platform::{cells, params, record};

use crate::roles::Permission;

pub use store::{COLUMNS, Listed, SORTS, query};
pub use trail::{Trail, trail};

pub const VIEW: Permission = Permission("View Activity Log");
/// Writes entries that nothing else has written, in the own name.
pub const ADD: Permission = Permission("Add Activity Log Entries");

kernel::text_enum! {
    pub enum ActorKind {
        Admin = "admin",
        Api = "api",
        Client = "client",
        /// Somebody who is logged in to the client area.
        User = "user",
        System = "system",
    }
}
platform::enum_column!(ActorKind);

/// On whose behalf something happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub kind: ActorKind,
    pub id: Option<i64>,
    pub name: String,
    pub ip: String,
    pub rights: Rights,
    /// In whose place staff do it: the user whose client area they have opened.
    pub behalf: Option<String>,
}

/// What an actor may do. Rules ask it where doors with different permissions lead to the same deed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rights {
    /// The system, whoever has the command line, and what follows from something that was allowed.
    Everything,
    These(Arc<HashSet<String>>),
}

/// Which entries a list shows; the default shows all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Words that all occur in the description.
    pub text: String,
    pub client_id: Option<i64>,
    /// Part of the name of whoever did it.
    pub actor: String,
    /// Staff, an API client, …
    pub kind: Option<ActorKind>,
    /// What it is about, such as `invoice:17`.
    pub subject: String,
    pub ip: String,
    /// From this instant on.
    pub from: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
}

impl Actor {
    pub fn system(name: &str) -> Actor {
        let (kind, rights) = (ActorKind::System, Rights::Everything);
        Actor { kind, id: None, name: name.to_owned(), ip: String::new(), rights, behalf: None }
    }

    /// Whoever is at that address.
    pub fn nobody(ip: &str) -> Actor {
        Actor { ip: ip.to_owned(), ..Actor::system("Nobody") }
    }

    /// A client at a door of its own, who has no permission of staff.
    pub fn client(id: i64) -> Actor {
        let (kind, rights) = (ActorKind::Client, Rights::These(Arc::default()));
        Actor { kind, id: Some(id), name: "Client".to_owned(), ip: String::new(), rights, behalf: None }
    }

    /// A user of the client area, who has no permission of staff.
    pub fn user(id: i64, email: &str, ip: &str) -> Actor {
        let (kind, rights) = (ActorKind::User, Rights::These(Arc::default()));
        Actor { kind, id: Some(id), name: email.to_owned(), ip: ip.to_owned(), rights, behalf: None }
    }

    /// Staff who look at the client area as a user: may do there what the user may, and is named with it.
    pub fn staff_as(admin_id: i64, admin: &str, email: &str, ip: &str) -> Actor {
        let (kind, rights) = (ActorKind::Admin, Rights::These(Arc::default()));
        let (name, behalf) = (admin.to_owned(), Some(email.to_owned()));
        Actor { kind, id: Some(admin_id), name, ip: ip.to_owned(), rights, behalf }
    }

    pub fn may(&self, permission: Permission) -> bool {
        match &self.rights {
            Rights::Everything => true,
            Rights::These(names) => names.contains(permission.0),
        }
    }

    /// As [`Actor::may`], of a permission whose name is only known from the database.
    pub fn has(&self, name: &str) -> bool {
        match &self.rights {
            Rights::Everything => true,
            Rights::These(names) => names.contains(name),
        }
    }

    pub fn require(&self, permission: Permission) -> Result<()> {
        if self.may(permission) { Ok(()) } else { Err(Error::Forbidden(permission.0)) }
    }

    /// The same name for what follows by rule from a deed that was allowed: a refund's credit note asks for no other
    /// permission than the refund did.
    pub fn in_consequence(&self) -> Actor {
        Actor { rights: Rights::Everything, ..self.clone() }
    }

    /// The compatible API's admin id: 0 for the system.
    pub fn admin_id(&self) -> i64 {
        match self.kind {
            ActorKind::Admin | ActorKind::Api => self.id.unwrap_or_default(),
            _ => 0,
        }
    }
}

/// One field that changed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Change {
    pub field: String,
    pub old: String,
    pub new: String,
}

/// What stands in the log for a secret.
pub const MASK: &str = "(secret)";

/// A change of a secret: that there was one and that there is one, and nothing of either.
pub fn masked(field: &str, old: Option<&str>, new: Option<&str>) -> Change {
    let mask = |secret: Option<&str>| secret.filter(|text| !text.is_empty()).map_or("", |_| MASK).to_owned();
    Change { field: field.to_owned(), old: mask(old), new: mask(new) }
}

/// The fields that differ, each as text.
pub fn changes<const N: usize>(fields: [(&str, String, String); N]) -> Vec<Change> {
    fields
        .into_iter()
        .filter(|(_, old, new)| old != new)
        .map(|(field, old, new)| Change { field: field.to_owned(), old, new })
        .collect()
}

/// What happened, to whom.
#[derive(Debug, Clone, Default)]
pub struct Activity {
    pub client_id: Option<i64>,
    /// `invoice:17`, `service:4` …
    pub subject: Option<String>,
    pub description: String,
    pub changes: Vec<Change>,
}

impl Activity {
    pub fn new(description: impl Into<String>) -> Activity {
        Activity { description: description.into(), ..Activity::default() }
    }

    pub fn client(mut self, id: i64) -> Activity {
        self.client_id = Some(id);
        self
    }

    pub fn about(mut self, subject: impl Into<String>) -> Activity {
        self.subject = Some(subject.into());
        self
    }

    pub fn changed(mut self, changes: Vec<Change>) -> Activity {
        self.changes = changes;
        self
    }
}

pub async fn record(tx: &mut Tx, by: &Actor, activity: Activity, now: Timestamp) -> Result<()> {
    record_all(tx, by, &[activity], now).await
}

/// Many entries in few statements, for batches.
pub async fn record_all(tx: &mut Tx, by: &Actor, activities: &[Activity], now: Timestamp) -> Result<()> {
    let changes: Vec<String> = activities
        .iter()
        .map(|activity| serde_json::to_string(&activity.changes).unwrap_or_else(|_| "[]".to_owned()))
        .collect();
    let mut rows = Insert::into(
        "activity_log",
        &[
            "at",
            "actor_kind",
            "actor_id",
            "actor_name",
            "ip",
            "client_id",
            "subject",
            "description",
            "changes",
            "behalf",
        ],
    );
    for (activity, changes) in activities.iter().zip(&changes) {
        rows.row(cells![
            now,
            by.kind,
            by.id,
            by.name,
            by.ip,
            activity.client_id,
            activity.subject,
            activity.description,
            changes,
            by.behalf
        ]);
    }
    rows.run(tx).await?;
    Ok(())
}

record! {
    #[derive(Debug, Clone, serde::Serialize)]
    pub struct Entry {
        pub id: i64,
        pub at: Timestamp,
        pub actor_kind: ActorKind,
        pub actor_id: Option<i64>,
        pub actor_name: String,
        pub ip: String,
        pub client_id: Option<i64>,
        pub subject: Option<String>,
        pub description: String,
        pub changes: String,
        pub behalf: Option<String>,
    }
}

/// The last entries about a subject.
pub async fn about(conn: &mut Conn, subject: &str) -> Result<Vec<Entry>> {
    let sql = format!("SELECT {} FROM activity_log WHERE subject = $1 ORDER BY id DESC LIMIT 50", Entry::columns(""));
    conn.all(&sql, params![subject]).await
}

/// The last entries about a client.
pub async fn of_client(conn: &mut Conn, client_id: i64, limit: i64) -> Result<Vec<Entry>> {
    let columns = Entry::columns("");
    let sql =
        format!("SELECT {columns} FROM activity_log WHERE client_id = $1 ORDER BY at DESC, id DESC LIMIT {limit}");
    conn.all(&sql, params![client_id]).await
}

impl Entry {
    /// Who did it, and in whose place.
    pub fn who(&self) -> String {
        let Entry { actor_name, behalf, .. } = self;
        behalf.as_ref().map_or_else(|| actor_name.clone(), |email| format!("{actor_name} (as owner {email})"))
    }

    pub fn changes(&self) -> Vec<Change> {
        parse_changes(&self.changes)
    }
}

/// What was written by another version is shown without its changes rather than not at all.
fn parse_changes(stored: &str) -> Vec<Change> {
    serde_json::from_str(stored).unwrap_or_default()
}

/// The longest note that a caller may write into the log.
const NOTE: usize = 2_000;

/// Writes down what a caller says has happened.
pub async fn note(tx: &mut Tx, by: &Actor, client_id: Option<i64>, text: &str, now: Timestamp) -> Result<()> {
    let text = single_line(text, NOTE).map_err(|message| Error::invalid("description", message))?;
    let Some(text) = nonempty(&text) else { return Err(Error::invalid("description", "Enter what has happened.")) };
    let mut activity = Activity::new(text);
    if let Some(id) = client_id {
        crate::clients::find(tx, id).await?;
        activity = activity.client(id).about(format!("client:{id}"));
    }
    record(tx, by, activity, now).await
}
