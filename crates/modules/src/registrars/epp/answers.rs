//! What the registry says, in the words of the contract.

use domains::registrars::contract::{
    Availability, Checked, Completed, Done, Ds, Message, MessageKind, Premium, Registered, RegistrarError, State,
    TransferState,
};
use epp::domain::{self, Status, TransferStatus};
use epp::{Answer, Code, Error, NotSent, fee, rgp, secdns};
use jiff::Timestamp;
use jiff::civil;
use kernel::{Currency, Date, DomainName, Money};

/// The worst mistake would be to call something failed that may have been carried out: only what certainly was not sent, or
/// was refused, is called so.
pub fn error(error: Error) -> RegistrarError {
    match error {
        Error::NotSent(NotSent::Invalid(why)) => RegistrarError::Refused { code: "invalid".to_owned(), message: why },
        Error::NotSent(NotSent::NotOffered(what)) => {
            let message = format!("The registry does not offer {what}.");
            RegistrarError::Refused { code: "not offered".to_owned(), message }
        }
        Error::NotSent(NotSent::LoginRefused(refusal)) => refused(&refusal),
        Error::NotSent(other) => RegistrarError::Unavailable(other.to_string()),
        Error::Unknown { why, .. } => RegistrarError::Unknown(why.to_string()),
        Error::Refused(refusal) => refused(&refusal),
        Error::Protocol(why) => RegistrarError::Unknown(why.to_string()),
    }
}

fn refused(refusal: &epp::Refusal) -> RegistrarError {
    let reasons: Vec<String> = refusal.reasons.iter().map(|reason| reason.reason.clone()).collect();
    let message = if reasons.is_empty() {
        refusal.message.clone()
    } else {
        format!("{} ({})", refusal.message, reasons.join("; "))
    };
    RegistrarError::Refused { code: refusal.code.0.to_string(), message }
}

pub fn is_absent(error: &Error) -> bool {
    has_code(error, Code::NO_SUCH_OBJECT)
}

pub fn has_code(error: &Error, code: Code) -> bool {
    matches!(error, Error::Refused(refusal) if refusal.code == code)
}

/// The day by the registry's calendar, which is UTC's.
pub fn day(at: Option<Timestamp>) -> Option<Date> {
    let text = at?.to_string();
    Date::parse(text.get(..10)?).ok()
}

pub fn civil(date: Date) -> Result<civil::Date, RegistrarError> {
    date.to_string().parse().map_err(|_| RegistrarError::Misconfigured(format!("{date} is no day for a registry.")))
}

pub fn done<T>(answer: &Answer<T>, expires_at: Option<Timestamp>) -> Done {
    if answer.is_pending() {
        return Done::Pending { reference: answer.svtrid.clone() };
    }
    let cost = answer.extensions.charged.as_ref().and_then(charged);
    Done::Completed(Completed { expires_on: day(expires_at), cost, reference: answer.svtrid.clone() })
}

/// The sum of what was taken, less what was given back. An amount that cannot be read leaves the cost unknown.
fn charged(of: &fee::Charged) -> Option<Money> {
    let currency = Currency::parse(of.currency.as_deref()?).ok()?;
    let read = |all: &[fee::Amount]| -> Option<Vec<Money>> {
        all.iter().map(|one| Money::parse(one.amount.trim_start_matches('-'), currency).ok()).collect()
    };
    let (taken, given) = (read(&of.fees)?, read(&of.credits)?);
    Money::sum(taken, currency).ok()?.checked_sub(Money::sum(given, currency).ok()?).ok()
}

pub fn transferred(answer: &Answer<domain::State>) -> Done {
    match answer.result.status {
        TransferStatus::ClientApproved | TransferStatus::ServerApproved => done(answer, answer.result.expires_at),
        _ => Done::Pending { reference: answer.svtrid.clone() },
    }
}

pub fn transfer_state(of: &domain::State) -> TransferState {
    match &of.status {
        TransferStatus::ClientApproved | TransferStatus::ServerApproved => {
            TransferState::Completed { expires_on: day(of.expires_at) }
        }
        TransferStatus::ClientCancelled => failed("We took the request back."),
        TransferStatus::ClientRejected => failed("The registrar that has the domain refused."),
        TransferStatus::ServerCancelled => failed("The registry ended the request."),
        _ => TransferState::Pending,
    }
}

fn failed(reason: &str) -> TransferState {
    TransferState::Failed { reason: reason.to_owned() }
}

/// An answer for each name that was asked about, in that order.
pub fn checked(names: &[DomainName], answer: &Answer<Vec<epp::Availability>>) -> Vec<Checked> {
    let one = |name: &DomainName| {
        let said = answer.result.iter().find(|said| said.name.eq_ignore_ascii_case(name.as_str()));
        let state = match said {
            Some(said) if said.available => Availability::Available,
            Some(said) if is_reserved(said.reason.as_deref()) => Availability::Reserved,
            Some(_) => Availability::Registered,
            None => Availability::Unknown("The registry said nothing of this name.".to_owned()),
        };
        let prices = answer.extensions.prices.as_ref();
        let premium = prices.and_then(|prices| premium(prices.of(name.as_str())?, &prices.currency));
        Checked { name: name.clone(), state, premium }
    };
    names.iter().map(one).collect()
}

