//! `AddOrder`, `GetOrders`, `AcceptOrder`, `PendingOrder`, `CancelOrder`, `DeleteOrder`.
//!
//! What surprises: parameters of one item have the same number in every list (`pid[2]`, `billingcycle[2]`). What
//! belongs to something that is not built, such as domains or promotions, is refused when it says anything, and never
//! swallowed. There is no mail for an order itself and no module that sets it up, so `noemail`, `sendemail` and
//! `autosetup` have nothing to switch.

use std::collections::HashMap;

use accounts::company;
use accounts::doors::compat::part;
use accounts::doors::{Action, CompatCx, Routes};
use billing::invoices::{InvoiceStatus, Tell};
use billing::{currencies, gateways};
use hosting::config_options::OptionValue;
use hosting::services::{ServiceEdit, update};
use kernel::{Cycle, Error, Money, Result};
use platform::compat::{Answer, Commas, Noted, Params};
use platform::jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::{
    ADD, AddonItem, AddonOrder, CLOSED, DELETE, Filter, Invoicing, Item, ItemKind, LIST, Listed, NOT_PENDING, NewItem,
    NewOrder, OrderStatus, Placed, store,
};
use crate::orders;

pub fn routes() -> Routes {
    Routes::new()
        .action(Action::new("AddOrder", ADD, add_order))
        .action(Action::new("GetOrders", LIST, get_orders))
        .action(Action::new("AcceptOrder", ADD, accept_order))
        .action(Action::new("PendingOrder", ADD, pending_order))
        .action(Action::new("CancelOrder", ADD, cancel_order))
        .action(Action::new("DeleteOrder", DELETE, delete_order))
}

/// Parameters of what is not built, alone or as lists: with what each would need.
const UNBUILT: &[(&str, &str)] = &[
    ("domaintype", "domains"),
    ("regperiod", "domains"),
    ("idnlanguage", "domains"),
    ("eppcode", "domains"),
    ("nameserver1", "domains"),
    ("nameserver2", "domains"),
    ("nameserver3", "domains"),
    ("nameserver4", "domains"),
    ("nameserver5", "domains"),
    ("dnsmanagement", "domains"),
    ("domainfields", "domains"),
    ("emailforwarding", "domains"),
    ("idprotection", "domains"),
    ("domainpriceoverride", "domains"),
    ("domainrenewoverride", "domains"),
    ("domainrenewals", "domains"),
    ("promocode", "promotions"),
    ("promooverride", "promotions"),
    ("affid", "affiliates"),
    ("contactid", "contacts"),
    ("servicerenewals", "renewals on demand"),
    ("addonrenewals", "renewals on demand"),
    ("ns1prefix", "name servers of a server"),
    ("ns2prefix", "name servers of a server"),
    ("rootpw", "passwords of a server"),
];

fn says_nothing(text: &str) -> bool {
    matches!(text.trim().to_ascii_lowercase().as_str(), "" | "0" | "false" | "off" | "no")
}

/// The values of a parameter however it was sent: alone, as a list, or with names.
fn values(params: &mut Params<'_>, name: &str) -> Vec<String> {
    let keys = params.keys(name);
    let mut found = Vec::new();
    for key in keys {
        let path = format!("{name}[{key}]");
        match if params.has(&path) { params.text(&path) } else { params.text(name) } {
            Some(text) => found.push(text.to_owned()),
            // Lists within lists say something for sure.
            None => found.push("…".to_owned()),
        }
    }
    found
}

fn refuse_unbuilt(params: &mut Params<'_>) {
    for (name, what) in UNBUILT {
        if params.has(name) && values(params, name).iter().any(|text| !says_nothing(text)) {
            params.refuse(name, format!("There are no {what} yet, so this cannot be ordered. Leave it out."));
        }
    }
    for (at, map) in maps(params, "customfields") {
        if let Some((field, _)) = map.iter().find(|(_, value)| !value.trim().is_empty()) {
            let text = format!("There are no custom fields of products, so “{field}” cannot be stored.");
            params.refuse(&format!("customfields[{at}]"), text);
        }
    }
}

