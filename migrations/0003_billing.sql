CREATE TABLE currencies (
    id {id},
    code TEXT NOT NULL UNIQUE,
    prefix TEXT NOT NULL,
    suffix TEXT NOT NULL,
    -- Units of this currency for one unit of the base currency, as decimal text.
    rate TEXT NOT NULL,
    is_base BOOLEAN NOT NULL
);
CREATE UNIQUE INDEX currencies_base ON currencies (is_base) WHERE is_base;

CREATE TABLE tax_rules (
    id {id},
    level BIGINT NOT NULL CHECK (level IN (1, 2)),
    name TEXT NOT NULL,
    country TEXT,
    state TEXT,
    rate BIGINT NOT NULL CHECK (rate >= 0),
    category TEXT NOT NULL,
    valid_from {date},
    valid_until {date}
);

-- Ways to be paid. What is secret in their configuration is in `secrets`.
CREATE TABLE gateways (
    name TEXT PRIMARY KEY,
    display_name TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    position BIGINT NOT NULL,
    config TEXT NOT NULL
);

-- The one list of everything that falls due again and again. The owner (a service, an addon, a domain) keeps its row
-- true; billing knows nothing else of it.
CREATE TABLE recurring_charges (
    id {id},
    client_id BIGINT NOT NULL REFERENCES clients (id),
    owner_kind TEXT NOT NULL,
    owner_id BIGINT NOT NULL,
    description TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount >= 0),
    cycle TEXT NOT NULL,
    anchor_day BIGINT NOT NULL CHECK (anchor_day BETWEEN 1 AND 31),
    gateway TEXT NOT NULL,
    taxed BOOLEAN NOT NULL,
    billable BOOLEAN NOT NULL,
    -- Start of the next unpaid period.
    next_due_on {date} NOT NULL,
    -- Start of the next period that has no invoice.
    next_invoice_on {date} NOT NULL,
    -- Periods left to invoice; NULL: for ever.
    remaining BIGINT,
    created_at BIGINT NOT NULL,
    UNIQUE (owner_kind, owner_id)
);
CREATE INDEX recurring_charges_due ON recurring_charges (next_invoice_on, client_id) WHERE billable;
CREATE INDEX recurring_charges_client ON recurring_charges (client_id, next_invoice_on);

-- Numbers of documents: the next one of a series in a period. Taken in the transaction that issues the document.
CREATE TABLE number_series (
    name TEXT NOT NULL,
    period TEXT NOT NULL,
    next BIGINT NOT NULL,
    PRIMARY KEY (name, period)
);

CREATE TABLE invoices (
    id {id},
    client_id BIGINT NOT NULL REFERENCES clients (id),
    status TEXT NOT NULL
        CHECK (status IN ('draft', 'unpaid', 'payment_pending', 'paid', 'cancelled', 'refunded', 'collections')),
    -- Set when issued, never changed afterwards.
    series TEXT,
    series_period TEXT,
    series_number BIGINT,
    number {code},
    currency TEXT NOT NULL,
    issued_on {date},
    due_on {date} NOT NULL,
    seller_id BIGINT REFERENCES parties (id),
    buyer_id BIGINT REFERENCES parties (id),
    tax_name1 TEXT NOT NULL,
    tax_rate1 BIGINT NOT NULL,
    tax_name2 TEXT NOT NULL,
    tax_rate2 BIGINT NOT NULL,
    -- A draft whose tax rates were given by hand. Otherwise the tax rules of the day of issue decide.
    own_rates BOOLEAN,
    subtotal BIGINT NOT NULL,
    tax1 BIGINT NOT NULL,
    tax2 BIGINT NOT NULL,
    total BIGINT NOT NULL,
    document_hash TEXT,
    -- What changes later.
    gateway TEXT NOT NULL,
    balance BIGINT NOT NULL,
    credit_applied BIGINT NOT NULL,
    notes TEXT NOT NULL,
    source TEXT NOT NULL,
    paid_at BIGINT,
    cancelled_at BIGINT,
    refunded_at BIGINT,
    last_capture_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (series, series_period, series_number),
    CHECK (status = 'draft' OR number IS NOT NULL)
);
CREATE UNIQUE INDEX invoices_number ON invoices (number) WHERE number IS NOT NULL;
CREATE INDEX invoices_client ON invoices (client_id, id);
CREATE INDEX invoices_status ON invoices (status, id);
CREATE INDEX invoices_status_due ON invoices (status, due_on, id);
CREATE INDEX invoices_due ON invoices (due_on, id);
CREATE INDEX invoices_total ON invoices (total, id);
CREATE INDEX invoices_issued ON invoices (issued_on, id);
CREATE INDEX invoices_gateway ON invoices (gateway, id);
CREATE INDEX invoices_currency ON invoices (currency, id);

