-- The kinds of mail that a client does not want, such as `invoice support`; every other kind is wanted.
ALTER TABLE clients ADD COLUMN email_preferences TEXT NOT NULL DEFAULT '';
-- A mail that was not sent because the client does not want its kind is kept, so that whoever looks for it finds why.
ALTER TABLE mails ADD COLUMN became TEXT NOT NULL DEFAULT 'queued'
    CHECK (became IN ('queued', 'sent', 'failed', 'unwanted'));
UPDATE mails SET became = state;
ALTER TABLE mails DROP COLUMN state;
ALTER TABLE mails RENAME COLUMN became TO state;
