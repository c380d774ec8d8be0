//! The statements about users.

use kernel::{Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::web::lists::{Column, Query, Sort, Where};
use platform::{params, record};

use super::User;
use crate::clients::{Client, ClientStatus};
use crate::search::{self, Kind};

/// A user's part in a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Owner,
    Member,
}

record! {
    /// A user as one of those of a client.
    #[derive(Debug, Clone, PartialEq, serde::Serialize)]
    pub struct Of {
        pub id: i64,
        pub first_name: String,
        pub last_name: String,
        pub email: String,
        pub last_login_at: Option<Timestamp>,
        pub is_owner: bool,
    }
}

impl Of {
    pub fn name(&self) -> String {
        [self.first_name.as_str(), self.last_name.as_str()].join(" ").trim().to_owned()
    }
}

record! {
    /// A line of the list of users.
    #[derive(Debug, Clone, PartialEq, serde::Serialize)]
    pub struct Listed {
        pub id: i64,
        pub first_name: String,
        pub last_name: String,
        pub email: String,
        pub created_at: Timestamp,
        pub last_login_at: Option<Timestamp>,
        /// For how many clients the user may act.
        pub clients: i64,
        /// The oldest of them, 0 without one.
        pub client_id: i64,
        pub client_name: String,
    }
}

pub(super) async fn find(conn: &mut Conn, id: i64) -> Result<Option<User>> {
    let sql = format!("SELECT {} FROM users WHERE id = $1", User::columns(""));
    conn.optional(&sql, params![id]).await
}

pub(super) async fn by_email(conn: &mut Conn, email_lower: &str) -> Result<Option<User>> {
    let sql = format!("SELECT {} FROM users WHERE email_lower = $1", User::columns(""));
    conn.optional(&sql, params![email_lower]).await
}

/// A user with the client's name and address; `None` when somebody logs in with that address already.
pub(super) async fn insert(
    tx: &mut Tx,
    client: &Client,
    password_hash: Option<&str>,
    now: Timestamp,
) -> Result<Option<User>> {
    let sql = format!(
        "INSERT INTO users (first_name, last_name, email, email_lower, password_hash, language, search, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (email_lower) DO NOTHING RETURNING {}",
        User::columns("")
    );
    let searched = search::text(&[&client.first_name, &client.last_name, &client.email]);
    let inserted: Option<User> = tx
        .optional(
            &sql,
            params![
                client.first_name,
                client.last_name,
                client.email,
                client.email.to_lowercase(),
                password_hash,
                client.language,
                searched,
                now
            ],
        )
        .await?;
    if let Some(user) = &inserted {
        search::index(tx, Kind::User, user.id, &searched).await?;
    }
    Ok(inserted)
}

pub(super) async fn update(tx: &mut Tx, user: &User) -> Result<()> {
    let searched = search::text(&[&user.first_name, &user.last_name, &user.email]);
    tx.execute(
        "UPDATE users SET first_name = $2, last_name = $3, email = $4, email_lower = $5, language = $6, search = $7, \
         email_verified_at = CASE WHEN email_lower = $5 THEN email_verified_at ELSE NULL END WHERE id = $1",
        params![
            user.id,
            user.first_name,
            user.last_name,
            user.email,
            user.email.to_lowercase(),
            user.language,
            searched
        ],
    )
    .await?;
    search::index(tx, Kind::User, user.id, &searched).await
}

pub(super) async fn password(conn: &mut Conn, id: i64) -> Result<Option<String>> {
    conn.scalar("SELECT password_hash FROM users WHERE id = $1", params![id]).await
}

pub(super) async fn set_password(tx: &mut Tx, id: i64, hash: &str) -> Result<()> {
    tx.execute("UPDATE users SET password_hash = $2 WHERE id = $1", params![id, hash]).await?;
    Ok(())
}

pub(super) async fn verify(tx: &mut Tx, id: i64, now: Timestamp) -> Result<()> {
    tx.execute("UPDATE users SET email_verified_at = $2 WHERE id = $1", params![id, now]).await?;
    Ok(())
}

record! {
    /// A client for which a user may act.
    pub struct ActsFor {
        pub id: i64,
        pub name: String,
        pub status: ClientStatus,
        pub is_owner: bool,
    }
}

/// The first so many clients of a user, the oldest first.
pub(super) async fn clients_of(conn: &mut Conn, user_id: i64, limit: i64) -> Result<Vec<ActsFor>> {
    conn.all(
        "SELECT c.id, COALESCE(NULLIF(c.company, ''), c.first_name || ' ' || c.last_name), c.status, cu.is_owner \
         FROM client_users cu JOIN clients c ON c.id = cu.client_id WHERE cu.user_id = $1 ORDER BY c.id LIMIT $2",
        params![user_id, limit],
    )
    .await
}

pub(super) async fn link(tx: &mut Tx, client_id: i64, user_id: i64, part: Part) -> Result<u64> {
    tx.execute(
        "INSERT INTO client_users (client_id, user_id, is_owner) VALUES ($1, $2, $3) \
         ON CONFLICT (client_id, user_id) DO NOTHING",
        params![client_id, user_id, part == Part::Owner],
    )
    .await
}

pub(super) async fn unlink(tx: &mut Tx, client_id: i64, user_id: i64) -> Result<u64> {
    tx.execute(
        "DELETE FROM client_users WHERE client_id = $1 AND user_id = $2 AND NOT is_owner",
        params![client_id, user_id],
    )
    .await
}

/// The users of a client, the owner first.
pub async fn of_client(conn: &mut Conn, client_id: i64) -> Result<Vec<Of>> {
    conn.all(
        "SELECT u.id, u.first_name, u.last_name, u.email, u.last_login_at, cu.is_owner FROM client_users cu \
         JOIN users u ON u.id = cu.user_id WHERE cu.client_id = $1 ORDER BY cu.is_owner DESC, u.id",
        params![client_id],
    )
    .await
}

pub(super) const SORTS: &[Sort] = &[
    Sort::by("id", &[]),
    Sort::by("name", &[Column::text("u.last_name"), Column::text("u.first_name")]),
    Sort::by("email", &[Column::text("u.email_lower")]),
];

/// The columns of [`Listed`].
pub const COLUMNS: &str = "u.id, u.first_name, u.last_name, u.email, u.created_at, u.last_login_at, \
    (SELECT COUNT(*) FROM client_users cu WHERE cu.user_id = u.id), COALESCE(c.id, 0), \
    COALESCE(NULLIF(c.company, ''), c.first_name || ' ' || c.last_name, '')";

/// The users with such words in name and e-mail address; all of them without a text.
pub async fn query(conn: &mut Conn, text: &str) -> Result<Query<'static>> {
    let mut filter = Where::default();
    if !text.trim().is_empty() {
        search::find(conn, Kind::User, text).await?.limit(&mut filter, "u.id");
    }
    let joins = "LEFT JOIN clients c ON c.id = (SELECT MIN(cu.client_id) FROM client_users cu WHERE cu.user_id = u.id)";
    Ok(Query { table: "users u", id: "u.id", joins, filter })
}
