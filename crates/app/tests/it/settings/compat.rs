//! Settings in the compatible API.

use axum::http::StatusCode;
use innkeeper::wiring;
use platform::params;

use crate::support::{Credential, Site};

async fn value(site: &Site, key: &Credential, name: &str) -> String {
    let answer = site.action(key, "GetConfigurationValue", &[("setting", name)]).await;
    assert_eq!(answer["result"], "success", "{name}: {answer}");
    answer["value"].as_str().unwrap().to_owned()
}

/// Whether the value was another one.
async fn change(site: &Site, key: &Credential, name: &str, value: &str) -> bool {
    let answer = site.action(key, "SetConfigurationValue", &[("setting", name), ("value", value)]).await;
    assert_eq!(answer["result"], "success", "{name}={value}: {answer}");
    answer["value_changed"].as_bool().unwrap()
}

async fn refusal(site: &Site, key: &Credential, action: &str, fields: &[(&str, &str)]) -> String {
    let answer = site.action(key, action, fields).await;
    assert_eq!(answer["result"], "error", "{action} {fields:?}: {answer}");
    answer["message"].as_str().unwrap().to_owned()
}

async fn log(site: &Site) -> Vec<String> {
    let mut conn = site.app.db.read().await.unwrap();
    let sql = "SELECT subject || ' ' || actor_name || ' ' || changes FROM activity_log \
               WHERE description LIKE 'Setting %' ORDER BY id";
    conn.column(sql, params![]).await.unwrap()
}

async fn stored(site: &Site) -> Vec<(String, String)> {
    let mut conn = site.app.db.read().await.unwrap();
    conn.all("SELECT key, value FROM settings ORDER BY key", params![]).await.unwrap()
}

