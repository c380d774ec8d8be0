//! A command, from its XML to the answer (RFC 5730, section 2).

use std::collections::{BTreeMap, BTreeSet};

use super::answer::{Done, Queue, Refusal, Trid, document, response};
use super::faults::Fault;
use super::state::State;
use super::xml::{
    CONTACT, DOMAIN, EPP, Element, FEE, HOST, LAUNCH, RGP, SEC_DNS, Sequence, Writer, chosen, empty, only_attributes,
    token,
};
use super::{contacts, domains, hosts, login, poll};

/// One connection.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// From 1.
    pub(super) number: u64,
    /// Who logged in.
    pub(super) registrar: Option<String>,
    /// The objects and extensions chosen at login.
    pub(super) services: BTreeSet<String>,
    pub(super) failures: u32,
    /// SHA-256 of the client's certificate.
    pub(super) fingerprint: Option<String>,
}

/// What is sent, and what becomes of the connection.
#[derive(Debug)]
pub(super) struct Reply {
    /// Such as `domain:create`, for the log.
    pub(super) command: String,
    pub(super) xml: String,
    pub(super) close: bool,
    /// What goes wrong on the way.
    pub(super) fault: Option<Fault>,
}

/// A command of a registrar that is logged in.
pub(super) struct Call<'a> {
    pub(super) state: &'a mut State,
    /// The registrar.
    pub(super) by: String,
    pub(super) trid: Trid,
    services: &'a BTreeSet<String>,
    extensions: BTreeMap<&'a str, Element<'a>>,
}

impl<'a> Call<'a> {
    /// The command's extension of this namespace.
    pub(super) fn extension(&self, namespace: &str) -> Option<Element<'a>> {
        self.extensions.get(namespace).copied()
    }

    /// Whether the client said at login that it knows this extension.
    pub(super) fn chose(&self, namespace: &str) -> bool {
        self.services.contains(namespace)
    }
}

/// `greeting` of RFC 5730, section 2.4.
pub(super) fn greeting(state: &State) -> String {
    let mut out = Writer::new();
    out.open("greeting", &[]).text("svID", &state.options.server_id);
    out.text("svDate", &super::clock::instant(state.now)).open("svcMenu", &[]);
    out.text("version", "1.0").text("lang", "en");
    for uri in login::OBJECTS {
        out.text("objURI", uri);
    }
    out.open("svcExtension", &[]);
    for uri in login::EXTENSIONS {
        out.text("extURI", uri);
    }
    out.close("svcExtension").close("svcMenu");
    out.open("dcp", &[]).raw("<access><all/></access><statement><purpose><admin/><prov/></purpose>");
    out.raw("<recipient><ours/><public/></recipient><retention><stated/></retention></statement>").close("dcp");
    document(&out.close("greeting").finish())
}

/// Carries out one frame.
pub(super) fn receive(state: &mut State, session: &mut Session, frame: &[u8]) -> Reply {
    let trid = Trid { client: None, server: format!("TEST-{}", state.next()) };
    let refused = |refusal| Reply {
        command: String::new(),
        xml: response(&Err(refusal), None, &trid),
        close: false,
        fault: None,
    };
    let Ok(text) = std::str::from_utf8(frame) else {
        return refused(Refusal::because(2001, "The frame is not UTF-8"));
    };
    let document = match roxmltree::Document::parse(text) {
        Ok(document) => document,
        Err(problem) => return refused(Refusal::because(2001, problem.to_string())),
    };
    match content(document.root_element()) {
        Err(refusal) => refused(refusal),
        Ok(element) if element.tag_name().name() == "hello" => hello(state),
        Ok(element) => command(state, session, element, trid),
    }
}

