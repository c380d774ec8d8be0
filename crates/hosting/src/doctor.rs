//! What services and their charges must agree on: questions for `innkeeper doctor`.

use billing::doctor::Question;

pub const QUESTIONS: &[Question] = &[
    Question {
        name: "a service is due when its charge is",
        sql: "SELECT 'Service ' || s.id || ' is due on ' || s.next_due_on || ', its charge on ' || c.next_due_on \
              FROM services s JOIN recurring_charges c ON c.owner_kind = 'service' AND c.owner_id = s.id \
              WHERE s.next_due_on <> c.next_due_on",
    },
    Question {
        name: "an addon is due when its charge is",
        sql: "SELECT 'Addon ' || a.id || ' is due on ' || a.next_due_on || ', its charge on ' || c.next_due_on \
              FROM service_addons a JOIN recurring_charges c ON c.owner_kind = 'addon' AND c.owner_id = a.id \
              WHERE a.next_due_on <> c.next_due_on",
    },
    Question {
        name: "a charge is billed while its service runs",
        // What has become free keeps a charge that is not billed any more.
        sql: "SELECT 'Service ' || s.id || ' is ' || s.status || ', and its charge is ' || \
                     CASE WHEN c.billable THEN 'billed' ELSE 'not billed' END \
              FROM services s JOIN recurring_charges c ON c.owner_kind = 'service' AND c.owner_id = s.id \
              WHERE s.cycle <> 'free' AND c.billable <> (s.status IN ('active', 'suspended'))",
    },
    Question {
        name: "no service runs on after its last period is paid",
        sql: "SELECT 'Service ' || s.id || ' is ' || s.status || ', and all of its periods are paid' \
              FROM services s JOIN recurring_charges c ON c.owner_kind = 'service' AND c.owner_id = s.id \
              WHERE s.status IN ('active', 'suspended') AND c.cycle NOT IN ('free', 'onetime') \
              AND s.cycle = c.cycle AND c.remaining = 0 AND c.next_invoice_on <= c.next_due_on",
    },
];
