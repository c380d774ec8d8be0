//! The statements about clients.

use std::borrow::Cow;

use kernel::{Currency, Result, Timestamp};
use platform::db::{Conn, FromRow, Row, Tx, Value, dialect};
use platform::web::lists::{Query, Where};
use platform::{params, record};

use super::{Client, ClientStatus, Filter};
use crate::company;
use crate::search::{self, Kind};

record! {
    /// A line of the list of clients.
    #[derive(Debug, Clone, PartialEq, serde::Serialize)]
    pub struct Listed {
        pub id: i64,
        pub first_name: String,
        pub last_name: String,
        pub company: String,
        pub email: String,
        pub country: String,
        pub currency: Currency,
        pub group_id: Option<i64>,
        pub status: ClientStatus,
        pub created_at: Timestamp,
    }
}

record! {
    /// A currency that is dealt in.
    #[derive(Debug, Clone, PartialEq, serde::Serialize)]
    pub struct Dealt {
        pub id: i64,
        pub code: Currency,
        pub prefix: String,
        pub suffix: String,
        pub is_base: bool,
    }
}

pub(super) async fn lock(tx: &mut Tx, ids: &[i64]) -> Result<Vec<i64>> {
    let sql = format!("SELECT id FROM clients WHERE id IN $1[] ORDER BY id{}", dialect::for_update(tx.engine()));
    tx.column(&sql, params![ids]).await
}

pub(super) async fn find(conn: &mut Conn, id: i64) -> Result<Option<Client>> {
    let sql = format!("SELECT {} FROM clients WHERE id = $1", Client::columns(""));
    conn.optional(&sql, params![id]).await
}

/// A client's row beside what its page says of it: name and colour of its group, the business's time zone.
struct Shown {
    client: Client,
    group: Option<(String, String)>,
    zone: Option<String>,
}

impl FromRow for Shown {
    fn from_row(row: &Row<'_>) -> Result<Shown> {
        let at = Client::COLUMNS.len();
        let group: Option<String> = row.get(at)?;
        let colour: Option<String> = row.get(at + 1)?;
        Ok(Shown { client: Client::from_row(row)?, group: group.zip(colour), zone: row.get(at + 2)? })
    }
}

pub(super) async fn with_group(
    conn: &mut Conn,
    id: i64,
) -> Result<Option<(Client, Option<(String, String)>, Option<String>)>> {
    let sql = format!(
        "SELECT {}, g.name, g.colour, ({}) FROM clients c LEFT JOIN client_groups g ON g.id = c.group_id WHERE c.id = $1",
        Client::columns("c"),
        company::ZONE_SQL
    );
    let found: Option<Shown> = conn.optional(&sql, params![id]).await?;
    Ok(found.map(|shown| (shown.client, shown.group, shown.zone)))
}

pub(super) async fn by_email(conn: &mut Conn, email_lower: &str) -> Result<Option<Client>> {
    let sql = format!("SELECT {} FROM clients WHERE email_lower = $1 ORDER BY id LIMIT 1", Client::columns(""));
    conn.optional(&sql, params![email_lower]).await
}

pub(super) async fn currencies(conn: &mut Conn) -> Result<Vec<Dealt>> {
    let sql = format!("SELECT {} FROM currencies ORDER BY id", Dealt::columns(""));
    conn.all(&sql, params![]).await
}

/// Names and titles of the ways to pay that are in use.
pub(super) async fn gateways(conn: &mut Conn) -> Result<Vec<(String, String)>> {
    conn.all("SELECT name, display_name FROM gateways WHERE active ORDER BY position, name", params![]).await
}

/// Whether anything was ever charged, paid or promised in the client's currency.
pub(super) async fn has_money(conn: &mut Conn, id: i64) -> Result<bool> {
    conn.scalar(
        "SELECT EXISTS (SELECT 1 FROM invoices WHERE client_id = $1) \
         OR EXISTS (SELECT 1 FROM transactions WHERE client_id = $1) \
         OR EXISTS (SELECT 1 FROM credit_movements WHERE client_id = $1) \
         OR EXISTS (SELECT 1 FROM recurring_charges WHERE client_id = $1)",
        params![id],
    )
    .await
}

fn searched(client: &Client) -> String {
    search::text(&[&client.first_name, &client.last_name, &client.company, &client.email])
}

pub(super) async fn insert(tx: &mut Tx, client: &Client) -> Result<i64> {
    let id = insert_row(tx, client).await?;
    search::index(tx, Kind::Client, id, &searched(client)).await?;
    Ok(id)
}

async fn insert_row(tx: &mut Tx, client: &Client) -> Result<i64> {
    tx.scalar(
        "INSERT INTO clients (uuid, first_name, last_name, company, email, email_lower, address1, address2, city, \
         state, postcode, country, phone, tax_id, currency, default_gateway, group_id, status, language, notes, \
         tax_exempt, no_late_fees, no_overdue_notices, separate_invoices, no_auto_capture, no_auto_status, \
         marketing_opt_in, party_id, search, created_at, updated_at, email_preferences) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, \
         $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32) \
         RETURNING id",
        params![
            client.uuid,
            client.first_name,
            client.last_name,
            client.company,
            client.email,
            client.email.to_lowercase(),
            client.address1,
            client.address2,
            client.city,
            client.state,
            client.postcode,
            client.country,
            client.phone,
            client.tax_id,
            client.currency,
            client.default_gateway,
            client.group_id,
            client.status,
            client.language,
            client.notes,
            client.tax_exempt,
            client.no_late_fees,
            client.no_overdue_notices,
            client.separate_invoices,
            client.no_auto_capture,
            client.no_auto_status,
            client.marketing_opt_in,
            client.party_id,
            searched(client),
            client.created_at,
            client.updated_at,
            client.email_preferences
        ],
    )
    .await
}

