-- What an API credential may be used for, where it is less than its administrator may do.
CREATE TABLE api_roles (
    id {id},
    name TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);
-- `getclients`: a compatible action. `GET /clients/{id}`: an operation of the JSON API.
CREATE TABLE api_role_deeds (
    role_id BIGINT NOT NULL REFERENCES api_roles (id),
    deed TEXT NOT NULL,
    PRIMARY KEY (role_id, deed)
);

ALTER TABLE api_credentials ADD COLUMN description TEXT NOT NULL DEFAULT '';
-- NULL: everything that the administrator may.
ALTER TABLE api_credentials ADD COLUMN role_id BIGINT REFERENCES api_roles (id);
-- From where; empty: from everywhere.
ALTER TABLE api_credentials ADD COLUMN networks TEXT NOT NULL DEFAULT '';
ALTER TABLE api_credentials ADD COLUMN expires_at BIGINT;
-- NULL: as the setting says.
ALTER TABLE api_credentials ADD COLUMN requests_per_minute BIGINT;
ALTER TABLE api_credentials ADD COLUMN last_used_ip TEXT NOT NULL DEFAULT '';
-- The secret before the last rotation, while it is still good.
ALTER TABLE api_credentials ADD COLUMN old_secret_hash TEXT;
ALTER TABLE api_credentials ADD COLUMN old_secret_until BIGINT;
ALTER TABLE api_credentials ADD COLUMN rotated_at BIGINT;
CREATE INDEX api_credentials_created ON api_credentials (created_at, id);
CREATE INDEX api_credentials_used ON api_credentials (last_used_at, id);
CREATE INDEX api_credentials_expires ON api_credentials (expires_at, id);
CREATE INDEX api_credentials_admin ON api_credentials (admin_id, id);
CREATE INDEX api_credentials_role ON api_credentials (role_id) WHERE role_id IS NOT NULL;
