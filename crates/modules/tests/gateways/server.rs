//! A scripted HTTP server: every request goes to a function and is remembered, and those to Stripe's API are held against
//! its description. One request a connection.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use testkit::stripe::Spec;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn form(&self) -> Vec<(String, String)> {
        serde_html_form::from_bytes(&self.body).unwrap()
    }

    pub fn field(&self, name: &str) -> Option<String> {
        self.form().into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub fn parameter(&self, name: &str) -> Option<String> {
        let query: Vec<(String, String)> = serde_html_form::from_str(&self.query).unwrap();
        query.into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub fn is(&self, method: &str, path: &str) -> bool {
        self.method == method && self.path == path
    }
}

#[derive(Debug, Clone)]
pub enum Reply {
    Full {
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    /// Reads the request and closes the connection.
    Break,
    /// Reads the request and never answers.
    Silence,
}

impl Reply {
    pub fn json(status: u16, body: serde_json::Value) -> Reply {
        Reply::text(status, &body.to_string())
    }

    pub fn text(status: u16, body: &str) -> Reply {
        Reply::Full { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
    }

    pub fn with_header(self, name: &str, value: &str) -> Reply {
        match self {
            Reply::Full { status, mut headers, body } => {
                headers.push((name.to_owned(), value.to_owned()));
                Reply::Full { status, headers, body }
            }
            other => other,
        }
    }
}

type Handler = dyn Fn(Request) -> Pin<Box<dyn Future<Output = Reply> + Send>> + Send + Sync;

pub struct Server {
    pub base: String,
    requests: Arc<Mutex<Vec<Request>>>,
    complaints: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Server {
    pub async fn answering(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Server {
        Server::start(move |request| {
            let reply = handler(&request);
            async move { reply }
        })
        .await
    }

    pub async fn start<F>(handler: impl Fn(Request) -> F + Send + Sync + 'static) -> Server
    where
        F: Future<Output = Reply> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let complaints = Arc::new(Mutex::new(Vec::new()));
        let (seen, wrong) = (Arc::clone(&requests), Arc::clone(&complaints));
        let handler: Arc<Handler> = Arc::new(move |request| Box::pin(handler(request)));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&handler), Arc::clone(&seen), Arc::clone(&wrong)));
            }
        });
        Server { base, requests, complaints, task }
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        // Whatever a test is about: no request has a parameter that Stripe does not know.
        let complaints = self.complaints.lock().unwrap();
        assert!(complaints.is_empty() || std::thread::panicking(), "{complaints:?}");
    }
}

async fn serve(
    mut stream: TcpStream,
    handler: Arc<Handler>,
    seen: Arc<Mutex<Vec<Request>>>,
    complaints: Arc<Mutex<Vec<String>>>,
) {
    let Some(request) = read(&mut stream).await else { return };
    seen.lock().unwrap().push(request.clone());
    if request.path.starts_with("/v1/") {
        let query: Vec<(String, String)> = serde_html_form::from_str(&request.query).unwrap();
        let wrong = Spec::load().check_request(&request.method, &request.path, &query, &request.form());
        complaints.lock().unwrap().extend(wrong);
    }
    match handler(request).await {
        Reply::Break => {}
        Reply::Silence => std::future::pending().await,
        Reply::Full { status, headers, body } => {
            let mut head =
                format!("HTTP/1.1 {status} Status\r\nContent-Length: {}\r\nConnection: close\r\n", body.len());
            for (name, value) in headers {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            // The client may be gone by now, which is none of the server's business.
            let _ = stream.write_all(format!("{head}\r\n").as_bytes()).await;
            let _ = stream.write_all(&body).await;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: Vec<(String, String)> =
        lines.filter_map(|line| line.split_once(": ")).map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let mut request =
        Request { method, path: path.to_owned(), query: query.to_owned(), headers, body: bytes[end..].to_vec() };
    let length: usize = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while request.body.len() < length {
        if stream.read_buf(&mut request.body).await.ok()? == 0 {
            return None;
        }
    }
    Some(request)
}
