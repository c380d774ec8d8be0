//! Roles of staff: a name and a set of permissions. Permission names are those of the WHMCS-compatible API, so that
//! roles can be carried over.
//!
//! What must hold:
//! - A role is offered only permissions that something asks for ([`Offered`]).
//! - Nobody gives or takes what they do not have: a permission of a role, or a role of somebody.
//! - The full administrator keeps every permission, and the three roles that are made at the start keep their names.
//!
//! What surprises: a change holds from the next request on, on every node, because permissions are read with each request.

pub mod admin;
pub mod api;
pub mod names;
mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use kernel::{Error, FieldErrors, Result, Timestamp, single_line};
use platform::db::{Conn, Insert, Tx};
use platform::{cells, params, record};

use crate::activity_log::{self, Activity, Actor, Change};
use crate::openid;

pub use store::{Listed, all};

/// A permission by its name. Every route names one; a feature declares those it checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Permission(pub &'static str);

pub const CONFIGURE: Permission = Permission("Configure Admin Roles");

/// The permissions that something asks for; wiring knows them from the routes.
#[derive(Debug, Clone, Default)]
pub struct Offered(pub Vec<Permission>);

impl Offered {
    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|offered| offered.0 == name)
    }
}

record! {
    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
    pub struct Role {
        pub id: i64,
        pub name: String,
        /// Made at the start; keeps its name and is never deleted.
        pub built_in: bool,
    }
}

/// A role as it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewRole {
    pub name: String,
    pub permissions: BTreeSet<String>,
}

pub const FULL_ADMINISTRATOR: &str = "Full Administrator";
pub const SALES_OPERATOR: &str = "Sales Operator";
pub const SUPPORT_OPERATOR: &str = "Support Operator";

/// What a sales operator may: sell, and bill what was sold. Not money that leaves, nor configuration, nor the books'
/// levers (credit, notes, batches, transactions). Whoever adds a permission decides whether it belongs here.
const FOR_SALES: &[&str] = &[
    "Main Homepage",
    "My Account",
    "List Clients",
    "View Clients Summary",
    "Add New Client",
    "Edit Clients Details",
    "List Services",
    "View Clients Products/Services",
    "Edit Clients Products/Services",
    "View Orders",
    "View Order Details",
    "Add New Order",
    "Delete Order",
    "View Products/Services",
    "List Invoices",
    "Create Invoice",
    "Manage Invoice",
    "Delete Invoice",
    "List Transactions",
    "List Credit and Debit Notes",
    "View Credit Log",
    "View Activity Log",
];
/// What a support operator may: look, and correct a client's details.
const FOR_SUPPORT: &[&str] = &[
    "Main Homepage",
    "My Account",
    "List Clients",
    "View Clients Summary",
    "Edit Clients Details",
    "List Services",
    "View Clients Products/Services",
    "View Orders",
    "View Order Details",
    "List Invoices",
    "View Activity Log",
];

/// The permissions that a default role other than the full administrator begins with.
pub fn allowed(role: &str) -> &'static [&'static str] {
    match role {
        SALES_OPERATOR => FOR_SALES,
        SUPPORT_OPERATOR => FOR_SUPPORT,
        _ => &[],
    }
}

/// Makes the three default roles out of the permissions that exist. Doing it again adds permissions that are new to
/// the full administrator and changes nothing else.
pub async fn seed(tx: &mut Tx, permissions: &[Permission]) -> Result<()> {
    for name in [FULL_ADMINISTRATOR, SALES_OPERATOR, SUPPORT_OPERATOR] {
        let inserted: Option<(i64,)> = tx
            .optional(
                "INSERT INTO roles (name, built_in) VALUES ($1, TRUE) ON CONFLICT (name) DO NOTHING RETURNING id",
                params![name],
            )
            .await?;
        let (id, is_new) = match inserted {
            Some((id,)) => (id, true),
            None => (tx.scalar("SELECT id FROM roles WHERE name = $1", params![name]).await?, false),
        };
        if !is_new && name != FULL_ADMINISTRATOR {
            continue;
        }
        let mut rows = Insert::into("role_permissions", &["role_id", "permission"])
            .then("ON CONFLICT (role_id, permission) DO NOTHING");
        for permission in permissions {
            if name == FULL_ADMINISTRATOR || allowed(name).contains(&permission.0) {
                rows.row(cells![id, permission.0]);
            }
        }
        rows.run(tx).await?;
    }
    Ok(())
}

