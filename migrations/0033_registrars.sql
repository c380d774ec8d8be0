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
