//! Tax rules: which tax a client's documents bear, by place and day.
//!
//! What must hold: a document that was issued keeps its taxes; a rule that is changed or deleted counts for what is issued
//! from then on. A change of a rate is two rules, one that ends and one that begins.

pub mod admin;
pub mod api;
pub mod calculation;
#[cfg(test)]
mod tests;

use accounts::activity_log::{self, Activity, Actor, changes};
use accounts::clients;
use accounts::doors::{Permission, Routes};
use kernel::{Date, Error, FieldErrors, Rate, Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::{params, record};

use calculation::TaxCategory;

pub const CONFIGURE: Permission = Permission("Tax Configuration");

pub fn routes() -> Routes {
    admin::routes().merge(api::routes())
}

record! {
    #[derive(Debug, Clone, serde::Serialize)]
    pub struct TaxRule {
        pub id: i64,
        pub level: u8,
        pub name: String,
        /// `None` for all.
        pub country: Option<String>,
        /// `None` for all of the country.
        pub state: Option<String>,
        pub rate: Rate,
        pub category: TaxCategory,
        pub valid_from: Option<Date>,
        /// The last day.
        pub valid_until: Option<Date>,
    }
}

/// A rule as it is written.
#[derive(Debug, Clone)]
pub struct NewRule {
    pub level: i64,
    pub name: String,
    pub country: String,
    pub state: String,
    pub rate: Rate,
    pub category: TaxCategory,
    pub valid_from: Option<Date>,
    pub valid_until: Option<Date>,
}

pub async fn all(conn: &mut Conn) -> Result<Vec<TaxRule>> {
    let sql = format!(
        "SELECT {} FROM tax_rules ORDER BY level, COALESCE(country, ''), COALESCE(state, ''), id",
        TaxRule::columns("")
    );
    conn.all(&sql, params![]).await
}

pub async fn find(conn: &mut Conn, id: i64) -> Result<TaxRule> {
    let sql = format!("SELECT {} FROM tax_rules WHERE id = $1", TaxRule::columns(""));
    conn.optional(&sql, params![id]).await?.ok_or(Error::NotFound("Tax rule"))
}

/// The rule as it is stored: codes in capitals, empty places as none.
fn checked(new: NewRule) -> Result<NewRule> {
    let mut errors = FieldErrors::default();
    if !matches!(new.level, 1 | 2) {
        errors.add("level", "Choose level 1 or 2.");
    }
    let name = errors.take("name", kernel::single_line(&new.name, 60)).unwrap_or_default();
    if name.is_empty() && errors.of("name").is_none() {
        errors.add("name", "Write the name that invoices show, such as VAT.");
    }
    let country = new.country.trim().to_ascii_uppercase();
    if !country.is_empty() && clients::country_name(&country).is_none() {
        errors.add("country", "Choose a country, or none for all.");
    }
    let state = errors.take("state", kernel::single_line(&new.state, 100)).unwrap_or_default();
    if country.is_empty() && !state.is_empty() {
        errors.add("state", "A state needs its country.");
    }
    if new.rate.is_zero() && new.category == TaxCategory::Standard {
        errors.add("category", "With a rate of 0 choose why no tax is charged.");
    }
    if !new.rate.is_zero() && new.category != TaxCategory::Standard {
        errors.add("category", "A rate above 0 is the standard category.");
    }
    if let (Some(from), Some(until)) = (new.valid_from, new.valid_until)
        && until < from
    {
        errors.add("valid_until", "The last day cannot be before the first.");
    }
    errors.check()?;
    Ok(NewRule { name, country, state, ..new })
}

fn words(new: &NewRule) -> String {
    let place = match (new.country.as_str(), new.state.as_str()) {
        ("", _) => "everywhere".to_owned(),
        (country, "") => format!("in {country}"),
        (country, state) => format!("in {state}, {country}"),
    };
    format!("{} {} % {place}", new.name, new.rate)
}

pub async fn create(tx: &mut Tx, by: &Actor, new: NewRule, now: Timestamp) -> Result<TaxRule> {
    let new = checked(new)?;
    let id: i64 = tx
        .scalar(
            "INSERT INTO tax_rules (level, name, country, state, rate, category, valid_from, valid_until) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
            params![
                new.level,
                new.name,
                kernel::nonempty(&new.country),
                kernel::nonempty(&new.state),
                new.rate,
                new.category,
                new.valid_from,
                new.valid_until
            ],
        )
        .await?;
    let activity = Activity::new(format!("Tax rule added: {}", words(&new)));
    activity_log::record(tx, by, activity.about(format!("tax_rule:{id}")), now).await?;
    find(tx, id).await
}

pub async fn update(tx: &mut Tx, by: &Actor, id: i64, new: NewRule, now: Timestamp) -> Result<TaxRule> {
    let before = find(tx, id).await?;
    let new = checked(new)?;
    tx.execute(
        "UPDATE tax_rules SET level = $2, name = $3, country = $4, state = $5, rate = $6, category = $7, \
         valid_from = $8, valid_until = $9 WHERE id = $1",
        params![
            id,
            new.level,
            new.name,
            kernel::nonempty(&new.country),
            kernel::nonempty(&new.state),
            new.rate,
            new.category,
            new.valid_from,
            new.valid_until
        ],
    )
    .await?;
    let date = |date: Option<Date>| date.map(|date| date.to_string()).unwrap_or_default();
    let changed = changes([
        ("level", before.level.to_string(), new.level.to_string()),
        ("name", before.name, new.name.clone()),
        ("country", before.country.unwrap_or_default(), new.country.clone()),
        ("state", before.state.unwrap_or_default(), new.state.clone()),
        ("rate", before.rate.to_string(), new.rate.to_string()),
        ("category", before.category.as_str().to_owned(), new.category.as_str().to_owned()),
        ("valid_from", date(before.valid_from), date(new.valid_from)),
        ("valid_until", date(before.valid_until), date(new.valid_until)),
    ]);
    if !changed.is_empty() {
        let activity = Activity::new(format!("Tax rule changed: {}", words(&new))).changed(changed);
        activity_log::record(tx, by, activity.about(format!("tax_rule:{id}")), now).await?;
    }
    find(tx, id).await
}

pub async fn delete(tx: &mut Tx, by: &Actor, id: i64, now: Timestamp) -> Result<()> {
    let rule = find(tx, id).await?;
    tx.execute("DELETE FROM tax_rules WHERE id = $1", params![id]).await?;
    let activity = Activity::new(format!("Tax rule deleted: {} {} %", rule.name, rule.rate));
    activity_log::record(tx, by, activity.about(format!("tax_rule:{id}")), now).await
}
