//! After a restore: what gateways took since the backup was made is not in the books, and must not be taken again.
//!
//! What must hold:
//! - From a restore on, nothing is charged or refunded and the daily batch rests, until the books were compared with every
//!   gateway's own list, or staff say that they have done so by hand.
//! - What is found is booked once, by the unique key of a gateway's transaction. An invoice that was issued after the
//!   backup is not there any more, and its id may become another's: such a payment becomes the client's credit, which
//!   pays the invoice that is made anew.
//! - What cannot be placed, and what shows that the books lack something else, keeps payments on hold until somebody looked.

#[cfg(test)]
mod tests;

use accounts::activity_log::{self, Activity, Actor};
use accounts::clients;
use kernel::{Error, Money, Result, Timestamp};
use platform::db::Conn;
use platform::{App, params, record};

use crate::captures;
use crate::credits;
use crate::gateways::{self, Gateways, Outcome, Taken};
use crate::invoices::{self, Invoice};
use crate::payments::{self, Duplicate, NewPayment};
use crate::terms::Terms;

/// A clock of the gateway's that is behind ours must not hide what it took just after the backup.
const LOOK_BACK_SECONDS: i64 = 3600;

record! {
    /// A restore whose books were not compared with the gateways' yet.
    #[derive(Debug, Clone)]
    pub struct Hold {
        pub id: i64,
        pub backup_made_at: Timestamp,
        pub restored_at: Timestamp,
    }
}

/// The oldest restore that is still open.
pub async fn hold(conn: &mut Conn) -> Result<Option<Hold>> {
    let sql =
        format!("SELECT {} FROM restores WHERE released_at IS NULL ORDER BY backup_made_at LIMIT 1", Hold::columns(""));
    conn.optional(&sql, params![]).await
}

/// Stands before everything that moves money at a gateway.
pub async fn refuse_on_hold(conn: &mut Conn) -> Result<()> {
    match hold(conn).await? {
        None => Ok(()),
        Some(hold) => Err(Error::refused(format!(
            "Payments are on hold: this database was restored from a backup of {}, and what was charged or refunded \
             since is not in it. Run `innkeeper payments reconcile`.",
            hold.backup_made_at
        ))),
    }
}

/// A payment that the books lacked, or cannot place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub gateway: String,
    pub external_id: String,
    pub amount: Money,
    pub client_id: Option<i64>,
    pub transaction_id: Option<i64>,
    /// What somebody must look into before payments go on.
    pub problem: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub struct Report {
    pub since: Option<Timestamp>,
    pub compared: Vec<String>,
    /// Gateways that could not be asked, and why.
    pub unasked: Vec<(String, String)>,
    /// Gateways that charge stored methods and are not set up in these books, so nobody can ask them.
    pub not_set_up: Vec<String>,
    pub found: Vec<Found>,
    pub released: bool,
}

impl Report {
    /// Whether somebody must look before payments may go on.
    pub fn is_clear(&self) -> bool {
        self.unasked.is_empty() && self.found.iter().all(|found| found.problem.is_none())
    }
}

/// Whether payments go on although something is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    WhenClear,
    /// Staff have compared by hand what the report lists.
    Checked,
}

/// Books what gateways took since the backup, and ends the hold when nothing is left open.
pub async fn reconcile(app: &App, by: &Actor, release: Release) -> Result<Report> {
    let mut conn = app.db.read().await?;
    let Some(hold) = hold(&mut conn).await? else { return Ok(Report { released: true, ..Report::default() }) };
    // Also those that are switched off: when the backup was made, or before the books went on.
    let set_up = gateways::all(&mut conn).await?;
    drop(conn);
    let mut report = Report { since: Some(hold.backup_made_at), ..Report::default() };
    let mut placed = Vec::new();
    for gateway in app.get::<Gateways>()?.all() {
        if !gateway.capabilities().off_session {
            continue;
        }
        if set_up.iter().any(|known| known.name == gateway.name()) {
            placed.extend(compare(app, by, &**gateway, &hold, &mut report).await?);
        } else if gateway.name() != "sandbox" {
            report.not_set_up.push(gateway.name().to_owned());
        }
    }
    // Only when all of them have their place is it seen what is missing beside them.
    let mut conn = app.db.read().await?;
    for (gateway, taken, place) in placed {
        report.found.extend(found(&mut conn, &hold, gateway, taken, place).await?);
    }
    drop(conn);
    if report.is_clear() || release == Release::Checked {
        let now = app.clock.now();
        let mut tx = app.db.write().await?;
        tx.execute(
            "UPDATE restores SET released_at = $1, released_by = $2 WHERE released_at IS NULL",
            params![now, by.name],
        )
        .await?;
        let text = format!("Payments released after the restore of the backup of {}", hold.backup_made_at);
        activity_log::record(&mut tx, by, Activity::new(text), now).await?;
        tx.commit().await?;
        report.released = true;
    }
    Ok(report)
}

