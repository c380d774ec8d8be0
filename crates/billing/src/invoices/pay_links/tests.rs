use std::sync::Arc;

use serde_json::json;
use testkit::Engine;

use super::*;
use crate::captures::{AttemptState, Way};
use crate::gateways::{Outcome, PageState};
use crate::pay_methods::MakeDefault;
use crate::settings;
use crate::testing::doors::{Doors, Reply};
use crate::testing::{Company, SIGNATURE, Scripted, scripted_method};

/// A client with an invoice of 50.00 and a link to it.
struct Desk {
    company: Company,
    gateway: Arc<Scripted>,
    doors: Doors,
    client: accounts::clients::Client,
    here: String,
}

const INVOICE: i64 = 1;

async fn open(engine: Engine) -> Desk {
    let gateway = Arc::new(Scripted::default());
    let company = Company::with_gateways(engine, vec![gateway.clone()]).await;
    let client = company.client("ada@example.com").await;
    assert_eq!(company.owed(&client, "50.00").await, INVOICE);
    let doors = Doors::of(&company).await;
    let mut desk = Desk { company, gateway, doors, client, here: String::new() };
    desk.here = desk.link().await;
    desk
}

impl Desk {
    async fn link(&self) -> String {
        let mut tx = self.company.app.db.write().await.unwrap();
        let url = make(&mut tx, &self.company.app, INVOICE, self.company.app.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        url.address().strip_prefix("http://localhost:8080").unwrap().to_owned()
    }

    async fn card(&self, token: &str) -> i64 {
        let (app, by) = (&self.company.app, &self.company.by);
        pay_methods::add(app, by, self.client.id, "sandbox", token, "", MakeDefault::Yes).await.unwrap().id
    }

    async fn page(&self) -> Reply {
        self.doors.get(&self.here).await
    }

    /// Sends a form of the page as a browser does.
    async fn press(&self, form: &str, fields: &str) -> Reply {
        let headers = [("sec-fetch-site".to_owned(), "same-origin".to_owned())];
        let path = format!("{}/{form}", self.here);
        self.doors.send("POST", &path, "application/x-www-form-urlencoded", &headers, fields.to_owned()).await
    }

    async fn confirm(&self, method: i64) -> Reply {
        self.press("confirm", &format!("method={method}")).await
    }

    async fn attempts(&self) -> Vec<Attempt> {
        captures::of_invoice(&mut self.company.app.db.read().await.unwrap(), INVOICE).await.unwrap()
    }

    async fn later(&self, seconds: i64) {
        let now = self.company.app.clock.now();
        self.company.app.clock.set(now.plus_seconds(seconds));
        platform::jobs::drain(&self.company.app).await.unwrap();
    }

    /// Staff record what came in another way.
    async fn pay_by_hand(&self, amount: &str) {
        let id = format!("bank-{amount}");
        let fields = [
            ("invoiceid", "1"),
            ("transid", &id),
            ("gateway", "banktransfer"),
            ("date", "2026-01-15"),
            ("amount", amount),
        ];
        assert_eq!(self.doors.action("AddInvoicePayment", &fields).await["result"], "success");
    }

    /// What the attempts are over, the latest first.
    async fn tried(&self) -> Vec<(i64, AttemptState)> {
        self.attempts().await.iter().map(|attempt| (attempt.amount, attempt.state)).collect()
    }

    async fn status(&self) -> InvoiceStatus {
        self.company.invoice_state(INVOICE).await.0
    }

    async fn event(&self, body: serde_json::Value) {
        let signed = [(SIGNATURE.to_owned(), "right".to_owned())];
        let path = "/gateways/sandbox/webhook";
        let reply = self.doors.send("POST", path, "application/json", &signed, body.to_string()).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
}

fn paid(attempt: &Attempt) -> Outcome {
    Outcome::Succeeded { external_id: format!("ch_{}", attempt.public_id), fee: None }
}

testkit::both_engines! {
    with = open;

    async fn the_page_shows_what_is_owed_and_the_masked_card(desk: Desk) {
        desk.company.set(&settings::COMPANY_NAME, "Harbour Hosting").await;
        desk.card("ok").await;
        let page = desk.page().await;
        page.shows(&["Invoice 1", "50.00 USD", "Harbour Hosting", "Visa •••• 4242", "Confirm payment", "Pay with another card"]);
        assert!(!page.text.contains("<script src=\"http"), "no script of anybody else's");
        assert_eq!(desk.doors.get("/pay/wrong").await.status, 404);
        desk.company.is_sound().await;
    }

    async fn a_stored_card_pays_at_once_if_the_bank_asks_nothing(desk: Desk) {
        let card = desk.card("ok").await;
        let reply = desk.confirm(card).await;
        assert_eq!((reply.status.as_u16(), reply.to.as_str()), (303, desk.here.as_str()));
        desk.page().await.shows(&["Thank you. This invoice is paid."]);
        let attempts = desk.attempts().await;
        assert_eq!((attempts.len(), attempts[0].way), (1, Way::OnSession));
        // Back, and pressed again.
        let again = desk.confirm(card).await;
        assert_eq!(again.status.as_u16(), 409);
        assert!(again.text.contains("There is nothing to pay on this invoice."), "{}", again.text);
        assert_eq!((desk.attempts().await.len(), desk.company.count("transactions").await), (1, 1));
        desk.company.is_sound().await;
    }

    async fn the_bank_is_reached_by_a_page_of_ours_and_asked_when_the_client_is_back(desk: Desk) {
        let card = desk.card("sca").await;
        let reply = desk.confirm(card).await;
        assert_eq!((reply.status.as_u16(), &reply.to), (303, &format!("{}/go", desk.here)), "never straight from a form");
        let go = desk.doors.get(&reply.to).await;
        go.shows(&["bank.example", "Continue"]);
        assert_eq!(go.refresh, "0; url=https://bank.example/challenge");
        assert_eq!(desk.company.count("mails").await, 0);
        // Pressed again, in another window too: the same payment is gone on with.
        for _ in 0..3 {
            assert_eq!(desk.confirm(card).await.to, format!("{}/go", desk.here));
        }
        let attempts = desk.attempts().await;
        assert_eq!((attempts.len(), attempts[0].state), (1, AttemptState::ActionRequired));
        // Back without having done anything.
        let back = desk.doors.get(&format!("{}/return?payment_intent=pi_1&redirect_status=succeeded", desk.here)).await;
        assert_eq!((back.status.as_u16(), back.to.as_str()), (303, desk.here.as_str()));
        desk.page().await.shows(&["is not confirmed yet", "Continue at your bank", "Start again with this card"]);
        assert_eq!(desk.status().await, InvoiceStatus::Unpaid, "what the address says is not believed");
        desk.gateway.tell(&attempts[0].public_id, paid(&attempts[0]));
        desk.doors.get(&format!("{}/return", desk.here)).await;
        desk.page().await.shows(&["Thank you. This invoice is paid."]);
        // The way to the bank is closed, and the event that comes late changes nothing.
        assert_eq!(desk.doors.get(&format!("{}/go", desk.here)).await.to, desk.here);
        desk.event(json!({ "id": "evt_1", "kind": "paid", "attempt": attempts[0].public_id, "amount": "50.00" })).await;
        desk.later(200).await;
        assert_eq!(desk.company.count("transactions").await, 1);
        desk.company.is_sound().await;
    }

    async fn who_fails_at_the_bank_can_start_again(desk: Desk) {
        let card = desk.card("sca").await;
        desk.confirm(card).await;
        let first = desk.attempts().await.remove(0);
        let failed = Outcome::Declined {
            external_id: first.external_id.clone(),
            code: "authentication_failed".to_owned(),
            reason: "You were not authenticated.".to_owned(),
        };
        desk.gateway.tell(&first.public_id, failed);
        desk.doors.get(&format!("{}/return", desk.here)).await;
        desk.page().await.shows(&["The last payment did not work", "You were not authenticated.", "Confirm payment"]);
        desk.confirm(card).await;
        // And once more from the start, although the second waits: it is given up first.
        desk.press("confirm", &format!("method={card}&afresh=1")).await;
        let states: Vec<AttemptState> = desk.attempts().await.iter().map(|attempt| attempt.state).collect();
        assert_eq!(states, [AttemptState::ActionRequired, AttemptState::Declined, AttemptState::Declined]);
        assert_eq!(desk.gateway.asked().iter().filter(|asked| asked.starts_with("cancel")).count(), 1);
        desk.company.is_sound().await;
    }

    // Paid at the bank at the very moment at which it was to be given up.
    async fn what_was_paid_meanwhile_is_not_started_again(desk: Desk) {
        let card = desk.card("sca").await;
        desk.confirm(card).await;
        let attempt = desk.attempts().await.remove(0);
        desk.gateway.tell(&attempt.public_id, paid(&attempt));
        let reply = desk.press("confirm", &format!("method={card}&afresh=1")).await;
        assert_eq!((reply.status.as_u16(), reply.to.as_str()), (303, desk.here.as_str()));
        assert_eq!((desk.attempts().await.len(), desk.status().await), (1, InvoiceStatus::Paid));
        desk.company.is_sound().await;
    }

    async fn the_mail_of_an_absent_charge_leads_to_a_payment_that_the_client_confirms(desk: Desk) {
        let card = desk.card("sca").await;
        let (app, by) = (&desk.company.app, &desk.company.by);
        assert_eq!(captures::attempt(app, by, INVOICE, None, None).await.unwrap(), captures::Ended::ActionRequired);
        desk.later(1).await;
        assert_eq!(desk.company.count("mails").await, 1);
        desk.page().await.shows(&["Your bank asks you to confirm this payment", "Confirm payment"]);
        let reply = desk.confirm(card).await;
        assert_eq!(reply.to, format!("{}/go", desk.here));
        let ways: Vec<(Way, AttemptState)> = desk.attempts().await.iter().map(|attempt| (attempt.way, attempt.state)).collect();
        assert_eq!(ways, [(Way::OnSession, AttemptState::ActionRequired), (Way::OffSession, AttemptState::Declined)]);
        // The batch leaves a client alone who is paying.
        let ended = captures::attempt(app, by, INVOICE, None, None).await.unwrap();
        assert!(ended.words().contains("paying at this moment"), "{ended:?}");
        desk.company.is_sound().await;
        // A client who never came back is charged again later.
        desk.later(3600).await;
        assert_eq!(captures::attempt(app, by, INVOICE, None, None).await.unwrap(), captures::Ended::ActionRequired);
        assert_eq!(desk.attempts().await[0].way, Way::OffSession);
        desk.company.is_sound().await;
    }

    async fn ten_presses_at_once_make_one_charge(desk: Desk) {
        let card = desk.card("ok").await;
        let presses = futures::future::join_all((0..10).map(|_| desk.confirm(card))).await;
        assert!(presses.iter().all(|reply| [303, 409].contains(&reply.status.as_u16())), "{presses:?}");
        assert_eq!((desk.attempts().await.len(), desk.company.count("transactions").await), (1, 1));
        desk.company.is_sound().await;
    }

    // After a restore the books may lack what was paid already; a client is not told of it.
    async fn nothing_is_taken_while_payments_are_on_hold(desk: Desk) {
        let card = desk.card("ok").await;
        let mut tx = desk.company.app.db.write().await.unwrap();
        tx.batch("INSERT INTO restores (backup_made_at, restored_at) VALUES (0, 0)").await.unwrap();
        tx.commit().await.unwrap();
        for reply in [desk.confirm(card).await, desk.press("card", "").await] {
            assert_eq!(reply.status.as_u16(), 409);
            assert!(reply.text.contains("Payments are not taken at the moment"), "{}", reply.text);
            assert!(!reply.text.contains("reconcile") && !reply.text.contains("backup"), "{}", reply.text);
        }
        assert_eq!(desk.attempts().await.len(), 0);
    }

    async fn ten_presses_at_once_lead_to_the_bank_once(desk: Desk) {
        let card = desk.card("sca").await;
        let presses = futures::future::join_all((0..10).map(|_| desk.confirm(card))).await;
        assert!(presses.iter().all(|reply| reply.status == 303), "{presses:?}");
        let attempts = desk.attempts().await;
        assert_eq!((attempts.len(), attempts[0].state), (1, AttemptState::ActionRequired));
        assert_eq!(desk.gateway.asked(), Vec::<String>::new(), "nothing was given up");
        desk.company.is_sound().await;
    }

    async fn a_card_is_entered_on_the_providers_page_and_kept(desk: Desk) {
        desk.page().await.shows(&["Pay by card", "Keep this card", "not here"]);
        let reply = desk.press("card", "keep=1").await;
        assert_eq!(reply.to, format!("{}/go", desk.here));
        let attempt = desk.attempts().await.remove(0);
        assert_eq!((attempt.way, attempt.state, attempt.keep_method), (Way::Hosted, AttemptState::ActionRequired, true));
        let go = desk.doors.get(&reply.to).await;
        assert_eq!(go.refresh, format!("0; url=https://pages.example/page_{}", attempt.public_id));
        // Again: the same page.
        desk.press("card", "keep=1").await;
        assert_eq!(desk.attempts().await.len(), 1);
        // A card was declined there; the client tries another one on the same page.
        desk.event(json!({ "id": "evt_1", "kind": "declined", "attempt": attempt.public_id, "amount": "50.00" })).await;
        desk.later(1).await;
        assert_eq!(desk.attempts().await[0].state, AttemptState::ActionRequired);
        let state = PageState::Finished { payment: Some(paid(&attempt)), method: Some(scripted_method("new")) };
        desk.gateway.tell_page(&attempt.public_id, state);
        // The client comes back while the provider tells of it ten times at once.
        let events = (0..10).map(|number| desk.event(json!({ "id": format!("evt_p{number}"), "kind": "page", "reference": attempt.public_id })));
        let back = format!("{}/return", desk.here);
        futures::future::join(futures::future::join_all(events), desk.doors.get(&back)).await;
        desk.later(200).await;
        desk.page().await.shows(&["Thank you. This invoice is paid."]);
        assert_eq!((desk.company.count("transactions").await, desk.company.count("pay_methods").await), (1, 1));
        let attempt = desk.attempts().await.remove(0);
        let mut conn = desk.company.app.db.read().await.unwrap();
        let method = pay_methods::find(&mut conn, attempt.pay_method_id.unwrap()).await.unwrap();
        assert_eq!((method.client_id, method.is_default), (desk.client.id, true));
        let token = pay_methods::token(&mut conn, &desk.company.app, method.id).await.unwrap();
        assert_eq!(token, scripted_method("new").token);
        drop(conn);
        desk.company.is_sound().await;
    }

    async fn a_card_that_is_not_to_be_kept_is_not(desk: Desk) {
        desk.press("card", "").await;
        let attempt = desk.attempts().await.remove(0);
        let state = PageState::Finished { payment: Some(paid(&attempt)), method: Some(scripted_method("new")) };
        desk.gateway.tell_page(&attempt.public_id, state);
        desk.event(json!({ "id": "evt_1", "kind": "paid", "attempt": attempt.public_id, "amount": "50.00" })).await;
        desk.later(1).await;
        assert_eq!((desk.status().await, desk.company.count("pay_methods").await), (InvoiceStatus::Paid, 0));
        desk.company.is_sound().await;
    }

    async fn a_page_that_was_left_is_closed_before_anything_else_is_charged(desk: Desk) {
        desk.press("card", "").await;
        let card = desk.card("ok").await;
        desk.confirm(card).await;
        let states: Vec<AttemptState> = desk.attempts().await.iter().map(|attempt| attempt.state).collect();
        assert_eq!(states, [AttemptState::Succeeded, AttemptState::Declined]);
        assert!(desk.gateway.asked().iter().any(|asked| asked.starts_with("close page_")), "{:?}", desk.gateway.asked());
        desk.company.is_sound().await;
    }

    async fn a_page_that_expires_is_over(desk: Desk) {
        desk.press("card", "").await;
        let attempt = desk.attempts().await.remove(0);
        desk.gateway.tell_page(&attempt.public_id, PageState::Expired);
        desk.later(90_000).await;
        let attempt = desk.attempts().await.remove(0);
        assert_eq!((attempt.state, attempt.code.as_str()), (AttemptState::Declined, "expired"));
        desk.page().await.shows(&["The payment page was closed without a payment.", "Pay by card"]);
        // Nobody gets a mail because he has closed a window.
        assert_eq!(desk.company.count("mails").await, 0);
        desk.company.is_sound().await;
    }

    async fn a_page_that_cannot_be_opened_takes_nothing(desk: Desk) {
        desk.gateway.pages_are_down.store(true, std::sync::atomic::Ordering::SeqCst);
        let reply = desk.press("card", "").await;
        assert_eq!(reply.to, desk.here);
        desk.page().await.shows(&["could not be reached. Nothing was charged.", "Pay by card"]);
        assert_eq!(desk.attempts().await[0].state, AttemptState::Failed);
        desk.company.is_sound().await;
    }

    async fn a_payment_in_the_providers_hands_is_waited_for(desk: Desk) {
        let card = desk.card("slow").await;
        desk.confirm(card).await;
        desk.page().await.shows(&["A payment of 50.00 USD is under way", "Look again"]);
        let again = desk.confirm(card).await;
        assert_eq!(again.status.as_u16(), 409);
        let attempt = desk.attempts().await.remove(0);
        let refused = Outcome::Declined { external_id: None, code: "returned".to_owned(), reason: "Returned.".to_owned() };
        desk.gateway.tell(&attempt.public_id, refused);
        desk.doors.get(&format!("{}/return", desk.here)).await;
        desk.page().await.shows(&["The last payment did not work", "Returned."]);
        // The client may have left long ago, and is told.
        desk.later(1).await;
        assert_eq!(desk.company.count("mails").await, 1);
        desk.company.is_sound().await;
    }

    async fn an_answer_that_is_lost_is_waited_for(desk: Desk) {
        let card = desk.card("timeout").await;
        desk.confirm(card).await;
        desk.page().await.shows(&["is under way"]);
        desk.later(121).await;
        assert_eq!(desk.status().await, InvoiceStatus::Paid);
        desk.company.is_sound().await;
    }

    async fn an_unreachable_provider_is_told_without_details(desk: Desk) {
        let card = desk.card("down").await;
        desk.confirm(card).await;
        let page = desk.page().await;
        page.shows(&["could not be reached. Nothing was charged.", "Confirm payment"]);
        assert!(!page.text.contains("connection refused"));
        desk.company.is_sound().await;
    }

    async fn an_invoice_that_was_paid_or_cancelled_meanwhile_takes_no_money(desk: Desk) {
        let card = desk.card("sca").await;
        desk.confirm(card).await;
        let reply = desk.doors.post("/admin/invoices/1/cancel", &[("reason", "A mistake")]).await;
        assert_eq!(reply.status, 303, "{}", reply.text);
        desk.later(1).await;
        assert_eq!(desk.attempts().await[0].state, AttemptState::Declined, "given up at the provider");
        desk.page().await.shows(&["Cancelled", "There is nothing to pay on this invoice."]);
        for reply in [desk.confirm(card).await, desk.press("card", "").await] {
            assert_eq!(reply.status.as_u16(), 409);
            assert!(reply.text.contains("This invoice was cancelled."), "{}", reply.text);
        }
        assert_eq!(desk.doors.get(&format!("{}/go", desk.here)).await.to, desk.here);
        assert_eq!(desk.attempts().await.len(), 1);
        desk.company.is_sound().await;
    }

    // Staff record a part while the client is on the way to the bank. What was begun would take too much.
    async fn nobody_is_sent_to_pay_another_amount_than_is_owed(desk: Desk) {
        let card = desk.card("sca").await;
        let go = format!("{}/go", desk.here);
        assert_eq!(desk.confirm(card).await.to, go);
        desk.doors.get(&go).await.shows(&["bank.example"]);
        desk.pay_by_hand("30.00").await;
        assert_eq!(desk.doors.get(&go).await.to, desk.here, "the way to the bank is closed");
        let page = desk.page().await;
        page.shows(&["20.00 USD", "Another amount is to be paid by now", "The payment of 50.00 USD that was begun"]);
        assert!(!page.text.contains("Continue at your bank"), "{}", page.text);
        // Pressed again in another window, which knows nothing of that.
        assert_eq!(desk.confirm(card).await.to, go);
        assert_eq!(desk.tried().await, [(2000, AttemptState::ActionRequired), (5000, AttemptState::Declined)]);
        desk.doors.get(&go).await.shows(&["bank.example"]);
        // More is owed again: what waits would leave a part of it.
        desk.doors.post("/admin/transactions/1/void", &[("reason", "Typed twice")]).await;
        assert_eq!(desk.company.invoice_state(INVOICE).await.1, "50.00");
        assert_eq!(desk.doors.get(&go).await.to, desk.here);
        assert_eq!(desk.confirm(card).await.to, go);
        assert_eq!(desk.tried().await[..2], [(5000, AttemptState::ActionRequired), (2000, AttemptState::Declined)]);
        let attempt = desk.attempts().await.remove(0);
        desk.gateway.tell(&attempt.public_id, paid(&attempt));
        desk.doors.get(&format!("{}/return", desk.here)).await;
        assert_eq!((desk.status().await, desk.company.credit_of(&desk.client).await), (InvoiceStatus::Paid, "0.00".to_owned()));
        desk.company.is_sound().await;
    }

    // The client is at the provider already and presses nothing of ours.
    async fn what_waits_for_more_than_is_owed_is_given_up_at_the_provider(desk: Desk) {
        let given_up = async |amount: i64| {
            desk.later(1).await;
            assert_eq!(desk.tried().await[0], (amount, AttemptState::Declined));
            let attempt = desk.attempts().await.remove(0);
            assert!(desk.gateway.asked().contains(&format!("close page_{}", attempt.public_id)), "{:?}", desk.gateway.asked());
        };
        assert_eq!(desk.press("card", "").await.to, format!("{}/go", desk.here));
        desk.pay_by_hand("10.00").await;
        given_up(5000).await;
        desk.press("card", "").await;
        desk.doors.action("AddCredit", &[("clientid", "1"), ("description", "A gift"), ("amount", "10.00")]).await;
        assert_eq!(desk.doors.action("ApplyCredit", &[("invoiceid", "1"), ("amount", "10.00")]).await["result"], "success");
        given_up(4000).await;
        desk.press("card", "").await;
        let noted = desk.doors.post("/admin/invoices/1/credit-note", &[("do", "credit"), ("amount", "10.00"), ("reason", "Sorry")]).await;
        assert_eq!(noted.status, 303, "{}", noted.text);
        given_up(3000).await;
        // What takes what is owed is left alone.
        desk.press("card", "").await;
        desk.later(1).await;
        assert_eq!(desk.tried().await[0], (2000, AttemptState::ActionRequired));
        assert_eq!(desk.company.count("transactions").await, 1);
        desk.company.is_sound().await;
    }

    async fn what_we_give_up_ourselves_is_no_decline_to_write_of(desk: Desk) {
        desk.card("sca").await;
        let ended = captures::attempt(&desk.company.app, &desk.company.by, INVOICE, None, None).await.unwrap();
        assert_eq!(ended, captures::Ended::ActionRequired);
        desk.later(1).await;
        assert_eq!(desk.company.count("mails").await, 1, "the client is asked to come");
        desk.pay_by_hand("30.00").await;
        desk.later(1).await;
        assert_eq!(desk.tried().await, [(5000, AttemptState::Declined)]);
        assert_eq!(desk.company.count("mails").await, 1);
        desk.company.is_sound().await;
    }

    // The page was open, or the request is made by hand.
    async fn a_gateway_that_is_switched_off_takes_nothing(desk: Desk) {
        let card = desk.card("ok").await;
        desk.page().await.shows(&["Confirm payment", "Pay with another card"]);
        let switch = async |active: &str| {
            let mut tx = desk.company.app.db.write().await.unwrap();
            tx.batch(&format!("UPDATE gateways SET active = {active} WHERE name = 'sandbox'")).await.unwrap();
            tx.commit().await.unwrap();
        };
        switch("FALSE").await;
        for reply in [desk.confirm(card).await, desk.press("card", "keep=1").await] {
            assert_eq!(reply.status.as_u16(), 409);
            assert!(reply.text.contains("This way to pay is not offered any more."), "{}", reply.text);
        }
        assert_eq!((desk.attempts().await.len(), desk.gateway.asked()), (0, Vec::new()));
        assert_eq!(desk.status().await, InvoiceStatus::Unpaid);
        switch("TRUE").await;
        desk.confirm(card).await;
        assert_eq!(desk.status().await, InvoiceStatus::Paid);
        desk.company.is_sound().await;
    }

    async fn an_expired_link_says_so_and_does_nothing(desk: Desk) {
        let card = desk.card("ok").await;
        desk.later(LIFE + 1).await;
        for reply in [desk.page().await, desk.confirm(card).await, desk.doors.get(&format!("{}/return", desk.here)).await] {
            assert_eq!(reply.status.as_u16(), 409);
            assert!(reply.text.contains("This link has expired."), "{}", reply.text);
        }
        assert_eq!(desk.attempts().await.len(), 0);
    }

    async fn another_site_cannot_send_the_forms(desk: Desk) {
        let card = desk.card("ok").await;
        for site in ["cross-site", "same-site"] {
            let headers = [("sec-fetch-site".to_owned(), site.to_owned())];
            let path = format!("{}/confirm", desk.here);
            let form = format!("method={card}");
            let reply = desk.doors.send("POST", &path, "application/x-www-form-urlencoded", &headers, form).await;
            assert_eq!(reply.status.as_u16(), 409, "{}", reply.text);
        }
        assert_eq!(desk.attempts().await.len(), 0);
    }

    async fn a_card_of_somebody_else_or_of_nobody_is_refused(desk: Desk) {
        let other = desk.company.client("eve@example.com").await;
        let (app, by) = (&desk.company.app, &desk.company.by);
        let theirs = pay_methods::add(app, by, other.id, "sandbox", "ok", "", MakeDefault::Yes).await.unwrap().id;
        for form in [format!("method={theirs}"), "method=999".to_owned(), "method=x".to_owned(), String::new()] {
            let reply = desk.press("confirm", &form).await;
            assert_eq!(reply.status.as_u16(), 409, "{form}: {}", reply.text);
            assert!(reply.text.contains("50.00 USD"), "the page is shown again");
        }
        assert_eq!(desk.attempts().await.len(), 0);
        desk.company.is_sound().await;
    }

    async fn tries_are_counted(desk: Desk) {
        let card = desk.card("declined").await;
        for _ in 0..10 {
            assert_eq!(desk.confirm(card).await.status.as_u16(), 303);
        }
        let reply = desk.confirm(card).await;
        assert!(reply.text.contains("That were many tries."), "{}", reply.text);
        assert_eq!(desk.attempts().await.len(), 10);
        desk.later(3601).await;
        assert_eq!(desk.confirm(card).await.status.as_u16(), 303);
        desk.company.is_sound().await;
    }

    async fn a_way_to_the_bank_that_is_not_encrypted_is_not_taken(desk: Desk) {
        let card = desk.card("sca").await;
        desk.confirm(card).await;
        let mut tx = desk.company.app.db.write().await.unwrap();
        tx.execute("UPDATE payment_attempts SET action_url = 'http://bank.example/'", params![]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(desk.doors.get(&format!("{}/go", desk.here)).await.to, desk.here);
        let page = desk.page().await;
        page.shows(&["Start again with this card"]);
        assert!(!page.text.contains("bank.example"), "{}", page.text);
    }

    async fn a_bank_transfer_shows_where_to_pay(desk: Desk) {
        desk.company.set(&settings::PAY_TO, "Harbour Hosting\nIBAN GB33 BUKB").await;
        let reply = desk.doors.post("/admin/invoices/1/change", &[("gateway", "banktransfer"), ("notes", "")]).await;
        assert_eq!(reply.status, 303, "{}", reply.text);
        let page = desk.page().await;
        page.shows(&["IBAN GB33 BUKB", "name the invoice number 1"]);
        assert!(!page.text.contains("Confirm payment") && !page.text.contains("Pay by card"), "{}", page.text);
    }
}
