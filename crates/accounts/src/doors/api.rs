//! The JSON API's side of a request, and the OpenAPI document made out of the operations' descriptions.

use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::extract::{Extension, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Result};
use platform::web::lists::{Page, Place, Request};
use platform::web::{Fail, Form};
use platform::{App, Tx};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Permission, Staff, described, extension};
use crate::activity_log::Actor;
use crate::repeats::{Answer, Key};

/// What the document says of one operation.
#[derive(Debug, Clone)]
pub struct Operation {
    pub method: &'static str,
    /// Under `/api/v1`, with `{id}` places.
    pub path: &'static str,
    pub permission: Permission,
    pub tag: &'static str,
    pub summary: &'static str,
    /// JSON Schema of the body; `None` when there is none.
    pub body: Option<Value>,
    /// Query parameters: name, schema, what it does.
    pub query: Vec<(&'static str, Value, &'static str)>,
    pub status: u16,
    /// JSON Schema of the answer.
    pub answer: Value,
    pub media: &'static str,
    /// Whether a repetition gets the first answer again.
    pub repeats: bool,
}

const JSON: &str = "application/json";

impl Operation {
    pub fn new(
        method: &'static str,
        path: &'static str,
        permission: Permission,
        tag: &'static str,
        summary: &'static str,
    ) -> Operation {
        Operation {
            method,
            path,
            permission,
            tag,
            summary,
            body: None,
            query: Vec::new(),
            status: 200,
            answer: json!({}),
            media: JSON,
            repeats: true,
        }
    }

    pub fn body(mut self, schema: Value) -> Operation {
        self.body = Some(schema);
        self
    }

    pub fn query(mut self, name: &'static str, schema: Value, help: &'static str) -> Operation {
        self.query.push((name, schema, help));
        self
    }

    /// The parameters of a list that choose a part of it.
    pub fn paged(self) -> Operation {
        self.query("page", json!({ "type": "integer", "minimum": 1 }), "Which page of 50; the further down, the slower")
            .query("after", json!({ "type": "string" }), "The `next` of the page before, which is as fast everywhere")
    }

    pub fn answers(mut self, status: u16, schema: Value) -> Operation {
        self.status = status;
        self.answer = schema;
        self
    }

    /// The answer is a secret and therefore not kept: no `Idempotency-Key` is looked at.
    pub fn never_repeated(mut self) -> Operation {
        self.repeats = false;
        self
    }

    /// The answer is a file.
    pub fn answers_with_file(mut self, media: &'static str) -> Operation {
        self.media = media;
        self
    }
}

/// A list's answer: a part of it and how many there are.
pub fn list_schema(item: Value) -> Value {
    json!({
        "type": "object",
        "required": ["items", "total", "total_is_exact", "next"],
        "properties": {
            "items": { "type": "array", "items": item },
            "total": { "type": "integer", "minimum": 0, "description": "How many there are, counted up to 10,000" },
            "total_is_exact": { "type": "boolean", "description": "false: there are more than `total`" },
            "page": { "type": "integer", "minimum": 1, "description": "Where a page was asked for by its number" },
            "next": { "type": ["string", "null"], "description": "For `after`: where the list goes on; null at its end" },
        }
    })
}

/// A list's answer, with its items as [`list_schema`] was told.
pub fn list_answer<T>(request: &Request, page: &Page<T>, items: Vec<Value>) -> Response {
    answer(&Value::Object(list_fields(request, page, items)))
}

/// The answer of a list that is short enough to be given whole, as [`list_schema`] tells.
pub fn whole_list<T: Serialize>(items: &[T]) -> Response {
    answer(&json!({ "items": items, "total": items.len(), "total_is_exact": true, "next": null }))
}

pub fn list_fields<T>(request: &Request, page: &Page<T>, items: Vec<Value>) -> Map<String, Value> {
    let (total, exact) = page.total.at_least();
    let mut fields = Map::new();
    fields.insert("items".to_owned(), Value::Array(items));
    fields.insert("total".to_owned(), json!(total));
    fields.insert("total_is_exact".to_owned(), json!(exact));
    if let Some(number) = request.page() {
        fields.insert("page".to_owned(), json!(number));
    }
    fields.insert("next".to_owned(), json!(page.on.as_ref().map(Place::encode)));
    fields
}

/// A request of the JSON API by a known caller with the permission.
#[derive(Clone)]
pub struct ApiCx {
    pub app: App,
    pub now: kernel::Timestamp,
    pub staff: Arc<Staff>,
    pub actor: Actor,
    pub path: String,
    pub query: String,
    operation: Arc<Operation>,
    body: Bytes,
    key: Option<Key>,
    replay: Option<Answer>,
}

/// The first one's answer once more.
fn replayed(answer: &Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = json_response(status, answer.body.clone());
    response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    response
}

