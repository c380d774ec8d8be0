-- What domains are registered under, and what that costs.
CREATE TABLE tlds (
    id {id},
    -- Lower-case A-labels without the dot in front: com, co.uk, xn--p1ai.
    extension {date} NOT NULL UNIQUE,
    position BIGINT NOT NULL,
    category TEXT NOT NULL,
    dns_management TEXT NOT NULL CHECK (dns_management IN ('none', 'free', 'paid')),
    email_forwarding TEXT NOT NULL CHECK (email_forwarding IN ('none', 'free', 'paid')),
    id_protection TEXT NOT NULL CHECK (id_protection IN ('none', 'free', 'paid')),
    epp_required BOOLEAN NOT NULL,
    -- The registrar that orders go to by themselves; empty for none.
    registrar TEXT NOT NULL,
    badge TEXT NOT NULL CHECK (badge IN ('', 'hot', 'new', 'sale')),
    spotlight BOOLEAN NOT NULL,
    allows_idn BOOLEAN NOT NULL,
    grace_days BIGINT NOT NULL CHECK (grace_days BETWEEN 0 AND 365),
    redemption_days BIGINT NOT NULL CHECK (redemption_days BETWEEN 0 AND 365),
    -- The questions that the registry asks of registrants, as JSON.
    fields TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX tlds_position ON tlds (position, id);
CREATE INDEX tlds_registrar ON tlds (registrar, position, id);
CREATE INDEX tlds_badge ON tlds (badge, position, id);
CREATE INDEX tlds_spotlight ON tlds (position, id) WHERE spotlight;

-- The price of an operation for a number of years. No row: not sold. Without a group it is everybody's price.
CREATE TABLE tld_prices (
    id {id},
    tld_id BIGINT NOT NULL REFERENCES tlds (id),
    client_group_id BIGINT REFERENCES client_groups (id) ON DELETE CASCADE,
    currency TEXT NOT NULL,
    operation TEXT NOT NULL CHECK (operation IN ('register', 'transfer', 'renew')),
    years BIGINT NOT NULL CHECK (years BETWEEN 1 AND 10),
    amount BIGINT NOT NULL CHECK (amount >= 0)
);
CREATE UNIQUE INDEX tld_prices_key ON tld_prices (tld_id, COALESCE(client_group_id, 0), currency, operation, years);
CREATE INDEX tld_prices_group ON tld_prices (client_group_id) WHERE client_group_id IS NOT NULL;

-- What renewing late costs more. No row: late renewals of that kind are not sold.
CREATE TABLE tld_fees (
    tld_id BIGINT NOT NULL REFERENCES tlds (id),
    kind TEXT NOT NULL CHECK (kind IN ('grace', 'redemption')),
    currency TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (tld_id, kind, currency)
);

-- What an addon that a domain is sold with costs a year, for every extension that has it as paid.
CREATE TABLE domain_addon_prices (
    addon TEXT NOT NULL CHECK (addon IN ('dns_management', 'email_forwarding', 'id_protection')),
    currency TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (addon, currency)
);
