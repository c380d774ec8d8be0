//! Clients in the JSON API.

use axum::response::Response;
use kernel::Result;
use platform::web::Fail;
use platform::web::lists::{Order, Page, Request};
use serde_json::{Map, Value, json};

use super::admin::SORTS;
use super::{
    ADD, Client, ClientEdit, ClientStatus, DELETE, Demand, EDIT, Filter, LIST, Listed, MailKind, NewClient, VIEW,
    email_preferences, store,
};
use crate::clients;
use crate::doors::api::{Body, answer, list_answer, list_schema};
use crate::doors::{ApiCx, Id, Operation, Routes, schema};
use crate::passwords;
use crate::users::{self, Of, Owner};

const TAG: &str = "Clients";

pub fn routes() -> Routes {
    let text = || json!({ "type": "string" });
    let list = Operation::new("GET", "/clients", LIST, TAG, "List clients")
        .query("q", text(), "How words of name, company and e-mail address begin, or an id")
        .query("status", json!({ "type": "string", "enum": ["active", "inactive", "closed"] }), "Only these")
        .query("group", schema::id(), "Only of this client group; 0: of none")
        .query("currency", text(), "ISO 4217 code")
        .query("country", text(), "ISO 3166-1 alpha-2 code")
        .query("sort", json!({ "type": "string", "enum": ["id", "-id", "name", "-name", "company", "-company", "created", "-created"] }), "Newest first unless this says otherwise")
        .paged()
        .answers(200, list_schema(listed_schema()));
    let add = Operation::new("POST", "/clients", ADD, TAG, "Add a client and its owner")
        .body(new_schema())
        .answers(201, schema());
    let show = Operation::new("GET", "/clients/{id}", VIEW, TAG, "One client with its users").answers(200, schema());
    let change = Operation::new("PATCH", "/clients/{id}", EDIT, TAG, "Change what is sent of a client")
        .body(edit_schema())
        .answers(200, schema());
    let shut = Operation::new("POST", "/clients/{id}/close", DELETE, TAG, "Close a client").answers(200, schema());
    Routes::new().api(list, index).api(add, create).api(show, find).api(change, update).api(shut, close)
}

fn properties() -> Value {
    let text = |max: i64| json!({ "type": "string", "maxLength": max });
    let flag = |words: &str| json!({ "type": "boolean", "description": words });
    let kinds: Map<String, Value> =
        MailKind::ALL.iter().map(|kind| (kind.as_str().to_owned(), flag(kind.help()))).collect();
    json!({
        "first_name": text(100),
        "last_name": text(100),
        "company": text(200),
        "email": { "type": "string", "format": "email" },
        "address1": text(200),
        "address2": text(200),
        "city": text(100),
        "state": text(100),
        "postcode": text(32),
        "country": { "type": "string", "description": "ISO 3166-1 alpha-2" },
        "phone": text(32),
        "tax_id": text(64),
        "currency": { "type": "string", "description": "ISO 4217; fixed once the client has been billed" },
        "default_gateway": { "type": ["string", "null"] },
        "group_id": { "type": ["integer", "null"], "format": "int64" },
        "status": { "type": "string", "enum": ["active", "inactive", "closed"] },
        "language": { "type": "string", "maxLength": 32, "description": "A note: mails and invoices are in English" },
        "notes": { "type": "string", "description": "Only staff see them" },
        "tax_exempt": flag("No tax is charged"),
        "no_late_fees": flag("A note: there are no late fees yet"),
        "no_overdue_notices": flag("No payment reminders are sent"),
        "separate_invoices": flag("Each service has an invoice of its own"),
        "no_auto_capture": flag("Cards are not charged automatically"),
        "no_auto_status": flag("A note: no status changes by itself yet"),
        "marketing_opt_in": flag("A note of the client's consent: no such mail is sent from here"),
        "email_preferences": {
            "type": "object",
            "properties": kinds,
            "description": "Which kinds of mail the client wants; what is not sent stays as it is. Only mails about invoices \
                            are sent from here yet",
        },
    })
}

fn edit_schema() -> Value {
    json!({ "type": "object", "properties": properties() })
}

fn new_schema() -> Value {
    let mut schema = edit_schema();
    schema["required"] = json!(["email", "country"]);
    schema["properties"]["owner_user_id"] =
        json!({ "type": "integer", "description": "A user who is to own the client; without it a new one is made" });
    schema["properties"]["password"] =
        json!({ "type": "string", "minLength": passwords::MIN_USER, "description": "Of the new user" });
    schema
}

fn listed_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "id": { "type": "integer", "format": "int64" },
            "first_name": { "type": "string" },
            "last_name": { "type": "string" },
            "company": { "type": "string" },
            "email": { "type": "string" },
            "country": { "type": "string" },
            "currency": { "type": "string" },
            "group_id": { "type": ["integer", "null"] },
            "status": { "type": "string", "enum": ["active", "inactive", "closed"] },
            "created_at": { "type": "string", "format": "date-time" },
        }
    })
}

