//! How settings change: checked as they will stand beside each other, all or none, with what they were in the activity
//! log. The pages, the command line and the JSON API come through here.

use kernel::{Error, FieldErrors, Result, Timestamp};
use platform::db::Tx;
use platform::settings::{self, Setting, Values};
use platform::{mail, secrets};

use crate::activity_log::{self, Activity, Actor, Change};
use crate::doors::limits;
use crate::{company, roles};

/// Settings that were stored, and what else that did.
#[derive(Debug, Default)]
pub struct Stored {
    /// In the order given; what already was so is among them.
    pub changes: Vec<Change>,
    pub note: Option<&'static str>,
}

const PASSWORD_GONE: &str = "The SMTP password was given for another server and is forgotten: mail waits until it is set \
                             again, with: innkeeper setting set smtp_password.";

/// Where links to passwords lead and who mails them, and whose word is taken for where a request comes from: with these
/// somebody could log in as anybody.
const MASTERS: &[&Setting] =
    &[&company::SYSTEM_URL, &limits::TRUSTED_PROXIES, &mail::HOST, &mail::PORT, &mail::SECURITY, &mail::USERNAME];

/// Says no beside the field to whoever may not do everything and would change such a setting.
async fn check_masters(tx: &mut Tx, by: &Actor, changed: &[&Setting]) -> Result<()> {
    let mut errors = FieldErrors::default();
    for setting in MASTERS.iter().filter(|master| changed.iter().any(|setting| setting.key == master.key)) {
        match roles::require_everything(tx, by, "change this: with it one could log in as anybody").await {
            Err(Error::Refused(why)) => errors.add(setting.key, why),
            other => other?,
        }
    }
    errors.check()
}

/// Stores values together. What already was so is not logged.
pub async fn store(tx: &mut Tx, by: &Actor, wanted: &[(&Setting, &str)], now: Timestamp) -> Result<Stored> {
    let stored = Values::load(tx).await?;
    let checked = settings::checked(&stored, wanted)?;
    let differs = |((setting, _), new): &(&(&Setting, &str), &String)| stored.text(setting) != new.as_str();
    let changed: Vec<&Setting> =
        wanted.iter().zip(&checked).filter(differs).map(|((setting, _), _)| *setting).collect();
    check_masters(tx, by, &changed).await?;
    let mut all = Vec::with_capacity(checked.len());
    for ((setting, _), new) in wanted.iter().zip(checked) {
        let change = Change { field: setting.key.to_owned(), old: stored.text(setting).to_owned(), new };
        settings::put(tx, setting, &change.new, now).await?;
        if change.old != change.new {
            let activity = Activity::new(format!("Setting “{}” changed", setting.label))
                .about(format!("setting:{}", setting.key))
                .changed(vec![change.clone()]);
            activity_log::record(tx, by, activity, now).await?;
        }
        all.push(change);
    }
    let parts = all.iter().any(|change| mail::parts_with_password(&change.field, &change.old, &change.new));
    let note = if parts { forget_password(tx, by, now).await? } else { None };
    Ok(Stored { changes: all, note })
}

/// Whoever may change settings need not be whoever knows the password, so it is not sent where it was not meant to go.
async fn forget_password(tx: &mut Tx, by: &Actor, now: Timestamp) -> Result<Option<&'static str>> {
    if !secrets::remove(tx, mail::PASSWORD_PLACE).await? {
        return Ok(None);
    }
    let activity = Activity::new("The SMTP password was forgotten, because it was given for another server");
    activity_log::record(tx, by, activity.about("setting:smtp_password"), now).await?;
    Ok(Some(PASSWORD_GONE))
}
