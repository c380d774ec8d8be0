use kernel::{Currency, Error, Result};
use platform::db::Schema;
use platform::{Clock, Db, Random, Tx, Vault};
use serde_json::json;

use crate::cli::{Common, Report};
use crate::instance::{self, Instance, Place};
use crate::wiring;

/// Create and migrate a database, ready for use
///
/// Leaves a base currency, a product group, two ways to pay by hand (bank transfer, mail-in payment) and the default
/// roles. Running it again on the same database changes nothing. A database with other tables in it is refused.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  innkeeper init --currency EUR
  innkeeper init --sandbox --database sqlite:try.db     for trying things out: time can be set, test cards are taken
  innkeeper init --database postgres://innkeeper@localhost/innkeeper

The key file that is made encrypts secrets in the database. Keep a copy of it apart from the database's backups.")]
pub struct Init {
    /// The currency that you keep your books in, ISO 4217 [default: USD]
    #[arg(long, value_name = "CODE", value_parser = currency)]
    currency: Option<Currency>,
    /// Mark the database for ever as a sandbox
    #[arg(long)]
    sandbox: bool,
}

impl Init {
    /// For the demonstration.
    pub fn sandbox() -> Init {
        Init { currency: None, sandbox: true }
    }
}

fn currency(text: &str) -> Result<Currency, String> {
    Currency::parse(text).map_err(|error| error.to_string())
}

pub async fn run(common: &Common, args: Init) -> Result<Report> {
    let place = Place::of(common);
    place.make_folders()?;
    let db = instance::create(&place).await?;
    match db.schema().await? {
        Schema::Foreign => return Err(instance::foreign(&place)),
        Schema::Newer(step) => return Err(instance::newer(&place, &step)),
        Schema::Ours { .. } => {
            if let Some(known) = Instance::read(&mut db.read().await?).await? {
                return already_there(&db, &place, &known, &args).await;
            }
        }
        Schema::Empty => {}
    }
    let random = Random::system();
    let vault =
        if place.key.exists() { Vault::from_file(&place.key)? } else { Vault::create_file(&place.key, &random)? };
    let now = Clock::system().now();
    db.migrate(now).await?;
    let currency = args.currency.map_or_else(|| Currency::parse("USD"), Ok);
    let currency = currency.map_err(|error| Error::broken(error.to_string()))?;
    let mut tx = db.write().await?;
    seed(&mut tx, currency).await?;
    instance::describe(&mut tx, args.sandbox, &instance::sealed_check(&vault, &random)?, now).await?;
    tx.commit().await?;
    Ok(report(&place, "created", currency.code(), args.sandbox))
}

fn report(place: &Place, outcome: &str, currency: &str, sandbox: bool) -> Report {
    let kind = if sandbox { "A sandbox" } else { "The database" };
    let text = match outcome {
        "created" => format!(
            "{kind} is ready: {}\nBase currency: {currency}\nKey file: {} (keep a copy apart from the backups)\n\n\
             Next: innkeeper admin create --username NAME --email ADDRESS",
            place.shown(),
            place.key.display()
        ),
        _ => format!("The database {} is set up already. Nothing was changed.", place.shown()),
    };
    let json = json!({
        "outcome": outcome,
        "database": place.shown(),
        "key_file": place.key.display().to_string(),
        "currency": currency,
        "sandbox": sandbox,
    });
    Report::new(text, json)
}

async fn already_there(db: &Db, place: &Place, known: &Instance, args: &Init) -> Result<Report> {
    if args.sandbox && !known.sandbox() {
        return Err(Error::refused(format!(
            "{} is a production database and stays one. Make a sandbox in another: --database sqlite:sandbox.db",
            place.shown()
        )));
    }
    let dealt = billing::currencies::all(&mut db.read().await?).await?;
    let base = dealt.iter().find(|dealt| dealt.is_base).map(|dealt| dealt.code.code());
    let base = base.ok_or_else(|| Error::broken("no currency is the base"))?;
    if let Some(wanted) = args.currency
        && wanted.code() != base
    {
        return Err(Error::refused(format!(
            "{} has the base currency {base}; it cannot become {wanted}.",
            place.shown()
        )));
    }
    Ok(report(place, "unchanged", base, known.sandbox()))
}

/// What a new installation has.
async fn seed(tx: &mut Tx, currency: Currency) -> Result<()> {
    accounts::roles::seed(tx, &wiring::routes().permissions()).await?;
    let code = currency.code();
    billing::currencies::add(tx, currency, sign(code), &format!(" {code}"), "1").await?;
    hosting::product_groups::seed(tx).await?;
    billing::gateways::seed(tx).await
}

/// The sign before an amount, where one is in common use.
fn sign(code: &str) -> &'static str {
    match code {
        "USD" | "AUD" | "CAD" | "NZD" | "SGD" | "HKD" | "MXN" => "$",
        "EUR" => "€",
        "GBP" => "£",
        "JPY" | "CNY" => "¥",
        "INR" => "₹",
        "BRL" => "R$",
        _ => "",
    }
}
