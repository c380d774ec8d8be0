//! What an order comes to, worked out before anything is written: its services, the lines of its first invoice, and what
//! recurs. The preview shows it; placing an order begins with it.

use accounts::clients::{self, Client, ClientStatus};
use billing::gateways;
use billing::invoices::LineKind;
use billing::recurring as charges;
use billing::taxes::calculation::Totals;
use billing::terms::Terms;
use hosting::pricing::{FirstCharge, Quote as Price};
use hosting::product_groups;
use hosting::products::{self, Product, QuantityMode};
use hosting::services::{self, Created, FirstInvoice, NewAddon, NewService, Plan, PlannedAddon, Service, ServiceAddon};
use kernel::{Currency, Cycle, Error, FieldErrors, Money, Result};
use platform::db::Conn;

use super::{AddonItem, AddonOrder, CLOSED, Item, ItemKind, NewItem, NewOrder, first_invoice, new_addon};

/// More than that in one order is a mistake.
const MOST_SERVICES: i64 = 200;

/// An order as it would be placed.
#[derive(Debug, Clone)]
pub struct Quote {
    pub client: Client,
    pub gateway: String,
    pub first_invoice: FirstInvoice,
    pub entries: Vec<Entry>,
    pub addons: Vec<AddonEntry>,
    /// Of the first invoice.
    pub lines: Vec<Line>,
    pub totals: Totals,
    /// What each cycle costs from then on, without tax.
    pub recurring: Vec<(Cycle, Money)>,
}

/// A product that is ordered: `copies` services alike.
#[derive(Debug, Clone)]
pub struct Entry {
    pub copies: i64,
    pub service: NewService,
    pub plan: Plan,
    pub group: String,
}

/// An addon for a service that is there.
#[derive(Debug, Clone)]
pub struct AddonEntry {
    pub service: Service,
    pub product: Product,
    pub addon: NewAddon,
    pub planned: PlannedAddon,
}

/// A line of the first invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub kind: LineKind,
    pub description: String,
    pub amount: Money,
    pub taxed: bool,
}

/// Works an order out. Everything that is wrong with its fields is in the error, by `items[0].domain`, `addons[1]`.
pub async fn quote(conn: &mut Conn, terms: &Terms, new: &NewOrder) -> Result<Quote> {
    let client = match clients::find(conn, new.client_id).await {
        Err(Error::NotFound(_)) => {
            return Err(Error::invalid("client_id", format!("There is no client {}.", new.client_id)));
        }
        found => found?,
    };
    if client.status == ClientStatus::Closed {
        return Err(Error::invalid("client_id", CLOSED));
    }
    if new.items.is_empty() && new.addons.is_empty() {
        return Err(Error::invalid("items", "No items added to cart so order cannot proceed"));
    }
    let wished = Some(new.gateway.as_str()).filter(|name| !name.is_empty()).or(client.default_gateway.as_deref());
    let mut errors = FieldErrors::default();
    let gateway = match gateways::require_active(conn, "gateway", wished.unwrap_or_default()).await {
        Ok(gateway) => gateway.name,
        Err(error) => {
            under("", error, &mut errors)?;
            String::new()
        }
    };
    if new.notes.chars().count() > 20_000 {
        errors.add("notes", "Shorten this to at most 20000 characters.");
    }
    let mut entries = Vec::with_capacity(new.items.len());
    for (at, item) in new.items.iter().enumerate() {
        match entry(conn, terms, &client, &gateway, new, item).await {
            Ok(entry) => entries.push(entry),
            Err(error) => under(&format!("items[{at}]."), error, &mut errors)?,
        }
    }
    let mut addons = Vec::with_capacity(new.addons.len());
    for (at, order) in new.addons.iter().enumerate() {
        match addon_entry(conn, terms, &client, order).await {
            Ok(entry) => addons.push(entry),
            Err(error) => under(&format!("addons[{at}]."), error, &mut errors)?,
        }
    }
    if entries.iter().map(|entry| entry.copies).sum::<i64>() > MOST_SERVICES {
        errors.add("items", format!("An order makes at most {MOST_SERVICES} services. Place several orders."));
    }
    errors.check()?;
    let lines = lines(&entries, &addons);
    let amounts: Vec<(Money, bool)> = lines.iter().map(|line| (line.amount, line.taxed)).collect();
    let levels = terms.levels(&client.country, &client.state, terms.today);
    let totals = terms.tax(&amounts, client.currency, &levels, client.tax_exempt)?;
    let recurring = recurring(&entries, &addons, client.currency)?;
    let first_invoice = first_invoice(new.invoicing);
    Ok(Quote { client, gateway, first_invoice, entries, addons, lines, totals, recurring })
}

