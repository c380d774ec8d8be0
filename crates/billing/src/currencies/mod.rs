//! The currencies that are dealt in. One is the base; the rate of another says how many units of it one unit of the
//! base is worth.

pub mod admin;
pub mod api;
pub mod compat;
#[cfg(test)]
mod tests;

use accounts::activity_log::{self, Activity, Actor, changes};
use accounts::doors::{Permission, Routes};
use kernel::{Currency, Error, FieldErrors, Money, Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::{params, record};
use rust_decimal::{Decimal, RoundingStrategy};

pub const CONFIGURE: Permission = Permission("Configure Currencies");

pub fn routes() -> Routes {
    admin::routes().merge(api::routes()).merge(compat::routes())
}

record! {
    #[derive(Debug, Clone, serde::Serialize)]
    pub struct DealtCurrency {
        pub id: i64,
        pub code: Currency,
        pub prefix: String,
        pub suffix: String,
        pub rate: String,
        pub is_base: bool,
    }
}

pub async fn all(conn: &mut Conn) -> Result<Vec<DealtCurrency>> {
    let sql = format!("SELECT {} FROM currencies ORDER BY id", DealtCurrency::columns(""));
    conn.all(&sql, params![]).await
}

pub async fn find(conn: &mut Conn, code: Currency) -> Result<DealtCurrency> {
    let sql = format!("SELECT {} FROM currencies WHERE code = $1", DealtCurrency::columns(""));
    conn.optional(&sql, params![code]).await?.ok_or_else(|| {
        Error::invalid("currency", format!("{code} is not among the currencies you deal in. Add it first."))
    })
}

pub async fn by_id(conn: &mut Conn, id: i64) -> Result<DealtCurrency> {
    let sql = format!("SELECT {} FROM currencies WHERE id = $1", DealtCurrency::columns(""));
    conn.optional(&sql, params![id]).await?.ok_or(Error::NotFound("Currency"))
}

/// The rate as the compatible API shows it, with five decimals.
pub fn rate5(of: &DealtCurrency) -> String {
    crate::view::rate5(&of.rate)
}

/// What an amount is worth in another currency by today's rates, rounded half up to its minor unit.
pub fn convert(amount: Money, from: &DealtCurrency, to: &DealtCurrency) -> Result<Money> {
    if from.code == to.code {
        return Ok(amount);
    }
    let rate = |of: &DealtCurrency| {
        let rate = of.rate.parse::<Decimal>().ok().filter(|rate| *rate > Decimal::ZERO);
        rate.ok_or_else(|| Error::broken(format!("the rate of {} is {}", of.code, of.rate)))
    };
    let too_large = || Error::refused(format!("{} {} is too large to be converted.", amount.decimal(), from.code));
    let units = Decimal::new(amount.minor, from.code.exponent());
    let (to_rate, from_rate) = (rate(to)?, rate(from)?);
    let worth = units.checked_mul(to_rate).and_then(|worth| worth.checked_div(from_rate)).ok_or_else(too_large)?;
    let minor = worth.checked_mul(Decimal::from(10_i64.pow(to.code.exponent()))).ok_or_else(too_large)?;
    let rounded = minor.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero);
    Ok(Money::new(i64::try_from(rounded).or(Err(too_large()))?, to.code))
}

/// Signs before and after amounts. A space belongs to them.
fn check_signs(prefix: &str, suffix: &str) -> Result<()> {
    let mut errors = FieldErrors::default();
    for (name, text) in [("prefix", prefix), ("suffix", suffix)] {
        if text.chars().count() > 10 || text.chars().any(char::is_control) {
            errors.add(name, "Use at most 10 characters and no control characters.");
        }
    }
    errors.check()
}

/// Adds a currency on behalf of staff.
pub async fn create(
    tx: &mut Tx,
    by: &Actor,
    code: Currency,
    prefix: &str,
    suffix: &str,
    rate: &str,
    now: Timestamp,
) -> Result<DealtCurrency> {
    check_signs(prefix, suffix)?;
    let id = add(tx, code, prefix, suffix, rate).await?;
    let activity = Activity::new(format!("Currency {code} added with a rate of {rate}"));
    activity_log::record(tx, by, activity.about(format!("currency:{code}")), now).await?;
    by_id(tx, id).await
}

/// Changes the signs and the rate. What was recorded keeps the rate of its day.
pub async fn update(
    tx: &mut Tx,
    by: &Actor,
    id: i64,
    prefix: &str,
    suffix: &str,
    rate: &str,
    now: Timestamp,
) -> Result<DealtCurrency> {
    let before = by_id(tx, id).await?;
    check_signs(prefix, suffix)?;
    check_rate(rate)?;
    if before.is_base && rate.parse::<Decimal>().is_ok_and(|rate| rate != Decimal::ONE) {
        return Err(Error::invalid("rate", "The base currency's rate is 1."));
    }
    tx.execute(
        "UPDATE currencies SET prefix = $2, suffix = $3, rate = $4 WHERE id = $1",
        params![id, prefix, suffix, rate],
    )
    .await?;
    let changed = changes([
        ("prefix", before.prefix, prefix.to_owned()),
        ("suffix", before.suffix, suffix.to_owned()),
        ("rate", before.rate, rate.to_owned()),
    ]);
    if !changed.is_empty() {
        let activity = Activity::new(format!("Currency {} changed", before.code)).changed(changed);
        activity_log::record(tx, by, activity.about(format!("currency:{}", before.code)), now).await?;
    }
    by_id(tx, id).await
}

fn check_rate(rate: &str) -> Result<()> {
    // Wider than any real one, and narrow enough that no conversion overflows on its way.
    let sane = Decimal::new(1, 9)..=Decimal::from(1_000_000_000);
    if rate.parse::<Decimal>().is_ok_and(|rate| sane.contains(&rate)) {
        Ok(())
    } else {
        Err(Error::invalid("rate", "Write how many units one unit of the base currency is worth, such as 0.92."))
    }
}

/// Adds a currency; the first one is the base. `rate` is decimal text, greater than 0.
pub async fn add(tx: &mut Tx, code: Currency, prefix: &str, suffix: &str, rate: &str) -> Result<i64> {
    check_rate(rate)?;
    let existing: i64 = tx.scalar("SELECT COUNT(*) FROM currencies", params![]).await?;
    let inserted: Option<(i64,)> = tx
        .optional(
            "INSERT INTO currencies (code, prefix, suffix, rate, is_base) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (code) DO NOTHING RETURNING id",
            params![code, prefix, suffix, rate, existing == 0],
        )
        .await?;
    inserted.map(|(id,)| id).ok_or_else(|| Error::invalid("code", format!("{code} is there already.")))
}
