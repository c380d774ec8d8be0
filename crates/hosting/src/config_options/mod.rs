//! Configurable options: what can be chosen about a product when it is ordered, at a price of its own.
//!
//! What must hold:
//! - A yes-or-no and a quantity have exactly one choice: what is had, or how many of it.
//! - A choice that services have is never deleted, only hidden.

pub mod admin;
pub mod api;
mod store;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use accounts::activity_log::{self, Activity, Actor};
use kernel::{Error, FieldErrors, Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::record;

use crate::edit;
use crate::prices::{self, Owner, PriceList};
use crate::pricing::Selected;

kernel::text_enum! {
    pub enum OptionKind {
        Dropdown = "dropdown",
        Radio = "radio",
        YesNo = "yesno",
        Quantity = "quantity",
    }
}
platform::enum_column!(OptionKind);

impl OptionKind {
    pub fn label(self) -> &'static str {
        match self {
            OptionKind::Dropdown => "Drop-down",
            OptionKind::Radio => "Radio buttons",
            OptionKind::YesNo => "Yes or no",
            OptionKind::Quantity => "Quantity",
        }
    }

    fn has_one_choice(self) -> bool {
        matches!(self, OptionKind::YesNo | OptionKind::Quantity)
    }
}

record! {
    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
    pub struct ConfigOption {
        pub id: i64,
        pub name: String,
        pub kind: OptionKind,
        pub min_quantity: i64,
        /// 0 for no limit.
        pub max_quantity: i64,
        pub hidden: bool,
        pub position: i64,
    }
}

record! {
    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
    pub struct Choice {
        pub id: i64,
        pub option_id: i64,
        pub name: String,
        pub hidden: bool,
        pub position: i64,
    }
}

/// A choice with what it costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricedChoice {
    pub choice: Choice,
    pub prices: PriceList,
}

/// An option with all its choices, in the order in which they are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullOption {
    pub option: ConfigOption,
    pub choices: Vec<PricedChoice>,
}

/// An option as it comes through every door: the id of a choice, 0 or 1 for a yes-or-no, or the quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionValue {
    pub option_id: i64,
    pub value: i64,
}

/// What a service stores of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picked {
    pub option_id: i64,
    pub choice_id: i64,
    /// 1, or the quantity.
    pub quantity: i64,
}

#[derive(Debug, Clone, Default)]
pub struct OptionEdit {
    pub name: Option<String>,
    pub kind: Option<OptionKind>,
    pub min_quantity: Option<i64>,
    pub max_quantity: Option<i64>,
    pub hidden: Option<bool>,
    pub position: Option<i64>,
    /// The products that it can be chosen for; the whole list.
    pub product_ids: Option<Vec<i64>>,
}

#[derive(Debug, Clone, Default)]
pub struct ChoiceEdit {
    pub name: Option<String>,
    pub hidden: Option<bool>,
    pub position: Option<i64>,
    /// The whole list: what is not in it is not sold from now on.
    pub prices: Option<PriceList>,
}

impl FullOption {
    /// What a value means; `None` stands for an option that nobody said anything about: the first choice, no, the
    /// smallest quantity. A stored choice may be hidden, a new one may not, unless `kept` says that the service has it.
    pub fn pick(&self, value: Option<i64>, kept: Option<i64>) -> Result<Option<Picked>> {
        let option_id = self.option.id;
        let wrong = |message: String| Error::invalid(format!("configoptions[{option_id}]"), message);
        let is_open = |choice: &&PricedChoice| !choice.choice.hidden || kept == Some(choice.choice.id);
        let mut open = self.choices.iter().filter(is_open);
        let picked = |choice: &PricedChoice, quantity| Picked { option_id, choice_id: choice.choice.id, quantity };
        if self.option.kind.has_one_choice() {
            let quantity = value.unwrap_or(match self.option.kind {
                OptionKind::Quantity => self.option.min_quantity,
                _ => 0,
            });
            // Some callers send the id of the one choice for “yes”.
            let yes = self.option.kind == OptionKind::YesNo && open.clone().any(|one| one.choice.id == quantity);
            return match (open.next(), if yes { 1 } else { quantity }) {
                (_, 0) if self.option.kind == OptionKind::YesNo => Ok(None),
                (Some(choice), quantity) => Ok(Some(picked(choice, quantity))),
                (None, 0) => Ok(None),
                (None, _) => Err(wrong(format!("“{}” is not offered any more.", self.option.name))),
            };
        }
        match value {
            None => Ok(open.next().map(|choice| picked(choice, 1))),
            Some(id) => match open.find(|choice| choice.choice.id == id) {
                Some(choice) => Ok(Some(picked(choice, 1))),
                None => Err(wrong(format!("Choose one of what “{}” offers.", self.option.name))),
            },
        }
    }

