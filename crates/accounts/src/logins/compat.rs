//! `ValidateLogin`.
//!
//! Wrong passwords count against the account, not against the caller's server: people guess through it who are not its.

use kernel::{Error, Result};
use platform::compat::Answer;
use platform::crypto;

use super::{Attempt, Bans};
use crate::clients::LIST;
use crate::doors::{Action, CompatCx, Routes};
use crate::two_factor::{self, Person, Step};
use crate::{logins, users};

pub fn routes() -> Routes {
    Routes::new().action(Action::new("ValidateLogin", LIST, validate_login))
}

async fn validate_login(cx: CompatCx) -> Result<Answer> {
    let (email, password) = cx.request.read(|params| {
        let (email, password) = (params.required("email"), params.required("password2"));
        Ok((email?.to_owned(), password?.to_owned()))
    })?;
    let attempt = Attempt { email: &email, password: &password, ip: &cx.actor.ip, bans: Bans::Server };
    let Some(user) = logins::authenticate(&cx.app, attempt, cx.now).await? else {
        return Err(Error::refused("Email or Password Invalid"));
    };
    let mut conn = cx.app.db.read().await?;
    let hash = users::password_of(&mut conn, &user.email).await?.and_then(|(_, hash)| hash).unwrap_or_default();
    let step = two_factor::after_password(&mut conn, Person::User(user.id)).await?;
    Ok(Answer::success()
        .with("userid", user.id)
        .with("passwordhash", fingerprint(&hash))
        .with("twoFactorEnabled", step == Step::Prove))
}

/// Tells a caller whether the password is still the one it was, and nobody what it is: the hash of the stored hash, whose
/// salt is random.
fn fingerprint(hash: &str) -> String {
    crypto::sha256_hex(format!("ValidateLogin:{hash}").as_bytes())[..40].to_owned()
}
