//! Signed delegations (RFC 5910): `dsData` and `keyData`, of which a domain has one kind only.

use base64::Engine;

use super::answer::Refusal;
use super::state::Signing;
use super::xml::{Element, SEC_DNS, Sequence, Writer, boolean, choice, number, only_attributes, token};

/// A `dsData` or a `keyData`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Record {
    Ds { tag: u32, algorithm: u32, digest_type: u32, digest: String, key: Option<Key> },
    Key(Key),
}

/// The fields of a DNSKEY.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    flags: u32,
    protocol: u32,
    algorithm: u32,
    public: String,
}

impl std::fmt::Display for Record {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ds { tag, algorithm, digest_type, digest, .. } => {
                write!(out, "{tag} {algorithm} {digest_type} {digest}")
            }
            Self::Key(key) => write!(out, "{} {} {} {}", key.flags, key.protocol, key.algorithm, key.public),
        }
    }
}

/// What a new domain is signed with.
pub(super) fn created(element: Element<'_>) -> Result<Signing, Refusal> {
    only_attributes(element, &[])?;
    let (max_life, records) = life_and_records(element)?;
    let mut signing = Signing { max_life, records: Vec::new() };
    add(&mut signing, records)?;
    Ok(signing)
}

/// What a domain is signed with after `secDNS:update`: what is removed goes before what is added comes.
pub(super) fn updated(element: Element<'_>, signing: &Signing) -> Result<Signing, Refusal> {
    only_attributes(element, &["urgent"])?;
    if choice(element, "urgent", &["0", "1", "false", "true"])?.map_or(Ok(false), boolean)? {
        return Err(Refusal::because(2102, "urgent"));
    }
    let mut signing = signing.clone();
    let mut parts = Sequence::of(element)?;
    if let Some(part) = parts.maybe("rem") {
        remove(&mut signing, part)?;
    }
    if let Some(part) = parts.maybe("add") {
        let (max_life, records) = life_and_records(part)?;
        signing.max_life = max_life.or(signing.max_life);
        add(&mut signing, records)?;
    }
    if let Some(part) = parts.maybe("chg") {
        let mut fields = Sequence::of(part)?;
        if let Some(life) = fields.maybe("maxSigLife") {
            signing.max_life = Some(number(life, 1..=i32::MAX as u32)?);
        }
        fields.end()?;
    }
    parts.end()?;
    Ok(signing)
}

fn life_and_records(element: Element<'_>) -> Result<(Option<u32>, Vec<Record>), Refusal> {
    let mut fields = Sequence::of(element)?;
    let life = fields.maybe("maxSigLife").map(|life| number(life, 1..=i32::MAX as u32)).transpose()?;
    let records = records(&mut fields)?;
    fields.end()?;
    Ok((life, records))
}

/// One kind or the other, at least one.
fn records(fields: &mut Sequence<'_>) -> Result<Vec<Record>, Refusal> {
    let keys = fields.many("keyData", usize::MAX)?;
    if keys.is_empty() {
        return fields.some("dsData")?.into_iter().map(delegation_signer).collect();
    }
    keys.into_iter().map(|element| key(element).map(Record::Key)).collect()
}

fn delegation_signer(element: Element<'_>) -> Result<Record, Refusal> {
    let mut fields = Sequence::of(element)?;
    let tag = number(fields.one("keyTag")?, 0..=65535)?;
    let algorithm = number(fields.one("alg")?, 0..=255)?;
    let digest_type = number(fields.one("digestType")?, 0..=255)?;
    let digest = token(fields.one("digest")?, 0, 1000)?.to_uppercase();
    let key = fields.maybe("keyData").map(key).transpose()?;
    fields.end()?;
    if digest.len() % 2 != 0 || !digest.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(Refusal::because(2001, "digest is not made of hexadecimal digits"));
    }
    // RFC 4034, RFC 4509, RFC 5933, RFC 6605.
    let digits = match digest_type {
        1 => 40,
        2 | 3 => 64,
        4 => 96,
        _ => return Err(Refusal::because(2306, "digestType is not known")),
    };
    if digest.len() != digits {
        return Err(Refusal::because(2306, "digest has not the length of its digestType"));
    }
    Ok(Record::Ds { tag, algorithm, digest_type, digest, key })
}

fn key(element: Element<'_>) -> Result<Key, Refusal> {
    let mut fields = Sequence::of(element)?;
    let flags = number(fields.one("flags")?, 0..=65535)?;
    let protocol = number(fields.one("protocol")?, 0..=255)?;
    let algorithm = number(fields.one("alg")?, 0..=255)?;
    let public = token(fields.one("pubKey")?, 1, 10_000)?.replace(' ', "");
    fields.end()?;
    if base64::engine::general_purpose::STANDARD.decode(&public).is_err() {
        return Err(Refusal::because(2001, "pubKey is not base64"));
    }
    Ok(Key { flags, protocol, algorithm, public })
}

fn add(signing: &mut Signing, records: Vec<Record>) -> Result<(), Refusal> {
    for record in records {
        if signing.records.contains(&record) {
            return Err(Refusal::because(2306, "The key is there already"));
        }
        let kind = std::mem::discriminant(&record);
        if signing.records.iter().any(|other| std::mem::discriminant(other) != kind) {
            return Err(Refusal::because(2306, "A domain has dsData or keyData, not both"));
        }
        signing.records.push(record);
    }
    Ok(())
}

fn remove(signing: &mut Signing, part: Element<'_>) -> Result<(), Refusal> {
    let mut fields = Sequence::of(part)?;
    if let Some(all) = fields.maybe("all") {
        if boolean(&token(all, 1, 5)?)? {
            *signing = Signing::default();
        }
        return fields.end();
    }
    for record in records(&mut fields)? {
        let at = signing.records.iter().position(|known| is_same(known, &record));
        signing.records.remove(at.ok_or_else(|| Refusal::because(2306, "No such key is there"))?);
    }
    fields.end()
}

/// Whether two are the same to `secDNS:rem`, which need not repeat the key within `dsData` (RFC 5910, section 5.2.5).
fn is_same(one: &Record, other: &Record) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other) && one.to_string() == other.to_string()
}

impl Signing {
    /// `secDNS:infData`, or nothing for a domain that is not signed.
    pub(super) fn write(&self, out: &mut Writer) {
        if self.records.is_empty() {
            return;
        }
        out.open("secDNS:infData", &[("xmlns:secDNS", SEC_DNS)]);
        out.maybe("secDNS:maxSigLife", self.max_life.map(|life| life.to_string()).as_deref());
        for record in &self.records {
            record.write(out);
        }
        out.close("secDNS:infData");
    }
}

impl Record {
    fn write(&self, out: &mut Writer) {
        match self {
            Self::Key(key) => key.write(out),
            Self::Ds { tag, algorithm, digest_type, digest, key } => {
                out.open("secDNS:dsData", &[]).text("secDNS:keyTag", &tag.to_string());
                out.text("secDNS:alg", &algorithm.to_string()).text("secDNS:digestType", &digest_type.to_string());
                out.text("secDNS:digest", digest);
                if let Some(key) = key {
                    key.write(out);
                }
                out.close("secDNS:dsData");
            }
        }
    }
}

impl Key {
    fn write(&self, out: &mut Writer) {
        out.open("secDNS:keyData", &[]).text("secDNS:flags", &self.flags.to_string());
        out.text("secDNS:protocol", &self.protocol.to_string()).text("secDNS:alg", &self.algorithm.to_string());
        out.text("secDNS:pubKey", &self.public).close("secDNS:keyData");
    }
}
