-- A database that came from a backup. What gateways did between the backup and the restore is not in its books.
CREATE TABLE restores (
    id {id},
    -- When the backup was made.
    backup_made_at BIGINT NOT NULL,
    restored_at BIGINT NOT NULL,
    -- When the books were compared with the gateways'; NULL while payments are on hold.
    released_at BIGINT,
    released_by TEXT
);
