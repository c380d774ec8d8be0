//! Requests and forms that are carried out once, however often they are sent.
//!
//! What must hold: who repeats names the same key. It is taken in the transaction of the work itself, so that there is
//! either both or neither; of two at the same time the second waits for the first and then finds the key taken. Only work
//! that talks to a provider between transactions takes its key before, and says so.

mod store;

use kernel::{Error, Result, Timestamp};
use platform::crypto;
use platform::db::{Conn, Tx};
use platform::prune::{After, KEEP_KEYS, Rubbish};

/// What is no longer recognised as repeated.
pub const FORGOTTEN: Rubbish = Rubbish {
    name: "answers to repeated requests",
    table: "idempotency_keys",
    key: "scope, key",
    condition: "created_at < $1",
    after: After::Days(&KEEP_KEYS),
};

/// What stands for the HTTP status of an answer that is not there yet.
const UNDER_WAY: i64 = 0;
const SEE_OTHER: i64 = 303;

#[derive(Debug, Clone)]
pub struct Key {
    scope: String,
    key: String,
    /// Of what was asked; a key stands for one request.
    request_hash: String,
}

/// The answer that a request with the same key was given.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Key {
    /// Of an API's `Idempotency-Key`.
    pub fn of_request(admin_id: i64, key: &str, request: &[u8]) -> Key {
        Key { scope: format!("api:{admin_id}"), key: key.to_owned(), request_hash: crypto::sha256_hex(request) }
    }

    /// Of a form's hidden field.
    pub fn of_form(key: &str) -> Key {
        Key { scope: "form".to_owned(), key: key.to_owned(), request_hash: String::new() }
    }

    /// The answer that there was, if this is a repetition.
    pub async fn answer(&self, conn: &mut Conn) -> Result<Option<Answer>> {
        match store::find(conn, self).await? {
            Some((hash, ..)) if hash != self.request_hash => {
                Err(Error::invalid("Idempotency-Key", "This key was used for a different request. Use a new one."))
            }
            Some((_, UNDER_WAY, _)) => Err(under_way()),
            Some((_, status, body)) => Ok(Some(Answer { status: u16::try_from(status).unwrap_or(200), body })),
            None => Ok(None),
        }
    }

    /// Takes the key with the answer that it stands for; whether it was free.
    pub async fn take(&self, tx: &mut Tx, status: u16, body: &str, now: Timestamp) -> Result<bool> {
        store::take(tx, self, i64::from(status), body, now).await
    }

    /// Takes a form's key; whether it was free.
    pub async fn take_form(&self, tx: &mut Tx, now: Timestamp) -> Result<bool> {
        store::take(tx, self, SEE_OTHER, "", now).await
    }

    /// Takes the key for work that begins now and is answered later.
    pub async fn begin(&self, tx: &mut Tx, now: Timestamp) -> Result<()> {
        if store::take(tx, self, UNDER_WAY, "", now).await? { Ok(()) } else { Err(under_way()) }
    }

    /// The answer of what was begun.
    pub async fn end(&self, tx: &mut Tx, status: u16, body: &str) -> Result<()> {
        store::end(tx, self, i64::from(status), body).await
    }

    /// Nothing came of what was begun.
    pub async fn free(&self, tx: &mut Tx) -> Result<()> {
        store::free(tx, self).await
    }
}

fn under_way() -> Error {
    Error::conflict(
        "A request with this Idempotency-Key was begun and has not ended, or broke off. Look at what it was about before \
         you use a new key.",
    )
}
