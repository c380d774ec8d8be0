//! Who did what, and what changed. Written in the transaction of the change itself, so there is no change without it.

use kernel::{Result, Timestamp};
use platform::db::{Conn, Insert, Tx};
use platform::{cells, params, record};

kernel::text_enum! {
    pub enum ActorKind {
        Admin = "admin",
        Api = "api",
        Client = "client",
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
}

impl Actor {
    pub fn system(name: &str) -> Actor {
        Actor { kind: ActorKind::System, id: None, name: name.to_owned(), ip: String::new() }
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
        &["at", "actor_kind", "actor_id", "actor_name", "ip", "client_id", "subject", "description", "changes"],
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
            changes
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
    }
}

/// The last entries about a subject.
pub async fn about(conn: &mut Conn, subject: &str) -> Result<Vec<Entry>> {
    let sql = format!("SELECT {} FROM activity_log WHERE subject = $1 ORDER BY id DESC LIMIT 50", Entry::columns(""));
    conn.all(&sql, params![subject]).await
}
