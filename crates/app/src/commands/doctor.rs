use kernel::{Error, Result};
use serde_json::json;

use crate::cli::{Common, Report};
use crate::{instance, wiring};

/// Check every invariant of the books
///
/// Reads everything and changes nothing. Exit code 1 and a list when something is broken.
#[derive(Debug, clap::Args)]
pub struct Doctor {}

pub async fn run(common: &Common, _: Doctor) -> Result<Report> {
    let app = instance::open(common).await?;
    let findings = wiring::doctor(&mut app.db.read().await?).await?;
    if findings.is_empty() {
        let checks = wiring::doctor_checks();
        let text = format!("The books are sound: {} checks found nothing.", checks.len());
        return Ok(Report::new(text, json!({ "sound": true, "checks": checks, "findings": [] })));
    }
    if common.json {
        println!("{}", json!({ "sound": false, "findings": findings }));
    }
    let lines: Vec<String> =
        findings.iter().map(|finding| format!("{}\n    broken: {}", finding.detail, finding.check)).collect();
    Err(Error::refused(format!("The books are not sound:\n  {}", lines.join("\n  "))))
}
