//! Products: what clients order.
//!
//! What must hold:
//! - A price change is for new orders. Services keep the amount that was frozen when they were ordered, until somebody
//!   has it recalculated.
//! - A product that services were made of is never deleted, only retired.

pub mod admin;
pub mod api;
pub mod compat;
mod store;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use accounts::activity_log::{self, Activity, Actor};
use accounts::roles::Permission;
use kernel::{Error, FieldErrors, ProrataRule, Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::record;

use crate::prices::{self, Owner, PayType, PriceList};
use crate::pricing::Sold;
use crate::{edit, product_groups};

pub const VIEW: Permission = Permission("View Products/Services");
pub const CREATE: Permission = Permission("Create New Products/Services");
pub const EDIT: Permission = Permission("Edit Products/Services");
pub const DELETE: Permission = Permission("Delete Products/Services");

kernel::text_enum! {
    pub enum ProductKind {
        HostingAccount = "hostingaccount",
        ResellerAccount = "reselleraccount",
        Server = "server",
        Other = "other",
    }
}
kernel::text_enum! {
    /// What ordering several of one product means.
    pub enum QuantityMode {
        /// One at a time.
        None = "none",
        /// A service each.
        Services = "services",
        /// One service of that size.
        Scaling = "scaling",
    }
}
kernel::text_enum! {
    /// When a service is set up by itself.
    pub enum AutoSetup {
        Never = "",
        /// When staff accept the order.
        Accept = "on",
        Order = "order",
        Payment = "payment",
    }
}
platform::enum_column!(ProductKind, QuantityMode, AutoSetup);

impl ProductKind {
    pub fn label(self) -> &'static str {
        match self {
            ProductKind::HostingAccount => "Shared hosting",
            ProductKind::ResellerAccount => "Reseller hosting",
            ProductKind::Server => "Server or VPS",
            ProductKind::Other => "Other",
        }
    }
}

record! {
    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
    pub struct Product {
        pub id: i64,
        pub group_id: i64,
        pub kind: ProductKind,
        pub name: String,
        /// Unique; what stands for the product in addresses.
        pub slug: String,
        pub tagline: String,
        pub short_description: String,
        pub description: String,
        /// `#rrggbb`, or empty.
        pub colour: String,
        pub pay_type: PayType,
        pub taxed: bool,
        pub hidden: bool,
        pub featured: bool,
        /// Not sold any more; its services go on.
        pub retired: bool,
        pub needs_domain: bool,
        pub stock_control: bool,
        pub stock: i64,
        pub quantity_mode: QuantityMode,
        /// Periods after which a service is complete; 0 for no end.
        pub cycles_limit: i64,
        pub prorata: bool,
        pub prorata_day: u8,
        pub prorata_cutoff: u8,
        pub auto_setup: AutoSetup,
        /// The provisioning module by name, or empty.
        pub module: String,
        pub position: i64,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
    }
}

impl Product {
    pub fn sold<'a>(&'a self, prices: &'a PriceList) -> Sold<'a> {
        Sold { name: &self.name, pay_type: self.pay_type, quantity_mode: self.quantity_mode, prices }
    }

    /// The day on which all its services fall due, if there is one.
    pub fn prorata_rule(&self) -> Option<ProrataRule> {
        let rule = ProrataRule { day: self.prorata_day, charge_next_month_after: self.prorata_cutoff };
        self.prorata.then_some(rule)
    }

    /// The periods that a new service is billed for; `None` for ever.
    pub fn periods(&self) -> Option<i64> {
        (self.cycles_limit > 0).then_some(self.cycles_limit)
    }
}

/// The fields as they were written. On a change `None` leaves one as it is; on a new product it means the usual.
#[derive(Debug, Clone, Default)]
pub struct ProductEdit {
    pub group_id: Option<i64>,
    pub kind: Option<ProductKind>,
    pub name: Option<String>,
    /// Empty makes one from the name.
    pub slug: Option<String>,
    pub tagline: Option<String>,
    pub short_description: Option<String>,
    pub description: Option<String>,
    pub colour: Option<String>,
    pub pay_type: Option<PayType>,
    pub taxed: Option<bool>,
    pub hidden: Option<bool>,
    pub featured: Option<bool>,
    pub retired: Option<bool>,
    pub needs_domain: Option<bool>,
    pub stock_control: Option<bool>,
    pub stock: Option<i64>,
    pub quantity_mode: Option<QuantityMode>,
    pub cycles_limit: Option<i64>,
    pub prorata: Option<bool>,
    pub prorata_day: Option<i64>,
    pub prorata_cutoff: Option<i64>,
    pub auto_setup: Option<AutoSetup>,
    pub module: Option<String>,
    pub position: Option<i64>,
    /// The whole list: what is not in it is not sold from now on.
    pub prices: Option<PriceList>,
}

pub async fn find(conn: &mut Conn, id: i64) -> Result<Product> {
    store::find(conn, id).await?.ok_or(Error::NotFound("Product"))
}

