//! Links that are mailed to users and work once: for a new password, and to prove an address. Only the hash is stored.
//!
//! What must hold: a new link voids those before it; what a link was used for cannot be done with it again, however
//! many ask at once.

use kernel::{Error, Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::prune::{After, Rubbish};
use platform::{Random, crypto, params, record};

kernel::text_enum! {
    pub enum Purpose {
        Password = "password",
        Email = "email",
    }
}
platform::enum_column!(Purpose);

impl Purpose {
    fn seconds(self) -> i64 {
        match self {
            Purpose::Password => 3_600,
            Purpose::Email => 3 * 86_400,
        }
    }
}

/// So many are mailed to a user within an hour.
pub(crate) const AN_HOUR: i64 = 5;

/// Links that no longer work, once nobody counts them any more; for [`platform::prune`].
pub(crate) const OLD: Rubbish = Rubbish {
    name: "links for users",
    table: "user_links",
    key: "token_hash",
    condition: "expires_at <= $1",
    after: After::Seconds(3_600),
};

record! {
    #[derive(Debug, Clone)]
    pub(crate) struct Link {
        pub user_id: i64,
        /// Where it was sent.
        pub email: String,
    }
}

/// Makes a link to be mailed to an address; its secret part. `None` when enough were made within the last hour.
pub(crate) async fn make(
    tx: &mut Tx,
    random: &Random,
    user_id: i64,
    purpose: Purpose,
    email: &str,
    now: Timestamp,
) -> Result<Option<String>> {
    let made: i64 = tx
        .scalar(
            "SELECT COUNT(*) FROM user_links WHERE user_id = $1 AND purpose = $2 AND created_at > $3",
            params![user_id, purpose, now.plus_seconds(-3_600)],
        )
        .await?;
    if made >= AN_HOUR {
        return Ok(None);
    }
    void(tx, user_id, purpose, now).await?;
    let token = random.token();
    let (hash, expires_at) = (crypto::sha256_hex(token.as_bytes()), now.plus_seconds(purpose.seconds()));
    tx.execute(
        "INSERT INTO user_links (token_hash, user_id, purpose, email, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6)",
        params![hash, user_id, purpose, email, now, expires_at],
    )
    .await?;
    Ok(Some(token))
}

/// The link, while it is good.
pub(crate) async fn good(conn: &mut Conn, purpose: Purpose, token: &str, now: Timestamp) -> Result<Link> {
    let sql = format!(
        "SELECT {} FROM user_links WHERE token_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3",
        Link::columns("")
    );
    let found = conn.optional(&sql, params![crypto::sha256_hex(token.as_bytes()), purpose, now]).await?;
    found.ok_or(Error::NotFound("This link has been used or has expired. A good link"))
}

/// Uses the link up.
pub(crate) async fn use_up(tx: &mut Tx, purpose: Purpose, token: &str, now: Timestamp) -> Result<Link> {
    let link = good(tx, purpose, token, now).await?;
    let used = tx
        .execute(
            "UPDATE user_links SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL",
            params![crypto::sha256_hex(token.as_bytes()), now],
        )
        .await?;
    if used == 1 { Ok(link) } else { Err(Error::refused("This link has just been used.")) }
}

/// Makes links useless that were mailed to another address than the user's: somebody wanted to log in with that one.
pub(crate) async fn void_moves(tx: &mut Tx, user_id: i64, email: &str, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE user_links SET used_at = $4 WHERE user_id = $1 AND purpose = $2 AND LOWER(email) <> $3 AND used_at IS NULL",
        params![user_id, Purpose::Email, email.to_lowercase(), now],
    )
    .await?;
    Ok(())
}

/// Makes the links of a user useless.
pub(crate) async fn void(tx: &mut Tx, user_id: i64, purpose: Purpose, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE user_links SET used_at = $3 WHERE user_id = $1 AND purpose = $2 AND used_at IS NULL",
        params![user_id, purpose, now],
    )
    .await?;
    Ok(())
}
