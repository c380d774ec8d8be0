//! The statements about API roles.

use kernel::{Result, Timestamp};
use platform::db::{Conn, Insert, Tx};
use platform::{cells, params};

use super::ApiRole;

const ROLE: &str = "SELECT r.id, r.name, r.created_at, \
    (SELECT COUNT(*) FROM api_role_deeds d WHERE d.role_id = r.id), \
    (SELECT COUNT(*) FROM api_credentials c WHERE c.role_id = r.id AND c.revoked_at IS NULL) FROM api_roles r";

/// Every role, by name.
pub async fn all(conn: &mut Conn) -> Result<Vec<ApiRole>> {
    conn.all(&format!("{ROLE} ORDER BY r.name"), params![]).await
}

pub(super) async fn find(conn: &mut Conn, id: i64) -> Result<Option<ApiRole>> {
    conn.optional(&format!("{ROLE} WHERE r.id = $1"), params![id]).await
}

pub(super) async fn named(conn: &mut Conn, name: &str) -> Result<Option<i64>> {
    let found: Option<(i64,)> = conn.optional("SELECT id FROM api_roles WHERE name = $1", params![name]).await?;
    Ok(found.map(|(id,)| id))
}

pub(super) async fn allowed(conn: &mut Conn, id: i64) -> Result<Vec<String>> {
    conn.column("SELECT deed FROM api_role_deeds WHERE role_id = $1 ORDER BY deed", params![id]).await
}

/// `None` when the name is taken.
pub(super) async fn insert(tx: &mut Tx, name: &str, now: Timestamp) -> Result<Option<i64>> {
    let made: Option<(i64,)> = tx
        .optional(
            "INSERT INTO api_roles (name, created_at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING RETURNING id",
            params![name, now],
        )
        .await?;
    Ok(made.map(|(id,)| id))
}

pub(super) async fn rename(tx: &mut Tx, id: i64, name: &str) -> Result<u64> {
    tx.execute("UPDATE api_roles SET name = $2 WHERE id = $1", params![id, name]).await
}

/// Makes these the things that a role allows, and no others.
pub(super) async fn allow(tx: &mut Tx, id: i64, deeds: &[String]) -> Result<()> {
    tx.execute("DELETE FROM api_role_deeds WHERE role_id = $1", params![id]).await?;
    let mut rows = Insert::into("api_role_deeds", &["role_id", "deed"]);
    for deed in deeds {
        rows.row(cells![id, deed]);
    }
    rows.run(tx).await?;
    Ok(())
}

pub(super) async fn delete(tx: &mut Tx, id: i64) -> Result<()> {
    // Those that are revoked keep no role.
    tx.execute("UPDATE api_credentials SET role_id = NULL WHERE role_id = $1", params![id]).await?;
    tx.execute("DELETE FROM api_role_deeds WHERE role_id = $1", params![id]).await?;
    tx.execute("DELETE FROM api_roles WHERE id = $1", params![id]).await?;
    Ok(())
}
