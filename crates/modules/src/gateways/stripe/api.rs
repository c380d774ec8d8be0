//! One conversation with Stripe: where, with which key, and what its refusals mean.

use billing::gateways::{GatewayConfig, GatewayError};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{RequestBuilder, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::http::{Answer, Http};

/// Requests and answers have the shapes of this version whatever the account is set to. A test holds every request and
/// every answer that is read against Stripe's own description of it. (Webhooks have the version that is set at their
/// endpoint, so reading them is more lenient.)
pub(super) const API_VERSION: &str = "2023-08-16";
const DEFAULT_BASE: &str = "https://api.stripe.com";
const MESSAGE_CHARS: usize = 300;

pub(super) type Form<'a> = [(&'a str, &'a str)];

pub(super) struct Api<'a> {
    http: &'a Http,
    base: String,
    authorization: HeaderValue,
    secrets: Vec<&'a str>,
}

/// The `error` object, <https://docs.stripe.com/api/errors>. Also the shape of `last_payment_error`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct StripeError {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub code: Option<String>,
    pub decline_code: Option<String>,
    pub message: Option<String>,
    pub payment_intent: Option<Reference>,
}

/// A link to another object, of which only the id matters: expanded or not.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Reference {
    Id(String),
    Object { id: String },
}

impl Reference {
    pub fn id(&self) -> &str {
        match self {
            Reference::Id(id) | Reference::Object { id } => id,
        }
    }
}

#[derive(Deserialize)]
struct Refusal {
    error: StripeError,
}

impl<'a> Api<'a> {
    pub fn new(http: &'a Http, config: &'a GatewayConfig) -> Result<Api<'a>, GatewayError> {
        let key = config.get("secret_key").ok_or_else(|| not_sent("The secret key of Stripe is not set."))?;
        let Ok(mut authorization) = HeaderValue::from_str(&format!("Bearer {key}")) else {
            return Err(not_sent("The secret key of Stripe has characters that no key has."));
        };
        authorization.set_sensitive(true);
        let base = config.get("api_base").unwrap_or(DEFAULT_BASE).trim_end_matches('/').to_owned();
        check_base(&base)?;
        let secrets = ["secret_key", "webhook_secret"].into_iter().filter_map(|field| config.get(field)).collect();
        Ok(Api { http, base, authorization, secrets })
    }

    pub async fn get(&self, path: &str, query: &Form<'_>) -> Result<Answer, GatewayError> {
        let url = match encode(query)? {
            query if query.is_empty() => format!("{}{path}", self.base),
            query => format!("{}{path}?{query}", self.base),
        };
        self.send(path, self.http.get(&url)).await
    }

    /// `idempotency_key`: Stripe answers a repetition (for at least a day) with its first answer.
    pub async fn post(
        &self,
        path: &str,
        form: &Form<'_>,
        idempotency_key: Option<&str>,
    ) -> Result<Answer, GatewayError> {
        let mut request = self
            .http
            .post(&format!("{}{path}", self.base))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(encode(form)?);
        if let Some(key) = idempotency_key {
            request = request.header(HeaderName::from_static("idempotency-key"), key);
        }
        self.send(path, request).await
    }

    async fn send(&self, path: &str, request: RequestBuilder) -> Result<Answer, GatewayError> {
        let request = request
            .header(AUTHORIZATION, self.authorization.clone())
            .header(HeaderName::from_static("stripe-version"), API_VERSION);
        // Whatever of an answer is kept or shown, a secret that it echoes is not in it.
        let answer = self.http.send(request).await?.without(&self.secrets);
        tracing::debug!(path, status = answer.status.as_u16(), "Stripe answered");
        Ok(answer)
    }
}

/// The object of a 2xx answer. One that cannot be read leaves open what happened.
pub(super) fn object<T: DeserializeOwned>(answer: &Answer) -> Result<T, GatewayError> {
    if !answer.status.is_success() {
        return Err(failure(answer));
    }
    answer.json().ok_or_else(|| unknown("Stripe's answer cannot be read."))
}

/// Why Stripe refused, if it is Stripe who speaks.
pub(super) fn refusal(answer: &Answer) -> Option<StripeError> {
    answer.json::<Refusal>().map(|refusal| refusal.error)
}

/// What an answer that is no success says of the request: only statuses with which Stripe certainly did nothing
/// are [`GatewayError::NotSent`].
pub(super) fn failure(answer: &Answer) -> GatewayError {
    let error = refusal(answer).unwrap_or_default();
    let said = one_line(error.message.as_deref().unwrap_or("no reason given"));
    match answer.status {
        // Stripe quotes the key in part, so its own words are left out.
        status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            not_sent(format!("Stripe refuses the secret key ({}).", status.as_u16()))
        }
        StatusCode::TOO_MANY_REQUESTS => not_sent("Stripe wants fewer requests from this account (429)."),
        // The key was used before, with other parameters: that earlier request may have been carried out.
        _ if error.kind.as_deref() == Some("idempotency_error") => unknown(format!("Stripe: {said}")),
        StatusCode::BAD_REQUEST
        | StatusCode::PAYMENT_REQUIRED
        | StatusCode::NOT_FOUND
        | StatusCode::METHOD_NOT_ALLOWED
        | StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::UNPROCESSABLE_ENTITY => not_sent(format!("Stripe: {said}")),
        status => unknown(format!("Stripe answered {}: {said}", status.as_u16())),
    }
}

/// The provider's words, fit for a screen: one line, and not endless.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MESSAGE_CHARS).collect()
}

/// An id that may stand in a path. Some come from browsers, and must not reach another endpoint.
pub(super) fn path_id(id: &str) -> Result<&str, GatewayError> {
    let plain = !id.is_empty() && id.len() <= 255 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if plain { Ok(id) } else { Err(not_sent("This is not an id of Stripe.")) }
}

pub(super) fn not_sent(words: impl Into<String>) -> GatewayError {
    GatewayError::NotSent(words.into())
}

pub(super) fn unknown(words: impl Into<String>) -> GatewayError {
    GatewayError::Unknown(words.into())
}

fn encode(form: &Form<'_>) -> Result<String, GatewayError> {
    serde_html_form::to_string(form).map_err(|error| not_sent(error.to_string()))
}

/// The secret key travels with every request, so it leaves this machine only encrypted.
fn check_base(base: &str) -> Result<(), GatewayError> {
    let url = Url::parse(base).map_err(|error| not_sent(format!("The API address of Stripe is wrong: {error}.")))?;
    let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match url.scheme() {
        "https" => Ok(()),
        "http" if local => Ok(()),
        _ => Err(not_sent("The API address of Stripe must start with https://.")),
    }
}
