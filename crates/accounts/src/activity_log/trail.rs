//! What a record's page tells of its past and of what is still to come: mails, jobs and the activity log, in one question.

use kernel::{Result, Timestamp};
use platform::db::{Conn, FromRow, Row};
use platform::jobs::JobState;
use platform::mail::MailState;
use platform::{params, record};

use super::{Change, parse_changes};

/// Of each kind the latest 50, newest first.
#[derive(Debug, Default)]
pub struct Trail {
    pub mails: Vec<Sent>,
    /// What has not ended well yet.
    pub jobs: Vec<Waiting>,
    pub activity: Vec<Told>,
}

#[derive(Debug, Clone)]
pub struct Sent {
    pub title: String,
    pub recipient: String,
    pub state: MailState,
    pub error: Option<String>,
    pub at: Timestamp,
}

#[derive(Debug, Clone)]
pub struct Waiting {
    pub kind: String,
    pub state: JobState,
    pub error: Option<String>,
    pub run_at: Timestamp,
}

#[derive(Debug, Clone)]
pub struct Told {
    pub description: String,
    pub by: String,
    pub changes: Vec<Change>,
    pub at: Timestamp,
}

record! {
    /// The same columns for all three.
    struct Line {
        kind: i64,
        what: String,
        who: String,
        more: Option<String>,
        at: Timestamp,
    }
}

/// A line with the state of a mail or a job, which an entry of the log does not have.
struct Stated {
    line: Line,
    mail: Option<MailState>,
    job: Option<JobState>,
}

impl FromRow for Stated {
    fn from_row(row: &Row<'_>) -> Result<Stated> {
        Ok(Stated { line: Line::from_row(row)?, mail: row.get(5)?, job: row.get(6)? })
    }
}

const TRAIL: &str = "SELECT kind, what, who, more, at, mail, job FROM ( \
    SELECT * FROM (SELECT 1 AS kind, title AS what, recipient AS who, error AS more, created_at AS at, state AS mail, \
                   NULL AS job, id FROM mails WHERE subject = $1 ORDER BY id DESC LIMIT 50) AS m \
    UNION ALL SELECT * FROM (SELECT 2, kind, '', last_error, run_at, NULL, state, id FROM jobs \
                             WHERE subject = $1 AND state <> 'done' ORDER BY id DESC LIMIT 50) AS j \
    UNION ALL SELECT * FROM (SELECT 3, description, actor_name, changes, at, NULL, NULL, id FROM activity_log \
                             WHERE subject = $1 ORDER BY id DESC LIMIT 50) AS a) AS trail ORDER BY kind, id DESC";

/// What there is about a subject, such as `invoice:17`.
pub async fn trail(conn: &mut Conn, subject: &str) -> Result<Trail> {
    let lines: Vec<Stated> = conn.all(TRAIL, params![subject]).await?;
    let mut trail = Trail::default();
    for Stated { line, mail, job } in lines {
        let Line { what, who, more, at, .. } = line;
        match (mail, job) {
            (Some(state), _) => trail.mails.push(Sent { title: what, recipient: who, state, error: more, at }),
            (_, Some(state)) => trail.jobs.push(Waiting { kind: what, state, error: more, run_at: at }),
            (None, None) => {
                let changes = parse_changes(&more.unwrap_or_default());
                trail.activity.push(Told { description: what, by: who, changes, at });
            }
        }
    }
    Ok(trail)
}
