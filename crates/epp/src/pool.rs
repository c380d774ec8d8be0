//! The sessions with one server.
//!
//! There are never more than the settings allow. A session is with one command at a time and goes back when its answer was
//! a good one; a future that is dropped half-way takes its session along.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Duration, Instant, timeout_at};

use crate::command::{self, Command, Intent};
use crate::error::{Error, Hostile, Lost, NotSent, Refusal, invalid};
use crate::greeting::Greeting;
use crate::names;
use crate::response::{self, Answer};
use crate::secret::Secret;
use crate::session::{Census, Connection, LoginError, Request, Session, not_let_in};
use crate::settings::Settings;
use crate::tls::Way;

/// After a server had no session left for us we do not knock again for so long while we have others.
const FULL_FOR: Duration = Duration::from_secs(60);

/// The sessions with one server. A clone is the same pool.
///
/// ```no_run
/// # async fn example(settings: epp::Settings) -> Result<(), Box<dyn std::error::Error>> {
/// let pool = epp::Pool::new(settings)?;
/// let check = epp::domain::Check::new(["example.com"]);
/// let answer = pool.run(&check, "check-4711").await?;
/// assert!(answer.result[0].available);
/// pool.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    settings: Settings,
    way: Way,
    places: Semaphore,
    idle: Mutex<Vec<Session>>,
    password: Mutex<Secret>,
    census: Arc<Census>,
    /// When and how the server said that it has no session left.
    full: Mutex<Option<(Instant, Box<Refusal>)>>,
    logins: AtomicU64,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Pool").field(&self.0.settings).finish()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    /// A pool without a session yet; the first command makes one.
    ///
    /// Fails with [`NotSent::Invalid`] when certificates, names or numbers of the settings cannot be used.
    pub fn new(settings: Settings) -> Result<Pool, Error> {
        names::id(&settings.client_id)?;
        if settings.sessions == 0 || settings.sessions > 1000 {
            return Err(invalid("a pool has 1 to 1000 sessions").into());
        }
        if settings.limits.depth > 100 || settings.limits.frame > 64 * 1024 * 1024 {
            return Err(invalid("a frame has at most 64 MiB, and elements are nested at most 100 deep").into());
        }
        Ok(Pool(Arc::new(Inner {
            way: Way::new(&settings.endpoint)?,
            places: Semaphore::new(settings.sessions),
            idle: Mutex::default(),
            password: Mutex::new(settings.password.clone()),
            census: Arc::default(),
            full: Mutex::default(),
            logins: AtomicU64::new(0),
            settings,
        })))
    }

    /// Sends a command and reads its answer. `cltrid` is the caller's id of the command, 3 to 64 characters; the caller
    /// keeps it before, so that it can ask what became of a command whose answer was lost.
    pub async fn run<C: Command>(&self, command: &C, cltrid: &str) -> Result<Answer<C::Result>, Error> {
        let prepared = command::prepare(command, cltrid)?;
        let request = Request::new(&prepared.root, Some(cltrid), &self.0.settings)?;
        let deadline = Instant::now() + self.0.settings.timeouts.wait;
        let _place = self.0.place(deadline).await?;
        let mut session = self.0.session(cltrid, deadline).await?;
        if let Err(missing) = prepared.offered(&session.services) {
            self.0.give_back(session);
            return Err(missing.into());
        }
        let lost = |why: Lost| match (why, command.intent()) {
            (Lost::Hostile(why), Intent::Query) => Error::Protocol(why.scrubbed(&request.secrets)),
            (Lost::Hostile(why), Intent::Transform) => {
                Error::Unknown { cltrid: cltrid.to_owned(), why: Lost::Hostile(why.scrubbed(&request.secrets)) }
            }
            (why, _) => Error::Unknown { cltrid: cltrid.to_owned(), why },
        };
        let hostile = |why: Hostile| lost(Lost::Hostile(why));
        let root = session.ask(&request, &self.0.settings).await.map_err(lost)?;
        match response::read(&root, cltrid, &request.secrets).map_err(hostile)? {
            Err(refusal) => {
                if !refusal.code.ends_session() {
                    self.0.give_back(session);
                }
                Err(Error::Refused(Box::new(refusal)))
            }
            Ok(response) => {
                let answer = command::answer(command, response, cltrid).map_err(hostile)?;
                if !answer.code.ends_session() {
                    self.0.give_back(session);
                }
                Ok(answer)
            }
        }
    }

    /// What the server says of itself now; it takes no login.
    pub async fn greeting(&self) -> Result<Greeting, Error> {
        let deadline = Instant::now() + self.0.settings.timeouts.wait;
        let _place = self.0.place(deadline).await?;
        if let Some(mut session) = self.0.old_session().await
            && let Ok(greeting) = session.hello(&self.0.settings).await
        {
            self.0.give_back(session);
            return Ok(greeting);
        }
        Ok(Connection::make(&self.0.way, &self.0.settings).await?.greeting)
    }

    /// Says `<hello>` on each idle session, so that the server does not end it, and throws away those that do not answer.
    /// Says how many there are then.
    ///
    /// The owner calls it, every few minutes as its registry wants it: whoever runs jobs knows when sessions are worth
    /// keeping, and nothing runs behind its back or after it.
    pub async fn keep_alive(&self) -> usize {
        let begun = Instant::now();
        while let Ok(_place) = self.0.places.try_acquire() {
            let Some(mut session) = self.0.take_used_before(begun) else { break };
            if session.is_quiet().await && session.hello(&self.0.settings).await.is_ok() {
                self.0.give_back(session);
            }
        }
        lock(&self.0.idle).len()
    }

    /// Logs in with the password that holds, and makes `new` the one that holds from then on. RFC 5730, section 2.9.1.1
    /// knows no other way.
    ///
    /// With [`Error::Unknown`] either may hold: a pool with each tells which. Keep `new` before. `cltrid` is the id of the
    /// login.
    pub async fn change_password(&self, new: Secret, cltrid: &str) -> Result<(), Error> {
        names::token(new.expose(), 6, 255)
            .map_err(|_| invalid("a password has 6 characters or more, and no control characters"))?;
        names::transaction_id(cltrid)?;
        let settings = &self.0.settings;
        let deadline = Instant::now() + settings.timeouts.wait;
        let _place = self.0.place(deadline).await?;
        // It takes a login; where sessions are scarce, one must end for it.
        let spare = lock(&self.0.idle).pop();
        if let Some(session) = spare {
            session.logout(settings).await;
        }
        let old = lock(&self.0.password).clone();
        let connection = Connection::make(&self.0.way, settings).await?;
        match connection.login(settings, &old, Some(&new), cltrid, &self.0.census).await {
            Ok(session) => {
                *lock(&self.0.password) = new;
                self.0.give_back(session);
                Ok(())
            }
            Err(LoginError::NotSent(why)) => Err(why.into()),
            Err(LoginError::Refused(refusal)) => Err(Error::Refused(refusal)),
            Err(LoginError::Lost(why)) => Err(Error::Unknown { cltrid: cltrid.to_owned(), why }),
        }
    }

    /// Waits for the commands that are at work, and logs every session out. The pool, and every clone, is of no use then.
    pub async fn close(&self) {
        let all = u32::try_from(self.0.settings.sessions).unwrap_or(u32::MAX);
        let _places = self.0.places.acquire_many(all).await;
        self.0.places.close();
        let idle = std::mem::take(&mut *lock(&self.0.idle));
        for session in idle {
            session.logout(&self.0.settings).await;
        }
    }
}