/// Notes an error of a part under its name; what is no matter of fields ends it all.
fn under(prefix: &str, error: Error, errors: &mut FieldErrors) -> Result<()> {
    match error {
        Error::Invalid(found) => {
            found.iter().for_each(|(field, message)| errors.add(format!("{prefix}{}", ours(field)), message));
            Ok(())
        }
        other => Err(other),
    }
}

/// Hosting names some fields as the compatible API does.
fn ours(field: &str) -> String {
    match field {
        "billingcycle" => "cycle".to_owned(),
        "qty" => "quantity".to_owned(),
        other => other.replacen("configoptions[", "options[", 1),
    }
}

fn amount(field: &str, text: &Option<String>, currency: Currency) -> Result<Option<Money>> {
    let Some(text) = text.as_deref().map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    let amount = Money::parse(text, currency).and_then(Money::within_reason);
    amount.map(Some).map_err(|why| Error::invalid(field, why.to_string()))
}

fn addons_of(items: &[AddonItem], currency: Currency) -> Result<Vec<NewAddon>> {
    items.iter().map(|item| Ok(new_addon(item, amount("addons", &item.price, currency)?))).collect()
}

async fn entry(
    conn: &mut Conn,
    terms: &Terms,
    client: &Client,
    gateway: &str,
    new: &NewOrder,
    item: &NewItem,
) -> Result<Entry> {
    let unknown = || Error::invalid("product_id", format!("There is no product {}.", item.product_id));
    let product = match products::find(conn, item.product_id).await {
        Err(Error::NotFound(_)) => return Err(unknown()),
        found => found?,
    };
    let separate = product.quantity_mode == QuantityMode::Services;
    if separate && !(1..=MOST_SERVICES).contains(&item.quantity) {
        return Err(Error::invalid("quantity", format!("Enter a quantity from 1 to {MOST_SERVICES}.")));
    }
    let service = NewService {
        client_id: client.id,
        product_id: product.id,
        order_id: None,
        domain: item.domain.clone(),
        username: String::new(),
        quantity: if separate { 1 } else { item.quantity },
        cycle: item.cycle,
        gateway: gateway.to_owned(),
        options: item.options.clone(),
        addons: addons_of(&item.addons, client.currency)?,
        price: amount("price", &item.price, client.currency)?,
        setup: amount("setup", &item.setup, client.currency)?,
        ordered_on: terms.today,
        first_invoice: first_invoice(new.invoicing),
    };
    let plan = match services::plan(conn, client, &service).await {
        Err(Error::Refused(why)) => return Err(Error::invalid("product_id", why)),
        planned => planned?,
    };
    let group = product_groups::find(conn, product.group_id).await?.name;
    Ok(Entry { copies: if separate { item.quantity } else { 1 }, service, plan, group })
}

async fn addon_entry(conn: &mut Conn, terms: &Terms, client: &Client, order: &AddonOrder) -> Result<AddonEntry> {
    let foreign = || Error::invalid("service_id", "Service ID not owned by Client ID provided");
    let service = match services::find(conn, order.service_id).await {
        Err(Error::NotFound(_)) => return Err(foreign()),
        found => found?,
    };
    if service.client_id != client.id {
        return Err(foreign());
    }
    if service.status.is_over() {
        let text = format!("The service is {}. Nothing can be added to it.", service.status);
        return Err(Error::invalid("service_id", text));
    }
    let product = products::find(conn, service.product_id).await?;
    let addon = new_addon(&order.addon, amount("price", &order.addon.price, client.currency)?);
    let title = service.title(&product.name);
    let planned =
        services::plan_addon(conn, &product, &title, service.cycle, client.currency, &addon, terms.today).await?;
    Ok(AddonEntry { service, product, addon, planned })
}