pub async fn find(conn: &mut Conn, id: i64) -> Result<Role> {
    store::find(conn, id).await?.ok_or(Error::NotFound("Role"))
}

/// The names of a role's permissions, in their order.
pub async fn permissions(conn: &mut Conn, id: i64) -> Result<BTreeSet<String>> {
    store::permissions(conn, id).await
}

pub async fn create(tx: &mut Tx, by: &Actor, offered: &Offered, new: NewRole, now: Timestamp) -> Result<Role> {
    let mut errors = FieldErrors::default();
    let name = checked_name(&new.name, &mut errors);
    check_permissions(by, offered, &new.permissions, &BTreeSet::new(), &mut errors);
    errors.check()?;
    let Some(id) = store::insert(tx, &name).await? else { return Err(taken(&name)) };
    store::give(tx, id, &new.permissions).await?;
    let change = permission_change(&BTreeSet::new(), &new.permissions);
    let activity =
        Activity::new(format!("Role “{name}” added")).about(subject(id)).changed(change.into_iter().collect());
    activity_log::record(tx, by, activity, now).await?;
    find(tx, id).await
}

/// Changes the name and the permissions. What a role has and nothing asks for stays as it is.
pub async fn update(tx: &mut Tx, by: &Actor, offered: &Offered, id: i64, new: NewRole, now: Timestamp) -> Result<Role> {
    let old = store::locked(tx, id).await?.ok_or(Error::NotFound("Role"))?;
    let had = permissions(tx, id).await?;
    let mut errors = FieldErrors::default();
    let name = checked_name(&new.name, &mut errors);
    if old.built_in && name != old.name {
        errors.add("name", format!("“{}” is one of the roles that are always there, and keeps its name.", old.name));
    } else if store::named(tx, &name).await?.is_some_and(|other| other != id) {
        errors.add("name", format!("There is a role “{name}” already."));
    }
    let kept = had.iter().filter(|name| !offered.has(name)).cloned();
    let will_have: BTreeSet<String> = new.permissions.iter().cloned().chain(kept).collect();
    if old.name == FULL_ADMINISTRATOR && will_have != had {
        errors.add("permissions", format!("The {FULL_ADMINISTRATOR} keeps every permission."));
    }
    check_permissions(by, offered, &new.permissions, &had, &mut errors);
    let not_own: Vec<&str> = had.difference(&will_have).map(String::as_str).filter(|name| !by.has(name)).collect();
    if !not_own.is_empty() {
        errors.add("permissions", format!("You cannot take what you may not do yourself: {}.", some_of(&not_own)));
    }
    errors.check()?;
    let mut changes: Vec<Change> = activity_log::changes([("Name", old.name.clone(), name.clone())]);
    changes.extend(permission_change(&had, &will_have));
    if changes.is_empty() {
        return Ok(old);
    }
    store::rename(tx, id, &name).await?;
    store::take(tx, id, &had.difference(&will_have).cloned().collect::<Vec<_>>()).await?;
    store::give(tx, id, &will_have.difference(&had).cloned().collect()).await?;
    let activity = Activity::new(format!("Role “{name}” changed")).about(subject(id)).changed(changes);
    activity_log::record(tx, by, activity, now).await?;
    find(tx, id).await
}

