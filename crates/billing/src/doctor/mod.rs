//! The invariants of the books, each as a question to the database that must find nothing. Other crates add the questions
//! that only they can ask.

#[cfg(test)]
mod tests;

use accounts::parties;
use kernel::Result;
use platform::db::Conn;
use platform::params;

use crate::invoices::{Invoice, Line, seal};
use crate::notes::{self, CreditNote, NoteLine};

/// Something that must never be, found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    pub check: &'static str,
    pub detail: String,
}

/// A check that is one question: its rows are what is wrong, a sentence each.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    pub name: &'static str,
    pub sql: &'static str,
}

/// At most so many findings of one check are listed.
const LISTED: &str = " LIMIT 50";

const QUESTIONS: &[Question] = &[
    Question {
        name: "every ledger entry is balanced per currency",
        sql: "SELECT 'Entry ' || entry_id || ' is off by ' || SUM(amount) || ' minor units of ' || currency \
              FROM ledger_postings GROUP BY entry_id, currency HAVING SUM(amount) <> 0",
    },
    Question {
        name: "an invoice's balance is its total less payments, credit and notes",
        // What a note gave back of money that was paid is credit, and no longer pays the invoice.
        sql: "SELECT 'Invoice ' || i.id || ' says ' || i.balance || ', its documents say ' || \
                     (i.total - COALESCE(a.paid, 0) - i.credit_applied - COALESCE(n.noted, 0) + COALESCE(r.back, 0)) \
              FROM invoices i \
              LEFT JOIN (SELECT invoice_id, SUM(amount) AS paid FROM allocations GROUP BY invoice_id) a ON a.invoice_id = i.id \
              LEFT JOIN (SELECT invoice_id, SUM(total) AS noted FROM credit_notes GROUP BY invoice_id) n ON n.invoice_id = i.id \
              LEFT JOIN (SELECT invoice_id, SUM(amount) AS back FROM credit_movements WHERE kind = 'returned' \
                         AND invoice_id IS NOT NULL GROUP BY invoice_id) r ON r.invoice_id = i.id \
              WHERE i.status <> 'draft' AND i.balance <> \
              i.total - COALESCE(a.paid, 0) - i.credit_applied - COALESCE(n.noted, 0) + COALESCE(r.back, 0)",
    },
    Question {
        name: "an invoice's balance is what the ledger says is owed on it",
        sql: "SELECT 'Invoice ' || i.id || ' says ' || i.balance || ', the ledger says ' || COALESCE(p.owed, 0) \
              FROM invoices i LEFT JOIN (SELECT invoice_id, SUM(amount) AS owed FROM ledger_postings \
              WHERE account = 'receivable' GROUP BY invoice_id) p ON p.invoice_id = i.id \
              WHERE i.status <> 'draft' AND i.balance <> COALESCE(p.owed, 0)",
    },
    Question {
        name: "an invoice's sums are those of its lines",
        sql: "SELECT 'Invoice ' || i.id || ' says ' || i.subtotal || ' + ' || i.tax1 || ' + ' || i.tax2 || ' = ' || \
                     i.total || ', its lines say ' || COALESCE(l.net, 0) || ' + ' || COALESCE(l.tax1, 0) || ' + ' || \
                     COALESCE(l.tax2, 0) \
              FROM invoices i LEFT JOIN (SELECT invoice_id, SUM(net) AS net, SUM(tax1) AS tax1, SUM(tax2) AS tax2 \
              FROM invoice_lines GROUP BY invoice_id) l ON l.invoice_id = i.id \
              WHERE i.subtotal <> COALESCE(l.net, 0) OR i.tax1 <> COALESCE(l.tax1, 0) OR i.tax2 <> COALESCE(l.tax2, 0) \
              OR i.total <> i.subtotal + i.tax1 + i.tax2",
    },
    Question {
        name: "credit applied to an invoice equals its movements",
        sql: "SELECT 'Invoice ' || i.id || ' says ' || i.credit_applied || ', the movements say ' || COALESCE(m.used, 0) \
              FROM invoices i LEFT JOIN (SELECT invoice_id, -SUM(amount) AS used FROM credit_movements \
              WHERE kind = 'applied' GROUP BY invoice_id) m ON m.invoice_id = i.id \
              WHERE i.credit_applied <> COALESCE(m.used, 0)",
    },
    Question {
        name: "a client's credit equals its movements",
        sql: "SELECT 'Client ' || m.client_id || ' has movements of ' || m.moved || ', the balance says ' || \
                     COALESCE(b.balance, 0) \
              FROM (SELECT client_id, SUM(amount) AS moved FROM credit_movements GROUP BY client_id) m \
              LEFT JOIN credit_balances b ON b.client_id = m.client_id WHERE m.moved <> COALESCE(b.balance, 0)",
    },
    Question {
        name: "a client's credit equals the ledger's credit account",
        sql: "SELECT 'Client ' || b.client_id || ' says ' || b.balance || ', the ledger says ' || COALESCE(p.held, 0) \
              FROM credit_balances b LEFT JOIN (SELECT client_id, -SUM(amount) AS held FROM ledger_postings \
              WHERE account = 'credit' GROUP BY client_id) p ON p.client_id = b.client_id \
              WHERE b.balance <> COALESCE(p.held, 0)",
    },
    Question {
        name: "no client's credit is below nought",
        sql: "SELECT 'Client ' || client_id || ' has a credit of ' || balance FROM credit_balances WHERE balance < 0",
    },
    Question {
        name: "every document is of a series that is counted",
        sql: "SELECT 'Nothing counts the ' || d.what || ' of series ' || d.series || ' ' || d.period \
              FROM (SELECT DISTINCT 'invoices' AS what, series, series_period AS period FROM invoices \
                    WHERE series IS NOT NULL \
                    UNION ALL SELECT DISTINCT 'credit notes', series, series_period FROM credit_notes) d \
              LEFT JOIN number_series s ON s.name = d.series AND s.period = d.period WHERE s.name IS NULL",
    },
    Question {
        name: "invoice numbers have no gap",
        sql: "SELECT 'Series ' || s.name || ' ' || s.period || ' is at ' || s.next || ' with ' || COUNT(i.id) || ' invoices' \
              FROM number_series s LEFT JOIN invoices i ON i.series = s.name AND i.series_period = s.period \
              WHERE s.name = 'invoice' GROUP BY s.name, s.period, s.next, s.skipped \
              HAVING COUNT(i.id) <> s.next - 1 - s.skipped OR COALESCE(MAX(i.series_number), 0) <> s.next - 1",
    },
    Question {
        name: "credit note numbers have no gap",
        sql: "SELECT 'Series ' || s.name || ' ' || s.period || ' is at ' || s.next || ' with ' || COUNT(n.id) || ' notes' \
              FROM number_series s LEFT JOIN credit_notes n ON n.series = s.name AND n.series_period = s.period \
              WHERE s.name = 'credit_note' GROUP BY s.name, s.period, s.next, s.skipped \
              HAVING COUNT(n.id) <> s.next - 1 - s.skipped OR COALESCE(MAX(n.series_number), 0) <> s.next - 1",
    },
    Question {
        name: "no period of a charge is invoiced twice",
        sql: "SELECT 'Charge ' || a.charge_id || ': the periods from ' || a.period_from || ' and from ' || b.period_from || \
                     ' overlap' \
              FROM billed_periods a JOIN billed_periods b ON b.charge_id = a.charge_id AND b.period_from > a.period_from \
              AND b.period_from < a.period_until",
    },
    Question {
        name: "a first period waits only until it is invoiced",
        sql: "SELECT 'Charge ' || f.charge_id || ' has an invoice, and its first period waits for one' FROM first_periods f \
              JOIN billed_periods p ON p.charge_id = f.charge_id GROUP BY f.charge_id",
    },
    Question {
        name: "a line of a charge and its period belong together",
        // Merging and splitting bill a period on another invoice instead. What was credited in full may have been billed
        // anew; then the period is the later invoice's.
        sql: "SELECT 'Line ' || l.id || ' bills a period of charge ' || l.charge_id || ' that is not the invoice''s' \
              FROM invoice_lines l JOIN invoices i ON i.id = l.invoice_id \
              LEFT JOIN billed_periods p ON p.charge_id = l.charge_id \
              AND p.period_from = l.period_from AND (p.invoice_id = l.invoice_id OR EXISTS ( \
                  SELECT 1 FROM invoices n WHERE n.id = p.invoice_id AND n.id > l.invoice_id \
                  AND n.source IN ('merge', 'split'))) \
              WHERE l.charge_id IS NOT NULL AND p.charge_id IS NULL AND i.status <> 'cancelled' \
              AND l.net + l.tax1 + l.tax2 <> (SELECT COALESCE(SUM(b.net + b.tax1 + b.tax2), 0) FROM credit_notes n \
              JOIN credit_note_lines b ON b.note_id = n.id \
              WHERE n.invoice_id = l.invoice_id AND b.invoice_line_id = l.id)",
    },
    Question {
        name: "a billed period stands on its invoice",
        sql: "SELECT 'Invoice ' || p.invoice_id || ' has no line for the period of charge ' || p.charge_id || ' from ' || \
                     p.period_from \
              FROM billed_periods p LEFT JOIN invoice_lines l ON l.invoice_id = p.invoice_id \
              AND l.charge_id = p.charge_id AND l.period_from = p.period_from WHERE l.id IS NULL",
    },
    Question {
        name: "what is paid or called off has settled its periods",
        sql: "SELECT 'Invoice ' || i.id || ' is ' || i.status || ', and the period of charge ' || p.charge_id || \
                     ' from ' || p.period_from || ' is not settled' \
              FROM billed_periods p JOIN invoices i ON i.id = p.invoice_id \
              WHERE NOT p.settled AND i.status IN ('paid', 'cancelled', 'refunded')",
    },
    Question {
        name: "no external id is recorded twice",
        // The key does not see that two names of a gateway are one in another case.
        sql: "SELECT 'Gateway ' || LOWER(gateway) || ' has ' || external_id || ' ' || COUNT(*) || ' times' \
              FROM transactions WHERE external_id IS NOT NULL GROUP BY LOWER(gateway), external_id HAVING COUNT(*) > 1",
    },
    Question {
        name: "every payment is in the ledger",
        sql: "SELECT 'Transaction ' || t.id || ' has no ledger entry' FROM transactions t \
              LEFT JOIN ledger_entries e ON e.source IN ('payment:' || t.id, 'refund:' || t.id, 'transaction:' || t.id) \
              WHERE e.id IS NULL",
    },
    Question {
        name: "a voided transaction is taken back whole",
        sql: "SELECT 'Transaction ' || t.id || ' is voided, but not taken back' FROM transactions t \
              LEFT JOIN ledger_entries e ON e.source = 'void:' || t.id \
              LEFT JOIN (SELECT transaction_id, SUM(amount) AS paid FROM allocations GROUP BY transaction_id) a \
              ON a.transaction_id = t.id \
              WHERE t.voided_at IS NOT NULL AND (e.id IS NULL OR COALESCE(a.paid, 0) <> 0)",
    },
    Question {
        name: "every issued invoice is in the ledger",
        sql: "SELECT 'Invoice ' || i.id || ' has no ledger entry' FROM invoices i \
              LEFT JOIN ledger_entries e ON e.source = 'invoice:' || i.id \
              WHERE i.status <> 'draft' AND i.total <> 0 AND e.id IS NULL",
    },
    Question {
        name: "every credit note is in the ledger",
        sql: "SELECT 'Credit note ' || n.id || ' has no ledger entry' FROM credit_notes n \
              LEFT JOIN ledger_entries e ON e.source = 'note:' || n.id WHERE n.total <> 0 AND e.id IS NULL",
    },
    Question {
        name: "a credit note's total is the sum of its lines",
        sql: "SELECT 'Credit note ' || n.id || ' says ' || n.total || ', its lines say ' || COALESCE(l.lined, 0) \
              FROM credit_notes n LEFT JOIN (SELECT note_id, SUM(net + tax1 + tax2) AS lined FROM credit_note_lines \
              GROUP BY note_id) l ON l.note_id = n.id \
              WHERE n.total <> COALESCE(l.lined, 0) OR n.total <> n.subtotal + n.tax1 + n.tax2",
    },
    Question {
        name: "no more is credited than was invoiced",
        sql: "SELECT 'Invoice ' || i.id || ' of ' || i.total || ' has credit notes of ' || n.noted FROM invoices i \
              JOIN (SELECT invoice_id, SUM(total) AS noted FROM credit_notes GROUP BY invoice_id) n \
              ON n.invoice_id = i.id WHERE n.noted > i.total",
    },
    Question {
        name: "a paid invoice owes nothing and an unpaid one something",
        sql: "SELECT 'Invoice ' || id || ' is ' || status || ' with a balance of ' || balance FROM invoices \
              WHERE (status IN ('paid', 'cancelled', 'refunded') AND balance <> 0) \
              OR (status IN ('unpaid', 'payment_pending', 'collections') AND balance <= 0)",
    },
    Question {
        name: "every open attempt has a job that asks about it",
        sql: "SELECT 'Attempt ' || a.id || ' is ' || a.state || ' and nobody asks about it' FROM payment_attempts a \
              LEFT JOIN jobs j ON j.unique_key = 'attempt:' || a.id AND j.state IN ('ready', 'running') \
              WHERE a.state IN ('intent', 'unknown', 'pending') AND j.id IS NULL",
    },
    Question {
        name: "every open refund has a job that asks about it",
        sql: "SELECT 'Refund ' || r.id || ' is ' || r.state || ' and nobody asks about it' FROM refunds r \
              LEFT JOIN jobs j ON j.unique_key = 'refund:' || r.id AND j.state IN ('ready', 'running') \
              WHERE r.state IN ('intent', 'unknown', 'pending') AND j.id IS NULL",
    },
    Question {
        name: "money held for refunds is that of the open ones",
        sql: "SELECT 'For ' || held.currency || ' the ledger holds ' || held.amount || ' more than the open refunds' \
              FROM (SELECT currency, SUM(amount) AS amount FROM (\
                  SELECT currency, -amount AS amount FROM ledger_postings WHERE account = 'refunds' \
                  UNION ALL SELECT currency, -amount FROM refunds WHERE state IN ('intent', 'unknown', 'pending')) both_sides \
              GROUP BY currency) held WHERE held.amount <> 0",
    },
    Question {
        name: "no payment is refunded beyond its amount",
        sql: "SELECT 'Transaction ' || t.id || ' of ' || t.amount_in || ' has refunds of ' || SUM(r.amount) \
              FROM refunds r JOIN transactions t ON t.id = r.transaction_id \
              WHERE r.state <> 'failed' AND r.method <> 'credit' GROUP BY t.id, t.amount_in HAVING SUM(r.amount) > t.amount_in",
    },
    Question {
        name: "every successful attempt has its payment",
        sql: "SELECT 'Attempt ' || id || ' succeeded without a payment' FROM payment_attempts \
              WHERE state = 'succeeded' AND transaction_id IS NULL",
    },
    Question {
        name: "no charge goes on in a period that is billed",
        sql: "SELECT 'Charge ' || c.id || ' is invoiced next from ' || c.next_invoice_on || ', which invoice ' || \
                     p.invoice_id || ' bills' \
              FROM recurring_charges c JOIN billed_periods p ON p.charge_id = c.id \
              AND p.period_from <= c.next_invoice_on AND p.period_until > c.next_invoice_on",
    },
    Question {
        name: "no charge is due in a period that is settled",
        sql: "SELECT 'Charge ' || c.id || ' is due on ' || c.next_due_on || ', which invoice ' || p.invoice_id || \
                     ' has settled' \
              FROM recurring_charges c JOIN billed_periods p ON p.charge_id = c.id AND p.settled \
              AND p.period_from <= c.next_due_on AND p.period_until > c.next_due_on",
    },
    Question {
        name: "no charge is invoiced before the period that is paid",
        sql: "SELECT 'Charge ' || id || ' is paid until ' || next_due_on || ' and invoiced until ' || next_invoice_on \
              FROM recurring_charges WHERE next_invoice_on < next_due_on",
    },
];

