//! What staff do with many invoices at once: first the page that says it in numbers, then the deed.

use std::collections::BTreeMap;

use accounts::clients;
use accounts::doors::{AdminCx, Redirect};
use axum::response::{IntoResponse, Response};
use kernel::{Currency, Date, Error, Money, Result};
use minijinja::{Value, context};
use platform::Conn;
use platform::web::Fail;
use platform::web::lists::grouped;

use super::{PAGE, SECTION, gateway_options};
use crate::invoices::listing::{self, Filter, Search};
use crate::invoices::standing::{self, Standing};
use crate::invoices::store::{self, Chosen};
use crate::invoices::{CREATE, InvoiceStatus, Tell, drafts, mail as mails, rearrange};
use crate::terms::Terms;
use crate::{gateways, invoices, notes, once, payments};

/// So many invoices are changed in one step.
const BULK: usize = 500;

kernel::text_enum! {
    pub(super) enum Deed {
        Publish = "publish",
        Pay = "pay",
        Unpaid = "unpaid",
        Remind = "remind",
        Resend = "resend",
        Duplicate = "duplicate",
        Merge = "merge",
        Cancel = "cancel",
    }
}

impl Deed {
    /// What the button says, before “3 invoices”.
    fn verb(self) -> &'static str {
        match self {
            Deed::Publish => "Publish",
            Deed::Pay => "Mark paid",
            Deed::Unpaid => "Mark unpaid",
            Deed::Remind => "Send a reminder of",
            Deed::Resend => "Send again",
            Deed::Duplicate => "Duplicate",
            Deed::Merge => "Merge",
            Deed::Cancel => "Cancel",
        }
    }

    /// What it will do, for the page that asks.
    fn text(self) -> &'static str {
        match self {
            Deed::Publish => "Each draft gets a number and today’s date. Nobody is told by mail.",
            Deed::Pay => "A payment of what is owed is recorded for each, as money that came in. Services move on.",
            Deed::Unpaid => "Stored cards are charged for them again, and credit can be applied.",
            Deed::Remind => {
                "Each client gets a mail with a link to pay, at most one a day for an invoice. Clients whose \
                             profile says so get none."
            }
            Deed::Resend => {
                "Each client gets the mail of the invoice once more. Clients who want no mails about invoices get none."
            }
            Deed::Duplicate => "A draft with the same lines is written for each. It bills no period again.",
            Deed::Merge => {
                "The invoices of each client become one, dated today. The old ones are cancelled by credit \
                            notes; nothing of them may be paid yet."
            }
            Deed::Cancel => super::CANCELLING,
        }
    }

    fn fits(self, row: &Chosen) -> bool {
        let open =
            matches!(row.status, InvoiceStatus::Unpaid | InvoiceStatus::PaymentPending | InvoiceStatus::Collections);
        match self {
            Deed::Publish => row.status == InvoiceStatus::Draft,
            Deed::Pay | Deed::Remind => open && row.amount > 0,
            Deed::Unpaid => open && row.status != InvoiceStatus::Unpaid,
            Deed::Resend => row.status != InvoiceStatus::Draft,
            Deed::Duplicate => true,
            Deed::Merge => row.status == InvoiceStatus::Unpaid,
            Deed::Cancel => open || row.status == InvoiceStatus::Draft,
        }
    }

    fn check(self, cx: &AdminCx) -> Result<()> {
        match self {
            Deed::Pay => cx.staff.require(payments::ADD),
            Deed::Duplicate => cx.staff.require(CREATE),
            _ => Ok(()),
        }
    }

    /// Doing it again is not the same: a key of the form says that it was done.
    fn takes_key(self) -> bool {
        matches!(self, Deed::Pay | Deed::Resend | Deed::Duplicate)
    }
}

/// The invoices of each client and currency; what stands alone has nothing to be merged with.
fn to_merge(rows: Vec<Chosen>) -> Vec<Vec<Chosen>> {
    let mut groups: BTreeMap<(i64, Currency), Vec<Chosen>> = BTreeMap::new();
    for row in rows {
        groups.entry((row.client_id, row.currency)).or_default().push(row);
    }
    groups.into_values().filter(|group| group.len() > 1).collect()
}

fn number(count: usize) -> String {
    grouped(i64::try_from(count).unwrap_or(i64::MAX))
}