/// A map for each item: `k[0]` as base64 of what PHP serialized, as JSON, or as `k[0][3]=5`; or `k` for the one item.
fn maps(params: &mut Params<'_>, name: &str) -> Vec<(i64, Vec<(String, String)>)> {
    let mut found = Vec::new();
    for key in params.keys(name) {
        let path = format!("{name}[{key}]");
        let at = key.parse().unwrap_or_default();
        let map = if params.has(&path) { params.map(&path) } else { params.map(name) };
        found.extend(map.map(|map| (at, map)));
    }
    found
}

fn at<T: Clone>(list: &[(i64, T)], number: i64) -> Option<T> {
    list.iter().find(|(at, _)| *at == number).map(|(_, value)| value.clone())
}

/// What `parse` makes of each element; the empty ones are left out.
fn each<T>(
    params: &mut Params<'_>,
    name: &str,
    parse: impl Fn(&str) -> std::result::Result<T, String>,
) -> Vec<(i64, T)> {
    let mut found = Vec::new();
    for (number, text) in params.indexed(name, Commas::Split) {
        if text.trim().is_empty() {
            continue;
        }
        match parse(text.trim()) {
            Ok(value) => found.push((number, value)),
            Err(why) => {
                params.refuse(&format!("{name}[{number}]"), why);
            }
        }
    }
    found
}

fn whole(text: &str) -> std::result::Result<i64, String> {
    platform::compat::parse_int(text).map_err(str::to_owned)
}

fn cycle(text: &str) -> std::result::Result<Cycle, String> {
    // The forms in which the reference and its clients write the two that do not recur.
    match text.to_ascii_lowercase().as_str() {
        "one-time" => Ok(Cycle::OneTime),
        "freeaccount" => Ok(Cycle::Free),
        _ => Cycle::parse(text).map_err(|why| why.to_string()),
    }
}

/// `addons[0]=1,2` with `addonsqty[0]=1,3`: for each item the ids, and how many of each.
fn item_addons(params: &mut Params<'_>) -> Vec<(i64, Vec<AddonItem>)> {
    let quantities = params.indexed("addonsqty", Commas::Keep);
    let mut found = Vec::new();
    for (number, text) in params.indexed("addons", Commas::Keep) {
        let counts = at(&quantities, number).unwrap_or_default();
        let mut counts = counts.split(',').map(str::trim);
        let mut addons = Vec::new();
        for id in text.split(',').map(str::trim).filter(|id| !id.is_empty()) {
            let count = counts.next().filter(|count| !count.is_empty()).unwrap_or("1");
            match (whole(id), whole(count)) {
                (Ok(addon_id), Ok(quantity)) => {
                    addons.push(AddonItem { addon_id, quantity, cycle: None, price: None });
                }
                (Err(_), _) => {
                    params.refuse(&format!("addons[{number}]"), "Enter ids of addons, such as 1,2.");
                }
                (_, Err(_)) => {
                    params.refuse(&format!("addonsqty[{number}]"), "Enter whole numbers, such as 1,2.");
                }
            }
        }
        found.push((number, addons));
    }
    found
}

fn items(params: &mut Params<'_>) -> Vec<NewItem> {
    let products = each(params, "pid", whole);
    let quantities = each(params, "qty", whole);
    let cycles = each(params, "billingcycle", cycle);
    let text = |text: &str| Ok(text.to_owned());
    let domains = each(params, "domain", text);
    let hosts = each(params, "hostname", text);
    let prices = each(params, "priceoverride", text);
    let addons = item_addons(params);
    let mut options = Vec::new();
    for (number, map) in maps(params, "configoptions") {
        let mut picked = Vec::new();
        for (id, value) in map {
            match (whole(id.trim()), whole(value.trim())) {
                (Ok(option_id), Ok(value)) => picked.push(OptionValue { option_id, value }),
                _ if value.trim().is_empty() => {}
                _ => {
                    params.refuse(&format!("configoptions[{number}]"), "Send ids of options with whole numbers.");
                }
            }
        }
        options.push((number, picked));
    }
    let item = |(number, product_id): (i64, i64)| NewItem {
        product_id,
        quantity: at(&quantities, number).unwrap_or(1),
        cycle: at(&cycles, number),
        domain: at(&domains, number).or_else(|| at(&hosts, number)).unwrap_or_default(),
        options: at(&options, number).unwrap_or_default(),
        addons: at(&addons, number).unwrap_or_default(),
        price: at(&prices, number),
        setup: None,
    };
    products.into_iter().map(item).collect()
}