impl FromRequestParts<App> for ApiCx {
    type Rejection = Response;

    /// A repeated request with the same `Idempotency-Key` gets the first one's answer and goes no further.
    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<ApiCx, Response> {
        let cx: ApiCx = match extension(parts) {
            Ok(cx) => cx,
            Err(fail) => return Err(Fail::into_response(fail)),
        };
        match &cx.replay {
            Some(answer) => Err(replayed(answer)),
            None => Ok(cx),
        }
    }
}

impl ApiCx {
    pub(super) async fn new(
        app: App,
        now: kernel::Timestamp,
        staff: Arc<Staff>,
        actor: Actor,
        operation: Arc<Operation>,
        parts: &Parts,
        path: String,
        query: String,
        body: Bytes,
    ) -> Result<ApiCx> {
        let mut key = None;
        let mut replay = None;
        if let Some(value) = parts.headers.get("idempotency-key") {
            let text = value.to_str().unwrap_or_default();
            if text.is_empty() || text.len() > 200 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(Error::invalid("Idempotency-Key", "Use 1 to 200 visible ASCII characters."));
            }
            let request =
                [parts.method.as_str().as_bytes(), b" ", path.as_bytes(), b"?", query.as_bytes(), b"\n", &body]
                    .concat();
            let found = Key::of_request(staff.id, text, &request);
            replay = found.answer(&mut app.db.read().await?).await?;
            key = Some(found);
        }
        Ok(ApiCx { app, now, staff, actor, path, query, operation, body, key, replay })
    }

    pub fn params(&self) -> Result<Form> {
        Form::parse(self.query.as_bytes())
    }

    /// The JSON object in the body; an empty body is an empty object.
    pub fn json(&self) -> Result<Body> {
        if self.body.is_empty() {
            return Ok(Body { fields: Map::new(), errors: FieldErrors::default(), strangers: FieldErrors::default() });
        }
        let body = serde_json::from_slice::<Value>(&self.body);
        let strangers = body.as_ref().map(|body| described::strangers(&self.operation, body)).unwrap_or_default();
        match body {
            Ok(Value::Object(fields)) => Ok(Body { fields, errors: FieldErrors::default(), strangers }),
            Ok(_) => Err(Error::invalid("body", "Send a JSON object.")),
            Err(error) => Err(Error::invalid("body", format!("The body is no valid JSON: {error}"))),
        }
    }

    /// Commits and answers. With an `Idempotency-Key` the answer is stored in the same transaction, so a repetition
    /// finds either everything or nothing.
    pub async fn commit(&self, mut tx: Tx, status: u16, body: Value) -> Result<Response, Fail> {
        let text = body.to_string();
        if let Some(key) = &self.key
            && !key.take(&mut tx, status, &text, self.now).await?
        {
            tx.rollback().await?;
            return Err(Fail(Error::conflict("A request with this Idempotency-Key has just been carried out.")));
        }
        tx.commit().await?;
        self.app.wake.notify_waiters();
        Ok(json_response(StatusCode::from_u16(status).unwrap_or(StatusCode::OK), text))
    }
}

impl ApiCx {
    /// A look at the key after a refusal. The same request may have been carried out meanwhile, and be the reason: then its
    /// answer is this one's too.
    pub(super) async fn second_look(&self) -> Option<Response> {
        let key = self.key.as_ref()?;
        let found = async { key.answer(&mut self.app.db.read().await?).await };
        match found.await {
            Ok(answer) => answer.as_ref().map(replayed),
            Err(error) => Some(Fail(error).into_response()),
        }
    }

    pub(super) fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// Carries out what talks to a provider between transactions of its own: the `Idempotency-Key` is taken before and the
    /// answer stored after, so a repetition in between changes nothing. The work goes on when the caller hangs up. After a
    /// refusal the key is free again; after a defect it stays taken, because nobody knows how far the work came.
    pub async fn outside<F>(&self, status: u16, work: F) -> Result<Response, Fail>
    where
        F: Future<Output = Result<Value>> + Send + 'static,
    {
        if let Some(key) = &self.key {
            let mut tx = self.app.db.write().await?;
            key.begin(&mut tx, self.now).await?;
            tx.commit().await?;
        }
        let cx = self.clone();
        let done = tokio::spawn(async move {
            let worked = work.await;
            cx.settle(status, &worked).await?;
            worked
        });
        match done.await {
            Ok(Ok(body)) => Ok(json_response(StatusCode::from_u16(status).unwrap_or(StatusCode::OK), body.to_string())),
            Ok(Err(error)) => Err(Fail(error)),
            Err(panic) => Err(Fail(Error::broken(format!("{}: {panic}", self.path)))),
        }
    }

