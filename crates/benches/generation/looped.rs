//! The floor *loop*: client by client in Rust, without rules, locks or safety against running twice. 500 clients a
//! transaction; one query reads their charges, many-row inserts write.

use std::fmt::Write;

use innkeeper_benches::raw::{Raw, Rows, Value, text};
use innkeeper_benches::w1::{PERIODS, TODAY, UNTIL, now};
use sha2::{Digest, Sha256};

const CLIENTS: usize = 500;

/// A due charge with what an invoice needs to know of its client.
struct Due {
    client: i64,
    party: i64,
    charge: i64,
    owner: i64,
    description: String,
    amount: i64,
    on: String,
    gateway: String,
    currency: String,
}

/// The ids given out so far.
struct Ids {
    invoice: i64,
}

pub async fn run(raw: &mut Raw) {
    let mut clients = Vec::new();
    raw.query(
        "SELECT DISTINCT client_id FROM recurring_charges WHERE billable AND next_invoice_on <= $1 ORDER BY client_id",
        &[text(UNTIL)],
        |row| clients.push(row.int(0)),
    )
    .await;
    let mut ids = Ids { invoice: 0 };
    raw.execute("INSERT INTO number_series (name, period, next) VALUES ('invoice', '', 1)", &[]).await;
    for block in clients.chunks(CLIENTS) {
        raw.batch("BEGIN").await;
        let due = read(raw, block[0], block[block.len() - 1]).await;
        write(raw, &due, &mut ids).await;
        raw.batch("COMMIT").await;
    }
}

async fn read(raw: &mut Raw, first: i64, last: i64) -> Vec<Due> {
    let mut due = Vec::with_capacity(2 * CLIENTS);
    raw.query(
        "SELECT r.client_id, c.party_id, r.id, r.owner_id, r.description, r.amount, r.next_invoice_on, r.gateway, \
         r.currency FROM clients c JOIN recurring_charges r ON r.client_id = c.id \
         WHERE c.id BETWEEN $1 AND $2 AND r.billable AND r.next_invoice_on <= $3 ORDER BY r.client_id, r.id",
        &[Value::Int(first), Value::Int(last), text(UNTIL)],
        |row| {
            due.push(Due {
                client: row.int(0),
                party: row.int(1),
                charge: row.int(2),
                owner: row.int(3),
                description: row.text(4).to_owned(),
                amount: row.int(5),
                on: row.text(6).to_owned(),
                gateway: row.text(7).to_owned(),
                currency: row.text(8).to_owned(),
            });
        },
    )
    .await;
    due
}