CREATE TABLE invoice_lines (
    id {id},
    invoice_id BIGINT NOT NULL REFERENCES invoices (id),
    position BIGINT NOT NULL,
    kind TEXT NOT NULL,
    charge_id BIGINT REFERENCES recurring_charges (id),
    owner_kind TEXT,
    owner_id BIGINT,
    description TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    -- As priced; with inclusive tax the gross, else the net.
    amount BIGINT NOT NULL,
    taxed BOOLEAN NOT NULL,
    tax_category TEXT NOT NULL,
    net BIGINT NOT NULL,
    tax1 BIGINT NOT NULL,
    tax2 BIGINT NOT NULL,
    period_from {date},
    period_until {date}
);
CREATE INDEX invoice_lines_invoice ON invoice_lines (invoice_id, position);
CREATE INDEX invoice_lines_owner ON invoice_lines (owner_kind, owner_id) WHERE owner_id IS NOT NULL;

-- The obligation: a period of a charge is invoiced once, whatever runs twice.
CREATE TABLE billed_periods (
    charge_id BIGINT NOT NULL REFERENCES recurring_charges (id),
    period_from {date} NOT NULL,
    period_until {date} NOT NULL,
    invoice_id BIGINT NOT NULL REFERENCES invoices (id) DEFERRABLE INITIALLY DEFERRED,
    -- Set when the invoice is paid and the charge's next due date has moved on.
    settled BOOLEAN NOT NULL,
    PRIMARY KEY (charge_id, period_from)
);
CREATE INDEX billed_periods_invoice ON billed_periods (invoice_id);

-- Double entry. `amount` is signed: debit positive, credit negative; an entry sums to nought in each currency.
CREATE TABLE ledger_entries (
    id {id},
    -- What happened, once: invoice:17, payment:4, credit:9 …
    source TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    client_id BIGINT,
    booked_on {date} NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX ledger_entries_client ON ledger_entries (client_id, id);
CREATE TABLE ledger_postings (
    entry_id BIGINT NOT NULL REFERENCES ledger_entries (id),
    position BIGINT NOT NULL,
    account TEXT NOT NULL,
    -- The gateway of a clearing account; empty elsewhere.
    detail TEXT NOT NULL,
    client_id BIGINT,
    invoice_id BIGINT,
    currency TEXT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (entry_id, position)
);
CREATE INDEX ledger_postings_invoice ON ledger_postings (invoice_id) WHERE invoice_id IS NOT NULL;
CREATE INDEX ledger_postings_client ON ledger_postings (client_id, account) WHERE client_id IS NOT NULL;

-- Money that came in or went out.
CREATE TABLE transactions (
    id {id},
    client_id BIGINT REFERENCES clients (id),
    gateway TEXT NOT NULL,
    -- The provider's id. Unique per gateway; NULL where there is none or a duplicate was allowed on purpose.
    external_id TEXT,
    -- The id as it was entered, for display.
    reference TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('payment', 'refund', 'income', 'expense')),
    currency TEXT NOT NULL,
    amount_in BIGINT NOT NULL CHECK (amount_in >= 0),
    amount_out BIGINT NOT NULL CHECK (amount_out >= 0),
    fees BIGINT NOT NULL,
    -- Units of the currency for one unit of the base currency on that day, as decimal text.
    rate TEXT NOT NULL,
    description TEXT NOT NULL,
    occurred_on {date} NOT NULL,
    invoice_id BIGINT REFERENCES invoices (id),
    refund_of BIGINT REFERENCES transactions (id),
    created_at BIGINT NOT NULL,
    UNIQUE (gateway, external_id)
);
CREATE INDEX transactions_client ON transactions (client_id, id) WHERE client_id IS NOT NULL;
CREATE INDEX transactions_invoice ON transactions (invoice_id) WHERE invoice_id IS NOT NULL;
CREATE INDEX transactions_date ON transactions (occurred_on, id);
CREATE INDEX transactions_reference ON transactions (reference);

-- Which part of a payment settled which invoice.
CREATE TABLE allocations (
    id {id},
    transaction_id BIGINT NOT NULL REFERENCES transactions (id),
    invoice_id BIGINT NOT NULL REFERENCES invoices (id),
    amount BIGINT NOT NULL
);
CREATE INDEX allocations_invoice ON allocations (invoice_id);
CREATE INDEX allocations_transaction ON allocations (transaction_id);

