//! SQL of credit notes.

use accounts::clients;
use kernel::{Currency, Date, Result};
use platform::db::{Conn, Insert, Tx};
use platform::web::lists::{Query, Sort, Where};
use platform::{cells, params, record};

use super::{CreditNote, NoteLine};

pub(super) const SORTS: &[Sort] = &[Sort::by("id", &[])];
/// The columns of [`Listed`].
pub(super) const LISTED: &str = "n.id, n.number, n.invoice_id, i.number, n.client_id, c.first_name, c.last_name, \
    c.company, n.issued_on, n.currency, n.total, n.reason";

record! {
    pub(super) struct Listed {
        pub id: i64,
        pub number: String,
        pub invoice_id: i64,
        pub invoice_number: Option<String>,
        pub client_id: i64,
        pub first_name: String,
        pub last_name: String,
        pub company: String,
        pub issued_on: Date,
        pub currency: Currency,
        pub total: i64,
        pub reason: String,
    }
}

impl Listed {
    pub(super) fn client(&self) -> String {
        clients::name(&self.company, &self.first_name, &self.last_name)
    }
}

/// All notes: columns of [`Listed`].
pub(super) fn listed() -> Query<'static> {
    Query {
        table: "credit_notes n",
        id: "n.id",
        joins: "JOIN invoices i ON i.id = n.invoice_id JOIN clients c ON c.id = n.client_id",
        filter: Where::default(),
    }
}

pub(super) async fn find(conn: &mut Conn, id: i64) -> Result<Option<CreditNote>> {
    let sql = format!("SELECT {} FROM credit_notes WHERE id = $1", CreditNote::columns(""));
    conn.optional(&sql, params![id]).await
}

pub(super) async fn lines(conn: &mut Conn, note_id: i64) -> Result<Vec<NoteLine>> {
    let sql = format!("SELECT {} FROM credit_note_lines WHERE note_id = $1 ORDER BY position", NoteLine::columns(""));
    conn.all(&sql, params![note_id]).await
}

pub(super) async fn of_invoice(conn: &mut Conn, invoice_id: i64) -> Result<Vec<CreditNote>> {
    let sql = format!("SELECT {} FROM credit_notes WHERE invoice_id = $1 ORDER BY id", CreditNote::columns(""));
    conn.all(&sql, params![invoice_id]).await
}

/// The notes on an invoice, each with its lines.
pub(super) async fn with_lines(conn: &mut Conn, invoice_id: i64) -> Result<Vec<(CreditNote, Vec<NoteLine>)>> {
    let sql = format!(
        "SELECT {}, {} FROM credit_notes n JOIN credit_note_lines l ON l.note_id = n.id WHERE n.invoice_id = $1 \
         ORDER BY n.id, l.position",
        CreditNote::columns("n"),
        NoteLine::columns("l")
    );
    let mut found: Vec<(CreditNote, Vec<NoteLine>)> = Vec::new();
    conn.each(&sql, params![invoice_id], |row| {
        let note = CreditNote::from_row_at(row, 0)?;
        let line = NoteLine::from_row_at(row, CreditNote::COLUMNS.len())?;
        match found.last_mut() {
            Some((last, lines)) if last.id == note.id => lines.push(line),
            _ => found.push((note, vec![line])),
        }
        Ok(())
    })
    .await?;
    Ok(found)
}

/// The lines of all notes on an invoice.
pub(super) async fn credited(conn: &mut Conn, invoice_id: i64) -> Result<Vec<NoteLine>> {
    let sql = format!(
        "SELECT {} FROM credit_note_lines l JOIN credit_notes n ON n.id = l.note_id WHERE n.invoice_id = $1",
        NoteLine::columns("l")
    );
    conn.all(&sql, params![invoice_id]).await
}

pub(super) async fn insert(
    tx: &mut Tx,
    note: &CreditNote,
    lines: &[NoteLine],
    series: &str,
    period: &str,
    series_number: i64,
) -> Result<()> {
    tx.execute(
        "INSERT INTO credit_notes (id, client_id, invoice_id, series, series_period, series_number, number, reason, \
         currency, issued_on, seller_id, buyer_id, subtotal, tax1, tax2, total, document_hash, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
        params![
            note.id,
            note.client_id,
            note.invoice_id,
            series,
            period,
            series_number,
            note.number,
            note.reason,
            note.currency,
            note.issued_on,
            note.seller_id,
            note.buyer_id,
            note.subtotal,
            note.tax1,
            note.tax2,
            note.total,
            note.document_hash,
            note.created_at
        ],
    )
    .await?;
    let mut rows = Insert::into(
        "credit_note_lines",
        &["note_id", "position", "invoice_line_id", "description", "tax_category", "net", "tax1", "tax2"],
    );
    for line in lines {
        rows.row(cells![
            line.note_id,
            line.position,
            line.invoice_line_id,
            line.description,
            line.tax_category,
            line.net,
            line.tax1,
            line.tax2
        ]);
    }
    rows.run(tx).await?;
    Ok(())
}
