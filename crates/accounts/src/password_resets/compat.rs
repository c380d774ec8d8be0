//! `ResetPassword`.

use kernel::{Email, Error, Result};
use platform::compat::Answer;

use crate::clients::EDIT;
use crate::doors::{Action, CompatCx, Routes};
use crate::{password_resets, users};

pub fn routes() -> Routes {
    Routes::new().action(Action::new("ResetPassword", EDIT, reset_password))
}

/// By the user's id or e-mail address; the id decides when both are given.
async fn reset_password(cx: CompatCx) -> Result<Answer> {
    let (id, email) = cx.request.read(|params| {
        let id = params.int("id").filter(|id| *id != 0);
        Ok((id, params.filled("email").map(str::to_owned)))
    })?;
    let mut tx = cx.app.db.write().await?;
    let user = match (id, email) {
        (Some(id), _) => match users::find(&mut tx, id).await {
            Err(Error::NotFound(_)) => None,
            found => Some(found?),
        },
        (None, Some(email)) => {
            let Ok(email) = Email::parse(&email) else {
                return Err(Error::refused("Please provide a valid email address"));
            };
            users::by_email(&mut tx, email.as_str()).await?
        }
        (None, None) => return Err(Error::refused("Please enter the email address or provide the id")),
    };
    let Some(user) = user else { return Err(Error::refused("User Not Found")) };
    password_resets::send(&mut tx, &cx.app, &cx.actor, &user, cx.now).await?;
    tx.commit().await?;
    cx.app.wake.notify_waiters();
    Ok(Answer::success())
}
