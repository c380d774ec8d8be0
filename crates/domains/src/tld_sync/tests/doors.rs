use serde_json::{Value, json};

use super::*;

testkit::both_engines! {
    async fn staff_fetch_look_choose_and_import(company: Company) {
        let doors = company.doors().await;
        assert!(doors.page("/admin/utilities/tld-sync").await.contains("No registrar has a price list"));
        company.com().await;
        company.selling("com USD 20.00 11.00 9.00\nnet USD 10.00 11.00 9.00\nodd XAU 1 1 1").await;
        let page = doors.page("/admin/utilities/tld-sync").await;
        let key = page.split("name=\"key\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        for _ in 0..2 {
            let fetched = doors.post("/admin/utilities/tld-sync/fetch", &[("registrar", "whole-sale"), ("key", &key)]).await;
            assert_eq!(fetched.status, 303, "{}", fetched.text);
        }
        let run = company.perform().await;
        let mut conn = company.app.db.read().await.unwrap();
        let lists = latest(&mut conn).await.unwrap();
        assert_eq!(lists.len(), 1, "the same click twice is one run");
        drop(conn);
        assert_eq!(doors.get(&format!("/admin/utilities/tld-sync/runs/{run}")).await.status, 303, "on to the list");
        let path = format!("/admin/utilities/tld-sync/{}", lists[0].id);
        let list = doors.page(&path).await;
        assert!(list.contains("Held") && list.contains("New") && list.contains("XAU") && list.contains("Loss"), "{list}");
        let only = doors.page(&format!("{path}?state=new")).await;
        assert!(only.contains(".net") && !only.contains(">.com<"), "{only}");
        let wrong = doors.post(&format!("{path}/options"), &[("margin", "many"), ("margin_kind", "percent"), ("daily", "off")]).await;
        assert!(wrong.status == 422 && wrong.text.contains("value=\"many\""), "{}", wrong.text);
        let good = [("margin", "50"), ("margin_kind", "percent"), ("ending", "whole"), ("hold_above", "10"), ("daily", "propose"), ("set_registrar", "1")];
        assert_eq!(doors.post(&format!("{path}/options"), &good).await.status, 303);
        let ask = doors.post(&format!("{path}/preview"), &[("id", "net"), ("id", "com")]).await;
        assert!(ask.text.contains("Import 2 extensions") && ask.text.contains("sold at a loss"), "{}", ask.text);
        let none = doors.post(&format!("{path}/preview?state=wrong"), &[("all", "1")]).await;
        assert_eq!(none.status, 303, "what is wrong cannot be chosen");
        assert_eq!(doors.post(&format!("{path}/import"), &[("names", "com,net")]).await.status, 303);
        let csv = doors.page(&format!("{path}?format=csv")).await;
        assert!(csv.contains("com,As it is,USD,register,20.00,30.00,30.00,50.0,50.0,false,"), "{csv}");
        let nothing = doors.post(&format!("{path}/preview"), &[("id", "net")]).await;
        assert!(nothing.text.contains("nothing to import"), "{}", nothing.text);
    }

    async fn a_fetch_that_fails_says_why(company: Company) {
        company.selling("down").await;
        let doors = company.doors().await;
        let key = "k".repeat(40);
        doors.post("/admin/utilities/tld-sync/fetch", &[("registrar", "whole-sale"), ("key", &key)]).await;
        let run = company.perform().await;
        let page = doors.page(&format!("/admin/utilities/tld-sync/runs/{run}")).await;
        assert!(page.contains("Whole Sale: Not reached: connection refused"), "{page}");
    }

    async fn the_json_api_fetches_proposes_and_imports(company: Company) {
        company.selling("com USD 10.00 11.00 9.00\nnet USD 10.00 11.00 9.00").await;
        let doors = company.doors().await;
        let body = json!({ "registrar": "whole-sale", "margin": "50", "ending": "" });
        let looked = doors.api("POST", "/system/tld-sync", body).await;
        assert_eq!(looked.status, 200, "{}", looked.text);
        let looked = looked.json();
        assert_eq!((&looked["imported"], &looked["options"]["margin"]), (&Value::Null, &json!("50")));
        let register = json!({ "what": "register", "cost": "10.00", "now": null, "new": "15.00", "margin": "50.0", "margin_now": null });
        assert_eq!(looked["extensions"][0]["prices"][0], register);
        let list = looked["list"]["id"].clone();
        let body = json!({ "registrar": "whole-sale", "list": list, "import": [".com"] });
        let done = doors.api("POST", "/system/tld-sync", body.clone()).await.json();
        assert_eq!(done["imported"], json!({ "added": 1, "changed": 0, "unchanged": 0 }));
        let again = doors.api("POST", "/system/tld-sync", body).await.json();
        assert_eq!(again["imported"], json!({ "added": 0, "changed": 0, "unchanged": 1 }));
        let shown = doors.api("GET", &format!("/system/tld-sync/{list}"), Value::Null).await.json();
        assert_eq!(shown["extensions"][0]["state"], "same");
        assert_eq!(doors.api("GET", "/system/tld-sync", Value::Null).await.json()["total"], 1);
        for (body, field) in [
            (json!({ "registrar": "nobody" }), "registrar"),
            (json!({ "registrar": "first", "list": list }), "list"),
            (json!({ "registrar": "whole-sale", "list": list, "import": ["zzz"] }), "extensions"),
            (json!({ "registrar": "whole-sale", "list": list, "margin": "-1" }), "margin"),
            (json!({ "registrar": "whole-sale", "import": [], "within_limits": true }), "within_limits"),
        ] {
            let refused = doors.api("POST", "/system/tld-sync", body).await;
            assert!(refused.status == 422 && refused.text.contains(field), "{field}: {}", refused.text);
        }
    }
}
