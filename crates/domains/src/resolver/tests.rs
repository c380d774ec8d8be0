//! What is judged of names, against Knot DNS and Unbound; the doors.

use std::collections::BTreeMap;

use names::dns::{Answer, Failure, Found, Record};
use platform::params;
use serde_json::{Value, json};
use testkit::dns::{Authority, Signing, Zone};
use testkit::peers;

use super::judge::Signed;
use super::*;
use crate::testing::Company;

fn answer(found: Found) -> Answer {
    Answer { found, aliases: Vec::new(), authentic: false }
}

fn a(text: &str) -> Answer {
    answer(Found::Records(vec![Record::A(text.parse().unwrap())]))
}

#[test]
fn what_was_not_answered_is_unknown() {
    let ours = Ours { networks: networks("192.0.2.0/24").unwrap(), ..Ours::default() };
    let own = ["198.51.100.7".parse().unwrap()];
    let (none, gone, late) =
        (answer(Found::None), answer(Found::NoSuchName), answer(Found::Unknown(Failure::TimedOut)));
    for (one, other, sight) in [
        (&a("192.0.2.1"), &none, Sight::Ours),
        (&a("192.0.2.1"), &late, Sight::Ours),
        (&a("198.51.100.7"), &none, Sight::Ours),
        (&a("203.0.113.1"), &none, Sight::Elsewhere),
        (&a("203.0.113.1"), &late, Sight::Unknown),
        (&none, &none, Sight::Nowhere),
        (&none, &late, Sight::Unknown),
        (&gone, &gone, Sight::NoSuchName),
        (&late, &gone, Sight::Unknown),
    ] {
        assert_eq!(judge::addresses(one, other, &ours, &own), sight, "{one:?} {other:?}");
    }
    assert_eq!(judge::any(&[Sight::Elsewhere, Sight::Unknown]), Sight::Unknown);
    assert_eq!(judge::any(&[Sight::Elsewhere, Sight::Ours]), Sight::Ours);
    assert_eq!(judge::any(&[Sight::NoSuchName]), Sight::Nowhere);
}

#[test]
fn a_dot_in_front_stands_for_every_host_under_it() {
    let ours = Ours { mail_hosts: hosts("mx.host.example, .pool.example").unwrap(), ..Ours::default() };
    for (host, is) in [
        ("mx.host.example", true),
        ("MX.host.example.", true),
        ("a.pool.example", true),
        ("a.b.pool.example", true),
        ("pool.example", false),
        ("whirlpool.example", false),
        ("mx2.host.example", false),
    ] {
        assert_eq!(ours.is_mail_host(host), is, "{host}");
    }
    for text in ["mx", "a b!.example", "*.example"] {
        assert!(hosts(text).is_err(), "{text}");
    }
    assert_eq!(resolvers("192.0.2.53, [2001:db8::53]:5353").unwrap().len(), 2);
    for text in ["ns.example", "192.0.2.53:x", "192.0.2"] {
        assert!(resolvers(text).is_err(), "{text}");
    }
}

const OURS: &str = "\
@ A 192.0.2.1
@ MX 10 mail
mail A 192.0.2.25
away A 203.0.113.1
away MX 10 mx.elsewhere.test.
quiet TXT \"nothing else\"
null A 192.0.2.2
null MX 0 .
";

struct Dns {
    _authority: Authority,
    unbound: testkit::dns::Resolver,
}

impl Dns {
    fn start() -> Option<Dns> {
        let elsewhere = "@ A 203.0.113.2\nmx A 203.0.113.25\n";
        let zones = [
            Zone { name: "ours.test", signing: Signing::Unsigned, records: OURS },
            Zone { name: "elsewhere.test", signing: Signing::Unsigned, records: elsewhere },
            Zone { name: "bogus.test", signing: Signing::Bogus, records: "@ A 192.0.2.3\n" },
        ];
        let authority = peers::require(Authority::start(&zones))?;
        let unbound = peers::require(testkit::dns::Resolver::start(Some((&authority, &["dead.test"])), ""))?;
        Some(Dns { _authority: authority, unbound })
    }
}

