//! Talking to providers: what they publish of themselves, their keys, and the exchange of a code for an ID token.
//!
//! What must hold: nothing is followed to another address, nothing is read without a limit, and only addresses that cannot
//! be read on the way are talked to.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::Jwk;
use kernel::{Error, Result, Timestamp};
use platform::web::lists::escape;
use reqwest::{Client, ClientBuilder, RequestBuilder, redirect};
use serde_json::Value;
use tokio::sync::Mutex;

use super::{Provider, is_private};

const TIMEOUT: Duration = Duration::from_secs(10);
const MOST_BYTES: usize = 1024 * 1024;
/// Seconds for which what a provider publishes is not read again, and for which its keys are not even when one is unknown:
/// strangers must not be able to make us ask.
const GOOD_FOR: i64 = 3600;
const PAUSE: i64 = 60;

/// What a provider publishes of itself (OpenID Connect Discovery 1.0).
#[derive(Debug, Clone)]
pub struct Published {
    pub authorization: String,
    pub token: String,
    jwks: String,
    /// Whether the client's secret is sent in the header, which is usual, or as a field.
    secret_in_header: bool,
    /// Whether each answer names its issuer (RFC 9207).
    pub names_issuer: bool,
}

struct Known {
    issuer: String,
    published: Published,
    keys: Arc<Vec<Jwk>>,
    read_at: Timestamp,
    keys_read_at: Timestamp,
}

/// The way to the providers, and what they have said.
pub struct Wire {
    http: Client,
    known: Mutex<HashMap<i64, Known>>,
}

impl Wire {
    /// `builder` brings what is the application's to choose: proxies, extra root certificates, a user agent.
    pub fn new(builder: ClientBuilder) -> reqwest::Result<Wire> {
        let http = builder.connect_timeout(TIMEOUT).timeout(TIMEOUT).redirect(redirect::Policy::none()).build()?;
        Ok(Wire { http, known: Mutex::default() })
    }

    /// What the provider publishes of itself.
    pub async fn published(&self, provider: &Provider, now: Timestamp) -> Result<Published> {
        let mut known = self.known.lock().await;
        Ok(self.look(&mut known, provider, now).await?.published.clone())
    }

    /// The keys that the provider signs with; read anew, though not too often, for one that was not among them.
    pub async fn keys(&self, provider: &Provider, anew: Anew, now: Timestamp) -> Result<Arc<Vec<Jwk>>> {
        let mut known = self.known.lock().await;
        let entry = self.look(&mut known, provider, now).await?;
        if anew == Anew::Yes && now.seconds_since(entry.keys_read_at) >= PAUSE {
            entry.keys_read_at = now;
            entry.keys = Arc::new(self.read_keys(&entry.published.jwks).await?);
        }
        Ok(entry.keys.clone())
    }

    async fn look<'k>(
        &self,
        known: &'k mut HashMap<i64, Known>,
        provider: &Provider,
        now: Timestamp,
    ) -> Result<&'k mut Known> {
        let fresh = known
            .get(&provider.id)
            .is_some_and(|entry| entry.issuer == provider.issuer && now.seconds_since(entry.read_at) < GOOD_FOR);
        if !fresh {
            let published = self.discover(&provider.issuer).await?;
            let keys = Arc::new(self.read_keys(&published.jwks).await?);
            let issuer = provider.issuer.clone();
            let entry = Known { issuer, published, keys, read_at: now, keys_read_at: now };
            known.insert(provider.id, entry);
        }
        known.get_mut(&provider.id).ok_or_else(|| Error::broken("openid: what was just read is gone"))
    }

    async fn discover(&self, issuer: &str) -> Result<Published> {
        let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let found = self.json(self.http.get(address)).await?;
        if found["issuer"] != issuer {
            return Err(said(format!("it calls itself {}, not {issuer}", found["issuer"])));
        }
        let address = |name: &str| {
            let text = found[name].as_str().unwrap_or_default();
            if is_private(text) { Ok(text.to_owned()) } else { Err(said(format!("its {name} is no https address"))) }
        };
        let methods = found["token_endpoint_auth_methods_supported"].as_array();
        let takes = |method: &str| methods.is_some_and(|all| all.iter().any(|one| one == method));
        Ok(Published {
            authorization: address("authorization_endpoint")?,
            token: address("token_endpoint")?,
            jwks: address("jwks_uri")?,
            secret_in_header: methods.is_none() || takes("client_secret_basic") || !takes("client_secret_post"),
            names_issuer: found["authorization_response_iss_parameter_supported"] == true,
        })
    }

    async fn read_keys(&self, address: &str) -> Result<Vec<Jwk>> {
        let found = self.json(self.http.get(address)).await?;
        let keys = found["keys"].as_array().cloned().unwrap_or_default();
        // A key of a kind that is not known does not make the others useless.
        Ok(keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect())
    }

    /// Exchanges the code of an answer for the ID token.
    pub async fn exchange(
        &self,
        published: &Published,
        provider: &Provider,
        secret: Option<&str>,
        code: &str,
        verifier: &str,
        redirect_uri: &str,
    ) -> Result<String> {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier),
        ];
        let mut request = self.http.post(&published.token);
        match secret {
            Some(secret) if published.secret_in_header => {
                // RFC 6749, 2.3.1: both are encoded as in a form first.
                let pair = STANDARD.encode(format!("{}:{}", escape(&provider.client_id), escape(secret)));
                request = request.header("authorization", format!("Basic {pair}"));
            }
            Some(secret) => fields.extend([("client_id", provider.client_id.as_str()), ("client_secret", secret)]),
            None => fields.push(("client_id", &provider.client_id)),
        }
        let body: Vec<String> =
            fields.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body.join("&"));
        let answer = self.json(request).await?;
        answer["id_token"].as_str().map(str::to_owned).ok_or_else(|| said("it gave no ID token".to_owned()))
    }

    async fn json(&self, request: RequestBuilder) -> Result<Value> {
        let failed = |error: reqwest::Error| said(format!("it cannot be reached ({})", error.without_url()));
        let mut response = request.header("accept", "application/json").send().await.map_err(failed)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > MOST_BYTES {
                return Err(said("its answer is too large".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        if !status.is_success() {
            let code = serde_json::from_slice::<Value>(&body).ok();
            let code = code.and_then(|body| body["error"].as_str().map(plain)).unwrap_or_default();
            return Err(said(format!("it answered {} {code}", status.as_u16())));
        }
        serde_json::from_slice(&body).or(Err(said("its answer is no JSON".to_owned())))
    }
}

/// Whether keys that are known already will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anew {
    Yes,
    No,
}

/// What others have written, for a line of ours.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ' ' | '.')).take(60).collect()
}

fn said(what: String) -> Error {
    Error::Unavailable(format!("The provider: {what}."))
}
