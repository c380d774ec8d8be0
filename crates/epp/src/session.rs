//! One connection to a server, on which one command at a time is asked and answered.
//!
//! A session whose last exchange did not end with a whole, believable answer is thrown away: what is read next from it
//! could be the answer to something else.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Duration, Instant, timeout};
use tokio_rustls::client::TlsStream;

use crate::error::{Hostile, Lost, NotSent, Refusal, invalid};
use crate::frame;
use crate::greeting::{Greeting, Services};
use crate::ns;
use crate::response::{self, Code};
use crate::secret::{Secret, scrub};
use crate::settings::{Exchange, Settings};
use crate::tls::Way;
use crate::xml::{self, Element};

/// How many sessions are logged in.
#[derive(Default)]
pub(crate) struct Census {
    pub open: AtomicUsize,
    /// Told when one of them is free or gone.
    pub freed: Notify,
}

/// That one is.
struct Counted(Arc<Census>);

impl Counted {
    fn new(census: &Arc<Census>) -> Counted {
        census.open.fetch_add(1, Ordering::SeqCst);
        Counted(census.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
        self.0.freed.notify_waiters();
    }
}

/// A connection that is not logged in.
pub(crate) struct Connection {
    stream: TlsStream<TcpStream>,
    pub greeting: Greeting,
}

/// Why a login came to nothing.
pub(crate) enum LoginError {
    NotSent(NotSent),
    Lost(Lost),
    Refused(Box<Refusal>),
}

/// A document that is ready to be sent.
pub(crate) struct Request {
    frame: Vec<u8>,
    masked: String,
    cltrid: Option<String>,
    pub secrets: Vec<String>,
}

impl Request {
    pub fn new(root: &Element, cltrid: Option<&str>, settings: &Settings) -> Result<Request, NotSent> {
        let frame = frame::frame(&root.document()?, settings.limits.frame);
        let frame = frame.ok_or_else(|| invalid("the command is larger than a frame"))?;
        let mut secrets = root.secrets();
        secrets.push(settings.password.expose().to_owned());
        Ok(Request { frame, masked: root.masked(), cltrid: cltrid.map(str::to_owned), secrets })
    }
}

impl Connection {
    /// Connects and reads the greeting.
    pub async fn make(way: &Way, settings: &Settings) -> Result<Connection, NotSent> {
        let mut stream = way.connect(&settings.timeouts).await?;
        let reading = frame::read(&mut stream, settings.limits.frame);
        let body = timeout(settings.timeouts.greeting, reading).await.unwrap_or(Err(Lost::TimedOut));
        let greeting = body.and_then(|body| {
            let root = xml::parse(&body, settings.limits.depth).map_err(Lost::Hostile)?;
            Greeting::read(&root).map_err(Lost::Hostile)
        });
        match greeting {
            Ok(greeting) => Ok(Connection { stream, greeting }),
            Err(Lost::Hostile(why)) => Err(NotSent::Hostile(why)),
            Err(lost) => Err(NotSent::Unreachable(format!("there is no greeting: {lost}"))),
        }
    }

    /// Logs in, and gives the client another password if there is one.
    pub async fn login(
        mut self,
        settings: &Settings,
        password: &Secret,
        new: Option<&Secret>,
        cltrid: &str,
        census: &Arc<Census>,
    ) -> Result<Session, LoginError> {
        let services = self.greeting.services(&settings.extensions);
        if services.objects.is_empty() {
            return Err(LoginError::NotSent(NotSent::NotOffered(ns::DOMAIN.to_owned())));
        }
        let login = login(settings, password, new, &self.greeting.language(&settings.language), &services);
        let command = Element::new(ns::EPP, "command").with(login).with_leaf("clTRID", cltrid);
        let root = Element::new(ns::EPP, "epp").with(command);
        let request = Request::new(&root, Some(cltrid), settings).map_err(LoginError::NotSent)?;
        let answer = exchange(&mut self.stream, &request, settings).await.map_err(LoginError::Lost)?;
        match response::read(&answer, cltrid, &request.secrets).map_err(|why| LoginError::Lost(Lost::Hostile(why)))? {
            Err(refusal) => Err(LoginError::Refused(Box::new(refusal))),
            Ok(_) => Ok(Session {
                stream: self.stream,
                greeting: self.greeting,
                services,
                used_at: Instant::now(),
                _counted: Counted::new(census),
            }),
        }
    }
}

fn login(settings: &Settings, password: &Secret, new: Option<&Secret>, language: &str, services: &Services) -> Element {
    let login = Element::new(ns::EPP, "login")
        .with_leaf("clID", &settings.client_id)
        .with_leaf("pw", password.expose())
        .with_some("newPW", new.map(Secret::expose));
    let options = login.sibling("options").with_leaf("version", "1.0").with_leaf("lang", language);
    let leaf = |name: &'static str| {
        let login = login.clone();
        move |uri: &String| login.sibling(name).with_text(uri)
    };
    let mut all = login.sibling("svcs").with_all(services.objects.iter().map(leaf("objURI")));
    if !services.extensions.is_empty() {
        let extensions = login.sibling("svcExtension").with_all(services.extensions.iter().map(leaf("extURI")));
        all = all.with(extensions);
    }
    login.clone().with(options).with(all)
}

