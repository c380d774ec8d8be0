//! What a page costs, in two ways: as a server that is asked over the loopback interface, and in this process, by calls of
//! the router alone, where there is no HTTP on the wire to make both sides more alike.

use std::process::Command;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use innkeeper::cli::Common;
use innkeeper::instance::{self, Migrations};
use innkeeper::logging::LogFormat;
use innkeeper::wiring;
use innkeeper_benches::http::{Client, drive};
use innkeeper_benches::w1::{Place, now};
use innkeeper_benches::watch::Watched;
use platform::context::Extensions;
use testkit::process::Child;
use tower::ServiceExt;

use super::floor;
use super::product::Shop;
use crate::Options;

const CONNECTIONS: usize = 4;
/// How long one measurement takes at least, so that a clock's tick is nothing beside it.
const LEAST: Duration = Duration::from_millis(700);
const GOAL: f64 = 12.0;

/// What is asked for, again and again.
struct Page {
    name: &'static str,
    paths: Vec<String>,
    headers: String,
    floor: Floor,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Floor {
    Fifty,
    One,
}

#[derive(Clone, Copy)]
struct Cost {
    cpu: Duration,
    wall: Duration,
}

fn pages(shop: &Shop) -> Vec<Page> {
    let middle = shop.books.invoices / 2;
    let page = |name, paths, headers: &str, floor| Page { name, paths, headers: headers.to_owned(), floor };
    let staff = |name, paths| page(name, paths, &shop.session, Floor::Fifty);
    let list = |query: String| vec![format!("/admin/invoices{query}")];
    vec![
        staff("list, first page", list(String::new())),
        staff("list, middle page", list(format!("?after={middle}"))),
        staff("list, last page", list("?page=last".to_owned())),
        page("… first, gzip", list(String::new()), &format!("{}Accept-Encoding: gzip\r\n", shop.session), Floor::Fifty),
        staff("one invoice", shop.books.some_invoices(500).map(|id| format!("/admin/invoices/{id}")).collect()),
        staff("client", shop.books.some_clients(500).map(|id| format!("/admin/clients/{id}")).collect()),
        page(
            "API, one invoice",
            shop.books.some_invoices(500).map(|id| format!("/api/v1/invoices/{id}")).collect(),
            &shop.credential,
            Floor::One,
        ),
    ]
}

fn floors(shop: &Shop) -> [Page; 2] {
    let ids = shop.books.some_invoices(500);
    let page = |name, paths, floor| Page { name, paths, headers: String::new(), floor };
    [
        page("floor of 50 rows", vec!["/fifty".to_owned()], Floor::Fifty),
        page("floor of one row", ids.map(|id| format!("/one/{id}")).collect(), Floor::One),
    ]
}

pub fn run(place: &Place, shop: &Shop, options: &Options) {
    println!("\n{}, {} invoices of {} clients:", place.name(), shop.books.invoices, shop.books.clients);
    let mut pages = pages(shop);
    if let Ok(only) = std::env::var("INNKEEPER_BENCH_ONLY") {
        pages.retain(|page| page.name.contains(&only));
    }
    let queries = served(place, shop, &pages, options.rounds);
    // On a thread of its own: a runtime may not end within another one.
    std::thread::scope(|scope| {
        let calls = std::thread::Builder::new().name("calls".to_owned());
        calls.spawn_scoped(scope, || in_process(place, shop, &pages, options.rounds)).unwrap();
    });
    println!("  queries per request (goal: 8): {}", queries.join(", "));
}

/// Over the loopback interface; the queries that each page asked.
fn served(place: &Place, shop: &Shop, pages: &[Page], rounds: usize) -> Vec<String> {
    let server = shop.serve(&["--no-worker"]);
    let mut command = Command::new(std::env::current_exe().unwrap());
    let mut bare = Child::spawn("the floor", command.args([floor::ARGUMENT, &shop.url])).unwrap();
    let bare_address = bare.wait_for_line(floor::SAYS, Duration::from_secs(30)).unwrap();
    let bare_address = bare_address.trim_end_matches('/').to_owned();
    let queries = pages.iter().map(|page| format!("{} {}", page.name, queries(&server.address, page))).collect();
    let watched = |process: u32| Watched { process, postgres: place.server() };
    let (ours, floor) = (watched(server.process.pid()), watched(bare.pid()));
    println!("  over the loopback interface, {CONNECTIONS} connections: CPU of the server, time of an answer");
    table(pages, &floors(shop), rounds, |page, is_floor| {
        let (address, watched) = if is_floor { (&bare_address, floor) } else { (&server.address, ours) };
        let ask = |requests| drive(address, &page.headers, &page.paths, requests, CONNECTIONS);
        enough(watched, ask)
    });
    queries
}

fn queries(address: &str, page: &Page) -> f64 {
    let mut client = Client::connect(address, &page.headers);
    let mut counter = Client::connect(address, "");
    let mut count = || {
        let text = String::from_utf8(counter.get("/metrics").body).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("innkeeper_db_statements_total ")).unwrap();
        line.parse::<f64>().unwrap()
    };
    client.get(&page.paths[0]);
    // What the counting itself asks stands between any two counts.
    let own = -(count() - count());
    let before = count();
    let asked = 10;
    for path in page.paths.iter().cycle().take(asked) {
        assert_eq!(client.get(path).status, 200, "{path}");
    }
    (count() - before - own) / asked as f64
}

