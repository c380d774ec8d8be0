//! One installation: where its database and its key are, what kind it is, and whether both belong together.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use accounts::passwords::Breached;
use kernel::{Error, Result, Timestamp};
use platform::db::{Insert, Schema, redacted, sqlite_path};
use platform::{App, Clock, Conn, Db, Events, Random, Tx, Vault, cells, params};

use crate::cli::Common;
use crate::wiring;

/// Rows of the table `instance`.
pub const CREATED_AT: &str = "created_at";
pub const SANDBOX: &str = "sandbox";
pub const VAULT_CHECK: &str = "vault_check";

/// Sealed at `init`, opened at every start: a wrong key is found before anything is done with it.
const KNOWN: &[u8] = b"innkeeper";
const KNOWN_PLACE: &str = "instance:vault_check";

/// Where everything is.
#[derive(Debug, Clone)]
pub struct Place {
    pub url: String,
    pub key: PathBuf,
}

impl Place {
    pub fn of(common: &Common) -> Place {
        let url = match &common.database {
            Some(url) => url.clone(),
            None => format!("sqlite:{}", common.data.join("innkeeper.db").display()),
        };
        let key = match (&common.key_file, sqlite_path(&url)) {
            (Some(named), _) => named.clone(),
            (None, Some(path)) => PathBuf::from(format!("{path}.key")),
            (None, None) => common.data.join("innkeeper.key"),
        };
        Place { url, key }
    }

    /// The database for messages.
    pub fn shown(&self) -> String {
        redacted(&self.url)
    }

    /// Makes the folders that the database and the key go to.
    pub fn make_folders(&self) -> Result<()> {
        let files = [sqlite_path(&self.url).map(Path::new), Some(self.key.as_path())];
        for folder in files.into_iter().flatten().filter_map(Path::parent) {
            std::fs::create_dir_all(folder)
                .map_err(|error| Error::refused(format!("The folder {} cannot be made: {error}", folder.display())))?;
        }
        Ok(())
    }
}

/// What was decided when the database was made.
#[derive(Debug, Clone, Default)]
pub struct Instance(HashMap<String, String>);

impl Instance {
    /// `None` when `init` has not finished.
    pub async fn read(conn: &mut Conn) -> Result<Option<Instance>> {
        let rows: Vec<(String, String)> = conn.all("SELECT key, value FROM instance", params![]).await?;
        let instance = Instance(rows.into_iter().collect());
        Ok(instance.0.contains_key(VAULT_CHECK).then_some(instance))
    }

    pub fn sandbox(&self) -> bool {
        self.0.get(SANDBOX).is_some_and(|value| value == "true")
    }

    pub fn created_at(&self) -> &str {
        self.0.get(CREATED_AT).map(String::as_str).unwrap_or_default()
    }

    /// Whether the key opens what was sealed when the database was made.
    pub fn check_key(&self, vault: &Vault, key: &Path) -> Result<()> {
        let sealed = self.0.get(VAULT_CHECK).and_then(|text| platform::crypto::unhex(text)).unwrap_or_default();
        match vault.open(KNOWN_PLACE, &sealed) {
            Ok(known) if known == KNOWN => Ok(()),
            _ => Err(Error::refused(format!(
                "The key file {} is not the one that this database was made with. Its secrets cannot be read without \
                 the right one: restore it from your backup, or name another with INNKEEPER_KEY_FILE.",
                key.display()
            ))),
        }
    }
}

/// What is stored to recognise the key.
pub fn sealed_check(vault: &Vault, random: &Random) -> Result<String> {
    Ok(platform::crypto::hex(&vault.seal(random, KNOWN_PLACE, KNOWN)?))
}

/// Writes what was decided; with that the installation is made.
pub async fn describe(tx: &mut Tx, sandbox: bool, check: &str, now: Timestamp) -> Result<()> {
    let created = now.to_string();
    let mut rows = Insert::into("instance", &["key", "value"]);
    rows.row(cells![CREATED_AT, created]);
    rows.row(cells![SANDBOX, if sandbox { "true" } else { "false" }]);
    rows.row(cells![VAULT_CHECK, check]);
    rows.run(tx).await.map(|_| ())
}

