//! The one place that knows every crate. What a feature offers (routes, settings, jobs, …) is collected here; what one
//! feature is to know of another, against the direction of the dependencies, is handed over here.

use std::sync::RwLock;
use std::time::Duration;

use accounts::activity_log::seals;
use accounts::banned_ips::InForce;
use accounts::clients::ClientPanels;
use accounts::doors::admin::InstanceName;
use accounts::doors::finders::Finders;
use accounts::doors::limits::Limits;
use accounts::doors::{Nav, NavItem, NavSection, Routes};
use billing::doctor::Finding;
use billing::gateways::Gateways;
use domains::registrars::Registrars;
use kernel::{Error, Result};
use modules::http::Http;
use platform::context::Extensions;
use platform::prune::Prunes;
use platform::web::templates::Templates;
use platform::{App, Clock, Db, Events, Parts, Random, Vault, jobs, settings};

use crate::{account, api_docs, automation, dashboard, jobs_page, prune, search, settings_page};

pub fn routes() -> Routes {
    Routes::new()
        .merge(dashboard::routes())
        .merge(search::routes())
        .merge(account::routes())
        .merge(settings_page::routes())
        .merge(jobs_page::routes())
        .merge(automation::routes())
        .merge(api_docs::routes())
        .merge(accounts::routes())
        .merge(billing::routes())
        .merge(hosting::routes())
        .merge(domains::routes())
        .merge(sales::routes())
        .merge(modules::routes())
}

pub fn settings() -> settings::Registry {
    let mut registry = settings::Registry::default();
    // The business itself comes first on the page.
    let [company, rest @ ..] = accounts::SETTINGS;
    registry.add(company);
    registry.add(billing::SETTINGS);
    registry.add(domains::SETTINGS);
    rest.into_iter().for_each(|of| registry.add(of));
    registry.add(platform::mail::SETTINGS);
    registry.add(platform::prune::SETTINGS);
    registry
}

pub fn jobs() -> jobs::Registry {
    let mut registry = jobs::Registry::default();
    platform::mail::jobs(&mut registry);
    platform::events::register(&mut registry);
    accounts::jobs(&mut registry);
    billing::jobs(&mut registry);
    domains::jobs(&mut registry);
    prune::jobs(&mut registry);
    registry
}

/// What a daily run clears away.
fn prunes() -> Prunes {
    Prunes([platform::prune::RUBBISH, &accounts::rubbish(), billing::RUBBISH, domains::RUBBISH].concat())
}

/// Who listens to what.
pub fn events() -> Events {
    let mut events = Events::default();
    billing::events(&mut events);
    hosting::events(&mut events);
    sales::events(&mut events);
    events
}

pub fn templates() -> Templates {
    let mut templates = Templates::builder();
    templates.add::<accounts::Templates>("accounts");
    templates.add::<billing::Templates>("billing");
    templates.add::<hosting::Templates>("hosting");
    templates.add::<domains::Templates>("domains");
    templates.add::<sales::Templates>("sales");
    templates.add::<modules::Templates>("modules");
    templates.add::<crate::Templates>("app");
    templates.build()
}

/// The payment gateways that this program can talk to.
fn gateways() -> Result<Gateways> {
    // Fails only when a provider is installed already, and then there is one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().user_agent(concat!("Innkeeper/", env!("CARGO_PKG_VERSION")));
    let http = Http::new(client).map_err(|error| Error::broken(format!("HTTP client: {error}")))?;
    Ok(Gateways::new(modules::gateways::built_in(&http)))
}

/// The way to registries, to ask about names.
fn lookups() -> Result<domains::lookups::Wire> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let agent = concat!("Innkeeper/", env!("CARGO_PKG_VERSION"));
    domains::lookups::Wire::new(|| reqwest::Client::builder().user_agent(agent))
}

