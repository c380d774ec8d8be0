//! What settings refuse, through every door: the page, the command line, the JSON API.

use serde_json::{Value, json};

use crate::support::{Place, Session, Site};

/// A key, a value that is wrong, and a part of what is said of it.
const WRONG: &[(&str, &str, &str)] = &[
    ("invoice_number_format", "INV", "needs {NUMBER} exactly once"),
    ("invoice_number_format", "INV {NUMBER}", "letters from A to Z"),
    ("invoice_number_format", "{NUMBER}-{WEEK}", "{WEEK} is not a placeholder"),
    ("invoice_number_format", "A-VERY-LONG-FORMAT-THAT-FITS-NOWHERE-{NUMBER}", "at most 40 characters"),
    ("invoice_number_format", "CN-{NUMBER:4}", "would look like those of credit notes"),
    ("credit_note_number_format", "CN", "needs {NUMBER} exactly once"),
    ("credit_note_number_format", "{YEAR}{NUMBER}", "would look like those of invoices"),
    ("invoice_number_reset", "yearly", "need {YEAR} in the format"),
    ("invoice_number_reset", "daily", "Choose one of: never, yearly, monthly."),
    ("default_country", "XX", "is not a country"),
    ("default_country", "Germany", "at most 2 characters"),
    ("company_country", "UK", "is not a country"),
    ("system_url", "billing.example.com", "Write a web address"),
    ("system_url", "ftp://example.com", "Write a web address"),
    ("smtp_host", "smtp://mail.example.com", "without a scheme"),
    ("smtp_host", "mail.example.com:25", "without a port"),
    ("smtp_port", "0", "from 1 to 65535"),
    ("smtp_security", "ssl", "Choose one of: starttls, tls, none."),
    ("mail_from", "us", "Write an e-mail address"),
    ("company_email", "us@", "Write an e-mail address"),
    ("time_zone", "Berlin", "Write a time zone"),
    ("automation_hour", "24", "from 0 to 23"),
    ("automation_enabled", "perhaps", "Write true or false."),
    ("invoice_lead_days", "-1", "from 0 to 365"),
    ("invoice_lead_days_monthly", "soon", "from 0 to 365"),
    ("capture_concurrency", "0", "from 1 to 32"),
    ("company_name", "Two\nlines", "single line"),
    ("company_address", "Bell\u{7}", "control characters"),
    ("keep_finished_jobs_days", "0", "from 1 to 3650"),
];

async fn api(site: &Site, session: &Session, body: Value) -> (u16, Value) {
    let request = axum::http::Request::patch("/api/v1/settings")
        .header("cookie", &session.cookie)
        .header("x-csrf-token", &session.csrf)
        .header("content-type", "application/json")
        .body(axum::body::Body::from(body.to_string()))
        .unwrap();
    let (status, text) = crate::support::read(site.send(request).await).await;
    (status.as_u16(), serde_json::from_str(&text).unwrap())
}

async fn stored(site: &Site) -> i64 {
    let mut conn = site.app.db.read().await.unwrap();
    conn.scalar("SELECT COUNT(*) FROM settings", platform::params![]).await.unwrap()
}