    /// For the price calculation.
    pub fn selected(&self, picked: &Picked) -> Result<Selected<'_>> {
        let choice = self
            .choices
            .iter()
            .find(|choice| choice.choice.id == picked.choice_id)
            .ok_or_else(|| Error::broken(format!("choice {} of option {}", picked.choice_id, picked.option_id)))?;
        Ok(Selected {
            option_id: self.option.id,
            option: &self.option.name,
            kind: self.option.kind,
            min: self.option.min_quantity,
            max: self.option.max_quantity,
            choice: &choice.choice.name,
            prices: &choice.prices,
            quantity: picked.quantity,
        })
    }
}

/// What values mean for a product's options; options that were not mentioned get their usual value. `stored` is what the
/// service has now: it may keep a choice that is hidden by now.
pub fn pick_all(options: &[FullOption], values: &[OptionValue], stored: &[Picked]) -> Result<Vec<Picked>> {
    let mut errors = FieldErrors::default();
    for value in values {
        let field = format!("configoptions[{}]", value.option_id);
        if !options.iter().any(|option| option.option.id == value.option_id) {
            errors.add(field, "The product has no such option.");
        } else if value.value < 0 {
            errors.add(field, "Enter a number of nought or more.");
        }
    }
    errors.check()?;
    let mut errors = FieldErrors::default();
    let mut all = Vec::new();
    for option in options {
        let id = option.option.id;
        let value = values.iter().find(|value| value.option_id == id).map(|value| value.value);
        let had = stored.iter().find(|had| had.option_id == id);
        match (value, had) {
            (None, Some(had)) => all.push(*had),
            // A hidden option is for staff: nobody else can have chosen it, and nobody need.
            (None, None) if option.option.hidden => {}
            (value, had) => match option.pick(value, had.map(|had| had.choice_id)) {
                Ok(picked) => all.extend(picked),
                Err(Error::Invalid(found)) => found.iter().for_each(|(field, message)| errors.add(field, message)),
                Err(other) => return Err(other),
            },
        }
    }
    errors.check()?;
    Ok(all)
}

/// In the order in which they are shown.
pub async fn all(conn: &mut Conn) -> Result<Vec<ConfigOption>> {
    store::all(conn).await
}

pub async fn find(conn: &mut Conn, id: i64) -> Result<ConfigOption> {
    store::find(conn, id).await?.ok_or(Error::NotFound("Configurable option"))
}

pub async fn find_choice(conn: &mut Conn, id: i64) -> Result<Choice> {
    store::find_choice(conn, id).await?.ok_or(Error::NotFound("Choice"))
}

/// An option with its choices and their prices.
pub async fn full(conn: &mut Conn, id: i64) -> Result<FullOption> {
    let option = find(conn, id).await?;
    let mut full = with_choices(conn, vec![option]).await?;
    full.pop().ok_or(Error::NotFound("Configurable option"))
}

/// All options with their choices and prices, in three statements.
pub async fn all_full(conn: &mut Conn) -> Result<Vec<FullOption>> {
    let options = store::all(conn).await?;
    with_choices(conn, options).await
}

/// The options of a product, with choices and prices.
pub async fn of_product(conn: &mut Conn, product_id: i64) -> Result<Vec<FullOption>> {
    Ok(of_products(conn, &[product_id]).await?.remove(&product_id).unwrap_or_default())
}

