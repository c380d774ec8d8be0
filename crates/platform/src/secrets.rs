//! Named secrets, encrypted at rest: keys of gateways, the SMTP password. Never logged, never shown again.

use kernel::{Error, Result, Timestamp};

use crate::clock::Random;
use crate::crypto::Vault;
use crate::db::{Conn, Tx};
use crate::params;

/// A secret by its place, decrypted.
pub async fn get(conn: &mut Conn, vault: &Vault, place: &str) -> Result<Option<String>> {
    let sealed: Option<(Vec<u8>,)> =
        conn.optional("SELECT sealed FROM secrets WHERE place = $1", params![place]).await?;
    match sealed {
        Some((sealed,)) => {
            let plain = vault.open(place, &sealed)?;
            String::from_utf8(plain)
                .map(Some)
                .or(Err(Error::broken(format!("vault: the secret at {place} is no text"))))
        }
        None => Ok(None),
    }
}

/// Whether there is a secret, without decrypting it.
pub async fn exists(conn: &mut Conn, place: &str) -> Result<bool> {
    Ok(conn.scalar::<i64>("SELECT COUNT(*) FROM secrets WHERE place = $1", params![place]).await? > 0)
}

/// Stores a secret at its place.
pub async fn set(tx: &mut Tx, vault: &Vault, random: &Random, place: &str, plain: &str, now: Timestamp) -> Result<()> {
    let sealed = vault.seal(random, place, plain.as_bytes())?;
    tx.execute(
        "INSERT INTO secrets (place, sealed, updated_at) VALUES ($1, $2, $3) \
         ON CONFLICT (place) DO UPDATE SET sealed = excluded.sealed, updated_at = excluded.updated_at",
        params![place, sealed, now],
    )
    .await?;
    Ok(())
}

/// Forgets a secret; `false` when there was none.
pub async fn remove(tx: &mut Tx, place: &str) -> Result<bool> {
    Ok(tx.execute("DELETE FROM secrets WHERE place = $1", params![place]).await? > 0)
}
