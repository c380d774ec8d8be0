-- The keys of what a user may do for a client that somebody else owns, a line each.
ALTER TABLE client_users ADD COLUMN permissions TEXT NOT NULL DEFAULT '';

-- When the user proved that mail to the address arrives; NULL: not yet.
ALTER TABLE users ADD COLUMN email_verified_at BIGINT;

-- Who is logged in to the client area. The cookie's value is random; only its hash is stored.
CREATE TABLE user_sessions (
    id {id},
    token_hash TEXT NOT NULL UNIQUE,
    user_id BIGINT NOT NULL REFERENCES users (id),
    -- For which client the user acts at the moment.
    client_id BIGINT REFERENCES clients (id),
    -- Of staff who look at the client area as this user.
    admin_id BIGINT REFERENCES admins (id),
    csrf TEXT NOT NULL,
    ip TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    remembered BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    -- When the password was last typed.
    confirmed_at BIGINT NOT NULL,
    -- The end if nothing is asked for until then, and the end in any case.
    idle_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX user_sessions_user ON user_sessions (user_id, id);
CREATE INDEX user_sessions_expires ON user_sessions (expires_at);
CREATE INDEX user_sessions_idle ON user_sessions (idle_at);

-- Links that are mailed to users and work once: for a new password, and to prove an address.
CREATE TABLE user_links (
    token_hash TEXT PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id),
    purpose TEXT NOT NULL CHECK (purpose IN ('password', 'email')),
    -- Where it was sent: nobody else has it, and it proves that address.
    email TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX user_links_user ON user_links (user_id, purpose, created_at);
CREATE INDEX user_links_expires ON user_links (expires_at);
