//! The check against robots on forms that anybody can send: off, a proof of work of our own, or a provider's widget.
//!
//! What must hold: an answer is good once, for the form it was given for, and for a while; one that cannot be checked, because
//! a provider does not answer or its secret is missing, lets nobody in. Staff's own log-in asks for none, so that whoever
//! sets it up wrongly can mend it.

pub mod admin;
mod store;
#[cfg(test)]
mod tests;
pub mod wire;
mod work;

use axum::response::Response;
use kernel::{Error, Result, Timestamp};
use minijinja::{Value, context};
use platform::db::{Conn, Tx};
use platform::prune::{After, Rubbish};
use platform::settings::{Values, anything};
use platform::web::Form;
use platform::{App, Kind, Setting, secrets};

use crate::activity_log::{self, Activity, Actor, masked};
use crate::doors::let_load;

pub use wire::{Provider, Wire};

const SECTION: &str = "Captcha";
/// Where the provider's secret key is kept.
const SECRET: &str = "captcha:secret_key";
/// Where it went wrong, for pages.
pub const FIELD: &str = "captcha";

pub const WHICH: Setting = Setting {
    key: "captcha",
    kind: Kind::Choice(&[
        ("off", "Off"),
        ("proof_of_work", "Proof of work, by this program"),
        ("hcaptcha", "hCaptcha"),
        ("turnstile", "Cloudflare Turnstile"),
        ("recaptcha", "Google reCAPTCHA v2"),
    ]),
    default: "off",
    section: SECTION,
    label: "Captcha",
    help: "Whoever sends these forms must have a browser with JavaScript. The providers' widgets are scripts of theirs, \
           which see your visitors; they need both keys, of which the secret one is stored under Configuration › Captcha.",
    rule: with_its_key,
    read_by: "accounts::captcha::which",
};

pub const SITE_KEY: Setting = Setting {
    key: "captcha_site_key",
    kind: Kind::Text { max: 200 },
    default: "",
    section: SECTION,
    label: "Site key",
    help: "The public one of the two keys that the provider gives. Not needed for the proof of work.",
    rule: anything,
    read_by: "accounts::captcha::slot",
};

pub const BITS: Setting = Setting {
    key: "captcha_work_bits",
    kind: Kind::Int { min: 8, max: 26 },
    default: "18",
    section: SECTION,
    label: "Work to be proved, in bits",
    help: "One more doubles it. 18 take an ordinary computer less than a second, an old telephone some seconds.",
    rule: anything,
    read_by: "accounts::captcha::slot",
};

pub const SETTINGS: &[Setting] = &[
    WHICH,
    SITE_KEY,
    BITS,
    on_form("captcha_registration", "true", "On the registration"),
    on_form("captcha_login", "false", "On the log-in of clients"),
    on_form("captcha_password_reset", "true", "Before a link to a new password is mailed"),
];

const fn on_form(key: &'static str, default: &'static str, label: &'static str) -> Setting {
    Setting {
        key,
        kind: Kind::Bool,
        default,
        section: SECTION,
        label,
        help: "",
        rule: anything,
        read_by: "accounts::captcha::which",
    }
}

fn with_its_key(value: &str, others: &Values) -> Result<String, String> {
    match Provider::parse(value) {
        Ok(_) if others.text(&SITE_KEY).is_empty() => Err("This provider needs its site key, below.".to_owned()),
        _ => Ok(value.to_owned()),
    }
}

pub const OLD: Rubbish = Rubbish {
    name: "used captchas",
    table: "captcha_uses",
    key: "token_hash",
    condition: "expires_at <= $1",
    after: After::Seconds(0),
};

/// The forms that may have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guarded {
    Registration,
    Login,
    PasswordReset,
    /// The page on which staff try it out.
    Trial,
}

impl Guarded {
    fn name(self) -> &'static str {
        match self {
            Guarded::Registration => "registration",
            Guarded::Login => "login",
            Guarded::PasswordReset => "password_reset",
            Guarded::Trial => "trial",
        }
    }

    fn is_on(self, values: &Values) -> bool {
        let key = format!("captcha_{}", self.name());
        self == Guarded::Trial || SETTINGS.iter().any(|setting| setting.key == key && values.bool(setting))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Off,
    Work,
    Of(Provider),
}

