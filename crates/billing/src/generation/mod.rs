//! Generate Due Invoices: everything due within its lead days becomes invoices.
//!
//! What must hold:
//! - A period is invoiced once, whatever runs twice, crashes or races: see [`invoices::issue`].
//! - A client that cannot be invoiced is parked with the reason and stops nobody else. What is not the client's own
//!   fault fails the run, which is tried again, and parks nobody.
//! - The dry run goes through the same code and is rolled back; so it prints what the real run will do.
//!
//! Clients are taken in batches: many clients a transaction, because a commit per client costs far more than the work.
//! A batch that fails is done again client by client, to find the one that is broken.

pub mod admin;
pub mod api;
pub mod compat;
mod doubts;
pub mod jobs;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use accounts::activity_log::Actor;
use accounts::clients::{self, Locked};
use accounts::roles::Permission;
use kernel::{Currency, Date, Error, Money, Result, Timestamp};
use platform::db::{Conn, Db, Tx};
use platform::runs::{Failed, Progress};
use platform::web::lists::{Column, Order, Page, Query, Request, Sort, Where};
use platform::{params, record};

use crate::invoices::draft::{self, DueCharge, Grouping};
use crate::invoices::{self, Issued, LineKind, NewInvoice, NewLine, Tell};
use crate::recurring::{self, Direction, DueDateMoved, First, RecurringCharge};
use crate::terms::{Buyer, Terms};
use crate::{credits, settings};

use doubts::Doubts;

pub const GENERATE: Permission = Permission("Generate Due Invoices");

/// Clients a transaction.
const BATCH: usize = 200;

/// What to limit a run to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    pub client_id: Option<i64>,
    /// Only charges of these owners, e.g. services by id; `None`: all.
    pub owners: Option<HashSet<(String, i64)>>,
    /// Even where mails are on, send none.
    pub no_mails: bool,
}

/// What a run does: the same for a dry run and a real one, but for ids and numbers, which only real documents have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    pub client_id: i64,
    pub due_on: Date,
    pub gateway: String,
    pub total: Money,
    pub credit_applied: Money,
    pub lines: Vec<String>,
    pub invoice: Option<Issued>,
}

/// A client whose invoices could not be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub client_id: i64,
    pub message: String,
}

impl Failure {
    fn told(&self) -> Failed {
        Failed { client_id: Some(self.client_id), subject: None, message: self.message.clone() }
    }
}

#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Those who were looked at: with a charge that may be due.
    pub clients: usize,
    /// Those of them who got an invoice.
    pub billed: usize,
    pub invoices: usize,
    pub lines: usize,
    /// By currency.
    pub totals: Vec<Money>,
    pub failures: Vec<Failure>,
    pub last_invoice_id: i64,
    /// Each invoice, when the caller asked for them.
    pub made: Vec<Made>,
}

/// Whether the report lists every invoice. A batch over a million services counts only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    Counts,
    /// The first so many.
    First(usize),
    EveryInvoice,
}

impl Report {
    fn add(&mut self, made: Vec<Made>, detail: Detail) {
        self.invoices += made.len();
        // A client is in one batch only.
        self.billed += made.iter().map(|made| made.client_id).collect::<HashSet<_>>().len();
        for invoice in &made {
            self.lines += invoice.lines.len();
            match self.totals.iter_mut().find(|total| total.currency == invoice.total.currency) {
                Some(total) => total.minor = total.minor.saturating_add(invoice.total.minor),
                None => self.totals.push(invoice.total),
            }
            if let Some(issued) = &invoice.invoice {
                self.last_invoice_id = self.last_invoice_id.max(issued.id);
            }
        }
        match detail {
            Detail::Counts => {}
            Detail::First(many) => self.made.extend(made.into_iter().take(many.saturating_sub(self.made.len()))),
            Detail::EveryInvoice => self.made.extend(made),
        }
    }
}

/// Whether documents come into being.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Real,
    DryRun,
}

