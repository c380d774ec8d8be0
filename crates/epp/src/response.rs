//! What every answer has, whatever was asked (RFC 5730, section 2.6).

use jiff::Timestamp;

use crate::error::{Hostile, Reason, Refusal};
use crate::extensions::Extensions;
use crate::ns;
use crate::secret::scrub;
use crate::xml::Element;

/// A result code of RFC 5730, section 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub u16);

impl Code {
    /// Done.
    pub const DONE: Code = Code(1000);
    /// Taken on; the end comes later as a message of the queue.
    pub const PENDING: Code = Code(1001);
    /// The queue is empty.
    pub const NO_MESSAGES: Code = Code(1300);
    /// Here is a message; it stays until it is acknowledged.
    pub const MESSAGE: Code = Code(1301);
    /// A command at the wrong time, for one before the login.
    pub const USE_ERROR: Code = Code(2002);
    /// The price that was agreed to is not the price, or the account has too little in it.
    pub const BILLING_FAILURE: Code = Code(2104);
    /// Wrong client id, password or authorization information.
    pub const AUTHENTICATION: Code = Code(2200);
    /// The object is not ours to do this to.
    pub const AUTHORIZATION: Code = Code(2201);
    /// The authorization information of the object is another.
    pub const AUTH_INFO: Code = Code(2202);
    /// The object is there already.
    pub const EXISTS: Code = Code(2302);
    /// There is no such object.
    pub const NO_SUCH_OBJECT: Code = Code(2303);
    /// A status of the object forbids it.
    pub const STATUS_PROHIBITS: Code = Code(2304);
    /// Another object needs this one.
    pub const ASSOCIATION_PROHIBITS: Code = Code(2305);
    /// The server fails, and ends the session.
    pub const FAILED_CLOSING: Code = Code(2500);
    /// The server does not know us any more, and ends the session.
    pub const AUTHENTICATION_CLOSING: Code = Code(2501);
    /// Too many sessions; this one is ended.
    pub const SESSION_LIMIT: Code = Code(2502);

    /// Whether it is a yes, if only to be carried out later.
    #[must_use]
    pub fn is_success(self) -> bool {
        (1000..2000).contains(&self.0)
    }

    /// Whether no further command should be sent in this session.
    pub(crate) fn ends_session(self) -> bool {
        self.0 >= 2500 || self == Code::USE_ERROR || self.0 == 1500
    }
}

/// The queue of messages as an answer shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// How many messages wait.
    pub count: u64,
    /// The id of the first.
    pub id: String,
    /// When it was put there; only in the answer to a poll.
    pub queued_at: Option<Timestamp>,
    /// What it says to people; only in the answer to a poll.
    pub message: Option<String>,
}

/// Whether what was asked for is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Done.
    Done,
    /// Code 1001: taken on. Whether it will be done is told by a message of the queue later.
    Pending,
}

/// A yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<T> {
    /// Between 1000 and 1999.
    pub code: Code,
    /// In the registry's words.
    pub message: String,
    /// Whether it is done or only taken on.
    pub standing: Standing,
    /// The id that we gave the command.
    pub cltrid: String,
    /// The id that the registry gave it.
    pub svtrid: String,
    /// The queue of messages, where it is not empty.
    pub queue: Option<Queue>,
    /// What was asked for.
    pub result: T,
    /// What extensions have to say.
    pub extensions: Extensions,
}

impl<T> Answer<T> {
    /// Whether it will be done only later, or not at all.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.standing == Standing::Pending
    }
}

/// A successful response as a command reads it.
#[derive(Debug, Clone)]
pub struct Response {
    /// Between 1000 and 1999.
    pub code: Code,
    /// In the registry's words.
    pub message: String,
    /// The queue of messages.
    pub queue: Option<Queue>,
    /// What stands in `resData`.
    pub data: Vec<Element>,
    /// What stands in `extension`.
    pub extensions: Vec<Element>,
    /// What the registry would have put there, but for our not having logged in for it (RFC 9038).
    pub unhandled: Vec<Element>,
    /// The id that the registry gave.
    pub svtrid: String,
}

