//! `CreateInvoice`, `GetInvoice`, `GetInvoices`, `UpdateInvoice`.
//!
//! What surprises: an issued invoice never changes here. What an old client sends to change one is done where our rules
//! have a document for it (cancelling, calling a balance off), and refused in words where they have none.

use accounts::clients::{self, Locked};
use accounts::company;
use accounts::doors::compat::part;
use accounts::doors::{Action, CompatCx, Routes};
use kernel::{Currency, Date, Error, FieldErrors, Money, Rate, Result};
use platform::compat::{Answer, Commas, Params};
use platform::jiff::tz::TimeZone;
use platform::web::lists::{Column, Order, Sort};
use serde_json::{Value, json};

use super::drafts::{self, DraftEdit, NewDraft, OwnRates};
use super::listing::{self, Filter, Search, Status};
use super::standing::{self, Standing};
use super::view::{self, Whole};
use super::{CREATE, Invoice, InvoiceStatus, LIST, LineKind, MANAGE, NewLine, Tell};
use crate::currencies;
use crate::gateways::Gateways;
use crate::notes;
use crate::terms::Terms;
use crate::view::rate5;

const NOT_FOUND: &str = "Invoice ID Not Found";
const NO_TIME: &str = "0000-00-00 00:00:00";

pub fn routes() -> Routes {
    Routes::new()
        .action(Action::new("CreateInvoice", CREATE, create_invoice))
        .action(Action::new("GetInvoice", LIST, get_invoice))
        .action(Action::new("GetInvoices", LIST, get_invoices))
        .action(Action::new("UpdateInvoice", MANAGE, update_invoice))
}

/// A rate as clients send it: `20`, `20.0`, `20.000`.
fn rate(params: &mut Params<'_>, name: &str) -> Option<Rate> {
    params.parsed(name, |text| {
        let plain = match text.split_once('.') {
            Some((_, decimals)) if decimals.len() > 4 => text.trim_end_matches('0').trim_end_matches('.'),
            _ => text,
        };
        Rate::parse(plain)
    })
}

fn rates(params: &mut Params<'_>) -> Option<OwnRates> {
    let (rate1, rate2) = (rate(params, "taxrate"), rate(params, "taxrate2"));
    if rate1.is_none() && rate2.is_none() {
        return None;
    }
    Some(OwnRates { rate1: rate1.unwrap_or(Rate::ZERO), rate2: rate2.unwrap_or(Rate::ZERO) })
}

/// `itemdescription1`, `itemamount1`, `itemtaxed1` and so on.
fn new_items(params: &mut Params<'_>, currency: Currency) -> Vec<NewLine> {
    let mut numbers: Vec<i64> = params.numbered("itemdescription").into_iter().map(|(number, _)| number).collect();
    numbers.extend(params.numbered("itemamount").into_iter().map(|(number, _)| number));
    numbers.sort_unstable();
    numbers.dedup();
    let mut lines = Vec::new();
    for number in numbers {
        let description = params.filled(&format!("itemdescription{number}")).unwrap_or_default();
        let amount = params.money(&format!("itemamount{number}"), currency);
        let taxed = params.bool(&format!("itemtaxed{number}")).unwrap_or(false);
        match amount {
            Some(amount) => lines.push(NewLine::item(description, amount, taxed)),
            None if description.is_empty() => {}
            None => {
                let name = format!("itemamount{number}");
                let missing = params.filled(&name).is_none();
                if missing {
                    params.refuse(&name, "This is required.");
                }
            }
        }
    }
    lines
}

