//! What other crates show of a client: panels on its page, what closing it would stop, figures for the compatible
//! API. Wiring adds one [`ClientPanels`] to the app; accounts itself knows nothing of invoices or services.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use kernel::{Date, Result};
use minijinja::{Value, context};
use platform::db::Conn;
use platform::{App, Extensions};

use super::{Client, EDIT, VIEW};
use crate::activity_log;
use crate::doors::AdminCx;
use crate::roles::Permission;

pub type PanelFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// A client whose page is being made.
pub struct Seen {
    pub client: Client,
    /// The business's day.
    pub today: Date,
    known: Mutex<Extensions>,
}

impl Seen {
    pub fn new(client: Client, today: Date) -> Seen {
        Seen { client, today, known: Mutex::default() }
    }

    /// What another panel has found out and kept, so that the page asks for it once.
    pub fn known<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get()
    }

    pub fn keep<T: Send + Sync + 'static>(&self, value: T) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).add(value);
    }
}

/// Where on the client's page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The row of figures on top: `ui.stat(…)`s without a frame.
    Figures,
    Main,
    Side,
}

/// A panel, shown to whoever has the permission. Panels stand in the order of their numbers.
#[derive(Clone, Copy)]
pub struct ClientPanel {
    pub title: &'static str,
    pub place: Place,
    pub order: i32,
    pub permission: Permission,
    /// `None` leaves the panel out.
    pub load: for<'a> fn(&'a App, &'a mut Conn, &'a Seen) -> PanelFuture<'a, Option<Panel>>,
}

/// A panel's inside.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Panel {
    /// From a template of the crate that contributes it.
    pub html: String,
    /// The whole list, if there is one.
    pub href: String,
    pub label: String,
    /// The content is a table and reaches the edges.
    pub flush: bool,
}

/// Where a link to something of the client stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkPlace {
    /// Among the tabs of the client's pages.
    Tab,
    /// In the menu of what can be done for the client.
    Action,
}

/// A page about the client, shown to whoever has the permission. Links stand in the order of their numbers.
#[derive(Debug, Clone, Copy)]
pub struct ClientLink {
    pub label: &'static str,
    /// The address; `{id}` stands for the client's.
    pub href: &'static str,
    pub place: LinkPlace,
    pub order: i32,
    pub permission: Permission,
}

/// The links of a place as `{label, href, current}`.
pub(super) fn links(cx: &AdminCx, id: i64, place: LinkPlace) -> Vec<Value> {
    let Some(contributed) = cx.app.extensions.get::<ClientPanels>() else { return Vec::new() };
    let mut wanted: Vec<ClientLink> = contributed.links.iter().chain(OWN).copied().collect();
    wanted.retain(|link| link.place == place && cx.staff.may(link.permission));
    wanted.sort_by_key(|link| link.order);
    let shown = |link: &ClientLink| {
        let href = link.href.replace("{id}", &id.to_string());
        context! { label => link.label, current => href == cx.path, href }
    };
    wanted.iter().map(shown).collect()
}

/// The tabs of a client's pages, for `ui.tabs`. The one whose address is asked for is the current one.
pub fn tabs(cx: &AdminCx, id: i64) -> Vec<Value> {
    links(cx, id, LinkPlace::Tab)
}

/// What is found in this crate.
const OWN: &[ClientLink] = &[
    ClientLink { label: "Summary", href: "/admin/clients/{id}", place: LinkPlace::Tab, order: 0, permission: VIEW },
    ClientLink {
        label: "Profile",
        href: "/admin/clients/{id}/edit",
        place: LinkPlace::Tab,
        order: 10,
        permission: EDIT,
    },
    ClientLink {
        label: "Log",
        href: "/admin/logs/activity?client={id}",
        place: LinkPlace::Tab,
        order: 90,
        permission: activity_log::VIEW,
    },
];

/// What closing clients would end, counted for the page that asks whether to do it.
#[derive(Clone, Copy)]
pub struct ClosingEffect {
    /// "Services that are terminated".
    pub label: &'static str,
    pub count: for<'a> fn(&'a mut Conn, &'a [i64]) -> PanelFuture<'a, i64>,
}

/// Values of `GetClientsDetails` by name: `credit`, and those of `stats`.
pub type Figures = Vec<(&'static str, serde_json::Value)>;

/// Everything that is contributed.
#[derive(Default)]
pub struct ClientPanels {
    pub panels: Vec<ClientPanel>,
    pub links: Vec<ClientLink>,
    pub closing: Vec<ClosingEffect>,
    pub figures: Vec<for<'a> fn(&'a App, &'a mut Conn, &'a Client) -> PanelFuture<'a, Figures>>,
}