fn schema() -> Value {
    let mut schema = edit_schema();
    let fields = &mut schema["properties"];
    fields["id"] = json!({ "type": "integer", "format": "int64" });
    fields["uuid"] = json!({ "type": "string", "format": "uuid" });
    fields["created_at"] = json!({ "type": "string", "format": "date-time" });
    fields["updated_at"] = json!({ "type": "string", "format": "date-time" });
    fields["users"] = json!({ "type": "array", "items": { "type": "object", "properties": {
        "id": { "type": "integer", "format": "int64" },
        "name": { "type": "string" },
        "email": { "type": "string" },
        "is_owner": { "type": "boolean" },
    } } });
    schema
}

fn shown(client: &Client, users: &[Of]) -> Value {
    let mut value = json!(client);
    if let Some(fields) = value.as_object_mut() {
        fields.remove("party_id");
    }
    value["users"] = users
        .iter()
        .map(|user| json!({ "id": user.id, "name": user.name(), "email": user.email, "is_owner": user.is_owner }))
        .collect();
    value
}

/// Fields that are not sent stay as they are; `null` empties the two that can be empty.
fn edit_of(body: &mut Body) -> ClientEdit {
    let gateway = body.text("default_gateway");
    let group = body.int("group_id");
    ClientEdit {
        demand: Demand::Identity,
        first_name: body.text("first_name"),
        last_name: body.text("last_name"),
        company: body.text("company"),
        email: body.text("email"),
        address1: body.text("address1"),
        address2: body.text("address2"),
        city: body.text("city"),
        state: body.text("state"),
        postcode: body.text("postcode"),
        country: body.text("country"),
        phone: body.text("phone"),
        tax_id: body.text("tax_id"),
        currency: body.text("currency"),
        default_gateway: gateway.or_else(|| body.nulled("default_gateway").then(String::new)),
        group_id: group.or_else(|| body.nulled("group_id").then_some(0)),
        status: body.parsed("status", ClientStatus::parse),
        language: body.text("language"),
        notes: body.text("notes"),
        tax_exempt: body.bool("tax_exempt"),
        no_late_fees: body.bool("no_late_fees"),
        no_overdue_notices: body.bool("no_overdue_notices"),
        separate_invoices: body.bool("separate_invoices"),
        no_auto_capture: body.bool("no_auto_capture"),
        no_auto_status: body.bool("no_auto_status"),
        marketing_opt_in: body.bool("marketing_opt_in"),
        email_preferences: body
            .flags(email_preferences::FIELD)
            .into_iter()
            .filter_map(|(name, wanted)| Some((MailKind::parse(&name).ok()?, wanted)))
            .collect(),
    }
}

async fn index(cx: ApiCx) -> Result<Response, Fail> {
    let request = Request::parse(&cx.query, SORTS, Order::Descending)?;
    let filter = Filter::parse(&request.form)?;
    let mut conn = cx.app.db.read().await?;
    let query = store::query(&mut conn, &filter).await?;
    let page: Page<Listed> = query.whole_page(&mut conn, &request, &Listed::columns("c")).await?;
    let items = page.rows.iter().map(|client| json!(client)).collect();
    Ok(list_answer(&request, &page, items))
}

async fn create(cx: ApiCx) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let details = edit_of(&mut body);
    let owner = body.int("owner_user_id");
    let password = body.text("password");
    body.done()?;
    let owner = match (owner, password) {
        (Some(id), _) => Owner::Existing(id),
        (None, Some(password)) => {
            Owner::New { password: Some(clients::password_of(&cx.app, &details, &password, "password").await?) }
        }
        (None, None) => Owner::default(),
    };
    let mut tx = cx.app.db.write().await?;
    let new = NewClient { details, owner };
    let client = clients::create(&mut tx, &cx.actor, new, &cx.app.random, cx.now).await?;
    let users = users::of_client(&mut tx, client.id).await?;
    cx.commit(tx, 201, shown(&client, &users)).await
}

async fn find(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let client = clients::find(&mut conn, id).await?;
    let users = users::of_client(&mut conn, id).await?;
    Ok(answer(&shown(&client, &users)))
}

async fn update(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut body = cx.json()?;
    let edit = edit_of(&mut body);
    body.done()?;
    let mut tx = cx.app.db.write().await?;
    let mut locked = clients::lock(&mut tx, id).await?;
    let client = clients::update(&mut locked, &cx.actor, id, edit, cx.now).await?;
    let users = users::of_client(&mut tx, id).await?;
    cx.commit(tx, 200, shown(&client, &users)).await
}

async fn close(cx: ApiCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let mut locked = clients::lock(&mut tx, id).await?;
    clients::close(&mut locked, &cx.actor, id, cx.now).await?;
    let client = clients::find(&mut tx, id).await?;
    let users = users::of_client(&mut tx, id).await?;
    cx.commit(tx, 200, shown(&client, &users)).await
}
