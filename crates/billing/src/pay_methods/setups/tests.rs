use std::sync::Arc;

use serde_json::json;
use testkit::Engine;

use super::*;
use crate::pay_methods;
use crate::testing::doors::{Doors, Reply};
use crate::testing::{Company, SIGNATURE, Scripted, scripted_method};

struct Desk {
    company: Company,
    gateway: Arc<Scripted>,
    doors: Doors,
    client: clients::Client,
    here: String,
}

async fn open(engine: Engine) -> Desk {
    let gateway = Arc::new(Scripted::default());
    let company = Company::with_gateways(engine, vec![gateway.clone()]).await;
    let client = company.client("ada@example.com").await;
    let doors = Doors::of(&company).await;
    let made =
        doors.api("POST", &format!("/clients/{}/pay-methods/link", client.id), json!({ "gateway": "sandbox" })).await;
    assert_eq!(made.status.as_u16(), 201, "{}", made.text);
    let here = made.json()["url"].as_str().unwrap().strip_prefix("http://localhost:8080").unwrap().to_owned();
    Desk { company, gateway, doors, client, here }
}

impl Desk {
    async fn press(&self) -> Reply {
        let kind = "application/x-www-form-urlencoded";
        self.doors.send("POST", &self.here, kind, &[], String::new()).await
    }

    async fn latest(&self) -> Setup {
        let invited = Invited { client_id: self.client.id, gateway: "sandbox".to_owned() };
        latest(&mut self.company.app.db.read().await.unwrap(), &invited).await.unwrap().unwrap()
    }

    fn leave_card(&self, setup: &Setup) {
        let state = PageState::Finished { payment: None, method: Some(scripted_method("ok")) };
        self.gateway.tell_page(&setup.public_id, state);
    }

    async fn later(&self, seconds: i64) {
        let now = self.company.app.clock.now();
        self.company.app.clock.set(now.plus_seconds(seconds));
        platform::jobs::drain(&self.company.app).await.unwrap();
    }
}

testkit::both_engines! {
    with = open;

    async fn a_card_is_left_with_the_provider_and_stored_once(desk: Desk) {
        desk.doors.get(&desk.here).await.shows(&["Add a card", "Enter the card", "not here"]);
        let reply = desk.press().await;
        assert_eq!((reply.status.as_u16(), &reply.to), (303, &format!("{}/go", desk.here)));
        let setup = desk.latest().await;
        let go = desk.doors.get(&reply.to).await;
        go.shows(&["pages.example"]);
        assert!(go.refresh.starts_with("0; url=https://pages.example/"), "{}", go.refresh);
        // Pressed again, it is the same page.
        desk.press().await;
        assert_eq!(desk.company.count("method_setups").await, 1);
        desk.doors.get(&desk.here).await.shows(&["No card was entered yet", "Continue"]);
        desk.leave_card(&setup);
        let signed = [(SIGNATURE.to_owned(), "right".to_owned())];
        let events = (0..10).map(|number| {
            let event = json!({ "id": format!("evt_{number}"), "kind": "page", "reference": setup.public_id }).to_string();
            desk.doors.send("POST", "/gateways/sandbox/webhook", "application/json", &signed, event)
        });
        let back = format!("{}/return", desk.here);
        futures::future::join(futures::future::join_all(events), desk.doors.get(&back)).await;
        desk.later(4000).await;
        desk.doors.get(&desk.here).await.shows(&["The card is stored", "Visa •••• 4242"]);
        let methods = pay_methods::of_client(&mut desk.company.app.db.read().await.unwrap(), desk.client.id).await.unwrap();
        assert_eq!((methods.len(), methods[0].is_default), (1, true));
        desk.doors.get("/admin/payments/webhooks?state=applied").await.shows(&["evt_9"]);
        // Another one may follow.
        desk.press().await;
        assert_eq!(desk.company.count("method_setups").await, 2);
    }

    async fn a_client_who_does_not_come_back_has_left_the_card_all_the_same(desk: Desk) {
        desk.press().await;
        desk.leave_card(&desk.latest().await);
        desk.later(901).await;
        assert_eq!((desk.latest().await.state, desk.company.count("pay_methods").await), (SetupState::Stored, 1));
    }

    async fn a_page_that_expires_can_be_opened_again(desk: Desk) {
        desk.press().await;
        desk.gateway.tell_page(&desk.latest().await.public_id, PageState::Expired);
        desk.doors.get(&format!("{}/return", desk.here)).await;
        desk.doors.get(&desk.here).await.shows(&["No card was stored", "Enter the card"]);
        desk.press().await;
        assert_eq!(desk.latest().await.state, SetupState::Open);
        assert_eq!(desk.company.count("pay_methods").await, 0);
    }

    async fn an_unreachable_provider_is_told(desk: Desk) {
        desk.gateway.pages_are_down.store(true, std::sync::atomic::Ordering::SeqCst);
        let reply = desk.press().await;
        assert_eq!(reply.status.as_u16(), 409);
        assert!(reply.text.contains("cannot be reached at the moment"), "{}", reply.text);
        assert_eq!(desk.latest().await.state, SetupState::Failed);
        desk.doors.get("/admin/payments/gateway-log").await.shows(&["setup", "timed out"]);
        desk.later(4000).await;
    }

    async fn tries_are_counted_and_links_expire(desk: Desk) {
        desk.gateway.pages_are_down.store(true, std::sync::atomic::Ordering::SeqCst);
        for _ in 0..TRIES {
            desk.press().await;
        }
        assert!(desk.press().await.text.contains("That were many tries."));
        assert_eq!(desk.company.count("method_setups").await, TRIES);
        desk.later(LIFE + 1).await;
        assert_eq!((desk.press().await.status.as_u16(), desk.doors.get(&desk.here).await.status.as_u16()), (404, 404));
        assert_eq!(desk.doors.get("/add-card/wrong").await.status.as_u16(), 404);
    }

    async fn links_are_made_for_gateways_that_have_a_page(desk: Desk) {
        let page = format!("/admin/clients/{}/pay-methods", desk.client.id);
        desk.doors.get(&page).await.shows(&["Let the client add a card", "Make a link"]);
        let made = desk.doors.post(&format!("{page}/link"), &[("gateway", "sandbox")]).await;
        assert!(made.flash.contains("add%2Dcard"), "{made:?}");
        let refused = desk.doors.post(&format!("{page}/link"), &[("gateway", "banktransfer")]).await;
        assert!(refused.flash.contains("bad"), "{refused:?}");
        let path = format!("/clients/{}/pay-methods/link", desk.client.id);
        for (body, status) in [(json!({}), 422), (json!({ "gateway": "nothing" }), 422)] {
            assert_eq!(desk.doors.api("POST", &path, body).await.status.as_u16(), status);
        }
        let stranger = desk.doors.api("POST", "/clients/999/pay-methods/link", json!({ "gateway": "sandbox" })).await;
        assert_eq!(stranger.status.as_u16(), 404);
        // Of a link only its hash is kept.
        let token = desk.here.strip_prefix("/add-card/").unwrap();
        assert_eq!(desk.company.everywhere(token).await, Vec::<String>::new());
    }
}