/// Takes away a role that nobody has.
pub async fn delete(tx: &mut Tx, by: &Actor, id: i64, now: Timestamp) -> Result<()> {
    let role = store::locked(tx, id).await?.ok_or(Error::NotFound("Role"))?;
    if role.built_in {
        return Err(Error::refused(format!("“{}” is one of the roles that are always there.", role.name)));
    }
    match store::members(tx, id).await? {
        0 => {}
        1 => {
            return Err(Error::refused(format!(
                "One administrator has the role “{}”. Give another one first.",
                role.name
            )));
        }
        many => {
            return Err(Error::refused(format!(
                "{many} administrators have the role “{}”. Give them another one first.",
                role.name
            )));
        }
    }
    if openid::gives(tx, id).await? {
        return Err(Error::refused(format!(
            "A provider of identities gives the role “{}”. Take it out of the provider’s lines first.",
            role.name
        )));
    }
    store::delete(tx, id).await?;
    let activity = Activity::new(format!("Role “{}” deleted", role.name)).about(subject(id));
    activity_log::record(tx, by, activity, now).await
}

/// The role of this id or name that `by` may give to somebody: one that may do no more than `by`. The role stays as it is
/// until the transaction has ended.
pub(crate) async fn to_give(tx: &mut Tx, by: &Actor, id: i64) -> Result<Role> {
    let role = store::locked(tx, id).await?.ok_or_else(|| Error::invalid("role", "Choose one of the roles."))?;
    if let Some(more) = beyond(tx, by, id).await? {
        return Err(Error::invalid(
            "role",
            format!("“{}” may do what you may not: {more}. Only who may do that gives this role.", role.name),
        ));
    }
    Ok(role)
}

/// What a role may do and `by` may not, in words; `None` when there is nothing. Names that not even the full administrator
/// has count for nothing: nobody asks for them.
pub(crate) async fn beyond(conn: &mut Conn, by: &Actor, role_id: i64) -> Result<Option<String>> {
    let counted = store::counted(conn, role_id).await?;
    let more: Vec<&str> = counted.iter().map(String::as_str).filter(|name| !by.has(name)).collect();
    Ok((!more.is_empty()).then(|| some_of(&more)))
}

/// Says no to everybody who may not do everything: for what could make anybody of whoever may do it.
pub(crate) async fn require_everything(conn: &mut Conn, by: &Actor, deed: &str) -> Result<()> {
    let Some(full) = store::named(conn, FULL_ADMINISTRATOR).await? else { return Ok(()) };
    match beyond(conn, by, full).await? {
        Some(_) => Err(Error::refused(format!("Only who may do everything may {deed}."))),
        None => Ok(()),
    }
}

fn some_of(names: &[&str]) -> String {
    const SHOWN: usize = 3;
    let more = if names.len() > SHOWN { format!(" and {} more", names.len() - SHOWN) } else { String::new() };
    format!("{}{more}", names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", "))
}

fn checked_name(name: &str, errors: &mut FieldErrors) -> String {
    let name = errors.take("name", single_line(name, 60)).unwrap_or_default();
    if name.is_empty() && errors.of("name").is_none() {
        errors.add("name", "Enter a name.");
    }
    name
}

fn check_permissions(
    by: &Actor,
    offered: &Offered,
    wanted: &BTreeSet<String>,
    had: &BTreeSet<String>,
    errors: &mut FieldErrors,
) {
    let added: Vec<&str> = wanted.difference(had).map(String::as_str).collect();
    let unknown: Vec<&str> = added.iter().copied().filter(|name| !offered.has(name)).collect();
    if !unknown.is_empty() {
        errors.add("permissions", format!("Nothing asks for these: {}.", some_of(&unknown)));
    }
    let not_own: Vec<&str> = added.iter().copied().filter(|name| offered.has(name) && !by.has(name)).collect();
    if !not_own.is_empty() {
        errors.add("permissions", format!("You cannot give what you may not do yourself: {}.", some_of(&not_own)));
    }
}

/// What was given and taken, as the activity log shows it.
fn permission_change(had: &BTreeSet<String>, has: &BTreeSet<String>) -> Option<Change> {
    let list = |left: &BTreeSet<String>, right: &BTreeSet<String>| {
        left.difference(right).cloned().collect::<Vec<_>>().join(", ")
    };
    (had != has).then(|| Change { field: "Permissions".to_owned(), old: list(had, has), new: list(has, had) })
}

fn taken(name: &str) -> Error {
    Error::invalid("name", format!("There is a role “{name}” already."))
}

fn subject(id: i64) -> String {
    format!("role:{id}")
}
