use jiff::Timestamp;

use super::object;
use crate::auth_info::AuthInfo;
use crate::command::{Command, Intent, same_name};
use crate::error::{Hostile, NotSent, invalid};
use crate::period::Period;
use crate::response::Response;
use crate::tokens::tokens;
use crate::xml::Element;
use crate::{fee, ns};

/// Asks for a transfer to us, or what became of one, or decides on one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The domain.
    pub name: String,
    /// What is done.
    pub operation: Operation,
    /// How long the domain is renewed for with it; only with a request.
    pub period: Option<Period>,
    /// The password of the domain; needed with a request, and to query a transfer between others.
    pub auth_info: Option<AuthInfo>,
    /// What we agree to pay; only with a request.
    pub fee: Option<fee::Agreed>,
}

/// What is done about a transfer (RFC 5730, section 2.9.3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// We want it.
    Request,
    /// How far is it?
    Query,
    /// We do not want it any more.
    Cancel,
    /// We let it go.
    Approve,
    /// We keep it.
    Reject,
}

impl Transfer {
    /// Asks for a domain.
    #[must_use]
    pub fn request(name: &str, period: Option<Period>, auth_info: AuthInfo) -> Transfer {
        Transfer { period, auth_info: Some(auth_info), ..Transfer::about(name, Operation::Request) }
    }

    /// Anything else.
    #[must_use]
    pub fn about(name: &str, operation: Operation) -> Transfer {
        Transfer { name: name.to_owned(), operation, period: None, auth_info: None, fee: None }
    }
}

tokens! {
    /// How far a transfer is (`trStatusType` of RFC 5730, section 4).
    TransferStatus {
        /// The registrar that has it has let it go.
        ClientApproved = "clientApproved",
        /// The registrar that wanted it does not any more.
        ClientCancelled = "clientCancelled",
        /// The registrar that has it keeps it.
        ClientRejected = "clientRejected",
        /// Not decided.
        Pending = "pending",
        /// The registry has let it go, because nobody else has said anything.
        ServerApproved = "serverApproved",
        /// The registry has ended it.
        ServerCancelled = "serverCancelled",
    }
}

/// How far a transfer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The domain.
    pub name: String,
    /// How far.
    pub status: TransferStatus,
    /// The registrar that wants it.
    pub requested_by: String,
    /// When it asked.
    pub requested_at: Timestamp,
    /// The registrar that has to say something, or has.
    pub acting_by: String,
    /// By when it has to, or when it has.
    pub act_at: Timestamp,
    /// Until when the domain is registered after it.
    pub expires_at: Option<Timestamp>,
}

impl State {
    pub(crate) fn read(data: &Element) -> Result<State, Hostile> {
        Ok(State {
            name: data.need_text("name")?,
            status: TransferStatus::from(data.need_text("trStatus")?.as_str()),
            requested_by: data.need_text("reID")?,
            requested_at: data.need_instant("reDate")?,
            acting_by: data.need_text("acID")?,
            act_at: data.need_instant("acDate")?,
            expires_at: data.instant("exDate")?,
        })
    }
}

impl Command for Transfer {
    type Result = State;

    fn intent(&self) -> Intent {
        if self.operation == Operation::Query { Intent::Query } else { Intent::Transform }
    }

    fn verb(&self) -> Result<Element, NotSent> {
        let operation = match self.operation {
            Operation::Request => "request",
            Operation::Query => "query",
            Operation::Cancel => "cancel",
            Operation::Approve => "approve",
            Operation::Reject => "reject",
        };
        if self.operation != Operation::Request && (self.period.is_some() || self.fee.is_some()) {
            return Err(invalid("only the request of a transfer has a period or a price"));
        }
        let transfer = object("transfer", &self.name)?;
        let period = self.period.map(|period| period.element(&transfer)).transpose()?;
        let auth_info = self.auth_info.as_ref().map(|auth_info| auth_info.element(&transfer)).transpose()?;
        let transfer = transfer.with_all(period).with_all(auth_info);
        Ok(Element::new(ns::EPP, "transfer").with_attribute("op", operation).with(transfer))
    }

    fn extensions(&self) -> Result<Vec<Element>, NotSent> {
        Ok(self.fee.as_ref().map(|fee| fee.element("transfer")).transpose()?.into_iter().collect())
    }

    fn read(&self, response: &Response) -> Result<State, Hostile> {
        let state = State::read(response.need(ns::DOMAIN, "trnData")?)?;
        same_name(&self.name, &state.name)?;
        Ok(state)
    }
}
