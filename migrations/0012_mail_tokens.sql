-- What makes a link in a mail good, encrypted; there only until the mail is delivered. The bodies have a place for it.
ALTER TABLE mails ADD COLUMN sealed_token {bytes};
