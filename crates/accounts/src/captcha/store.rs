//! The statement about used captchas.

use kernel::{Result, Timestamp};
use platform::db::Tx;
use platform::{crypto, params};

/// `false` when this one was used before.
pub(super) async fn use_once(tx: &mut Tx, token: &str, expires_at: Timestamp) -> Result<bool> {
    let sql = "INSERT INTO captcha_uses (token_hash, expires_at) VALUES ($1, $2) ON CONFLICT (token_hash) DO NOTHING";
    Ok(tx.execute(sql, params![crypto::sha256_hex(token.as_bytes()), expires_at]).await? == 1)
}
