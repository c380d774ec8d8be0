//! The OpenAPI document is valid, and the running program does what it says: Schemathesis makes requests out of it, good
//! and bad ones, and compares the answers with it. The seed is fixed, so every run asks the same.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use testkit::peers;
use testkit::process::Child;

use crate::support::{Place, Served, http};

const NO_LIMITS: &[(&str, &str)] =
    &[("api_requests_per_minute", "0"), ("api_refusals_per_minute", "0"), ("failed_api_ban_minutes", "0")];

fn finish(name: &str, mut command: Command) -> String {
    let mut child = Child::spawn(name, command.env("PYTHONDONTWRITEBYTECODE", "1")).unwrap();
    let ended = child.wait(Duration::from_secs(300)).unwrap();
    let output = child.output();
    assert!(ended.success(), "{output}");
    output
}

testkit::both_engines! {
    async fn the_document_is_valid_and_true(place: Place) {
        let needed = ["schemathesis", "openapi-spec-validator", "whmcspy"].map(peers::python);
        let Some(python) = peers::require(needed.into_iter().collect::<Result<Vec<_>, _>>()).map(|found| found[0].clone()) else {
            return;
        };
        // On one engine everything, on the other what depends on it most.
        let (phases, seed) = if place.url.starts_with("sqlite:") {
            ("examples,coverage,fuzzing,stateful", "1")
        } else {
            ("fuzzing,stateful", "2")
        };
        let served = Served::start(place, NO_LIMITS);
        let address = format!("{}/api/openapi.json", served.url);
        let document = served.place.folder.join("openapi.json");
        std::fs::write(&document, http().get(&address).send().await.unwrap().bytes().await.unwrap()).unwrap();
        let mut validator = Command::new(&python);
        validator.args(["-m", "openapi_spec_validator"]).arg(&document);
        assert!(finish("openapi-spec-validator", validator).contains(": OK"));

        // Something that ids can name.
        served.drive(&python, None, "drive_whmcspy.py", "/includes/api.php", &[]);
        let mut schemathesis = Command::new(python.with_file_name("schemathesis"));
        schemathesis
            .current_dir(&*served.place.folder)
            .env("PYTHONPATH", Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openapi"))
            .args(["--no-color", "--config-file"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openapi/schemathesis.toml"))
            .args(["run", &address, "--checks", "all", "--phases", phases, "--max-examples", "5", "--seed", seed])
            .args(["--workers", "1", "--continue-on-failure", "--no-shrink", "--generation-database", "none"])
            .args(["-a", &format!("{}:{}", served.login.identifier, served.login.secret)]);
        finish("schemathesis", schemathesis);
        served.sound();
    }
}