/// The options of several products in three statements.
pub async fn of_products(conn: &mut Conn, product_ids: &[i64]) -> Result<HashMap<i64, Vec<FullOption>>> {
    let pairs = store::attached(conn, product_ids).await?;
    let ids: Vec<i64> = pairs.iter().map(|(_, option_id)| *option_id).collect();
    let options = store::by_ids(conn, &ids).await?;
    let full = with_choices(conn, options).await?;
    let mut of: HashMap<i64, Vec<FullOption>> = HashMap::new();
    for option in &full {
        for (product_id, _) in pairs.iter().filter(|(_, option_id)| *option_id == option.option.id) {
            of.entry(*product_id).or_default().push(option.clone());
        }
    }
    Ok(of)
}

async fn with_choices(conn: &mut Conn, options: Vec<ConfigOption>) -> Result<Vec<FullOption>> {
    if options.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<i64> = options.iter().map(|option| option.id).collect();
    let choices = store::choices(conn, &ids).await?;
    let choice_ids: Vec<i64> = choices.iter().map(|choice| choice.id).collect();
    let mut lists = prices::of_many(conn, Owner::Choice, &choice_ids).await?;
    let mut of: HashMap<i64, Vec<PricedChoice>> = HashMap::new();
    for choice in choices {
        let prices = lists.remove(&choice.id).unwrap_or_default();
        of.entry(choice.option_id).or_default().push(PricedChoice { choice, prices });
    }
    let full = |option: ConfigOption| FullOption { choices: of.remove(&option.id).unwrap_or_default(), option };
    Ok(options.into_iter().map(full).collect())
}

/// The products that an option can be chosen for.
pub async fn product_ids(conn: &mut Conn, id: i64) -> Result<Vec<i64>> {
    store::product_ids(conn, id).await
}

/// How many products and choices each option has.
pub async fn counts(conn: &mut Conn) -> Result<HashMap<i64, (i64, i64)>> {
    store::counts(conn).await
}

pub async fn create(tx: &mut Tx, by: &Actor, edit: &OptionEdit, now: Timestamp) -> Result<ConfigOption> {
    let base = ConfigOption {
        id: 0,
        name: String::new(),
        kind: OptionKind::Dropdown,
        min_quantity: 0,
        max_quantity: 0,
        hidden: false,
        position: 0,
    };
    let mut option = checked(tx, &base, edit).await?;
    option.id = store::insert(tx, &option).await?;
    if option.kind.has_one_choice() {
        let only = Choice { id: 0, option_id: option.id, name: option.name.clone(), hidden: false, position: 0 };
        store::insert_choice(tx, &only).await?;
    }
    if let Some(products) = &edit.product_ids {
        store::attach(tx, option.id, products).await?;
    }
    let activity = Activity::new(format!("Configurable option “{}” added", option.name)).about(subject(option.id));
    activity_log::record(tx, by, activity, now).await?;
    Ok(option)
}

pub async fn update(tx: &mut Tx, by: &Actor, id: i64, edit: &OptionEdit, now: Timestamp) -> Result<ConfigOption> {
    let base = find(tx, id).await?;
    let option = checked(tx, &base, edit).await?;
    if option.kind.has_one_choice() && store::choices(tx, &[id]).await?.len() > 1 {
        return Err(Error::invalid(
            "kind",
            format!("“{}” has several choices. Delete all but one before you make it a {}.", base.name, option.kind),
        ));
    }
    store::update(tx, &option).await?;
    let before = store::product_ids(tx, id).await?;
    let mut changes = edit::differences(described(&base), described(&option));
    if let Some(products) = edit.product_ids.as_ref().filter(|products| **products != before) {
        store::attach(tx, id, products).await?;
        changes.extend(edit::differences(
            vec![("products", list(&before))],
            vec![("products", list(&store::product_ids(tx, id).await?))],
        ));
    }
    if !changes.is_empty() {
        let activity =
            Activity::new(format!("Configurable option “{}” changed", option.name)).about(subject(id)).changed(changes);
        activity_log::record(tx, by, activity, now).await?;
    }
    Ok(option)
}

