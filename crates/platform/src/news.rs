//! What every node keeps in memory, such as the bans, and how it hears that another one has changed it.
//!
//! What must hold:
//! - Who changes it tells so in the same transaction: the topic's version grows with the change or not at all.
//! - A node that hears nothing looks at the version every second. PostgreSQL calls it sooner, at once after the commit; a
//!   connection that is lost, or a pooler that passes no calls on, costs the second and nothing else.

use std::sync::Arc;
use std::time::Duration;

use kernel::Result;
use tokio::sync::Notify;

use crate::db::{Conn, Db, Tx, dialect};
use crate::params;

/// The longest that a change of another node goes unnoticed.
const LOOK: Duration = Duration::from_secs(1);
/// How long a lost connection is left alone.
const PAUSE: Duration = Duration::from_secs(10);

/// Tells every node that something was changed.
pub async fn tell(tx: &mut Tx, topic: &'static str) -> Result<()> {
    tx.execute(
        "INSERT INTO news (topic, version) VALUES ($1, 1) \
         ON CONFLICT (topic) DO UPDATE SET version = news.version + 1",
        params![topic],
    )
    .await?;
    dialect::call(tx, topic).await
}

/// How often it was changed.
pub async fn version(conn: &mut Conn, topic: &'static str) -> Result<i64> {
    let found: Option<(i64,)> = conn.optional("SELECT version FROM news WHERE topic = $1", params![topic]).await?;
    Ok(found.map_or(0, |(version,)| version))
}

/// Waits for news of other nodes.
pub struct Ears {
    called: Arc<Notify>,
    listening: Option<tokio::task::JoinHandle<()>>,
}

impl Ears {
    pub fn open(db: &Db) -> Ears {
        let called = Arc::new(Notify::new());
        let listening = db.listens().then(|| {
            let (db, called) = (db.clone(), called.clone());
            tokio::spawn(async move {
                loop {
                    if let Err(error) = db.listen(&called).await {
                        tracing::warn!(%error, "calls of other nodes are not heard; their news are looked for every second");
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            })
        });
        Ears { called, listening }
    }

    /// Until somebody called, or it is time to look.
    pub async fn wait(&self) {
        let _ = tokio::time::timeout(LOOK, self.called.notified()).await;
    }
}

impl Drop for Ears {
    fn drop(&mut self) {
        if let Some(listening) = &self.listening {
            listening.abort();
        }
    }
}
