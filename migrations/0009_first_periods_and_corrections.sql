-- The first period of a charge, where it is not like the others (prorated, with a setup fee) and the generation of due
-- invoices is to bill it. The row goes when an invoice bills it.
CREATE TABLE first_periods (
    charge_id BIGINT PRIMARY KEY REFERENCES recurring_charges (id),
    client_id BIGINT NOT NULL REFERENCES clients (id),
    period_from {date} NOT NULL,
    period_until {date} NOT NULL,
    amount BIGINT NOT NULL CHECK (amount >= 0),
    setup BIGINT NOT NULL CHECK (setup >= 0)
);
CREATE INDEX first_periods_client ON first_periods (client_id);

-- When an addon came to its end, as services have it.
ALTER TABLE service_addons ADD COLUMN terminated_on {date};

-- A transaction that was recorded by mistake: it stays, and an entry of the ledger takes it back.
ALTER TABLE transactions ADD COLUMN voided_at BIGINT;
ALTER TABLE transactions ADD COLUMN void_reason TEXT;
