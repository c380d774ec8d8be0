//! What a new service comes to, worked out before anything is written: [`super::create`] writes exactly this, and the
//! preview of an order shows it.

use accounts::clients::Client;
use kernel::{Currency, Cycle, Date, Error, FieldErrors, Money, Result};
use platform::db::Conn;

use super::{NewAddon, NewService, first};
use crate::addons::{self, Addon};
use crate::config_options::{self, FullOption, Picked};
use crate::prices::{self, Owner};
use crate::pricing::{self, FirstCharge, Quote, Selected};
use crate::products::{self, Product};

/// A service that could be made.
#[derive(Debug, Clone)]
pub struct Plan {
    pub product: Product,
    pub domain: String,
    pub cycle: Cycle,
    pub quote: Quote,
    pub first: FirstCharge,
    /// Product and domain, as the invoice names the service.
    pub title: String,
    pub addons: Vec<PlannedAddon>,
    pub(super) picked: Vec<Picked>,
}

/// An addon that could be added to a service.
#[derive(Debug, Clone)]
pub struct PlannedAddon {
    pub addon: Addon,
    pub quantity: i64,
    pub cycle: Cycle,
    pub quote: Quote,
    pub first: FirstCharge,
    /// Addon, service and quantity, as the invoice names it.
    pub title: String,
}

impl Plan {
    /// As the invoice's line says it, with the period.
    pub fn description(&self) -> String {
        first::described(&self.title, self.cycle, &self.first)
    }
}

impl PlannedAddon {
    pub fn description(&self) -> String {
        first::described(&self.title, self.cycle, &self.first)
    }
}

/// Works a new service with its addons out. Everything that is wrong with its fields is in the error.
pub async fn plan(conn: &mut Conn, client: &Client, new: &NewService) -> Result<Plan> {
    let product = products::find(conn, new.product_id).await?;
    if product.retired {
        return Err(Error::refused(format!("“{}” is retired: it is not sold any more.", product.name)));
    }
    let mut errors = FieldErrors::default();
    let domain = noted(&mut errors, domain(&new.domain))?;
    if product.needs_domain && domain.as_ref().is_some_and(String::is_empty) {
        errors.add("domain", format!("“{}” needs a domain. Enter one.", product.name));
    }
    let list = prices::of(conn, Owner::Product, product.id).await?;
    let sold = product.sold(&list);
    let options = config_options::of_product(conn, product.id).await?;
    let picked = noted(&mut errors, config_options::pick_all(&options, &new.options, &[]))?;
    let cycle = noted(&mut errors, pricing::cycle_for(&sold, new.cycle, client.currency))?;
    let (Some(domain), Some(picked), Some(cycle)) = (domain, picked, cycle) else {
        return Err(Error::Invalid(errors));
    };
    let chosen = selected(&options, &picked)?;
    let quote = pricing::quote(&sold, &chosen, new.quantity, cycle, client.currency)
        .and_then(|calculated| overridden(calculated, cycle, new.price, new.setup));
    let Some(quote) = noted(&mut errors, quote)? else { return Err(Error::Invalid(errors)) };
    let first = pricing::first_charge(&quote, product.prorata_rule(), cycle, new.ordered_on)?;
    let title = if domain.is_empty() { product.name.clone() } else { format!("{} - {domain}", product.name) };
    let mut planned = Vec::with_capacity(new.addons.len());
    for addon in &new.addons {
        let one = plan_addon(conn, &product, &title, cycle, client.currency, addon, new.ordered_on).await;
        planned.extend(noted(&mut errors, one)?);
    }
    errors.check()?;
    Ok(Plan { product, domain, cycle, quote, first, title, addons: planned, picked })
}

/// Works an addon of a service out. `service` is the service's title.
pub async fn plan_addon(
    conn: &mut Conn,
    product: &Product,
    service: &str,
    service_cycle: Cycle,
    currency: Currency,
    new: &NewAddon,
    ordered_on: Date,
) -> Result<PlannedAddon> {
    let known = addons::by_ids(conn, &[new.addon_id]).await?.pop();
    let addon = known.ok_or_else(|| Error::invalid("addons", "Addon ID invalid"))?;
    if !addons::product_ids(conn, addon.id).await?.contains(&product.id) {
        let text = format!("“{}” cannot be added to “{}”.", addon.name, product.name);
        return Err(Error::invalid("addons", text));
    }
    let list = prices::of(conn, Owner::Addon, addon.id).await?;
    let sold = addon.sold(&list);
    let cycle = match new.cycle {
        Some(cycle) => pricing::cycle_for(&sold, Some(cycle), currency)?,
        None => pricing::addon_cycle(&sold, service_cycle, currency)?,
    };
    let quote = overridden(pricing::quote(&sold, &[], new.quantity, cycle, currency)?, cycle, new.price, None)?;
    // The day is the product's, so that both fall due together.
    let rule = product.prorata_rule().filter(|_| addon.prorata);
    let first = pricing::first_charge(&quote, rule, cycle, ordered_on)?;
    let title = addon_title(&addon.name, new.quantity, service);
    Ok(PlannedAddon { addon, quantity: new.quantity, cycle, quote, first, title })
}

/// Keeps what was found, or notes what is wrong with fields and goes on.
fn noted<T>(errors: &mut FieldErrors, found: Result<T>) -> Result<Option<T>> {
    match found {
        Ok(value) => Ok(Some(value)),
        Err(Error::Invalid(wrong)) => {
            wrong.iter().for_each(|(field, message)| errors.add(field, message));
            Ok(None)
        }
        Err(other) => Err(other),
    }
}

pub(super) fn selected<'a>(options: &'a [FullOption], picked: &[Picked]) -> Result<Vec<Selected<'a>>> {
    let find = |pick: &Picked| options.iter().find(|option| option.option.id == pick.option_id);
    picked.iter().filter_map(|pick| Some(find(pick)?.selected(pick))).collect()
}

fn overridden(quote: Quote, cycle: Cycle, price: Option<Money>, setup: Option<Money>) -> Result<Quote> {
    for (field, amount) in [("price", price), ("setup", setup)] {
        let Some(amount) = amount else { continue };
        if amount.is_negative() || amount.currency != quote.recurring.currency {
            let text = format!("Enter an amount of nought or more, in {}.", quote.recurring.currency);
            return Err(Error::invalid(field, text));
        }
        amount.within_reason().map_err(|why| Error::invalid(field, why.to_string()))?;
        if cycle == Cycle::Free && amount.is_positive() {
            return Err(Error::invalid(field, "This is free of charge and is never invoiced. Leave the amount out."));
        }
    }
    Ok(Quote { recurring: price.unwrap_or(quote.recurring), setup: setup.unwrap_or(quote.setup) })
}

pub(super) fn addon_title(addon: &str, quantity: i64, service: &str) -> String {
    match quantity {
        1 => format!("{addon} ({service})"),
        many => format!("{many} × {addon} ({service})"),
    }
}

/// A domain in lower case, or nothing. Names of machines without dots are fine.
pub(super) fn domain(text: &str) -> Result<String> {
    let domain = text.trim().trim_end_matches('.').to_lowercase();
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_' | '*');
    if domain.chars().count() > 253 || !domain.chars().all(allowed) {
        return Err(Error::invalid(
            "domain",
            "Enter a domain such as example.com, without http:// and without spaces.",
        ));
    }
    Ok(domain)
}
