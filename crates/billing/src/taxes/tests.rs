use serde_json::json;

use crate::testing::Company;
use crate::testing::doors::Doors;

/// What a PDF says, where there is a tool that reads it.
fn printed_text(pdf: &[u8]) -> Option<String> {
    let tool = testkit::peers::require(testkit::peers::system("pdftotext"))?;
    let folder = testkit::Folder::new();
    let path = folder.join("document.pdf");
    std::fs::write(&path, pdf).unwrap();
    let output = std::process::Command::new(tool).arg("-layout").arg(&path).arg("-").output().unwrap();
    Some(String::from_utf8(output.stdout).unwrap())
}

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

    // Why no tax is charged stands in the rule, and so it stands on the document, frozen under its seal.
    async fn a_rules_category_reaches_the_document(company: Company) {
        let doors = crate::testing::Doors::of(&company).await;
        company.set(&crate::settings::TAX_ENABLED, "true").await;
        let (taxed, exempt) = (company.client("ada@example.com").await, company.client("bob@example.com").await);
        let mut tx = company.app.db.write().await.unwrap();
        tx.execute("UPDATE clients SET tax_exempt = TRUE WHERE id = $1", platform::params![exempt.id]).await.unwrap();
        tx.commit().await.unwrap();
        let rule = |rate: &str, category: &str| json!({ "name": "VAT", "rate": rate, "country": "GB", "category": category });
        assert_eq!(doors.api("POST", "/tax-rules", rule("20", "standard")).await.status, 201);
        for (rate, category, of_taxed, of_exempt, words) in [
            ("20", "standard", "standard", "exempt", None),
            ("0", "zero", "zero", "exempt", None),
            ("0", "exempt", "exempt", "exempt", Some("Exempt from tax.")),
            ("0", "reverse_charge", "reverse_charge", "reverse_charge", Some("Reverse charge: the customer owes the tax.")),
            ("0", "outside_scope", "outside_scope", "outside_scope", None),
        ] {
            doors.api("PUT", "/tax-rules/1", rule(rate, category)).await;
            for (client, expected) in [(&taxed, of_taxed), (&exempt, of_exempt)] {
                let lines = json!([{ "description": "Hosting", "amount": "10.00", "taxed": true }]);
                let made = doors.api("POST", "/invoices", json!({ "client_id": client.id, "lines": lines })).await.json();
                assert_eq!(made["lines"][0]["tax_category"], expected, "{category}: {made}");
                let id = &made["id"];
                let page = doors.get(&format!("/admin/invoices/{id}")).await.text();
                let pdf = doors.get(&format!("/admin/invoices/{id}/pdf")).await.body;
                let noted = doors.api("POST", &format!("/invoices/{id}/credit-notes"), json!({})).await.json();
                let note = doors.api("GET", &format!("/credit-notes/{}", noted["id"]), json!(null)).await.json();
                assert_eq!(note["lines"][0]["tax_category"], expected, "{note}");
                let Some(words) = words.or((expected == "exempt").then_some("Exempt from tax.")) else {
                    assert!(!page.contains("Reverse charge") && !page.contains("Exempt from tax"), "{category}");
                    continue;
                };
                assert!(page.contains(words), "{category}: {page}");
                let note = doors.get(&format!("/admin/credit-notes/{}/pdf", note["id"])).await.body;
                for printed in [pdf, note] {
                    let Some(text) = printed_text(&printed) else { continue };
                    assert!(text.contains(words), "{category}: {text}");
                }
            }
        }
        company.is_sound().await;
    }

    // A rate is that of the day of issue; what was issued keeps its own.
    async fn a_new_rate_counts_from_its_day(company: Company) {
        let at = |instant: &str| company.app.clock.set(kernel::Timestamp::parse(instant).unwrap());
        at("2026-01-31T23:50:00Z");
        let doors = Doors::of(&company).await;
        company.set(&crate::settings::TAX_ENABLED, "true").await;
        let client = company.client("ada@example.com").await;
        for (rate, from, until) in [("20", json!(null), json!("2026-01-31")), ("22.5", json!("2026-02-01"), json!(null))] {
            let rule = json!({ "name": "VAT", "rate": rate, "country": "GB", "valid_from": from, "valid_until": until });
            assert_eq!(doors.api("POST", "/tax-rules", rule).await.status.as_u16(), 201);
        }
        let new = json!({
            "client_id": client.id, "lines": [{ "description": "Hosting", "amount": "10.00", "taxed": true }],
        });
        let mut draft = new.clone();
        draft["draft"] = json!(true);
        let mut made = vec![doors.api("POST", "/invoices", new.clone()).await.json()];
        let written = doors.api("POST", "/invoices", draft).await.json();
        assert_eq!(written["total"], "12.00");
        at("2026-02-01T00:10:00Z");
        made.push(doors.api("POST", "/invoices", new).await.json());
        let path = format!("/invoices/{}", written["id"]);
        let published = doors.api("POST", &format!("{path}/publish"), json!({})).await;
        assert_eq!(published.status.as_u16(), 200, "{}", published.text);
        made.push(doors.api("GET", &path, json!(null)).await.json());
        let totals: Vec<&str> = made.iter().map(|made| made["total"].as_str().unwrap()).collect();
        assert_eq!(totals, ["12.00", "12.25", "12.25"], "{made:?}");
        let rates: Vec<&str> = made.iter().map(|made| made["taxes"][0]["rate"].as_str().unwrap()).collect();
        assert_eq!(rates, ["20", "22.5", "22.5"]);
        doors.api("DELETE", "/tax-rules/1", json!(null)).await;
        let first = doors.api("GET", &format!("/invoices/{}", made[0]["id"]), json!(null)).await.json();
        assert_eq!((&first["total"], &first["taxes"][0]["rate"]), (&json!("12.00"), &json!("20")));
        let id = made[1]["id"].to_string();
        let theirs = doors.action("GetInvoice", &[("invoiceid", &id)]).await;
        assert_eq!((&theirs["taxrate"], &theirs["tax"], &theirs["total"]), (&json!("22.500"), &json!("2.25"), &json!("12.25")));
        company.is_sound().await;
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
