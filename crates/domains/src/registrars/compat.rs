//! `GetRegistrars`.

use accounts::doors::{Action, CompatCx, Routes};
use kernel::Result;
use platform::compat::Answer;
use serde_json::{Value, json};

use super::CONFIGURE;
use crate::registrars;

pub fn routes() -> Routes {
    Routes::new().action(Action::new("GetRegistrars", CONFIGURE, get_registrars))
}

/// The name of a registrar here is what the other actions take as `registrar`: there a module is set up once.
async fn get_registrars(cx: CompatCx) -> Result<Answer> {
    let active = registrars::active(&mut cx.app.db.read().await?).await?;
    let shown: Vec<Value> = active.iter().map(|one| json!({ "module": one.name, "display_name": one.title })).collect();
    Ok(Answer::success().with("registrars", shown))
}
