//! The statements about providers, accounts at them, and logins under way.

use kernel::{Result, Timestamp};
use platform::db::{Conn, Insert, Tx};
use platform::{cells, params, record};

use super::{NewProvider, Provider};

record! {
    /// A value of the claim, and the role that it gives.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Mapped {
        pub value: String,
        pub role_id: i64,
        pub role: String,
    }
}

record! {
    /// Who an administrator is at a provider.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Identity {
        pub subject: String,
        pub admin_id: i64,
        pub username: String,
        pub managed: bool,
        pub created_at: Timestamp,
        pub last_used_at: Timestamp,
    }
}

record! {
    /// A login that waits for its answer.
    pub(super) struct Login {
        pub browser_hash: String,
        pub nonce_hash: String,
        pub provider_id: i64,
        pub sealed_verifier: Vec<u8>,
        pub next: String,
    }
}

pub(super) async fn find(conn: &mut Conn, id: i64) -> Result<Option<Provider>> {
    let sql = format!("SELECT {} FROM openid_providers WHERE id = $1", Provider::columns(""));
    conn.optional(&sql, params![id]).await
}

pub(super) async fn all(conn: &mut Conn) -> Result<Vec<Provider>> {
    let sql = format!("SELECT {} FROM openid_providers ORDER BY label, id", Provider::columns(""));
    conn.all(&sql, params![]).await
}

/// The new provider's id; `None` when there is one of that issuer.
pub(super) async fn insert(tx: &mut Tx, new: &NewProvider, now: Timestamp) -> Result<Option<i64>> {
    let made: Option<(i64,)> = tx
        .optional(
            "INSERT INTO openid_providers (label, issuer, client_id, scopes, enabled, link_by_email, role_claim, \
             created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (issuer) DO NOTHING RETURNING id",
            params![
                new.label,
                new.issuer,
                new.client_id,
                new.scopes,
                new.enabled,
                new.link_by_email,
                new.role_claim,
                now
            ],
        )
        .await?;
    Ok(made.map(|(id,)| id))
}

pub(super) async fn update(tx: &mut Tx, id: i64, new: &NewProvider) -> Result<()> {
    tx.execute(
        "UPDATE openid_providers SET label = $2, client_id = $3, scopes = $4, enabled = $5, link_by_email = $6, \
         role_claim = $7 WHERE id = $1",
        params![id, new.label, new.client_id, new.scopes, new.enabled, new.link_by_email, new.role_claim],
    )
    .await?;
    Ok(())
}

/// Replaces the lines of values and roles.
pub(super) async fn map(tx: &mut Tx, id: i64, lines: &[Mapped]) -> Result<()> {
    tx.execute("DELETE FROM openid_roles WHERE provider_id = $1", params![id]).await?;
    let mut rows = Insert::into("openid_roles", &["provider_id", "value", "role_id", "position"]);
    let placed: Vec<(&Mapped, i64)> = lines.iter().zip(0..).collect();
    for (line, position) in &placed {
        rows.row(cells![id, line.value, line.role_id, *position]);
    }
    rows.run(tx).await?;
    Ok(())
}

pub(super) async fn mapped(conn: &mut Conn, id: i64) -> Result<Vec<Mapped>> {
    conn.all(
        "SELECT o.value, o.role_id, r.name FROM openid_roles o JOIN roles r ON r.id = o.role_id \
         WHERE o.provider_id = $1 ORDER BY o.position",
        params![id],
    )
    .await
}

pub(super) async fn gives(conn: &mut Conn, role_id: i64) -> Result<bool> {
    conn.scalar("SELECT EXISTS (SELECT 1 FROM openid_roles WHERE role_id = $1)", params![role_id]).await
}

pub(super) async fn delete(tx: &mut Tx, id: i64) -> Result<()> {
    for table in ["openid_logins", "admin_identities", "openid_roles"] {
        tx.execute(&format!("DELETE FROM {table} WHERE provider_id = $1"), params![id]).await?;
    }
    tx.execute("DELETE FROM openid_providers WHERE id = $1", params![id]).await?;
    Ok(())
}

