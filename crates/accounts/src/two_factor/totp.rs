//! Codes of an authenticator app: RFC 6238 with SHA-1, six digits and thirty seconds, which is what every app can do.

use base64::Engine as _;
use fast_qr::convert::svg::SvgBuilder;
use fast_qr::qr::QRBuilder;
use kernel::{Error, Result, Timestamp};
use platform::db::Tx;
use platform::{App, secrets};
use totp_rs::{Algorithm, Builder, Secret, Totp};

use super::{Person, check_wanted, forget_totp, log, renew_recovery_codes, store};
use crate::activity_log::Actor;

pub const DIGITS: usize = 6;
const STEP: u64 = 30;
/// One step before and after: a clock may be wrong by so much, and typing takes time.
const SKEW: u16 = 1;

/// What somebody puts into the app.
#[derive(Debug, Clone)]
pub struct SetUp {
    /// For typing.
    pub secret: String,
    /// `otpauth://…`, as the app reads it from the picture.
    pub url: String,
    /// The picture as a `data:` address.
    pub picture: String,
}

pub(crate) fn place(person: Person) -> String {
    format!("totp:{person}")
}

fn totp(secret: &str, issuer: &str, login: &str) -> Result<Totp> {
    let broken = |error: String| Error::broken(format!("totp: {error}"));
    let secret = Secret::try_from_base32(secret).map_err(|error| broken(format!("{error:?}")))?;
    // Colons part the issuer from the name in the address.
    let plain = |text: &str| text.replace(':', " ");
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_skew(SKEW)
        .with_step_duration(STEP)
        .with_secret(secret)
        .with_account_name(plain(login))
        .with_issuer(Some(plain(issuer)))
        .build()
        .map_err(|error| broken(error.to_string()))
}

/// Forgets the secret of an app that no code has confirmed. Whoever begins a login or a set-up is not to be shown one that
/// somebody else has seen.
pub(super) async fn forget_unconfirmed(tx: &mut Tx, person: Person) -> Result<()> {
    let known = store::totp(tx, &person.to_string()).await?;
    if known.is_some_and(|known| known.confirmed_at.is_none()) {
        forget_totp(tx, person).await?;
    }
    Ok(())
}

/// Seconds for which a secret waits for its first code.
const PENDING: i64 = 900;

/// Begins to set up an app, or goes on with it: the secret stays the same for a quarter of an hour, until a first code
/// confirms it. `login` and `issuer` are what the app shows.
pub async fn begin(tx: &mut Tx, app: &App, person: Person, login: &str, issuer: &str) -> Result<SetUp> {
    check_wanted(tx, person).await?;
    let now = app.clock.now();
    let name = person.to_string();
    match store::totp(tx, &name).await? {
        Some(known) if known.confirmed_at.is_some() => {
            let why = "There is an authenticator app already. Remove it before you set up another one.";
            return Err(Error::refused(why));
        }
        Some(known) if now.seconds_since(known.created_at) >= PENDING => forget_totp(tx, person).await?,
        _ => {}
    }
    let secret = match secrets::get(tx, &app.vault, &place(person)).await? {
        Some(known) => known,
        None => {
            let mut bytes = [0u8; 20];
            app.random.fill(&mut bytes);
            let made = Secret::from(bytes.to_vec()).to_base32();
            secrets::set(tx, &app.vault, &app.random, &place(person), &made, now).await?;
            made
        }
    };
    store::begin_totp(tx, &name, now).await?;
    let url = totp(&secret, issuer, login)?.to_url().map_err(|error| Error::broken(format!("totp: {error}")))?;
    Ok(SetUp { picture: picture(&url)?, secret, url })
}

fn picture(url: &str) -> Result<String> {
    let code = QRBuilder::new(url).build().map_err(|error| Error::broken(format!("QR code: {error}")))?;
    let svg = SvgBuilder::default().to_str(&code);
    Ok(format!("data:image/svg+xml;base64,{}", base64::engine::general_purpose::STANDARD.encode(svg)))
}

/// Confirms the app by a first code. Who had no other factor gets recovery codes.
pub async fn confirm(
    tx: &mut Tx,
    app: &App,
    by: &Actor,
    person: Person,
    code: &str,
    now: Timestamp,
) -> Result<Option<Vec<String>>> {
    check_wanted(tx, person).await?;
    let name = person.to_string();
    let Some(known) = store::totp(tx, &name).await? else {
        return Err(Error::refused("Begin with the picture or the key."));
    };
    if known.confirmed_at.is_some() {
        return Err(Error::refused("The authenticator app is set up already."));
    }
    let Some(step) = step_of(tx, app, person, code, now).await? else {
        return Err(Error::invalid("code", "This is not the code that the app shows now. Is its clock right?"));
    };
    if !store::confirm_totp(tx, &name, step, now).await? {
        return Err(Error::refused("The authenticator app is set up already."));
    }
    log(tx, by, person, "Authenticator app set up", now).await?;
    if store::recovery_codes(tx, &name).await? > 0 {
        return Ok(None);
    }
    renew_recovery_codes(tx, person, &app.random).await.map(Some)
}

/// Uses up a code of a confirmed app.
pub(super) async fn use_code(tx: &mut Tx, app: &App, person: Person, code: &str, now: Timestamp) -> Result<bool> {
    match step_of(tx, app, person, code, now).await? {
        Some(step) => store::use_step(tx, &person.to_string(), step).await,
        None => Ok(false),
    }
}

/// The time step that a code belongs to.
async fn step_of(tx: &mut Tx, app: &App, person: Person, code: &str, now: Timestamp) -> Result<Option<i64>> {
    let Some(secret) = secrets::get(tx, &app.vault, &place(person)).await? else { return Ok(None) };
    let typed: String = code.chars().filter(char::is_ascii_digit).collect();
    let seconds = u64::try_from(now.micros() / 1_000_000).unwrap_or_default();
    let step = totp(&secret, "Innkeeper", "somebody")?.check(&typed, seconds);
    Ok(step.and_then(|step| i64::try_from(step).ok()))
}
