//! What the demonstration's company sells: twelve products, options, an addon, in three currencies.

use accounts::activity_log::Actor;
use hosting::addons::{self, AddonEdit};
use hosting::config_options::{self, ChoiceEdit, OptionEdit, OptionKind};
use hosting::prices::{PayType, Price, PriceList};
use hosting::products::{self, ProductEdit, ProductKind};
use hosting::{product_groups, product_groups::GroupEdit};
use kernel::{Currency, Cycle, Error, Money, Result, Rounding, Timestamp};
use platform::Tx;
use rust_decimal::Decimal;

/// Prices of one unit of the base currency in the others, as a price list would have them.
const RATES: &[(&str, &str)] = &[("USD", "1"), ("EUR", "0.92"), ("GBP", "0.79")];

pub struct Item {
    pub product_id: i64,
    pub cycles: Vec<Cycle>,
    pub needs_domain: bool,
    /// How often it is chosen.
    pub weight: usize,
}

#[derive(Default)]
pub struct Catalogue {
    pub items: Vec<Item>,
    pub addon_id: i64,
    pub addon_products: Vec<i64>,
    pub disk: Disk,
    pub scan_option: i64,
}

/// The option of more disk space, and its choices that cost something.
#[derive(Default)]
pub struct Disk {
    pub option_id: i64,
    pub choices: Vec<i64>,
}

/// Name, kind, monthly price in cents of the base currency, how often it is chosen.
const PRODUCTS: &[(&str, ProductKind, i64, usize)] = &[
    ("Starter Web", ProductKind::HostingAccount, 495, 26),
    ("Business Web", ProductKind::HostingAccount, 1295, 20),
    ("Agency Web", ProductKind::HostingAccount, 2995, 8),
    ("WordPress Care", ProductKind::HostingAccount, 1900, 10),
    ("Reseller 50", ProductKind::ResellerAccount, 3900, 4),
    ("Reseller 200", ProductKind::ResellerAccount, 9900, 2),
    ("VPS S", ProductKind::Server, 900, 10),
    ("VPS M", ProductKind::Server, 1800, 8),
    ("VPS L", ProductKind::Server, 3600, 4),
    ("Dedicated E5", ProductKind::Server, 12900, 2),
];

fn currency(code: &str) -> Result<Currency> {
    Ok(Currency::parse(code)?)
}

fn rate(text: &str) -> Result<Decimal> {
    text.parse().map_err(|error| Error::broken(format!("demo: {error}")))
}

fn list(entries: &[(Cycle, i64, i64)]) -> Result<PriceList> {
    let mut prices = Vec::new();
    for (code, text) in RATES {
        let rate = rate(text)?;
        for (cycle, cents, setup) in entries {
            let amount = |cents: i64| -> Result<Money> {
                let converted = Money::new(cents, currency(code)?).times(rate, Rounding::HalfUp)?;
                // Whole fives of cents, as price lists have them.
                Ok(Money::new((converted.minor + 2) / 5 * 5, converted.currency))
            };
            prices.push(Price { cycle: *cycle, price: amount(*cents)?, setup: amount(*setup)? });
        }
    }
    Ok(PriceList::new(prices))
}

/// Longer cycles cost a little less a month.
fn recurring(monthly: i64, setup: i64) -> Result<PriceList> {
    list(&[
        (Cycle::Monthly, monthly, setup),
        (Cycle::Quarterly, monthly * 3 * 97 / 100, setup),
        (Cycle::SemiAnnually, monthly * 6 * 95 / 100, 0),
        (Cycle::Annually, monthly * 10, 0),
        (Cycle::Biennially, monthly * 19, 0),
        (Cycle::Triennially, monthly * 27, 0),
    ])
}

