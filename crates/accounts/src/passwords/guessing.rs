//! How guessing is slowed down, on all nodes together: wrong passwords are counted in the database.
//!
//! An account is named with the door that it is behind (`admin:ana`, `user:ana@example.com`, `question:17`): what happens
//! at one door locks nobody out at another.

use kernel::{Error, Result, Timestamp};
use platform::db::{Conn, Tx};

use super::store;
use crate::doors::limits::counted;

/// Wrong passwords after which somebody must wait: from one address for one account, from one address, and for one
/// account from wherever. The last is high, because whoever knows a name could otherwise lock its owner out.
pub(crate) const HERE: i64 = 10;
pub(crate) const OF_ADDRESS: i64 = 50;
pub(crate) const OF_ACCOUNT: i64 = 100;
/// Seconds for which a wrong password counts.
pub(crate) const WINDOW: i64 = 15 * 60;

/// The name of an account behind a door, as failures are counted under it.
pub fn account(door: &str, name: &str) -> String {
    format!("{door}:{}", name.trim().to_lowercase().chars().take(100).collect::<String>())
}

/// Says no, before any password is looked at, to whoever has guessed wrongly too often.
pub async fn check(conn: &mut Conn, account: &str, ip: &str, now: Timestamp) -> Result<()> {
    check_at_most(conn, account, ip, OF_ACCOUNT, now).await
}

/// As [`check`], with a limit of its own for the account from wherever.
pub async fn check_at_most(conn: &mut Conn, account: &str, ip: &str, of_account: i64, now: Timestamp) -> Result<()> {
    let wrong = store::wrong(conn, account, &counted(ip), now.plus_seconds(-WINDOW)).await?;
    if wrong.here >= HERE || wrong.of_address >= OF_ADDRESS || wrong.of_account >= of_account {
        return Err(Error::TooMany { retry_after: WINDOW.unsigned_abs() });
    }
    Ok(())
}

/// As [`check`], where a server asks for many people: only what is wrong for the account counts, since the server's address
/// is everybody's.
pub async fn check_for_many(conn: &mut Conn, account: &str, now: Timestamp) -> Result<()> {
    let wrong = store::wrong(conn, account, OF_MANY, now.plus_seconds(-WINDOW)).await?;
    if wrong.of_account >= OF_ACCOUNT {
        return Err(Error::TooMany { retry_after: WINDOW.unsigned_abs() });
    }
    Ok(())
}

/// Stands where the address would, for [`note`] and [`forget`] at a server that asks for many.
pub(crate) const OF_MANY: &str = "server";

pub async fn note(tx: &mut Tx, account: &str, ip: &str, now: Timestamp) -> Result<()> {
    store::insert(tx, account, &counted(ip), now).await
}

/// Who gets the password right has not been guessing it.
pub async fn forget(tx: &mut Tx, account: &str, ip: &str) -> Result<()> {
    store::forget(tx, account, &counted(ip)).await
}

/// Wrong passwords from an address behind a door that still count, and came after `since`.
pub async fn failures(conn: &mut Conn, door: &str, ip: &str, since: Option<Timestamp>, now: Timestamp) -> Result<i64> {
    let window = now.plus_seconds(-WINDOW);
    let since = since.map_or(window, |since| since.max(window));
    store::of_door(conn, door, &counted(ip), since).await
}
