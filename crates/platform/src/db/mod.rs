//! One SQL text for two engines: SQLite (rusqlite, called in place) and PostgreSQL (tokio-postgres).
//!
//! What must hold:
//! - Statements are written with `$1 …`; `IN $1[]` takes a list. Nothing else differs between the engines
//!   outside [`dialect`].
//! - SQLite has one writer; a write transaction is `BEGIN IMMEDIATE` and queues for it. Readers never wait for it.
//! - After a failed statement a transaction refuses further work, on both engines alike.
//! - A transaction that is dropped is rolled back.

pub mod catalog;
pub mod dialect;
mod insert;
mod migrate;
mod postgres;
mod sqlite;
mod tls;
mod value;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use kernel::{Error, Result, Timestamp};

pub use insert::Insert;
pub use migrate::{Migration, Schema, apply as apply_migrations, migrations};
pub use sqlite::{settle, verify};
pub use value::{Cell, FromCell, ToValue, Value, columns, mismatch};

use crate::events::{Events, Lasting};

/// Which engine answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// The database: cheap to clone, shared by everything in the process.
#[derive(Clone)]
pub struct Db {
    pool: Pool,
    events: Arc<Events>,
    counters: Arc<Counters>,
    url: Arc<str>,
}

#[derive(Clone)]
enum Pool {
    Sqlite(sqlite::Pool),
    Postgres(deadpool_postgres::Pool),
}

/// How much was asked of the database since the start; for metrics and benchmarks.
#[derive(Debug, Default)]
pub struct Counters {
    pub statements: AtomicU64,
    pub commits: AtomicU64,
    watching: AtomicBool,
    asked: Mutex<Vec<Asked>>,
}

/// A statement as it was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    pub sql: String,
    pub params: Vec<Value<'static>>,
}

