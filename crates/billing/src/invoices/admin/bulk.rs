//! What staff do with many invoices at once: first the page that says it in numbers, then the deed.

use accounts::clients;
use accounts::doors::{AdminCx, Redirect};
use axum::response::{IntoResponse, Response};
use kernel::{Error, Money, Result};
use minijinja::context;
use platform::web::Fail;
use platform::web::lists::grouped;

use super::{PAGE, SECTION};
use crate::invoices::listing::{self, Filter, Search};
use crate::invoices::{self, InvoiceStatus, Tell, drafts};
use crate::notes;
use crate::terms::Terms;

/// So many invoices are changed in one step.
const BULK: usize = 500;

/// What may be done with many: publish drafts, cancel.
fn bulk_word(deed: &str) -> Option<(&'static str, &'static str)> {
    match deed {
        "publish" => Some(("publish", "Publish")),
        "cancel" => Some(("cancel", "Cancel")),
        _ => None,
    }
}

fn fits(deed: &str, status: InvoiceStatus) -> bool {
    match deed {
        "publish" => status == InvoiceStatus::Draft,
        _ => matches!(
            status,
            InvoiceStatus::Unpaid | InvoiceStatus::PaymentPending | InvoiceStatus::Collections | InvoiceStatus::Draft
        ),
    }
}

/// The page that says in numbers what would happen to the ticked rows, or to all that the filter matches.
pub(super) async fn bulk(cx: AdminCx) -> Result<Response, Fail> {
    let back = if cx.query.is_empty() { PAGE.to_owned() } else { format!("{PAGE}?{}", cx.query) };
    let Some((deed, word)) = bulk_word(cx.form.text("do")) else {
        return Ok(Redirect::to(back).refusing("Choose what to do with the ticked invoices.").into_response());
    };
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
    let found: Vec<(i64, InvoiceStatus, kernel::Currency, i64)> = conn
        .all(
            "SELECT id, status, currency, CASE WHEN status = 'draft' THEN total ELSE balance END FROM invoices \
             WHERE id IN $1[] ORDER BY id",
            platform::params![ids],
        )
        .await?;
    drop(conn);
    let chosen: Vec<i64> = found.iter().filter(|(_, status, ..)| fits(deed, *status)).map(|(id, ..)| *id).collect();
    let mut sums: Vec<Money> = Vec::new();
    for (_, _, currency, amount) in found.iter().filter(|(_, status, ..)| fits(deed, *status)) {
        match sums.iter_mut().find(|sum| sum.currency == *currency) {
            Some(sum) => sum.minor = sum.minor.saturating_add(*amount),
            None => sums.push(Money::new(*amount, *currency)),
        }
    }
    let number = |count: usize| grouped(i64::try_from(count).unwrap_or(i64::MAX));
    let mut facts = vec![(format!("{word} invoices"), number(chosen.len()))];
    for sum in sums {
        facts.push(("In all".to_owned(), sum.to_string()));
    }
    if found.len() > chosen.len() {
        facts.push((
            "Left as they are, because their status does not allow it".to_owned(),
            number(found.len() - chosen.len()),
        ));
    }
    let ids = chosen.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
    let values = context! {
        facts, action => "/admin/invoices/bulk/do", cancel => back,
        label => format!("{word} {} invoices", number(chosen.len())),
        hidden => vec![("ids", ids), ("do", deed.to_owned())], id => None::<i64>, reason => false,
    };
    cx.page("billing/invoices/confirm.html", SECTION, &format!("{word} invoices"), values)
}

pub(super) async fn bulk_do(cx: AdminCx) -> Result<Redirect, Fail> {
    let ids: Vec<i64> = cx.form.text("ids").split(',').filter_map(|id| id.parse().ok()).collect();
    let Some((deed, _)) = bulk_word(cx.form.text("do")) else {
        return Ok(Redirect::to(PAGE).refusing("Choose what to do with the invoices."));
    };
    if ids.is_empty() || ids.len() > BULK {
        return Ok(Redirect::to(PAGE).refusing("Tick the invoices first."));
    }
    let mut done = 0;
    let mut refused = Vec::new();
    for id in ids {
        match one_of_many(&cx, id, deed).await {
            Ok(()) => done += 1,
            // A second click finds everything done already; what a rule refuses is told, the rest goes on.
            Err(error @ (Error::Refused(_) | Error::Invalid(_) | Error::NotFound(_))) => {
                refused.push(format!("{id}: {error}"));
            }
            Err(other) => return Err(Fail(other)),
        }
    }
    cx.app.wake.notify_waiters();
    let words = if done == 1 { "One invoice done.".to_owned() } else { format!("{done} invoices done.") };
    Ok(match refused.first() {
        None => Redirect::to(PAGE).saying(words),
        Some(first) => Redirect::to(PAGE).warning(format!("{words} {} refused, the first: {first}", refused.len())),
    })
}

/// Each in a transaction of its own: one that is refused keeps no other from being done.
async fn one_of_many(cx: &AdminCx, id: i64, deed: &str) -> Result<()> {
    let mut tx = cx.app.db.write().await?;
    let seen = invoices::find(&mut tx, id).await?;
    let terms = Terms::load(&mut tx, cx.now).await?;
    {
        let mut locked = clients::lock(&mut tx, seen.client_id).await?;
        if deed == "publish" {
            drafts::publish(&mut locked, &cx.actor, &terms, id, Tell::Nobody).await?;
        } else {
            notes::cancel(&mut locked, &cx.actor, &terms, id, "").await?;
        }
    }
    tx.commit().await
}
