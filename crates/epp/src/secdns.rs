//! Keys of DNSSEC at the parent (RFC 5910, secDNS-1.1). A server takes either digests (`dsData`) or keys (`keyData`), by
//! its own rules; the two are never mixed.

use crate::error::{Hostile, NotSent, invalid};
use crate::ns;
use crate::xml::Element;

/// A digest of a key, as a DS record has it (RFC 4034, section 5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ds {
    /// Which key of the zone it may be.
    pub key_tag: u16,
    /// Number of the key's algorithm.
    pub algorithm: u8,
    /// Number of the digest's algorithm.
    pub digest_type: u8,
    /// In hexadecimal digits.
    pub digest: String,
    /// The key itself, where the server wants to see it.
    pub key: Option<Key>,
}

/// A key, as a DNSKEY record has it (RFC 4034, section 2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// 257 for one that signs keys.
    pub flags: u16,
    /// Always 3.
    pub protocol: u8,
    /// Number of its algorithm.
    pub algorithm: u8,
    /// In base64.
    pub public_key: String,
}

/// Digests or keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Records {
    /// Digests.
    Ds(Vec<Ds>),
    /// Keys, of which the server makes the digests.
    Keys(Vec<Key>),
}

/// The keys of a domain: what it is created with, and what there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// How long signatures of the parent should last at most, in seconds.
    pub max_signature_life: Option<u32>,
    /// At least one.
    pub records: Records,
}

/// What goes away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// All: the domain is not signed any more, unless something is added.
    All,
    /// These.
    These(Records),
}

/// A change. Removal comes first, so that a key can be put in the place of all others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Update {
    /// What goes away.
    pub remove: Option<Removal>,
    /// What is added.
    pub add: Option<Records>,
    /// A new limit for signatures of the parent, in seconds.
    pub max_signature_life: Option<u32>,
    /// To be done now rather than with the next batch; a server that cannot refuses (2306).
    pub urgent: bool,
}

impl Keys {
    pub(crate) fn create(&self) -> Result<Element, NotSent> {
        let create = Element::new(ns::SECDNS, "create");
        let life = self.max_signature_life.map(life).transpose()?;
        self.records.fill(create.with_some("maxSigLife", life))
    }

    pub(crate) fn read(element: &Element) -> Result<Keys, Hostile> {
        let life = element.get("maxSigLife").map(|_| element.number("maxSigLife")).transpose()?;
        Ok(Keys { max_signature_life: life, records: Records::read(element)? })
    }
}

impl Update {
    pub(crate) fn element(&self) -> Result<Element, NotSent> {
        if self.remove.is_none() && self.add.is_none() && self.max_signature_life.is_none() {
            return Err(invalid("a change of keys changes nothing"));
        }
        let mut update = Element::new(ns::SECDNS, "update");
        if self.urgent {
            update = update.with_attribute("urgent", "true");
        }
        if let Some(remove) = &self.remove {
            let empty = update.sibling("rem");
            let filled = match remove {
                Removal::All => empty.with_leaf("all", "true"),
                Removal::These(records) => records.fill(empty)?,
            };
            update = update.with(filled);
        }
        if let Some(add) = &self.add {
            let filled = add.fill(update.sibling("add"))?;
            update = update.with(filled);
        }
        if let Some(seconds) = self.max_signature_life {
            let change = update.sibling("chg").with_leaf("maxSigLife", life(seconds)?);
            update = update.with(change);
        }
        Ok(update)
    }
}

/// `maxSigLifeType`: at least a second, and it fits an `int`.
fn life(seconds: u32) -> Result<String, NotSent> {
    if seconds == 0 || i32::try_from(seconds).is_err() {
        return Err(invalid("the life of a signature is 1 to 2147483647 seconds"));
    }
    Ok(seconds.to_string())
}

impl Records {
    fn fill(&self, parent: Element) -> Result<Element, NotSent> {
        let elements: Vec<Element> = match self {
            Records::Ds(all) => all.iter().map(|ds| ds.element(&parent)).collect::<Result<_, _>>()?,
            Records::Keys(all) => all.iter().map(|key| key.element(&parent)).collect::<Result<_, _>>()?,
        };
        if elements.is_empty() {
            return Err(invalid("there is no key"));
        }
        Ok(parent.with_all(elements))
    }

    fn read(element: &Element) -> Result<Records, Hostile> {
        let ds: Vec<Ds> = element.all("dsData").map(Ds::read).collect::<Result<_, _>>()?;
        let keys: Vec<Key> = element.all("keyData").map(Key::read).collect::<Result<_, _>>()?;
        match (ds.is_empty(), keys.is_empty()) {
            (false, true) => Ok(Records::Ds(ds)),
            (true, false) => Ok(Records::Keys(keys)),
            _ => Err(Hostile::new("it has neither digests nor keys, or both")),
        }
    }
}

impl Ds {
    fn element(&self, sibling: &Element) -> Result<Element, NotSent> {
        let hexadecimal = self.digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        if self.digest.is_empty() || !hexadecimal || self.digest.len() % 2 == 1 {
            return Err(invalid("a digest is not in hexadecimal digits"));
        }
        let ds = sibling
            .sibling("dsData")
            .with_leaf("keyTag", self.key_tag.to_string())
            .with_leaf("alg", self.algorithm.to_string())
            .with_leaf("digestType", self.digest_type.to_string())
            .with_leaf("digest", &self.digest);
        match &self.key {
            Some(key) => {
                let key = key.element(sibling)?;
                Ok(ds.with(key))
            }
            None => Ok(ds),
        }
    }

    fn read(element: &Element) -> Result<Ds, Hostile> {
        Ok(Ds {
            key_tag: element.number("keyTag")?,
            algorithm: element.number("alg")?,
            digest_type: element.number("digestType")?,
            digest: without_space(&element.need_text("digest")?),
            key: element.get("keyData").map(Key::read).transpose()?,
        })
    }
}

impl Key {
    fn element(&self, sibling: &Element) -> Result<Element, NotSent> {
        let base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
        if self.public_key.is_empty() || !self.public_key.bytes().all(base64) {
            return Err(invalid("a public key is not in base64"));
        }
        Ok(sibling
            .sibling("keyData")
            .with_leaf("flags", self.flags.to_string())
            .with_leaf("protocol", self.protocol.to_string())
            .with_leaf("alg", self.algorithm.to_string())
            .with_leaf("pubKey", &self.public_key))
    }

    fn read(element: &Element) -> Result<Key, Hostile> {
        Ok(Key {
            flags: element.number("flags")?,
            protocol: element.number("protocol")?,
            algorithm: element.number("alg")?,
            public_key: without_space(&element.need_text("pubKey")?),
        })
    }
}

/// Long values come broken into lines.
fn without_space(text: &str) -> String {
    text.split_ascii_whitespace().collect()
}
