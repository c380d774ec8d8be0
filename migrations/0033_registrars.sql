-- The accounts at registrars and registries that domains are registered through. A module can be set up several times:
-- EPP once for each registry.
CREATE TABLE registrars (
    id {id},
    -- In settings, in tlds.registrar and in the API; it stays.
    name TEXT NOT NULL UNIQUE,
    module TEXT NOT NULL,
    title TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    -- Open fields as JSON; secrets are in `secrets`.
    config TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- What was asked of registrars and what they answered, without secrets.
CREATE TABLE registrar_log (
    id {id},
    registrar TEXT NOT NULL,
    what TEXT NOT NULL,
    result TEXT NOT NULL CHECK (result IN ('answer', 'error')),
    -- The domain it was about; empty for none.
    domain {date} NOT NULL,
    detail TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX registrar_log_at ON registrar_log (at, id);
CREATE INDEX registrar_log_registrar ON registrar_log (registrar, at, id);
CREATE INDEX registrar_log_domain ON registrar_log (domain, at, id);
