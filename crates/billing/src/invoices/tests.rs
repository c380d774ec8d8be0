use accounts::clients::{Client, Panel, Seen};
use kernel::Cycle;
use serde_json::{Value, json};

use super::*;
use crate::testing::{Company, Doors, Scripted, date};

async fn open(engine: testkit::Engine) -> Company {
    Company::with_gateways(engine, vec![std::sync::Arc::new(Scripted::default())]).await
}

async fn counted(company: &Company, table: &str) -> i64 {
    let mut conn = company.app.db.read().await.unwrap();
    conn.scalar(&format!("SELECT COUNT(*) FROM {table}"), params![]).await.unwrap()
}

async fn of(company: &Company, id: i64) -> Invoice {
    find(&mut company.app.db.read().await.unwrap(), id).await.unwrap()
}

testkit::both_engines! {
    with = open;

    async fn a_draft_is_written_changed_and_published_under_its_id(company: Company) {
        let client = company.client("ada@example.com").await;
        let doors = Doors::of(&company).await;
        let lines = json!([{ "description": "Setup", "amount": "10.00", "taxed": true }]);
        let made = doors.api("POST", "/invoices", json!({ "client_id": client.id, "draft": true, "lines": lines })).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let id = made.json()["id"].as_i64().unwrap();
        assert_eq!(made.json()["number"], json!(null));
        let lines = json!([{ "description": "Setup", "amount": "12.50" }, { "description": "Gift", "amount": "-2.5" }]);
        let changed = doors.api("PATCH", &format!("/invoices/{id}"), json!({ "lines": lines, "notes": "Hello" })).await;
        assert_eq!((changed.status, changed.json()["total"].clone()), (200, json!("10.00")), "{}", changed.text());
        for path in [format!("/admin/invoices/{id}"), format!("/admin/invoices/{id}/edit"), "/admin/invoices".to_owned()] {
            assert_eq!(doors.get(&path).await.status, 200, "{path}");
        }
        let published = doors.post(&format!("/admin/invoices/{id}/publish"), &[("do", "send")]).await;
        assert_eq!((published.status, published.to.as_str()), (303, format!("/admin/invoices/{id}").as_str()));
        let invoice = of(&company, id).await;
        assert_eq!((invoice.number.as_deref(), invoice.status, invoice.total), (Some("1"), InvoiceStatus::Unpaid, 1000));
        // A second click, and an edit, change nothing.
        doors.post(&format!("/admin/invoices/{id}/publish"), &[]).await;
        let refused = doors.api("PATCH", &format!("/invoices/{id}"), json!({ "due_on": "2027-01-01" })).await;
        assert_eq!(refused.status, 409);
        assert!(refused.text().contains("credit note"), "{}", refused.text());
        assert_eq!(doors.api("PATCH", &format!("/invoices/{id}"), json!({ "gateway": "sandbox" })).await.status, 200);
        platform::jobs::drain(&company.app).await.unwrap();
        assert_eq!(counted(&company, "mails").await, 1);
        doors.post(&format!("/admin/invoices/{id}/resend"), &[("once", "again")]).await;
        platform::jobs::drain(&company.app).await.unwrap();
        assert_eq!(counted(&company, "mails").await, 2);
        let page = doors.get(&format!("/admin/invoices/{id}")).await;
        assert!(page.text().contains("Invoice 1"), "{}", page.text());
        let mut conn = company.app.db.read().await.unwrap();
        let (key, text, html, sealed): (String, String, String, Vec<u8>) = conn
            .one("SELECT unique_key, text_body, html_body, sealed_token FROM mails ORDER BY id LIMIT 1", params![])
            .await
            .unwrap();
        assert!(text.contains("Setup: 12.50 USD") && text.contains("Total: 10.00 USD"), "{text}");
        let place = text.split("/pay/").nth(1).unwrap().split_whitespace().next().unwrap();
        assert_eq!(place, platform::mail::TOKEN_PLACE, "what opens the invoice is not in the text");
        assert!(html.contains(platform::mail::TOKEN_PLACE), "{html}");
        let link = String::from_utf8(company.app.vault.open(&format!("mails:{key}"), &sealed).unwrap()).unwrap();
        drop(conn);
        doors.post(&format!("/admin/invoices/{id}/pay-link"), &[]).await;
        let mut conn = company.app.db.read().await.unwrap();
        let told = accounts::activity_log::about(&mut conn, &format!("invoice:{id}")).await.unwrap();
        let told = told.iter().map(|entry| entry.description.as_str()).collect::<Vec<_>>();
        assert_eq!(told[..2], ["Payment link to invoice 1 made", "Mail of invoice 1 sent again"]);
        drop(conn);
        let shown = doors.send(None, "GET", &format!("/pay/{link}"), "text/plain", String::new()).await;
        assert_eq!(shown.status, 200);
        assert!(shown.text().contains("10.00 USD"));
        let pdf = doors.send(None, "GET", &format!("/pay/{link}/pdf"), "text/plain", String::new()).await;
        assert!(pdf.body.starts_with(b"%PDF"));
        assert_eq!(doors.send(None, "GET", "/pay/0123", "text/plain", String::new()).await.status, 404);
        let made = doors.api("POST", &format!("/invoices/{id}/pay-link"), Value::Null).await;
        let own = made.json()["url"].as_str().unwrap().split_once("/pay/").unwrap().1.to_owned();
        assert_ne!(own, link);
        assert_eq!(doors.send(None, "GET", &format!("/pay/{own}"), "text/plain", String::new()).await.status, 200);
        company.today("2026-03-20");
        assert_eq!(doors.send(None, "GET", &format!("/pay/{link}"), "text/plain", String::new()).await.status, 409);
        company.is_sound().await;
    }

    async fn names_of_every_script_are_printed(company: Company) {
        let client = company.client("ada@example.com").await;
        let party = accounts::parties::Party {
            name: "شركة البساتين".to_owned(), company: "株式会社テスト".to_owned(), ..Default::default()
        };
        let mut tx = company.app.db.write().await.unwrap();
        let party = accounts::parties::keep(&mut tx, &party).await.unwrap();
        tx.execute("UPDATE clients SET party_id = $2 WHERE id = $1", params![client.id, party]).await.unwrap();
        tx.commit().await.unwrap();
        let doors = Doors::of(&company).await;
        let lines = json!([{ "description": "استضافة 주식", "amount": "10.00", "taxed": true }]);
        let made = doors.api("POST", "/invoices", json!({ "client_id": client.id, "lines": lines })).await.json();
        let pdf = doors.get(&format!("/admin/invoices/{}/pdf", made["id"])).await;
        assert_eq!((pdf.status, pdf.kind.as_str()), (200, "application/pdf"));
        assert_eq!(pdf.disposition, "inline; filename=\"invoice-1.pdf\"");
        assert!(pdf.body.starts_with(b"%PDF"));
        let noted = doors.api("POST", &format!("/invoices/{}/credit-notes", made["id"]), json!({})).await;
        assert_eq!(noted.status, 201, "{}", noted.text());
        let note = noted.json()["id"].clone();
        assert!(doors.get(&format!("/admin/credit-notes/{note}/pdf")).await.body.starts_with(b"%PDF"));
        assert_eq!(doors.get(&format!("/admin/credit-notes/{note}")).await.status, 200);
        assert_eq!(doors.get("/admin/credit-notes").await.status, 200);
        for path in [format!("/invoices/{}/pdf", made["id"]), format!("/credit-notes/{note}/pdf")] {
            let pdf = doors.api("GET", &path, Value::Null).await;
            assert_eq!((pdf.status, pdf.kind.as_str()), (200, "application/pdf"), "{path}");
            assert!(pdf.body.starts_with(b"%PDF"));
        }
        let notes = doors.api("GET", "/credit-notes", Value::Null).await.json();
        assert_eq!((&notes["items"][0]["id"], &notes["items"][0]["invoice_id"]), (&note, &made["id"]));
        assert_eq!((doors.api("GET", "/invoices/9/pdf", Value::Null).await.status, doors.api("GET", "/credit-notes/9/pdf", Value::Null).await.status), (404, 404));
        company.is_sound().await;
    }

    async fn bad_input_changes_nothing(company: Company) {
        let client = company.client("ada@example.com").await;
        let closed = company.client("bob@example.com").await;
        let mut tx = company.app.db.write().await.unwrap();
        tx.execute("UPDATE clients SET status = 'closed' WHERE id = $1", params![closed.id]).await.unwrap();
        tx.commit().await.unwrap();
        let doors = Doors::of(&company).await;
        let line = |amount: &str| json!([{ "description": "A", "amount": amount }]);
        for (body, field) in [
            (json!({ "client_id": client.id, "lines": line("-1.00") }), "lines"),
            (json!({ "client_id": client.id, "lines": line("1.001") }), "lines[0].amount"),
            (json!({ "client_id": client.id, "lines": line("99999999999999999999") }), "lines[0].amount"),
            (json!({ "client_id": client.id, "lines": line("900000000000000") }), "lines[0].amount"),
            (json!({ "client_id": client.id, "lines": [] }), "lines"),
            (json!({ "client_id": client.id, "lines": line("1"), "due_on": "2026-02-30" }), "due_on"),
            (json!({ "client_id": client.id, "lines": line("1"), "due_on": "2026-01-01" }), "due_on"),
            (json!({ "client_id": client.id, "lines": line("1"), "gateway": "none" }), "gateway"),
            (json!({ "client_id": client.id, "lines": line("1"), "tax_rate": "-1" }), "tax_rate"),
            (json!({ "client_id": 4711, "lines": line("1") }), "client_id"),
            (json!({ "client_id": closed.id, "lines": line("1") }), "client_id"),
            (json!({ "lines": line("1") }), "client_id"),
        ] {
            let answer = doors.api("POST", "/invoices", body.clone()).await;
            assert_eq!(answer.status, 422, "{body}: {}", answer.text());
            let named: Vec<_> = answer.json()["errors"].as_array().unwrap().iter().map(|error| error["field"].clone()).collect();
            assert!(named.contains(&json!(field)), "{body}: {named:?}");
        }
        assert_eq!(doors.get("/admin/invoices?due_from=yesterday").await.status, 422);
        assert_eq!(doors.get("/admin/invoices/4711").await.status, 404);
        let id = client.id.to_string();
        let page = doors.post("/admin/invoices", &[("client", &id), ("description", "A"), ("amount", "x"), ("due_on", "?"), ("do", "draft")]).await;
        assert_eq!(page.status, 422);
        assert!(page.text().contains("is not an amount"), "{}", page.text());
        assert_eq!((counted(&company, "invoices").await, counted(&company, "number_series").await), (0, 0));
        company.is_sound().await;
    }

    async fn a_form_without_a_script_grows_by_rows(company: Company) {
        let client = company.client("ada@example.com").await;
        let doors = Doors::of(&company).await;
        let id = client.id.to_string();
        let page = doors.get(&format!("/admin/invoices/new?client={id}")).await;
        assert_eq!(page.text().matches("name=\"description\"").count(), 3);
        let fields = [("client", id.as_str()), ("description", "A <b>"), ("amount", "5"), ("taxed", "0"), ("due_on", "2026-02-01"), ("gateway", "sandbox")];
        let mut more = fields.to_vec();
        more.push(("do", "row"));
        let page = doors.post("/admin/invoices", &more).await;
        assert_eq!((page.status, page.text().matches("name=\"description\"").count()), (200, 4));
        assert!(page.text().contains("A &lt;b&gt;"));
        let mut publish = fields.to_vec();
        publish.push(("do", "publish"));
        assert_eq!(doors.post("/admin/invoices", &publish).await.status, 303);
        assert_eq!(counted(&company, "invoices").await, 1);
        assert_eq!(doors.get("/admin/invoices/new").await.status, 200);
        company.is_sound().await;
    }

    async fn the_compatible_actions_answer_as_documented(company: Company) {
        let client = company.client("ada@example.com").await;
        let doors = Doors::of(&company).await;
        let id = client.id.to_string();
        assert_eq!(doors.action("CreateInvoice", &[("userid", "99")]).await["message"], "Client ID Not Found");
        let both = doors.action("CreateInvoice", &[("userid", &id), ("draft", "1"), ("sendinvoice", "1"), ("itemdescription1", "A"), ("itemamount1", "1")]).await;
        assert_eq!(both["message"], "Cannot create and send a draft invoice in a single API request. Please create and send separately.");
        let made = doors.action("CreateInvoice", &[
            ("userid", &id), ("taxrate", "20.00"), ("paymentmethod", "sandbox"), ("itemdescription1", "A"),
            ("itemamount1", "60.00"), ("itemtaxed1", "1"), ("itemdescription2", "B"), ("itemamount2", "40.00"), ("itemtaxed2", "true"),
        ]).await;
        assert_eq!((made["result"].clone(), made["status"].clone()), (json!("success"), json!("Unpaid")), "{made}");
        let invoice = made["invoiceid"].as_str().unwrap().to_owned();
        let shown = doors.action("GetInvoice", &[("invoiceid", &invoice)]).await;
        assert_eq!((shown["total"].clone(), shown["tax"].clone(), shown["taxrate"].clone()), (json!("120.00"), json!("20.00"), json!("20.000")), "{shown}");
        assert_eq!((shown["ccgateway"].clone(), shown["transactions"].clone(), shown["datepaid"].clone()), (json!(true), json!(""), json!("0000-00-00 00:00:00")));
        assert_eq!(shown["items"]["item"][0]["taxed"], 1);
        assert_eq!(doors.action("GetInvoice", &[("invoiceid", "99")]).await["message"], "Invoice ID Not Found");
        let listed = doors.action("GetInvoices", &[("userid", &id), ("status", "Unpaid")]).await;
        assert_eq!((listed["totalresults"].clone(), listed["invoices"]["invoice"][0]["currencyprefix"].clone()), (json!(1), json!("$")));
        let update = |fields: Vec<(&'static str, &'static str)>| {
            let (doors, invoice) = (&doors, invoice.clone());
            async move {
                let mut all = vec![("invoiceid", invoice.as_str())];
                all.extend(fields);
                doors.action("UpdateInvoice", &all).await
            }
        };
        assert_eq!(update(vec![("publish", "1")]).await["message"], "Invoice must be in Draft status to be published");
        assert_eq!(update(vec![("status", "Nonsense")]).await["message"], "Invalid status Nonsense");
        assert_eq!(
            update(vec![("itemdescription[1]", "C")]).await["message"],
            "Missing Variables: itemdescription, itemamount and itemtaxed are required for each item being changed"
        );
        assert_eq!(update(vec![("duedate", "2027-01-01")]).await["message"], super::IMMUTABLE);
        assert_eq!(update(vec![("notes", "Thanks")]).await["result"], "success");
        assert_eq!(update(vec![("status", "Cancelled")]).await["result"], "success");
        let shown = doors.action("GetInvoice", &[("invoiceid", &invoice)]).await;
        assert_eq!((shown["status"].clone(), shown["balance"].clone(), shown["total"].clone()), (json!("Cancelled"), json!("0.00"), json!("120.00")));
        company.is_sound().await;
    }

    async fn a_page_of_invoices_asks_few_questions_whatever_it_is_limited_to(company: Company) {
        let client = company.client("ada@example.com").await;
        for owner in 1..=3 {
            company.charge(&client, owner, "10.00", Cycle::Monthly, &format!("2026-01-{}", 15 + owner), "sandbox").await;
        }
        let doors = Doors::of(&company).await;
        let report = doors.api("POST", "/invoices/generate-due", json!({})).await.json();
        assert_eq!(report["invoices"], 3, "{report}");
        let draft = json!({ "client_id": client.id, "draft": true, "lines": [{ "description": "A", "amount": "1.00" }] });
        doors.api("POST", "/invoices", draft).await;
        for query in ["", "q=1", "q=lov", "q=Nobody", "status=overdue", "status=unpaid&sort=due_on", "gateway=sandbox",
                      "currency=USD&total_from=5&total_to=10", "sort=-number", "page=400", "format=csv", "client=1",
                      "q=ada&status=unpaid&gateway=sandbox&due_from=2026-01-01&issued_to=2026-12-31&sort=total"] {
            company.app.db.counters().watch();
            let page = doors.get(&format!("/admin/invoices?{query}")).await;
            let asked = company.app.db.counters().asked();
            assert_eq!(page.status, 200, "{query}: {}", page.text());
            assert!(asked.len() <= 8, "{query}: {asked:#?}");
        }
        for (sort, first, last) in [("number", "4", "3"), ("-number", "3", "4"), ("issued_on", "4", "3"), ("-issued_on", "3", "4")] {
            let file = doors.get(&format!("/admin/invoices?sort={sort}&format=csv")).await.text();
            let ids: Vec<&str> = file.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
            assert_eq!((ids[0], ids[3], ids.len()), (first, last, 4), "{sort}: the draft has no number and no day");
        }
        let found = doors.api("GET", "/invoices?q=2", json!(null)).await.json();
        assert_eq!((found["total"].clone(), found["items"][0]["number"].clone()), (json!(1), json!("2")));
        assert_eq!((found["total_is_exact"].clone(), found["next"].clone()), (json!(true), json!(null)));
        let named = doors.api("GET", "/invoices?q=lovel%20ad", json!(null)).await.json();
        assert_eq!(named["total"], 4, "{named}");
        company.is_sound().await;
    }

    async fn the_next_part_of_a_list_begins_behind_the_last(company: Company) {
        let client = company.client("ada@example.com").await;
        let doors = Doors::of(&company).await;
        for _ in 0..53 {
            let draft = json!({ "client_id": client.id, "draft": true, "lines": [{ "description": "A", "amount": "1.00" }] });
            doors.api("POST", "/invoices", draft).await;
        }
        let first = doors.api("GET", "/invoices?sort=-total&status=draft", json!(null)).await.json();
        let next = first["next"].as_str().unwrap();
        assert_eq!((first["total"].clone(), next), (json!(53), "100~4"), "{first}");
        let rest = doors.api("GET", &format!("/invoices?sort=-total&status=draft&after={next}"), json!(null)).await.json();
        let ids: Vec<i64> = rest["items"].as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()).collect();
        assert_eq!((ids, rest["next"].clone(), rest.get("page")), (vec![3, 2, 1], json!(null), None));
        assert_eq!(doors.api("GET", "/invoices?sort=-total&after=4", json!(null)).await.status, 422);
        let page = doors.get(&format!("/admin/invoices?sort=-total&after={next}")).await;
        assert!(page.text().contains("3 of 53"), "{}", page.text());
        assert_eq!(doors.get("/admin/invoices?sort=due_on&after=4").await.status, 422);
    }

    async fn many_are_cancelled_after_a_page_in_numbers(company: Company) {
        let client = company.client("ada@example.com").await;
        let doors = Doors::of(&company).await;
        let lines = json!([{ "description": "A", "amount": "10.00" }]);
        for _ in 0..2 {
            doors.api("POST", "/invoices", json!({ "client_id": client.id, "lines": lines })).await;
        }
        let page = doors.post("/admin/invoices/bulk?status=unpaid", &[("all", "1"), ("do", "cancel")]).await;
        assert_eq!(page.status, 200, "{}", page.text());
        assert!(page.text().contains("20.00 USD"), "{}", page.text());
        assert_eq!(doors.get("/admin/invoices/1/cancel").await.status, 200);
        for _ in 0..2 {
            assert_eq!(doors.post("/admin/invoices/bulk/do", &[("ids", "1,2"), ("do", "cancel")]).await.status, 303);
        }
        assert_eq!((of(&company, 1).await.status, of(&company, 2).await.status), (InvoiceStatus::Cancelled, InvoiceStatus::Cancelled));
        assert_eq!(counted(&company, "credit_notes").await, 2);
        company.is_sound().await;
    }

    async fn generation_is_previewed_and_run_once(company: Company) {
        let client = company.client("ada@example.com").await;
        company.charge(&client, 1, "10.00", Cycle::Monthly, "2026-01-20", "sandbox").await;
        let doors = Doors::of(&company).await;
        let page = doors.get("/admin/invoices/generate").await.text();
        assert!(page.contains("10.00 USD"), "{page}");
        assert_eq!(counted(&company, "invoices").await, 0);
        let key = page.split("name=\"key\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let first = doors.post("/admin/invoices/generate", &[("key", &key)]).await;
        let second = doors.post("/admin/invoices/generate", &[("key", &key)]).await;
        assert_eq!((first.status, &first.to), (303, &second.to));
        assert_eq!(counted(&company, "task_runs").await, 1);
        platform::jobs::drain(&company.app).await.unwrap();
        assert_eq!(doors.get(&first.to).await.status, 200);
        let progress = doors.get(&format!("{}/progress.json", first.to)).await.json();
        assert_eq!((progress["state"].clone(), progress["done"].clone()), (json!("finished"), json!(1)));
        assert_eq!(counted(&company, "invoices").await, 1);
        for path in ["/admin/invoices/runs", "/admin/invoices/parked", "/admin/invoices/generate?client=x"] {
            assert!([200, 422].contains(&doors.get(path).await.status), "{path}");
        }
        company.is_sound().await;
    }

    async fn the_api_generates_what_its_dry_run_says(company: Company) {
        let client = company.client("ada@example.com").await;
        company.charge(&client, 1, "10.00", Cycle::Monthly, "2026-03-20", "sandbox").await;
        let doors = Doors::of(&company).await;
        let body = |dry: bool| json!({ "date": "2026-03-18", "dry_run": dry, "client_id": client.id });
        let dry = doors.api("POST", "/invoices/generate-due", body(true)).await.json();
        let real = doors.api("POST", "/invoices/generate-due", body(false)).await.json();
        assert_eq!(dry["totals"], json!([{ "currency": "USD", "amount": "10.00" }]));
        assert_eq!((&dry["totals"], &dry["invoices"], &dry["lines"]), (&real["totals"], &real["invoices"], &real["lines"]));
        let mut conn = company.app.db.read().await.unwrap();
        let run = platform::runs::find(&mut conn, real["run_id"].as_i64().unwrap()).await.unwrap();
        drop(conn);
        let summary: serde_json::Value = serde_json::from_str(&run.summary).unwrap();
        assert_eq!((run.state, &summary["invoices"]), (platform::runs::RunState::Finished, &json!(1)));
        let again = doors.action("GenInvoices", &[("clientid", &client.id.to_string())]).await;
        assert_eq!((again["result"].clone(), again["numcreated"].clone()), (json!("success"), json!("0")));
        assert_eq!(doors.action("GenInvoices", &[("clientid", "99")]).await["message"], "Client ID Not Found");
        let listed = doors.api("GET", "/invoices", json!(null)).await.json();
        assert_eq!((listed["total"].clone(), listed["items"][0]["total"].clone()), (json!(1), json!("10.00")));
        company.is_sound().await;
    }

    async fn a_declined_card_and_a_missing_authentication_are_told_once(company: Company) {
        let doors = Doors::of(&company).await;
        for scenario in ["declined", "sca"] {
            let client = company.client(&format!("{scenario}@example.com")).await;
            let add = crate::pay_methods::add;
            let default = crate::pay_methods::MakeDefault::Yes;
            add(&company.app, &company.by, client.id, "sandbox", scenario, "", default).await.unwrap();
            company.charge(&client, client.id, "10.00", Cycle::Monthly, "2026-01-15", "sandbox").await;
        }
        doors.api("POST", "/invoices/generate-due", json!({ "no_mails": true })).await;
        let terms = company.terms().await;
        crate::captures::run(&company.app, &company.by, &terms, &Default::default()).await.unwrap();
        for _ in 0..2 {
            platform::jobs::drain(&company.app).await.unwrap();
        }
        let mut conn = company.app.db.read().await.unwrap();
        let mails: Vec<(String, String)> =
            conn.all("SELECT template, text_body FROM mails ORDER BY template", params![]).await.unwrap();
        let names: Vec<&str> = mails.iter().map(|(template, _)| template.as_str()).collect();
        assert_eq!(names, ["action", "declined"]);
        assert!(mails[1].1.contains("insufficient funds") && mails[1].1.contains("/pay/"), "{}", mails[1].1);
        let ids: Vec<i64> = conn.column("SELECT id FROM invoices", params![]).await.unwrap();
        drop(conn);
        for id in ids {
            let page = doors.get(&format!("/admin/invoices/{id}")).await;
            assert_eq!(page.status, 200, "{}", page.text());
        }
        company.is_sound().await;
    }

    async fn a_client_s_invoices_stand_on_its_page(company: Company) {
        let client = company.client("ada@example.com").await;
        let doors = Doors::of(&company).await;
        assert!(panels(&company, &client).await[1].html.contains("No invoices"));
        let lines = json!([{ "description": "A", "amount": "10.00" }]);
        doors.api("POST", "/invoices", json!({ "client_id": client.id, "lines": lines })).await;
        let [figure, shown] = panels(&company, &client).await;
        assert!(shown.html.contains("10.00 USD") && shown.href.ends_with(&client.id.to_string()));
        assert!(figure.html.contains("10.00 USD"));
    }
}

async fn panels(company: &Company, client: &Client) -> [Panel; 2] {
    let mut conn = company.app.db.read().await.unwrap();
    let seen = Seen::new(client.clone(), date("2026-01-15"));
    let mut shown = Vec::new();
    for panel in panel::panels() {
        shown.push((panel.load)(&company.app, &mut conn, &seen).await.unwrap().unwrap());
    }
    shown.try_into().unwrap_or_else(|_| panic!("two panels"))
}