/// The page that says in numbers what would happen to the ticked rows, or to all that the filter matches.
pub(super) async fn bulk(cx: AdminCx) -> Result<Response, Fail> {
    let back = if cx.query.is_empty() { PAGE.to_owned() } else { format!("{PAGE}?{}", cx.query) };
    let Ok(deed) = Deed::parse(cx.form.text("do")) else {
        return Ok(Redirect::to(back).refusing("Choose what to do with the ticked invoices.").into_response());
    };
    deed.check(&cx)?;
    let mut conn = cx.app.db.read().await?;
    let ids: Vec<i64> = if cx.form.ticked("all") {
        let choices = listing::choices(&mut conn).await?;
        let filter = Filter::parse(&cx.params()?, choices.base)?;
        let search = Search::new(&mut conn, filter, cx.now.date_in(&choices.zone)).await?;
        search.query().ids(&mut conn, i64::try_from(BULK + 1).unwrap_or(i64::MAX)).await?
    } else {
        cx.form.all("id").filter_map(|id| id.parse().ok()).collect()
    };
    if ids.is_empty() {
        return Ok(Redirect::to(back).warning("Tick the invoices first.").into_response());
    }
    if ids.len() > BULK {
        let refusal = format!("At most {BULK} invoices at a time. Narrow the filter.");
        return Ok(Redirect::to(back).refusing(refusal).into_response());
    }
    let found = store::chosen(&mut conn, &ids).await?;
    let fields = if deed == Deed::Pay {
        pay_fields(&cx, &mut conn).await?
    } else {
        context! {}
    };
    drop(conn);
    let all = found.len();
    let mut fitting: Vec<Chosen> = found.into_iter().filter(|row| deed.fits(row)).collect();
    let mut facts = Vec::new();
    if deed == Deed::Merge {
        let groups = to_merge(fitting);
        facts.push(("New invoices".to_owned(), number(groups.len())));
        fitting = groups.into_iter().flatten().collect();
    }
    facts.insert(0, (format!("{} invoices", deed.verb()), number(fitting.len())));
    facts.extend(sums(&fitting)?.into_iter().map(|sum| ("In all".to_owned(), sum.to_string())));
    if all > fitting.len() {
        let why = if deed == Deed::Merge {
            "Left as they are, because they are not unpaid or the only one of their client"
        } else {
            "Left as they are, because their status does not allow it"
        };
        facts.push((why.to_owned(), number(all - fitting.len())));
    }
    let ids = fitting.iter().map(|row| row.id.to_string()).collect::<Vec<_>>().join(",");
    let values = context! {
        facts, action => "/admin/invoices/bulk/do", cancel => back, text => deed.text(),
        label => format!("{} {} invoices", deed.verb(), number(fitting.len())),
        kind => if deed == Deed::Cancel { "danger" } else { "primary" },
        hidden => vec![
            ("ids", ids), ("do", deed.as_str().to_owned()), (once::FIELD, once::key(&cx.app)),
        ],
        id => None::<i64>, reason => false,
        ..fields
    };
    cx.page("billing/invoices/confirm.html", SECTION, &format!("{} invoices", deed.verb()), values)
}

/// How and when the money came.
async fn pay_fields(cx: &AdminCx, conn: &mut Conn) -> Result<Value> {
    let choices = listing::choices(conn).await?;
    let today = cx.now.date_in(&accounts::company::zone(conn).await?);
    Ok(context! { gateways => gateway_options(&choices), date => today.to_string() })
}

fn sums(rows: &[Chosen]) -> Result<Vec<Money>> {
    let mut sums: Vec<Money> = Vec::new();
    for row in rows {
        let amount = Money::new(row.amount, row.currency);
        match sums.iter_mut().find(|sum| sum.currency == row.currency) {
            Some(sum) => *sum = sum.checked_add(amount)?,
            None => sums.push(amount),
        }
    }
    Ok(sums)
}

/// What the page that asked has answered.
struct Asked {
    deed: Deed,
    key: String,
    /// Of a payment; empty: as each invoice says.
    gateway: String,
    date: Option<Date>,
}

