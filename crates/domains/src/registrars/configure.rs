//! Setting registrars up.

use std::collections::BTreeMap;

use accounts::activity_log::{self, Activity, Actor, Change};
use kernel::{Error, FieldErrors, Result, Timestamp, single_line};
use platform::db::Tx;
use platform::{App, params, secrets};

use super::contract::{Field, FieldKind, Registrar};
use super::{Registrars, SetUp, find, place, secrets_set};

const LONGEST_TITLE: usize = 100;
/// Of a field's value, which may be a chain of certificates.
const LONGEST_VALUE: usize = 20_000;

/// What staff say of a registrar. What is not named stays as it is.
#[derive(Debug, Default, Clone)]
pub struct Configure {
    pub title: Option<String>,
    pub active: Option<bool>,
    /// Fields of the module, secret ones too; a secret that is not named stays.
    pub values: Vec<(String, String)>,
}

/// Sets a registrar up. Its name is made of the title, unless one is given.
pub async fn add(
    tx: &mut Tx,
    app: &App,
    by: &Actor,
    module: &str,
    name: Option<&str>,
    new: Configure,
    now: Timestamp,
) -> Result<SetUp> {
    let kind = app.get::<Registrars>()?.find(module)?;
    let title = new.title.clone().filter(|title| !title.is_empty()).unwrap_or_else(|| kind.display_name().to_owned());
    let taken: Vec<String> = tx.column("SELECT name FROM registrars", params![]).await?;
    let name = match name.map(str::trim).filter(|name| !name.is_empty()) {
        Some(name) => checked_name(name, &taken)?,
        None => hosting::edit::free_slug(&hosting::edit::slug(&title), module, &taken),
    };
    let id: i64 = tx
        .scalar(
            "INSERT INTO registrars (name, module, title, active, config, created_at) \
             VALUES ($1, $2, $3, FALSE, '{}', $4) RETURNING id",
            params![name, module, title, now],
        )
        .await?;
    let active = Some(new.active.unwrap_or(true));
    configure(tx, app, by, id, Configure { title: Some(title), active, ..new }, now).await
}

fn checked_name(name: &str, taken: &[String]) -> Result<String> {
    let slug = hosting::edit::slug(name);
    if slug != name {
        return Err(Error::invalid("name", "Use lower-case letters, digits and hyphens."));
    }
    if taken.contains(&slug) {
        return Err(Error::invalid("name", "There is a registrar of this name. Choose another."));
    }
    Ok(slug)
}

pub async fn configure(tx: &mut Tx, app: &App, by: &Actor, id: i64, new: Configure, now: Timestamp) -> Result<SetUp> {
    let before = find(tx, id).await?;
    let module = app.get::<Registrars>()?.find(&before.module)?;
    let old = before.values()?;
    let stored = secrets_set(tx, &*module, id).await?;
    let mut errors = FieldErrors::default();
    let title = new.title.as_deref().and_then(|title| errors.take("title", single_line(title, LONGEST_TITLE)));
    let given = Given::read(&*module, &new.values, &mut errors);
    given.check_addresses(&*module, &old, &stored, app.sandbox, &mut errors);
    let active = new.active.unwrap_or(before.active);
    let mut values = old.clone();
    values.extend(given.open.clone());
    if active {
        given.check_required(&*module, &values, &stored, &mut errors);
    }
    errors.check()?;
    for (key, secret) in &given.secret {
        secrets::set(tx, &app.vault, &app.random, &place(id, key), secret, now).await?;
    }
    let after = SetUp {
        title: title.filter(|title| !title.is_empty()).unwrap_or(before.title.clone()),
        active,
        config: serde_json::to_string(&values).map_err(|error| Error::broken(format!("registrar: {error}")))?,
        ..before.clone()
    };
    tx.execute(
        "UPDATE registrars SET title = $2, active = $3, config = $4 WHERE id = $1",
        params![id, after.title, after.active, after.config],
    )
    .await?;
    log(tx, by, &before, &after, &old, &values, &given, now).await?;
    Ok(after)
}

