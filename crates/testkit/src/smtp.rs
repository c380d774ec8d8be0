//! A mail server that keeps what it is given: aiosmtpd.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::peers;
use crate::process::{Child, wait_until};

const PATIENCE: Duration = Duration::from_secs(30);

/// A running SMTP server of this test's own, on the loopback interface, without TLS; ended when dropped.
#[derive(Debug)]
pub struct Sink {
    process: Child,
    port: u16,
}

/// A message as it came over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The sender of the envelope; empty for a bounce.
    pub from: String,
    /// The recipients of the envelope that were accepted.
    pub to: Vec<String>,
    /// The header and the body, with CRLF at line ends.
    pub raw: Vec<u8>,
}

/// What a client of the server must log in with.
#[derive(Clone, Copy, Debug)]
pub struct Login<'a> {
    /// The name.
    pub user: &'a str,
    /// The password.
    pub password: &'a str,
}

impl Sink {
    /// Starts one that asks for no login.
    ///
    /// # Errors
    /// When it is not installed or does not start.
    pub fn start() -> Result<Self, String> {
        Self::launch(None)
    }

    /// Starts one that takes no mail without this login.
    ///
    /// # Errors
    /// When it is not installed or does not start.
    pub fn start_with_login(login: Login<'_>) -> Result<Self, String> {
        Self::launch(Some(login))
    }

    fn launch(login: Option<Login<'_>>) -> Result<Self, String> {
        let mut python = Command::new(peers::python("aiosmtpd")?);
        python.args(["-u", concat!(env!("CARGO_MANIFEST_DIR"), "/peers/smtp_sink.py")]);
        if let Some(Login { user, password }) = login {
            python.args([user, password]);
        }
        let mut process = Child::spawn("aiosmtpd", &mut python)?;
        let port = process.wait_for_line("listening on ", PATIENCE)?;
        let port = port.parse().map_err(|_| format!("aiosmtpd listens on port '{port}'"))?;
        Ok(Self { process, port })
    }

    /// The port, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// From now on answers this recipient with `reply`, such as `451 4.3.0 Try again later` or `550 5.1.1 No such user`.
    ///
    /// # Panics
    /// When `reply` does not begin with a number.
    pub fn refuse(&self, recipient: &str, reply: &str) {
        assert!(reply.starts_with(['4', '5']), "not a refusal: {reply}");
        std::fs::write(self.refusal(recipient), reply).unwrap_or_else(|e| panic!("{e}"));
    }

    /// From now on accepts this recipient again.
    pub fn accept(&self, recipient: &str) {
        let _ = std::fs::remove_file(self.refusal(recipient));
    }

    fn refusal(&self, recipient: &str) -> PathBuf {
        self.process.folder().join(format!("refuse-{}", recipient.to_lowercase()))
    }

    /// What was accepted so far, in order.
    ///
    /// # Panics
    /// When the files that the server wrote cannot be read.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        let read = |file: PathBuf| std::fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        (1..)
            .map(|number| self.process.folder().join(format!("{number}.envelope")))
            .take_while(|envelope| envelope.exists())
            .map(|envelope| {
                let raw = read(envelope.with_extension("eml"));
                let addresses = String::from_utf8_lossy(&read(envelope)).into_owned();
                let mut addresses = addresses.split('\n').map(str::to_owned);
                Message { from: addresses.next().unwrap_or_default(), to: addresses.collect(), raw }
            })
            .collect()
    }

    /// Waits until `count` messages were accepted, and returns all.
    ///
    /// # Errors
    /// When `patience` is over.
    pub fn wait_for_messages(&self, count: usize, patience: Duration) -> Result<Vec<Message>, String> {
        wait_until(&format!("{count} messages"), patience, || self.messages().len() >= count)?;
        Ok(self.messages())
    }

    /// What the server said.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.output()
    }
}