async fn create_invoice(cx: CompatCx) -> Result<Answer> {
    let user = cx.request.read(|params| params.required_int("userid"))?;
    let mut tx = cx.app.db.write().await?;
    let client = match clients::find(&mut tx, user).await {
        Err(Error::NotFound(_)) => return Ok(Answer::error("Client ID Not Found")),
        found => found?,
    };
    let (new, draft, send, apply_credit) = cx.request.read(|params| {
        let status = params.filled("status").map(str::to_lowercase);
        let draft = params.bool("draft").unwrap_or(false) || status.as_deref() == Some("draft");
        if let Some(status) = status.filter(|status| status != "draft" && status != "unpaid") {
            params.refuse(
                "status",
                format!("A new invoice is Draft or Unpaid, not {status}. Record a payment or cancel it afterwards."),
            );
        }
        let send = params.bool("sendinvoice").unwrap_or(false);
        let apply_credit = params.bool("autoapplycredit").unwrap_or(false);
        let new = NewDraft {
            client_id: user,
            issued_on: params.date("date"),
            due_on: params.date("duedate"),
            gateway: params.filled("paymentmethod").map(str::to_owned),
            notes: params.text("notes").unwrap_or_default().to_owned(),
            rates: rates(params),
            lines: new_items(params, client.currency),
            source: "api".to_owned(),
        };
        Ok((new, draft, send, apply_credit))
    })?;
    if draft && send {
        return Ok(Answer::error(
            "Cannot create and send a draft invoice in a single API request. Please create and send separately.",
        ));
    }
    let terms = Terms::load(&mut tx, cx.now).await?;
    let mut locked = clients::lock(&mut tx, user).await?;
    let id = if draft {
        drafts::create_draft(&mut locked, &cx.actor, &terms, new).await.map_err(as_callers_know)?
    } else {
        let tell = if send { Tell::Client } else { Tell::Nobody };
        let issued = drafts::create_and_publish(&mut locked, &cx.actor, &terms, new, tell).await;
        let issued = issued.map_err(as_callers_know)?;
        if apply_credit {
            drafts::apply_credit(&mut locked, &cx.actor, &terms, issued.id).await?;
        }
        issued.id
    };
    let status = super::find(&mut tx, id).await?.status;
    tx.commit().await?;
    cx.app.wake.notify_waiters();
    Ok(Answer::success().with("invoiceid", id.to_string()).with("status", view::word(status)))
}

/// Errors by the names that the action has for the fields.
fn as_callers_know(error: Error) -> Error {
    let Error::Invalid(errors) = error else { return error };
    let mut theirs = FieldErrors::default();
    for (field, message) in errors.iter() {
        let name = match field {
            "client_id" => "userid",
            "issued_on" => "date",
            "due_on" => "duedate",
            "gateway" => "paymentmethod",
            other => other,
        };
        theirs.add(name, message);
    }
    Error::Invalid(theirs)
}

/// The documented type of a line.
fn kind_word(kind: LineKind) -> &'static str {
    match kind {
        LineKind::Service => "Hosting",
        LineKind::Addon => "Addon",
        LineKind::Domain => "Domain",
        LineKind::Setup => "Setup",
        LineKind::LateFee => "LateFee",
        LineKind::Item => "",
    }
}

fn clock(at: Option<kernel::Timestamp>, zone: &TimeZone) -> String {
    at.map_or_else(|| NO_TIME.to_owned(), |at| company::clock(at, zone))
}

fn day(on: Option<Date>) -> String {
    on.map_or_else(|| "0000-00-00".to_owned(), |on| on.to_string())
}

/// Three decimals, as theirs are.
fn rate_text(rate: Rate) -> String {
    format!("{:.3}", rate.decimal())
}

async fn get_invoice(cx: CompatCx) -> Result<Answer> {
    let id = cx.request.read(|params| params.required_int("invoiceid"))?;
    let mut conn = cx.app.db.read().await?;
    let invoice = match super::find(&mut conn, id).await {
        Err(Error::NotFound(_)) => return Ok(Answer::error(NOT_FOUND)),
        found => found?,
    };
    let zone = company::zone(&mut conn).await?;
    let whole = view::load(&mut conn, invoice).await?;
    let charges_cards = cx
        .app
        .get::<Gateways>()?
        .all()
        .iter()
        .any(|gateway| gateway.name() == whole.invoice.gateway && gateway.capabilities().off_session);
    Ok(detail(&whole, &zone, charges_cards))
}