testkit::both_engines! {
    async fn every_setting_is_read_and_written_by_its_key(site: Site) {
        site.boss().await;
        let key = site.credential().await;
        for setting in wiring::settings().all() {
            let answer = site.action(&key, "GetConfigurationValue", &[("setting", setting.key)]).await;
            assert_eq!((&answer["setting"], &answer["value"]), (&setting.key.into(), &setting.default.into()), "{answer}");
            assert!(!change(&site, &key, setting.key, setting.default).await, "{}: it was so already", setting.key);
        }
        assert_eq!(log(&site).await, Vec::<String>::new());
        assert!(change(&site, &key, "INVOICE_lead_days", " 10 ").await);
        assert!(!change(&site, &key, "invoice_lead_days", "10").await);
        assert_eq!(value(&site, &key, "invoice_lead_days").await, "10");
        let entry = r#"setting:invoice_lead_days boss [{"field":"invoice_lead_days","old":"14","new":"10"}]"#;
        assert_eq!(log(&site).await, [entry]);
        // What every request needs is known at once.
        assert!(change(&site, &key, "CompanyName", "Lee & Söhne").await);
        assert!(site.get("/login", None).await.1.contains("Lee &amp; Söhne"));
    }

    async fn names_of_the_reference_are_written_as_there(site: Site) {
        site.boss().await;
        let key = site.credential().await;
        for (name, ours, before, to, after, kept) in [
            ("CompanyName", "company_name", "", "Lee", "Lee", "Lee"),
            ("SystemURL", "system_url", "http://localhost:8080/", "https://a.example/x/", "https://a.example/x/", "https://a.example/x"),
            ("TaxEnabled", "tax_enabled", "", "on", "on", "true"),
            ("TaxType", "tax_mode", "Exclusive", "Inclusive", "Inclusive", "inclusive"),
            ("TaxInclusiveDeduct", "tax_deduct_inclusive", "on", "", "", "false"),
            ("CreateInvoiceDaysBefore", "invoice_lead_days", "14", "7", "7", "7"),
            ("CreateInvoiceDaysBeforeMonthly", "invoice_lead_days_monthly", "", "3", "3", "3"),
            ("CCAttemptOnlyOnce", "capture_attempt_once", "", "1", "on", "true"),
            ("Email", "company_email", "", "a@example.com", "a@example.com", "a@example.com"),
        ] {
            assert_eq!(value(&site, &key, name).await, before, "{name}");
            assert!(change(&site, &key, &name.to_lowercase(), to).await, "{name}");
            assert_eq!(value(&site, &key, name).await, after, "{name}");
            assert_eq!(value(&site, &key, ours).await, kept, "{ours}");
            // What was read can be written back.
            assert!(!change(&site, &key, name, after).await, "{name}");
        }
        let answer = site.action(&key, "GetConfigurationValue", &[("setting", "systemurl")]).await;
        assert_eq!(answer["setting"], "SystemURL");
    }

    async fn what_is_wrong_is_said_and_nothing_changes(site: Site) {
        site.boss().await;
        let key = site.credential().await;
        site.place.run_with(&["setting", "set", "smtp_password"], "hidden");
        let (before, entries) = (stored(&site).await, log(&site).await);
        for action in ["GetConfigurationValue", "SetConfigurationValue"] {
            for fields in [&[][..], &[("value", "x")], &[("setting", " ")]] {
                assert_eq!(refusal(&site, &key, action, fields).await, "Parameter setting is required");
            }
            // Secrets, and what is in the same table and no setting.
            for name in ["smtp_password", "SMTPPassword", "api_access_key_hash", "nothing", "company_name'", "🐎", "%"] {
                let told = refusal(&site, &key, action, &[("setting", name), ("value", "x")]).await;
                assert_eq!(told, "Invalid name for parameter setting", "{action} {name}");
            }
        }
        let set = "SetConfigurationValue";
        assert_eq!(refusal(&site, &key, set, &[("setting", "CompanyName")]).await, "Parameter value is required");
        for (name, wrong, told) in [
            ("invoice_lead_days", "soon", "value: Write a whole number from 0 to 365."),
            ("CreateInvoiceDaysBefore", "", "value: Write a whole number from 0 to 365."),
            ("SystemURL", "javascript:alert(1)", "value: Write a web address"),
            ("TaxType", "sideways", "value: Choose one of: exclusive, inclusive."),
            ("invoice_number_format", "{YEAR}", "value: "),
            ("invoice_number_reset", "yearly", "value: "),
            ("trusted_proxies", "everybody", "value: “everybody”"),
            ("TaxEnabled", "perhaps", "value: Write true or false."),
        ] {
            let said = refusal(&site, &key, set, &[("setting", name), ("value", wrong)]).await;
            assert!(said.starts_with(told), "{name}: {said}");
        }
        let list = [("setting", "CompanyName"), ("value[0]", "x")];
        assert!(refusal(&site, &key, set, &list).await.contains("value"));
        assert_eq!((stored(&site).await, log(&site).await), (before, entries));
    }

    async fn only_who_may_change_settings_reads_them(site: Site) {
        site.log_in_with("clerk", &["API Access", "List Clients"]).await;
        let key = site.credential_of("clerk").await;
        for action in ["GetConfigurationValue", "SetConfigurationValue"] {
            let (status, answer) = site.act(&key, action, &[("setting", "CompanyName"), ("value", "x")]).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{answer}");
            assert!(answer["message"].as_str().unwrap().contains("Configure General Settings"), "{answer}");
        }
        site.log_in_with("head", &["API Access", "Configure General Settings"]).await;
        let key = site.credential_of("head").await;
        assert!(change(&site, &key, "CompanyName", "Mine").await);
        for (name, value) in [("smtp_host", "mail.evil.example"), ("SystemURL", "https://evil.example"), ("trusted_proxies", "0.0.0.0/0")] {
            let why = refusal(&site, &key, "SetConfigurationValue", &[("setting", name), ("value", value)]).await;
            assert!(why.contains("Only who may do everything"), "{name}: {why}");
        }
        site.boss().await;
        let key = site.credential().await;
        // The password was given for another server.
        assert!(change(&site, &key, "smtp_host", "mail.example").await);
        site.place.run_with(&["setting", "set", "smtp_password"], "hidden");
        let fields = [("setting", "smtp_host"), ("value", "mail.evil.example")];
        let answer = site.action(&key, "SetConfigurationValue", &fields).await;
        assert!(answer["note"].as_str().unwrap().contains("is forgotten"), "{answer}");
    }
}