    async fn settle(&self, status: u16, worked: &Result<Value>) -> Result<()> {
        let Some(key) = &self.key else { return Ok(()) };
        let mut tx = self.app.db.write().await?;
        match worked {
            Ok(body) => key.end(&mut tx, status, &body.to_string()).await?,
            Err(Error::Broken(_) | Error::Unavailable(_)) => {}
            Err(_) => key.free(&mut tx).await?,
        }
        tx.commit().await
    }
}

/// A JSON answer to a question that changed nothing.
pub fn answer(body: &Value) -> Response {
    json_response(StatusCode::OK, body.to_string())
}

fn json_response(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// The fields of a JSON body, read one by one; every error is found before [`Body::done`] reports them.
pub struct Body {
    fields: Map<String, Value>,
    pub errors: FieldErrors,
    /// What the operation's description says against the fields.
    strangers: FieldErrors,
}

impl Body {
    /// Everything that was sent, for a body whose fields are not known beforehand.
    pub fn into_fields(self) -> Map<String, Value> {
        self.fields
    }

    pub fn has(&self, name: &str) -> bool {
        self.fields.get(name).is_some_and(|value| !value.is_null())
    }

    /// Sent as `null`: to be emptied.
    pub fn nulled(&self, name: &str) -> bool {
        self.fields.get(name).is_some_and(Value::is_null)
    }

    pub fn text(&mut self, name: &str) -> Option<String> {
        match self.fields.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if text.contains('\0') => {
                self.errors.add(name, "Remove the NUL character.");
                None
            }
            Some(Value::String(text)) => Some(text.trim().to_owned()),
            Some(_) => {
                self.errors.add(name, "Write text in quotes.");
                None
            }
        }
    }

    pub fn int(&mut self, name: &str) -> Option<i64> {
        match self.fields.get(name) {
            None | Some(Value::Null) => None,
            Some(value) => match value.as_i64() {
                Some(number) => Some(number),
                None => {
                    self.errors.add(name, "Write a whole number.");
                    None
                }
            },
        }
    }

    pub fn bool(&mut self, name: &str) -> Option<bool> {
        match self.fields.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::Bool(value)) => Some(*value),
            Some(_) => {
                self.errors.add(name, "Write true or false.");
                None
            }
        }
    }

    /// Text that a parser understands: dates, cycles, currencies, enums.
    pub fn parsed<T, E: std::fmt::Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(name)?;
        self.errors.take(name, parse(&text))
    }

    /// An amount as decimal text (`"12.50"`) or as a number.
    pub fn money(&mut self, name: &str, currency: kernel::Currency) -> Option<kernel::Money> {
        let text = match self.fields.get(name) {
            None | Some(Value::Null) => return None,
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(_) => {
                self.errors.add(name, "Write an amount such as \"12.50\".");
                return None;
            }
        };
        self.errors.take(name, kernel::Money::parse(&text, currency))
    }

    /// An object whose fields are not known beforehand, each with text.
    pub fn texts(&mut self, name: &str) -> Vec<(String, String)> {
        let fields = match self.fields.get(name) {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Object(fields)) => fields.clone(),
            Some(_) => {
                self.errors.add(name, "Write an object: {\"key\": \"value\"}.");
                return Vec::new();
            }
        };
        let mut out = Vec::new();
        for (key, value) in fields {
            match value {
                Value::String(text) if !text.contains('\0') => out.push((key, text.trim().to_owned())),
                _ => self.errors.add(format!("{name}.{key}"), "Write text in quotes, without the NUL character."),
            }
        }
        out
    }

    pub fn array(&mut self, name: &str) -> Vec<Value> {
        match self.fields.get(name) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(values)) => values.clone(),
            Some(_) => {
                self.errors.add(name, "Write a list in square brackets.");
                Vec::new()
            }
        }
    }

    /// Names with `true` or `false`. Names that the description does not know are told of by [`Body::done`].
    pub fn flags(&mut self, name: &str) -> Vec<(String, bool)> {
        let fields = match self.fields.get(name) {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Object(fields)) => fields,
            Some(_) => {
                self.errors.add(name, "Write an object of names with true or false.");
                return Vec::new();
            }
        };
        let mut flags = Vec::new();
        for (key, value) in fields {
            match value {
                Value::Null => {}
                Value::Bool(value) => flags.push((key.clone(), *value)),
                _ => self.errors.add(format!("{name}.{key}"), "Write true or false."),
            }
        }
        flags
    }

    pub fn ints(&mut self, name: &str) -> Vec<i64> {
        let mut out = Vec::new();
        for value in self.array(name) {
            match value.as_i64() {
                Some(number) => out.push(number),
                None => self.errors.add(name, "Write whole numbers."),
            }
        }
        out
    }

    pub fn require<T>(&mut self, name: &str, value: Option<T>) -> Option<T> {
        if value.is_none() && self.errors.of(name).is_none() {
            self.errors.add(name, "This field is required.");
        }
        value
    }

    /// Every error; of a field that the description does not know, the handler's words if it has some.
    pub fn done(self) -> Result<()> {
        let mut all = FieldErrors::default();
        for (field, message) in self.strangers.iter().filter(|(field, _)| self.errors.of(field).is_none()) {
            all.add(field, message);
        }
        for (field, message) in self.errors.iter() {
            all.add(field, message);
        }
        all.check()
    }
}

