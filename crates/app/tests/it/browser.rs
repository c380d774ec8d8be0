//! The pages in a real browser (Debian's Chromium through playwright-core): on a phone and on a desktop, light and dark,
//! with axe looking for what would keep somebody out.

use std::process::Command;
use std::time::Duration;

use testkit::process::Child;
use testkit::{Engine, Open, peers};

use crate::support::Place;

const SCREENS: [(&str, &str, &str); 3] = [("1440", "900", "light"), ("390", "844", "dark"), ("768", "1024", "light")];

/// The demonstration, served, and what a browser needs to look at it.
struct Shown {
    place: Place,
    node: std::path::PathBuf,
    chromium: std::path::PathBuf,
    login: serde_json::Value,
    address: String,
    _server: Child,
}

impl Shown {
    fn open() -> Option<Shown> {
        let found = peers::node("playwright-core").and_then(|node| peers::chromium().map(|chromium| (node, chromium)));
        let (node, chromium) = peers::require(found)?;
        let place = testkit::run(Place::open(Engine::Sqlite));
        let demo = |arguments: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_innkeeper"));
            command.args(["demo"]).args(arguments).env("INNKEEPER_DATA", &place.folder);
            command
        };
        let prepared = demo(&["--no-serve", "--json"]).output().unwrap();
        assert!(prepared.status.success(), "{}", String::from_utf8_lossy(&prepared.stderr));
        let told = String::from_utf8(prepared.stdout).unwrap();
        let login = serde_json::from_str(told.lines().last().unwrap()).unwrap();
        let mut server = Child::spawn("innkeeper demo", &mut demo(&["--listen", "127.0.0.1:0"])).unwrap();
        let line = server.wait_for_line("Innkeeper serves ", Duration::from_secs(60)).unwrap();
        let address = line.split("/admin").next().unwrap().to_owned();
        Some(Shown { node, chromium, login, address, _server: server, place })
    }

    /// Runs a script that looks at the pages, and ends with 1 when it finds something wrong.
    fn pass(&self, script: &str, arguments: &[&str], within: Duration) {
        let script = format!("{}/tests/browser/{script}", env!("CARGO_MANIFEST_DIR"));
        let mut flow = Command::new("node");
        flow.current_dir(&self.node)
            .env("CHROMIUM", &self.chromium)
            .args([&script, &self.address, self.login["username"].as_str().unwrap()])
            .arg(self.login["password"].as_str().unwrap())
            .args(arguments);
        let mut browser = Child::spawn("browser", &mut flow).unwrap();
        let ended = browser.wait(within).unwrap();
        assert!(ended.success(), "{script} {arguments:?}: {}", browser.output());
    }
}

#[test]
fn a_morning_of_staff_in_a_browser() {
    let Some(shown) = Shown::open() else { return };
    let folder = shown.place.folder.to_string_lossy().into_owned();
    for (width, height, scheme) in SCREENS {
        shown.pass("flow.mjs", &[width, height, scheme, &folder], Duration::from_secs(240));
    }
}

#[test]
fn every_page_in_a_browser_with_and_without_scripts() {
    let Some(shown) = Shown::open() else { return };
    shown.pass("pages.mjs", &[], Duration::from_secs(900));
}

/// An installation that is served under a host name, which browsers bind passkeys to.
struct Installed {
    place: Place,
    address: String,
    _server: Child,
}

impl Installed {
    fn new(before: impl FnOnce(&Place)) -> Installed {
        let place = testkit::run(Place::open(Engine::Sqlite));
        place.done(&["init"]);
        before(&place);
        let (server, address) = place.serve(&["--no-worker"]);
        let address = address.replace("127.0.0.1", "localhost");
        place.done(&["setting", "set", "system_url", &address]);
        Installed { place, address, _server: server }
    }

    fn pass(&self, script: &str, arguments: &[&str]) {
        let found = peers::node("playwright-core").and_then(|node| peers::chromium().map(|chromium| (node, chromium)));
        let Some((node, chromium)) = peers::require(found) else { return };
        let mut flow = Command::new("node");
        flow.current_dir(&node)
            .env("CHROMIUM", &chromium)
            .arg(format!("{}/tests/browser/{script}", env!("CARGO_MANIFEST_DIR")))
            .arg(&self.address)
            .args(arguments)
            .arg(&*self.place.folder);
        let mut browser = Child::spawn("browser", &mut flow).unwrap();
        let ended = browser.wait(Duration::from_secs(240)).unwrap();
        assert!(ended.success(), "{}", browser.output());
    }
}

#[test]
fn passkeys_and_apps_in_a_browser() {
    const PASSWORD: &str = "tangerine umbrella 17";
    let installed = Installed::new(|place| {
        let ana = ["admin", "create", "--username", "ana", "--email", "ana@example.com", "--password-stdin"];
        assert_eq!(place.run_with(&ana, PASSWORD).code, 0);
    });
    installed.pass("passkeys.mjs", &["ana", PASSWORD]);
}

#[test]
fn a_proof_of_work_in_a_browser() {
    let installed = Installed::new(|place| {
        for (key, value) in [("captcha", "proof_of_work"), ("captcha_login", "true"), ("captcha_work_bits", "20")] {
            place.done(&["setting", "set", key, value]);
        }
    });
    installed.pass("captcha.mjs", &[]);
}
