//! A company with its doors open: an administrator who may do everything, and all routes of this crate.

use accounts::admins::{self, NewAdmin};
use accounts::doors::service;
use accounts::{api_credentials, roles, sessions};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use platform::web::lists::escape;
use serde_json::Value;
use tower::ServiceExt;

use super::Company;

/// The staff area, the JSON API and the compatible API of a company.
pub struct Doors {
    router: axum::Router,
    cookie: String,
    csrf: String,
    credential: (String, String),
}

#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    /// Where it leads, if it leads elsewhere.
    pub to: String,
    pub flash: String,
    /// Where the browser goes next by itself.
    pub refresh: String,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The key of the first form on a page that is carried out once.
    pub fn once(&self) -> String {
        let (_, rest) = self.text.split_once("name=\"once\" value=\"").unwrap_or_else(|| panic!("{}", self.text));
        rest.split('"').next().unwrap().to_owned()
    }

    /// A page that shows all of these.
    pub fn shows(&self, words: &[&str]) {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        for word in words {
            assert!(self.text.contains(word), "no “{word}” in {}", self.text);
        }
    }
}

impl Doors {
    pub async fn of(company: &Company) -> Doors {
        let routes = crate::routes();
        let permissions = routes.permissions().into_iter().chain(accounts::routes().permissions()).collect::<Vec<_>>();
        let router = service(company.app.clone(), routes);
        let now = company.app.clock.now();
        let mut tx = company.app.db.write().await.unwrap();
        roles::seed(&mut tx, &permissions).await.unwrap();
        let new = NewAdmin {
            username: "boss".to_owned(),
            email: "boss@example.com".to_owned(),
            role: roles::FULL_ADMINISTRATOR.to_owned(),
            password: None,
        };
        let admin = admins::create(&mut tx, &company.by, new, now).await.unwrap();
        let token = sessions::start(&mut tx, admin.id, "127.0.0.1", &company.app.random, now).await.unwrap();
        let session = sessions::find(&mut tx, &token, now).await.unwrap().unwrap();
        let made = api_credentials::create(&mut tx, &company.by, admin.id, &company.app.random, now).await.unwrap();
        tx.commit().await.unwrap();
        Doors {
            router,
            cookie: format!("{}={token}", sessions::COOKIE),
            csrf: session.csrf,
            credential: (made.identifier, made.secret),
        }
    }

    pub async fn send(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        headers: &[(String, String)],
        body: String,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, kind);
        request = request.header(header::COOKIE, &self.cookie).header("x-csrf-token", &self.csrf);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let response = self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let status = response.status();
        let text_of = |name: header::HeaderName| {
            response.headers().get(name).map(|to| to.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        let (to, flash) = (text_of(header::LOCATION), text_of(header::SET_COOKIE));
        let refresh = text_of(header::HeaderName::from_static("refresh"));
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Reply { status, to, flash, refresh, text: String::from_utf8(body.to_vec()).unwrap() }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, "text/plain", &[], String::new()).await
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let body = format!("{}&csrf={}", encoded(fields), self.csrf);
        self.send("POST", path, "application/x-www-form-urlencoded", &[], body).await
    }

    /// A call of the JSON API.
    pub async fn api(&self, method: &str, path: &str, body: Value) -> Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, &format!("/api/v1{path}"), "application/json", &[], body).await
    }

    /// A call of the JSON API that may be repeated.
    pub async fn api_once(&self, path: &str, key: &str, body: Value) -> Reply {
        let headers = [("idempotency-key".to_owned(), key.to_owned())];
        self.send("POST", &format!("/api/v1{path}"), "application/json", &headers, body.to_string()).await
    }

    /// A call of the compatible API.
    pub async fn action(&self, name: &str, fields: &[(&str, &str)]) -> Value {
        let (identifier, secret) = &self.credential;
        let mut all = vec![("action", name), ("identifier", identifier), ("secret", secret), ("responsetype", "json")];
        all.extend(fields);
        let kind = "application/x-www-form-urlencoded";
        let reply = self.send("POST", "/includes/api.php", kind, &[], encoded(&all)).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
        reply.json()
    }

    /// The sentence with which an action of the compatible API refuses.
    pub async fn refused(&self, name: &str, fields: &[(&str, &str)]) -> String {
        let answer = self.action(name, fields).await;
        assert_eq!(answer["result"], "error", "{answer}");
        answer["message"].as_str().unwrap().to_owned()
    }
}

fn encoded(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
    pairs.join("&")
}
