use accounts::activity_log::Actor;
use accounts::api_credentials::{self, Listed};
use kernel::Result;
use platform::App;
use serde_json::{Value, json};

use super::admin::named;
use crate::cli::{Common, Report};
use crate::instance;

/// Credentials for programs that use the API
#[derive(Debug, clap::Subcommand)]
pub enum ApiCredential {
    Create(Create),
    /// Print every credential, without the secrets, which nobody knows
    List,
    Revoke(Revoke),
}

/// Make an identifier and a secret that may do what the administrator may
///
/// They are printed once, as JSON; only a hash of the secret is stored. Use them as HTTP Basic user name and password at
/// /api/v1, or as `identifier` and `secret` at /includes/api.php. The administrator's role needs “API Access”.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  innkeeper api-credential create --admin ana >credential.json")]
pub struct Create {
    /// User name of an administrator
    #[arg(long, value_name = "NAME")]
    admin: String,
}

/// Make a credential useless, at once and for ever
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  innkeeper api-credential revoke 0123456789abcdef0123456789abcdef
  innkeeper api-credential revoke --admin ana            all that ana has")]
#[group(required = true, multiple = false)]
pub struct Revoke {
    /// The identifier, as list prints it
    identifier: Option<String>,
    /// Every credential of this administrator
    #[arg(long, value_name = "NAME")]
    admin: Option<String>,
}

pub async fn run(common: &Common, command: ApiCredential) -> Result<Report> {
    let app = instance::open(common).await?;
    match command {
        ApiCredential::Create(args) => create(&app, &args.admin).await,
        ApiCredential::List => list(&app).await,
        ApiCredential::Revoke(args) => revoke(&app, args).await,
    }
}

fn by() -> Actor {
    Actor::system("command line")
}

async fn create(app: &App, username: &str) -> Result<Report> {
    let mut tx = app.db.write().await?;
    let admin = named(&mut tx, username).await?;
    let made = api_credentials::create(&mut tx, &by(), admin.id, &app.random, app.clock.now()).await?;
    tx.commit().await?;
    Ok(Report::json(json!({ "identifier": made.identifier, "secret": made.secret })))
}

async fn list(app: &App) -> Result<Report> {
    let found = api_credentials::list(&mut app.db.read().await?).await?;
    let lines: Vec<String> = found.iter().map(line).collect();
    let json: Value = found.iter().map(|credential| json!(credential)).collect();
    Ok(Report::new(lines.join("\n"), json))
}

fn line(credential: &Listed) -> String {
    let state = match credential.revoked_at {
        Some(at) => format!("revoked {at}"),
        None if credential.admin_disabled => "refused: the administrator is disabled".to_owned(),
        None => "good".to_owned(),
    };
    format!("{}  {:<20} made {}  {state}", credential.identifier, credential.admin, credential.created_at)
}

async fn revoke(app: &App, args: Revoke) -> Result<Report> {
    let now = app.clock.now();
    let mut tx = app.db.write().await?;
    let identifiers = match (args.identifier, args.admin) {
        (Some(identifier), _) => vec![identifier],
        (None, name) => {
            let id = named(&mut tx, &name.unwrap_or_default()).await?.id;
            let all = api_credentials::list(&mut tx).await?;
            let good = all.into_iter().filter(|known| known.admin_id == id && known.revoked_at.is_none());
            good.map(|known| known.identifier).collect()
        }
    };
    for identifier in &identifiers {
        api_credentials::revoke(&mut tx, &by(), identifier, now).await?;
    }
    tx.commit().await?;
    let text = match &*identifiers {
        [] => "There was none to revoke.".to_owned(),
        [one] => format!("{one} is revoked."),
        many => format!("{} credentials are revoked.", many.len()),
    };
    Ok(Report::new(text, json!({ "revoked": identifiers })))
}
