use accounts::activity_log::Actor;
use billing::generation::{self, Detail, Made, Mode, Parked, Report as Outcome, Scope};
use billing::terms::Terms;
use kernel::{Date, Error, Result, Timestamp};
use platform::App;
use platform::runs::{self, Progress};
use serde_json::{Value, json};

use crate::cli::{Common, Report};
use crate::instance;

/// Invoices of what falls due
#[derive(Debug, clap::Subcommand)]
pub enum Invoices {
    Generate(Generate),
}

/// Make the invoices of everything that is due within its lead days
///
/// Running it again makes nothing twice. A client that cannot be invoiced is parked with the reason, is listed, and stops
/// nobody else; the exit code is then 1.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  innkeeper invoices generate --dry-run                  what would be made, down to the cent
  innkeeper invoices generate --client 17
  innkeeper invoices generate --date 2026-03-01          a sandbox on that day")]
pub struct Generate {
    /// The day to generate for; another than today needs a sandbox or --dry-run
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date)]
    date: Option<Date>,
    /// Only this client
    #[arg(long, value_name = "ID")]
    client: Option<i64>,
    /// Say what would be made, and make nothing
    #[arg(long)]
    dry_run: bool,
}

pub fn date(text: &str) -> Result<Date, String> {
    Date::parse(text).map_err(|error| error.to_string())
}

/// The terms of the day that was asked for.
pub async fn terms(app: &App, date: Option<Date>, dry_run: bool) -> Result<Terms> {
    let mut conn = app.db.read().await?;
    let now = app.clock.now();
    let today = Terms::load(&mut conn, now).await?;
    let Some(date) = date.filter(|date| *date != today.today) else { return Ok(today) };
    if !app.sandbox && !dry_run {
        return Err(Error::refused(format!(
            "Today is {}. Another day is only for a sandbox (innkeeper init --sandbox) or for --dry-run: on real books \
             what happens is dated when it happens.",
            today.today
        )));
    }
    let zone = today.settings.time_zone(&accounts::company::TIME_ZONE);
    let noon = Timestamp::at(date, 12, &zone);
    app.clock.set(noon);
    Terms::load(&mut conn, noon).await
}

pub async fn run(common: &Common, command: Invoices) -> Result<Report> {
    let Invoices::Generate(args) = command;
    let app = instance::open(common).await?;
    let terms = terms(&app, args.date, args.dry_run).await?;
    if let Some(id) = args.client {
        accounts::clients::named(&mut app.db.read().await?, "--client", id).await?;
    }
    let scope = Scope { client_id: args.client, ..Scope::default() };
    let by = Actor::system("command line");
    let outcome = if args.dry_run {
        let (mode, detail) = (Mode::DryRun, Detail::EveryInvoice);
        generation::run(&app.db, &by, &terms, &scope, mode, detail, &Progress::default()).await?
    } else {
        generation::jobs::run_now(&app, &by, &terms, &scope, runs::COMMAND_LINE).await?.1
    };
    let parked = generation::parked(&mut app.db.read().await?, PARKED_LISTED).await?;
    let failed = !outcome.failures.is_empty();
    Ok(report(&outcome, &parked, &terms, args.dry_run).failing(failed))
}

/// So many clients whose billing stands still are listed.
const PARKED_LISTED: i64 = 1_000;

fn report(outcome: &Outcome, parked: &[Parked], terms: &Terms, dry_run: bool) -> Report {
    let mut json = generation::jobs::summary(outcome);
    json["date"] = json!(terms.today);
    json["dry_run"] = json!(dry_run);
    let failed: Vec<Value> = outcome
        .failures
        .iter()
        .map(|failure| json!({ "client_id": failure.client_id, "message": failure.message }))
        .collect();
    json["failures"] = json!(failed);
    json["parked"] = parked
        .iter()
        .map(|parked| json!({ "client_id": parked.client_id, "reason": parked.reason, "since": parked.at }))
        .collect();
    if dry_run {
        json["planned"] = outcome.made.iter().map(made).collect();
    }
    let totals: Vec<String> = outcome.totals.iter().map(ToString::to_string).collect();
    let verb = if dry_run { "would be made" } else { "made" };
    let mut text = format!(
        "{}: {} invoices {verb} with {} lines for {} clients",
        terms.today, outcome.invoices, outcome.lines, outcome.clients
    );
    if !totals.is_empty() {
        text.push_str(&format!(", {}", totals.join(" + ")));
    }
    for invoice in &outcome.made {
        text.push_str(&format!(
            "\n  client {} due {} {} by {}",
            invoice.client_id, invoice.due_on, invoice.total, invoice.gateway
        ));
        for line in &invoice.lines {
            text.push_str(&format!("\n    {line}"));
        }
    }
    for failure in &outcome.failures {
        let becomes = if dry_run { "would be" } else { "is" };
        text.push_str(&format!("\nClient {} {becomes} parked: {}", failure.client_id, failure.message));
    }
    let before = |parked: &&Parked| !outcome.failures.iter().any(|failure| failure.client_id == parked.client_id);
    for parked in parked.iter().filter(before) {
        text.push_str(&format!("\nClient {} is parked since {}: {}", parked.client_id, parked.at, parked.reason));
    }
    Report::new(text, json)
}

fn made(made: &Made) -> Value {
    json!({
        "client_id": made.client_id,
        "due_on": made.due_on,
        "gateway": made.gateway,
        "currency": made.total.currency.code(),
        "total": made.total.decimal(),
        "credit_applied": made.credit_applied.decimal(),
        "lines": made.lines,
    })
}