impl Response {
    /// The element of `resData` that is this one.
    #[must_use]
    pub fn get(&self, ns: &str, name: &str) -> Option<&Element> {
        self.data.iter().find(|element| element.is(ns, name))
    }

    pub(crate) fn need(&self, ns: &str, name: &str) -> Result<&Element, Hostile> {
        self.get(ns, name).ok_or_else(|| Hostile::new(format!("there is no {name} in it")))
    }

    pub(crate) fn is_pending(&self) -> bool {
        self.code == Code::PENDING
    }
}

/// Reads a document as the answer to the command `cltrid`. The registry's no is the inner error; what cannot be believed
/// the outer one.
pub(crate) fn read(root: &Element, cltrid: &str, secrets: &[String]) -> Result<Result<Response, Refusal>, Hostile> {
    if !root.is(ns::EPP, "epp") {
        return Err(Hostile::new("it is not EPP"));
    }
    let response = root.need("response")?;
    let ids = response.need("trID")?;
    if ids.text_of("clTRID").as_deref() != Some(cltrid) {
        return Err(Hostile::new("it is the answer to another command"));
    }
    let svtrid = ids.need_text("svTRID")?;
    let results: Vec<&Element> = response.all("result").collect();
    let first = results.first().ok_or_else(|| Hostile::new("there is no result in it"))?;
    let code = code(first)?;
    let message = scrub(&first.text_of("msg").unwrap_or_default(), secrets);
    for result in &results {
        if self::code(result)?.is_success() != code.is_success() {
            return Err(Hostile::new("it says yes and no"));
        }
    }
    if !code.is_success() {
        let reasons = results.iter().flat_map(|result| reasons(result, secrets)).collect();
        return Ok(Err(Refusal { code, message, reasons, cltrid: cltrid.to_owned(), svtrid }));
    }
    let inside = |name: &str| response.get(name).map(|all| all.elements().cloned().collect()).unwrap_or_default();
    let queue = response.get("msgQ").map(queue).transpose()?;
    let unhandled = first.all("extValue").filter_map(|value| value.get("value")).flat_map(Element::elements).cloned();
    Ok(Ok(Response {
        code,
        message,
        queue,
        data: inside("resData"),
        extensions: inside("extension"),
        unhandled: unhandled.collect(),
        svtrid,
    }))
}

fn code(result: &Element) -> Result<Code, Hostile> {
    let code: u16 = result.need_attribute("code")?.parse().or(Err(Hostile::new("a result code is no number")))?;
    if (1000..3000).contains(&code) { Ok(Code(code)) } else { Err(Hostile::new("there is no such result code")) }
}

fn reasons(result: &Element, secrets: &[String]) -> Vec<Reason> {
    let shown = |value: &Element| {
        let inner: Vec<String> = value.elements().map(Element::masked).collect();
        scrub(&if inner.is_empty() { value.text() } else { inner.concat() }, secrets)
    };
    let reason = |element: &Element| match element.name() {
        "value" => Some(Reason { value: shown(element), reason: String::new() }),
        "extValue" => Some(Reason {
            value: element.get("value").map(shown).unwrap_or_default(),
            reason: scrub(&element.text_of("reason").unwrap_or_default(), secrets),
        }),
        _ => None,
    };
    result.elements().filter_map(reason).collect()
}

fn queue(element: &Element) -> Result<Queue, Hostile> {
    let count =
        element.need_attribute("count")?.parse().or(Err(Hostile::new("the length of the queue is no number")))?;
    Ok(Queue {
        count,
        id: element.need_attribute("id")?.to_owned(),
        queued_at: element.instant("qDate")?,
        message: element.get("msg").map(message),
    })
}

/// A message may have markup of any kind in it (RFC 5730, section 2.9.2.3); people read its text.
fn message(element: &Element) -> String {
    let own = element.text();
    let inner: Vec<String> = element.elements().map(message).collect();
    let parts = std::iter::once(own).chain(inner).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(" ")
}
