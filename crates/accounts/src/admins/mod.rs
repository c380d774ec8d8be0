//! Administrators: the staff who log in. A password is chosen by themselves through a one-time link, or given on the
//! command line's standard input; it is never printed.
//!
//! What must hold: somebody who may do everything can always log in, so the last one is never disabled, nor given another
//! role; who is disabled has no session, no link to a password and no use of an API credential; nobody changes an
//! administrator who may do more than they.

pub mod admin;
pub mod forgotten;
pub mod manage;
pub mod own;
#[cfg(test)]
mod tests;

use kernel::{Email, Error, FieldErrors, Result, Timestamp, nonempty};
use platform::db::{Conn, Db, Tx};
use platform::prune::{After, Rubbish};
use platform::{Random, crypto, params, record};

use crate::activity_log::{self, Activity, Actor, ActorKind, Rights};
use crate::passwords;
use crate::roles::{self, FULL_ADMINISTRATOR, Permission};
use crate::sessions;
use crate::two_factor::{self, Person};

/// What administrators need for changing their own account.
pub const MY_ACCOUNT: Permission = Permission("My Account");

record! {
    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
    pub struct Admin {
        pub id: i64,
        pub username: String,
        pub email: String,
        pub role_id: i64,
        pub disabled: bool,
        pub created_at: Timestamp,
        pub last_login_at: Option<Timestamp>,
        pub first_name: String,
        pub last_name: String,
        /// Stands under what the administrator writes.
        pub signature: String,
        pub notes: String,
        pub updated_at: Timestamp,
    }
}

impl Admin {
    /// The name that people call, or the user name while there is none.
    pub fn name(&self) -> String {
        let name = [self.first_name.as_str(), self.last_name.as_str()].join(" ");
        nonempty(&name).unwrap_or(&self.username).to_owned()
    }

    /// Who acts on the own account, which takes no permission.
    pub fn actor(&self, ip: &str) -> Actor {
        let rights = Rights::These(Default::default());
        Actor {
            kind: ActorKind::Admin,
            id: Some(self.id),
            name: self.username.clone(),
            ip: ip.to_owned(),
            rights,
            behalf: None,
        }
    }
}

record! {
    /// An administrator as lists show one.
    #[derive(Debug, Clone, serde::Serialize)]
    pub struct Listed {
        pub id: i64,
        pub username: String,
        pub email: String,
        pub role: String,
        pub disabled: bool,
        pub last_login_at: Option<Timestamp>,
        /// Sessions that have not ended.
        pub sessions: i64,
        /// API credentials that are not revoked.
        pub credentials: i64,
    }
}

#[derive(Debug, Clone)]
pub struct NewAdmin {
    pub username: String,
    pub email: String,
    pub role: String,
    /// Checked by [`passwords::choose`].
    pub password: Option<passwords::Hash>,
}

pub async fn create(tx: &mut Tx, by: &Actor, new: NewAdmin, now: Timestamp) -> Result<Admin> {
    let mut errors = FieldErrors::default();
    let username = new.username.trim();
    errors.take("username", check_username(username));
    let email = errors.take("email", Email::parse(&new.email));
    let role: Option<(i64,)> = tx.optional("SELECT id FROM roles WHERE name = $1", params![new.role]).await?;
    if role.is_none() {
        let names: Vec<String> = tx.column("SELECT name FROM roles ORDER BY id", params![]).await?;
        errors.add("role", format!("There is no role “{}”. Roles: {}.", new.role, names.join(", ")));
    }
    errors.check()?;
    let (Some(email), Some((role_id,))) = (email, role) else { return Err(Error::broken("admin: unchecked input")) };
    roles::to_give(tx, by, role_id).await?;
    let hash = new.password.as_ref().map(passwords::Hash::as_str);
    let inserted: Option<(i64,)> = tx
        .optional(
            "INSERT INTO admins (username, username_lower, email, email_lower, password_hash, role_id, disabled, \
             created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, FALSE, $7, $7) ON CONFLICT DO NOTHING RETURNING id",
            params![username, username.to_lowercase(), email.as_str(), email.lower(), hash, role_id, now],
        )
        .await?;
    let Some((id,)) = inserted else {
        return Err(Error::invalid("username", "There is an administrator with this user name or e-mail address."));
    };
    activity_log::record(
        tx,
        by,
        Activity::new(format!("Administrator {username} created")).about(format!("admin:{id}")),
        now,
    )
    .await?;
    find(tx, id).await
}

