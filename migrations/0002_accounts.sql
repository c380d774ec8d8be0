CREATE TABLE roles (
    id {id},
    name TEXT NOT NULL UNIQUE,
    built_in BOOLEAN NOT NULL
);
CREATE TABLE role_permissions (
    role_id BIGINT NOT NULL REFERENCES roles (id),
    permission TEXT NOT NULL,
    PRIMARY KEY (role_id, permission)
);

CREATE TABLE admins (
    id {id},
    username TEXT NOT NULL,
    username_lower TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL,
    email_lower TEXT NOT NULL UNIQUE,
    password_hash TEXT,
    role_id BIGINT NOT NULL REFERENCES roles (id),
    disabled BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    last_login_at BIGINT
);
-- One-time links by which a new administrator chooses a password.
CREATE TABLE admin_links (
    token_hash TEXT PRIMARY KEY,
    admin_id BIGINT NOT NULL REFERENCES admins (id),
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
-- Wrong passwords, to slow guessing down on every node.
CREATE TABLE login_failures (
    id {id},
    account TEXT NOT NULL,
    ip TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX login_failures_account ON login_failures (account, at);
CREATE INDEX login_failures_ip ON login_failures (ip, at);

CREATE TABLE api_credentials (
    id {id},
    identifier TEXT NOT NULL UNIQUE,
    secret_hash TEXT NOT NULL,
    admin_id BIGINT NOT NULL REFERENCES admins (id),
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    revoked_at BIGINT
);

CREATE TABLE client_groups (
    id {id},
    name TEXT NOT NULL UNIQUE,
    colour TEXT NOT NULL,
    separate_invoices BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);

-- A name and address as they were: frozen on documents. Equal parties are one row.
CREATE TABLE parties (
    id {id},
    hash TEXT NOT NULL UNIQUE,
    document TEXT NOT NULL
);

CREATE TABLE clients (
    id {id},
    uuid TEXT NOT NULL UNIQUE,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    company TEXT NOT NULL,
    email TEXT NOT NULL,
    email_lower TEXT NOT NULL,
    address1 TEXT NOT NULL,
    address2 TEXT NOT NULL,
    city TEXT NOT NULL,
    state TEXT NOT NULL,
    postcode TEXT NOT NULL,
    country TEXT NOT NULL,
    phone TEXT NOT NULL,
    tax_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    default_gateway TEXT,
    group_id BIGINT REFERENCES client_groups (id),
    status TEXT NOT NULL CHECK (status IN ('active', 'inactive', 'closed')),
    language TEXT NOT NULL,
    notes TEXT NOT NULL,
    tax_exempt BOOLEAN NOT NULL,
    no_late_fees BOOLEAN NOT NULL,
    no_overdue_notices BOOLEAN NOT NULL,
    separate_invoices BOOLEAN NOT NULL,
    no_auto_capture BOOLEAN NOT NULL,
    no_auto_status BOOLEAN NOT NULL,
    marketing_opt_in BOOLEAN NOT NULL,
    party_id BIGINT NOT NULL REFERENCES parties (id),
    -- Lowercase name, company and e-mail, for searching.
    search TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX clients_email ON clients (email_lower);
CREATE INDEX clients_status ON clients (status, id);
CREATE INDEX clients_name ON clients (last_name, first_name, id);
CREATE INDEX clients_group ON clients (group_id) WHERE group_id IS NOT NULL;
CREATE INDEX clients_company ON clients (company, id);
CREATE INDEX clients_created ON clients (created_at, id);

-- Who logs in. A user may act for several clients, a client may have several users.
CREATE TABLE users (
    id {id},
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    email TEXT NOT NULL,
    email_lower TEXT NOT NULL UNIQUE,
    password_hash TEXT,
    language TEXT NOT NULL,
    -- Lowercase name and e-mail, for searching.
    search TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_login_at BIGINT
);
CREATE TABLE client_users (
    client_id BIGINT NOT NULL REFERENCES clients (id),
    user_id BIGINT NOT NULL REFERENCES users (id),
    is_owner BOOLEAN NOT NULL,
    PRIMARY KEY (client_id, user_id)
);
CREATE INDEX client_users_user ON client_users (user_id);
CREATE UNIQUE INDEX client_users_owner ON client_users (client_id) WHERE is_owner;

CREATE TABLE activity_log (
    id {id},
    at BIGINT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id BIGINT,
    actor_name TEXT NOT NULL,
    ip TEXT NOT NULL,
    client_id BIGINT,
    subject TEXT,
    description TEXT NOT NULL,
    -- JSON: [{"field", "old", "new"}]
    changes TEXT NOT NULL
);
CREATE INDEX activity_log_client ON activity_log (client_id, id) WHERE client_id IS NOT NULL;
CREATE INDEX activity_log_subject ON activity_log (subject, id) WHERE subject IS NOT NULL;
CREATE INDEX activity_log_at ON activity_log (at, id);
