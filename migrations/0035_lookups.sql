-- Who asked whether a name can be registered, and what came of it.
CREATE TABLE lookup_log (
    id {id},
    name {date} NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('available', 'registered', 'reserved', 'unknown')),
    -- registrar:NAME, rdap, whois; empty when nobody could say.
    source TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    why TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX lookup_log_at ON lookup_log (at, id);
CREATE INDEX lookup_log_name ON lookup_log (name, at, id);
CREATE INDEX lookup_log_state ON lookup_log (state, at, id);

-- The last answer about a name, as JSON, so that registries are not asked again within minutes.
CREATE TABLE lookup_answers (
    name {date} NOT NULL PRIMARY KEY,
    answer TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX lookup_answers_at ON lookup_answers (at);

-- The list of RDAP servers as it was fetched from IANA; without a row the one that came with the program counts.
CREATE TABLE rdap_bootstrap (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    content TEXT NOT NULL,
    publication TEXT NOT NULL,
    fetched_at BIGINT NOT NULL
);
