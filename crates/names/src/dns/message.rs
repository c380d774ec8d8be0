//! Questions and responses as they are on the wire.

use std::net::IpAddr;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};

use super::answer::text;
use super::{Answer, Failure, Found, Kind, Record};

/// The largest response over UDP that is not cut to pieces on the way (DNS Flag Day 2020).
const MAX_UDP_BYTES: u16 = 1232;
/// A longer chain of aliases is not followed. Resolvers give up at about eleven.
const MAX_ALIASES: usize = 16;

/// A question, and how it is to be dealt with.
#[derive(Debug, Clone)]
pub struct Question {
    name: Name,
    kind: Kind,
    /// Signatures are wanted with the answer, which makes it longer: only asked for where the answer's authenticity is
    /// what is asked about (the DO bit, RFC 3225).
    dnssec: bool,
    /// The resolver shall hand on what it cannot validate (the CD bit, RFC 4035 section 3.2.2).
    unchecked: bool,
}

impl Question {
    /// `name` has been checked; `.` is the root.
    pub fn new(name: &str, kind: Kind) -> Self {
        let labels = name.split('.').filter(|label| !label.is_empty());
        // A name that was checked fits.
        let name = Name::from_labels(labels.map(str::as_bytes)).unwrap_or_else(|_| Name::root());
        Self { name, kind, dnssec: false, unchecked: false }
    }

    pub fn reverse(address: IpAddr) -> Self {
        let mut name: Name = address.into();
        name.set_fqdn(true);
        Self { name, kind: Kind::Ptr, dnssec: false, unchecked: false }
    }

    pub fn with_dnssec(self) -> Self {
        Self { dnssec: true, ..self }
    }

    pub fn unchecked(self) -> Self {
        Self { unchecked: true, ..self }
    }

    /// A message with a random id.
    pub fn message(&self) -> Message {
        let mut message = Message::query();
        message.metadata.recursion_desired = true;
        // Says that the AD bit of the response will be looked at (RFC 6840 section 5.7).
        message.metadata.authentic_data = true;
        message.metadata.checking_disabled = self.unchecked;
        message.add_query(Query::query(self.name.clone(), self.kind.record_type()));
        let mut edns = Edns::new();
        edns.set_max_payload(MAX_UDP_BYTES).set_version(0).set_dnssec_ok(self.dnssec);
        message.set_edns(edns);
        message
    }

    /// What a response says, once it is known to be one to this question.
    fn understand(&self, response: &Message) -> Answer {
        match response.metadata.response_code {
            ResponseCode::NoError | ResponseCode::NXDomain => self.look(response),
            ResponseCode::ServFail => Answer::failed(Failure::ServFail),
            ResponseCode::Refused => Answer::failed(Failure::Refused),
            other => Answer::failed(Failure::Code(u16::from(other))),
        }
    }

    fn look(&self, response: &Message) -> Answer {
        let Some(chain) = self.chain(response) else { return Answer::failed(Failure::Malformed) };
        let end = chain.last().unwrap_or(&self.name);
        let kind = self.kind.record_type();
        let of_the_end = response.answers.iter().filter(|record| &record.name == end && record.record_type() == kind);
        let mut records: Vec<Record> = Vec::new();
        for record in of_the_end.filter_map(|record| Record::read(&record.data)) {
            if !records.contains(&record) {
                records.push(record);
            }
        }
        let found = match response.metadata.response_code {
            ResponseCode::NXDomain => Found::NoSuchName,
            _ if !records.is_empty() => Found::Records(records),
            _ if is_referral(response) => Found::Unknown(Failure::Referral),
            _ => Found::None,
        };
        let aliases = chain.iter().map(text).collect();
        Answer { found, aliases, authentic: response.metadata.authentic_data && !self.unchecked }
    }

    /// The names after the one asked for; `None` when they lead round in a circle, or on and on.
    fn chain(&self, response: &Message) -> Option<Vec<Name>> {
        let mut chain: Vec<Name> = Vec::new();
        loop {
            let end = chain.last().unwrap_or(&self.name);
            let next = response.answers.iter().find_map(|record| match &record.data {
                RData::CNAME(target) if &record.name == end => Some(&target.0),
                _ => None,
            });
            match next {
                None => return Some(chain),
                Some(next) if chain.len() == MAX_ALIASES || next == &self.name || chain.contains(next) => return None,
                Some(next) => chain.push(next.clone()),
            }
        }
    }
}

/// Whether an answer without records means "ask somebody else" rather than "there is none" (RFC 2308 section 2.2): it
/// names servers and no SOA record, or comes from a server that leaves an alias for us to follow.
fn is_referral(response: &Message) -> bool {
    let authority = |kind| response.authorities.iter().any(|record| record.record_type() == kind);
    if authority(RecordType::SOA) {
        return false;
    }
    let recursive = response.metadata.recursion_available;
    authority(RecordType::NS) && !response.metadata.authoritative || !response.answers.is_empty() && !recursive
}

/// What arrived.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// Not an answer to this question: something late or something forged, to be passed over.
    Other,
    /// It does not fit into a datagram: to be asked for over TCP.
    Truncated,
    Answer(Answer),
}

/// Reads a message of a resolver as the response to `question`, sent with this id.
///
/// # Errors
/// When it is a response with this id and cannot be read.
pub fn read(bytes: &[u8], id: u16, question: &Question) -> Result<Read, Failure> {
    // The header is looked at first: what follows may be cut off anywhere in a truncated message.
    let [high, low, flags, _, ..] = bytes else { return Ok(Read::Other) };
    let is_response = flags & 0x80 != 0;
    if u16::from_be_bytes([*high, *low]) != id || !is_response {
        return Ok(Read::Other);
    }
    if flags & 0x02 != 0 {
        return Ok(Read::Truncated);
    }
    let message = Message::from_vec(bytes).map_err(|_| Failure::Malformed)?;
    let meta = &message.metadata;
    if meta.message_type != MessageType::Response || meta.op_code != OpCode::Query {
        return Ok(Read::Other);
    }
    match message.queries.as_slice() {
        [query] if query.name() == &question.name && query.query_type() == question.kind.record_type() => {}
        // Servers that understand nothing repeat nothing.
        [] if meta.response_code != ResponseCode::NoError && meta.response_code != ResponseCode::NXDomain => {}
        _ => return Ok(Read::Other),
    }
    Ok(Read::Answer(question.understand(&message)))
}
