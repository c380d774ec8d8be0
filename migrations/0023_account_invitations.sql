-- Invitations to act for a client. The secret is in the mail alone; here is its hash.
CREATE TABLE account_invitations (
    id {id},
    client_id BIGINT NOT NULL REFERENCES clients (id),
    email TEXT NOT NULL,
    email_lower TEXT NOT NULL,
    -- Keys, a line each.
    permissions TEXT NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    invited_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- The last mail, and how many there were.
    sent_at BIGINT NOT NULL,
    sent BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- When it was accepted, cancelled or replaced.
    ended_at BIGINT
);
CREATE UNIQUE INDEX account_invitations_open ON account_invitations (client_id, email_lower) WHERE ended_at IS NULL;
CREATE INDEX account_invitations_sent ON account_invitations (client_id, sent_at);
CREATE INDEX account_invitations_expires ON account_invitations (expires_at);