/// What stands under a key.
pub async fn noted(conn: &mut Conn, key: &str) -> Result<Option<String>> {
    let value: Option<(String,)> = conn.optional("SELECT value FROM instance WHERE key = $1", params![key]).await?;
    Ok(value.map(|(value,)| value))
}

/// Writes a value under a key that has none; `false` when it has one already.
pub async fn note(tx: &mut Tx, key: &str, value: &str) -> Result<bool> {
    let sql = "INSERT INTO instance (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING";
    Ok(tx.execute(sql, params![key, value]).await? == 1)
}

/// Whether waiting migrations may be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migrations {
    Apply,
    Refuse,
}

/// Opens an installation with everything wired.
pub async fn open(common: &Common) -> Result<App> {
    open_with(common, Migrations::Refuse, None, platform::context::Extensions::default()).await
}

/// As [`open`]; may apply migrations, and start the clock at an instant, which only a sandbox allows.
pub async fn open_with(
    common: &Common,
    migrations: Migrations,
    start: Option<Timestamp>,
    mut extra: platform::context::Extensions,
) -> Result<App> {
    if let Some(list) = &common.breached_passwords {
        extra.add(Breached::open(list)?);
    }
    let place = Place::of(common);
    let db = Db::open(&place.url, wiring::events()).await?;
    match db.schema().await? {
        Schema::Ours { pending: 0 } => {}
        Schema::Ours { .. } if migrations == Migrations::Apply => migrate(&db).await?,
        Schema::Ours { pending } => {
            return Err(Error::refused(format!(
                "The database {} was made by an older version; migrations that wait: {pending}. Start `innkeeper \
                 serve` once: it migrates, a SQLite database after a copy.",
                place.shown()
            )));
        }
        Schema::Empty => return Err(not_made(&place)),
        Schema::Foreign => return Err(foreign(&place)),
        Schema::Newer(step) => return Err(newer(&place, &step)),
    }
    let instance = Instance::read(&mut db.read().await?).await?.ok_or_else(|| not_made(&place))?;
    let vault = Vault::from_file(&place.key)?;
    instance.check_key(&vault, &place.key)?;
    let clock = match start {
        None => Clock::system(),
        Some(start) if instance.sandbox() => Clock::starting_at(start),
        Some(_) => {
            return Err(Error::refused(format!(
                "--clock works only with a sandbox. {} is a production database: with another clock real clients would \
                 be invoiced and charged on wrong days. Make a sandbox with: innkeeper init --sandbox --database \
                 sqlite:sandbox.db",
                place.shown()
            )));
        }
    };
    let app = wiring::app(db, clock, Random::system(), vault, instance.sandbox(), extra)?;
    wiring::refresh(&app).await?;
    Ok(app)
}

/// Applies what waits; on SQLite after a copy of the file.
async fn migrate(db: &Db) -> Result<()> {
    if let Some(sqlite) = db.sqlite() {
        let applied: Vec<String> =
            db.read().await?.column("SELECT name FROM innkeeper_migrations ORDER BY name", params![]).await?;
        let next = platform::db::migrations().into_iter().find(|migration| !applied.contains(&migration.name));
        let number = next.and_then(|next| next.name.split('_').next().map(str::to_owned)).unwrap_or_default();
        let copy = PathBuf::from(format!("{}.before-{number}", sqlite.path().display()));
        if !copy.exists() {
            sqlite.copy_to(&copy)?;
            tracing::info!(copy = %copy.display(), "database copied before its migration");
        }
    }
    let done = db.migrate(Clock::system().now()).await?;
    tracing::info!(steps = done.join(", "), "database migrated");
    Ok(())
}

pub fn not_made(place: &Place) -> Error {
    Error::refused(format!("The database {} has not been set up. Do so with: innkeeper init", place.shown()))
}

pub fn foreign(place: &Place) -> Error {
    Error::refused(format!(
        "The database {} is not empty and was not made by Innkeeper. Choose an empty one.",
        place.shown()
    ))
}

pub fn newer(place: &Place, step: &str) -> Error {
    Error::refused(format!(
        "The database {} was migrated by a newer version of Innkeeper (step {step}). Use that version.",
        place.shown()
    ))
}

/// A database for `init` and `restore`: made when there is none.
pub async fn create(place: &Place) -> Result<Db> {
    Db::create(&place.url, Events::default()).await
}
