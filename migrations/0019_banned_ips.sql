-- What every node keeps in memory, and how often it was changed.
CREATE TABLE news (
    topic TEXT PRIMARY KEY,
    version BIGINT NOT NULL
);

-- Networks from which nothing is answered. IPv4 lives at ::ffff:0:0/96; the ends are its 128 bits as 32 hexadecimal digits.
CREATE TABLE banned_ips (
    id {id},
    network TEXT NOT NULL UNIQUE,
    first {code} NOT NULL,
    last {code} NOT NULL,
    reason TEXT NOT NULL,
    -- Who set it: staff, an API client, or the program after too many failures.
    set_by TEXT NOT NULL,
    automatic BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    -- NULL: for good.
    expires_at BIGINT
);
CREATE INDEX banned_ips_first ON banned_ips (first, id);
CREATE INDEX banned_ips_created ON banned_ips (created_at, id);
CREATE INDEX banned_ips_expires ON banned_ips (expires_at, id) WHERE expires_at IS NOT NULL;
