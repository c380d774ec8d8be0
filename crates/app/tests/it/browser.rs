//! The pages in a real browser (Debian's Chromium through playwright-core): on a phone and on a desktop, light and dark,
//! with axe looking for what would keep somebody out.

use std::process::Command;
use std::time::Duration;

use testkit::process::Child;
use testkit::{Engine, Open, peers};

use crate::support::Place;

const SCREENS: [(&str, &str, &str); 3] = [("1440", "900", "light"), ("390", "844", "dark"), ("768", "1024", "light")];

#[test]
fn a_morning_of_staff_in_a_browser() {
    let Some((node, chromium)) = peers::require(
        peers::node("playwright-core").and_then(|node| peers::chromium().map(|chromium| (node, chromium))),
    ) else {
        return;
    };
    let place = testkit::run(Place::open(Engine::Sqlite));
    let demo = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_innkeeper"));
        command.args(["demo"]).args(arguments).env("INNKEEPER_DATA", &place.folder);
        command
    };
    let prepared = demo(&["--no-serve", "--json"]).output().unwrap();
    assert!(prepared.status.success(), "{}", String::from_utf8_lossy(&prepared.stderr));
    let told = String::from_utf8(prepared.stdout).unwrap();
    let login: serde_json::Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    let mut server = Child::spawn("innkeeper demo", &mut demo(&["--listen", "127.0.0.1:0"])).unwrap();
    let line = server.wait_for_line("Innkeeper serves ", Duration::from_secs(60)).unwrap();
    let address = line.split("/admin").next().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser/flow.mjs");
    for (width, height, scheme) in SCREENS {
        let mut flow = Command::new("node");
        flow.current_dir(&node)
            .env("CHROMIUM", &chromium)
            .args([script, address, login["username"].as_str().unwrap(), login["password"].as_str().unwrap()])
            .args([width, height, scheme])
            .arg(place.folder.to_path_buf());
        let mut browser = Child::spawn("browser", &mut flow).unwrap();
        browser.wait(Duration::from_secs(240)).unwrap();
        let said = browser.output();
        assert!(said.contains("well"), "{width} {scheme}: {said}");
    }
}
