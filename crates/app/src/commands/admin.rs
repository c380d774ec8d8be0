use accounts::activity_log::Actor;
use accounts::admins::{self, Listed};
use accounts::passwords::{self, Kinds, Owner};
use accounts::roles;
use accounts::two_factor::{self, Person};
use kernel::{Error, Result};
use platform::{App, Conn};
use serde_json::{Value, json};

use crate::cli::{self, Common, Report};
use crate::instance;

/// Administrators, the staff who log in
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "\
Examples:
  innkeeper admin list
  innkeeper admin disable ben              ends the sessions, and lets neither ben nor ben's API credentials in
  innkeeper admin reset-link ana           ends the sessions and the old password; prints a link to a new one")]
pub enum Admin {
    Create(Create),
    /// Print every administrator
    List,
    /// Let an administrator in no more, at once
    ///
    /// Sessions and unused links end. API credentials of the administrator are refused while it is disabled; to end them
    /// for good: innkeeper api-credential revoke --admin NAME.
    Disable(Named),
    /// Let a disabled administrator in again
    Enable(Named),
    /// Print a link, good once and for three days, by which the administrator chooses a new password
    ///
    /// The old password, every session and earlier links are of no use from then on.
    ResetLink(Named),
    /// Take the second factors of an administrator away who has lost them all
    ///
    /// The app, the passkeys and the recovery codes are of no use from then on. Where the role requires a factor, a new one
    /// is set up at the next login.
    RemoveTwoFactor(Named),
}

#[derive(Debug, clap::Args)]
pub struct Named {
    /// User name of an administrator
    #[arg(value_name = "NAME")]
    username: String,
}

/// Add an administrator
///
/// Without --password-stdin it prints a link, good once and for seven days, by which the new administrator chooses a
/// password.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  innkeeper admin create --username ana --email ana@example.com
  innkeeper admin create --username ben --email ben@example.com --role \"Sales Operator\" --password-stdin <password.txt")]
pub struct Create {
    /// Letters, digits, dots, dashes and underscores
    #[arg(long, value_name = "NAME")]
    username: String,
    #[arg(long, value_name = "ADDRESS")]
    email: String,
    #[arg(long, value_name = "ROLE", default_value = roles::FULL_ADMINISTRATOR)]
    role: String,
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
}

pub async fn run(common: &Common, command: Admin) -> Result<Report> {
    if let Admin::Create(args) = command {
        return create(common, args).await;
    }
    let app = instance::open(common).await?;
    match command {
        Admin::Disable(named) => disable(&app, &named.username).await,
        Admin::Enable(named) => enable(&app, &named.username).await,
        Admin::ResetLink(named) => reset_link(&app, &named.username).await,
        Admin::RemoveTwoFactor(named) => remove_two_factor(&app, &named.username).await,
        Admin::Create(_) | Admin::List => list(&app).await,
    }
}

fn by() -> Actor {
    Actor::system("command line")
}

/// The administrator of this name.
pub async fn named(conn: &mut Conn, username: &str) -> Result<admins::Admin> {
    let found = admins::by_username(conn, username).await?;
    found.ok_or_else(|| Error::invalid("admin", format!("There is no administrator “{username}”.")))
}

async fn create(common: &Common, args: Create) -> Result<Report> {
    let password = if args.password_stdin { Some(cli::standard_input("password")?) } else { None };
    let app = instance::open(common).await?;
    let now = app.clock.now();
    let owner = Owner { kind: Kinds::Staff, known: &[&args.username, &args.email] };
    let password = match &password {
        Some(password) => Some(passwords::choose(&app, owner, password, "password").await?),
        None => None,
    };
    let is_given = password.is_some();
    let new = admins::NewAdmin { username: args.username, email: args.email, role: args.role.clone(), password };
    let mut tx = app.db.write().await?;
    let admin = admins::create(&mut tx, &by(), new, now).await?;
    let link = match is_given {
        true => None,
        false => Some(admins::make_invitation(&mut tx, admin.id, &app.random, now).await?),
    };
    let base = accounts::company::system_url(&mut tx).await?;
    tx.commit().await?;
    let link = link.map(|token| welcome(&base, &token));
    let text = match &link {
        Some(link) => format!(
            "Administrator {} ({}) created. Within seven days, choose a password here:\n{link}",
            admin.username, args.role
        ),
        None => format!("Administrator {} ({}) created.", admin.username, args.role),
    };
    let json = json!({
        "id": admin.id,
        "username": admin.username,
        "email": admin.email,
        "role": args.role,
        "link": link,
    });
    Ok(Report::new(text, json))
}

