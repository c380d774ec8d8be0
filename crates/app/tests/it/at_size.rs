//! Pages, APIs and the daily candidates among some 10,000 of everything: how much they ask, and by which plans.

use platform::db::{Asked, Engine};
use testkit::plans::{Reading, scans};

use crate::support::{Session, Site};

/// What must not be read from end to end.
const LARGE: &[&str] = &[
    "activity_log",
    "allocations",
    "client_users",
    "clients",
    "credit_movements",
    "credit_note_lines",
    "credit_notes",
    "gateway_log",
    "invoice_lines",
    "invoices",
    "jobs",
    "mails",
    "orders",
    "payment_attempts",
    "recurring_charges",
    "search_words",
    "services",
    "task_runs",
    "transactions",
    "users",
    "webhook_events",
];

/// Indexes that hold nothing but what is looked for.
const PARTIAL: &[&str] = &["jobs_due", "jobs_failed", "jobs_leased", "payment_attempts_state"];

async fn fill(site: &Site) {
    let engine = site.app.db.engine();
    let token = if engine == Engine::Sqlite { "X'00'" } else { "'\\x00'" };
    let mut tx = site.app.db.write().await.unwrap();
    tx.batch(&include_str!("at_size.sql").replace("{token}", token)).await.unwrap();
    tx.commit().await.unwrap();
    if engine == Engine::Postgres {
        site.app.db.read().await.unwrap().batch("VACUUM ANALYZE").await.unwrap();
    }
}

fn engine(site: &Site) -> testkit::Engine {
    match site.app.db.engine() {
        Engine::Sqlite => testkit::Engine::Sqlite,
        Engine::Postgres => testkit::Engine::Postgres,
    }
}

/// What a page asks.
async fn asked(site: &Site, boss: &Session, path: &str) -> Vec<Asked> {
    site.app.db.counters().watch();
    let (status, body) = site.get(path, Some(boss)).await;
    let asked = site.app.db.counters().asked();
    assert_eq!(status, 200, "{path}: {}", body.len());
    asked
}

/// Fails with the plan of each statement that reads a large table as it must not.
async fn look_at_plans(site: &Site, what: &str, asked: &[Asked], may: Reading) {
    let mut conn = site.app.db.read().await.unwrap();
    for Asked { sql, params } in asked.iter().filter(|asked| is_query(&asked.sql)) {
        // A part of a list that is looked through is nearly the whole table here, and PostgreSQL knows that.
        if engine(site) == testkit::Engine::Postgres && sql.contains("AS MATERIALIZED") && sql.contains("LIMIT 20000") {
            continue;
        }
        let plan = conn.plan(sql, params).await.unwrap();
        let mut found = scans(engine(site), sql, &plan, LARGE, may);
        found.retain(|step| !PARTIAL.iter().any(|index| step.contains(index)));
        assert!(found.is_empty(), "{what}\n{sql}\n{params:?}\n{plan}");
    }
}

fn is_query(sql: &str) -> bool {
    ["SELECT", "UPDATE", "DELETE", "WITH"].iter().any(|word| sql.starts_with(word))
}

/// Lists without a filter, in every order and in every part.
const WHOLE: &[&str] = &[
    "/admin/invoices?sort=id",
    "/admin/invoices?sort=-number",
    "/admin/invoices?sort=-due_on",
    "/admin/invoices?sort=issued_on",
    "/admin/invoices?sort=-total",
    "/admin/clients?sort=-id",
    "/admin/clients?sort=name",
    "/admin/clients?sort=-company",
    "/admin/clients?sort=created",
    "/admin/users?sort=-id",
    "/admin/users?sort=name",
    "/admin/users?sort=email",
    "/admin/services?sort=-id",
    "/admin/services?sort=domain",
    "/admin/services?sort=-due",
    "/admin/orders?sort=-id",
    "/admin/orders?sort=ordered_on",
    "/admin/orders?sort=-amount",
    "/admin/transactions?sort=-date",
    "/admin/transactions?sort=id",
    "/admin/transactions?sort=amount",
    "/admin/logs/activity?sort=-at",
    "/admin/payments/gateway-log?sort=-at",
    "/admin/credit-notes?sort=-id",
    "/admin/payments/attempts?sort=-id",
    "/admin/payments/webhooks?sort=-id",
    "/admin/utilities/jobs?state=all",
    "/admin/utilities/automation?sort=-id",
];

