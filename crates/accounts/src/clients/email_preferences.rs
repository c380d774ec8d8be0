//! Which kinds of mail a client wants. No input or output.
//!
//! What must hold:
//! - Every mail to a client is of one kind, and none is sent of a kind that the client does not want. What staff send to
//!   this one client on purpose is not asked about, nor what somebody needs to log in.
//! - Mails about domains cannot be switched off: registries demand one address that gets them, and there is no other.

use std::borrow::Cow;
use std::collections::BTreeSet;

use kernel::{Error, FieldErrors, Result};
use platform::db::{Cell, FromCell, ToValue, Value, mismatch};
use serde::ser::{Serialize, SerializeMap, Serializer};

kernel::text_enum! {
    pub enum MailKind {
        General = "general",
        Invoice = "invoice",
        Support = "support",
        Product = "product",
        Domain = "domain",
        Affiliate = "affiliate",
    }
}

impl MailKind {
    pub fn label(self) -> &'static str {
        match self {
            MailKind::General => "General",
            MailKind::Invoice => "Invoices",
            MailKind::Support => "Support",
            MailKind::Product => "Products and services",
            MailKind::Domain => "Domains",
            MailKind::Affiliate => "Affiliates",
        }
    }

    pub(super) fn help(self) -> &'static str {
        match self {
            MailKind::General => "The account itself, and what belongs nowhere else.",
            MailKind::Invoice => "New invoices, reminders, payments that failed or wait for the client.",
            MailKind::Support => "Answers to tickets.",
            MailKind::Product => "What was ordered: set up, suspended, ended.",
            MailKind::Domain => "Always on: registries demand an address that gets them.",
            MailKind::Affiliate => "Commissions and payouts.",
        }
    }

    pub(super) fn may_be_unwanted(self) -> bool {
        self != MailKind::Domain
    }
}

/// The field of pages and of both APIs.
pub(super) const FIELD: &str = "email_preferences";
/// The field of an error about mails about domains, which some callers know by a sentence of their own.
pub(super) const DOMAIN_FIELD: &str = "email_preferences.domain";

/// A kind is wanted unless somebody said otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EmailPreferences {
    unwanted: BTreeSet<MailKind>,
}

impl EmailPreferences {
    pub fn wants(&self, kind: MailKind) -> bool {
        !self.unwanted.contains(&kind)
    }

    pub fn unwanted(&self) -> impl Iterator<Item = MailKind> {
        self.unwanted.iter().copied()
    }

    /// Applies what was written, as far as it is allowed; what is not is in `errors`.
    pub(super) fn apply(&mut self, written: &[(MailKind, bool)], errors: &mut FieldErrors) {
        for (kind, wanted) in written {
            if *wanted {
                self.unwanted.remove(kind);
            } else if kind.may_be_unwanted() {
                self.unwanted.insert(*kind);
            } else {
                errors.add(
                    DOMAIN_FIELD,
                    "Leave this on: registries demand an address that gets mails about domains, and the client has no other.",
                );
            }
        }
    }

    fn text(&self) -> String {
        self.unwanted.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(" ")
    }

    fn parse(text: &str) -> Result<EmailPreferences, String> {
        Ok(EmailPreferences { unwanted: text.split_whitespace().map(MailKind::parse).collect::<Result<_, _>>()? })
    }
}

impl ToValue for EmailPreferences {
    fn to_value(&self) -> Value<'_> {
        Value::Text(Cow::Owned(self.text()))
    }
}

impl FromCell for EmailPreferences {
    fn from_cell(cell: Cell<'_>) -> Result<EmailPreferences> {
        match cell {
            Cell::Text(text) => EmailPreferences::parse(text)
                .map_err(|_| Error::broken(format!("database: “{text}” names no kinds of mail"))),
            other => Err(mismatch("kinds of mail", other)),
        }
    }
}

/// Each kind with `true` or `false`.
impl Serialize for EmailPreferences {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(MailKind::ALL.len()))?;
        for kind in MailKind::ALL {
            map.serialize_entry(kind.as_str(), &self.wants(*kind))?;
        }
        map.end()
    }
}
