//! A whole database in one file that either engine can read back.
//!
//! The file is text, a JSON value a line:
//!
//! ```text
//! {"format":"innkeeper-backup","version":1,"migrations":["0001_platform",…],"made_at":"2026-03-01T09:00:00Z"}
//! {"table":"clients","columns":["id","uuid",…],"last_id":41}
//! [1,"018e…",…]
//! …
//! {"end":true,"rows":12345,"sha256":"…"}
//! ```
//!
//! Tables come after those that they refer to. A row has a value for each column: `null`, `true`, a number (also for
//! instants and amounts), text, or `{"bytes":"<base64>"}`. The last line carries the SHA-256 of all before it, so a file
//! that was cut off or altered is found out before anything of it is kept.
//!
//! What must hold: the rows are those of one moment; memory does not grow with the database; a restore that fails
//! leaves nothing behind.

use std::io::{BufRead, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kernel::{Error, Result, Timestamp};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::db::{self, Cell, Conn, Db, Engine, FromCell, Tx, Value, catalog};
use crate::params;

const FORMAT: &str = "innkeeper-backup";
const VERSION: u64 = 1;
/// Rows of one INSERT. Times the widest table's columns it stays below both engines' limits of parameters.
const BLOCK: usize = 50;

/// How much was written or read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Totals {
    pub tables: u64,
    pub rows: u64,
}

/// Writes everything that the database holds now. The caller makes the file safe and gives it its name.
pub async fn write(db: &Db, out: &mut (dyn Write + Send), now: Timestamp) -> Result<Totals> {
    let mut tx = db.snapshot().await?;
    let mut out = Hashed { out, hash: Sha256::new() };
    let migrations: Vec<String> = tx.column("SELECT name FROM innkeeper_migrations ORDER BY name", params![]).await?;
    let header = json!({ "format": FORMAT, "version": VERSION, "migrations": migrations, "made_at": now.to_string() });
    out.line(&header)?;
    let mut totals = Totals::default();
    for table in catalog::tables(&mut tx).await? {
        totals.tables += 1;
        totals.rows += write_table(&mut tx, &table, &mut out).await?;
    }
    tx.rollback().await?;
    let sum = crate::crypto::hex(&out.hash.clone().finalize());
    out.line(&json!({ "end": true, "rows": totals.rows, "sha256": sum }))?;
    Ok(totals)
}

async fn write_table(conn: &mut Conn, table: &catalog::Table, out: &mut Hashed<'_>) -> Result<u64> {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    let mut head = json!({ "table": table.name, "columns": names });
    if table.numbered {
        head["last_id"] = catalog::last_id(conn, &table.name).await?.into();
    }
    out.line(&head)?;
    let order = if table.numbered { " ORDER BY id" } else { "" };
    let sql = format!("SELECT {} FROM {}{order}", quoted(&names), quote(&table.name));
    let mut rows = 0;
    conn.each(&sql, params![], |row| {
        let mut values = Vec::with_capacity(table.columns.len());
        for (at, column) in table.columns.iter().enumerate() {
            values.push(match row.get::<Any>(at)?.0 {
                // SQLite keeps truth values as numbers.
                Json::Number(number) if column.boolean => Json::Bool(number.as_i64() != Some(0)),
                value => value,
            });
        }
        rows += 1;
        out.line(&Json::Array(values))
    })
    .await?;
    Ok(rows)
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", ")
}

/// A cell as it stands in the file.
struct Any(Json);

impl FromCell for Any {
    fn from_cell(cell: Cell<'_>) -> Result<Any> {
        Ok(Any(match cell {
            Cell::Null => Json::Null,
            Cell::Int(value) => value.into(),
            Cell::Bool(value) => value.into(),
            Cell::Text(value) => value.into(),
            Cell::Bytes(value) => json!({ "bytes": STANDARD.encode(value) }),
        }))
    }
}

struct Hashed<'a> {
    out: &'a mut (dyn Write + Send),
    hash: Sha256,
}

