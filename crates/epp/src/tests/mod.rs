//! Answers as the RFCs show them, requests as they must look, bytes that nobody should send, and a server that misbehaves.

mod contacts_and_hosts;
mod domains;
mod extensions;
mod polls;
mod requests;
mod results;
mod server;
mod transport;
mod xml;

use crate::command::{self, Command};
use crate::error::{Hostile, Refusal};
use crate::response::{self, Answer};
use crate::xml::parse;

/// The id of our command in the examples of the RFCs.
const OURS: &str = "ABC-12345";

/// What a server would have sent: the parts that every answer has, around `body`.
fn document(code: u16, body: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8" standalone="no"?>
        <epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><response>
          <result code="{code}"><msg>Command completed successfully</msg></result>
          {body}
          <trID><clTRID>{OURS}</clTRID><svTRID>54322-XYZ</svTRID></trID>
        </response></epp>"#
    )
}

/// Reads a document as the answer to a command.
fn read<C: Command>(command: &C, document: &str) -> Result<Result<Answer<C::Result>, Refusal>, Hostile> {
    let root = parse(document.as_bytes(), 32)?;
    match response::read(&root, OURS, &root.secrets())? {
        Ok(response) => Ok(Ok(command::answer(command, response, OURS)?)),
        Err(refusal) => Ok(Err(refusal)),
    }
}

/// The answer to a command with `data` in its `resData`.
fn answer<C: Command>(command: &C, data: &str) -> Answer<C::Result> {
    answer_with(command, 1000, &format!("<resData>{data}</resData>"))
}

fn answer_with<C: Command>(command: &C, code: u16, body: &str) -> Answer<C::Result> {
    read(command, &document(code, body)).unwrap().unwrap()
}

/// Why an answer to a command with `data` in its `resData` is not believed.
fn hostile<C: Command>(command: &C, data: &str) -> String
where
    C::Result: std::fmt::Debug,
{
    read(command, &document(1000, &format!("<resData>{data}</resData>"))).unwrap_err().to_string()
}

/// What is sent for a command, from `<command>` on.
fn sent<C: Command>(command: &C) -> String {
    let document = command::prepare(command, OURS).unwrap().root.document().unwrap();
    let begin = document.find("<command>").unwrap();
    document[begin..].strip_suffix("</epp>").unwrap().to_owned()
}

fn instant(text: &str) -> jiff::Timestamp {
    text.parse().unwrap()
}
