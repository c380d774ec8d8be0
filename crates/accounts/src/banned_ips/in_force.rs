//! The bans as this node has them in memory, and how they get there.

use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use kernel::{Result, Timestamp};
use platform::web::throttle::Throttle;
use platform::{App, news};

use super::lookup::{Banned, Bans};
use super::{TOPIC, store};
use crate::activity_log::{self, Activity, Actor};
use crate::doors::limits::bucket_of;

/// The bans that this node keeps to.
#[derive(Debug)]
pub struct InForce {
    bans: RwLock<Arc<Bans>>,
    /// Of the news that they are of.
    version: AtomicI64,
    /// One reads them at a time.
    reading: tokio::sync::Mutex<()>,
    told: Throttle<u128>,
}

/// Addresses whose refused logins are remembered, so that a flood of them does not flood the log.
const CAPACITY: usize = 10_000;

impl Default for InForce {
    fn default() -> InForce {
        InForce {
            bans: RwLock::default(),
            version: AtomicI64::new(0),
            reading: tokio::sync::Mutex::default(),
            told: Throttle::new(CAPACITY),
        }
    }
}

impl InForce {
    /// The ban that an address is under.
    pub fn of(&self, address: IpAddr, now: Timestamp) -> Option<Banned> {
        let bans = self.bans.read().unwrap_or_else(PoisonError::into_inner);
        if bans.is_empty() {
            return None;
        }
        bans.of_address(address, now).cloned()
    }

    /// Reads the bans anew if they were changed, here or on another node. Whoever changes them calls this after the
    /// commit, before the answer.
    pub async fn refresh(&self, app: &App) -> Result<()> {
        let _turn = self.reading.lock().await;
        let mut conn = app.db.read().await?;
        // The version first: what changes meanwhile is read once more rather than never.
        let version = news::version(&mut conn, TOPIC).await?;
        if self.version.load(Ordering::Acquire) == version {
            return Ok(());
        }
        let bans = store::for_look_up(&mut conn, app.clock.now()).await?;
        drop(conn);
        let bans = Arc::new(Bans::of(bans));
        *self.bans.write().unwrap_or_else(PoisonError::into_inner) = bans;
        self.version.store(version, Ordering::Release);
        Ok(())
    }
}

/// Keeps this node's bans as they are on all, until `stop` says so.
pub async fn watch(app: App, mut stop: tokio::sync::watch::Receiver<bool>) {
    let Ok(in_force) = app.get::<InForce>() else { return };
    let ears = news::Ears::open(&app.db);
    loop {
        if let Err(error) = in_force.refresh(&app).await {
            tracing::error!(%error, "the banned addresses could not be read");
        }
        tokio::select! {
            () = ears.wait() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Writes down that somebody tried to log in from a banned address: once a minute for each, because whoever is banned
/// must not be able to fill the log.
pub async fn log_refused_login(app: &App, in_force: &InForce, address: IpAddr, ban: &Banned) -> Result<()> {
    let now = app.clock.now();
    let ip = address.to_string();
    if in_force.told.take(bucket_of(&ip), 1, now).is_err() {
        return Ok(());
    }
    let nobody = Actor::nobody(&ip);
    let activity = Activity::new(format!("Login refused: {} is banned ({})", ban.network, ban.reason));
    let mut tx = app.db.write().await?;
    activity_log::record(&mut tx, &nobody, activity, now).await?;
    tx.commit().await
}
