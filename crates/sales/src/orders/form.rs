//! The form for a new order. It works without scripts: each submit but the last shows the page again, with what can be
//! chosen of the products that were chosen, and what the order comes to. Placing bills what was shown, or shows it anew.

use std::collections::HashMap;

use accounts::clients::{self, Client};
use accounts::doors::admin::error_list;
use accounts::doors::{AdminCx, Redirect};
use axum::response::{IntoResponse, Response};
use billing::gateways;
use billing::invoices::Tell;
use billing::terms::Terms;
use hosting::addons::{self, Addon};
use hosting::config_options::{self, FullOption, OptionKind, OptionValue};
use hosting::prices::{self, Owner, PayType, PriceList, adverb};
use hosting::products::{self, Product, QuantityMode};
use hosting::{pricing, product_groups};
use kernel::{Currency, Cycle, Error, FieldErrors, Money, Result, nonempty};
use minijinja::{Value, context};
use platform::db::Conn;
use platform::web::{Fail, Form};

use super::{ADD, AddonItem, Invoicing, NewItem, NewOrder, Quote};
use crate::orders;

pub(super) const PATH: &str = "/admin/orders/new";
const SECTION: &str = "orders";
/// More rows than that are no form any more.
const ROWS: usize = 50;

/// One product of the order, as typed. Fields are named as errors name them: `items[0].cycle`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Row {
    product_id: i64,
    /// The product that the rest of the row was shown for: what was chosen of another one means nothing now.
    seen: i64,
    quantity: String,
    cycle: String,
    domain: String,
    price: String,
    setup: String,
    options: Vec<(i64, String)>,
    addons: Vec<(i64, String)>,
}

impl Row {
    fn read(form: &Form, at: usize) -> Row {
        let text = |name: &str| form.text(&format!("items[{at}].{name}")).to_owned();
        let number = |name: &str| text(name).parse().unwrap_or_default();
        let of = |name: &str| {
            let start = format!("items[{at}].{name}[");
            form.pairs()
                .filter_map(|(field, value)| {
                    let id = field.strip_prefix(&start)?.strip_suffix(']')?.parse().ok()?;
                    Some((id, value.trim().to_owned()))
                })
                .collect()
        };
        let row = Row {
            product_id: number("product_id"),
            seen: number("seen"),
            quantity: text("quantity"),
            cycle: text("cycle"),
            domain: text("domain"),
            price: text("price"),
            setup: text("setup"),
            options: of("options"),
            addons: of("addon"),
        };
        if row.product_id == row.seen {
            return row;
        }
        Row { product_id: row.product_id, seen: row.seen, quantity: row.quantity, domain: row.domain, ..Row::default() }
    }

    fn item(&self, at: usize, errors: &mut FieldErrors) -> NewItem {
        let field = |name: &str| format!("items[{at}].{name}");
        let mut whole = |name: String, text: &str, usual: i64| match text {
            "" => usual,
            text => match text.parse() {
                Ok(number) => number,
                Err(_) => {
                    errors.add(name, "Enter a whole number.");
                    usual
                }
            },
        };
        let quantity = whole(field("quantity"), &self.quantity, 1);
        let options = self
            .options
            .iter()
            .map(|(id, text)| OptionValue { option_id: *id, value: whole(field(&format!("options[{id}]")), text, 0) })
            .collect();
        let addons = self
            .addons
            .iter()
            .map(|(id, text)| (*id, whole(field(&format!("addon[{id}]")), text, 0)))
            .filter(|(_, quantity)| *quantity != 0)
            .map(|(addon_id, quantity)| AddonItem { addon_id, quantity, cycle: None, price: None })
            .collect();
        let cycle = nonempty(&self.cycle).and_then(|text| errors.take(&field("cycle"), Cycle::parse(text)));
        NewItem {
            product_id: self.product_id,
            quantity,
            cycle,
            domain: self.domain.clone(),
            options,
            addons,
            price: nonempty(&self.price).map(str::to_owned),
            setup: nonempty(&self.setup).map(str::to_owned),
        }
    }
}

/// The rows in which a product is chosen.
fn rows(form: &Form) -> Vec<Row> {
    (0..ROWS).map(|at| Row::read(form, at)).filter(|row| row.product_id != 0).collect()
}

