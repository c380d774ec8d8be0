//! Each question notices what it is there for, and only it does: books that were sound are corrupted by hand, in a
//! transaction that is rolled back.

use std::collections::BTreeSet;
use std::sync::Arc;

use accounts::clients;
use kernel::{Cycle, Error};
use platform::db::Tx;
use platform::runs::Progress;
use testkit::Engine;

use super::*;
use crate::generation::{self, Detail, Mode, Scope};
use crate::pay_methods::{self, MakeDefault};
use crate::testing::doors::Doors;
use crate::testing::{Company, Scripted, usd};
use crate::{captures, credits, settings};

/// Books with something of everything that the questions are about: charge 1 with two paid periods, charge 2 with an
/// unpaid one, a charge of a card under way, credit, notes, overpayments, refunds done and under way.
async fn open(engine: Engine) -> Company {
    let company = Company::with_gateways(engine, vec![Arc::new(Scripted::default())]).await;
    company.set(&settings::TAX_ENABLED, "true").await;
    let mut tx = company.app.db.write().await.unwrap();
    tx.batch("INSERT INTO tax_rules (level, name, rate, category) VALUES (1, 'VAT', 200000, 'standard')")
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let ada = company.client("ada@example.com").await;
    let bob = company.client("bob@example.com").await;
    company.client("eve@example.com").await;
    for (client, scenario) in [(&ada, "ok"), (&bob, "timeout")] {
        pay_methods::add(&company.app, &company.by, client.id, "sandbox", scenario, "", MakeDefault::Yes)
            .await
            .unwrap();
    }
    company.charge(&ada, 1, "10.00", Cycle::Monthly, "2026-01-20", "sandbox").await;
    company.charge(&ada, 2, "20.00", Cycle::Monthly, "2026-02-25", "banktransfer").await;
    company.charge(&bob, 3, "30.00", Cycle::Monthly, "2026-02-20", "sandbox").await;
    for day in ["2026-01-20", "2026-02-20"] {
        company.today(day);
        let (terms, scope, progress) = (company.terms().await, Scope::default(), Progress::default());
        let (db, by) = (&company.app.db, &company.by);
        generation::run(db, by, &terms, &scope, Mode::Real, Detail::Counts, &progress).await.unwrap();
        captures::run(&company.app, &company.by, &terms, &Progress::default()).await.unwrap();
    }
    let doors = Doors::of(&company).await;
    let noted = company.owed(&ada, "10.00").await;
    let note = serde_json::json!({ "reason": "Sorry" });
    assert_eq!(doors.api("POST", &format!("/invoices/{noted}/credit-notes"), note).await.status.as_u16(), 201);
    for external_id in ["ch_back", "pending"] {
        let invoice = company.owed(&ada, "50.00").await.to_string();
        let fields = [
            ("invoiceid", invoice.as_str()),
            ("transid", external_id),
            ("gateway", "sandbox"),
            ("date", "2026-02-20"),
            ("amount", "70.00"),
        ];
        assert_eq!(doors.action("AddInvoicePayment", &fields).await["result"], "success");
        let transaction = latest(&company, "transactions").await;
        let back =
            [("once", external_id), ("source", "credit"), ("amount", "4.00"), ("method", "gateway"), ("reason", "a")];
        let reply = doors.post(&format!("/admin/transactions/{transaction}/refund"), &back).await;
        assert_eq!(reply.status.as_u16(), 303, "{}", reply.text);
    }
    let mut tx = company.app.db.write().await.unwrap();
    let mut locked = clients::lock(&mut tx, ada.id).await.unwrap();
    let (on, now) = (company.terms_today(), company.app.clock.now());
    credits::adjust(&mut locked, &company.by, ada.id, usd("5.00"), "A gift", on, now).await.unwrap();
    let owed: i64 = locked.scalar(OWED, params![]).await.unwrap();
    credits::apply(&mut locked, &company.by, owed, usd("1.00"), on, now).await.unwrap();
    tx.commit().await.unwrap();
    company
}

/// The unpaid invoice of charge 2.
const OWED: &str = "SELECT l.invoice_id FROM invoice_lines l WHERE l.owner_id = 2";