pub(super) async fn bulk_do(cx: AdminCx) -> Result<Redirect, Fail> {
    let ids: Vec<i64> = cx.form.text("ids").split(',').filter_map(|id| id.parse().ok()).collect();
    let Ok(deed) = Deed::parse(cx.form.text("do")) else {
        return Ok(Redirect::to(PAGE).refusing("Choose what to do with the invoices."));
    };
    deed.check(&cx)?;
    if ids.is_empty() || ids.len() > BULK {
        return Ok(Redirect::to(PAGE).refusing("Tick the invoices first."));
    }
    let date = match (deed, Date::parse(cx.form.text("date"))) {
        (Deed::Pay, Err(error)) => return Ok(Redirect::to(PAGE).refusing(format!("Date of the payments: {error}"))),
        (Deed::Pay, Ok(date)) => Some(date),
        _ => None,
    };
    let asked =
        Asked { deed, key: cx.form.text(once::FIELD).to_owned(), gateway: cx.form.text("gateway").to_owned(), date };
    let found = store::chosen(&mut cx.app.db.read().await?, &ids).await?;
    let parts: Vec<Vec<i64>> = match deed {
        Deed::Merge => to_merge(found).iter().map(|group| group.iter().map(|row| row.id).collect()).collect(),
        _ => ids.iter().map(|id| vec![*id]).collect(),
    };
    let mut done = 0;
    let mut refused = Vec::new();
    for part in parts {
        match one_of_many(&cx, &part, &asked).await {
            Ok(()) => done += part.len(),
            // A second click finds everything done already; what a rule refuses is told, the rest goes on.
            Err(error) => match refusal(error) {
                Ok(words) => refused.push(format!("{}: {words}", part[0])),
                Err(other) => return Err(Fail(other)),
            },
        }
    }
    cx.app.wake.notify_waiters();
    let words = if done == 1 { "One invoice done.".to_owned() } else { format!("{done} invoices done.") };
    Ok(match refused.first() {
        None => Redirect::to(PAGE).saying(words),
        Some(first) => Redirect::to(PAGE).warning(format!("{words} {} refused, the first: {first}", refused.len())),
    })
}

/// Why one is left as it is, in words for staff; anything else is the error again, which ends the whole.
fn refusal(error: Error) -> Result<String> {
    match error {
        // What the database says is nobody's to read.
        error if error.is_collision() => Ok("The same thing exists already.".to_owned()),
        Error::Refused(_) | Error::Invalid(_) | Error::NotFound(_) | Error::Forbidden(_) | Error::Conflict(_) => {
            Ok(error.to_string())
        }
        other => Err(other),
    }
}

/// Each in a transaction of its own: one that is refused keeps no other from being done.
async fn one_of_many(cx: &AdminCx, ids: &[i64], asked: &Asked) -> Result<()> {
    let Some(id) = ids.first().copied() else { return Ok(()) };
    let mut tx = cx.app.db.write().await?;
    let seen = invoices::find(&mut tx, id).await?;
    let terms = Terms::load(&mut tx, cx.now).await?;
    let by = &cx.actor;
    {
        let mut locked = clients::lock(&mut tx, seen.client_id).await?;
        let tx = &mut locked;
        if asked.deed.takes_key() && !once::take(tx, &format!("{}:{id}", asked.key), cx.now).await? {
            return Err(Error::refused("This was done already."));
        }
        match asked.deed {
            Deed::Publish => drafts::publish(tx, by, &terms, id, Tell::Nobody).await.map(|_| ())?,
            Deed::Pay => {
                let gateway = if asked.gateway.is_empty() { &seen.gateway } else { &asked.gateway };
                gateways::require_known(tx, "gateway", gateway).await?;
                let on = asked.date.unwrap_or(terms.today);
                payments::settle_balance(tx, by, id, gateway, on, cx.now).await.map(|_| ())?;
            }
            Deed::Unpaid => standing::put(tx, by, id, Standing::Unpaid, cx.now).await?,
            Deed::Remind => {
                if !mails::remind(tx, by, &terms, id).await? {
                    return Err(Error::refused("A reminder went out today already."));
                }
            }
            Deed::Resend => mails::send_again_to_many(tx, by, id, cx.now).await?,
            Deed::Duplicate => drafts::duplicate(tx, by, &terms, id).await.map(|_| ())?,
            Deed::Merge => rearrange::merge(tx, by, &terms, ids).await.map(|_| ())?,
            Deed::Cancel => notes::cancel(tx, by, &terms, id, "").await.map(|_| ())?,
        }
    }
    tx.commit().await
}
