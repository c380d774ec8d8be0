//! Connections (RFC 5734): TLS, and frames whose first four octets say how long they are, themselves included.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::certificates::fingerprint;
use super::clock::instant;
use super::command::{Reply, Session, greeting, receive};
use super::faults::Fault;
use super::snapshot::{Direction, Frame};
use super::state::State;

const HEADER: usize = 4;

/// What all connections share.
#[derive(Clone)]
pub(super) struct Shared(pub(super) Arc<Mutex<State>>);

impl Shared {
    /// A test that failed while it held the lock fails for a reason of its own; the others go on.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Accepts connections until the task is dropped.
pub(super) async fn serve(listener: TcpListener, acceptor: TlsAcceptor, shared: Shared) {
    let mut number = 0;
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        number += 1;
        let connection = Connection::accept(stream, acceptor.clone(), shared.clone(), number);
        connections.spawn(async move {
            if let Ok(mut connection) = connection.await {
                // A connection that breaks is the client's business; its session ends with it.
                let _ = connection.run().await;
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

struct Connection {
    stream: TlsStream<TcpStream>,
    shared: Shared,
    session: Session,
    idle: Duration,
    max_frame: usize,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.lock().sessions.remove(&self.session.number);
    }
}

/// Whether the connection stays open.
#[derive(PartialEq, Eq)]
enum Next {
    Stay,
    Close,
}

impl Connection {
    async fn accept(stream: TcpStream, acceptor: TlsAcceptor, shared: Shared, number: u64) -> std::io::Result<Self> {
        let (idle, max_frame) = {
            let state = shared.lock();
            (state.options.idle, state.options.max_frame)
        };
        stream.set_nodelay(true)?;
        let stream = tokio::time::timeout(idle, acceptor.accept(stream)).await??;
        let certificates = stream.get_ref().1.peer_certificates();
        let fingerprint = certificates.and_then(|chain| chain.first()).map(|certificate| fingerprint(certificate));
        let session = Session { number, fingerprint, ..Session::default() };
        Ok(Self { stream, shared, session, idle, max_frame })
    }

    async fn run(&mut self) -> std::io::Result<()> {
        let (xml, fault) = {
            let mut state = self.shared.lock();
            (greeting(&state), state.faults.take("greeting"))
        };
        let reply = Reply { command: "greeting".to_owned(), xml, close: false, fault };
        if self.answer(reply).await? == Next::Close {
            return self.stream.shutdown().await;
        }
        while let Some(frame) = tokio::time::timeout(self.idle, self.read()).await?? {
            let reply = {
                let mut state = self.shared.lock();
                let before = self.session.registrar.clone();
                let reply = receive(&mut state, &mut self.session, &frame);
                let registrar = before.or_else(|| self.session.registrar.clone());
                let xml = String::from_utf8_lossy(&frame).into_owned();
                record(&mut state, &self.session, registrar, Direction::FromClient, &reply.command, xml);
                reply
            };
            if self.answer(reply).await? == Next::Close {
                break;
            }
        }
        self.stream.shutdown().await
    }

    /// The next frame; `None` at the end, or when it is too long to be taken.
    async fn read(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let mut header = [0; HEADER];
        match self.stream.read_exact(&mut header).await {
            Err(problem) if problem.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
            result => result?,
        };
        let length = u32::from_be_bytes(header) as usize;
        if !(HEADER + 1..=self.max_frame).contains(&length) {
            return Ok(None);
        }
        let mut frame = vec![0; length - HEADER];
        self.stream.read_exact(&mut frame).await?;
        Ok(Some(frame))
    }

    async fn answer(&mut self, reply: Reply) -> std::io::Result<Next> {
        match reply.fault {
            Some(Fault::HangBefore(_) | Fault::HangAfter(_)) => {
                // Whatever else comes is read and ignored, until the client gives up.
                let mut ignored = [0; 1024];
                while self.stream.read(&mut ignored).await? > 0 {}
                return Ok(Next::Close);
            }
            Some(Fault::CloseBefore(_) | Fault::CloseAfter(_)) => return Ok(Next::Close),
            Some(Fault::Octets(_, octets)) => {
                self.stream.write_all(&octets).await?;
                self.stream.flush().await?;
                return Ok(Next::Close);
            }
            Some(Fault::Slow(_, delay)) => tokio::time::sleep(delay).await,
            Some(Fault::Refuse(..) | Fault::Answer(..) | Fault::AnswerAfter(..)) | None => {}
        }
        if reply.close {
            // Whoever reads that the session is over finds it over.
            self.shared.lock().sessions.remove(&self.session.number);
        }
        {
            let mut state = self.shared.lock();
            let registrar = self.session.registrar.clone();
            let xml = reply.xml.clone();
            record(&mut state, &self.session, registrar, Direction::FromServer, &reply.command, xml);
        }
        self.write(reply.xml.as_bytes()).await?;
        Ok(if reply.close { Next::Close } else { Next::Stay })
    }

    async fn write(&mut self, content: &[u8]) -> std::io::Result<()> {
        let length = u32::try_from(content.len() + HEADER).map_err(std::io::Error::other)?;
        let mut frame = length.to_be_bytes().to_vec();
        frame.extend_from_slice(content);
        self.stream.write_all(&frame).await?;
        self.stream.flush().await
    }
}

fn record(
    state: &mut State,
    session: &Session,
    registrar: Option<String>,
    direction: Direction,
    command: &str,
    xml: String,
) {
    let (at, command) = (instant(state.now), command.to_owned());
    state.log.push(Frame { session: session.number, registrar, direction, command, at, xml });
}
