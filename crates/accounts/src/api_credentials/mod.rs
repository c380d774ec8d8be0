//! API credentials: an identifier and a secret that belong to an administrator and have that role's permissions. The
//! secret has 256 random bits, so its SHA-256 is stored; it is shown once.

#[cfg(test)]
mod tests;

use kernel::{Error, Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::{Random, crypto, params, record};

use crate::activity_log::{self, Activity, Actor};
use crate::admins;

pub struct NewCredential {
    pub identifier: String,
    pub secret: String,
}

pub async fn create(tx: &mut Tx, by: &Actor, admin_id: i64, random: &Random, now: Timestamp) -> Result<NewCredential> {
    let admin = admins::find(tx, admin_id).await?;
    if admin.disabled {
        return Err(Error::refused(format!("The administrator {} is disabled.", admin.username)));
    }
    let identifier = random.token()[..32].to_owned();
    let secret = random.token();
    tx.execute(
        "INSERT INTO api_credentials (identifier, secret_hash, admin_id, created_at) VALUES ($1, $2, $3, $4)",
        params![identifier, crypto::sha256_hex(secret.as_bytes()), admin_id, now],
    )
    .await?;
    activity_log::record(
        tx,
        by,
        Activity::new(format!("API credential {}… created", &identifier[..8])).about(format!("admin:{admin_id}")),
        now,
    )
    .await?;
    Ok(NewCredential { identifier, secret })
}

record! {
    /// A credential without its secret, which is not known here.
    #[derive(Debug, Clone, serde::Serialize)]
    pub struct Listed {
        pub identifier: String,
        pub admin_id: i64,
        pub admin: String,
        /// Of no use while its administrator is disabled.
        pub admin_disabled: bool,
        pub created_at: Timestamp,
        pub revoked_at: Option<Timestamp>,
    }
}

const LISTED: &str = "SELECT c.identifier, c.admin_id, a.username, a.disabled, c.created_at, c.revoked_at \
                      FROM api_credentials c JOIN admins a ON a.id = c.admin_id";

/// All of them, in the order in which they were made.
pub async fn list(conn: &mut Conn) -> Result<Vec<Listed>> {
    conn.all(&format!("{LISTED} ORDER BY c.id"), params![]).await
}

/// Makes a credential useless for ever. Doing it again changes nothing.
pub async fn revoke(tx: &mut Tx, by: &Actor, identifier: &str, now: Timestamp) -> Result<Listed> {
    let found: Option<Listed> = tx.optional(&format!("{LISTED} WHERE c.identifier = $1"), params![identifier]).await?;
    let known = found.ok_or(Error::NotFound("API credential"))?;
    let revoked = tx
        .execute(
            "UPDATE api_credentials SET revoked_at = $2 WHERE identifier = $1 AND revoked_at IS NULL",
            params![identifier, now],
        )
        .await?;
    if revoked == 0 {
        return Ok(known);
    }
    let text = format!("API credential {}… of {} revoked", &known.identifier[..8], known.admin);
    activity_log::record(tx, by, Activity::new(text).about(format!("admin:{}", known.admin_id)), now).await?;
    Ok(Listed { revoked_at: Some(now), ..known })
}