/// Which products.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Empty for all.
    pub ids: Vec<i64>,
    pub group_id: Option<i64>,
    pub module: Option<String>,
}

/// In the order in which they are shown: by group, then by position.
pub async fn list(conn: &mut Conn, filter: &Filter) -> Result<Vec<Product>> {
    store::list(conn, filter).await
}

/// How many services each product has that are not over.
pub async fn running_services(conn: &mut Conn) -> Result<HashMap<i64, i64>> {
    store::running_services(conn).await
}

pub async fn create(tx: &mut Tx, by: &Actor, edit: &ProductEdit, now: Timestamp) -> Result<Product> {
    let base = blank(now);
    let (mut product, prices) = checked(tx, &base, &PriceList::default(), edit).await?;
    product.id = store::insert(tx, &product).await?;
    prices::replace(tx, Owner::Product, product.id, &prices).await?;
    let activity = Activity::new(format!("Product “{}” added", product.name)).about(subject(product.id));
    activity_log::record(tx, by, activity, now).await?;
    Ok(product)
}

pub async fn update(tx: &mut Tx, by: &Actor, id: i64, edit: &ProductEdit, now: Timestamp) -> Result<Product> {
    let base = find(tx, id).await?;
    let before = prices::of(tx, Owner::Product, id).await?;
    let (mut product, after) = checked(tx, &base, &before, edit).await?;
    let changes = edit::differences(described(&base, &before), described(&product, &after));
    if changes.is_empty() {
        return Ok(base);
    }
    product.updated_at = now;
    store::update(tx, &product).await?;
    if before != after {
        prices::replace(tx, Owner::Product, id, &after).await?;
    }
    let activity = Activity::new(format!("Product “{}” changed", product.name)).about(subject(id)).changed(changes);
    activity_log::record(tx, by, activity, now).await?;
    Ok(product)
}

/// Only a product that nobody ever had can go.
pub async fn delete(tx: &mut Tx, by: &Actor, id: i64, now: Timestamp) -> Result<()> {
    let product = find(tx, id).await?;
    let services = store::service_count(tx, id).await?;
    if services > 0 {
        let word = if services == 1 { "1 service is" } else { &format!("{services} services are") };
        return Err(Error::refused(format!(
            "{word} made of “{}”, and invoices tell of it. Retire the product instead.",
            product.name
        )));
    }
    prices::replace(tx, Owner::Product, id, &PriceList::default()).await?;
    store::delete(tx, id).await?;
    let activity = Activity::new(format!("Product “{}” deleted", product.name)).about(subject(id));
    activity_log::record(tx, by, activity, now).await
}

/// Locks the products whose stock an order is about to take, in the order of their ids, so that two orders of the same
/// products in different order never wait for each other.
pub async fn lock_stock(tx: &mut Tx, ids: &[i64]) -> Result<()> {
    store::lock_stock(tx, ids).await
}

/// Takes from the stock of a product that counts it. Two orders for the last one: the second is refused.
pub(crate) async fn take_stock(tx: &mut Tx, product: &Product, quantity: i64) -> Result<()> {
    if product.stock_control && !store::take_stock(tx, product.id, quantity).await? {
        return Err(Error::refused(format!("“{}” is out of stock.", product.name)));
    }
    Ok(())
}

/// Puts back into the stock what was not sold after all.
pub(crate) async fn give_stock(tx: &mut Tx, id: i64, quantity: i64) -> Result<()> {
    store::give_stock(tx, id, quantity).await
}

fn blank(now: Timestamp) -> Product {
    Product {
        id: 0,
        group_id: 0,
        kind: ProductKind::HostingAccount,
        name: String::new(),
        slug: String::new(),
        tagline: String::new(),
        short_description: String::new(),
        description: String::new(),
        colour: String::new(),
        pay_type: PayType::Recurring,
        taxed: false,
        hidden: false,
        featured: false,
        retired: false,
        needs_domain: false,
        stock_control: false,
        stock: 0,
        quantity_mode: QuantityMode::None,
        cycles_limit: 0,
        prorata: false,
        prorata_day: 1,
        // Later than any day: orders never pay for the next period as well.
        prorata_cutoff: 31,
        auto_setup: AutoSetup::Never,
        module: String::new(),
        position: 0,
        created_at: now,
        updated_at: now,
    }
}

/// The product and its prices as they will be; every field that is wrong at once.
async fn checked(tx: &mut Tx, base: &Product, prices: &PriceList, edit: &ProductEdit) -> Result<(Product, PriceList)> {
    let mut errors = FieldErrors::default();
    let mut product = base.clone();
    apply(&mut product, edit, &mut errors);
    if product.name.is_empty() && errors.of("name").is_none() {
        errors.add("name", "Enter a name for the product.");
    }
    if !product_groups::exists(tx, product.group_id).await? {
        errors.add("group_id", "Choose the group that the product stands in.");
    }
    let wanted = edit.slug.as_deref().map(edit::slug).unwrap_or_default();
    if !wanted.is_empty() && wanted != base.slug {
        if store::slugs(tx, &wanted, base.id).await?.contains(&wanted) {
            errors.add("slug", format!("Another product has the address name “{wanted}”. Choose another one."));
        }
        product.slug = wanted;
    } else if product.slug.is_empty() {
        let made = edit::slug(&product.name);
        let taken = store::slugs(tx, &made, base.id).await?;
        product.slug = edit::free_slug(&made, "product", &taken);
    }
    let prices = match &edit.prices {
        Some(list) => {
            let dealt = prices::currencies(tx).await?;
            list.check(product.pay_type, &dealt, &mut errors);
            list.clone()
        }
        // A changed pay type makes prices of the old one meaningless.
        None => prices.clone().fitting(product.pay_type),
    };
    errors.check()?;
    Ok((product, prices))
}

