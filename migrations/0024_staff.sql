-- What staff are called, what stands under what they write, and their own notes.
ALTER TABLE admins ADD COLUMN first_name TEXT NOT NULL DEFAULT '';
ALTER TABLE admins ADD COLUMN last_name TEXT NOT NULL DEFAULT '';
ALTER TABLE admins ADD COLUMN signature TEXT NOT NULL DEFAULT '';
ALTER TABLE admins ADD COLUMN notes TEXT NOT NULL DEFAULT '';
ALTER TABLE admins ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
UPDATE admins SET updated_at = created_at;
CREATE INDEX admins_name ON admins (last_name, first_name, id);
CREATE INDEX admins_role ON admins (role_id, id);
CREATE INDEX admins_last_login ON admins (last_login_at, id);
CREATE INDEX admins_disabled ON admins (disabled, id);
CREATE INDEX admin_links_admin ON admin_links (admin_id);
CREATE INDEX sessions_seen ON sessions (seen_at);

-- The own account asked for no permission of its own until now.
INSERT INTO role_permissions (role_id, permission)
SELECT role_id, 'My Account' FROM role_permissions WHERE permission = 'Main Homepage'
ON CONFLICT (role_id, permission) DO NOTHING;