pub(super) async fn update(tx: &mut Tx, client: &Client) -> Result<()> {
    search::index(tx, Kind::Client, client.id, &searched(client)).await?;
    tx.execute(
        "UPDATE clients SET first_name = $2, last_name = $3, company = $4, email = $5, email_lower = $6, \
         address1 = $7, address2 = $8, city = $9, state = $10, postcode = $11, country = $12, phone = $13, \
         tax_id = $14, currency = $15, default_gateway = $16, group_id = $17, status = $18, language = $19, \
         notes = $20, tax_exempt = $21, no_late_fees = $22, no_overdue_notices = $23, separate_invoices = $24, \
         no_auto_capture = $25, no_auto_status = $26, marketing_opt_in = $27, party_id = $28, search = $29, \
         updated_at = $30, email_preferences = $31 WHERE id = $1",
        params![
            client.id,
            client.first_name,
            client.last_name,
            client.company,
            client.email,
            client.email.to_lowercase(),
            client.address1,
            client.address2,
            client.city,
            client.state,
            client.postcode,
            client.country,
            client.phone,
            client.tax_id,
            client.currency,
            client.default_gateway,
            client.group_id,
            client.status,
            client.language,
            client.notes,
            client.tax_exempt,
            client.no_late_fees,
            client.no_overdue_notices,
            client.separate_invoices,
            client.no_auto_capture,
            client.no_auto_status,
            client.marketing_opt_in,
            client.party_id,
            searched(client),
            client.updated_at,
            client.email_preferences
        ],
    )
    .await?;
    Ok(())
}

/// Closes those that are not closed yet; the ids of these.
pub(super) async fn close(tx: &mut Tx, ids: &[i64], now: Timestamp) -> Result<Vec<i64>> {
    let mut closed: Vec<i64> = tx
        .column(
            "UPDATE clients SET status = 'closed', updated_at = $2 WHERE id IN $1[] AND status <> 'closed' \
             RETURNING id",
            params![ids, now],
        )
        .await?;
    closed.sort_unstable();
    Ok(closed)
}

/// The clients that a filter lets through. Their lines are columns of [`Listed`].
pub(super) async fn query(conn: &mut Conn, filter: &Filter) -> Result<Query<'static>> {
    let mut clauses = Where::default();
    if let Some(start) = &filter.starts {
        search::find_phrase(conn, Kind::Client, start).await?.limit(&mut clauses, "c.id");
    }
    if !filter.text.trim().is_empty() {
        let found = search::find(conn, Kind::Client, &filter.text).await?;
        let found = match filter.text.trim().trim_start_matches('#').parse::<i64>() {
            Ok(id) if id > 0 => found.or_id(id),
            _ => found,
        };
        found.limit(&mut clauses, "c.id");
    }
    match filter.statuses.as_slice() {
        [] => {}
        [status] => clauses.equal("c.status", Value::Text(status.as_str().into())),
        statuses if statuses.len() + 1 == ClientStatus::ALL.len() && !statuses.contains(&ClientStatus::Closed) => {
            clauses.nearly("c.status <> 'closed'");
        }
        statuses => {
            let names = statuses.iter().map(|status| status.as_str().to_owned()).collect();
            clauses.and("c.status IN ?[]", Value::Texts(names));
        }
    }
    match filter.group_id {
        Some(0) => clauses.plain("c.group_id IS NULL"),
        Some(id) => clauses.equal("c.group_id", Value::Int(id)),
        None => {}
    }
    if let Some(currency) = filter.currency {
        clauses.and("c.currency = ?", Value::Text(Cow::Owned(currency.to_string())));
    }
    if let Some(country) = &filter.country {
        clauses.and("c.country = ?", Value::Text(Cow::Owned(country.clone())));
    }
    Ok(Query { table: "clients c", id: "c.id", joins: "", filter: clauses })
}

/// Company, first and last name of these clients.
pub(super) async fn names(conn: &mut Conn, ids: &[i64]) -> Result<Vec<(i64, String, String, String)>> {
    conn.all("SELECT id, company, first_name, last_name FROM clients WHERE id IN $1[]", params![ids]).await
}

record! {
    /// A client as one of those found by some words.
    pub struct Hit {
        pub id: i64,
        pub first_name: String,
        pub last_name: String,
        pub company: String,
        pub email: String,
        pub status: ClientStatus,
    }
}

impl Hit {
    /// Company and person, or the address of somebody without either.
    pub fn title(&self) -> String {
        let person = [self.first_name.as_str(), self.last_name.as_str()].join(" ");
        let parts = [self.company.trim(), person.trim()];
        let title = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ");
        if title.is_empty() { self.email.clone() } else { title }
    }
}

/// The first clients with this id or whose words begin so, by id.
pub(super) async fn found(conn: &mut Conn, text: &str, limit: i64) -> Result<Vec<Hit>> {
    let mut found = search::find(conn, Kind::Client, text).await?;
    if let Ok(id) = text.trim_start_matches('#').parse::<i64>() {
        found = found.or_id(id);
    }
    let mut clauses = Where::default();
    found.limit(&mut clauses, "c.id");
    let sql = format!("SELECT {} FROM clients c {} ORDER BY c.id LIMIT {limit}", Hit::columns("c"), clauses.sql());
    conn.all(&sql, &clauses.params).await
}

/// How many of these clients have which status.
pub(super) async fn statuses(conn: &mut Conn, ids: &[i64]) -> Result<Vec<(ClientStatus, i64)>> {
    conn.all("SELECT status, COUNT(*) FROM clients WHERE id IN $1[] GROUP BY status", params![ids]).await
}