/// The names of all checks, for reports.
pub fn checks() -> Vec<&'static str> {
    QUESTIONS.iter().map(|question| question.name).chain([SEAL, PARTIES]).collect()
}

const SEAL: &str = "issued documents are as they were issued";
const PARTIES: &str = "the parties of documents are as they were";

/// Asks everything of the books. An empty answer is a clean bill of health.
pub async fn check(conn: &mut Conn) -> Result<Vec<Finding>> {
    let mut findings = ask(conn, QUESTIONS).await?;
    seals(conn, &mut findings).await?;
    note_seals(conn, &mut findings).await?;
    // Documents are sealed over the ids of their parties, and a party over its content.
    for id in parties::altered(conn).await? {
        let detail = format!("Party {id}, whom documents name, is not what was stored");
        findings.push(Finding { check: PARTIES, detail });
    }
    Ok(findings)
}

/// Asks some questions.
pub async fn ask(conn: &mut Conn, questions: &[Question]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for question in questions {
        let details: Vec<String> = conn.column(&format!("{}{LISTED}", question.sql), params![]).await?;
        findings.extend(details.into_iter().map(|detail| Finding { check: question.name, detail }));
    }
    Ok(findings)
}

const BLOCK: i64 = 500;

/// Computes every document's seal again, in blocks.
async fn seals(conn: &mut Conn, findings: &mut Vec<Finding>) -> Result<()> {
    let invoices_sql = format!(
        "SELECT {} FROM invoices WHERE id > $1 AND status <> 'draft' ORDER BY id LIMIT $2",
        Invoice::columns("")
    );
    let lines_sql = format!(
        "SELECT {} FROM invoice_lines WHERE invoice_id IN $1[] ORDER BY invoice_id, position",
        Line::columns("")
    );
    let mut after = 0;
    loop {
        let block: Vec<Invoice> = conn.all(&invoices_sql, params![after, BLOCK]).await?;
        let Some(last) = block.last() else { return Ok(()) };
        after = last.id;
        let ids: Vec<i64> = block.iter().map(|invoice| invoice.id).collect();
        let lines: Vec<Line> = conn.all(&lines_sql, params![ids]).await?;
        for invoice in &block {
            let from = lines.partition_point(|line| line.invoice_id < invoice.id);
            let until = lines.partition_point(|line| line.invoice_id <= invoice.id);
            let now = seal::stored(invoice, &lines[from..until]).map(|document| seal::hash(&document));
            if now.is_none() || now != invoice.document_hash {
                let detail = format!("Invoice {} ({}) is not what was issued", invoice.id, invoice.title());
                findings.push(Finding { check: SEAL, detail });
            }
        }
    }
}

async fn note_seals(conn: &mut Conn, findings: &mut Vec<Finding>) -> Result<()> {
    let notes_sql = format!("SELECT {} FROM credit_notes WHERE id > $1 ORDER BY id LIMIT $2", CreditNote::columns(""));
    let lines_sql = format!(
        "SELECT {} FROM credit_note_lines WHERE note_id IN $1[] ORDER BY note_id, position",
        NoteLine::columns("")
    );
    let mut after = 0;
    loop {
        let block: Vec<CreditNote> = conn.all(&notes_sql, params![after, BLOCK]).await?;
        let Some(last) = block.last() else { return Ok(()) };
        after = last.id;
        let ids: Vec<i64> = block.iter().map(|note| note.id).collect();
        let lines: Vec<NoteLine> = conn.all(&lines_sql, params![ids]).await?;
        for note in &block {
            let from = lines.partition_point(|line| line.note_id < note.id);
            let until = lines.partition_point(|line| line.note_id <= note.id);
            if notes::seal::hash(note, &lines[from..until]) != note.document_hash {
                let detail = format!("Credit note {} ({}) is not what was issued", note.id, note.number);
                findings.push(Finding { check: SEAL, detail });
            }
        }
    }
}
