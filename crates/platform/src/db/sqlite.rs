//! SQLite through rusqlite, called in place: a statement takes microseconds, a hop to another thread takes more.

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use kernel::{Error, Result};
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

use super::{Cell, Engine, FromRow, Row, Value, dialect, first_words};

const READERS: usize = 4;
const CACHED_STATEMENTS: usize = 256;
/// Pages that a connection keeps, in KiB. A batch writes all over the file; a page is read out of the system's cache.
const WRITER_CACHE: i64 = 8192;
const READER_CACHE: i64 = 2048;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum OnMissing {
    Create,
    Fail,
}

/// One writer and a few readers on one file.
#[derive(Clone)]
pub struct Pool {
    path: PathBuf,
    writer: Arc<tokio::sync::Mutex<Connection>>,
    readers: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Pool {
    pub(super) fn open(path: &Path, on_missing: OnMissing) -> Result<Pool> {
        if on_missing == OnMissing::Fail && !path.exists() {
            return Err(Error::refused(format!(
                "There is no database at {}. Create it with: innkeeper init",
                path.display()
            )));
        }
        if on_missing == OnMissing::Create && !path.exists() {
            make_private(path)?;
        }
        refuse_foreign(path)?;
        let writer = connect(path, true)?;
        // The first reader needs the file in WAL mode, which the writer has just made sure of.
        let readers = (0..READERS).map(|_| connect(path, false)).collect::<Result<Vec<_>>>()?;
        Ok(Pool {
            path: path.to_owned(),
            writer: Arc::new(tokio::sync::Mutex::new(writer)),
            readers: Arc::new(Mutex::new(readers)),
            permits: Arc::new(Semaphore::new(READERS)),
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a consistent copy to `target`, which must not exist, while the database is in use. Nobody else can read it,
    /// from its first byte on.
    pub fn copy_to(&self, target: &Path) -> Result<()> {
        if target.exists() {
            return Err(Error::refused(format!("{} is there already; it is not written over.", target.display())));
        }
        // Under its own name it is whole: one that broke off must not pass for a copy.
        let mut part = target.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let _ = std::fs::remove_file(&part);
        // SQLite would make the file for everybody; an empty one it fills.
        make_private(&part)?;
        // A connection of its own: the pool's go on serving meanwhile.
        let source = connect(&self.path, false)?;
        let copy = || -> rusqlite::Result<()> {
            source.execute("VACUUM INTO ?1", [part.to_string_lossy()])?;
            Ok(())
        };
        let copied = blocking(copy).map_err(|error| error.to_string());
        copied.and_then(|()| std::fs::rename(&part, target).map_err(|error| error.to_string())).map_err(|error| {
            let _ = std::fs::remove_file(&part);
            Error::Unavailable(format!(
                "The database {} cannot be copied to {}: {error}",
                self.path.display(),
                target.display()
            ))
        })
    }

    pub(super) async fn writer(&self) -> Result<Handle> {
        Ok(Handle::Writer(self.writer.clone().lock_owned().await))
    }

    pub(super) async fn reader(&self) -> Result<Handle> {
        let permit = match self.permits.clone().acquire_owned().await {
            Ok(permit) => permit,
            Err(closed) => return Err(Error::broken(format!("database: {closed}"))),
        };
        let connection = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match connection {
            Some(connection) => {
                Ok(Handle::Reader { connection: Some(connection), home: self.readers.clone(), _permit: permit })
            }
            None => Err(Error::broken("database: more readers are out than there are")),
        }
    }
}

/// Brings everything into the one file, without a log beside it. Fails when anyone else has the database open.
pub fn settle(path: &Path) -> Result<()> {
    let settle = || -> rusqlite::Result<()> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.busy_timeout(std::time::Duration::ZERO)?;
        // SQLite leaves WAL mode only for the last one on the file.
        connection.pragma_update(None, "journal_mode", "DELETE")
    };
    settle().map_err(|error| {
        Error::refused(format!("The database {} is in use ({error}). Stop the server first.", path.display()))
    })
}

/// SQLite's own check of a whole file: its structure, and that what is referred to is there.
pub fn verify(path: &Path) -> Result<()> {
    let connection = connect(path, false)?;
    let find = || -> rusqlite::Result<Option<String>> {
        let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        if found != "ok" {
            return Ok(Some(found));
        }
        let mut dangling = connection.prepare("SELECT \"table\", parent FROM pragma_foreign_key_check LIMIT 1")?;
        let mut rows = dangling.query([])?;
        Ok(match rows.next()? {
            Some(row) => {
                Some(format!("{} refers to {} that is not there", row.get::<_, String>(0)?, row.get::<_, String>(1)?))
            }
            None => None,
        })
    };
    match find() {
        Ok(None) => Ok(()),
        Ok(Some(found)) => Err(Error::broken(format!("the database {} is damaged: {found}", path.display()))),
        Err(error) => Err(Error::broken(format!("the database {} cannot be checked: {error}", path.display()))),
    }
}

/// Clients' names and addresses are not for other users of the machine. SQLite's own files beside it get the same mode.
fn make_private(path: &Path) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::refused(format!("The database {} cannot be made: {error}", path.display()))),
    }
}

