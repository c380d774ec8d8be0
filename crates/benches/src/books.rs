//! The data set of the pages: the clients and services of W1 with a history of invoices.
//!
//! Each client has four services and the same number of invoices, one a month up to April 2026. An invoice has 1.33 lines
//! and was paid by bank transfer, but for three tenths of the last month's. The newest fifth of the invoices have a
//! mail, a finished job and an entry in the activity log; older ones have been tidied away.

use platform::{Db, Engine};

use crate::raw::Raw;
use crate::w1::{self, now, numbers};

#[derive(Debug, Clone, Copy)]
pub struct Books {
    pub clients: i64,
    pub invoices: i64,
}

impl Books {
    /// Eight invoices to a client.
    pub fn of(invoices: i64) -> Books {
        Books { clients: invoices / 8, invoices }
    }

    /// So many numbers, evenly from all invoices.
    pub fn some_invoices(&self, count: i64) -> impl Iterator<Item = i64> {
        let (step, last) = (self.invoices / count, self.invoices);
        (0..count).map(move |at| last - at * step)
    }

    pub fn some_clients(&self, count: i64) -> impl Iterator<Item = i64> {
        let (step, last) = (self.clients / count, self.clients);
        (0..count).map(move |at| last - at * step)
    }
}

/// April 2026 in months since the year 0: the last period ends before the next one of any service begins.
const LAST_MONTH: i64 = 2026 * 12 + 3;
const MONTH: i64 = 30 * 86_400 * 1_000_000;

/// Fills a database that `init` has made.
pub async fn fill(db: &Db, raw: &mut Raw, books: Books) {
    w1::fill(db, books.clients * 4).await;
    // Nobody else is there, and the statements are right: references need not be looked up one by one.
    raw.batch(match db.engine() {
        Engine::Sqlite => "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF",
        Engine::Postgres => "SET session_replication_role = replica; SET synchronous_commit = off",
    })
    .await;
    raw.batch("BEGIN").await;
    for statement in statements(db.engine(), books) {
        raw.batch(&statement).await;
    }
    raw.batch("COMMIT").await;
    if db.engine() == Engine::Postgres {
        for table in ["invoices", "ledger_entries", "transactions", "services", "products", "users"] {
            let next = format!("SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT MAX(id) FROM {table}))");
            raw.batch(&next).await;
        }
        raw.batch("VACUUM (ANALYZE)").await;
        raw.batch("CHECKPOINT").await;
    }
}

