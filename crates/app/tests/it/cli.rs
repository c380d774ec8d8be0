//! The command line: what it makes, what it refuses, how it ends.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use platform::params;
use testkit::process::{Signal, http_status};

use crate::support::{Credential, Place, Site};

testkit::both_engines! {
    async fn init_leaves_a_usable_start(place: Place) {
        let made = place.run(&["init", "--currency", "EUR", "--json"]).json();
        assert_eq!(made["outcome"], "created");
        assert_eq!(made["currency"], "EUR");
        assert_eq!(made["sandbox"], false);
        let key = std::fs::metadata(place.key_file()).unwrap();
        assert_eq!(key.permissions().mode() & 0o777, 0o600);

        let app = place.app().await;
        let mut conn = app.db.read().await.unwrap();
        let base: (i64, String) = conn.one("SELECT id, code FROM currencies WHERE is_base", params![]).await.unwrap();
        assert_eq!(base, (1, "EUR".to_owned()));
        let groups: Vec<i64> = conn.column("SELECT id FROM product_groups", params![]).await.unwrap();
        assert_eq!(groups, [1]);
        let gateways: Vec<String> =
            conn.column("SELECT name FROM gateways WHERE active ORDER BY position", params![]).await.unwrap();
        assert_eq!(gateways, ["banktransfer", "mailin"]);
        let roles: Vec<String> = conn.column("SELECT name FROM roles ORDER BY id", params![]).await.unwrap();
        assert_eq!(roles, ["Full Administrator", "Sales Operator", "Support Operator"]);
    }

    async fn init_twice_changes_nothing(place: Place) {
        place.done(&["init"]);
        let key = std::fs::read(place.key_file()).unwrap();
        let again = place.run(&["init", "--json"]).json();
        assert_eq!(again["outcome"], "unchanged");
        assert_eq!(std::fs::read(place.key_file()).unwrap(), key);
        let other = place.run(&["init", "--currency", "EUR"]);
        assert_eq!(other.code, 1);
        assert!(other.err.contains("base currency USD"), "{}", other.err);
        let sandbox = place.run(&["init", "--sandbox"]);
        assert_eq!(sandbox.code, 1);
        assert!(sandbox.err.contains("production database"), "{}", sandbox.err);
    }

    async fn a_foreign_database_is_refused_and_left_alone(place: Place) {
        let before = make_foreign(&place).await;
        for command in [["init"], ["serve"]] {
            let ended = place.run(&command);
            assert_eq!(ended.code, 1, "{ended:?}");
            assert!(ended.err.contains("was not made by Innkeeper"), "{}", ended.err);
        }
        assert_eq!(foreign_bytes(&place), before);
    }

    async fn the_wrong_key_is_found_out_at_the_start(place: Place) {
        place.done(&["init"]);
        std::fs::write(place.key_file(), "ab".repeat(32)).unwrap();
        let wrong = place.run(&["serve"]);
        assert_eq!(wrong.code, 1);
        assert!(wrong.err.contains("is not the one that this database was made with"), "{}", wrong.err);
        std::fs::remove_file(place.key_file()).unwrap();
        let missing = place.run(&["serve"]);
        assert_eq!(missing.code, 1);
        assert!(missing.err.contains("cannot be read"), "{}", missing.err);
    }

    async fn another_clock_is_for_sandboxes(place: Place) {
        place.done(&["init"]);
        let refused = place.run(&["serve", "--clock", "2030-01-01T00:00:00Z"]);
        assert_eq!(refused.code, 1);
        assert!(refused.err.contains("--clock works only with a sandbox"), "{}", refused.err);
    }

    async fn a_server_that_is_asked_to_end_ends_well(place: Place) {
        place.done(&["init", "--sandbox"]);
        let (mut server, address) = place.serve(&["--clock", "2030-01-01T00:00:00Z"]);
        assert_eq!(http_status(&format!("{address}/readyz")), Some(200));
        assert_eq!(http_status(&format!("{address}/admin")), Some(303));
        server.signal(Signal::TERM).unwrap();
        let status = server.wait(Duration::from_secs(10)).unwrap();
        assert!(status.success(), "{status}: {}", server.output());
    }

    async fn a_credential_opens_the_api(site: Site) {
        site.place.run_with(
            &["admin", "create", "--username", "ana", "--email", "ana@example.com", "--password-stdin"],
            "a long password\n",
        );
        let made = site.place.run(&["api-credential", "create", "--admin", "ana"]).json();
        let text = format!("{}:{}", made["identifier"].as_str().unwrap(), made["secret"].as_str().unwrap());
        let basic = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text);
        let request = axum::http::Request::get("/api/v1/clients").header("authorization", format!("Basic {basic}"));
        let response = site.send(request.body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!(response.status(), 200);
        let nobody = site.place.run(&["api-credential", "create", "--admin", "bob"]);
        assert_eq!(nobody.code, 1);
    }

    async fn an_administrator_chooses_a_password_by_the_link(site: Site) {
        let made = site.place.run(&["admin", "create", "--username", "ana", "--email", "ana@example.com", "--json"]).json();
        let link = made["link"].as_str().unwrap();
        let path = &link[link.find("/admin/").unwrap()..];
        let (status, page) = site.get(path, None).await;
        assert_eq!(status, 200, "{page}");
        let body = "password=a+long+password&again=a+long+password";
        let chosen = site.send(crate::support::ask("POST", path, None, body)).await;
        assert_eq!(chosen.status(), 303);
        let form = "email=ana&password=a+long+password";
        let entered = site.send(crate::support::ask("POST", "/admin/login", None, form)).await;
        assert_eq!(entered.status(), 303);
        assert_eq!(site.get(path, None).await.0, 404, "the link works once");
    }

    async fn administrators_are_listed_disabled_and_reset(site: Site) {
        let place = &site.place;
        for name in ["ana", "ben"] {
            let email = format!("{name}@example.com");
            let made = place.run_with(&["admin", "create", "--username", name, "--email", &email, "--password-stdin"], "a long password\n");
            assert_eq!(made.code, 0, "{made:?}");
        }
        let key = place.run(&["api-credential", "create", "--admin", "ben"]).json();
        let pair = |key: &serde_json::Value| Credential {
            identifier: key["identifier"].as_str().unwrap().to_owned(),
            secret: key["secret"].as_str().unwrap().to_owned(),
        };
        let bens = pair(&key);
        assert_eq!(site.act(&bens, "GetCurrencies", &[]).await.0, 200);

        let off = place.run(&["admin", "disable", "ben", "--json"]).json();
        assert_eq!((&off["disabled"], &off["credentials"]), (&true.into(), &1.into()));
        assert_eq!(site.act(&bens, "GetCurrencies", &[]).await.0, 403);
        assert!(place.done(&["admin", "disable", "ben"]).out.contains("already"));
        assert!(place.done(&["admin", "list"]).out.contains("DISABLED"));
        let last = place.run(&["admin", "disable", "ana"]);
        assert_eq!(last.code, 1);
        assert!(last.err.contains("ana is the last Full Administrator"), "{}", last.err);
        assert_eq!(place.run(&["admin", "reset-link", "ben"]).code, 1, "not while disabled");
        assert_eq!(place.run(&["admin", "disable", "zoe"]).code, 1);
        place.done(&["admin", "enable", "ben"]);
        assert_eq!(site.act(&bens, "GetCurrencies", &[]).await.0, 200);
        let listed = place.run(&["admin", "list", "--json"]).json();
        let ben = listed.as_array().unwrap().iter().find(|admin| admin["username"] == "ben").unwrap();
        assert_eq!((&ben["disabled"], &ben["role"], &ben["credentials"]), (&false.into(), &"Full Administrator".into(), &1.into()));

        let reset = place.run(&["admin", "reset-link", "ben", "--json"]).json();
        let link = reset["link"].as_str().unwrap();
        let path = &link[link.find("/admin/").unwrap()..];
        let form = "email=ben&password=a+long+password";
        let old = site.send(crate::support::ask("POST", "/admin/login", None, form)).await;
        assert_eq!(old.status(), 422, "the old password ended with the link's making");
        assert_eq!(site.get(path, None).await.0, 200);
    }

    async fn credentials_are_listed_and_revoked(site: Site) {
        let place = &site.place;
        place.done(&["admin", "create", "--username", "ana", "--email", "ana@example.com"]);
        let made: Vec<_> = (0..3).map(|_| place.run(&["api-credential", "create", "--admin", "ana"]).json()).collect();
        let first = made[0]["identifier"].as_str().unwrap();
        assert!(place.done(&["api-credential", "revoke", first]).out.contains(first));
        place.done(&["api-credential", "revoke", first]);
        assert_eq!(place.run(&["api-credential", "revoke", "0123"]).code, 1);
        assert_eq!(place.run(&["api-credential", "revoke"]).code, 2, "which one?");
        assert_eq!(place.run(&["api-credential", "revoke", first, "--admin", "ana"]).code, 2);
        let rest = place.run(&["api-credential", "revoke", "--admin", "ana", "--json"]).json();
        assert_eq!(rest["revoked"].as_array().unwrap().len(), 2, "{rest}");
        let listed = place.run(&["api-credential", "list", "--json"]).json();
        assert!(listed.as_array().unwrap().iter().all(|known| known["revoked_at"].is_string()), "{listed}");
        let text = place.done(&["api-credential", "list"]).out;
        assert_eq!(text.matches("revoked 20").count(), 3, "{text}");
        for key in &made {
            let key = Credential {
                identifier: key["identifier"].as_str().unwrap().to_owned(),
                secret: key["secret"].as_str().unwrap().to_owned(),
            };
            assert_eq!(site.act(&key, "GetCurrencies", &[]).await.0, 403);
            assert!(!text.contains(&key.secret));
        }
    }

    async fn settings_are_checked_before_they_are_stored(place: Place) {
        place.done(&["init"]);
        let near = place.run(&["setting", "get", "invoice_lead_dais"]);
        assert_eq!(near.code, 1);
        assert!(near.err.contains("Did you mean invoice_lead_days"), "{}", near.err);
        let wrong = place.run(&["setting", "set", "invoice_lead_days", "soon", "--json"]);
        assert_eq!(wrong.code, 1);
        let problem: serde_json::Value = serde_json::from_str(&wrong.out).unwrap();
        assert_eq!(problem["errors"][0]["field"], "invoice_lead_days");
        assert_eq!(problem["errors"][0]["message"], "Write a whole number from 0 to 365.");
        let set = place.run(&["setting", "set", "invoice_lead_days", "10", "--json"]).json();
        assert_eq!((&set["old"], &set["value"]), (&"14".into(), &"10".into()));
        assert_eq!(place.done(&["setting", "get", "invoice_lead_days"]).out, "10\n");
        assert!(place.done(&["setting", "list"]).out.contains("invoice_lead_days"));
    }

    async fn a_secret_comes_from_standard_input_and_is_not_shown(place: Place) {
        place.done(&["init"]);
        assert_eq!(place.run(&["setting", "set", "smtp_password", "hunter2"]).code, 1);
        assert_eq!(place.run_with(&["setting", "set", "smtp_password"], "hunter2\n").code, 0);
        let shown = place.run(&["setting", "get", "smtp_password", "--json"]);
        assert_eq!(shown.json()["set"], true);
        assert!(!shown.out.contains("hunter2"));
        let dump = place.folder.join("all.jsonl");
        place.done(&["backup", dump.to_str().unwrap()]);
        assert!(!std::fs::read_to_string(dump).unwrap().contains("hunter2"));
    }

    async fn a_gateway_is_set_up_with_secrets_from_standard_input(place: Place) {
        place.done(&["init"]);
        let unset = place.run(&["gateway", "configure", "stripe"]);
        assert_eq!(unset.code, 1);
        assert!(unset.err.contains("secret_key"), "{}", unset.err);
        let few = place.run_with(&["gateway", "configure", "stripe", "--secret", "secret_key", "--secret", "x"], "one\n");
        assert_eq!(few.code, 1);
        assert!(few.err.contains("no line for this secret"), "{}", few.err);
        assert_eq!(place.run(&["gateway", "configure", "sandbox"]).code, 1, "not in production");
        let off = place.run(&["gateway", "configure", "mailin", "--off", "--json"]).json();
        assert_eq!(off["active"], false);
    }
}

