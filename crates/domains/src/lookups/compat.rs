//! `DomainWhois`.

use accounts::doors::{Action, CompatCx, Routes};
use kernel::{DomainName, Result};
use platform::compat::Answer;

use super::{Freshness, LOOK_UP, State};
use crate::lookups;

pub fn routes() -> Routes {
    Routes::new().action(Action::new("DomainWhois", LOOK_UP, whois))
}

/// What could not be found out is an error there: callers take every status but `available` for taken, and would be told
/// something that nobody knows.
async fn whois(cx: CompatCx) -> Result<Answer> {
    let Ok(name) = DomainName::parse(cx.request.text("domain").unwrap_or_default()) else {
        return Ok(Answer::error("Domain not valid"));
    };
    let found = lookups::look_up(&cx.app, &cx.actor, &[name], Freshness::Kept).await?;
    let Some(found) = found.into_iter().next() else { return Ok(Answer::error("Domain not valid")) };
    Ok(match found.state {
        State::Available => Answer::success().with("status", "available").with("whois", found.text),
        State::Registered | State::Reserved => {
            Answer::success().with("status", "unavailable").with("whois", found.text)
        }
        State::Unknown if found.why.contains("no WHOIS server is known") => {
            Answer::error("The given TLD is not supported for WHOIS lookups")
        }
        State::Unknown => Answer::error(format!("Could not find out: {}", found.why)),
    })
}
