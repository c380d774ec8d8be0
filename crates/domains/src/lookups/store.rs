//! The statements about look-ups.

use kernel::{DomainName, Error, Result, Timestamp};
use platform::db::{Conn, Insert, Tx, Value};
use platform::prune::{After, Rubbish};
use platform::web::lists::{Column, Query, Request, Sort, Where};
use platform::{cells, params, record};

use super::{Answer, State};

/// Lines that nobody will ask for any more, for [`platform::prune`].
pub const OLD_LOG: Rubbish = Rubbish {
    name: "lines of the look-up log",
    table: "lookup_log",
    key: "id",
    condition: "at < $1",
    after: After::Days(&crate::settings::KEEP_LOOKUP_LOG),
};

/// Answers that are too old to be used, as [`OLD_LOG`].
pub const OLD_ANSWERS: Rubbish = Rubbish {
    name: "kept answers about names",
    table: "lookup_answers",
    key: "name",
    condition: "at < $1",
    after: After::Days(&crate::settings::KEEP_LOOKUP_LOG),
};

record! {
    #[derive(Debug, Clone, serde::Serialize)]
    pub struct Logged {
        pub id: i64,
        pub name: String,
        pub state: State,
        pub source: String,
        pub asked_by: String,
        pub why: String,
        pub at: Timestamp,
    }
}

pub(super) const SORTS: &[Sort] = &[
    Sort::by("at", &[Column::int("l.at")]).with(&["l.state"]),
    Sort::by("name", &[Column::text("l.name"), Column::int("l.at")]),
];

/// The lines that a list's request asks for: `q` is how the name begins, `state`.
pub(super) fn query(request: &Request) -> Query<'_> {
    let mut all = Where::default();
    if !request.filter("q").is_empty() {
        let lower = request.filter("q").to_lowercase();
        let from = DomainName::parse(&lower).map_or(lower, |name| name.to_string());
        let until = format!("{from}\u{10FFFF}");
        let values = vec![Value::Text(from.into()), Value::Text(until.into())];
        all.by_index_of("l.name", "l.name >= ? AND l.name < ?", values);
    }
    if let Ok(state) = State::parse(request.filter("state")) {
        all.equal("l.state", Value::Text(state.as_str().into()));
    }
    Query { table: "lookup_log l", id: "l.id", joins: "", filter: all }
}

/// What is known of these since then.
pub(super) async fn kept(conn: &mut Conn, names: &[DomainName], since: Timestamp) -> Result<Vec<Answer>> {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let rows: Vec<String> =
        conn.column("SELECT answer FROM lookup_answers WHERE name IN $1[] AND at >= $2", params![names, since]).await?;
    // What an older version has kept and this one cannot read is asked anew.
    Ok(rows.iter().filter_map(|text| serde_json::from_str(text).ok()).collect())
}

/// Keeps what is known; what could not be found out is not kept.
pub(super) async fn keep<'a>(tx: &mut Tx, answers: impl Iterator<Item = &'a Answer>) -> Result<()> {
    let mut texts = Vec::new();
    for answer in answers.filter(|answer| answer.state != State::Unknown) {
        let text = serde_json::to_string(answer).map_err(|error| Error::broken(format!("look-up: {error}")))?;
        texts.push((answer.name.to_string(), text, answer.at));
    }
    let mut rows = Insert::into("lookup_answers", &["name", "answer", "at"])
        .then("ON CONFLICT (name) DO UPDATE SET answer = excluded.answer, at = excluded.at");
    for (name, text, at) in &texts {
        rows.row(cells![name, text, *at]);
    }
    rows.run(tx).await?;
    Ok(())
}

pub(super) async fn log(tx: &mut Tx, answers: &[Answer], by: &str, now: Timestamp) -> Result<()> {
    let names: Vec<String> = answers.iter().map(|answer| answer.name.to_string()).collect();
    let mut rows = Insert::into("lookup_log", &["name", "state", "source", "asked_by", "why", "at"]);
    for (answer, name) in answers.iter().zip(&names) {
        rows.row(cells![name, answer.state, answer.source, by, answer.why, now]);
    }
    rows.run(tx).await?;
    Ok(())
}