/// Runs over all clients with something due and tells `progress` of every batch.
pub async fn run(
    db: &Db,
    by: &Actor,
    terms: &Terms,
    scope: &Scope,
    mode: Mode,
    detail: Detail,
    progress: &Progress,
) -> Result<Report> {
    let mut conn = db.read().await?;
    let ids = clients_due(&mut conn, terms, scope).await?;
    drop(conn);
    over(db, by, terms, scope, mode, detail, progress, &ids).await
}

/// A dry run over the first `most` of the clients with something due, for a page that must not take long; and how many
/// there are in all.
pub async fn preview(db: &Db, by: &Actor, terms: &Terms, scope: &Scope, most: usize) -> Result<(Report, usize)> {
    let mut conn = db.read().await?;
    let ids = clients_due(&mut conn, terms, scope).await?;
    drop(conn);
    let some = &ids[..ids.len().min(most)];
    let report = over(db, by, terms, scope, Mode::DryRun, Detail::First(LISTED), &Progress::default(), some).await?;
    Ok((report, ids.len()))
}

/// So many invoices a preview lists.
const LISTED: usize = 50;

async fn over(
    db: &Db,
    by: &Actor,
    terms: &Terms,
    scope: &Scope,
    mode: Mode,
    detail: Detail,
    progress: &Progress,
    ids: &[i64],
) -> Result<Report> {
    let mut report = Report { clients: ids.len(), ..Report::default() };
    let mut doubts = Doubts::default();
    for (index, block) in ids.chunks(BATCH).enumerate() {
        let (made, own) = batch(db, by, terms, scope, mode, block, &mut doubts).await?;
        report.add(made, detail);
        let mut failures = Vec::with_capacity(own.len());
        for (client_id, error) in own {
            failures.push(park(db, mode, client_id, &error, terms).await?);
        }
        let new: Vec<Failed> = failures.iter().map(Failure::told).collect();
        report.failures.extend(failures);
        progress.step(ids.len(), index * BATCH + block.len(), report.failures.len(), &new).await?;
        // Between batches others get their turn at the single writer of SQLite.
        tokio::task::yield_now().await;
    }
    let mut last = Vec::new();
    for (client_id, error) in doubts.at_the_end(report.invoices > 0)? {
        last.push(park(db, mode, client_id, &error, terms).await?);
    }
    if !last.is_empty() {
        let new: Vec<Failed> = last.iter().map(Failure::told).collect();
        report.failures.extend(last);
        progress.step(ids.len(), ids.len(), report.failures.len(), &new).await?;
    }
    Ok(report)
}