fn detail(whole: &Whole, zone: &TimeZone, charges_cards: bool) -> Answer {
    let invoice = &whole.invoice;
    let money = |minor: i64| invoice.money(minor).decimal();
    let items: Vec<Value> = whole
        .lines
        .iter()
        .map(|line| {
            json!({
                "id": line.id,
                "type": kind_word(line.kind),
                "relid": line.owner_id.unwrap_or_default(),
                "description": line.description,
                "amount": money(line.amount),
                "taxed": i64::from(line.taxed),
            })
        })
        .collect();
    let transactions: Vec<Value> = whole
        .transactions
        .iter()
        .map(|transaction| {
            let part = |minor: i64| Money::new(minor, transaction.currency).decimal();
            json!({
                "id": transaction.id.to_string(),
                "userid": transaction.client_id.unwrap_or_default().to_string(),
                // As in GetTransactions: the client's own.
                "currency": "0",
                "gateway": transaction.gateway,
                "date": format!("{} 00:00:00", transaction.occurred_on),
                "description": transaction.description,
                "amountin": part(transaction.amount_in),
                "fees": part(transaction.fees),
                "amountout": part(transaction.amount_out),
                "rate": rate5(&transaction.rate),
                "transid": transaction.reference,
                "invoiceid": invoice.id.to_string(),
                "refundid": transaction.refund_of.unwrap_or_default().to_string(),
            })
        })
        .collect();
    let transactions = if transactions.is_empty() { json!("") } else { json!({ "transaction": transactions }) };
    Answer::success()
        .with("invoiceid", invoice.id)
        .with("invoicenum", invoice.number.clone().unwrap_or_default())
        .with("userid", invoice.client_id)
        .with("date", day(invoice.issued_on))
        .with("duedate", invoice.due_on.to_string())
        .with("datepaid", clock(invoice.paid_at, zone))
        .with("lastcaptureattempt", clock(invoice.last_capture_at, zone))
        .with("subtotal", money(invoice.subtotal))
        .with("credit", money(invoice.credit_applied))
        .with("tax", money(invoice.tax1))
        .with("tax2", money(invoice.tax2))
        .with("total", money(invoice.total))
        .with("balance", money(invoice.balance))
        .with("taxrate", rate_text(invoice.tax_rate1))
        .with("taxrate2", rate_text(invoice.tax_rate2))
        .with("status", view::word(invoice.status))
        .with("paymentmethod", invoice.gateway.clone())
        .with("notes", invoice.notes.clone())
        .with("ccgateway", charges_cards)
        .with_list("items", "item", items)
        .with("transactions", transactions)
}

/// The columns that GetInvoices orders by: theirs, ours.
const ORDERS: &[(&str, Sort)] = &[
    ("id", listing::SORTS[0]),
    ("invoicenumber", listing::SORTS[1]),
    ("date", listing::SORTS[3]),
    ("duedate", listing::SORTS[2]),
    ("total", listing::SORTS[4]),
    ("status", Sort::by("status", &[Column::text("i.status")])),
];

/// So many invoices an answer has at most.
const MOST: i64 = 10_000;

