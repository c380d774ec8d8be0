//! Asking a provider whether an answer is right. All three take the same request: the secret, the answer, the address.

use std::time::Duration;

use kernel::{Error, Result};
use platform::web::lists::escape;
use reqwest::{Client, ClientBuilder, redirect};
use serde_json::Value;

use super::FIELD;

const TIMEOUT: Duration = Duration::from_secs(10);
const MOST_BYTES: usize = 64 * 1024;
/// An answer of theirs is at most some kilobytes long.
const LONGEST: usize = 16 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    Hcaptcha,
    Turnstile,
    Recaptcha,
}

impl Provider {
    pub fn parse(name: &str) -> Result<Provider> {
        match name {
            "hcaptcha" => Ok(Provider::Hcaptcha),
            "turnstile" => Ok(Provider::Turnstile),
            "recaptcha" => Ok(Provider::Recaptcha),
            _ => Err(Error::invalid("captcha", "There is no such provider.")),
        }
    }

    pub fn label(self) -> &'static str {
        match self {
            Provider::Hcaptcha => "hCaptcha",
            Provider::Turnstile => "Turnstile",
            Provider::Recaptcha => "reCAPTCHA",
        }
    }

    /// The class of the element that the provider's script fills.
    pub(super) fn class(self) -> &'static str {
        match self {
            Provider::Hcaptcha => "h-captcha",
            Provider::Turnstile => "cf-turnstile",
            Provider::Recaptcha => "g-recaptcha",
        }
    }

    /// The field that it adds to the form.
    pub(super) fn field(self) -> &'static str {
        match self {
            Provider::Hcaptcha => "h-captcha-response",
            Provider::Turnstile => "cf-turnstile-response",
            Provider::Recaptcha => "g-recaptcha-response",
        }
    }

    pub(super) fn script(self) -> &'static str {
        match self {
            Provider::Hcaptcha => "https://js.hcaptcha.com/1/api.js",
            Provider::Turnstile => "https://challenges.cloudflare.com/turnstile/v0/api.js",
            Provider::Recaptcha => "https://www.google.com/recaptcha/api.js",
        }
    }

    /// As the providers' documents give them for a Content-Security-Policy.
    pub(super) fn sources(self) -> &'static [&'static str] {
        match self {
            Provider::Hcaptcha => &["https://hcaptcha.com", "https://*.hcaptcha.com"],
            Provider::Turnstile => &["https://challenges.cloudflare.com"],
            Provider::Recaptcha => &[
                "https://www.google.com/recaptcha/",
                "https://www.gstatic.com/recaptcha/",
                "https://recaptcha.google.com/recaptcha/",
            ],
        }
    }

    fn address(self) -> &'static str {
        match self {
            Provider::Hcaptcha => "https://api.hcaptcha.com/siteverify",
            Provider::Turnstile => "https://challenges.cloudflare.com/turnstile/v0/siteverify",
            Provider::Recaptcha => "https://www.google.com/recaptcha/api/siteverify",
        }
    }
}

/// The way to the providers.
pub struct Wire {
    http: Client,
    /// Where to ask instead of the provider, in tests.
    instead: Option<String>,
}

impl Wire {
    /// `builder` brings what is the application's to choose: proxies, extra root certificates, a user agent.
    pub fn new(builder: ClientBuilder) -> reqwest::Result<Wire> {
        let http = builder.connect_timeout(TIMEOUT).timeout(TIMEOUT).redirect(redirect::Policy::none()).build()?;
        Ok(Wire { http, instead: None })
    }

    /// Asks at one address, whatever the provider.
    pub fn to(builder: ClientBuilder, address: String) -> reqwest::Result<Wire> {
        Ok(Wire { instead: Some(address), ..Wire::new(builder)? })
    }

    pub(super) async fn check(&self, provider: Provider, secret: &str, answer: &str, ip: &str) -> Result<()> {
        if answer.is_empty() || answer.len() > LONGEST {
            return Err(wrong());
        }
        let fields = [("secret", secret), ("response", answer), ("remoteip", ip)];
        let body = fields.map(|(name, value)| format!("{name}={}", escape(value))).join("&");
        let said = self.ask(provider, body).await.map_err(|why| {
            tracing::error!(provider = provider.label(), why, "a captcha could not be checked");
            unavailable()
        })?;
        match said["success"].as_bool() {
            Some(true) => return Ok(()),
            Some(false) => {}
            None => return Err(unavailable()),
        }
        let codes: Vec<&str> = said["error-codes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if codes.iter().any(|code| code.contains("secret") || *code == "bad-request" || *code == "internal-error") {
            let codes: String = codes.join(" ").chars().filter(char::is_ascii_graphic).take(200).collect();
            tracing::error!(provider = provider.label(), codes, "the captcha's provider refuses our request");
            return Err(unavailable());
        }
        Err(wrong())
    }

    async fn ask(&self, provider: Provider, body: String) -> Result<Value, String> {
        let failed = |error: reqwest::Error| format!("{}", error.without_url());
        let address = self.instead.as_deref().unwrap_or(provider.address());
        let request = self.http.post(address).header("content-type", "application/x-www-form-urlencoded").body(body);
        let mut response = request.send().await.map_err(failed)?;
        if !response.status().is_success() {
            return Err(format!("it answered {}", response.status().as_u16()));
        }
        let mut read = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if read.len() + chunk.len() > MOST_BYTES {
                return Err("its answer is too large".to_owned());
            }
            read.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&read).map_err(|_| "its answer is no JSON".to_owned())
    }
}

fn wrong() -> Error {
    Error::invalid(FIELD, "Show that you are no robot, then send the form again.")
}

pub(super) fn unavailable() -> Error {
    Error::Unavailable("The check against robots cannot be made at the moment. Try again in a few minutes.".to_owned())
}
