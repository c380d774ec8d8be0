//! One conversation with Openprovider: where, as whom, and what its answers mean.
//!
//! The status of HTTP says little here: the API answers even wrong credentials with 500. What counts is `code` in the body:
//! 0 is success, 100 and more a refusal with its reason in `desc` (<https://doc.openprovider.eu/API_module_Error_handling>).
//! Smaller numbers are those of the gateway in front (gRPC's, 14 being “unavailable”), and leave open what happened behind it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domains::registrars::contract::{Account, RegistrarError};
use jiff::tz::TimeZone;
use kernel::Date;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::wire::{Text, flag, list, number, unreadable};
use crate::http::{Answer, Http, HttpError};

pub(super) const ENDPOINT: &str = "https://api.openprovider.eu";
/// An answer about one thing.
const SMALL: usize = 1 << 20;
/// A page of the price list.
pub(super) const LARGE: usize = 8 << 20;
const MESSAGE_CHARS: usize = 400;

/// “Authentication/Authorization Failed”: wrong credentials, or a token that is over (it lives for 48 hours).
const NOT_LOGGED_IN: i64 = 196;
/// “Calls limit has been reached”.
const TOO_MANY: i64 = 50;
/// The lowest code with which the API itself says that it did not do something.
const LOWEST_REASON: i64 = 100;
/// “An unknown error has occurred!”
const ANYTHING: i64 = 199;
/// The agreement is not signed; the address has no access to the API, there and in the test system.
const LOCKED_OUT: [i64; 3] = [197, 10005, 10009];

/// The tokens that we were given, by the set-up. Openprovider allows 30 log-ins a minute, so they are kept while the
/// program runs. Printing shows none.
#[derive(Default)]
pub(super) struct Tokens(Mutex<HashMap<String, Session>>);

struct Session {
    /// Of address, user and password: other ones are another session.
    of: [u8; 32],
    token: String,
}

impl Tokens {
    fn sessions(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokens({})", self.sessions().len())
    }
}

pub(super) struct Api<'a> {
    http: &'a Http,
    tokens: &'a Tokens,
    account: &'a str,
    base: String,
    username: &'a str,
    password: &'a str,
    /// Besides the password and the token: what never gets into an error.
    hidden: Vec<&'a str>,
}

/// What is asked for.
struct Ask {
    method: Method,
    path: String,
    body: Option<String>,
    most: usize,
}

/// An answer in which the API says that it has done it.
pub(super) struct Told<T> {
    pub data: T,
    /// Of Openprovider's clock (UTC).
    pub today: Option<Date>,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default, deserialize_with = "number")]
    code: Option<i64>,
    #[serde(default)]
    desc: Text,
    /// In place of `desc` where the gateway speaks.
    #[serde(default)]
    message: Text,
    data: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "flag")]
    maintenance: Option<bool>,
    #[serde(default, deserialize_with = "list")]
    warnings: Vec<Warning>,
}

#[derive(Deserialize)]
struct Warning {
    #[serde(default, deserialize_with = "number")]
    code: Option<i64>,
    #[serde(default)]
    desc: Text,
}

enum Verdict {
    Done(Envelope),
    NotLoggedIn,
    Failed(RegistrarError),
}

#[derive(Serialize)]
struct Login<'a> {
    username: &'a str,
    password: &'a str,
}

#[derive(Deserialize)]
pub(super) struct LoggedIn {
    token: String,
}

