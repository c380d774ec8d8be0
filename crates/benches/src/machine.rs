//! What the figures were measured on.

use std::process::Command;

/// A few lines: processor, memory, system, compiler.
pub fn description() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{cores} cores of {}, {} of memory, {}, {}",
        field("/proc/cpuinfo", "model name").unwrap_or_else(|| "an unknown processor".to_owned()),
        memory().unwrap_or_else(|| "an unknown amount".to_owned()),
        field("/etc/os-release", "PRETTY_NAME").unwrap_or_else(|| std::env::consts::OS.to_owned()),
        rustc().unwrap_or_else(|| "an unknown rustc".to_owned()),
    )
}

/// The first `name: value` or `name="value"` of a file.
fn field(file: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once([':', '='])?.1.trim().trim_matches('"').to_owned())
}

fn memory() -> Option<String> {
    let kib: u64 = field("/proc/meminfo", "MemTotal")?.split_whitespace().next()?.parse().ok()?;
    Some(format!("{} GiB", kib / (1024 * 1024)))
}

fn rustc() -> Option<String> {
    let output = Command::new("rustc").arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.split(" (").next()?.trim().to_owned())
}