/// Looks before the first write: opening for writing alone changes a file's journal mode.
fn refuse_foreign(path: &Path) -> Result<()> {
    if !std::fs::metadata(path).is_ok_and(|known| known.len() > 0) {
        return Ok(());
    }
    let connection = connect(path, false)?;
    let count = |condition: &str| {
        let sql = format!("SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND {condition}");
        connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).map_err(|error| {
            Error::refused(format!("{} is no SQLite database that can be read: {error}", path.display()))
        })
    };
    if count("name NOT LIKE 'sqlite_%'")? > 0 && count("name = 'innkeeper_migrations'")? == 0 {
        return Err(Error::refused(format!(
            "The database {} is not empty and was not made by Innkeeper. Choose an empty one.",
            path.display()
        )));
    }
    Ok(())
}

/// Tells the runtime, where it can make use of that, that this thread waits for the disk.
fn blocking<T>(work: impl FnOnce() -> T) -> T {
    let multi_thread = tokio::runtime::Handle::try_current()
        .is_ok_and(|runtime| runtime.runtime_flavor() == tokio::runtime::RuntimeFlavor::MultiThread);
    if multi_thread { tokio::task::block_in_place(work) } else { work() }
}

fn connect(path: &Path, writes: bool) -> Result<Connection> {
    let flags = if writes {
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
    } else {
        OpenFlags::SQLITE_OPEN_READ_ONLY
    } | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(std::time::Duration::from_secs(10))?;
        if writes {
            connection.pragma_update(None, "journal_mode", "WAL")?;
            // A committed payment survives a power cut.
            connection.pragma_update(None, "synchronous", "FULL")?;
        }
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "cache_size", if writes { -WRITER_CACHE } else { -READER_CACHE })?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
        // Otherwise a statement with a parameter in its LIMIT is compiled anew each time that it is run.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        Ok(connection)
    };
    open().map_err(|error| Error::Unavailable(format!("The database {} cannot be opened: {error}", path.display())))
}

pub(super) enum Handle {
    Writer(OwnedMutexGuard<Connection>),
    Reader { connection: Option<Connection>, home: Arc<Mutex<Vec<Connection>>>, _permit: OwnedSemaphorePermit },
}

impl Deref for Handle {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        match self {
            Handle::Writer(guard) => guard,
            Handle::Reader { connection, .. } => {
                connection.as_ref().expect("a reader has its connection until it goes home")
            }
        }
    }
}

impl DerefMut for Handle {
    fn deref_mut(&mut self) -> &mut Connection {
        match self {
            Handle::Writer(guard) => guard,
            Handle::Reader { connection, .. } => {
                connection.as_mut().expect("a reader has its connection until it goes home")
            }
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        match self {
            Handle::Writer(guard) => {
                if !guard.is_autocommit() {
                    let _ = guard.execute_batch("ROLLBACK");
                }
            }
            Handle::Reader { connection, home, .. } => {
                if let Some(connection) = connection.take() {
                    if !connection.is_autocommit() {
                        let _ = connection.execute_batch("ROLLBACK");
                    }
                    home.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
                }
            }
        }
    }
}

impl Handle {
    pub(super) fn begin(&self) -> Result<()> {
        self.execute_batch("BEGIN IMMEDIATE").map_err(|error| explain(&error, "BEGIN IMMEDIATE"))
    }

