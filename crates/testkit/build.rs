//! Tells the library whether PostgreSQL can be tested against, so that `both_engines!` can mark a test as ignored:
//! the standard test harness knows of no test that is skipped while it runs.

#[path = "src/postgres/binaries.rs"]
mod binaries;

use std::path::Path;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(has_postgres)");
    for variable in ["PATH", "INNKEEPER_TEST_REQUIRE"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/postgres/binaries.rs");
    let found = binaries::find();
    match &found {
        Ok(folder) => println!("cargo::rerun-if-changed={}", folder.join("initdb").display()),
        // What is not there cannot be watched: Cargo would build anew each time. The lists of installed packages can.
        Err(_) => {
            for list in ["/var/lib/dpkg/status", "/lib/apk/db/installed", "/opt/homebrew/opt", "/usr/local/opt"] {
                if Path::new(list).exists() {
                    println!("cargo::rerun-if-changed={list}");
                }
            }
        }
    }
    if found.is_ok() || std::env::var("INNKEEPER_TEST_REQUIRE").is_ok_and(|required| required == "all") {
        println!("cargo::rustc-cfg=has_postgres");
    }
}