impl<'a> Api<'a> {
    pub fn new(http: &'a Http, tokens: &'a Tokens, account: &'a Account) -> Result<Api<'a>, RegistrarError> {
        let lacking = |what: &str| RegistrarError::Misconfigured(format!("The {what} of Openprovider is not set."));
        let base = account.get("endpoint").unwrap_or(ENDPOINT);
        check_endpoint(base, true).map_err(RegistrarError::Misconfigured)?;
        Ok(Api {
            http,
            tokens,
            account: &account.name,
            base: base.trim_end_matches('/').to_owned(),
            username: account.get("username").ok_or_else(|| lacking("user name"))?,
            password: account.get("password").ok_or_else(|| lacking("password"))?,
            hidden: Vec::new(),
        })
    }

    /// A secret of this call, such as an authorisation code.
    pub fn hiding(mut self, secret: &'a str) -> Api<'a> {
        self.hidden.push(secret);
        self
    }

    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Told<T>, RegistrarError> {
        self.get_for(path, query, SMALL).await
    }

    /// As [`Api::get`], for an answer of at most `most` octets.
    pub async fn get_for<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        most: usize,
    ) -> Result<Told<T>, RegistrarError> {
        let path = with_query(path, query)?;
        self.call(Ask { method: Method::GET, path, body: None, most }).await
    }

    pub async fn delete<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Told<T>, RegistrarError> {
        let path = with_query(path, query)?;
        self.call(Ask { method: Method::DELETE, path, body: None, most: SMALL }).await
    }

    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Told<T>, RegistrarError> {
        let body = Some(written(body)?);
        self.call(Ask { method: Method::POST, path: path.to_owned(), body, most: SMALL }).await
    }

    pub async fn put<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<Told<T>, RegistrarError> {
        let body = Some(written(body)?);
        self.call(Ask { method: Method::PUT, path: path.to_owned(), body, most: SMALL }).await
    }

    /// Logs in anew, whatever token there is.
    pub async fn login(&self) -> Result<String, RegistrarError> {
        let body = written(&Login { username: self.username, password: self.password })?;
        let ask = Ask { method: Method::POST, path: "/v1beta/auth/login".to_owned(), body: Some(body), most: SMALL };
        // Whatever goes wrong here, nothing has been ordered.
        let answer = self.send(&ask, None).await.map_err(|error| unstarted(error.into()))?;
        let envelope = match self.judge(&answer, "") {
            Verdict::Done(envelope) => envelope,
            Verdict::NotLoggedIn => return Err(wrong_credentials()),
            Verdict::Failed(error) => return Err(unstarted(error)),
        };
        let LoggedIn { token } = data::<LoggedIn>(&envelope).map_err(unstarted)?;
        let session = Session { of: self.fingerprint(), token: token.clone() };
        self.tokens.sessions().insert(self.account.to_owned(), session);
        Ok(token)
    }

    async fn call<T: DeserializeOwned>(&self, ask: Ask) -> Result<Told<T>, RegistrarError> {
        let token = match self.kept_token() {
            Some(token) => token,
            None => self.login().await?,
        };
        match self.once(&ask, &token).await? {
            Some(told) => Ok(told),
            // The one repetition: a request of somebody who is not logged in was not carried out.
            None => {
                let token = self.login().await?;
                self.once(&ask, &token).await?.ok_or_else(wrong_credentials)
            }
        }
    }

    /// `None`: we are not logged in.
    async fn once<T: DeserializeOwned>(&self, ask: &Ask, token: &str) -> Result<Option<Told<T>>, RegistrarError> {
        let answer = self.send(ask, Some(token)).await?;
        match self.judge(&answer, token) {
            Verdict::Done(envelope) => {
                self.note(ask, &envelope, token);
                let today = answer.date.map(|at| at.date_in(&TimeZone::UTC));
                Ok(Some(Told { data: data(&envelope)?, today }))
            }
            Verdict::NotLoggedIn => Ok(None),
            Verdict::Failed(error) => Err(error),
        }
    }

    async fn send(&self, ask: &Ask, token: Option<&str>) -> Result<Answer, HttpError> {
        let mut request = self.http.request(ask.method.clone(), &format!("{}{}", self.base, ask.path));
        if let Some(token) = token {
            let mut bearer = HeaderValue::from_str(&format!("Bearer {token}"))
                .map_err(|_| HttpError::NotSent("the token has characters that no token has".to_owned()))?;
            bearer.set_sensitive(true);
            request = request.header(AUTHORIZATION, bearer);
        }
        if let Some(body) = &ask.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        let answer = self.http.send_for(request, ask.most).await?;
        tracing::debug!(method = %ask.method, status = answer.status.as_u16(), "Openprovider answered");
        Ok(answer)
    }

    fn judge(&self, answer: &Answer, token: &str) -> Verdict {
        let status = answer.status;
        let too_many = || RegistrarError::Unavailable("Openprovider wants fewer requests from us.".to_owned());
        let envelope = answer.json::<Envelope>();
        let code = envelope.as_ref().and_then(|envelope| envelope.code).unwrap_or_default();
        let words = envelope.as_ref().map(|envelope| self.words(envelope, token)).unwrap_or_default();
        if code == NOT_LOGGED_IN || status == StatusCode::UNAUTHORIZED {
            return Verdict::NotLoggedIn;
        }
        if code == TOO_MANY || status == StatusCode::TOO_MANY_REQUESTS {
            return Verdict::Failed(too_many());
        }
        if LOCKED_OUT.contains(&code) {
            let words = format!("Openprovider does not let this account use its API ({code}): {words}");
            return Verdict::Failed(RegistrarError::Misconfigured(words));
        }
        match envelope {
            Some(envelope) if envelope.maintenance == Some(true) => {
                Verdict::Failed(RegistrarError::Unknown(format!("Openprovider is under maintenance. {words}")))
            }
            Some(_) if code >= LOWEST_REASON && code != ANYTHING => {
                Verdict::Failed(RegistrarError::Refused { code: code.to_string(), message: words })
            }
            Some(envelope) if code == 0 && status.is_success() => Verdict::Done(envelope),
            _ if status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT => {
                let code = format!("HTTP {}", status.as_u16());
                Verdict::Failed(RegistrarError::Refused { code, message: words })
            }
            _ => {
                let words = format!("Openprovider answered with status {} and no result. {words}", status.as_u16());
                Verdict::Failed(RegistrarError::Unknown(words.trim_end().to_owned()))
            }
        }
    }

    /// Openprovider's own words, fit for a screen: one line, not endless, and without what is secret.
    fn words(&self, envelope: &Envelope, token: &str) -> String {
        let more = envelope.data.as_ref().and_then(|data| serde_json::from_str::<String>(data.get()).ok());
        let said = [Some(envelope.desc.0.clone()), Some(envelope.message.0.clone()), more];
        let said: Vec<String> = said.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        self.without_secrets(&said.join(" "), token)
    }

    pub fn without_secrets(&self, text: &str, token: &str) -> String {
        let kept = self.kept_token().unwrap_or_default();
        let mut text = text.to_owned();
        for secret in [self.password, token, &kept].into_iter().chain(self.hidden.iter().copied()) {
            if !secret.is_empty() {
                text = text.replace(secret, "…");
            }
        }
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MESSAGE_CHARS).collect()
    }

