use accounts::activity_log::Actor;
use accounts::{admins, roles};
use kernel::Result;
use serde_json::json;

use crate::cli::{self, Common, Report};
use crate::{instance, wiring};

/// Administrators, the staff who log in
#[derive(Debug, clap::Subcommand)]
pub enum Admin {
    Create(Create),
}

/// Add an administrator
///
/// Without --password-stdin it prints a link, good once and for three days, by which the new administrator chooses a
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
    match command {
        Admin::Create(args) => create(common, args).await,
    }
}

async fn create(common: &Common, args: Create) -> Result<Report> {
    let password = if args.password_stdin { Some(cli::standard_input("password")?) } else { None };
    let app = instance::open(common).await?;
    let now = app.clock.now();
    let new = admins::NewAdmin {
        username: args.username,
        email: args.email,
        role: args.role.clone(),
        password: password.clone(),
    };
    let mut tx = app.db.write().await?;
    let admin = admins::create(&mut tx, &Actor::system("command line"), new, now).await?;
    let link = match password {
        Some(_) => None,
        None => Some(admins::make_link(&mut tx, admin.id, &app.random, now).await?),
    };
    let base = wiring::system_url(&app, &mut tx).await?;
    tx.commit().await?;
    let link = link.map(|token| format!("{base}/admin/welcome/{token}"));
    let text = match &link {
        Some(link) => format!(
            "Administrator {} ({}) created. Within three days, choose a password here:\n{link}",
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
