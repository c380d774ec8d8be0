//! Many rows in few statements.

use kernel::Result;

use super::{Conn, Engine, FromRow, Value};

/// Rows to insert into one table. Rows are written in blocks of a few fixed sizes, so that the statements'
/// texts, and with them the prepared statements, stay few.
///
/// ```ignore
/// let mut rows = Insert::into("jobs", &["kind", "payload"]);
/// rows.row(cells!["mail", payload]);
/// rows.run(tx).await?;
/// ```
pub struct Insert<'a> {
    table: &'static str,
    columns: &'static [&'static str],
    values: Vec<Value<'a>>,
    suffix: &'static str,
}

const BLOCKS: [usize; 4] = [128, 32, 8, 1];

impl<'a> Insert<'a> {
    pub fn into(table: &'static str, columns: &'static [&'static str]) -> Insert<'a> {
        Insert { table, columns, values: Vec::new(), suffix: "" }
    }

    /// What follows the rows: `ON CONFLICT … DO NOTHING RETURNING …`.
    pub fn then(mut self, suffix: &'static str) -> Insert<'a> {
        self.suffix = suffix;
        self
    }

    pub fn row(&mut self, values: impl IntoIterator<Item = Value<'a>>) {
        let before = self.values.len();
        self.values.extend(values);
        debug_assert_eq!(
            self.values.len() - before,
            self.columns.len(),
            "a row of {} has a value a column",
            self.table
        );
    }

    pub fn len(&self) -> usize {
        self.values.len() / self.columns.len()
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Writes the rows; how many were written (with `DO NOTHING` that may be fewer).
    pub async fn run(self, conn: &mut Conn) -> Result<u64> {
        let mut written = 0;
        for (sql, blocks) in self.statements(conn.engine()) {
            for block in blocks {
                written += conn.execute(&sql, block).await?;
            }
        }
        Ok(written)
    }

    /// Writes the rows and reads what `RETURNING` gives.
    pub async fn returning<T: FromRow>(self, conn: &mut Conn) -> Result<Vec<T>> {
        let mut out = Vec::with_capacity(self.len());
        for (sql, blocks) in self.statements(conn.engine()) {
            for block in blocks {
                out.extend(conn.all::<T>(&sql, block).await?);
            }
        }
        Ok(out)
    }

    /// A text for each block size in use, and the blocks that it writes.
    fn statements(&self, engine: Engine) -> Vec<(String, std::slice::ChunksExact<'_, Value<'a>>)> {
        let mut rest = self.values.as_slice();
        let mut statements = Vec::new();
        for rows in BLOCKS {
            let size = rows * self.columns.len();
            let (blocks, tail) = rest.split_at(rest.len() - rest.len() % size);
            if !blocks.is_empty() {
                statements.push((self.sql(engine, rows), blocks.chunks_exact(size)));
            }
            rest = tail;
        }
        statements
    }

    /// Thousands of places: SQLite counts them itself, which makes the text and the search for its prepared statement
    /// several times shorter.
    fn sql(&self, engine: Engine, rows: usize) -> String {
        use std::fmt::Write;
        let width = self.columns.len();
        let mut sql = String::with_capacity(256 + rows * width * 7);
        let _ = write!(sql, "INSERT INTO {} ({}) VALUES ", self.table, self.columns.join(", "));
        for row in 0..rows {
            sql.push_str(if row == 0 { "(" } else { ", (" });
            for column in 0..width {
                sql.push_str(if column == 0 { "" } else { "," });
                match engine {
                    Engine::Sqlite => sql.push('?'),
                    Engine::Postgres => {
                        let _ = write!(sql, "${}", row * width + column + 1);
                    }
                }
            }
            sql.push(')');
        }
        sql.push(' ');
        sql.push_str(self.suffix);
        sql
    }
}
