//! `EncryptPassword`, `DecryptPassword`.

use kernel::Result;
use platform::compat::Answer;

use super::DECRYPT;
use crate::doors::{API_ACCESS, Action, CompatCx, Routes};
use crate::password_encryption;

pub fn routes() -> Routes {
    Routes::new().action(Action::new("EncryptPassword", API_ACCESS, encrypt)).action(Action::new(
        "DecryptPassword",
        DECRYPT,
        decrypt,
    ))
}

const FIELD: &str = "password2";

/// Spaces are part of a password.
fn given(cx: &CompatCx) -> Result<String> {
    cx.request.read(|params| {
        let text = params.text(FIELD).filter(|text| !text.is_empty());
        Ok(params.demand(FIELD, text)?.to_owned())
    })
}

async fn encrypt(cx: CompatCx) -> Result<Answer> {
    let plain = given(&cx)?;
    let mut tx = cx.app.db.write().await?;
    let password = password_encryption::encrypt(&mut tx, &cx.app, &cx.actor, &plain, cx.now).await?;
    tx.commit().await?;
    Ok(Answer::success().with("password", password))
}

async fn decrypt(cx: CompatCx) -> Result<Answer> {
    let text = given(&cx)?;
    let mut tx = cx.app.db.write().await?;
    let password = password_encryption::decrypt(&mut tx, &cx.app, &cx.actor, FIELD, &text, cx.now).await?;
    tx.commit().await?;
    Ok(Answer::success().with("password", password))
}
