//! What broke into programs of this kind, each tried here. The names are those under which it was published.

use accounts::doors::Access;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use innkeeper::wiring;
use platform::params;
use serde_json::{Value, json};

use crate::support::{Session, Site, ask, read};

const SCRIPT: &str = "\"><script>alert(1)</script>";
const TEMPLATE: &str = "{{ 7 * 7 }}{% for x in page %}{{ x }}{% endfor %}{$smarty.version}";

/// A client of whom every text is that one, with an invoice; its id.
async fn client(site: &Site, boss: &Session, text: &str) -> i64 {
    let new = json!({
        "first_name": text, "last_name": text, "company": text, "email": "eve@example.com", "address1": text, "city": text,
        "state": text, "country": "GB", "notes": text,
    });
    let (status, made) = site.json(boss, "POST", "/clients", new).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let id = made["id"].as_i64().unwrap();
    let lines = json!([{ "description": text, "amount": "10.00" }]);
    let invoice = json!({ "client_id": id, "lines": lines, "draft": false, "send": true });
    let (status, made) = site.json(boss, "POST", "/invoices", invoice).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    id
}

async fn count(site: &Site, table: &str) -> i64 {
    site.app.db.read().await.unwrap().scalar(&format!("SELECT COUNT(*) FROM {table}"), params![]).await.unwrap()
}

