//! Whether what DNS says about a name is signed, by the word of a validating resolver.
//!
//! Validating here as well would mean asking for the keys of every zone above each name and keeping the root's key up to
//! date; a resolver does both already. Its word is worth as much as the way to it: use one on this machine or in its
//! network, or set [`Validation::No`].

use super::message::Question;
use super::{Answer, Failure, Kind, Resolver, Validation};

/// The state of a name (RFC 4035 section 4.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dnssec {
    /// Signed, with a chain of keys from the root that fits.
    Secure,
    /// Not signed.
    Insecure,
    /// Signed wrongly: for everybody whose resolver validates, the name does not work.
    Bogus,
    /// It could not be found out.
    Unknown(Undecided),
}

/// Why it could not be found out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecided {
    /// The resolver does not validate, or was not to be believed.
    #[error("the resolver does not validate DNSSEC")]
    NotValidating,
    /// There was no answer.
    #[error("{0}")]
    Failed(#[from] Failure),
}

/// The SOA record of a name and its state.
///
/// A resolver says SERVFAIL for what does not validate and for what it cannot reach (RFC 4035 section 5.5). The two are
/// told apart by asking it to leave the check out: then the first is answered. As servers also fail for a moment, a
/// name is only called bogus when it fails once more after that.
pub async fn soa(resolver: &Resolver, name: &str) -> (Answer, Dnssec) {
    let question = Question::new(name, Kind::Soa).with_dnssec();
    let (place, answer) = resolver.ask(&question).await;
    match answer.failure() {
        None => {
            let state = judge(resolver, place, &answer).await;
            (answer, state)
        }
        Some(Failure::ServFail) => after_servfail(resolver, place, answer, &question).await,
        Some(why) => {
            let why = why.clone();
            (answer, Dnssec::Unknown(why.into()))
        }
    }
}

async fn after_servfail(resolver: &Resolver, place: usize, failed: Answer, question: &Question) -> (Answer, Dnssec) {
    let unchecked = resolver.ask_one(place, &question.clone().unchecked()).await;
    if unchecked.failure().is_some() {
        return (failed, Dnssec::Unknown(Failure::ServFail.into()));
    }
    let again = resolver.ask_one(place, question).await;
    match again.failure() {
        None => {
            let state = judge(resolver, place, &again).await;
            (again, state)
        }
        Some(Failure::ServFail) => match validates(resolver, place).await {
            Ok(true) => (again, Dnssec::Bogus),
            Ok(false) => (again, Dnssec::Unknown(Undecided::NotValidating)),
            Err(why) => (again, Dnssec::Unknown(why.into())),
        },
        Some(why) => (failed, Dnssec::Unknown(why.clone().into())),
    }
}

async fn judge(resolver: &Resolver, place: usize, answer: &Answer) -> Dnssec {
    match validates(resolver, place).await {
        Ok(true) if answer.authentic => Dnssec::Secure,
        Ok(true) => Dnssec::Insecure,
        Ok(false) => Dnssec::Unknown(Undecided::NotValidating),
        Err(why) => Dnssec::Unknown(why.into()),
    }
}

/// Whether a resolver validates; asked once, and again when there was no answer.
async fn validates(resolver: &Resolver, place: usize) -> Result<bool, Failure> {
    let probe = match &resolver.0.settings.validation {
        Validation::Yes => return Ok(true),
        Validation::No => return Ok(false),
        Validation::Probe(name) => Question::new(name, Kind::Soa).with_dnssec(),
    };
    let ask = || async {
        let answer = resolver.ask_one(place, &probe).await;
        answer.failure().cloned().map_or(Ok(answer.authentic), Err)
    };
    resolver.0.validates[place].get_or_try_init(ask).await.copied()
}