/// The clients with a charge that may be due, by id. Parked ones are left out, unless one is asked for. Sorted here: SQLite
/// takes four times the memory, in this process, to make a million ids distinct.
async fn clients_due(conn: &mut Conn, terms: &Terms, scope: &Scope) -> Result<Vec<i64>> {
    let until = terms.today.plus_days(terms.longest_lead())?;
    let mut ids: Vec<i64> = match scope.client_id {
        Some(id) => {
            conn.column(
                "SELECT client_id FROM recurring_charges WHERE client_id = $1 AND billable AND next_invoice_on <= $2",
                params![id, until],
            )
            .await?
        }
        None => {
            conn.column(
                "SELECT client_id FROM recurring_charges WHERE billable AND next_invoice_on <= $1 \
                 AND client_id NOT IN (SELECT client_id FROM parked_clients)",
                params![until],
            )
            .await?
        }
    };
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// What was made, and the clients that are at fault themselves.
async fn batch(
    db: &Db,
    by: &Actor,
    terms: &Terms,
    scope: &Scope,
    mode: Mode,
    ids: &[i64],
    doubts: &mut Doubts,
) -> Result<(Vec<Made>, Vec<(i64, Error)>)> {
    let mut failed = Vec::new();
    match attempt(db, by, terms, scope, mode, ids).await {
        Ok(made) => {
            failed.extend(doubts.after(&made));
            return Ok((made, failed));
        }
        Err(error @ Error::Unavailable(_)) => return Err(error),
        Err(error) if ids.len() == 1 => {
            failed.extend(doubts.sort(ids[0], error)?);
            return Ok((Vec::new(), failed));
        }
        Err(_) => {}
    }
    let mut all = Vec::new();
    for id in ids {
        match attempt(db, by, terms, scope, mode, &[*id]).await {
            Ok(made) => {
                failed.extend(doubts.after(&made));
                all.extend(made);
            }
            Err(error @ Error::Unavailable(_)) => return Err(error),
            Err(error) => failed.extend(doubts.sort(*id, error)?),
        }
    }
    Ok((all, failed))
}

/// One transaction over some clients.
async fn attempt(db: &Db, by: &Actor, terms: &Terms, scope: &Scope, mode: Mode, ids: &[i64]) -> Result<Vec<Made>> {
    let mut tx = db.write().await?;
    let made = {
        let mut locked = clients::lock_many(&mut tx, ids).await?;
        generate(&mut locked, by, terms, scope).await?
    };
    match mode {
        Mode::Real => tx.commit().await?,
        Mode::DryRun => tx.rollback().await?,
    }
    Ok(match mode {
        Mode::Real => made,
        Mode::DryRun => made.into_iter().map(|made| Made { invoice: None, ..made }).collect(),
    })
}

record! {
    struct ClientRow {
        id: i64,
        currency: Currency,
        country: String,
        state: String,
        tax_exempt: bool,
        party_id: i64,
        separate_invoices: bool,
        group_separate: Option<bool>,
        credit: Option<i64>,
    }
}

/// Makes the invoices of the locked clients.
async fn generate(tx: &mut Locked<'_>, by: &Actor, terms: &Terms, scope: &Scope) -> Result<Vec<Made>> {
    let ids = tx.ids().to_vec();
    let clients: Vec<ClientRow> = tx
        .all(
            "SELECT c.id, c.currency, c.country, c.state, c.tax_exempt, c.party_id, c.separate_invoices, \
                    g.separate_invoices, b.balance \
             FROM clients c LEFT JOIN client_groups g ON g.id = c.group_id \
             LEFT JOIN credit_balances b ON b.client_id = c.id \
             WHERE c.id IN $1[] AND c.status <> 'closed'",
            params![ids],
        )
        .await?;
    let until = terms.today.plus_days(terms.longest_lead())?;
    let sql = format!(
        "SELECT {} FROM recurring_charges WHERE client_id IN $1[] AND billable AND next_invoice_on <= $2 ORDER BY id",
        RecurringCharge::columns("")
    );
    let charges: Vec<RecurringCharge> = tx.all(&sql, params![ids, until]).await?;
    let firsts = recurring::first::of_clients(tx, &ids).await?;
    let mut by_client: HashMap<i64, Vec<DueCharge>> = HashMap::new();
    for charge in charges {
        let wanted =
            scope.owners.as_ref().is_none_or(|owners| owners.contains(&(charge.owner_kind.clone(), charge.owner_id)));
        if wanted {
            let first = firsts.get(&charge.id).copied();
            by_client.entry(charge.client_id).or_default().push(due(charge, first));
        }
    }
    let mut new = Vec::new();
    let mut moves = Vec::new();
    for client in &clients {
        let Some(charges) = by_client.remove(&client.id) else { continue };
        let grouping = Grouping {
            separate: client.separate_invoices || client.group_separate.unwrap_or(false),
            continuous: terms.continuous,
            lead: terms.lead,
        };
        let grouped =
            draft::group(charges, &grouping, terms.today).map_err(|error| Error::refused(error.to_string()))?;
        moves.extend(grouped.advanced_only.into_iter().map(|line| (line.charge.charge_id, line.period.until)));
        new.extend(grouped.drafts.into_iter().map(|draft| invoice(client, draft, terms)));
    }
    advance_free(tx, &moves, terms.now).await?;
    let claimed = invoices::claim(tx, new).await?;
    let shapes: Vec<Shape> = claimed.invoices.iter().map(|(_, new)| Shape::of(new)).collect();
    let tell =
        if terms.settings.bool(&settings::MAIL_INVOICES) && !scope.no_mails { Tell::Client } else { Tell::Nobody };
    let issued = invoices::issue_claimed(tx, terms, claimed, tell).await?;
    let mut credit: HashMap<i64, i64> =
        clients.iter().filter_map(|client| Some((client.id, client.credit.filter(|credit| *credit > 0)?))).collect();
    let mut made = Vec::with_capacity(issued.len());
    for (issued, shape) in issued.into_iter().zip(shapes) {
        let mut applied = Money::zero(issued.total.currency);
        if terms.auto_credit && credit.get(&issued.client_id).is_some_and(|left| *left > 0) {
            applied = credits::apply_available(tx, by, issued.id, terms.today, terms.now).await?;
            if let Some(left) = credit.get_mut(&issued.client_id) {
                *left -= applied.minor;
            }
        }
        made.push(Made {
            client_id: issued.client_id,
            due_on: shape.due_on,
            gateway: shape.gateway,
            total: issued.total,
            credit_applied: applied,
            lines: shape.lines,
            invoice: Some(issued),
        });
    }
    Ok(made)
}

/// What a report says of an invoice, kept while the invoice itself is handed over to be issued.
struct Shape {
    due_on: Date,
    gateway: String,
    lines: Vec<String>,
}

impl Shape {
    fn of(new: &NewInvoice) -> Shape {
        Shape {
            due_on: new.due_on,
            gateway: new.gateway.clone(),
            lines: new.lines.iter().map(|line| format!("{} {}", line.description, line.amount.decimal())).collect(),
        }
    }
}

fn due(charge: RecurringCharge, first: Option<First>) -> DueCharge {
    DueCharge {
        charge_id: charge.id,
        client_id: charge.client_id,
        owner_kind: charge.owner_kind,
        owner_id: charge.owner_id,
        description: charge.description,
        amount: Money::new(charge.amount, charge.currency),
        cycle: charge.cycle,
        anchor_day: charge.anchor_day,
        gateway: charge.gateway,
        taxed: charge.taxed,
        next_due_on: charge.next_due_on,
        next_invoice_on: charge.next_invoice_on,
        remaining: charge.remaining,
        first,
    }
}

fn invoice(client: &ClientRow, draft: draft::Draft, terms: &Terms) -> NewInvoice {
    let lines = draft.lines.into_iter().flat_map(lines).collect();
    NewInvoice {
        buyer: Buyer {
            client_id: client.id,
            currency: client.currency,
            country: client.country.clone(),
            state: client.state.clone(),
            tax_exempt: client.tax_exempt,
            party_id: client.party_id,
        },
        issued_on: terms.today,
        due_on: draft.due_on,
        gateway: draft.gateway,
        lines,
        notes: String::new(),
        source: "generation".to_owned(),
        levels: None,
    }
}

/// A period of a charge and, with its first one, the setup fee.
fn lines(line: draft::DraftLine) -> impl Iterator<Item = NewLine> {
    let charge = line.charge;
    let setup = line.setup.map(|amount| NewLine {
        kind: LineKind::Setup,
        billed: None,
        owner: Some((charge.owner_kind.clone(), charge.owner_id)),
        description: recurring::first::setup_description(&charge.description),
        quantity: 1,
        amount,
        taxed: charge.taxed,
    });
    let period = NewLine {
        kind: LineKind::parse(&charge.owner_kind).unwrap_or(LineKind::Item),
        billed: Some((charge.charge_id, line.period)),
        owner: Some((charge.owner_kind, charge.owner_id)),
        description: line.description,
        quantity: 1,
        amount: line.amount,
        taxed: charge.taxed,
    };
    std::iter::once(period).chain(setup)
}

/// Periods that cost nothing and have no invoice to stand on: both dates move on.
async fn advance_free(tx: &mut Locked<'_>, moves: &[(i64, Date)], now: Timestamp) -> Result<()> {
    if moves.is_empty() {
        return Ok(());
    }
    let charges: Vec<i64> = moves.iter().map(|(charge, _)| *charge).collect();
    recurring::first::billed(tx, &charges).await?;
    let billed_until = recurring::billed_until(tx, &charges).await?;
    for (charge, until) in moves {
        let moved: Option<(String, i64)> = tx
            .optional(
                "UPDATE recurring_charges SET next_invoice_on = $2, next_due_on = $2, remaining = remaining - 1 \
                 WHERE id = $1 AND next_invoice_on < $2 RETURNING owner_kind, owner_id",
                params![charge, until],
            )
            .await?;
        if let Some((owner_kind, owner_id)) = moved {
            let next_due_on = *until;
            let direction = Direction::On;
            tx.announce(&DueDateMoved { owner_kind, owner_id, next_due_on, direction, now }, now).await?;
        }
        if billed_until.get(charge).is_some_and(|billed| billed > until) {
            recurring::pass_billed(tx, &[*charge], now).await?;
        }
    }
    Ok(())
}

/// Takes a client out of the batches until somebody has looked.
async fn park(db: &Db, mode: Mode, client_id: i64, error: &Error, terms: &Terms) -> Result<Failure> {
    let message = error.to_string();
    tracing::warn!(client_id, %message, "a client cannot be invoiced");
    if mode == Mode::Real {
        let mut tx = db.write().await?;
        tx.execute(
            "INSERT INTO parked_clients (client_id, reason, at) VALUES ($1, $2, $3) \
             ON CONFLICT (client_id) DO UPDATE SET reason = excluded.reason, at = excluded.at",
            params![client_id, message, terms.now],
        )
        .await?;
        tx.commit().await?;
    }
    Ok(Failure { client_id, message })
}

record! {
    /// A client whose billing stands still.
    #[derive(Debug, Clone)]
    pub struct Parked {
        pub client_id: i64,
        pub reason: String,
        pub at: Timestamp,
        pub first_name: String,
        pub last_name: String,
        pub company: String,
    }
}

pub const PARKED_SORTS: &[Sort] = &[Sort::by("at", &[Column::int("p.at")])];
const PARKED: &str = "p.client_id, p.reason, p.at, c.first_name, c.last_name, c.company";

fn parked_clients() -> Query<'static> {
    let joins = "JOIN clients c ON c.id = p.client_id";
    Query { table: "parked_clients p", id: "p.client_id", joins, filter: Where::default() }
}

