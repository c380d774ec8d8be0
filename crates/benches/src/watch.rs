//! Processor time of other processes: of a server that is measured while this process asks it for pages.

use std::time::Duration;

/// A server, and the PostgreSQL server behind it.
#[derive(Debug, Clone, Copy)]
pub struct Watched {
    pub process: u32,
    pub postgres: Option<u32>,
}

impl Watched {
    /// This process itself, for requests that never leave it.
    pub fn own(postgres: Option<u32>) -> Watched {
        Watched { process: std::process::id(), postgres }
    }

    /// User and system time so far, of all threads, in nanoseconds. Threads that have ended are not in it.
    pub fn cpu(&self) -> Duration {
        let nanos = of_threads(self.process) + self.postgres.map_or(0, of_family);
        Duration::from_nanos(nanos)
    }

    /// Memory that is resident, in MiB.
    pub fn memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1024.0
    }
}

fn of_threads(process: u32) -> u64 {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    threads.filter_map(|thread| on_processor(&thread.path().join("schedstat"))).sum()
}

/// A PostgreSQL server and its children, each of one thread.
fn of_family(server: u32) -> u64 {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|process| *process == server || parent(*process) == Some(server))
        .map(of_threads)
        .sum()
}

/// The first field of a schedstat: nanoseconds on the processor.
fn on_processor(path: &std::path::Path) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.split_whitespace().next()?.parse().ok()
}

fn parent(process: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}
