//! The text of commands.

use crate::client::{EXTENSIONS, OBJECTS};

const DOMAIN: &str = OBJECTS[0];
const CONTACT: &str = OBJECTS[1];
const HOST: &str = OBJECTS[2];
pub const SEC_DNS: &str = EXTENSIONS[0];
pub const RGP: &str = EXTENSIONS[1];
pub const FEE: &str = EXTENSIONS[2];
pub const LAUNCH: &str = EXTENSIONS[3];

/// `<verb><d:verb …>content</d:verb></verb>`.
pub fn domain(verb: &str, content: &str) -> String {
    format!("<{verb}><d:{verb} xmlns:d=\"{DOMAIN}\">{content}</d:{verb}></{verb}>")
}

pub fn host(verb: &str, content: &str) -> String {
    format!("<{verb}><h:{verb} xmlns:h=\"{HOST}\">{content}</h:{verb}></{verb}>")
}

pub fn contact(verb: &str, content: &str) -> String {
    format!("<{verb}><c:{verb} xmlns:c=\"{CONTACT}\">{content}</c:{verb}></{verb}>")
}

/// A command with an extension after it.
pub fn extended(command: &str, extension: &str) -> String {
    format!("{command}<extension>{extension}</extension>")
}

pub fn create(name: &str, years: u32) -> String {
    let content = format!(
        "<d:name>{name}</d:name><d:period unit=\"y\">{years}</d:period><d:authInfo><d:pw>secret-{name}</d:pw></d:authInfo>"
    );
    domain("create", &content)
}

pub fn info(name: &str) -> String {
    domain("info", &format!("<d:name>{name}</d:name>"))
}

pub fn delete(name: &str) -> String {
    domain("delete", &format!("<d:name>{name}</d:name>"))
}

/// `expires` as an answer has it.
pub fn renew(name: &str, expires: &str, years: u32) -> String {
    let day = &expires[..10];
    domain(
        "renew",
        &format!("<d:name>{name}</d:name><d:curExpDate>{day}</d:curExpDate><d:period unit=\"y\">{years}</d:period>"),
    )
}

pub fn update(name: &str, content: &str) -> String {
    domain("update", &format!("<d:name>{name}</d:name>{content}"))
}

pub fn transfer(operation: &str, name: &str, auth_info: Option<&str>) -> String {
    let shown = auth_info.map(|shown| format!("<d:authInfo><d:pw>{shown}</d:pw></d:authInfo>")).unwrap_or_default();
    format!(
        "<transfer op=\"{operation}\"><d:transfer xmlns:d=\"{DOMAIN}\"><d:name>{name}</d:name>{shown}</d:transfer></transfer>"
    )
}

pub fn restore(name: &str) -> String {
    let extension = format!("<r:update xmlns:r=\"{RGP}\"><r:restore op=\"request\"/></r:update>");
    extended(&update(name, "<d:chg/>"), &extension)
}

pub fn create_contact(id: &str) -> String {
    contact(
        "create",
        &format!(
            "<c:id>{id}</c:id><c:postalInfo type=\"int\"><c:name>Ann Example</c:name><c:addr><c:street>1 Main St</c:street>\
             <c:city>Vienna</c:city><c:pc>1010</c:pc><c:cc>AT</c:cc></c:addr></c:postalInfo><c:voice x=\"12\">+43.15551234</c:voice>\
             <c:email>ann@example.com</c:email><c:authInfo><c:pw>secret-{id}</c:pw></c:authInfo>"
        ),
    )
}

pub fn create_host(name: &str, addresses: &[&str]) -> String {
    let addresses: String = addresses
        .iter()
        .map(|address| {
            let family = if address.contains(':') { "v6" } else { "v4" };
            format!("<h:addr ip=\"{family}\">{address}</h:addr>")
        })
        .collect();
    host("create", &format!("<h:name>{name}</h:name>{addresses}"))
}

pub const POLL: &str = "<poll op=\"req\"/>";

pub fn ack(id: &str) -> String {
    format!("<poll op=\"ack\" msgID=\"{id}\"/>")
}
