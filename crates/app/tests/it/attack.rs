//! Programs that break in for a living find nothing: sqlmap in what the addresses of pages and of the JSON API take, wapiti in
//! what it can reach by links and forms. Each is shown first that it would find something, at a server with holes.
//!
//! `cargo test -p innkeeper --test it attack` tries a part of it in some minutes; with `-- --ignored attack` everything, which
//! takes an hour or so.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use testkit::peers;
use testkit::process::Child;

use crate::support::{Place, Served, http};

const NO_LIMITS: &[(&str, &str)] = &[
    ("api_requests_per_minute", "0"),
    ("api_refusals_per_minute", "0"),
    ("failed_api_ban_minutes", "0"),
    ("failed_staff_login_ban_minutes", "0"),
    ("failed_client_login_ban_minutes", "0"),
    ("logins_per_minute", "0"),
];

/// How much is tried.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    Part,
    Everything,
}

impl Depth {
    /// Arguments of sqlmap, seconds of wapiti's crawl and of each of its modules.
    fn measures(self) -> (&'static [&'static str], &'static str, &'static str) {
        match self {
            Depth::Part => (&["--level=1", "--risk=1", "--technique=BEU"], "20", "15"),
            Depth::Everything => (&["--level=3", "--risk=2", "--technique=BEUSQ"], "600", "600"),
        }
    }
}

struct Attackers {
    sqlmap: PathBuf,
    wapiti: PathBuf,
    depth: Depth,
    folder: PathBuf,
}

fn ended(name: &str, command: &mut Command) -> String {
    let mut child = Child::spawn(name, command.env("PYTHONDONTWRITEBYTECODE", "1")).unwrap();
    let ended = child.wait(Duration::from_secs(7200)).unwrap();
    let output = child.output();
    assert!(ended.success(), "{name}: {output}");
    output
}

impl Attackers {
    /// The injections that sqlmap finds in the parameters of these addresses.
    fn sql(&self, addresses: &[String], header: &str) -> Vec<String> {
        let list = self.folder.join("addresses.txt");
        let found = self.folder.join("found.csv");
        let _ = std::fs::remove_file(&found);
        std::fs::write(&list, addresses.join("\n")).unwrap();
        let mut command = Command::new(&self.sqlmap);
        command.args(["--batch", "--disable-coloring", "--flush-session", "--headers", header, "-m"]).arg(&list);
        command.arg("--results-file").arg(&found).arg("--output-dir").arg(self.folder.join("sqlmap"));
        let output = ended("sqlmap", command.args(self.depth.measures().0));
        let tested = output.matches("testing for SQL injection on").count();
        assert!(tested >= addresses.len(), "{tested} parameters of {} addresses were tried: {output}", addresses.len());
        let report = std::fs::read_to_string(&found).unwrap();
        report.lines().skip(1).filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
    }

    /// What wapiti finds from an address on, and how many pages it has seen.
    fn web(&self, address: &str, cookie: &str, not: &[&str]) -> (Vec<String>, u64) {
        let report = self.folder.join("wapiti.json");
        let _ = std::fs::remove_file(&report);
        let (_, crawl, module) = self.depth.measures();
        let mut command = Command::new(&self.wapiti);
        command.args(["-u", address, "--scope", "folder", "--flush-session", "--no-bugreport", "--verify-ssl", "0"]);
        // Not `file`: it takes any answer that quotes a path for one that has opened it.
        command.args(["-m", "sql,xss,permanentxss,exec,redirect,crlf", "--max-links-per-page", "15"]);
        command.args(["--max-files-per-dir", "5", "--max-scan-time", crawl, "--max-attack-time", module]);
        command.args(["-H", &format!("Cookie: {cookie}"), "-f", "json", "-o"]).arg(&report);
        command.arg("--store-session").arg(self.folder.join("wapiti")).env("HOME", &self.folder);
        for address in not {
            command.args(["-x", address]);
        }
        ended("wapiti", &mut command);
        let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
        let found = report["vulnerabilities"].as_object().unwrap().iter().flat_map(|(kind, all)| {
            let of =
                move |one: &serde_json::Value| format!("{kind}: {} {} {}", one["method"], one["path"], one["info"]);
            all.as_array().unwrap().iter().map(of)
        });
        (found.collect(), report["infos"]["crawled_pages_nbr"].as_u64().unwrap())
    }

    /// Both find what is there to find.
    fn prove(&self, python: &Path) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/attack/control.py");
        let mut server = Child::spawn("control", Command::new(python).arg(script)).unwrap();
        let line = server.wait_for_line("Listening on ", Duration::from_secs(30)).unwrap();
        let url = line.trim();
        assert_eq!(self.sql(&[format!("{url}/?q=apple")], "X-Nothing: 1").len(), 1, "sqlmap is blind");
        let (found, _) = self.web(&format!("{url}/"), "a=b", &[]);
        assert!(
            found.iter().any(|one| one.contains("SQL")) && found.iter().any(|one| one.contains("Cross Site Scripting")),
            "{found:?}"
        );
    }
}