fn check_username(username: &str) -> Result<(), &'static str> {
    let starts_well = username.chars().next().is_some_and(|first| first.is_ascii_alphabetic());
    let plain = username.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if starts_well && plain && username.len() <= 64 {
        Ok(())
    } else {
        Err("Start with a letter and use letters, digits, dots, dashes or underscores, at most 64.")
    }
}

pub async fn find(conn: &mut Conn, id: i64) -> Result<Admin> {
    let sql = format!("SELECT {} FROM admins WHERE id = $1", Admin::columns(""));
    conn.optional(&sql, params![id]).await?.ok_or(Error::NotFound("Administrator"))
}

pub async fn by_username(conn: &mut Conn, username: &str) -> Result<Option<Admin>> {
    let sql = format!("SELECT {} FROM admins WHERE username_lower = $1", Admin::columns(""));
    conn.optional(&sql, params![username.trim().to_lowercase()]).await
}

/// All of them, the enabled first.
pub async fn list(conn: &mut Conn, now: Timestamp) -> Result<Vec<Listed>> {
    conn.all(
        "SELECT a.id, a.username, a.email, r.name, a.disabled, a.last_login_at, \
         (SELECT COUNT(*) FROM sessions s WHERE s.admin_id = a.id AND s.expires_at > $1), \
         (SELECT COUNT(*) FROM api_credentials c WHERE c.admin_id = a.id AND c.revoked_at IS NULL) \
         FROM admins a JOIN roles r ON r.id = a.role_id ORDER BY a.disabled, a.username_lower",
        params![now],
    )
    .await
}

/// Locks an administrator out: sessions and links to a password end, API credentials are of no use until the
/// administrator is enabled again. Doing it again changes nothing.
pub async fn disable(tx: &mut Tx, by: &Actor, id: i64, now: Timestamp) -> Result<Admin> {
    hold_full_administrators(tx).await?;
    let admin = find(tx, id).await?;
    if admin.disabled {
        return Ok(admin);
    }
    check_rank(tx, by, &admin).await?;
    if is_self(by, id) {
        return Err(Error::refused("You cannot disable yourself. Let somebody else do it."));
    }
    check_not_last(tx, &admin).await?;
    tx.execute("UPDATE admins SET disabled = TRUE WHERE id = $1", params![id]).await?;
    sessions::end_all(tx, id, now).await?;
    two_factor::end_half_logins(tx, Person::Staff(id)).await?;
    void_links(tx, id, now).await?;
    log(tx, by, &admin, "disabled", now).await?;
    Ok(Admin { disabled: true, ..admin })
}

/// Who disables full administrators, or gives them another role, waits for others who do: each of two must not count on the
/// other one staying.
async fn hold_full_administrators(tx: &mut Tx) -> Result<()> {
    tx.execute("UPDATE roles SET name = name WHERE name = $1", params![FULL_ADMINISTRATOR]).await?;
    Ok(())
}

/// Says no when nobody who may do everything could log in without this one.
async fn check_not_last(tx: &mut Tx, admin: &Admin) -> Result<()> {
    let (full, others): (bool, i64) = tx
        .one(
            "SELECT EXISTS (SELECT 1 FROM roles WHERE id = $2 AND name = $3), \
             (SELECT COUNT(*) FROM admins a JOIN roles r ON r.id = a.role_id \
              WHERE r.name = $3 AND NOT a.disabled AND a.id <> $1)",
            params![admin.id, admin.role_id, FULL_ADMINISTRATOR],
        )
        .await?;
    if full && !admin.disabled && others == 0 {
        return Err(Error::refused(format!(
            "{} is the last {FULL_ADMINISTRATOR} who can log in. Add or enable another one first.",
            admin.username
        )));
    }
    Ok(())
}