/// `hello` or `command`.
fn content(root: Element<'_>) -> Result<Element<'_>, Refusal> {
    if !root.has_tag_name((EPP, "epp")) {
        return Err(Refusal::because(2001, "The root is not epp"));
    }
    only_attributes(root, &[])?;
    let mut children = Sequence::of(root)?;
    let child = children.any().ok_or_else(|| Refusal::because(2001, "epp is empty"))?;
    children.end()?;
    if child.has_tag_name((EPP, "hello")) {
        empty(child).map(|()| child)
    } else if child.has_tag_name((EPP, "command")) {
        Ok(child)
    } else if child.has_tag_name((EPP, "extension")) {
        Err(Refusal::because(2101, "No protocol extension is known"))
    } else {
        Err(Refusal::because(2001, "A client sends hello or command"))
    }
}

fn hello(state: &mut State) -> Reply {
    let fault = state.faults.take("hello");
    Reply { command: "hello".to_owned(), xml: greeting(state), close: false, fault }
}

fn command(state: &mut State, session: &mut Session, element: Element<'_>, mut trid: Trid) -> Reply {
    trid.client = client_id(element);
    let name = name(element);
    let fault = state.faults.take(&name);
    let outcome = match &fault {
        Some(Fault::Refuse(_, code, reason)) => Err(Refusal::because(*code, reason.as_str())),
        Some(fault) if !fault.is_after() => Err(Refusal::new(2400)),
        _ => execute(state, session, element, &trid),
    };
    let logged_out = outcome.as_ref().is_ok_and(|done| done.code == 1500);
    let close = logged_out || outcome.as_ref().is_err_and(Refusal::closes);
    let read = name == "poll:req" && outcome.is_ok();
    let account = session.registrar.as_ref().and_then(|id| state.registrars.get(id));
    let queue = account.filter(|_| !close).map(|account| &account.queue);
    let queue = queue.and_then(|queue| Some(Queue { count: queue.len(), first: queue.front()?, read }));
    let xml = match &fault {
        Some(Fault::Answer(_, text) | Fault::AnswerAfter(_, text)) => text
            .replace("{clTRID}", &super::xml::escaped(trid.client.as_deref().unwrap_or("")))
            .replace("{svTRID}", &trid.server),
        _ => response(&outcome, queue, &trid),
    };
    Reply { command: name, xml, close, fault }
}

/// The `clTRID`, as far as there is one, so that even what is not valid is answered with it.
fn client_id(command: Element<'_>) -> Option<String> {
    let element = command.children().find(|child| child.has_tag_name((EPP, "clTRID")))?;
    token(element, 3, 64).ok()
}

/// `object:verb:operation`, without what there is not.
fn name(command: Element<'_>) -> String {
    let Some(verb) = command.children().find(roxmltree::Node::is_element) else { return String::new() };
    let object = verb.children().find(roxmltree::Node::is_element).and_then(|object| object.tag_name().namespace());
    let object = match object {
        Some(DOMAIN) => Some("domain"),
        Some(CONTACT) => Some("contact"),
        Some(HOST) => Some("host"),
        _ => None,
    };
    [object, Some(verb.tag_name().name()), verb.attribute("op")].into_iter().flatten().collect::<Vec<_>>().join(":")
}

const VERBS: [&str; 10] =
    ["check", "create", "delete", "info", "login", "logout", "poll", "renew", "transfer", "update"];

fn execute(state: &mut State, session: &mut Session, command: Element<'_>, trid: &Trid) -> Result<Done, Refusal> {
    only_attributes(command, &[])?;
    let mut parts = Sequence::of(command)?;
    let verb = parts.any().ok_or_else(|| Refusal::because(2001, "command is empty"))?;
    let verb_name = verb.tag_name().name();
    if verb.tag_name().namespace() != Some(EPP) || !VERBS.contains(&verb_name) {
        return Err(Refusal::because(2000, format!("EPP has no command {verb_name}")));
    }
    let extension = parts.maybe("extension");
    if let Some(id) = parts.maybe("clTRID") {
        token(id, 3, 64)?;
    }
    parts.end()?;
    let extensions = extension.map_or_else(|| Ok(BTreeMap::new()), extensions)?;
    if verb_name == "login" {
        known_extensions(&extensions, &[])?;
        return login::login(state, session, verb, trid);
    }
    let Some(by) = session.registrar.clone() else {
        return Err(Refusal::because(2002, "Log in first"));
    };
    login::client_id_is_new(state, &by, trid)?;
    if verb_name == "logout" {
        known_extensions(&extensions, &[])?;
        empty(verb)?;
        return Ok(Done::new(1500));
    }
    for namespace in extensions.keys().filter(|namespace| login::EXTENSIONS.contains(namespace)) {
        if !session.services.contains(*namespace) {
            return Err(Refusal::because(2002, format!("{namespace} was not chosen at login")));
        }
    }
    let mut call = Call { state, by, trid: trid.clone(), services: &session.services, extensions };
    dispatch(&mut call, verb)
}

/// The extensions of a command, by namespace.
fn extensions(element: Element<'_>) -> Result<BTreeMap<&str, Element<'_>>, Refusal> {
    only_attributes(element, &[])?;
    let mut children = Sequence::of(element)?;
    let mut found = BTreeMap::new();
    while let Some(child) = children.any() {
        let namespace = child.tag_name().namespace().unwrap_or("");
        if found.insert(namespace, child).is_some() {
            return Err(Refusal::because(2001, format!("More than one extension of {namespace}")));
        }
    }
    if found.is_empty() { Err(Refusal::because(2001, "extension is empty")) } else { Ok(found) }
}

/// Every extension is one that the command can have.
fn known_extensions(found: &BTreeMap<&str, Element<'_>>, known: &[(&str, &str)]) -> Result<(), Refusal> {
    let strange = found.iter().find(|(namespace, element)| !known.contains(&(**namespace, element.tag_name().name())));
    strange.map_or(Ok(()), |(namespace, element)| {
        let name = element.tag_name().name();
        Err(Refusal::because(2103, format!("The command has no extension {name} of {namespace}")))
    })
}

const TRANSFER_OPERATIONS: [&str; 5] = ["approve", "cancel", "query", "reject", "request"];

fn dispatch(call: &mut Call<'_>, verb: Element<'_>) -> Result<Done, Refusal> {
    let name = verb.tag_name().name();
    if name == "poll" {
        known_extensions(&call.extensions, &[])?;
        return poll::poll(call, verb);
    }
    let operation = if name == "transfer" {
        only_attributes(verb, &["op"])?;
        chosen(verb, "op", &TRANSFER_OPERATIONS)?
    } else {
        only_attributes(verb, &[])?;
        ""
    };
    let object = object(call, verb)?;
    match object.tag_name().namespace() {
        Some(DOMAIN) => domain(call, name, operation, object),
        Some(CONTACT) => {
            known_extensions(&call.extensions, &[])?;
            contact(call, name, operation, object)
        }
        _ => {
            known_extensions(&call.extensions, &[])?;
            host(call, name, object)
        }
    }
}

/// What the command is about, of a service that was chosen at login.
fn object<'a>(call: &Call<'_>, verb: Element<'a>) -> Result<Element<'a>, Refusal> {
    let name = verb.tag_name().name();
    let mut children = Sequence::of(verb)?;
    let object = children.any().ok_or_else(|| Refusal::because(2001, format!("{name} is empty")))?;
    children.end()?;
    let namespace = object.tag_name().namespace().unwrap_or("");
    if !login::OBJECTS.contains(&namespace) {
        return Err(Refusal::because(2307, namespace));
    }
    if !call.chose(namespace) {
        return Err(Refusal::because(2002, format!("{namespace} was not chosen at login")));
    }
    if object.tag_name().name() != name {
        return Err(Refusal::because(2001, format!("{name} of {}", object.tag_name().name())));
    }
    only_attributes(object, &[])?;
    Ok(object)
}

fn domain(call: &mut Call<'_>, verb: &str, operation: &str, object: Element<'_>) -> Result<Done, Refusal> {
    let known: &[(&str, &str)] = match (verb, operation) {
        ("check", _) => &[(FEE, "check"), (LAUNCH, "check")],
        ("create", _) => &[(FEE, "create"), (LAUNCH, "create"), (SEC_DNS, "create")],
        ("renew", _) => &[(FEE, "renew")],
        ("transfer", "request") => &[(FEE, "transfer")],
        ("update", _) => &[(FEE, "update"), (RGP, "update"), (SEC_DNS, "update")],
        ("delete", _) => &[(FEE, "delete")],
        _ => &[],
    };
    known_extensions(&call.extensions, known)?;
    match verb {
        "check" => domains::check(call, object),
        "info" => domains::info(call, object),
        "create" => domains::create(call, object),
        "renew" => domains::renew(call, object),
        "transfer" => domains::transfer(call, operation, object),
        "update" => domains::update(call, object),
        _ => domains::delete(call, object),
    }
}

fn contact(call: &mut Call<'_>, verb: &str, operation: &str, object: Element<'_>) -> Result<Done, Refusal> {
    match verb {
        "check" => contacts::check(call, object),
        "info" => contacts::info(call, object),
        "create" => contacts::create(call, object),
        "update" => contacts::update(call, object),
        "delete" => contacts::delete(call, object),
        "transfer" => contacts::transfer(call, operation, object),
        _ => Err(Refusal::because(2101, "A contact has no expiry (RFC 5733, section 3.2.3)")),
    }
}

fn host(call: &mut Call<'_>, verb: &str, object: Element<'_>) -> Result<Done, Refusal> {
    match verb {
        "check" => hosts::check(call, object),
        "info" => hosts::info(call, object),
        "create" => hosts::create(call, object),
        "update" => hosts::update(call, object),
        "delete" => hosts::delete(call, object),
        _ => Err(Refusal::because(2101, "Not of a host (RFC 5732, section 3)")),
    }
}