impl Hashed<'_> {
    fn line(&mut self, value: &Json) -> Result<()> {
        let mut line = value.to_string();
        line.push('\n');
        self.hash.update(line.as_bytes());
        self.out
            .write_all(line.as_bytes())
            .map_err(|error| Error::Unavailable(format!("The backup cannot be written: {error}")))
    }
}

/// Whether tables that are there may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    Refuse,
    Replace,
}

/// Reads a file back in one transaction. A file of an older version is brought up to date afterwards, in the same
/// transaction; one of a newer version is refused.
pub async fn restore(db: &Db, input: &mut (dyn BufRead + Send), existing: Existing, now: Timestamp) -> Result<Totals> {
    let mut lines = Lines { input, hash: Sha256::new(), number: 0, line: String::new() };
    let (wanted, made_at) = header(&mut lines)?;
    let mut tx = db.write().await?;
    if existing == Existing::Replace {
        drop_tables(&mut tx).await?;
    }
    db::apply_migrations(&mut tx, |name| wanted.iter().any(|known| known == name), now).await?;
    catalog::defer_references(&mut tx).await?;
    let tables = catalog::tables(&mut tx).await?;
    // A migration may have put rows there; the file has its own.
    for table in tables.iter().rev() {
        tx.execute(&format!("DELETE FROM {}", quote(&table.name)), params![]).await?;
    }
    let totals = read_tables(&mut tx, &mut lines, &tables).await?;
    db::apply_migrations(&mut tx, |_| true, now).await?;
    // What happened elsewhere since the backup is not in it; whoever deals with others must know.
    tx.execute("INSERT INTO restores (backup_made_at, restored_at) VALUES ($1, $2)", params![made_at, now]).await?;
    tx.commit().await?;
    Ok(totals)
}

/// The migrations that the file's database had, and when it was made.
fn header(lines: &mut Lines<'_>) -> Result<(Vec<String>, Timestamp)> {
    let none = || Error::refused("The file is no backup of Innkeeper.");
    let header = match lines.next() {
        Ok(Some(header)) if header["format"] == FORMAT => header,
        _ => return Err(none()),
    };
    if header["version"].as_u64() != Some(VERSION) {
        return Err(Error::refused(
            "The backup was written by a newer version of Innkeeper. Restore it with that one.",
        ));
    }
    let known = db::migrations();
    let names = header["migrations"].as_array().ok_or_else(none)?.iter().filter_map(Json::as_str);
    let names: Vec<String> = names.map(str::to_owned).collect();
    if let Some(unknown) = names.iter().find(|name| !known.iter().any(|migration| migration.name == **name)) {
        return Err(Error::refused(format!(
            "The backup was made by a newer version of Innkeeper (step {unknown}). Restore it with that one."
        )));
    }
    let made_at = header["made_at"].as_str().and_then(|text| Timestamp::parse(text).ok()).ok_or_else(none)?;
    Ok((names, made_at))
}

async fn drop_tables(tx: &mut Tx) -> Result<()> {
    for table in catalog::tables(tx).await?.iter().rev() {
        tx.batch(&format!("DROP TABLE {}", quote(&table.name))).await?;
    }
    tx.batch("DROP TABLE IF EXISTS innkeeper_migrations").await
}

async fn read_tables(tx: &mut Tx, lines: &mut Lines<'_>, tables: &[catalog::Table]) -> Result<Totals> {
    let mut totals = Totals::default();
    let mut block: Option<Block> = None;
    loop {
        let sum = lines.sum();
        let line = lines.next()?.ok_or_else(|| Error::refused("The backup is cut off: its last line is missing."))?;
        if let Json::Array(values) = line {
            let block = block.as_mut().ok_or_else(|| lines.wrong("a row stands before its table"))?;
            block.push(values, lines)?;
            totals.rows += 1;
            if block.rows == BLOCK {
                block.store(tx).await?;
            }
            continue;
        }
        if let Some(block) = block.take() {
            block.finish(tx).await?;
        }
        if line["end"] == true {
            if line["sha256"] != sum.as_str() || line["rows"].as_u64() != Some(totals.rows) {
                return Err(Error::refused("The backup is damaged: its content does not fit its checksum."));
            }
            return Ok(totals);
        }
        let name = line["table"].as_str().ok_or_else(|| lines.wrong("neither a row nor a table"))?;
        let table = tables.iter().find(|table| table.name == name);
        let table = table.ok_or_else(|| lines.wrong(&format!("there is no table {name}")))?;
        block = Some(Block::of(table, &line, lines)?);
        totals.tables += 1;
    }
}

