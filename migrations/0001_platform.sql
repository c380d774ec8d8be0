-- What this database is: made when, a sandbox or not, a value sealed with the key file.
CREATE TABLE instance (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE settings (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Encrypted values by the place they belong to, e.g. gateways:stripe:secret_key.
CREATE TABLE secrets (
    place TEXT PRIMARY KEY,
    sealed {bytes} NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE jobs (
    id {id},
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    unique_key TEXT,
    subject TEXT,
    state TEXT NOT NULL CHECK (state IN ('ready', 'running', 'done', 'failed')),
    run_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    max_attempts BIGINT NOT NULL,
    lease_until BIGINT,
    lease_owner TEXT,
    last_error TEXT,
    created_at BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE UNIQUE INDEX jobs_unique_key ON jobs (unique_key) WHERE unique_key IS NOT NULL;
CREATE INDEX jobs_due ON jobs (run_at, id) WHERE state = 'ready';
CREATE INDEX jobs_leased ON jobs (lease_until) WHERE state = 'running';
CREATE INDEX jobs_failed ON jobs (id) WHERE state = 'failed';
CREATE INDEX jobs_subject ON jobs (subject, id) WHERE subject IS NOT NULL;

-- One message to one recipient and what became of it.
CREATE TABLE mails (
    id {id},
    unique_key TEXT NOT NULL UNIQUE,
    client_id BIGINT,
    subject TEXT,
    template TEXT NOT NULL,
    recipient TEXT NOT NULL,
    sender TEXT NOT NULL,
    title TEXT NOT NULL,
    text_body TEXT NOT NULL,
    html_body TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'failed')),
    error TEXT,
    attempts BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    sent_at BIGINT
);
CREATE INDEX mails_subject ON mails (subject, id) WHERE subject IS NOT NULL;
CREATE INDEX mails_client ON mails (client_id, id) WHERE client_id IS NOT NULL;

CREATE TABLE sessions (
    token_hash TEXT PRIMARY KEY,
    admin_id BIGINT NOT NULL,
    csrf TEXT NOT NULL,
    ip TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_admin ON sessions (admin_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- A request that may be repeated, and the answer it was given. Written in the transaction of the work itself.
CREATE TABLE idempotency_keys (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    status BIGINT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- A run of a batch (generate, capture): who asked, how far it is, how it ended.
CREATE TABLE task_runs (
    id {id},
    task TEXT NOT NULL,
    run_key TEXT NOT NULL UNIQUE,
    business_date {date} NOT NULL,
    trigger_kind TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    scope TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'finished', 'failed')),
    total BIGINT NOT NULL,
    done BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    summary TEXT NOT NULL,
    queued_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT
);
CREATE INDEX task_runs_task ON task_runs (task, id);

CREATE TABLE task_failures (
    id {id},
    run_id BIGINT NOT NULL REFERENCES task_runs (id),
    client_id BIGINT,
    subject TEXT,
    message TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX task_failures_run ON task_failures (run_id, id);
