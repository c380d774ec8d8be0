-- Addresses and domains that cannot open an account or a ticket. A domain has no @ and covers what is under it.
CREATE TABLE banned_emails (
    id {id},
    email {code} NOT NULL UNIQUE,
    note TEXT NOT NULL,
    -- Who set it: staff or an API client.
    set_by TEXT NOT NULL,
    -- Tries that were refused, and the last of them.
    blocked BIGINT NOT NULL,
    blocked_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX banned_emails_email ON banned_emails (email, id);
CREATE INDEX banned_emails_created ON banned_emails (created_at, id);
CREATE INDEX banned_emails_blocked ON banned_emails (blocked, id);
CREATE INDEX banned_emails_blocked_at ON banned_emails (blocked_at, id);

-- What users may choose to be asked before their password is reset.
CREATE TABLE security_questions (
    id {id},
    question TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);
CREATE TABLE security_answers (
    user_id BIGINT PRIMARY KEY REFERENCES users (id),
    question_id BIGINT NOT NULL REFERENCES security_questions (id),
    answer_hash TEXT NOT NULL,
    set_at BIGINT NOT NULL
);
CREATE INDEX security_answers_question ON security_answers (question_id);