/// A page of the parked clients.
pub async fn parked_page(conn: &mut Conn, request: &Request) -> Result<Page<Parked>> {
    parked_clients().page(conn, request, PARKED).await
}

/// The parked clients, the latest first.
pub async fn parked(conn: &mut Conn, limit: i64) -> Result<Vec<Parked>> {
    parked_clients().part(conn, PARKED, (&PARKED_SORTS[0], Order::Descending), 0, limit).await
}

pub async fn count_parked(conn: &mut Conn) -> Result<i64> {
    conn.scalar("SELECT COUNT(*) FROM parked_clients", params![]).await
}

/// Which of these clients are parked.
pub async fn parked_among(conn: &mut Conn, ids: &[i64]) -> Result<HashSet<i64>> {
    let found: Vec<i64> =
        conn.column("SELECT client_id FROM parked_clients WHERE client_id IN $1[]", params![ids]).await?;
    Ok(found.into_iter().collect())
}

/// Puts a parked client back into the batches.
pub async fn unpark(tx: &mut Tx, by: &Actor, client_id: i64, now: Timestamp) -> Result<()> {
    clients::find(tx, client_id).await?;
    let gone = tx.execute("DELETE FROM parked_clients WHERE client_id = $1", params![client_id]).await?;
    if gone == 0 {
        return Err(Error::refused("This client is not parked."));
    }
    let activity = accounts::activity_log::Activity::new("Billing resumed").client(client_id);
    accounts::activity_log::record(tx, by, activity.about(format!("client:{client_id}")), now).await
}
