//! The one place that knows every crate. What a feature offers (routes, settings, jobs, …) is collected here; what one
//! feature is to know of another, against the direction of the dependencies, is handed over here.

use std::sync::RwLock;

use accounts::doors::admin::InstanceName;
use accounts::doors::{Nav, NavSection, Routes};
use kernel::Result;
use platform::context::Extensions;
use platform::web::templates::Templates;
use platform::{App, Clock, Db, Events, Parts, Random, Vault, jobs, settings};

use crate::dashboard;

pub fn routes() -> Routes {
    Routes::new().merge(dashboard::routes()).merge(accounts::admins::admin::routes())
}

pub fn settings() -> settings::Registry {
    let mut registry = settings::Registry::default();
    registry.add(platform::mail::SETTINGS);
    registry
}

pub fn jobs() -> jobs::Registry {
    let mut registry = jobs::Registry::default();
    platform::mail::jobs(&mut registry);
    registry
}

/// Who listens to what.
pub fn events() -> Events {
    Events::default()
}

pub fn templates() -> Result<Templates> {
    let mut templates = Templates::builder()?;
    templates.add::<accounts::Templates>("accounts")?;
    templates.add::<crate::Templates>("app")?;
    Ok(templates.build())
}

/// The sidebar. Sections with the same key become one.
pub fn nav() -> Nav {
    let mut nav = Nav::default();
    add_sections(&mut nav, dashboard::nav());
    nav
}

fn add_sections(nav: &mut Nav, sections: Vec<NavSection>) {
    for section in sections {
        match nav.sections.iter_mut().find(|known| known.key == section.key) {
            Some(known) => known.items.extend(section.items),
            None => nav.sections.push(section),
        }
    }
}

/// Everything put together around an open database.
pub fn app(db: Db, clock: Clock, random: Random, vault: Vault, sandbox: bool, mut extra: Extensions) -> Result<App> {
    extra.add(nav());
    extra.add(InstanceName(RwLock::default()));
    let node = format!("{}-{}", std::process::id(), &random.token()[..8]);
    Ok(App::new(Parts {
        db,
        clock,
        random,
        vault,
        settings: settings(),
        jobs: jobs(),
        templates: templates()?,
        sandbox,
        node,
        wake: std::sync::Arc::default(),
        extensions: extra,
    }))
}

/// Reads anew what pages are shown without asking the database. Runs at the start, when a setting was changed, and now
/// and then, because it may have been changed on another node.
pub async fn refresh(app: &App) -> Result<()> {
    let values = settings::Values::load(&mut app.db.read().await?).await?;
    let name = app.settings.find("company_name").map(|setting| values.text(setting).to_owned()).unwrap_or_default();
    if let Ok(mut shown) = app.get::<InstanceName>()?.0.write() {
        *shown = name;
    }
    Ok(())
}

/// Where this installation is reached, without a slash at the end.
pub async fn system_url(app: &App, conn: &mut platform::Conn) -> Result<String> {
    let values = settings::Values::load(conn).await?;
    let url = app.settings.find("system_url").map_or("http://localhost:8080", |setting| values.text(setting));
    Ok(url.trim_end_matches('/').to_owned())
}

/// Called every few seconds by each node that works: enqueues what the calendar says. What it does must bear being done
/// by two nodes at once.
pub async fn tick(app: &App) -> Result<()> {
    refresh(app).await
}