-- Credit of a client: in (positive) and out (negative).
CREATE TABLE credit_movements (
    id {id},
    client_id BIGINT NOT NULL REFERENCES clients (id),
    currency TEXT NOT NULL,
    amount BIGINT NOT NULL,
    kind TEXT NOT NULL,
    description TEXT NOT NULL,
    invoice_id BIGINT REFERENCES invoices (id),
    transaction_id BIGINT REFERENCES transactions (id),
    actor TEXT NOT NULL,
    booked_on {date} NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX credit_movements_client ON credit_movements (client_id, id);
CREATE INDEX credit_movements_invoice ON credit_movements (invoice_id) WHERE invoice_id IS NOT NULL;
-- The balance, kept beside the movements so that a batch need not sum them; `doctor` recomputes it.
CREATE TABLE credit_balances (
    client_id BIGINT PRIMARY KEY REFERENCES clients (id),
    currency TEXT NOT NULL,
    balance BIGINT NOT NULL
);

-- Credit notes: what corrects an issued invoice.
CREATE TABLE credit_notes (
    id {id},
    client_id BIGINT NOT NULL REFERENCES clients (id),
    invoice_id BIGINT NOT NULL REFERENCES invoices (id),
    series TEXT NOT NULL,
    series_period TEXT NOT NULL,
    series_number BIGINT NOT NULL,
    number TEXT NOT NULL UNIQUE,
    reason TEXT NOT NULL,
    currency TEXT NOT NULL,
    issued_on {date} NOT NULL,
    seller_id BIGINT NOT NULL REFERENCES parties (id),
    buyer_id BIGINT NOT NULL REFERENCES parties (id),
    -- Positive amounts; the note takes them off the invoice.
    subtotal BIGINT NOT NULL,
    tax1 BIGINT NOT NULL,
    tax2 BIGINT NOT NULL,
    total BIGINT NOT NULL,
    document_hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (series, series_period, series_number)
);
CREATE INDEX credit_notes_invoice ON credit_notes (invoice_id);
CREATE INDEX credit_notes_client ON credit_notes (client_id, id);
CREATE TABLE credit_note_lines (
    id {id},
    note_id BIGINT NOT NULL REFERENCES credit_notes (id),
    position BIGINT NOT NULL,
    invoice_line_id BIGINT,
    description TEXT NOT NULL,
    tax_category TEXT NOT NULL,
    net BIGINT NOT NULL,
    tax1 BIGINT NOT NULL,
    tax2 BIGINT NOT NULL
);
CREATE INDEX credit_note_lines_note ON credit_note_lines (note_id, position);

-- Stored payment methods: tokens of the provider, never a card number.
CREATE TABLE pay_methods (
    id {id},
    client_id BIGINT NOT NULL REFERENCES clients (id),
    gateway TEXT NOT NULL,
    kind TEXT NOT NULL,
    description TEXT NOT NULL,
    brand TEXT NOT NULL,
    last_four TEXT NOT NULL,
    expiry_year BIGINT,
    expiry_month BIGINT,
    -- JSON {"customer", "method"}, encrypted.
    token {bytes} NOT NULL,
    is_default BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    removed_at BIGINT
);
CREATE INDEX pay_methods_client ON pay_methods (client_id, id) WHERE removed_at IS NULL;
CREATE UNIQUE INDEX pay_methods_default ON pay_methods (client_id) WHERE is_default AND removed_at IS NULL;

-- An attempt to charge a stored method. The row is there before the provider is called.
CREATE TABLE payment_attempts (
    id {id},
    -- Idempotency key at the provider.
    public_id TEXT NOT NULL UNIQUE,
    client_id BIGINT NOT NULL REFERENCES clients (id),
    invoice_id BIGINT NOT NULL REFERENCES invoices (id),
    pay_method_id BIGINT NOT NULL REFERENCES pay_methods (id),
    gateway TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    -- The day of the schedule that it serves; NULL when staff asked for it.
    slot_on {date},
    state TEXT NOT NULL
        CHECK (state IN ('intent', 'unknown', 'pending', 'succeeded', 'declined', 'action_required', 'failed')),
    external_id TEXT,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    action_url TEXT,
    transaction_id BIGINT REFERENCES transactions (id),
    run_id BIGINT,
    started_at BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE UNIQUE INDEX payment_attempts_slot ON payment_attempts (invoice_id, slot_on) WHERE slot_on IS NOT NULL;
-- While one attempt's outcome is open, no other is made.
CREATE UNIQUE INDEX payment_attempts_open ON payment_attempts (invoice_id)
    WHERE state IN ('intent', 'unknown', 'pending');
CREATE INDEX payment_attempts_invoice ON payment_attempts (invoice_id, id);
CREATE INDEX payment_attempts_external ON payment_attempts (gateway, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX payment_attempts_state ON payment_attempts (state, id)
    WHERE state IN ('intent', 'unknown', 'pending', 'action_required');

-- What was said between a gateway and us, without secrets.
CREATE TABLE gateway_log (
    id {id},
    gateway TEXT NOT NULL,
    what TEXT NOT NULL,
    result TEXT NOT NULL,
    client_id BIGINT,
    invoice_id BIGINT,
    detail TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX gateway_log_invoice ON gateway_log (invoice_id, id) WHERE invoice_id IS NOT NULL;

CREATE TABLE webhook_events (
    id {id},
    gateway TEXT NOT NULL,
    external_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    headers TEXT NOT NULL,
    body {bytes} NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('received', 'applied', 'ignored', 'parked')),
    reason TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    finished_at BIGINT,
    UNIQUE (gateway, external_id)
);
CREATE INDEX webhook_events_state ON webhook_events (state, id);

-- Clients whose billing stands still until somebody has looked.
CREATE TABLE parked_clients (
    client_id BIGINT PRIMARY KEY REFERENCES clients (id),
    reason TEXT NOT NULL,
    at BIGINT NOT NULL
);

-- Signed links by which a client opens and pays one invoice.
CREATE TABLE pay_links (
    token_hash TEXT PRIMARY KEY,
    invoice_id BIGINT NOT NULL REFERENCES invoices (id),
    expires_at BIGINT NOT NULL
);
CREATE INDEX pay_links_invoice ON pay_links (invoice_id);
