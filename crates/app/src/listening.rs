//! Taking connections. `axum::serve` gives a connection all the time in the world to say what it wants, so that a few thousand
//! that say nothing keep everybody else out.

use std::future::Future;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt as _;

/// What a connection is given.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For the head of a request, and between two requests.
    pub head: Duration,
    /// For taking some more of an answer.
    pub taking: Duration,
    pub largest_head: usize,
    /// Connections at once; others wait until one has ended.
    pub connections: usize,
}

pub const LIMITS: Limits = Limits {
    head: Duration::from_secs(30),
    taking: Duration::from_secs(30),
    largest_head: 64 * 1024,
    connections: 4096,
};

/// Serves until `stop`, and then until what is in hand is done.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(limits.largest_head);
    tokio::pin!(stop);
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await;
            (place, accept(&listener).await)
        };
        let (place, (stream, peer)) = tokio::select! {
            next = next => next,
            () = &mut stop => break,
        };
        let router = router.clone();
        let answer = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            router.clone().oneshot(request.map(Body::new))
        });
        // Who asks and does not take the answer would hold the place for ever.
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(limits.taking));
        let connection = graceful.watch(server.serve_connection(TokioIo::new(Box::pin(stream)), answer));
        tokio::spawn(async move {
            // What ends a connection early concerns nobody but whoever opened it.
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Answers are written whole; waiting for more of them helps nobody.
                let _ = stream.set_nodelay(true);
                return (stream, peer);
            }
            Err(error) => match error.kind() {
                ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset => {}
                _ => {
                    tracing::error!(%error, "no connection could be taken");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Instant;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::oneshot;

    use super::*;

    const SHORT: Duration = Duration::from_millis(50);

    async fn started(limits: Limits) -> (SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let who = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() };
        let (stop, stopped) = oneshot::channel();
        let long = get(async || "x".repeat(64 * 1024 * 1024));
        let serving = serve(listener, Router::new().route("/", get(who)).route("/long", long), limits, async {
            let _ = stopped.await;
        });
        (address, stop, tokio::spawn(serving))
    }

    /// All that is answered until the connection is closed.
    async fn said(address: SocketAddr, words: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let _ = stream.write_all(words.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test]
    async fn who_does_not_take_the_answer_loses_the_place() {
        let limits = Limits { head: SHORT, taking: SHORT, connections: 1, ..LIMITS };
        let (address, _stop, _serving) = started(limits).await;
        let mut greedy = TcpStream::connect(address).await.unwrap();
        // Far more than the buffers on the way hold.
        let _ = greedy.write_all("GET /long HTTP/1.1\r\nHost: x\r\n\r\n".as_bytes()).await;
        let next = tokio::time::timeout(LIMITS.taking, said(address, WHOLE)).await.unwrap();
        assert!(next.contains("200 OK"), "{next}");
        drop(greedy);
    }

    const WHOLE: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    #[tokio::test]
    async fn who_does_not_say_what_they_want_is_not_waited_for() {
        let (address, _stop, _serving) = started(Limits { head: SHORT, ..LIMITS }).await;
        let before = Instant::now();
        assert!(!said(address, "GET / HTTP/1.1\r\nHost: x\r\n").await.contains("200 OK"));
        // Nor is who has been answered and says no more.
        let kept = said(address, WHOLE).await;
        assert!(kept.contains("200 OK") && kept.ends_with("127.0.0.1"), "{kept}");
        assert!(before.elapsed() >= 2 * SHORT);
    }

    #[tokio::test]
    async fn those_who_are_too_many_wait_until_others_have_left() {
        let (address, _stop, _serving) = started(Limits { head: SHORT, connections: 1, ..LIMITS }).await;
        let before = Instant::now();
        let silent = TcpStream::connect(address).await.unwrap();
        assert!(said(address, WHOLE).await.contains("200 OK"));
        assert!(before.elapsed() >= 2 * SHORT, "the silent one had its time first");
        drop(silent);
    }

    #[tokio::test]
    async fn a_head_without_end_is_refused_and_a_stop_lets_nobody_in_any_more() {
        let (address, stop, serving) = started(LIMITS).await;
        let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(2 * LIMITS.largest_head));
        assert!(!said(address, &long).await.contains("200 OK"));
        assert!(said(address, "GET / HTTP/1.1\r\nConnection: close\r\nHost: x\r\n\r\n").await.contains("200 OK"));
        stop.send(()).unwrap();
        serving.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }
}