/// Addons for services that are there: one by `addonid` and `serviceid`, or several by `addonids` and `serviceids`.
fn service_addons(params: &mut Params<'_>) -> Vec<AddonOrder> {
    let mut found = Vec::new();
    let names = [("addonid", "serviceid", "addonidqty"), ("addonids", "serviceids", "addonidsqty")];
    for (ids, services, quantities) in names {
        let addons = each(params, ids, whole);
        let services_of = each(params, services, whole);
        let quantities = each(params, quantities, whole);
        for (number, addon_id) in addons {
            let Some(service_id) = at(&services_of, number) else {
                params.refuse(services, "Send the service that each addon is for.");
                continue;
            };
            let quantity = at(&quantities, number).unwrap_or(1);
            found.push(AddonOrder { service_id, addon: AddonItem { addon_id, quantity, cycle: None, price: None } });
        }
    }
    found
}

fn new_order(params: &mut Params<'_>) -> Result<NewOrder, Noted> {
    let client_id = params.required_int("clientid");
    let gateway = params.filled("paymentmethod").unwrap_or_default().to_owned();
    refuse_unbuilt(params);
    let items = items(params);
    let addons = service_addons(params);
    let no_invoice = params.bool("noinvoice").unwrap_or(false);
    let no_mail = params.bool("noinvoiceemail").unwrap_or(false);
    params.bool("noemail");
    let ip = params.parsed("clientip", str::parse::<std::net::IpAddr>);
    let notes = params.text("notes").unwrap_or_default().to_owned();
    Ok(NewOrder {
        client_id: client_id?,
        // Nothing sent is not the client's usual way to pay: the reference wants one named.
        gateway: if gateway.is_empty() { "-".to_owned() } else { gateway },
        items,
        addons,
        invoicing: if no_invoice { Invoicing::WhenDue } else { Invoicing::AtOnce },
        tell: if no_mail { Tell::Nobody } else { Tell::Client },
        ip: ip.map(|ip| ip.to_string()).unwrap_or_default(),
        notes,
        request_key: None,
    })
}

/// The sentences that callers compare, without a field before them.
fn documented(error: Error) -> Result<Answer> {
    let message = orders::api::message(&error).unwrap_or_default();
    let known = [CLOSED, "Addon ID invalid", "Service ID not owned", "No items added", "Invalid Payment Method"];
    if known.iter().any(|start| message.starts_with(start)) {
        return Ok(Answer::error(message));
    }
    let Error::Invalid(errors) = &error else { return Err(error) };
    if errors.of("client_id").is_some() {
        return Ok(Answer::error("Client ID Not Found"));
    }
    let all: Vec<String> = errors.iter().map(|(field, message)| format!("{}: {message}", theirs(field))).collect();
    Ok(Answer::error(all.join(" ")))
}

/// `items[0].cycle` as the caller wrote it: `billingcycle[0]`.
fn theirs(field: &str) -> String {
    let Some((number, name)) = field.strip_prefix("items[").and_then(|rest| rest.split_once("].")) else {
        return field.to_owned();
    };
    let (name, rest) = name.split_once('[').map_or((name, ""), |(name, rest)| (name, rest));
    let name = match name {
        "product_id" => "pid",
        "quantity" => "qty",
        "cycle" => "billingcycle",
        "options" => "configoptions",
        "price" => "priceoverride",
        same => same,
    };
    if rest.is_empty() { format!("{name}[{number}]") } else { format!("{name}[{number}][{rest}") }
}

async fn add_order(cx: CompatCx) -> Result<Answer> {
    let new = cx.request.read(new_order)?;
    let mut tx = cx.app.db.write().await?;
    let placed = async {
        let mut locked = orders::lock_client(&mut tx, new.client_id).await?;
        orders::place(&mut locked, &cx.actor, new, &cx.app.random, cx.now).await
    };
    let Placed { order, services, addons, invoice } = match placed.await {
        Ok(placed) => placed,
        Err(error) => return documented(error),
    };
    tx.commit().await?;
    cx.app.wake.notify_waiters();
    let list = |ids: Vec<i64>| ids.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
    let answer = Answer::success()
        .with("orderid", order.id.to_string())
        .with("serviceids", list(services.iter().map(|service| service.id).collect()))
        .with("addonids", list(addons.iter().map(|addon| addon.id).collect()))
        .with("domainids", "");
    Ok(match invoice {
        Some(issued) => answer.with("invoiceid", issued.id.to_string()),
        None => answer,
    })
}

