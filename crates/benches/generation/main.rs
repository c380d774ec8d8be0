//! Generate Due Invoices against two floors on both engines: see `docs/benchmarks.md`.
//!
//! `INNKEEPER_BENCH_SERVICES` is the size of the large run, `INNKEEPER_BENCH_ROUNDS` how often the small one is repeated,
//! `INNKEEPER_BENCH_ENGINE` limits it to `sqlite` or `postgres`.

#![allow(clippy::unwrap_used, reason = "a benchmark that fails has nothing to print")]

mod looped;
mod set;

use std::sync::atomic::Ordering;

use accounts::activity_log::Actor;
use billing::generation::{self, Detail, Mode, Scope};
use billing::terms::Terms;
use innkeeper_benches::cost::{self, Cost};
use innkeeper_benches::machine;
use innkeeper_benches::w1::{self, Copy, Place, W1, Written};
use platform::runs::Progress;

/// 10,000 of them are due.
const SMALL: i64 = 50_000;

fn main() {
    // `cargo test --all-targets` starts benches as well, without this.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let large = number("INNKEEPER_BENCH_SERVICES", 250_000).max(SMALL);
    let rounds = number("INNKEEPER_BENCH_ROUNDS", 3).max(1);
    let engine = std::env::var("INNKEEPER_BENCH_ENGINE").unwrap_or_default();
    println!("Generate Due Invoices: CPU and wall time per invoice, and ratios");
    println!("{}", machine::description());
    testkit::run(async {
        if engine != "postgres" {
            both_sizes(&Place::sqlite(), large, rounds).await;
        }
        if engine != "sqlite" {
            match Place::postgres().await {
                Ok(place) => both_sizes(&place, large, rounds).await,
                Err(why) => println!("\nPostgreSQL is not measured: {why}"),
            }
        }
    });
}

fn number(variable: &str, otherwise: i64) -> i64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// What is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Set,
    Loop,
    Product,
    /// SQLite with `synchronous = NORMAL`, which may lose the last commits in a power cut.
    ProductNormal,
}

#[derive(Debug, Clone, Copy)]
struct Done {
    cost: Cost,
    statements: u64,
    commits: u64,
    memory: f64,
}

async fn both_sizes(place: &Place, large: i64, rounds: i64) {
    let small = run_size(place, SMALL, rounds).await;
    let big = run_size(place, large, 1).await;
    println!("\n{}, {} against {} due services:", place.name(), large / 5, SMALL / 5);
    for (what, small, big) in [("set", small.set, big.set), ("loop", small.looped, big.looped)] {
        println!("  {what:<8} {:>5.2} × the CPU per invoice", ratio(big, small));
    }
    println!("  {:<8} {:>5.2} × the CPU per invoice (goal: 1.3)", "product", ratio(big.product, small.product));
}

/// Per invoice.
struct Result {
    set: Cost,
    looped: Cost,
    product: Cost,
}

