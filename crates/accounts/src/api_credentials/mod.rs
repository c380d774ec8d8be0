//! API credentials: an identifier and a secret that belong to an administrator and have that role's permissions. The
//! secret has 256 random bits, so its SHA-256 is stored; it is shown once.

use kernel::{Result, Timestamp};
use platform::db::Tx;
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