impl Counters {
    /// From now on statements are kept, so that a test can look at all that a page asks, and at their plans.
    pub fn watch(&self) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.watching.store(true, Ordering::Relaxed);
    }

    /// What was asked since [`Counters::watch`], which ends.
    pub fn asked(&self) -> Vec<Asked> {
        self.watching.store(false, Ordering::Relaxed);
        std::mem::take(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, sql: &str, params: &[Value<'_>]) {
        self.statements.fetch_add(1, Ordering::Relaxed);
        if self.watching.load(Ordering::Relaxed) {
            let params = params.iter().map(|value| value.clone().into_owned()).collect();
            let asked = Asked { sql: sql.to_owned(), params };
            self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
        }
    }
}

impl Db {
    /// Opens `sqlite:PATH` or `postgres://…`. Creates nothing: see [`Db::create`].
    pub async fn open(url: &str, events: Events) -> Result<Db> {
        Self::connect(url, events, sqlite::OnMissing::Fail).await
    }

    /// As [`Db::open`], but makes the SQLite file when there is none.
    pub async fn create(url: &str, events: Events) -> Result<Db> {
        Self::connect(url, events, sqlite::OnMissing::Create).await
    }

    async fn connect(url: &str, events: Events, on_missing: sqlite::OnMissing) -> Result<Db> {
        let pool = if let Some(path) = sqlite_path(url) {
            Pool::Sqlite(sqlite::Pool::open(std::path::Path::new(path), on_missing)?)
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Pool::Postgres(postgres::connect(url).await?)
        } else {
            return Err(Error::invalid(
                "database",
                format!("“{}” is no database URL. Write sqlite:PATH or postgres://user@host/name.", redacted(url)),
            ));
        };
        Ok(Db { pool, events: Arc::new(events), counters: Arc::default(), url: url.into() })
    }

    pub fn engine(&self) -> Engine {
        match self.pool {
            Pool::Sqlite(_) => Engine::Sqlite,
            Pool::Postgres(_) => Engine::Postgres,
        }
    }

    /// Whether other nodes can call this one.
    pub(crate) fn listens(&self) -> bool {
        self.engine() == Engine::Postgres
    }

    /// Wakes `called` whenever another node calls, until the connection is lost.
    pub(crate) async fn listen(&self, called: &tokio::sync::Notify) -> Result<()> {
        match self.engine() {
            Engine::Postgres => postgres::listen(&self.url, called).await,
            Engine::Sqlite => Ok(()),
        }
    }

    /// Who listens to what.
    pub(crate) fn events(&self) -> &Events {
        &self.events
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// A connection for reading. On PostgreSQL each statement sees what is committed when it starts.
    pub async fn read(&self) -> Result<Conn> {
        let link = match &self.pool {
            Pool::Sqlite(pool) => Link::Sqlite(pool.reader().await?),
            Pool::Postgres(pool) => Link::Postgres(postgres::get(pool).await?),
        };
        Ok(self.conn(link))
    }

    /// A write transaction.
    pub async fn write(&self) -> Result<Tx> {
        match &self.pool {
            Pool::Sqlite(pool) => {
                let handle = pool.writer().await?;
                handle.begin()?;
                Ok(self.tx(Link::Sqlite(handle)))
            }
            Pool::Postgres(pool) => self.begin(pool, "BEGIN").await,
        }
    }

    /// The transaction is there before its `BEGIN` is sent: whoever gives up waiting for the answer drops it, and it is
    /// rolled back before the connection is anybody else's.
    async fn begin(&self, pool: &deadpool_postgres::Pool, how: &'static str) -> Result<Tx> {
        let tx = self.tx(Link::Postgres(postgres::get(pool).await?));
        if let Some(Conn { link: Link::Postgres(client), .. }) = &tx.conn {
            postgres::batch(client, how).await?;
        }
        Ok(tx)
    }

    fn tx(&self, link: Link) -> Tx {
        Tx { conn: Some(self.conn(link)), events: self.events.clone() }
    }

    /// A transaction that sees the whole database as it is at one moment and changes nothing.
    pub async fn snapshot(&self) -> Result<Tx> {
        match &self.pool {
            Pool::Sqlite(pool) => {
                let mut handle = pool.reader().await?;
                // In WAL mode a reader's view is fixed by its first statement.
                handle.batch("BEGIN; SELECT COUNT(*) FROM sqlite_master")?;
                Ok(self.tx(Link::Sqlite(handle)))
            }
            Pool::Postgres(pool) => self.begin(pool, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await,
        }
    }

    fn conn(&self, link: Link) -> Conn {
        Conn { link, counters: self.counters.clone(), failed: false }
    }

    /// Copies the whole SQLite database, consistent, while it is in use. `None` on PostgreSQL.
    pub fn sqlite(&self) -> Option<&sqlite::Pool> {
        match &self.pool {
            Pool::Sqlite(pool) => Some(pool),
            Pool::Postgres(_) => None,
        }
    }
}

/// The path in `sqlite:PATH`.
pub fn sqlite_path(url: &str) -> Option<&str> {
    url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"))
}

/// The URL without its password, for messages.
pub fn redacted(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme + 3 < at => {
            let user = url[scheme + 3..at].split(':').next().unwrap_or_default();
            format!("{}{user}{}", &url[..scheme + 3], &url[at..])
        }
        _ => url.to_owned(),
    }
}

enum Link {
    Sqlite(sqlite::Handle),
    Postgres(deadpool_postgres::Object),
}

/// A connection in use. Statements take `&mut self`: one at a time.
pub struct Conn {
    link: Link,
    counters: Arc<Counters>,
    failed: bool,
}

/// One row of a result.
pub enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

impl Row<'_> {
    /// How many columns there are.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        match self {
            Row::Sqlite(row) => AsRef::<rusqlite::Statement<'_>>::as_ref(row).column_count(),
            Row::Postgres(row) => row.len(),
        }
    }

    /// The value of column `at`, counted from 0.
    pub fn get<T: FromCell>(&self, at: usize) -> Result<T> {
        match self {
            Row::Sqlite(row) => T::from_cell(sqlite::cell(row, at)?),
            Row::Postgres(row) => T::from_cell(postgres::cell(row, at)?),
        }
    }
}

