//! A registry that speaks EPP to the letter, on the loopback interface, over TLS.
//!
//! It holds the rules of RFC 5730 to 5734 (protocol, domains, hosts, contacts, transport), of RFC 5910 (DNSSEC), RFC 3915
//! (grace periods and restores), RFC 8748 (fees) and, of an open registry, RFC 8334 (launch phases). Other people's
//! clients prove it in the tests of this crate, before our own is tested with it. What it does not do, it refuses with
//! the code that the RFC has for that.
//!
//! Time stands still until the test moves it. A test can let things go wrong, and sees afterwards what was done, how
//! often, and what it cost:
//!
//! ```
//! use testkit::registry::{Fault, Options, Registrar, Registry};
//!
//! let registry = Registry::start(Options {
//!     registrars: vec![Registrar::new("hosting-co", "correct-horse")],
//!     ..Options::default()
//! });
//! // A client connects to registry.address() as `localhost`, trusting registry.authority_pem(), logs in, and sends …
//! registry.inject(Fault::HangAfter("domain:create"));
//! // … a command that is carried out and not answered. When it has found out what became of it:
//! assert_eq!(registry.counts("shop.test").created, 0, "nobody sent anything here");
//! assert_eq!(registry.money("hosting-co").taken.get("USD"), None);
//! registry.advance(366);
//! assert!(registry.domain("shop.test").is_none());
//! ```
//!
//! Zones, prices, periods and what else can be chosen are in [`Options`]; by default there are the zones `test` and
//! `example`, at 10.00 USD a year. A client's certificate comes from [`Registry::certificate`].

mod answer;
mod authorisation;
mod certificates;
mod clock;
mod command;
mod contacts;
mod dnssec;
mod domains;
mod faults;
mod fees;
mod hosts;
mod launch;
mod lifecycle;
mod login;
mod names;
mod options;
mod poll;
mod session;
mod snapshot;
mod state;
mod transfers;
mod xml;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

pub use certificates::Certificate;
pub use faults::Fault;
pub use options::{AtExpiry, Operation, Options, Premium, Prices, Registrar, Zone};
pub use snapshot::{ContactSnapshot, Counts, Direction, DomainSnapshot, Frame, HostSnapshot, Money, PostalSnapshot};

use session::Shared;
use state::State;

/// A running registry, which ends when it is dropped.
pub struct Registry {
    shared: Shared,
    authority: certificates::Authority,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Registry({})", self.address)
    }
}

impl Registry {
    /// Starts one.
    ///
    /// # Panics
    /// When the options contradict themselves, or the machine has no port to listen on.
    #[must_use]
    pub fn start(options: Options) -> Self {
        Self::try_start(options).unwrap_or_else(|problem| panic!("no registry: {problem}"))
    }

    fn try_start(options: Options) -> Result<Self, String> {
        let authority = certificates::Authority::new()?;
        let acceptor = TlsAcceptor::from(authority.server(options.client_certificate)?);
        let shared = Shared(Arc::new(Mutex::new(State::new(options)?)));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
        listener.set_nonblocking(true).map_err(|e| e.to_string())?;
        let address = listener.local_addr().map_err(|e| e.to_string())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        let (stop, stopped) = oneshot::channel();
        let served = shared.clone();
        let thread = std::thread::Builder::new().name("registry".to_owned()).spawn(move || {
            runtime.block_on(async move {
                let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
                tokio::select! {
                    () = session::serve(listener, acceptor, served) => {}
                    _ = stopped => {}
                }
            });
        });
        let thread = Some(thread.map_err(|e| e.to_string())?);
        Ok(Self { shared, authority, address, stop: Some(stop), thread })
    }

    /// Where it listens. Its certificate is good for `localhost` and for this address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate of the authority that signed the server's.
    #[must_use]
    pub fn authority_pem(&self) -> &str {
        &self.authority.pem
    }

    /// The file with [`Registry::authority_pem`].
    #[must_use]
    pub fn authority_file(&self) -> PathBuf {
        self.authority.file()
    }

    /// Makes a client's certificate, signed by the registry's authority; `name` also names its files.
    ///
    /// # Panics
    /// When the files cannot be written.
    #[must_use]
    pub fn certificate(&self, name: &str) -> Certificate {
        self.authority.client(name).unwrap_or_else(|problem| panic!("no certificate: {problem}"))
    }

    /// Adds a registrar, or replaces what is known of one but for its messages.
    pub fn add_registrar(&self, registrar: Registrar) {
        let mut state = self.shared.lock();
        match state.registrars.get_mut(&registrar.id) {
            Some(account) => account.registrar = registrar,
            None => {
                state.registrars.insert(registrar.id.clone(), registrar.into());
            }
        }
    }

    /// Adds a zone, or replaces it: with other prices, premium names, reserved names or claims.
    pub fn add_zone(&self, zone: Zone) {
        self.shared.lock().zones.insert(zone.name.clone(), zone);
    }

    /// Changes a zone in place, such as its prices.
    ///
    /// # Panics
    /// When there is no such zone.
    pub fn change_zone(&self, name: &str, change: impl FnOnce(&mut Zone)) {
        let mut state = self.shared.lock();
        change(state.zones.get_mut(name).unwrap_or_else(|| panic!("no zone {name}")));
    }

