//! The queue of messages (RFC 5730, section 2.9.2.3): what happened without us, or later than we asked.
//!
//! A message stays first in the queue until it is acknowledged, so it is acknowledged only when what it says is kept. One
//! that is not understood is handed over as it came; it must not block those behind it.

use jiff::Timestamp;

use crate::command::{Command, Intent};
use crate::error::{Hostile, NotSent};
use crate::extensions::Extensions;
use crate::response::{Code, Response};
use crate::xml::{self, Element};
use crate::{contact, domain, host, names, ns};

/// What is the first message?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request;

/// The message is kept; away with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledge {
    /// Its id.
    pub id: String,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What it is acknowledged with.
    pub id: String,
    /// How many wait, this one among them.
    pub count: u64,
    /// When it was put there.
    pub queued_at: Option<Timestamp>,
    /// What it says to people.
    pub text: String,
    /// What it is about.
    pub payload: Payload,
}

/// What a message is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// Nothing but its text.
    Nothing,
    /// A transfer of a domain was asked for, decided or ended.
    DomainTransfer(domain::State),
    /// What was pending with a domain is done, or is not.
    DomainPending(Pending),
    /// What was pending with a contact.
    ContactPending(Pending),
    /// What was pending with a host.
    HostPending(Pending),
    /// A domain as it is now.
    Domain(Box<domain::Details>),
    /// A contact as it is now.
    Contact(Box<contact::Details>),
    /// A host as it is now.
    Host(Box<host::Details>),
    /// Anything else, as it came; [`Element::masked`] shows it.
    Unknown(Vec<Element>),
}

/// How something ended that was pending (`panData`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The domain, contact or host.
    pub object: String,
    /// Whether it was done.
    pub done: bool,
    /// The id that we gave the command.
    pub cltrid: Option<String>,
    /// The id that the registry gave it.
    pub svtrid: String,
    /// When it was decided.
    pub decided_at: Timestamp,
}

impl Pending {
    fn read(data: &Element, key: &str) -> Result<Pending, Hostile> {
        let ids = data.need("paTRID")?;
        // Its children are of the protocol's namespace, not of the object's (RFC 5731, section 3.3).
        let id = |name: &str| ids.elements().find(|element| element.is(ns::EPP, name)).map(Element::text);
        Ok(Pending {
            object: data.need_text(key)?,
            done: xml::boolean(data.need(key)?.need_attribute("paResult")?)?,
            cltrid: id("clTRID"),
            svtrid: id("svTRID").ok_or_else(|| Hostile::new("there is no svTRID in paTRID"))?,
            decided_at: data.need_instant("paDate")?,
        })
    }
}

impl Payload {
    fn read(data: &[Element]) -> Payload {
        let known = match data {
            [] => return Payload::Nothing,
            [one] => match (one.ns(), one.name()) {
                (ns::DOMAIN, "trnData") => domain::State::read(one).map(Payload::DomainTransfer),
                (ns::DOMAIN, "panData") => Pending::read(one, "name").map(Payload::DomainPending),
                (ns::CONTACT, "panData") => Pending::read(one, "id").map(Payload::ContactPending),
                (ns::HOST, "panData") => Pending::read(one, "name").map(Payload::HostPending),
                (ns::DOMAIN, "infData") => domain::Details::read(one).map(|all| Payload::Domain(Box::new(all))),
                (ns::CONTACT, "infData") => contact::Details::read(one).map(|all| Payload::Contact(Box::new(all))),
                (ns::HOST, "infData") => host::Details::read(one).map(|all| Payload::Host(Box::new(all))),
                _ => Err(Hostile::new("unknown")),
            },
            _ => Err(Hostile::new("several")),
        };
        known.unwrap_or_else(|_| Payload::Unknown(data.to_vec()))
    }
}

impl Command for Request {
    /// None when the queue is empty.
    type Result = Option<Message>;

    fn intent(&self) -> Intent {
        Intent::Query
    }

    fn verb(&self) -> Result<Element, NotSent> {
        Ok(Element::new(ns::EPP, "poll").with_attribute("op", "req"))
    }

    fn read(&self, response: &Response) -> Result<Option<Message>, Hostile> {
        if response.code == Code::NO_MESSAGES {
            return Ok(None);
        }
        let queue = response.queue.as_ref().ok_or_else(|| Hostile::new("there is no message in it"))?;
        Ok(Some(Message {
            id: queue.id.clone(),
            count: queue.count,
            queued_at: queue.queued_at,
            text: queue.message.clone().unwrap_or_default(),
            payload: Payload::read(&response.data),
        }))
    }

    fn read_extensions(&self, response: &Response) -> Result<Extensions, Hostile> {
        Ok(Extensions::read_what_can_be(&response.extensions))
    }
}

impl Command for Acknowledge {
    /// The queue as it is then comes with the answer.
    type Result = ();

    fn intent(&self) -> Intent {
        Intent::Transform
    }

    fn verb(&self) -> Result<Element, NotSent> {
        let id = names::token(&self.id, 1, 255)?;
        Ok(Element::new(ns::EPP, "poll").with_attribute("op", "ack").with_attribute("msgID", id))
    }

    fn read(&self, _: &Response) -> Result<(), Hostile> {
        Ok(())
    }

    fn read_extensions(&self, response: &Response) -> Result<Extensions, Hostile> {
        Ok(Extensions::read_what_can_be(&response.extensions))
    }
}
