//! What the settings of the domain resolver change: a name server of this test's own sees it.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use domains::resolver::{self, Scope};
use kernel::DomainName;
use platform::params;
use platform::runs::Progress;

use super::World;
use super::effects::next;

/// How the server behaves.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Prompt,
    /// It takes longer than a short time-out.
    Slow,
    /// The first question of a kind is lost.
    Forgetful,
    /// It waits a moment for more questions before it answers.
    Patient,
}

/// A name server that says of every name: it is at 192.0.2.1, its mail goes to mail.ours.test, its name server is
/// ns1.ours.test. Ended when dropped.
struct Server {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    /// The most questions that waited for an answer at a time.
    most: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(manner: Manner) -> Server {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let (over, most) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let address = socket.local_addr().unwrap();
        let (stop, crowd) = (over.clone(), most.clone());
        let thread = std::thread::spawn(move || serve(&socket, manner, &stop, &crowd));
        Server { address, over, most, thread: Some(thread) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn serve(socket: &UdpSocket, manner: Manner, over: &AtomicBool, most: &AtomicUsize) {
    let seen: Mutex<HashMap<Vec<u8>, usize>> = Mutex::default();
    let mut waiting: Vec<(Vec<u8>, SocketAddr)> = Vec::new();
    let mut buffer = [0; 1500];
    while !over.load(Ordering::SeqCst) {
        if let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let question = buffer[..length].to_vec();
            let times = {
                let mut seen = seen.lock().unwrap();
                let times = seen.entry(question[12..].to_vec()).or_default();
                *times += 1;
                *times
            };
            if manner == Manner::Forgetful && times == 1 {
                continue;
            }
            if manner == Manner::Slow {
                std::thread::sleep(Duration::from_millis(150));
            }
            waiting.push((question, from));
            most.fetch_max(waiting.len(), Ordering::SeqCst);
            if manner == Manner::Patient {
                // More may come until the socket has been quiet for a moment.
                continue;
            }
        }
        for (question, from) in waiting.drain(..) {
            let _ = socket.send_to(&answer(&question), from);
        }
    }
}

/// The question with one record behind it (RFC 1035, 4.1), or with none for a type that is not known here.
fn answer(question: &[u8]) -> Vec<u8> {
    let end = 12 + question[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
    let kind = u16::from_be_bytes([question[end - 4], question[end - 3]]);
    let name = |labels: &[&str]| {
        let mut bytes: Vec<u8> =
            labels.iter().flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).collect();
        bytes.push(0);
        bytes
    };
    let data = match kind {
        1 => vec![192, 0, 2, 1],
        2 => name(&["ns1", "ours", "test"]),
        15 => [vec![0, 10], name(&["mail", "ours", "test"])].concat(),
        _ => Vec::new(),
    };
    let mut reply = question[..2].to_vec();
    reply.extend([0x81, 0x80, 0, 1, 0, u8::from(!data.is_empty()), 0, 0, 0, 0]);
    reply.extend(&question[12..end]);
    if !data.is_empty() {
        reply.extend([0xC0, 12]);
        reply.extend(kind.to_be_bytes());
        reply.extend([0, 1, 0, 0, 0, 60]);
        reply.extend((data.len() as u16).to_be_bytes());
        reply.extend(data);
    }
    reply
}

/// The three sights of a name, as the run finds them.
async fn sights(world: &World, server: &Server, count: i64) -> (String, String, String) {
    let app = &world.site.app;
    let mut tx = app.db.write().await.unwrap();
    for (key, value) in [("dns_resolvers", server.address.to_string())] {
        let sql = "INSERT INTO settings (key, value, updated_at) VALUES ($1, $2, 0) \
                   ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        tx.execute(sql, params![key, value]).await.unwrap();
    }
    tx.commit().await.unwrap();
    look(world, count).await
}

async fn look(world: &World, count: i64) -> (String, String, String) {
    let app = &world.site.app;
    let run = 1_000_000 + next();
    let names = (0..count).map(|_| DomainName::parse(&format!("name{}.test", next())).unwrap()).collect();
    resolver::run(app, run, &Scope::Names(names), &Progress::default()).await.unwrap();
    let mut conn = app.db.read().await.unwrap();
    let sql = "SELECT points, mail, servers FROM resolved_names WHERE run_id = $1";
    let rows: Vec<(String, String, String)> = conn.all(sql, params![run]).await.unwrap();
    rows.into_iter().next().unwrap()
}

pub async fn where_it_points(world: &World) -> String {
    sights(world, &Server::start(Manner::Prompt), 1).await.0
}

pub async fn where_mail_goes(world: &World) -> String {
    sights(world, &Server::start(Manner::Prompt), 1).await.1
}

pub async fn whose_servers(world: &World) -> String {
    sights(world, &Server::start(Manner::Prompt), 1).await.2
}

pub async fn answers_of_a_slow_server(world: &World) -> String {
    sights(world, &Server::start(Manner::Slow), 1).await.0
}

pub async fn answers_of_a_forgetful_server(world: &World) -> String {
    sights(world, &Server::start(Manner::Forgetful), 1).await.0
}

pub async fn asked_together(world: &World) -> String {
    let server = Server::start(Manner::Patient);
    sights(world, &server, 3).await;
    if server.most.load(Ordering::SeqCst) > 1 { "together" } else { "one by one" }.to_owned()
}

/// Whether the resolver that is set is asked: nobody answers at the other address.
pub async fn who_is_asked(world: &World) -> String {
    look(world, 1).await.0
}

/// A server that answers as long as the tests run.
pub fn lasting() -> String {
    static SERVER: std::sync::OnceLock<Server> = std::sync::OnceLock::new();
    SERVER.get_or_init(|| Server::start(Manner::Prompt)).address.to_string()
}
