//! What a user may do for a client: the owner everything, others what the 13 keys say that were given to them.
//!
//! What must hold: a key that is stored but not known gives nothing; the owner needs no key, and cannot be limited or
//! taken off; a client has one owner at any time.

pub mod admin;
pub mod api;
pub mod client;
pub mod compat;
pub mod invitations;
mod keys;
mod store;
#[cfg(test)]
mod tests;

use kernel::{Error, Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::{params, record};

use crate::activity_log::{self, Activity, Actor, changes};
use crate::clients::{self, EDIT};
use crate::users;

pub use keys::{listed, read, shown, stored};

/// A part of the client area by its key. Every route of a client's account names one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AccountPermission(pub &'static str);

pub const PROFILE: AccountPermission = AccountPermission("profile");
pub const CONTACTS: AccountPermission = AccountPermission("contacts");
pub const PRODUCTS: AccountPermission = AccountPermission("products");
pub const MANAGE_PRODUCTS: AccountPermission = AccountPermission("manageproducts");
pub const PRODUCT_SSO: AccountPermission = AccountPermission("productsso");
pub const DOMAINS: AccountPermission = AccountPermission("domains");
pub const MANAGE_DOMAINS: AccountPermission = AccountPermission("managedomains");
pub const INVOICES: AccountPermission = AccountPermission("invoices");
pub const QUOTES: AccountPermission = AccountPermission("quotes");
pub const TICKETS: AccountPermission = AccountPermission("tickets");
pub const AFFILIATES: AccountPermission = AccountPermission("affiliates");
pub const EMAILS: AccountPermission = AccountPermission("emails");
pub const ORDERS: AccountPermission = AccountPermission("orders");

/// Whose account it is: a key that nobody can be given, so that only the owner passes.
pub const OWNER: AccountPermission = AccountPermission("owner");

/// In the order in which they are offered.
pub const ALL: [AccountPermission; 13] = [
    PROFILE,
    CONTACTS,
    PRODUCTS,
    MANAGE_PRODUCTS,
    PRODUCT_SSO,
    DOMAINS,
    MANAGE_DOMAINS,
    INVOICES,
    QUOTES,
    TICKETS,
    AFFILIATES,
    EMAILS,
    ORDERS,
];

/// A user's part in a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Owner,
    /// With these keys.
    Member(Vec<AccountPermission>),
}

impl Part {
    /// As `client_users` has it: the keys a line each.
    pub fn of(is_owner: bool, stored: &str) -> Part {
        if is_owner { Part::Owner } else { Part::Member(parse(stored)) }
    }

    pub fn may(&self, permission: AccountPermission) -> bool {
        match self {
            Part::Owner => true,
            Part::Member(keys) => keys.contains(&permission),
        }
    }
}

/// The keys that are stored, in the order in which they are offered.
pub fn parse(stored: &str) -> Vec<AccountPermission> {
    ALL.into_iter().filter(|permission| stored.lines().any(|key| key == permission.0)).collect()
}

/// A user's part in a client; none when the user has nothing to do with it.
pub async fn part(conn: &mut Conn, client_id: i64, user_id: i64) -> Result<Option<Part>> {
    let found: Option<(bool, String)> = conn
        .optional(
            "SELECT is_owner, permissions FROM client_users WHERE client_id = $1 AND user_id = $2",
            params![client_id, user_id],
        )
        .await?;
    Ok(found.map(|(is_owner, stored)| Part::of(is_owner, &stored)))
}

/// So many users has a client at most, with those who are invited.
pub const MOST: i64 = 200;

record! {
    /// A user as one of those of a client.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Member {
        /// Of the user.
        pub id: i64,
        pub first_name: String,
        pub last_name: String,
        pub email: String,
        pub last_login_at: Option<Timestamp>,
        pub is_owner: bool,
        /// As they are stored; see [`Member::keys`].
        pub permissions: String,
    }
}

impl Member {
    pub fn name(&self) -> String {
        let name = [self.first_name.as_str(), self.last_name.as_str()].join(" ").trim().to_owned();
        if name.is_empty() { self.email.clone() } else { name }
    }

    /// What the user may: the owner everything.
    pub fn keys(&self) -> Vec<AccountPermission> {
        if self.is_owner { ALL.to_vec() } else { parse(&self.permissions) }
    }
}

/// The users of a client, the owner first.
pub async fn members(conn: &mut Conn, client_id: i64) -> Result<Vec<Member>> {
    store::members(conn, client_id).await
}

pub async fn member(conn: &mut Conn, client_id: i64, user_id: i64) -> Result<Member> {
    store::member(conn, client_id, user_id).await?.ok_or(Error::NotFound("User of this client"))
}

/// Refused where a client has as many users, with those who are invited, as it can have.
pub(crate) async fn require_room(conn: &mut Conn, client_id: i64) -> Result<()> {
    if store::how_many(conn, client_id).await? >= MOST {
        return Err(Error::refused(format!("At most {MOST} users act for a client, with those who are invited.")));
    }
    Ok(())
}

/// Says anew what a user may do for a client. The owner may everything.
pub async fn set_permissions(
    tx: &mut Tx,
    by: &Actor,
    client_id: i64,
    user_id: i64,
    permissions: &[AccountPermission],
    now: Timestamp,
) -> Result<Member> {
    let old = member(tx, client_id, user_id).await?;
    if old.is_owner {
        return Err(Error::refused(format!("{} owns this account and may everything.", old.name())));
    }
    let permissions = keys::some(permissions)?;
    let changed = changes([("Permissions", shown(&old.keys()), shown(&permissions))]);
    if changed.is_empty() {
        return Ok(old);
    }
    store::set_permissions(tx, client_id, user_id, &stored(&permissions)).await?;
    let activity = Activity::new(format!("Permissions of user {} changed", old.email));
    activity_log::record(tx, by, activity.about(subject(user_id)).client(client_id).changed(changed), now).await?;
    member(tx, client_id, user_id).await
}

/// Makes another of a client's users its owner; the one before stays, with every key. Only staff do that.
pub async fn transfer(tx: &mut Tx, by: &Actor, client_id: i64, user_id: i64, now: Timestamp) -> Result<Member> {
    by.require(EDIT)?;
    let mut tx = clients::lock(tx, client_id).await?;
    let new = member(&mut tx, client_id, user_id).await?;
    if new.is_owner {
        return Ok(new);
    }
    let owners = members(&mut tx, client_id).await?;
    let old = owners.iter().find(|member| member.is_owner).map(|member| member.email.clone()).unwrap_or_default();
    store::transfer(&mut tx, client_id, user_id, &stored(&ALL)).await?;
    let changed = changes([("Owner", old, new.email.clone())]);
    let activity = Activity::new(format!("User {} owns the client", new.email));
    activity_log::record(&mut tx, by, activity.about(subject(user_id)).client(client_id).changed(changed), now).await?;
    member(&mut tx, client_id, user_id).await
}

/// Takes a user off a client. The owner stays.
pub async fn remove(tx: &mut Tx, by: &Actor, client_id: i64, user_id: i64, now: Timestamp) -> Result<()> {
    users::detach(tx, by, client_id, user_id, now).await
}

fn subject(user_id: i64) -> String {
    format!("user:{user_id}")
}