fn apply(product: &mut Product, edit: &ProductEdit, errors: &mut FieldErrors) {
    edit::set(&mut product.group_id, &edit.group_id);
    edit::set(&mut product.kind, &edit.kind);
    edit::line(&mut product.name, "name", &edit.name, 120, errors);
    edit::line(&mut product.tagline, "tagline", &edit.tagline, 200, errors);
    edit::text(&mut product.short_description, "short_description", &edit.short_description, 1_000, errors);
    edit::text(&mut product.description, "description", &edit.description, 20_000, errors);
    edit::set(&mut product.pay_type, &edit.pay_type);
    edit::set(&mut product.taxed, &edit.taxed);
    edit::set(&mut product.hidden, &edit.hidden);
    edit::set(&mut product.featured, &edit.featured);
    edit::set(&mut product.retired, &edit.retired);
    edit::set(&mut product.needs_domain, &edit.needs_domain);
    edit::set(&mut product.stock_control, &edit.stock_control);
    edit::set(&mut product.stock, &edit.stock);
    edit::within("stock", product.stock, 0, 1_000_000_000, errors);
    edit::set(&mut product.quantity_mode, &edit.quantity_mode);
    edit::set(&mut product.cycles_limit, &edit.cycles_limit);
    edit::within("cycles_limit", product.cycles_limit, 0, 999, errors);
    edit::set(&mut product.prorata, &edit.prorata);
    day(&mut product.prorata_day, "prorata_day", edit.prorata_day, 1, errors);
    day(&mut product.prorata_cutoff, "prorata_cutoff", edit.prorata_cutoff, 0, errors);
    edit::set(&mut product.auto_setup, &edit.auto_setup);
    edit::line(&mut product.module, "module", &edit.module, 60, errors);
    edit::set(&mut product.position, &edit.position);
    edit::within("position", product.position, 0, 1_000_000, errors);
    if let Some(text) = &edit.colour {
        match colour(text) {
            Some(colour) => product.colour = colour,
            None => errors.add("colour", "Enter a colour as six hexadecimal digits, such as #2f6fde."),
        }
    }
}

fn day(field: &mut u8, name: &str, written: Option<i64>, min: i64, errors: &mut FieldErrors) {
    if let Some(value) = written {
        edit::within(name, value, min, 31, errors);
        *field = u8::try_from(value).unwrap_or(*field);
    }
}

/// `#abc`, `abc` and `#aabbcc` as `#aabbcc`; empty stays empty.
fn colour(text: &str) -> Option<String> {
    let digits = text.trim().trim_start_matches('#').to_ascii_lowercase();
    let full: String = match digits.len() {
        0 => return Some(String::new()),
        3 => digits.chars().flat_map(|digit| [digit, digit]).collect(),
        _ => digits,
    };
    let valid = full.len() == 6 && full.bytes().all(|byte| byte.is_ascii_hexdigit());
    valid.then(|| format!("#{full}"))
}

fn described(product: &Product, prices: &PriceList) -> Vec<(&'static str, String)> {
    vec![
        ("group", product.group_id.to_string()),
        ("kind", product.kind.to_string()),
        ("name", product.name.clone()),
        ("slug", product.slug.clone()),
        ("tagline", product.tagline.clone()),
        ("short_description", product.short_description.clone()),
        ("description", product.description.clone()),
        ("colour", product.colour.clone()),
        ("pay_type", product.pay_type.to_string()),
        ("taxed", edit::yes(product.taxed)),
        ("hidden", edit::yes(product.hidden)),
        ("featured", edit::yes(product.featured)),
        ("retired", edit::yes(product.retired)),
        ("needs_domain", edit::yes(product.needs_domain)),
        ("stock_control", edit::yes(product.stock_control)),
        ("stock", product.stock.to_string()),
        ("quantity_mode", product.quantity_mode.to_string()),
        ("cycles_limit", product.cycles_limit.to_string()),
        ("prorata", edit::yes(product.prorata)),
        ("prorata_day", product.prorata_day.to_string()),
        ("prorata_cutoff", product.prorata_cutoff.to_string()),
        ("auto_setup", product.auto_setup.to_string()),
        ("module", product.module.clone()),
        ("position", product.position.to_string()),
        ("prices", prices.described()),
    ]
}

pub(crate) fn subject(id: i64) -> String {
    format!("product:{id}")
}
