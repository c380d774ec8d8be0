//! Launch phases (RFC 8334), of a registry that is open: names can be checked for claims, and are registered in the
//! phases `open` and `claims`.

use super::answer::{Done, Refusal};
use super::command::Call;
use super::xml::{Element, LAUNCH, Sequence, Writer, choice, only_attributes, token};

const PHASES: [&str; 5] = ["sunrise", "landrush", "claims", "open", "custom"];

fn phase(element: Element<'_>) -> Result<String, Refusal> {
    only_attributes(element, &["name"])?;
    let phase = token(element, 1, 20)?;
    if PHASES.contains(&phase.as_str()) { Ok(phase) } else { Err(Refusal::because(2001, "phase is not known")) }
}

fn in_phase(phase: &str) -> Result<(), Refusal> {
    let known = matches!(phase, "open" | "claims");
    if known { Ok(()) } else { Err(Refusal::because(2306, "The registry is not in this phase")) }
}

/// The answer to a check of the forms `claims` and `trademark` (section 3.1.1 and 3.1.3), which take the place of the
/// check of availability; `None` when that is what is asked for.
pub(super) fn checked(call: &Call<'_>, names: &[String]) -> Result<Option<Done>, Refusal> {
    let Some(element) = call.extension(LAUNCH) else { return Ok(None) };
    only_attributes(element, &["type"])?;
    let form = choice(element, "type", &["claims", "avail", "trademark"])?.unwrap_or("claims");
    let mut fields = Sequence::of(element)?;
    let asked = fields.maybe("phase").map(phase).transpose()?;
    fields.end()?;
    if form != "trademark" {
        in_phase(asked.as_deref().ok_or_else(|| Refusal::because(2003, "phase"))?)?;
    }
    if form == "avail" {
        return Ok(None);
    }
    let mut out = Writer::new();
    out.open("launch:chkData", &[("xmlns:launch", LAUNCH)]).maybe("launch:phase", asked.as_deref());
    for name in names {
        let zone = call.state.zone_of(name).ok();
        let key = zone.and_then(|zone| zone.claims.get(name));
        let exists = if key.is_some() { "1" } else { "0" };
        out.open("launch:cd", &[]).text_with("launch:name", &[("exists", exists)], name);
        out.maybe("launch:claimKey", key.map(String::as_str)).close("launch:cd");
    }
    Ok(Some(Done { code: 1000, data: String::new(), extension: out.close("launch:chkData").finish() }))
}

/// Whether a name may be registered by this `launch:create` (section 3.3.4); a name with claims needs the notice that
/// its registrant accepted, in the phase `claims`.
pub(super) fn created(call: &Call<'_>, name: &str) -> Result<(), Refusal> {
    let Some(element) = call.extension(LAUNCH) else { return Ok(()) };
    only_attributes(element, &["type"])?;
    if choice(element, "type", &["application", "registration"])? == Some("application") {
        return Err(Refusal::because(2306, "Names are registered, not applied for"));
    }
    let mut fields = Sequence::of(element)?;
    let asked = phase(fields.one("phase")?)?;
    let notice = fields.maybe("notice");
    if let Some(notice) = notice {
        let mut fields = Sequence::of(notice)?;
        token(fields.one("noticeID")?, 1, 255)?;
        for date in ["notAfter", "acceptedDate"] {
            let date = token(fields.one(date)?, 1, 40)?;
            date.parse::<jiff::Timestamp>().map_err(|_| Refusal::because(2001, "Not a date and time"))?;
        }
        fields.end()?;
    }
    fields.end()?;
    in_phase(&asked)?;
    let claimed = call.state.zone_of(name)?.claims.contains_key(name);
    if asked == "claims" && claimed && notice.is_none() {
        return Err(Refusal::because(2003, "The name has claims: the notice is required"));
    }
    Ok(())
}
