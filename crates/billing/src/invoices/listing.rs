//! Which invoices a list shows: filters, order, counts. The doors share it.

use accounts::{clients, company, search};
use kernel::{Currency, Date, Error, FieldErrors, Money, Result, nonempty};
use platform::db::{Conn, ToValue, Value};
use platform::jiff::tz::TimeZone;
use platform::record;
use platform::web::Form;
use platform::web::lists::{Column, Order, Query, Sort, Where};

use super::{Invoice, InvoiceStatus};

/// What a list can be limited to. `overdue` is unpaid with a due date that has passed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// The beginning of a number, an id, or how words of the client's name begin.
    pub text: String,
    pub status: Option<Status>,
    pub client_id: Option<i64>,
    pub gateway: Option<String>,
    pub currency: Option<Currency>,
    pub due_from: Option<Date>,
    pub due_to: Option<Date>,
    pub issued_from: Option<Date>,
    pub issued_to: Option<Date>,
    /// In minor units.
    pub total_from: Option<i64>,
    pub total_to: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Is(InvoiceStatus),
    Overdue,
}

impl Status {
    pub fn parse(text: &str) -> Result<Status, String> {
        match text {
            "overdue" => Ok(Status::Overdue),
            other => InvoiceStatus::parse(other).map(Status::Is),
        }
    }
}

/// The names of the filters in an address.
pub const FILTERS: &[&str] = &[
    "q",
    "status",
    "client",
    "gateway",
    "currency",
    "due_from",
    "due_to",
    "issued_from",
    "issued_to",
    "total_from",
    "total_to",
];

pub const SORTS: &[Sort] = &[
    Sort::by("id", &[]).with(&["i.client_id", "i.status", "i.gateway", "i.currency"]),
    BY_NUMBER,
    Sort::by("due_on", &[Column::text("i.due_on")]).with(&["i.status"]),
    Sort::by("issued_on", &[Column::text("i.issued_on").or_missing()]),
    Sort::by("total", &[Column::int("i.total")]),
];

/// As the index of numbers has it. Drafts have none.
const BY_NUMBER: Sort = Sort::by(
    "number",
    &[Column::text("i.series").or_missing(), Column::text("i.series_period"), Column::int("i.series_number")],
);

impl Filter {
    /// From the fields of an address, see [`FILTERS`]. `base` is the currency of a total when none is chosen.
    pub fn parse(form: &Form, base: Currency) -> Result<Filter> {
        let mut errors = FieldErrors::default();
        let currency = nonempty(form.text("currency")).and_then(|text| errors.take("currency", Currency::parse(text)));
        let mut date = |name: &str| nonempty(form.text(name)).and_then(|text| errors.take(name, Date::parse(text)));
        let (due_from, due_to) = (date("due_from"), date("due_to"));
        let (issued_from, issued_to) = (date("issued_from"), date("issued_to"));
        let status = nonempty(form.text("status")).and_then(|text| errors.take("status", Status::parse(text)));
        let client_id = nonempty(form.text("client")).map(|_| form.id("client", &mut errors));
        let mut money = |name: &str| {
            let money = Money::parse(nonempty(form.text(name))?, currency.unwrap_or(base));
            errors.take(name, money).map(|money| money.minor)
        };
        let (total_from, total_to) = (money("total_from"), money("total_to"));
        errors.check()?;
        Ok(Filter {
            text: form.text("q").to_owned(),
            status,
            client_id,
            gateway: nonempty(form.text("gateway")).map(str::to_owned),
            currency,
            due_from,
            due_to,
            issued_from,
            issued_to,
            total_from,
            total_to,
        })
    }
}

/// A filter whose text has been looked up: what it is the beginning of decides how it is searched.
pub struct Search {
    filter: Filter,
    text: Text,
    today: Date,
}

enum Text {
    None,
    /// One invoice, by its number or id.
    Exact,
    /// The beginning of numbers.
    Numbers,
    /// Words of a client's name.
    Client(search::Found),
}

impl Search {
    pub async fn new(conn: &mut Conn, filter: Filter, today: Date) -> Result<Search> {
        let text = if filter.text.is_empty() { Text::None } else { look(conn, &filter.text).await? };
        Ok(Search { filter, text, today })
    }