/// Doubles the number of requests until they take long enough.
fn enough(watched: Watched, mut ask: impl FnMut(usize) -> Duration) -> Cost {
    ask(2 * CONNECTIONS);
    let mut requests = 16 * CONNECTIONS;
    loop {
        let (before, began) = (watched.cpu(), Instant::now());
        let wall = ask(requests);
        if began.elapsed() >= LEAST {
            return Cost { cpu: (watched.cpu() - before).div_f64(requests as f64), wall };
        }
        requests *= 2;
    }
}

/// By calls of the routers, one after another on one thread.
fn in_process(place: &Place, shop: &Shop, pages: &[Page], rounds: usize) {
    let url = shop.url.clone();
    let common = Common {
        data: shop.folder.to_path_buf(),
        database: Some(url.clone()),
        key_file: None,
        breached_passwords: None,
        json: false,
        log: LogFormat::Text,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (product, bare) = runtime.block_on(async {
        let app = instance::open_with(&common, Migrations::Refuse, Some(now()), Extensions::default()).await;
        (accounts::doors::service(app.unwrap(), wiring::routes()), floor::router(&url).await)
    });
    let watched = Watched::own(place.server());
    println!("  in one process, by calls of the router: CPU, time of an answer");
    table(pages, &floors(shop), rounds, |page, is_floor| {
        let router = if is_floor { &bare } else { &product };
        enough(watched, |requests| runtime.block_on(call(router, page, requests)))
    });
}

async fn call(router: &Router, page: &Page, requests: usize) -> Duration {
    let began = Instant::now();
    for path in page.paths.iter().cycle().take(requests) {
        let mut request = Request::get(path);
        for line in page.headers.lines() {
            let (name, value) = line.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        let answer = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.into_body().collect().await.unwrap();
    }
    began.elapsed().div_f64(requests as f64)
}

/// Measures everything in turn, so often, and prints medians.
fn table(pages: &[Page], floors: &[Page], rounds: usize, mut measure: impl FnMut(&Page, bool) -> Cost) {
    let mut found: Vec<Vec<Cost>> = vec![Vec::new(); pages.len() + floors.len()];
    for _ in 0..rounds {
        for (at, page) in floors.iter().chain(pages).enumerate() {
            found[at].push(measure(page, at < floors.len()));
        }
    }
    let mut medians = found.into_iter().map(|mut costs| {
        costs.sort_by_key(|cost| cost.cpu);
        costs[costs.len() / 2]
    });
    println!("                         CPU µs    wall µs    CPU ÷ floor (goal: {GOAL})");
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let bases: Vec<Cost> = medians.by_ref().take(floors.len()).collect();
    for (page, cost) in floors.iter().zip(&bases) {
        println!("    {:<18} {:>8.0}   {:>8.0}", page.name, micros(cost.cpu), micros(cost.wall));
    }
    for (page, cost) in pages.iter().zip(medians) {
        let base = floors.iter().position(|floor| floor.floor == page.floor).map(|at| bases[at]).unwrap();
        let ratio = cost.cpu.as_secs_f64() / base.cpu.as_secs_f64();
        println!("    {:<18} {:>8.0}   {:>8.0}    {ratio:>6.1}", page.name, micros(cost.cpu), micros(cost.wall));
    }
}
