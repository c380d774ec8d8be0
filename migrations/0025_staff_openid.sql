-- Providers of identities by which staff log in (OpenID Connect). The client's secret is among the secrets.
CREATE TABLE openid_providers (
    id {id},
    -- On the button of the log-in.
    label TEXT NOT NULL,
    issuer TEXT NOT NULL UNIQUE,
    client_id TEXT NOT NULL,
    scopes TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    -- An existing administrator with the address that the provider has verified is let in.
    link_by_email BOOLEAN NOT NULL,
    -- The claim whose values give roles; empty: none does.
    role_claim TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE TABLE openid_roles (
    provider_id BIGINT NOT NULL REFERENCES openid_providers (id),
    value TEXT NOT NULL,
    role_id BIGINT NOT NULL REFERENCES roles (id),
    -- The first that fits counts.
    position BIGINT NOT NULL,
    PRIMARY KEY (provider_id, value)
);
CREATE INDEX openid_roles_role ON openid_roles (role_id);
-- Who an administrator is at a provider.
CREATE TABLE admin_identities (
    provider_id BIGINT NOT NULL REFERENCES openid_providers (id),
    subject TEXT NOT NULL,
    admin_id BIGINT NOT NULL REFERENCES admins (id),
    -- Made by a role that the provider gave: the role follows it at each login.
    managed BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    PRIMARY KEY (provider_id, subject)
);
CREATE INDEX admin_identities_admin ON admin_identities (admin_id);
-- Logins that a provider has not answered yet. A row is taken away with the answer, so an answer is good once.
CREATE TABLE openid_logins (
    state_hash TEXT PRIMARY KEY,
    browser_hash TEXT NOT NULL,
    nonce_hash TEXT NOT NULL,
    provider_id BIGINT NOT NULL REFERENCES openid_providers (id),
    sealed_verifier {bytes} NOT NULL,
    next TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX openid_logins_expiry ON openid_logins (expires_at);