/// The registrars that this program can talk to. Some registries take more than a minute for an answer, and one that
/// comes too late has to be looked up.
fn registrars() -> Result<Registrars> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().user_agent(concat!("Innkeeper/", env!("CARGO_PKG_VERSION")));
    let http = Http::with_timeouts(client, Duration::from_secs(5), Duration::from_secs(120));
    let http = http.map_err(|error| Error::broken(format!("HTTP client: {error}")))?;
    Ok(Registrars::new(modules::registrars::built_in(&http)))
}

/// The way to providers of captchas.
fn captchas() -> Result<accounts::captcha::Wire> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().user_agent(concat!("Innkeeper/", env!("CARGO_PKG_VERSION")));
    accounts::captcha::Wire::new(client).map_err(|error| Error::broken(format!("HTTP client: {error}")))
}

/// The way to providers of identities.
fn openid() -> Result<accounts::openid::Wire> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().user_agent(concat!("Innkeeper/", env!("CARGO_PKG_VERSION")));
    accounts::openid::Wire::new(client).map_err(|error| Error::broken(format!("HTTP client: {error}")))
}

/// Everything that must hold of the books and of what hangs on them; what does not is in the answer.
pub async fn doctor(conn: &mut platform::Conn) -> Result<Vec<Finding>> {
    let mut findings = billing::doctor::check(conn).await?;
    findings.extend(billing::doctor::ask(conn, hosting::doctor::QUESTIONS).await?);
    let sealed = seals::verify(conn).await?;
    findings.extend(sealed.wrong.into_iter().map(|detail| Finding { check: seals::CHECK, detail }));
    Ok(findings)
}

/// The names of all that [`doctor`] looks at.
pub fn doctor_checks() -> Vec<&'static str> {
    let mut names = billing::doctor::checks();
    names.extend(hosting::doctor::QUESTIONS.iter().map(|question| question.name));
    names.push(seals::CHECK);
    names
}

/// What the command bar looks through, in the order of its answer.
pub fn finders() -> Finders {
    let mut finders = Finders::default();
    accounts::finders(&mut finders);
    billing::finders(&mut finders);
    hosting::finders(&mut finders);
    finders
}

/// The sections of the sidebar in their order, and how they are headed.
const SECTIONS: &[(&str, &str)] = &[
    ("dashboard", "Dashboard"),
    ("clients", "Clients"),
    ("orders", "Orders"),
    ("billing", "Billing"),
    ("utilities", "Utilities"),
    ("logs", "Logs"),
    ("configuration", "Configuration"),
];

/// The sidebar. Sections with the same key become one.
pub fn nav() -> Nav {
    let sections = [dashboard::nav(), accounts::nav(), sales::nav(), utilities(), configuration()];
    let create = [accounts::create(), sales::create(), billing::create()];
    let mut nav = Nav { sections: Vec::new(), create: create.into_iter().flatten().collect() };
    for section in sections.into_iter().flatten() {
        add_section(&mut nav.sections, section);
    }
    for (key, item) in billing::nav().into_iter().chain(hosting::nav()).chain(domains::nav()) {
        let label = SECTIONS.iter().find(|(known, _)| *known == key).map_or(key, |(_, label)| label);
        add_section(&mut nav.sections, NavSection { label, key, href: item.href, items: vec![item] });
    }
    nav.sections.sort_by_key(|section| SECTIONS.iter().position(|(key, _)| *key == section.key));
    nav
}

/// What the crates show on a client's page.
fn client_panels() -> ClientPanels {
    let mut panels = ClientPanels::default();
    billing::client_panels(&mut panels);
    hosting::client_panels(&mut panels);
    panels.panels.extend(sales::panels());
    panels.links.extend(sales::client_links());
    panels.closing.extend(sales::closing());
    panels.panels.sort_by_key(|panel| panel.order);
    panels
}

fn utilities() -> Vec<NavSection> {
    vec![NavSection {
        label: "Utilities",
        key: "utilities",
        href: automation::PATH,
        items: vec![
            NavItem { label: "Automation status", href: automation::PATH, permission: jobs_page::VIEW_JOBS },
            NavItem { label: "Jobs", href: jobs_page::PATH, permission: jobs_page::VIEW_JOBS },
        ],
    }]
}

