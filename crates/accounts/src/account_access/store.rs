//! The statements about the users of a client.

use kernel::Result;
use platform::db::{Conn, Tx};
use platform::params;

use super::Member;

const COLUMNS: &str = "u.id, u.first_name, u.last_name, u.email, u.last_login_at, cu.is_owner, cu.permissions";

pub(super) async fn members(conn: &mut Conn, client_id: i64) -> Result<Vec<Member>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM client_users cu JOIN users u ON u.id = cu.user_id WHERE cu.client_id = $1 \
         ORDER BY cu.is_owner DESC, u.id"
    );
    conn.all(&sql, params![client_id]).await
}

pub(super) async fn member(conn: &mut Conn, client_id: i64, user_id: i64) -> Result<Option<Member>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM client_users cu JOIN users u ON u.id = cu.user_id \
         WHERE cu.client_id = $1 AND cu.user_id = $2"
    );
    conn.optional(&sql, params![client_id, user_id]).await
}

/// Users, with those who are invited.
pub(super) async fn how_many(conn: &mut Conn, client_id: i64) -> Result<i64> {
    conn.scalar(
        "SELECT (SELECT COUNT(*) FROM client_users WHERE client_id = $1) \
         + (SELECT COUNT(*) FROM account_invitations WHERE client_id = $1 AND ended_at IS NULL)",
        params![client_id],
    )
    .await
}

/// The owner's are not touched.
pub(super) async fn set_permissions(tx: &mut Tx, client_id: i64, user_id: i64, permissions: &str) -> Result<()> {
    tx.execute(
        "UPDATE client_users SET permissions = $3 WHERE client_id = $1 AND user_id = $2 AND NOT is_owner",
        params![client_id, user_id, permissions],
    )
    .await?;
    Ok(())
}

/// Makes a user of a client its owner. The client is locked.
pub(super) async fn transfer(tx: &mut Tx, client_id: i64, user_id: i64, all: &str) -> Result<()> {
    tx.execute(
        "UPDATE client_users SET is_owner = FALSE, permissions = $2 WHERE client_id = $1 AND is_owner",
        params![client_id, all],
    )
    .await?;
    tx.execute(
        "UPDATE client_users SET is_owner = TRUE WHERE client_id = $1 AND user_id = $2",
        params![client_id, user_id],
    )
    .await?;
    Ok(())
}
