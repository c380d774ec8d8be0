-- Whether those with the role may, or must, show a second factor.
ALTER TABLE roles ADD COLUMN two_factor TEXT NOT NULL DEFAULT 'allowed';

-- A person is `staff:7` or `user:7`.
-- Codes of an authenticator app. The secret is sealed among the secrets.
CREATE TABLE totp_factors (
    person TEXT PRIMARY KEY,
    created_at BIGINT NOT NULL,
    -- NULL until a first code has shown that the app has the secret.
    confirmed_at BIGINT,
    -- The time step of the last code: a code is good once.
    last_step BIGINT NOT NULL
);
CREATE TABLE recovery_codes (
    person TEXT NOT NULL,
    code_hash TEXT NOT NULL,
    used_at BIGINT,
    PRIMARY KEY (person, code_hash)
);
-- The random name by which devices know a person.
CREATE TABLE passkey_handles (
    handle TEXT PRIMARY KEY,
    person TEXT NOT NULL UNIQUE
);
CREATE TABLE passkeys (
    id {id},
    key_id TEXT NOT NULL UNIQUE,
    person TEXT NOT NULL,
    name TEXT NOT NULL,
    key_text TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE INDEX passkeys_person ON passkeys (person, id);
-- What a browser was asked, until it answers, once.
CREATE TABLE passkey_questions (
    token_hash TEXT PRIMARY KEY,
    purpose TEXT NOT NULL,
    state TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX passkey_questions_expiry ON passkey_questions (expires_at);
-- Those whose password was right and whose second factor is still to come.
CREATE TABLE half_logins (
    token_hash TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    next TEXT NOT NULL,
    remember BOOLEAN NOT NULL,
    tries BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX half_logins_expiry ON half_logins (expires_at);

-- When the password, or a passkey, was last shown.
ALTER TABLE sessions ADD COLUMN confirmed_at BIGINT NOT NULL DEFAULT 0;