/// A connection that is logged in.
pub(crate) struct Session {
    stream: TlsStream<TcpStream>,
    pub greeting: Greeting,
    pub services: Services,
    used_at: Instant,
    _counted: Counted,
}

impl Session {
    /// Sends a command. From here on the server may have it, whatever comes back.
    pub async fn ask(&mut self, request: &Request, settings: &Settings) -> Result<Element, Lost> {
        let answer = exchange(&mut self.stream, request, settings).await;
        self.used_at = Instant::now();
        answer
    }

    /// How long nothing was said.
    pub fn idle_for(&self) -> Duration {
        self.used_at.elapsed()
    }

    /// Whether nothing was said since then.
    pub fn used_before(&self, then: Instant) -> bool {
        self.used_at < then
    }

    /// Whether the server has neither ended the connection nor said something unasked.
    pub async fn is_quiet(&mut self) -> bool {
        // Lets the runtime look at its sockets: what the server did a while ago may not have been noticed.
        tokio::task::yield_now().await;
        let mut byte = [0];
        let stream = &mut self.stream;
        let quiet = |context: &mut std::task::Context<'_>| {
            let read = Pin::new(&mut *stream).poll_read(context, &mut ReadBuf::new(&mut byte));
            Poll::Ready(read.is_pending())
        };
        std::future::poll_fn(quiet).await
    }

    /// Asks for the greeting, to see whether the server is there and to let it see that we are (RFC 5730, section 2.3).
    pub async fn hello(&mut self, settings: &Settings) -> Result<Greeting, Lost> {
        let hello = Element::new(ns::EPP, "epp").with(Element::new(ns::EPP, "hello"));
        let request = Request::new(&hello, None, settings).map_err(|why| Lost::Broken(why.to_string()))?;
        let answer = self.ask(&request, settings).await?;
        let greeting = Greeting::read(&answer).map_err(Lost::Hostile)?;
        self.greeting = greeting.clone();
        Ok(greeting)
    }

    /// Ends the session in the proper way. What the server says to it does not matter, so it needs no id.
    pub async fn logout(mut self, settings: &Settings) {
        let command = Element::new(ns::EPP, "command").with(Element::new(ns::EPP, "logout"));
        if let Ok(request) = Request::new(&Element::new(ns::EPP, "epp").with(command), None, settings) {
            let _ = self.ask(&request, settings).await;
        }
        let _ = timeout(settings.timeouts.connect, self.stream.shutdown()).await;
    }
}

/// Writes a request and reads the next document.
async fn exchange(stream: &mut TlsStream<TcpStream>, request: &Request, settings: &Settings) -> Result<Element, Lost> {
    let asking = async {
        frame::write(stream, &request.frame).await?;
        let body = frame::read(stream, settings.limits.frame).await?;
        xml::parse(&body, settings.limits.depth).map_err(|why| Lost::Hostile(Hostile::scrubbed(why, &request.secrets)))
    };
    let answer = timeout(settings.timeouts.command, asking).await.unwrap_or(Err(Lost::TimedOut));
    if let Some(log) = &settings.log {
        let shown = answer.as_ref().map(|root| scrub(&root.masked(), &request.secrets));
        let response = shown.as_deref().map_err(|lost| *lost);
        log(&Exchange { cltrid: request.cltrid.as_deref(), request: &request.masked, response });
    }
    answer
}

/// What a refused login means for a command that was to follow it.
pub(crate) fn not_let_in(refusal: Box<Refusal>) -> NotSent {
    if refusal.code == Code::SESSION_LIMIT { NotSent::SessionLimit(refusal) } else { NotSent::LoginRefused(refusal) }
}
