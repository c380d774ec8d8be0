//! Outgoing HTTP as gateways and registrars need it: bounded in time and size, never redirected, never repeated, and with
//! failures sorted by the one question that matters for money: can the request have arrived?

use std::time::Duration;

use billing::gateways::GatewayError;
use domains::registrars::RegistrarError;
use kernel::Timestamp;
use reqwest::{Client, ClientBuilder, Method, RequestBuilder, StatusCode, header, redirect, retry};
use serde::de::DeserializeOwned;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(30);
/// A page of 100 payments with their charges is well under 1 MiB.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpError {
    /// No connection came about.
    NotSent(String),
    /// Something broke after there was one.
    Unknown(String),
}

impl From<HttpError> for GatewayError {
    fn from(error: HttpError) -> GatewayError {
        match error {
            HttpError::NotSent(words) => GatewayError::NotSent(words),
            HttpError::Unknown(words) => GatewayError::Unknown(words),
        }
    }
}

impl From<HttpError> for RegistrarError {
    fn from(error: HttpError) -> RegistrarError {
        match error {
            HttpError::NotSent(words) => RegistrarError::Unavailable(words),
            HttpError::Unknown(words) => RegistrarError::Unknown(words),
        }
    }
}

/// A client with the policies of this module; there is no way to make one without them.
#[derive(Debug, Clone)]
pub struct Http(Client);

impl Http {
    /// `builder` brings what is the application's to choose: proxies, extra root certificates, a user agent.
    pub fn new(builder: ClientBuilder) -> reqwest::Result<Http> {
        Http::with_timeouts(builder, CONNECT_TIMEOUT, TOTAL_TIMEOUT)
    }

    pub fn with_timeouts(builder: ClientBuilder, connect: Duration, total: Duration) -> reqwest::Result<Http> {
        builder
            .connect_timeout(connect)
            .timeout(total)
            // A redirect could carry a secret to another host.
            .redirect(redirect::Policy::none())
            // Whether a request is sent again is for the caller of the gateway to decide.
            .retry(retry::never())
            .build()
            .map(Http)
    }

    pub fn request(&self, method: Method, url: &str) -> RequestBuilder {
        self.0.request(method, url)
    }

    pub fn get(&self, url: &str) -> RequestBuilder {
        self.0.get(url)
    }

    pub fn post(&self, url: &str) -> RequestBuilder {
        self.0.post(url)
    }

    /// [`HttpError::NotSent`] only when no connection came about; once there was one, anything that breaks is
    /// [`HttpError::Unknown`].
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer, HttpError> {
        self.send_for(request, MAX_BODY).await
    }

    /// As [`Http::send`], for an answer of at most `most` octets.
    pub async fn send_for(&self, request: RequestBuilder, most: usize) -> Result<Answer, HttpError> {
        let mut response = request.send().await.map_err(sort)?;
        let status = response.status();
        let date = response.headers().get(header::DATE).and_then(|value| date(value.to_str().ok()?));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(sort)? {
            if body.len() + chunk.len() > most {
                return Err(HttpError::Unknown(format!("the answer ({status}) is too large to be read")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, date, body })
    }
}

/// What came back, read to its end.
pub struct Answer {
    pub status: StatusCode,
    /// The provider's clock, to the second.
    pub date: Option<Timestamp>,
    body: Vec<u8>,
}

impl Answer {
    /// The same with `secrets` blotted out wherever they occur.
    pub fn without(mut self, secrets: &[&str]) -> Answer {
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            if self.body.windows(secret.len()).any(|window| window == secret.as_bytes()) {
                self.body = String::from_utf8_lossy(&self.body).replace(secret, "…").into_bytes();
            }
        }
        self
    }

    /// The body as JSON of the expected shape.
    pub fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }
}

fn sort(error: reqwest::Error) -> HttpError {
    // Addresses may hold ids of customers, and errors end up on screens and in logs.
    let error = error.without_url();
    let mut words = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    if error.is_connect() || error.is_builder() { HttpError::NotSent(words) } else { HttpError::Unknown(words) }
}

fn date(text: &str) -> Option<Timestamp> {
    let zoned = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Timestamp::from_micros(zoned.timestamp().as_microsecond()))
}