    /// A success may carry what went wrong beside it.
    fn note(&self, ask: &Ask, envelope: &Envelope, token: &str) {
        let path = ask.path.split('?').next().unwrap_or_default();
        for warning in &envelope.warnings {
            let words = self.without_secrets(warning.desc.as_str(), token);
            tracing::warn!(registrar = self.account, path, code = warning.code, words, "Openprovider warns");
        }
    }

    fn kept_token(&self) -> Option<String> {
        let sessions = self.tokens.sessions();
        sessions.get(self.account).filter(|session| session.of == self.fingerprint()).map(|kept| kept.token.clone())
    }

    fn fingerprint(&self) -> [u8; 32] {
        Sha256::new()
            .chain_update(&self.base)
            .chain_update([0])
            .chain_update(self.username)
            .chain_update([0])
            .chain_update(self.password)
            .finalize()
            .into()
    }
}

/// Whether the password may be sent there: encrypted, or to this machine when `local` allows it.
pub(super) fn check_endpoint(text: &str, local: bool) -> Result<(), String> {
    let wrong = |why: &str| Err(format!("{why} Write an address such as {ENDPOINT}."));
    let Ok(url) = Url::parse(text) else { return wrong("This is no address.") };
    let here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if !(url.scheme() == "https" || url.scheme() == "http" && here && local) {
        return wrong("The address has to start with https://: the password is sent there.");
    }
    let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if !bare || url.fragment().is_some() || url.path() != "/" {
        return wrong("Nothing comes after the host of this address.");
    }
    Ok(())
}

/// What failed was before anything was ordered, so that all of it can be tried again.
pub(super) fn unstarted(error: RegistrarError) -> RegistrarError {
    match error {
        RegistrarError::Unknown(words) => RegistrarError::Unavailable(format!("{words} Nothing was ordered yet.")),
        other => other,
    }
}

pub(super) fn refused(code: &str, message: impl Into<String>) -> RegistrarError {
    RegistrarError::Refused { code: code.to_owned(), message: message.into() }
}

fn wrong_credentials() -> RegistrarError {
    RegistrarError::Misconfigured("Openprovider refuses the user name or the password.".to_owned())
}

fn data<T: DeserializeOwned>(envelope: &Envelope) -> Result<T, RegistrarError> {
    let text = envelope.data.as_ref().map_or("null", |data| data.get());
    // The reader's own words would quote the answer, which may hold an authorisation code.
    serde_json::from_str(text).map_err(|_| unreadable("its data are not of the documented shape"))
}

fn written(body: &impl Serialize) -> Result<String, RegistrarError> {
    serde_json::to_string(body).map_err(|_| refused("request", "The request cannot be written as JSON."))
}

fn with_query(path: &str, query: &[(&str, &str)]) -> Result<String, RegistrarError> {
    if query.is_empty() {
        return Ok(path.to_owned());
    }
    let query = serde_html_form::to_string(query).map_err(|error| refused("request", error.to_string()))?;
    Ok(format!("{path}?{query}"))
}
