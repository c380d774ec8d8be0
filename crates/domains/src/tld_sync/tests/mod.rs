//! TLD sync: what a list makes of prices, the daily run, the doors.

mod doors;
mod prices;

use platform::params;

use super::proposal::{Daily, MarginKind, Options, Row, Verdict};
use super::*;
use crate::registrars::Configure;
use crate::testing::{Company, eur, money, usd};
use crate::tlds::Ending;
use crate::tlds::prices::{LateFee, Operation, Price};

impl Company {
    /// A registrar whose price list has these lines: see `registrars::tests`.
    async fn selling(&self, lines: &str) -> SetUp {
        let values = [("login", "ada"), ("password", "sesame"), ("prices", lines)];
        let values = values.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let new = Configure { title: Some("Whole Sale".to_owned()), active: Some(true), values };
        let mut tx = self.app.db.write().await.unwrap();
        let known = registrars::by_name(&mut tx, "whole-sale").await.unwrap();
        let made = match known {
            Some(known) => {
                registrars::configure(&mut tx, &self.app, &self.by, known.id, new, self.now()).await.unwrap()
            }
            None => registrars::add(&mut tx, &self.app, &self.by, "echo", None, new, self.now()).await.unwrap(),
        };
        tx.commit().await.unwrap();
        made
    }

    async fn rows(&self, list: &List, options: &Options) -> Vec<Row> {
        rows(&mut self.app.db.read().await.unwrap(), list, options).await.unwrap()
    }

    async fn import(&self, list: &List, options: &Options, names: &[&str]) -> Result<Imported> {
        let chosen = Chosen::Extensions(names.iter().map(|name| (*name).to_owned()).collect());
        let mut tx = self.app.db.write().await?;
        let done = import(&mut tx, &self.by, list, options, &chosen, self.now()).await?;
        tx.commit().await?;
        Ok(done)
    }

    /// Does what is queued, as a worker would; the newest run.
    async fn perform(&self) -> i64 {
        let mut conn = self.app.db.read().await.unwrap();
        let run: i64 = conn.scalar("SELECT MAX(id) FROM task_runs", params![]).await.unwrap();
        drop(conn);
        platform::jobs::drain(&self.app).await.unwrap();
        run
    }
}

