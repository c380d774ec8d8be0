//! Security questions in the JSON API.

use axum::response::Response;
use kernel::{Error, Result};
use platform::web::Fail;
use serde_json::{Value, json};

use super::CONFIGURE;
use crate::clients::{EDIT, LIST};
use crate::doors::api::{Body, answer, list_schema, whole_list};
use crate::doors::{ApiCx, Id, Operation, Routes};
use crate::{security_questions, users};

const TAG: &str = "Security";

pub fn routes() -> Routes {
    let deleted = || json!({ "type": "object", "properties": { "deleted": { "type": "boolean" } } });
    let list = Operation::new("GET", "/security/questions", CONFIGURE, TAG, "List the security questions")
        .answers(200, list_schema(schema()));
    let add = Operation::new("POST", "/security/questions", CONFIGURE, TAG, "Add a security question")
        .body(written_schema())
        .answers(201, schema());
    let one = Operation::new("GET", "/security/questions/{id}", CONFIGURE, TAG, "One security question")
        .answers(200, schema());
    let change = Operation::new("PUT", "/security/questions/{id}", CONFIGURE, TAG, "Replace the words of a question")
        .body(written_schema())
        .answers(200, schema());
    let remove = Operation::new(
        "DELETE",
        "/security/questions/{id}",
        CONFIGURE,
        TAG,
        "Delete a question that nobody has chosen",
    )
    .answers(200, deleted());
    let of_user = Operation::new(
        "GET",
        "/users/{id}/security-question",
        LIST,
        TAG,
        "Which question a user has chosen and since when; 404 without one",
    )
    .answers(200, chosen_schema());
    let take_away =
        Operation::new("DELETE", "/users/{id}/security-question", EDIT, TAG, "Take away a user's question and answer")
            .answers(200, deleted());
    Routes::new()
        .api(list, index)
        .api(add, create)
        .api(one, show)
        .api(change, update)
        .api(remove, delete)
        .api(of_user, chosen)
        .api(take_away, remove_of_user)
}

fn written_schema() -> Value {
    json!({
        "type": "object",
        "required": ["question"],
        "properties": { "question": { "type": "string", "minLength": 1, "maxLength": 200 } }
    })
}

fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["id", "question", "created_at"],
        "properties": {
            "id": { "type": "integer", "format": "int64" },
            "question": { "type": "string" },
            "created_at": { "type": "string", "format": "date-time" },
        }
    })
}

fn chosen_schema() -> Value {
    json!({
        "type": "object",
        "required": ["question_id", "question", "set_at"],
        "properties": {
            "question_id": { "type": "integer", "format": "int64" },
            "question": { "type": "string" },
            "set_at": { "type": "string", "format": "date-time" },
        }
    })
}

fn written(mut body: Body) -> Result<String> {
    let question = body.text("question");
    let question = body.require("question", question).unwrap_or_default();
    body.done()?;
    Ok(question)
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let questions = security_questions::all(&mut cx.app.db.read().await?).await?;
    Ok(whole_list(&questions))
}

async fn create(cx: ApiCx) -> Result<Response, Fail> {
    let question = written(cx.json()?)?;
    let mut tx = cx.app.db.write().await?;
    let question = security_questions::create(&mut tx, &cx.actor, &question, cx.now).await?;
    cx.commit(tx, 201, json!(question)).await
}

async fn show(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let question = security_questions::find(&mut cx.app.db.read().await?, id).await?;
    Ok(answer(&json!(question)))
}

async fn update(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let question = written(cx.json()?)?;
    let mut tx = cx.app.db.write().await?;
    let question = security_questions::update(&mut tx, &cx.actor, id, &question, cx.now).await?;
    cx.commit(tx, 200, json!(question)).await
}

async fn delete(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    security_questions::delete(&mut tx, &cx.actor, id, cx.now).await?;
    cx.commit(tx, 200, json!({ "deleted": true })).await
}

async fn chosen(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    users::find(&mut conn, id).await?;
    let chosen = security_questions::of_user(&mut conn, id).await?;
    let chosen = chosen.ok_or(Error::NotFound("Security question of this user"))?;
    Ok(answer(&json!(chosen)))
}

async fn remove_of_user(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    security_questions::remove(&mut tx, &cx.actor, id, cx.now).await?;
    cx.commit(tx, 200, json!({ "deleted": true })).await
}
