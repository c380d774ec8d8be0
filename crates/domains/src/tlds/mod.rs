//! TLDs: what domains are registered under, with prices, fees, addons and the questions of the registry.
//!
//! What must hold:
//! - An extension is here once, in the form that DNS has it in.
//! - A missing price means *not sold*. A new extension without prices is therefore sold to nobody.
//! - A change of a price is for new orders. What was ordered keeps its amounts until somebody asks for the change.

pub mod addon_prices;
pub mod admin;
pub mod api;
mod bulk;
pub mod compat;
mod edit;
pub mod fields;
pub mod file;
pub mod prices;
mod store;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use accounts::activity_log::{self, Activity, Actor};
use accounts::roles::Permission;
use kernel::{Error, Extension, Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::record;

use prices::{Fees, Prices};

pub use bulk::{BulkEdit, Change, Ending, PriceChange, change_many, delete_many};
pub use edit::{TldEdit, create, duplicate, update};
pub use store::SORTS;

pub const CONFIGURE: Permission = Permission("Configure Domain Pricing");

kernel::text_enum! {
    /// How an addon of a domain is offered.
    pub enum Offer {
        /// Not at all.
        None = "none",
        Free = "free",
        /// By the price list of domain addons.
        Paid = "paid",
    }
}
kernel::text_enum! {
    /// A word beside the extension in lists that clients see.
    pub enum Badge {
        None = "",
        Hot = "hot",
        New = "new",
        Sale = "sale",
    }
}
platform::enum_column!(Offer, Badge);

/// So many extensions stand out at the search.
pub const SPOTLIGHTS: i64 = 8;

record! {
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Tld {
        pub id: i64,
        /// As [`Extension`] has it: `co.uk`.
        pub extension: String,
        /// Smaller numbers come first.
        pub position: i64,
        /// A heading in lists, such as “Popular”.
        pub category: String,
        pub dns_management: Offer,
        pub email_forwarding: Offer,
        pub id_protection: Offer,
        /// A transfer asks for the authorisation code.
        pub epp_required: bool,
        /// The name of the registrar that orders go to by themselves; empty for none.
        pub registrar: String,
        pub badge: Badge,
        pub spotlight: bool,
        /// Names in other scripts can be registered.
        pub allows_idn: bool,
        /// From the expiry on, while a renewal costs at most the grace fee more.
        pub grace_days: i64,
        /// From the end of the grace on, while a renewal costs the redemption fee more.
        pub redemption_days: i64,
        /// [`fields::Field`]s as JSON.
        pub fields: String,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
    }
}

impl Tld {
    /// `.co.uk`, `.рф`.
    pub fn shown(&self) -> String {
        Extension::parse(&self.extension).map_or_else(|_| format!(".{}", self.extension), |known| known.shown())
    }

    pub fn questions(&self) -> Vec<fields::Field> {
        serde_json::from_str(&self.fields).unwrap_or_default()
    }

    fn subject(&self) -> String {
        format!("tld:{}", self.id)
    }
}

/// An extension with all that it costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Priced {
    pub tld: Tld,
    pub prices: Prices,
    pub fees: Fees,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// A part of the extension.
    pub text: String,
    pub registrar: Option<String>,
    pub badge: Option<Badge>,
    pub spotlight: Option<bool>,
    /// Whether it has any price.
    pub sold: Option<bool>,
}

pub async fn find(conn: &mut Conn, id: i64) -> Result<Tld> {
    store::find(conn, id).await?.ok_or(Error::NotFound("TLD"))
}

pub async fn by_extension(conn: &mut Conn, extension: &Extension) -> Result<Option<Tld>> {
    store::by_extension(conn, extension.as_str()).await
}

/// Everything that matches, in the order in which it is shown.
pub async fn all(conn: &mut Conn, filter: &Filter) -> Result<Vec<Tld>> {
    store::all(conn, filter).await
}

pub async fn priced(conn: &mut Conn, tld: Tld) -> Result<Priced> {
    let (prices, fees) = store::costs(conn, &[tld.id]).await?;
    let id = tld.id;
    Ok(Priced { tld, prices: taken(prices, id), fees: taken(fees, id) })
}

/// With their prices, in two statements however many they are.
pub async fn priced_many(conn: &mut Conn, tlds: Vec<Tld>) -> Result<Vec<Priced>> {
    let ids: Vec<i64> = tlds.iter().map(|tld| tld.id).collect();
    let (mut prices, mut fees) = store::costs(conn, &ids).await?;
    let whole = |tld: Tld| Priced {
        prices: prices.remove(&tld.id).unwrap_or_default(),
        fees: fees.remove(&tld.id).unwrap_or_default(),
        tld,
    };
    Ok(tlds.into_iter().map(whole).collect())
}

fn taken<T: Default>(mut of: HashMap<i64, T>, id: i64) -> T {
    of.remove(&id).unwrap_or_default()
}

/// Takes it off the list: nothing can be ordered under it any more. Domains that there are keep their amounts.
pub async fn delete(tx: &mut Tx, by: &Actor, id: i64, now: Timestamp) -> Result<()> {
    let tld = find(tx, id).await?;
    store::delete(tx, &[id]).await?;
    let activity = Activity::new(format!("TLD {} deleted", tld.shown())).about(tld.subject());
    activity_log::record(tx, by, activity, now).await
}
