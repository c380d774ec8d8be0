use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use kernel::{Error, Result, Timestamp};
use platform::backup::{self, Existing, Totals};
use platform::db::{Schema, settle, sqlite_path, verify};
use platform::{Clock, Db, Events, Vault};
use serde_json::json;

use crate::cli::{Common, Report};
use crate::instance::{self, Instance, Place};

/// Write the whole database to a file, while it is in use
///
/// The file is everything of one moment, and either engine can read it back. It is not encrypted, but the secrets in it
/// are, with the key file, which is NOT part of it: keep a copy of the key apart from the backups.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  innkeeper backup /backups/innkeeper-monday.jsonl")]
pub struct Backup {
    file: PathBuf,
}

/// Read a backup into an empty database
///
/// Nothing is kept of a restore that fails. The backup of a SQLite database can be restored into PostgreSQL and the
/// other way round.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  innkeeper restore monday.jsonl
  innkeeper restore monday.jsonl --database postgres://innkeeper@localhost/innkeeper
  innkeeper restore monday.jsonl --force                  replaces what is there; every server must be stopped")]
pub struct Restore {
    file: PathBuf,
    /// Replace an existing database of Innkeeper
    #[arg(long)]
    force: bool,
}

pub async fn run(common: &Common, args: Backup) -> Result<Report> {
    let place = Place::of(common);
    let db = Db::open(&place.url, Events::default()).await?;
    match db.schema().await? {
        Schema::Ours { .. } => {}
        Schema::Empty => return Err(instance::not_made(&place)),
        Schema::Foreign => return Err(instance::foreign(&place)),
        Schema::Newer(step) => return Err(instance::newer(&place, &step)),
    }
    let part = with_suffix(&args.file, ".part");
    let written = write(&db, &part, Clock::system().now()).await;
    let finished = written.and_then(|totals| {
        let size = std::fs::metadata(&part).map(|known| known.len()).unwrap_or_default();
        std::fs::rename(&part, &args.file).map_err(|error| unwritable(&args.file, &error))?;
        Ok((totals, size))
    });
    if finished.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    let (totals, size) = finished?;
    let text = format!(
        "{} rows of {} tables, {size} bytes, in {}.\nThe key file {} is not in it: keep a copy apart.",
        totals.rows,
        totals.tables,
        args.file.display(),
        place.key.display()
    );
    let json = json!({
        "file": args.file.display().to_string(),
        "tables": totals.tables,
        "rows": totals.rows,
        "bytes": size,
        "key_file": place.key.display().to_string(),
    });
    Ok(Report::new(text, json))
}

async fn write(db: &Db, file: &Path, now: Timestamp) -> Result<Totals> {
    // What an earlier backup left when it broke off. A file that is there already would keep its mode, and whoever made it.
    let _ = std::fs::remove_file(file);
    let mut options = File::options();
    options.write(true).create_new(true);
    // It holds what the database holds.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let opened = options.open(file).map_err(|error| unwritable(file, &error))?;
    let mut out = BufWriter::new(opened);
    let totals = backup::write(db, &mut out, now).await?;
    let mut finish = || {
        out.flush()?;
        out.get_ref().sync_all()
    };
    finish().map_err(|error| unwritable(file, &error))?;
    Ok(totals)
}

fn unwritable(file: &Path, error: &std::io::Error) -> Error {
    Error::Unavailable(format!("{} cannot be written: {error}", file.display()))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

pub async fn restore(common: &Common, args: Restore) -> Result<Report> {
    let place = Place::of(common);
    let file = File::open(&args.file)
        .map_err(|error| Error::refused(format!("{} cannot be read: {error}", args.file.display())))?;
    let mut input = BufReader::new(file);
    let totals = match sqlite_path(&place.url) {
        Some(path) => into_sqlite(Path::new(path), &place, &mut input, args.force).await?,
        None => into_server(&place, &mut input, args.force).await?,
    };
    let key = key_note(&place).await?;
    let text = format!("{} rows of {} tables restored to {}.\n{key}", totals.rows, totals.tables, place.shown());
    let json = json!({
        "database": place.shown(),
        "tables": totals.tables,
        "rows": totals.rows,
        "key": key,
    });
    Ok(Report::new(text, json))
}

/// Whether an existing database may be written over.
async fn check_target(db: &Db, place: &Place, force: bool) -> Result<Existing> {
    match db.schema().await? {
        Schema::Empty => Ok(Existing::Refuse),
        Schema::Foreign => Err(instance::foreign(place)),
        _ if force => Ok(Existing::Replace),
        _ => Err(Error::refused(format!(
            "The database {} is not empty. --force replaces it with the backup.",
            place.shown()
        ))),
    }
}

/// Into a new file, which takes the place of the old one when all of it is there and sound.
async fn into_sqlite(path: &Path, place: &Place, input: &mut BufReader<File>, force: bool) -> Result<Totals> {
    place.make_folders()?;
    if path.exists() {
        let db = Db::open(&place.url, Events::default()).await?;
        check_target(&db, place, force).await?;
        drop(db);
        // From here on nobody has it open.
        settle(path)?;
    }
    let new = with_suffix(path, ".restoring");
    let _ = std::fs::remove_file(&new);
    let outcome = fill(&new, input).await;
    let _ = std::fs::remove_file(with_suffix(&new, "-wal"));
    let _ = std::fs::remove_file(with_suffix(&new, "-shm"));
    let moved = outcome.and_then(|totals| match std::fs::rename(&new, path) {
        Ok(()) => Ok(totals),
        Err(error) => Err(unwritable(path, &error)),
    });
    if moved.is_err() {
        let _ = std::fs::remove_file(&new);
    }
    moved
}

async fn fill(new: &Path, input: &mut BufReader<File>) -> Result<Totals> {
    let db = Db::create(&format!("sqlite:{}", new.display()), Events::default()).await?;
    let totals = backup::restore(&db, input, Existing::Refuse, Clock::system().now()).await?;
    drop(db);
    settle(new)?;
    verify(new)?;
    Ok(totals)
}

async fn into_server(place: &Place, input: &mut BufReader<File>, force: bool) -> Result<Totals> {
    let db = Db::open(&place.url, Events::default()).await?;
    let existing = check_target(&db, place, force).await?;
    backup::check_unused(&db).await?;
    backup::restore(&db, input, existing, Clock::system().now()).await
}

/// Whether the key that is here opens what was restored.
async fn key_note(place: &Place) -> Result<String> {
    let db = Db::open(&place.url, Events::default()).await?;
    let instance = Instance::read(&mut db.read().await?).await?.ok_or_else(|| instance::not_made(place))?;
    let fits = Vault::from_file(&place.key).and_then(|vault| instance.check_key(&vault, &place.key));
    Ok(match fits {
        Ok(()) => format!("The key file {} fits it.", place.key.display()),
        Err(error) => format!("It cannot be served yet. {error}"),
    })
}
