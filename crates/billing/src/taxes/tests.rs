use serde_json::json;

use crate::testing::Company;
use crate::testing::doors::Doors;

testkit::both_engines! {
    // Worked example 25 on the calculator of the page.
    async fn rules_are_written_and_tried_out(company: Company) {
        let doors = Doors::of(&company).await;
        doors.get("/admin/setup/taxes").await.shows(&["No rules yet", "No tax is charged"]);
        for (level, name, rate) in [("1", "GST", "5"), ("2", "PST", "8")] {
            let fields = [("level", level), ("name", name), ("rate", rate), ("country", "ca"), ("category", "standard")];
            let reply = doors.post("/admin/setup/taxes", &fields).await;
            assert_eq!(reply.status.as_u16(), 303, "{}", reply.text);
        }
        let settings = |compound: &'static str| [
            ("tax_enabled", "1"), ("tax_mode", "exclusive"), ("tax_rounding", "document"), ("tax_compound", compound),
        ];
        doors.post("/admin/setup/taxes/settings", &settings("price")).await;
        let trial = "/admin/setup/taxes?amount=100&country=CA&state=";
        doors.get(trial).await.shows(&["GST 5 %", "8.00 USD", "113.00 USD"]);
        doors.post("/admin/setup/taxes/settings", &settings("price_and_tax")).await;
        doors.get(trial).await.shows(&["8.40 USD", "113.40 USD"]);
        doors.get("/admin/setup/taxes?amount=100&country=CA&exempt=1").await.shows(&["100.00 USD"]);
        doors.get("/admin/setup/taxes?amount=much").await.shows(&["is not an amount"]);
        let wrong = doors.post("/admin/setup/taxes/settings", &[("tax_mode", "sideways")]).await;
        assert!(wrong.flash.contains("bad"), "{wrong:?}");
        // Nothing of a refused form is stored.
        doors.get(trial).await.shows(&["113.40 USD"]);
    }

    async fn a_rule_that_makes_no_sense_is_refused(company: Company) {
        let doors = Doors::of(&company).await;
        for (name, value, words) in [
            ("level", "3", "Choose level 1 or 2"),
            ("name", "", "name that invoices show"),
            ("country", "XX", "Choose a country"),
            ("rate", "abc", "is not a percentage"),
            ("rate", "-1", "is not a percentage"),
            ("rate", "0", "choose why no tax is charged"),
            ("category", "gift", "f-category"),
            ("valid_from", "2026-13-01", "f-valid_from"),
            ("valid_until", "2025-01-01", "before the first"),
        ] {
            let mut fields = vec![("level", "1"), ("name", "VAT"), ("rate", "20"), ("country", "FR"), ("category", "standard"), ("valid_from", "2026-01-01")];
            fields.retain(|(known, _)| *known != name);
            fields.push((name, value));
            let reply = doors.post("/admin/setup/taxes", &fields).await;
            assert_eq!(reply.status.as_u16(), 422, "{name}={value}");
            assert!(reply.text.contains(words), "{words}: {}", reply.text);
        }
        let stateless = doors.api("POST", "/tax-rules", json!({ "name": "X", "rate": "1", "state": "Bavaria" })).await;
        assert_eq!(stateless.json()["errors"][0]["field"], "state");
        assert_eq!(company.count("tax_rules").await, 0);
    }

    async fn the_json_api_reads_and_writes_rules(company: Company) {
        let doors = Doors::of(&company).await;
        let made = doors.api("POST", "/tax-rules", json!({ "name": "VAT", "rate": "19", "country": "de" })).await;
        assert_eq!((made.status.as_u16(), &made.json()["country"]), (201, &json!("DE")));
        let changed = doors.api("PUT", "/tax-rules/1", json!({ "name": "VAT", "rate": "16", "country": "DE", "valid_until": "2026-12-31" })).await.json();
        assert_eq!((&changed["rate"], &changed["valid_until"]), (&json!("16"), &json!("2026-12-31")));
        assert_eq!(doors.api("GET", "/tax-rules", json!(null)).await.json()["total"], 1);
        doors.get("/admin/setup/taxes/1").await.shows(&["2026-12-31", "Delete"]);
        assert_eq!(doors.api("DELETE", "/tax-rules/1", json!(null)).await.status.as_u16(), 200);
        assert_eq!(doors.api("DELETE", "/tax-rules/1", json!(null)).await.status.as_u16(), 404);
    }
}
