//! `CapturePayment`.

use accounts::doors::{Action, CompatCx, Routes};
use kernel::{Error, Result};
use platform::compat::Answer;

use super::{CAPTURE, Ended};

pub fn routes() -> Routes {
    Routes::new().action(Action::new("CapturePayment", CAPTURE, capture_payment))
}

async fn capture_payment(cx: CompatCx) -> Result<Answer> {
    let (id, cvv) =
        cx.request.read(|params| Ok((params.required_int("invoiceid")?, params.filled("cvv").is_some())))?;
    if cvv {
        return Err(Error::invalid(
            "cvv",
            "A card's security number is never taken here; stored methods are charged without it.",
        ));
    }
    match super::attempt_now(&cx.app, &cx.actor, id).await {
        Ok(Ended::Succeeded { .. } | Ended::Pending) => Ok(Answer::success()),
        Ok(Ended::Nothing) | Err(Error::NotFound(_)) => Ok(Answer::error("Invoice Not Found or Not Unpaid")),
        // The documented sentence first, because callers compare it; our reason after it in a field of its own.
        Ok(ended) => Ok(Answer::error("Payment Attempt Failed").with("reason", ended.words())),
        Err(Error::Refused(reason)) if reason.starts_with("Invoice Not Found") => Ok(Answer::error(reason)),
        Err(Error::Refused(reason)) => Ok(Answer::error("Payment Attempt Failed").with("reason", reason)),
        Err(other) => Err(other),
    }
}