/// Where a payment of the gateway's list is.
enum Place {
    /// In the backup.
    Known,
    /// Booked by an earlier comparison, or by what the gateway told since the restore.
    Booked(i64),
    BookedNow(i64),
    Nowhere(String),
}

async fn compare(
    app: &App,
    by: &Actor,
    gateway: &dyn gateways::Gateway,
    hold: &Hold,
    report: &mut Report,
) -> Result<Vec<(&'static str, Taken, Place)>> {
    let config = gateways::config(&mut app.db.read().await?, app, gateway).await?;
    let since = hold.backup_made_at.plus_seconds(-LOOK_BACK_SECONDS);
    let all = match gateway.taken_since(&config, since).await {
        Ok(all) => all,
        Err(error) => {
            report.unasked.push((gateway.name().to_owned(), error.to_string()));
            return Ok(Vec::new());
        }
    };
    report.compared.push(gateway.name().to_owned());
    let mut placed = Vec::with_capacity(all.len());
    for taken in all {
        let place = place(app, by, gateway.name(), hold, &taken).await?;
        placed.push((gateway.name(), taken, place));
    }
    Ok(placed)
}

async fn place(app: &App, by: &Actor, gateway: &str, hold: &Hold, taken: &Taken) -> Result<Place> {
    match payments::by_external_id(&mut app.db.read().await?, gateway, &taken.external_id).await? {
        Some(known) if known.created_at < hold.restored_at => return Ok(Place::Known),
        Some(known) => return Ok(Place::Booked(known.id)),
        None => {}
    }
    match book(app, by, gateway, hold, taken).await {
        Ok(id) => Ok(Place::BookedNow(id)),
        Err(error @ (Error::Unavailable(_) | Error::Broken(_))) => Err(error),
        Err(error) => Ok(Place::Nowhere(error.to_string())),
    }
}

/// What is told of a payment: that it is booked now, and what is still the matter with it.
async fn found(conn: &mut Conn, hold: &Hold, gateway: &str, taken: Taken, place: Place) -> Result<Option<Found>> {
    let (transaction_id, problem) = match place {
        Place::Known => return Ok(None),
        Place::Nowhere(why) => (None, Some(why)),
        Place::BookedNow(id) => (Some(id), missing(conn, hold, &taken, id).await?),
        Place::Booked(id) => match missing(conn, hold, &taken, id).await? {
            None => return Ok(None),
            problem => (Some(id), problem),
        },
    };
    let Taken { external_id, amount, client_id, .. } = taken;
    Ok(Some(Found { gateway: gateway.to_owned(), external_id, amount, client_id, transaction_id, problem }))
}

/// The invoice that a payment was for, if the backup has it: one that was made since may have another's id.
async fn meant(conn: &mut Conn, hold: &Hold, taken: &Taken) -> Result<Option<Invoice>> {
    let Some(id) = taken.invoice_id else { return Ok(None) };
    let found = match invoices::find(conn, id).await {
        Err(Error::NotFound(_)) => None,
        found => Some(found?),
    };
    Ok(found.filter(|invoice| invoice.created_at <= hold.backup_made_at && Some(invoice.client_id) == taken.client_id))
}