testkit::both_engines! {
    async fn a_wrong_value_is_refused_by_every_door(site: Site) {
        let boss = site.boss().await;
        for (key, value, told) in WRONG {
            let was = super::setting(key).default;
            let names = [format!("was.{key}"), (*key).to_owned()];
            // A box that is not ticked sends nothing, so a page cannot send a wrong one.
            if *key != "automation_enabled" {
                let (status, page) = site.post("/admin/setup/settings", &boss, &[(&names[0], was), (&names[1], value)]).await;
                assert_eq!(status, 422, "{key} = {value}");
                assert!(page.contains(&escaped(told)), "{key} = {value}: {told} is missing");
            }
            let (status, problem) = api(&site, &boss, json!({ *key: value })).await;
            assert_eq!((status, problem["errors"][0]["field"].as_str()), (422, Some(*key)), "{value}: {problem}");
            assert!(problem["errors"][0]["message"].as_str().unwrap().contains(told), "{problem}");
        }
        assert_eq!(stored(&site).await, 0);
    }

    async fn what_could_make_anybody_of_somebody_takes_every_permission(site: Site) {
        let head = site.log_in_with("head", &["Configure General Settings", "Main Homepage"]).await;
        let before = stored(&site).await;
        for key in ["system_url", "trusted_proxies", "smtp_host", "smtp_port", "smtp_security", "smtp_username"] {
            let value = match key {
                "system_url" => "https://evil.example",
                "trusted_proxies" => "0.0.0.0/0",
                "smtp_port" => "2525",
                "smtp_security" => "none",
                _ => "evil.example",
            };
            let (status, problem) = api(&site, &head, json!({ "company_name": "Mine", key: value })).await;
            assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!(key)), "{problem}");
            let fields = [(format!("was.{key}"), super::setting(key).default), (key.to_owned(), value)];
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), *value)).collect();
            let (_, page) = site.post("/admin/setup/settings", &head, &fields).await;
            assert!(page.contains("Only who may do everything"), "{key}: {page}");
        }
        assert_eq!(stored(&site).await, before);
        let same = super::setting("system_url").default;
        assert_eq!(api(&site, &head, json!({ "company_name": "Mine", "system_url": same })).await.0, 200);
        let boss = site.boss().await;
        assert_eq!(api(&site, &boss, json!({ "system_url": "https://billing.example" })).await.0, 200);
    }

    async fn what_belongs_together_changes_together(site: Site) {
        let boss = site.boss().await;
        let both = json!({ "invoice_number_format": "{YEAR}-{NUMBER}", "credit_note_number_format": "CN{YEAR}-{NUMBER}", "invoice_number_reset": "yearly" });
        assert_eq!(api(&site, &boss, both).await.0, 200);
        let (status, problem) = api(&site, &boss, json!({ "invoice_number_format": "{NUMBER}" })).await;
        assert_eq!(status, 422);
        assert!(problem["errors"][0]["message"].as_str().unwrap().contains("need {YEAR}"), "{problem}");
        let fields = [
            ("was.invoice_number_format", "{YEAR}-{NUMBER}"), ("invoice_number_format", "{NUMBER:5}"),
            ("was.invoice_number_reset", "yearly"), ("invoice_number_reset", "never"),
        ];
        let (status, place) = site.post("/admin/setup/settings", &boss, &fields).await;
        assert_eq!((status.as_u16(), place.as_str()), (303, "/admin/setup/settings"));
        // One wrong value, and none of them is stored.
        let (status, _) = api(&site, &boss, json!({ "company_name": "Harbour", "smtp_port": "many" })).await;
        assert_eq!(status, 422);
        let values = platform::settings::Values::load(&mut site.app.db.read().await.unwrap()).await.unwrap();
        assert_eq!(values.text(super::setting("company_name")), "");
    }

    async fn the_api_takes_numbers_and_truths_and_puts_defaults_back(site: Site) {
        let boss = site.boss().await;
        let (status, all) = api(&site, &boss, json!({ "invoice_lead_days": 10, "tax_enabled": true, "default_country": "de" })).await;
        assert_eq!(status, 200);
        let value = |all: &Value, key: &str| {
            let items = all["items"].as_array().unwrap();
            items.iter().find(|item| item["key"] == key).unwrap()["value"].as_str().unwrap().to_owned()
        };
        assert_eq!((value(&all, "invoice_lead_days"), value(&all, "tax_enabled"), value(&all, "default_country")), ("10".to_owned(), "true".to_owned(), "DE".to_owned()));
        let (_, all) = api(&site, &boss, json!({ "invoice_lead_days": null, "company_name": "Harbour" })).await;
        assert_eq!(value(&all, "invoice_lead_days"), "14");
        let (status, problem) = api(&site, &boss, json!({ "no_such_setting": 1, "tax_enabled": [] })).await;
        assert_eq!((status, problem["errors"].as_array().unwrap().len()), (422, 2));
        let mut conn = site.app.db.read().await.unwrap();
        let entries = accounts::activity_log::about(&mut conn, "setting:invoice_lead_days").await.unwrap();
        assert_eq!(entries.len(), 2);
        drop(conn);
        let (_, page) = site.get("/admin", Some(&boss)).await;
        assert!(page.contains("Harbour"), "the frame has the new name at once");
        let nobody = site.log_in("nobody", "Nothing").await;
        assert_eq!(api(&site, &nobody, json!({ "tax_enabled": true })).await.0, 403);
    }

    async fn the_command_line_refuses_the_same(place: Place) {
        place.done(&["init"]);
        for (key, value, told) in WRONG.iter().filter(|(key, ..)| key.contains("number") || key.contains("country")) {
            let ended = place.run(&["setting", "set", key, value]);
            assert!(ended.code == 1 && ended.err.contains(told), "{key} = {value}: {ended:?}");
        }
        assert!(place.done(&["setting", "set", "default_country", "de"]).out.contains("DE"));
    }
}

/// As it stands in a page.
fn escaped(text: &str) -> String {
    text.replace('/', "&#x2f;")
}
