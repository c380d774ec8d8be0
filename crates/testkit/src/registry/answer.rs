//! What a command comes to: done, or refused with one of the result codes of RFC 5730, section 3.

use super::state::Message;
use super::xml::{EPP, Writer};

/// A command that was carried out.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) code: u16,
    /// The content of `resData`.
    pub(super) data: String,
    /// The content of `extension`.
    pub(super) extension: String,
}

impl Done {
    pub(super) fn new(code: u16) -> Self {
        Self { code, data: String::new(), extension: String::new() }
    }

    pub(super) fn with(data: String) -> Self {
        Self { code: 1000, data, extension: String::new() }
    }
}

/// A command that was not carried out, and left nothing behind.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) code: u16,
    /// Why, in words.
    pub(super) reason: Option<String>,
    /// The offending element, as XML.
    pub(super) value: Option<String>,
}

impl Refusal {
    pub(super) fn new(code: u16) -> Self {
        Self { code, reason: None, value: None }
    }

    pub(super) fn because(code: u16, reason: impl Into<String>) -> Self {
        Self { code, reason: Some(reason.into()), value: None }
    }

    /// About this object, unless something closer is known.
    pub(super) fn about(mut self, prefix: &str, namespace: &str, element: &str, id: &str) -> Self {
        if self.value.is_none() {
            let name = format!("{prefix}:{element}");
            let attribute = format!("xmlns:{prefix}");
            self.value = Some(Writer::new().text_with(&name, &[(&attribute, namespace)], id).finish());
        }
        self
    }

    /// Whether the server ends the session with it (RFC 5730, section 3).
    pub(super) fn closes(&self) -> bool {
        matches!(self.code, 2500..=2502)
    }
}

/// The transaction identifiers of RFC 5730, section 2.5 and 2.6.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Trid {
    pub(super) client: Option<String>,
    pub(super) server: String,
}

impl Trid {
    /// The content of `trID` or `paTRID`; `prefix` names the namespace of EPP, with its colon, or is empty.
    pub(super) fn write(&self, out: &mut Writer) {
        out.maybe("clTRID", self.client.as_deref()).text("svTRID", &self.server);
    }
}

/// The messages that wait for the client: how many, and the first.
pub(super) struct Queue<'a> {
    pub(super) count: usize,
    pub(super) first: &'a Message,
    /// Whether the message itself was asked for.
    pub(super) read: bool,
}

/// Wraps the content of `epp`.
pub(super) fn document(content: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n<epp xmlns=\"{EPP}\">{content}</epp>")
}

/// The whole answer to a command.
pub(super) fn response(outcome: &Result<Done, Refusal>, queue: Option<Queue<'_>>, trid: &Trid) -> String {
    let mut out = Writer::new();
    out.open("response", &[]);
    match outcome {
        Ok(done) => result(&mut out, done.code, None),
        Err(refusal) => result(&mut out, refusal.code, Some(refusal)),
    }
    if let Some(queue) = queue {
        message_queue(&mut out, &queue);
    }
    if let Ok(done) = outcome {
        for (element, content) in [("resData", &done.data), ("extension", &done.extension)] {
            if !content.is_empty() {
                out.open(element, &[]).raw(content).close(element);
            }
        }
    }
    out.open("trID", &[]);
    trid.write(&mut out);
    document(&out.close("trID").close("response").finish())
}

fn result(out: &mut Writer, code: u16, refusal: Option<&Refusal>) {
    out.open("result", &[("code", &code.to_string())]).text_with("msg", &[("lang", "en")], meaning(code));
    if let Some(reason) = refusal.and_then(|refusal| refusal.reason.as_deref()) {
        let value = refusal.and_then(|refusal| refusal.value.as_deref()).unwrap_or("<undef/>");
        out.open("extValue", &[]).open("value", &[]).raw(value).close("value");
        out.text_with("reason", &[("lang", "en")], reason).close("extValue");
    }
    out.close("result");
}

fn message_queue(out: &mut Writer, queue: &Queue<'_>) {
    let (count, id) = (queue.count.to_string(), queue.first.id.to_string());
    let attributes = [("count", count.as_str()), ("id", id.as_str())];
    if queue.read {
        out.open("msgQ", &attributes).text("qDate", &super::clock::instant(queue.first.at));
        out.text_with("msg", &[("lang", "en")], &queue.first.text).close("msgQ");
    } else {
        out.empty("msgQ", &attributes);
    }
}

/// The text that RFC 5730, section 3, gives to a code.
pub(super) fn meaning(code: u16) -> &'static str {
    match code {
        1000 => "Command completed successfully",
        1001 => "Command completed successfully; action pending",
        1300 => "Command completed successfully; no messages",
        1301 => "Command completed successfully; ack to dequeue",
        1500 => "Command completed successfully; ending session",
        2000 => "Unknown command",
        2001 => "Command syntax error",
        2002 => "Command use error",
        2003 => "Required parameter missing",
        2004 => "Parameter value range error",
        2005 => "Parameter value syntax error",
        2100 => "Unimplemented protocol version",
        2101 => "Unimplemented command",
        2102 => "Unimplemented option",
        2103 => "Unimplemented extension",
        2104 => "Billing failure",
        2105 => "Object is not eligible for renewal",
        2106 => "Object is not eligible for transfer",
        2200 => "Authentication error",
        2201 => "Authorization error",
        2202 => "Invalid authorization information",
        2300 => "Object pending transfer",
        2301 => "Object not pending transfer",
        2302 => "Object exists",
        2303 => "Object does not exist",
        2304 => "Object status prohibits operation",
        2305 => "Object association prohibits operation",
        2306 => "Parameter value policy error",
        2307 => "Unimplemented object service",
        2308 => "Data management policy violation",
        2400 => "Command failed",
        2500 => "Command failed; server closing connection",
        2501 => "Authentication error; server closing connection",
        2502 => "Session limit exceeded; server closing connection",
        _ => "Result",
    }
}
