//! The floors: bare axum handlers on the bare drivers. One reads 50 invoices with their clients' names and writes them as
//! an HTML table, the other reads one invoice and writes it as JSON. No session, no rights, no layout, no templates.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use innkeeper_benches::raw::Columns;
use tokio_postgres::{NoTls, Statement};

pub const ARGUMENT: &str = "floor";
pub const SAYS: &str = "The floor serves http://";

const FIFTY: &str = "SELECT i.id, i.client_id, i.status, i.number, i.currency, i.issued_on, i.due_on, i.gateway, i.total, \
    i.balance, c.first_name, c.last_name, c.company FROM invoices i JOIN clients c ON c.id = i.client_id \
    ORDER BY i.id DESC LIMIT 50";
const ONE: &str = "SELECT id, client_id, status, number, currency, issued_on, due_on, gateway, total, balance \
    FROM invoices WHERE id = $1";

#[derive(Clone)]
enum Source {
    /// A connection for each thread, so that nobody waits for another.
    Sqlite(Arc<str>),
    Postgres(Arc<tokio_postgres::Client>, Statement, Statement),
}

thread_local! {
    static CONNECTIONS: RefCell<HashMap<Arc<str>, rusqlite::Connection>> = RefCell::default();
}

/// Serves until it is stopped, on as many threads as the program does.
pub fn serve(url: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{SAYS}{}/", listener.local_addr().unwrap());
        axum::serve(listener, router(url).await).await.unwrap();
    });
}

pub async fn router(url: &str) -> Router {
    let source = match url.strip_prefix("sqlite:") {
        Some(path) => Source::Sqlite(path.into()),
        None => {
            let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
            tokio::spawn(connection);
            let (fifty, one) = (client.prepare(FIFTY).await.unwrap(), client.prepare(ONE).await.unwrap());
            Source::Postgres(Arc::new(client), fifty, one)
        }
    };
    Router::new().route("/fifty", get(fifty)).route("/one/{id}", get(one)).with_state(source)
}

async fn fifty(State(source): State<Source>) -> Response {
    let mut page = String::with_capacity(16 * 1024);
    page.push_str("<!doctype html><title>Invoices</title><table>");
    match source {
        Source::Sqlite(path) => on_sqlite(&path, FIFTY, &[], |row| table_row(&mut page, row)),
        Source::Postgres(client, fifty, _) => {
            for row in client.query(&fifty, &[]).await.unwrap() {
                table_row(&mut page, &row);
            }
        }
    }
    page.push_str("</table>");
    Html(page).into_response()
}

async fn one(State(source): State<Source>, Path(id): Path<i64>) -> Response {
    let mut json = String::with_capacity(512);
    match source {
        Source::Sqlite(path) => on_sqlite(&path, ONE, &[id], |row| object(&mut json, row)),
        Source::Postgres(client, _, one) => object(&mut json, &client.query_one(&one, &[&id]).await.unwrap()),
    }
    ([(header::CONTENT_TYPE, "application/json")], json).into_response()
}

fn on_sqlite(path: &Arc<str>, sql: &str, params: &[i64], mut each: impl FnMut(&rusqlite::Row<'_>)) {
    CONNECTIONS.with_borrow_mut(|connections| {
        let connection = connections.entry(path.clone()).or_insert_with(|| {
            rusqlite::Connection::open_with_flags(&**path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
        });
        let mut statement = connection.prepare_cached(&sql.replace('$', "?")).unwrap();
        let mut rows = statement.query(rusqlite::params_from_iter(params)).unwrap();
        while let Some(row) = rows.next().unwrap() {
            each(row);
        }
    });
}

fn table_row(page: &mut String, row: &dyn Columns) {
    let _ = write!(page, "<tr><td>{}<td>{}", row.int(0), row.int(1));
    for at in 2..8 {
        page.push_str("<td>");
        escaped(page, row.text(at));
    }
    let _ = write!(page, "<td>{}<td>{}", decimal(row.int(8)), decimal(row.int(9)));
    for at in 10..13 {
        page.push_str("<td>");
        escaped(page, row.text(at));
    }
}

fn object(json: &mut String, row: &dyn Columns) {
    let _ = write!(json, "{{\"id\":{},\"client_id\":{}", row.int(0), row.int(1));
    for (at, name) in (2..8).zip(["status", "number", "currency", "issued_on", "due_on", "gateway"]) {
        let _ = write!(json, ",\"{name}\":{}", serde_json::Value::from(row.text(at)));
    }
    let _ = write!(json, ",\"total\":\"{}\",\"balance\":\"{}\"}}", decimal(row.int(8)), decimal(row.int(9)));
}

fn decimal(minor: i64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

fn escaped(page: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            '&' => page.push_str("&amp;"),
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '"' => page.push_str("&quot;"),
            other => page.push(other),
        }
    }
}
