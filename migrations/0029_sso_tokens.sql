-- With which a program that runs a service, such as a control panel, asks for single sign-on of the service's client.
CREATE TABLE oauth_credentials (
    id {id},
    identifier TEXT NOT NULL UNIQUE,
    secret_hash TEXT NOT NULL,
    service_id BIGINT NOT NULL REFERENCES services (id),
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    -- Names with spaces between them.
    scope TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE INDEX oauth_credentials_service ON oauth_credentials (service_id, id);
CREATE INDEX oauth_credentials_created ON oauth_credentials (created_at, id);
CREATE INDEX oauth_credentials_updated ON oauth_credentials (updated_at, id);

-- Addresses that log a user in once, made for programs that know the user by their own means. Only the hash is stored.
CREATE TABLE sso_tokens (
    token_hash TEXT PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id),
    -- For which client the user then acts; NULL: for the first that is open.
    client_id BIGINT REFERENCES clients (id),
    -- Who vouches for the user, one of the two; and what the log calls it.
    credential_id BIGINT REFERENCES api_credentials (id),
    oauth_credential_id BIGINT REFERENCES oauth_credentials (id),
    voucher TEXT NOT NULL,
    -- The page of the client area that it leads to.
    target TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    CHECK ((credential_id IS NULL) <> (oauth_credential_id IS NULL))
);
CREATE INDEX sso_tokens_expires ON sso_tokens (expires_at);
CREATE INDEX sso_tokens_program ON sso_tokens (oauth_credential_id) WHERE oauth_credential_id IS NOT NULL;
