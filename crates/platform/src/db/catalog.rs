//! What tables there are. Part of the seams: the engines' catalogues have nothing in common.

use kernel::{Error, Result};

use super::{Conn, Engine};
use crate::params;

/// A table of the database, as it is, whatever migration made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub name: String,
    pub columns: Vec<Column>,
    /// Whether its `id` is given out by the engine.
    pub numbered: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub boolean: bool,
}

/// Every table but the list of migrations, each after those that it refers to.
pub async fn tables(conn: &mut Conn) -> Result<Vec<Table>> {
    let (columns, references) = match conn.engine() {
        Engine::Sqlite => (SQLITE_COLUMNS, SQLITE_REFERENCES),
        Engine::Postgres => (POSTGRES_COLUMNS, POSTGRES_REFERENCES),
    };
    let columns: Vec<(String, String, bool, bool)> = conn.all(columns, params![]).await?;
    let references: Vec<(String, String)> = conn.all(references, params![]).await?;
    let mut tables: Vec<Table> = Vec::new();
    for (table, name, boolean, numbered) in columns {
        if tables.last().is_none_or(|last| last.name != table) {
            tables.push(Table { name: table, columns: Vec::new(), numbered: false });
        }
        if let Some(table) = tables.last_mut() {
            table.columns.push(Column { name, boolean });
            table.numbered |= numbered;
        }
    }
    in_order(tables, &references)
}

const SQLITE_COLUMNS: &str = "\
    SELECT m.name, c.name, UPPER(c.type) = 'BOOLEAN', \
           c.name = 'id' AND c.pk = 1 AND UPPER(m.sql) LIKE '%AUTOINCREMENT%' \
    FROM sqlite_master m, pragma_table_info(m.name) c \
    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name <> 'innkeeper_migrations' \
    ORDER BY m.name, c.cid";
const SQLITE_REFERENCES: &str = "\
    SELECT m.name, f.\"table\" FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'";
const POSTGRES_COLUMNS: &str = "\
    SELECT CAST(c.table_name AS TEXT), CAST(c.column_name AS TEXT), c.data_type = 'boolean', c.is_identity = 'YES' \
    FROM information_schema.columns c \
    JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name \
    WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' AND c.table_name <> 'innkeeper_migrations' \
    ORDER BY CAST(c.table_name AS TEXT) COLLATE \"C\", c.ordinal_position";
const POSTGRES_REFERENCES: &str = "\
    SELECT CAST(t.relname AS TEXT), CAST(r.relname AS TEXT) FROM pg_constraint k \
    JOIN pg_class t ON t.oid = k.conrelid JOIN pg_class r ON r.oid = k.confrelid \
    WHERE k.contype = 'f' AND t.relnamespace = CAST(current_schema() AS regnamespace)";

/// Puts each table after those that it refers to; otherwise by name, so that both engines give the same order.
fn in_order(mut waiting: Vec<Table>, references: &[(String, String)]) -> Result<Vec<Table>> {
    let mut ordered: Vec<Table> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let ready = waiting.iter().position(|table| {
            references
                .iter()
                .filter(|(from, to)| *from == table.name && from != to)
                .all(|(_, to)| ordered.iter().any(|done| done.name == *to))
        });
        match ready {
            Some(at) => ordered.push(waiting.remove(at)),
            None => {
                let names: Vec<&str> = waiting.iter().map(|table| table.name.as_str()).collect();
                return Err(Error::broken(format!("tables refer to each other in a circle: {}", names.join(", "))));
            }
        }
    }
    Ok(ordered)
}

/// The highest id that was ever given out, 0 for none: a deleted row's id does not come back.
pub async fn last_id(conn: &mut Conn, table: &str) -> Result<i64> {
    let found: Option<(i64,)> = match conn.engine() {
        Engine::Sqlite => conn.optional("SELECT seq FROM sqlite_sequence WHERE name = $1", params![table]).await?,
        Engine::Postgres => {
            let sequence: String =
                conn.scalar("SELECT pg_get_serial_sequence($1, 'id')", params![format!("\"{table}\"")]).await?;
            conn.optional(&format!("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}"), params![])
                .await?
        }
    };
    Ok(found.map_or(0, |(id,)| id))
}

/// Lets numbering go on after `last`, which is at least the highest id in the table.
pub async fn number_after(conn: &mut Conn, table: &str, last: i64) -> Result<()> {
    if last <= 0 {
        return Ok(());
    }
    match conn.engine() {
        Engine::Sqlite => {
            conn.execute("DELETE FROM sqlite_sequence WHERE name = $1", params![table]).await?;
            conn.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)", params![table, last]).await?;
        }
        Engine::Postgres => {
            let table = format!("\"{table}\"");
            conn.all::<(i64,)>("SELECT setval(pg_get_serial_sequence($1, 'id'), $2)", params![table, last]).await?;
        }
    }
    Ok(())
}

/// Lets rows be written in any order until the transaction ends, where the engine checks row by row.
pub async fn defer_references(conn: &mut Conn) -> Result<()> {
    match conn.engine() {
        Engine::Sqlite => conn.batch("PRAGMA defer_foreign_keys = ON").await,
        Engine::Postgres => Ok(()),
    }
}

/// How many others are connected to this database; always 0 on SQLite, where [`super::settle`] finds them.
pub async fn others(conn: &mut Conn) -> Result<i64> {
    match conn.engine() {
        Engine::Sqlite => Ok(0),
        Engine::Postgres => {
            let sql = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
                       AND backend_type = 'client backend' AND pid <> pg_backend_pid()";
            conn.scalar(sql, params![]).await
        }
    }
}