#[test]
fn wrong_usage_is_told_from_a_refusal() {
    let place = testkit::run(<Place as testkit::Open>::open(testkit::Engine::Sqlite));
    for wrong in [&["frobnicate"][..], &["init", "--currency", "XXX"], &["serve", "--clock", "noon"], &["admin"], &[]] {
        assert_eq!(place.run(wrong).code, 2, "{wrong:?}");
    }
    for help in [&["--help"][..], &["serve", "--help"], &["--version"]] {
        assert_eq!(place.run(help).code, 0, "{help:?}");
    }
    let none = place.run(&["setting", "list"]);
    assert_eq!(none.code, 1);
    assert!(none.err.contains("innkeeper init"), "{}", none.err);
    let url = place.run(&["init", "--database", "mysql://root:secret@localhost/x"]);
    assert_eq!(url.code, 1);
    assert!(!url.err.contains("secret"), "a password is not repeated: {}", url.err);
}

fn sqlite_file(place: &Place) -> Option<&str> {
    place.url.strip_prefix("sqlite:")
}

fn foreign_bytes(place: &Place) -> Vec<u8> {
    sqlite_file(place).map(|path| std::fs::read(path).unwrap()).unwrap_or_default()
}

/// Puts a table of somebody else into the database.
async fn make_foreign(place: &Place) -> Vec<u8> {
    match sqlite_file(place) {
        Some(path) => {
            rusqlite::Connection::open(path).unwrap().execute_batch("CREATE TABLE recipes (name TEXT)").unwrap();
        }
        None => {
            let db = platform::Db::open(&place.url, platform::Events::default()).await.unwrap();
            let mut tx = db.write().await.unwrap();
            tx.batch("CREATE TABLE recipes (name TEXT)").await.unwrap();
            tx.commit().await.unwrap();
        }
    }
    foreign_bytes(place)
}
