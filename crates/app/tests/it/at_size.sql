-- A business of some size: 30,000 clients and invoices and what stands around them. Set-based, for either engine.
CREATE TABLE n (i BIGINT PRIMARY KEY);
INSERT INTO n (i) WITH RECURSIVE m (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM m WHERE i < 30000) SELECT i FROM m;

INSERT INTO currencies (code, prefix, suffix, rate, is_base) VALUES ('EUR', '', ' EUR', '0.9', FALSE);
INSERT INTO parties (id, hash, document) VALUES (1000, 'party', '{"name":"Ada","company":"","email":"a@example.com",
"address1":"","address2":"","city":"","state":"","postcode":"","country":"GB","phone":"","tax_id":""}');
INSERT INTO products (id, group_id, kind, name, slug, tagline, short_description, description, colour, pay_type, taxed,
    hidden, featured, retired, needs_domain, stock_control, stock, quantity_mode, cycles_limit, prorata, prorata_day,
    prorata_cutoff, auto_setup, module, position, created_at, updated_at)
SELECT i, 1, 'hostingaccount', 'Web ' || i, 'web-' || i, '', '', '', '', 'recurring', TRUE, FALSE, FALSE, FALSE, FALSE,
    FALSE, 0, 'none', 0, FALSE, 1, 1, '', '', i, 0, 0 FROM n WHERE i <= 40;

INSERT INTO clients (id, uuid, first_name, last_name, company, email, email_lower, address1, address2, city, state,
    postcode, country, phone, tax_id, currency, status, language, notes, tax_exempt, no_late_fees, no_overdue_notices,
    separate_invoices, no_auto_capture, no_auto_status, marketing_opt_in, party_id, search, created_at, updated_at)
SELECT i, 'client-' || i, 'Ada' || (i % 300), 'Lovelace', '', 'ada' || i || '@example.com', 'ada' || i || '@example.com',
    '', '', 'London', '', '', 'GB', '', '', 'USD', CASE WHEN i % 50 = 0 THEN 'closed' ELSE 'active' END, '', '', FALSE,
    FALSE, FALSE, FALSE, FALSE, FALSE, FALSE, 1000, 'ada' || (i % 300) || ' lovelace ada' || i || '@example.com', i, i
FROM n;
INSERT INTO search_words (kind, word, of_id)
SELECT 'client', 'ada' || (i % 300) || ' lovelace', i FROM n
UNION ALL SELECT 'client', 'ada' || i || '@example.com', i FROM n
UNION ALL SELECT 'client', 'lovelace ada' || i, i FROM n;
INSERT INTO users (id, first_name, last_name, email, email_lower, language, search, created_at)
SELECT i, 'Ada', 'Lovelace' || i, 'ada' || i || '@example.com', 'ada' || i || '@example.com', '', '', i
FROM n;
INSERT INTO client_users (client_id, user_id, is_owner) SELECT i, i, TRUE FROM n;

-- Three in a hundred are unpaid, all of them young; a few are drafts.
INSERT INTO invoices (id, client_id, status, series, series_period, series_number, number, currency, issued_on, due_on,
    seller_id, buyer_id, tax_name1, tax_rate1, tax_name2, tax_rate2, subtotal, tax1, tax2, total, document_hash, gateway,
    balance, credit_applied, notes, source, created_at, updated_at)
SELECT i, 1 + i % 3000,
    CASE WHEN i % 1000 = 0 THEN 'draft' WHEN i > 29000 THEN 'unpaid' WHEN i % 40 = 0 THEN 'cancelled' ELSE 'paid' END,
    CASE WHEN i % 1000 = 0 THEN NULL ELSE 'invoice' END, CASE WHEN i % 1000 = 0 THEN NULL ELSE '' END,
    CASE WHEN i % 1000 = 0 THEN NULL ELSE i END, CASE WHEN i % 1000 = 0 THEN NULL ELSE 'N' || i END,
    CASE WHEN i % 7 < 3 THEN 'EUR' ELSE 'USD' END,
    CASE WHEN i % 1000 = 0 THEN NULL ELSE '20' || SUBSTR(CAST(100 + i / 1300 AS TEXT), 2) || '-01-01' END,
    '20' || SUBSTR(CAST(100 + i / 1300 AS TEXT), 2) || '-01-' || SUBSTR(CAST(110 + i % 19 AS TEXT), 2),
    1000, 1000, '', 0, '', 0, 100 * (i % 997), 0, 0, 100 * (i % 997), 'hash',
    CASE WHEN i % 2 = 0 THEN 'banktransfer' ELSE 'mailin' END, CASE WHEN i > 29000 THEN 100 * (i % 997) ELSE 0 END, 0, '',
    'schedule', i, i FROM n;
INSERT INTO invoice_lines (invoice_id, position, kind, description, quantity, amount, taxed, tax_category, net, tax1, tax2)
SELECT i, 1, 'item', 'Something', 1, 100 * (i % 997), FALSE, 'standard', 100 * (i % 997), 0, 0 FROM n;

INSERT INTO transactions (id, client_id, gateway, external_id, reference, kind, currency, amount_in, amount_out, fees,
    rate, description, occurred_on, invoice_id, created_at)
SELECT i, 1 + i % 3000, CASE WHEN i % 2 = 0 THEN 'banktransfer' ELSE 'mailin' END, 'T' || i, 'T' || i, 'payment', 'USD',
    100 * (i % 997), 0, 0, '1', CASE WHEN i < 9 THEN 'seldom' ELSE 'often' END,
    '20' || SUBSTR(CAST(100 + i / 1300 AS TEXT), 2) || '-02-01', i, i FROM n;
