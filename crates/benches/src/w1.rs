//! The data set W1: so many services, four to a client, a fifth of them due, 1.33 of them to an invoice.
//!
//! Of five clients two have nothing due, two have one service due and one has two, which share an invoice. All are
//! monthly, taxed at 20 %, and a mail is to be queued for each invoice.

use std::path::PathBuf;

use billing::settings as keys;
use kernel::{Date, Timestamp};
use platform::{Db, Engine, Events, settings};
use testkit::Folder;
use testkit::postgres::{Cluster, Options};

use crate::raw::Raw;

pub const NOW: &str = "2026-06-10T03:00:00Z";
pub const TODAY: &str = "2026-06-10";
/// The last day on which something may fall due to be invoiced today.
pub const UNTIL: &str = "2026-06-24";

/// The starts of the periods that are due, and their ends.
pub const PERIODS: [(&str, &str); 7] = [
    ("2026-06-11", "2026-07-11"),
    ("2026-06-12", "2026-07-12"),
    ("2026-06-13", "2026-07-13"),
    ("2026-06-14", "2026-07-14"),
    ("2026-06-15", "2026-07-15"),
    ("2026-06-16", "2026-07-16"),
    ("2026-06-17", "2026-07-17"),
];

pub fn now() -> Timestamp {
    Timestamp::parse(NOW).unwrap()
}

/// Where databases are: a folder of SQLite files, or a PostgreSQL server that writes to the disk before it answers.
pub enum Place {
    Sqlite(Folder),
    Postgres(Box<Cluster>),
}

/// A database with the data set, of which copies are taken.
pub struct W1 {
    pub services: i64,
    /// A file, or the name of a database.
    master: String,
}

/// A copy, to be worked on once.
pub struct Copy {
    pub url: String,
    name: String,
}

impl Place {
    pub fn sqlite() -> Place {
        Place::Sqlite(Folder::new())
    }

    /// Without autovacuum, which would work at times of its own and be counted.
    pub async fn postgres() -> Result<Place, String> {
        let cluster = Cluster::start(Options { durable: true })?;
        let mut raw = Raw::postgres(&cluster.url("postgres")).await;
        raw.batch("ALTER SYSTEM SET autovacuum = off").await;
        raw.batch("SELECT pg_reload_conf()").await;
        Ok(Place::Postgres(Box::new(cluster)))
    }

    pub fn name(&self) -> &'static str {
        match self {
            Place::Sqlite(_) => "SQLite",
            Place::Postgres(_) => "PostgreSQL",
        }
    }

    pub fn meter(&self) -> crate::cost::Meter {
        crate::cost::Meter { server: self.server() }
    }

    /// The name and the address of a database that is not there yet, or is empty.
    pub async fn fresh(&self, name: &str) -> (String, String) {
        match self {
            Place::Sqlite(folder) => {
                let path = folder.join(format!("{name}.db")).display().to_string();
                let url = format!("sqlite:{path}");
                (path, url)
            }
            Place::Postgres(cluster) => {
                let name = cluster.create_database(None).await;
                let url = cluster.url(&name);
                (name, url)
            }
        }
    }

    /// A connection without the product's data layer to a database of [`fresh`](Self::fresh).
    pub async fn raw_of(&self, name: &str, url: &str) -> Raw {
        match self {
            Place::Sqlite(_) => Raw::sqlite(&PathBuf::from(name)),
            Place::Postgres(_) => Raw::postgres(url).await,
        }
    }

    /// The process of the database server, where there is one.
    pub fn server(&self) -> Option<u32> {
        match self {
            Place::Sqlite(_) => None,
            Place::Postgres(cluster) => Some(cluster.pid()),
        }
    }

    pub async fn make(&self, services: i64) -> W1 {
        let (master, url) = self.fresh(&format!("w1-{services}")).await;
        let db = Db::create(&url, Events::default()).await.unwrap();
        db.migrate(now()).await.unwrap();
        fill(&db, services).await;
        self.close(db, &master).await;
        W1 { services, master }
    }

    pub async fn copy(&self, data: &W1) -> Copy {
        match self {
            Place::Sqlite(folder) => {
                let path = folder.join("copy.db");
                std::fs::copy(&data.master, &path).unwrap();
                let name = path.display().to_string();
                Copy { url: format!("sqlite:{name}"), name }
            }
            Place::Postgres(cluster) => {
                let name = cluster.create_database(Some(&data.master)).await;
                let mut raw = Raw::postgres(&cluster.url("postgres")).await;
                // So that the copy's own writing is not paid for by whoever works on it.
                raw.batch("CHECKPOINT").await;
                Copy { url: cluster.url(&name), name }
            }
        }
    }

    pub async fn open(&self, copy: &Copy) -> Db {
        Db::open(&copy.url, Events::default()).await.unwrap()
    }

    pub async fn raw(&self, copy: &Copy) -> Raw {
        self.raw_of(&copy.name, &copy.url).await
    }

    pub async fn drop_copy(&self, copy: Copy) {
        self.remove(&copy.name).await;
    }

    pub async fn drop_data(&self, data: W1) {
        self.remove(&data.master).await;
    }

    pub async fn remove(&self, name: &str) {
        match self {
            Place::Sqlite(_) => {
                for end in ["", "-wal", "-shm"] {
                    let _ = std::fs::remove_file(format!("{name}{end}"));
                }
            }
            Place::Postgres(cluster) => cluster.drop_database(name).await,
        }
    }

    /// Waits until nobody is connected: a database in use is not copied.
    pub async fn close(&self, db: Db, name: &str) {
        drop(db);
        if let Place::Postgres(cluster) = self {
            let mut raw = Raw::postgres(&cluster.url("postgres")).await;
            let sessions = format!("SELECT COUNT(*) FROM pg_stat_activity WHERE datname = '{name}'");
            while raw.int(&sessions).await > 0 {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        }
    }
}