    /// COMMIT waits for the disk, so the runtime is told that this thread is busy.
    pub(super) fn finish(&mut self, how: &'static str) -> Result<()> {
        blocking(|| self.execute_batch(how)).map_err(|error| explain(&error, how))
    }

    pub(super) fn batch(&mut self, sql: &str) -> Result<()> {
        self.execute_batch(sql).map_err(|error| explain(&error, sql))
    }

    pub(super) fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64> {
        let text = dialect::text(Engine::Sqlite, sql);
        let run = || -> rusqlite::Result<u64> {
            let mut statement = self.prepare_cached(&text)?;
            bind(&mut statement, params)?;
            // A statement with RETURNING is stepped to its end as well.
            if statement.column_count() > 0 {
                let mut rows = statement.raw_query();
                let mut count = 0;
                while rows.next()?.is_some() {
                    count += 1;
                }
                return Ok(count);
            }
            Ok(statement.raw_execute()? as u64)
        };
        run().map_err(|error| explain(&error, sql))
    }

    pub(super) fn all<T: FromRow>(&mut self, sql: &str, params: &[Value<'_>]) -> Result<Vec<T>> {
        let mut out = Vec::new();
        self.each(sql, params, |row| {
            out.push(T::from_row(row)?);
            Ok(())
        })?;
        Ok(out)
    }

    pub(super) fn each(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        mut take: impl FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let text = dialect::text(Engine::Sqlite, sql);
        let prepare = || -> rusqlite::Result<_> {
            let mut statement = self.prepare_cached(&text)?;
            bind(&mut statement, params)?;
            Ok(statement)
        };
        let mut statement = prepare().map_err(|error| explain(&error, sql))?;
        let mut rows = statement.raw_query();
        loop {
            match rows.next() {
                Ok(Some(row)) => take(&Row::Sqlite(row))?,
                Ok(None) => return Ok(()),
                Err(error) => return Err(explain(&error, sql)),
            }
        }
    }
}

fn bind(statement: &mut rusqlite::CachedStatement<'_>, params: &[Value<'_>]) -> rusqlite::Result<()> {
    for (index, value) in params.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, Bound(value))?;
    }
    Ok(())
}

struct Bound<'a>(&'a Value<'a>);

impl rusqlite::ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Value::Null => ToSqlOutput::Owned(rusqlite::types::Value::Null),
            Value::Int(value) => ToSqlOutput::Owned((*value).into()),
            Value::Bool(value) => ToSqlOutput::Owned(i64::from(*value).into()),
            Value::Text(value) => ToSqlOutput::Borrowed(ValueRef::Text(value.as_bytes())),
            Value::Bytes(value) => ToSqlOutput::Borrowed(ValueRef::Blob(value)),
            Value::Ints(values) => ToSqlOutput::Owned(json(values).into()),
            Value::Texts(values) => ToSqlOutput::Owned(json(values).into()),
        })
    }
}

fn json<T: serde::Serialize + ?Sized>(values: &T) -> String {
    serde_json::to_string(values).unwrap_or_else(|_| "[]".to_owned())
}

pub(super) fn cell<'a>(row: &'a rusqlite::Row<'_>, at: usize) -> Result<Cell<'a>> {
    let value = row.get_ref(at).map_err(|error| Error::broken(format!("database: column {at}: {error}")))?;
    Ok(match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(value) => Cell::Int(value),
        ValueRef::Real(value) => return Err(Error::broken(format!("database: column {at} holds the float {value}"))),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Cell::Text(text),
            Err(error) => return Err(Error::broken(format!("database: column {at}: {error}"))),
        },
        ValueRef::Blob(bytes) => Cell::Bytes(bytes),
    })
}

fn explain(error: &rusqlite::Error, sql: &str) -> Error {
    use rusqlite::ErrorCode;
    let text = format!("database: {error} in: {}", first_words(sql));
    match error.sqlite_error() {
        Some(failure) if failure.code == ErrorCode::ConstraintViolation => {
            // 2067 and 1555: a unique index or the primary key.
            if matches!(failure.extended_code, 2067 | 1555) { Error::Conflict(text) } else { Error::Broken(text) }
        }
        Some(failure)
            if matches!(
                failure.code,
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::DiskFull | ErrorCode::SystemIoFailure
            ) =>
        {
            Error::Unavailable(text)
        }
        _ => Error::Broken(text),
    }
}
