//! However a test process ends, what it started ends and what it made is removed.
//!
//! Each test runs this very program again, has it start something, and watches what happens after its end.

#![allow(clippy::unwrap_used, reason = "its functions serve tests only")]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use testkit::process::{self, Child, Signal, wait_until};
use testkit::{Folder, peers, postgres};

const HOW: &str = "TESTKIT_TEST_ENDS";

/// Not a test of its own: what the others run.
#[test]
fn something_is_started() {
    let Ok(how) = std::env::var(HOW) else { return };
    let folder = Folder::new();
    println!("folder {}", folder.display());
    std::fs::write(folder.join("file"), "content").unwrap();
    // Deaf to SIGTERM, and with a child of its own.
    let deaf = r#"trap "" TERM; sleep 300 & echo "child $!"; while :; do sleep 1; done"#;
    let mut child = Child::spawn("sh", Command::new("sh").args(["-c", deaf])).unwrap();
    println!("process {}", child.pid());
    println!("process {}", child.wait_for_line("child ", Duration::from_secs(10)).unwrap());
    if how == "killed" {
        // Only here: the system itself hangs up on those that are stopped when their parent ends.
        child.signal(Signal::STOP).unwrap();
    }
    if postgres::available().is_ok() {
        let cluster = postgres::shared();
        println!("process {}", cluster.pid());
        println!("folder {}", cluster.url("x").split_once("host=").unwrap().1);
    }
    println!("all started");
    match how.as_str() {
        "killed" => std::thread::sleep(Duration::from_secs(300)),
        "panicking" => panic!("as asked"),
        "exiting" => std::process::exit(0),
        _ => {}
    }
}

/// Runs `something_is_started` to its end, and checks that nothing is left of it.
fn nothing_is_left_by(how: &str) {
    let mut runner = Command::new(std::env::current_exe().unwrap())
        .args(["something_is_started", "--exact", "--nocapture"])
        .env(HOW, how)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut processes, mut folders) = (Vec::<u32>::new(), Vec::<PathBuf>::new());
    for line in BufReader::new(runner.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        // The harness writes the test's name without a line end first.
        let line = line.rsplit(" ... ").next().unwrap();
        match line.split_once(' ') {
            Some(("process", pid)) => processes.push(pid.parse().unwrap()),
            Some(("folder", folder)) => folders.push(folder.into()),
            Some(("all", "started")) => break,
            _ => {}
        }
    }
    assert!(processes.len() >= 2 && !folders.is_empty(), "nothing was started");
    assert!(processes.iter().all(|pid| process::exists(*pid)) && folders.iter().all(|folder| folder.exists()));
    if how == "killed" {
        runner.kill().unwrap();
    }
    runner.wait().unwrap();
    let ended = wait_until("ended", Duration::from_secs(30), || !processes.iter().any(|pid| runs(*pid)));
    assert!(ended.is_ok(), "still running, of {processes:?}:\n{}", everything_that_runs());
    wait_until("removed", Duration::from_secs(15), || !folders.iter().any(|folder| folder.exists())).unwrap();
}

fn everything_that_runs() -> String {
    let listed = Command::new("ps").args(["-eo", "pid,ppid,pgid,stat,etime,args"]).output().unwrap();
    String::from_utf8_lossy(&listed.stdout).into_owned()
}

/// Not so when it has ended and only waits for its parent, which may be a lazy first process, to take notice.
fn runs(pid: u32) -> bool {
    let status = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().unwrap();
    let status = String::from_utf8_lossy(&status.stdout).trim().to_owned();
    !status.is_empty() && !status.starts_with('Z')
}

#[test]
fn nothing_is_left_by_a_test_that_passes() {
    nothing_is_left_by("passing");
}

#[test]
fn nothing_is_left_by_a_test_that_panics() {
    nothing_is_left_by("panicking");
}

#[test]
fn nothing_is_left_by_a_process_that_exits() {
    nothing_is_left_by("exiting");
}

#[test]
fn nothing_is_left_by_a_process_that_is_killed() {
    nothing_is_left_by("killed");
}

#[test]
fn a_child_is_gone_when_dropped() {
    let mut sleeper = Child::spawn("sleep", Command::new("sleep").arg("300")).unwrap();
    let (pid, folder) = (sleeper.pid(), sleeper.folder().to_owned());
    assert!(sleeper.ended().is_none() && folder.exists());
    drop(sleeper);
    assert!(!process::exists(pid) && !folder.exists());
}

#[test]
fn a_child_that_ends_early_is_told_from_one_that_is_slow() {
    let mut child = Child::spawn("sh", Command::new("sh").args(["-c", "echo out of rooms; exit 3"])).unwrap();
    let why = child.wait_for_line("listening", Duration::from_secs(10)).unwrap_err();
    assert!(why.contains("exit status: 3") && why.contains("out of rooms"), "{why}");
    assert_eq!(peers::require(Ok::<_, String>(1)), Some(1));
}