async fn latest(company: &Company, table: &str) -> i64 {
    let mut conn = company.app.db.read().await.unwrap();
    conn.scalar(&format!("SELECT MAX(id) FROM {table}"), params![]).await.unwrap()
}

/// What is done to the books, and which question must speak. Where documents are changed for another question's sake,
/// they are sealed anew, because any change of a document breaks its seal.
struct Corruption {
    check: &'static str,
    sql: &'static [&'static str],
    seal: Seal,
}

#[derive(PartialEq, Eq)]
enum Seal {
    Left,
    Anew,
}

const fn left(check: &'static str, sql: &'static [&'static str]) -> Corruption {
    Corruption { check, sql, seal: Seal::Left }
}

const fn sealed(check: &'static str, sql: &'static [&'static str]) -> Corruption {
    Corruption { check, sql, seal: Seal::Anew }
}

const CORRUPTIONS: &[Corruption] = &[
    left(
        "every ledger entry is balanced per currency",
        &["UPDATE ledger_postings SET amount = amount + 1 \
           WHERE account = 'revenue' AND entry_id = (SELECT MIN(id) FROM ledger_entries)"],
    ),
    left(
        "an invoice's balance is its total less payments, credit and notes",
        &["UPDATE allocations SET amount = amount - 1 WHERE id = 1"],
    ),
    left(
        "an invoice's balance is what the ledger says is owed on it",
        &["UPDATE ledger_postings SET invoice_id = NULL WHERE account = 'receivable' \
           AND invoice_id = (SELECT l.invoice_id FROM invoice_lines l WHERE l.owner_id = 2)"],
    ),
    sealed("an invoice's sums are those of its lines", &["UPDATE invoice_lines SET net = net + 1 WHERE owner_id = 2"]),
    left(
        "credit applied to an invoice equals its movements",
        &["UPDATE credit_movements SET invoice_id = NULL WHERE kind = 'applied'"],
    ),
    left(
        "a client's credit equals its movements",
        &["UPDATE credit_movements SET amount = amount + 1 WHERE kind = 'granted'"],
    ),
    left(
        "a client's credit equals the ledger's credit account",
        &["UPDATE ledger_postings SET client_id = NULL WHERE account = 'credit' \
           AND entry_id = (SELECT MIN(entry_id) FROM ledger_postings WHERE account = 'credit')"],
    ),
    left(
        "no client's credit is below nought",
        &[
            "INSERT INTO credit_movements (client_id, currency, amount, kind, description, actor, booked_on, created_at) \
             SELECT MAX(id), 'USD', -100, 'removed', '', '', '2026-02-20', 0 FROM clients",
            "INSERT INTO credit_balances (client_id, currency, balance) SELECT MAX(id), 'USD', -100 FROM clients",
            "INSERT INTO ledger_entries (id, source, kind, client_id, booked_on, created_at) \
             SELECT 9001, 'by hand:1', 'credit', MAX(id), '2026-02-20', 0 FROM clients",
            "INSERT INTO ledger_postings (entry_id, position, account, detail, client_id, currency, amount) \
             SELECT 9001, 1, 'credit', '', MAX(id), 'USD', 100 FROM clients",
            "INSERT INTO ledger_postings (entry_id, position, account, detail, client_id, currency, amount) \
             SELECT 9001, 2, 'goodwill', '', MAX(id), 'USD', -100 FROM clients",
        ],
    ),
    left("every document is of a series that is counted", &["DELETE FROM number_series WHERE name = 'invoice'"]),
    left("every document is of a series that is counted", &["DELETE FROM number_series WHERE name = 'credit_note'"]),
    left("invoice numbers have no gap", &["UPDATE number_series SET next = next + 1 WHERE name = 'invoice'"]),
    left("invoice numbers have no gap", &["UPDATE number_series SET skipped = skipped + 1 WHERE name = 'invoice'"]),
    left("credit note numbers have no gap", &["UPDATE number_series SET next = next + 1 WHERE name = 'credit_note'"]),
    // The key refuses the same period; only one that reaches into another can be there.
    left(
        "no period of a charge is invoiced twice",
        &["UPDATE billed_periods SET period_until = '2026-02-21' WHERE period_from = '2026-01-20'"],
    ),
    left(
        "a first period waits only until it is invoiced",
        &["INSERT INTO first_periods (charge_id, client_id, period_from, period_until, amount, setup) \
           SELECT id, client_id, '2026-01-20', '2026-02-20', 1000, 0 FROM recurring_charges WHERE owner_id = 1"],
    ),
    left(
        "a line of a charge and its period belong together",
        &["DELETE FROM billed_periods WHERE charge_id = (SELECT id FROM recurring_charges WHERE owner_id = 2)"],
    ),
    sealed(
        "a billed period stands on its invoice",
        &["UPDATE invoice_lines SET charge_id = NULL WHERE period_from = '2026-01-20'"],
    ),
    left(
        "what is paid or called off has settled its periods",
        &["UPDATE billed_periods SET settled = FALSE WHERE period_from = '2026-01-20'"],
    ),
    // The key refuses the same gateway in the same letters.
    left(
        "no external id is recorded twice",
        &["UPDATE transactions SET gateway = 'SANDBOX', \
           external_id = (SELECT t.external_id FROM transactions t WHERE t.id = 1) WHERE id = 2"],
    ),
    left(
        "every payment is in the ledger",
        &["UPDATE ledger_entries SET source = 'elsewhere:1' \
           WHERE id = (SELECT MIN(id) FROM ledger_entries WHERE source LIKE 'payment:%')"],
    ),
    left("a voided transaction is taken back whole", &["UPDATE transactions SET voided_at = 0 WHERE id = 1"]),
    left(
        "every issued invoice is in the ledger",
        &["UPDATE ledger_entries SET source = 'elsewhere:1' \
           WHERE id = (SELECT MIN(id) FROM ledger_entries WHERE source LIKE 'invoice:%')"],
    ),
    left(
        "every credit note is in the ledger",
        &["UPDATE ledger_entries SET source = 'elsewhere:1' WHERE source = 'note:1'"],
    ),
    sealed(
        "a credit note's total is the sum of its lines",
        &["UPDATE credit_note_lines SET net = net + 1 WHERE id = 1"],
    ),
    sealed(
        "no more is credited than was invoiced",
        &[
            "UPDATE credit_notes SET subtotal = subtotal + 100, total = total + 100 WHERE id = 1",
            "UPDATE credit_note_lines SET net = net + 100 WHERE id = 1",
            "INSERT INTO credit_movements (client_id, currency, amount, kind, description, invoice_id, actor, booked_on, \
             created_at) SELECT client_id, 'USD', 100, 'returned', '', invoice_id, '', '2026-02-20', 0 \
             FROM credit_notes WHERE id = 1",
            "UPDATE credit_balances SET balance = balance + 100 \
             WHERE client_id = (SELECT client_id FROM credit_notes WHERE id = 1)",
            "UPDATE ledger_postings SET amount = amount + 100 WHERE account = 'revenue' \
             AND entry_id = (SELECT id FROM ledger_entries WHERE source = 'note:1')",
            "INSERT INTO ledger_postings (entry_id, position, account, detail, client_id, currency, amount) \
             SELECT e.id, 99, 'credit', '', e.client_id, 'USD', -100 FROM ledger_entries e WHERE e.source = 'note:1'",
        ],
    ),
    left(
        "a paid invoice owes nothing and an unpaid one something",
        &["UPDATE invoices SET status = 'unpaid' WHERE id = 1"],
    ),
    left("every open attempt has a job that asks about it", &["DELETE FROM jobs WHERE unique_key LIKE 'attempt:%'"]),
    left("every open refund has a job that asks about it", &["DELETE FROM jobs WHERE unique_key LIKE 'refund:%'"]),
    left(
        "money held for refunds is that of the open ones",
        &["UPDATE ledger_postings SET account = 'other' WHERE account = 'refunds'"],
    ),
    left(
        "no payment is refunded beyond its amount",
        &["UPDATE refunds SET amount = amount * 1000 WHERE state = 'succeeded'"],
    ),
    left(
        "every successful attempt has its payment",
        &["UPDATE payment_attempts SET transaction_id = NULL WHERE state = 'succeeded'"],
    ),
    left(
        "no charge goes on in a period that is billed",
        &["UPDATE recurring_charges SET next_invoice_on = next_due_on WHERE owner_id = 2"],
    ),
    left(
        "no charge is due in a period that is settled",
        &["UPDATE recurring_charges SET next_due_on = '2026-02-20' WHERE owner_id = 1"],
    ),
    left(
        "no charge is invoiced before the period that is paid",
        &["UPDATE recurring_charges SET next_invoice_on = '2025-06-01' WHERE owner_id = 1"],
    ),
    left(SEAL, &["UPDATE invoice_lines SET description = 'Something else' WHERE id = 1"]),
    left(SEAL, &["UPDATE credit_notes SET reason = 'Something else'"]),
    left(
        PARTIES,
        &["UPDATE parties SET document = REPLACE(document, '\"GB\"', '\"FR\"') \
           WHERE id = (SELECT buyer_id FROM invoices WHERE id = 1)"],
    ),
];

/// Seals every document as its rows are now.
async fn seal_anew(tx: &mut Tx) {
    let sql = format!("SELECT {} FROM invoices WHERE status <> 'draft'", Invoice::columns(""));
    for invoice in tx.all::<Invoice>(&sql, params![]).await.unwrap() {
        let lines = crate::invoices::lines(tx, invoice.id).await.unwrap();
        let hash = seal::hash(&seal::stored(&invoice, &lines).unwrap());
        tx.execute("UPDATE invoices SET document_hash = $2 WHERE id = $1", params![invoice.id, hash]).await.unwrap();
    }
    let sql = format!("SELECT {} FROM credit_notes", CreditNote::columns(""));
    for note in tx.all::<CreditNote>(&sql, params![]).await.unwrap() {
        let hash = notes::seal::hash(&note, &notes::lines(tx, note.id).await.unwrap());
        tx.execute("UPDATE credit_notes SET document_hash = $2 WHERE id = $1", params![note.id, hash]).await.unwrap();
    }
}

testkit::both_engines! {
    with = open;

    async fn each_question_notices_what_it_is_about(company: Company) {
        company.is_sound().await;
        for corruption in CORRUPTIONS {
            let mut tx = company.app.db.write().await.unwrap();
            for sql in corruption.sql {
                assert!(tx.execute(sql, params![]).await.unwrap() > 0, "{}: nothing was changed by {sql}", corruption.check);
            }
            if corruption.seal == Seal::Anew {
                seal_anew(&mut tx).await;
            }
            let found = check(&mut tx).await.unwrap();
            let spoke: BTreeSet<&str> = found.iter().map(|finding| finding.check).collect();
            assert_eq!(spoke, BTreeSet::from([corruption.check]), "{:?}: {found:?}", corruption.sql);
            tx.rollback().await.unwrap();
        }
        let asked: BTreeSet<&str> = CORRUPTIONS.iter().map(|corruption| corruption.check).collect();
        assert_eq!(asked, checks().into_iter().collect(), "every check has a corruption that it notices");
        company.is_sound().await;
    }

    // What the database itself refuses needs no question.
    async fn the_keys_refuse_what_must_be_once(company: Company) {
        for sql in [
            "UPDATE transactions SET external_id = (SELECT t.external_id FROM transactions t WHERE t.id = 1) WHERE id = 2",
            "INSERT INTO billed_periods SELECT charge_id, period_from, period_until, invoice_id + 1, settled FROM billed_periods",
            "UPDATE ledger_entries SET source = 'invoice:1' WHERE source = 'note:1'",
            "UPDATE invoices SET number = '1' WHERE id = 2",
            "UPDATE invoices SET series_number = 1 WHERE id = 2",
        ] {
            let mut tx = company.app.db.write().await.unwrap();
            let refused = tx.execute(sql, params![]).await;
            assert!(matches!(refused, Err(Error::Conflict(_))), "{sql}: {refused:?}");
        }
        company.is_sound().await;
    }
}
