//! Reads query plans for what must not be in them: large tables that are read from end to end.

use crate::Engine;

/// What a statement may do with a large table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Find rows in an index.
    Finding,
    /// Also walk along an index, in the order that is asked for, so that a limit ends it. This is how the first page of a
    /// list without a filter is read.
    Walking,
}

/// The steps of a plan that read one of `tables` otherwise. `plan` has a step a line, those of SQLite indented below what
/// they belong to.
pub fn scans<'a>(engine: Engine, sql: &str, plan: &'a str, tables: &[&str], may: Reading) -> Vec<&'a str> {
    match engine {
        Engine::Postgres => plan.lines().filter(|line| reads_all(line, tables)).collect(),
        Engine::Sqlite => scans_of_sqlite(sql, plan, tables, may),
    }
}

/// `->  Seq Scan on invoices i  (cost=…)`
fn reads_all(line: &str, tables: &[&str]) -> bool {
    let Some((_, rest)) = line.split_once("Seq Scan on ") else { return false };
    rest.split_whitespace().next().is_some_and(|table| tables.contains(&table))
}

/// `SCAN i`, where `i` is what the statement calls the table.
fn scans_of_sqlite<'a>(sql: &str, plan: &'a str, tables: &[&str], may: Reading) -> Vec<&'a str> {
    let lines: Vec<&str> = plan.lines().collect();
    let known = names(sql, tables);
    let depth = |line: &str| line.len() - line.trim_start().len();
    let sorted = |at: usize| {
        lines[at + 1..]
            .iter()
            .take_while(|line| depth(line) >= depth(lines[at]))
            .any(|line| depth(line) == depth(lines[at]) && line.trim_start().starts_with("USE TEMP B-TREE"))
    };
    let scanned = |line: &str| {
        line.trim_start()
            .strip_prefix("SCAN ")
            .and_then(|rest| rest.split_whitespace().next().map(str::to_owned))
            .is_some_and(|name| known.contains(&name))
    };
    (0..lines.len())
        .filter(|at| scanned(lines[*at]) && (may == Reading::Finding || sorted(*at)))
        .map(|at| lines[at])
        .collect()
}

/// The tables under the names that the statement gives them.
fn names(sql: &str, tables: &[&str]) -> Vec<String> {
    let words: Vec<&str> =
        sql.split(|c: char| c.is_whitespace() || "(),;".contains(c)).filter(|w| !w.is_empty()).collect();
    let mut names: Vec<String> = tables.iter().map(|table| (*table).to_owned()).collect();
    for pair in words.windows(2) {
        if tables.contains(&pair[0]) && pair[1].chars().all(|c| c.is_ascii_lowercase() || c == '_') {
            names.push(pair[1].to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQL: &str = "SELECT i.id FROM (SELECT id FROM invoices i ORDER BY i.id LIMIT 9) AS p JOIN clients c ON TRUE";

    #[test]
    fn a_table_that_is_read_from_end_to_end_is_found() {
        let plan = "Limit  (cost=1)\n  ->  Seq Scan on invoices i  (cost=1)\n  ->  Seq Scan on roles r";
        let found = scans(Engine::Postgres, SQL, plan, &["invoices", "clients"], Reading::Walking);
        assert_eq!(found, ["  ->  Seq Scan on invoices i  (cost=1)"]);
        let plan =
            "CO-ROUTINE p\n  SCAN i USING COVERING INDEX x\nSCAN p\nSEARCH c USING INTEGER PRIMARY KEY (rowid=?)";
        assert_eq!(scans(Engine::Sqlite, SQL, plan, &["invoices", "clients"], Reading::Finding).len(), 1);
    }

    #[test]
    fn a_walk_is_none_unless_it_must_be_sorted() {
        let walk = "CO-ROUTINE p\n  SCAN i\nSCAN p\nUSE TEMP B-TREE FOR ORDER BY";
        assert!(scans(Engine::Sqlite, SQL, walk, &["invoices"], Reading::Walking).is_empty());
        let sorted = "CO-ROUTINE p\n  SCAN i\n  USE TEMP B-TREE FOR ORDER BY\nSCAN p";
        assert_eq!(scans(Engine::Sqlite, SQL, sorted, &["invoices"], Reading::Walking).len(), 1);
    }
}
