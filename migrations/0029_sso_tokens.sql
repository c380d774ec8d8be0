-- Addresses that log a user in once, made for programs that know the user by their own means. Only the hash is stored.
CREATE TABLE sso_tokens (
    token_hash TEXT PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id),
    -- For which client the user then acts; NULL: for the first that is open.
    client_id BIGINT REFERENCES clients (id),
    -- Who vouches for the user.
    credential_id BIGINT NOT NULL REFERENCES api_credentials (id),
    -- The page of the client area that it leads to.
    target TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX sso_tokens_expires ON sso_tokens (expires_at);
