use accounts::activity_log::Actor;
use accounts::banned_ips::{self, Ban, NewBan, OwnAddress};
use kernel::{Network, Result};
use platform::App;
use serde_json::{Value, json};

use crate::cli::{Common, Report};
use crate::instance;

/// Addresses and networks from which nothing is answered
#[derive(Debug, clap::Subcommand)]
pub enum BannedIp {
    Add(Add),
    /// Print every ban in force
    List,
    Lift(Lift),
}

/// Ban an address or a network, at once and at every door
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  innkeeper banned-ip add 192.0.2.1 --reason \"Guesses passwords\" --days 7
  innkeeper banned-ip add 10.1.0.0/16 --reason \"Not ours\"                    for good")]
pub struct Add {
    /// 192.0.2.1, 10.1.0.0/16, 10.1.*.* or 2001:db8::/32
    #[arg(value_parser = banned_ips::network)]
    network: Network,
    /// Why; whoever is banned is shown it
    #[arg(long)]
    reason: String,
    /// For so many days; without it for good
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..=36_500))]
    days: Option<i64>,
}

/// Answer a banned address or network again; the way out for whoever is shut out
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  innkeeper banned-ip lift 192.0.2.1")]
pub struct Lift {
    /// As list prints it
    #[arg(value_parser = banned_ips::network)]
    network: Network,
}

pub async fn run(common: &Common, command: BannedIp) -> Result<Report> {
    let app = instance::open(common).await?;
    match command {
        BannedIp::Add(args) => add(&app, args).await,
        BannedIp::List => list(&app).await,
        BannedIp::Lift(args) => lift(&app, &args.network).await,
    }
}

fn by() -> Actor {
    Actor::system("command line")
}

async fn add(app: &App, args: Add) -> Result<Report> {
    let now = app.clock.now();
    let expires_at = args.days.map(|days| now.plus_seconds(days * 86_400));
    let new = NewBan { network: args.network, reason: args.reason, expires_at };
    let mut tx = app.db.write().await?;
    let ban = banned_ips::ban(&mut tx, &by(), new, OwnAddress::Refuse, now).await?;
    tx.commit().await?;
    Ok(Report::new(line(&ban), json!(ban)))
}

async fn list(app: &App) -> Result<Report> {
    let bans = banned_ips::in_force(&mut app.db.read().await?, app.clock.now()).await?;
    let lines: Vec<String> = bans.iter().map(line).collect();
    let json: Value = bans.iter().map(|ban| json!(ban)).collect();
    Ok(Report::new(lines.join("\n"), json))
}

fn line(ban: &Ban) -> String {
    let until = ban.expires_at.map_or_else(|| "for good".to_owned(), |at| format!("until {at}"));
    format!("{:<20} {until:<26} {}  ({})", ban.network, ban.reason, ban.set_by)
}

async fn lift(app: &App, network: &Network) -> Result<Report> {
    let mut tx = app.db.write().await?;
    let ban = banned_ips::lift_network(&mut tx, &by(), network, app.clock.now()).await?;
    tx.commit().await?;
    Ok(Report::new(format!("{} is not banned any more.", ban.network), json!({ "lifted": ban.network })))
}
