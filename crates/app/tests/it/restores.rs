//! A database is restored from a backup, and what was charged since is not charged again.

use kernel::Date;
use platform::params;
use testkit::localstripe;
use testkit::peers;

use crate::killed::{CLIENTS, START, call, furnish, taken};
use crate::support::Place;

fn run(place: &Place, what: &[&str], day: Date) -> serde_json::Value {
    let day = day.to_string();
    let arguments: Vec<&str> = ["--json"].iter().chain(what).chain(&["--date", &day]).copied().collect();
    place.done(&arguments).json()
}

const GENERATE: &[&str] = &["invoices", "generate"];
const CAPTURE: &[&str] = &["payments", "capture"];

testkit::both_engines! {
    async fn nothing_is_charged_twice_after_a_restore(place: Place) {
        let Some(stripe) = peers::require(localstripe::start()) else { return };
        furnish(&place, &stripe).await;
        let first = Date::parse(START).unwrap();
        let second = first.plus_days(1).unwrap();
        run(&place, GENERATE, first);
        let file = place.folder.join("copy.jsonl");
        place.done(&["backup", file.to_str().unwrap()]);

        // After the backup: the first day's invoices are charged, the second day's are made and charged.
        assert_eq!(run(&place, CAPTURE, first)["succeeded"], CLIENTS);
        run(&place, GENERATE, second);
        assert_eq!(run(&place, CAPTURE, second)["succeeded"], CLIENTS);
        assert_eq!(taken(&stripe).await.len(), usize::try_from(2 * CLIENTS).unwrap());
        // One of a client that is not in the backup.
        let stranger = [
            ("amount", "500"), ("currency", "usd"), ("payment_method", "pm_card_visa"), ("confirm", "true"),
            ("metadata[innkeeper_attempt]", "another"), ("metadata[innkeeper_client]", "999"),
            ("metadata[innkeeper_invoice]", "999"),
        ];
        let strange = call(&stripe, "/v1/payment_intents", &stranger).await;
        assert_eq!(strange["status"], "succeeded", "{strange}");

        place.done(&["restore", file.to_str().unwrap(), "--force"]);
        let refused = place.run(&["payments", "capture", "--date", &second.to_string()]);
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.err.contains("on hold"), "{refused:?}");

        let open = place.run(&["--json", "payments", "reconcile"]);
        assert_eq!(open.code, 1, "{open:?}");
        let told: serde_json::Value = serde_json::from_str(&open.out).unwrap();
        assert_eq!(told["on_hold"], true);
        let found = told["found"].as_array().unwrap();
        assert_eq!(found.len(), usize::try_from(2 * CLIENTS + 1).unwrap(), "{told}");
        let lost: Vec<_> = found.iter().filter(|one| one["transaction_id"].is_null()).collect();
        assert_eq!(lost.len(), 1, "{told}");
        assert_eq!(lost[0]["client_id"], 999);

        // What was booked is booked once; what cannot be is told again until somebody has looked.
        let told = place.done(&["--json", "payments", "reconcile", "--checked"]).json();
        assert_eq!((told["found"].as_array().unwrap().len(), &told["on_hold"]), (1, &false.into()), "{told}");

        // The second day is made anew, and paid by the credit that its charges became.
        assert_eq!(run(&place, GENERATE, second)["invoices"], CLIENTS);
        assert_eq!(run(&place, CAPTURE, second)["due"], 0);
        assert_eq!(taken(&stripe).await.iter().filter(|(invoice, _)| *invoice != 999).count(), usize::try_from(2 * CLIENTS).unwrap());
        assert_eq!(place.run(&["doctor"]).code, 0);
        let app = place.app().await;
        let mut conn = app.db.read().await.unwrap();
        let paid: i64 =
            conn.scalar("SELECT COUNT(*) FROM invoices WHERE status = 'paid'", params![]).await.unwrap();
        assert_eq!(paid, 2 * CLIENTS);
        let credit: i64 = conn
            .scalar("SELECT CAST(COALESCE(SUM(balance), 0) AS BIGINT) FROM credit_balances", params![])
            .await
            .unwrap();
        assert_eq!(credit, 0, "every charge has paid an invoice");
    }
}
