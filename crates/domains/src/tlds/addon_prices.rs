//! What the addons of domains cost a year, for every extension that offers them as paid.

use std::collections::BTreeMap;

use accounts::activity_log::{self, Activity, Actor};
use hosting::edit as write;
use kernel::{Currency, FieldErrors, Money, Result, Timestamp};
use platform::db::{Conn, Insert, Tx};
use platform::{cells, params};

use super::{Offer, Tld};

kernel::text_enum! {
    pub enum Addon {
        DnsManagement = "dns_management",
        EmailForwarding = "email_forwarding",
        IdProtection = "id_protection",
    }
}
platform::enum_column!(Addon);

impl Addon {
    /// As invoices and lists name it.
    pub fn label(self) -> &'static str {
        match self {
            Addon::DnsManagement => "DNS management",
            Addon::EmailForwarding => "E-mail forwarding",
            Addon::IdProtection => "ID protection",
        }
    }

    pub fn offer(self, tld: &Tld) -> Offer {
        match self {
            Addon::DnsManagement => tld.dns_management,
            Addon::EmailForwarding => tld.email_forwarding,
            Addon::IdProtection => tld.id_protection,
        }
    }
}

/// The price of a year. A missing one means *not sold* in that currency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddonPrices(BTreeMap<(Addon, Currency), Money>);

impl AddonPrices {
    pub fn new(prices: impl IntoIterator<Item = (Addon, Money)>) -> AddonPrices {
        AddonPrices(prices.into_iter().map(|(addon, amount)| ((addon, amount.currency), amount)).collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = (Addon, Money)> + '_ {
        self.0.iter().map(|((addon, _), amount)| (*addon, *amount))
    }

    pub fn get(&self, addon: Addon, currency: Currency) -> Option<Money> {
        self.0.get(&(addon, currency)).copied()
    }

    /// What a year of the addon costs under this extension; `None` when it cannot be had.
    pub fn of(&self, tld: &Tld, addon: Addon, currency: Currency) -> Option<Money> {
        match addon.offer(tld) {
            Offer::None => None,
            Offer::Free => Some(Money::zero(currency)),
            Offer::Paid => self.get(addon, currency),
        }
    }

    fn described(&self) -> String {
        let one = |(addon, amount): (Addon, Money)| format!("{addon} {} {}", amount.currency, amount.decimal());
        self.iter().map(one).collect::<Vec<_>>().join("; ")
    }
}

/// The name of a price's field: `addon_id_protection_EUR`.
pub fn field(addon: Addon, currency: Currency) -> String {
    format!("addon_{addon}_{currency}")
}

pub async fn all(conn: &mut Conn) -> Result<AddonPrices> {
    let rows: Vec<(Addon, Currency, i64)> =
        conn.all("SELECT addon, currency, amount FROM domain_addon_prices", params![]).await?;
    Ok(AddonPrices::new(rows.into_iter().map(|(addon, currency, amount)| (addon, Money::new(amount, currency)))))
}

/// The price list as it is from now on. Domains that have an addon keep what they pay for it.
pub async fn replace(tx: &mut Tx, by: &Actor, prices: &AddonPrices, now: Timestamp) -> Result<()> {
    let dealt = hosting::prices::currencies(tx).await?;
    let mut errors = FieldErrors::default();
    for (addon, amount) in prices.iter() {
        let name = field(addon, amount.currency);
        if !dealt.contains(&amount.currency) {
            errors.add(&name, format!("You do not deal in {}. Add the currency first.", amount.currency));
        }
        if amount.is_negative() {
            errors.add(&name, "Enter an amount of nought or more. Leave it empty not to sell this.");
        }
        errors.take(&name, amount.within_reason());
    }
    errors.check()?;
    let before = all(tx).await?;
    let changes = write::differences(vec![("prices", before.described())], vec![("prices", prices.described())]);
    if changes.is_empty() {
        return Ok(());
    }
    tx.execute("DELETE FROM domain_addon_prices", params![]).await?;
    let listed: Vec<(Addon, Money)> = prices.iter().collect();
    let mut rows = Insert::into("domain_addon_prices", &["addon", "currency", "amount"]);
    for (addon, amount) in &listed {
        rows.row(cells![*addon, amount.currency, amount.minor]);
    }
    rows.run(tx).await?;
    let activity = Activity::new("Prices of domain addons changed").about("domain_addons").changed(changes);
    activity_log::record(tx, by, activity, now).await
}
