//! Gateways in the JSON API: which there are. No secret and no configuration leaves by this door.

use accounts::doors::api::{list_schema, whole_list};
use accounts::doors::{ApiCx, Operation, Routes};
use axum::response::Response;
use platform::web::Fail;
use serde_json::{Value, json};

use super::{CONFIGURE, Gateways};

pub fn routes() -> Routes {
    let list = Operation::new("GET", "/gateways", CONFIGURE, "Gateways", "List the payment gateways that are set up")
        .answers(200, list_schema(schema()));
    Routes::new().api(list, index)
}

fn schema() -> Value {
    let flag = || json!({ "type": "boolean" });
    json!({ "type": "object", "properties": {
        "name": { "type": "string" },
        "display_name": { "type": "string" },
        "active": flag(),
        "position": { "type": "integer" },
        "charges_stored_methods": flag(),
        "refunds": flag(),
        "webhooks": flag(),
        "manual": flag(),
    } })
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let set_up = super::all(&mut cx.app.db.read().await?).await?;
    let modules = cx.app.get::<Gateways>()?;
    let items: Vec<Value> = set_up
        .iter()
        .map(|gateway| {
            let module = modules.all().iter().find(|module| module.name() == gateway.name);
            let can = module.map(|module| module.capabilities()).unwrap_or_default();
            json!({
                "name": gateway.name,
                "display_name": gateway.display_name,
                "active": gateway.active,
                "position": gateway.position,
                "charges_stored_methods": can.off_session,
                "refunds": can.refunds,
                "webhooks": can.webhooks,
                "manual": can.manual,
            })
        })
        .collect();
    Ok(whole_list(&items))
}
