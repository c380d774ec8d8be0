//! localstripe (PyPI) as a process of ours, and a stand-in for the parameters of Stripe that it does not know.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::fixtures::http;
use crate::server::{Reply, Request, Server};

const START_TIMEOUT: Duration = Duration::from_secs(60);

pub struct LocalStripe {
    process: Child,
    pub base: String,
}

impl LocalStripe {
    /// `None`, after saying why, where it is not installed; unless the tests are run with all peers required.
    pub fn start() -> Option<LocalStripe> {
        let program = program();
        if !program.exists() {
            let reason = format!("localstripe is not installed at {} (set INNKEEPER_PEERS)", program.display());
            assert_ne!(std::env::var("INNKEEPER_TEST_REQUIRE").as_deref(), Ok("all"), "{reason}");
            eprintln!("skipped: {reason}");
            return None;
        }
        // A port that was free may be taken before localstripe binds it; then it exits, and another one is tried.
        let started = (0..3).find_map(|_| LocalStripe::start_on(&program, free_port()));
        Some(started.expect("localstripe starts"))
    }

    fn start_on(program: &Path, port: u16) -> Option<LocalStripe> {
        let process = Command::new(program)
            // Its state is one pickle for the whole machine. It is written always, but from scratch never read.
            .args(["--port", &port.to_string(), "--from-scratch"])
            .env("PYTHONUNBUFFERED", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("localstripe can be run");
        // Owned from here on, so that it is stopped whatever happens below.
        let mut peer = LocalStripe { process, base: format!("http://127.0.0.1:{port}") };
        let output = peer.process.stdout.take().expect("its output is piped");
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            // Read to the end, so that it never waits for a reader.
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        // It says so only once it listens, and it is our own child who says it: whatever else answers on the port,
        // this one is ours.
        loop {
            match lines.recv_timeout(START_TIMEOUT) {
                Ok(line) if line.contains("Running on") && line.contains(&format!(":{port}")) => return Some(peer),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }

    /// The process stops to answer without closing anything, as a provider that hangs.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.process.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    pub async fn call(&self, path: &str, form: &[(&str, &str)]) -> serde_json::Value {
        let request = http()
            .post(&format!("{}{path}", self.base))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", "Bearer sk_test_12345")
            .body(serde_html_form::to_string(form).unwrap());
        let answer = http().send(request).await.unwrap();
        assert!(answer.status.is_success(), "{path}: {}", answer.status);
        answer.json().unwrap_or_default()
    }

    pub async fn read(&self, path: &str) -> serde_json::Value {
        let request = http().get(&format!("{}{path}", self.base)).header("authorization", "Bearer sk_test_12345");
        http().send(request).await.unwrap().json().unwrap_or_default()
    }

    /// A payment method as Stripe's browser form would make it.
    pub async fn card(&self, number: &str) -> String {
        let card = [
            ("type", "card"),
            ("card[number]", number),
            ("card[exp_month]", "7"),
            ("card[exp_year]", "2031"),
            ("card[cvc]", "123"),
        ];
        self.call("/v1/payment_methods", &card).await["id"].as_str().unwrap().to_owned()
    }

    pub async fn iban(&self, iban: &str) -> String {
        let account = [("type", "sepa_debit"), ("sepa_debit[iban]", iban)];
        self.call("/v1/payment_methods", &account).await["id"].as_str().unwrap().to_owned()
    }

    /// In front of localstripe, takes away what is right at Stripe and answered with 400 here: some parameters, and
    /// the filters of the list of payments (which is then longer than it had to be, and read to its end all the same).
    pub async fn completed(&self) -> Server {
        let base = self.base.clone();
        Server::start(move |request| forward(base.clone(), request)).await
    }
}

impl Drop for LocalStripe {
    fn drop(&mut self) {
        // Works on a frozen process too.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn program() -> PathBuf {
    let peers = std::env::var_os("INNKEEPER_PEERS").map(PathBuf::from);
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers");
    peers.unwrap_or_else(default).join("venv/bin/localstripe")
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn forward(base: String, request: Request) -> Reply {
    let list_of_payments = request.is("GET", "/v1/payment_intents");
    let kept = |pairs: Vec<(String, String)>| -> String {
        let pairs: Vec<_> = pairs
            .into_iter()
            .filter(|(key, _)| {
                !key.starts_with("automatic_payment_methods[") && key != "description" && key != "return_url"
            })
            .filter(|(key, _)| !(list_of_payments && (key == "customer" || key == "created[gte]")))
            .collect();
        serde_html_form::to_string(pairs).unwrap()
    };
    let query = kept(serde_html_form::from_str(&request.query).unwrap());
    let url = format!("{base}{}?{query}", request.path);
    let mut forwarded = match request.method.as_str() {
        "GET" => http().get(&url),
        _ => http().post(&url).body(kept(request.form())),
    };
    for name in ["authorization", "content-type", "idempotency-key", "stripe-version"] {
        if let Some(value) = request.header(name) {
            forwarded = forwarded.header(name, value);
        }
    }
    // Not through `Http`: this one waits for as long as localstripe is frozen.
    let answer = forwarded.send().await.unwrap();
    let status = answer.status().as_u16();
    let date = answer.headers()["date"].to_str().unwrap().to_owned();
    Reply::Full { status, headers: vec![("Date".to_owned(), date)], body: answer.bytes().await.unwrap().to_vec() }
}