testkit::both_engines! {
    /// CVE-2026-27604: a role of the system's that the address named.
    async fn nobody_becomes_the_system_by_an_address(site: Site) {
        for path in ["/api/system/client/list", "/api/v1/system/clients", "/api/v1/internal/clients", "/api/admin/clients"] {
            for method in ["GET", "POST"] {
                let (status, _) = read(site.send(ask(method, path, None, "role=system&user=system")).await).await;
                assert!(matches!(status.as_u16(), 404 | 405), "{method} {path}: {status}");
            }
        }
        for name in ["system", "Schedule", "Demo"] {
            let (status, _) = read(site.send(ask("POST", "/admin/login", None, &format!("email={name}&password="))).await).await;
            assert!(status.is_client_error(), "{name}: {status}");
        }
    }

    /// CVE-2026-33543: an administrator made by somebody who was not logged in. The first is made by the command line.
    async fn nobody_makes_an_administrator_from_outside(site: Site) {
        let before = count(&site, "admins").await;
        for path in ["/install", "/install/install.php", "/setup", "/admin/setup", "/admin/administrators", "/admin/register", "/api/v1/administrators"] {
            let form = "username=eve&email=eve%40example.com&password=tangerine+umbrella+17&role_id=1";
            let (status, place) = read(site.send(ask("POST", path, None, form)).await).await;
            assert!(status.is_client_error() || place.starts_with("/admin/login"), "{path}: {status} {place}");
        }
        assert_eq!(count(&site, "admins").await, before);
        let open = wiring::routes().table.into_iter().filter(|entry| matches!(entry.access, Access::Public | Access::Webhook));
        assert!(open.map(|entry| entry.path).all(|path| !path.contains("install") && !path.contains("setup")));
    }

    /// CVE-2026-28496, CVE-2011-5061: what a user had written was rendered as a template.
    async fn what_people_write_is_no_template(site: Site) {
        let boss = site.boss().await;
        let id = client(&site, &boss, TEMPLATE).await;
        let (_, page) = site.get(&format!("/admin/clients/{id}"), Some(&boss)).await;
        assert!(page.contains("{{ 7 * 7 }}") && page.contains("{$smarty.version}"), "{page}");
        platform::jobs::drain(&site.app).await.unwrap();
        let mut conn = site.app.db.read().await.unwrap();
        let mails: Vec<String> = conn.column("SELECT title || text_body || html_body FROM mails", params![]).await.unwrap();
        assert!(mails.iter().any(|mail| mail.contains("{{ 7 * 7 }}")) && mails.iter().all(|mail| !mail.contains("49")), "{mails:?}");
    }

    /// CVE-2026-111048, CVE-2020-23647, CVE-2023-3521: scripts in what is stored, and in filters.
    async fn no_script_stands_in_a_page(site: Site) {
        let boss = site.boss().await;
        client(&site, &boss, SCRIPT).await;
        let mut seen = 0;
        for entry in wiring::routes().table.iter().filter(|entry| entry.method == "GET" && matches!(entry.access, Access::Staff(_))) {
            let path = entry.path.split('/').map(|part| if part.starts_with('{') { "1" } else { part }).collect::<Vec<_>>().join("/");
            let filters = ["q", "from", "until", "status", "sort", "client", "email", "ip", "actor"].map(|name| format!("{name}=%22%3E%3Cscript%3Ealert(1)%3C/script%3E"));
            for path in [path.clone(), format!("{path}?{}", filters.join("&"))] {
                let response = site.send(ask("GET", &path, Some(&boss), "")).await;
                let html = response.headers().get("content-type").is_some_and(|kind| kind.to_str().unwrap().starts_with("text/html"));
                let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
                assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{path}: {policy}");
                if html {
                    let (_, page) = read(response).await;
                    assert!(!page.contains("<script>alert"), "{path}");
                    seen += usize::from(page.contains("&lt;script&gt;alert"));
                }
            }
        }
        assert!(seen > 5, "only {seen} pages show it at all");
    }

    /// CVE-2026-25616: an address that was a script.
    async fn a_login_leads_to_no_script_and_to_no_other_host(site: Site) {
        for next in ["javascript:alert(1)", "//evil.example", "https://evil.example/admin", "/\\evil.example", "data:text/html,x"] {
            for path in ["/admin/login", "/login"] {
                let (_, page) = site.get(&format!("{path}?next={}", platform::web::lists::escape(next)), None).await;
                assert!(!page.contains("evil.example") && !page.contains("javascript:") && !page.contains("data:text"), "{path} {next}: {page}");
            }
        }
    }

    /// CVE-2026-31049: a cell that a spreadsheet computes.
    async fn no_cell_of_a_file_is_a_formula(site: Site) {
        let boss = site.boss().await;
        client(&site, &boss, "=HYPERLINK(\"//evil.example\")").await;
        let (status, file) = site.get("/admin/clients?format=csv", Some(&boss)).await;
        assert_eq!(status, StatusCode::OK);
        assert!(file.contains("HYPERLINK"), "{file}");
        let cells = file.lines().flat_map(|line| line.split(',')).map(|cell| cell.trim_start_matches('"'));
        assert!(cells.filter(|cell| cell.contains("HYPERLINK")).all(|cell| !cell.starts_with('=')), "{file}");
    }

    /// CVE-2026-42341 and unsigned webhooks: a message that nobody has signed pays nothing.
    async fn an_unsigned_message_pays_nothing(site: Site) {
        let boss = site.boss().await;
        let setup = [("display_name", "Cards"), ("active", "1"), ("webhook_secret", "whsec_test")];
        assert_eq!(site.post("/admin/setup/gateways/sandbox", &boss, &setup).await.0, StatusCode::SEE_OTHER);
        client(&site, &boss, "Eve").await;
        for name in ["sandbox", "stripe", "banktransfer", "nowhere"] {
            let body = json!({ "type": "payment", "invoice_id": 1, "amount": "10.00", "currency": "USD", "reference": "x" });
            let request = Request::post(format!("/gateways/{name}/webhook")).body(Body::from(body.to_string())).unwrap();
            let (status, text) = read(site.send(request).await).await;
            assert!(status.is_client_error(), "{name}: {status} {text}");
        }
        assert_eq!(count(&site, "transactions").await, 0);
        let (_, invoice) = site.json(&boss, "GET", "/invoices/1", Value::Null).await;
        assert_eq!(invoice["status"], "unpaid", "{invoice}");
    }

    /// CVE-2026-43926: only one of the ways to try passwords was limited.
    async fn every_way_to_try_a_secret_is_limited(site: Site) {
        site.set(&[("logins_per_minute", "2"), ("api_refusals_per_minute", "2")]).await;
        wiring::refresh(&site.app).await.unwrap();
        let form = "email=ann%40example.com&password=wrong&username=ann&identifier=x&secret=y&action=GetClients&grant_type=single_sign_on&client_id=x&client_secret=y";
        let mut ways = vec![("POST", "/admin/login"), ("POST", "/login"), ("POST", "/forgot-password"), ("POST", "/register"), ("POST", "/includes/api.php")];
        ways.extend([("POST", "/oauth/token.php"), ("GET", "/api/v1/clients"), ("GET", "/sso/wrong"), ("POST", "/reset-password/wrong"), ("POST", "/admin/forgot-password")]);
        for (method, path) in ways {
            // A minute later all may be tried anew.
            site.app.clock.set(site.app.clock.now().plus_seconds(600));
            let mut last = StatusCode::OK;
            for _ in 0..3 {
                let mut request = ask(method, path, None, form);
                if path.starts_with("/api/") {
                    request.headers_mut().insert("authorization", "Basic eDp5".parse().unwrap());
                }
                last = read(site.send(request).await).await.0;
            }
            assert_eq!(last, StatusCode::TOO_MANY_REQUESTS, "{method} {path}");
        }
    }

    /// CVE-2004-1590 and what scanners ask for first.
    async fn nothing_is_traced(site: Site) {
        for path in ["/", "/login", "/admin/login", "/admin/clients", "/api/v1/clients", "/includes/api.php", "/healthz"] {
            let (status, text) = read(site.send(ask("TRACE", path, None, "secret")).await).await;
            assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
            assert!(!text.contains("secret"), "{text}");
        }
    }

    async fn nothing_tells_of_the_machine(site: Site) {
        for path in ["/phpinfo.php", "/info.php", "/server-status", "/.env", "/.git/config", "/debug", "/configuration.php", "/vendor/", "/assets/../Cargo.toml", "/assets/..%2fCargo.toml", "/backup.sql"] {
            let (status, text) = site.get(path, None).await;
            assert!(status.is_client_error(), "{path}: {status}");
            assert!(!text.contains("crates/") && !text.contains("rustc"), "{path}: {text}");
        }
    }
}