/// The client, or what there is to choose from.
pub(super) async fn new_page(cx: AdminCx) -> Result<Response, Fail> {
    let form = cx.params()?;
    let mut conn = cx.app.db.read().await?;
    if let Ok(id) = form.text("client").parse() {
        match clients::find(&mut conn, id).await {
            Ok(client) => {
                let first = gateways::active(&mut conn).await?.into_iter().next().map(|gateway| gateway.name);
                let blank = Form::from_pairs(vec![
                    ("gateway".into(), client.default_gateway.clone().or(first).unwrap_or_default()),
                    ("invoice".into(), "1".into()),
                    ("mail".into(), "1".into()),
                ]);
                drop(conn);
                return page(&cx, &client, &blank, Vec::new(), FieldErrors::default(), Shown::First).await;
            }
            Err(Error::NotFound(_)) => {}
            Err(other) => return Err(Fail(other)),
        }
    }
    drop(conn);
    clients::choose::page(&cx, SECTION, "New order", ("Orders", "/admin/orders")).await
}

/// Shows the form again, or places the order.
pub(super) async fn submit(cx: AdminCx) -> Result<Response, Fail> {
    let form = cx.form.clone();
    let mut errors = FieldErrors::default();
    let client_id = form.id("client_id", &mut errors);
    errors.check()?;
    let client = clients::find(&mut cx.app.db.read().await?, client_id).await?;
    let mut rows = rows(&form);
    let mut errors = FieldErrors::default();
    let new = new_order(&form, &client, &rows, &mut errors);
    match form.text("do") {
        "place" if errors.is_empty() => {}
        "place" => return page(&cx, &client, &form, rows, errors, Shown::Wrong).await,
        action => {
            if action == "add" || rows.is_empty() {
                rows.push(Row::default());
            }
            return page(&cx, &client, &form, rows, errors, Shown::Updated).await;
        }
    }
    let mut tx = cx.app.db.write().await?;
    if let Some(key) = &new.request_key
        && let Some(order) = orders::placed_with(&mut tx, key).await?
    {
        let to = format!("/admin/orders/{}", order.id);
        return Ok(Redirect::to(to).warning(format!("Order {} was placed already", order.number)).into_response());
    }
    let mut locked = orders::lock_client(&mut tx, client.id).await?;
    let placed = match orders::place(&mut locked, &cx.actor, new, &cx.app.random, cx.now).await {
        Ok(placed) => placed,
        Err(Error::Invalid(errors)) => {
            drop(tx);
            return page(&cx, &client, &form, rows, errors, Shown::Wrong).await;
        }
        Err(Error::Refused(why)) => {
            drop(tx);
            let mut errors = FieldErrors::default();
            errors.add("", why);
            return page(&cx, &client, &form, rows, errors, Shown::Wrong).await;
        }
        Err(other) => return Err(Fail(other)),
    };
    // Nobody is to bill what nobody has seen: a field or a price may have changed since the preview.
    if placed.order.total().to_string() != form.text("previewed") {
        tx.rollback().await?;
        return page(&cx, &client, &form, rows, FieldErrors::default(), Shown::Changed).await;
    }
    tx.commit().await?;
    cx.app.wake.notify_waiters();
    let words = match &placed.invoice {
        Some(issued) => {
            format!("Order {} placed, invoice {} over {}", placed.order.number, issued.number, issued.total)
        }
        None => format!("Order {} placed, without an invoice", placed.order.number),
    };
    Ok(Redirect::to(format!("/admin/orders/{}", placed.order.id)).saying(words).into_response())
}

fn new_order(form: &Form, client: &Client, rows: &[Row], errors: &mut FieldErrors) -> NewOrder {
    NewOrder {
        client_id: client.id,
        gateway: form.text("gateway").to_owned(),
        items: rows.iter().enumerate().map(|(at, row)| row.item(at, errors)).collect(),
        addons: Vec::new(),
        invoicing: if form.ticked("invoice") { Invoicing::AtOnce } else { Invoicing::WhenDue },
        tell: if form.ticked("mail") { Tell::Client } else { Tell::Nobody },
        ip: String::new(),
        notes: form.text("notes").to_owned(),
        request_key: key(form).map(str::to_owned),
    }
}

/// What makes a form that is sent twice one order.
fn key(form: &Form) -> Option<&str> {
    let key = form.text("key");
    (key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(key)
}

/// Why the form is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    First,
    Updated,
    /// It was to be placed, and something is wrong.
    Wrong,
    /// It was to be placed, but comes to something else than was shown.
    Changed,
}

