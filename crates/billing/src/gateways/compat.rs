//! `GetPaymentMethods`, and `WhmcsDetails`, by which plug-ins find out whom they talk to.

use accounts::doors::compat::VERSION;
use accounts::doors::{API_ACCESS, Action, CompatCx, Routes};
use kernel::Result;
use platform::compat::Answer;
use serde_json::{Value, json};

pub fn routes() -> Routes {
    Routes::new().action(Action::new("GetPaymentMethods", API_ACCESS, get_payment_methods)).action(Action::new(
        "WhmcsDetails",
        API_ACCESS,
        details,
    ))
}

async fn get_payment_methods(cx: CompatCx) -> Result<Answer> {
    let active = super::active(&mut cx.app.db.read().await?).await?;
    let methods: Vec<Value> =
        active.iter().map(|gateway| json!({ "module": gateway.name, "displayname": gateway.display_name })).collect();
    Ok(Answer::success().with("totalresults", methods.len()).with_list("paymentmethods", "paymentmethod", methods))
}

async fn details(_: CompatCx) -> Result<Answer> {
    let version = json!({ "version": VERSION, "canonicalversion": format!("{VERSION}-release.1") });
    Ok(Answer::success().with("whmcs", version))
}
