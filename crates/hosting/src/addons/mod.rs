//! Product addons: what clients add to a service, billed on lines and cycles of its own.

pub mod admin;
pub mod api;
mod store;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use accounts::activity_log::{self, Activity, Actor};
use accounts::roles::Permission;
use kernel::{Error, FieldErrors, Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::record;

use crate::config_options::{check_products, list};
use crate::edit;
use crate::prices::{self, Owner, PayType, PriceList};
use crate::pricing::Sold;
use crate::products::QuantityMode;

pub const CONFIGURE: Permission = Permission("Configure Product Addons");

record! {
    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
    pub struct Addon {
        pub id: i64,
        pub name: String,
        pub description: String,
        pub pay_type: PayType,
        pub taxed: bool,
        /// Falls due on its product's day, where the product has one.
        pub prorata: bool,
        pub hidden: bool,
        pub position: i64,
    }
}

impl Addon {
    /// An addon may be had several times.
    pub fn sold<'a>(&'a self, prices: &'a PriceList) -> Sold<'a> {
        Sold { name: &self.name, pay_type: self.pay_type, quantity_mode: QuantityMode::Scaling, prices }
    }
}

/// The fields as they were written; `None` leaves one as it is.
#[derive(Debug, Clone, Default)]
pub struct AddonEdit {
    pub name: Option<String>,
    pub description: Option<String>,
    pub pay_type: Option<PayType>,
    pub taxed: Option<bool>,
    pub prorata: Option<bool>,
    pub hidden: Option<bool>,
    pub position: Option<i64>,
    /// The products that it can be added to; the whole list.
    pub product_ids: Option<Vec<i64>>,
    /// The whole list: what is not in it is not sold from now on.
    pub prices: Option<PriceList>,
}

/// In the order in which they are shown.
pub async fn all(conn: &mut Conn) -> Result<Vec<Addon>> {
    store::all(conn).await
}

pub async fn find(conn: &mut Conn, id: i64) -> Result<Addon> {
    store::find(conn, id).await?.ok_or(Error::NotFound("Addon"))
}

pub async fn by_ids(conn: &mut Conn, ids: &[i64]) -> Result<Vec<Addon>> {
    store::by_ids(conn, ids).await
}

pub async fn of_product(conn: &mut Conn, product_id: i64) -> Result<Vec<Addon>> {
    store::of_product(conn, product_id).await
}

pub async fn product_ids(conn: &mut Conn, id: i64) -> Result<Vec<i64>> {
    store::product_ids(conn, id).await
}

/// How many products each addon can be added to, and how many services have it.
pub async fn counts(conn: &mut Conn) -> Result<HashMap<i64, (i64, i64)>> {
    store::counts(conn).await
}

pub async fn create(tx: &mut Tx, by: &Actor, edit: &AddonEdit, now: Timestamp) -> Result<Addon> {
    let base = Addon {
        id: 0,
        name: String::new(),
        description: String::new(),
        pay_type: PayType::Recurring,
        taxed: false,
        prorata: false,
        hidden: false,
        position: 0,
    };
    let (mut addon, prices) = checked(tx, &base, &PriceList::default(), edit).await?;
    addon.id = store::insert(tx, &addon).await?;
    prices::replace(tx, Owner::Addon, addon.id, &prices).await?;
    if let Some(products) = &edit.product_ids {
        store::attach(tx, addon.id, products).await?;
    }
    let activity = Activity::new(format!("Addon “{}” added", addon.name)).about(subject(addon.id));
    activity_log::record(tx, by, activity, now).await?;
    Ok(addon)
}

pub async fn update(tx: &mut Tx, by: &Actor, id: i64, edit: &AddonEdit, now: Timestamp) -> Result<Addon> {
    let base = find(tx, id).await?;
    let before = prices::of(tx, Owner::Addon, id).await?;
    let (addon, after) = checked(tx, &base, &before, edit).await?;
    let mut changes = edit::differences(described(&base, &before), described(&addon, &after));
    store::update(tx, &addon).await?;
    if before != after {
        prices::replace(tx, Owner::Addon, id, &after).await?;
    }
    let products_before = store::product_ids(tx, id).await?;
    if let Some(products) = edit.product_ids.as_ref().filter(|products| **products != products_before) {
        store::attach(tx, id, products).await?;
        changes.extend(edit::differences(
            vec![("products", list(&products_before))],
            vec![("products", list(&store::product_ids(tx, id).await?))],
        ));
    }
    if !changes.is_empty() {
        let activity = Activity::new(format!("Addon “{}” changed", addon.name)).about(subject(id)).changed(changes);
        activity_log::record(tx, by, activity, now).await?;
    }
    Ok(addon)
}

/// Only an addon that no service ever had can go.
pub async fn delete(tx: &mut Tx, by: &Actor, id: i64, now: Timestamp) -> Result<()> {
    let addon = find(tx, id).await?;
    let services = store::service_count(tx, id).await?;
    if services > 0 {
        let word = if services == 1 { "1 service has" } else { &format!("{services} services have") };
        return Err(Error::refused(format!("{word} or had “{}”. Hide it instead.", addon.name)));
    }
    prices::replace(tx, Owner::Addon, id, &PriceList::default()).await?;
    store::delete(tx, id).await?;
    let activity = Activity::new(format!("Addon “{}” deleted", addon.name)).about(subject(id));
    activity_log::record(tx, by, activity, now).await
}

async fn checked(tx: &mut Tx, base: &Addon, prices: &PriceList, edit: &AddonEdit) -> Result<(Addon, PriceList)> {
    let mut errors = FieldErrors::default();
    let mut addon = base.clone();
    edit::line(&mut addon.name, "name", &edit.name, 120, &mut errors);
    edit::text(&mut addon.description, "description", &edit.description, 20_000, &mut errors);
    edit::set(&mut addon.pay_type, &edit.pay_type);
    edit::set(&mut addon.taxed, &edit.taxed);
    edit::set(&mut addon.prorata, &edit.prorata);
    edit::set(&mut addon.hidden, &edit.hidden);
    edit::set(&mut addon.position, &edit.position);
    edit::within("position", addon.position, 0, 1_000_000, &mut errors);
    if addon.name.is_empty() && errors.of("name").is_none() {
        errors.add("name", "Enter a name for the addon.");
    }
    if let Some(products) = &edit.product_ids {
        check_products(tx, products, &mut errors).await?;
    }
    let prices = match &edit.prices {
        Some(list) => {
            let dealt = prices::currencies(tx).await?;
            list.check(addon.pay_type, &dealt, &mut errors);
            list.clone()
        }
        None => prices.clone().fitting(addon.pay_type),
    };
    errors.check()?;
    Ok((addon, prices))
}

fn described(addon: &Addon, prices: &PriceList) -> Vec<(&'static str, String)> {
    vec![
        ("name", addon.name.clone()),
        ("description", addon.description.clone()),
        ("pay_type", addon.pay_type.to_string()),
        ("taxed", edit::yes(addon.taxed)),
        ("prorata", edit::yes(addon.prorata)),
        ("hidden", edit::yes(addon.hidden)),
        ("position", addon.position.to_string()),
        ("prices", prices.described()),
    ]
}

fn subject(id: i64) -> String {
    format!("addon:{id}")
}
