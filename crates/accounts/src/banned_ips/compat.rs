//! `AddBannedIp`.

use kernel::{Result, Timestamp};
use platform::compat::Answer;

use super::{ADD, InForce, NewBan, OwnAddress};
use crate::doors::{Action, CompatCx, Routes};
use crate::{banned_ips, company};

pub fn routes() -> Routes {
    Routes::new().action(Action::new("AddBannedIp", ADD, add_banned_ip))
}

/// The longest that `days` may say: a century.
const MOST_DAYS: i64 = 36_500;

/// `days` from now, or until `expires`; `confirm` is ours.
async fn add_banned_ip(cx: CompatCx) -> Result<Answer> {
    let zone = company::zone(&mut cx.app.db.read().await?).await?;
    let (new, own) = cx.request.read(|params| {
        let network = params.parsed("ip", banned_ips::network);
        let network = params.demand("ip", network);
        let reason = params.required("reason").map(str::to_owned);
        let until = params.parsed("expires", |text| company::moment(text, &zone));
        let days = match params.int("days") {
            Some(days) if !(1..=MOST_DAYS).contains(&days) => {
                return Err(params.refuse("days", format!("Enter 1 to {MOST_DAYS} days.")));
            }
            days => days,
        };
        let own = if params.bool("confirm").unwrap_or(false) { OwnAddress::Confirmed } else { OwnAddress::Refuse };
        let expires_at: Option<Timestamp> = until.or(days.map(|days| cx.now.plus_seconds(days * 86_400)));
        let expires_at = params.demand("days", expires_at);
        Ok((NewBan { network: network?, reason: reason?, expires_at: Some(expires_at?) }, own))
    })?;
    let mut tx = cx.app.db.write().await?;
    let ban = banned_ips::ban(&mut tx, &cx.actor, new, own, cx.now).await?;
    tx.commit().await?;
    cx.app.get::<InForce>()?.refresh(&cx.app).await?;
    Ok(Answer::success().with("banid", ban.id))
}
