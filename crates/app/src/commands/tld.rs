use std::path::PathBuf;

use accounts::activity_log::Actor;
use domains::tlds::Filter;
use domains::tlds::file::{self, Imported};
use kernel::{Error, Result};
use platform::App;
use serde_json::json;

use crate::cli::{Common, Report};
use crate::instance;

/// Extensions that domains are registered under, with their prices
#[derive(Debug, clap::Subcommand)]
pub enum Tld {
    Export(Export),
    Import(Import),
}

/// Print the list as CSV, a line for each extension and currency
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  innkeeper tld export > tlds.csv")]
pub struct Export {
    /// Only extensions with this in them
    #[arg(long, default_value = "", value_name = "TEXT")]
    only: String,
}

/// Add and change extensions by such a file: all its lines, or none
///
/// Columns that the file does not have leave things as they are; an empty price means: not sold. Prices are for new orders.
/// The same file twice changes nothing the second time.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  innkeeper tld import tlds.csv --dry-run      how many would be added and changed
  innkeeper tld import -                       from standard input")]
pub struct Import {
    /// The CSV file; - for standard input
    file: PathBuf,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

pub async fn run(common: &Common, command: Tld) -> Result<Report> {
    let app = instance::open(common).await?;
    match command {
        Tld::Export(args) => export(&app, args).await,
        Tld::Import(args) => import(&app, args).await,
    }
}

async fn export(app: &App, args: Export) -> Result<Report> {
    let filter = Filter { text: args.only, ..Filter::default() };
    let csv = file::export(&mut app.db.read().await?, &filter).await?;
    Ok(Report::new(csv.trim_end().to_owned(), json!({ "csv": csv })))
}

fn read(file: &PathBuf) -> Result<String> {
    let text =
        if file.as_os_str() == "-" { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(file) };
    text.map_err(|why| Error::invalid("FILE", format!("{}: {why}", file.display())))
}

async fn import(app: &App, args: Import) -> Result<Report> {
    let text = read(&args.file)?;
    let mut tx = app.db.write().await?;
    let done = file::import(&mut tx, &Actor::system("command line"), &text, app.clock.now()).await?;
    if args.dry_run {
        tx.rollback().await?;
    } else {
        tx.commit().await?;
    }
    Ok(report(&done, args.dry_run))
}

fn report(done: &Imported, dry_run: bool) -> Report {
    let Imported { added, changed, unchanged } = done;
    let would = if dry_run { "Would be " } else { "" };
    let words = format!("{would}added: {added} · {would}changed: {changed} · as they are: {unchanged}");
    Report::new(words, json!({ "added": added, "changed": changed, "unchanged": unchanged, "dry_run": dry_run }))
}
