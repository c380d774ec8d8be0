//! How long pages take while Generate Due Invoices runs in the same process, against how long they take without it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use innkeeper_benches::http::Client;
use innkeeper_benches::w1::Place;
use serde_json::Value;

use super::product::{Server, Shop};

const STAFF: usize = 8;
/// Each of them asks for a page so often.
const PAUSE: Duration = Duration::from_millis(80);
pub(super) const CALM: Duration = Duration::from_secs(15);

pub(super) struct Times(Vec<Duration>);

impl Times {
    pub(super) fn at(&self, part: f64) -> f64 {
        let at = ((self.0.len() - 1) as f64 * part).round() as usize;
        self.0[at].as_secs_f64() * 1e3
    }

    pub(super) fn print(&self, name: &str) {
        println!(
            "    {name:<18} {:>8.2} {:>8.2} {:>8.2}   of {} pages",
            self.at(0.5),
            self.at(0.99),
            self.at(1.0),
            self.0.len()
        );
    }
}

pub fn run(place: &Place, shop: &Shop) {
    let server = shop.serve(&[]);
    // Files are read and statements prepared before anything is measured.
    watch(&server, shop, |_| std::thread::sleep(Duration::from_secs(2)));
    let calm = watch(&server, shop, |_| std::thread::sleep(CALM));
    let mut report = Value::Null;
    let mut took = Duration::ZERO;
    let busy = watch(&server, shop, |address| {
        let began = Instant::now();
        report = generate(address, shop);
        took = began.elapsed();
    });
    println!(
        "\n{}, pages while a batch of {} invoices runs ({:.1} s; {STAFF} people, a page every {} ms each):",
        place.name(),
        report["summary"]["invoices"],
        took.as_secs_f64(),
        PAUSE.as_millis()
    );
    println!("                       median ms    p99      max");
    calm.print("without");
    busy.print("with the batch");
    println!("    p99 with ÷ without {:>6.1} (goal: 5)", busy.at(0.99) / calm.at(0.99));
}

/// Runs the batch in the server; its report.
fn generate(address: &str, shop: &Shop) -> Value {
    std::thread::scope(|scope| {
        // The answer comes at the end, or not at all when that takes longer than a minute; so the run is looked at.
        scope.spawn(|| Client::connect(address, &shop.credential).post_json("/api/v1/invoices/generate-due", "{}"));
        let mut client = Client::connect(address, &shop.credential);
        loop {
            std::thread::sleep(Duration::from_millis(100));
            // A clean-up may have run before it.
            for id in 1..=3 {
                let answer = client.get(&format!("/api/v1/runs/{id}"));
                let run: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
                match (run["task"].as_str(), run["state"].as_str()) {
                    (Some("generate_invoices"), Some("finished")) => {
                        assert_eq!(run["failed"], 0, "a batch that parks clients is no batch to measure: {run}");
                        return run;
                    }
                    (Some("generate_invoices"), Some("failed")) => panic!("{run}"),
                    _ => {}
                }
            }
        }
    })
}

/// Asks for pages, as staff do, while something is done.
pub(super) fn watch(server: &Server, shop: &Shop, work: impl FnOnce(&str)) -> Times {
    let over = AtomicBool::new(false);
    let mut paths: Vec<String> = Vec::new();
    for (invoice, client) in shop.books.some_invoices(100).zip(shop.books.some_clients(100)) {
        paths.push("/admin/invoices".to_owned());
        paths.push(format!("/admin/invoices/{invoice}"));
        paths.push(format!("/admin/clients/{client}"));
    }
    let mut times: Vec<Duration> = std::thread::scope(|scope| {
        let (over, paths) = (&over, &paths);
        let asking: Vec<_> = (0..STAFF)
            .map(|who| {
                scope.spawn(move || {
                    let mut client = Client::connect(&server.address, &shop.session);
                    let mut times = Vec::new();
                    let began = Instant::now() + PAUSE.mul_f64(who as f64 / STAFF as f64);
                    for turn in 0.. {
                        // A page that was late does not put off the next one.
                        let due = began + PAUSE * turn;
                        std::thread::sleep(due.saturating_duration_since(Instant::now()));
                        if over.load(Ordering::Relaxed) {
                            break;
                        }
                        let path = &paths[(who + STAFF * turn as usize) % paths.len()];
                        let asked = Instant::now();
                        assert_eq!(client.get(path).status, 200, "{path}");
                        times.push(asked.elapsed());
                    }
                    times
                })
            })
            .collect();
        work(&server.address);
        over.store(true, Ordering::Relaxed);
        asking.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    times.sort();
    Times(times)
}
