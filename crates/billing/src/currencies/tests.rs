use serde_json::json;

use crate::testing::Company;
use crate::testing::doors::Doors;

testkit::both_engines! {
    async fn currencies_are_added_and_changed(company: Company) {
        let doors = Doors::of(&company).await;
        let fields = [("code", "jpy"), ("prefix", "¥"), ("suffix", ""), ("rate", "150.5")];
        assert_eq!(doors.post("/admin/setup/currencies", &fields).await.status.as_u16(), 303);
        doors.get("/admin/setup/currencies").await.shows(&["¥123456", "$1234.56 USD", "Base", "150.5"]);
        doors.post("/admin/setup/currencies/3", &[("prefix", ""), ("suffix", " yen"), ("rate", "149")]).await;
        let all = doors.action("GetCurrencies", &[]).await;
        assert_eq!(
            all["currencies"]["currency"][2],
            json!({ "id": "3", "code": "JPY", "prefix": "", "suffix": " yen", "format": "1", "rate": "149.00000" })
        );
        // The base currency's rate cannot be anything else.
        doors.post("/admin/setup/currencies/1", &[("prefix", "US$"), ("suffix", ""), ("rate", "7")]).await;
        let refused = doors.api("PATCH", "/currencies/1", json!({ "rate": "7" })).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["errors"][0]["field"]), (422, &json!("rate")));
        let listed = doors.api("GET", "/currencies", json!(null)).await.json();
        assert_eq!((&listed["items"][0]["rate"], &listed["items"][0]["prefix"]), (&json!("1"), &json!("US$")));
    }

    async fn wrong_currencies_are_refused_by_field(company: Company) {
        let doors = Doors::of(&company).await;
        for (fields, words) in [
            ([("code", "XXQ"), ("rate", "1")], "is not a currency"),
            ([("code", "USD"), ("rate", "1")], "is there already"),
            ([("code", "GBP"), ("rate", "0")], "how many units"),
            ([("code", "GBP"), ("rate", "-1")], "how many units"),
            ([("code", "GBP"), ("rate", "many")], "how many units"),
        ] {
            let reply = doors.post("/admin/setup/currencies", &fields).await;
            assert_eq!(reply.status.as_u16(), 422, "{fields:?}");
            assert!(reply.text.contains(words), "{words}: {}", reply.text);
        }
        assert_eq!(company.count("currencies").await, 2);
        assert_eq!(doors.api("POST", "/currencies", json!({ "code": "GBP", "rate": "0.8", "prefix": "12345678901" })).await.status.as_u16(), 422);
    }
}
