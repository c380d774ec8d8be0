//! What other crates show of a client: panels on its page, what closing it would stop, figures for the compatible
//! API. Wiring adds one [`ClientPanels`] to the app; accounts itself knows nothing of invoices or services.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use kernel::{Date, Result};
use platform::db::Conn;
use platform::{App, Extensions};

use super::Client;
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
    pub closing: Vec<ClosingEffect>,
    pub figures: Vec<for<'a> fn(&'a App, &'a mut Conn, &'a Client) -> PanelFuture<'a, Figures>>,
}