impl Company {
    async fn with_dns(&self, dns: &Dns) {
        let mut tx = self.app.db.write().await.unwrap();
        for (key, value) in [
            ("our_networks", "192.0.2.0/24"),
            ("our_name_servers", "ns1.ours.test"),
            ("dns_resolvers", &dns.unbound.address().to_string()),
            ("dns_timeout_ms", "3000"),
            ("dns_retries", "1"),
        ] {
            let sql = "INSERT INTO settings (key, value, updated_at) VALUES ($1, $2, 0)";
            tx.execute(sql, params![key, value]).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    async fn resolved(&self, scope: &Scope) -> (i64, BTreeMap<String, Row>) {
        let mut tx = self.app.db.write().await.unwrap();
        let key = format!("test:{}", self.app.random.token());
        let (id, _) = jobs::request(&mut tx, &self.app, key, &self.by, scope).await.unwrap();
        tx.commit().await.unwrap();
        platform::jobs::drain(&self.app).await.unwrap();
        (id, self.rows_of(id).await)
    }

    async fn rows_of(&self, run: i64) -> BTreeMap<String, Row> {
        let sql = format!("SELECT {} FROM resolved_names WHERE run_id = $1", Row::columns(""));
        let rows: Vec<Row> = self.app.db.read().await.unwrap().all(&sql, params![run]).await.unwrap();
        rows.into_iter().map(|row| (row.name.clone(), row)).collect()
    }
}

fn names_of(all: &[&str]) -> Scope {
    Scope::Names(all.iter().map(|name| DomainName::parse(name).unwrap()).collect())
}

testkit::both_engines! {
    async fn each_name_is_judged_by_what_dns_says(company: Company) {
        let Some(dns) = Dns::start() else { return };
        company.with_dns(&dns).await;
        let all = ["ours.test", "away.ours.test", "quiet.ours.test", "null.ours.test", "gone.ours.test", "elsewhere.test", "bogus.test", "dead.test"];
        let (run, rows) = company.resolved(&names_of(&all)).await;
        assert_eq!(rows.len(), all.len());
        for (name, points, mail) in [
            ("ours.test", Sight::Ours, Sight::Ours),
            ("away.ours.test", Sight::Elsewhere, Sight::Elsewhere),
            ("quiet.ours.test", Sight::Nowhere, Sight::Nowhere),
            ("null.ours.test", Sight::Ours, Sight::Nowhere),
            ("gone.ours.test", Sight::NoSuchName, Sight::NoSuchName),
            ("elsewhere.test", Sight::Elsewhere, Sight::Elsewhere),
            ("dead.test", Sight::Unknown, Sight::Unknown),
        ] {
            assert_eq!((rows[name].points, rows[name].mail), (points, mail), "{name}: {}", rows[name].answers);
        }
        assert_eq!((rows["ours.test"].servers, rows["elsewhere.test"].servers), (Sight::Ours, Sight::Elsewhere));
        // This Unbound knows no root, so it is not believed to validate.
        assert_eq!((rows["bogus.test"].points, rows["bogus.test"].dnssec), (Sight::Unknown, Signed::Unknown));
        let run = platform::runs::find(&mut company.app.db.read().await.unwrap(), run).await.unwrap();
        let summary: Value = serde_json::from_str(&run.summary).unwrap();
        assert_eq!((&summary["names"], &summary["ours"], &summary["no_such_name"]), (&json!(8), &json!(2), &json!(1)), "{summary}");
    }

    async fn a_run_that_was_interrupted_goes_on_where_it_was(company: Company) {
        let Some(dns) = Dns::start() else { return };
        company.with_dns(&dns).await;
        let scope = names_of(&["ours.test", "elsewhere.test"]);
        let (id, _) = company.resolved(&scope).await;
        let mut tx = company.app.db.write().await.unwrap();
        tx.execute("DELETE FROM resolved_names WHERE name = 'ours.test'", params![]).await.unwrap();
        tx.execute("UPDATE resolved_names SET answers = '\"kept\"'", params![]).await.unwrap();
        tx.commit().await.unwrap();
        let outcome = run(&company.app, id, &scope, &Progress::default()).await.unwrap();
        assert_eq!(outcome.names, 2);
        let rows = company.rows_of(id).await;
        assert_eq!((rows["elsewhere.test"].answers.as_str(), rows["ours.test"].points), ("\"kept\"", Sight::Ours));
    }

    async fn staff_ask_and_programs_ask(company: Company) {
        let Some(dns) = Dns::start() else { return };
        let doors = company.doors().await;
        assert!(doors.page("/admin/utilities/resolver").await.contains("What is yours is not set"));
        company.with_dns(&dns).await;
        let key = "k".repeat(40);
        let wrong = doors.post("/admin/utilities/resolver", &[("of", "names"), ("names", "ours.test no_name"), ("key", &key)]).await;
        assert!(wrong.status == 422 && wrong.text.contains("no_name") && wrong.text.contains(&key), "{}", wrong.text);
        let names = "ours.test, elsewhere.test gone.ours.test";
        for _ in 0..2 {
            assert_eq!(doors.post("/admin/utilities/resolver", &[("of", "names"), ("names", names), ("key", &key)]).await.status, 303);
        }
        platform::jobs::drain(&company.app).await.unwrap();
        let mut conn = company.app.db.read().await.unwrap();
        let runs: Vec<i64> = conn.column("SELECT id FROM task_runs", params![]).await.unwrap();
        drop(conn);
        assert_eq!(runs.len(), 1, "the same click twice is one run");
        let path = format!("/admin/utilities/resolver/{}", runs[0]);
        let all = doors.page(&path).await;
        assert!(all.contains("elsewhere.test") && all.contains("192.0.2.1") && all.contains("No such name"), "{all}");
        let left = doors.page(&format!("{path}?points=elsewhere")).await;
        assert!(left.contains("elsewhere.test") && !left.contains("gone.ours.test"), "{left}");
        assert!(doors.page(&format!("{path}?format=csv")).await.contains("elsewhere.test,elsewhere,"));
        assert!(doors.page(&format!("{path}/progress.json")).await.contains("\"finished\""));
        let started = doors.api("POST", "/system/domain-resolver", json!({ "names": ["ours.test"] })).await;
        assert_eq!(started.status, 202, "{}", started.text);
        platform::jobs::drain(&company.app).await.unwrap();
        let found = doors.api("GET", &format!("/system/domain-resolver/{}", started.json()["run"]), Value::Null).await.json();
        assert_eq!((&found["state"], &found["names"], &found["items"][0]["points"]), (&json!("finished"), &json!(1), &json!("ours")), "{found}");
        assert_eq!(found["items"][0]["answers"]["MX"]["records"], json!(["10 mail.ours.test"]));
        for body in [json!({}), json!({ "names": ["-"] }), json!({ "names": ["a.test"], "all_services": true })] {
            assert_eq!(doors.api("POST", "/system/domain-resolver", body.clone()).await.status, 422, "{body}");
        }
    }

    async fn a_run_that_cannot_ask_says_why(company: Company) {
        let mut tx = company.app.db.write().await.unwrap();
        let sql = "INSERT INTO settings (key, value, updated_at) VALUES ('dns_resolvers', 'nobody', 0)";
        tx.execute(sql, params![]).await.unwrap();
        tx.commit().await.unwrap();
        let (run, rows) = company.resolved(&names_of(&["ours.test"])).await;
        assert!(rows.is_empty());
        let doors = company.doors().await;
        let page = doors.page(&format!("/admin/utilities/resolver/{run}")).await;
        assert!(page.contains("is not an address of a resolver"), "{page}");
    }
}
