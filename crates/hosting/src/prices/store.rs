//! The statements about prices.

use kernel::{Currency, Cycle, Result};
use platform::db::{Conn, Insert, Tx};
use platform::{cells, params, record};

use super::{Owner, Price};

record! {
    pub struct PriceRow {
        pub owner_id: i64,
        pub currency: Currency,
        pub cycle: Cycle,
        pub price: i64,
        pub setup: i64,
    }
}

pub(super) async fn of(conn: &mut Conn, owner: Owner, ids: &[i64]) -> Result<Vec<PriceRow>> {
    let sql = format!("SELECT {} FROM prices WHERE owner_kind = $1 AND owner_id IN $2[]", PriceRow::columns(""));
    conn.all(&sql, params![owner, ids]).await
}

pub(super) async fn delete(tx: &mut Tx, owner: Owner, id: i64) -> Result<()> {
    tx.execute("DELETE FROM prices WHERE owner_kind = $1 AND owner_id = $2", params![owner, id]).await?;
    Ok(())
}

pub(super) async fn insert(tx: &mut Tx, owner: Owner, id: i64, prices: &[Price]) -> Result<()> {
    let currencies: Vec<Currency> = prices.iter().map(Price::currency).collect();
    let mut rows = Insert::into("prices", &["owner_kind", "owner_id", "currency", "cycle", "price", "setup"]);
    for (price, currency) in prices.iter().zip(&currencies) {
        rows.row(cells![owner, id, currency, price.cycle, price.price.minor, price.setup.minor]);
    }
    rows.run(tx).await?;
    Ok(())
}