async fn write(raw: &mut Raw, due: &[Due], ids: &mut Ids) {
    let micros = Value::Int(now().micros());
    let mut invoices = Rows::of("invoices", &INVOICES);
    let mut lines = Rows::of("invoice_lines", &LINES);
    let mut periods =
        Rows::of("billed_periods", &["charge_id", "period_from", "period_until", "invoice_id", "settled"]);
    let mut entries = Rows::of("ledger_entries", &["id", "source", "kind", "client_id", "booked_on", "created_at"]);
    let mut postings = Rows::of(
        "ledger_postings",
        &["entry_id", "position", "account", "detail", "client_id", "invoice_id", "currency", "amount"],
    );
    let mut jobs = Rows::of(
        "jobs",
        &["kind", "payload", "unique_key", "subject", "state", "run_at", "attempts", "max_attempts", "created_at"],
    );
    for charges in due.chunk_by(|left, right| left.client == right.client && left.on == right.on) {
        ids.invoice += 1;
        let id = ids.invoice;
        let first = &charges[0];
        let number = format!("2026-{id}");
        let net: i64 = charges.iter().map(|charge| charge.amount).sum();
        let tax = (net * 20 + 50) / 100;
        let until = end_of(&first.on);
        let last_day: i64 = until[8..].parse::<i64>().unwrap() - 1;
        let mut document = format!("{number}|{}|{}|{net}|{tax}", first.client, first.on);
        for (charge, position) in charges.iter().zip(1i64..) {
            let description = format!("{} ({} - {}{last_day})", charge.description, charge.on, &until[..8]);
            let _ = write!(document, "|{}|{description}|{}", charge.charge, charge.amount);
            periods.add([
                Value::Int(charge.charge),
                text(charge.on.as_str()),
                text(until),
                Value::Int(id),
                Value::Bool(false),
            ]);
            lines.add([
                Value::Int(id),
                Value::Int(position),
                text("service"),
                Value::Int(charge.charge),
                text("service"),
                Value::Int(charge.owner),
                text(description),
                Value::Int(1),
                Value::Int(charge.amount),
                Value::Bool(true),
                text("standard"),
                Value::Int(charge.amount),
                Value::Int((charge.amount * 20 + 50) / 100),
                Value::Int(0),
                text(charge.on.as_str()),
                text(until),
            ]);
        }
        let mut hash = String::with_capacity(64);
        for byte in Sha256::digest(document.as_bytes()) {
            let _ = write!(hash, "{byte:02x}");
        }
        invoices.add([
            Value::Int(id),
            Value::Int(first.client),
            text("unpaid"),
            text("invoice"),
            text(""),
            Value::Int(id),
            text(number),
            text(first.currency.as_str()),
            text(TODAY),
            text(first.on.as_str()),
            Value::Int(1),
            Value::Int(first.party),
            text("VAT"),
            Value::Int(200_000),
            text(""),
            Value::Int(0),
            Value::Int(net),
            Value::Int(tax),
            Value::Int(0),
            Value::Int(net + tax),
            text(hash),
            text(first.gateway.as_str()),
            Value::Int(net + tax),
            Value::Int(0),
            text(""),
            text("generation"),
            micros.clone(),
            micros.clone(),
        ]);
        entries.add([
            Value::Int(id),
            text(format!("invoice:{id}")),
            text("invoice"),
            Value::Int(first.client),
            text(TODAY),
            micros.clone(),
        ]);
        for (position, account, amount) in [(1, "receivable", net + tax), (2, "revenue", -net), (3, "tax", -tax)] {
            postings.add([
                Value::Int(id),
                Value::Int(position),
                text(account),
                text(""),
                Value::Int(first.client),
                Value::Int(id),
                text(first.currency.as_str()),
                Value::Int(amount),
            ]);
        }
        jobs.add([
            text("billing.mail_invoice_created"),
            text(format!("{{\"invoice\":{id}}}")),
            text(format!("invoice_created:{id}")),
            text(format!("invoice:{id}")),
            text("ready"),
            micros.clone(),
            Value::Int(0),
            Value::Int(12),
            micros.clone(),
        ]);
    }
    for rows in [&invoices, &lines, &periods, &entries, &postings, &jobs] {
        raw.insert(rows).await;
    }
    advance(raw, due).await;
    raw.execute("UPDATE number_series SET next = $1 WHERE name = 'invoice'", &[Value::Int(ids.invoice + 1)]).await;
}

const MOVES: [usize; 3] = [100, 10, 1];

async fn advance(raw: &mut Raw, due: &[Due]) {
    let mut rest = due;
    for count in MOVES {
        let row = |row: usize| format!("(CAST(${} AS BIGINT), ${})", row * 2 + 1, row * 2 + 2);
        let rows: Vec<String> = (0..count).map(row).collect();
        let sql = format!(
            "UPDATE recurring_charges SET next_invoice_on = moved.column2, remaining = remaining - 1 \
             FROM (VALUES {}) AS moved WHERE recurring_charges.id = moved.column1",
            rows.join(", ")
        );
        while rest.len() >= count {
            let (block, tail) = rest.split_at(count);
            let mut values = Vec::with_capacity(2 * count);
            for charge in block {
                values.push(Value::Int(charge.charge));
                values.push(text(end_of(&charge.on)));
            }
            raw.execute(&sql, &values).await;
            rest = tail;
        }
    }
}

fn end_of(from: &str) -> &'static str {
    PERIODS.iter().find(|(start, _)| *start == from).unwrap().1
}

const INVOICES: [&str; 28] = [
    "id",
    "client_id",
    "status",
    "series",
    "series_period",
    "series_number",
    "number",
    "currency",
    "issued_on",
    "due_on",
    "seller_id",
    "buyer_id",
    "tax_name1",
    "tax_rate1",
    "tax_name2",
    "tax_rate2",
    "subtotal",
    "tax1",
    "tax2",
    "total",
    "document_hash",
    "gateway",
    "balance",
    "credit_applied",
    "notes",
    "source",
    "created_at",
    "updated_at",
];

const LINES: [&str; 16] = [
    "invoice_id",
    "position",
    "kind",
    "charge_id",
    "owner_kind",
    "owner_id",
    "description",
    "quantity",
    "amount",
    "taxed",
    "tax_category",
    "net",
    "tax1",
    "tax2",
    "period_from",
    "period_until",
];