fn statements(engine: Engine, Books { clients, invoices }: Books) -> Vec<String> {
    let micros = now().micros();
    let months = (invoices + clients - 1) / clients;
    let recent = invoices - invoices / 5;
    let month = |months: &str| {
        format!(
            "(({months}) / 12) || '-' || CASE WHEN ({months}) % 12 < 9 THEN '0' ELSE '' END || (({months}) % 12 + 1) || '-'"
        )
    };
    let mut all = vec![
        format!(
            "CREATE TEMPORARY TABLE issued AS {numbers} SELECT i, client, charge, back, at, issued_on, due_on, until, \
             net, net / 5 AS tax, net + net / 5 AS total, NOT (back = 0 AND client % 10 < 3) AS paid FROM \
             (SELECT i, client, (client - 1) * 4 + 1 AS charge, back, {micros} - (back + 1) * {MONTH} AS at, \
              {issued} || day AS issued_on, {issued} || (day + 5) AS due_on, {until} || (day + 5) AS until, \
              500 + 5 * (i % 700) + CASE WHEN i % 3 = 0 THEN 1000 ELSE 0 END AS net \
              FROM (SELECT i, (i - 1) % {clients} + 1 AS client, 10 + i % 12 AS day, \
                    {months} - 1 - (i - 1) / {clients} AS back FROM n) AS placed) AS dated",
            numbers = numbers(engine, invoices),
            issued = month(&format!("{LAST_MONTH} - back")),
            until = month(&format!("{LAST_MONTH} + 1 - back")),
        ),
        "INSERT INTO products (id, group_id, kind, name, slug, tagline, short_description, description, colour, pay_type, \
         taxed, hidden, featured, retired, needs_domain, stock_control, stock, quantity_mode, cycles_limit, prorata, \
         prorata_day, prorata_cutoff, auto_setup, module, position, created_at, updated_at) VALUES (1, 1, \
         'hostingaccount', 'Web hosting M', 'web-hosting-m', '', '', '', '', 'recurring', TRUE, FALSE, FALSE, FALSE, \
         TRUE, FALSE, 0, 'none', 0, FALSE, 1, 0, 'off', '', 1, 0, 0)"
            .to_owned(),
        "INSERT INTO services (id, client_id, product_id, domain, username, status, quantity, currency, first_amount, \
         recurring_amount, cycle, anchor_day, gateway, registered_on, next_due_on, suspend_reason, dedicated_ip, \
         assigned_ips, ns1, ns2, notes, created_at, updated_at) SELECT owner_id, client_id, 1, 'example' || owner_id || \
         '.com', 'u' || owner_id, 'active', 1, currency, amount, amount, cycle, anchor_day, gateway, '2025-01-01', \
         next_due_on, '', '', '', '', '', '', 0, 0 FROM recurring_charges"
            .to_owned(),
        "INSERT INTO users (id, first_name, last_name, email, email_lower, language, search, created_at) SELECT id, \
         first_name, last_name, email, email_lower, '', search, 0 FROM clients"
            .to_owned(),
        "INSERT INTO client_users (client_id, user_id, is_owner) SELECT id, id, TRUE FROM clients".to_owned(),
        "INSERT INTO invoices (id, client_id, status, series, series_period, series_number, number, currency, issued_on, \
         due_on, seller_id, buyer_id, tax_name1, tax_rate1, tax_name2, tax_rate2, subtotal, tax1, tax2, total, \
         document_hash, gateway, balance, credit_applied, notes, source, paid_at, created_at, updated_at) \
         SELECT i, client, CASE WHEN paid THEN 'paid' ELSE 'unpaid' END, 'invoice', '', i, '2026-' || i, 'USD', issued_on, \
         due_on, 1, client + 1, 'VAT', 200000, '', 0, net, tax, 0, total, \
         'a-hash-of-sixty-four-digits-that-seals-nothing-0123456789abcdef0', 'banktransfer', \
         CASE WHEN paid THEN 0 ELSE total END, 0, '', 'generation', CASE WHEN paid THEN at END, at, at FROM issued"
            .to_owned(),
    ];
    for (position, charge, amount, condition) in
        [(1, "charge", "500 + 5 * (i % 700)", "TRUE"), (2, "charge + 1", "1000", "i % 3 = 0")]
    {
        all.push(format!(
            "INSERT INTO invoice_lines (invoice_id, position, kind, charge_id, owner_kind, owner_id, description, quantity, \
             amount, taxed, tax_category, net, tax1, tax2, period_from, period_until) SELECT i, {position}, 'service', \
             {charge}, 'service', {charge}, 'Web hosting M - example' || ({charge}) || '.com (' || due_on || ' - ' || until \
             || ')', 1, {amount}, TRUE, 'standard', {amount}, ({amount}) / 5, 0, due_on, until FROM issued WHERE {condition}"
        ));
    }
    all.extend([
        "INSERT INTO billed_periods (charge_id, period_from, period_until, invoice_id, settled) \
         SELECT l.charge_id, l.period_from, l.period_until, l.invoice_id, i.paid FROM invoice_lines l \
         JOIN issued i ON i.i = l.invoice_id"
            .to_owned(),
        "INSERT INTO ledger_entries (id, source, kind, client_id, booked_on, created_at) \
         SELECT i, 'invoice:' || i, 'invoice', client, issued_on, at FROM issued"
            .to_owned(),
        format!(
            "INSERT INTO ledger_entries (id, source, kind, client_id, booked_on, created_at) \
             SELECT {invoices} + i, 'payment:' || i, 'payment', client, due_on, at FROM issued WHERE paid"
        ),
        "INSERT INTO transactions (id, client_id, gateway, reference, kind, currency, amount_in, amount_out, fees, rate, \
         description, occurred_on, invoice_id, created_at) SELECT i, client, 'banktransfer', 'TX' || i, 'payment', 'USD', \
         total, 0, 0, '1', 'Invoice payment', due_on, i, at FROM issued WHERE paid"
            .to_owned(),
        "INSERT INTO allocations (transaction_id, invoice_id, amount) SELECT i, i, total FROM issued WHERE paid".to_owned(),
        "INSERT INTO number_series (name, period, next) SELECT 'invoice', '', MAX(i) + 1 FROM issued".to_owned(),
        format!(
            "INSERT INTO activity_log (at, actor_kind, actor_id, actor_name, ip, client_id, subject, description, changes) \
             SELECT at, 'admin', 1, 'boss', '127.0.0.1', client, 'invoice:' || i, 'Payment TX' || i || ' recorded', '[]' \
             FROM issued WHERE i > {recent}"
        ),
        format!(
            "INSERT INTO jobs (kind, payload, unique_key, subject, state, run_at, attempts, max_attempts, created_at, \
             finished_at) SELECT 'billing.mail_invoice_created', '{{\"invoice\":' || i || '}}', 'invoice_created:' || i, \
             'invoice:' || i, 'done', at, 1, 12, at, at FROM issued WHERE i > {recent}"
        ),
        format!(
            "INSERT INTO mails (unique_key, client_id, subject, template, recipient, sender, title, text_body, html_body, \
             state, attempts, created_at, sent_at) SELECT 'invoice_created:' || i, client, 'invoice:' || i, \
             'invoice_created', 'ada' || client || '@example.com', 'billing@example.com', 'Invoice 2026-' || i, \
             'Please pay.', '<p>Please pay.</p>', 'sent', 1, at, at FROM issued WHERE i > {recent}"
        ),
    ]);
    let postings = |entry: &str, rows: &[(i64, &str, &str, &str)], condition: &str| -> Vec<String> {
        rows.iter()
            .map(|(position, account, detail, amount)| {
                format!(
                    "INSERT INTO ledger_postings (entry_id, position, account, detail, client_id, invoice_id, currency, \
                     amount) SELECT {entry}, {position}, '{account}', '{detail}', client, i, 'USD', {amount} FROM issued \
                     WHERE {condition}"
                )
            })
            .collect()
    };
    let made = [(1, "receivable", "", "total"), (2, "revenue", "", "-net"), (3, "tax", "", "-tax")];
    let paid = [(1, "clearing", "banktransfer", "total"), (2, "receivable", "", "-total")];
    all.extend(postings("i", &made, "TRUE"));
    all.extend(postings(&format!("{invoices} + i"), &paid, "paid"));
    all.push("DROP TABLE issued".to_owned());
    all
}