async fn get_orders(cx: CompatCx) -> Result<Answer> {
    let (part, filter, by_user) = cx.request.read(|params| {
        let part = part(params);
        let filter = Filter {
            id: params.int("id"),
            client_id: params.int("userid").filter(|id| *id != 0),
            status: params.parsed("status", OrderStatus::parse),
            ..Filter::default()
        };
        let requestor = params.int("requestor_id").filter(|id| *id != 0);
        Ok((part?, filter, requestor.is_some()))
    })?;
    let mut conn = cx.app.db.read().await?;
    // Users of clients do not place orders yet, so none is theirs.
    let query = store::query(&mut conn, &filter).await?;
    let total = if by_user { 0 } else { query.count_all(&mut conn).await? };
    let order = (&store::SORTS[0], platform::web::lists::Order::Descending);
    let found: Vec<Listed> = match total {
        0 => Vec::new(),
        _ => query.part(&mut conn, &store::columns(), order, part.start, part.limit).await?,
    };
    let ids: Vec<i64> = found.iter().map(|order| order.id).collect();
    let mut items: HashMap<i64, Vec<Item>> = HashMap::new();
    if !ids.is_empty() {
        for item in store::items(&mut conn, &ids).await? {
            items.entry(item.order_id).or_default().push(item);
        }
    }
    let zone = company::zone(&mut conn).await?;
    let names: HashMap<String, String> =
        gateways::all(&mut conn).await?.into_iter().map(|gateway| (gateway.name, gateway.display_name)).collect();
    let dealt = currencies::all(&mut conn).await?;
    let shown: Vec<Value> = found
        .iter()
        .map(|order| {
            let currency = dealt.iter().find(|dealt| dealt.code == order.currency);
            let signs = currency.map_or(("", ""), |dealt| (dealt.prefix.as_str(), dealt.suffix.trim()));
            listed(order, items.get(&order.id).map_or(&[], Vec::as_slice), signs, &names, &zone)
        })
        .collect();
    Ok(Answer::success()
        .with("totalresults", total)
        .with("startnumber", part.start)
        .with("numreturned", shown.len())
        .with_list("orders", "order", shown))
}

fn listed(
    order: &Listed,
    items: &[Item],
    (prefix, suffix): (&str, &str),
    gateways: &HashMap<String, String>,
    zone: &TimeZone,
) -> Value {
    let items: Vec<Value> = items.iter().map(|item| line_item(item, order)).collect();
    json!({
        "id": order.id,
        "ordernum": order.number.parse::<i64>().unwrap_or_default(),
        "userid": order.client_id,
        "contactid": 0,
        "requestor_id": 0,
        "admin_requestor_id": order.ordered_by_admin.unwrap_or_default(),
        "date": company::clock(order.created_at, zone),
        "nameservers": "",
        "transfersecret": "",
        "renewals": "",
        "renewalsByType": { "domains": [], "services": [], "addons": [] },
        "promocode": "",
        "promotype": "",
        "promovalue": "",
        "orderdata": "",
        "amount": Money::new(order.amount, order.currency).decimal(),
        "paymentmethod": order.gateway,
        "invoiceid": order.invoice_id.unwrap_or_default(),
        "status": order.status.label(),
        "ipaddress": order.ip,
        "fraudmodule": "",
        "fraudoutput": "",
        "notes": order.notes,
        "paymentmethodname": gateways.get(&order.gateway).unwrap_or(&order.gateway),
        "paymentstatus": order.invoice_status.map_or("", payment_status),
        "name": order.person(),
        "currencyprefix": prefix,
        "currencysuffix": suffix,
        "frauddata": "",
        "validationdata": "",
        "lineitems": { "lineitem": items },
    })
}

fn payment_status(status: InvoiceStatus) -> &'static str {
    match status {
        InvoiceStatus::Draft => "Draft",
        InvoiceStatus::Unpaid => "Unpaid",
        InvoiceStatus::PaymentPending => "Payment Pending",
        InvoiceStatus::Paid => "Paid",
        InvoiceStatus::Cancelled => "Cancelled",
        InvoiceStatus::Refunded => "Refunded",
        InvoiceStatus::Collections => "Collections",
    }
}

