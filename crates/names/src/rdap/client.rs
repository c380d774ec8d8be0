//! Asking.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use jiff::fmt::rfc2822;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT, CONTENT_TYPE, DATE, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{ClientBuilder, Response, StatusCode, Url, redirect};
use serde_json::Value;
use tokio::time::timeout;

use super::{Bootstrap, Domain, Failure, Lookup, MAX_BYTES, Settings};
use crate::name::{NotAName, check_domain};
use crate::reach::Reach;

/// Asks RDAP servers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    bootstrap: Arc<Bootstrap>,
    settings: Settings,
}

impl Client {
    /// `builder` brings what is the application's to choose: extra root certificates, a proxy, a user agent. rustls'
    /// cryptography must have been chosen for the process.
    ///
    /// # Errors
    /// When the client cannot be made of it.
    pub fn new(builder: ClientBuilder, bootstrap: Bootstrap, settings: Settings) -> reqwest::Result<Self> {
        let builder = builder.redirect(redirect::Policy::none()).dns_resolver(Arc::new(Guarded(settings.reach)));
        let http = builder.connect_timeout(settings.timeout).build()?;
        Ok(Self { http, bootstrap: Arc::new(bootstrap), settings })
    }

    /// The same client with another list of servers.
    #[must_use]
    pub fn with_bootstrap(&self, bootstrap: Bootstrap) -> Self {
        Self { bootstrap: Arc::new(bootstrap), ..self.clone() }
    }

    /// What the registry says about a name. A server that fails is followed by the next one of the registry's.
    ///
    /// # Errors
    /// When `name` is none, see [`check_domain`].
    pub async fn look_up(&self, name: &str) -> Result<Lookup, NotAName> {
        check_domain(name)?;
        let mut last = Failure::NoServer;
        for server in self.bootstrap.servers(name) {
            match self.ask(server, name).await {
                Ok(found) => return Ok(found),
                Err(failure) if failure.is_of_the_server() => last = failure,
                Err(failure) => return Ok(Lookup::Unknown(failure)),
            }
        }
        Ok(Lookup::Unknown(last))
    }

    async fn ask(&self, server: &str, name: &str) -> Result<Lookup, Failure> {
        let work = async {
            let (address, response) = self.get(&format!("{server}domain/{name}")).await?;
            understand(response, name, address.as_str()).await
        };
        timeout(self.settings.timeout, work).await.unwrap_or(Err(Failure::TimedOut))
    }

    /// The answer that is no redirect, and where it came from.
    async fn get(&self, address: &str) -> Result<(Url, Response), Failure> {
        let mut url = Url::parse(address).map_err(|error| Failure::Forbidden(error.to_string()))?;
        for _ in 0..=self.settings.redirects {
            self.check(&url)?;
            let request = self.http.get(url.clone()).header(ACCEPT, "application/rdap+json, application/json;q=0.9");
            let response = request.send().await.map_err(|error| failure(&error))?;
            if !response.status().is_redirection() {
                return Ok((url, response));
            }
            url = next(&url, response.headers())?;
        }
        Err(Failure::Forbidden("it redirects too often".to_owned()))
    }

    /// A host that is written as an address is never resolved, and so is checked here.
    fn check(&self, url: &Url) -> Result<(), Failure> {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        match host.parse::<IpAddr>() {
            _ if !matches!(url.scheme(), "http" | "https") => Err(Failure::Forbidden(format!("{url} is not http"))),
            Ok(address) if !self.settings.reach.allows(address) => Err(not_public()),
            _ => Ok(()),
        }
    }
}

fn not_public() -> Failure {
    Failure::Forbidden("it is not on the public Internet".to_owned())
}

pub(super) fn next(from: &Url, headers: &HeaderMap) -> Result<Url, Failure> {
    let location = headers.get(LOCATION).and_then(|location| location.to_str().ok());
    let to = location.and_then(|location| from.join(location).ok());
    let to = to.ok_or_else(|| Failure::Malformed("it redirects to nowhere".to_owned()))?;
    if from.scheme() == "https" && to.scheme() == "http" {
        return Err(Failure::Forbidden("it redirects to a connection that can be listened to".to_owned()));
    }
    Ok(to)
}

async fn understand(response: Response, name: &str, address: &str) -> Result<Lookup, Failure> {
    match response.status() {
        StatusCode::OK => {
            let body = body(response).await?;
            let raw = serde_json::from_slice(&body).map_err(|error| Failure::Malformed(error.to_string()))?;
            Ok(Lookup::Registered(Box::new(Domain::read(raw, name, address)?)))
        }
        StatusCode::NOT_FOUND => not_found(response, address).await,
        StatusCode::TOO_MANY_REQUESTS => Err(Failure::TooMany { retry_after: retry_after(response.headers()) }),
        other => Err(Failure::Status(other.as_u16())),
    }
}

/// RFC 7480 section 5.3: without a body, or with one of RFC 9083 section 6.
async fn not_found(response: Response, server: &str) -> Result<Lookup, Failure> {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
    let body = body(response).await?;
    let no_rdap = || Failure::Malformed(format!("status 404 with a body of type {kind:?}"));
    if !body.trim_ascii().is_empty() {
        let error: Value = serde_json::from_slice(&body).map_err(|_| no_rdap())?;
        let code = &error["errorCode"];
        let is_404 = code.as_u64() == Some(404) || code.as_str() == Some("404");
        if !error.is_object() || !(is_404 || code.is_null()) {
            return Err(no_rdap());
        }
    }
    Ok(Lookup::NotRegistered { server: server.to_owned() })
}

async fn body(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
        if body.len() + chunk.len() > MAX_BYTES {
            return Err(Failure::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Seconds, or a date (RFC 9110 section 10.2.3), which is compared with the server's own clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let value = text(RETRY_AFTER)?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| rfc2822::parse(text).ok().map(|date| date.timestamp());
    (date(value)?.duration_since(date(text(DATE)?)?)).try_into().ok()
}

fn failure(error: &reqwest::Error) -> Failure {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    let mut reason = error.to_string();
    while let Some(inner) = cause {
        if inner.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::PermissionDenied) {
            return not_public();
        }
        reason = inner.to_string();
        cause = inner.source();
    }
    if error.is_timeout() { Failure::TimedOut } else { Failure::Unreachable(reason) }
}

/// Resolves names to addresses that may be connected to.
#[derive(Debug)]
struct Guarded(Reach);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = reach.resolve(name.as_str(), 0).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