/// Rows of one table on their way into it.
struct Block {
    table: String,
    columns: Vec<String>,
    last_id: Option<i64>,
    values: Vec<Value<'static>>,
    rows: usize,
}

impl Block {
    fn of(table: &catalog::Table, head: &Json, lines: &Lines<'_>) -> Result<Block> {
        let mut columns = Vec::new();
        for name in head["columns"].as_array().into_iter().flatten().filter_map(Json::as_str) {
            if !table.columns.iter().any(|column| column.name == name) {
                return Err(lines.wrong(&format!("{} has no column {name}", table.name)));
            }
            columns.push(name.to_owned());
        }
        let last_id = if table.numbered { head["last_id"].as_i64() } else { None };
        Ok(Block { table: table.name.clone(), columns, last_id, values: Vec::new(), rows: 0 })
    }

    fn push(&mut self, values: Vec<Json>, lines: &Lines<'_>) -> Result<()> {
        if values.len() != self.columns.len() {
            return Err(lines.wrong("the row has not as many values as its table has columns"));
        }
        for value in values {
            self.values.push(parameter(value).ok_or_else(|| lines.wrong("a value cannot be read"))?);
        }
        self.rows += 1;
        Ok(())
    }

    async fn store(&mut self, tx: &mut Tx) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let width = self.columns.len();
        let names: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        let rows: Vec<String> = (0..self.rows)
            .map(|row| {
                let places: Vec<String> = (1..=width).map(|column| format!("${}", row * width + column)).collect();
                format!("({})", places.join(", "))
            })
            .collect();
        let sql = format!("INSERT INTO {} ({}) VALUES {}", quote(&self.table), quoted(&names), rows.join(", "));
        tx.execute(&sql, &self.values).await?;
        self.values.clear();
        self.rows = 0;
        Ok(())
    }

    async fn finish(mut self, tx: &mut Tx) -> Result<()> {
        self.store(tx).await?;
        if let Some(last) = self.last_id {
            let highest: Option<i64> =
                tx.scalar(&format!("SELECT MAX(id) FROM {}", quote(&self.table)), params![]).await?;
            catalog::number_after(tx, &self.table, last.max(highest.unwrap_or_default())).await?;
        }
        Ok(())
    }
}

fn parameter(value: Json) -> Option<Value<'static>> {
    Some(match value {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(value),
        Json::Number(number) => Value::Int(number.as_i64()?),
        Json::String(text) => Value::Text(text.into()),
        Json::Object(fields) => Value::Bytes(STANDARD.decode(fields.get("bytes")?.as_str()?).ok()?.into()),
        Json::Array(_) => return None,
    })
}

struct Lines<'a> {
    input: &'a mut (dyn BufRead + Send),
    hash: Sha256,
    number: u64,
    line: String,
}

impl Lines<'_> {
    fn next(&mut self) -> Result<Option<Json>> {
        self.line.clear();
        self.number += 1;
        match self.input.read_line(&mut self.line) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(error) => return Err(self.wrong(&error.to_string())),
        }
        self.hash.update(self.line.as_bytes());
        serde_json::from_str(&self.line).map(Some).map_err(|error| self.wrong(&error.to_string()))
    }

    /// The checksum of what was read so far.
    fn sum(&self) -> String {
        crate::crypto::hex(&self.hash.clone().finalize())
    }

    fn wrong(&self, why: &str) -> Error {
        Error::refused(format!("The backup cannot be read at line {}: {why}.", self.number))
    }
}

/// Where a restore must not run: who else is on the database.
pub async fn check_unused(db: &Db) -> Result<()> {
    if db.engine() == Engine::Postgres && catalog::others(&mut db.read().await?).await? > 0 {
        return Err(Error::refused("Others are connected to the database. Stop every server first."));
    }
    Ok(())
}
