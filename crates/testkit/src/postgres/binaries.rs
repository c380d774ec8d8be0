//! Where PostgreSQL's server programs are. The build script asks too.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder that holds `initdb` and `postgres`: the one `pg_config` names, the newest of Debian's, or one in `PATH`.
///
/// # Errors
/// Why PostgreSQL cannot be started here.
pub fn find() -> Result<PathBuf, String> {
    let configured = said_by("pg_config", &["--bindir"]).map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = configured
        .into_iter()
        .chain(debian())
        .chain(std::env::split_paths(&path))
        .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
        .ok_or("PostgreSQL's binaries are not installed")?;
    if is_root() && user().is_none() {
        return Err("PostgreSQL does not run as root, and there is no user postgres to run it as".to_owned());
    }
    Ok(found)
}

/// Debian's folders, newest first.
fn debian() -> Vec<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<u32> = versions.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    versions.into_iter().map(|version| Path::new("/usr/lib/postgresql").join(version.to_string()).join("bin")).collect()
}

/// Whether this process is root's.
pub fn is_root() -> bool {
    said_by("id", &["-u"]).is_some_and(|id| id == "0")
}

/// The ids of user and group of `postgres`, if there is such a user.
pub fn user() -> Option<(u32, u32)> {
    Some((said_by("id", &["-u", "postgres"])?.parse().ok()?, said_by("id", &["-g", "postgres"])?.parse().ok()?))
}

fn said_by(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !said.is_empty()).then_some(said)
}
