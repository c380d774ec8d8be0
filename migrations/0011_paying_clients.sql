-- How a charge is made: while the client is away, while the client is there, or on a page of the provider's.
ALTER TABLE payment_attempts ADD COLUMN way TEXT NOT NULL DEFAULT 'off_session'
    CHECK (way IN ('off_session', 'on_session', 'hosted'));
-- The provider's id of its page.
ALTER TABLE payment_attempts ADD COLUMN page_id TEXT;
-- The client lets the card that is entered on the page be kept.
ALTER TABLE payment_attempts ADD COLUMN keep_method BOOLEAN NOT NULL DEFAULT FALSE;
-- On a page of the provider's the method is not known beforehand, so it may be NULL from now on.
ALTER TABLE payment_attempts ADD COLUMN method_id BIGINT REFERENCES pay_methods (id);
UPDATE payment_attempts SET method_id = pay_method_id;
ALTER TABLE payment_attempts DROP COLUMN pay_method_id;
ALTER TABLE payment_attempts RENAME COLUMN method_id TO pay_method_id;
-- One that waits for the client can still take money: no other is made beside it either.
DROP INDEX payment_attempts_open;
CREATE UNIQUE INDEX payment_attempts_open ON payment_attempts (invoice_id)
    WHERE state IN ('intent', 'unknown', 'pending', 'action_required');

-- What a stored method came from, `attempt:17` or `setup:4`: it is stored once, however often we are told of it.
ALTER TABLE pay_methods ADD COLUMN origin TEXT;
CREATE UNIQUE INDEX pay_methods_origin ON pay_methods (origin) WHERE origin IS NOT NULL;

-- Links by which a client leaves a payment method, without logging in.
CREATE TABLE method_links (
    token_hash TEXT PRIMARY KEY,
    client_id BIGINT NOT NULL REFERENCES clients (id),
    gateway TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX method_links_client ON method_links (client_id);

-- Pages of a provider's on which a client leaves a payment method. The row is there before the provider is called.
CREATE TABLE method_setups (
    id {id},
    -- Idempotency key at the provider.
    public_id TEXT NOT NULL UNIQUE,
    client_id BIGINT NOT NULL REFERENCES clients (id),
    gateway TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('intent', 'open', 'stored', 'failed')),
    page_id TEXT,
    url TEXT,
    reason TEXT NOT NULL,
    pay_method_id BIGINT REFERENCES pay_methods (id),
    created_at BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE INDEX method_setups_client ON method_setups (client_id, id);

-- Payments that a client's bank takes back until somebody has decided who is right.
CREATE TABLE disputes (
    id {id},
    gateway TEXT NOT NULL,
    external_id TEXT NOT NULL,
    -- The provider's id of the payment, and ours where we know it.
    payment TEXT NOT NULL,
    transaction_id BIGINT REFERENCES transactions (id),
    client_id BIGINT REFERENCES clients (id),
    invoice_id BIGINT REFERENCES invoices (id),
    currency TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    reason TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'won', 'lost', 'closed')),
    -- The provider's own word for where it stands.
    status TEXT NOT NULL,
    answer_by BIGINT,
    -- The money that the provider took, and what it gave back.
    withdrawn_id BIGINT REFERENCES transactions (id),
    reinstated_id BIGINT REFERENCES transactions (id),
    opened_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    closed_at BIGINT,
    UNIQUE (gateway, external_id)
);
CREATE INDEX disputes_state ON disputes (state, id);
CREATE INDEX disputes_invoice ON disputes (invoice_id) WHERE invoice_id IS NOT NULL;