pub async fn build(tx: &mut Tx, by: &Actor, now: Timestamp) -> Result<Catalogue> {
    let mut catalogue = Catalogue::default();
    let group = GroupEdit { name: Some("Servers".to_owned()), ..GroupEdit::default() };
    let servers = product_groups::create(tx, by, &group, now).await?.id;
    for (name, kind, monthly, weight) in PRODUCTS {
        let is_server = *kind == ProductKind::Server;
        let setup = if *monthly > 10_000 { 4900 } else { 0 };
        let edit = ProductEdit {
            group_id: Some(if is_server { servers } else { 1 }),
            kind: Some(*kind),
            name: Some((*name).to_owned()),
            pay_type: Some(PayType::Recurring),
            taxed: Some(true),
            needs_domain: Some(!is_server),
            prices: Some(recurring(*monthly, setup)?),
            ..ProductEdit::default()
        };
        let product_id = products::create(tx, by, &edit, now).await?.id;
        let item = Item { product_id, cycles: Cycle::RECURRING.to_vec(), needs_domain: !is_server, weight: *weight };
        catalogue.items.push(item);
    }
    for (name, pay_type, cents, weight) in
        [("Site migration", PayType::OneTime, 7500, 4), ("Parked domain page", PayType::Free, 0, 4)]
    {
        let prices =
            if pay_type == PayType::OneTime { list(&[(Cycle::OneTime, cents, 0)])? } else { PriceList::default() };
        let edit = ProductEdit {
            group_id: Some(1),
            kind: Some(ProductKind::Other),
            name: Some(name.to_owned()),
            pay_type: Some(pay_type),
            taxed: Some(true),
            prices: Some(prices),
            ..ProductEdit::default()
        };
        let product_id = products::create(tx, by, &edit, now).await?.id;
        catalogue.items.push(Item { product_id, cycles: Vec::new(), needs_domain: false, weight });
    }
    let web: Vec<i64> = catalogue.items.iter().filter(|item| item.needs_domain).map(|item| item.product_id).collect();
    let edit = AddonEdit {
        name: Some("Daily off-site backup".to_owned()),
        description: Some("Kept for thirty days.".to_owned()),
        pay_type: Some(PayType::Recurring),
        taxed: Some(true),
        product_ids: Some(web.clone()),
        prices: Some(recurring(300, 0)?),
        ..AddonEdit::default()
    };
    catalogue.addon_id = addons::create(tx, by, &edit, now).await?.id;
    catalogue.disk = disk(tx, by, &catalogue, now).await?;
    catalogue.scan_option = scan(tx, by, &web, now).await?;
    catalogue.addon_products = web;
    Ok(catalogue)
}

/// Disk space to choose, for everything that recurs.
async fn disk(tx: &mut Tx, by: &Actor, catalogue: &Catalogue, now: Timestamp) -> Result<Disk> {
    let all: Vec<i64> =
        catalogue.items.iter().filter(|item| !item.cycles.is_empty()).map(|item| item.product_id).collect();
    let edit = OptionEdit {
        name: Some("Extra disk space".to_owned()),
        kind: Some(OptionKind::Dropdown),
        product_ids: Some(all),
        ..OptionEdit::default()
    };
    let option_id = config_options::create(tx, by, &edit, now).await?.id;
    let mut choices = Vec::new();
    for (name, monthly) in [("None", 0), ("50 GB", 400), ("200 GB", 1200)] {
        let choice =
            ChoiceEdit { name: Some(name.to_owned()), prices: Some(recurring(monthly, 0)?), ..ChoiceEdit::default() };
        let id = config_options::create_choice(tx, by, option_id, &choice, now).await?.id;
        if monthly > 0 {
            choices.push(id);
        }
    }
    Ok(Disk { option_id, choices })
}

/// A yes or no, for everything on the web.
async fn scan(tx: &mut Tx, by: &Actor, web: &[i64], now: Timestamp) -> Result<i64> {
    let edit = OptionEdit {
        name: Some("Malware scan".to_owned()),
        kind: Some(OptionKind::YesNo),
        product_ids: Some(web.to_vec()),
        ..OptionEdit::default()
    };
    let option_id = config_options::create(tx, by, &edit, now).await?.id;
    let choice =
        ChoiceEdit { name: Some("Every night".to_owned()), prices: Some(recurring(150, 0)?), ..ChoiceEdit::default() };
    // It has its one choice from the beginning.
    for one in config_options::full(tx, option_id).await?.choices {
        config_options::update_choice(tx, by, one.choice.id, &choice, now).await?;
    }
    Ok(option_id)
}
