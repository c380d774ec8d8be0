//! A stand-in for Stripe, for what localstripe does not know: pages on which a client pays, banks that send the client
//! elsewhere and back, parameters that it refuses.
//!
//! It is built from Stripe's own description of its API ([`Spec`]): every request is held against it, and so is every
//! answer, so that the stand-in cannot make up what Stripe does not say. What is wrong is in [`Stripe::complaints`].
//! Everything is kept in memory. Keys of idempotency are honoured.

mod pages;
mod spec;
mod state;

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use crate::http::Request;
pub use spec::{Pairs, Spec};

use crate::http::{self, Reply};
use state::State;

/// What happens when a card is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Card {
    Pays,
    /// The bank wants to see the client each time.
    Asks,
    Declines,
}

/// A running stand-in, on the loopback interface; ended when dropped. Any `sk_…` is a valid key.
pub struct Stripe {
    base_url: String,
    shared: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl Stripe {
    /// Starts one.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn start() -> Stripe {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap_or_else(|why| panic!("no port: {why}"));
        let address = listener.local_addr().unwrap_or_else(|why| panic!("no address: {why}"));
        let base_url = format!("http://{address}");
        let shared = Arc::new(Mutex::new(State::new(base_url.clone())));
        let seen = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let state = Arc::clone(&seen);
                tokio::spawn(async move {
                    if let Some(request) = http::read(&mut stream).await {
                        let reply = answer(&state, &request);
                        http::write(&mut stream, &reply).await;
                    }
                });
            }
        });
        Stripe { base_url, shared, task }
    }

    /// `http://127.0.0.1:PORT`, to which `/v1/…` is appended.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// A payment method that belongs to nobody yet, as an import or a browser would have made it.
    #[must_use]
    pub fn card(&self, card: Card) -> String {
        self.state().new_method(card)
    }

    /// The events that happened since this was last asked, as their bodies would be sent.
    #[must_use]
    pub fn take_events(&self) -> Vec<Value> {
        std::mem::take(&mut self.state().events)
    }

    /// What was asked against the description, or answered against it. Empty, if everything is right.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        self.state().complaints.clone()
    }

    /// Every request to the API so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    /// The payments that have taken money: their amounts and metadata.
    #[must_use]
    pub fn taken(&self) -> Vec<Value> {
        self.state().taken()
    }

    /// A client's bank takes a payment back; with `won`, it gives it back again.
    pub fn dispute(&self, payment: &str, stage: &str) {
        self.state().dispute(payment, stage);
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        locked(&self.shared)
    }
}

fn locked(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Drop for Stripe {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn answer(state: &Mutex<State>, request: &Request) -> Reply {
    let mut state = locked(state);
    if request.path.starts_with("/v1/") { state.api(request) } else { pages::serve(&mut state, request) }
}
