//! One ordered list of migrations for both engines. A released migration is never edited.

use kernel::{Error, Result, Timestamp};
use rust_embed::RustEmbed;

use super::{Db, Tx, dialect};
use crate::params;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../migrations"]
#[include = "*.sql"]
struct Files;

/// A step of the schema, e.g. `0001_platform`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    pub name: String,
    pub sql: String,
}

/// All migrations in order.
pub fn migrations() -> Vec<Migration> {
    let mut all: Vec<Migration> = Files::iter()
        .filter_map(|file| {
            let content = Files::get(&file)?;
            Some(Migration {
                name: file.trim_end_matches(".sql").to_owned(),
                sql: String::from_utf8_lossy(&content.data).into_owned(),
            })
        })
        .collect();
    all.sort_by(|left, right| left.name.cmp(&right.name));
    all
}

/// What a database is, as far as the schema goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schema {
    Empty,
    /// Tables that are not ours.
    Foreign,
    /// Migrated by a newer program than this one.
    Newer(String),
    /// Ours; so many migrations wait.
    Ours {
        pending: usize,
    },
}

impl Db {
    pub async fn schema(&self) -> Result<Schema> {
        let mut conn = self.read().await?;
        let tables: i64 = match self.engine() {
            super::Engine::Sqlite => {
                conn.scalar(
                    "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
                    params![],
                )
                .await?
            }
            super::Engine::Postgres => {
                conn.scalar(
                    "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = current_schema()",
                    params![],
                )
                .await?
            }
        };
        if tables == 0 {
            return Ok(Schema::Empty);
        }
        let ours: i64 = match self.engine() {
            super::Engine::Sqlite => {
                conn.scalar("SELECT COUNT(*) FROM sqlite_master WHERE name = 'innkeeper_migrations'", params![]).await?
            }
            super::Engine::Postgres => {
                conn.scalar(
                    "SELECT COUNT(*) FROM information_schema.tables \
                     WHERE table_schema = current_schema() AND table_name = 'innkeeper_migrations'",
                    params![],
                )
                .await?
            }
        };
        if ours == 0 {
            return Ok(Schema::Foreign);
        }
        let applied: Vec<String> =
            conn.column("SELECT name FROM innkeeper_migrations ORDER BY name", params![]).await?;
        let known = migrations();
        if let Some(unknown) = applied.iter().find(|name| !known.iter().any(|migration| migration.name == **name)) {
            return Ok(Schema::Newer(unknown.clone()));
        }
        Ok(Schema::Ours { pending: known.len() - applied.len() })
    }

    /// Applies what is missing, each migration in a transaction of its own. Doing it twice, or on two nodes at
    /// once, applies each migration once.
    pub async fn migrate(&self, now: Timestamp) -> Result<Vec<String>> {
        match self.schema().await? {
            Schema::Foreign => {
                return Err(Error::refused(
                    "The database is not empty and was not made by Innkeeper. Choose an empty one.",
                ));
            }
            Schema::Newer(name) => {
                return Err(Error::refused(format!(
                    "The database was migrated by a newer version (step {name}). Start that version instead."
                )));
            }
            Schema::Empty | Schema::Ours { .. } => {}
        }
        let mut tx = self.write().await?;
        if self.engine() == super::Engine::Postgres {
            // Two nodes that start together: the second waits here and then finds everything applied.
            tx.batch("SELECT pg_advisory_xact_lock(7265736572)").await?;
        }
        let done = apply(&mut tx, |_| true, now).await?;
        tx.commit().await?;
        Ok(done)
    }
}

/// Applies, of the migrations that are `wanted` by name, those that are missing; their names.
pub async fn apply(tx: &mut Tx, wanted: impl Fn(&str) -> bool, now: Timestamp) -> Result<Vec<String>> {
    tx.batch("CREATE TABLE IF NOT EXISTS innkeeper_migrations (name TEXT PRIMARY KEY, applied_at BIGINT NOT NULL)")
        .await?;
    let applied: Vec<String> = tx.column("SELECT name FROM innkeeper_migrations", params![]).await?;
    let mut done = Vec::new();
    for migration in migrations() {
        if applied.contains(&migration.name) || !wanted(&migration.name) {
            continue;
        }
        let sql = dialect::migration_text(tx.engine(), &migration.sql);
        tx.batch(&sql).await.map_err(|error| Error::broken(format!("migration {}: {error}", migration.name)))?;
        tx.execute("INSERT INTO innkeeper_migrations (name, applied_at) VALUES ($1, $2)", params![migration.name, now])
            .await?;
        done.push(migration.name);
    }
    Ok(done)
}