const FILTERED: &[&str] = &[
    "/admin/invoices?status=unpaid",
    "/admin/invoices?status=paid",
    "/admin/invoices?status=overdue",
    "/admin/invoices?status=overdue&sort=due_on",
    "/admin/invoices?status=unpaid&sort=-total",
    "/admin/invoices?client=7",
    "/admin/invoices?client=7&sort=total",
    "/admin/invoices?gateway=mailin",
    "/admin/invoices?currency=EUR",
    "/admin/invoices?status=paid&gateway=mailin&currency=EUR&sort=total",
    "/admin/invoices?due_from=2004-01-01&due_to=2004-12-31",
    "/admin/invoices?due_from=2004-01-01&gateway=mailin",
    "/admin/invoices?status=paid&due_from=2004-01-01&sort=id",
    "/admin/invoices?issued_to=2000-06-01&sort=-issued_on",
    "/admin/invoices?total_from=5&total_to=6&sort=total",
    "/admin/invoices?q=N29999",
    "/admin/invoices?q=777",
    "/admin/invoices?q=N2999",
    "/admin/invoices?q=ada2999",
    "/admin/invoices?q=ada2999+lovelace",
    "/admin/invoices?q=lovelace",
    "/admin/invoices?q=ada2999&status=paid&sort=number",
    "/admin/clients?q=ada2999",
    "/admin/clients?q=lovelace&status=all",
    "/admin/clients?status=closed",
    "/admin/clients?q=77",
    "/admin/services?q=example77",
    "/admin/services?q=ada2999",
    "/admin/services?status=suspended&sort=due",
    "/admin/services?client=7&sort=domain",
    "/admin/services?product=7",
    "/admin/services?status=active&gateway=banktransfer",
    "/admin/orders?status=pending",
    "/admin/orders?q=ada2999",
    "/admin/orders?q=1000000777",
    "/admin/orders?client=7",
    "/admin/orders?from=2004-01-01&until=2004-12-31",
    "/admin/orders?at_least=5&at_most=6",
    "/admin/transactions?q=T777",
    "/admin/transactions?client=7",
    "/admin/transactions?invoice=7",
    "/admin/transactions?gateway=mailin",
    "/admin/transactions?kind=payment&from=2004-01-01&to=2004-12-31",
    "/admin/transactions?amount=7",
    "/admin/transactions?q=seldom",
    "/admin/logs/activity?q=seldom",
    "/admin/logs/activity?q=seldom&client=7",
    "/admin/logs/activity?client=7",
    "/admin/logs/activity?actor=sched",
    "/admin/logs/activity?ip=10.0.0.1",
    "/admin/payments/gateway-log?q=seldom",
    "/admin/payments/gateway-log?gateway=stripe&q=often",
    "/admin/payments/gateway-log?client=7",
    "/admin/payments/gateway-log?invoice=7",
    "/admin/utilities/jobs?kind=seldom",
    "/admin/utilities/jobs?state=failed",
    "/admin/utilities/jobs?state=ready&kind=mail.deliver",
    "/admin/utilities/automation?task=capture",
    "/admin/payments/attempts?state=open",
    "/admin/payments/attempts?client=7",
    "/admin/payments/webhooks?state=parked",
    "/admin/clients/7/credit",
];

