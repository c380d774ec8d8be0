//! Every route × who may not: nobody gets in by a door that was forgotten.

use accounts::account_access;
use accounts::doors::{API_ACCESS, Access, Entry};
use axum::http::{HeaderValue, StatusCode};
use base64::Engine as _;
use innkeeper::wiring;
use platform::params;

use crate::support::{Credential, Session, Site, ask, read};

/// A path with something in its places.
fn filled(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { "1" } else { part }).collect::<Vec<_>>().join("/")
}

/// What a bank or a gateway has done is written down whatever becomes of those who listen, so they may only listen by a
/// name.
#[test]
fn nobodys_failure_takes_a_payment_back() {
    let events = innkeeper::wiring::events();
    assert!(!events.has_binding::<billing::invoices::InvoicePaid>());
    assert!(!events.has_binding::<billing::invoices::InvoiceReduced>());
    assert!(!events.has_binding::<billing::payments::PaymentRecorded>());
    assert!(!events.has_binding::<billing::recurring::DueDateMoved>());
    assert!(!events.has_binding::<billing::refunds::PaymentRefunded>());
    assert!(!events.has_binding::<billing::captures::CaptureDeclined>());
    assert!(!events.has_binding::<billing::captures::ActionNeeded>());
}

#[test]
fn every_template_can_be_compiled() {
    assert!(wiring::templates().check().unwrap() > 50);
}

#[test]
fn every_compatible_action_is_in_the_documentation_and_none_besides() {
    let text = include_str!("../../../../docs/api.md");
    let table = text.split("| of | actions |").nth(1).unwrap().split("\n\n").next().unwrap();
    let mut told: Vec<&str> = table.split('`').skip(1).step_by(2).collect();
    let routes = wiring::routes();
    let mut there: Vec<&str> = routes.actions.iter().map(|action| action.name).collect();
    told.sort_unstable();
    there.sort_unstable();
    assert_eq!(told, there);
}

/// The routes of the client area.
fn client_area() -> Vec<Entry> {
    let all = wiring::routes().table;
    all.into_iter().filter(|entry| matches!(entry.access, Access::User | Access::Account(_))).collect()
}