/// What the books lack beside a payment, so that an invoice would be charged for it once more.
async fn missing(conn: &mut Conn, hold: &Hold, taken: &Taken, transaction_id: i64) -> Result<Option<String>> {
    // A charge takes all that an invoice owes. One that owes something after it has lost what else was recorded for it.
    let invoice = meant(conn, hold, taken).await?.filter(|invoice| invoice.is_open() && invoice.balance > 0);
    if let Some(invoice) = invoice {
        return Ok(Some(format!(
            "Invoice {} still owes {}, and {} was all that it owed when this was taken. So a payment, credit or a credit \
             note was recorded for it after the backup. Record it again.",
            invoice.title(),
            invoice.money(invoice.balance),
            taken.amount
        )));
    }
    // The invoice that it was for may stand in place of one in the backup: merged, split, or made anew by hand.
    let Some(client_id) = taken.client_id else { return Ok(None) };
    let (made_credit, _) = payments::store::credit_and_reporter(conn, transaction_id).await?;
    let credit = credits::balance(conn, client_id, taken.amount.currency).await?;
    if made_credit <= 0 || !credit.is_positive() {
        return Ok(None);
    }
    Ok(open_invoice(conn, client_id).await?.map(|invoice| {
        format!(
            "This became credit of client {client_id}, whose invoice {} is open with {}. If this has paid it, apply the \
             credit ({credit}) to it.",
            invoice.title(),
            invoice.money(invoice.balance)
        )
    }))
}

/// The oldest invoice that a client owes.
async fn open_invoice(conn: &mut Conn, client_id: i64) -> Result<Option<Invoice>> {
    let sql = format!(
        "SELECT {} FROM invoices WHERE client_id = $1 AND balance > 0 \
         AND status IN ('unpaid', 'payment_pending', 'collections') ORDER BY id LIMIT 1",
        Invoice::columns("")
    );
    conn.optional(&sql, params![client_id]).await
}

async fn book(app: &App, by: &Actor, gateway: &str, hold: &Hold, taken: &Taken) -> Result<i64> {
    if let Some(returned) = taken.returned {
        return Err(Error::refused(format!(
            "{returned} of this was refunded or disputed since. Record the payment and what was given back by hand."
        )));
    }
    let mut conn = app.db.read().await?;
    let attempt: Option<(i64,)> =
        conn.optional("SELECT id FROM payment_attempts WHERE public_id = $1", params![taken.attempt]).await?;
    drop(conn);
    let Some((attempt,)) = attempt else { return record(app, by, gateway, hold, taken).await };
    // It was under way when the backup was made.
    let outcome = Outcome::Succeeded { external_id: taken.external_id.clone(), fee: taken.fee };
    captures::conclude(app, by, attempt, Ok(outcome)).await?;
    let booked = payments::by_external_id(&mut app.db.read().await?, gateway, &taken.external_id).await?;
    booked.map(|booked| booked.id).ok_or_else(|| {
        Error::refused("The attempt is settled by another payment. Look at both in the gateway's dashboard.")
    })
}

async fn record(app: &App, by: &Actor, gateway: &str, hold: &Hold, taken: &Taken) -> Result<i64> {
    let client_id = taken.client_id.ok_or_else(|| Error::refused("The gateway does not say whose payment it is."))?;
    let now = app.clock.now();
    let mut tx = app.db.write().await?;
    let terms = Terms::load(&mut tx, now).await?;
    let id = {
        let mut locked = clients::lock(&mut tx, client_id).await?;
        let invoice = meant(&mut locked, hold, taken).await?.filter(Invoice::is_open);
        let new = NewPayment {
            client_id,
            gateway: gateway.to_owned(),
            external_id: taken.external_id.clone(),
            duplicate: Duplicate::Refuse,
            amount: taken.amount,
            fees: taken
                .fee
                .filter(|fee| fee.currency == taken.amount.currency)
                .unwrap_or(Money::zero(taken.amount.currency)),
            occurred_on: terms.day_of(taken.taken_at),
            description: "Taken after the backup that this database was restored from".to_owned(),
            invoices: invoice.map(|invoice| invoice.id).into_iter().collect(),
        };
        let id = payments::record(&mut locked, by, new, now).await?.transaction_id;
        payments::mark_reported(&mut locked, id).await?;
        id
    };
    tx.commit().await?;
    Ok(id)
}
