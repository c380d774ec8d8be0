//! Disputes (chargebacks): a client's bank takes a payment back until somebody has decided who is right.
//!
//! What must hold:
//! - A dispute is one row per gateway and id there, however often and in whatever order its events arrive.
//! - The money that the gateway takes because of it is an expense of the business on that day, and what comes back is
//!   income: a transaction each, once. So the gateway's clearing account is what the gateway owes at any time.
//! - The invoice stays paid. Whether it is to be paid again or written off is for staff to say, who see the dispute on
//!   the invoice and in the work to do. Evidence is given at the gateway.

pub mod admin;
pub mod api;
mod store;
#[cfg(test)]
mod tests;

use accounts::activity_log::{self, Activity, Actor};
use accounts::clients;
use accounts::doors::{Permission, Routes};
use kernel::{Currency, Date, Error, Money, Result, Timestamp};
use platform::{App, Tx, record};

use crate::gateways::{DisputeNews, DisputeState, Movement};
use crate::payments::{self, Duplicate, NewOther, Transaction};
use crate::terms::Terms;

pub use store::{Filter, Listed, SORTS, columns};

pub const LIST: Permission = Permission("Disputes");

pub fn routes() -> Routes {
    admin::routes().merge(api::routes())
}

record! {
    #[derive(Debug, Clone)]
    pub struct Dispute {
        pub id: i64,
        pub gateway: String,
        pub external_id: String,
        pub payment: String,
        pub transaction_id: Option<i64>,
        pub client_id: Option<i64>,
        pub invoice_id: Option<i64>,
        pub currency: Currency,
        pub amount: i64,
        pub reason: String,
        pub state: DisputeState,
        pub status: String,
        pub answer_by: Option<Timestamp>,
        pub withdrawn_id: Option<i64>,
        pub reinstated_id: Option<i64>,
        pub opened_at: Timestamp,
        pub updated_at: Timestamp,
        pub closed_at: Option<Timestamp>,
    }
}

impl Dispute {
    pub fn money(&self) -> Money {
        Money::new(self.amount, self.currency)
    }
}

/// What became of news of a dispute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reported {
    Recorded,
    /// Recorded, but about a payment that is not in the books.
    Stranger,
    /// Recorded, but its money is not booked, for this reason.
    Look(String),
}

/// Writes down what a gateway says of a dispute. The same news again changes nothing.
pub(crate) async fn reported(app: &App, gateway: &str, news: DisputeNews) -> Result<Reported> {
    let now = app.clock.now();
    let mut tx = app.db.write().await?;
    let payment = payment_of(&mut tx, gateway, &news).await?;
    let client_id = payment.as_ref().and_then(|payment| payment.client_id);
    let problem = match client_id {
        // The events of one client are written one after the other.
        Some(client_id) => {
            let mut locked = clients::lock(&mut tx, client_id).await?;
            write(&mut locked, gateway, &news, payment.as_ref(), now).await?
        }
        None => write(&mut tx, gateway, &news, None, now).await?,
    };
    tx.commit().await?;
    app.wake.notify_waiters();
    Ok(match problem {
        Some(problem) => Reported::Look(problem),
        None if payment.is_some() => Reported::Recorded,
        None => Reported::Stranger,
    })
}