    /// The invoices, with their clients for [`LISTED`].
    pub fn query(&self) -> Query<'_> {
        let joins = "JOIN clients c ON c.id = i.client_id";
        Query { table: "invoices i", id: "i.id", joins, filter: self.clauses() }
    }

    fn clauses(&self) -> Where<'_> {
        let mut clauses = Where::default();
        let filter = &self.filter;
        let text = filter.text.as_str();
        match &self.text {
            Text::None => {}
            Text::Exact => {
                let found = format!("i.id IN (SELECT id FROM invoices WHERE number = ? UNION SELECT {})", id_of(text));
                clauses.by_index("exact", &found, text.to_value());
            }
            Text::Numbers => {
                let until = Value::Text(after(text).into());
                clauses.by_index_of("i.number", "i.number >= ? AND i.number < ?", vec![text.to_value(), until]);
            }
            Text::Client(found) => found.clone().limit(&mut clauses, "i.client_id"),
        }
        match filter.status {
            None => {}
            Some(Status::Is(status)) => clauses.equal("i.status", Value::Text(status.as_str().into())),
            Some(Status::Overdue) => {
                clauses.equal("i.status", Value::Text("unpaid".into()));
                clauses.by_index("i.due_on", "i.due_on < ?", Value::Text(self.today.to_string().into()));
            }
        }
        if let Some(id) = filter.client_id {
            clauses.equal("i.client_id", Value::Int(id));
        }
        if let Some(gateway) = &filter.gateway {
            clauses.equal("i.gateway", gateway.to_value());
        }
        if let Some(currency) = filter.currency {
            clauses.equal("i.currency", Value::Text(currency.to_string().into()));
        }
        let dates = [
            ("i.due_on", "i.due_on >= ?", filter.due_from),
            ("i.due_on", "i.due_on <= ?", filter.due_to),
            ("i.issued_on", "i.issued_on >= ?", filter.issued_from),
            ("i.issued_on", "i.issued_on <= ?", filter.issued_to),
        ];
        for (column, clause, date) in dates {
            if let Some(date) = date {
                clauses.by_index(column, clause, Value::Text(date.to_string().into()));
            }
        }
        if let Some(total) = filter.total_from {
            clauses.by_index("i.total", "i.total >= ?", Value::Int(total));
        }
        if let Some(total) = filter.total_to {
            clauses.by_index("i.total", "i.total <= ?", Value::Int(total));
        }
        clauses
    }

    /// The invoices alone, for the APIs: columns of [`Invoice`].
    pub fn plain_query(&self) -> Query<'_> {
        Query { joins: "", ..self.query() }
    }

    /// Whole invoices by their position, for the compatible API.
    pub async fn invoices(
        &self,
        conn: &mut Conn,
        order: (&Sort, Order),
        start: i64,
        limit: i64,
    ) -> Result<Vec<Invoice>> {
        self.plain_query().part(conn, &Invoice::columns("i"), order, start, limit).await
    }
}

/// The id that the text may be, as SQL: digits only, or an id that nothing has.
fn id_of(text: &str) -> i64 {
    text.strip_prefix('#').unwrap_or(text).parse().unwrap_or(-1)
}

/// Greater than every number that begins with the text: numbers are written in ASCII up to `z`.
fn after(text: &str) -> String {
    format!("{text}~")
}

/// What the text is. A number that exists beats the beginning of others, numbers beat names.
async fn look(conn: &mut Conn, text: &str) -> Result<Text> {
    let (exact, begins): (bool, bool) = conn
        .one(
            "SELECT EXISTS (SELECT 1 FROM invoices WHERE number = $1) OR EXISTS (SELECT 1 FROM invoices WHERE id = $2), \
                    EXISTS (SELECT 1 FROM invoices WHERE number >= $1 AND number < $3)",
            platform::params![text, id_of(text), after(text)],
        )
        .await?;
    Ok(match (exact, begins) {
        (true, _) => Text::Exact,
        (false, true) => Text::Numbers,
        (false, false) => Text::Client(search::find(conn, search::Kind::Client, text).await?),
    })
}

/// The columns of [`Listed`].
pub const LISTED: &str = "i.id, i.client_id, i.status, i.number, i.currency, i.issued_on, i.due_on, i.gateway, i.total, \
    i.balance, c.first_name, c.last_name, c.company";

record! {
    /// A line of the list.
    #[derive(Debug, Clone)]
    pub struct Listed {
        pub id: i64,
        pub client_id: i64,
        pub status: InvoiceStatus,
        pub number: Option<String>,
        pub currency: Currency,
        pub issued_on: Option<Date>,
        pub due_on: Date,
        pub gateway: String,
        pub total: i64,
        pub balance: i64,
        pub first_name: String,
        pub last_name: String,
        pub company: String,
    }
}

impl Listed {
    pub fn client(&self) -> String {
        clients::name(&self.company, &self.first_name, &self.last_name)
    }

    pub fn title(&self) -> String {
        self.number.clone().unwrap_or_else(|| format!("draft {}", self.id))
    }
}

/// What filters offer: gateways in use and currencies; and where the business's clock hangs, in one question.
pub struct Choices {
    pub gateways: Vec<(String, String)>,
    pub currencies: Vec<Currency>,
    pub base: Currency,
    pub zone: TimeZone,
}

pub async fn choices(conn: &mut Conn) -> Result<Choices> {
    let sql = format!(
        "SELECT CAST(0 AS BIGINT) AS kind, name AS value, display_name AS label FROM gateways \
         UNION ALL SELECT CAST(CASE WHEN is_base THEN 1 ELSE 2 END AS BIGINT), code, code FROM currencies \
         UNION ALL SELECT CAST(3 AS BIGINT), value, '' FROM ({}) AS zone ORDER BY 1, 3",
        company::ZONE_SQL
    );
    let rows: Vec<(i64, String, String)> = conn.all(&sql, platform::params![]).await?;
    let mut currencies = Vec::new();
    let mut gateways = Vec::new();
    let mut base = None;
    let mut zone = None;
    for (kind, value, label) in rows {
        if kind == 0 {
            gateways.push((value, label));
        } else if kind == 3 {
            zone = Some(value);
        } else {
            let currency = Currency::parse(&value)?;
            if kind == 1 {
                base = Some(currency);
            }
            currencies.push(currency);
        }
    }
    let base = base.ok_or_else(|| Error::refused("There is no base currency. Add a currency first."))?;
    Ok(Choices { gateways, currencies, base, zone: company::zone_of(zone) })
}

/// The names of clients, for lists that read invoices alone: first name, last name, company.
pub async fn names_in_parts(conn: &mut Conn, ids: &[i64]) -> Result<std::collections::HashMap<i64, [String; 3]>> {
    let rows: Vec<(i64, String, String, String)> = conn
        .all("SELECT id, first_name, last_name, company FROM clients WHERE id IN $1[]", platform::params![ids])
        .await?;
    Ok(rows.into_iter().map(|(id, first, last, company)| (id, [first, last, company])).collect())
}
