-- Money that goes back to a client. The row is there before the provider is called.
CREATE TABLE refunds (
    id {id},
    -- Idempotency key at the provider.
    public_id TEXT NOT NULL UNIQUE,
    -- The payment that is given back, whole or in part.
    transaction_id BIGINT NOT NULL REFERENCES transactions (id),
    client_id BIGINT NOT NULL REFERENCES clients (id),
    -- The invoice that it had settled; NULL when the money had become credit.
    invoice_id BIGINT REFERENCES invoices (id),
    -- The credit note that made credit of it, where the invoice was paid.
    note_id BIGINT REFERENCES credit_notes (id),
    gateway TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    method TEXT NOT NULL CHECK (method IN ('gateway', 'manual', 'credit')),
    state TEXT NOT NULL CHECK (state IN ('intent', 'unknown', 'pending', 'succeeded', 'failed')),
    external_id TEXT,
    -- Why staff give it back.
    reason TEXT NOT NULL,
    -- What the provider said.
    message TEXT NOT NULL,
    -- The recorded transaction with the money that went out.
    refund_transaction_id BIGINT REFERENCES transactions (id),
    requested_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE INDEX refunds_transaction ON refunds (transaction_id, id);
CREATE INDEX refunds_external ON refunds (gateway, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX refunds_open ON refunds (state, id) WHERE state IN ('intent', 'unknown', 'pending');

-- For the filters and sorts of the lists of money.
CREATE INDEX transactions_gateway ON transactions (gateway, occurred_on, id);
CREATE INDEX transactions_kind ON transactions (kind, occurred_on, id);
CREATE INDEX transactions_amount ON transactions (amount_in, id);
CREATE INDEX gateway_log_at ON gateway_log (at, id);
CREATE INDEX gateway_log_gateway ON gateway_log (gateway, at, id);
CREATE INDEX gateway_log_client ON gateway_log (client_id, id) WHERE client_id IS NOT NULL;
CREATE INDEX payment_attempts_client ON payment_attempts (client_id, id);
CREATE INDEX transactions_amount_out ON transactions (amount_out, id) WHERE amount_out > 0;
