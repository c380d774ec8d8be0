//! A client of its own, so that nothing of it is counted as the server's: HTTP/1.1 over a kept connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

pub struct Client {
    stream: BufReader<TcpStream>,
    head: String,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Client {
    /// `headers` are sent with every request, each ended by `\r\n`.
    pub fn connect(address: &str, headers: &str) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        let head = format!("Host: {address}\r\n{headers}");
        Client { stream: BufReader::with_capacity(64 * 1024, stream), head }
    }

    pub fn get(&mut self, path: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\n{}\r\n", self.head))
    }

    pub fn post_json(&mut self, path: &str, body: &str) -> Answer {
        let length = body.len();
        self.send(&format!(
            "POST {path} HTTP/1.1\r\n{}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}",
            self.head
        ))
    }

    pub fn post_form(&mut self, path: &str, body: &str) -> Answer {
        let length = body.len();
        self.send(&format!(
            "POST {path} HTTP/1.1\r\n{}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}",
            self.head
        ))
    }

    fn send(&mut self, request: &str) -> Answer {
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let status = self.line();
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap();
        let mut length = None;
        loop {
            let line = self.line().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse::<usize>().ok();
            }
        }
        let mut body = Vec::new();
        match length {
            Some(length) => self.take(length, &mut body),
            None => loop {
                let size = usize::from_str_radix(self.line().trim(), 16).unwrap();
                self.take(size, &mut body);
                self.line();
                if size == 0 {
                    break;
                }
            },
        }
        Answer { status, body }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn take(&mut self, length: usize, body: &mut Vec<u8>) {
        let from = body.len();
        body.resize(from + length, 0);
        self.stream.read_exact(&mut body[from..]).unwrap();
    }
}

/// Asks for so many pages over so many connections at once; every answer must be a 200. The mean time of an answer.
pub fn drive(address: &str, headers: &str, paths: &[String], requests: usize, connections: usize) -> Duration {
    let each = requests.div_ceil(connections);
    let spent: Duration = std::thread::scope(|scope| {
        let ask = |first: usize| {
            let mut client = Client::connect(address, headers);
            let mut spent = Duration::ZERO;
            for request in 0..each {
                let path = &paths[(first * each + request) % paths.len()];
                let began = Instant::now();
                let answer = client.get(path);
                spent += began.elapsed();
                assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
            }
            spent
        };
        let threads: Vec<_> = (0..connections).map(|first| scope.spawn(move || ask(first))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    spent.div_f64((each * connections) as f64)
}
