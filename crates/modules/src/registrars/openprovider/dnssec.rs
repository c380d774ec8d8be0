//! Openprovider keeps the keys of a zone (DNSKEY) and makes the DS records at the registry of them. So what the registry holds
//! can be shown, and cannot be set: a key does not follow from its digest.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domains::registrars::contract::Ds;
use kernel::DomainName;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::wire::{Text, number};

/// RFC 8624, 3.3: what everybody has to understand.
const SHA_256: u8 = 2;
/// No key is longer: RFC 3110 allows RSA 4,096 bits, and nobody has a larger one of another kind.
const LONGEST: usize = 4_096;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Key {
    #[serde(deserialize_with = "number")]
    alg: Option<i64>,
    #[serde(deserialize_with = "number")]
    flags: Option<i64>,
    #[serde(deserialize_with = "number")]
    protocol: Option<i64>,
    pub_key: Text,
}

impl Key {
    /// Its DS record with SHA-256 (RFC 4509). `None` when it is no key.
    pub fn ds(&self, owner: &DomainName) -> Option<Ds> {
        let flags = u16::try_from(self.flags?).ok()?;
        let algorithm = u8::try_from(self.alg?).ok()?;
        let mut rdata = flags.to_be_bytes().to_vec();
        rdata.push(u8::try_from(self.protocol?).ok()?);
        rdata.push(algorithm);
        if self.pub_key.as_str().len() > LONGEST {
            return None;
        }
        let blanks_gone: String = self.pub_key.as_str().split_whitespace().collect();
        rdata.extend(STANDARD.decode(blanks_gone).ok()?);
        let digest = Sha256::new().chain_update(wire_name(owner)).chain_update(&rdata).finalize();
        let digest = digest.iter().map(|byte| format!("{byte:02X}")).collect();
        Some(Ds { key_tag: key_tag(&rdata), algorithm, digest_type: SHA_256, digest })
    }
}

/// RFC 1035, 3.1: each label after its length.
fn wire_name(name: &DomainName) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in name.as_str().split('.') {
        // A label has at most 63 octets.
        wire.push(u8::try_from(label.len()).unwrap_or_default());
        wire.extend(label.bytes());
    }
    wire.push(0);
    wire
}

/// RFC 4034, appendix B.
fn key_tag(rdata: &[u8]) -> u16 {
    let pairs = rdata.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    // At most LONGEST ÷ 2 of 16 bits: it fits.
    let sum: u32 = pairs.sum();
    ((sum + (sum >> 16)) & 0xFFFF) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 4509, 2.3.
    #[test]
    fn a_ds_record_is_made_of_a_key_as_rfc_4509_does() {
        let pub_key = "AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmm\
                       AphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==";
        let key = Key { alg: Some(5), flags: Some(256), protocol: Some(3), pub_key: Text(pub_key.to_owned()) };
        let ds = key.ds(&DomainName::parse("dskey.example.com").unwrap()).unwrap();
        let digest = "D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A";
        assert_eq!(ds, Ds { key_tag: 60485, algorithm: 5, digest_type: 2, digest: digest.to_owned() });
    }

    #[test]
    fn what_is_no_key_has_no_ds_record() {
        let name = DomainName::parse("example.com").unwrap();
        let endless = format!(r#"{{"alg": 8, "flags": 257, "protocol": 3, "pub_key": "{}"}}"#, "/".repeat(1 << 20));
        for json in [r#"{}"#, r#"{"alg": 8, "flags": 257, "protocol": 3, "pub_key": "no base 64!"}"#, &endless] {
            assert_eq!(serde_json::from_str::<Key>(json).unwrap().ds(&name), None, "{json:.80}");
        }
    }
}
