//! API credentials: an identifier and a secret that belong to an administrator and have that role's permissions. The
//! secret has 256 random bits, so its SHA-256 is stored; it is shown once.

use kernel::{Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::{Random, crypto, params};

use crate::activity_log::{self, Activity, Actor};

pub struct NewCredential {
    pub identifier: String,
    pub secret: String,
}

pub async fn create(tx: &mut Tx, by: &Actor, admin_id: i64, random: &Random, now: Timestamp) -> Result<NewCredential> {
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

/// A credential that is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credential {
    pub id: i64,
    pub admin_id: i64,
}

/// The credential whose identifier and secret these are.
pub async fn authenticate(conn: &mut Conn, identifier: &str, secret: &str) -> Result<Option<Credential>> {
    let found: Option<(i64, String, i64)> = conn
        .optional(
            "SELECT c.id, c.secret_hash, c.admin_id FROM api_credentials c JOIN admins a ON a.id = c.admin_id \
             WHERE c.identifier = $1 AND c.revoked_at IS NULL AND NOT a.disabled",
            params![identifier],
        )
        .await?;
    let given = crypto::sha256_hex(secret.as_bytes());
    Ok(found.and_then(|(id, hash, admin_id)| crypto::same(&hash, &given).then_some(Credential { id, admin_id })))
}
