//! The statements about clients.

use std::borrow::Cow;

use kernel::{Currency, Result, Timestamp};
use platform::db::{Conn, Tx, Value, dialect};
use platform::web::lists::Where;
use platform::{params, record};

use super::{Client, ClientStatus, Filter};
use crate::search;

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
    tx.scalar(
        "INSERT INTO clients (uuid, first_name, last_name, company, email, email_lower, address1, address2, city, \
         state, postcode, country, phone, tax_id, currency, default_gateway, group_id, status, language, notes, \
         tax_exempt, no_late_fees, no_overdue_notices, separate_invoices, no_auto_capture, no_auto_status, \
         marketing_opt_in, party_id, search, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, \
         $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31) \
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
            client.updated_at
        ],
    )
    .await
}

pub(super) async fn update(tx: &mut Tx, client: &Client) -> Result<u64> {
    tx.execute(
        "UPDATE clients SET first_name = $2, last_name = $3, company = $4, email = $5, email_lower = $6, \
         address1 = $7, address2 = $8, city = $9, state = $10, postcode = $11, country = $12, phone = $13, \
         tax_id = $14, currency = $15, default_gateway = $16, group_id = $17, status = $18, language = $19, \
         notes = $20, tax_exempt = $21, no_late_fees = $22, no_overdue_notices = $23, separate_invoices = $24, \
         no_auto_capture = $25, no_auto_status = $26, marketing_opt_in = $27, party_id = $28, search = $29, \
         updated_at = $30 WHERE id = $1",
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
            client.updated_at
        ],
    )
    .await
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

fn matching(filter: &Filter) -> Where<'static> {
    let mut clauses = Where::default();
    if let Some(start) = &filter.starts {
        clauses.and("' ' || c.search LIKE ? ESCAPE '\\'", search::word_start(&start.trim().to_lowercase()));
    }
    match filter.text.trim().trim_start_matches('#').parse::<i64>() {
        Ok(id) if id > 0 => clauses.and("(c.id = ? OR c.search LIKE '%' || ? || '%')", Value::Int(id)),
        _ => {
            for word in filter.text.to_lowercase().split_whitespace() {
                clauses.and("c.search LIKE ? ESCAPE '\\'", search::anywhere(word));
            }
        }
    }
    if !filter.statuses.is_empty() {
        let names = filter.statuses.iter().map(|status| status.as_str().to_owned()).collect();
        clauses.and("c.status IN ?[]", Value::Texts(names));
    }
    match filter.group_id {
        Some(0) => clauses.plain("c.group_id IS NULL"),
        Some(id) => clauses.and("c.group_id = ?", Value::Int(id)),
        None => {}
    }
    if let Some(currency) = filter.currency {
        clauses.and("c.currency = ?", Value::Text(Cow::Owned(currency.to_string())));
    }
    if let Some(country) = &filter.country {
        clauses.and("c.country = ?", Value::Text(Cow::Owned(country.clone())));
    }
    clauses
}

pub(super) async fn count(conn: &mut Conn, filter: &Filter, limit: i64) -> Result<i64> {
    let clauses = matching(filter);
    let sql = format!("SELECT COUNT(*) FROM (SELECT 1 FROM clients c {} LIMIT {limit}) AS counted", clauses.sql());
    conn.scalar(&sql, &clauses.params).await
}

/// `order_by` comes from the code, never from the request.
pub(super) async fn list(
    conn: &mut Conn,
    filter: &Filter,
    order_by: &str,
    limit: i64,
    offset: i64,
) -> Result<Vec<Listed>> {
    let mut clauses = matching(filter);
    let next = clauses.next();
    clauses.params.extend([Value::Int(limit), Value::Int(offset)]);
    let sql = format!(
        "SELECT {} FROM clients c {} {order_by} LIMIT ${next} OFFSET ${}",
        Listed::columns("c"),
        clauses.sql(),
        next + 1
    );
    conn.all(&sql, &clauses.params).await
}

/// Ids of at most `limit` matching clients, in their order.
pub(super) async fn ids(conn: &mut Conn, filter: &Filter, limit: i64) -> Result<Vec<i64>> {
    let clauses = matching(filter);
    let sql = format!("SELECT c.id FROM clients c {} ORDER BY c.id LIMIT {limit}", clauses.sql());
    conn.column(&sql, &clauses.params).await
}

/// How many of these clients have which status.
pub(super) async fn statuses(conn: &mut Conn, ids: &[i64]) -> Result<Vec<(ClientStatus, i64)>> {
    conn.all("SELECT status, COUNT(*) FROM clients WHERE id IN $1[] GROUP BY status", params![ids]).await
}
