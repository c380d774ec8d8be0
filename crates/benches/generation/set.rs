//! The floor *set*: the same rows by statements over whole tables, in one transaction.

use innkeeper_benches::raw::Raw;
use innkeeper_benches::w1::{PERIODS, TODAY, UNTIL, now};

pub async fn run(raw: &mut Raw) {
    let micros = now().micros();
    let periods: Vec<String> = PERIODS.iter().map(|(from, until)| format!("('{from}', '{until}')")).collect();
    let calendar = format!("calendar (day, until) AS (VALUES {})", periods.join(", "));
    let hash = if raw.is_postgres() { "md5(CAST(n AS TEXT)) || md5('h' || n)" } else { "lower(hex(randomblob(32)))" };
    raw.batch("BEGIN").await;
    raw.batch(&format!(
        "INSERT INTO invoices (id, client_id, status, series, series_period, series_number, number, currency, issued_on, \
         due_on, seller_id, buyer_id, tax_name1, tax_rate1, tax_name2, tax_rate2, subtotal, tax1, tax2, total, \
         document_hash, gateway, balance, credit_applied, notes, source, created_at, updated_at) \
         SELECT n, client_id, 'unpaid', 'invoice', '', n, '2026-' || n, currency, '{TODAY}', next_invoice_on, 1, party_id, \
         'VAT', 200000, '', 0, net, net / 5, 0, net + net / 5, {hash}, gateway, net + net / 5, 0, '', 'generation', \
         {micros}, {micros} FROM (SELECT ROW_NUMBER() OVER (ORDER BY r.client_id, r.next_invoice_on) AS n, r.client_id, \
         r.currency, r.next_invoice_on, r.gateway, c.party_id, CAST(SUM(r.amount) AS BIGINT) AS net \
         FROM recurring_charges r JOIN clients c ON c.id = r.client_id \
         WHERE r.billable AND r.next_invoice_on <= '{UNTIL}' \
         GROUP BY r.client_id, r.next_invoice_on, r.gateway, r.currency, c.party_id) AS due"
    ))
    .await;
    if raw.is_postgres() {
        raw.batch("ANALYZE invoices").await;
    }
    raw.batch(&format!(
        "WITH {calendar} \
         INSERT INTO invoice_lines (invoice_id, position, kind, charge_id, owner_kind, owner_id, description, quantity, \
         amount, taxed, tax_category, net, tax1, tax2, period_from, period_until) \
         SELECT i.id, ROW_NUMBER() OVER (PARTITION BY i.id ORDER BY r.id), 'service', r.id, r.owner_kind, r.owner_id, \
         r.description || ' (' || r.next_invoice_on || ' - ' || substr(c.until, 1, 8) || (CAST(substr(c.until, 9) AS BIGINT) - 1) || ')', \
         1, r.amount, TRUE, 'standard', r.amount, r.amount / 5, 0, r.next_invoice_on, c.until \
         FROM recurring_charges r JOIN invoices i ON i.client_id = r.client_id AND i.due_on = r.next_invoice_on \
         JOIN calendar c ON c.day = r.next_invoice_on WHERE r.billable AND r.next_invoice_on <= '{UNTIL}'"
    ))
    .await;
    raw.batch(
        "INSERT INTO billed_periods (charge_id, period_from, period_until, invoice_id, settled) \
         SELECT charge_id, period_from, period_until, invoice_id, FALSE FROM invoice_lines",
    )
    .await;
    raw.batch(&format!(
        "INSERT INTO ledger_entries (id, source, kind, client_id, booked_on, created_at) \
         SELECT id, 'invoice:' || id, 'invoice', client_id, issued_on, {micros} FROM invoices"
    ))
    .await;
    raw.batch(
        "INSERT INTO ledger_postings (entry_id, position, account, detail, client_id, invoice_id, currency, amount) \
         SELECT i.id, p.position, p.account, '', i.client_id, i.id, i.currency, \
         CASE p.position WHEN 1 THEN i.total WHEN 2 THEN -i.subtotal ELSE -i.tax1 END FROM invoices i \
         CROSS JOIN (SELECT 1 AS position, 'receivable' AS account UNION ALL SELECT 2, 'revenue' UNION ALL SELECT 3, 'tax') AS p",
    )
    .await;
    raw.batch(&format!(
        "INSERT INTO jobs (kind, payload, unique_key, subject, state, run_at, attempts, max_attempts, created_at) \
         SELECT 'billing.mail_invoice_created', '{{\"invoice\":' || id || '}}', 'invoice_created:' || id, 'invoice:' || id, \
         'ready', {micros}, 0, 12, {micros} FROM invoices"
    ))
    .await;
    raw.batch(&format!(
        "WITH {calendar} UPDATE recurring_charges SET next_invoice_on = c.until, remaining = remaining - 1 \
         FROM calendar c WHERE c.day = recurring_charges.next_invoice_on AND billable AND next_invoice_on <= '{UNTIL}'"
    ))
    .await;
    raw.batch("INSERT INTO number_series (name, period, next) SELECT 'invoice', '', COUNT(*) + 1 FROM invoices").await;
    raw.batch("COMMIT").await;
}
