//! After a restore: what gateways took since the backup was made is not in the books, and must not be taken again.
//!
//! What must hold:
//! - From a restore on, nothing is charged or refunded and the daily batch rests, until the books were compared with every
//!   gateway's own list, or staff say that they have done so by hand.
//! - What is found is booked once, by the unique key of a gateway's transaction. An invoice that was issued after the
//!   backup is not there any more, and its id may become another's: such a payment becomes the client's credit, which
//!   pays the invoice that is made anew.

#[cfg(test)]
mod tests;

use accounts::activity_log::{self, Activity, Actor};
use accounts::clients;
use kernel::{Error, Money, Result, Timestamp};
use platform::db::Conn;
use platform::{App, params, record};

use crate::captures;
use crate::gateways::{self, Gateways, Outcome, Taken};
use crate::invoices;
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
    /// The transaction, or why there is none.
    pub booked: std::result::Result<i64, String>,
}

#[derive(Debug, Clone, Default)]
pub struct Report {
    pub since: Option<Timestamp>,
    pub compared: Vec<String>,
    /// Gateways that could not be asked, and why.
    pub unasked: Vec<(String, String)>,
    pub found: Vec<Found>,
    pub released: bool,
}

impl Report {
    /// Whether somebody must look before payments may go on.
    pub fn is_clear(&self) -> bool {
        self.unasked.is_empty() && self.found.iter().all(|found| found.booked.is_ok())
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
    let active: Vec<String> = conn.column("SELECT name FROM gateways WHERE active ORDER BY name", params![]).await?;
    drop(conn);
    let mut report = Report { since: Some(hold.backup_made_at), ..Report::default() };
    for gateway in app.get::<Gateways>()?.all() {
        if active.iter().any(|name| name == gateway.name()) && gateway.capabilities().off_session {
            compare(app, by, &**gateway, &hold, &mut report).await?;
        }
    }
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

async fn compare(
    app: &App,
    by: &Actor,
    gateway: &dyn gateways::Gateway,
    hold: &Hold,
    report: &mut Report,
) -> Result<()> {
    let config = gateways::config(&mut app.db.read().await?, app, gateway).await?;
    let since = hold.backup_made_at.plus_seconds(-LOOK_BACK_SECONDS);
    let all = match gateway.taken_since(&config, since).await {
        Ok(all) => all,
        Err(error) => {
            report.unasked.push((gateway.name().to_owned(), error.to_string()));
            return Ok(());
        }
    };
    report.compared.push(gateway.name().to_owned());
    for taken in all {
        if let Some(booked) = book(app, by, gateway.name(), &taken).await? {
            report.found.push(Found {
                gateway: gateway.name().to_owned(),
                external_id: taken.external_id,
                amount: taken.amount,
                client_id: taken.client_id,
                booked,
            });
        }
    }
    Ok(())
}

/// `None` when the books know the payment.
async fn book(app: &App, by: &Actor, gateway: &str, taken: &Taken) -> Result<Option<std::result::Result<i64, String>>> {
    let mut conn = app.db.read().await?;
    if payments::by_external_id(&mut conn, gateway, &taken.external_id).await?.is_some() {
        return Ok(None);
    }
    let attempt: Option<i64> = conn
        .optional("SELECT id FROM payment_attempts WHERE public_id = $1", params![taken.attempt])
        .await?
        .map(|(id,)| id);
    drop(conn);
    if let Some(attempt) = attempt {
        // It was under way when the backup was made.
        let outcome = Outcome::Succeeded { external_id: taken.external_id.clone(), fee: taken.fee };
        captures::conclude(app, by, attempt, Ok(outcome)).await?;
        let known = payments::by_external_id(&mut app.db.read().await?, gateway, &taken.external_id).await?;
        return Ok(known.map(|known| Ok(known.id)));
    }
    match record(app, by, gateway, taken).await {
        Ok(id) => Ok(Some(Ok(id))),
        Err(error @ (Error::Unavailable(_) | Error::Broken(_))) => Err(error),
        Err(error) => Ok(Some(Err(error.to_string()))),
    }
}

async fn record(app: &App, by: &Actor, gateway: &str, taken: &Taken) -> Result<i64> {
    let client_id = taken.client_id.ok_or_else(|| Error::refused("The gateway does not say whose payment it is."))?;
    let now = app.clock.now();
    let mut tx = app.db.write().await?;
    let terms = Terms::load(&mut tx, now).await?;
    let id = {
        let mut locked = clients::lock(&mut tx, client_id).await?;
        let invoice = match taken.invoice_id {
            Some(id) => invoices::find(&mut locked, id).await.ok(),
            None => None,
        };
        // Only what was open at the backup, for just this amount, is surely the invoice that was meant.
        let meant = invoice.filter(|invoice| {
            invoice.client_id == client_id && invoice.money(invoice.balance) == taken.amount && invoice.is_open()
        });
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
            invoices: meant.map(|invoice| invoice.id).into_iter().collect(),
        };
        payments::record(&mut locked, by, new, now).await?.transaction_id
    };
    tx.commit().await?;
    Ok(id)
}
