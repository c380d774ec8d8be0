//! Processes that a test starts, watches and ends.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Pid;
pub use rustix::process::Signal;

use crate::{Folder, watchdog};

const PAUSE: Duration = Duration::from_millis(10);

/// A process, ended when dropped: asked to, then made to. Its standard output and standard error go to one file.
///
/// It leads a process group of its own, so that what it starts in turn ends with it. `TMPDIR` is its own folder.
#[derive(Debug)]
pub struct Child {
    name: String,
    process: std::process::Child,
    ended: Option<ExitStatus>,
    farewell: Signal,
    folder: Folder,
    output: PathBuf,
}

impl Child {
    /// Starts `command`, which the test's messages call `name`.
    ///
    /// # Errors
    /// Why it could not be started.
    pub fn spawn(name: &str, command: &mut Command) -> Result<Self, String> {
        Self::spawn_in(name, command, Folder::new(), Signal::TERM)
    }

    pub(crate) fn spawn_in(
        name: &str,
        command: &mut Command,
        folder: Folder,
        farewell: Signal,
    ) -> Result<Self, String> {
        let cannot = |e: std::io::Error| format!("{name} cannot be started: {e}");
        let output = folder.join("output");
        let file = File::options().create(true).append(true).open(&output).map_err(cannot)?;
        let process = command
            .process_group(0)
            .env("TMPDIR", &folder)
            .stdin(Stdio::null())
            .stdout(file.try_clone().map_err(cannot)?)
            .stderr(file)
            .spawn()
            .map_err(cannot)?;
        watchdog::started(process.id(), if farewell == Signal::QUIT { "QUIT" } else { "TERM" });
        Ok(Self { name: name.to_owned(), process, ended: None, farewell, folder, output })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// A folder that lives as long as the process.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it wrote so far.
    #[must_use]
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.output).unwrap_or_default()).into_owned()
    }

    /// Sends a signal, to this process only: `Signal::STOP` makes a server that accepts and never answers.
    ///
    /// # Errors
    /// When the process has ended.
    pub fn signal(&self, signal: Signal) -> Result<(), String> {
        if self.ended.is_some() {
            return Err(format!("{} has ended", self.name));
        }
        self::signal(self.pid(), signal)
    }

    /// How it ended, once it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none()
            && let Ok(Some(status)) = self.process.try_wait()
        {
            watchdog::ended(self.pid());
            self.ended = Some(status);
        }
        self.ended
    }

    /// Waits for the process to end by itself.
    ///
    /// # Errors
    /// When it has not within `patience`.
    pub fn wait(&mut self, patience: Duration) -> Result<ExitStatus, String> {
        let since = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return Ok(status);
            }
            if since.elapsed() > patience {
                return Err(format!("{} has not ended within {patience:?}", self.name));
            }
            sleep(PAUSE);
        }
    }

    /// Waits until `reached` says so.
    ///
    /// # Errors
    /// When `patience` is over, and as soon as the process ends, with what it wrote.
    pub fn wait_until(
        &mut self,
        what: &str,
        patience: Duration,
        mut reached: impl FnMut(&Self) -> bool,
    ) -> Result<(), String> {
        let since = Instant::now();
        while !reached(self) {
            if let Some(status) = self.ended() {
                return Err(format!("{} ended ({status}) before {what}:\n{}", self.name, self.output()));
            }
            if since.elapsed() > patience {
                return Err(format!("{}: not {what} within {patience:?}:\n{}", self.name, self.output()));
            }
            sleep(PAUSE);
        }
        Ok(())
    }

    /// The rest of the first whole line of its output that begins with `beginning`: a server's own word for the port
    /// that the system gave it leaves no doubt whose server answers there.
    ///
    /// # Errors
    /// As [`wait_until`](Self::wait_until).
    pub fn wait_for_line(&mut self, beginning: &str, patience: Duration) -> Result<String, String> {
        let mut found = None;
        self.wait_until(&format!("saying '{beginning}'"), patience, |child| {
            let output = child.output();
            let mut whole = output.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
            found = whole.find_map(|line| line.strip_prefix(beginning).map(|rest| rest.trim().to_owned()));
            found.is_some()
        })?;
        Ok(found.unwrap_or_default())
    }

    /// Asks the process to end, and kills it and its group when it has not after three seconds.
    pub fn stop(&mut self) {
        if self.ended().is_none() {
            let _ = self.signal(self.farewell);
            let _ = self.signal(Signal::CONT);
            if self.wait(Duration::from_secs(3)).is_err() {
                self.kill();
            }
        }
        self.kill_group();
    }

    /// Ends the process at once, as a crash would: it gets no chance to tidy up.
    pub fn kill(&mut self) {
        if self.ended().is_none() {
            let _ = self.process.kill();
            let _ = self.process.wait();
            self.ended();
        }
    }

    fn kill_group(&self) {
        if let Some(group) = pid(self.pid()) {
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Sends a signal to a process.
///
/// # Errors
/// When there is no such process, or it belongs to someone else.
pub fn signal(process: u32, signal: Signal) -> Result<(), String> {
    let known = pid(process).ok_or_else(|| format!("{process} is not a process id"))?;
    rustix::process::kill_process(known, signal).map_err(|e| format!("process {process} cannot be signalled: {e}"))
}

/// Whether there is such a process.
#[must_use]
pub fn exists(process: u32) -> bool {
    pid(process).is_some_and(|process| rustix::process::test_kill_process(process).is_ok())
}

fn pid(process: u32) -> Option<Pid> {
    i32::try_from(process).ok().and_then(Pid::from_raw)
}

/// A TCP port of the loopback interface that was free a moment ago. Prefer a server that binds to port 0 and says which
/// one it got: another process may take this one first.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// Whether a connection to this port of the loopback interface is accepted.
#[must_use]
pub fn port_answers(port: u16) -> bool {
    TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), Duration::from_secs(1)).is_ok()
}

/// The status that a GET of `http://HOST:PORT/…` is answered with, if it is within two seconds.
#[must_use]
pub fn http_status(url: &str) -> Option<u16> {
    let (host, path) = url.strip_prefix("http://")?.split_once('/').unwrap_or((url.strip_prefix("http://")?, ""));
    let mut connection = TcpStream::connect(host).ok()?;
    connection.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    write!(connection, "GET /{path} HTTP/1.0\r\nHost: {host}\r\n\r\n").ok()?;
    let mut line = [0; 12];
    connection.read_exact(&mut line).ok()?;
    std::str::from_utf8(&line).ok()?.rsplit(' ').next()?.parse().ok()
}

/// Waits until `reached` says so, looking a hundred times a second.
///
/// # Errors
/// When `patience` is over.
pub fn wait_until(what: &str, patience: Duration, mut reached: impl FnMut() -> bool) -> Result<(), String> {
    let since = Instant::now();
    while !reached() {
        if since.elapsed() > patience {
            return Err(format!("not {what} within {patience:?}"));
        }
        sleep(PAUSE);
    }
    Ok(())
}
