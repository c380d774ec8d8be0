//! The command line: a stable contract. 0 done · 1 refused or failed · 2 wrong usage.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use kernel::{Error, Result};
use serde_json::{Value, json};

use crate::commands::{
    admin, api_credential, backup, banned_ip, doctor, gateway, init, invoices, payments, serve, setting, tld,
};
use crate::logging::LogFormat;

/// Billing and automation for web hosts.
#[derive(Debug, Parser)]
#[command(
    name = "innkeeper",
    version,
    arg_required_else_help = true,
    subcommand_required = true,
    after_help = "\
Start here:
  innkeeper init --currency EUR                      make a database in this folder
  innkeeper admin create --username ana --email ana@example.com
  innkeeper serve                                    then open http://127.0.0.1:8080/admin

Exit codes: 0 done, 1 refused or failed (the reason is on standard error), 2 wrong usage. With --json standard output is
one JSON document either way."
)]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

/// What every command understands.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Folder for the database and its key, unless they are named
    #[arg(long, global = true, env = "INNKEEPER_DATA", value_name = "DIR", default_value = ".")]
    pub data: PathBuf,
    /// sqlite:PATH or postgres://USER@HOST/NAME [default: sqlite:innkeeper.db in the data folder]
    #[arg(long, global = true, env = "INNKEEPER_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database: Option<String>,
    /// The key that encrypts secrets [default: beside the database]
    #[arg(long, global = true, env = "INNKEEPER_KEY_FILE", value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// List of leaked passwords that nobody may choose, such as Pwned Passwords ordered by hash
    ///
    /// A line for each: the SHA-1 in hexadecimal digits, a colon, a number. It is searched where it lies; it stays on the
    /// disk and nothing leaves the machine.
    #[arg(long, global = true, env = "INNKEEPER_BREACHED_PASSWORDS", value_name = "FILE")]
    pub breached_passwords: Option<PathBuf>,
    /// Report as JSON on standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// How the log on standard error is written
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub log: LogFormat,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Init(init::Init),
    Serve(serve::Serve),
    #[command(subcommand)]
    Admin(admin::Admin),
    #[command(subcommand)]
    ApiCredential(api_credential::ApiCredential),
    #[command(subcommand)]
    BannedIp(banned_ip::BannedIp),
    #[command(subcommand)]
    Tld(tld::Tld),
    #[command(subcommand)]
    Setting(setting::Command),
    #[command(subcommand)]
    Gateway(gateway::Gateway),
    #[command(subcommand)]
    Invoices(invoices::Invoices),
    #[command(subcommand)]
    Payments(payments::Payments),
    Doctor(doctor::Doctor),
    Demo(crate::demo::Demo),
    Backup(backup::Backup),
    Restore(backup::Restore),
}

/// What a command has to say, for people and for programs.
#[derive(Debug)]
pub struct Report {
    pub text: String,
    pub json: Value,
    /// Not everything went well: the report says what, and the exit code is 1.
    pub failed: bool,
}

impl Report {
    pub fn new(text: impl Into<String>, json: Value) -> Report {
        Report { text: text.into(), json, failed: false }
    }

    /// Ends with exit code 1 when `failed`, and reports all the same.
    pub fn failing(self, failed: bool) -> Report {
        Report { failed, ..self }
    }

    /// Everything was said before the command ended.
    pub fn said() -> Report {
        Report::new("", Value::Null)
    }

    /// The same JSON for people and for programs.
    pub fn json(json: Value) -> Report {
        Report::new(json.to_string(), json)
    }
}

pub async fn run(cli: Cli) -> ExitCode {
    let common = cli.common;
    let outcome = match cli.command {
        Command::Init(command) => init::run(&common, command).await,
        Command::Serve(command) => serve::run(&common, command).await,
        Command::Admin(command) => admin::run(&common, command).await,
        Command::ApiCredential(command) => api_credential::run(&common, command).await,
        Command::BannedIp(command) => banned_ip::run(&common, command).await,
        Command::Tld(command) => tld::run(&common, command).await,
        Command::Setting(command) => setting::run(&common, command).await,
        Command::Gateway(command) => gateway::run(&common, command).await,
        Command::Invoices(command) => invoices::run(&common, command).await,
        Command::Payments(command) => payments::run(&common, command).await,
        Command::Doctor(command) => doctor::run(&common, command).await,
        Command::Demo(command) => crate::demo::run(&common, command).await,
        Command::Backup(command) => backup::run(&common, command).await,
        Command::Restore(command) => backup::restore(&common, command).await,
    };
    match outcome {
        Ok(report) => {
            match report.json {
                json if common.json && !json.is_null() => say(&json.to_string()),
                _ if common.json => {}
                _ => say(&report.text),
            }
            if report.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        Err(error) if common.json => {
            say(&problem(&error).to_string());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("innkeeper: {}", words(&error));
            ExitCode::FAILURE
        }
    }
}

/// Understands the arguments, or ends: with help, or with what is wrong with them.
pub fn parse() -> Result<Cli, ExitCode> {
    Cli::try_parse().map_err(|error| {
        if !error.use_stderr() {
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        if std::env::args().any(|argument| argument == "--json") {
            let text = error.to_string();
            say(&json!({ "error": text.trim_start_matches("error: ").trim_end() }).to_string());
        } else {
            let _ = error.print();
        }
        ExitCode::from(2)
    })
}

/// Writes a line to standard output. A reader that has gone (`| head`) is no failure of ours.
pub fn say(text: &str) {
    let text = text.trim_end();
    if !text.is_empty() {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{text}");
        let _ = out.flush();
    }
}

/// A line for each field that is wrong, or the reason as it is.
fn words(error: &Error) -> String {
    match error {
        Error::Invalid(fields) => {
            let lines: Vec<String> = fields.iter().map(|(field, message)| format!("{field}: {message}")).collect();
            lines.join("\n           ")
        }
        other => other.to_string(),
    }
}

fn problem(error: &Error) -> Value {
    match error {
        Error::Invalid(fields) => {
            let errors: Vec<Value> =
                fields.iter().map(|(field, message)| json!({ "field": field, "message": message })).collect();
            json!({ "error": words(error), "errors": errors })
        }
        other => json!({ "error": other.to_string() }),
    }
}

/// All of standard input, without the line's end.
pub fn standard_input(what: &str) -> Result<String> {
    match std::io::read_to_string(std::io::stdin()) {
        Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
        Err(error) => Err(Error::refused(format!("The {what} cannot be read from standard input: {error}"))),
    }
}
