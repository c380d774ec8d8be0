//! What staff do with invoices that are there: one by one, and many at once.

use accounts::clients::{self, Client};
use kernel::{Cycle, Date};
use platform::runs::Progress;
use serde_json::json;

use super::*;
use crate::generation::{self, Detail, Mode, Scope};
use crate::payments;
use crate::testing::doors::Doors;
use crate::testing::{Company, date, usd};

async fn of(company: &Company, id: i64) -> Invoice {
    find(&mut company.app.db.read().await.unwrap(), id).await.unwrap()
}

/// The invoices of everything that is due for a client, by age.
async fn generate(company: &Company, client: &Client) -> Vec<i64> {
    let terms = company.terms().await;
    let scope = Scope { client_id: Some(client.id), ..Scope::default() };
    let (progress, detail) = (Progress::default(), Detail::EveryInvoice);
    let report =
        generation::run(&company.app.db, &company.by, &terms, &scope, Mode::Real, detail, &progress).await.unwrap();
    report.made.iter().filter_map(|made| made.invoice.as_ref()).map(|issued| issued.id).collect()
}

async fn due(company: &Company, owner: i64) -> Date {
    let mut conn = company.app.db.read().await.unwrap();
    recurring::of_owner(&mut conn, "service", owner).await.unwrap().unwrap().next_due_on
}