const IDENTITY: &str = "SELECT i.subject, i.admin_id, a.username, i.managed, i.created_at, i.last_used_at \
    FROM admin_identities i JOIN admins a ON a.id = i.admin_id WHERE i.provider_id = $1";

/// The accounts that were used last; so many a page shows.
pub(super) async fn identities(conn: &mut Conn, id: i64) -> Result<Vec<Identity>> {
    conn.all(&format!("{IDENTITY} ORDER BY i.last_used_at DESC, i.subject LIMIT 500"), params![id]).await
}

pub(super) async fn identity(conn: &mut Conn, id: i64, subject: &str) -> Result<Option<Identity>> {
    conn.optional(&format!("{IDENTITY} AND i.subject = $2"), params![id, subject]).await
}

pub(super) async fn link(
    tx: &mut Tx,
    id: i64,
    subject: &str,
    admin_id: i64,
    managed: bool,
    now: Timestamp,
) -> Result<()> {
    tx.execute(
        "INSERT INTO admin_identities (provider_id, subject, admin_id, managed, created_at, last_used_at) \
         VALUES ($1, $2, $3, $4, $5, $5)",
        params![id, subject, admin_id, managed, now],
    )
    .await?;
    Ok(())
}

pub(super) async fn used(tx: &mut Tx, id: i64, subject: &str, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE admin_identities SET last_used_at = $3 WHERE provider_id = $1 AND subject = $2",
        params![id, subject, now],
    )
    .await?;
    Ok(())
}

pub(super) async fn unlink(tx: &mut Tx, id: i64, subject: &str) -> Result<()> {
    tx.execute("DELETE FROM admin_identities WHERE provider_id = $1 AND subject = $2", params![id, subject]).await?;
    Ok(())
}

pub(super) async fn enabled_with_address(conn: &mut Conn, address: &str) -> Result<Option<i64>> {
    let found: Option<(i64,)> = conn
        .optional("SELECT id FROM admins WHERE email_lower = $1 AND NOT disabled", params![address.to_lowercase()])
        .await?;
    Ok(found.map(|(id,)| id))
}

/// The name, or the name with the first number behind it that nobody has.
pub(super) async fn free_username(conn: &mut Conn, wish: &str) -> Result<String> {
    let taken: Vec<String> = conn
        .column(
            "SELECT username_lower FROM admins WHERE SUBSTR(username_lower, 1, $2) = $1",
            params![wish.to_lowercase(), i64::try_from(wish.len()).unwrap_or(i64::MAX)],
        )
        .await?;
    let free = |name: &String| !taken.contains(&name.to_lowercase());
    let numbered = (2..).map(|number| format!("{wish}{number}"));
    Ok(std::iter::once(wish.to_owned()).chain(numbered).find(free).unwrap_or_else(|| wish.to_owned()))
}

pub(super) async fn begin(tx: &mut Tx, state_hash: &str, login: &Login, expires_at: Timestamp) -> Result<()> {
    tx.execute(
        "INSERT INTO openid_logins (state_hash, browser_hash, nonce_hash, provider_id, sealed_verifier, next, \
         expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        params![
            state_hash,
            login.browser_hash,
            login.nonce_hash,
            login.provider_id,
            login.sealed_verifier,
            login.next,
            expires_at
        ],
    )
    .await?;
    Ok(())
}

/// Takes the login away, so that no second answer finds it.
pub(super) async fn take(tx: &mut Tx, state_hash: &str, browser_hash: &str, now: Timestamp) -> Result<Option<Login>> {
    let sql = format!(
        "DELETE FROM openid_logins WHERE state_hash = $1 AND browser_hash = $2 AND expires_at > $3 RETURNING {}",
        Login::columns("")
    );
    tx.optional(&sql, params![state_hash, browser_hash, now]).await
}
