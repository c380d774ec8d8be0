use std::io::BufRead;

use accounts::activity_log::Actor;
use billing::gateways::{self, Configure};
use kernel::{Error, Result};
use serde_json::json;

use crate::cli::{Common, Report};
use crate::instance;

/// Payment gateways
#[derive(Debug, clap::Subcommand)]
pub enum Gateway {
    Configure(Args),
}

/// Set a gateway up and switch it on
///
/// Secrets are read from standard input, one a line in the order of the --secret flags, so that they stand in no
/// process list and no shell history; they are stored encrypted and never shown again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  innkeeper gateway configure stripe --secret secret_key --secret webhook_secret <keys.txt
  innkeeper gateway configure banktransfer --set payable_to='Harbour Ltd' --set account='GB33 BUKB …'")]
pub struct Args {
    /// stripe, banktransfer, mailin …
    name: String,
    /// An open field and its value
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
    /// A secret field, read from standard input
    #[arg(long = "secret", value_name = "KEY")]
    secrets: Vec<String>,
    /// Switch it off
    #[arg(long)]
    off: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE".to_owned()),
    }
}

pub async fn run(common: &Common, command: Gateway) -> Result<Report> {
    let Gateway::Configure(args) = command;
    let app = instance::open(common).await?;
    let mut lines = std::io::stdin().lock().lines();
    let mut secrets = Vec::with_capacity(args.secrets.len());
    for key in &args.secrets {
        match lines.next() {
            Some(Ok(line)) => secrets.push((key.clone(), line)),
            _ => return Err(Error::invalid(key.as_str(), "Standard input has no line for this secret.")),
        }
    }
    let by = Actor::system("command line");
    let new = Configure { display_name: None, active: Some(!args.off), values: args.set, secrets };
    let mut tx = app.db.write().await?;
    gateways::configure(&mut tx, &app, &by, &args.name, new, app.clock.now()).await?;
    tx.commit().await?;
    let state = if args.off { "off" } else { "on" };
    Ok(Report::new(
        format!("{} is set up and switched {state}.", args.name),
        json!({ "gateway": args.name, "active": !args.off }),
    ))
}
