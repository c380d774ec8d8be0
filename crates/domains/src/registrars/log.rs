//! The registrar log.

use accounts::company;
use kernel::{Result, Timestamp};
use platform::db::{Tx, Value};
use platform::prune::{After, Rubbish};
use platform::web::lists::{Column, Query, Request, Sort, Where};
use platform::{jiff::tz::TimeZone, params, record};

/// Longer answers are cut: what matters of one stands at its beginning.
const LONGEST: usize = 20_000;

/// One line.
pub struct Line<'a> {
    pub registrar: &'a str,
    pub what: &'a str,
    pub ok: bool,
    /// Empty for none.
    pub domain: &'a str,
    /// What was asked and answered, secrets masked by the module.
    pub detail: String,
}

pub async fn write(tx: &mut Tx, line: Line<'_>, now: Timestamp) -> Result<()> {
    let detail: String = line.detail.chars().filter(|c| *c != '\0').take(LONGEST).collect();
    let result = if line.ok { "answer" } else { "error" };
    tx.execute(
        "INSERT INTO registrar_log (registrar, what, result, domain, detail, at) VALUES ($1, $2, $3, $4, $5, $6)",
        params![line.registrar, line.what, result, line.domain, detail, now],
    )
    .await?;
    Ok(())
}

/// Lines that nobody will ask for any more, for [`platform::prune`].
pub const OLD_LOG: Rubbish = Rubbish {
    name: "lines of the registrar log",
    table: "registrar_log",
    key: "id",
    condition: "at < $1",
    after: After::Days(&crate::settings::KEEP_REGISTRAR_LOG),
};

record! {
    #[derive(Debug, Clone, serde::Serialize)]
    pub struct Logged {
        pub id: i64,
        pub registrar: String,
        pub what: String,
        pub result: String,
        pub domain: String,
        pub detail: String,
        pub at: Timestamp,
    }
}

pub const SORTS: &[Sort] = &[Sort::by("at", &[Column::int("l.at")]).with(&["l.registrar", "l.domain"])];

/// The lines that a list's request asks for: `registrar`, `result`, `domain`, `q`.
pub fn query(request: &Request) -> Query<'_> {
    let mut all = Where::default();
    for (column, name) in [("l.registrar", "registrar"), ("l.domain", "domain")] {
        if !request.filter(name).is_empty() {
            all.equal(column, Value::Text(request.filter(name).into()));
        }
    }
    if !request.filter("result").is_empty() {
        all.and("l.result = ?", Value::Text(request.filter("result").into()));
    }
    if !request.filter("q").is_empty() {
        let pattern = format!("%{}%", like(&request.filter("q").to_lowercase()));
        all.and("LOWER(l.detail) LIKE ? ESCAPE '\\'", Value::Text(pattern.into()));
    }
    Query { table: "registrar_log l", id: "l.id", joins: "", filter: all }
}

fn like(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

pub fn when(at: Timestamp, zone: &TimeZone) -> String {
    company::clock(at, zone)
}
