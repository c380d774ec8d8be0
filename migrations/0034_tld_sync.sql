-- Price lists as registrars gave them, to be looked at and imported from.
CREATE TABLE tld_lists (
    id {id},
    registrar TEXT NOT NULL,
    -- Costs as JSON.
    costs TEXT NOT NULL,
    items BIGINT NOT NULL,
    fetched_at BIGINT NOT NULL
);
CREATE INDEX tld_lists_registrar ON tld_lists (registrar, id);
CREATE INDEX tld_lists_at ON tld_lists (fetched_at, id);

-- How prices are made of a registrar's costs, as JSON.
CREATE TABLE tld_sync_rules (
    registrar TEXT NOT NULL PRIMARY KEY,
    options TEXT NOT NULL
);