    /// The registry's clock, in UTC as RFC 3339 writes it.
    #[must_use]
    pub fn now(&self) -> String {
        clock::instant(self.shared.lock().now)
    }

    /// Moves the clock by days of 24 hours, and lets happen what is due on the way: renewals, ends of grace periods,
    /// approvals of transfers, deletions, with messages to those concerned.
    pub fn advance(&self, days: u32) {
        let mut state = self.shared.lock();
        let target = clock::days_after(state.now, i64::from(days));
        state.move_to(target);
    }

    /// As [`Registry::advance`], to an instant in UTC as RFC 3339 writes it.
    ///
    /// # Panics
    /// When it is not an instant, or in the past: what has happened stays so.
    pub fn set_now(&self, instant: &str) {
        let mut state = self.shared.lock();
        let target = instant.parse().unwrap_or_else(|e| panic!("{instant}: {e}"));
        assert!(target >= state.now, "the clock goes forward only: {instant}");
        state.move_to(target);
    }

    /// Lets something go wrong once.
    pub fn inject(&self, fault: Fault) {
        self.inject_times(1, fault);
    }

    /// Lets something go wrong this often.
    pub fn inject_times(&self, times: u32, fault: Fault) {
        self.shared.lock().faults.add(fault, times);
    }

    /// Forgets the faults that have not happened yet, and says how many those were.
    pub fn clear_faults(&self) -> usize {
        let mut state = self.shared.lock();
        let pending = state.faults.pending();
        state.faults.clear();
        pending
    }

    /// A domain, while the registry has it: also when it is deleted and can still be restored.
    #[must_use]
    pub fn domain(&self, name: &str) -> Option<DomainSnapshot> {
        self.shared.lock().domains.get(name).map(DomainSnapshot::of)
    }

    /// A contact.
    #[must_use]
    pub fn contact(&self, id: &str) -> Option<ContactSnapshot> {
        self.shared.lock().contacts.get(id).map(|contact| ContactSnapshot::of(id, contact))
    }

    /// A host.
    #[must_use]
    pub fn host(&self, name: &str) -> Option<HostSnapshot> {
        self.shared.lock().hosts.get(name).map(|host| HostSnapshot::of(name, host))
    }

    /// The names of all domains.
    #[must_use]
    pub fn domains(&self) -> Vec<String> {
        self.shared.lock().domains.keys().cloned().collect()
    }

    /// How often things were done with a name.
    #[must_use]
    pub fn counts(&self, domain: &str) -> Counts {
        self.shared.lock().counts.get(domain).copied().unwrap_or_default()
    }

    /// The money of a registrar.
    #[must_use]
    pub fn money(&self, registrar: &str) -> Money {
        self.shared.lock().money(registrar)
    }

    /// The texts of the messages that wait for a registrar.
    #[must_use]
    pub fn messages(&self, registrar: &str) -> Vec<String> {
        let state = self.shared.lock();
        let queue = state.registrars.get(registrar).map(|account| &account.queue);
        queue.into_iter().flatten().map(|message| message.text.clone()).collect()
    }

    /// Puts a message into a registrar's queue; `data` is the content of `resData`, and may be empty.
    pub fn tell(&self, registrar: &str, text: &str, data: &str) {
        self.shared.lock().tell(registrar, text, data.to_owned(), String::new());
    }

    /// Sets or removes a status that only the registry sets, such as `serverTransferProhibited`.
    ///
    /// # Panics
    /// When there is no such domain.
    pub fn set_status(&self, domain: &str, status: &str, is_set: bool) {
        let mut state = self.shared.lock();
        let domain = state.domains.get_mut(domain).unwrap_or_else(|| panic!("no domain {domain}"));
        if is_set {
            domain.statuses.insert(status.to_owned());
        } else {
            domain.statuses.remove(status);
        }
    }

    /// All frames so far, in order. Faults that leave a client without an answer leave none here.
    #[must_use]
    pub fn frames(&self) -> Vec<Frame> {
        self.shared.lock().log.clone()
    }

    /// How many commands of this name came in, such as `create` or `domain:create`, whatever became of them.
    #[must_use]
    pub fn received(&self, command: &str) -> usize {
        let state = self.shared.lock();
        let from_client = state.log.iter().filter(|frame| frame.direction == Direction::FromClient);
        from_client.filter(|frame| faults::names(command, &frame.command)).count()
    }

    /// Every `clTRID` that a registrar sent, in order.
    #[must_use]
    pub fn client_ids(&self, registrar: &str) -> Vec<String> {
        self.shared.lock().client_ids.get(registrar).cloned().unwrap_or_default()
    }

    /// How many sessions are logged in.
    #[must_use]
    pub fn open_sessions(&self) -> usize {
        self.shared.lock().sessions.len()
    }

    /// How many sessions were logged in at once, at most.
    #[must_use]
    pub fn most_sessions(&self) -> usize {
        self.shared.lock().most_sessions
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It ends at once: whatever a connection waits for is dropped with the runtime.
            let _ = thread.join();
        }
    }
}
