//! The program itself, as a process of its own, and the database that it serves.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use accounts::activity_log::Actor;
use accounts::{admins, api_credentials, roles, sessions};
use base64::Engine as _;
use billing::settings as keys;
use innkeeper_benches::books::{self, Books};
use innkeeper_benches::w1::{NOW, Place, now};
use platform::{Db, Events, Random, settings};
use testkit::Folder;
use testkit::process::Child;

/// Where a profile's program is: beside the folder of this one.
pub fn program(profile: &str) -> PathBuf {
    if let Some(named) = std::env::var_os("INNKEEPER_BENCH_PROGRAM")
        && profile == "release"
    {
        return PathBuf::from(named);
    }
    let own = std::env::current_exe().unwrap();
    own.ancestors().nth(3).unwrap().join(profile).join("innkeeper")
}

/// Builds the program. `cargo bench` builds only what it links.
pub fn build(profile: &str) {
    if std::env::var_os("INNKEEPER_BENCH_PROGRAM").is_some() {
        return;
    }
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let built = Command::new(cargo).args(["build", "--package", "innkeeper", "--profile", profile]).status().unwrap();
    assert!(built.success(), "the program was not built");
}

/// A command of the program, with nothing of our environment that would change it.
pub fn command(url: &str, folder: &Folder) -> Command {
    let mut command = Command::new(program("release"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("INNKEEPER_")) {
        command.env_remove(name);
    }
    command.env("INNKEEPER_DATA", &**folder).env("INNKEEPER_DATABASE_URL", url);
    command
}

pub fn done(mut command: Command) {
    let ended = command.output().unwrap();
    assert!(ended.status.success(), "{command:?}: {}", String::from_utf8_lossy(&ended.stderr));
}

/// A database with books, somebody's session and an API credential.
pub struct Shop {
    pub books: Books,
    pub url: String,
    /// The header lines of a browser and of a program.
    pub session: String,
    pub credential: String,
    pub folder: Folder,
    name: String,
}

impl Shop {
    pub async fn make(place: &Place, invoices: i64) -> Shop {
        Shop::with(place, Books::of(invoices)).await
    }

    pub async fn with(place: &Place, books: Books) -> Shop {
        let folder = Folder::new();
        let (name, url) = place.fresh(&format!("books-{}", books.invoices)).await;
        let mut init = command(&url, &folder);
        done({
            init.args(["init", "--sandbox"]);
            init
        });
        let db = Db::open(&url, Events::default()).await.unwrap();
        let mut raw = place.raw_of(&name, &url).await;
        books::fill(&db, &mut raw, books).await;
        let (session, credential) = somebody(&db).await;
        drop(raw);
        place.close(db, &name).await;
        Shop { books, url, session, credential, folder, name }
    }

    /// Starts the server and waits until it says where it serves.
    pub fn serve(&self, arguments: &[&str]) -> Server {
        let mut command = command(&self.url, &self.folder);
        command.args(["serve", "--listen", "127.0.0.1:0", "--clock", NOW]).args(arguments);
        Server::start(&mut command)
    }

    pub async fn remove(self, place: &Place) {
        place.remove(&self.name).await;
    }
}

pub struct Server {
    pub process: Child,
    pub address: String,
}

impl Server {
    pub fn start(command: &mut Command) -> Server {
        let mut process = Child::spawn("innkeeper serve", command).unwrap();
        let line = process.wait_for_line("Innkeeper serves http://", Duration::from_secs(60)).unwrap();
        let address = line.split('/').next().unwrap().to_owned();
        Server { process, address }
    }
}

/// A full administrator's cookie and credential, as header lines. The day's batches are asked for by hand.
async fn somebody(db: &Db) -> (String, String) {
    let (random, by) = (Random::system(), Actor::system("bench"));
    let mut tx = db.write().await.unwrap();
    settings::set(&mut tx, &keys::AUTOMATION_ENABLED, "false", now()).await.unwrap();
    // Requests are counted against the limit as ever, and there are more of them than any program would send.
    settings::set(&mut tx, &accounts::doors::limits::API_REQUESTS, "1000000", now()).await.unwrap();
    // A flood of logins shall reach the hash function.
    settings::set(&mut tx, &accounts::doors::limits::LOGINS, "0", now()).await.unwrap();
    settings::set(&mut tx, &accounts::doors::limits::TRUSTED_PROXIES, "127.0.0.1", now()).await.unwrap();
    // Whoever guesses is not to be banned while the guesses are measured.
    let ban = innkeeper::wiring::settings().find("failed_staff_login_ban_minutes").unwrap();
    settings::set(&mut tx, ban, "0", now()).await.unwrap();
    let new = admins::NewAdmin {
        username: "boss".to_owned(),
        email: "boss@example.com".to_owned(),
        role: roles::FULL_ADMINISTRATOR.to_owned(),
        password: None,
    };
    let admin = admins::create(&mut tx, &by, new, now()).await.unwrap();
    let token = sessions::start(&mut tx, admin.id, "127.0.0.1", &random, now()).await.unwrap();
    let made = api_credentials::create(&mut tx, &by, admin.id, &random, now()).await.unwrap();
    tx.commit().await.unwrap();
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", made.identifier, made.secret));
    (format!("Cookie: {}={token}\r\n", sessions::COOKIE), format!("Authorization: Basic {basic}\r\n"))
}
