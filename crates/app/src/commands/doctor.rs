use kernel::Result;
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
    let checks = wiring::doctor_checks();
    if findings.is_empty() {
        let text = format!("The books are sound: {} checks found nothing.", checks.len());
        return Ok(Report::new(text, json!({ "sound": true, "checks": checks, "findings": [] })));
    }
    let lines: Vec<String> =
        findings.iter().map(|finding| format!("{}\n    broken: {}", finding.detail, finding.check)).collect();
    let text = format!("The books are not sound:\n  {}", lines.join("\n  "));
    Ok(Report::new(text, json!({ "sound": false, "checks": checks, "findings": findings })).failing(true))
}
