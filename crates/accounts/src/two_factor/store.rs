//! The statements about second factors. A person is a text, `staff:7` or `user:7`.

use kernel::{Result, Timestamp};
use platform::db::{Conn, Insert, Tx};
use platform::{cells, params, record};

use super::Policy;
use super::half::Wish;

record! {
    pub(super) struct TotpFactor {
        pub created_at: Timestamp,
        pub confirmed_at: Option<Timestamp>,
        pub last_step: i64,
    }
}

record! {
    /// A passkey as its owner sees it, and what an answer of it is judged by.
    #[derive(Debug, Clone)]
    pub struct Passkey {
        pub id: i64,
        pub name: String,
        pub created_at: Timestamp,
        pub last_used_at: Option<Timestamp>,
        pub key_id: String,
        pub key_text: String,
    }
}

pub(super) async fn totp(conn: &mut Conn, person: &str) -> Result<Option<TotpFactor>> {
    let sql = format!("SELECT {} FROM totp_factors WHERE person = $1", TotpFactor::columns(""));
    conn.optional(&sql, params![person]).await
}

pub(super) async fn begin_totp(tx: &mut Tx, person: &str, now: Timestamp) -> Result<()> {
    tx.execute(
        "INSERT INTO totp_factors (person, created_at, last_step) VALUES ($1, $2, 0) ON CONFLICT (person) DO NOTHING",
        params![person, now],
    )
    .await?;
    Ok(())
}

pub(super) async fn confirm_totp(tx: &mut Tx, person: &str, step: i64, now: Timestamp) -> Result<bool> {
    let sql = "UPDATE totp_factors SET confirmed_at = $2, last_step = $3 WHERE person = $1 AND confirmed_at IS NULL";
    Ok(tx.execute(sql, params![person, now, step]).await? == 1)
}

/// `false` when a code of this time step or a later one was used before.
pub(super) async fn use_step(tx: &mut Tx, person: &str, step: i64) -> Result<bool> {
    let sql = "UPDATE totp_factors SET last_step = $2 \
               WHERE person = $1 AND last_step < $2 AND confirmed_at IS NOT NULL";
    Ok(tx.execute(sql, params![person, step]).await? == 1)
}

pub(super) async fn remove_totp(tx: &mut Tx, person: &str) -> Result<()> {
    tx.execute("DELETE FROM totp_factors WHERE person = $1", params![person]).await?;
    Ok(())
}

/// How many were not used.
pub(super) async fn recovery_codes(conn: &mut Conn, person: &str) -> Result<i64> {
    conn.scalar("SELECT COUNT(*) FROM recovery_codes WHERE person = $1 AND used_at IS NULL", params![person]).await
}

pub(super) async fn replace_recovery_codes(tx: &mut Tx, person: &str, hashes: &[String]) -> Result<()> {
    tx.execute("DELETE FROM recovery_codes WHERE person = $1", params![person]).await?;
    let mut rows = Insert::into("recovery_codes", &["person", "code_hash"]);
    for hash in hashes {
        rows.row(cells![person, hash]);
    }
    rows.run(tx).await?;
    Ok(())
}

pub(super) async fn use_recovery_code(tx: &mut Tx, person: &str, hash: &str, now: Timestamp) -> Result<bool> {
    let sql = "UPDATE recovery_codes SET used_at = $3 WHERE person = $1 AND code_hash = $2 AND used_at IS NULL";
    Ok(tx.execute(sql, params![person, hash, now]).await? == 1)
}

pub(super) async fn passkeys(conn: &mut Conn, person: &str) -> Result<Vec<Passkey>> {
    let sql = format!("SELECT {} FROM passkeys WHERE person = $1 ORDER BY id", Passkey::columns(""));
    conn.all(&sql, params![person]).await
}

/// `false` when somebody has this passkey already.
pub(super) async fn insert_passkey(
    tx: &mut Tx,
    person: &str,
    name: &str,
    key_id: &str,
    key_text: &str,
    now: Timestamp,
) -> Result<bool> {
    let sql = "INSERT INTO passkeys (person, name, key_id, key_text, created_at) VALUES ($1, $2, $3, $4, $5) \
               ON CONFLICT (key_id) DO NOTHING";
    Ok(tx.execute(sql, params![person, name, key_id, key_text, now]).await? == 1)
}

pub(super) async fn passkey_used(tx: &mut Tx, key_id: &str, key_text: Option<&str>, now: Timestamp) -> Result<()> {
    let sql = "UPDATE passkeys SET last_used_at = $2, key_text = COALESCE($3, key_text) WHERE key_id = $1";
    tx.execute(sql, params![key_id, now, key_text]).await?;
    Ok(())
}

pub(super) async fn rename_passkey(tx: &mut Tx, person: &str, id: i64, name: &str) -> Result<()> {
    tx.execute("UPDATE passkeys SET name = $3 WHERE person = $1 AND id = $2", params![person, id, name]).await?;
    Ok(())
}

pub(super) async fn remove_passkey(tx: &mut Tx, person: &str, id: i64) -> Result<()> {
    tx.execute("DELETE FROM passkeys WHERE person = $1 AND id = $2", params![person, id]).await?;
    Ok(())
}