async fn run_size(place: &Place, services: i64, rounds: i64) -> Result {
    let data = place.make(services).await;
    let mut everyone = vec![Who::Set, Who::Loop, Who::Product];
    if matches!(place, Place::Sqlite(_)) {
        everyone.push(Who::ProductNormal);
    }
    let mut expected: Option<Written> = None;
    let mut done: Vec<(Who, Done)> = Vec::new();
    for _ in 0..rounds {
        for who in &everyone {
            let (one, written) = run_once(place, &data, *who).await;
            let expected = expected.get_or_insert_with(|| written.clone());
            assert_eq!(&written, expected, "{who:?} wrote other rows");
            done.push((*who, one));
        }
    }
    let invoices = expected.unwrap().invoices();
    println!(
        "\n{}, {services} services, {} due, {invoices} invoices, {rounds} round(s), medians:",
        place.name(),
        services / 5
    );
    println!("             CPU µs    wall µs   per invoice");
    let per_invoice = |who: Who| {
        let costs = done.iter().filter(|(of, _)| *of == who).map(|(_, done)| done.cost).collect();
        let cost = cost::median(costs);
        let divided = |time: std::time::Duration| time.div_f64(invoices as f64);
        let cost = Cost { cpu: divided(cost.cpu), wall: divided(cost.wall) };
        println!("  {:<8} {:>9.1}  {:>9.1}", name(who), micros(cost.cpu), micros(cost.wall));
        cost
    };
    let (set, looped, product) = (per_invoice(Who::Set), per_invoice(Who::Loop), per_invoice(Who::Product));
    let normal = everyone.contains(&Who::ProductNormal).then(|| per_invoice(Who::ProductNormal));
    println!(
        "  product ÷ loop  {:>5.2} CPU {:>5.2} wall (goal: 3 CPU, target 2)",
        ratio(product, looped),
        wall(product, looped)
    );
    println!("  product ÷ set   {:>5.2} CPU {:>5.2} wall", ratio(product, set), wall(product, set));
    if let Some(normal) = normal {
        println!(
            "  FULL ÷ NORMAL   {:>5.2} CPU {:>5.2} wall (goal: 1.5)",
            ratio(product, normal),
            wall(product, normal)
        );
    }
    let one = done.iter().rfind(|(who, _)| *who == Who::Product).unwrap().1;
    println!(
        "  product: {:.2} statements per invoice (goal: 5), {:.2} commits per 100 invoices (goal: 1), peak memory {:.0} MiB (goal: 150)",
        one.statements as f64 / invoices as f64,
        100.0 * one.commits as f64 / invoices as f64,
        one.memory
    );
    place.drop_data(data).await;
    Result { set, looped, product }
}

async fn run_once(place: &Place, data: &W1, who: Who) -> (Done, Written) {
    let copy = place.copy(data).await;
    let done = match who {
        Who::Set | Who::Loop => {
            let mut raw = place.raw(&copy).await;
            let running = place.meter().start();
            if who == Who::Set {
                set::run(&mut raw).await
            } else {
                looped::run(&mut raw).await
            }
            Done { cost: running.stop(), statements: 0, commits: 0, memory: 0.0 }
        }
        Who::Product | Who::ProductNormal => product(place, &copy, who).await,
    };
    let mut raw = place.raw(&copy).await;
    let written = Written::in_copy(&mut raw).await;
    drop(raw);
    place.drop_copy(copy).await;
    (done, written)
}

async fn product(place: &Place, copy: &Copy, who: Who) -> Done {
    let db = place.open(copy).await;
    if who == Who::ProductNormal {
        // SQLite changes it between transactions only; there is one connection that writes, and it keeps it.
        let mut tx = db.write().await.unwrap();
        tx.batch("COMMIT; PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE").await.unwrap();
        tx.commit().await.unwrap();
    }
    let mut conn = db.read().await.unwrap();
    let terms = Terms::load(&mut conn, w1::now()).await.unwrap();
    drop(conn);
    assert_eq!(terms.today, w1::today());
    let counters = db.counters();
    let count = || (counters.statements.load(Ordering::Relaxed), counters.commits.load(Ordering::Relaxed));
    let (statements, commits) = count();
    cost::forget_peak_memory();
    let running = place.meter().start();
    let report = generation::run(
        &db,
        &Actor::system("Benchmark"),
        &terms,
        &Scope::default(),
        Mode::Real,
        Detail::Counts,
        &Progress::default(),
    )
    .await
    .unwrap();
    let cost = running.stop();
    let memory = cost::peak_memory();
    assert_eq!(report.failures, []);
    Done { cost, statements: count().0 - statements, commits: count().1 - commits, memory }
}

fn name(who: Who) -> &'static str {
    match who {
        Who::Set => "set",
        Who::Loop => "loop",
        Who::Product => "product",
        Who::ProductNormal => "… NORMAL",
    }
}

fn micros(time: std::time::Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn ratio(one: Cost, other: Cost) -> f64 {
    one.cpu.as_secs_f64() / other.cpu.as_secs_f64()
}

fn wall(one: Cost, other: Cost) -> f64 {
    one.wall.as_secs_f64() / other.wall.as_secs_f64()
}