fn configuration() -> Vec<NavSection> {
    vec![NavSection {
        label: "Configuration",
        key: "configuration",
        href: settings_page::PATH,
        items: vec![NavItem {
            label: "General settings",
            href: settings_page::PATH,
            permission: settings_page::CONFIGURE,
        }],
    }]
}

/// Where the pages of things are, by the kind that stands in a subject such as `invoice:17`.
const PAGES: &[(&str, &str)] = &[
    ("client", "/admin/clients/{id}"),
    ("invoice", "/admin/invoices/{id}"),
    ("order", "/admin/orders/{id}"),
    ("product", "/admin/setup/products/{id}"),
    ("service", "/admin/services/{id}"),
    ("tld", "/admin/setup/tlds/{id}"),
    ("registrar", "/admin/setup/registrars/{id}"),
    ("transaction", "/admin/transactions/{id}"),
    ("job", "/admin/utilities/jobs/{id}"),
    ("run", "/admin/utilities/automation/{id}"),
];

/// Links from subjects to those of the pages that exist.
pub struct Links(Vec<(&'static str, &'static str)>);

impl Links {
    fn of_routes(routes: &Routes) -> Links {
        let exists = |path: &str| routes.table.iter().any(|entry| entry.method == "GET" && entry.path == path);
        Links(PAGES.iter().filter(|(_, path)| exists(path)).copied().collect())
    }

    /// The address of the page of `invoice:17`.
    pub fn of(&self, subject: &str) -> Option<String> {
        let (kind, id) = subject.split_once(':')?;
        let (_, path) = self.0.iter().find(|(known, _)| *known == kind)?;
        id.parse::<i64>().ok().map(|id| path.replace("{id}", &id.to_string()))
    }
}

fn add_section(sections: &mut Vec<NavSection>, section: NavSection) {
    match sections.iter_mut().find(|known| known.key == section.key) {
        Some(known) => known.items.extend(section.items),
        None => sections.push(section),
    }
}

/// Everything put together around an open database.
pub fn app(db: Db, clock: Clock, random: Random, vault: Vault, sandbox: bool, mut extra: Extensions) -> Result<App> {
    extra.add(nav());
    extra.add(finders());
    extra.add(client_panels());
    extra.add(gateways()?);
    extra.add(lookups()?);
    extra.add(registrars()?);
    extra.add(openid()?);
    extra.add(captchas()?);
    extra.add(prunes());
    extra.add(InstanceName(RwLock::default()));
    extra.add(Limits::default());
    extra.add(InForce::default());
    let routes = routes();
    extra.add(Links::of_routes(&routes));
    extra.add(accounts::roles::Offered(routes.permissions()));
    extra.add(accounts::api_roles::Deeds::of(&routes));
    extra.add(api_docs::Document::of(&routes));
    let node = format!("{}-{}", std::process::id(), &random.token()[..8]);
    Ok(App::new(Parts {
        db,
        clock,
        random,
        vault,
        settings: settings(),
        jobs: jobs(),
        templates: templates(),
        sandbox,
        node,
        wake: std::sync::Arc::default(),
        extensions: extra,
    }))
}

/// Reads anew what every request needs without asking the database. Runs at the start, when a setting was changed, and now
/// and then, because it may have been changed on another node.
pub async fn refresh(app: &App) -> Result<()> {
    let values = settings::Values::load(&mut app.db.read().await?).await?;
    let name = app.settings.find("company_name").map(|setting| values.text(setting).to_owned()).unwrap_or_default();
    if let Ok(mut shown) = app.get::<InstanceName>()?.0.write() {
        *shown = name;
    }
    app.get::<Limits>()?.set(&values);
    app.get::<InForce>()?.refresh(app).await
}

/// Called every few seconds by each node that works: enqueues what the calendar says. What it does must bear being done
/// by two nodes at once.
pub async fn tick(app: &App) -> Result<()> {
    refresh(app).await?;
    seals::tick(app).await?;
    billing::schedule::tick(app).await?;
    domains::tick(app).await?;
    prune::tick(app).await
}
