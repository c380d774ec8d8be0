-- Answers to captchas of our own that were used: each is good once.
CREATE TABLE captcha_uses (
    token_hash TEXT PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX captcha_uses_expires ON captcha_uses (expires_at);
