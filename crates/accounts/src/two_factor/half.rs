//! Logins of which the password was right and the second factor is still to come. A cookie of its own names them; they
//! open nothing but the pages on which to show or set up a factor.

use kernel::{Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::{Random, crypto};

use super::{Person, store, totp};

/// Seconds in which the second factor must come.
pub const LIFE: i64 = 600;
/// Wrong codes after which it begins with the password again.
pub const TRIES: i64 = 5;

#[derive(Debug, Clone)]
pub struct HalfLogin {
    pub person: Person,
    /// Where the browser wanted to go.
    pub next: String,
    pub remember: bool,
    token_hash: String,
}

/// What comes with the right password.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    pub next: &'a str,
    pub remember: bool,
}

/// Begins one; the cookie's value.
pub async fn begin(tx: &mut Tx, person: Person, wish: Wish<'_>, random: &Random, now: Timestamp) -> Result<String> {
    let token = random.token();
    let hash = crypto::sha256_hex(token.as_bytes());
    totp::forget_unconfirmed(tx, person).await?;
    store::insert_half_login(tx, &hash, &person.to_string(), wish, now.plus_seconds(LIFE)).await?;
    Ok(token)
}

pub async fn find(conn: &mut Conn, token: &str, now: Timestamp) -> Result<Option<HalfLogin>> {
    let token_hash = crypto::sha256_hex(token.as_bytes());
    let Some((person, next, remember)) = store::half_login(conn, &token_hash, TRIES, now).await? else {
        return Ok(None);
    };
    Ok(Some(HalfLogin { person: Person::parse(&person)?, next, remember, token_hash }))
}

impl HalfLogin {
    /// Takes one of the tries before the code is looked at: who sends many at once has no more of them.
    pub async fn take_try(&self, tx: &mut Tx) -> Result<bool> {
        store::take_try(tx, &self.token_hash, TRIES).await
    }

    /// Ends it, when the whole login is done. `false` when another request has just done so.
    pub async fn end(&self, tx: &mut Tx) -> Result<bool> {
        store::end_half_login(tx, &self.token_hash).await
    }
}
