//! Arrays that PHP serialized: `customfields` and `configoptions` arrive as their base64.
//!
//! Only data is read. Objects, references and enums are refused, sizes and nesting are bounded. The format is
//! described in the PHP manual under `serialize()`.

use std::fmt;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const MAX_BYTES: usize = 64 * 1024;
const MAX_DEPTH: usize = 4;
const MAX_VALUES: usize = 1_000;

const MALFORMED: &str = "Send an array as PHP's serialize() writes it.";

type Parsed<T> = Result<T, &'static str>;

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    /// As written, so that no digit is lost.
    Float(String),
    Text(String),
    Array(Array),
}

pub type Array = Vec<(Key, Value)>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    Int(i64),
    Text(String),
}

impl Value {
    /// A scalar as PHP would print it; nothing for an array.
    pub fn text(&self) -> Option<String> {
        Some(match self {
            Value::Null | Value::Bool(false) => String::new(),
            Value::Bool(true) => "1".to_owned(),
            Value::Int(number) => number.to_string(),
            Value::Float(text) | Value::Text(text) => text.clone(),
            Value::Array(_) => return None,
        })
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Int(number) => write!(f, "{number}"),
            Key::Text(text) => f.write_str(text),
        }
    }
}

/// The array in `base64(serialize($array))`.
pub fn decode(base64: &str) -> Parsed<Array> {
    if base64.len() > MAX_BYTES * 2 {
        return Err("Send a smaller array.");
    }
    // A plus that was not escaped in the form arrives as a space; line breaks come from chunk_split().
    let compact: String = base64.trim().replace(' ', "+").split(['\r', '\n']).collect();
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    match GeneralPurpose::new(&STANDARD, lenient).decode(compact) {
        Ok(bytes) => match parse(&bytes)? {
            Value::Array(array) => Ok(array),
            _ => Err(MALFORMED),
        },
        Err(_not_base64) => Err("Send the base64 of an array as PHP's serialize() writes it."),
    }
}

/// One serialized value, with nothing after it.
pub fn parse(bytes: &[u8]) -> Parsed<Value> {
    if bytes.len() > MAX_BYTES {
        return Err("Send a smaller array.");
    }
    let mut parser = Parser { rest: bytes, values: 0 };
    let value = parser.value(0)?;
    if parser.rest.is_empty() { Ok(value) } else { Err(MALFORMED) }
}

struct Parser<'a> {
    rest: &'a [u8],
    values: usize,
}

impl<'a> Parser<'a> {
    fn value(&mut self, depth: usize) -> Parsed<Value> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err("Send fewer values.");
        }
        let (kind, rest) = self.rest.split_first().ok_or(MALFORMED)?;
        self.rest = rest;
        match kind {
            b'N' => self.skip(b";").map(|()| Value::Null),
            b'b' => match self.scalar()? {
                "0" => Ok(Value::Bool(false)),
                "1" => Ok(Value::Bool(true)),
                _ => Err(MALFORMED),
            },
            b'i' => self.integer().map(Value::Int),
            b'd' => self.float(),
            b's' => self.string().map(Value::Text),
            b'a' => self.array(depth),
            b'O' | b'C' | b'E' | b'r' | b'R' => Err("Send plain values; PHP objects and references are not accepted."),
            _ => Err(MALFORMED),
        }
    }

    /// `:text;`
    fn scalar(&mut self) -> Parsed<&'a str> {
        self.skip(b":")?;
        self.until(b';')
    }

    fn integer(&mut self) -> Parsed<i64> {
        super::parse_int(self.scalar()?).or(Err(MALFORMED))
    }

    fn float(&mut self) -> Parsed<Value> {
        let text = self.scalar()?;
        let finite = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))
            && text.parse().is_ok_and(f64::is_finite);
        if finite { Ok(Value::Float(text.to_owned())) } else { Err(MALFORMED) }
    }

    /// `:length:"bytes";`
    fn string(&mut self) -> Parsed<String> {
        let length = self.length()?;
        self.skip(b"\"")?;
        let (text, rest) = self.rest.split_at_checked(length).ok_or(MALFORMED)?;
        self.rest = rest;
        self.skip(b"\";")?;
        std::str::from_utf8(text).map(str::to_owned).or(Err("Send valid UTF-8 in all texts."))
    }

    /// `:count:{key value key value}`
    fn array(&mut self, depth: usize) -> Parsed<Value> {
        if depth == MAX_DEPTH {
            return Err("Use fewer arrays within arrays.");
        }
        let count = self.length()?;
        self.skip(b"{")?;
        let mut array = Array::new();
        for _ in 0..count {
            let key = self.key()?;
            if array.iter().any(|(other, _)| *other == key) {
                return Err(MALFORMED);
            }
            array.push((key, self.value(depth + 1)?));
        }
        self.skip(b"}")?;
        Ok(Value::Array(array))
    }

    fn key(&mut self) -> Parsed<Key> {
        if self.skip(b"i").is_ok() {
            self.integer().map(Key::Int)
        } else {
            self.skip(b"s")?;
            self.string().map(Key::Text)
        }
    }

    /// `:number:`
    fn length(&mut self) -> Parsed<usize> {
        self.skip(b":")?;
        let digits = self.until(b':')?;
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse().ok()).flatten().ok_or(MALFORMED)
    }

    fn until(&mut self, end: u8) -> Parsed<&'a str> {
        let position = self.rest.iter().position(|byte| *byte == end).ok_or(MALFORMED)?;
        let text = std::str::from_utf8(&self.rest[..position]).or(Err(MALFORMED))?;
        self.rest = &self.rest[position + 1..];
        Ok(text)
    }

    fn skip(&mut self, expected: &[u8]) -> Parsed<()> {
        self.rest = self.rest.strip_prefix(expected).ok_or(MALFORMED)?;
        Ok(())
    }
}