/// Whether somebody does something to themselves, at whichever door.
pub(crate) fn is_self(by: &Actor, id: i64) -> bool {
    matches!(by.kind, ActorKind::Admin | ActorKind::Api) && by.id == Some(id)
}

/// Says no to whoever would change an administrator who may do more: with another's address and a link to a new password
/// they would be that other.
pub(crate) async fn check_rank(conn: &mut Conn, by: &Actor, admin: &Admin) -> Result<()> {
    match roles::beyond(conn, by, admin.role_id).await? {
        Some(more) => Err(Error::refused(format!(
            "{} may do what you may not: {more}. Only who may do that changes this administrator.",
            admin.username
        ))),
        None => Ok(()),
    }
}

/// Lets an administrator in again, with the old password and API credentials. Doing it again changes nothing.
pub async fn enable(tx: &mut Tx, by: &Actor, id: i64, now: Timestamp) -> Result<Admin> {
    let admin = find(tx, id).await?;
    if !admin.disabled {
        return Ok(admin);
    }
    check_rank(tx, by, &admin).await?;
    tx.execute("UPDATE admins SET disabled = FALSE WHERE id = $1", params![id]).await?;
    log(tx, by, &admin, "enabled", now).await?;
    Ok(Admin { disabled: false, ..admin })
}

/// Makes the old password, every session and earlier links useless, and a link by which to choose a new password.
pub async fn reset(tx: &mut Tx, by: &Actor, id: i64, random: &Random, now: Timestamp) -> Result<String> {
    let admin = find(tx, id).await?;
    check_rank(tx, by, &admin).await?;
    if admin.disabled {
        return Err(Error::refused(format!("The administrator {} is disabled. Enable it first.", admin.username)));
    }
    tx.execute("UPDATE admins SET password_hash = NULL WHERE id = $1", params![id]).await?;
    sessions::end_all(tx, id, now).await?;
    two_factor::end_half_logins(tx, Person::Staff(id)).await?;
    void_links(tx, id, now).await?;
    log(tx, by, &admin, "given a link to a new password; the old one and all sessions ended", now).await?;
    make_link(tx, id, random, now).await
}

async fn void_links(tx: &mut Tx, id: i64, now: Timestamp) -> Result<()> {
    tx.execute("UPDATE admin_links SET used_at = $2 WHERE admin_id = $1 AND used_at IS NULL", params![id, now]).await?;
    Ok(())
}

async fn log(tx: &mut Tx, by: &Actor, admin: &Admin, what: &str, now: Timestamp) -> Result<()> {
    let activity = Activity::new(format!("Administrator {} {what}", admin.username));
    activity_log::record(tx, by, activity.about(format!("admin:{}", admin.id)), now).await
}

/// Hours for which a link to a new password is good.
pub const LINK_HOURS: i64 = 72;
/// Days for which an invitation is good.
pub const INVITATION_DAYS: i64 = 7;

/// Links that no longer work and failures that no longer count, for [`platform::prune`].
pub const OLD: &[Rubbish] = &[
    Rubbish {
        name: "links for passwords",
        table: "admin_links",
        key: "token_hash",
        condition: "expires_at <= $1",
        after: After::Seconds(0),
    },
    Rubbish {
        name: "failed logins",
        table: "login_failures",
        key: "id",
        condition: "at <= $1",
        after: After::Seconds(86_400),
    },
];

/// A link by which the administrator chooses a password, once, within [`LINK_HOURS`]. Only its hash is stored.
pub async fn make_link(tx: &mut Tx, admin_id: i64, random: &Random, now: Timestamp) -> Result<String> {
    insert_link(tx, admin_id, random, LINK_HOURS * 3600, now).await
}

