//! What a piece of work cost: processor time of this process and of PostgreSQL's, and time on the wall.

use std::time::{Duration, Instant};

use rustix::param::clock_ticks_per_second;
use rustix::time::{ClockId, clock_gettime};

#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// User and system, of all threads and of the database server's processes.
    pub cpu: Duration,
    pub wall: Duration,
}

/// Whose time is counted.
#[derive(Debug, Clone, Copy)]
pub struct Meter {
    /// The PostgreSQL server, whose children are its sessions and writers.
    pub server: Option<u32>,
}

/// A measurement that has begun.
pub struct Running {
    meter: Meter,
    cpu: Duration,
    wall: Instant,
}

impl Meter {
    pub fn start(self) -> Running {
        Running { meter: self, cpu: self.cpu(), wall: Instant::now() }
    }

    fn cpu(self) -> Duration {
        let own = clock_gettime(ClockId::ProcessCPUTime);
        let own = Duration::new(own.tv_sec.unsigned_abs(), u32::try_from(own.tv_nsec).unwrap_or_default());
        own + self.server.map_or(Duration::ZERO, server_cpu)
    }
}

impl Running {
    pub fn stop(self) -> Cost {
        Cost { wall: self.wall.elapsed(), cpu: self.meter.cpu().saturating_sub(self.cpu) }
    }
}

/// Processor time of a server, of its children, and of those of its children that have ended.
fn server_cpu(server: u32) -> Duration {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ticks: u64 = processes
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter_map(|process| Some((process, Stat::of(process)?)))
        .map(|(process, stat)| match process {
            _ if process == server => stat.own + stat.ended_children,
            _ if stat.parent == server => stat.own,
            _ => 0,
        })
        .sum();
    Duration::from_nanos(ticks * (1_000_000_000 / clock_ticks_per_second()))
}

struct Stat {
    parent: u32,
    own: u64,
    ended_children: u64,
}

impl Stat {
    /// See proc(5). The name in parentheses may contain anything, so fields are counted from behind it.
    fn of(process: u32) -> Option<Stat> {
        let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
        Some(Stat {
            parent: fields.get(1)?.parse().ok()?,
            own: ticks(11)? + ticks(12)?,
            ended_children: ticks(13)? + ticks(14)?,
        })
    }
}

/// The one in the middle by processor time.
pub fn median(mut costs: Vec<Cost>) -> Cost {
    costs.sort_by_key(|cost| cost.cpu);
    costs[costs.len() / 2]
}

/// Forgets how much memory this process once had, so that [`peak_memory`] speaks of what comes.
pub fn forget_peak_memory() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// The most memory this process had in hand, in MiB.
pub fn peak_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or_default() / 1024.0
}