fn line_item(item: &Item, order: &Listed) -> Value {
    let kind = match item.product_kind.as_str() {
        "hostingaccount" => "Hosting Account",
        "reselleraccount" => "Reseller Account",
        "server" => "Dedicated/VPS Server",
        "other" => "Other Product/Service",
        _ => "Addon",
    };
    let product =
        if item.group_name.is_empty() { item.name.clone() } else { format!("{} - {}", item.group_name, item.name) };
    let cycle = if item.cycle == Cycle::OneTime { "One-Time".to_owned() } else { item.cycle.label() };
    // Of two amounts that were on one list and so cannot overflow together.
    let amount = Money::new(item.first_amount.saturating_add(item.setup), order.currency);
    json!({
        "type": if item.kind == ItemKind::Addon { "addon" } else { "product" },
        "relid": item.service_addon_id.unwrap_or(item.service_id),
        "producttype": kind,
        "product": product,
        "domain": item.domain,
        "billingcycle": cycle,
        "amount": amount.decimal(),
        "status": item.status.label(),
    })
}

/// The answer, with the documented sentence when there is no such order.
fn or_not_found(result: Result<()>, sentence: &str) -> Result<Answer> {
    match result {
        Ok(()) => Ok(Answer::success()),
        Err(Error::NotFound("Order")) => Ok(Answer::error(sentence)),
        Err(other) => Err(other),
    }
}

async fn accept_order(cx: CompatCx) -> Result<Answer> {
    let (id, username) = cx.request.read(|params| {
        let id = params.required_int("orderid");
        for (name, what) in [("serverid", "servers"), ("registrar", "registrars"), ("servicepassword", "passwords")] {
            if params.filled(name).is_some_and(|text| text != "0") {
                params.refuse(name, format!("There are no {what} of services yet. Leave it out."));
            }
        }
        for name in ["sendregistrar", "autosetup", "sendemail"] {
            params.bool(name);
        }
        let username = params.filled("serviceusername").map(str::to_owned);
        Ok((id?, username))
    })?;
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let mut locked = orders::lock(&mut tx, id).await?;
        orders::accept(&mut locked, &cx.actor, id, cx.now).await?;
        if let Some(username) = username {
            for item in orders::items(&mut locked, id).await?.iter().filter(|item| item.kind == ItemKind::Product) {
                let edit = ServiceEdit { username: Some(username.clone()), ..ServiceEdit::default() };
                update(&mut locked, &cx.actor, item.service_id, edit, cx.now).await?;
            }
        }
        tx.commit().await
    };
    or_not_found(done.await, NOT_PENDING)
}

async fn pending_order(cx: CompatCx) -> Result<Answer> {
    let id = cx.request.read(|params| params.required_int("orderid"))?;
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let mut locked = orders::lock(&mut tx, id).await?;
        // Saying it twice is no error there.
        if orders::find(&mut locked, id).await?.status != OrderStatus::Pending {
            orders::set_pending(&mut locked, &cx.actor, id, cx.now).await?;
        }
        tx.commit().await
    };
    or_not_found(done.await, "Order ID Not Found")
}

async fn cancel_order(cx: CompatCx) -> Result<Answer> {
    let id = cx.request.read(|params| {
        let id = params.required_int("orderid");
        // There are no subscriptions with providers, and no mail about orders.
        params.bool("cancelsub");
        params.bool("noemail");
        id
    })?;
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let mut locked = orders::lock(&mut tx, id).await?;
        // Staff may cancel an active order too; this action is documented for pending ones.
        if orders::find(&mut locked, id).await?.status != OrderStatus::Pending {
            return Err(Error::refused(NOT_PENDING));
        }
        orders::cancel(&mut locked, &cx.actor, id, cx.now).await?;
        tx.commit().await
    };
    or_not_found(done.await, NOT_PENDING)
}

async fn delete_order(cx: CompatCx) -> Result<Answer> {
    let id = cx.request.read(|params| params.required_int("orderid"))?;
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let mut locked = orders::lock(&mut tx, id).await?;
        orders::delete(&mut locked, &cx.actor, id, cx.now).await?;
        tx.commit().await
    };
    or_not_found(done.await, "Order ID not found")
}
