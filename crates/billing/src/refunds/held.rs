//! The money of a refund between its beginning and its outcome: taken away from where it was, and given back if it stays.

use accounts::activity_log::Actor;
use accounts::clients::Locked;
use kernel::{Error, Money, Result, Timestamp};

use super::{Method, NewRefund, Refund, Source, store};
use crate::credits::{self, CreditKind, NewMovement};
use crate::invoices::{self, Invoice, InvoiceStatus};
use crate::ledger::{self, Account, Entry};
use crate::notes::{self, Selection};
use crate::payments::Transaction;
use crate::terms::Terms;

/// Takes the money away from where it is: the client's credit, or the invoice that it had settled. Answers the credit note
/// if one was written.
pub(super) async fn hold(
    tx: &mut Locked<'_>,
    by: &Actor,
    terms: &Terms,
    transaction: &Transaction,
    client_id: i64,
    new: &NewRefund,
    reason: &str,
) -> Result<Option<i64>> {
    let mut note_id = None;
    if let Source::Invoice(id) = new.source {
        let invoice = invoices::find(tx, id).await?;
        if invoice.is_open() {
            owe_again(tx, transaction.id, &invoice, new.amount, terms.now).await?;
            return Ok(None);
        }
        let selection = Selection::Amount(new.amount);
        let noted = notes::credit(tx, &by.in_consequence(), terms, id, &selection, reason).await?;
        if noted.to_credit != new.amount {
            return Err(Error::broken(format!("refund: note {} made credit of {} only", noted.id, noted.to_credit)));
        }
        note_id = Some(noted.id);
    }
    if new.method != Method::Credit {
        let description = format!("Refund of payment {}", transaction.id);
        move_credit(
            tx,
            by,
            client_id,
            transaction.id,
            new.amount.checked_neg()?,
            CreditKind::Refunded,
            &description,
            terms,
        )
        .await?;
    }
    Ok(note_id)
}

/// A part of a payment no longer settles an open invoice.
async fn owe_again(
    tx: &mut Locked<'_>,
    transaction_id: i64,
    invoice: &Invoice,
    amount: Money,
    now: Timestamp,
) -> Result<()> {
    if invoice.status == InvoiceStatus::PaymentPending {
        return Err(Error::refused("A charge of this invoice is under way. Wait for its outcome."));
    }
    store::owe_again(tx, transaction_id, invoice.id, amount, now).await
}

async fn move_credit(
    tx: &mut Locked<'_>,
    by: &Actor,
    client_id: i64,
    transaction_id: i64,
    amount: Money,
    kind: CreditKind,
    description: &str,
    terms: &Terms,
) -> Result<()> {
    let movement = NewMovement {
        client_id,
        amount,
        kind,
        description,
        invoice_id: None,
        transaction_id: Some(transaction_id),
        by,
        on: terms.today,
    };
    credits::write(tx, movement, terms.now).await.map(|_| ())
}

/// Whether the money was credit of the client when it was held: at once, or by the note.
pub(super) fn was_credit(refund: &Refund) -> bool {
    refund.invoice_id.is_none() || refund.note_id.is_some()
}

pub(super) async fn book_hold(tx: &mut Locked<'_>, refund: &Refund, terms: &Terms) -> Result<()> {
    let entry = Entry::new(format!("refund_hold:{}", refund.id), "refund_hold", Some(refund.client_id), terms.today);
    let entry = if was_credit(refund) {
        entry.debit(Account::Credit, None, refund.money())
    } else {
        entry.debit(Account::Receivable, refund.invoice_id, refund.money())
    };
    ledger::book(tx, &[entry.credit(Account::Refunds, None, refund.money())], terms.now).await
}

/// Makes credit of what had settled an open invoice. What a note has made credit of is credit by then.
pub(super) async fn to_credit(tx: &mut Locked<'_>, by: &Actor, refund: &Refund, terms: &Terms) -> Result<()> {
    if was_credit(refund) {
        return Ok(());
    }
    let description = format!("Payment {} turned into credit", refund.transaction_id);
    let (client_id, payment) = (refund.client_id, refund.transaction_id);
    move_credit(tx, by, client_id, payment, refund.money(), CreditKind::Overpayment, &description, terms).await?;
    let entry = Entry::new(format!("refund_credit:{}", refund.id), "refund_credit", Some(client_id), terms.today)
        .debit(Account::Receivable, refund.invoice_id, refund.money())
        .credit(Account::Credit, None, refund.money());
    ledger::book(tx, &[entry], terms.now).await
}

/// What was held becomes credit of the client.
pub(super) async fn release(tx: &mut Locked<'_>, by: &Actor, refund: &Refund, terms: &Terms) -> Result<()> {
    let kind = if was_credit(refund) { CreditKind::Refunded } else { CreditKind::Overpayment };
    let description = format!("Refund {} failed", refund.id);
    let (client_id, payment, amount) = (refund.client_id, refund.transaction_id, refund.money());
    move_credit(tx, by, client_id, payment, amount, kind, &description, terms).await?;
    let entry = Entry::new(format!("refund_release:{}", refund.id), "refund_release", Some(client_id), terms.today)
        .debit(Account::Refunds, None, amount)
        .credit(Account::Credit, None, amount);
    ledger::book(tx, &[entry], terms.now).await
}
