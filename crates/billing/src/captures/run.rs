//! The batch: everything that is due, a few charges at a time, and what came of it.

use accounts::activity_log::Actor;
use kernel::{Error, Money, Result};
use platform::App;
use platform::runs::{Failed, Progress};

use super::due::{Due, due};
use super::{Ended, attempt};
use crate::restores;
use crate::settings;
use crate::terms::Terms;
use crate::view::add_up;

#[derive(Debug, Clone, Default)]
pub struct Report {
    pub due: usize,
    pub succeeded: usize,
    pub pending: usize,
    pub declined: usize,
    pub action_required: usize,
    pub unknown: usize,
    pub failed: usize,
    pub collected: Vec<Money>,
    pub failures: Vec<(Due, String)>,
}

impl Report {
    fn add(&mut self, due: &Due, ended: Result<Ended>) {
        let failure = match ended {
            Ok(Ended::Succeeded { amount }) => {
                self.succeeded += 1;
                add_up(&mut self.collected, amount);
                return;
            }
            Ok(Ended::Nothing) => return,
            Ok(Ended::Pending) => {
                self.pending += 1;
                return;
            }
            Ok(Ended::Declined { reason }) => {
                self.declined += 1;
                format!("Declined: {reason}")
            }
            Ok(Ended::ActionRequired) => {
                self.action_required += 1;
                "The client must authenticate; a link was sent.".to_owned()
            }
            Ok(Ended::Unknown { reason }) => {
                self.unknown += 1;
                format!("Outcome unknown, the gateway will be asked: {reason}")
            }
            Ok(Ended::NotSent { reason }) => {
                self.failed += 1;
                format!("Not carried out: {reason}")
            }
            Err(error) => {
                self.failed += 1;
                error.to_string()
            }
        };
        self.failures.push((due.clone(), failure));
    }

    pub fn done(&self) -> usize {
        self.succeeded + self.pending + self.declined + self.action_required + self.unknown + self.failed
    }
}

/// Charges everything that is due, a few at a time, and tells `progress` of every attempt.
pub async fn run(app: &App, by: &Actor, terms: &Terms, progress: &Progress) -> Result<Report> {
    let mut conn = app.db.read().await?;
    restores::refuse_on_hold(&mut conn).await?;
    let all = due(&mut conn, app, terms).await?;
    drop(conn);
    let mut report = Report { due: all.len(), ..Report::default() };
    let at_once = usize::try_from(terms.settings.int(&settings::CAPTURE_CONCURRENCY)).unwrap_or(1).max(1);
    let total = all.len();
    let mut waiting = all.into_iter();
    let mut under_way = tokio::task::JoinSet::new();
    let mut done = 0;
    loop {
        while under_way.len() < at_once {
            let Some(due) = waiting.next() else { break };
            let (app, by, run_id) = (app.clone(), by.clone(), progress.run_id());
            under_way.spawn(async move {
                let ended = attempt(&app, &by, due.invoice_id, Some(due.slot), run_id).await;
                (due, ended)
            });
        }
        let Some(joined) = under_way.join_next().await else { return Ok(report) };
        done += 1;
        let known = report.failures.len();
        match joined {
            Ok((due, ended)) => report.add(&due, ended),
            Err(panic) => return Err(Error::broken(format!("capture: {panic}"))),
        }
        let new: Vec<Failed> = report.failures[known..].iter().map(|(due, text)| due.failed(text)).collect();
        progress.step(total, done, report.failures.len(), &new).await?;
    }
}
