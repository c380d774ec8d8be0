//! `innkeeper demo`: a believable hosting company with a year behind it, in a sandbox of its own. Everything in it came
//! into being through the same rules that real books are kept by, on a clock that was moved week by week.

mod catalogue;
mod desk;
mod history;
mod people;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use accounts::activity_log::Actor;
use accounts::{admins, company, passwords, roles};
use billing::captures;
use billing::generation::{self, Detail, Mode, Scope};
use billing::terms::Terms;
use kernel::{Error, Result, Timestamp};
use platform::runs::Progress;
use platform::{App, Tx};
use tokio::net::TcpListener;

use crate::cli::{self, Common, Report};
use crate::commands::{init, serve};
use crate::instance::{self, Migrations};

/// Show Innkeeper at work: a hosting company with 200 clients, today's invoices and card payments
///
/// Makes a sandbox in the data folder (demo/innkeeper.db), tells what happened, and serves the admin area. Started again
/// it goes on from the same data. Nothing leaves this machine: no money moves and no mail is sent.
#[derive(Debug, clap::Args)]
pub struct Demo {
    /// Address and port; when the port is taken, a free one is used
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Prepare the data and tell what happened, but do not serve
    #[arg(long)]
    no_serve: bool,
}

/// Chance that is the same every time.
pub struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        // SplitMix64: small, and good enough to choose names.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap_or_default()
    }

    pub fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    pub fn pick(&mut self, from: &[&'static str]) -> &'static str {
        from[self.below(from.len())]
    }

    pub fn pick_of<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// An index, by weights.
    pub fn weighted(&mut self, weights: &[usize]) -> usize {
        let mut left = self.below(weights.iter().sum());
        for (index, weight) in weights.iter().enumerate() {
            if left < *weight {
                return index;
            }
            left -= weight;
        }
        0
    }
}

const PASSWORD: &str = "demo_password";
const READY: &str = "demo_ready";
const BEGUN: &str = "demo_begun";
const USERNAME: &str = "demo";

pub async fn run(common: &Common, args: Demo) -> Result<Report> {
    let common = Common { data: common.data.join("demo"), database: None, key_file: None, ..common.clone() };
    init::run(&common, init::Init::sandbox()).await?;
    let app = instance::open_with(&common, Migrations::Apply, None, platform::context::Extensions::default()).await?;
    let mut lines = Vec::new();
    if !is_ready(&app).await? {
        if !common.json {
            cli::say("Building a hosting company with a year behind it. This takes a moment.");
        }
        let started = clock();
        if !mark(&app, BEGUN).await? {
            return Err(Error::refused(format!(
                "The demonstration in {0} was not finished: it is being made at this moment, or was broken off. When nothing \
                 is at work on it, delete the folder {0} and start again.",
                common.data.display()
            )));
        }
        history::build(&app).await?;
        lines.push(Line::new("A year of history", started.elapsed(), history::told(&app).await?));
        mark(&app, READY).await?;
    }
    let password = login(&app).await?;
    lines.extend(today(&app).await?);
    let mut json = serde_json::json!({ "username": USERNAME, "password": password });
    json["steps"] = lines.iter().map(Line::json).collect();
    let text = format!("{}\n\nLog in as {USERNAME} with the password {password}", table(&lines));
    if args.no_serve {
        return Ok(Report::new(text, json));
    }
    if !common.json {
        cli::say(&text);
    }
    let listen = free(args.listen).await?;
    let mut tx = app.db.write().await?;
    link_to(&mut tx, listen, app.clock.now()).await?;
    tx.commit().await?;
    serve::on(app, listen, serve::Worker::Here, |address| {
        if !common.json {
            return serve::spoken(address, true);
        }
        json["admin"] = address.into();
        json.to_string()
    })
    .await
}

/// The address if nobody has it, or one beside it.
async fn free(wanted: SocketAddr) -> Result<SocketAddr> {
    let bound = match TcpListener::bind(wanted).await {
        Ok(bound) => bound,
        Err(_) => TcpListener::bind(SocketAddr::new(wanted.ip(), 0))
            .await
            .map_err(|error| Error::refused(format!("Nothing can be served on {}: {error}", wanted.ip())))?,
    };
    Ok(bound.local_addr().unwrap_or(wanted))
}

/// Links that are sent to clients lead to this start, unless somebody has chosen an address.
async fn link_to(tx: &mut Tx, served: SocketAddr, now: Timestamp) -> Result<()> {
    let local = ["http://localhost", "http://127.0.0.1", "http://[::1]"];
    let stored = company::system_url(tx).await?;
    if !local.iter().any(|local| stored.starts_with(local)) {
        return Ok(());
    }
    let host = if served.ip().is_unspecified() { "localhost".to_owned() } else { host_of(served) };
    platform::settings::set(tx, &company::SYSTEM_URL, &format!("http://{host}:{}", served.port()), now).await
}

fn host_of(served: SocketAddr) -> String {
    match served {
        SocketAddr::V4(served) => served.ip().to_string(),
        SocketAddr::V6(served) => format!("[{}]", served.ip()),
    }
}

/// The demonstration measures how long its steps take; nothing in the books depends on it.
fn clock() -> Instant {
    Instant::now()
}

struct Line {
    what: &'static str,
    took: Duration,
    result: String,
}

impl Line {
    fn new(what: &'static str, took: Duration, result: String) -> Line {
        Line { what, took, result }
    }

    fn json(&self) -> serde_json::Value {
        serde_json::json!({ "what": self.what, "seconds": self.took.as_secs_f64(), "result": self.result })
    }
}

fn table(lines: &[Line]) -> String {
    let rows: Vec<String> = lines
        .iter()
        .map(|line| format!("{:<24}{:>9.2} s   {}", line.what, line.took.as_secs_f64(), line.result))
        .collect();
    format!("\n{}", rows.join("\n"))
}

/// Today's batch, as the schedule would run it.
async fn today(app: &App) -> Result<Vec<Line>> {
    let by = Actor::system("Demo");
    let terms = Terms::load(&mut app.db.read().await?, app.clock.now()).await?;
    let started = clock();
    let scope = Scope::default();
    let made = generation::run(&app.db, &by, &terms, &scope, Mode::Real, Detail::Counts, &Progress::default()).await?;
    let totals: Vec<String> = made.totals.iter().map(ToString::to_string).collect();
    let result = format!(
        "{} invoices for {} clients: {}",
        made.invoices,
        made.billed,
        either(&totals.join(" + "), "nothing new is due")
    );
    let generated = Line::new("Generate due invoices", started.elapsed(), result);

    let started = clock();
    let report = captures::run(app, &by, &terms, &Progress::default()).await?;
    let collected: Vec<String> = report.collected.iter().map(ToString::to_string).collect();
    let result = format!(
        "{} due: {} paid, {} declined, {} to be authenticated, {} timed out; {} collected",
        report.due,
        report.succeeded,
        report.declined,
        report.action_required,
        report.unknown,
        either(&collected.join(" + "), "nothing")
    );
    let captured = Line::new("Attempt CC captures", started.elapsed(), result);

    let started = clock();
    let findings = crate::wiring::doctor(&mut app.db.read().await?).await?;
    let verdict = match findings.first() {
        None => format!("{} checks of the books, all sound", crate::wiring::doctor_checks().len()),
        Some(finding) => return Err(Error::broken(format!("{}: {}", finding.check, finding.detail))),
    };
    Ok(vec![generated, captured, Line::new("Doctor", started.elapsed(), verdict)])
}

fn either<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}

async fn is_ready(app: &App) -> Result<bool> {
    Ok(instance::noted(&mut app.db.read().await?, READY).await?.is_some())
}

/// Whether that was not so before.
async fn mark(app: &App, what: &str) -> Result<bool> {
    let mut tx = app.db.write().await?;
    let marked = instance::note(&mut tx, what, "true").await?;
    tx.commit().await?;
    Ok(marked)
}

/// The login, made at the first start. Its password is kept readable: there is nothing in a demonstration to protect,
/// and the second start must be able to print it.
async fn login(app: &App) -> Result<String> {
    let mut tx = app.db.write().await?;
    if let Some(password) = instance::noted(&mut tx, PASSWORD).await? {
        return Ok(password);
    }
    let password = app.random.token()[..12].to_owned();
    let new = admins::NewAdmin {
        username: USERNAME.to_owned(),
        email: "demo@example.com".to_owned(),
        role: roles::FULL_ADMINISTRATOR.to_owned(),
        password: Some(passwords::hash(&password).await?),
    };
    admins::create(&mut tx, &Actor::system("Demo"), new, app.clock.now()).await?;
    instance::note(&mut tx, PASSWORD, &password).await?;
    tx.commit().await?;
    Ok(password)
}
