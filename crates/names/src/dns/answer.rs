//! What can be asked, and what an answer can be.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hickory_proto::rr::{RData, RecordType};

/// A type of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Kind {
    A,
    Aaaa,
    Caa,
    Mx,
    Ns,
    Ptr,
    Soa,
    Txt,
}

/// One record, without the name it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Record {
    /// An address (RFC 1035).
    A(Ipv4Addr),
    /// An address (RFC 3596).
    Aaaa(Ipv6Addr),
    /// Who may issue certificates (RFC 8659). `tag` is in lower case; what is not UTF-8 in `value` is replaced.
    Caa { critical: bool, tag: String, value: String },
    /// Where mail goes; a lower preference comes first. An exchange of `.` says that there is no mail (RFC 7505).
    Mx { preference: u16, exchange: String },
    /// A name server.
    Ns(String),
    /// The name of an address.
    Ptr(String),
    /// The beginning of a zone. The times are seconds.
    Soa { primary: String, mailbox: String, serial: u32, refresh: i32, retry: i32, expire: i32, minimum: u32 },
    /// The strings of one record in one piece (RFC 7208 section 3.3); what is not UTF-8 is replaced.
    Txt(String),
}

/// What there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// At least one record.
    Records(Vec<Record>),
    /// The name exists and has no record of this type (NODATA, RFC 2308 section 2.2).
    None,
    /// No such name: the one asked for or, with [`Answer::aliases`], the last of those (RFC 6604).
    NoSuchName,
    /// It could not be found out.
    Unknown(Failure),
}

/// Why it could not be found out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The resolver could not find out either: SERVFAIL, for a name server that is down or a wrong signature.
    #[error("the resolver could not find out (SERVFAIL)")]
    ServFail,
    /// The resolver does not serve us.
    #[error("the resolver refused to answer (REFUSED)")]
    Refused,
    /// Another response code, such as FORMERR or NOTIMP.
    #[error("the resolver answered with the code {0}")]
    Code(u16),
    /// The server named another one to ask, which a recursive resolver does not.
    #[error("the server referred to others: it is no recursive resolver")]
    Referral,
    /// No answer in time.
    #[error("the resolver did not answer in time")]
    TimedOut,
    /// The network said no.
    #[error("the resolver cannot be reached: {0}")]
    Unreachable(String),
    /// The answer cannot be read.
    #[error("the resolver's answer cannot be read")]
    Malformed,
}

impl Failure {
    /// Whether the resolver said it, so that asking it once more is of no use.
    #[must_use]
    pub fn is_an_answer(&self) -> bool {
        matches!(self, Failure::ServFail | Failure::Refused | Failure::Code(_) | Failure::Referral)
    }
}

/// What was answered to one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What there is.
    pub found: Found,
    /// The names that the one asked for leads to by CNAME records, in order.
    pub aliases: Vec<String>,
    /// Whether the resolver says that it has validated all of it (the AD bit, RFC 4035 section 3.2.3). It can say so
    /// of an empty answer too, and says nothing when it does not validate at all.
    pub authentic: bool,
}

impl Answer {
    pub(super) fn failed(why: Failure) -> Self {
        Self { found: Found::Unknown(why), aliases: Vec::new(), authentic: false }
    }

    /// Why it could not be found out, if it could not.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        if let Found::Unknown(why) = &self.found { Some(why) } else { None }
    }

    /// The records, of which there are none too when nothing could be found out.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        if let Found::Records(records) = &self.found { records } else { &[] }
    }

    /// The addresses among the records.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.records().iter().filter_map(|record| match record {
            Record::A(address) => Some(IpAddr::V4(*address)),
            Record::Aaaa(address) => Some(IpAddr::V6(*address)),
            _ => None,
        })
    }
}

impl Kind {
    pub(super) fn record_type(self) -> RecordType {
        match self {
            Kind::A => RecordType::A,
            Kind::Aaaa => RecordType::AAAA,
            Kind::Caa => RecordType::CAA,
            Kind::Mx => RecordType::MX,
            Kind::Ns => RecordType::NS,
            Kind::Ptr => RecordType::PTR,
            Kind::Soa => RecordType::SOA,
            Kind::Txt => RecordType::TXT,
        }
    }
}

impl Record {
    /// `None` for a type that is not asked for here.
    pub(super) fn read(data: &RData) -> Option<Self> {
        Some(match data {
            RData::A(address) => Record::A(address.0),
            RData::AAAA(address) => Record::Aaaa(address.0),
            RData::CAA(caa) => Record::Caa {
                critical: caa.issuer_critical,
                tag: caa.tag.to_lowercase(),
                value: String::from_utf8_lossy(&caa.value).into_owned(),
            },
            RData::MX(mx) => Record::Mx { preference: mx.preference, exchange: text(&mx.exchange) },
            RData::NS(server) => Record::Ns(text(&server.0)),
            RData::PTR(name) => Record::Ptr(text(&name.0)),
            RData::SOA(soa) => Record::Soa {
                primary: text(&soa.mname),
                mailbox: text(&soa.rname),
                serial: soa.serial,
                refresh: soa.refresh,
                retry: soa.retry,
                expire: soa.expire,
                minimum: soa.minimum,
            },
            RData::TXT(txt) => Record::Txt(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
            _ => return None,
        })
    }
}

/// A name without the dot at its end, in lower case; the root is `.`. What is no ASCII letter is written `\NNN`.
pub(super) fn text(name: &hickory_proto::rr::Name) -> String {
    let text = name.to_ascii().to_ascii_lowercase();
    match text.strip_suffix('.') {
        Some("") | None => text,
        Some(rest) => rest.to_owned(),
    }
}