/// What a row can be read into.
pub trait FromRow: Sized + Send {
    fn from_row(row: &Row<'_>) -> Result<Self>;
}

macro_rules! tuple {
    ($($name:ident $at:literal),+) => {
        impl<$($name: FromCell),+> FromRow for ($($name,)+) {
            fn from_row(row: &Row<'_>) -> Result<Self> {
                Ok(($(row.get::<$name>($at)?,)+))
            }
        }
    };
}
tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);

impl Conn {
    pub fn engine(&self) -> Engine {
        match self.link {
            Link::Sqlite(_) => Engine::Sqlite,
            Link::Postgres(_) => Engine::Postgres,
        }
    }

    /// Runs a statement; the number of rows it changed.
    pub async fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64> {
        self.enter(sql, params)?;
        let done = match &mut self.link {
            Link::Sqlite(handle) => handle.execute(sql, params),
            Link::Postgres(client) => postgres::execute(client, sql, params).await,
        };
        self.note(done)
    }

    /// Every row.
    pub async fn all<T: FromRow>(&mut self, sql: &str, params: &[Value<'_>]) -> Result<Vec<T>> {
        self.enter(sql, params)?;
        let done = match &mut self.link {
            Link::Sqlite(handle) => handle.all(sql, params),
            Link::Postgres(client) => postgres::all(client, sql, params).await,
        };
        self.note(done)
    }

    /// Hands each row to `take` as it comes, however many there are.
    pub async fn each(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        take: impl FnMut(&Row<'_>) -> Result<()> + Send,
    ) -> Result<()> {
        self.enter(sql, params)?;
        let done = match &mut self.link {
            Link::Sqlite(handle) => handle.each(sql, params, take),
            Link::Postgres(client) => postgres::each(client, sql, params, take).await,
        };
        self.note(done)
    }

    /// The first row, if there is one.
    pub async fn optional<T: FromRow>(&mut self, sql: &str, params: &[Value<'_>]) -> Result<Option<T>> {
        Ok(self.all::<T>(sql, params).await?.into_iter().next())
    }

    /// The one row that must be there; its absence is a defect.
    pub async fn one<T: FromRow>(&mut self, sql: &str, params: &[Value<'_>]) -> Result<T> {
        self.optional(sql, params)
            .await?
            .ok_or_else(|| Error::broken(format!("database: no row where one must be: {}", first_words(sql))))
    }

    /// The first column of the one row.
    pub async fn scalar<T: FromCell>(&mut self, sql: &str, params: &[Value<'_>]) -> Result<T> {
        Ok(self.one::<(T,)>(sql, params).await?.0)
    }

    /// The first column of every row.
    pub async fn column<T: FromCell>(&mut self, sql: &str, params: &[Value<'_>]) -> Result<Vec<T>> {
        Ok(self.all::<(T,)>(sql, params).await?.into_iter().map(|(value,)| value).collect())
    }

    /// Several statements without parameters.
    pub async fn batch(&mut self, sql: &str) -> Result<()> {
        self.enter(sql, &[])?;
        let done = match &mut self.link {
            Link::Sqlite(handle) => handle.batch(sql),
            Link::Postgres(client) => postgres::batch(client, sql).await,
        };
        self.note(done)
    }

    /// How the engine would run a statement, a line a step; what belongs to a step is indented below it.
    pub async fn plan(&mut self, sql: &str, params: &[Value<'_>]) -> Result<String> {
        match self.engine() {
            Engine::Sqlite => {
                let rows = self.all::<(i64, i64, i64, String)>(&format!("EXPLAIN QUERY PLAN {sql}"), params).await?;
                let mut depths = std::collections::HashMap::from([(0, 0)]);
                let mut lines = Vec::new();
                for (id, parent, _, step) in rows {
                    let depth = depths.get(&parent).copied().unwrap_or_default();
                    depths.insert(id, depth + 1);
                    lines.push(format!("{}{step}", "  ".repeat(depth)));
                }
                Ok(lines.join("\n"))
            }
            Engine::Postgres => Ok(self.column::<String>(&format!("EXPLAIN {sql}"), params).await?.join("\n")),
        }
    }

    fn enter(&mut self, sql: &str, params: &[Value<'_>]) -> Result<()> {
        self.counters.note(sql, params);
        if self.failed {
            return Err(Error::broken("database: the transaction has failed and takes no more statements"));
        }
        Ok(())
    }

    fn note<T>(&mut self, done: Result<T>) -> Result<T> {
        self.failed |= done.is_err();
        done
    }
}

fn first_words(sql: &str) -> String {
    sql.split_whitespace().take(12).collect::<Vec<_>>().join(" ")
}

/// A write transaction. Whoever opened it commits it; rules only borrow it.
pub struct Tx {
    /// Taken at the end, so that dropping an unfinished transaction can be told from a finished one.
    conn: Option<Conn>,
    events: Arc<Events>,
}

impl std::ops::Deref for Tx {
    type Target = Conn;
    fn deref(&self) -> &Conn {
        self.conn.as_ref().expect("a transaction has its connection until it ends")
    }
}

impl std::ops::DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Conn {
        self.conn.as_mut().expect("a transaction has its connection until it ends")
    }
}

impl Tx {
    pub async fn commit(mut self) -> Result<()> {
        let Some(mut conn) = self.conn.take() else { return Ok(()) };
        if conn.failed {
            let _ = finish(&mut conn, "ROLLBACK").await;
            return Err(Error::broken("database: a failed transaction was to be committed"));
        }
        conn.counters.commits.fetch_add(1, Ordering::Relaxed);
        finish(&mut conn, "COMMIT").await
    }

    pub async fn rollback(mut self) -> Result<()> {
        match self.conn.take() {
            Some(mut conn) => finish(&mut conn, "ROLLBACK").await,
            None => Ok(()),
        }
    }

    /// Tells everyone whom wiring has subscribed; they act inside this transaction.
    pub async fn publish<E: Send + Sync + 'static>(&mut self, event: &E) -> Result<()> {
        let events = self.events.clone();
        events.publish(self, event).await
    }

    /// As [`Tx::publish`], of something that is not undone because a listener fails.
    pub async fn announce<E: Lasting>(&mut self, event: &E, now: Timestamp) -> Result<()> {
        let events = self.events.clone();
        events.announce(self, event, now).await
    }

    /// Marks where [`Tx::undo`] goes back to. Marks nest.
    pub(crate) async fn mark(&mut self) -> Result<()> {
        self.batch("SAVEPOINT marked").await
    }

    /// Keeps what was done since the mark. Fails when a statement since then has failed.
    pub(crate) async fn keep(&mut self) -> Result<()> {
        self.batch("RELEASE SAVEPOINT marked").await
    }

    /// Undoes what was done since the mark; what failed since then is forgotten.
    pub(crate) async fn undo(&mut self) -> Result<()> {
        finish(self, "ROLLBACK TO SAVEPOINT marked").await?;
        self.failed = false;
        self.batch("RELEASE SAVEPOINT marked").await
    }
}

async fn finish(conn: &mut Conn, how: &'static str) -> Result<()> {
    match &mut conn.link {
        Link::Sqlite(handle) => handle.finish(how),
        Link::Postgres(client) => postgres::batch(client, how).await,
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        let Some(conn) = self.conn.take() else { return };
        match conn.link {
            // Handle rolls back by itself when it is given back with an open transaction.
            Link::Sqlite(handle) => drop(handle),
            Link::Postgres(client) => {
                // The connection may be in the middle of a statement, so it goes back to the pool only after
                // the server has confirmed the rollback.
                if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                    runtime.spawn(async move {
                        if postgres::batch(&client, "ROLLBACK").await.is_err() {
                            drop(deadpool_postgres::Object::take(client));
                        }
                    });
                } else {
                    drop(deadpool_postgres::Object::take(client));
                }
            }
        }
    }
}