/// Only an option that no service has can go.
pub async fn delete(tx: &mut Tx, by: &Actor, id: i64, now: Timestamp) -> Result<()> {
    let option = full(tx, id).await?;
    refuse_if_used(tx, &option.choices, &option.option.name).await?;
    for choice in &option.choices {
        prices::replace(tx, Owner::Choice, choice.choice.id, &PriceList::default()).await?;
    }
    store::delete(tx, id).await?;
    let activity = Activity::new(format!("Configurable option “{}” deleted", option.option.name)).about(subject(id));
    activity_log::record(tx, by, activity, now).await
}

pub async fn create_choice(
    tx: &mut Tx,
    by: &Actor,
    option_id: i64,
    edit: &ChoiceEdit,
    now: Timestamp,
) -> Result<Choice> {
    let option = full(tx, option_id).await?;
    if option.option.kind.has_one_choice() && !option.choices.is_empty() {
        return Err(Error::refused(format!(
            "“{}” is of the kind {}: it has one choice.",
            option.option.name,
            option.option.kind.label()
        )));
    }
    let last = option.choices.last().map_or(0, |choice| choice.choice.position);
    let base = Choice { id: 0, option_id, name: String::new(), hidden: false, position: last + 1 };
    let mut choice = checked_choice(tx, &base, edit).await?;
    choice.id = store::insert_choice(tx, &choice).await?;
    if let Some(list) = &edit.prices {
        prices::replace(tx, Owner::Choice, choice.id, list).await?;
    }
    let text = format!("Choice “{}” added to the option “{}”", choice.name, option.option.name);
    activity_log::record(tx, by, Activity::new(text).about(subject(option_id)), now).await?;
    Ok(choice)
}

pub async fn update_choice(tx: &mut Tx, by: &Actor, id: i64, edit: &ChoiceEdit, now: Timestamp) -> Result<Choice> {
    let base = find_choice(tx, id).await?;
    let choice = checked_choice(tx, &base, edit).await?;
    store::update_choice(tx, &choice).await?;
    let before = prices::of(tx, Owner::Choice, id).await?;
    let after = edit.prices.as_ref().unwrap_or(&before);
    let changes = edit::differences(described_choice(&base, &before), described_choice(&choice, after));
    if *after != before {
        prices::replace(tx, Owner::Choice, id, after).await?;
    }
    if !changes.is_empty() {
        let activity = Activity::new(format!("Choice “{}” changed", choice.name))
            .about(subject(choice.option_id))
            .changed(changes);
        activity_log::record(tx, by, activity, now).await?;
    }
    Ok(choice)
}

pub async fn delete_choice(tx: &mut Tx, by: &Actor, id: i64, now: Timestamp) -> Result<()> {
    let choice = find_choice(tx, id).await?;
    let option = full(tx, choice.option_id).await?;
    if option.option.kind.has_one_choice() {
        return Err(Error::refused(format!(
            "“{}” is of the kind {}: it needs its one choice. Hide the option instead.",
            option.option.name,
            option.option.kind.label()
        )));
    }
    let only: Vec<PricedChoice> = option.choices.into_iter().filter(|other| other.choice.id == id).collect();
    refuse_if_used(tx, &only, &choice.name).await?;
    prices::replace(tx, Owner::Choice, id, &PriceList::default()).await?;
    store::delete_choice(tx, id).await?;
    let activity = Activity::new(format!("Choice “{}” deleted", choice.name)).about(subject(choice.option_id));
    activity_log::record(tx, by, activity, now).await
}

async fn refuse_if_used(tx: &mut Tx, choices: &[PricedChoice], name: &str) -> Result<()> {
    let ids: Vec<i64> = choices.iter().map(|choice| choice.choice.id).collect();
    match store::service_count(tx, &ids).await? {
        0 => Ok(()),
        1 => Err(Error::refused(format!("1 service has “{name}”. Hide it instead: then nobody new can choose it."))),
        many => Err(Error::refused(format!(
            "{many} services have “{name}”. Hide it instead: then nobody new can choose it."
        ))),
    }
}

