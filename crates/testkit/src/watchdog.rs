//! Leaves nothing running and nothing lying about, however the test process ends.
//!
//! A `static` is never dropped, and a process that is killed drops nothing at all. So the first child or folder of a
//! test process starts a small shell that reads from a pipe: what was started, what ended, what was made. The system
//! closes the pipe with the process, and the shell then stops and removes what is left. It belongs to a process group
//! of its own, so that neither Ctrl-C nor a runner that kills a group stops it, and holds none of the test's output.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

static WATCHDOG: OnceLock<Mutex<Child>> = OnceLock::new();

/// `signal` is the name of the one that asks this process to end, as the shell's `kill` knows it.
pub fn started(pid: u32, signal: &str) {
    tell(&format!("started {pid} {signal}\n"));
}

pub fn ended(pid: u32) {
    tell(&format!("ended {pid}\n"));
}

pub fn folder_made(folder: &Path) {
    tell(&format!("made {}\n", folder.display()));
}

fn tell(line: &str) {
    let mut watchdog = WATCHDOG.get_or_init(start).lock().unwrap_or_else(PoisonError::into_inner);
    let pipe = watchdog.stdin.as_mut().expect("its standard input is a pipe");
    pipe.write_all(line.as_bytes()).expect("the watchdog listens");
}

fn start() -> Mutex<Child> {
    let watchdog = Command::new("sh")
        .args(["-c", include_str!("watchdog.sh"), "innkeeper-test-watchdog"])
        .process_group(0)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Mutex::new(watchdog.expect("a shell for the watchdog"))
}
