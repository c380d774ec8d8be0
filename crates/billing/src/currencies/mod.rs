//! The currencies that are dealt in. One is the base; the rate of another says how many units of it one unit of the
//! base is worth.

use kernel::{Currency, Error, Result};
use platform::db::{Conn, Tx};
use platform::{params, record};

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

/// Adds a currency; the first one is the base. `rate` is decimal text, greater than 0.
pub async fn add(tx: &mut Tx, code: Currency, prefix: &str, suffix: &str, rate: &str) -> Result<i64> {
    let good = rate.parse::<rust_decimal::Decimal>().is_ok_and(|rate| rate > rust_decimal::Decimal::ZERO);
    if !good {
        return Err(Error::invalid(
            "rate",
            "Write how many units one unit of the base currency is worth, such as 0.92.",
        ));
    }
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
