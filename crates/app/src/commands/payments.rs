use accounts::activity_log::Actor;
use billing::captures;
use billing::restores::{self, Release};
use kernel::{Date, Result};
use platform::runs;
use serde_json::{Value, json};

use crate::cli::{Common, Report};
use crate::commands::invoices;
use crate::instance;

/// Payments by stored cards
#[derive(Debug, clap::Subcommand)]
pub enum Payments {
    Capture(Capture),
    Reconcile(Reconcile),
}

/// After a restore: book what gateways took since the backup, and let payments go on
///
/// A restore puts payments on hold, because what was charged since the backup is not in it and would be charged again.
/// This asks every gateway for its own list, books what is missing (to the invoice where that is still there, else to
/// the client's credit), and ends the hold when nothing is left open.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  innkeeper payments reconcile
  innkeeper payments reconcile --checked                 what it cannot clear up was compared by hand")]
pub struct Reconcile {
    /// End the hold although something is open: it was compared with the gateway by hand
    #[arg(long)]
    checked: bool,
}

/// Charge the stored cards of unpaid invoices whose capture is due
///
/// An invoice is charged at most once an attempt, whatever crashes or times out: run it again, or let `serve` find out
/// what became of attempts whose outcome is unknown. Declines are listed; they are no failure of the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  innkeeper payments capture --dry-run                   which invoices would be charged
  innkeeper payments capture")]
pub struct Capture {
    /// The day to capture for; another than today needs a sandbox or --dry-run
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = invoices::date)]
    date: Option<Date>,
    /// Say what would be charged, and charge nothing
    #[arg(long)]
    dry_run: bool,
}

pub async fn run(common: &Common, command: Payments) -> Result<Report> {
    match command {
        Payments::Capture(args) => capture(common, args).await,
        Payments::Reconcile(args) => reconcile(common, args).await,
    }
}

async fn reconcile(common: &Common, args: Reconcile) -> Result<Report> {
    let app = instance::open(common).await?;
    let release = if args.checked { Release::Checked } else { Release::WhenClear };
    let report = restores::reconcile(&app, &Actor::system("command line"), release).await?;
    let Some(since) = report.since else {
        return Ok(Report::new("Payments are not on hold.".to_owned(), json!({ "on_hold": false, "found": [] })));
    };
    let mut text = format!("Payments since {since} that the books lacked: {}", report.found.len());
    for found in &report.found {
        let how = match (found.transaction_id, &found.problem) {
            (Some(id), None) => format!("booked as transaction {id}"),
            (Some(id), Some(problem)) => format!("booked as transaction {id}. LOOK: {problem}"),
            (None, problem) => format!("NOT booked: {}", problem.as_deref().unwrap_or_default()),
        };
        text.push_str(&format!("\n  {} {} {}: {how}", found.gateway, found.external_id, found.amount));
    }
    for (gateway, why) in &report.unasked {
        text.push_str(&format!("\n  {gateway} could not be asked: {why}"));
    }
    for gateway in &report.not_set_up {
        text.push_str(&format!(
            "\n  {gateway} is not set up in these books and was not asked. If it took payments after the \
                                backup, record them by hand before it is set up again."
        ));
    }
    text.push_str(if report.released {
        "\nPayments go on."
    } else {
        "\nPayments stay on hold. Compare what is listed by hand, then run this again with --checked."
    });
    let found: Vec<Value> = report.found.iter().map(one_found).collect();
    let unasked: Vec<Value> =
        report.unasked.iter().map(|(gateway, why)| json!({ "gateway": gateway, "reason": why })).collect();
    let json = json!({
        "on_hold": !report.released, "since": since.to_string(), "compared": report.compared, "found": found,
        "unasked": unasked, "not_set_up": report.not_set_up,
    });
    let told = Report::new(text, json);
    Ok(if report.released { told } else { told.failing(true) })
}

fn one_found(found: &restores::Found) -> Value {
    json!({
        "gateway": found.gateway,
        "external_id": found.external_id,
        "client_id": found.client_id,
        "currency": found.amount.currency.code(),
        "amount": found.amount.decimal(),
        "transaction_id": found.transaction_id,
        "problem": found.problem,
    })
}

async fn capture(common: &Common, args: Capture) -> Result<Report> {
    let app = instance::open(common).await?;
    let terms = invoices::terms(&app, args.date, args.dry_run).await?;
    if args.dry_run {
        let due = captures::due(&mut app.db.read().await?, &app, &terms).await?;
        let planned: Vec<Value> = due.iter().map(one).collect();
        let mut text = format!("{}: {} invoices would be charged", terms.today, due.len());
        for due in &due {
            text.push_str(&format!(
                "\n  invoice {} ({}) {} by {}",
                due.invoice_id, due.number, due.amount, due.gateway
            ));
        }
        return Ok(Report::new(
            text,
            json!({ "date": terms.today, "dry_run": true, "due": due.len(), "planned": planned }),
        ));
    }
    // What crashed or timed out before is asked about first, as far as its time has come.
    platform::jobs::drain(&app).await?;
    let by = Actor::system("command line");
    let (_, report) = captures::jobs::run_now(&app, &by, &terms, runs::COMMAND_LINE).await?;
    let mut json = captures::jobs::summary(&report);
    json["date"] = json!(terms.today);
    json["dry_run"] = json!(false);
    let failures: Vec<Value> = report
        .failures
        .iter()
        .map(|(due, message)| {
            let mut value = one(due);
            value["message"] = json!(message);
            value
        })
        .collect();
    json["failures"] = json!(failures);
    let collected: Vec<String> = report.collected.iter().map(ToString::to_string).collect();
    let mut text = format!(
        "{}: {} invoices due for capture: {} paid, {} pending, {} declined, {} need the client, {} unknown, {} not carried out",
        terms.today,
        report.due,
        report.succeeded,
        report.pending,
        report.declined,
        report.action_required,
        report.unknown,
        report.failed
    );
    if !collected.is_empty() {
        text.push_str(&format!("; collected {}", collected.join(" + ")));
    }
    for (due, message) in &report.failures {
        text.push_str(&format!("\n  invoice {} ({}) {}: {message}", due.invoice_id, due.number, due.amount));
    }
    // A bank that declines has done what it was asked; a charge that was not carried out has failed.
    Ok(Report::new(text, json).failing(report.failed > 0))
}

fn one(due: &captures::Due) -> Value {
    json!({
        "invoice_id": due.invoice_id,
        "number": due.number,
        "client_id": due.client_id,
        "gateway": due.gateway,
        "currency": due.amount.currency.code(),
        "amount": due.amount.decimal(),
        "slot": due.slot,
    })
}
