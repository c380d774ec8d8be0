use std::sync::Arc;

use kernel::{Cycle, Timestamp};
use platform::jobs;
use platform::runs::{Run, RunState};
use testkit::Engine;

use super::*;
use crate::pay_methods::{self, MakeDefault};
use crate::testing::{Company, Scripted};

async fn open(engine: Engine) -> Company {
    Company::with_gateways(engine, vec![Arc::<Scripted>::default()]).await
}

/// The calendar is looked at, and what it asks for is done, as often as there is something; how many runs were new.
async fn at(company: &Company, instant: &str) -> u32 {
    company.app.clock.set(Timestamp::parse(instant).unwrap());
    let mut new = 0;
    loop {
        let asked = tick(&company.app).await.unwrap();
        jobs::drain(&company.app).await.unwrap();
        if asked == 0 {
            return new;
        }
        new += asked;
    }
}

async fn runs(company: &Company) -> Vec<Run> {
    runs::latest(&mut company.app.db.read().await.unwrap(), "", 50).await.unwrap()
}

/// The days of the runs of a task, the latest first.
async fn days(company: &Company, task: &str) -> Vec<String> {
    let all = runs(company).await;
    assert!(all.iter().all(|run| run.state == RunState::Finished));
    all.iter().filter(|run| run.task == task).map(|run| run.business_date.to_string()).collect()
}

testkit::both_engines! {
    with = open;

    // The server was off for three days.
    async fn missed_days_are_made_up_for_by_the_next_run(company: Company) {
        company.set(&settings::LEAD_DAYS, "0").await;
        let client = company.client("ada@example.com").await;
        pay_methods::add(&company.app, &company.by, client.id, "sandbox", "ok", "", MakeDefault::Yes).await.unwrap();
        for (owner, due) in [(1, "2026-01-15"), (2, "2026-01-16"), (3, "2026-01-17"), (4, "2026-01-18"), (5, "2026-01-20")] {
            company.charge(&client, owner, "10.00", Cycle::Monthly, due, "sandbox").await;
        }
        assert_eq!(at(&company, "2026-01-15T10:00:00Z").await, 2, "generation, then captures");
        assert_eq!((company.count("invoices").await, company.count("payment_attempts").await), (1, 1));
        // Off on the 16th and the 17th, and until the evening of the 18th.
        assert_eq!(at(&company, "2026-01-18T22:00:00Z").await, 2);
        assert_eq!((company.count("invoices").await, company.count("payment_attempts").await), (4, 4));
        assert_eq!(company.count("invoices WHERE status = 'paid'").await, 4);
        assert_eq!(days(&company, generation::jobs::TASK).await, ["2026-01-18", "2026-01-15"], "one run for all that was missed");
        assert_eq!(days(&company, captures::jobs::TASK).await, ["2026-01-18", "2026-01-15"]);
        for later in ["2026-01-18T22:00:15Z", "2026-01-18T23:59:59Z"] {
            assert_eq!(at(&company, later).await, 0, "{later}");
        }
        assert_eq!(company.count("invoices").await, 4);
        company.is_sound().await;
    }

    async fn cards_are_charged_once_the_invoices_of_the_day_are_there(company: Company) {
        company.app.clock.set(Timestamp::parse("2026-01-15T10:00:00Z").unwrap());
        assert_eq!(tick(&company.app).await.unwrap(), 1);
        assert_eq!(tick(&company.app).await.unwrap(), 0, "the generation has not finished");
        jobs::drain(&company.app).await.unwrap();
        assert_eq!(tick(&company.app).await.unwrap(), 1);
        assert_eq!(tick(&company.app).await.unwrap(), 0);
        company.is_sound().await;
    }

    async fn the_day_begins_at_the_hour_of_the_business(company: Company) {
        company.set(&settings::TIME_ZONE, "America/New_York").await;
        assert_eq!(at(&company, "2026-01-15T13:59:59Z").await, 0, "08:59 in New York");
        assert_eq!(at(&company, "2026-01-15T14:00:00Z").await, 2, "09:00 there");
        assert_eq!(at(&company, "2026-01-16T04:59:00Z").await, 0, "still the 15th there");
        assert_eq!(at(&company, "2026-01-16T14:00:00Z").await, 2);
        assert_eq!(days(&company, generation::jobs::TASK).await, ["2026-01-16", "2026-01-15"]);
        company.is_sound().await;
    }

    async fn a_day_may_begin_before_that_of_the_server(company: Company) {
        company.set(&settings::TIME_ZONE, "Pacific/Auckland").await;
        company.set(&settings::AUTOMATION_HOUR, "0").await;
        assert_eq!(at(&company, "2026-01-15T10:59:59Z").await, 2, "the 15th has lasted since 11:00 of the 14th");
        assert_eq!(at(&company, "2026-01-15T11:00:00Z").await, 2, "midnight of the 16th");
        assert_eq!(days(&company, generation::jobs::TASK).await, ["2026-01-16", "2026-01-15"]);
        company.is_sound().await;
    }

    // On 29 March 2026 there is no 02:00 to 03:00 in Berlin.
    async fn an_hour_that_the_clock_leaves_out_is_not_missed(company: Company) {
        company.set(&settings::TIME_ZONE, "Europe/Berlin").await;
        company.set(&settings::AUTOMATION_HOUR, "2").await;
        assert_eq!(at(&company, "2026-03-28T01:00:00Z").await, 2, "02:00 of the 28th");
        assert_eq!(at(&company, "2026-03-29T00:59:59Z").await, 0, "01:59:59");
        assert_eq!(at(&company, "2026-03-29T01:00:00Z").await, 2, "03:00 at once");
        assert_eq!(at(&company, "2026-03-29T23:59:59Z").await, 0, "01:59:59 of the 30th");
        assert_eq!(at(&company, "2026-03-30T00:00:00Z").await, 2, "02:00 in summer is an hour earlier");
        assert_eq!(days(&company, generation::jobs::TASK).await, ["2026-03-30", "2026-03-29", "2026-03-28"]);
        company.is_sound().await;
    }

    // On 25 October 2026 02:00 to 03:00 comes twice.
    async fn an_hour_that_comes_twice_is_one_day(company: Company) {
        company.set(&settings::TIME_ZONE, "Europe/Berlin").await;
        company.set(&settings::AUTOMATION_HOUR, "2").await;
        assert_eq!(at(&company, "2026-10-24T23:59:59Z").await, 0, "01:59:59");
        assert_eq!(at(&company, "2026-10-25T00:00:00Z").await, 2, "02:00 in summer");
        for again in ["2026-10-25T00:59:59Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z"] {
            assert_eq!(at(&company, again).await, 0, "{again}");
        }
        assert_eq!(days(&company, generation::jobs::TASK).await, ["2026-10-25"]);
        company.is_sound().await;
    }
}
