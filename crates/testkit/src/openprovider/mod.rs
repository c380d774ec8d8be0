//! A stand-in for Openprovider, whose own test system needs an account: a reseller's account with customers, domains, name
//! servers, zones, prices and a balance, in memory.
//!
//! Requests and answers have the shapes of Openprovider's own description of its API ([`Spec`]); a test whose requests have a
//! field that it does not know fails, and so does the stand-in when it makes one up. As there, a refusal comes with status
//! 500 and its `code` in the body. What no account does on demand is a [`Fault`].

mod shapes;
mod spec;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub use crate::http::Request;
pub use spec::Spec;
pub use state::{PASSWORD, State, USERNAME};

use crate::http::{self, Reply};

/// What goes wrong, once.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// Nothing is done, and never answered.
    Hang,
    /// Nothing is done, and the connection closed.
    Close,
    /// It is done, and never answered.
    HangAfter,
    /// It is done, and the connection closed.
    CloseAfter,
    /// It is done, and answered by status 500 of a web server.
    ServerErrorAfter,
    /// It is done, and answered by what is no JSON.
    GarbageAfter,
    /// It is done, and answered by more than anybody reads.
    HugeAfter,
    /// It is done, and answered about another domain.
    OtherDomain,
    /// It is done, and answered in another currency.
    OtherCurrency,
    /// Nothing is done: “Authentication/Authorization Failed”, as of a token that is over.
    ExpiredToken,
    /// Nothing is done: status 429.
    TooMany,
    /// Nothing is done: this status with this body.
    Answer(u16, Value),
    /// It is done, and answered with a success of these data.
    Data(Value),
}

/// A running stand-in, on the loopback interface; ended when dropped.
pub struct Openprovider {
    base_url: String,
    shared: Arc<Mutex<Shared>>,
    task: JoinHandle<()>,
}

struct Shared {
    spec: Spec,
    state: State,
    faults: Vec<(String, String, Fault)>,
    requests: Vec<Request>,
    complaints: Vec<String>,
}

enum Answered {
    Reply(Reply),
    Silence,
    Closed,
}

impl Openprovider {
    /// Starts one, with 1,000 euros and the ten extensions of [`State`].
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn start() -> Openprovider {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap_or_else(|why| panic!("no port: {why}"));
        let address = listener.local_addr().unwrap_or_else(|why| panic!("no address: {why}"));
        let shared = Arc::new(Mutex::new(Shared {
            spec: Spec::load(),
            state: State::new(),
            faults: Vec::new(),
            requests: Vec::new(),
            complaints: Vec::new(),
        }));
        let seen = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&seen)));
            }
        });
        Openprovider { base_url: format!("http://{address}"), shared, task }
    }

    /// `http://127.0.0.1:PORT`, to which `/v1beta/…` is appended.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The next request of this method whose path ends with `path` goes wrong like this.
    pub fn fail(&self, method: &str, path: &str, fault: Fault) {
        self.locked().faults.push((method.to_owned(), path.to_owned(), fault));
    }

    /// Looks at what is in the account, or changes it.
    pub fn with<T>(&self, what: impl FnOnce(&mut State) -> T) -> T {
        what(&mut self.locked().state)
    }

    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.locked().requests.clone()
    }

    /// How often this was asked for, by method and how the path ends.
    #[must_use]
    pub fn count(&self, method: &str, path: &str) -> usize {
        self.locked().requests.iter().filter(|one| one.method == method && one.path.ends_with(path)).count()
    }

    /// The JSON of the last request of this kind.
    ///
    /// # Panics
    /// When there was none.
    #[must_use]
    pub fn last(&self, method: &str, path: &str) -> Value {
        let all = self.requests();
        let found = all.iter().rfind(|one| one.method == method && one.path.ends_with(path));
        let found = found.unwrap_or_else(|| panic!("no {method} {path}"));
        serde_json::from_str(&found.body).unwrap_or_default()
    }

    fn locked(&self) -> MutexGuard<'_, Shared> {
        locked(&self.shared)
    }
}

impl Drop for Openprovider {
    fn drop(&mut self) {
        self.task.abort();
        // Whatever a test is about: no request has a field that Openprovider does not know.
        let complaints = &self.locked().complaints;
        assert!(complaints.is_empty() || std::thread::panicking(), "{complaints:#?}");
    }
}

fn locked(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(mut stream: TcpStream, shared: Arc<Mutex<Shared>>) {
    let Some(request) = http::read(&mut stream).await else { return };
    let answered = locked(&shared).answer(request);
    match answered {
        Answered::Reply(reply) => http::write(&mut stream, &reply).await,
        Answered::Silence => std::future::pending().await,
        Answered::Closed => {}
    }
}

impl Shared {
    fn answer(&mut self, request: Request) -> Answered {
        let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
        let wrong = self.spec.check_request(&request.method, &request.path, &request.query, &body);
        self.complaints.extend(wrong);
        let fault = self.fault(&request);
        let date = self.state.date_header();
        self.requests.push(request.clone());
        let not_done = |status: u16, body: &Value| Answered::Reply(reply(status, &body.to_string(), &date));
        match &fault {
            Some(Fault::Hang) => return Answered::Silence,
            Some(Fault::Close) => return Answered::Closed,
            Some(Fault::ExpiredToken) => {
                return not_done(
                    500,
                    &json!({ "code": 196, "desc": "Authentication/Authorization Failed", "data": "" }),
                );
            }
            Some(Fault::TooMany) => return not_done(429, &json!({ "message": "Too many requests" })),
            Some(Fault::Answer(status, body)) => return not_done(*status, body),
            _ => {}
        }
        let text = match self.state.act(&request, &body) {
            Ok(data) => {
                self.complaints.extend(self.spec.check_answer(&request.method, &request.path, &data));
                json!({ "code": 0, "desc": "", "data": data }).to_string()
            }
            Err(refusal) => return not_done(500, &refusal),
        };
        match fault {
            Some(Fault::HangAfter) => Answered::Silence,
            Some(Fault::CloseAfter) => Answered::Closed,
            Some(Fault::ServerErrorAfter) => Answered::Reply(reply(500, "<h1>Internal Server Error</h1>", &date)),
            Some(Fault::GarbageAfter) => Answered::Reply(reply(200, "{\"code\": 0, \"data\": {\"stat", &date)),
            Some(Fault::HugeAfter) => Answered::Reply(reply(200, &"9".repeat(9 << 20), &date)),
            Some(Fault::OtherDomain) => Answered::Reply(reply(200, &text.replace("example", "another"), &date)),
            Some(Fault::OtherCurrency) => Answered::Reply(reply(200, &text.replace("EUR", "ZZZ"), &date)),
            Some(Fault::Data(data)) => {
                let text = json!({ "code": 0, "desc": "", "data": data }).to_string();
                Answered::Reply(reply(200, &text, &date))
            }
            _ => Answered::Reply(reply(200, &text, &date)),
        }
    }

    fn fault(&mut self, request: &Request) -> Option<Fault> {
        let fits = |(method, path, _): &(String, String, Fault)| {
            *method == request.method && request.path.ends_with(path.as_str())
        };
        let at = self.faults.iter().position(fits)?;
        Some(self.faults.remove(at).2)
    }
}

fn reply(status: u16, body: &str, date: &str) -> Reply {
    let headers = vec![("Content-Type", "application/json".to_owned()), ("Date", date.to_owned())];
    Reply { status, headers, body: body.to_owned() }
}
