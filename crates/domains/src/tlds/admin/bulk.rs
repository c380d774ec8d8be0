//! Many TLDs at once: what is to become of them is said on a page that names their number.

use accounts::doors::admin::{error_list, or_back};
use accounts::doors::{AdminCx, Redirect};
use axum::response::{IntoResponse, Response};
use hosting::view::{fields, number, option};
use kernel::{Currency, Error, FieldErrors, Money, Result, nonempty};
use minijinja::context;
use platform::web::lists::grouped;
use platform::web::{Fail, Form};

use super::{PAGE, SECTION, badges, offers};
use crate::registrars;
use crate::tlds::bulk::{Change, Ending};
use crate::tlds::prices::Operation;
use crate::tlds::{self, Badge, BulkEdit, Filter, Offer, PriceChange, TldEdit, store};

/// More than there are top-level domains.
const MOST: usize = 5000;
const FORM: &str = "domains/tlds/bulk.html";
const FIELDS: [&str; 14] = [
    "registrar",
    "category",
    "dns_management",
    "email_forwarding",
    "id_protection",
    "epp_required",
    "badge",
    "allows_idn",
    "grace_days",
    "redemption_days",
    "change",
    "operation",
    "currency",
    "ending",
];
/// The value of a choice that leaves things as they are is empty; this one empties a field.
const NONE: &str = "none";

pub(super) async fn ask(cx: AdminCx) -> Result<Response, Fail> {
    let back = if cx.query.is_empty() { PAGE.to_owned() } else { format!("{PAGE}?{}", cx.query) };
    let mut conn = cx.app.db.read().await?;
    let ids = if cx.form.ticked("all") {
        let filter = Filter::parse(&cx.params()?)?;
        store::query(&filter).ids(&mut conn, i64::try_from(MOST + 1).unwrap_or(i64::MAX)).await?
    } else {
        cx.form.all("id").filter_map(|id| id.parse().ok()).collect()
    };
    drop(conn);
    if ids.is_empty() {
        return Ok(Redirect::to(back).warning("Tick the TLDs first.").into_response());
    }
    if ids.len() > MOST {
        let refusal = format!("Change at most {} TLDs at a time. Narrow the filter.", grouped(MOST as i64));
        return Ok(Redirect::to(back).refusing(refusal).into_response());
    }
    if cx.form.text("do") == "delete" {
        return delete_page(&cx, &ids, &back).await;
    }
    change_page(&cx, &ids, &Form::from_pairs(Vec::new()), &FieldErrors::default()).await
}

fn counted(ids: &[i64]) -> String {
    if ids.len() == 1 { "one TLD".to_owned() } else { format!("{} TLDs", grouped(ids.len() as i64)) }
}

fn joined(ids: &[i64]) -> String {
    ids.iter().map(i64::to_string).collect::<Vec<_>>().join(",")
}

fn chosen(form: &Form) -> Result<Vec<i64>> {
    let ids: Vec<i64> = form.text("ids").split(',').filter_map(|id| id.parse().ok()).collect();
    if ids.is_empty() || ids.len() > MOST { Err(Error::refused("Tick the TLDs first.")) } else { Ok(ids) }
}

async fn delete_page(cx: &AdminCx, ids: &[i64], back: &str) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let all = store::by_ids(&mut conn, ids).await?;
    let priced = tlds::priced_many(&mut conn, all).await?;
    drop(conn);
    let prices: usize = priced.iter().map(|one| one.prices.iter().count()).sum();
    let names: Vec<String> = priced.iter().take(20).map(|one| one.tld.shown()).collect();
    let rest =
        if priced.len() > 20 { format!(" and {} more", grouped(priced.len() as i64 - 20)) } else { String::new() };
    let facts = vec![
        vec!["TLDs that go off the list".to_owned(), format!("{}{rest}", names.join(", "))],
        vec!["Prices that go with them".to_owned(), grouped(prices as i64)],
        vec!["Domains that there are".to_owned(), "keep their amounts".to_owned()],
    ];
    let label = format!("Delete {}", counted(ids));
    let context =
        context! { facts, ids => joined(ids), action => format!("{PAGE}/delete"), cancel => back, label => &label };
    cx.page("domains/tlds/delete.html", SECTION, &label, context)
}

