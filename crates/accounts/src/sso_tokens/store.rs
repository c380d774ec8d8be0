//! The statements about single sign-on tokens.

use kernel::{Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::{params, record};

use crate::roles::Permission;

record! {
    pub(super) struct Token {
        pub user_id: i64,
        pub client_id: Option<i64>,
        pub credential_id: Option<i64>,
        pub oauth_credential_id: Option<i64>,
        pub voucher: String,
        pub target: String,
    }
}

pub(super) async fn insert(
    tx: &mut Tx,
    hash: &str,
    token: &Token,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<()> {
    tx.execute(
        "INSERT INTO sso_tokens (token_hash, user_id, client_id, credential_id, oauth_credential_id, voucher, target, \
         created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        params![
            hash,
            token.user_id,
            token.client_id,
            token.credential_id,
            token.oauth_credential_id,
            token.voucher,
            token.target,
            now,
            expires_at
        ],
    )
    .await?;
    Ok(())
}

/// Uses a good token up. Of two at the same time the second finds none.
pub(super) async fn take(tx: &mut Tx, hash: &str, now: Timestamp) -> Result<Option<Token>> {
    let sql = format!(
        "UPDATE sso_tokens SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2 RETURNING {}",
        Token::columns("")
    );
    tx.optional(&sql, params![hash, now]).await
}

pub(super) async fn forget_program(tx: &mut Tx, oauth_credential_id: i64) -> Result<()> {
    tx.execute("DELETE FROM sso_tokens WHERE oauth_credential_id = $1", params![oauth_credential_id]).await?;
    Ok(())
}

/// Whether an administrator has the permission at this moment.
pub(super) async fn may(conn: &mut Conn, admin_id: i64, permission: Permission) -> Result<bool> {
    conn.scalar(
        "SELECT EXISTS (SELECT 1 FROM admins a JOIN role_permissions rp ON rp.role_id = a.role_id \
         WHERE a.id = $1 AND NOT a.disabled AND rp.permission = $2)",
        params![admin_id, permission.0],
    )
    .await
}
