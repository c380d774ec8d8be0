//! A throwaway PostgreSQL cluster on a Unix socket, for one test process.

mod binaries;
mod tls;

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio_postgres::NoTls;

use crate::Folder;
use crate::process::{Child, Signal};
pub use tls::Tls;

const SUPERUSER: &str = "innkeeper";
/// What the system leaves for the path of a socket, less the name of PostgreSQL's.
const LONGEST_FOLDER: usize = 80;
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether a cluster can be started here.
///
/// # Errors
/// Why not.
pub fn available() -> Result<(), String> {
    binaries::find().map(|_| ())
}

/// The cluster of this test process, started by the first test that asks and stopped with the process.
///
/// # Panics
/// When it cannot be started.
pub fn shared() -> &'static Cluster {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    SHARED.get_or_init(|| Cluster::start(Options::default()).unwrap_or_else(|why| panic!("{why}")))
}

/// How a cluster is to behave.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Writes reach the disk before a commit is answered, as in production. For tests that crash it; others are faster
    /// without.
    pub durable: bool,
}

/// A PostgreSQL server with its data, stopped and removed when dropped.
#[derive(Debug)]
pub struct Cluster {
    binaries: PathBuf,
    options: Options,
    tls: Option<Tls>,
    // The server is dropped, and so stopped, before its folder is removed.
    server: Child,
    folder: Folder,
}

impl Cluster {
    /// Makes and starts a cluster; takes about a second.
    ///
    /// # Errors
    /// Why PostgreSQL could not be started, with its log.
    pub fn start(options: Options) -> Result<Self, String> {
        Self::make(options, |_| Ok(None))
    }

    /// As [`start`](Self::start); listens on a port of the loopback interface too, and takes TLS there.
    ///
    /// # Errors
    /// Why PostgreSQL could not be started, or that there is no openssl.
    pub fn start_with_tls(options: Options) -> Result<Self, String> {
        Self::make(options, |folder| Tls::make(folder).map(Some))
    }

    fn make(options: Options, tls: impl FnOnce(&Path) -> Result<Option<Tls>, String>) -> Result<Self, String> {
        let binaries = binaries::find()?;
        let folder = Folder::inside(&reachable_temporary_folder());
        let cannot = |e: std::io::Error| format!("PostgreSQL's folder: {e}");
        if let Some((user, group)) = other_user() {
            chown(&folder, Some(user), Some(group)).map_err(cannot)?;
        }
        let locale = if cfg!(target_os = "linux") { "--locale=C.UTF-8" } else { "--locale=C" };
        let mut initdb = as_its_user(&binaries.join("initdb"));
        initdb.args(["-A", "trust", "-E", "UTF8", locale, "--no-sync", "--no-instructions", "-U", SUPERUSER, "-D"]);
        let mut initdb = Child::spawn("initdb", initdb.arg(folder.join("data")))?;
        if !initdb.wait(PATIENCE)?.success() {
            return Err(format!("PostgreSQL's initdb failed:\n{}", initdb.output()));
        }
        let tls = tls(&folder)?;
        let server = serve(&binaries, &folder, options, tls.as_ref())?;
        Ok(Self { binaries, options, tls, server, folder })
    }

