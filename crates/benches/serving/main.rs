//! Pages, the JSON API, pages while a batch runs, start, memory and size: see `docs/benchmarks.md`.
//!
//! `INNKEEPER_BENCH_INVOICES` is the size of the books (default 100,000), `INNKEEPER_BENCH_ROUNDS` how often each page is
//! measured (3), `INNKEEPER_BENCH_ENGINE` limits it to `sqlite` or `postgres`, `INNKEEPER_BENCH_PARTS` to some of
//! `pages,batch,flood,start,size,bans`, `INNKEEPER_BENCH_ONLY` to the pages with that in their name, and `INNKEEPER_BENCH_DIST=1` builds the `dist` profile too, to measure its size.

#![allow(clippy::unwrap_used, reason = "a benchmark that fails has nothing to print")]

mod bans;
mod batch;
mod flood;
mod floor;
mod pages;
mod product;
mod size;
mod start;

use innkeeper_benches::machine;
use innkeeper_benches::w1::Place;

/// What was asked for.
pub struct Options {
    invoices: i64,
    rounds: usize,
    parts: Option<String>,
}

impl Options {
    fn wants(&self, part: &str) -> bool {
        self.parts.as_ref().is_none_or(|parts| parts.split(',').any(|wanted| wanted == part))
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // The floor is a process of its own, so that its processor time can be told from ours.
    if let [first, url] = arguments.as_slice()
        && first == floor::ARGUMENT
    {
        return floor::serve(url);
    }
    // `cargo test --all-targets` starts benches as well, without this.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let number = |variable: &str, otherwise: i64| {
        std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    };
    let options = Options {
        invoices: number("INNKEEPER_BENCH_INVOICES", 100_000).max(10_000),
        rounds: usize::try_from(number("INNKEEPER_BENCH_ROUNDS", 3)).unwrap_or(3).max(1),
        parts: std::env::var("INNKEEPER_BENCH_PARTS").ok(),
    };
    let engine = std::env::var("INNKEEPER_BENCH_ENGINE").unwrap_or_default();
    println!("Pages, APIs, start, memory and size");
    println!("{}", machine::description());
    if options.wants("bans") {
        bans::run();
    }
    product::build("release");
    testkit::run(async {
        if engine != "postgres" {
            on(&Place::sqlite(), &options).await;
        }
        if engine != "sqlite" {
            match Place::postgres().await {
                Ok(place) => on(&place, &options).await,
                Err(why) => println!("\nPostgreSQL is not measured: {why}"),
            }
        }
    });
    if options.wants("size") {
        size::print();
    }
}

async fn on(place: &Place, options: &Options) {
    if ["pages", "batch", "flood"].iter().any(|part| options.wants(part)) {
        let shop = product::Shop::make(place, options.invoices).await;
        if options.wants("pages") {
            pages::run(place, &shop, options);
        }
        if options.wants("batch") {
            batch::run(place, &shop);
        }
        if options.wants("flood") {
            flood::run(place, &shop);
        }
        shop.remove(place).await;
    }
    if options.wants("start") {
        start::run(place).await;
    }
}