fn welcome(base: &str, token: &str) -> String {
    format!("{base}/admin/welcome/{token}")
}

async fn list(app: &App) -> Result<Report> {
    let found = admins::list(&mut app.db.read().await?, app.clock.now()).await?;
    let lines: Vec<String> = found.iter().map(line).collect();
    let json: Value = found.iter().map(|admin| json!(admin)).collect();
    Ok(Report::new(lines.join("\n"), json))
}

fn line(admin: &Listed) -> String {
    let last = admin.last_login_at.map_or_else(|| "never logged in".to_owned(), |at| format!("last logged in {at}"));
    let state = if admin.disabled { "  DISABLED" } else { "" };
    format!(
        "{:<20} {:<22} {:<30} {last}; sessions: {}, API credentials: {}{state}",
        admin.username, admin.role, admin.email, admin.sessions, admin.credentials
    )
}

/// How many API credentials of an administrator are not revoked.
async fn credentials(app: &App, conn: &mut Conn, id: i64) -> Result<i64> {
    let found = admins::list(conn, app.clock.now()).await?.into_iter().find(|admin| admin.id == id);
    Ok(found.map_or(0, |admin| admin.credentials))
}

async fn disable(app: &App, username: &str) -> Result<Report> {
    let mut tx = app.db.write().await?;
    let before = named(&mut tx, username).await?;
    let admin = admins::disable(&mut tx, &by(), before.id, app.clock.now()).await?;
    let held = credentials(app, &mut tx, admin.id).await?;
    tx.commit().await?;
    let text = match (before.disabled, held) {
        (true, _) => format!("{} was disabled already.", admin.username),
        (false, 0) => format!("{} is disabled and logged out.", admin.username),
        (false, held) => format!(
            "{} is disabled and logged out. API credentials that are refused meanwhile: {held}. To end them for good: \
             innkeeper api-credential revoke --admin {}",
            admin.username, admin.username
        ),
    };
    Ok(Report::new(text, json!({ "username": admin.username, "disabled": true, "credentials": held })))
}

async fn enable(app: &App, username: &str) -> Result<Report> {
    let mut tx = app.db.write().await?;
    let before = named(&mut tx, username).await?;
    let admin = admins::enable(&mut tx, &by(), before.id, app.clock.now()).await?;
    let held = credentials(app, &mut tx, admin.id).await?;
    tx.commit().await?;
    let text = match (before.disabled, held) {
        (false, _) => format!("{} was enabled already.", admin.username),
        (true, 0) => format!("{} may log in again.", admin.username),
        (true, held) => format!("{} may log in again. API credentials that work again: {held}.", admin.username),
    };
    Ok(Report::new(text, json!({ "username": admin.username, "disabled": false, "credentials": held })))
}

async fn reset_link(app: &App, username: &str) -> Result<Report> {
    let mut tx = app.db.write().await?;
    let admin = named(&mut tx, username).await?;
    let token = admins::reset(&mut tx, &by(), admin.id, &app.random, app.clock.now()).await?;
    let link = welcome(&accounts::company::system_url(&mut tx).await?, &token);
    tx.commit().await?;
    let text = format!(
        "{} is logged out, and the old password is of no use. Within three days, a new one is chosen here:\n{link}",
        admin.username
    );
    Ok(Report::new(text, json!({ "username": admin.username, "link": link })))
}

async fn remove_two_factor(app: &App, username: &str) -> Result<Report> {
    let mut tx = app.db.write().await?;
    let admin = named(&mut tx, username).await?;
    let removed = two_factor::remove_all(&mut tx, &by(), Person::Staff(admin.id), app.clock.now()).await?;
    tx.commit().await?;
    let text = match removed {
        true => format!("The second factors of {} are removed.", admin.username),
        false => format!("{} has no second factor.", admin.username),
    };
    Ok(Report::new(text, json!({ "username": admin.username, "removed": removed })))
}
