//! The text of a list's statements, for each way on which its rows are found.

use super::conditions::Found;
use super::place::Walk;
use super::query::{Query, Way};
use super::{COUNT_LIMIT, Sort};
use crate::db::Value;

impl<'a> Query<'a> {
    /// The order of an index that finds the group: told it, PostgreSQL does not read the table instead because it takes
    /// the rows that fit to be everywhere.
    pub(super) fn order_of_group(&self, group: &str, sorts: &[Sort]) -> String {
        let served = sorts
            .iter()
            .find(|sort| sort.with.contains(&group) || sort.columns.first().is_some_and(|first| first.sql == group));
        served.map(|sort| self.order_of(sort)).unwrap_or_default()
    }

    pub(super) fn order_of(&self, sort: &Sort) -> String {
        let columns: Vec<&str> = sort.columns.iter().map(|column| column.sql).chain([self.id]).collect();
        format!(" ORDER BY {}", columns.join(", "))
    }

    pub(super) fn conditions(&self, params: &mut Vec<Value<'a>>, which: impl Fn(Found) -> bool) -> Vec<String> {
        let chosen = self.filter.clauses.iter().filter(|clause| which(clause.found));
        chosen.map(|clause| self.filter.render(clause, params)).collect()
    }

    /// `id` and the columns of the sort under their names, along one index in each stretch.
    pub(super) fn stretched(
        &self,
        walk: &Walk<'_>,
        conditions: &[String],
        more: &str,
        offset: i64,
        limit: i64,
        params: &mut Vec<Value<'a>>,
    ) -> String {
        let stretches = walk.stretches(params);
        let single = stretches.len() == 1;
        let mut skip = String::new();
        let mut all = limit.to_string();
        if offset > 0 {
            params.push(Value::Int(offset));
            skip = format!(" OFFSET ${}", params.len());
            if !single {
                params.push(Value::Int(offset.saturating_add(limit)));
                all = format!("${}", params.len());
            }
        }
        let parts: Vec<String> = stretches
            .into_iter()
            .map(|stretch| {
                let conditions = [conditions, &stretch.conditions].concat();
                let columns = walk.selected();
                let from = where_(&conditions);
                format!("SELECT {columns}{more} FROM {}{from} ORDER BY {} LIMIT {all}", self.table, stretch.order)
            })
            .collect();
        if single {
            return format!("{}{skip}", parts.concat());
        }
        let parts: Vec<String> =
            parts.iter().enumerate().map(|(at, part)| format!("SELECT * FROM ({part}) AS s{at}")).collect();
        format!(
            "SELECT * FROM ({}) AS stretches ORDER BY {} LIMIT {limit}{skip}",
            parts.join(" UNION ALL "),
            walk.order_named()
        )
    }

    /// What one group of conditions finds, and whether the others let it through.
    pub(super) fn few(&self, way: Way, walk: &Walk<'_>, params: &mut Vec<Value<'a>>) -> String {
        let Way::Few(group, _) = way else { return String::new() };
        let found = self.conditions(params, |found| found.group() == Some(group));
        let others = self.conditions(params, |found| found.group() != Some(group));
        // The limit keeps the engine from weighing the other conditions' indexes against this one.
        format!(
            "SELECT {}, ({}) AS fits FROM {}{} LIMIT {}",
            walk.selected(),
            all_of(&others),
            self.table,
            where_(&found),
            2 * COUNT_LIMIT
        )
    }

    pub(super) fn part_of_few(
        &self,
        way: Way,
        walk: &Walk<'_>,
        offset: i64,
        limit: i64,
        params: &mut Vec<Value<'a>>,
    ) -> String {
        let few = self.few(way, walk, params);
        let beyond = walk.condition_named(params).map(|condition| format!(" AND {condition}")).unwrap_or_default();
        let skip = if offset > 0 {
            params.push(Value::Int(offset));
            format!(" OFFSET ${}", params.len())
        } else {
            String::new()
        };
        format!(
            "SELECT id, 1 AS hit FROM ({few}) AS few WHERE fits{beyond} ORDER BY {} LIMIT {limit}{skip}",
            walk.order_named()
        )
    }

    /// The first `limit` lines among the next `window` rows, and the last of these rows as one that is no hit.
    pub(super) fn part_of_window(
        &self,
        equal: Option<&'static str>,
        window: i64,
        walk: &Walk<'_>,
        offset: i64,
        limit: i64,
        params: &mut Vec<Value<'a>>,
    ) -> String {
        let first = walk.sort.columns.first().map(|column| column.sql);
        let leads = |found: Found| match found {
            Found::Equal(column) => Some(column) == equal,
            Found::Range(name) => Some(name) == first,
            Found::Looking | Found::Nearly => false,
        };
        let leading = self.conditions(params, leads);
        let others = self.conditions(params, |found| !leads(found));
        let fits = format!(", ({}) AS fits", all_of(&others));
        let seen = self.stretched(walk, &leading, &fits, 0, window, params);
        let order = walk.order_named();
        let skip = if offset > 0 {
            params.push(Value::Int(offset));
            format!(" OFFSET ${}", params.len())
        } else {
            String::new()
        };
        format!(
            "WITH seen AS MATERIALIZED ({seen}) \
             SELECT * FROM (SELECT id, 1 AS hit FROM seen WHERE fits ORDER BY {order} LIMIT {limit}{skip}) AS hits \
             UNION ALL SELECT * FROM (SELECT id, 0 AS hit FROM seen ORDER BY {order} LIMIT 1 OFFSET {}) AS edge",
            window - 1
        )
    }
}

pub(super) fn where_(conditions: &[String]) -> String {
    if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) }
}

pub(super) fn all_of(conditions: &[String]) -> String {
    if conditions.is_empty() { "TRUE".to_owned() } else { conditions.join(" AND ") }
}