/// The OpenAPI document, made when somebody first asks for it: as values it takes megabytes, and few servers are asked.
pub(super) struct OpenApi {
    operations: Vec<Arc<Operation>>,
    text: OnceLock<Bytes>,
}

impl OpenApi {
    pub fn of(operations: Vec<Arc<Operation>>) -> OpenApi {
        OpenApi { operations, text: OnceLock::new() }
    }
}

pub(super) async fn openapi(Extension(known): Extension<Arc<OpenApi>>) -> Response {
    let text = known.text.get_or_init(|| Bytes::from(document(&known.operations).to_string()));
    ([(header::CONTENT_TYPE, "application/json")], text.clone()).into_response()
}

/// Says of every object in a schema that it has no other fields.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.values_mut().for_each(close);
            if fields.contains_key("properties") && !fields.contains_key("additionalProperties") {
                fields.insert("additionalProperties".to_owned(), json!(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// The OpenAPI 3.1 document of all operations.
pub fn document(operations: &[Arc<Operation>]) -> Value {
    let mut paths = Map::new();
    for operation in operations {
        let path = format!("/api/v1{}", operation.path);
        let mut parameters: Vec<Value> = Vec::new();
        for place in operation.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
            let schema = match place {
                "name" => json!({ "type": "string", "minLength": 1 }),
                _ => json!({ "type": "integer", "format": "int64" }),
            };
            parameters.push(json!({ "name": place, "in": "path", "required": true, "schema": schema }));
        }
        for (name, schema, help) in &operation.query {
            parameters.push(json!({ "name": name, "in": "query", "schema": schema, "description": help }));
        }
        if operation.method != "GET" && operation.repeats {
            parameters.push(json!({
                "name": "Idempotency-Key", "in": "header", "schema": { "type": "string", "minLength": 1, "maxLength": 200 },
                "description": "A repeated request with the same key and content gets the first one's answer and does nothing."
            }));
        }
        let content = if operation.media == JSON { json!({ "schema": operation.answer }) } else { json!({}) };
        let problem = |text: &str| json!({ "description": text, "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } } });
        let mut described = json!({
            "tags": [operation.tag],
            "summary": operation.summary,
            "description": format!("Permission: {}", operation.permission.0),
            "operationId": format!("{}{}", operation.method.to_lowercase(), operation.path.replace(['/', '-', '{', '}'], "_")),
            "parameters": parameters,
            "responses": {
                operation.status.to_string(): {
                    "description": "Done",
                    "content": { operation.media: content }
                },
                "400": problem("The request cannot be read"),
                "401": problem("No valid credential"),
                "403": problem("The permission is missing"),
                "404": problem("There is no such thing"),
                "409": problem("A rule says no, or it conflicts with what is there"),
                "413": problem("The request is too large"),
                "422": problem("Fields are wrong; each is named"),
                "429": problem("Too many requests"),
            },
        });
        if let Some(body) = &operation.body {
            let mut body = body.clone();
            close(&mut body);
            described["requestBody"] = json!({ "content": { "application/json": { "schema": body } } });
        }
        let entry = paths.entry(path).or_insert_with(|| json!({}));
        entry[operation.method.to_lowercase()] = described;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Innkeeper API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Amounts are decimal text in the currency named beside them; dates are YYYY-MM-DD in the business's time zone; instants are RFC 3339 in UTC."
        },
        "security": [{ "credential": [] }, { "session": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "credential": { "type": "http", "scheme": "basic", "description": "Identifier and secret of an API credential" },
                "session": { "type": "apiKey", "in": "cookie", "name": crate::sessions::COOKIE, "description": "A staff session; calls that change something carry its token in X-CSRF-Token" }
            },
            "schemas": {
                "Problem": {
                    "type": "object",
                    "description": "RFC 9457",
                    "required": ["type", "title", "status", "detail"],
                    "properties": {
                        "type": { "type": "string" },
                        "title": { "type": "string" },
                        "status": { "type": "integer" },
                        "detail": { "type": "string" },
                        "reference": { "type": "string" },
                        "errors": { "type": "array", "items": {
                            "type": "object",
                            "properties": { "field": { "type": "string" }, "message": { "type": "string" } }
                        } }
                    }
                }
            }
        }
    })
}