fn which(values: &Values, form: Guarded) -> Which {
    if !form.is_on(values) {
        return Which::Off;
    }
    match values.text(&WHICH) {
        "proof_of_work" => Which::Work,
        name => Provider::parse(name).map_or(Which::Off, Which::Of),
    }
}

/// What a form shows, for the macro `captcha` and for the headers of its page.
#[derive(Debug)]
pub struct Slot {
    pub view: Value,
    /// Where scripts and frames of the page may come from, besides ourselves.
    pub sources: &'static [&'static str],
}

impl Slot {
    /// Lets the page load the provider's widget.
    pub fn dress(&self, mut page: Response) -> Response {
        if !self.sources.is_empty() {
            let_load(&mut page, self.sources);
        }
        page
    }
}

/// The slot of a form; one that is off shows nothing.
pub async fn slot(app: &App, form: Guarded, now: Timestamp) -> Result<Slot> {
    let values = Values::load(&mut app.db.read().await?).await?;
    Ok(match which(&values, form) {
        Which::Off => Slot { view: Value::from(()), sources: &[] },
        Which::Work => {
            let bits = u32::try_from(values.int(&BITS)).unwrap_or(u32::MAX);
            let token = work::challenge(app, form.name(), bits, now)?;
            let worker = platform::web::assets::address("captcha.js");
            Slot { view: context! { kind => "work", token, bits, worker }, sources: &[] }
        }
        Which::Of(provider) => Slot {
            view: context! {
                kind => "provider", site_key => values.text(&SITE_KEY), class => provider.class(), script => provider.script(),
                name => provider.label(),
            },
            sources: provider.sources(),
        },
    })
}

/// Lets pass whoever has answered what the form asked, and everybody where it asks nothing. A network call may be in it, so
/// it comes before the transaction.
pub async fn check(app: &App, form: &Form, guarded: Guarded, ip: &str, now: Timestamp) -> Result<()> {
    let mut conn = app.db.read().await?;
    let values = Values::load(&mut conn).await?;
    match which(&values, guarded) {
        Which::Off => Ok(()),
        Which::Work => {
            drop(conn);
            let token = form.raw("captcha_token").unwrap_or_default();
            let expires_at = work::check(app, guarded.name(), token, form.text("captcha_answer"), now)?;
            let mut tx = app.db.write().await?;
            if !store::use_once(&mut tx, token, expires_at).await? {
                return Err(Error::invalid(FIELD, "This form was sent already. Send it once more."));
            }
            tx.commit().await
        }
        Which::Of(provider) => {
            let secret = secrets::get(&mut conn, &app.vault, SECRET).await?;
            drop(conn);
            let Some(secret) = secret else {
                tracing::error!("the captcha has no secret key; store it under Configuration › Captcha");
                return Err(wire::unavailable());
            };
            app.get::<Wire>()?.check(provider, &secret, form.raw(provider.field()).unwrap_or_default(), ip).await
        }
    }
}

/// Whether there is a secret key of the provider.
pub async fn has_secret(conn: &mut Conn) -> Result<bool> {
    secrets::exists(conn, SECRET).await
}

/// Stores the provider's secret key, or forgets it.
pub async fn set_secret(tx: &mut Tx, app: &App, by: &Actor, secret: Option<&str>, now: Timestamp) -> Result<()> {
    let had = has_secret(tx).await?.then_some(activity_log::MASK);
    match secret.map(str::trim) {
        Some(secret) => {
            if secret.is_empty() || secret.len() > 500 || !secret.chars().all(|c| c.is_ascii_graphic()) {
                return Err(Error::invalid("secret", "Enter the secret key as the provider shows it, in one line."));
            }
            secrets::set(tx, &app.vault, &app.random, SECRET, secret, now).await?;
        }
        None if !secrets::remove(tx, SECRET).await? => return Ok(()),
        None => {}
    }
    let activity = Activity::new("Secret key of the captcha changed").changed(vec![masked("Secret key", had, secret)]);
    activity_log::record(tx, by, activity, now).await
}
