use std::io::BufRead;

use accounts::activity_log::Actor;
use billing::gateways::{self, Configure};
use kernel::{Error, Result};
use serde_json::json;

use crate::cli::{Common, Report};
use crate::instance;

/// Payment gateways
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    Configure(Args),
}

/// Set a payment gateway up and switch it on
///
/// What is not named stays as it is. Secrets are read from standard input, a line for each --secret in their order, and
/// stored encrypted.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  printf '%s\\n' \"$STRIPE_KEY\" \"$STRIPE_WEBHOOK\" |
    innkeeper gateway configure stripe --secret secret_key --secret webhook_secret
  innkeeper gateway configure banktransfer --set instructions='IBAN DE00 …'
  innkeeper gateway configure mailin --off")]
pub struct Args {
    /// stripe, banktransfer, mailin; in a sandbox also sandbox
    name: String,
    /// An open field and its value
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    values: Vec<(String, String)>,
    /// A secret field whose value is a line of standard input
    #[arg(long = "secret", value_name = "KEY")]
    secrets: Vec<String>,
    /// What clients read
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// Switch it off
    #[arg(long)]
    off: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE".to_owned()),
    }
}

pub async fn run(common: &Common, command: Command) -> Result<Report> {
    let Command::Configure(args) = command;
    let app = instance::open(common).await?;
    let new = Configure {
        display_name: args.display_name,
        active: Some(!args.off),
        values: args.values,
        secrets: read_secrets(args.secrets)?,
    };
    let fields: Vec<String> = new.values.iter().chain(&new.secrets).map(|(key, _)| key.clone()).collect();
    let mut tx = app.db.write().await?;
    let now = app.clock.now();
    gateways::configure(&mut tx, &app, &Actor::system("command line"), &args.name, new, now).await?;
    tx.commit().await?;
    let state = if args.off { "off" } else { "on" };
    let text = match fields.as_slice() {
        [] => format!("{} is {state}.", args.name),
        some => format!("{} is {state}; set: {}.", args.name, some.join(", ")),
    };
    Ok(Report::new(text, json!({ "gateway": args.name, "active": !args.off, "set": fields })))
}

fn read_secrets(keys: Vec<String>) -> Result<Vec<(String, String)>> {
    let mut lines = std::io::stdin().lock().lines();
    keys.into_iter()
        .map(|key| match lines.next() {
            Some(Ok(line)) => Ok((key, line)),
            Some(Err(error)) => Err(Error::refused(format!("Standard input cannot be read: {error}"))),
            None => Err(Error::invalid(key, "Standard input has no line for this secret.")),
        })
        .collect()
}
