//! With `--json`, standard output is one JSON document, whether a command did what it was asked or not.

use platform::params;
use serde_json::Value;

use crate::support::{Ended, Place};

/// The one document, of a command that ended like this.
fn document(ended: &Ended, code: i32) -> Value {
    assert_eq!(ended.code, code, "{ended:?}");
    serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

fn json(place: &Place, arguments: &[&str], code: i32) -> Value {
    document(&place.run(&[arguments, &["--json"]].concat()), code)
}

fn refused(place: &Place, arguments: &[&str]) -> Value {
    let document = json(place, arguments, 1);
    assert!(document["error"].is_string(), "{arguments:?}: {document}");
    document
}

async fn change(place: &Place, sql: &str) {
    let app = place.app().await;
    let mut tx = app.db.write().await.unwrap();
    tx.execute(sql, params![]).await.unwrap();
    tx.commit().await.unwrap();
}

/// A client with something due that no invoice can be made of: the sum leaves the range of amounts.
async fn make_unbillable(place: &Place) {
    let app = place.app().await;
    let mut tx = app.db.write().await.unwrap();
    let details = accounts::clients::ClientEdit {
        first_name: Some("Ada".to_owned()),
        last_name: Some("Lovelace".to_owned()),
        email: Some("ada@example.com".to_owned()),
        country: Some("GB".to_owned()),
        ..Default::default()
    };
    let new = accounts::clients::NewClient { details, ..Default::default() };
    let by = accounts::activity_log::Actor::system("test");
    let client = accounts::clients::create(&mut tx, &by, new, &app.random, app.clock.now()).await.unwrap();
    for owner_id in [1, 2] {
        let charge = billing::recurring::Charge {
            client_id: client.id,
            owner_kind: "service",
            owner_id,
            description: "Hosting".to_owned(),
            amount: kernel::Money::new(i64::MAX, client.currency),
            cycle: kernel::Cycle::Monthly,
            anchor_day: 1,
            gateway: "banktransfer".to_owned(),
            taxed: false,
            billable: true,
            next_due_on: kernel::Date::new(2020, 1, 1).unwrap(),
            remaining: None,
        };
        let mut locked = accounts::clients::lock(&mut tx, client.id).await.unwrap();
        billing::recurring::put(&mut locked, &charge, app.clock.now()).await.unwrap();
    }
    tx.commit().await.unwrap();
}

testkit::both_engines! {
    async fn every_command_prints_one_document(place: Place) {
        refused(&place, &["setting", "list"]);
        assert_eq!(json(&place, &["init", "--currency", "EUR"], 0)["outcome"], "created");
        assert_eq!(json(&place, &["init"], 0)["outcome"], "unchanged");
        refused(&place, &["init", "--currency", "USD"]);
        assert_eq!(json(&place, &["frobnicate"], 2)["error"].as_str().map(|text| text.contains("frobnicate")), Some(true));

        let admin = ["admin", "create", "--username", "ana", "--email", "ana@example.com"];
        assert_eq!(json(&place, &admin, 0)["username"], "ana");
        refused(&place, &admin);
        assert!(json(&place, &["api-credential", "create", "--admin", "ana"], 0)["secret"].is_string());
        refused(&place, &["api-credential", "create", "--admin", "nobody"]);

        assert!(json(&place, &["setting", "list"], 0).is_array());
        assert_eq!(json(&place, &["setting", "get", "time_zone"], 0)["value"], "UTC");
        assert_eq!(json(&place, &["setting", "set", "time_zone", "Europe/Berlin"], 0)["old"], "UTC");
        let wrong = refused(&place, &["setting", "set", "invoice_number_format", "INV"]);
        assert_eq!(wrong["errors"][0]["field"], "invoice_number_format");
        assert_eq!(json(&place, &["gateway", "configure", "mailin", "--off"], 0)["active"], false);
        refused(&place, &["gateway", "configure", "nothing"]);

        assert_eq!(json(&place, &["payments", "capture"], 0)["due"], 0);
        refused(&place, &["payments", "capture", "--date", "2020-01-01"]);
        refused(&place, &["invoices", "generate", "--date", "2020-01-01"]);
        for batch in [["invoices", "generate"], ["payments", "capture"]] {
            let tried = json(&place, &[batch[0], batch[1], "--date", "2020-01-01", "--dry-run"], 0);
            assert_eq!((&tried["date"], &tried["dry_run"]), (&"2020-01-01".into(), &true.into()));
        }
        assert_eq!(json(&place, &["doctor"], 0)["sound"], true);

        let file = place.folder.join("all.jsonl");
        let file = file.to_str().unwrap();
        assert!(json(&place, &["backup", file], 0)["rows"].is_number());
        refused(&place, &["backup", "/nowhere/all.jsonl"]);
        refused(&place, &["restore", file]);
        assert!(json(&place, &["restore", file, "--force"], 0)["rows"].is_number());
        refused(&place, &["serve", "--clock", "2020-01-01T00:00:00Z"]);
    }

    async fn a_run_with_parked_clients_reports_them_and_fails(place: Place) {
        place.done(&["init"]);
        assert_eq!(json(&place, &["invoices", "generate"], 0)["invoices"], 0);
        make_unbillable(&place).await;
        let dry = json(&place, &["invoices", "generate", "--dry-run"], 1);
        assert_eq!((dry["failures"][0]["client_id"].as_i64(), &dry["parked"]), (Some(1), &serde_json::json!([])));
        let real = json(&place, &["invoices", "generate"], 1);
        assert_eq!((&real["failures"], real["invoices"].as_i64()), (&dry["failures"], Some(0)));
        assert_eq!(real["parked"][0]["client_id"], 1);
        assert_eq!(real["parked"][0]["reason"], real["failures"][0]["message"]);
        // A later run does not try again, and says who still waits.
        let later = json(&place, &["invoices", "generate"], 0);
        assert_eq!((&later["failures"], &later["parked"]), (&serde_json::json!([]), &real["parked"]));
        let told = place.done(&["invoices", "generate"]);
        assert!(told.out.contains("Client 1 is parked since"), "{told:?}");
        refused(&place, &["invoices", "generate", "--client", "99"]);
    }

    async fn the_doctor_lists_what_is_broken_and_fails(place: Place) {
        place.done(&["init"]);
        change(&place, "INSERT INTO number_series (name, period, next) VALUES ('invoice', '', 5)").await;
        let broken = json(&place, &["doctor"], 1);
        assert_eq!((broken["sound"].as_bool(), broken["findings"][0]["check"].as_str()), (Some(false), Some("invoice numbers have no gap")));
        let told = place.run(&["doctor"]);
        assert!(told.code == 1 && told.out.contains("The books are not sound"), "{told:?}");
    }

    async fn a_server_says_once_where_it_is(place: Place) {
        place.done(&["init"]);
        let mut command = place.command();
        command.args(["serve", "--listen", "127.0.0.1:0", "--json"]);
        let mut server = testkit::process::Child::spawn("innkeeper serve", &mut command).unwrap();
        let line = server.wait_for_line("{", std::time::Duration::from_secs(30)).unwrap();
        let said: Value = serde_json::from_str(&format!("{{{line}")).unwrap();
        assert!(said["admin"].as_str().unwrap().starts_with("http://127.0.0.1:"), "{said}");
    }
}