async fn page(
    cx: &AdminCx,
    client: &Client,
    form: &Form,
    mut rows: Vec<Row>,
    mut errors: FieldErrors,
    shown: Shown,
) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let catalogue = Catalogue::load(&mut conn).await?;
    let mut quote = None;
    if errors.is_empty() && rows.iter().any(|row| row.product_id != 0) {
        let chosen: Vec<Row> = rows.iter().filter(|row| row.product_id != 0).cloned().collect();
        let mut unread = FieldErrors::default();
        let new = new_order(form, client, &chosen, &mut unread);
        let terms = Terms::load(&mut conn, cx.now).await?;
        match orders::quote(&mut conn, &terms, &new).await {
            Ok(found) => quote = Some(preview(&found, &terms)?),
            Err(Error::Invalid(found)) => errors = found,
            Err(Error::Refused(why)) => errors.add("", why),
            Err(other) => return Err(Fail(other)),
        }
    }
    if rows.is_empty() {
        rows.push(Row::default());
    }
    let mut shown_rows = Vec::with_capacity(rows.len());
    for row in &rows {
        shown_rows.push(row_view(&mut conn, row, client.currency).await?);
    }
    let gateways: Vec<Value> = gateways::active(&mut conn)
        .await?
        .iter()
        .map(|gateway| context! { value => &gateway.name, label => &gateway.display_name })
        .collect();
    drop(conn);
    let key = key(form).map_or_else(|| cx.app.random.token()[..32].to_owned(), str::to_owned);
    let title = format!("New order for {}", client.display_name());
    let values = context! {
        client => context! {
            id => client.id, name => client.display_name(), currency => client.currency.to_string(),
            href => format!("/admin/clients/{}", client.id),
        },
        key,
        rows => shown_rows,
        products => catalogue.options(),
        gateways,
        gateway => form.text("gateway"),
        invoice => form.ticked("invoice"),
        mail => form.ticked("mail"),
        notes => form.raw("notes").unwrap_or_default(),
        quote,
        changed => shown == Shown::Changed,
    };
    if shown == Shown::Wrong {
        return cx.again("sales/orders/new.html", SECTION, &title, &errors, values);
    }
    cx.page("sales/orders/new.html", SECTION, &title, context! { errors => error_list(&errors), ..values })
}

/// What the order comes to, for the page.
fn preview(quote: &Quote, terms: &Terms) -> Result<Value> {
    let currency = quote.client.currency;
    let levels = terms.levels(&quote.client.country, &quote.client.state, terms.today);
    let taxes: Vec<Value> = [(&levels.level1, quote.totals.tax1), (&levels.level2, quote.totals.tax2)]
        .into_iter()
        .filter(|(_, tax)| !tax.is_zero())
        .map(|(level, tax)| {
            let name = level.as_ref().map_or_else(|| "Tax".to_owned(), |level| level.name.clone());
            context! { name, amount => tax.to_string() }
        })
        .collect();
    let lines: Vec<Value> = quote
        .lines
        .iter()
        .map(|line| context! { description => &line.description, amount => line.amount.to_string() })
        .collect();
    let recurring: Vec<Value> = quote
        .recurring
        .iter()
        .map(|(cycle, amount)| context! { cycle => cycle.label(), amount => amount.to_string() })
        .collect();
    Ok(context! {
        lines, taxes, recurring,
        subtotal => quote.totals.subtotal.to_string(),
        total => quote.totals.total.to_string(),
        billed => quote.is_billed(),
        nothing => Money::zero(currency).to_string(),
    })
}

/// What can be ordered, by group.
struct Catalogue {
    products: Vec<Product>,
    groups: HashMap<i64, String>,
}

impl Catalogue {
    async fn load(conn: &mut Conn) -> Result<Catalogue> {
        let products = products::list(conn, &products::Filter::default()).await?;
        let groups = product_groups::all(conn).await?.into_iter().map(|group| (group.id, group.name)).collect();
        Ok(Catalogue { products: products.into_iter().filter(|product| !product.retired).collect(), groups })
    }

    fn options(&self) -> Vec<Value> {
        self.products
            .iter()
            .map(|product| {
                let hidden = if product.hidden { " (hidden)" } else { "" };
                context! {
                    value => product.id,
                    label => format!("{}{hidden}", product.name),
                    group => self.groups.get(&product.group_id).cloned().unwrap_or_default(),
                }
            })
            .collect()
    }
}

