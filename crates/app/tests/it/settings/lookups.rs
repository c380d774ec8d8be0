//! What the settings of look-ups change: a registry that speaks RDAP and one that speaks WHOIS see it.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use domains::lookups::{self, Freshness, Wire};
use innkeeper::wiring;
use kernel::DomainName;
use platform::context::Extensions;
use platform::{App, Parts};
use testkit::{rdap, whois};

use super::World;
use super::effects::{by, next};

/// The same installation with these registries, both for `.test`.
fn with_registries(app: &App, rdap: &rdap::Rdap, whois: &whois::Whois) -> App {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let bootstrap = names::rdap::Bootstrap::parse(&rdap.bootstrap(&["test"])).unwrap();
    let table = format!("test\t{}\t{{}}\tNo match for \"{{}}\"\n", whois.address());
    let table = names::whois::Table::parse(&table).unwrap();
    let reach = names::reach::Reach::Anywhere;
    let wire = Wire::with(reqwest::Client::builder, reach, bootstrap, table, "http://127.0.0.1:1/", None).unwrap();
    let mut extensions = Extensions::default();
    extensions.add(wire);
    App::new(Parts {
        db: app.db.clone(),
        clock: app.clock.clone(),
        random: app.random.clone(),
        vault: app.vault.clone(),
        settings: wiring::settings(),
        jobs: wiring::jobs(),
        templates: app.templates.clone(),
        sandbox: true,
        node: "registries".to_owned(),
        wake: Arc::default(),
        extensions,
    })
}

fn names(count: i64) -> Vec<DomainName> {
    (0..count).map(|_| DomainName::parse(&format!("name{}.test", next())).unwrap()).collect()
}

async fn first(app: &App, names: &[DomainName]) -> lookups::Answer {
    lookups::look_up(app, &by(), names, Freshness::Kept).await.unwrap().remove(0)
}

pub async fn who_is_asked(world: &World) -> String {
    let (rdap, whois) = (rdap::Rdap::start(|_| rdap::Reply::NotFound), whois::Whois::start(|_| whois::Reply::NotFound));
    first(&with_registries(&world.site.app, &rdap, &whois), &names(1)).await.source
}

pub async fn patience(world: &World) -> String {
    let (rdap, whois) = (rdap::Rdap::start(|_| rdap::Reply::Silence), whois::Whois::start(|_| whois::Reply::Silence));
    first(&with_registries(&world.site.app, &rdap, &whois), &names(1)).await.why
}

/// How often a registry is asked about a name that two people look up.
pub async fn times_asked(world: &World) -> String {
    let (rdap, whois) = (rdap::Rdap::start(|_| rdap::Reply::NotFound), whois::Whois::start(|_| whois::Reply::NotFound));
    let app = with_registries(&world.site.app, &rdap, &whois);
    let names = names(1);
    first(&app, &names).await;
    first(&app, &names).await;
    rdap.requests().len().to_string()
}

/// Whether a registry is asked about a name while it is still answering about another one.
pub async fn asked_together(world: &World) -> String {
    let crowd = Arc::new((Mutex::new((0, 0)), Condvar::new()));
    let seen = crowd.clone();
    let rdap = rdap::Rdap::start(move |_| {
        let (count, changed) = &*seen;
        let mut state = count.lock().unwrap();
        state.0 += 1;
        state.1 = state.1.max(state.0);
        changed.notify_all();
        // One who is alone waits a moment for others.
        let (mut state, _) =
            changed.wait_timeout_while(state, Duration::from_millis(150), |state| state.1 < 2).unwrap();
        state.0 -= 1;
        rdap::Reply::NotFound
    });
    let whois = whois::Whois::start(|_| whois::Reply::NotFound);
    first(&with_registries(&world.site.app, &rdap, &whois), &names(3)).await;
    let most = crowd.0.lock().unwrap().1;
    if most > 1 { "together" } else { "one by one" }.to_owned()
}
