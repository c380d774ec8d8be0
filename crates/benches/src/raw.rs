//! A database without the product's data layer: what the floors stand on.

use std::borrow::Cow;
use std::collections::HashMap;
use std::error::Error;

use bytes::BytesMut;
use rusqlite::types::{ToSqlOutput, ValueRef};
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{NoTls, Statement};

pub enum Raw {
    Sqlite(rusqlite::Connection),
    Postgres { client: tokio_postgres::Client, statements: HashMap<String, Statement> },
}

/// A value on its way in.
#[derive(Debug, Clone)]
pub enum Value<'a> {
    Null,
    Int(i64),
    Bool(bool),
    Text(Cow<'a, str>),
}

pub fn text<'a>(text: impl Into<Cow<'a, str>>) -> Value<'a> {
    Value::Text(text.into())
}

/// Rows of one table.
pub struct Rows<'a> {
    pub table: &'static str,
    pub columns: &'static [&'static str],
    pub values: Vec<Value<'a>>,
}

impl<'a> Rows<'a> {
    pub fn of(table: &'static str, columns: &'static [&'static str]) -> Rows<'a> {
        Rows { table, columns, values: Vec::new() }
    }

    pub fn add<const N: usize>(&mut self, row: [Value<'a>; N]) {
        self.values.extend(row);
    }

    fn sql(&self, count: usize) -> String {
        let width = self.columns.len();
        let row = |row: usize| {
            let places: Vec<String> = (1..=width).map(|column| format!("${}", row * width + column)).collect();
            format!("({})", places.join(","))
        };
        let rows: Vec<String> = (0..count).map(row).collect();
        format!("INSERT INTO {} ({}) VALUES {}", self.table, self.columns.join(","), rows.join(","))
    }
}

/// The number of rows that one statement writes: as many as there are, in few shapes.
const BLOCKS: [usize; 3] = [100, 10, 1];

impl Raw {
    /// SQLite with the settings that the product has.
    pub fn sqlite(path: &std::path::Path) -> Raw {
        let connection = rusqlite::Connection::open(path).unwrap();
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
                 PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY",
            )
            .unwrap();
        connection.set_prepared_statement_cache_capacity(256);
        Raw::Sqlite(connection)
    }

    pub async fn postgres(url: &str) -> Raw {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        tokio::spawn(connection);
        Raw::Postgres { client, statements: HashMap::new() }
    }

    pub fn is_postgres(&self) -> bool {
        matches!(self, Raw::Postgres { .. })
    }

    /// Statements without parameters.
    pub async fn batch(&mut self, sql: &str) {
        match self {
            Raw::Sqlite(connection) => connection.execute_batch(sql).unwrap(),
            Raw::Postgres { client, .. } => client.batch_execute(sql).await.unwrap(),
        }
    }

    pub async fn execute(&mut self, sql: &str, params: &[Value<'_>]) {
        match self {
            Raw::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(&sql.replace('$', "?")).unwrap();
                statement.execute(rusqlite::params_from_iter(params)).unwrap();
            }
            Raw::Postgres { client, statements } => {
                let statement = prepared(client, statements, sql).await;
                let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|value| value as _).collect();
                client.execute(&statement, &params).await.unwrap();
            }
        }
    }

    /// Rows of integers and texts, each given to `each` as it is read.
    pub async fn query(&mut self, sql: &str, params: &[Value<'_>], mut each: impl FnMut(&dyn Columns)) {
        match self {
            Raw::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(&sql.replace('$', "?")).unwrap();
                let mut rows = statement.query(rusqlite::params_from_iter(params)).unwrap();
                while let Some(row) = rows.next().unwrap() {
                    each(row);
                }
            }
            Raw::Postgres { client, statements } => {
                let statement = prepared(client, statements, sql).await;
                let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|value| value as _).collect();
                for row in client.query(&statement, &params).await.unwrap() {
                    each(&row);
                }
            }
        }
    }

    pub async fn int(&mut self, sql: &str) -> i64 {
        let mut value = 0;
        self.query(sql, &[], |row| value = row.int(0)).await;
        value
    }

    pub async fn insert(&mut self, rows: &Rows<'_>) {
        let mut rest = rows.values.as_slice();
        for count in BLOCKS {
            let size = count * rows.columns.len();
            if rest.len() < size {
                continue;
            }
            let sql = rows.sql(count);
            while rest.len() >= size {
                let (block, tail) = rest.split_at(size);
                self.execute(&sql, block).await;
                rest = tail;
            }
        }
    }
}

async fn prepared(
    client: &tokio_postgres::Client,
    statements: &mut HashMap<String, Statement>,
    sql: &str,
) -> Statement {
    if let Some(statement) = statements.get(sql) {
        return statement.clone();
    }
    let statement = client.prepare(sql).await.unwrap();
    statements.insert(sql.to_owned(), statement.clone());
    statement
}

/// A row as it comes.
pub trait Columns {
    fn int(&self, at: usize) -> i64;
    fn text(&self, at: usize) -> &str;
}

impl Columns for rusqlite::Row<'_> {
    fn int(&self, at: usize) -> i64 {
        self.get(at).unwrap()
    }
    fn text(&self, at: usize) -> &str {
        self.get_ref(at).unwrap().as_str().unwrap()
    }
}

impl Columns for tokio_postgres::Row {
    fn int(&self, at: usize) -> i64 {
        self.get(at)
    }
    fn text(&self, at: usize) -> &str {
        self.get(at)
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(value) => ValueRef::Integer(*value),
            Value::Bool(value) => ValueRef::Integer(i64::from(*value)),
            Value::Text(value) => ValueRef::Text(value.as_bytes()),
        }))
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Value::Null => Ok(IsNull::Yes),
            Value::Int(value) => value.to_sql(ty, out),
            Value::Bool(value) => value.to_sql(ty, out),
            Value::Text(value) => value.as_ref().to_sql(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
