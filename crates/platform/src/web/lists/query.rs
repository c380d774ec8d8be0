//! Reads a part of a list so that few rows are looked at, whatever the filter, the sort and the size of the table.
//!
//! Neither engine can be left to choose the way: SQLite knows nothing of how many rows fit a condition, and PostgreSQL takes
//! values to be spread evenly, so that it may look for old invoices from the newest one on. So the way is chosen here:
//! - *straight* along an index that serves both the filter and the sort;
//! - else, where an index finds at most [`COUNT_LIMIT`] rows for one of the conditions, those few are found and sorted;
//! - else *along* the sort's index, [`WINDOW`] rows at a time. A page may then hold fewer lines than others, or none, and
//!   says how far it looked.

use kernel::Result;

use super::conditions::Found;
use super::place::{Part, Place, Walk};
use super::statement::where_;
use super::{COUNT_LIMIT, PAGE_SIZE, Page, Request, Sort, Spot, Total, Where};
use crate::db::{Conn, Engine, FromRow, Row, Value};

/// So many rows are looked at for one page where no index finds them.
pub const WINDOW: i64 = 20_000;
/// Mostly a page is full after these.
const FIRST_WINDOW: i64 = 1_000;

/// The rows of a list. `joins` adds what its lines show of other tables, a row for each row.
#[derive(Debug, Clone)]
pub struct Query<'a> {
    /// `invoices i`
    pub table: &'static str,
    /// `i.id`
    pub id: &'static str,
    /// `JOIN clients c ON c.id = i.client_id`
    pub joins: &'static str,
    pub filter: Where<'a>,
}

/// How the rows are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Straight,
    /// The conditions of this group let so many through, which is counted.
    Few(&'static str, i64),
    /// The column whose one value the index begins with.
    Along(Option<&'static str>),
}

/// How many rows may be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Patience {
    Window(i64),
    /// As many as it takes.
    Endless,
}

/// A row and where it stands.
struct Line<T> {
    row: T,
    place: Place,
}

/// What a walk brought.
struct Walked<T> {
    lines: Vec<Line<T>>,
    /// Where the window ended, when it ended before the list and before enough was found.
    edge: Option<Place>,
}