/// The handle stays: a device that still has the key must not meet another person under it.
pub(super) async fn remove_passkeys(tx: &mut Tx, person: &str) -> Result<()> {
    tx.execute("DELETE FROM passkeys WHERE person = $1", params![person]).await?;
    Ok(())
}

/// The handle of a person; the one made now if there was none.
pub(super) async fn handle(tx: &mut Tx, person: &str, made: &str) -> Result<String> {
    tx.execute(
        "INSERT INTO passkey_handles (handle, person) VALUES ($1, $2) ON CONFLICT (person) DO NOTHING",
        params![made, person],
    )
    .await?;
    tx.scalar("SELECT handle FROM passkey_handles WHERE person = $1", params![person]).await
}

pub(super) async fn owner_of_handle(conn: &mut Conn, handle: &str) -> Result<Option<String>> {
    let found: Option<(String,)> =
        conn.optional("SELECT person FROM passkey_handles WHERE handle = $1", params![handle]).await?;
    Ok(found.map(|(person,)| person))
}

pub(super) async fn insert_question(
    tx: &mut Tx,
    token_hash: &str,
    purpose: &str,
    state: &str,
    expires_at: Timestamp,
) -> Result<()> {
    tx.execute(
        "INSERT INTO passkey_questions (token_hash, purpose, state, expires_at) VALUES ($1, $2, $3, $4)",
        params![token_hash, purpose, state, expires_at],
    )
    .await?;
    Ok(())
}

pub(super) async fn take_question(
    tx: &mut Tx,
    token_hash: &str,
    purpose: &str,
    now: Timestamp,
) -> Result<Option<String>> {
    let found: Option<(String,)> = tx
        .optional(
            "DELETE FROM passkey_questions WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3 RETURNING state",
            params![token_hash, purpose, now],
        )
        .await?;
    Ok(found.map(|(state,)| state))
}

pub(super) async fn insert_half_login(
    tx: &mut Tx,
    token_hash: &str,
    person: &str,
    wish: Wish<'_>,
    expires_at: Timestamp,
) -> Result<()> {
    tx.execute(
        "INSERT INTO half_logins (token_hash, person, next, remember, tries, expires_at) VALUES ($1, $2, $3, $4, 0, $5)",
        params![token_hash, person, wish.next, wish.remember, expires_at],
    )
    .await?;
    Ok(())
}

pub(super) async fn half_login(
    conn: &mut Conn,
    token_hash: &str,
    tries: i64,
    now: Timestamp,
) -> Result<Option<(String, String, bool)>> {
    conn.optional(
        "SELECT person, next, remember FROM half_logins WHERE token_hash = $1 AND tries < $2 AND expires_at > $3",
        params![token_hash, tries, now],
    )
    .await
}

pub(super) async fn take_try(tx: &mut Tx, token_hash: &str, most: i64) -> Result<bool> {
    let sql = "UPDATE half_logins SET tries = tries + 1 WHERE token_hash = $1 AND tries < $2";
    Ok(tx.execute(sql, params![token_hash, most]).await? == 1)
}

pub(super) async fn end_half_login(tx: &mut Tx, token_hash: &str) -> Result<bool> {
    Ok(tx.execute("DELETE FROM half_logins WHERE token_hash = $1", params![token_hash]).await? == 1)
}

pub(super) async fn remove_half_logins(tx: &mut Tx, person: &str) -> Result<()> {
    tx.execute("DELETE FROM half_logins WHERE person = $1", params![person]).await?;
    Ok(())
}

/// What is asked of an administrator.
pub(super) async fn policy_of_role(conn: &mut Conn, admin_id: i64) -> Result<String> {
    conn.scalar("SELECT r.two_factor FROM admins a JOIN roles r ON r.id = a.role_id WHERE a.id = $1", params![admin_id])
        .await
}

pub(super) async fn role(conn: &mut Conn, id: i64) -> Result<Option<(String, Policy)>> {
    conn.optional("SELECT name, two_factor FROM roles WHERE id = $1", params![id]).await
}

pub(super) async fn set_policy(tx: &mut Tx, role_id: i64, policy: Policy) -> Result<()> {
    tx.execute("UPDATE roles SET two_factor = $2 WHERE id = $1", params![role_id, policy]).await?;
    Ok(())
}

record! {
    /// A role, what is asked of those who have it, and how many of them have a factor.
    #[derive(Debug, Clone)]
    pub struct RolePolicy {
        pub id: i64,
        pub name: String,
        pub two_factor: Policy,
        pub members: i64,
        pub with_factor: i64,
    }
}

pub(super) async fn roles(conn: &mut Conn) -> Result<Vec<RolePolicy>> {
    conn.all(
        "SELECT r.id, r.name, r.two_factor, \
         (SELECT COUNT(*) FROM admins a WHERE a.role_id = r.id AND NOT a.disabled), \
         (SELECT COUNT(*) FROM admins a WHERE a.role_id = r.id AND NOT a.disabled \
          AND (EXISTS (SELECT 1 FROM totp_factors t WHERE t.person = 'staff:' || a.id AND t.confirmed_at IS NOT NULL) \
               OR EXISTS (SELECT 1 FROM passkeys p WHERE p.person = 'staff:' || a.id))) \
         FROM roles r ORDER BY r.id",
        params![],
    )
    .await
}
