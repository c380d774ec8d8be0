use accounts::activity_log::{self, Activity, Actor};
use accounts::settings as rules;
use kernel::{Error, Result};
use platform::settings::{Registry, Setting, Values};
use platform::{App, Kind, mail, secrets};
use serde_json::json;

use crate::cli::{self, Common, Report};
use crate::settings_page::api::described;
use crate::{instance, settings_page};

/// Settings: read them, change them
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "\
Examples:
  innkeeper setting list
  innkeeper setting set invoice_lead_days 10
  innkeeper setting set smtp_password <password.txt     a secret is read from standard input")]
pub enum Command {
    /// Print the value of one setting
    Get { key: String },
    /// Change one setting
    Set {
        key: String,
        /// Left out for secrets, which are read from standard input
        #[arg(allow_hyphen_values = true)]
        value: Option<String>,
    },
    /// Print every setting with its value
    List,
}

/// Secrets that are set like settings, and where they are kept.
const SECRETS: &[(&str, &str)] = &[("smtp_password", mail::PASSWORD_PLACE)];

pub async fn run(common: &Common, command: Command) -> Result<Report> {
    let app = instance::open(common).await?;
    match command {
        Command::Get { key } => get(&app, &key).await,
        Command::Set { key, value } => set(&app, &key, value).await,
        Command::List => list(&app).await,
    }
}

fn place_of(key: &str) -> Option<&'static str> {
    SECRETS.iter().find(|(name, _)| *name == key).map(|(_, place)| *place)
}

async fn get(app: &App, key: &str) -> Result<Report> {
    let mut conn = app.db.read().await?;
    if let Some(place) = place_of(key) {
        let known = secrets::get(&mut conn, &app.vault, place).await?.is_some();
        let text = if known { "(set; a secret is not shown)" } else { "(not set)" };
        return Ok(Report::new(text, json!({ "key": key, "secret": true, "set": known })));
    }
    let setting = find(&app.settings, key)?;
    let values = Values::load(&mut conn).await?;
    Ok(Report::new(values.text(setting), described(setting, &values)))
}

async fn list(app: &App) -> Result<Report> {
    let values = Values::load(&mut app.db.read().await?).await?;
    let mut text = String::new();
    let mut json = Vec::new();
    for (section, settings) in settings_page::by_section(&app.settings) {
        text.push_str(&format!("\n{section}\n"));
        for setting in settings {
            let value = values.text(setting).replace('\n', "\\n");
            let note = if value == setting.default { "" } else { "  (changed)" };
            text.push_str(&format!("  {:<32} {value}{note}\n", setting.key));
            json.push(described(setting, &values));
        }
    }
    Ok(Report::new(text.trim_start(), json.into()))
}

async fn set(app: &App, key: &str, value: Option<String>) -> Result<Report> {
    let by = Actor::system("command line");
    let now = app.clock.now();
    if let Some(place) = place_of(key) {
        if value.is_some() {
            return Err(Error::invalid(
                key,
                "A secret on the command line can be read by everyone on this machine. Give it on standard input.",
            ));
        }
        let secret = cli::standard_input(key)?;
        if secret.is_empty() {
            return Err(Error::invalid(key, "Standard input was empty."));
        }
        let mut tx = app.db.write().await?;
        secrets::set(&mut tx, &app.vault, &app.random, place, &secret, now).await?;
        let activity = Activity::new(format!("Setting “{key}” changed")).about(format!("setting:{key}"));
        activity_log::record(&mut tx, &by, activity, now).await?;
        tx.commit().await?;
        return Ok(Report::new(format!("{key} is set."), json!({ "key": key, "secret": true, "set": true })));
    }
    let setting = find(&app.settings, key)?;
    let value = value.ok_or_else(|| Error::invalid(key, allowed(setting)))?;
    let mut tx = app.db.write().await?;
    let rules::Stored { changes, note } = rules::store(&mut tx, &by, &[(setting, &value)], now).await?;
    tx.commit().await?;
    let Some(change) = changes.into_iter().next() else { return Err(Error::broken("setting set: nothing was stored")) };
    let text = if change.old == change.new {
        format!("{key} was {} already.", shown(&change.new))
    } else {
        format!("{key}: {} → {}", shown(&change.old), shown(&change.new))
    };
    let text = note.map_or(text.clone(), |note| format!("{text}\n{note}"));
    Ok(Report::new(text, json!({ "key": key, "old": change.old, "value": change.new, "note": note })))
}

fn shown(value: &str) -> String {
    if value.is_empty() { "(empty)".to_owned() } else { value.replace('\n', "\\n") }
}

/// What may be written, for somebody who wrote nothing.
fn allowed(setting: &Setting) -> String {
    match setting.kind {
        Kind::Bool => "Write true or false.".to_owned(),
        Kind::Int { min, max } | Kind::OptionalInt { min, max } => format!("Write a whole number from {min} to {max}."),
        Kind::Choice(choices) => {
            let names: Vec<&str> = choices.iter().map(|(value, _)| *value).collect();
            format!("Write one of: {}.", names.join(", "))
        }
        Kind::TimeZone => "Write a time zone, such as Europe/Berlin.".to_owned(),
        Kind::Email => "Write an e-mail address.".to_owned(),
        Kind::Networks => "Write addresses or networks such as 10.0.0.0/8; \"\" empties it.".to_owned(),
        Kind::Text { .. } | Kind::Lines { .. } => "Write a value; \"\" empties it.".to_owned(),
    }
}

fn find(registry: &Registry, key: &str) -> Result<&'static Setting> {
    registry.find(key).ok_or_else(|| {
        let near = near(registry, key);
        let hint = if near.is_empty() {
            "innkeeper setting list shows them all.".to_owned()
        } else {
            format!("Did you mean {}?", near.join(", "))
        };
        Error::invalid("key", format!("There is no setting “{key}”. {hint}"))
    })
}

/// The keys that somebody may have meant: nearly the same letters, or the same word in them.
fn near(registry: &Registry, key: &str) -> Vec<&'static str> {
    let known = registry.all().iter().map(|setting| setting.key).chain(SECRETS.iter().map(|(key, _)| *key));
    let mut found: Vec<(usize, &str)> = known
        .filter_map(|known| {
            let distance = distance(known, key);
            let close = distance <= 2 + key.len() / 6;
            (close || key.len() > 3 && known.contains(key)).then_some((distance, known))
        })
        .collect();
    found.sort_unstable();
    found.into_iter().take(4).map(|(_, key)| key).collect()
}

/// How many letters must be put in, left out or replaced (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn a_distance_counts_letters() {
        assert_eq!([distance("", "abc"), distance("kitten", "sitting"), distance("tax_mode", "tax_mode")], [3, 3, 0]);
    }
}
