//! Which invoices are to be charged today.

use kernel::{Currency, Date, Money, Result};
use platform::db::Conn;
use platform::runs::Failed;
use platform::{App, params, record};

use super::schedule::{self, Schedule};
use crate::gateways::Gateways;
use crate::settings;
use crate::terms::Terms;

/// An invoice whose capture is due, and the slot that an attempt would serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    pub invoice_id: i64,
    pub client_id: i64,
    pub number: String,
    pub amount: Money,
    pub gateway: String,
    pub slot: Date,
}

impl Due {
    pub(super) fn failed(&self, text: &str) -> Failed {
        Failed {
            client_id: Some(self.client_id),
            subject: Some(format!("invoice:{}", self.invoice_id)),
            message: text.to_owned(),
        }
    }
}

fn schedule_of(terms: &Terms) -> Schedule {
    let small = |setting| u32::try_from(terms.settings.int(setting)).unwrap_or_default();
    Schedule {
        days_before_due: small(&settings::CAPTURE_DAYS_BEFORE),
        attempt_once: terms.settings.bool(&settings::CAPTURE_ONCE),
        retry_weeks: small(&settings::CAPTURE_RETRY_WEEKS),
    }
}

record! {
    struct Candidate {
        id: i64,
        client_id: i64,
        number: Option<String>,
        due_on: Date,
        currency: Currency,
        balance: i64,
        gateway: String,
        last_slot: Option<Date>,
    }
}

/// Invoices of a page of candidates that are read at once.
const PAGE: i64 = 1000;

/// Everything whose capture is due today: unpaid, by a gateway that can charge off-session and a stored method of it,
/// by a client who has not switched automatic capture off.
pub async fn due(conn: &mut Conn, app: &App, terms: &Terms) -> Result<Vec<Due>> {
    let schedule = schedule_of(terms);
    let latest = terms.today.plus_days(i64::from(schedule.days_before_due))?;
    let able: Vec<String> = app
        .get::<Gateways>()?
        .all()
        .iter()
        .filter(|gateway| gateway.capabilities().off_session)
        .map(|gateway| gateway.name().to_owned())
        .collect();
    let mut out = Vec::new();
    let mut after = (Date::MIN, 0);
    loop {
        let page: Vec<Candidate> = conn
            .all(
                "SELECT i.id, i.client_id, i.number, i.due_on, i.currency, i.balance, i.gateway, \
                        (SELECT MAX(a.slot_on) FROM payment_attempts a WHERE a.invoice_id = i.id) \
                 FROM invoices i JOIN clients c ON c.id = i.client_id \
                 JOIN gateways g ON g.name = i.gateway AND g.active \
                 WHERE i.status = 'unpaid' AND i.due_on >= $2 AND i.due_on <= $1 AND (i.due_on > $2 OR i.id > $3) \
                   AND i.balance > 0 AND i.gateway IN $4[] AND NOT c.no_auto_capture AND c.status <> 'closed' \
                   AND EXISTS (SELECT 1 FROM pay_methods m WHERE m.client_id = i.client_id AND m.gateway = i.gateway \
                               AND m.removed_at IS NULL) \
                 ORDER BY i.due_on, i.id LIMIT $5",
                params![latest, after.0, after.1, able, PAGE],
            )
            .await?;
        let Some(last) = page.last() else { return Ok(out) };
        after = (last.due_on, last.id);
        let is_last = page.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
        for candidate in page {
            let attempts: Vec<Date> = candidate.last_slot.into_iter().collect();
            if let Some(slot) = schedule::is_due(schedule, candidate.due_on, terms.today, &attempts) {
                out.push(Due {
                    invoice_id: candidate.id,
                    client_id: candidate.client_id,
                    number: candidate.number.unwrap_or_default(),
                    amount: Money::new(candidate.balance, candidate.currency),
                    gateway: candidate.gateway,
                    slot,
                });
            }
        }
        if is_last {
            return Ok(out);
        }
    }
}
