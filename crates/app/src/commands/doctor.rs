use accounts::activity_log::seals;
use kernel::Result;
use serde_json::json;

use crate::cli::{Common, Report};
use crate::{instance, wiring};

/// Check every invariant of the books
///
/// Reads everything and changes nothing. Exit code 1 and a list when something is broken.
#[derive(Debug, clap::Args)]
pub struct Doctor {
    /// A seal of the activity log that was written down before, as this command tells it: it must still be there
    #[arg(long, value_name = "NUMBER:HASH")]
    seal: Option<String>,
}

pub async fn run(common: &Common, command: Doctor) -> Result<Report> {
    let app = instance::open(common).await?;
    let mut conn = app.db.read().await?;
    let kept = match &command.seal {
        Some(noted) => seals::has(&mut conn, noted).await?,
        None => true,
    };
    let mut findings = wiring::doctor(&mut conn).await?;
    if let (Some(noted), false) = (&command.seal, kept) {
        let detail = format!("The activity log does not have the seal {noted} any more: it was made anew");
        findings.push(billing::doctor::Finding { check: seals::CHECK, detail });
    }
    let newest = seals::newest(&mut conn).await?.map(|seal| seal.note());
    let checks = wiring::doctor_checks();
    let mut data = json!({ "sound": findings.is_empty(), "checks": checks, "findings": findings });
    data["newest_seal"] = json!(newest);
    if findings.is_empty() {
        let seal = newest.map(|note| format!("\nNewest seal of the activity log: {note}")).unwrap_or_default();
        let text = format!("The books are sound: {} checks found nothing.{seal}", checks.len());
        return Ok(Report::new(text, data));
    }
    let lines: Vec<String> =
        findings.iter().map(|finding| format!("{}\n    broken: {}", finding.detail, finding.check)).collect();
    let text = format!("The books are not sound:\n  {}", lines.join("\n  "));
    Ok(Report::new(text, data).failing(true))
}