async fn pay(company: &Company, id: i64) {
    let mut tx = company.app.db.write().await.unwrap();
    let client_id = find(&mut tx, id).await.unwrap().client_id;
    let mut locked = clients::lock(&mut tx, client_id).await.unwrap();
    let today = company.terms_today();
    payments::settle_balance(&mut locked, &company.by, id, "banktransfer", today, company.app.clock.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

async fn texts(company: &Company, id: i64) -> Vec<String> {
    let found = lines(&mut company.app.db.read().await.unwrap(), id).await.unwrap();
    found.into_iter().map(|line| line.description).collect()
}

async fn mails(company: &Company) -> Vec<(String, String)> {
    platform::jobs::drain(&company.app).await.unwrap();
    let mut conn = company.app.db.read().await.unwrap();
    conn.all("SELECT template, text_body FROM mails ORDER BY id", params![]).await.unwrap()
}

async fn wants(company: &Company, client: &Client, kind: clients::MailKind, wanted: bool) {
    let mut tx = company.app.db.write().await.unwrap();
    let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
    let edit = clients::ClientEdit { email_preferences: vec![(kind, wanted)], ..Default::default() };
    clients::update(&mut locked, &company.by, client.id, edit, company.app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn wants_invoices(company: &Company, client: &Client, wanted: bool) {
    wants(company, client, clients::MailKind::Invoice, wanted).await;
}

testkit::both_engines! {
    async fn merged_invoices_are_one_and_its_payment_moves_every_service(company: Company) {
        let client = company.client("ada@example.com").await;
        company.charge(&client, 1, "10.00", Cycle::Monthly, "2026-01-20", "banktransfer").await;
        company.charge(&client, 2, "20.00", Cycle::Monthly, "2026-01-25", "banktransfer").await;
        let ids = generate(&company, &client).await;
        assert_eq!(ids.len(), 2);
        let by_hand = company.owed(&client, "5.00").await;
        let doors = Doors::of(&company).await;
        let merged = doors.api("POST", "/invoices/merge", json!({ "invoice_ids": [ids[1], ids[0], by_hand, ids[0]] })).await;
        assert_eq!(merged.status, 201, "{}", merged.text);
        let merged = merged.json();
        let id = merged["id"].as_i64().unwrap();
        assert_eq!((merged["total"].as_str(), merged["status"].as_str(), merged["due_on"].as_str()), (Some("35.00"), Some("unpaid"), Some("2026-01-15")));
        assert_eq!(texts(&company, id).await, ["Hosting 1 (2026-01-20 - 2026-02-19)", "Hosting 2 (2026-01-25 - 2026-02-24)", "Hosting"]);
        for old in ids.iter().chain([&by_hand]) {
            assert_eq!(company.invoice_state(*old).await, (InvoiceStatus::Cancelled, "0.00".to_owned()));
        }
        assert_eq!((due(&company, 1).await, due(&company, 2).await), (date("2026-01-20"), date("2026-01-25")), "nothing is paid yet");
        assert_eq!(generate(&company, &client).await, Vec::<i64>::new(), "the periods have their invoice");
        company.is_sound().await;
        pay(&company, id).await;
        assert_eq!((due(&company, 1).await, due(&company, 2).await), (date("2026-02-20"), date("2026-02-25")));
        assert_eq!(doors.api("POST", "/invoices/merge", json!({ "invoice_ids": ids })).await.status, 409, "they are gone");
        company.is_sound().await;
    }

    async fn only_untouched_unpaid_invoices_of_one_client_are_merged(company: Company) {
        let client = company.client("ada@example.com").await;
        let other = company.client("ben@example.com").await;
        let doors = Doors::of(&company).await;
        let (one, two, theirs) = (company.owed(&client, "10.00").await, company.owed(&client, "20.00").await, company.owed(&other, "5.00").await);
        let merge = async |ids: &[i64]| doors.api("POST", "/invoices/merge", json!({ "invoice_ids": ids })).await;
        assert_eq!(merge(&[one]).await.status, 422);
        assert!(merge(&[one, theirs]).await.text.contains("another client's"));
        assert_eq!(merge(&[one, 99]).await.status, 404);
        doors.action("AddInvoicePayment", &[("invoiceid", &one.to_string()), ("transid", "T"), ("gateway", "banktransfer"), ("date", "2026-01-15"), ("amount", "1.00")]).await;
        assert!(merge(&[one, two]).await.text.contains("is paid or credited already"));
        assert_eq!(company.count("credit_notes").await, 0);
        company.is_sound().await;
    }

    async fn split_lines_stand_on_an_invoice_of_their_own(company: Company) {
        let client = company.client("ada@example.com").await;
        company.charge(&client, 1, "10.00", Cycle::Monthly, "2026-01-20", "banktransfer").await;
        company.charge(&client, 2, "20.00", Cycle::Monthly, "2026-01-20", "banktransfer").await;
        let id = generate(&company, &client).await[0];
        let doors = Doors::of(&company).await;
        let ids: Vec<i64> = lines(&mut company.app.db.read().await.unwrap(), id).await.unwrap().iter().map(|line| line.id).collect();
        let split = async |lines: &[i64]| doors.api("POST", &format!("/invoices/{id}/split"), json!({ "line_ids": lines })).await;
        for wrong in [&[][..], &ids, &[99]] {
            assert_eq!(split(wrong).await.status, 422, "{wrong:?}");
        }
        let new = doors.post(&format!("/admin/invoices/{id}/credit-note"), &[("line", &ids[1].to_string()), ("do", "split")]).await;
        assert_eq!(new.status, 303, "{}", new.text);
        let new: i64 = new.to.rsplit('/').next().unwrap().parse().unwrap();
        assert_eq!(texts(&company, new).await, ["Hosting 2 (2026-01-20 - 2026-02-19)"]);
        assert_eq!(company.invoice_state(id).await, (InvoiceStatus::Unpaid, "10.00".to_owned()));
        company.is_sound().await;
        pay(&company, id).await;
        assert_eq!((due(&company, 1).await, due(&company, 2).await), (date("2026-02-20"), date("2026-01-20")), "only what is paid moves");
        pay(&company, new).await;
        assert_eq!(due(&company, 2).await, date("2026-02-20"));
        assert_eq!(split(&ids[..1]).await.status, 409, "it is paid");
        company.is_sound().await;
    }

    async fn a_duplicate_is_a_draft_that_bills_no_period(company: Company) {
        let client = company.client("ada@example.com").await;
        company.charge(&client, 1, "10.00", Cycle::Monthly, "2026-01-20", "banktransfer").await;
        let id = generate(&company, &client).await[0];
        let doors = Doors::of(&company).await;
        let path = format!("/admin/invoices/{id}/duplicate");
        let copy = doors.post(&path, &[("once", "key-1")]).await;
        assert_eq!(copy.status, 303, "{}", copy.text);
        doors.post(&path, &[("once", "key-1")]).await;
        assert_eq!(company.count("invoices").await, 2, "the button was pressed twice");
        let copy: i64 = copy.to.rsplit('/').next().unwrap().parse().unwrap();
        assert_eq!((of(&company, copy).await.status, texts(&company, copy).await), (InvoiceStatus::Draft, texts(&company, id).await));
        doors.post(&format!("/admin/invoices/{copy}/publish"), &[]).await;
        pay(&company, copy).await;
        assert_eq!(due(&company, 1).await, date("2026-01-20"));
        let api = doors.api("POST", &format!("/invoices/{id}/duplicate"), json!(null)).await;
        assert_eq!((api.status.as_u16(), api.json()["status"].as_str()), (201, Some("draft")));
        company.is_sound().await;
    }

    async fn an_open_invoice_is_put_where_staff_say(company: Company) {
        let client = company.client("ada@example.com").await;
        let id = company.owed(&client, "10.00").await;
        let doors = Doors::of(&company).await;
        let path = format!("/admin/invoices/{id}");
        doors.get(&path).await.shows(&["Mark payment pending", "Hand over to collections", "Send a payment reminder"]);
        doors.post(&format!("{path}/standing"), &[("to", "collections")]).await;
        assert_eq!(of(&company, id).await.status, InvoiceStatus::Collections);
        doors.get(&path).await.shows(&["Mark unpaid"]);
        let pending = doors.api("POST", &format!("/invoices/{id}/standing"), json!({ "status": "payment_pending" })).await;
        assert_eq!(pending.json()["status"], "payment_pending");
        assert_eq!(doors.api("POST", &format!("/invoices/{id}/standing"), json!({ "status": "paid" })).await.status, 422);
        let id_text = id.to_string();
        assert_eq!(doors.action("UpdateInvoice", &[("invoiceid", &id_text), ("status", "Collections")]).await["result"], "success");
        assert_eq!(doors.action("UpdateInvoice", &[("invoiceid", &id_text), ("status", "Unpaid")]).await["result"], "success");
        assert_eq!(of(&company, id).await.status, InvoiceStatus::Unpaid);
        pay(&company, id).await;
        let refused = doors.api("POST", &format!("/invoices/{id}/standing"), json!({ "status": "unpaid" })).await;
        assert!(refused.status == 409 && refused.text.contains("void the transaction"), "{}", refused.text);
        company.is_sound().await;
    }

    async fn a_reminder_goes_out_once_a_day_and_not_to_whom_it_may_not(company: Company) {
        let client = company.client("ada@example.com").await;
        let id = company.owed(&client, "10.00").await;
        let doors = Doors::of(&company).await;
        let remind = async || -> Result<bool> {
            let terms = company.terms().await;
            let mut tx = company.app.db.write().await?;
            let sent = mail::remind(&mut tx, &company.by, &terms, id).await?;
            tx.commit().await?;
            Ok(sent)
        };
        let api = doors.api("POST", &format!("/invoices/{id}/remind"), json!(null)).await;
        assert_eq!(api.json()["sent"], true);
        assert!(doors.post(&format!("/admin/invoices/{id}/remind"), &[]).await.flash.contains("already"));
        let sent = mails(&company).await;
        assert_eq!(sent.len(), 1);
        assert!(sent[0].0 == "reminder" && sent[0].1.contains("is due on 2026-01-15") && sent[0].1.contains("/pay/"), "{}", sent[0].1);
        // Once the job is pruned the mail itself says that it was sent.
        let mut tx = company.app.db.write().await.unwrap();
        tx.execute("DELETE FROM jobs WHERE state = 'done'", params![]).await.unwrap();
        tx.commit().await.unwrap();
        assert!(!remind().await.unwrap());
        company.today("2026-01-20");
        assert!(remind().await.unwrap());
        let sent = mails(&company).await;
        assert!(sent.len() == 2 && sent[1].1.contains("was due on 2026-01-15"), "{sent:?}");
        let mut tx = company.app.db.write().await.unwrap();
        tx.execute("UPDATE clients SET no_overdue_notices = TRUE WHERE id = $1", params![client.id]).await.unwrap();
        tx.commit().await.unwrap();
        company.today("2026-01-21");
        assert!(remind().await.unwrap_err().to_string().contains("gets no payment reminders"));
        pay(&company, id).await;
        assert!(remind().await.unwrap_err().to_string().contains("Nothing is owed"));
        assert_eq!(mails(&company).await.len(), 2);
    }

    async fn the_mail_of_an_invoice_is_sent_again_whenever_staff_say(company: Company) {
        let client = company.client("ada@example.com").await;
        let id = company.owed(&client, "10.00").await;
        let doors = Doors::of(&company).await;
        for _ in 0..2 {
            doors.post(&format!("/admin/invoices/{id}/resend"), &[("once", "a")]).await;
        }
        assert_eq!(mails(&company).await.len(), 1, "the button was pressed twice");
        assert_eq!(doors.api("POST", &format!("/invoices/{id}/resend"), json!(null)).await.status, 200);
        for (day, sent) in [("2026-01-16", 2), ("2026-03-01", 3)] {
            // Finished jobs are pruned one day; the next mail goes out all the same.
            let mut tx = company.app.db.write().await.unwrap();
            tx.execute("DELETE FROM jobs WHERE state = 'done'", params![]).await.unwrap();
            tx.commit().await.unwrap();
            company.today(day);
            let mut tx = company.app.db.write().await.unwrap();
            mail::send_again(&mut tx, &company.by, id, company.app.clock.now()).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(mails(&company).await.len(), sent);
        }
    }

    async fn other_kinds_of_mail_do_not_keep_invoices_back(company: Company) {
        let client = company.client("ada@example.com").await;
        for kind in clients::MailKind::ALL.iter().filter(|kind| !matches!(kind, clients::MailKind::Invoice | clients::MailKind::Domain)) {
            wants(&company, &client, *kind, false).await;
        }
        company.charge(&client, 1, "10.00", Cycle::Monthly, "2026-01-15", "banktransfer").await;
        generate(&company, &client).await;
        let sent = mails(&company).await;
        assert!(sent.len() == 1 && !sent[0].1.is_empty(), "{sent:?}");
    }

    async fn many_are_marked_paid_after_a_page_in_numbers(company: Company) {
        let client = company.client("ada@example.com").await;
        company.charge(&client, 1, "10.00", Cycle::Monthly, "2026-01-20", "banktransfer").await;
        let renewal = generate(&company, &client).await[0];
        let other = company.owed(&client, "5.00").await;
        let doors = Doors::of(&company).await;
        let list = doors.get("/admin/invoices").await;
        list.shows(&["Mark paid", "Send reminder", "Duplicate", "Merge"]);
        let page = doors.post("/admin/invoices/bulk?status=unpaid", &[("all", "1"), ("do", "pay")]).await;
        page.shows(&["15.00 USD", "The money came by", "Mark paid 2 invoices"]);
        let once = page.once();
        let ids = format!("{renewal},{other}");
        let fields = [("ids", ids.as_str()), ("do", "pay"), ("once", &once), ("gateway", "banktransfer"), ("date", "2026-01-14")];
        for _ in 0..2 {
            assert_eq!(doors.post("/admin/invoices/bulk/do", &fields).await.status, 303);
        }
        assert_eq!(company.count("transactions").await, 2);
        let payment = payments::find(&mut company.app.db.read().await.unwrap(), 1).await.unwrap();
        assert_eq!((payment.occurred_on, payment.amount_in, payment.gateway.as_str()), (date("2026-01-14"), 1000, "banktransfer"));
        assert_eq!((of(&company, renewal).await.status, due(&company, 1).await), (InvoiceStatus::Paid, date("2026-02-20")));
        let api = doors.api("POST", &format!("/invoices/{other}/pay"), json!({})).await;
        assert_eq!(api.status, 409, "nothing is owed: {}", api.text);
        company.is_sound().await;
    }

    async fn many_are_reminded_of_duplicated_and_merged(company: Company) {
        let (ada, ben) = (company.client("ada@example.com").await, company.client("ben@example.com").await);
        let ids = [company.owed(&ada, "1.00").await, company.owed(&ada, "2.00").await, company.owed(&ben, "4.00").await];
        let doors = Doors::of(&company).await;
        let all = ids.map(|id| id.to_string()).join(",");
        let ticked: Vec<String> = ids.iter().map(i64::to_string).collect();
        let asked = async |deed: &str| {
            let mut fields: Vec<(&str, &str)> = ticked.iter().map(|id| ("id", id.as_str())).collect();
            fields.push(("do", deed));
            doors.post("/admin/invoices/bulk", &fields).await
        };
        let done = async |deed: &str, once: &str| doors.post("/admin/invoices/bulk/do", &[("ids", &all), ("do", deed), ("once", once)]).await.flash;
        asked("remind").await.shows(&["Send a reminder of 3 invoices"]);
        done("remind", "r").await;
        done("remind", "r").await;
        assert_eq!(mails(&company).await.len(), 3);
        let once = asked("duplicate").await.once();
        done("duplicate", &once).await;
        done("duplicate", &once).await;
        assert_eq!(company.count("invoices WHERE status = 'draft'").await, 3);
        asked("merge").await.shows(&["New invoices", "3.00 USD", "Left as they are"]);
        done("merge", "m").await;
        done("merge", "m").await;
        let merged = of(&company, ids[2] + 4).await;
        assert_eq!((merged.status, merged.total, merged.client_id), (InvoiceStatus::Unpaid, 300, ada.id));
        assert_eq!(company.invoice_state(ids[2]).await.0, InvoiceStatus::Unpaid, "the only one of its client");
        doors.post(&format!("/admin/invoices/{}/standing", merged.id), &[("to", "collections")]).await;
        doors.post("/admin/invoices/bulk/do", &[("ids", &merged.id.to_string()), ("do", "unpaid")]).await;
        assert_eq!(of(&company, merged.id).await.status, InvoiceStatus::Unpaid);
        doors.post("/admin/invoices/bulk/do", &[("ids", &merged.id.to_string()), ("do", "resend"), ("once", "s")]).await;
        assert_eq!(mails(&company).await.len(), 4);
        assert_eq!(usd("4.00").minor, of(&company, ids[2]).await.balance);
        company.is_sound().await;
    }

    // One that cannot be done, in the middle: the rest is done, and staff read how many.
    async fn what_conflicts_is_told_and_the_rest_of_many_is_done(company: Company) {
        let client = company.client("ada@example.com").await;
        let ids = [company.owed(&client, "10.00").await, company.owed(&client, "10.00").await, company.owed(&client, "5.00").await];
        let doors = Doors::of(&company).await;
        let mut tx = company.app.db.write().await.unwrap();
        tx.batch("CREATE UNIQUE INDEX each_amount_once ON transactions (amount_in)").await.unwrap();
        tx.commit().await.unwrap();
        let all = ids.map(|id| id.to_string()).join(",");
        let fields = [("ids", all.as_str()), ("do", "pay"), ("once", "key"), ("gateway", "banktransfer"), ("date", "2026-01-15")];
        let reply = doors.post("/admin/invoices/bulk/do", &fields).await;
        assert_eq!((reply.status.as_u16(), reply.to.as_str()), (303, "/admin/invoices"), "{}", reply.text);
        for word in ["2", "invoices", "1", "refused", "exists"] {
            assert!(reply.flash.contains(word), "no “{word}” in {}", reply.flash);
        }
        assert!(!reply.flash.contains("database"), "{}", reply.flash);
        let mut states = Vec::new();
        for id in ids {
            states.push(company.invoice_state(id).await.0);
        }
        assert_eq!(states, [InvoiceStatus::Paid, InvoiceStatus::Unpaid, InvoiceStatus::Paid]);
        company.is_sound().await;
    }

    async fn splitting_needs_both_permissions_at_every_door(company: Company) {
        let client = company.client("ada@example.com").await;
        for owner in [1, 2] {
            company.charge(&client, owner, "10.00", Cycle::Monthly, "2026-01-20", "banktransfer").await;
        }
        let id = generate(&company, &client).await[0];
        let line = lines(&mut company.app.db.read().await.unwrap(), id).await.unwrap()[0].id;
        let doors = Doors::of(&company).await;
        for permission in [MANAGE, crate::notes::CREATE] {
            let rows = "role_permissions WHERE permission = $1";
            let mut tx = company.app.db.write().await.unwrap();
            let roles: Vec<i64> = tx.column(&format!("SELECT role_id FROM {rows}"), params![permission.0]).await.unwrap();
            tx.execute(&format!("DELETE FROM {rows}"), params![permission.0]).await.unwrap();
            tx.commit().await.unwrap();
            let page = doors.post(&format!("/admin/invoices/{id}/credit-note"), &[("line", &line.to_string()), ("do", "split")]).await;
            assert_eq!(page.status, 403, "page without {}: {}", permission.0, page.text);
            let api = doors.api("POST", &format!("/invoices/{id}/split"), json!({ "line_ids": [line] })).await;
            assert_eq!(api.status, 403, "API without {}: {}", permission.0, api.text);
            let shown = doors.get(&format!("/admin/invoices/{id}")).await;
            assert!(!shown.text.contains("Move ticked lines"), "{}", shown.text);
            let mut tx = company.app.db.write().await.unwrap();
            for role in roles {
                tx.execute("INSERT INTO role_permissions (role_id, permission) VALUES ($1, $2)", params![role, permission.0]).await.unwrap();
            }
            tx.commit().await.unwrap();
        }
        assert_eq!((company.count("invoices").await, company.count("credit_notes").await), (1, 0));
        doors.get(&format!("/admin/invoices/{id}")).await.shows(&["Move ticked lines"]);
        assert_eq!(doors.api("POST", &format!("/invoices/{id}/split"), json!({ "line_ids": [line] })).await.status, 201);
        company.is_sound().await;
    }

    async fn each_deed_needs_its_permission(company: Company) {
        let client = company.client("ada@example.com").await;
        let id = company.owed(&client, "10.00").await;
        let doors = Doors::of(&company).await;
        let mut tx = company.app.db.write().await.unwrap();
        tx.execute("DELETE FROM role_permissions WHERE permission IN ($1, $2)", params![CREATE.0, payments::ADD.0]).await.unwrap();
        tx.commit().await.unwrap();
        let ids = id.to_string();
        for deed in ["pay", "duplicate"] {
            let reply = doors.post("/admin/invoices/bulk/do", &[("ids", &ids), ("do", deed), ("once", "x"), ("date", "2026-01-15")]).await;
            assert_eq!(reply.status, 403, "{deed}");
        }
        assert_eq!(company.count("invoices").await, 1);
    }
}

async fn with_a_sandbox(engine: testkit::Engine) -> Company {
    Company::with_gateways(engine, vec![std::sync::Arc::new(crate::testing::Scripted::default())]).await
}

testkit::both_engines! {
    with = with_a_sandbox;

    async fn a_client_who_wants_no_mails_about_invoices_gets_none(company: Company) {
        let doors = Doors::of(&company).await;
        let mut made = Vec::new();
        for scenario in ["declined", "sca"] {
            let client = company.client(&format!("{scenario}@example.com")).await;
            wants_invoices(&company, &client, false).await;
            let default = crate::pay_methods::MakeDefault::Yes;
            crate::pay_methods::add(&company.app, &company.by, client.id, "sandbox", scenario, "", default).await.unwrap();
            company.charge(&client, client.id, "10.00", Cycle::Monthly, "2026-01-15", "sandbox").await;
            made.push((generate(&company, &client).await[0], client));
        }
        let (id, client) = made.remove(0);
        let terms = company.terms().await;
        crate::captures::run(&company.app, &company.by, &terms, &Default::default()).await.unwrap();
        for _ in 0..2 {
            let mut noted = mails(&company).await;
            noted.sort();
            let nothing = ["action", "created", "created", "declined"].map(|template| (template.to_owned(), String::new()));
            assert_eq!(noted, nothing, "noted once, written out never");
        }
        assert_eq!(company.count("jobs WHERE kind = 'mail.deliver'").await, 0);
        assert_eq!(company.count("pay_links").await, 0, "a link that nobody gets");
        let page = doors.get(&format!("/admin/invoices/{id}")).await;
        page.shows(&["Not wanted", "Ada Lovelace wants no mails about invoices. The client’s profile says so.", "declined@example.com"]);

        // A reminder is refused, one by one and among many; what staff send to one client goes out.
        let refused = doors.api("POST", &format!("/invoices/{id}/remind"), json!(null)).await;
        assert_eq!(refused.status, 409, "{}", refused.text);
        assert!(refused.text.contains("wants no mails about invoices"), "{}", refused.text);
        let one = id.to_string();
        for (deed, once) in [("remind", "r"), ("resend", "s")] {
            let done = doors.post("/admin/invoices/bulk/do", &[("ids", &one), ("do", deed), ("once", once)]).await;
            assert!(done.flash.contains("refused"), "{deed}: {}", done.flash);
        }
        assert_eq!(mails(&company).await.len(), 4);
        doors.post(&format!("/admin/invoices/{id}/resend"), &[("once", "a")]).await;
        let sent = mails(&company).await;
        assert!(sent.len() == 5 && sent[4].0 == "created" && sent[4].1.contains("/pay/"), "{sent:?}");
        assert_eq!(company.count("jobs WHERE kind = 'mail.deliver'").await, 1);

        // Wanted again: what was left out stays so, and the next one is sent.
        wants_invoices(&company, &client, true).await;
        assert_eq!(mails(&company).await.len(), 5);
        assert_eq!(doors.api("POST", &format!("/invoices/{id}/remind"), json!(null)).await.status, 200);
        let sent = mails(&company).await;
        assert!(sent.len() == 6 && sent[5].0 == "reminder" && !sent[5].1.is_empty(), "{sent:?}");
    }
}
