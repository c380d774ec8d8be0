//! Servers within the test process whose answers the test has written.

use std::io::{ErrorKind, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(5);
/// Longer questions are cut off.
const MAX_QUESTION: usize = 16 << 10;

/// A listener on the loopback interface with a thread for each connection; ended when dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    stopped: Arc<AtomicBool>,
}

impl Server {
    /// Answers each connection, when what was read on it ends with `end`.
    pub fn start(end: &'static str, answer: impl Fn(&str, &mut Connection) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("its address");
        let (asked, stopped) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<AtomicBool>::default());
        let server = Self { address, asked: asked.clone(), stopped: stopped.clone() };
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let mut connection = Connection { stream, stopped: stopped.clone() };
                let (asked, answer) = (asked.clone(), answer.clone());
                thread::spawn(move || {
                    if let Some(question) = connection.read_until(end) {
                        asked.lock().unwrap_or_else(PoisonError::into_inner).push(question.clone());
                        answer(&question, &mut connection);
                    }
                });
            }
        });
        server
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // Wakes the one who accepts.
        let _ = TcpStream::connect(self.address);
    }
}

/// One that has asked.
pub struct Connection {
    pub stream: TcpStream,
    stopped: Arc<AtomicBool>,
}

impl Connection {
    fn read_until(&mut self, end: &str) -> Option<String> {
        let mut question = Vec::new();
        while !question.ends_with(end.as_bytes()) && question.len() < MAX_QUESTION {
            let mut buffer = [0; 1024];
            match self.read(&mut buffer)? {
                0 => return None,
                length => question.extend_from_slice(&buffer[..length]),
            }
        }
        Some(String::from_utf8_lossy(&question).into_owned())
    }

    /// Says nothing until the other side gives up, or the server ends.
    pub fn wait(&mut self) {
        let mut buffer = [0; 1024];
        while self.read(&mut buffer).is_some_and(|length| length > 0) {}
    }

    /// `None` when there is nothing more to be read.
    fn read(&mut self, buffer: &mut [u8]) -> Option<usize> {
        self.stream.set_read_timeout(Some(PAUSE)).ok()?;
        while !self.stopped.load(Ordering::Relaxed) {
            match self.stream.read(buffer) {
                Ok(length) => return Some(length),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => return None,
            }
        }
        None
    }
}