pub(super) async fn delete(cx: AdminCx) -> Result<Redirect, Fail> {
    let done = async {
        let ids = chosen(&cx.form)?;
        let mut tx = cx.app.db.write().await?;
        tlds::delete_many(&mut tx, &cx.actor, &ids, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(PAGE).saying(format!("{} deleted", capital(&counted(&ids)))))
    };
    or_back(done.await, PAGE)
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

async fn change_page(cx: &AdminCx, ids: &[i64], typed: &Form, errors: &FieldErrors) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let currencies = hosting::prices::currencies(&mut conn).await?;
    let active = registrars::active(&mut conn).await?;
    drop(conn);
    let mut registrars = vec![option(NONE, "None: staff send orders by hand")];
    registrars.extend(active.iter().map(|one| option(&one.name, &one.title)));
    let mut all_badges = vec![option(NONE, "None")];
    all_badges.extend(badges());
    let title = format!("Change {}", counted(ids));
    let values = context! {
        ids => joined(ids), v => fields(&FIELDS, typed), registrars, badges => all_badges, offers => offers(),
        yes_no => vec![option("1", "Yes"), option("0", "No")],
        operations => vec![option("register", "Registrations"), option("transfer", "Transfers"), option("renew", "Renewals")],
        currencies => currencies.iter().map(|code| option(code, code)).collect::<Vec<_>>(),
        endings => vec![option("99", "Up to .99"), option("95", "Up to .95"), option("whole", "Up to whole units")],
        action => format!("{PAGE}/change"), cancel => PAGE, label => &title,
    };
    if errors.is_empty() {
        cx.page(FORM, SECTION, &title, context! { errors => error_list(errors), ..values })
    } else {
        cx.again(FORM, SECTION, &title, errors, values)
    }
}

fn written(form: &Form) -> Result<BulkEdit> {
    let mut errors = FieldErrors::default();
    let chosen = |name: &str| nonempty(form.text(name));
    let emptied = |name: &str| chosen(name).map(|text| if text == NONE { String::new() } else { text.to_owned() });
    let mut offer = |name: &str| chosen(name).and_then(|text| errors.take(name, Offer::parse(text)));
    let mut edit = TldEdit {
        dns_management: offer("dns_management"),
        email_forwarding: offer("email_forwarding"),
        id_protection: offer("id_protection"),
        registrar: emptied("registrar"),
        category: chosen("category").map(str::to_owned),
        epp_required: chosen("epp_required").map(|text| text == "1"),
        allows_idn: chosen("allows_idn").map(|text| text == "1"),
        ..TldEdit::default()
    };
    edit.badge = emptied("badge").and_then(|text| errors.take("badge", Badge::parse(&text)));
    edit.grace_days = number(form, "grace_days", &mut errors);
    edit.redemption_days = number(form, "redemption_days", &mut errors);
    let prices = chosen("change").and_then(|text| price_change(form, text, &mut errors));
    errors.check()?;
    Ok(BulkEdit { edit, prices })
}

/// `+5 %`, `-10%`, or `0.50` a year of one currency.
fn price_change(form: &Form, text: &str, errors: &mut FieldErrors) -> Option<PriceChange> {
    let chosen = |name: &str| nonempty(form.text(name));
    let currency = chosen("currency").and_then(|text| errors.take("currency", Currency::parse(text)));
    let operation = chosen("operation").and_then(|text| errors.take("operation", Operation::parse(text)));
    let ending = errors.take("ending", Ending::parse(form.text("ending")))?;
    let signless = text.trim_start_matches('+');
    let by = match (text.ends_with('%'), currency) {
        (true, _) => errors.take("change", Change::percent(signless))?,
        (false, Some(currency)) => Change::Amount(errors.take("change", Money::parse(signless, currency))?),
        (false, None) => {
            errors.add("currency", "An amount is of one currency. Choose it, or write a percentage such as 5 %.");
            return None;
        }
    };
    Some(PriceChange { currency, operation, by, ending })
}

pub(super) async fn change(cx: AdminCx) -> Result<Response, Fail> {
    let ids = match chosen(&cx.form) {
        Ok(ids) => ids,
        Err(error) => return Ok(or_back(Err(error), PAGE)?.into_response()),
    };
    let done = async {
        let edit = written(&cx.form)?;
        let mut tx = cx.app.db.write().await?;
        let changed = tlds::change_many(&mut tx, &cx.actor, &ids, &edit, cx.now).await?;
        tx.commit().await?;
        let same = ids.len() - changed;
        let rest = if same == 0 { String::new() } else { format!(", {} as they were", grouped(same as i64)) };
        Ok(Redirect::to(PAGE).saying(format!("{} changed{rest}", grouped(changed as i64))))
    };
    match done.await {
        Ok(redirect) => Ok(Redirect::into_response(redirect)),
        Err(Error::Invalid(errors)) => change_page(&cx, &ids, &cx.form, &errors).await,
        Err(other) => Ok(or_back(Err(other), PAGE)?.into_response()),
    }
}
