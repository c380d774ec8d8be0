//! What staff do with one invoice.

use accounts::clients::{self, Locked};
use accounts::doors::admin::or_back;
use accounts::doors::{AdminCx, Id, Redirect};
use axum::response::Response;
use kernel::{Error, Money, Result, nonempty};
use minijinja::context;
use platform::web::Fail;

use super::{PAGE, SECTION, href};
use crate::invoices::standing::{self, Standing};
use crate::invoices::{self, InvoiceStatus, Tell, drafts, mail as mails, pay_links, rearrange};
use crate::notes::{self, Selection};
use crate::once;
use crate::terms::Terms;

/// What staff do with one invoice.
enum Deed {
    Publish(Tell),
    Cancel(String),
    Delete,
    Credit(Selection, String),
    Waive,
    Change { gateway: Option<String>, notes: Option<String> },
    Resend,
    Remind,
    Duplicate,
    Stand(Standing),
    Split(Vec<i64>),
}

/// What was done, and the invoice to look at now, if it is another.
struct Done {
    words: String,
    goes_to: Option<i64>,
}

impl From<String> for Done {
    fn from(words: String) -> Done {
        Done { words, goes_to: None }
    }
}

async fn perform(cx: &AdminCx, tx: &mut Locked<'_>, terms: &Terms, id: i64, deed: Deed) -> Result<Done> {
    let by = &cx.actor;
    match deed {
        Deed::Publish(tell) => {
            let issued = drafts::publish(tx, by, terms, id, tell).await?;
            Ok(format!("Invoice {} of {} issued", issued.number, issued.total).into())
        }
        Deed::Cancel(reason) => match notes::cancel(tx, by, terms, id, &reason).await? {
            Some(noted) => Ok(noted_words("Cancelled", &noted).into()),
            None => Ok("Cancelled".to_owned().into()),
        },
        Deed::Delete => {
            drafts::delete_draft(tx, by, terms, id).await?;
            Ok(format!("Draft {id} deleted").into())
        }
        Deed::Credit(selection, reason) => {
            let noted = notes::credit(tx, by, terms, id, &selection, &reason).await?;
            Ok(noted_words("Credited", &noted).into())
        }
        Deed::Waive => {
            let noted = notes::waive_balance(tx, by, terms, id, "Balance called off").await?;
            Ok(noted_words("Paid", &noted).into())
        }
        Deed::Change { gateway, notes } => {
            drafts::change(tx, by, terms, id, gateway.as_deref(), notes.as_deref()).await?;
            Ok("Saved".to_owned().into())
        }
        Deed::Resend => {
            if once::take(tx, cx.form.text(once::FIELD), cx.now).await? {
                mails::send_again(tx, by, id, terms.now).await?;
            }
            Ok("The mail is on its way".to_owned().into())
        }
        Deed::Remind => match mails::remind(tx, by, terms, id).await? {
            true => Ok("The reminder is on its way".to_owned().into()),
            false => Ok("A reminder went out today already".to_owned().into()),
        },
        Deed::Duplicate => {
            if !once::take(tx, cx.form.text(once::FIELD), cx.now).await? {
                return Err(Error::refused("This invoice was duplicated already. Reload the page to do it again."));
            }
            let copy = drafts::duplicate(tx, by, terms, id).await?;
            Ok(Done { words: format!("Draft {copy} has the same lines"), goes_to: Some(copy) })
        }
        Deed::Stand(standing) => {
            standing::put(tx, by, id, standing, terms.now).await?;
            Ok(format!("The invoice is {standing} now").replace('_', " ").into())
        }
        Deed::Split(lines) => {
            let issued = rearrange::split(tx, by, terms, id, &lines).await?;
            Ok(Done { words: format!("The lines stand on invoice {} now", issued.number), goes_to: Some(issued.id) })
        }
    }
}

fn noted_words(what: &str, noted: &notes::Noted) -> String {
    if noted.to_credit.is_positive() {
        format!("{what} by credit note {} of {}; {} became credit", noted.number, noted.total, noted.to_credit)
    } else {
        format!("{what} by credit note {} of {}", noted.number, noted.total)
    }
}

