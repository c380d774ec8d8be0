//! `multipart/form-data`, which PHP's curl sends when it is given an array: text fields only.

use kernel::errors::{Error, Result};

use super::fields::Fields;
use super::request::utf8;

const FIELD: &str = "multipart body";

pub(super) fn parse(content_type: &str, body: &[u8], fields: &mut Fields) -> Result<()> {
    let boundary = parameter(content_type, "boundary").filter(|boundary| !boundary.is_empty());
    let opening =
        format!("--{}", boundary.ok_or_else(|| Error::invalid(FIELD, "Name the boundary in the content type."))?);
    let delimiter = format!("\r\n{opening}");
    let mut rest = body.strip_prefix(opening.as_bytes()).ok_or_else(malformed)?;
    while !rest.starts_with(b"--") {
        // The line break that ends the delimiter line stays, so that a part without headers is seen as such.
        let (headers, after) = cut(rest, b"\r\n\r\n").ok_or_else(malformed)?;
        let (value, next) = cut(after, delimiter.as_bytes()).ok_or_else(malformed)?;
        let name = name(&String::from_utf8_lossy(headers))?;
        fields.insert(&name, utf8(&name, value.to_vec())?)?;
        rest = next;
    }
    Ok(())
}

fn name(headers: &str) -> Result<String> {
    let disposition = headers
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .find(|(header, _)| header.trim().eq_ignore_ascii_case("content-disposition"))
        .map(|(_, value)| value)
        .ok_or_else(malformed)?;
    let name = parameter(disposition, "name").ok_or_else(malformed)?;
    if parameter(disposition, "filename").is_some() {
        return Err(Error::invalid(name, "Send the file as base64 text, not as a file upload."));
    }
    Ok(name)
}

/// `wanted` among the `; name=value` or `; name="value"` parameters of a header.
fn parameter(header: &str, wanted: &str) -> Option<String> {
    let mut rest = header.split_once(';')?.1;
    loop {
        let (name, value) = rest.split_once('=')?;
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => value.split_at(value.find(';').unwrap_or(value.len())),
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value.trim().to_owned());
        }
        rest = after.split_once(';')?.1;
    }
}

fn cut<'a>(bytes: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let position = bytes.windows(at.len()).position(|window| window == at)?;
    Some((&bytes[..position], &bytes[position + at.len()..]))
}

fn malformed() -> Error {
    Error::invalid(FIELD, "Write it as RFC 7578 says, or send application/x-www-form-urlencoded.")
}
