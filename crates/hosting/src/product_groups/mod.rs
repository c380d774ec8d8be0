//! Product groups: the shelves that products stand on.

pub mod admin;
pub mod api;
mod store;

use accounts::activity_log::{self, Activity, Actor};
use accounts::roles::Permission;
use kernel::{Error, FieldErrors, Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::record;

use crate::edit;

pub const MANAGE: Permission = Permission("Manage Product Groups");

record! {
    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
    pub struct ProductGroup {
        pub id: i64,
        pub name: String,
        /// Unique; what stands for the group in addresses.
        pub slug: String,
        pub tagline: String,
        pub hidden: bool,
        pub position: i64,
    }
}

/// The fields as they were written; `None` leaves one as it is.
#[derive(Debug, Clone, Default)]
pub struct GroupEdit {
    pub name: Option<String>,
    pub slug: Option<String>,
    pub tagline: Option<String>,
    pub hidden: Option<bool>,
    pub position: Option<i64>,
}

/// In the order in which they are shown.
pub async fn all(conn: &mut Conn) -> Result<Vec<ProductGroup>> {
    store::all(conn).await
}

pub async fn find(conn: &mut Conn, id: i64) -> Result<ProductGroup> {
    store::find(conn, id).await?.ok_or(Error::NotFound("Product group"))
}

pub async fn exists(conn: &mut Conn, id: i64) -> Result<bool> {
    Ok(store::find(conn, id).await?.is_some())
}

/// The group that a new installation has.
pub async fn seed(tx: &mut Tx) -> Result<()> {
    let group = ProductGroup {
        id: 0,
        name: "Hosting".to_owned(),
        slug: "hosting".to_owned(),
        tagline: String::new(),
        hidden: false,
        position: 1,
    };
    store::insert(tx, &group).await.map(|_| ())
}

pub async fn create(tx: &mut Tx, by: &Actor, edit: &GroupEdit, now: Timestamp) -> Result<ProductGroup> {
    let base = ProductGroup {
        id: 0,
        name: String::new(),
        slug: String::new(),
        tagline: String::new(),
        hidden: false,
        position: 0,
    };
    let mut group = checked(tx, &base, edit).await?;
    group.id = store::insert(tx, &group).await?;
    let activity = Activity::new(format!("Product group “{}” added", group.name)).about(subject(group.id));
    activity_log::record(tx, by, activity, now).await?;
    Ok(group)
}

pub async fn update(tx: &mut Tx, by: &Actor, id: i64, edit: &GroupEdit, now: Timestamp) -> Result<ProductGroup> {
    let base = find(tx, id).await?;
    let group = checked(tx, &base, edit).await?;
    let changes = edit::differences(described(&base), described(&group));
    if !changes.is_empty() {
        store::update(tx, &group).await?;
        let activity =
            Activity::new(format!("Product group “{}” changed", group.name)).about(subject(id)).changed(changes);
        activity_log::record(tx, by, activity, now).await?;
    }
    Ok(group)
}

/// Only an empty group can go.
pub async fn delete(tx: &mut Tx, by: &Actor, id: i64, now: Timestamp) -> Result<()> {
    let group = find(tx, id).await?;
    let products = store::product_count(tx, id).await?;
    if products > 0 {
        let word = if products == 1 { "1 product is" } else { &format!("{products} products are") };
        return Err(Error::refused(format!("{word} in “{}”. Move them to another group first.", group.name)));
    }
    store::delete(tx, id).await?;
    let activity = Activity::new(format!("Product group “{}” deleted", group.name)).about(subject(id));
    activity_log::record(tx, by, activity, now).await
}

async fn checked(tx: &mut Tx, base: &ProductGroup, edit: &GroupEdit) -> Result<ProductGroup> {
    let mut errors = FieldErrors::default();
    let mut group = base.clone();
    edit::line(&mut group.name, "name", &edit.name, 120, &mut errors);
    edit::line(&mut group.tagline, "tagline", &edit.tagline, 200, &mut errors);
    edit::set(&mut group.hidden, &edit.hidden);
    edit::set(&mut group.position, &edit.position);
    edit::within("position", group.position, 0, 1_000_000, &mut errors);
    if group.name.is_empty() && errors.of("name").is_none() {
        errors.add("name", "Enter a name for the group.");
    }
    let wanted = edit.slug.as_deref().map(edit::slug).unwrap_or_default();
    if !wanted.is_empty() && wanted != base.slug {
        if store::slugs(tx, &wanted, base.id).await?.contains(&wanted) {
            errors.add("slug", format!("Another group has the address name “{wanted}”. Choose another one."));
        }
        group.slug = wanted;
    } else if group.slug.is_empty() {
        let made = edit::slug(&group.name);
        let taken = store::slugs(tx, &made, base.id).await?;
        group.slug = edit::free_slug(&made, "group", &taken);
    }
    errors.check()?;
    Ok(group)
}

fn described(group: &ProductGroup) -> Vec<(&'static str, String)> {
    vec![
        ("name", group.name.clone()),
        ("slug", group.slug.clone()),
        ("tagline", group.tagline.clone()),
        ("hidden", edit::yes(group.hidden)),
        ("position", group.position.to_string()),
    ]
}

fn subject(id: i64) -> String {
    format!("product_group:{id}")
}