testkit::both_engines! {
    async fn what_is_fetched_changes_nothing_until_it_is_imported(company: Company) {
        company.selling("com USD 10.00 11.00 9.00 30 80\nnet USD 12.50 12.50 12.50").await;
        let list = fetch(&company.app, "whole-sale").await.unwrap();
        let options = Options::default();
        let rows = company.rows(&list, &options).await;
        assert!(rows.iter().all(|row| row.verdict == Verdict::New));
        assert_eq!(tlds::all(&mut company.app.db.read().await.unwrap(), &Filter::default()).await.unwrap(), []);
        let both = company.import(&list, &options, &["com", "net"]).await.unwrap();
        assert_eq!(both, Imported { added: 2, ..Imported::default() });
        let again = company.import(&list, &options, &["com", "net"]).await.unwrap();
        assert_eq!(again, Imported { unchanged: 2, ..Imported::default() }, "twice is once");
        assert!(company.rows(&list, &options).await.iter().all(|row| row.verdict == Verdict::Same));
        let mut conn = company.app.db.read().await.unwrap();
        let com = tlds::all(&mut conn, &Filter::default()).await.unwrap().remove(0);
        assert_eq!((com.registrar.as_str(), com.redemption_days), ("whole-sale", 30));
        let of = tlds::priced(&mut conn, com).await.unwrap();
        assert_eq!(of.prices.of(None, usd(), Operation::Register, 1), Some(money("12.99")), "10.00 and 20 %, to .99");
        assert_eq!(of.prices.of(None, usd(), Operation::Register, 10), Some(money("120.99")));
        assert_eq!(of.prices.of(None, usd(), Operation::Renew, 10), None, "no renewal is for ten years");
        assert_eq!(of.prices.of(None, eur(), Operation::Register, 1).unwrap().decimal(), "10.99", "10.80 at 0.9");
        assert_eq!(of.fees.of(LateFee::Redemption, usd()), Some(money("96.99")));
        assert_eq!(of.fees.of(LateFee::Grace, usd()), None, "the registrar says nothing of it");
    }

    async fn prices_of_client_groups_stay(company: Company) {
        let group = company.group("Resellers").await;
        let com = company.com().await;
        let own = Price { group_id: Some(group), operation: Operation::Register, years: 1, amount: money("9.00") };
        let mut tx = company.app.db.write().await.unwrap();
        let edit = TldEdit { prices: Some(com.prices.with(|_| false, vec![own])), ..TldEdit::default() };
        tlds::update(&mut tx, &company.by, com.tld.id, &edit, company.now()).await.unwrap();
        tx.commit().await.unwrap();
        company.selling("com USD 10.00 11.00 9.00").await;
        let list = fetch(&company.app, "whole-sale").await.unwrap();
        company.import(&list, &Options::default(), &["com"]).await.unwrap();
        let mut conn = company.app.db.read().await.unwrap();
        let tld = tlds::find(&mut conn, com.tld.id).await.unwrap();
        let of = tlds::priced(&mut conn, tld).await.unwrap().prices;
        assert_eq!(of.of(Some(group), usd(), Operation::Register, 1), Some(money("9.00")));
        assert_eq!(of.of(None, usd(), Operation::Register, 1), Some(money("12.99")));
    }

    async fn what_is_strange_is_held_or_refused(company: Company) {
        company.com().await;
        company.selling("com USD 30.00 11.00 9.00\nodd XAU 1.00 1.00 1.00\nnil USD 0 1 1\ntxt USD ten 1 1\nneg USD -1 1 1\ntwo USD 1 1 1\ntwo USD 2 2 2").await;
        let list = fetch(&company.app, "whole-sale").await.unwrap();
        let options = Options::default();
        let rows = company.rows(&list, &options).await;
        let verdict = |name: &str| rows.iter().find(|row| row.extension.as_str() == name).unwrap().verdict.clone();
        let Verdict::Held(why) = verdict("com") else { panic!("{:?}", verdict("com")) };
        assert!(why[0].contains("registration for 1 y: 12.00 USD becomes 36.99 USD (+208.3 %)"), "{why:?}");
        for (name, says) in [("odd", "XAU"), ("nil", "nought"), ("txt", "“ten”"), ("neg", "“-1”"), ("two", "more than once")] {
            let Verdict::Wrong(why) = verdict(name) else { panic!("{name}: {:?}", verdict(name)) };
            assert!(why.join(" ").contains(says), "{name}: {why:?}");
            assert!(matches!(company.import(&list, &options, &[name]).await, Err(Error::Invalid(_))));
        }
        assert!(matches!(company.import(&list, &options, &["com", "odd"]).await, Err(Error::Invalid(_))), "all or nothing");
        let mut tx = company.app.db.write().await.unwrap();
        let limits = import(&mut tx, &company.by, &list, &options, &Chosen::WithinLimits, company.now()).await.unwrap();
        assert_eq!(limits, Imported::default(), "nothing is within the limits");
        tx.rollback().await.unwrap();
        assert_eq!(company.import(&list, &options, &["com"]).await.unwrap().changed, 1, "somebody chose it");
    }

    async fn a_registrar_that_does_not_answer_is_an_error_that_is_in_the_log(company: Company) {
        company.selling("down").await;
        let refused = fetch(&company.app, "whole-sale").await.unwrap_err();
        assert_eq!(refused.to_string(), "Whole Sale: Not reached: connection refused");
        assert!(matches!(fetch(&company.app, "off").await, Err(Error::Invalid(_))), "what is off is not asked");
        let mut conn = company.app.db.read().await.unwrap();
        let logged: Vec<String> = conn.column("SELECT detail FROM registrar_log", params![]).await.unwrap();
        assert_eq!(logged, ["Not reached: connection refused"]);
        assert_eq!(latest(&mut conn).await.unwrap(), []);
    }

    async fn once_a_day_what_is_sold_follows_its_cost_within_the_limit(company: Company) {
        company.selling("com USD 10.00 11.00 9.00\nnet USD 10.00 11.00 9.00").await;
        let list = fetch(&company.app, "whole-sale").await.unwrap();
        company.import(&list, &Options::default(), &["com"]).await.unwrap();
        jobs::tick(&company.app).await.unwrap();
        let count = async || {
            let mut conn = company.app.db.read().await.unwrap();
            conn.scalar::<i64>("SELECT COUNT(*) FROM task_runs", params![]).await.unwrap()
        };
        assert_eq!(count().await, 0, "nobody asked for it");
        let daily = Options { daily: Daily::Apply, ..Options::default() };
        let mut tx = company.app.db.write().await.unwrap();
        set_options(&mut tx, &company.by, "whole-sale", &daily, company.now()).await.unwrap();
        tx.commit().await.unwrap();
        company.selling("com USD 11.00 11.00 9.00\nnet USD 10.00 11.00 9.00").await;
        jobs::tick(&company.app).await.unwrap();
        jobs::tick(&company.app).await.unwrap();
        assert_eq!(count().await, 1, "once a day");
        let run = company.perform().await;
        let run = platform::runs::find(&mut company.app.db.read().await.unwrap(), run).await.unwrap();
        let summary: serde_json::Value = serde_json::from_str(&run.summary).unwrap();
        assert_eq!((&summary["imported"], &summary["new"]), (&serde_json::json!(1), &serde_json::json!(1)), "{summary}");
        let mut conn = company.app.db.read().await.unwrap();
        let all = tlds::all(&mut conn, &Filter::default()).await.unwrap();
        assert_eq!(all.len(), 1, "what is new waits for somebody");
        let of = tlds::priced(&mut conn, all[0].clone()).await.unwrap().prices;
        assert_eq!(of.of(None, usd(), Operation::Register, 1), Some(money("13.99")), "13.20, to .99");
    }

    async fn fifteen_hundred_extensions_are_imported_in_one_transaction(company: Company) {
        let lines: Vec<String> = (0..1500).map(|number| format!("tld{number} USD {}.00 11.00 9.00 30 80", number % 90 + 1)).collect();
        company.selling_many(&lines).await;
        let list = store_list(&company, &lines).await;
        let options = Options::default();
        let names: Vec<String> = (0..1500).map(|number| format!("tld{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(company.import(&list, &options, &names).await.unwrap().added, 1500);
        assert_eq!(company.import(&list, &options, &names).await.unwrap().unchanged, 1500);
    }
}

impl Company {
    /// The configuration of a registrar does not hold so many lines: this one has a short list.
    async fn selling_many(&self, lines: &[String]) {
        self.selling(&lines[0]).await;
    }
}

async fn store_list(company: &Company, lines: &[String]) -> List {
    let costs: Vec<Cost> = lines.iter().map(|line| crate::registrars::tests::cost(line)).collect();
    let mut tx = company.app.db.write().await.unwrap();
    let list = store::insert(&mut tx, "whole-sale", &costs, company.now()).await.unwrap();
    tx.commit().await.unwrap();
    list
}
