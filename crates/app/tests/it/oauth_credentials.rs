//! Credentials of services' programs, and what is asked for with them.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use base64::Engine as _;
use platform::params;
use serde_json::{Value, json};

use crate::support::{Credential, Site, ask, read};

const SIGN_ON: (&str, &str) = ("grantType", "single_sign_on");
const SCOPE: (&str, &str) = ("scope", "clientarea:sso clientarea:profile sso:custom_redirect");

/// An active service of Ada's, and a credential for it.
struct Stage {
    site: Site,
    login: Credential,
    service: String,
    id: String,
    identifier: String,
    secret: String,
}

fn text(answer: &Value, field: &str) -> String {
    answer[field].as_str().map_or_else(|| answer[field].to_string(), str::to_owned)
}

/// A service of a new client.
async fn service(site: &Site, login: &Credential, email: &str) -> String {
    let done = async |action: &str, fields: &[(&str, &str)]| {
        let answer = site.action(login, action, fields).await;
        assert_eq!(answer["result"], "success", "{action}: {answer}");
        answer
    };
    let client =
        [("firstname", "Ada"), ("lastname", "L"), ("email", email), ("country", "GB"), ("skipvalidation", "1")];
    let client = text(&done("AddClient", &client).await, "clientid");
    let product = [("name", email), ("gid", "1"), ("paytype", "recurring"), ("pricing[1][monthly]", "10.00")];
    let product = text(&done("AddProduct", &product).await, "pid");
    let order = [
        ("clientid", client.as_str()),
        ("pid", &product),
        ("billingcycle", "monthly"),
        ("paymentmethod", "banktransfer"),
        ("domain", "a.example"),
    ];
    let order = done("AddOrder", &order).await;
    done("AcceptOrder", &[("orderid", &text(&order, "orderid"))]).await;
    let services = done("GetClientsProducts", &[("clientid", &client)]).await;
    text(&services["products"]["product"][0], "id")
}

impl Stage {
    async fn set(site: Site) -> Stage {
        site.boss().await;
        let login = site.credential().await;
        let service = service(&site, &login, "ada@example.com").await;
        sql(&site, "UPDATE services SET status = 'active'").await;
        let made = site
            .action(&login, "CreateOAuthCredential", &[SIGN_ON, SCOPE, ("serviceId", &service), ("name", "Panel")])
            .await;
        assert_eq!(made["result"], "success", "{made}");
        let [id, identifier, secret] =
            ["credentialId", "clientIdentifier", "clientSecret"].map(|name| text(&made, name));
        Stage { site, login, service, id, identifier, secret }
    }

    async fn act(&self, action: &str, fields: &[(&str, &str)]) -> Value {
        self.site.action(&self.login, action, fields).await
    }

    async fn refused(&self, action: &str, fields: &[(&str, &str)]) -> String {
        let answer = self.act(action, fields).await;
        assert_eq!(answer["result"], "error", "{action} {fields:?}: {answer}");
        text(&answer, "message")
    }

    /// What the program asks.
    async fn ask(&self, secret: &str, fields: &str) -> (u16, Value) {
        let form = format!("grant_type=single_sign_on&client_id={}&client_secret={secret}&{fields}", self.identifier);
        posted(&self.site, form, None).await
    }

    /// The way into the client area, without the host.
    async fn granted(&self, fields: &str) -> String {
        let (status, answer) = self.ask(&self.secret, fields).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("Bearer"), &json!(60)));
        let (url, token) = (text(&answer, "redirect_url"), text(&answer, "access_token"));
        assert_eq!(url, format!("http://localhost:8080/oauth/singlesignon.php?access_token={token}"));
        url.strip_prefix("http://localhost:8080").unwrap().to_owned()
    }

    async fn denied(&self, fields: &str) -> (u16, String) {
        let (status, answer) = self.ask(&self.secret, fields).await;
        (status, text(&answer, "error"))
    }
}

