//! The list of RDAP servers: shipped with the program, and fetched anew from IANA when staff ask for it.

use accounts::activity_log::{self, Activity, Actor};
use kernel::{Error, Result, Timestamp};
use names::rdap::Bootstrap;
use platform::App;
use platform::db::Conn;
use platform::params;

use super::Wire;

/// IANA's file has a tenth of this.
const LARGEST: usize = 4 * 1024 * 1024;
/// A list with fewer extensions than this is not the list.
const FEWEST: usize = 100;

/// The list that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Servers {
    /// What IANA says of its day.
    pub publication: String,
    /// `None`: it came with the program.
    pub fetched: Option<String>,
    pub fetched_at: Option<Timestamp>,
}

pub async fn servers(conn: &mut Conn) -> Result<Servers> {
    let row: Option<(String, String, Timestamp)> =
        conn.optional("SELECT content, publication, fetched_at FROM rdap_bootstrap WHERE id = 1", params![]).await?;
    Ok(match row {
        Some((content, publication, at)) => Servers { publication, fetched: Some(content), fetched_at: Some(at) },
        None => Servers { publication: Bootstrap::shipped().publication, fetched: None, fetched_at: None },
    })
}

/// What came of fetching the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    pub publication: String,
    pub extensions: usize,
}

/// Fetches IANA's list and uses it from now on. What is not the list changes nothing.
pub async fn refresh_servers(app: &App, by: &Actor) -> Result<Fetched> {
    let wire = app.get::<Wire>()?;
    let content = fetch(&wire).await?;
    let list = Bootstrap::parse(content.as_bytes()).map_err(|error| {
        Error::refused(format!("What came from {} is not the list: {error}", wire.bootstrap_address))
    })?;
    if list.len() < FEWEST {
        let words = format!("The list has only {} extensions, so it is not used.", list.len());
        return Err(Error::refused(words));
    }
    let now = app.clock.now();
    let mut tx = app.db.write().await?;
    tx.execute(
        "INSERT INTO rdap_bootstrap (id, content, publication, fetched_at) VALUES (1, $1, $2, $3) \
         ON CONFLICT (id) DO UPDATE SET content = excluded.content, publication = excluded.publication, \
         fetched_at = excluded.fetched_at",
        params![content, list.publication, now],
    )
    .await?;
    let activity = Activity::new(format!("List of RDAP servers of {} fetched from IANA", list.publication));
    activity_log::record(&mut tx, by, activity, now).await?;
    tx.commit().await?;
    Ok(Fetched { publication: list.publication.clone(), extensions: list.len() })
}

async fn fetch(wire: &Wire) -> Result<String> {
    let address = &wire.bootstrap_address;
    let not_reached =
        |error: reqwest::Error| Error::refused(format!("{address} did not answer: {}", error.without_url()));
    let mut response = wire.http.get(address).send().await.map_err(not_reached)?;
    if !response.status().is_success() {
        return Err(Error::refused(format!("{address} answered with status {}.", response.status().as_u16())));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(not_reached)? {
        if bytes.len() + chunk.len() > LARGEST {
            return Err(Error::refused(format!("{address} sends more than the list can have.")));
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).or(Err(Error::refused(format!("What came from {address} is no text."))))
}