/// The addresses of the JSON API's lists, with something in each of their parameters.
async fn lists(served: &Served, depth: Depth) -> Vec<String> {
    let document = http().get(format!("{}/api/openapi.json", served.url)).send().await.unwrap();
    let document: serde_json::Value = document.json().await.unwrap();
    let mut addresses = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let parameters = operations["get"]["parameters"].as_array().cloned().unwrap_or_default();
        let text = |name: &&str| depth == Depth::Everything || !["page", "after", "from", "until"].contains(name);
        let of = |place: &str| {
            parameters
                .iter()
                .filter(|one| one["in"] == place)
                .filter_map(|one| one["name"].as_str())
                .collect::<Vec<_>>()
        };
        let pairs: Vec<String> = of("query").iter().filter(|name| text(name)).map(|name| format!("{name}=1")).collect();
        if pairs.is_empty() || (depth == Depth::Part && !of("path").is_empty()) {
            continue;
        }
        let path =
            path.split('/').map(|part| if part.starts_with('{') { "1" } else { part }).collect::<Vec<_>>().join("/");
        addresses.push(format!("{}{path}?{}", served.url, pairs.join("&")));
    }
    addresses
}

/// The addresses of the staff area's pages whose filters are forms, with something in each field.
async fn filters(served: &Served, cookie: &str) -> Vec<String> {
    let mut addresses = BTreeSet::new();
    for item in innkeeper::wiring::nav().sections.iter().flat_map(|section| &section.items) {
        let request = http().get(format!("{}{}", served.url, item.href)).header("cookie", cookie);
        let page = request.send().await.unwrap().text().await.unwrap();
        for form in
            page.split("<form ").skip(1).filter(|form| form.split('>').next().unwrap().contains("method=\"get\""))
        {
            let inside = form.split("</form>").next().unwrap();
            let names: BTreeSet<&str> =
                inside.split(" name=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
            let pairs: Vec<String> = names.iter().map(|name| format!("{name}=1")).collect();
            if pairs.len() > 1 {
                addresses.insert(format!("{}{}?{}", served.url, item.href, pairs.join("&")));
            }
        }
    }
    addresses.into_iter().collect()
}

async fn attack(place: Place, depth: Depth) {
    let found = ["sqlmap", "wapiti"].map(peers::attacker).into_iter().collect::<Result<Vec<_>, _>>();
    let all = found.and_then(|found| peers::python("whmcspy").map(|python| (found, python)));
    let Some((found, python)) = peers::require(all) else { return };
    let served = Served::start(place, NO_LIMITS);
    served.drive(&python, None, "drive_whmcspy.py", "/includes/api.php", &[]);
    let cookie = served.cookie().await;
    let folder = served.place.folder.to_path_buf();
    let attackers = Attackers { sqlmap: found[0].clone(), wapiti: found[1].clone(), depth, folder };
    // A first look shares the work between the engines.
    let everything = depth == Depth::Everything;
    let sqlite = served.place.url.starts_with("sqlite:");
    if everything || !sqlite {
        attackers.prove(&python);
        let api = lists(&served, depth).await;
        assert!(api.len() > 10, "{api:?}");
        assert_eq!(attackers.sql(&api, &format!("Authorization: {}", served.login.basic())), [""; 0]);
    }
    if !everything && !sqlite {
        return;
    }
    let mut pages = filters(&served, &cookie).await;
    assert!(pages.len() > 5, "{pages:?}");
    if !everything {
        pages.truncate(6);
    }
    assert_eq!(attackers.sql(&pages, &format!("Cookie: {cookie}")), [""; 0]);

    let out = [format!("{}/admin/logout", served.url), format!("{}/admin/account/log-out", served.url)];
    let out: Vec<&str> = out.iter().map(String::as_str).collect();
    let (found, seen) = attackers.web(&format!("{}/admin/clients", served.url), &cookie, &out);
    assert!(found.is_empty(), "{found:?}");
    assert!(seen > 20, "only {seen} pages were seen: is it logged in?");
    let (found, seen) = attackers.web(&format!("{}/login", served.url), "a=b", &[]);
    assert!(found.is_empty() && seen > 2, "{seen} {found:?}");
    served.sound();
}

testkit::both_engines! {
    async fn sqlmap_and_wapiti_find_nothing_at_a_first_look(place: Place) {
        attack(place, Depth::Part).await;
    }

    #[ignore = "takes an hour or so"]
    async fn sqlmap_and_wapiti_find_nothing_in_a_whole_attack(place: Place) {
        attack(place, Depth::Everything).await;
    }
}
