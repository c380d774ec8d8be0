//! DNS, asked of recursive resolvers.
//!
//! What always holds:
//! - An [`Answer`] says *records*, *none*, *no such name* or *could not be found out, and why*; nothing that goes wrong
//!   on the way reads as one of the first three.
//! - At most [`Settings::parallelism`] sockets are open at a time, whatever is asked at once of one [`Resolver`].
//! - Only records of the type that was asked for, of the name at the end of the chain of aliases, are handed on:
//!   resolvers add others, such as the addresses of name servers.
//!
//! Messages are written and read by hickory-proto; sending and waiting is done here. hickory-resolver has neither the CD
//! bit, nor the AD bit of a response without records, nor a response code other than as the text of an error, caches
//! what must be asked anew, and bounds requests for each connection rather than sockets for all.

mod answer;
mod dnssec;
mod exchange;
mod message;
mod report;
mod settings;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub use answer::{Answer, Failure, Found, Kind, Record};
pub use dnssec::{Dnssec, Undecided};
pub use report::{Host, Report};
pub use settings::{Settings, SettingsError, Validation};
use tokio::sync::{OnceCell, Semaphore};

use crate::bulk::{self, Answers};
use crate::name::{NotAName, check_host};
use message::Question;

/// Asks resolvers. Cheap to clone: clones share the bound on sockets.
#[derive(Debug, Clone)]
pub struct Resolver(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    sockets: Semaphore,
    /// The resolver that answered last is asked first: one that is dead costs its time-out once, not for each name.
    preferred: AtomicUsize,
    /// For each resolver whether it validates, once that was found out.
    validates: Vec<OnceCell<bool>>,
}

impl Resolver {
    /// # Errors
    /// When the settings cannot work.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        let validates = settings.resolvers.iter().map(|_| OnceCell::new()).collect();
        let sockets = Semaphore::new(settings.parallelism);
        Ok(Self(Arc::new(Inner { settings, sockets, preferred: AtomicUsize::new(0), validates })))
    }

    /// One type of records of one name.
    ///
    /// # Errors
    /// When `name` is not one, see [`check_host`].
    pub async fn look_up(&self, name: &str, kind: Kind) -> Result<Answer, NotAName> {
        check_host(name)?;
        Ok(self.ask(&Question::new(name, kind)).await.1)
    }

    /// The names that an address leads back to.
    pub async fn reverse(&self, address: IpAddr) -> Answer {
        self.ask(&Question::reverse(address)).await.1
    }

    /// All that [`Report`] holds about one name.
    ///
    /// # Errors
    /// When `name` is not one, see [`check_host`].
    pub async fn report(&self, name: &str) -> Result<Report, NotAName> {
        check_host(name)?;
        Ok(report::make(self, name).await)
    }

    /// [`report`](Self::report) for each name, in the order in which they are ready. Must be called within a Tokio run
    /// time.
    pub fn reports<I>(&self, names: I) -> Answers<(String, Result<Report, NotAName>)>
    where
        I: IntoIterator<Item = String> + Send + 'static,
        I::IntoIter: Send,
    {
        let resolver = self.clone();
        // A report asks several questions at once, and sockets are what is scarce.
        bulk::each(names, self.0.settings.parallelism, move |name| {
            let resolver = resolver.clone();
            async move {
                let report = resolver.report(&name).await;
                (name, report)
            }
        })
    }

    /// The addresses of hosts, such as [`Report::mail_hosts`] and [`Report::name_servers`].
    pub async fn hosts(&self, names: &[String]) -> Vec<(String, Result<Host, NotAName>)> {
        let resolver = self.clone();
        let asked: Vec<(usize, String)> = names.iter().cloned().enumerate().collect();
        let mut answers = bulk::each(asked, self.0.settings.parallelism, move |(place, name)| {
            let resolver = resolver.clone();
            async move {
                let host = report::host(&resolver, &name).await;
                (place, name, host)
            }
        });
        let mut hosts = Vec::with_capacity(names.len());
        while let Some(answer) = answers.next().await {
            hosts.push(answer);
        }
        hosts.sort_by_key(|(place, ..)| *place);
        hosts.into_iter().map(|(_, name, host)| (name, host)).collect()
    }

    /// Asks one resolver after the other, [`Settings::retries`] times more than once, until one of them knows. Gives
    /// back which one it was, by its place in the settings.
    async fn ask(&self, question: &Question) -> (usize, Answer) {
        let settings = &self.0.settings;
        let count = settings.resolvers.len();
        let first = self.0.preferred.load(Ordering::Relaxed);
        let mut last = (first, Answer::failed(Failure::TimedOut));
        let attempts = settings.attempts();
        for attempt in 0..attempts {
            let place = (first + attempt) % count;
            let answer = self.ask_one(place, question).await;
            match answer.failure() {
                None => {
                    self.0.preferred.store(place, Ordering::Relaxed);
                    return (place, answer);
                }
                // The same resolver would say the same again; another one may know.
                Some(failure) if failure.is_an_answer() && attempt + 1 >= count => return (place, answer),
                Some(_) => last = more_telling(last, (place, answer)),
            }
        }
        last
    }

    /// Asks one resolver once.
    async fn ask_one(&self, place: usize, question: &Question) -> Answer {
        let settings = &self.0.settings;
        // The semaphore is never closed.
        let _permit = self.0.sockets.acquire().await;
        match exchange::ask(settings.resolvers[place], settings.timeout, question).await {
            Ok(response) => response,
            Err(failure) => Answer::failed(failure),
        }
    }
}

/// What a resolver said tells more than that another one said nothing.
fn more_telling(before: (usize, Answer), after: (usize, Answer)) -> (usize, Answer) {
    let said = |(_, answer): &(usize, Answer)| answer.failure().is_some_and(Failure::is_an_answer);
    if said(&before) && !said(&after) { before } else { after }
}
