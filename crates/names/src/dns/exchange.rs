//! One question to one resolver.
//!
//! Each question has a socket of its own, on a port that the system chooses at random: with the random id that is what
//! makes an answer hard to forge (RFC 5452), and a socket that is connected hears of a closed port at once. A pool of
//! sockets shared by all questions would have neither and save little: to open, bind, connect and close one took 13 µs
//! where a whole question and its answer took 55 µs (70,000 of them, the resolver on the same two cores).

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::message::{Question, Read, read};
use super::{Answer, Failure};

/// More than is asked for: some servers send what they always send.
const BUFFER_BYTES: usize = 4096;

/// Over UDP, and over TCP when the answer is too long for it (RFC 7766). Holds one socket at a time.
///
/// # Errors
/// Why there is no answer.
pub async fn ask(resolver: SocketAddr, patience: Duration, question: &Question) -> Result<Answer, Failure> {
    match within(patience, over_udp(resolver, question)).await? {
        Some(answer) => Ok(answer),
        None => within(patience, over_tcp(resolver, question)).await,
    }
}

async fn within<T>(patience: Duration, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    timeout(patience, work).await.unwrap_or(Err(Failure::TimedOut))
}

/// `None` for an answer that is truncated.
async fn over_udp(resolver: SocketAddr, question: &Question) -> Result<Option<Answer>, Failure> {
    let (id, bytes) = encode(question)?;
    let any = if resolver.is_ipv4() {
        SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))
    } else {
        SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))
    };
    let socket = UdpSocket::bind(any).await.map_err(unreachable)?;
    socket.connect(resolver).await.map_err(unreachable)?;
    socket.send(&bytes).await.map_err(unreachable)?;
    let mut buffer = [0; BUFFER_BYTES];
    loop {
        let length = socket.recv(&mut buffer).await.map_err(unreachable)?;
        match read(&buffer[..length], id, question)? {
            Read::Other => {}
            Read::Truncated => return Ok(None),
            Read::Answer(answer) => return Ok(Some(answer)),
        }
    }
}

async fn over_tcp(resolver: SocketAddr, question: &Question) -> Result<Answer, Failure> {
    let (id, bytes) = encode(question)?;
    let mut stream = TcpStream::connect(resolver).await.map_err(unreachable)?;
    let length = u16::try_from(bytes.len()).map_err(|_| Failure::Malformed)?;
    // In one write: some servers read the length and the message in one go.
    let framed = [&length.to_be_bytes()[..], &bytes].concat();
    stream.write_all(&framed).await.map_err(unreachable)?;
    let mut length = [0; 2];
    stream.read_exact(&mut length).await.map_err(unreachable)?;
    let mut response = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut response).await.map_err(unreachable)?;
    match read(&response, id, question)? {
        Read::Answer(answer) => Ok(answer),
        Read::Other | Read::Truncated => Err(Failure::Malformed),
    }
}

fn encode(question: &Question) -> Result<(u16, Vec<u8>), Failure> {
    let message = question.message();
    let bytes = message.to_vec().map_err(|_| Failure::Malformed)?;
    Ok((message.metadata.id, bytes))
}

fn unreachable(error: io::Error) -> Failure {
    Failure::Unreachable(error.to_string())
}
