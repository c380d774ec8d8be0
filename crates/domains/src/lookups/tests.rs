use serde_json::{Value, json};

use super::*;
use crate::registrars::Configure;
use crate::testing::Company;
use crate::tlds::TldEdit;

fn name(text: &str) -> DomainName {
    DomainName::parse(text).unwrap()
}

impl Company {
    async fn asked(&self, text: &str, freshness: Freshness) -> Answer {
        look_up(&self.app, &self.by, &[name(text)], freshness).await.unwrap().remove(0)
    }

    /// `.com` goes to a registrar that can say what is free.
    async fn with_registrar(&self, prices: &str) {
        let values = [("login", "ada"), ("password", "sesame"), ("test", "1"), ("prices", prices)];
        let values = values.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let new = Configure { title: Some("Echo".to_owned()), active: Some(true), values };
        let mut tx = self.app.db.write().await.unwrap();
        let made = registrars::add(&mut tx, &self.app, &self.by, "echo", None, new, self.now()).await.unwrap();
        tx.commit().await.unwrap();
        self.tld("com", TldEdit { registrar: Some(made.name), ..TldEdit::default() }).await.unwrap();
    }
}

testkit::both_engines! {
    async fn the_registry_says_who_has_a_name(company: Company) {
        let taken = company.asked("taken.test", Freshness::Kept).await;
        assert_eq!((taken.state, taken.source.as_str()), (State::Registered, "rdap"));
        assert!(!taken.registrar.is_empty() && !taken.expires.is_empty() && taken.text.contains("rdapConformance"), "{taken:?}");
        let free = company.asked("free.test", Freshness::Kept).await;
        assert_eq!((free.state, free.source.as_str()), (State::Available, "rdap"));
        let old = company.asked("taken.old", Freshness::Kept).await;
        assert_eq!((old.state, old.source.as_str()), (State::Registered, "whois"), "{old:?}");
        assert_eq!(company.asked("free.old", Freshness::Kept).await.state, State::Available);
    }

    async fn what_nobody_can_say_is_never_available(company: Company) {
        for (text, says) in [
            ("busy.test", "asked too often"), ("junk.test", ""), ("other.test", ""), ("junk.old", ""), ("free.nowhere", ""),
        ] {
            let answer = company.asked(text, Freshness::Kept).await;
            assert_eq!((answer.state, answer.source.as_str()), (State::Unknown, ""), "{answer:?}");
            assert!(!answer.why.is_empty() && answer.why.contains(says), "{answer:?}");
        }
        let mut conn = company.app.db.read().await.unwrap();
        let kept: i64 = conn.scalar("SELECT COUNT(*) FROM lookup_answers", platform::params![]).await.unwrap();
        assert_eq!(kept, 0, "what is unknown is asked again");
    }

    async fn an_answer_is_used_again_for_minutes(company: Company) {
        company.asked("free.test", Freshness::Kept).await;
        company.asked("free.test", Freshness::Kept).await;
        assert_eq!(company.registries.rdap.requests().len(), 1);
        company.asked("free.test", Freshness::Now).await;
        assert_eq!(company.registries.rdap.requests().len(), 2, "staff want to know how it is now");
        company.app.clock.set(company.now().plus_seconds(6 * 60));
        company.asked("free.test", Freshness::Kept).await;
        assert_eq!(company.registries.rdap.requests().len(), 3, "too old");
        let mut conn = company.app.db.read().await.unwrap();
        let logged: i64 = conn.scalar("SELECT COUNT(*) FROM lookup_log", platform::params![]).await.unwrap();
        assert_eq!(logged, 4, "every question is in the log");
    }

    async fn the_registrar_of_the_extension_comes_first(company: Company) {
        company.with_registrar("none").await;
        let names = ["taken.com", "kept.com", "gold.com", "dumb.com", "free.test"].map(name);
        let answers = look_up(&company.app, &company.by, &names, Freshness::Kept).await.unwrap();
        let states: Vec<State> = answers.iter().map(|answer| answer.state).collect();
        let wanted = [State::Registered, State::Reserved, State::Available, State::Available, State::Available];
        assert_eq!(states, wanted, "in the order of the question");
        let sources: Vec<&str> = answers.iter().map(|answer| answer.source.as_str()).collect();
        assert_eq!(sources, ["registrar:echo", "registrar:echo", "registrar:echo", "rdap", "rdap"]);
        assert_eq!(answers[2].premium["register"], "900.00 USD");
    }

    async fn a_registrar_that_answers_about_other_names_or_not_at_all_is_passed_over(company: Company) {
        company.with_registrar("hostile").await;
        let answer = company.asked("taken.com", Freshness::Kept).await;
        assert_eq!((answer.state, answer.source.as_str()), (State::Registered, "rdap"), "{answer:?}");
        let mut tx = company.app.db.write().await.unwrap();
        let of = registrars::by_name(&mut tx, "echo").await.unwrap().unwrap();
        let down = Configure { values: vec![("prices".to_owned(), "down".to_owned())], ..Configure::default() };
        registrars::configure(&mut tx, &company.app, &company.by, of.id, down, company.now()).await.unwrap();
        tx.commit().await.unwrap();
        let answer = company.asked("busy.com", Freshness::Kept).await;
        assert_eq!(answer.state, State::Unknown);
        assert!(answer.why.starts_with("Echo: Not reached: connection refused; "), "{}", answer.why);
    }

    async fn the_list_of_servers_is_fetched_anew(company: Company) {
        let doors = company.doors().await;
        let shipped = doors.api("GET", "/domains/rdap-servers", Value::Null).await.json();
        assert_eq!(shipped["fetched_at"], Value::Null);
        let done = doors.api("POST", "/domains/rdap-servers", json!({})).await;
        assert_eq!(done.json(), json!({ "publication": "2026-02-01T00:00:00Z", "extensions": 150 }), "{}", done.text);
        assert_eq!(doors.post("/admin/utilities/whois/servers", &[]).await.status, 303);
        // The new list has no `.test`.
        let answer = company.asked("taken.test", Freshness::Kept).await;
        assert!(answer.state == State::Unknown && answer.why.contains("no RDAP server is known"), "{answer:?}");
    }

    async fn staff_look_names_up_and_read_the_log(company: Company) {
        let doors = company.doors().await;
        let page = doors.post("/admin/utilities/whois", &[("names", "taken.test, free.test\nFREE.test busy.test")]).await;
        assert_eq!(page.status, 200, "{}", page.text);
        for words in ["Registered", "Available", "Could not find out", "asked too often"] {
            assert!(page.text.contains(words), "{words}: {}", page.text);
        }
        assert_eq!(company.registries.rdap.requests().len(), 3, "the same name once");
        let wrong = doors.post("/admin/utilities/whois", &[("names", "free.test not_a_name.test")]).await;
        assert!(wrong.status == 422 && wrong.text.contains("not_a_name.test"), "{}", wrong.text);
        let many: Vec<String> = (0..51).map(|number| format!("n{number}.test")).collect();
        let many = doors.post("/admin/utilities/whois", &[("names", &many.join(" "))]).await;
        assert!(many.status == 422 && many.text.contains("at most 50"), "{}", many.text);
        let log = doors.page("/admin/logs/whois?state=unknown").await;
        assert!(log.contains("busy.test") && !log.contains("free.test"), "{log}");
        assert!(doors.page("/admin/logs/whois?format=csv&q=tak").await.contains("taken.test,registered,rdap,ada"));
    }

    async fn programs_look_names_up(company: Company) {
        let doors = company.doors().await;
        let body = json!({ "names": ["taken.test", "bücher.test"] });
        let found = doors.api("POST", "/domains/lookup", body).await.json();
        assert_eq!((&found["answers"][0]["state"], &found["answers"][1]["name"]), (&json!("registered"), &json!("xn--bcher-kva.test")));
        assert_eq!((&found["answers"][1]["state"], &found["answers"][1]["shown"]), (&json!("available"), &json!("bücher.test")));
        let wrong = doors.api("POST", "/domains/lookup", json!({ "names": ["taken.test", "-"] })).await;
        assert!(wrong.status == 422 && wrong.text.contains("names[1]"), "{}", wrong.text);
        let log = doors.api("GET", "/domains/lookup-log?state=available", Value::Null).await.json();
        assert_eq!(log["total"], 1, "{log}");
        for (text, result, field, says) in [
            ("taken.test", "success", "status", "unavailable"),
            ("free.test", "success", "status", "available"),
            ("busy.test", "error", "message", "Could not find out: "),
            ("not a name", "error", "message", "Domain not valid"),
            ("free.nowhere", "error", "message", ""),
        ] {
            let answer = doors.compat("DomainWhois", &[("domain", text)]).await;
            assert_eq!(answer["result"], result, "{text}: {answer}");
            assert!(answer[field].as_str().unwrap().starts_with(says), "{text}: {answer}");
        }
    }
}
