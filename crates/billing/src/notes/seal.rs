//! The seal of a credit note: a SHA-256 over everything on it, in a fixed text form.

use std::fmt::Write;

use platform::crypto;

use super::{CreditNote, NoteLine};

/// Lengths stand before free text, so that no two documents have the same form.
pub fn hash(note: &CreditNote, lines: &[NoteLine]) -> String {
    let mut text = String::with_capacity(256 + lines.len() * 128);
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "note-v1|{}:{}|{}|{}|{}|{}|{}|{}|{}:{}|{}|{}|{}|{}",
        note.number.len(),
        note.number,
        note.client_id,
        note.invoice_id,
        note.currency,
        note.issued_on,
        note.seller_id,
        note.buyer_id,
        note.reason.len(),
        note.reason,
        note.subtotal,
        note.tax1,
        note.tax2,
        note.total
    );
    for line in lines {
        let _ = write!(
            text,
            "\n{}|{}|{}:{}|{}|{}|{}|{}",
            line.position,
            line.invoice_line_id.unwrap_or_default(),
            line.description.len(),
            line.description,
            line.tax_category,
            line.net,
            line.tax1,
            line.tax2
        );
    }
    crypto::sha256_hex(text.as_bytes())
}