/// As [`make_link`], for somebody new, within [`INVITATION_DAYS`].
pub async fn make_invitation(tx: &mut Tx, admin_id: i64, random: &Random, now: Timestamp) -> Result<String> {
    insert_link(tx, admin_id, random, INVITATION_DAYS * 86_400, now).await
}

async fn insert_link(tx: &mut Tx, admin_id: i64, random: &Random, seconds: i64, now: Timestamp) -> Result<String> {
    let token = random.token();
    tx.execute(
        "INSERT INTO admin_links (token_hash, admin_id, expires_at) VALUES ($1, $2, $3)",
        params![crypto::sha256_hex(token.as_bytes()), admin_id, now.plus_seconds(seconds)],
    )
    .await?;
    Ok(token)
}

/// Who a link belongs to, while it is good.
pub async fn link_owner(conn: &mut Conn, token: &str, now: Timestamp) -> Result<Admin> {
    let id: Option<(i64,)> = conn
        .optional(
            "SELECT admin_id FROM admin_links WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2",
            params![crypto::sha256_hex(token.as_bytes()), now],
        )
        .await?;
    match id {
        Some((id,)) => find(conn, id).await,
        None => Err(Error::NotFound("This link has been used or has expired. A good link")),
    }
}

/// Sets the password by a link; the link is used up in the same step, and so are others that there are.
pub async fn use_link(tx: &mut Tx, token: &str, password: &passwords::Hash, ip: &str, now: Timestamp) -> Result<Admin> {
    let admin = link_owner(tx, token, now).await?;
    let used = tx
        .execute(
            "UPDATE admin_links SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL",
            params![crypto::sha256_hex(token.as_bytes()), now],
        )
        .await?;
    if used != 1 {
        return Err(Error::refused("This link has just been used."));
    }
    tx.execute("UPDATE admins SET password_hash = $2 WHERE id = $1", params![admin.id, password.as_str()]).await?;
    void_links(tx, admin.id, now).await?;
    sessions::end_all(tx, admin.id, now).await?;
    two_factor::end_half_logins(tx, Person::Staff(admin.id)).await?;
    log(tx, &admin.actor(ip), &admin, "has chosen a password by a link", now).await?;
    Ok(admin)
}

/// Writes down that somebody gave a wrong password. A name that nobody has may be a password in the wrong field, so it is
/// not written; it costs the same as one that somebody has.
pub async fn note_refused(tx: &mut Tx, username: &str, ip: &str, now: Timestamp) -> Result<()> {
    let sql = "SELECT id, username FROM admins WHERE username_lower = $1 OR email_lower = $1";
    let known: Option<(i64, String)> = tx.optional(sql, params![username.trim().to_lowercase()]).await?;
    let activity = match known {
        Some((id, name)) => {
            Activity::new(format!("Log-in of {name} refused: wrong password")).about(format!("admin:{id}"))
        }
        None => Activity::new("Log-in to the staff area refused: nobody has this name"),
    };
    activity_log::record(tx, &Actor::nobody(ip), activity, now).await
}

/// The administrator whose name and password these are. What was wrong is not told.
pub async fn authenticate(db: &Db, username: &str, password: &str) -> Result<Option<Admin>> {
    let sql = "SELECT id, password_hash, disabled FROM admins WHERE username_lower = $1 OR email_lower = $1";
    let name = username.trim().to_lowercase();
    // The connection is given back before the wait for a turn at the hash function: there are few of them.
    let found: Option<(i64, Option<String>, bool)> = db.read().await?.optional(sql, params![name]).await?;
    let (id, hash, disabled) = found.unwrap_or((0, None, true));
    let matches = passwords::matches(password, hash.as_deref()).await?;
    if matches && !disabled { find(&mut db.read().await?, id).await.map(Some) } else { Ok(None) }
}