impl Inner {
    async fn place(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, NotSent> {
        match timeout_at(deadline, self.places.acquire()).await {
            Ok(place) => place.or(Err(NotSent::Closed)),
            Err(_) => Err(NotSent::Busy),
        }
    }

    /// A session that is there, an old one or a new one.
    async fn session(&self, cltrid: &str, deadline: Instant) -> Result<Session, NotSent> {
        loop {
            let mut freed = pin!(self.census.freed.notified());
            freed.as_mut().enable();
            if let Some(session) = self.old_session().await {
                return Ok(session);
            }
            let refusal = match self.known_full() {
                Some(refusal) => refusal,
                None => match self.new_session(cltrid).await {
                    Err(NotSent::SessionLimit(refusal)) => {
                        *lock(&self.full) = Some((Instant::now(), refusal.clone()));
                        refusal
                    }
                    other => return other,
                },
            };
            let others = self.census.open.load(Ordering::SeqCst);
            if others == 0 || timeout_at(deadline, freed).await.is_err() {
                return Err(NotSent::SessionLimit(refusal));
            }
            if self.census.open.load(Ordering::SeqCst) < others {
                *lock(&self.full) = None;
            }
        }
    }

    fn known_full(&self) -> Option<Box<Refusal>> {
        let full = lock(&self.full);
        let (at, refusal) = full.as_ref()?;
        let others = self.census.open.load(Ordering::SeqCst);
        if others > 0 && at.elapsed() < FULL_FOR { Some(refusal.clone()) } else { None }
    }

    async fn old_session(&self) -> Option<Session> {
        loop {
            let mut session = lock(&self.idle).pop()?;
            if !session.is_quiet().await {
                continue;
            }
            if session.idle_for() < self.settings.probe_after || session.hello(&self.settings).await.is_ok() {
                return Some(session);
            }
        }
    }

    async fn new_session(&self, cltrid: &str) -> Result<Session, NotSent> {
        let connection = Connection::make(&self.way, &self.settings).await?;
        let password = lock(&self.password).clone();
        let id = self.login_id(cltrid);
        let session = connection.login(&self.settings, &password, None, &id, &self.census).await;
        session.map_err(|error| match error {
            LoginError::NotSent(why) => why,
            LoginError::Refused(refusal) => not_let_in(refusal),
            LoginError::Lost(Lost::Hostile(why)) => NotSent::Hostile(why),
            LoginError::Lost(why) => NotSent::Unreachable(format!("the login has no answer: {why}")),
        })
    }

    fn take_used_before(&self, begun: Instant) -> Option<Session> {
        let mut idle = lock(&self.idle);
        let position = idle.iter().position(|session| session.used_before(begun))?;
        Some(idle.remove(position))
    }

    fn give_back(&self, session: Session) {
        lock(&self.idle).push(session);
        self.census.freed.notify_waiters();
    }

    /// An id for the login that a command needs first. Ids are not used twice (RFC 5730, section 2.5), by no process of
    /// the client, so it is made of the command's own.
    fn login_id(&self, cltrid: &str) -> String {
        let count = self.logins.fetch_add(1, Ordering::Relaxed);
        let suffix = format!("-login-{count}");
        let all = cltrid.chars().count();
        let end = cltrid.chars().skip((all + suffix.len()).saturating_sub(64));
        end.collect::<String>().trim_start().to_owned() + &suffix
    }
}
