//! How settings change: checked as they will stand beside each other, all or none, with what they were in the activity
//! log. The pages, the command line and the JSON API come through here.

use kernel::{Result, Timestamp};
use platform::db::Tx;
use platform::settings::{self, Setting, Values};

use crate::activity_log::{self, Activity, Actor, Change};

/// Stores values together. The changes come back in the order given; what already was so is among them, unlogged.
pub async fn store(tx: &mut Tx, by: &Actor, wanted: &[(&Setting, &str)], now: Timestamp) -> Result<Vec<Change>> {
    let stored = Values::load(tx).await?;
    let checked = settings::checked(&stored, wanted)?;
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
    Ok(all)
}