/// Locks the invoice's client, acts, commits, and goes back with what happened.
async fn act(cx: &AdminCx, id: i64, deed: Deed) -> Result<Redirect, Fail> {
    let gone = matches!(deed, Deed::Delete);
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let seen = invoices::find(&mut tx, id).await?;
        let gone = gone || (matches!(deed, Deed::Cancel(_)) && seen.status == InvoiceStatus::Draft);
        let terms = Terms::load(&mut tx, cx.now).await?;
        let done = {
            let mut locked = clients::lock(&mut tx, seen.client_id).await?;
            perform(cx, &mut locked, &terms, id, deed).await?
        };
        tx.commit().await?;
        cx.app.wake.notify_waiters();
        let to = if gone { PAGE.to_owned() } else { href(done.goes_to.unwrap_or(id)) };
        Ok(Redirect::to(to).saying(done.words))
    };
    or_back(done.await, &href(id))
}

pub(super) async fn publish(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let tell = if cx.form.text("do") == "send" { Tell::Client } else { Tell::Nobody };
    act(&cx, id, Deed::Publish(tell)).await
}

pub(super) async fn cancel(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    act(&cx, id, Deed::Cancel(cx.form.text("reason").to_owned())).await
}

pub(super) async fn delete(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    act(&cx, id, Deed::Delete).await
}

pub(super) async fn change(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let notes = cx.form.raw("notes").map(|notes| notes.replace("\r\n", "\n"));
    let gateway = nonempty(cx.form.text("gateway")).map(str::to_owned);
    act(&cx, id, Deed::Change { gateway, notes }).await
}

pub(super) async fn resend(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    act(&cx, id, Deed::Resend).await
}

pub(super) async fn remind(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    act(&cx, id, Deed::Remind).await
}

pub(super) async fn duplicate(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    act(&cx, id, Deed::Duplicate).await
}

pub(super) async fn stand(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    match Standing::parse(cx.form.text("to")) {
        Ok(standing) => act(&cx, id, Deed::Stand(standing)).await,
        Err(why) => or_back(Err(Error::invalid("to", why)), &href(id)),
    }
}

/// Credits ticked lines, an amount, or the rest, or moves ticked lines to another invoice: the form on the invoice's page.
pub(crate) async fn credit(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let reason = cx.form.text("reason").to_owned();
    let ids: Vec<i64> = cx.form.all("line").filter_map(|id| id.parse().ok()).collect();
    let amount = nonempty(cx.form.text("amount")).map(str::to_owned);
    if cx.form.text("do") == "split" {
        return act(&cx, id, Deed::Split(ids)).await;
    }
    let selection = async {
        match (cx.form.text("do"), amount) {
            ("waive", _) => Ok(None),
            (_, Some(text)) => {
                let invoice = invoices::find(&mut cx.app.db.read().await?, id).await?;
                Ok(Some(Selection::Amount(Money::parse(&text, invoice.currency)?)))
            }
            (_, None) if ids.is_empty() => Err(Error::refused("Tick the lines to credit, or write an amount.")),
            (_, None) => Ok(Some(Selection::Lines(ids))),
        }
    };
    match selection.await {
        Ok(Some(selection)) => act(&cx, id, Deed::Credit(selection, reason)).await,
        Ok(None) => act(&cx, id, Deed::Waive).await,
        Err(error) => or_back(Err(error), &href(id)),
    }
}

pub(super) async fn make_link(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let link = pay_links::hand_out(&mut tx, &cx.app, &cx.actor, id, cx.now).await?;
        tx.commit().await?;
        Ok(Redirect::to(href(id)).saying(format!("Send this link to the client; it is shown once: {link}")))
    };
    or_back(done.await, &href(id))
}

pub(super) async fn cancel_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    cx.staff.require(notes::CREATE)?;
    let mut conn = cx.app.db.read().await?;
    let invoice = invoices::find(&mut conn, id).await?;
    let left: i64 = notes::left(&mut conn, id).await?.iter().map(|left| left.gross()).sum();
    drop(conn);
    let money = |minor: i64| invoice.money(minor).to_string();
    let to_credit = left.saturating_sub(invoice.balance).max(0);
    let mut facts = vec![("Credit note over".to_owned(), money(left))];
    facts.push(("No longer owed".to_owned(), money(left.min(invoice.balance))));
    if to_credit > 0 {
        facts.push(("Paid already, becomes the client's credit".to_owned(), money(to_credit)));
    }
    let values = context! {
        facts, text => super::CANCELLING, kind => "danger", action => format!("{}/cancel", href(id)), cancel => href(id), label => "Cancel the invoice",
        hidden => Vec::<i64>::new(), id, reason => true,
    };
    cx.page("billing/invoices/confirm.html", SECTION, &format!("Cancel invoice {}", invoice.title()), values)
}
