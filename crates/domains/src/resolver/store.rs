//! The statements about runs of the domain resolver.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use kernel::{DomainName, Result, Timestamp};
use platform::db::{Conn, Insert, Tx, Value};
use platform::prune::{After, Rubbish};
use platform::web::lists::{Column, Query, Request, Sort, Where};
use platform::{cells, params, record};

use super::judge::{Sight, Signed};

/// Rows of runs that nobody looks at any more, for [`platform::prune`].
pub const OLD_NAMES: Rubbish = Rubbish {
    name: "names that were resolved",
    table: "resolved_names",
    key: "id",
    condition: "at < $1",
    after: After::Days(&crate::settings::KEEP_RESOLVED),
};

/// The service that has a name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    pub service_id: Option<i64>,
    pub client_id: Option<i64>,
    /// Those that the service has to itself.
    pub addresses: Vec<IpAddr>,
}

/// What was found out about a name.
pub struct New {
    pub name: String,
    pub target: Target,
    pub points: Sight,
    pub mail: Sight,
    pub servers: Sight,
    pub dnssec: Signed,
    pub answers: String,
}

record! {
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Row {
        pub id: i64,
        pub name: String,
        pub service_id: Option<i64>,
        pub client_id: Option<i64>,
        pub points: Sight,
        pub mail: Sight,
        pub servers: Sight,
        pub dnssec: Signed,
        pub answers: String,
        pub at: Timestamp,
    }
}

const LIVE: &str = "status IN ('active', 'suspended') AND domain <> ''";

pub(super) async fn service_count(conn: &mut Conn) -> Result<i64> {
    conn.scalar(&format!("SELECT COUNT(DISTINCT domain) FROM services WHERE {LIVE}"), params![]).await
}

/// The services by their names; of several with the same name the newest. What is no name is left out.
pub(super) async fn services(conn: &mut Conn) -> Result<BTreeMap<String, Target>> {
    let sql =
        format!("SELECT id, client_id, domain, dedicated_ip, assigned_ips FROM services WHERE {LIVE} ORDER BY id");
    let rows: Vec<(i64, i64, String, String, String)> = conn.all(&sql, params![]).await?;
    let mut all = BTreeMap::new();
    for (id, client_id, domain, dedicated, assigned) in rows {
        let Ok(name) = DomainName::parse(&domain) else { continue };
        let words = dedicated.split_whitespace().chain(assigned.split([',', ' ', '\n', '\r']));
        let addresses = words.filter_map(|word| word.trim().parse().ok()).collect();
        all.insert(name.to_string(), Target { service_id: Some(id), client_id: Some(client_id), addresses });
    }
    Ok(all)
}

pub(super) async fn names_of(conn: &mut Conn, run_id: i64) -> Result<HashSet<String>> {
    let names: Vec<String> = conn.column("SELECT name FROM resolved_names WHERE run_id = $1", params![run_id]).await?;
    Ok(names.into_iter().collect())
}

pub(super) async fn insert(tx: &mut Tx, run_id: i64, rows: &[New], now: Timestamp) -> Result<()> {
    let columns =
        &["run_id", "name", "service_id", "client_id", "points", "mail", "servers", "dnssec", "answers", "at"];
    // A worker that has lost the run to another one may write the same names.
    let mut insert = Insert::into("resolved_names", columns).then("ON CONFLICT DO NOTHING");
    for row in rows {
        insert.row(cells![
            run_id,
            row.name,
            row.target.service_id,
            row.target.client_id,
            row.points,
            row.mail,
            row.servers,
            row.dnssec,
            row.answers,
            now
        ]);
    }
    insert.run(tx).await?;
    Ok(())
}

/// How many names of a run lead where.
pub(super) async fn points(conn: &mut Conn, run_id: i64) -> Result<BTreeMap<Sight, usize>> {
    let sql = "SELECT points, COUNT(*) FROM resolved_names WHERE run_id = $1 GROUP BY points";
    let rows: Vec<(Sight, i64)> = conn.all(sql, params![run_id]).await?;
    Ok(rows.into_iter().map(|(sight, count)| (sight, usize::try_from(count).unwrap_or_default())).collect())
}

pub(super) const SORTS: &[Sort] =
    &[Sort::by("id", &[]).with(&["r.run_id"]), Sort::by("name", &[Column::text("r.name")]).with(&["r.run_id"])];

/// The rows of a run that a list's request asks for: `points`, `mail`, `servers`, `dnssec`, `q`.
pub(super) fn query(run_id: i64, request: &Request) -> Query<'_> {
    let mut all = Where::default();
    all.equal("r.run_id", Value::Int(run_id));
    for (column, name) in [("r.points", "points"), ("r.mail", "mail"), ("r.servers", "servers")] {
        if let Ok(sight) = Sight::parse(request.filter(name)) {
            all.and(&format!("{column} = ?"), Value::Text(sight.as_str().into()));
        }
    }
    if let Ok(signed) = Signed::parse(request.filter("dnssec")) {
        all.and("r.dnssec = ?", Value::Text(signed.as_str().into()));
    }
    if !request.filter("q").is_empty() {
        let lower = request.filter("q").to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        all.and("r.name LIKE ? ESCAPE '\\'", Value::Text(format!("%{lower}%").into()));
    }
    Query { table: "resolved_names r", id: "r.id", joins: "", filter: all }
}
