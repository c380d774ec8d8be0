//! A name and address as they were on a day. Documents point at a party, and a party never changes: equal ones are one
//! row, found by the hash of their content.

use kernel::{Error, Result};
use platform::db::{Conn, Tx};
use platform::{crypto, params};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Party {
    pub name: String,
    pub company: String,
    pub email: String,
    pub address1: String,
    pub address2: String,
    pub city: String,
    pub state: String,
    pub postcode: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    pub phone: String,
    pub tax_id: String,
}

impl Party {
    /// The address as lines to print; empty ones left out.
    pub fn lines(&self) -> Vec<String> {
        let place = [self.postcode.as_str(), self.city.as_str()].join(" ");
        let country = crate::clients::country_name(&self.country).unwrap_or(&self.country);
        [&self.company, &self.name, &self.address1, &self.address2, place.trim(), &self.state, country]
            .into_iter()
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect()
    }
}

/// Stores the party, or finds the equal one.
pub async fn keep(tx: &mut Tx, party: &Party) -> Result<i64> {
    let document = serde_json::to_string(party).map_err(|error| Error::broken(format!("party: {error}")))?;
    let hash = crypto::sha256_hex(document.as_bytes());
    tx.execute(
        "INSERT INTO parties (hash, document) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING",
        params![hash, document],
    )
    .await?;
    tx.scalar("SELECT id FROM parties WHERE hash = $1", params![hash]).await
}

/// The stored parties that are not what was stored: their content has another hash than the one they are found by.
pub async fn altered(conn: &mut Conn) -> Result<Vec<i64>> {
    let mut altered = Vec::new();
    let take = |row: &platform::db::Row<'_>| {
        let (id, hash, document): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if crypto::sha256_hex(document.as_bytes()) != hash {
            altered.push(id);
        }
        Ok(())
    };
    conn.each("SELECT id, hash, document FROM parties ORDER BY id", params![], take).await?;
    Ok(altered)
}

pub async fn find(conn: &mut Conn, id: i64) -> Result<Party> {
    let document: String = conn.scalar("SELECT document FROM parties WHERE id = $1", params![id]).await?;
    read(&document)
}

/// A stored document, for statements that ask for more than the party.
pub fn read(document: &str) -> Result<Party> {
    serde_json::from_str(document).map_err(|error| Error::broken(format!("party: {error}")))
}