/// A row with what can be chosen of its product.
async fn row_view(conn: &mut Conn, row: &Row, currency: Currency) -> Result<Value> {
    let typed = context! {
        product_id => row.product_id,
        quantity => &row.quantity,
        cycle => &row.cycle,
        domain => &row.domain,
        price => &row.price,
        setup => &row.setup,
    };
    let product = match products::find(conn, row.product_id).await {
        Err(Error::NotFound(_)) => return Ok(context! { chosen => false, ..typed }),
        found => found?,
    };
    let list = prices::of(conn, Owner::Product, product.id).await?;
    let wished = nonempty(&row.cycle).and_then(|text| Cycle::parse(text).ok());
    let cycle = pricing::cycle_for(&product.sold(&list), wished, currency).ok();
    let cycles: Vec<Value> = match product.pay_type {
        PayType::Recurring => {
            list.cycles(currency).into_iter().map(|cycle| cycle_option(&list, cycle, currency)).collect()
        }
        _ => Vec::new(),
    };
    let options = config_options::of_product(conn, product.id).await?;
    let options: Vec<Value> = options
        .iter()
        .filter(|option| !option.option.hidden)
        .map(|option| option_view(option, row, cycle, currency))
        .collect();
    let offered = addons::of_product(conn, product.id).await?;
    let ids: Vec<i64> = offered.iter().map(|addon| addon.id).collect();
    let lists = prices::of_many(conn, Owner::Addon, &ids).await?;
    let none = PriceList::default();
    let addons: Vec<Value> = offered
        .iter()
        .map(|addon| addon_view(addon, lists.get(&addon.id).unwrap_or(&none), row, cycle, currency))
        .collect();
    Ok(context! {
        chosen => true,
        name => &product.name,
        needs_domain => product.needs_domain,
        many => product.quantity_mode != QuantityMode::None,
        many_help => match product.quantity_mode {
            QuantityMode::Services => "Each is a service of its own.",
            _ => "One service of that size.",
        },
        cycles,
        unpriced => product.pay_type != PayType::Free && list.cycles(currency).is_empty(),
        options,
        addons,
        cycle => cycle.map(Cycle::text).unwrap_or_default(),
        ..typed
    })
}

fn cycle_option(list: &PriceList, cycle: Cycle, currency: Currency) -> Value {
    let price = list.get(currency, cycle);
    let amount = price.map(|price| price.price.to_string()).unwrap_or_default();
    let setup = price.filter(|price| !price.setup.is_zero()).map(|price| format!(" + {} setup", price.setup));
    let label = format!("{}: {amount}{}", cycle.label(), setup.unwrap_or_default());
    context! { value => cycle.text(), label }
}

/// A price behind a name: `2 GB (+ 5.00 EUR)`.
fn priced(name: &str, list: &PriceList, cycle: Option<Cycle>, currency: Currency) -> String {
    match cycle.and_then(|cycle| list.get(currency, cycle)) {
        Some(price) if price.price.is_zero() => name.to_owned(),
        Some(price) => format!("{name} (+ {})", price.price),
        None => name.to_owned(),
    }
}

fn option_view(option: &FullOption, row: &Row, cycle: Option<Cycle>, currency: Currency) -> Value {
    let typed = row.options.iter().find(|(id, _)| *id == option.option.id).map(|(_, text)| text.clone());
    let choices: Vec<Value> = match option.option.kind {
        OptionKind::YesNo => {
            let yes = option.choices.first().map(|choice| priced("Yes", &choice.prices, cycle, currency));
            vec![context! { value => 0, label => "No" }, context! { value => 1, label => yes.unwrap_or_default() }]
        }
        OptionKind::Quantity => Vec::new(),
        OptionKind::Dropdown | OptionKind::Radio => option
            .choices
            .iter()
            .filter(|choice| !choice.choice.hidden)
            .map(|choice| {
                let label = priced(&choice.choice.name, &choice.prices, cycle, currency);
                context! { value => choice.choice.id, label }
            })
            .collect(),
    };
    let counted = option.option.kind == OptionKind::Quantity;
    let label = match option.choices.first().filter(|_| counted) {
        Some(choice) => priced(&option.option.name, &choice.prices, cycle, currency),
        None => option.option.name.clone(),
    };
    let usual = if counted { option.option.min_quantity.to_string() } else { String::new() };
    context! { id => option.option.id, label, counted, choices, value => typed.unwrap_or(usual) }
}

fn addon_view(addon: &Addon, list: &PriceList, row: &Row, cycle: Option<Cycle>, currency: Currency) -> Value {
    let typed = row.addons.iter().find(|(id, _)| *id == addon.id).map(|(_, text)| text.clone());
    let sold = addon.sold(list);
    let own = cycle.and_then(|cycle| pricing::addon_cycle(&sold, cycle, currency).ok());
    let price = own.and_then(|cycle| list.get(currency, cycle));
    let help = match (own, price) {
        (Some(cycle), Some(price)) if cycle.is_recurring() => format!("{} {}", price.price, adverb(cycle)),
        (Some(_), Some(price)) => format!("{} once", price.price),
        (Some(_), None) => "Free".to_owned(),
        (None, _) => format!("It has no price in {currency}."),
    };
    context! { id => addon.id, label => &addon.name, help, value => typed.unwrap_or_default() }
}

/// The address of a new order for a client, for whoever may place one.
pub(super) fn link(cx: &AdminCx, client_id: i64) -> String {
    if cx.staff.may(ADD) { format!("{PATH}?client={client_id}") } else { String::new() }
}