    /// How it is reached by TCP, when it was started with [`Cluster::start_with_tls`].
    #[must_use]
    pub fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// Where this database of the cluster is: `postgres://user@/name?host=/socket/folder`.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let port = self.tls.as_ref().map(|tls| format!("&port={}", tls.port)).unwrap_or_default();
        format!("postgres://{SUPERUSER}@/{database}?host={}{port}", self.folder.display())
    }

    /// Makes a database, empty or a copy of `template`, to which nothing may be connected. Returns its name.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn create_database(&self, template: Option<&str>) -> String {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", MADE.fetch_add(1, Ordering::Relaxed));
        self.execute(&format!(r#"CREATE DATABASE "{name}" TEMPLATE "{}""#, template.unwrap_or("template0"))).await;
        name
    }

    /// Drops a database, whoever is connected to it.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn drop_database(&self, name: &str) {
        self.execute(&format!(r#"DROP DATABASE IF EXISTS "{name}" WITH (FORCE)"#)).await;
    }

    /// The server's process id: stopped with `Signal::STOP`, it accepts connections and never answers.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// What the server logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.server.output()
    }

    /// Kills the server as a crash would.
    pub fn crash(&mut self) {
        self.server.kill();
    }

    /// Starts the server again on the same data and the same socket, after a [`crash`](Self::crash) or instead of one.
    ///
    /// # Errors
    /// Why it could not be started, with its log.
    pub fn restart(&mut self) -> Result<(), String> {
        self.server.stop();
        // The processes of the old server's sessions notice its end on their own; until then the data are theirs.
        let mut tries = 0;
        loop {
            match serve(&self.binaries, &self.folder, self.options, self.tls.as_ref()) {
                Ok(server) => {
                    self.server = server;
                    return Ok(());
                }
                Err(why) if tries == 20 || !why.contains("still in use") => return Err(why),
                Err(_) => tries += 1,
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    async fn execute(&self, statement: &str) {
        let executed = async {
            let (client, connection) = tokio_postgres::connect(&self.url("postgres"), NoTls).await?;
            let connection = tokio::spawn(connection);
            client.batch_execute(statement).await?;
            drop(client);
            let _ = connection.await;
            Ok::<_, tokio_postgres::Error>(())
        };
        executed.await.unwrap_or_else(|e| panic!("{statement}: {e}: {:?}", e.as_db_error()));
    }
}

/// Starts the server and waits until it serves.
fn serve(binaries: &Path, folder: &Folder, options: Options, tls: Option<&Tls>) -> Result<Child, String> {
    let mut postgres = as_its_user(&binaries.join("postgres"));
    postgres.arg("-D").arg(folder.join("data")).arg("-k").arg(folder);
    for setting in tls.map_or_else(|| vec!["listen_addresses=".to_owned()], Tls::settings) {
        postgres.args(["-c", &setting]);
    }
    postgres.args(["-c", "max_connections=300", "-c", "shared_buffers=64MB", "-c", "jit=off"]);
    if !options.durable {
        for careless in ["fsync", "synchronous_commit", "full_page_writes", "autovacuum"] {
            postgres.args(["-c", &format!("{careless}=off")]);
        }
    }
    let mut server = Child::spawn_in("PostgreSQL", &mut postgres, Folder::new(), Signal::QUIT)?;
    let status = folder.join("data/postmaster.pid");
    let mine = server.pid().to_string();
    // The eighth line of the file is the server's own word on how far it is.
    server.wait_until("ready", PATIENCE, |_| {
        let status = std::fs::read_to_string(&status).unwrap_or_default();
        let mut lines = status.lines();
        lines.next() == Some(mine.as_str()) && lines.nth(6).is_some_and(|word| word.trim() == "ready")
    })?;
    Ok(server)
}

/// PostgreSQL refuses to run as root.
fn as_its_user(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/").env("LC_ALL", "C");
    if let Some((user, group)) = other_user() {
        command.uid(user).gid(group);
    }
    command
}

fn other_user() -> Option<(u32, u32)> {
    if binaries::is_root() { binaries::user() } else { None }
}

/// The temporary folder, or `/tmp` where PostgreSQL's user cannot enter it or a socket's path in it would be too long.
fn reachable_temporary_folder() -> PathBuf {
    let folder = std::env::temp_dir();
    let short = folder.as_os_str().len() <= LONGEST_FOLDER - "/innkeeper-test-abcdef".len();
    let open = other_user().is_none() || folder.ancestors().all(anyone_may_enter);
    if short && open { folder } else { PathBuf::from("/tmp") }
}

fn anyone_may_enter(folder: &Path) -> bool {
    folder.metadata().is_ok_and(|known| known.permissions().mode() & 0o001 != 0)
}
