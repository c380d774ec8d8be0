//! The statements about fetched price lists.

use kernel::{Error, Extension, Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::params;
use platform::prune::{After, Rubbish};
use serde::{Deserialize, Serialize};

use super::List;
use crate::registrars::contract::Cost;

/// Lists that nobody imports from any more, for [`platform::prune`].
pub const OLD_LISTS: Rubbish = Rubbish {
    name: "price lists of registrars",
    table: "tld_lists",
    key: "id",
    condition: "fetched_at < $1",
    after: After::Days(&crate::settings::KEEP_TLD_LISTS),
};

/// A cost as it is kept. Names are short: a list has thousands.
#[derive(Serialize, Deserialize)]
struct Kept {
    x: Extension,
    c: String,
    y: (u8, u8),
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reg: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ren: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tra: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grace: Option<(i64, Option<String>)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    redemption: Option<(i64, Option<String>)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    epp: Option<bool>,
}

impl Kept {
    fn of(cost: &Cost) -> Kept {
        let late = |days: Option<i64>, fee: &Option<String>| days.map(|days| (days, fee.clone()));
        Kept {
            x: cost.extension.clone(),
            c: cost.currency.as_ref().map_or_else(Clone::clone, ToString::to_string),
            y: (cost.min_years, cost.max_years),
            reg: cost.register.clone(),
            ren: cost.renew.clone(),
            tra: cost.transfer.clone(),
            grace: late(cost.grace_days, &cost.grace_fee),
            redemption: late(cost.redemption_days, &cost.redemption_fee),
            epp: cost.epp_required,
        }
    }

    fn cost(self) -> Cost {
        let (grace_days, grace_fee) = self.grace.map_or((None, None), |(days, fee)| (Some(days), fee));
        let (redemption_days, redemption_fee) = self.redemption.map_or((None, None), |(days, fee)| (Some(days), fee));
        Cost {
            extension: self.x,
            currency: kernel::Currency::parse(&self.c).or(Err(self.c)),
            min_years: self.y.0,
            max_years: self.y.1,
            register: self.reg,
            renew: self.ren,
            transfer: self.tra,
            grace_days,
            grace_fee,
            redemption_days,
            redemption_fee,
            epp_required: self.epp,
        }
    }
}

pub(super) async fn insert(tx: &mut Tx, registrar: &str, costs: &[Cost], now: Timestamp) -> Result<List> {
    let kept: Vec<Kept> = costs.iter().map(Kept::of).collect();
    let text = serde_json::to_string(&kept).map_err(|error| Error::broken(format!("price list: {error}")))?;
    let items = i64::try_from(costs.len()).unwrap_or(i64::MAX);
    let id: i64 = tx
        .scalar(
            "INSERT INTO tld_lists (registrar, costs, items, fetched_at) VALUES ($1, $2, $3, $4) RETURNING id",
            params![registrar, text.replace('\0', ""), items, now],
        )
        .await?;
    Ok(List { id, registrar: registrar.to_owned(), items, fetched_at: now })
}

pub(super) async fn find(conn: &mut Conn, id: i64) -> Result<Option<List>> {
    let sql = format!("SELECT {} FROM tld_lists WHERE id = $1", List::columns(""));
    conn.optional(&sql, params![id]).await
}

pub(super) async fn latest(conn: &mut Conn) -> Result<Vec<List>> {
    let sql = format!("SELECT {} FROM tld_lists ORDER BY id DESC LIMIT 50", List::columns(""));
    conn.all(&sql, params![]).await
}

pub(super) async fn costs(conn: &mut Conn, id: i64) -> Result<Vec<Cost>> {
    let text: String = conn.scalar("SELECT costs FROM tld_lists WHERE id = $1", params![id]).await?;
    let kept: Vec<Kept> = serde_json::from_str(&text).map_err(|error| Error::broken(format!("price list: {error}")))?;
    Ok(kept.into_iter().map(Kept::cost).collect())
}

pub(super) async fn options(conn: &mut Conn, registrar: &str) -> Result<Option<String>> {
    let found: Option<(String,)> =
        conn.optional("SELECT options FROM tld_sync_rules WHERE registrar = $1", params![registrar]).await?;
    Ok(found.map(|(text,)| text))
}

pub(super) async fn set_options(tx: &mut Tx, registrar: &str, text: &str) -> Result<()> {
    tx.execute(
        "INSERT INTO tld_sync_rules (registrar, options) VALUES ($1, $2) \
         ON CONFLICT (registrar) DO UPDATE SET options = excluded.options",
        params![registrar, text],
    )
    .await?;
    Ok(())
}