async fn checked(tx: &mut Tx, base: &ConfigOption, edit: &OptionEdit) -> Result<ConfigOption> {
    let mut errors = FieldErrors::default();
    let mut option = base.clone();
    edit::line(&mut option.name, "name", &edit.name, 120, &mut errors);
    edit::set(&mut option.kind, &edit.kind);
    edit::set(&mut option.min_quantity, &edit.min_quantity);
    edit::set(&mut option.max_quantity, &edit.max_quantity);
    edit::set(&mut option.hidden, &edit.hidden);
    edit::set(&mut option.position, &edit.position);
    edit::within("position", option.position, 0, 1_000_000, &mut errors);
    edit::within("min_quantity", option.min_quantity, 0, 1_000_000, &mut errors);
    edit::within("max_quantity", option.max_quantity, 0, 1_000_000, &mut errors);
    if option.max_quantity != 0 && option.max_quantity < option.min_quantity {
        errors.add("max_quantity", "Enter at least the smallest quantity, or 0 for no limit.");
    }
    if option.name.is_empty() && errors.of("name").is_none() {
        errors.add("name", "Enter a name for the option.");
    }
    if let Some(products) = &edit.product_ids {
        check_products(tx, products, &mut errors).await?;
    }
    errors.check()?;
    Ok(option)
}

/// Notes ids of products that do not exist.
pub(crate) async fn check_products(tx: &mut Tx, ids: &[i64], errors: &mut FieldErrors) -> Result<()> {
    let known = store::known_products(tx, ids).await?;
    if let Some(unknown) = ids.iter().find(|id| !known.contains(id)) {
        errors.add("product_ids", format!("There is no product {unknown}."));
    }
    Ok(())
}

async fn checked_choice(tx: &mut Tx, base: &Choice, edit: &ChoiceEdit) -> Result<Choice> {
    let mut errors = FieldErrors::default();
    let mut choice = base.clone();
    edit::line(&mut choice.name, "name", &edit.name, 120, &mut errors);
    edit::set(&mut choice.hidden, &edit.hidden);
    edit::set(&mut choice.position, &edit.position);
    edit::within("position", choice.position, 0, 1_000_000, &mut errors);
    if choice.name.is_empty() && errors.of("name").is_none() {
        errors.add("name", "Enter a name for the choice.");
    }
    if let Some(list) = &edit.prices {
        let dealt = prices::currencies(tx).await?;
        list.check_any(&dealt, &mut errors);
    }
    errors.check()?;
    Ok(choice)
}

fn described(option: &ConfigOption) -> Vec<(&'static str, String)> {
    vec![
        ("name", option.name.clone()),
        ("kind", option.kind.to_string()),
        ("min_quantity", option.min_quantity.to_string()),
        ("max_quantity", option.max_quantity.to_string()),
        ("hidden", edit::yes(option.hidden)),
        ("position", option.position.to_string()),
    ]
}

fn described_choice(choice: &Choice, prices: &PriceList) -> Vec<(&'static str, String)> {
    vec![
        ("name", choice.name.clone()),
        ("hidden", edit::yes(choice.hidden)),
        ("position", choice.position.to_string()),
        ("prices", prices.described()),
    ]
}

pub(crate) fn list(ids: &[i64]) -> String {
    ids.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
}

fn subject(id: i64) -> String {
    format!("config_option:{id}")
}

/// For the activity log: `option 3: choice 7; …`.
pub(crate) fn described_picks(picked: &[Picked]) -> String {
    let one = |pick: &Picked| match pick.quantity {
        1 => format!("option {}: choice {}", pick.option_id, pick.choice_id),
        many => format!("option {}: {many} of choice {}", pick.option_id, pick.choice_id),
    };
    picked.iter().map(one).collect::<Vec<_>>().join("; ")
}