impl<'a> Query<'a> {
    pub fn into_owned(self) -> Query<'static> {
        Query { table: self.table, id: self.id, joins: self.joins, filter: self.filter.into_owned() }
    }

    /// The page that was asked for. `columns` are those of `T`, of the table or of what is joined.
    pub async fn page<T: FromRow>(&self, conn: &mut Conn, request: &Request, columns: &str) -> Result<Page<T>> {
        let (way, sort, total) = self.way(conn, request).await?;
        let patience = if matches!(way, Way::Along(_)) { Patience::Window(FIRST_WINDOW) } else { Patience::Endless };
        self.read(conn, request, columns, way, sort, total, patience).await
    }

    /// As [`Query::page`], for machines: in the order asked for, and always full, however many rows must be looked at.
    pub async fn whole_page<T: FromRow>(&self, conn: &mut Conn, request: &Request, columns: &str) -> Result<Page<T>> {
        let (mut way, _, total) = self.way(conn, request).await?;
        if way == Way::Straight && !self.straight(&request.sort) {
            way = Way::Along(None);
        }
        let mut page = self.read(conn, request, columns, way, request.sort, total, Patience::Endless).await?;
        if page.total == Total::Unknown {
            page.total = self.count(conn, None).await?;
        }
        Ok(page)
    }

    async fn read<T: FromRow>(
        &self,
        conn: &mut Conn,
        request: &Request,
        columns: &str,
        way: Way,
        sort: Sort,
        known: Option<Total>,
        patience: Patience,
    ) -> Result<Page<T>> {
        let place = match &request.spot {
            Spot::After(text) | Spot::Before(text) => Some(Place::decode(text, &sort)?),
            Spot::Number(_) | Spot::Last => None,
        };
        let backwards = matches!(request.spot, Spot::Before(_) | Spot::Last);
        let walk = Walk { sort: &sort, id: self.id, descending: request.descending != backwards, from: place.as_ref() };
        let offset = match request.spot {
            Spot::Number(number) => (number - 1) * PAGE_SIZE,
            _ => 0,
        };
        let mut found = self.walk::<T>(conn, columns, way, &walk, offset, PAGE_SIZE + 1, patience).await?;
        if let (Patience::Window(FIRST_WINDOW), Some(_)) = (patience, &found.edge) {
            found = self.walk(conn, columns, way, &walk, offset, PAGE_SIZE + 1, Patience::Window(WINDOW)).await?;
        }
        let size = usize::try_from(PAGE_SIZE).unwrap_or(usize::MAX);
        let more = found.lines.len() > size || found.edge.is_some();
        found.lines.truncate(size);
        let looked = found.edge.is_some();
        let shown = i64::try_from(found.lines.len()).unwrap_or(i64::MAX);
        let ended = !more && (shown > 0 || offset == 0);
        let total = match (&request.spot, known) {
            (Spot::Number(_), _) if ended => Total::Exactly(offset + shown),
            (_, Some(total)) => total,
            (_, None) if matches!(way, Way::Few(..)) => self.count_few(conn, way, &sort).await?,
            (_, None) => self.count(conn, (way == Way::Straight).then_some(&sort)).await?,
        };
        let far = found.edge.or_else(|| found.lines.last().map(|line| line.place.clone()));
        let near = found.lines.first().map(|line| line.place.clone()).or(place.clone());
        let (back, on) = if backwards { (far, near) } else { (near, far) };
        let before = |place: Option<Place>| place.map(|place| Spot::Before(place.encode()));
        let after = |place: Option<Place>| place.map(|place| Spot::After(place.encode()));
        let numbered = !matches!(way, Way::Along(_));
        let mut page = Page {
            rows: Vec::new(),
            total,
            sort,
            descending: request.descending,
            first: None,
            start: None,
            prev: None,
            next: None,
            end: None,
            on: on.clone().filter(|_| more || matches!(request.spot, Spot::Before(_))),
            looked,
            resorted: sort != request.sort,
        };
        match &request.spot {
            Spot::Number(number) => {
                page.first = Some(offset + 1).filter(|_| !looked);
                page.prev = (*number > 1).then(|| Spot::Number(number - 1));
                page.next = match more {
                    true if numbered && offset + PAGE_SIZE < COUNT_LIMIT => Some(Spot::Number(number + 1)),
                    true => after(on),
                    false => None,
                };
            }
            Spot::After(_) => {
                page.prev = before(back);
                page.next = if more { after(on) } else { None };
            }
            Spot::Before(_) => {
                page.first = (!more).then_some(1);
                page.prev = if more { before(back) } else { None };
                page.next = after(on);
            }
            Spot::Last => page.prev = if more { before(back) } else { None },
        }
        page.start = page.prev.is_some().then_some(Spot::Number(1));
        page.end = page.next.is_some().then(|| match total {
            Total::Exactly(total) if numbered => Spot::Number((total - 1).max(0) / PAGE_SIZE + 1),
            _ => Spot::Last,
        });
        if backwards {
            found.lines.reverse();
        }
        page.rows = found.lines.into_iter().map(|line| line.row).collect();
        Ok(page)
    }

    /// Whether one index serves the whole filter and the sort.
    fn straight(&self, sort: &Sort) -> bool {
        let first = sort.columns.first().map_or(self.id, |column| column.sql);
        let mut equal = false;
        self.filter.clauses.iter().all(|clause| match clause.found {
            Found::Nearly => true,
            Found::Equal(column) => !std::mem::replace(&mut equal, true) && sort.with.contains(&column),
            Found::Range(name) => name == first,
            Found::Looking => false,
        })
    }

    /// How the rows are found, in which order, and how many there are if that came out on the way.
    async fn way(&self, conn: &mut Conn, request: &Request) -> Result<(Way, Sort, Option<Total>)> {
        let sort = request.sort;
        if self.straight(&sort) {
            return Ok((Way::Straight, sort, None));
        }
        let probed = self.probe(conn, request.sorts).await?;
        let least = probed.iter().copied().min_by_key(|(_, count)| *count);
        let groups: Vec<Option<&str>> = self
            .filter
            .clauses
            .iter()
            .filter(|clause| clause.found != Found::Nearly)
            .map(|clause| clause.found.group())
            .collect();
        let only = |group: &'static str| groups.iter().all(|of| *of == Some(group));
        if let Some((group, count)) = least
            && count <= COUNT_LIMIT
        {
            return Ok((Way::Few(group, count), sort, only(group).then_some(Total::Exactly(count))));
        }
        // Many rows in a range of a column: the order of that column leads to them, another would have to be searched.
        let ranged = request.sorts.iter().find(|sort| {
            sort.columns
                .first()
                .is_some_and(|first| self.filter.clauses.iter().any(|clause| clause.found == Found::Range(first.sql)))
        });
        let sort = ranged.copied().unwrap_or(sort);
        if self.straight(&sort) {
            return Ok((Way::Straight, sort, None));
        }
        let equal = sort
            .with
            .iter()
            .copied()
            .find(|column| self.filter.clauses.iter().any(|clause| clause.found == Found::Equal(column)));
        let total = if least.is_some_and(|(group, _)| only(group)) { Total::Over } else { Total::Unknown };
        Ok((Way::Along(equal), sort, Some(total)))
    }

    /// How many rows each group of conditions lets through that an index serves, counted to one more than lists count.
    async fn probe(&self, conn: &mut Conn, sorts: &[Sort]) -> Result<Vec<(&'static str, i64)>> {
        let mut groups: Vec<&'static str> = Vec::new();
        for group in self.filter.clauses.iter().filter_map(|clause| clause.found.group()) {
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        let mut params = Vec::new();
        let counts: Vec<String> = groups
            .iter()
            .map(|group| {
                let conditions = self.conditions(&mut params, |found| found.group() == Some(group));
                let order = self.order_of_group(group, sorts);
                format!(
                    "(SELECT COUNT(*) FROM (SELECT 1 AS one FROM {}{}{order} LIMIT {}) AS counted)",
                    self.table,
                    where_(&conditions),
                    COUNT_LIMIT + 1
                )
            })
            .collect();
        let Numbers(counts) = conn.one(&format!("SELECT {}", counts.join(", ")), &params).await?;
        Ok(groups.into_iter().zip(counts).collect())
    }

    /// How many there are, counted to one more than lists count. `along` the sort whose index serves the filter.
    async fn count(&self, conn: &mut Conn, along: Option<&Sort>) -> Result<Total> {
        let mut params = Vec::new();
        let conditions = self.conditions(&mut params, |_| true);
        let found = self.filter.clauses.iter().any(|clause| clause.found != Found::Nearly);
        let order = match along {
            // SQLite counts in the smallest index when it is not told an order.
            Some(_) if conn.engine() == Engine::Sqlite && conditions.is_empty() => String::new(),
            Some(sort) if found => self.order_of(sort),
            Some(_) => format!(" ORDER BY {}", self.id),
            None => String::new(),
        };
        let sql = format!(
            "SELECT COUNT(*) FROM (SELECT 1 AS one FROM {}{}{order} LIMIT {}) AS counted",
            self.table,
            where_(&conditions),
            COUNT_LIMIT + 1
        );
        conn.scalar(&sql, &params).await.map(Total::counted)
    }

    /// How many there are, counted as far as lists count.
    pub async fn counted(&self, conn: &mut Conn) -> Result<Total> {
        self.count(conn, None).await
    }

    /// Exactly how many there are, however long that takes; for the compatible API, which promises it.
    pub async fn count_all(&self, conn: &mut Conn) -> Result<i64> {
        let mut params = Vec::new();
        let conditions = self.conditions(&mut params, |_| true);
        conn.scalar(&format!("SELECT COUNT(*) FROM {}{}", self.table, where_(&conditions)), &params).await
    }

    async fn count_few(&self, conn: &mut Conn, way: Way, sort: &Sort) -> Result<Total> {
        let walk = Walk { sort, id: self.id, descending: false, from: None };
        let mut params = Vec::new();
        let few = self.few(way, &walk, &mut params);
        conn.scalar(&format!("SELECT COUNT(*) FROM ({few}) AS few WHERE fits"), &params).await.map(Total::counted)
    }

    /// Part of the list by its position, for the compatible API. What lies before it is walked in the index alone.
    pub async fn part<T: FromRow>(
        &self,
        conn: &mut Conn,
        columns: &str,
        order: (&Sort, super::Order),
        start: i64,
        limit: i64,
    ) -> Result<Vec<T>> {
        let walk = Walk { sort: order.0, id: self.id, descending: order.1 == super::Order::Descending, from: None };
        let found = self.walk(conn, columns, Way::Straight, &walk, start, limit, Patience::Endless).await?;
        Ok(found.lines.into_iter().map(|line| line.row).collect())
    }

    /// The newest lines and how many there are, in one statement, for a panel of another page. An index must find what
    /// the conditions let through.
    pub async fn newest<T: FromRow>(&self, conn: &mut Conn, columns: &str, limit: i64) -> Result<(Vec<T>, Total)> {
        let by_id = Sort::by("id", &[]);
        let walk = Walk { sort: &by_id, id: self.id, descending: true, from: None };
        let mut params = Vec::new();
        let conditions = self.conditions(&mut params, |_| true);
        let part = self.stretched(&walk, &conditions, "", 0, limit, &mut params);
        let sql = format!(
            "SELECT {columns}, (SELECT COUNT(*) FROM (SELECT 1 AS one FROM {table}{} LIMIT {}) AS counted) \
             FROM ({part}) AS part CROSS JOIN {table} {} WHERE {id} = part.id ORDER BY {id} DESC",
            where_(&conditions),
            COUNT_LIMIT + 1,
            self.joins,
            table = self.table,
            id = self.id,
        );
        let mut rows = Vec::new();
        let mut total = 0;
        conn.each(&sql, &params, |row| {
            rows.push(T::from_row(row)?);
            total = row.get(row.len() - 1)?;
            Ok(())
        })
        .await?;
        Ok((rows, Total::counted(total)))
    }

    /// Ids of at most `limit` rows, the lowest first.
    pub async fn ids(&self, conn: &mut Conn, limit: i64) -> Result<Vec<i64>> {
        let mut params = Vec::new();
        let conditions = self.conditions(&mut params, |_| true);
        let sql =
            format!("SELECT {0} FROM {1}{2} ORDER BY {0} LIMIT {limit}", self.id, self.table, where_(&conditions));
        conn.column(&sql, &params).await
    }

    /// Everything, in the order of a page, `size` lines at a time; the next place with each part but the last.
    pub(super) async fn batch<T: FromRow>(
        &self,
        conn: &mut Conn,
        columns: &str,
        (way, sort, descending): (Way, Sort, bool),
        from: Option<&Place>,
        size: i64,
    ) -> Result<(Vec<T>, Option<Place>)> {
        let walk = Walk { sort: &sort, id: self.id, descending, from };
        let found = self.walk(conn, columns, way, &walk, 0, size, Patience::Endless).await?;
        let full = i64::try_from(found.lines.len()).unwrap_or(i64::MAX) >= size;
        let last = found.lines.last().filter(|_| full).map(|line| line.place.clone());
        Ok((found.lines.into_iter().map(|line| line.row).collect(), last))
    }

    /// The way and the order of a page, for a file of the whole list.
    pub(super) async fn way_of(&self, conn: &mut Conn, request: &Request) -> Result<(Way, Sort, bool)> {
        let (way, sort, _) = self.way(conn, request).await?;
        Ok((way, sort, request.descending))
    }

    async fn walk<T: FromRow>(
        &self,
        conn: &mut Conn,
        columns: &str,
        way: Way,
        walk: &Walk<'_>,
        offset: i64,
        limit: i64,
        patience: Patience,
    ) -> Result<Walked<T>> {
        let mut params: Vec<Value<'a>> = Vec::new();
        let part = match (way, patience) {
            (Way::Few(..), _) => self.part_of_few(way, walk, offset, limit, &mut params),
            (Way::Along(equal), Patience::Window(window)) => {
                self.part_of_window(equal, window, walk, offset, limit, &mut params)
            }
            _ => {
                let conditions = self.conditions(&mut params, |_| true);
                let part = self.stretched(walk, &conditions, "", offset, limit, &mut params);
                format!("SELECT id, 1 AS hit FROM ({part}) AS lines")
            }
        };
        let keys: Vec<&str> = walk.columns().iter().map(|column| column.sql).collect();
        let sql = format!(
            "SELECT {columns}, {}, part.hit FROM ({part}) AS part CROSS JOIN {} {} WHERE {} = part.id \
             ORDER BY part.hit DESC, {}",
            keys.join(", "),
            self.table,
            self.joins,
            self.id,
            walk.order()
        );
        let mut found = Walked { lines: Vec::new(), edge: None };
        let mut edge = None;
        conn.each(&sql, &params, |row| {
            let place = place_at_the_end(row, keys.len())?;
            if row.get::<i64>(row.len() - 1)? == 1 {
                found.lines.push(Line { row: T::from_row(row)?, place });
            } else {
                edge = Some(place);
            }
            Ok(())
        })
        .await?;
        let enough = i64::try_from(found.lines.len()).unwrap_or(i64::MAX) >= limit;
        found.edge = edge.filter(|_| !enough);
        Ok(found)
    }
}

/// The columns of the sort stand behind those of the row, and the hit behind them.
fn place_at_the_end(row: &Row<'_>, columns: usize) -> Result<Place> {
    let from = row.len() - 1 - columns;
    (from..from + columns).map(|at| row.get::<Part>(at)).collect::<Result<Vec<Part>>>().map(Place)
}

/// A row of numbers, however many.
struct Numbers(Vec<i64>);

impl FromRow for Numbers {
    fn from_row(row: &Row<'_>) -> Result<Numbers> {
        (0..row.len()).map(|at| row.get(at)).collect::<Result<Vec<i64>>>().map(Numbers)
    }
}