async fn posted(site: &Site, form: String, basic: Option<String>) -> (u16, Value) {
    let mut request =
        Request::post("/oauth/token.php").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(pair) = basic {
        let pair = base64::engine::general_purpose::STANDARD.encode(pair);
        request = request.header(header::AUTHORIZATION, format!("Basic {pair}"));
    }
    let response = site.send(request.body(Body::from(form)).unwrap()).await;
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    let (status, text) = read(response).await;
    (status.as_u16(), serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")))
}

async fn sql(site: &Site, sql: &str) {
    let mut tx = site.app.db.write().await.unwrap();
    tx.batch(sql).await.unwrap();
    tx.commit().await.unwrap();
}

async fn texts(site: &Site, sql: &str) -> Vec<String> {
    site.app.db.read().await.unwrap().column(sql, params![]).await.unwrap()
}

/// Opens the way in: where it leads, or the status.
async fn open(site: &Site, path: &str) -> Result<String, StatusCode> {
    let (status, text) = read(site.send(ask("GET", path, None, "")).await).await;
    if status == StatusCode::SEE_OTHER { Ok(text) } else { Err(status) }
}

testkit::both_engines! {
    async fn a_services_program_leads_its_client_in(site: Site) {
        let stage = Stage::set(site).await;
        for (fields, to) in [
            ("scope=clientarea:sso", "/account"),
            ("scope=clientarea:sso+clientarea:profile", "/account/details"),
            ("scope=sso:custom_redirect&sso_redirect_path=/account/security", "/account/security"),
        ] {
            let path = stage.granted(fields).await;
            assert_eq!(open(&stage.site, &path).await, Ok(to.to_owned()));
            assert_eq!(open(&stage.site, &path).await, Err(StatusCode::CONFLICT), "once");
        }
        let clients = texts(&stage.site, "SELECT 'client' FROM user_sessions WHERE confined AND client_id IS NOT NULL").await;
        assert_eq!(clients.len(), 3, "none of them turns to another client");
        let basic = format!("{}:{}", stage.identifier, stage.secret);
        let (status, answer) = posted(&stage.site, "grant_type=single_sign_on&scope=clientarea:sso".into(), Some(basic)).await;
        assert_eq!((status, &answer["scope"]), (200, &json!("clientarea:sso")), "{answer}");
        let who = texts(&stage.site, "SELECT actor_name FROM activity_log WHERE description LIKE 'Logged in by single%'").await;
        assert_eq!(who, ["ada@example.com"; 3]);
        let asked = texts(&stage.site, "SELECT actor_name FROM activity_log WHERE description LIKE '%asked for a single%'").await;
        let called = format!("the OAuth credential “Panel” {} of service {}", &stage.identifier[..8], stage.service);
        assert_eq!(asked, vec![called; 4]);
        let all = texts(&stage.site, "SELECT description || changes FROM activity_log").await.concat();
        assert!(!all.contains(&stage.secret));
        let stored = texts(&stage.site, "SELECT secret_hash FROM oauth_credentials").await;
        assert_eq!(stored, [platform::crypto::sha256_hex(stage.secret.as_bytes())]);
        assert_eq!(stage.site.api(&stage.login, "GET", "/oauth-credentials/1", &Value::Null).await.1["name"], "Panel");
    }

    async fn what_is_wrong_is_told_by_the_kinds_of_the_standard(site: Site) {
        let stage = Stage::set(site).await;
        stage.site.set(&[("logins_per_minute", "0")]).await;
        for secret in ["", "x", &stage.identifier, &platform::crypto::sha256_hex(stage.secret.as_bytes())] {
            let (status, answer) = stage.ask(secret, "scope=clientarea:sso").await;
            assert_eq!((status, text(&answer, "error").as_str()), (401, "invalid_client"), "{answer}");
        }
        for (form, status, kind) in [
            ("", 400, "invalid_request"),
            ("grant_type=authorization_code", 400, "unsupported_grant_type"),
            ("grant_type=single_sign_on", 401, "invalid_client"),
            ("grant_type=%ff", 400, "invalid_request"),
        ] {
            let (got, answer) = posted(&stage.site, form.to_owned(), None).await;
            assert_eq!((got, text(&answer, "error").as_str()), (status, kind), "{form}: {answer}");
        }
        let scope = |fields: &'static str| stage.denied(fields);
        for fields in [
            "", "scope=", "scope=clientarea:invoices", "scope=clientarea:profile+sso:custom_redirect",
            "scope=sso:custom_redirect", "scope=sso:custom_redirect&sso_redirect_path=//evil.example",
            "scope=clientarea:sso&sso_redirect_path=/account/security",
        ] {
            assert_eq!(scope(fields).await, (400, "invalid_scope".to_owned()), "{fields}");
        }
        stage.act("UpdateOAuthCredential", &[("credentialId", &stage.id), ("scope", "clientarea:sso")]).await;
        assert_eq!(scope("scope=clientarea:profile").await, (400, "invalid_scope".to_owned()), "beyond its own");
        stage.granted("scope=clientarea:sso").await;
        for (close, open) in [
            ("UPDATE services SET status = 'suspended'", "UPDATE services SET status = 'active'"),
            ("UPDATE clients SET status = 'closed'", "UPDATE clients SET status = 'active'"),
            ("UPDATE client_users SET is_owner = FALSE", "UPDATE client_users SET is_owner = TRUE"),
        ] {
            sql(&stage.site, close).await;
            assert_eq!(scope("scope=clientarea:sso").await, (400, "invalid_grant".to_owned()), "{close}");
            sql(&stage.site, open).await;
        }
        stage.granted("scope=clientarea:sso").await;
    }

    async fn who_guesses_is_slowed_down_and_who_knows_is_not(site: Site) {
        let stage = Stage::set(site).await;
        stage.site.set(&[("logins_per_minute", "3")]).await;
        for _ in 0..5 {
            stage.granted("scope=clientarea:sso").await;
        }
        for _ in 0..3 {
            assert_eq!(stage.ask("wrong", "scope=clientarea:sso").await.0, 401);
        }
        assert_eq!(stage.ask("wrong", "scope=clientarea:sso").await.0, 429);
        stage.site.set(&[("api_requests_per_minute", "2")]).await;
        for _ in 0..2 {
            stage.ask(&stage.secret, "scope=clientarea:sso").await;
        }
        let (status, told) = stage.ask(&stage.secret, "scope=clientarea:sso").await;
        assert_eq!(status, 429, "{told}");
    }

    async fn a_credential_that_is_changed_or_deleted_takes_its_tokens_along(site: Site) {
        let stage = Stage::set(site).await;
        let other = service(&stage.site, &stage.login, "bob@example.com").await;
        let ways = [
            ("UpdateOAuthCredential", vec![("scope", "clientarea:sso")]),
            ("UpdateOAuthCredential", vec![("serviceId", other.as_str())]),
            ("UpdateOAuthCredential", vec![("serviceId", stage.service.as_str())]),
        ];
        for (action, mut fields) in ways {
            sql(&stage.site, "UPDATE services SET status = 'active'").await;
            let path = stage.granted("scope=clientarea:sso").await;
            fields.push(("credentialId", &stage.id));
            assert_eq!(stage.act(action, &fields).await["result"], "success");
            assert_eq!(open(&stage.site, &path).await, Err(StatusCode::CONFLICT), "{fields:?}");
        }
        let path = stage.granted("scope=clientarea:sso").await;
        // A name changes nothing of what it opens.
        stage.act("UpdateOAuthCredential", &[("credentialId", &stage.id), ("name", "Other")]).await;
        assert!(open(&stage.site, &path).await.is_ok());
        let path = stage.granted("scope=clientarea:sso").await;
        let fields = [("clientApiIdentifier", stage.identifier.as_str()), ("resetSecret", "1")];
        let renewed = text(&stage.act("UpdateOAuthCredential", &fields).await, "newClientSecret");
        assert_eq!(open(&stage.site, &path).await, Err(StatusCode::CONFLICT));
        assert_eq!(stage.ask(&stage.secret, "scope=clientarea:sso").await.0, 401, "the old secret");
        let (status, answer) = stage.ask(&renewed, "scope=clientarea:sso").await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(text(&stage.act("DeleteOAuthCredential", &[("credentialId", &stage.id)]).await, "credentialId"), stage.id);
        let path = format!("/sso/{}", text(&answer, "access_token"));
        assert_eq!(open(&stage.site, &path).await, Err(StatusCode::CONFLICT));
        assert_eq!(stage.ask(&renewed, "scope=clientarea:sso").await.0, 401);
        assert_eq!(stage.refused("DeleteOAuthCredential", &[("credentialId", &stage.id)]).await, "Invalid Credential ID provided.");
        assert_eq!(stage.act("ListOAuthCredentials", &[]).await["clients"], json!([]));
    }

    async fn refusals_have_the_documented_words(site: Site) {
        let stage = Stage::set(site).await;
        let service = ("serviceId", stage.service.as_str());
        let create = "CreateOAuthCredential";
        for (fields, told) in [
            (vec![], "A valid grant type is required."),
            (vec![("grantType", "authorization_code"), SCOPE], "The requested grant type \"authorization_code\" is invalid."),
            (vec![SIGN_ON, SCOPE], "A service ID is required for the single sign-on grant type."),
            (vec![SIGN_ON, service], "At least one valid scope is required."),
            (vec![SIGN_ON, service, ("scope", "clientarea:sso openid")], "The requested scope \"openid\" is invalid."),
            (vec![SIGN_ON, SCOPE, ("serviceId", "99")], "A valid Service ID is required."),
        ] {
            assert_eq!(stage.refused(create, &fields).await, told, "{fields:?}");
        }
        for (name, value) in [("logoUri", "https://a.example/x.png"), ("redirectUri", "https://a.example"), ("serviceId", "x")] {
            let told = stage.refused(create, &[SIGN_ON, SCOPE, service, (name, value)]).await;
            assert!(told.contains(name), "{told}");
        }
        let long = "x".repeat(101);
        assert!(stage.refused(create, &[SIGN_ON, SCOPE, service, ("name", &long)]).await.starts_with("name: "));
        let update = "UpdateOAuthCredential";
        let id = ("credentialId", stage.id.as_str());
        for (fields, told) in [
            (vec![], "A Credential ID or Client Identifier is required."),
            (vec![("credentialId", "99")], "Invalid Credential ID provided."),
            (vec![("clientApiIdentifier", "x")], "Invalid Client Identifier provided."),
            (vec![id, ("grantType", "x")], "The requested grant type \"x\" is invalid."),
            (vec![id, ("scope", "x")], "The requested scope \"x\" is invalid."),
            (vec![id, ("serviceId", "99")], "A valid Service ID is required."),
        ] {
            assert_eq!(stage.refused(update, &fields).await, told, "{fields:?}");
        }
        assert_eq!(stage.refused("DeleteOAuthCredential", &[]).await, "Invalid Credential ID provided.");
        for field in [("sortField", "secret"), ("sortOrder", "up"), ("limit", "0"), ("limit", "x")] {
            assert!(stage.refused("ListOAuthCredentials", &[field]).await.contains(field.0));
        }
        sql(&stage.site, "UPDATE clients SET status = 'closed'").await;
        assert_eq!(stage.refused(create, &[SIGN_ON, SCOPE, service]).await, "Service ID not associated with valid Client.");
        let listed = stage.act("ListOAuthCredentials", &[("grantType", "single_sign_on"), ("sortField", "createdAt"), ("sortOrder", "desc"), ("limit", "5")]).await;
        assert_eq!(listed["clients"].as_array().unwrap().len(), 1, "{listed}");
        assert!(!listed.to_string().contains(&stage.secret));
        assert_eq!(stage.act("ListOAuthCredentials", &[("grantType", "authorization_code")]).await["clients"], json!([]));
    }

    async fn the_json_api_does_the_same(site: Site) {
        let stage = Stage::set(site).await;
        let call = async |method: &str, path: &str, body: Value| stage.site.api(&stage.login, method, path, &body).await;
        let service: i64 = stage.service.parse().unwrap();
        let new = json!({ "service_id": service, "scope": "clientarea:sso", "name": "Second" });
        let (status, made) = call("POST", "/oauth-credentials", new).await;
        assert_eq!((status, &made["scope"]), (201, &json!("clientarea:sso")), "{made}");
        let path = format!("/oauth-credentials/{}", made["id"]);
        assert!(made["secret"].as_str().unwrap().len() == 64 && call("GET", &path, Value::Null).await.1.get("secret").is_none());
        let (status, changed) = call("PATCH", &path, json!({ "description": "Ours" })).await;
        assert_eq!((status, &changed["description"], &changed["name"]), (200, &json!("Ours"), &json!("Second")));
        let (status, renewed) = call("POST", &format!("{path}/secret"), Value::Null).await;
        assert!(status == 200 && renewed["secret"] != made["secret"], "{renewed}");
        let (_, all) = call("GET", &format!("/oauth-credentials?service_id={service}&sort=id"), Value::Null).await;
        assert_eq!((&all["total"], &all["items"][1]["id"]), (&json!(2), &made["id"]), "{all}");
        assert_eq!(call("GET", "/oauth-credentials?service_id=99", Value::Null).await.1["total"], 0);
        for (body, field) in [
            (json!({ "scope": "clientarea:sso" }), "service_id"),
            (json!({ "service_id": 99, "scope": "clientarea:sso" }), "service_id"),
            (json!({ "service_id": service }), "scope"),
            (json!({ "service_id": service, "scope": "x" }), "scope"),
            (json!({ "service_id": service, "scope": "clientarea:sso", "secret": "x" }), "secret"),
        ] {
            let (status, answer) = call("POST", "/oauth-credentials", body.clone()).await;
            assert_eq!((status, &answer["errors"][0]["field"]), (422, &json!(field)), "{body}: {answer}");
        }
        assert_eq!(call("DELETE", &path, Value::Null).await.0, 200);
        for (method, path) in [("GET", path.clone()), ("DELETE", path.clone()), ("POST", format!("{path}/secret"))] {
            assert_eq!(call(method, &path, Value::Null).await.0, 404, "{method} {path}");
        }
    }

    async fn staff_see_them_on_the_service_and_delete_them(site: Site) {
        let stage = Stage::set(site).await;
        let path = stage.granted("scope=clientarea:sso").await;
        let page = format!("/admin/services/{}", stage.service);
        let viewer = stage.site.log_in_with("viewer", &["View Clients Products/Services"]).await;
        let head = stage.site.log_in_with("head", &["View Clients Products/Services", "Configure Application Links"]).await;
        let (_, shown) = stage.site.get(&page, Some(&head)).await;
        assert!(shown.contains("Panel") && shown.contains("sso:custom_redirect") && !shown.contains("Never"), "{shown}");
        assert!(!stage.site.get(&page, Some(&viewer)).await.1.contains("OAuth credentials"));
        let delete = format!("{page}/oauth-credentials/{}/delete", stage.id);
        assert_eq!(stage.site.post(&delete, &viewer, &[]).await.0, StatusCode::FORBIDDEN);
        let others = format!("/admin/services/99/oauth-credentials/{}/delete", stage.id);
        assert_eq!(stage.site.post(&others, &head, &[]).await.0, StatusCode::NOT_FOUND);
        assert_eq!(stage.site.post(&delete, &head, &[]).await, (StatusCode::SEE_OTHER, page.clone()));
        assert_eq!(stage.site.post(&delete, &head, &[]).await.0, StatusCode::NOT_FOUND, "it is gone already");
        assert!(!stage.site.get(&page, Some(&head)).await.1.contains("OAuth credentials"));
        assert_eq!(open(&stage.site, &path).await, Err(StatusCode::CONFLICT));
        assert_eq!(stage.ask(&stage.secret, "scope=clientarea:sso").await.0, 401);
    }

    async fn making_one_takes_the_permission_to_log_in_as_an_owner_too(site: Site) {
        let stage = Stage::set(site).await;
        stage.site.log_in_with("clerk", &["API Access", "Configure Application Links"]).await;
        let key = stage.site.credential_of("clerk").await;
        let id = ("credentialId", stage.id.as_str());
        for (action, fields) in [
            ("CreateOAuthCredential", vec![SIGN_ON, SCOPE, ("serviceId", &stage.service)]),
            ("UpdateOAuthCredential", vec![id, ("scope", "clientarea:sso")]),
            ("UpdateOAuthCredential", vec![id, ("resetSecret", "1")]),
        ] {
            let (status, answer) = stage.site.act(&key, action, &fields).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{answer}");
            assert!(text(&answer, "message").contains("Allow Login as Owner"), "{answer}");
        }
        assert_eq!(stage.site.act(&key, "ListOAuthCredentials", &[]).await.1["clients"][0]["name"], "Panel");
        assert_eq!(stage.site.act(&key, "DeleteOAuthCredential", &[id]).await.1["result"], "success", "closing a door is free");
    }
}