async fn payment_of(tx: &mut Tx, gateway: &str, news: &DisputeNews) -> Result<Option<Transaction>> {
    for id in [Some(&news.payment), news.other_payment.as_ref()].into_iter().flatten() {
        if let Some(found) = payments::by_external_id(tx, gateway, id).await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// What of its money could not be booked, and why.
async fn write(
    tx: &mut Tx,
    gateway: &str,
    news: &DisputeNews,
    payment: Option<&Transaction>,
    now: Timestamp,
) -> Result<Option<String>> {
    let today = Terms::load(tx, now).await?.today;
    let known = store::find(tx, gateway, &news.external_id).await?;
    let (before, dispute) = match known {
        Some(known) => (Some(known.state), known),
        None => match store::insert(tx, gateway, news, payment, now).await? {
            Some(new) => (None, new),
            // Nobody's lock is held for a payment that is not ours: the first of two wrote it while this one waited.
            None => {
                let known = store::find(tx, gateway, &news.external_id).await?;
                let known = known.ok_or_else(|| Error::broken(format!("dispute {} is not there", news.external_id)))?;
                (Some(known.state), known)
            }
        },
    };
    // News overtake each other: what was decided is not open again.
    let state = match before {
        Some(decided) if decided != DisputeState::Open && news.state == DisputeState::Open => decided,
        _ => news.state,
    };
    store::update(tx, &dispute, news, state, now).await?;
    // What came back was taken before, whether or not we were told.
    let taken = news.withdrawn.or(news.reinstated.map(|_| Movement { fee: None }));
    let mut problem = None;
    if let (Some(movement), None) = (taken, dispute.withdrawn_id) {
        match book(tx, &dispute, movement, Direction::Out, today, now).await? {
            Booked::As(id) => store::set_withdrawn(tx, dispute.id, id).await?,
            Booked::InTheWay(other) => problem = Some(other),
        }
    }
    if let (Some(movement), None) = (news.reinstated, dispute.reinstated_id) {
        match book(tx, &dispute, movement, Direction::In, today, now).await? {
            Booked::As(id) => store::set_reinstated(tx, dispute.id, id).await?,
            Booked::InTheWay(other) => problem = problem.or(Some(other)),
        }
    }
    if before != Some(state) {
        tell(tx, &dispute, state, now).await?;
    }
    Ok(problem)
}

enum Booked {
    As(i64),
    /// What another transaction with this id is.
    InTheWay(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Out,
    In,
}

/// The disputed money, as a transaction that belongs to no client: the client's books are as before.
async fn book(
    tx: &mut Tx,
    dispute: &Dispute,
    movement: Movement,
    direction: Direction,
    today: Date,
    now: Timestamp,
) -> Result<Booked> {
    let nothing = Money::zero(dispute.currency);
    let about = match dispute.transaction_id {
        Some(id) => format!("payment {id}"),
        None => format!("the unknown payment {}", dispute.payment),
    };
    let (amount_in, amount_out, external_id, what) = match direction {
        Direction::Out => (nothing, dispute.money(), dispute.external_id.clone(), "withdrawn"),
        Direction::In => (dispute.money(), nothing, format!("{}/reinstated", dispute.external_id), "given back"),
    };
    if let Some(known) = payments::by_external_id(tx, &dispute.gateway, &external_id).await? {
        return adopt(tx, dispute, &known, (amount_in, amount_out)).await;
    }
    let new = NewOther {
        gateway: dispute.gateway.clone(),
        external_id,
        duplicate: Duplicate::Refuse,
        amount_in,
        amount_out,
        // A fee in the currency of the gateway's payout is not known in ours.
        fees: movement.fee.filter(|fee| fee.currency == dispute.currency).unwrap_or(nothing),
        occurred_on: today,
        description: format!("Dispute of {about}: money {what}"),
    };
    let id = payments::book_other(tx, &by(), new, now).await?;
    payments::mark_reported(tx, id).await?;
    Ok(Booked::As(id))
}

/// What staff recorded by hand under the dispute's id before the gateway told of it is this money, if it is as much.
async fn adopt(tx: &mut Tx, dispute: &Dispute, known: &Transaction, money: (Money, Money)) -> Result<Booked> {
    let of = |minor: i64| Money::new(minor, known.currency);
    if known.client_id.is_none() && (of(known.amount_in), of(known.amount_out)) == money {
        payments::mark_reported(tx, known.id).await?;
        return Ok(Booked::As(known.id));
    }
    let what = if money.0.is_zero() { "taken" } else { "given back" };
    Ok(Booked::InTheWay(format!(
        "The dispute is recorded. That {} was {what} is not booked: transaction {} has the reference {}, but is not of that \
         money alone. Void that transaction or give it another reference, and apply this event again.",
        dispute.money(),
        known.id,
        known.reference
    )))
}

fn by() -> Actor {
    Actor::system("Gateway webhook")
}

async fn tell(tx: &mut Tx, dispute: &Dispute, state: DisputeState, now: Timestamp) -> Result<()> {
    let words = match state {
        DisputeState::Open => "The client's bank disputes",
        DisputeState::Won => "Won: the dispute of",
        DisputeState::Lost => "Lost: the dispute of",
        DisputeState::Closed => "Nothing came of the dispute of",
    };
    let mut activity = Activity::new(format!("{words} {} ({})", dispute.money(), dispute.reason));
    if let Some(client_id) = dispute.client_id {
        activity = activity.client(client_id);
    }
    let subject = match (dispute.invoice_id, dispute.transaction_id) {
        (Some(id), _) => format!("invoice:{id}"),
        (None, Some(id)) => format!("transaction:{id}"),
        (None, None) => format!("gateway:{}", dispute.gateway),
    };
    activity_log::record(tx, &by(), activity.about(subject), now).await
}
