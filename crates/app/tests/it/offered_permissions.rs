//! The permissions that roles are offered: all that are asked for, and none besides; and what the documentation says of them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use accounts::roles::names;
use innkeeper::wiring;

fn offered() -> BTreeSet<String> {
    wiring::routes().permissions().iter().map(|permission| permission.0.to_owned()).collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "tests" && name != "testing" {
                sources(&path, found);
            }
        } else if name.ends_with(".rs") && !name.contains("test") {
            found.push(path);
        }
    }
}

/// Every `Permission("…")` of the program itself.
fn declared() -> BTreeSet<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap() {
        let folder = entry.unwrap().path().join("src");
        if folder.is_dir() {
            sources(&folder, &mut found);
        }
    }
    let mut names = BTreeSet::new();
    for path in found {
        let text = std::fs::read_to_string(&path).unwrap();
        let program = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for rest in program.split("Permission(\"").skip(1) {
            names.insert(rest.split('"').next().unwrap().to_owned());
        }
    }
    names
}

#[test]
fn what_is_asked_for_is_offered_and_nothing_else() {
    let declared = declared();
    assert!(declared.len() > 40, "the sources are not found");
    assert_eq!(offered(), declared);
    assert_eq!(wiring_offers(), offered());
}

/// What the page of roles is given.
fn wiring_offers() -> BTreeSet<String> {
    testkit::run(async {
        let site = <crate::support::Site as testkit::Open>::open(testkit::Engine::Sqlite).await;
        let offered = site.app.get::<accounts::roles::Offered>().unwrap();
        offered.0.iter().map(|permission| permission.0.to_owned()).collect()
    })
}

/// The names of a section of `docs/permissions.md`.
fn documented(heading: &str) -> BTreeSet<String> {
    let text = include_str!("../../../../docs/permissions.md");
    let section = text.split(&format!("## {heading}\n")).nth(1).unwrap().split("\n## ").next().unwrap();
    section.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_documentation_names_what_waits_and_what_is_beyond() {
    let known: BTreeSet<String> =
        names::KNOWN.iter().flat_map(|(_, names)| names.iter().map(|name| (*name).to_owned())).collect();
    let offered = offered();
    let waiting: BTreeSet<String> = known.difference(&offered).cloned().collect();
    let beyond: BTreeSet<String> = offered.difference(&known).cloned().collect();
    assert_eq!(documented("Asked for"), known.intersection(&offered).cloned().collect(), "section “Asked for”");
    assert_eq!(documented("Waiting for their feature"), waiting, "section “Waiting for their feature”");
    assert_eq!(documented("Beyond the reference"), beyond, "section “Beyond the reference”");
}