INSERT INTO allocations (transaction_id, invoice_id, amount) SELECT i, i, 100 * (i % 997) FROM n;
INSERT INTO credit_movements (client_id, currency, amount, kind, description, actor, booked_on, created_at)
SELECT 1 + i % 3000, 'USD', 1, 'granted', 'x', 'x', '2026-01-01', i FROM n;
INSERT INTO credit_notes (id, client_id, invoice_id, series, series_period, series_number, number, reason, currency,
    issued_on, seller_id, buyer_id, subtotal, tax1, tax2, total, document_hash, created_at)
SELECT i, 1 + i % 3000, i, 'credit', '', i, 'C' || i, '', 'USD', '2026-01-01', 1000, 1000, 1, 0, 0, 1, 'hash', i FROM n;
INSERT INTO credit_note_lines (note_id, position, description, tax_category, net, tax1, tax2)
SELECT i, 1, 'x', 'standard', 1, 0, 0 FROM n;

INSERT INTO services (id, client_id, product_id, order_id, domain, username, status, quantity, currency, first_amount,
    recurring_amount, cycle, anchor_day, gateway, registered_on, next_due_on, suspend_reason, dedicated_ip, assigned_ips,
    ns1, ns2, notes, created_at, updated_at)
SELECT i, 1 + i % 3000, 1 + i % 40, i, 'example' || i || '.com', 'u' || i,
    CASE WHEN i % 40 = 0 THEN 'suspended' ELSE 'active' END, 1, 'USD', 0, 500, 'monthly', 1, 'banktransfer', '2026-01-01',
    CASE WHEN i % 100 = 0 THEN NULL ELSE '2026-0' || (1 + i % 9) || '-11' END, '', '', '', '', '', '', i, i FROM n;
INSERT INTO recurring_charges (id, client_id, owner_kind, owner_id, description, currency, amount, cycle, anchor_day,
    gateway, taxed, billable, next_due_on, next_invoice_on, created_at)
SELECT i, 1 + i % 3000, 'service', i, 'Web', 'USD', 500, 'monthly', 11, 'banktransfer', TRUE, TRUE, '2036-01-11',
    CASE WHEN i = 5 THEN '2020-01-11' ELSE '2036-01-11' END, i FROM n;
INSERT INTO orders (id, number, client_id, status, currency, amount, gateway, invoice_id, ordered_on, ip, notes,
    ordered_by, created_at, updated_at, deleted_at)
SELECT i, CAST(1000000000 + i AS TEXT), 1 + i % 3000, CASE WHEN i % 40 = 0 THEN 'pending' ELSE 'active' END, 'USD',
    100 * (i % 997), 'banktransfer', i, '20' || SUBSTR(CAST(100 + i / 1300 AS TEXT), 2) || '-02-01', '', '', 'boss', i, i,
    CASE WHEN i % 500 = 0 THEN 1 ELSE NULL END FROM n;

INSERT INTO activity_log (at, actor_kind, actor_name, ip, client_id, subject, description, changes)
SELECT i, 'system', 'schedule', '', 1 + i % 3000, 'invoice:' || i, CASE WHEN i < 9 THEN 'seldom' ELSE 'often' END, '[]'
FROM n;
INSERT INTO gateway_log (gateway, what, result, client_id, invoice_id, detail, at)
SELECT CASE WHEN i % 2 = 0 THEN 'sandbox' ELSE 'stripe' END, 'charge', 'answer', 1 + i % 3000, i,
    CASE WHEN i < 9 THEN 'seldom' ELSE 'often' END, i FROM n;
INSERT INTO jobs (kind, payload, subject, state, run_at, attempts, max_attempts, created_at)
SELECT CASE WHEN i < 9 THEN 'seldom' ELSE 'mail.deliver' END, '{}', 'invoice:' || i,
    CASE WHEN i % 100 = 0 THEN 'failed' WHEN i > 29000 THEN 'ready' ELSE 'done' END, 4000000000000000 + i, 1, 12, i FROM n;
INSERT INTO mails (unique_key, client_id, subject, template, recipient, sender, title, text_body, html_body, state,
    attempts, created_at)
SELECT 'mail ' || i, 1 + i % 3000, 'invoice:' || i, 'created', 'a@example.com', 'b@example.com', 'Invoice', '', '', 'sent',
    1, i FROM n;
INSERT INTO task_runs (task, run_key, business_date, trigger_kind, requested_by, scope, state, total, done, failed,
    summary, queued_at, finished_at)
SELECT CASE WHEN i % 2 = 0 THEN 'generate_invoices' ELSE 'capture' END, 'run ' || i, '2026-01-01', 'schedule', '', '{}',
    'finished', 0, 0, 0, '{}', i, i FROM n;
INSERT INTO pay_methods (id, client_id, gateway, kind, description, brand, last_four, token, is_default, created_at,
    updated_at)
SELECT i, i, 'sandbox', 'card', '', 'visa', '4242', {token}, TRUE, i, i FROM n;
INSERT INTO payment_attempts (public_id, client_id, invoice_id, pay_method_id, gateway, currency, amount, slot_on, state,
    code, reason, started_at)
SELECT 'attempt ' || i, 1 + i % 3000, i, 1 + i % 3000, 'sandbox', 'USD', 1, '2026-01-01',
    CASE WHEN i % 1000 = 0 THEN 'unknown' ELSE 'succeeded' END, '', '', i FROM n;
INSERT INTO webhook_events (gateway, external_id, kind, headers, body, state, reason, received_at)
SELECT 'stripe', 'event ' || i, 'x', '{}', {token}, CASE WHEN i % 1000 = 0 THEN 'parked' ELSE 'applied' END, '', i FROM n;
DROP TABLE n;
