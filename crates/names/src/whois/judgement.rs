//! Whether an answer says that a name is registered.

use super::table::tidy;
use super::{Entry, Failure, Record, State};

/// How lines begin by which registries say that they keep a name for themselves.
const RESERVED: [&str; 14] = [
    "reserved domain",
    "reserved name",
    "reserved by",
    "this name is reserved",
    "this domain is reserved",
    "this domain name is reserved",
    "the domain is reserved",
    "domain reserved",
    "domain name is reserved",
    "status: reserved",
    "domain status: reserved",
    "domain status: prohibited string",
    "this name is not available for registration",
    "the registration of this domain is restricted",
];
/// What a status begins with that says no more than that nobody has the name.
const FREE: [&str; 8] =
    ["free", "available", "not registered", "no object found", "unassigned", "reserved", "prohibited", "invalid"];
const TOO_MANY: [&str; 9] = [
    "limit exceeded",
    "exceeded",
    "too many",
    "quota",
    "rate limit",
    "try again later",
    "excessive",
    "query limit",
    "maximum number of",
];
const REFUSED: [&str; 8] = [
    "access denied",
    "denied",
    "blacklist",
    "blocked",
    "not permitted",
    "not authorised",
    "not authorized",
    "unauthorized",
];

/// Judges an answer to a question about `name`. A pattern counts for less than what contradicts it: between "taken" and
/// "free", a mistake in the second direction sells what is not for sale.
pub fn judge(text: &str, name: &str, entry: &Entry, record: &Record) -> State {
    if text.trim().is_empty() {
        return State::Unknown(Failure::Empty);
    }
    if let Some(other) = record.domain.as_deref().filter(|other| *other != name) {
        return State::Unknown(Failure::AnotherName(other.to_owned()));
    }
    let is_about_it = record.domain.is_some();
    let nothing = text.lines().any(|line| entry.says_nothing(line, name));
    let reserved = text.lines().map(tidy).any(|line| RESERVED.iter().any(|start| line.starts_with(start)));
    match (nothing, is_about_it && record.has_substance()) {
        (true, true) => State::Unknown(Failure::Contradiction),
        (_, false) if reserved => State::Reserved,
        (true, false) => State::NotRegistered,
        (false, true) => State::Registered,
        (false, false) if is_about_it && has_status(record) => State::Registered,
        (false, false) => State::Unknown(why(text)),
    }
}

fn has_status(record: &Record) -> bool {
    let is_taken = |status: &String| {
        let status = status.to_lowercase();
        !FREE.iter().any(|free| status.starts_with(free))
    };
    !record.status.is_empty() && record.status.iter().all(is_taken)
}

fn why(text: &str) -> Failure {
    let text = text.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&TOO_MANY) {
        Failure::TooMany
    } else if says(&REFUSED) {
        Failure::Refused
    } else {
        Failure::NotUnderstood
    }
}
