//! What goes wrong on the way: resolvers that are silent, late, closed, cut short or forged.

#![allow(clippy::unwrap_used)]

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{RData, Record as Row};
use names::dns::{Failure, Found, Kind, Resolver, Settings};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::oneshot;

/// Long enough for an answer from this process on a busy machine.
const SHORT: Duration = Duration::from_millis(150);

/// Answers each datagram with those that `answer` makes of it and of how many came before it.
struct Responder {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<SocketAddr>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Responder {
    async fn start(answer: impl Fn(usize, Message) -> Vec<Vec<u8>> + Send + 'static) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        let task = tokio::spawn(async move {
            let mut buffer = [0; 1500];
            loop {
                // A closed port of the one who asked is reported here, and says nothing about the next one.
                let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
                let before = log.lock().unwrap().len();
                log.lock().unwrap().push(from);
                for bytes in answer(before, Message::from_vec(&buffer[..length]).unwrap()) {
                    let _ = socket.send_to(&bytes, from).await;
                }
            }
        });
        Self { address, seen, task }
    }

    async fn silent() -> Self {
        Self::start(|_, _| Vec::new()).await
    }

    fn asked(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// From how many sockets it was asked.
    fn sockets(&self) -> usize {
        self.seen.lock().unwrap().iter().collect::<HashSet<_>>().len()
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn reply(question: &Message) -> Message {
    let mut reply = question.clone().into_response();
    reply.metadata.recursion_available = true;
    reply.edns = None;
    reply
}

fn with_address(question: &Message) -> Message {
    let mut reply = reply(question);
    let name = question.queries[0].name().clone();
    reply.add_answer(Row::from_rdata(name, 60, RData::A(Ipv4Addr::new(192, 0, 2, 7).into())));
    reply
}

fn with_code(question: &Message, code: ResponseCode) -> Vec<u8> {
    let mut reply = reply(question);
    reply.metadata.response_code = code;
    reply.to_vec().unwrap()
}

fn settings(resolvers: &[&Responder]) -> Settings {
    let addresses = resolvers.iter().map(|responder| responder.address).collect();
    Settings { timeout: SHORT, retries: 1, ..Settings::new(addresses) }
}

async fn look_up(settings: Settings) -> Found {
    Resolver::new(settings).unwrap().look_up("example.test", Kind::A).await.unwrap().found
}

fn is_known(found: &Found) -> bool {
    matches!(found, Found::Records(records) if records.len() == 1)
}

#[tokio::test]
async fn silence_is_a_time_out_after_as_many_attempts_as_were_set() {
    let silent = Responder::silent().await;
    let found = look_up(Settings { retries: 3, ..settings(&[&silent]) }).await;
    assert_eq!(found, Found::Unknown(Failure::TimedOut));
    assert_eq!((silent.asked(), silent.sockets()), (4, 4));
}

#[tokio::test]
async fn an_answer_to_an_earlier_attempt_is_not_taken_and_the_next_one_is() {
    let first = Mutex::new(None);
    let late = Responder::start(move |before, question| match before {
        0 => {
            *first.lock().unwrap() = Some(with_code(&question, ResponseCode::NXDomain));
            Vec::new()
        }
        // What was due before comes now, and from whom it should.
        _ => vec![first.lock().unwrap().clone().unwrap(), with_address(&question).to_vec().unwrap()],
    })
    .await;
    assert!(is_known(&look_up(settings(&[&late])).await));
    assert_eq!(late.asked(), 2);
}

#[tokio::test]
async fn a_forged_answer_with_another_id_or_question_is_passed_over() {
    let forged = Responder::start(|_, question| {
        let mut other_id = reply(&question);
        other_id.metadata.id = question.metadata.id.wrapping_add(1);
        let mut other_name = reply(&question);
        other_name.queries[0].set_name("evil.test.".parse().unwrap());
        [other_id, other_name, with_address(&question)].iter().map(|message| message.to_vec().unwrap()).collect()
    })
    .await;
    assert!(is_known(&look_up(settings(&[&forged])).await));
}

#[tokio::test]
async fn the_next_resolver_is_asked_when_one_does_not_know() {
    let fails = Responder::start(|_, question| vec![with_code(&question, ResponseCode::ServFail)]).await;
    let knows = Responder::start(|_, question| vec![with_address(&question).to_vec().unwrap()]).await;
    assert!(is_known(&look_up(settings(&[&fails, &knows])).await));
    assert_eq!(fails.asked(), 1);
    let alone = look_up(settings(&[&fails])).await;
    assert_eq!(alone, Found::Unknown(Failure::ServFail));
    assert_eq!(fails.asked(), 2, "and who said SERVFAIL is not asked for it again");
    let silent = Responder::silent().await;
    let both = look_up(settings(&[&fails, &silent])).await;
    assert_eq!(both, Found::Unknown(Failure::ServFail), "what one said tells more than the silence of the other");
}

#[tokio::test]
async fn a_dead_resolver_costs_its_time_out_once() {
    let (dead, knows) = (
        Responder::silent().await,
        Responder::start(|_, question| vec![with_address(&question).to_vec().unwrap()]).await,
    );
    let resolver = Resolver::new(settings(&[&dead, &knows])).unwrap();
    for _ in 0..5 {
        assert!(is_known(&resolver.look_up("example.test", Kind::A).await.unwrap().found));
    }
    assert_eq!((dead.asked(), knows.asked()), (1, 5));
}

#[tokio::test]
async fn a_closed_port_is_heard_of_before_the_time_is_over() {
    let closed = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap();
    let since = Instant::now();
    let patient = Settings { timeout: Duration::from_secs(60), ..Settings::new(vec![closed]) };
    assert!(matches!(look_up(patient).await, Found::Unknown(Failure::Unreachable(_))));
    assert!(since.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn a_truncated_answer_without_tcp_is_not_an_empty_one() {
    let truncated = Responder::start(|_, question| {
        let mut reply = reply(&question);
        reply.metadata.truncation = true;
        vec![reply.to_vec().unwrap()]
    })
    .await;
    assert!(matches!(look_up(settings(&[&truncated])).await, Found::Unknown(Failure::Unreachable(_))));
    // Accepts, and closes or says nothing.
    let listener = TcpListener::bind(truncated.address).await.unwrap();
    let closing = tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    assert!(matches!(look_up(settings(&[&truncated])).await, Found::Unknown(Failure::Unreachable(_))));
    closing.abort();
    let _ = closing.await;
    let _silent = TcpListener::bind(truncated.address).await.unwrap();
    assert_eq!(look_up(settings(&[&truncated])).await, Found::Unknown(Failure::TimedOut));
}

#[tokio::test]
async fn garbage_is_not_an_empty_answer() {
    let garbage = Responder::start(|_, question| {
        let mut bytes = with_address(&question).to_vec().unwrap();
        bytes.truncate(bytes.len() - 3);
        vec![bytes]
    })
    .await;
    assert_eq!(look_up(settings(&[&garbage])).await, Found::Unknown(Failure::Malformed));
}

/// Tells when it is dropped.
struct Names(std::ops::Range<usize>, Option<oneshot::Sender<usize>>);

impl Iterator for Names {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        self.0.next().map(|n| format!("n{n}.test"))
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        let _ = self.1.take().unwrap().send(self.0.start);
    }
}

#[tokio::test]
async fn no_more_sockets_are_open_than_were_set_and_dropping_the_answers_ends_the_run() {
    let silent = Responder::silent().await;
    let patient = Settings { timeout: Duration::from_secs(600), parallelism: 5, ..settings(&[&silent]) };
    let (sender, dropped) = oneshot::channel();
    let answers = Resolver::new(patient).unwrap().reports(Names(0..10_000, Some(sender)));
    while silent.asked() < 5 {
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(silent.sockets(), 5);
    drop(answers);
    assert!(dropped.await.unwrap() <= 6, "names are only taken when there is room for them");
    assert_eq!(silent.asked(), 5, "and the questions that waited are not asked");
}
