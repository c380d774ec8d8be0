//! A device with passkeys, as a browser would ask it (Web Authentication level 3, attestation “none”, ES256). It does what
//! an honest device does; tests bend its answers.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

pub struct Device {
    /// What the browser says about where it is.
    pub origin: String,
    keys: Vec<Held>,
}

struct Held {
    id: Vec<u8>,
    pair: EcdsaKeyPair,
    handle: Vec<u8>,
    counter: u32,
}

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const HAS_KEY: u8 = 0x40;

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn bytes(value: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(value.as_str().expect("a text").trim_end_matches('=')).expect("base64url")
}

fn sha256(data: &[u8]) -> Vec<u8> {
    ring::digest::digest(&ring::digest::SHA256, data).as_ref().to_vec()
}

/// A byte string of CBOR (RFC 8949).
fn cbor_bytes(data: &[u8]) -> Vec<u8> {
    let length = data.len();
    let mut out = match length {
        0..=23 => vec![0x40 | u8::try_from(length).expect("short")],
        24..=255 => vec![0x58, u8::try_from(length).expect("short")],
        _ => [vec![0x59], u16::try_from(length).expect("no longer").to_be_bytes().to_vec()].concat(),
    };
    out.extend(data);
    out
}

fn cbor_text(text: &str) -> Vec<u8> {
    let mut out = vec![0x60 | u8::try_from(text.len()).expect("short")];
    out.extend(text.as_bytes());
    out
}

impl Device {
    pub fn at(origin: &str) -> Device {
        Device { origin: origin.to_owned(), keys: Vec::new() }
    }

    fn client_data(&self, kind: &str, challenge: &Value) -> Vec<u8> {
        let data = json!({ "type": kind, "challenge": challenge.as_str().expect("a text").trim_end_matches('='),
                           "origin": self.origin, "crossOrigin": false });
        data.to_string().into_bytes()
    }

    fn authenticator_data(&self, rp_id: &str, flags: u8, counter: u32) -> Vec<u8> {
        [sha256(rp_id.as_bytes()), vec![flags], counter.to_be_bytes().to_vec()].concat()
    }

    /// Makes a passkey as `navigator.credentials.create(options)` does.
    pub fn create(&mut self, options: &Value) -> Value {
        let asked = &options["publicKey"];
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("a key");
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).expect("a key");
        let point = pair.public_key().as_ref().to_vec();
        let id = sha256(&point);
        // {1: 2 (EC2), 3: -7 (ES256), -1: 1 (P-256), -2: x, -3: y}
        let cose = [
            vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21],
            cbor_bytes(&point[1..33]),
            vec![0x22],
            cbor_bytes(&point[33..65]),
        ]
        .concat();
        let rp_id = asked["rp"]["id"].as_str().expect("a name");
        let mut data = self.authenticator_data(rp_id, USER_PRESENT | USER_VERIFIED | HAS_KEY, 0);
        data.extend([0; 16]);
        data.extend(u16::try_from(id.len()).expect("short").to_be_bytes());
        data.extend(&id);
        data.extend(cose);
        let attestation = [
            vec![0xa3],
            cbor_text("fmt"),
            cbor_text("none"),
            cbor_text("attStmt"),
            vec![0xa0],
            cbor_text("authData"),
            cbor_bytes(&data),
        ]
        .concat();
        let client = self.client_data("webauthn.create", &asked["challenge"]);
        self.keys.push(Held { id: id.clone(), pair, handle: bytes(&asked["user"]["id"]), counter: 0 });
        json!({
            "id": text(&id), "rawId": text(&id), "type": "public-key", "clientExtensionResults": {},
            "response": { "attestationObject": text(&attestation), "clientDataJSON": text(&client) },
        })
    }

    /// Shows a passkey as `navigator.credentials.get(options)` does: one of those asked for, or the newest one.
    pub fn get(&mut self, options: &Value) -> Value {
        let asked = &options["publicKey"];
        let allowed: Vec<Vec<u8>> = asked["allowCredentials"]
            .as_array()
            .map(|all| all.iter().map(|one| bytes(&one["id"])).collect())
            .unwrap_or_default();
        let at = self.keys.iter().rposition(|key| allowed.is_empty() || allowed.contains(&key.id)).expect("a passkey");
        self.keys[at].counter += 1;
        let key = &self.keys[at];
        let rp_id = asked["rpId"].as_str().expect("a name");
        let data = self.authenticator_data(rp_id, USER_PRESENT | USER_VERIFIED, key.counter);
        let client = self.client_data("webauthn.get", &asked["challenge"]);
        let signed = [data.clone(), sha256(&client)].concat();
        let signature = key.pair.sign(&SystemRandom::new(), &signed).expect("a signature");
        json!({
            "id": text(&key.id), "rawId": text(&key.id), "type": "public-key", "clientExtensionResults": {},
            "response": {
                "authenticatorData": text(&data), "clientDataJSON": text(&client),
                "signature": text(signature.as_ref()), "userHandle": text(&key.handle),
            },
        })
    }

    /// A copy of the newest passkey that has fallen behind: as somebody has who copied the device's memory.
    pub fn turn_back(&mut self, by: u32) {
        let key = self.keys.last_mut().expect("a passkey");
        key.counter -= by;
    }
}