/// Registries say it in words (RFC 5731, 3.1.1); what does not say it is registered.
fn is_reserved(reason: Option<&str>) -> bool {
    reason.is_some_and(|reason| {
        let lower = reason.to_lowercase();
        ["reserved", "blocked", "not allowed", "prohibited"].iter().any(|word| lower.contains(word))
    })
}

fn premium(of: &fee::ObjectPrices, currency: &str) -> Option<Premium> {
    if !of.is_premium() {
        return None;
    }
    let currency = Currency::parse(currency).ok()?;
    let price = |operation: fee::Operation| {
        let fees = &of.of(&operation)?.fees;
        let amounts: Option<Vec<Money>> = fees.iter().map(|fee| Money::parse(&fee.amount, currency).ok()).collect();
        Money::sum(amounts?, currency).ok()
    };
    Some(Premium {
        register: price(fee::Operation::Create),
        renew: price(fee::Operation::Renew),
        transfer: price(fee::Operation::Transfer),
        restore: price(fee::Operation::Restore),
    })
}

pub fn registered(
    name: &DomainName,
    answer: &Answer<domain::Details>,
    client_id: &str,
) -> Result<Registered, RegistrarError> {
    let of = &answer.result;
    let ds = match answer.extensions.secdns.as_ref().map(|keys| &keys.records) {
        Some(secdns::Records::Ds(all)) => all.iter().map(shown).collect(),
        _ => Vec::new(),
    };
    Ok(Registered {
        name: name.clone(),
        state: state(of, &answer.extensions.rgp, client_id),
        created_on: day(of.created_at),
        expires_on: day(of.expires_at),
        nameservers: of.name_servers.iter().map(|server| server.name().to_lowercase()).collect(),
        locked: Some(of.has(&Status::ClientTransferProhibited)),
        id_protection: None,
        ds,
        registrant_email: None,
        change_pending: of.has(&Status::PendingUpdate),
        statuses: of.statuses.iter().map(ToString::to_string).collect(),
    })
}

fn state(of: &domain::Details, rgp: &[rgp::Status], client_id: &str) -> State {
    if of.has(&Status::PendingTransfer) {
        return State::PendingTransfer;
    }
    if of.registrar != client_id {
        return State::TransferredAway;
    }
    if rgp.contains(&rgp::Status::RedemptionPeriod) {
        return State::Redemption;
    }
    if of.has(&Status::PendingDelete) && !rgp.contains(&rgp::Status::PendingRestore) {
        return State::PendingDelete;
    }
    if of.has(&Status::PendingCreate) {
        return State::PendingRegistration;
    }
    // The registry has renewed it at its expiry and gives that back when it is deleted now.
    if rgp.contains(&rgp::Status::AutoRenewPeriod) { State::Grace } else { State::Active }
}

pub fn ds(of: &Ds) -> secdns::Ds {
    let digest = of.digest.clone();
    secdns::Ds { key_tag: of.key_tag, algorithm: of.algorithm, digest_type: of.digest_type, digest, key: None }
}

fn shown(of: &secdns::Ds) -> Ds {
    Ds { key_tag: of.key_tag, algorithm: of.algorithm, digest_type: of.digest_type, digest: of.digest.to_uppercase() }
}

pub fn message(of: epp::poll::Message, client_id: &str) -> Message {
    use epp::poll::Payload;
    let (name, kind) = match &of.payload {
        Payload::DomainTransfer(state) => (Some(state.name.clone()), transfer_kind(state, client_id)),
        Payload::DomainPending(pending) => {
            let kind = if pending.done { MessageKind::PendingDone } else { MessageKind::PendingFailed };
            (Some(pending.object.clone()), kind)
        }
        Payload::Domain(details) => (Some(details.name.clone()), MessageKind::Other),
        _ => (None, MessageKind::Other),
    };
    Message {
        id: of.id,
        at: of.queued_at.map(|at| kernel::Timestamp::from_micros(at.as_microsecond())),
        name: name.and_then(|name| DomainName::parse(&name).ok()),
        kind,
        text: of.text,
    }
}

fn transfer_kind(state: &domain::State, client_id: &str) -> MessageKind {
    let to_us = state.requested_by == client_id;
    match &state.status {
        TransferStatus::Pending => MessageKind::TransferRequested,
        TransferStatus::ClientApproved | TransferStatus::ServerApproved if to_us => MessageKind::TransferredIn,
        TransferStatus::ClientApproved | TransferStatus::ServerApproved => MessageKind::TransferredAway,
        _ => MessageKind::TransferFailed,
    }
}