testkit::both_engines! {
    async fn the_client_area_sends_strangers_and_staff_to_its_login(site: Site) {
        let boss = site.boss().await;
        let mut kinds = [0, 0];
        for entry in client_area() {
            kinds[usize::from(entry.access == Access::User)] += 1;
            let path = filled(&entry.path);
            for session in [None, Some(&boss)] {
                let request = ask(entry.method, &path, session, &format!("csrf={}", boss.csrf));
                let (status, place) = read(site.send(request).await).await;
                assert_eq!(status, StatusCode::SEE_OTHER, "{} {path}", entry.method);
                assert!(place.starts_with("/login?next="), "{path}: {place}");
            }
        }
        assert!(kinds[0] > 1 && kinds[1] > 5, "the table of routes is empty: {kinds:?}");
    }

    async fn forms_that_need_no_session_are_not_taken_from_other_sites(site: Site) {
        site.set(&[("logins_per_minute", "0")]).await;
        let mut seen = 0;
        for entry in wiring::routes().table {
            // Programs send this one, with a secret that no other site knows.
            let is_form = entry.method == "POST" && entry.access == Access::Public && entry.path != "/oauth/token.php";
            if !is_form {
                continue;
            }
            seen += 1;
            for (name, value) in [
                ("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.example"),
                ("origin", "null"), ("origin", "http://localhost.evil.example:80"),
            ] {
                let mut request = ask("POST", &filled(&entry.path), None, "email=ann%40example.com&password=x");
                request.headers_mut().insert("host", HeaderValue::from_static("localhost"));
                request.headers_mut().insert(name, HeaderValue::from_static(value));
                let (status, text) = read(site.send(request).await).await;
                assert_eq!(status, StatusCode::CONFLICT, "{} {name}: {value}: {text}", entry.path);
            }
        }
        assert!(seen > 15, "the table of routes is empty: {seen}");
    }

    async fn a_user_is_nobody_in_the_staff_area_and_at_the_apis(site: Site) {
        site.set(&[("api_refusals_per_minute", "0")]).await;
        let (ann, _) = site.user("ann").await;
        let staffs = Session { cookie: ann.cookie.replace("innkeeper_client", "innkeeper_session"), ..ann.clone() };
        for entry in wiring::routes().table {
            let wanted = match entry.access {
                Access::AnyStaff | Access::Staff(_) => StatusCode::SEE_OTHER,
                Access::Api(_) => StatusCode::UNAUTHORIZED,
                _ => continue,
            };
            let path = filled(&entry.path);
            for session in [&ann, &staffs] {
                let request = ask(entry.method, &path, Some(session), &format!("csrf={}", ann.csrf));
                let (status, place) = read(site.send(request).await).await;
                assert_eq!(status, wanted, "{} {path}", entry.method);
                assert!(status == StatusCode::UNAUTHORIZED || place.starts_with("/admin/login"), "{path}: {place}");
            }
        }
    }

    async fn a_form_of_the_client_area_without_its_token_is_refused(site: Site) {
        let (ann, _) = site.user("ann").await;
        for entry in client_area().iter().filter(|entry| entry.method == "POST") {
            let path = filled(&entry.path);
            for form in ["", "csrf=", "csrf=0000000000000000000000000000000000000000000000000000000000000000"] {
                let (status, page) = read(site.send(ask("POST", &path, Some(&ann), form)).await).await;
                assert_eq!(status, StatusCode::CONFLICT, "{path} {form}");
                assert!(page.contains("out of date"), "{path}: {page}");
            }
        }
    }

    async fn an_account_is_closed_without_the_key_and_without_the_account(site: Site) {
        let (ann, client) = site.user("ann").await;
        let sql = async |sql: String| {
            let mut tx = site.app.db.write().await.unwrap();
            tx.batch(&sql).await.unwrap();
            tx.commit().await.unwrap();
        };
        let accounts = client_area();
        let accounts = accounts.iter().filter_map(|entry| match entry.access {
            Access::Account(permission) => Some((entry.method, filled(&entry.path), permission)),
            _ => None,
        });
        for (method, path, permission) in accounts {
            assert!(permission == account_access::OWNER || account_access::ALL.contains(&permission), "{path}: {permission:?} is none of the keys");
            let others: Vec<&str> =
                account_access::ALL.iter().filter(|key| **key != permission).map(|key| key.0).collect();
            let keys = others.join("\n");
            let form = format!("csrf={}", ann.csrf);
            sql(format!("UPDATE client_users SET is_owner = FALSE, permissions = '{keys}' WHERE client_id = {client}")).await;
            let (status, page) = read(site.send(ask(method, &path, Some(&ann), &form)).await).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path}: {page}");
            sql(format!("UPDATE clients SET status = 'closed' WHERE id = {client}")).await;
            sql(format!("UPDATE client_users SET is_owner = TRUE WHERE client_id = {client}")).await;
            let (status, page) = read(site.send(ask(method, &path, Some(&ann), &form)).await).await;
            assert!(status == StatusCode::CONFLICT && page.contains("You act for no account"), "{method} {path}: {status}");
            sql(format!("UPDATE clients SET status = 'active' WHERE id = {client}")).await;
        }
    }

    async fn what_is_another_clients_is_not_found(site: Site) {
        // Whatever has an id of 1 in the client area is Bob's.
        let (_bob, bobs) = site.user("bob").await;
        let (ann, _) = site.user("ann").await;
        assert_eq!(bobs, 1);
        let mut with_ids = 0;
        for entry in client_area().iter().filter(|entry| entry.path.contains('{')) {
            let request = ask(entry.method, &filled(&entry.path), Some(&ann), &format!("csrf={}", ann.csrf));
            let (status, page) = read(site.send(request).await).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{} {}: {page}", entry.method, entry.path);
            with_ids += 1;
        }
        assert!(with_ids > 0, "the table of routes is empty");
        assert_eq!(site.post("/account/switch", &ann, &[("client", "1")]).await.0, StatusCode::NOT_FOUND);
    }

    async fn a_staff_page_sends_strangers_to_the_login(site: Site) {
        let mut count = 0;
        for entry in wiring::routes().table.iter().filter(|entry| matches!(entry.access, Access::Staff(_))) {
            let path = filled(&entry.path);
            let (status, place) = read(site.send(ask(entry.method, &path, None, "")).await).await;
            assert_eq!(status, StatusCode::SEE_OTHER, "{} {path}", entry.method);
            assert!(place.starts_with("/admin/login"), "{path}: {place}");
            count += 1;
        }
        assert!(count > 10, "the table of routes is empty");
    }

    async fn a_banned_address_is_answered_nowhere_but_by_webhooks(site: Site) {
        let boss = site.boss().await;
        let key = site.credential().await;
        let new = serde_json::json!({ "network": "127.0.0.1", "reason": "Out", "confirm": true });
        assert_eq!(site.json(&boss, "POST", "/security/banned-ips", new).await.0, StatusCode::CREATED);
        let mut open = Vec::new();
        let table = wiring::routes().table;
        for entry in &table {
            let path = filled(&entry.path);
            let request = ask(entry.method, &path, Some(&boss), &format!("csrf={}", boss.csrf));
            let (status, text) = read(site.send(request).await).await;
            if entry.access == Access::Webhook {
                assert!(!text.contains("banned"), "{path}: {text}");
                open.push(entry.path.as_str());
            } else {
                assert_eq!(status, StatusCode::FORBIDDEN, "{} {path}", entry.method);
                assert!(text.contains("Out"), "{path}: {text}");
            }
        }
        assert_eq!(open, ["/gateways/{name}/webhook"], "the list of what is open to banned addresses");
        for path in ["/api/openapi.json", "/healthz", "/readyz", "/metrics", "/", "/nowhere"] {
            assert_eq!(site.get(path, None).await.0, StatusCode::FORBIDDEN, "{path}");
        }
        for action in wiring::routes().actions {
            let (status, answer) = site.act(&key, action.name, &[]).await;
            assert_eq!((status, &answer["result"]), (StatusCode::FORBIDDEN, &"error".into()), "{}", action.name);
        }
        // Staff on the server get themselves in again.
        site.place.done(&["banned-ip", "lift", "127.0.0.1"]);
        wiring::refresh(&site.app).await.unwrap();
        assert_eq!(site.get("/admin", Some(&boss)).await.0, StatusCode::OK);
    }

    async fn a_staff_page_is_closed_without_its_permission(site: Site) {
        let nobody = site.log_in("nobody", "May do nothing").await;
        for entry in wiring::routes().table.iter().filter(|entry| matches!(entry.access, Access::Staff(_))) {
            let path = filled(&entry.path);
            let form = format!("csrf={}", nobody.csrf);
            let (status, _) = read(site.send(ask(entry.method, &path, Some(&nobody), &form)).await).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{} {path}", entry.method);
        }
    }

    async fn a_form_without_its_token_is_refused(site: Site) {
        let boss = site.boss().await;
        let posts = wiring::routes().table.into_iter().filter(|entry| matches!(entry.access, Access::Staff(_)));
        for entry in posts.filter(|entry| entry.method == "POST") {
            let path = filled(&entry.path);
            for form in ["", "csrf=", "csrf=0000000000000000000000000000000000000000000000000000000000000000"] {
                let (status, page) = read(site.send(ask("POST", &path, Some(&boss), form)).await).await;
                assert_eq!(status, StatusCode::CONFLICT, "{path} {form}");
                assert!(page.contains("out of date"), "{path}: {page}");
            }
        }
    }

    async fn logging_out_needs_a_session_and_its_token(site: Site) {
        let nobody = site.log_in("nobody", "May do nothing").await;
        let table = wiring::routes().table;
        let open: Vec<_> = table.iter().filter(|entry| entry.access == Access::AnyStaff).collect();
        // Besides logging out, only what staff do with their own second factor.
        let (own, open): (Vec<_>, Vec<_>) = open.into_iter().partition(|entry| entry.path.starts_with("/admin/account/"));
        assert_eq!(open.iter().map(|entry| entry.path.as_str()).collect::<Vec<_>>(), ["/admin/logout"]);
        assert_eq!(own.len(), 10);
        for entry in own {
            let path = filled(&entry.path);
            let (status, place) = read(site.send(ask(entry.method, &path, None, "")).await).await;
            assert!(status == StatusCode::SEE_OTHER && place.starts_with("/admin/login?"), "{path}: {place}");
            if entry.method == "POST" {
                assert_eq!(read(site.send(ask("POST", &path, Some(&nobody), "")).await).await.0, StatusCode::CONFLICT);
            }
        }
        for entry in open {
            let (status, place) = read(site.send(ask(entry.method, &entry.path, None, "")).await).await;
            assert!(status == StatusCode::SEE_OTHER && place.starts_with("/admin/login?"), "{place}");
            let (status, _) = read(site.send(ask(entry.method, &entry.path, Some(&nobody), "")).await).await;
            assert_eq!(status, StatusCode::CONFLICT);
            assert_eq!(site.post(&entry.path, &nobody, &[]).await.0, StatusCode::SEE_OTHER);
        }
        assert!(site.get("/admin", Some(&nobody)).await.1.starts_with("/admin/login"), "the session has ended");
    }

    async fn an_action_is_closed_without_its_permission(site: Site) {
        site.log_in("nobody", "May do nothing").await;
        site.log_in_with("caller", &[API_ACCESS.0]).await;
        let (nobody, caller) = (site.credential_of("nobody").await, site.credential_of("caller").await);
        let stranger = Credential { identifier: nobody.identifier.clone(), secret: "0".repeat(64) };
        let actions = wiring::routes().actions;
        assert!(actions.len() > 30, "the table of actions is empty");
        for action in actions {
            // With an id, so that nothing but the permission can be what is missing.
            let fields = [("clientid", "1"), ("invoiceid", "1"), ("orderid", "1"), ("userid", "1"), ("serviceid", "1")];
            let (status, answer) = site.act(&nobody, action.name, &fields).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{}: {answer}", action.name);
            let (status, answer) = site.act(&caller, action.name, &fields).await;
            let closed = status == StatusCode::FORBIDDEN && answer["message"].as_str().unwrap().contains(action.permission.0);
            assert_eq!(closed, action.permission != API_ACCESS, "{}: {status} {answer}", action.name);
        }
        for name in ["GetClients", "NoSuchAction"] {
            let (status, answer) = site.act(&stranger, name, &[]).await;
            assert_eq!((status, &answer["message"]), (StatusCode::FORBIDDEN, &"Authentication Failed".into()), "{name}");
        }
    }

    async fn an_operation_is_closed_to_a_credential_without_its_permission(site: Site) {
        site.log_in_with("caller", &[API_ACCESS.0]).await;
        let key = site.credential_of("caller").await;
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", key.identifier, key.secret));
        for entry in wiring::routes().table.iter().filter(|entry| matches!(entry.access, Access::Api(_))) {
            let mut request = ask(entry.method, &filled(&entry.path), None, "");
            request.headers_mut().insert("authorization", format!("Basic {pair}").parse().unwrap());
            let (status, _) = read(site.send(request).await).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{} {}", entry.method, entry.path);
        }
    }

    async fn a_credential_is_closed_to_what_its_role_does_not_list(site: Site) {
        let boss = site.boss().await;
        site.set(&[("failed_api_ban_minutes", "0"), ("api_refusals_per_minute", "0"), ("api_requests_per_minute", "0")]).await;
        let role = serde_json::json!({ "name": "Rates", "allowed": ["GetCurrencies", "GET /currencies"] });
        let (status, role) = site.json(&boss, "POST", "/api-roles", role).await;
        assert_eq!(status, StatusCode::CREATED, "{role}");
        let me: i64 = site.app.db.read().await.unwrap().scalar("SELECT MAX(id) FROM admins", params![]).await.unwrap();
        let new = serde_json::json!({ "admin_id": me, "role_id": role["id"], "description": "Rates" });
        let (status, made) = site.json(&boss, "POST", "/api-credentials", new).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        let key = Credential { identifier: text("identifier"), secret: text("secret") };
        for entry in wiring::routes().table.iter().filter(|entry| matches!(entry.access, Access::Api(_))) {
            let mut request = ask(entry.method, &filled(&entry.path), None, "");
            request.headers_mut().insert("authorization", key.basic().parse().unwrap());
            let (status, text) = read(site.send(request).await).await;
            if (entry.method, entry.path.as_str()) == ("GET", "/api/v1/currencies") {
                assert_eq!(status, StatusCode::OK, "{text}");
            } else {
                assert_eq!(status, StatusCode::FORBIDDEN, "{} {}: {text}", entry.method, entry.path);
                assert!(text.contains("The role of this API credential"), "{} {}: {text}", entry.method, entry.path);
            }
        }
        for action in wiring::routes().actions {
            let (status, answer) = site.act(&key, action.name, &[]).await;
            let refused = status == StatusCode::FORBIDDEN && answer["message"].as_str().unwrap().starts_with("Invalid Permissions");
            assert_eq!(refused, action.name != "GetCurrencies", "{}: {status} {answer}", action.name);
        }
    }

    async fn what_belongs_to_one_client_is_not_found_at_another(site: Site) {
        let boss = site.boss().await;
        let (_, one) = site.user("ann").await;
        let (_, other) = site.user("bob").await;
        let id = |answer: &serde_json::Value| answer["id"].as_i64().unwrap();
        let new = serde_json::json!({ "email": "cy@example.com", "permissions": ["invoices"] });
        let (status, invitation) = site.json(&boss, "POST", &format!("/clients/{one}/invitations"), new).await;
        assert_eq!(status, StatusCode::CREATED, "{invitation}");
        site.place.done(&["gateway", "configure", "sandbox"]);
        let card = serde_json::json!({ "gateway": "sandbox", "remote_token": "ok" });
        let (status, card) = site.json(&boss, "POST", &format!("/clients/{one}/pay-methods"), card).await;
        assert_eq!(status, StatusCode::CREATED, "{card}");
        let mut conn = site.app.db.read().await.unwrap();
        let user: i64 = conn.scalar("SELECT user_id FROM client_users WHERE client_id = $1", params![one]).await.unwrap();
        drop(conn);
        let nested = wiring::routes().table.into_iter().filter(|entry| {
            matches!(entry.access, Access::Api(_)) && entry.path.starts_with("/api/v1/clients/{id}/") && entry.path.matches('{').count() == 2
        });
        let mut looked_at = 0;
        for entry in nested {
            let ours = match () {
                () if entry.path.contains("{user}") => user,
                () if entry.path.contains("{invitation}") => id(&invitation),
                () if entry.path.contains("{method}") => id(&card),
                () => panic!("{}: say here what it is", entry.path),
            };
            let path = entry.path.strip_prefix("/api/v1").unwrap();
            let path = path.replace("{id}", &other.to_string());
            let path = path.split('{').next().unwrap().to_owned() + &ours.to_string() + path.split('}').nth(1).unwrap();
            let body = if entry.method == "PUT" { serde_json::json!({ "permissions": ["orders"] }) } else { serde_json::json!({}) };
            let (status, answer) = site.json(&boss, entry.method, &path, body).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{} {path}: {answer}", entry.method);
            looked_at += 1;
        }
        assert!(looked_at >= 5, "{looked_at}");
    }

    async fn the_api_answers_strangers_with_a_problem(site: Site) {
        site.set(&[("api_refusals_per_minute", "0")]).await;
        for entry in wiring::routes().table.iter().filter(|entry| matches!(entry.access, Access::Api(_))) {
            let path = filled(&entry.path);
            let response = site.send(ask(entry.method, &path, None, "")).await;
            assert_eq!(response.headers()["content-type"], "application/problem+json", "{path}");
            let (status, body) = read(response).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{} {path}", entry.method);
            let problem: serde_json::Value = serde_json::from_str(&body).unwrap();
            assert_eq!(problem["status"], 401);
        }
    }

    async fn the_api_asks_for_the_permission_and_for_the_token_of_a_session(site: Site) {
        let nobody = site.log_in("nobody", "May do nothing").await;
        let boss = site.boss().await;
        for entry in wiring::routes().table.iter().filter(|entry| matches!(entry.access, Access::Api(_))) {
            let path = filled(&entry.path);
            let with_token = |session: &Session| {
                let mut request = ask(entry.method, &path, Some(session), "");
                request.headers_mut().insert("x-csrf-token", session.csrf.parse().unwrap());
                request
            };
            let (status, _) = read(site.send(with_token(&nobody)).await).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{} {path}", entry.method);
            if entry.method != "GET" {
                let (status, _) = read(site.send(ask(entry.method, &path, Some(&boss), "")).await).await;
                assert_eq!(status, StatusCode::CONFLICT, "{} {path} without a token", entry.method);
            }
        }
    }
}

#[test]
fn no_route_is_there_twice() {
    let mut seen = std::collections::HashSet::new();
    for entry in wiring::routes().table {
        assert!(seen.insert((entry.method, entry.path.clone())), "{} {}", entry.method, entry.path);
    }
}

#[test]
fn every_entry_of_the_sidebar_leads_to_a_page_that_asks_for_its_permission() {
    let routes = wiring::routes();
    let nav = wiring::nav();
    for item in nav.sections.iter().flat_map(|section| &section.items).chain(&nav.create) {
        let path = item.href.split('?').next().unwrap();
        let found = routes.table.iter().find(|entry| entry.method == "GET" && entry.path == path);
        let found = found.unwrap_or_else(|| panic!("{} leads nowhere: {}", item.label, item.href));
        assert_eq!(found.access, Access::Staff(item.permission), "{}", item.label);
    }
    for section in &nav.sections {
        let path = section.href.split('?').next().unwrap();
        assert!(routes.table.iter().any(|entry| entry.method == "GET" && entry.path == path), "{}", section.href);
    }
}
