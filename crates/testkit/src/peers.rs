//! Other people's programs that the product is tested against, installed by `.ci/run` under `target/peers`.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use crate::folder::program;

/// What was found, or `None` after saying on standard output why the test is skipped.
///
/// # Panics
/// With `INNKEEPER_TEST_REQUIRE=all`, instead of skipping.
#[must_use]
pub fn require<T, E: Display>(found: Result<T, E>) -> Option<T> {
    match found {
        Ok(found) => Some(found),
        Err(why) if crate::everything_is_required() => panic!("INNKEEPER_TEST_REQUIRE=all, but {why}"),
        Err(why) => {
            println!("skipped: {why}");
            None
        }
    }
}

/// The folder that the peers are installed in: `INNKEEPER_PEERS`, or else `target/peers` of the workspace.
///
/// # Errors
/// When there is none, and how to get it.
pub fn folder() -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os("INNKEEPER_PEERS") {
        let named = PathBuf::from(named);
        return if named.is_dir() { Ok(named) } else { Err(format!("INNKEEPER_PEERS: no folder {}", named.display())) };
    }
    let start = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(std::env::current_dir, |crate_| Ok(crate_.into()));
    let start = start.map_err(|e| e.to_string())?;
    start
        .ancestors()
        .map(|above| above.join("target/peers"))
        .find(|peers| peers.is_dir())
        .ok_or_else(|| "no peers are installed: `.ci/run peers` does".to_owned())
}

/// The Python interpreter of the peers' environment, when `package`, as its registry names it, is installed there.
///
/// # Errors
/// Why not.
pub fn python(package: &str) -> Result<PathBuf, String> {
    let environment = folder()?.join("venv");
    let installed = entries(&environment.join("lib"))
        .flat_map(|version| entries(&version.join("site-packages")))
        .any(|entry| distribution(&entry).is_some_and(|name| normalised(name) == normalised(package)));
    let python = environment.join("bin/python");
    if installed && python.exists() {
        Ok(python)
    } else {
        Err(format!("the Python package {package} is not installed: `.ci/run peers` does"))
    }
}

/// A program that tries to break in, such as `sqlmap` or `wapiti`.
///
/// # Errors
/// Why not.
pub fn attacker(name: &str) -> Result<PathBuf, String> {
    let program = folder()?.join("attack/bin").join(name);
    if program.exists() { Ok(program) } else { Err(format!("{name} is not installed: `.ci/run peers` does")) }
}

/// The folder to run `node` in, when `package` is installed there.
///
/// # Errors
/// Why not.
pub fn node(package: &str) -> Result<PathBuf, String> {
    program("node").ok_or("node is not installed")?;
    let folder = folder()?.join("node");
    if folder.join("node_modules").join(package).is_dir() {
        Ok(folder)
    } else {
        Err(format!("the npm package {package} is not installed: `.ci/run peers` does"))
    }
}

/// A program of the system, such as `pdftotext` or `qpdf`.
///
/// # Errors
/// When it is not in `PATH`.
pub fn system(name: &str) -> Result<PathBuf, String> {
    program(name).ok_or_else(|| format!("{name} is not installed"))
}

/// The browser.
///
/// # Errors
/// When it is not in `PATH` under any of its names.
pub fn chromium() -> Result<PathBuf, String> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    names.into_iter().find_map(program).ok_or_else(|| "chromium is not installed".to_owned())
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// `name` of `name-1.2.3.dist-info`.
fn distribution(entry: &Path) -> Option<&str> {
    Some(entry.file_name()?.to_str()?.strip_suffix(".dist-info")?.rsplit_once('-')?.0)
}

/// Package names differ in case, hyphens, underscores and dots without differing.
fn normalised(package: &str) -> String {
    package.to_lowercase().replace(['-', '.'], "_")
}