async fn log(
    tx: &mut Tx,
    by: &Actor,
    before: &SetUp,
    after: &SetUp,
    old: &BTreeMap<String, String>,
    values: &BTreeMap<String, String>,
    given: &Given,
    now: Timestamp,
) -> Result<()> {
    let state = if after.active { "on" } else { "off" };
    let keys: Vec<&str> = given.secret.iter().map(|(key, _)| key.as_str()).collect();
    let secrets = if keys.is_empty() { String::new() } else { format!("; secrets: {}", keys.join(", ")) };
    let of = |values: &BTreeMap<String, String>, key: &str| values.get(key).cloned().unwrap_or_default();
    let mut changes: Vec<Change> = values
        .keys()
        .map(|key| Change { field: key.clone(), old: of(old, key), new: of(values, key) })
        .filter(|change| change.old != change.new)
        .collect();
    if before.title != after.title {
        changes.push(Change { field: "title".to_owned(), old: before.title.clone(), new: after.title.clone() });
    }
    let words = format!("Registrar “{}” set up, switched {state}{secrets}", after.title);
    activity_log::record(tx, by, Activity::new(words).about(after.subject()).changed(changes), now).await
}

/// What was written, by where it is kept.
struct Given {
    open: Vec<(String, String)>,
    secret: Vec<(String, String)>,
}

impl Given {
    fn read(module: &dyn Registrar, values: &[(String, String)], errors: &mut FieldErrors) -> Given {
        let mut given = Given { open: Vec::new(), secret: Vec::new() };
        for (key, value) in values {
            let Some(field) = module.fields().iter().find(|field| field.key == key) else {
                let known: Vec<&str> = module.fields().iter().map(|field| field.key).collect();
                errors.add(key, format!("{} has no such field. Fields: {}.", module.display_name(), known.join(", ")));
                continue;
            };
            let Some(value) = errors.take(key, checked(field, value)) else { continue };
            match field.kind {
                kind if kind.is_secret() && value.is_empty() => errors.add(key, "The secret is empty."),
                kind if kind.is_secret() => given.secret.push((key.clone(), value)),
                _ => given.open.push((key.clone(), value)),
            }
        }
        given
    }

    /// Whoever may set a registrar up but does not know its secrets cannot learn them by pointing it elsewhere.
    fn check_addresses(
        &self,
        module: &dyn Registrar,
        old: &BTreeMap<String, String>,
        stored: &[&str],
        sandbox: bool,
        errors: &mut FieldErrors,
    ) {
        for field in module.fields().iter().filter(|field| field.kind == FieldKind::Address) {
            let Some((_, after)) = self.open.iter().find(|(key, _)| key == field.key) else { continue };
            let before =
                old.get(field.key).map(String::as_str).filter(|text| !text.is_empty()).unwrap_or(field.default);
            let after = if after.is_empty() { field.default } else { after.as_str() };
            if before == after {
                continue;
            }
            if let Err(why) = module.check_address(field.key, after, sandbox) {
                errors.add(field.key, why);
            }
            for secret in stored.iter().filter(|secret| !self.secret.iter().any(|(key, _)| key == *secret)) {
                let words =
                    format!("Enter this again: it was entered for {before} and would be sent to another address.");
                errors.add(*secret, words);
            }
        }
    }

    fn check_required(
        &self,
        module: &dyn Registrar,
        values: &BTreeMap<String, String>,
        stored: &[&str],
        errors: &mut FieldErrors,
    ) {
        for field in module.fields().iter().filter(|field| field.required) {
            let is_set = if field.kind.is_secret() {
                stored.contains(&field.key) || self.secret.iter().any(|(key, _)| key == field.key)
            } else {
                values.get(field.key).is_some_and(|value| !value.is_empty()) || !field.default.is_empty()
            };
            if !is_set && errors.of(field.key).is_none() {
                errors.add(field.key, format!("{} is required.", field.label));
            }
        }
    }
}

fn checked(field: &Field, value: &str) -> std::result::Result<String, String> {
    let value = value.trim();
    if value.chars().count() > LONGEST_VALUE {
        return Err(format!("Write at most {LONGEST_VALUE} characters."));
    }
    match field.kind {
        FieldKind::Lines | FieldKind::SecretLines => Ok(value.replace("\r\n", "\n")),
        FieldKind::Tick => match platform::compat::parse_bool(value) {
            Ok(true) => Ok("1".to_owned()),
            Ok(false) => Ok(String::new()),
            Err(why) => Err(why.to_owned()),
        },
        FieldKind::Text | FieldKind::Secret | FieldKind::Address => single_line(value, LONGEST_VALUE),
    }
}
