//! From nothing to the first answer, and the memory of a server that has nothing to do.

use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use innkeeper_benches::books::Books;
use innkeeper_benches::http::{Client, drive};
use innkeeper_benches::w1::Place;
use innkeeper_benches::watch::Watched;
use testkit::Folder;
use testkit::process::{Child, free_port};

use super::product::{self, Shop};

const STARTS: usize = 9;
const BOOKS: Books = Books { clients: 10_000, invoices: 50_000 };
const QUIET: Duration = Duration::from_secs(3);

pub async fn run(place: &Place) {
    println!("\n{}, start and memory:", place.name());
    if matches!(place, Place::Sqlite(_)) {
        let mut all: Vec<[Duration; 2]> = (0..STARTS).map(|_| fresh()).collect();
        let mut median = |which: usize| {
            all.sort_by_key(|times| times[which]);
            all[STARTS / 2][which].as_secs_f64() * 1e3
        };
        println!("  `init` of a fresh file                {:>7.1} ms", median(0));
        println!("  `serve` to the first answered page    {:>7.1} ms (medians of {STARTS})", median(1));
    }
    let shop = Shop::with(place, BOOKS).await;
    let server = shop.serve(&[]);
    let watched = Watched { process: server.process.pid(), postgres: None };
    let settled = || {
        std::thread::sleep(QUIET);
        watched.memory()
    };
    Client::connect(&server.address, "").get("/admin/login");
    let idle = settled();
    let mut paths = vec!["/admin".to_owned(), "/admin/invoices".to_owned(), "/admin/clients".to_owned()];
    paths.extend(shop.books.some_invoices(300).map(|id| format!("/admin/invoices/{id}")));
    paths.extend(shop.books.some_clients(300).map(|id| format!("/admin/clients/{id}")));
    drive(&server.address, &shop.session, &paths, 2_000, 4);
    println!(
        "  memory of an idle server with {} clients and {} invoices: {idle:.1} MiB after its start, {:.1} MiB after \
         2,000 pages (goal: 40)",
        BOOKS.clients,
        BOOKS.invoices,
        settled()
    );
    drop(server);
    shop.remove(place).await;
}

/// `init`, then the time from the start of `serve` until the login page is there.
fn fresh() -> [Duration; 2] {
    let folder = Folder::new();
    let url = format!("sqlite:{}", folder.join("fresh.db").display());
    let began = Instant::now();
    let mut init = product::command(&url, &folder);
    init.arg("init");
    product::done(init);
    let made = began.elapsed();
    let address = format!("127.0.0.1:{}", free_port());
    let mut serve: Command = product::command(&url, &folder);
    serve.args(["serve", "--listen", &address]);
    let began = Instant::now();
    let mut server = Child::spawn("innkeeper serve", &mut serve).unwrap();
    while TcpStream::connect(&address).is_err() {
        assert!(server.ended().is_none(), "{}", server.output());
        std::thread::sleep(Duration::from_micros(200));
    }
    assert_eq!(Client::connect(&address, "").get("/admin/login").status, 200);
    [made, began.elapsed()]
}