/// What is free has no period, and is on no invoice.
fn lines(entries: &[Entry], addons: &[AddonEntry]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut add = |kind, description: String, title: &str, first: &FirstCharge, taxed| {
        if first.period.is_none() {
            return;
        }
        lines.push(Line { kind, description, amount: first.first_amount, taxed });
        if !first.setup.is_zero() {
            let description = charges::first::setup_description(title);
            lines.push(Line { kind: LineKind::Setup, description, amount: first.setup, taxed });
        }
    };
    for entry in entries {
        for _ in 0..entry.copies {
            let plan = &entry.plan;
            add(LineKind::Service, plan.description(), &plan.title, &plan.first, plan.product.taxed);
            for addon in &plan.addons {
                add(LineKind::Addon, addon.description(), &addon.title, &addon.first, addon.addon.taxed);
            }
        }
    }
    for AddonEntry { planned, .. } in addons {
        add(LineKind::Addon, planned.description(), &planned.title, &planned.first, planned.addon.taxed);
    }
    lines
}

fn recurring(entries: &[Entry], addons: &[AddonEntry], currency: Currency) -> Result<Vec<(Cycle, Money)>> {
    let mut sums: Vec<(Cycle, Money)> = Vec::new();
    let mut add = |cycle: Cycle, amount: Money| -> Result<()> {
        if !cycle.is_recurring() {
            return Ok(());
        }
        match sums.iter_mut().find(|(known, _)| *known == cycle) {
            Some((_, sum)) => *sum = sum.checked_add(amount)?,
            None => sums.push((cycle, Money::zero(currency).checked_add(amount)?)),
        }
        Ok(())
    };
    for entry in entries {
        add(entry.plan.cycle, entry.plan.quote.recurring.checked_mul(entry.copies)?)?;
        for addon in &entry.plan.addons {
            add(addon.cycle, addon.quote.recurring.checked_mul(entry.copies)?)?;
        }
    }
    for entry in addons {
        add(entry.planned.cycle, entry.planned.quote.recurring)?;
    }
    sums.sort_by_key(|(cycle, _)| hosting::prices::length(*cycle));
    Ok(sums)
}

impl Quote {
    /// Whether there is an invoice to make. A first period that comes to nothing, of what costs something later, has one
    /// all the same: it says that the period was billed.
    pub fn is_billed(&self) -> bool {
        let costs = |first: &FirstCharge, price: &Price| {
            first.period.is_some()
                && !(first.first_amount.is_zero() && first.setup.is_zero() && price.recurring.is_zero())
        };
        let entry = |entry: &Entry| {
            costs(&entry.plan.first, &entry.plan.quote)
                || entry.plan.addons.iter().any(|addon| costs(&addon.first, &addon.quote))
        };
        self.entries.iter().any(entry)
            || self.addons.iter().any(|entry| costs(&entry.planned.first, &entry.planned.quote))
    }
}

impl Entry {
    /// The frozen items of one service that was made.
    pub(super) fn items(&self, order_id: i64, created: &Created) -> Vec<Item> {
        let plan = &self.plan;
        let product = Item {
            id: 0,
            order_id,
            kind: ItemKind::Product,
            service_id: created.service.id,
            service_addon_id: None,
            product_kind: plan.product.kind.to_string(),
            group_name: self.group.clone(),
            name: plan.product.name.clone(),
            domain: plan.domain.clone(),
            description: plan.description(),
            cycle: plan.cycle,
            quantity: self.service.quantity,
            setup: plan.first.setup.minor,
            first_amount: plan.first.first_amount.minor,
            recurring_amount: plan.quote.recurring.minor,
            auto_setup: plan.product.auto_setup,
            status: created.service.status,
        };
        let addons = created.addons.iter().zip(&plan.addons);
        let addons = addons.map(|(made, planned)| addon_item(order_id, made, planned, &plan.domain, &plan.product));
        std::iter::once(product).chain(addons).collect()
    }
}

impl AddonEntry {
    pub(super) fn item(&self, order_id: i64, made: &ServiceAddon) -> Item {
        addon_item(order_id, made, &self.planned, &self.service.domain, &self.product)
    }
}

/// An addon is set up when its product is.
fn addon_item(order_id: i64, made: &ServiceAddon, planned: &PlannedAddon, domain: &str, product: &Product) -> Item {
    Item {
        id: 0,
        order_id,
        kind: ItemKind::Addon,
        service_id: made.service_id,
        service_addon_id: Some(made.id),
        product_kind: String::new(),
        group_name: String::new(),
        name: made.name.clone(),
        domain: domain.to_owned(),
        description: planned.description(),
        cycle: planned.cycle,
        quantity: made.quantity,
        setup: planned.first.setup.minor,
        first_amount: planned.first.first_amount.minor,
        recurring_amount: planned.quote.recurring.minor,
        auto_setup: product.auto_setup,
        status: made.status,
    }
}
