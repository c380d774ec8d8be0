//! Groups of clients: a name and colour for staff, and whether each service gets an invoice of its own.

pub mod admin;
pub mod api;
mod store;
#[cfg(test)]
mod tests;

use kernel::{Error, FieldErrors, Result, Timestamp, nonempty, single_line};
use platform::db::{Conn, Tx};
use platform::record;

use crate::activity_log::{self, Activity, Actor, changes};
use crate::roles::Permission;

pub use store::all;

pub const CONFIGURE: Permission = Permission("Configure Client Groups");

record! {
    #[derive(Debug, Clone, PartialEq, serde::Serialize)]
    pub struct ClientGroup {
        pub id: i64,
        pub name: String,
        /// `#rrggbb`.
        pub colour: String,
        pub separate_invoices: bool,
        pub created_at: Timestamp,
    }
}

/// A group as it was written.
#[derive(Debug, Clone, Default)]
pub struct NewGroup {
    pub name: String,
    /// `#rrggbb`; empty means grey.
    pub colour: String,
    pub separate_invoices: bool,
}

const GREY: &str = "#808080";

impl NewGroup {
    fn checked(self) -> Result<NewGroup> {
        let mut errors = FieldErrors::default();
        let name = errors.take("name", single_line(&self.name, 60)).unwrap_or_default();
        if name.is_empty() && errors.is_empty() {
            errors.add("name", "Enter a name.");
        }
        let colour = nonempty(&self.colour).unwrap_or(GREY).to_ascii_lowercase();
        let digits = colour.strip_prefix('#').unwrap_or_default();
        if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            errors.add("colour", "Enter a colour such as #3366cc.");
        }
        errors.check()?;
        Ok(NewGroup { name, colour, separate_invoices: self.separate_invoices })
    }
}

fn taken(name: &str) -> Error {
    Error::invalid("name", format!("There is a group “{name}” already."))
}

pub async fn find(conn: &mut Conn, id: i64) -> Result<ClientGroup> {
    store::find(conn, id).await?.ok_or(Error::NotFound("Client group"))
}

pub async fn create(tx: &mut Tx, by: &Actor, new: NewGroup, now: Timestamp) -> Result<ClientGroup> {
    let new = new.checked()?;
    let Some(group) = store::insert(tx, &new, now).await? else { return Err(taken(&new.name)) };
    let activity = Activity::new(format!("Client group “{}” added", group.name));
    activity_log::record(tx, by, activity.about(subject(group.id)), now).await?;
    Ok(group)
}

pub async fn update(tx: &mut Tx, by: &Actor, id: i64, new: NewGroup, now: Timestamp) -> Result<ClientGroup> {
    let old = find(tx, id).await?;
    let new = new.checked()?;
    if store::named(tx, &new.name).await?.is_some_and(|other| other != id) {
        return Err(taken(&new.name));
    }
    store::update(tx, id, &new).await?;
    let changes = changes([
        ("Name", old.name.clone(), new.name.clone()),
        ("Colour", old.colour.clone(), new.colour.clone()),
        ("Separate invoices", old.separate_invoices.to_string(), new.separate_invoices.to_string()),
    ]);
    if !changes.is_empty() {
        let activity = Activity::new(format!("Client group “{}” changed", new.name));
        activity_log::record(tx, by, activity.about(subject(id)).changed(changes), now).await?;
    }
    find(tx, id).await
}

/// Takes away a group that no client is in.
pub async fn delete(tx: &mut Tx, by: &Actor, id: i64, now: Timestamp) -> Result<()> {
    let group = find(tx, id).await?;
    match store::clients(tx, id).await? {
        0 => {}
        1 => return Err(Error::refused(format!("One client is in “{}”. Take it out of the group first.", group.name))),
        many => {
            return Err(Error::refused(format!(
                "{many} clients are in “{}”. Take them out of the group first.",
                group.name
            )));
        }
    }
    store::delete(tx, id).await?;
    let activity = Activity::new(format!("Client group “{}” deleted", group.name));
    activity_log::record(tx, by, activity.about(subject(id)), now).await
}

fn subject(id: i64) -> String {
    format!("client_group:{id}")
}
