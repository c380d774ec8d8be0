//! OAuth credentials in the JSON API.

use accounts::doors::api::{Body, answer, list_answer, list_schema};
use accounts::doors::{ApiCx, Id, Operation, Routes};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Result};
use platform::web::Fail;
use platform::web::lists::{Order, Page, Request};
use serde_json::{Value, json};

use super::{Details, MANAGE, OAuthCredential, SORTS, Scope, query};
use crate::oauth_credentials;

const TAG: &str = "Security";

pub fn routes() -> Routes {
    let list = Operation::new("GET", "/oauth-credentials", MANAGE, TAG, "List the OAuth credentials of services")
        .query("service_id", json!({ "type": "integer" }), "Only those of this service")
        .query(
            "sort",
            json!({ "type": "string", "enum": ["id", "-id", "created", "-created", "updated", "-updated"] }),
            "The latest first unless this says otherwise",
        )
        .paged()
        .answers(200, list_schema(schema()));
    let mut new = written_schema();
    new["required"] = json!(["service_id", "scope"]);
    let add = Operation::new(
        "POST",
        "/oauth-credentials",
        MANAGE,
        TAG,
        "Make a credential with which a service's program logs its client in. It also takes the permission to log in as \
         an owner. Its secret is told once",
    )
    .body(new)
    .answers(201, secret_schema())
    .never_repeated();
    let one =
        Operation::new("GET", "/oauth-credentials/{id}", MANAGE, TAG, "One OAuth credential").answers(200, schema());
    let change = Operation::new("PATCH", "/oauth-credentials/{id}", MANAGE, TAG, "Change what is sent of one")
        .body(written_schema())
        .answers(200, schema());
    let remove = Operation::new("DELETE", "/oauth-credentials/{id}", MANAGE, TAG, "Delete an OAuth credential")
        .answers(200, json!({ "type": "object", "properties": { "deleted": { "type": "boolean" } } }));
    let renew =
        Operation::new("POST", "/oauth-credentials/{id}/secret", MANAGE, TAG, "A new secret, which is told once")
            .answers(200, secret_schema())
            .never_repeated();
    Routes::new()
        .api(list, index)
        .api(add, create)
        .api(one, show)
        .api(change, update)
        .api(remove, delete)
        .api(renew, reset)
}

fn written_schema() -> Value {
    json!({ "type": "object", "properties": {
        "service_id": { "type": "integer", "format": "int64" },
        "scope": { "type": "string", "description": "Names with spaces between: clientarea:sso, clientarea:profile, \
                   sso:custom_redirect" },
        "name": { "type": "string", "maxLength": 100 },
        "description": { "type": "string", "maxLength": 500 },
    } })
}

fn schema() -> Value {
    let mut schema = written_schema();
    let instant = || json!({ "type": "string", "format": "date-time" });
    schema["properties"]["id"] = json!({ "type": "integer", "format": "int64" });
    schema["properties"]["identifier"] = json!({ "type": "string" });
    schema["properties"]["created_at"] = instant();
    schema["properties"]["updated_at"] = instant();
    schema["properties"]["last_used_at"] = json!({ "type": ["string", "null"], "format": "date-time" });
    schema
}

fn secret_schema() -> Value {
    let mut schema = schema();
    schema["properties"]["secret"] = json!({ "type": "string", "description": "Told once: only its hash is kept" });
    schema
}

fn written(body: &mut Body) -> Details {
    let scope = body.text("scope").map(|text| Scope::parse(&text));
    let scope = scope.and_then(|scope| body.errors.take("scope", scope));
    let service_id = body.int("service_id");
    Details { service_id, name: body.text("name"), description: body.text("description"), scope }
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let request = Request::parse(&cx.query, SORTS, Order::Descending)?;
    let mut errors = FieldErrors::default();
    let service_id = Some(request.form.id("service_id", &mut errors)).filter(|id| *id != 0);
    errors.check()?;
    let mut conn = cx.app.db.read().await?;
    let columns = OAuthCredential::columns("c");
    let page: Page<OAuthCredential> = query(service_id).whole_page(&mut conn, &request, &columns).await?;
    Ok(list_answer(&request, &page, page.rows.iter().map(|one| json!(one)).collect()))
}

async fn create(cx: ApiCx) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let details = written(&mut body);
    let service_id = body.require("service_id", details.service_id).unwrap_or_default();
    let scope = body.require("scope", details.scope.clone());
    body.done()?;
    let scope = scope.ok_or_else(|| Error::broken("oauth credential: unchecked scope"))?;
    let mut tx = cx.app.db.write().await?;
    let random = &cx.app.random;
    let made = oauth_credentials::create(&mut tx, random, &cx.actor, service_id, &scope, details, cx.now).await?;
    tx.commit().await?;
    Ok(told(StatusCode::CREATED, &made.credential, &made.secret))
}

/// The answer with a secret. It is not kept for a repetition.
fn told(status: StatusCode, credential: &OAuthCredential, secret: &str) -> Response {
    let mut value = json!(credential);
    value["secret"] = secret.into();
    (status, axum::Json(value)).into_response()
}

async fn show(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let found = oauth_credentials::find(&mut cx.app.db.read().await?, id).await?;
    Ok(answer(&json!(found)))
}

async fn update(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let details = written(&mut body);
    body.done()?;
    let mut tx = cx.app.db.write().await?;
    let changed = oauth_credentials::update(&mut tx, &cx.actor, id, details, cx.now).await?;
    cx.commit(tx, 200, json!(changed)).await
}

async fn delete(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    oauth_credentials::delete(&mut tx, &cx.actor, id, cx.now).await?;
    cx.commit(tx, 200, json!({ "deleted": true })).await
}

async fn reset(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    cx.json()?.done()?;
    let mut tx = cx.app.db.write().await?;
    let secret = oauth_credentials::renew(&mut tx, &cx.app.random, &cx.actor, id, cx.now).await?;
    let credential = oauth_credentials::find(&mut tx, id).await?;
    tx.commit().await?;
    Ok(told(StatusCode::OK, &credential, &secret))
}