/// Writes the data set into a migrated database.
pub async fn fill(db: &Db, services: i64) {
    let mut tx = db.write().await.unwrap();
    for (setting, value) in [
        (&keys::TAX_ENABLED, "true"),
        (&keys::MAIL_INVOICES, "true"),
        (&keys::NUMBER_FORMAT, "{YEAR}-{NUMBER}"),
        (&keys::COMPANY_NAME, "Example Hosting"),
    ] {
        settings::set(&mut tx, setting, value, now()).await.unwrap();
    }
    let clients = services / 4;
    for statement in [
        "INSERT INTO currencies (code, prefix, suffix, rate, is_base) VALUES ('USD', '$', ' USD', '1', TRUE) \
         ON CONFLICT (code) DO NOTHING"
            .to_owned(),
        "INSERT INTO gateways (name, display_name, active, position, config) \
         VALUES ('banktransfer', 'Bank transfer', TRUE, 1, '{}') ON CONFLICT (name) DO NOTHING"
            .to_owned(),
        "INSERT INTO tax_rules (level, name, country, rate, category) VALUES (1, 'VAT', 'GB', 200000, 'standard')"
            .to_owned(),
        "INSERT INTO parties (id, hash, document) VALUES (1, 'seller', '{\"name\":\"\",\"company\":\"Example Hosting\",\
         \"email\":\"billing@example.com\",\"address1\":\"2 Crescent Road\",\"address2\":\"\",\"city\":\"London\",\
         \"state\":\"\",\"postcode\":\"N1 1AB\",\"country\":\"GB\",\"phone\":\"\",\"tax_id\":\"\"}')"
            .to_owned(),
        format!(
            "INSERT INTO parties (id, hash, document) {} SELECT i + 1, 'party-of-client-' || i || '-with-a-hash-of-sixty-four-digits-', \
             '{{\"name\":\"Ada Lovelace ' || i || '\",\"company\":\"\",\"email\":\"ada' || i || '@example.com\",\
             \"address1\":\"1 Crescent Road\",\"address2\":\"\",\"city\":\"London\",\"state\":\"\",\"postcode\":\"N1 1AA\",\
             \"country\":\"GB\",\"phone\":\"\",\"tax_id\":\"\"}}' FROM n",
            numbers(db.engine(), clients)
        ),
        format!(
            "INSERT INTO clients (id, uuid, first_name, last_name, company, email, email_lower, address1, address2, city, \
             state, postcode, country, phone, tax_id, currency, status, language, notes, tax_exempt, no_late_fees, \
             no_overdue_notices, separate_invoices, no_auto_capture, no_auto_status, marketing_opt_in, party_id, search, \
             created_at, updated_at) {} SELECT i, '00000000-0000-7000-8000-' || (100000000000 + i), 'Ada', 'Lovelace ' || i, \
             '', 'ada' || i || '@example.com', 'ada' || i || '@example.com', '1 Crescent Road', '', 'London', '', 'N1 1AA', \
             'GB', '', '', 'USD', 'active', '', '', FALSE, FALSE, FALSE, FALSE, FALSE, FALSE, FALSE, i + 1, \
             'ada lovelace ' || i, 0, 0 FROM n",
            numbers(db.engine(), clients)
        ),
        format!(
            "INSERT INTO recurring_charges (id, client_id, owner_kind, owner_id, description, currency, amount, cycle, \
             anchor_day, gateway, taxed, billable, next_due_on, next_invoice_on, created_at) {} \
             SELECT i, client, 'service', i, 'Web hosting M - example' || i || '.com', 'USD', 500 + 5 * (i % 700), 'monthly', \
             11 + client % 7, 'banktransfer', TRUE, TRUE, month || (11 + client % 7), month || (11 + client % 7), 0 \
             FROM (SELECT i, client, CASE WHEN place < CASE client % 5 WHEN 0 THEN 0 WHEN 1 THEN 0 WHEN 4 THEN 2 ELSE 1 END \
                   THEN '2026-06-' ELSE '2026-07-' END AS month \
                   FROM (SELECT i, (i - 1) / 4 + 1 AS client, (i - 1) % 4 AS place FROM n) AS placed) AS dated",
            numbers(db.engine(), services)
        ),
    ] {
        tx.batch(&statement).await.unwrap();
    }
    if db.engine() == Engine::Postgres {
        for table in ["parties", "clients", "recurring_charges"] {
            let next = format!("SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT MAX(id) FROM {table}))");
            tx.batch(&next).await.unwrap();
        }
    }
    tx.commit().await.unwrap();
    if db.engine() == Engine::Postgres {
        let mut conn = db.read().await.unwrap();
        for table in ["parties", "clients", "recurring_charges"] {
            conn.batch(&format!("VACUUM (ANALYZE) {table}")).await.unwrap();
        }
    }
}

