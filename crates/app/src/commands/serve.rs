use std::net::SocketAddr;
use std::time::Duration;

use accounts::banned_ips::InForce;
use kernel::{Error, Result, Timestamp};
use platform::App;
use platform::context::Extensions;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::cli::{self, Common, Report};
use crate::instance::{self, Migrations};
use crate::{listening, wiring};

/// Serve the admin area and the APIs, and work in the background
///
/// SIGTERM or Ctrl-C finishes the requests and the jobs in hand and ends; a second one ends at once. On PostgreSQL,
/// several of these share the work.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  innkeeper serve
  innkeeper serve --listen 0.0.0.0:8080 --log json       behind a proxy that speaks TLS
  innkeeper serve --clock 2026-03-01T09:00:00Z           a sandbox whose time begins there")]
pub struct Serve {
    /// Address and port; port 0 takes a free one
    #[arg(long, env = "INNKEEPER_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Let time begin at this instant (RFC 3339) and run on; sandbox only
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    clock: Option<Timestamp>,
    /// Answer requests only; another `serve` does the jobs
    #[arg(long)]
    no_worker: bool,
}

fn instant(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).map_err(|error| error.to_string())
}

/// How long requests in hand may take once the server is told to end. A client that stops in the middle of sending must
/// not keep it alive.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often the calendar is looked at.
const TICK: Duration = Duration::from_secs(15);

pub async fn run(common: &Common, args: Serve) -> Result<Report> {
    let mut extensions = Extensions::default();
    if let Some(metrics) = platform::web::health::install_metrics() {
        extensions.add(metrics);
    }
    let app = instance::open_with(common, Migrations::Apply, args.clock, extensions).await?;
    let worker = if args.no_worker { Worker::Elsewhere } else { Worker::Here };
    let (json, sandbox) = (common.json, app.sandbox);
    on(app, args.listen, worker, |address| match json {
        true => serde_json::json!({ "admin": address, "sandbox": sandbox }).to_string(),
        false => spoken(address, sandbox),
    })
    .await
}

/// The line that people read, and that scripts wait for.
pub fn spoken(address: &str, sandbox: bool) -> String {
    let sandbox = if sandbox { " (sandbox)" } else { "" };
    format!("Innkeeper serves {address}{sandbox}")
}

/// Who does the jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worker {
    Here,
    Elsewhere,
}

/// Serves until a signal says to stop. What `announce` makes of the admin area's address is said once it can be reached.
pub async fn on(app: App, listen: SocketAddr, worker: Worker, announce: impl FnOnce(&str) -> String) -> Result<Report> {
    let routes = wiring::routes();
    // A new version may bring permissions that the full administrator does not have yet.
    let mut tx = app.db.write().await?;
    accounts::roles::seed(&mut tx, &routes.permissions()).await?;
    tx.commit().await?;

    let listener = tokio::net::TcpListener::bind(listen)
        .await
        .map_err(|error| Error::refused(format!("Nothing can be served on {listen}: {error}")))?;
    let address = listener.local_addr().unwrap_or(listen);
    let (stop, stopped) = watch::channel(false);
    let mut background = tokio::task::JoinSet::new();
    if worker == Worker::Here {
        background.spawn(platform::jobs::work(app.clone(), stopped.clone()));
        background.spawn(watch_calendar(app.clone(), stopped.clone()));
    } else {
        background.spawn(watch_settings(app.clone(), stopped.clone()));
    }
    // Before the first request.
    app.get::<InForce>()?.refresh(&app).await?;
    background.spawn(accounts::banned_ips::watch(app.clone(), stopped.clone()));
    let mut signals = Signals::listen()?;
    tokio::spawn(async move {
        signals.wait().await;
        tracing::info!("stopping: finishing what is in hand");
        let _ = stop.send(true);
        signals.wait().await;
        tracing::warn!("stopped at once, on a second signal");
        std::process::exit(1);
    });
    cli::say(&announce(&format!("http://{address}/admin")));
    let service = accounts::doors::service(app, routes);
    let (mut until, mut since) = (stopped.clone(), stopped);
    let serving = listening::serve(listener, service, listening::LIMITS, async move {
        let _ = until.wait_for(|stop| *stop).await;
    });
    let patience = async {
        let _ = since.wait_for(|stop| *stop).await;
        tokio::time::sleep(PATIENCE).await;
    };
    tokio::select! {
        () = serving => {}
        () = patience => tracing::warn!("some requests did not end and were given up"),
    }
    while background.join_next().await.is_some() {}
    tracing::info!("stopped");
    Ok(Report::said())
}

async fn watch_calendar(app: App, mut stop: watch::Receiver<bool>) {
    loop {
        if let Err(error) = wiring::tick(&app).await {
            tracing::error!(%error, "the calendar could not be followed");
        }
        tokio::select! {
            () = tokio::time::sleep(TICK) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// A node that does no jobs must hear of changed settings all the same.
async fn watch_settings(app: App, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(TICK) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        if let Err(error) = wiring::refresh(&app).await {
            tracing::error!(%error, "the settings could not be read");
        }
    }
}

struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn listen() -> Result<Signals> {
        let listen = || -> std::io::Result<Signals> {
            Ok(Signals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
        };
        listen().map_err(|error| Error::broken(format!("signals cannot be listened to: {error}")))
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
