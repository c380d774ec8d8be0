use accounts::activity_log::Actor;
use accounts::{admins, api_credentials};
use kernel::{Error, Result};
use serde_json::json;

use crate::cli::{Common, Report};
use crate::instance;

/// Credentials for programs that use the API
#[derive(Debug, clap::Subcommand)]
pub enum ApiCredential {
    Create(Create),
}

/// Make an identifier and a secret that may do what the administrator may
///
/// They are printed once, as JSON; only a hash of the secret is stored. Use them as HTTP Basic user name and password at
/// /api/v1, or as `identifier` and `secret` at /includes/api.php.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  innkeeper api-credential create --admin ana >credential.json")]
pub struct Create {
    /// User name of an administrator
    #[arg(long, value_name = "NAME")]
    admin: String,
}

pub async fn run(common: &Common, command: ApiCredential) -> Result<Report> {
    let ApiCredential::Create(args) = command;
    let app = instance::open(common).await?;
    let mut tx = app.db.write().await?;
    let admin = admins::by_username(&mut tx, &args.admin)
        .await?
        .ok_or_else(|| Error::invalid("admin", format!("There is no administrator “{}”.", args.admin)))?;
    if admin.disabled {
        return Err(Error::refused(format!("The administrator {} is disabled.", admin.username)));
    }
    let by = Actor::system("command line");
    let made = api_credentials::create(&mut tx, &by, admin.id, &app.random, app.clock.now()).await?;
    tx.commit().await?;
    Ok(Report::json(json!({ "identifier": made.identifier, "secret": made.secret })))
}
