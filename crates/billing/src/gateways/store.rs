//! SQL of the gateway log.

use accounts::company;
use kernel::{Result, Timestamp};
use platform::db::Value;
use platform::jiff::tz::TimeZone;
use platform::record;
use platform::web::lists::{Column, Query, Request, Sort, Where};

use crate::view::{date_filter, id_filter};

record! {
    #[derive(Debug, Clone, serde::Serialize)]
    pub struct Logged {
        pub id: i64,
        pub gateway: String,
        pub what: String,
        pub result: String,
        pub client_id: Option<i64>,
        pub invoice_id: Option<i64>,
        pub detail: String,
        pub at: Timestamp,
    }
}

#[derive(Debug, Clone, Default)]
pub struct LogFilter {
    /// Anywhere in the detail.
    pub text: String,
    pub gateway: String,
    pub result: String,
    pub client_id: Option<i64>,
    pub invoice_id: Option<i64>,
    pub from: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
}

pub const SORTS: &[Sort] = &[Sort::by("at", &[Column::int("l.at")]).with(&["l.gateway", "l.client_id"])];

impl LogFilter {
    /// The filter that a list's request names; days are those of the business.
    pub fn of(request: &Request, zone: &TimeZone) -> Result<LogFilter> {
        Ok(LogFilter {
            text: request.filter("q").to_owned(),
            gateway: request.filter("gateway").to_owned(),
            result: request.filter("result").to_owned(),
            client_id: id_filter(request, "client"),
            invoice_id: id_filter(request, "invoice"),
            from: date_filter(request, "from")?.map(|day| company::day_start(day, zone)),
            until: date_filter(request, "to")?.map(|day| company::day_end(day, zone)),
        })
    }

    /// The lines of the log: columns of [`Logged`]. Words are looked for line by line.
    pub fn query(&self) -> Query<'_> {
        Query { table: "gateway_log l", id: "l.id", joins: "", filter: self.conditions() }
    }

    fn conditions(&self) -> Where<'_> {
        let mut conditions = Where::default();
        if !self.gateway.is_empty() {
            conditions.equal("l.gateway", Value::Text(self.gateway.as_str().into()));
        }
        if !self.result.is_empty() {
            conditions.and("l.result = ?", Value::Text(self.result.as_str().into()));
        }
        for (column, id) in [("l.client_id", self.client_id), ("l.invoice_id", self.invoice_id)] {
            if let Some(id) = id {
                conditions.equal(column, Value::Int(id));
            }
        }
        if let Some(from) = self.from {
            conditions.by_index("l.at", "l.at >= ?", Value::Int(from.micros()));
        }
        if let Some(until) = self.until {
            conditions.by_index("l.at", "l.at < ?", Value::Int(until.micros()));
        }
        if !self.text.is_empty() {
            conditions.and("LOWER(l.detail) LIKE ? ESCAPE '\\'", Value::Text(crate::view::contains(&self.text).into()));
        }
        conditions
    }
}