/// A `WITH` that names the numbers from 1 as `n (i)`.
pub fn numbers(engine: Engine, last: i64) -> String {
    match engine {
        Engine::Sqlite => {
            format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {last})")
        }
        Engine::Postgres => format!("WITH n (i) AS (SELECT generate_series(CAST(1 AS BIGINT), {last}))"),
    }
}

/// What was written: counts and sums that are the same whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written(pub Vec<(&'static str, i64)>);

impl Written {
    pub fn invoices(&self) -> i64 {
        self.0[0].1
    }

    pub async fn in_copy(raw: &mut Raw) -> Written {
        let mut found = Vec::new();
        for (what, sql) in [
            ("invoices", "SELECT COUNT(*) FROM invoices WHERE status = 'unpaid' AND LENGTH(document_hash) = 64"),
            ("invoices' totals", "SELECT CAST(SUM(total + tax1) AS BIGINT) FROM invoices"),
            ("numbers", "SELECT COUNT(DISTINCT number) FROM invoices"),
            ("lines", "SELECT COUNT(*) FROM invoice_lines"),
            ("lines' taxes", "SELECT CAST(SUM(net + tax1) AS BIGINT) FROM invoice_lines"),
            ("lines' texts", "SELECT CAST(SUM(LENGTH(description) + position) AS BIGINT) FROM invoice_lines"),
            ("periods", "SELECT COUNT(*) FROM billed_periods WHERE period_from < period_until"),
            ("entries", "SELECT COUNT(*) FROM ledger_entries"),
            ("postings", "SELECT COUNT(*) FROM ledger_postings"),
            ("postings' sum", "SELECT CAST(SUM(amount) AS BIGINT) FROM ledger_postings"),
            ("jobs", "SELECT COUNT(*) FROM jobs WHERE payload LIKE '{\"invoice\":%'"),
            (
                "charges moved on",
                "SELECT COUNT(*) FROM recurring_charges WHERE next_invoice_on > next_due_on AND next_due_on < '2026-07-01'",
            ),
            ("next number", "SELECT next FROM number_series WHERE name = 'invoice'"),
        ] {
            found.push((what, raw.int(sql).await));
        }
        Written(found)
    }
}

pub fn today() -> Date {
    Date::parse(TODAY).unwrap()
}
