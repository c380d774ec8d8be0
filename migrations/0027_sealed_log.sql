-- On whose behalf: the client whose owner's pages staff have opened.
ALTER TABLE activity_log ADD COLUMN behalf TEXT;
-- NULL: not sealed yet.
ALTER TABLE activity_log ADD COLUMN seal BIGINT;
CREATE INDEX activity_log_sealed ON activity_log (seal, id) WHERE seal IS NOT NULL;
CREATE INDEX activity_log_unsealed ON activity_log (id) WHERE seal IS NULL;
CREATE INDEX activity_log_kind ON activity_log (actor_kind, at, id);

-- A link of the chain: the hash is over the one before and the entries of this one. Ids have no gap.
CREATE TABLE activity_seals (
    id BIGINT PRIMARY KEY,
    hash TEXT NOT NULL,
    sealed_at BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    -- Of the latest entry.
    last_at BIGINT NOT NULL,
    -- Its entries were cleared away by retention.
    pruned_at BIGINT
);

{only sqlite}
CREATE TRIGGER activity_log_is_appended BEFORE UPDATE OF
    id, at, actor_kind, actor_id, actor_name, ip, client_id, subject, description, changes, behalf ON activity_log
BEGIN SELECT RAISE(ABORT, 'the activity log is only appended to'); END;
CREATE TRIGGER activity_log_is_sealed_once BEFORE UPDATE OF seal ON activity_log WHEN OLD.seal IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the entry of the activity log is sealed'); END;
CREATE TRIGGER activity_log_is_kept BEFORE DELETE ON activity_log
WHEN NOT EXISTS (SELECT 1 FROM activity_seals s WHERE s.id = OLD.seal AND s.pruned_at IS NOT NULL)
BEGIN SELECT RAISE(ABORT, 'the activity log is only cleared by its retention'); END;
CREATE TRIGGER activity_seals_stay BEFORE UPDATE ON activity_seals
WHEN OLD.pruned_at IS NOT NULL OR NEW.id <> OLD.id OR NEW.hash <> OLD.hash OR NEW.sealed_at <> OLD.sealed_at
    OR NEW.entries <> OLD.entries OR NEW.last_at <> OLD.last_at
BEGIN SELECT RAISE(ABORT, 'a seal of the activity log does not change'); END;
CREATE TRIGGER activity_seals_are_kept BEFORE DELETE ON activity_seals
WHEN NOT EXISTS (SELECT 1 FROM activity_seals s WHERE s.id > OLD.id AND s.pruned_at IS NOT NULL)
BEGIN SELECT RAISE(ABORT, 'a seal of the activity log is kept'); END;
{end}
{only postgres}
CREATE OR REPLACE FUNCTION innkeeper_log_is_appended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the activity log is only appended to'; END $$;
CREATE OR REPLACE FUNCTION innkeeper_log_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM activity_seals s WHERE s.id = OLD.seal AND s.pruned_at IS NOT NULL) THEN RETURN OLD; END IF;
    RAISE EXCEPTION 'the activity log is only cleared by its retention';
END $$;
CREATE OR REPLACE FUNCTION innkeeper_seals_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'a seal of the activity log does not change'; END $$;
CREATE OR REPLACE FUNCTION innkeeper_seals_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM activity_seals s WHERE s.id > OLD.id AND s.pruned_at IS NOT NULL) THEN RETURN OLD; END IF;
    RAISE EXCEPTION 'a seal of the activity log is kept';
END $$;
CREATE TRIGGER activity_log_is_appended BEFORE UPDATE OF
    id, at, actor_kind, actor_id, actor_name, ip, client_id, subject, description, changes, behalf ON activity_log
    FOR EACH ROW EXECUTE FUNCTION innkeeper_log_is_appended();
CREATE TRIGGER activity_log_is_sealed_once BEFORE UPDATE OF seal ON activity_log
    FOR EACH ROW WHEN (OLD.seal IS NOT NULL) EXECUTE FUNCTION innkeeper_log_is_appended();
CREATE TRIGGER activity_log_is_kept BEFORE DELETE ON activity_log
    FOR EACH ROW EXECUTE FUNCTION innkeeper_log_is_kept();
CREATE TRIGGER activity_log_is_not_emptied BEFORE TRUNCATE ON activity_log
    FOR EACH STATEMENT EXECUTE FUNCTION innkeeper_log_is_appended();
CREATE TRIGGER activity_seals_stay BEFORE UPDATE ON activity_seals FOR EACH ROW
    WHEN (OLD.pruned_at IS NOT NULL OR NEW.id <> OLD.id OR NEW.hash <> OLD.hash OR NEW.sealed_at <> OLD.sealed_at
        OR NEW.entries <> OLD.entries OR NEW.last_at <> OLD.last_at)
    EXECUTE FUNCTION innkeeper_seals_stay();
CREATE TRIGGER activity_seals_are_kept BEFORE DELETE ON activity_seals
    FOR EACH ROW EXECUTE FUNCTION innkeeper_seals_are_kept();
CREATE TRIGGER activity_seals_are_not_emptied BEFORE TRUNCATE ON activity_seals
    FOR EACH STATEMENT EXECUTE FUNCTION innkeeper_seals_stay();
{end}

-- Who of the staff was logged in, from when to when. A session's row goes when it ends; this stays.
CREATE TABLE admin_logins (
    id {id},
    session TEXT NOT NULL UNIQUE,
    admin_id BIGINT NOT NULL REFERENCES admins (id),
    ip TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    -- The last page, to a few minutes.
    seen_at BIGINT NOT NULL,
    -- NULL: it goes on, or has timed out.
    ended_at BIGINT
);
CREATE INDEX admin_logins_started ON admin_logins (started_at, id);
CREATE INDEX admin_logins_seen ON admin_logins (seen_at, id);
CREATE INDEX admin_logins_admin ON admin_logins (admin_id, started_at, id);
INSERT INTO admin_logins (session, admin_id, ip, started_at, seen_at)
    SELECT s.token_hash, s.admin_id, s.ip, s.created_at, s.seen_at FROM sessions s;