testkit::both_engines! {
    async fn a_page_asks_at_most_eight_things_and_none_of_a_whole_table(site: Site) {
        fill(&site).await;
        let boss = site.boss().await;
        for list in WHOLE {
            for part in ["", "&page=last"] {
                let path = format!("{list}{part}");
                let asked = asked(&site, &boss, &path).await;
                assert!(asked.len() <= 8, "{path}: {asked:#?}");
                look_at_plans(&site, &path, &asked, Reading::Walking).await;
            }
        }
        for path in FILTERED {
            let asked = asked(&site, &boss, path).await;
            assert!(asked.len() <= 8, "{path}: {asked:#?}");
            // What no index finds is looked for along an index.
            let may = if asked.iter().any(|asked| asked.sql.contains("AS MATERIALIZED")) { Reading::Walking } else { Reading::Finding };
            look_at_plans(&site, path, &asked, may).await;
        }
        for path in ["/admin/invoices/15007", "/admin/invoices/29001", "/admin/invoices/30000", "/admin/clients/7"] {
            let asked = asked(&site, &boss, path).await;
            assert!(asked.len() <= 8, "{path}: {asked:#?}");
            look_at_plans(&site, path, &asked, Reading::Finding).await;
        }
    }

    async fn a_place_in_the_middle_is_as_near_as_the_beginning(site: Site) {
        fill(&site).await;
        let boss = site.boss().await;
        for path in [
            "/admin/invoices?sort=-id&after=15001", "/admin/invoices?sort=-id&before=15000",
            "/admin/invoices?sort=-due_on&after=2011-01-15~15000", "/admin/invoices?sort=-total&before=50000~14456",
            "/admin/invoices?sort=number&after=invoice~~14998~14998", "/admin/invoices?sort=issued_on&after=!~10000",
            "/admin/invoices?status=paid&sort=-id&after=15001", "/admin/invoices?gateway=mailin&sort=-total&after=50000~14456",
            "/admin/clients?sort=name&after=Lovelace~Ada15~1515", "/admin/services?sort=-due&after=2026-05-11~15000",
            "/admin/transactions?sort=-date&after=2011-02-01~15000", "/admin/orders?sort=-amount&before=50000~14456",
            "/admin/logs/activity?sort=-at&after=15000~15000", "/admin/payments/gateway-log?sort=-at&after=15000~15000",
            "/admin/utilities/jobs?state=all&sort=-id&after=15000",
        ] {
            site.app.db.counters().watch();
            let (status, body) = site.get(path, Some(&boss)).await;
            let asked = site.app.db.counters().asked();
            assert_eq!(status, 200, "{path}");
            assert!(body.contains("<p>50 of over 10,000") || body.contains("<p>50 "), "{path}");
            assert!(body.contains("Previous") && body.contains(">First<"), "{path}");
            assert!(asked.len() <= 8, "{path}: {asked:#?}");
            look_at_plans(&site, path, &asked, Reading::Walking).await;
            for Asked { sql, .. } in &asked {
                assert!(!sql.contains("OFFSET $"), "{path}: {sql}");
            }
        }
    }

    async fn an_api_goes_on_by_place_and_reaches_any_number_by_its_index(site: Site) {
        fill(&site).await;
        site.boss().await;
        let login = site.credential().await;
        let mut ids = Vec::new();
        let mut after = String::new();
        for _ in 0..3 {
            let (_, list) = site.api(&login, "GET", &format!("/invoices?status=paid&sort=id{after}"), &serde_json::Value::Null).await;
            assert_eq!((list["total"].as_i64(), list["total_is_exact"].as_bool()), (Some(10_000), Some(false)));
            ids.extend(list["items"].as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()));
            after = format!("&after={}", list["next"].as_str().unwrap());
        }
        let expected: Vec<i64> = (1..).filter(|id| id % 40 != 0 && id % 1000 != 0).take(150).collect();
        assert_eq!(ids, expected);
        let (_, deep) = site.api(&login, "GET", "/invoices?sort=id&page=500", &serde_json::Value::Null).await;
        assert_eq!(deep["items"][0]["id"], 24_951);
        site.app.db.counters().watch();
        let list = site.action(&login, "GetInvoices", &[("limitstart", "20000"), ("limitnum", "2")]).await;
        let asked = site.app.db.counters().asked();
        assert_eq!((&list["totalresults"], &list["invoices"]["invoice"][1]["id"]), (&30_000.into(), &20_002.into()));
        let part = asked.iter().find(|asked| asked.sql.contains("OFFSET")).unwrap();
        let plan = site.app.db.read().await.unwrap().plan(&part.sql, &part.params).await.unwrap();
        assert!(!plan.contains("Seq Scan") && !plan.contains("TEMP B-TREE") || plan.starts_with("CO-ROUTINE"), "{plan}");
    }

    async fn the_daily_batches_find_their_candidates_by_an_index(site: Site) {
        fill(&site).await;
        // The schedule begins at its hour: whoever runs this at night sees the same.
        let day = site.app.clock.now().date_in(&platform::jiff::tz::TimeZone::UTC);
        site.app.clock.set(kernel::Timestamp::parse(&format!("{day}T12:00:00Z")).unwrap());
        let now = site.app.clock.now();
        let mut conn = site.app.db.read().await.unwrap();
        let terms = billing::terms::Terms::load(&mut conn, now).await.unwrap();
        let by = accounts::activity_log::Actor::system("test");
        site.app.db.counters().watch();
        billing::captures::due(&mut conn, &site.app, &terms).await.unwrap();
        billing::generation::preview(&site.app.db, &by, &terms, &billing::generation::Scope::default(), 10).await.unwrap();
        billing::schedule::tick(&site.app).await.unwrap();
        platform::jobs::drain(&site.app).await.unwrap();
        let asked = site.app.db.counters().asked();
        assert!(asked.len() > 10, "{asked:#?}");
        look_at_plans(&site, "the daily batches", &asked, Reading::Finding).await;
    }
}
