//! The access key of the older scheme: who sends it as `accesskey` to the compatible API is let in from an address that
//! the setting `api_networks` does not have. It replaces no credential, and no list of a credential's own.
//!
//! It is random and has more than 240 bits, so a fast hash of it is stored; it is shown once.

use kernel::{Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::settings::{self, Setting, Values, anything};
use platform::{Kind, Random, crypto};

use super::MANAGE;
use crate::activity_log::{self, Activity, Actor};

/// Where the hash is stored. No page and no command shows or sets it, so it is in no registry.
pub(crate) const HASH: Setting = Setting {
    key: "api_access_key_hash",
    kind: Kind::Text { max: 64 },
    default: "",
    section: "Security",
    label: "API access key",
    help: "",
    rule: anything,
    read_by: "accounts::doors::limits::Limits::api_open_to",
};

/// What clients of the older scheme can send.
const ALPHABET: &[u8; 75] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!@#$%.()*[]-_";
const LENGTH: usize = 40;

/// A new key, which replaces the one before.
pub async fn make(tx: &mut Tx, by: &Actor, random: &Random, now: Timestamp) -> Result<String> {
    by.require(MANAGE)?;
    let had = exists(tx).await?;
    let key = text(random);
    settings::put(tx, &HASH, &crypto::sha256_hex(key.as_bytes()), now).await?;
    let what = if had { "replaced" } else { "made" };
    activity_log::record(tx, by, Activity::new(format!("API access key {what}")).about("api_access_key:1"), now)
        .await?;
    Ok(key)
}

/// Takes the key away; `false` when there was none.
pub async fn remove(tx: &mut Tx, by: &Actor, now: Timestamp) -> Result<bool> {
    by.require(MANAGE)?;
    if !exists(tx).await? {
        return Ok(false);
    }
    settings::put(tx, &HASH, "", now).await?;
    activity_log::record(tx, by, Activity::new("API access key removed").about("api_access_key:1"), now).await?;
    Ok(true)
}

pub async fn exists(conn: &mut Conn) -> Result<bool> {
    Ok(!Values::load(conn).await?.text(&HASH).is_empty())
}

/// Evenly drawn characters: of 256 bytes, those beyond the last whole alphabet are left out.
fn text(random: &Random) -> String {
    let whole = 256 / ALPHABET.len() * ALPHABET.len();
    let mut key = String::with_capacity(LENGTH);
    while key.len() < LENGTH {
        let mut bytes = [0; LENGTH];
        random.fill(&mut bytes);
        let usable = bytes.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < whole);
        key.extend(usable.take(LENGTH - key.len()).map(|byte| char::from(ALPHABET[byte % ALPHABET.len()])));
    }
    key
}