async fn get_invoices(cx: CompatCx) -> Result<Answer> {
    let (part, filter, sort, order) = cx.request.read(|params| {
        let part = part(params);
        let status = params.parsed("status", |text| match text.to_lowercase().as_str() {
            "overdue" => Ok(Status::Overdue),
            _ => view::parse_word(text).map(Status::Is).ok_or_else(|| format!("Invalid status {text}")),
        });
        let client_id = params.int("userid");
        let sort = params.parsed("orderby", |text| {
            let found = ORDERS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
            found.map(|(_, sort)| *sort).ok_or("Order by id, invoicenumber, date, duedate, total or status.")
        });
        let descending = params.parsed("order", |text| match text.to_lowercase().as_str() {
            "asc" => Ok(Order::Ascending),
            "desc" => Ok(Order::Descending),
            _ => Err("Enter asc or desc."),
        });
        let sort = sort.unwrap_or(ORDERS[0].1);
        let order = descending.unwrap_or(Order::Ascending);
        Ok((part?, Filter { status, client_id, ..Filter::default() }, sort, order))
    })?;
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let search = Search::new(&mut conn, filter, cx.now.date_in(&zone)).await?;
    let total = search.query().count_all(&mut conn).await?;
    let invoices = search.invoices(&mut conn, (&sort, order), part.start, part.limit.min(MOST)).await?;
    let mut ids: Vec<i64> = invoices.iter().map(|invoice| invoice.client_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let names = listing::names_in_parts(&mut conn, &ids).await?;
    let dealt = currencies::all(&mut conn).await?;
    let elements: Vec<Value> = invoices
        .iter()
        .map(|invoice| {
            let [first, last, company] = names.get(&invoice.client_id).cloned().unwrap_or_default();
            let currency = dealt.iter().find(|dealt| dealt.code == invoice.currency);
            let mut value = listed(invoice, &zone);
            value["firstname"] = json!(first);
            value["lastname"] = json!(last);
            value["companyname"] = json!(company);
            value["currencycode"] = json!(invoice.currency.code());
            value["currencyprefix"] = json!(currency.map(|dealt| dealt.prefix.clone()).unwrap_or_default());
            value["currencysuffix"] = json!(currency.map(|dealt| dealt.suffix.clone()).unwrap_or_default());
            value
        })
        .collect();
    let counted = |number: i64| u64::try_from(number).unwrap_or_default();
    let returned = u64::try_from(elements.len()).unwrap_or_default();
    Ok(Answer::success()
        .with_counts(counted(total), counted(part.start), returned)
        .with_list("invoices", "invoice", elements))
}

fn listed(invoice: &Invoice, zone: &TimeZone) -> Value {
    let money = |minor: i64| invoice.money(minor).decimal();
    json!({
        "id": invoice.id,
        "userid": invoice.client_id,
        "firstname": "",
        "lastname": "",
        "companyname": "",
        "invoicenum": invoice.number.clone().unwrap_or_default(),
        "date": day(invoice.issued_on),
        "duedate": invoice.due_on.to_string(),
        "datepaid": clock(invoice.paid_at, zone),
        "last_capture_attempt": clock(invoice.last_capture_at, zone),
        "date_refunded": clock(invoice.refunded_at, zone),
        "date_cancelled": clock(invoice.cancelled_at, zone),
        "subtotal": money(invoice.subtotal),
        "credit": money(invoice.credit_applied),
        "tax": money(invoice.tax1),
        "tax2": money(invoice.tax2),
        "total": money(invoice.total),
        "balance": money(invoice.balance),
        "taxrate": rate_text(invoice.tax_rate1),
        "taxrate2": rate_text(invoice.tax_rate2),
        "status": view::word(invoice.status),
        "paymentmethod": invoice.gateway,
        "paymethodid": null,
        "notes": invoice.notes,
        "created_at": company::clock(invoice.created_at, zone),
        "updated_at": company::clock(invoice.updated_at, zone),
    })
}

/// What UpdateInvoice asks for.
struct Update {
    status: Option<String>,
    edit: DraftEdit,
    /// Changed lines by id: description, amount, taxed.
    items: Vec<(i64, String, Money, bool)>,
    added: Vec<NewLine>,
    removed: Vec<i64>,
    publish: bool,
    send: bool,
    /// Fields that name what only payments change.
    paid_fields: Vec<&'static str>,
}

impl Update {
    fn changes_lines(&self) -> bool {
        !self.items.is_empty() || !self.added.is_empty() || !self.removed.is_empty()
    }
}

const MISSING_ITEM: &str =
    "Missing Variables: itemdescription, itemamount and itemtaxed are required for each item being changed";

/// `itemdescription[7]`, `itemamount[7]`, `itemtaxed[7]`; all three for each, or nothing.
fn changed_items(params: &mut Params<'_>, currency: Currency) -> Option<Vec<(i64, String, Money, bool)>> {
    let descriptions = params.indexed("itemdescription", Commas::Keep);
    let amounts = params.indexed("itemamount", Commas::Keep);
    let taxed = params.indexed("itemtaxed", Commas::Keep);
    let mut ids: Vec<i64> = [&descriptions, &amounts, &taxed].into_iter().flatten().map(|(id, _)| *id).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut items = Vec::new();
    for id in ids {
        let of = |list: &[(i64, &str)]| list.iter().find(|(at, _)| *at == id).map(|(_, text)| (*text).to_owned());
        let (description, amount, is_taxed) = (of(&descriptions)?, of(&amounts)?, of(&taxed)?);
        let name = format!("itemamount[{id}]");
        let money = match Money::parse(&amount, currency) {
            Ok(money) => money,
            Err(error) => {
                params.refuse(&name, error.to_string());
                continue;
            }
        };
        let is_taxed = platform::compat::parse_bool(&is_taxed).unwrap_or(false);
        items.push((id, description, money, is_taxed));
    }
    Some(items)
}

fn added_items(params: &mut Params<'_>, currency: Currency) -> Vec<NewLine> {
    let amounts = params.indexed("newitemamount", Commas::Keep);
    let taxed = params.indexed("newitemtaxed", Commas::Keep);
    let mut lines = Vec::new();
    for (at, description) in params.indexed("newitemdescription", Commas::Keep) {
        let of = |list: &[(i64, &str)]| list.iter().find(|(other, _)| *other == at).map(|(_, text)| (*text).to_owned());
        let name = format!("newitemamount[{at}]");
        match of(&amounts) {
            None => {
                params.refuse(&name, "This is required.");
            }
            Some(amount) => match Money::parse(&amount, currency) {
                Ok(amount) => {
                    let is_taxed = of(&taxed).is_some_and(|text| platform::compat::parse_bool(&text) == Ok(true));
                    lines.push(NewLine::item(description, amount, is_taxed));
                }
                Err(error) => {
                    params.refuse(&name, error.to_string());
                }
            },
        }
    }
    lines
}

async fn update_invoice(cx: CompatCx) -> Result<Answer> {
    let id = cx.request.read(|params| params.required_int("invoiceid"))?;
    let mut tx = cx.app.db.write().await?;
    let seen = match super::find(&mut tx, id).await {
        Err(Error::NotFound(_)) => return Ok(Answer::error(NOT_FOUND)),
        found => found?,
    };
    let update = cx.request.read(|params| {
        let items = changed_items(params, seen.currency);
        let added = added_items(params, seen.currency);
        let mut paid_fields = Vec::new();
        for name in ["credit", "datepaid", "date"] {
            if params.filled(name).is_some() {
                paid_fields.push(name);
            }
        }
        let send = params.bool("publishandsendemail").unwrap_or(false);
        let edit = DraftEdit {
            due_on: params.date("duedate"),
            gateway: params.filled("paymentmethod").map(str::to_owned),
            notes: params.text("notes").map(str::to_owned),
            lines: None,
            rates: rates(params),
        };
        Ok(items.map(|items| Update {
            status: params.filled("status").map(str::to_owned),
            edit,
            items,
            added,
            removed: params.ints("deletelineids").unwrap_or_default(),
            publish: send || params.bool("publish").unwrap_or(false),
            send,
            paid_fields,
        }))
    })?;
    let Some(update) = update else { return Ok(Answer::error(MISSING_ITEM)) };
    let target = match update.status.as_deref() {
        None => None,
        Some(text) => match view::parse_word(text) {
            Some(status) => Some(status),
            None => return Ok(Answer::error(format!("Invalid status {text}"))),
        },
    };
    if update.publish && seen.status != InvoiceStatus::Draft {
        return Ok(Answer::error(drafts::NOT_A_DRAFT));
    }
    if let Some(name) = update.paid_fields.first() {
        return Err(Error::refused(match *name {
            "credit" => "Credit is not set on an invoice. Use ApplyCredit.",
            "datepaid" => "An invoice is paid by a payment. Use AddInvoicePayment.",
            _ => "The date of an invoice is the day on which it is issued; it cannot be set.",
        }));
    }
    let terms = Terms::load(&mut tx, cx.now).await?;
    let mut locked = clients::lock(&mut tx, seen.client_id).await?;
    apply(&mut locked, &cx, &terms, &seen, update, target).await?;
    tx.commit().await?;
    cx.app.wake.notify_waiters();
    Ok(Answer::success().with("invoiceid", id.to_string()))
}

async fn apply(
    tx: &mut Locked<'_>,
    cx: &CompatCx,
    terms: &Terms,
    seen: &Invoice,
    update: Update,
    target: Option<InvoiceStatus>,
) -> Result<()> {
    let id = seen.id;
    let by = &cx.actor;
    let mut edit = update.edit.clone();
    if update.changes_lines() {
        if seen.status != InvoiceStatus::Draft {
            return Err(Error::refused(super::IMMUTABLE));
        }
        edit.lines = Some(edited_lines(tx, seen, &update).await?);
    }
    if edit.is_for_drafts() || edit.gateway.is_some() || edit.notes.is_some() {
        drafts::edit(tx, by, terms, id, edit).await?;
    }
    if update.publish {
        let tell = if update.send { Tell::Client } else { Tell::Nobody };
        drafts::publish(tx, by, terms, id, tell).await?;
    }
    let now = super::find(tx, id).await?;
    match target {
        None => Ok(()),
        Some(target) if target == now.status => Ok(()),
        Some(InvoiceStatus::Unpaid) if now.status == InvoiceStatus::Draft => {
            drafts::publish(tx, by, terms, id, Tell::Nobody).await.map(|_| ())
        }
        Some(InvoiceStatus::Cancelled) => notes::cancel(tx, by, terms, id, "").await.map(|_| ()),
        Some(InvoiceStatus::Paid) if now.is_open() && now.balance > 0 => {
            notes::waive_balance(tx, by, terms, id, "Marked paid without a payment").await.map(|_| ())
        }
        Some(target) if now.is_open() && Standing::of(target).is_some() => {
            let Some(standing) = Standing::of(target) else { return Ok(()) };
            standing::put(tx, by, id, standing, terms.now).await
        }
        Some(target) => Err(Error::refused(format!(
            "An invoice that is {} cannot be made {} by hand. {}",
            view::word(now.status),
            view::word(target),
            "Payments, refunds and credit notes change its status."
        ))),
    }
}

/// A draft's lines with what is asked for.
async fn edited_lines(tx: &mut Locked<'_>, seen: &Invoice, update: &Update) -> Result<Vec<NewLine>> {
    let lines = super::lines(tx, seen.id).await?;
    let known = |id: &i64| lines.iter().any(|line| line.id == *id);
    let named = update.items.iter().map(|(id, ..)| id).chain(&update.removed);
    if let Some(missing) = named.into_iter().find(|id| !known(id)) {
        return Err(Error::refused(format!("There is no line {missing} on this invoice.")));
    }
    let mut edited = Vec::new();
    for line in &lines {
        if update.removed.contains(&line.id) {
            continue;
        }
        let mut new = NewLine {
            kind: line.kind,
            billed: None,
            owner: line.owner_kind.clone().zip(line.owner_id),
            description: line.description.clone(),
            quantity: line.quantity,
            amount: seen.money(line.amount),
            taxed: line.taxed,
        };
        if let Some((_, description, amount, taxed)) = update.items.iter().find(|(id, ..)| *id == line.id) {
            new.description.clone_from(description);
            new.amount = *amount;
            new.taxed = *taxed;
        }
        edited.push(new);
    }
    edited.extend(update.added.iter().cloned());
    Ok(edited)
}
