//! Passkeys (Web Authentication, level 3) for one web address: what a browser is asked, and whether its answer is good.
//! Nothing here knows of databases or of people; what must be kept between question and answer is a text for the caller
//! to keep on the server, where it is used once.
//!
//! A crate of its own because the library beneath it is the largest of the build: whoever changes a rule elsewhere does
//! not wait for it.

#[cfg(test)]
mod tests;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use webauthn_rs::prelude::{
    CreationChallengeResponse, CredentialID, DiscoverableAuthentication, Passkey, PasskeyAuthentication,
    PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential, RequestChallengeResponse, Url, Uuid,
    Webauthn, WebauthnBuilder, WebauthnError,
};

/// Why a passkey is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The address that browsers see cannot have passkeys; in words for staff.
    Address(String),
    /// The answer is not one to the question, or not by a passkey that is known.
    Answer(String),
    /// What was kept cannot be read: another version wrote it.
    Kept(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Address(why) | Refusal::Answer(why) | Refusal::Kept(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Refusal {}

fn answer(error: &WebauthnError) -> Refusal {
    Refusal::Answer(error.to_string())
}

fn kept(error: &serde_json::Error) -> Refusal {
    Refusal::Kept(error.to_string())
}

/// A question to a browser.
#[derive(Debug, Clone)]
pub struct Question {
    /// Options for `navigator.credentials.create` or `.get`, with their bytes as base64url.
    pub options: Value,
    /// What [`Site`] needs to judge the answer. It must not leave the server, and must not be used twice.
    pub state: String,
}

/// A passkey as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Base64url; unique among all people.
    pub id: String,
    /// The public key and what else a later answer is judged by.
    pub text: String,
}

/// What a good answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Which key it was.
    pub id: String,
    /// What is to be kept of the key from now on, when that changed: its counter went up.
    pub text: Option<String>,
}

/// One web address and the name that browsers show with it.
pub struct Site(Webauthn);

impl Site {
    /// `address` is where browsers reach the program, such as `https://billing.example.com`. Passkeys need a name, not a
    /// number, and TLS unless it is `localhost`.
    pub fn new(address: &str, name: &str) -> Result<Site, Refusal> {
        let no = |why: &str| Refusal::Address(format!("Passkeys do not work at {address}: {why}"));
        let url = Url::parse(address).or(Err(no("it is no web address.")))?;
        let host =
            url.domain().ok_or_else(|| no("browsers bind them to a host name, and this is a number."))?.to_owned();
        let local = host == "localhost" || host.ends_with(".localhost");
        if url.scheme() != "https" && !local {
            return Err(no("browsers allow them over https only."));
        }
        let site = WebauthnBuilder::new(&host, &url).and_then(|builder| builder.rp_name(name).build());
        site.map(Site).map_err(|error| no(&error.to_string()))
    }

    /// Asks for a new passkey. `handle` is a random UUID that stands for the person; `known` are the ids of passkeys that
    /// the person has already.
    pub fn ask_for_new(&self, handle: &str, login: &str, name: &str, known: &[Key]) -> Result<Question, Refusal> {
        let handle = Uuid::parse_str(handle).map_err(|error| Refusal::Kept(error.to_string()))?;
        let known: Vec<CredentialID> =
            known.iter().map(|key| Ok(passkey(key)?.cred_id().clone())).collect::<Result<_, Refusal>>()?;
        let (options, state): (CreationChallengeResponse, _) =
            self.0.start_passkey_registration(handle, login, name, Some(known)).map_err(|error| answer(&error))?;
        let mut options = serde_json::to_value(options).map_err(|error| kept(&error))?;
        // A passkey that the device can offer by itself needs no name to be typed first.
        if let Some(selection) = options.pointer_mut("/publicKey/authenticatorSelection") {
            selection["residentKey"] = "preferred".into();
        }
        Ok(Question { options, state: serde_json::to_string(&state).map_err(|error| kept(&error))? })
    }

    /// The passkey that an answer to [`Site::ask_for_new`] brings.
    pub fn take_new(&self, state: &str, response: Value) -> Result<Key, Refusal> {
        let state: PasskeyRegistration = serde_json::from_str(state).map_err(|error| kept(&error))?;
        let response: RegisterPublicKeyCredential =
            serde_json::from_value(response).map_err(|error| Refusal::Answer(error.to_string()))?;
        let key = self.0.finish_passkey_registration(&response, &state).map_err(|error| answer(&error))?;
        key_of(&key)
    }

    /// Asks for a proof with one of these passkeys.
    pub fn ask(&self, keys: &[Key]) -> Result<Question, Refusal> {
        let keys: Vec<Passkey> = keys.iter().map(passkey).collect::<Result<_, _>>()?;
        let (options, state) = self.0.start_passkey_authentication(&keys).map_err(|error| answer(&error))?;
        question(options, &state)
    }

    /// Judges an answer to [`Site::ask`].
    pub fn judge(&self, state: &str, response: Value, keys: &[Key]) -> Result<Proof, Refusal> {
        let state: PasskeyAuthentication = serde_json::from_str(state).map_err(|error| kept(&error))?;
        let response = credential(response)?;
        let result = self.0.finish_passkey_authentication(&response, &state).map_err(|error| answer(&error))?;
        let id = id_of(result.cred_id());
        let key = keys.iter().find(|key| key.id == id).ok_or_else(|| Refusal::Answer(UNKNOWN.to_owned()))?;
        proof(key, &result)
    }

    /// Asks for a proof with whatever passkey the device has for this address: nobody has said yet who it is.
    pub fn ask_anybody(&self) -> Result<Question, Refusal> {
        let (mut options, state) = self.0.start_discoverable_authentication().map_err(|error| answer(&error))?;
        // A button asks, not the field of a form.
        options.mediation = None;
        question(options, &state)
    }

    /// Who answers to [`Site::ask_anybody`]: the handle of the person and the id of the key. Nothing is proven yet.
    pub fn who(&self, response: &Value) -> Result<(String, String), Refusal> {
        let response = credential(response.clone())?;
        let (handle, id) = self.0.identify_discoverable_authentication(&response).map_err(|error| answer(&error))?;
        Ok((handle.to_string(), id_of(id)))
    }

    /// Judges an answer to [`Site::ask_anybody`] by the key that it names.
    pub fn judge_anybody(&self, state: &str, response: Value, key: &Key) -> Result<Proof, Refusal> {
        let state: DiscoverableAuthentication = serde_json::from_str(state).map_err(|error| kept(&error))?;
        let response = credential(response)?;
        let result = self
            .0
            .finish_discoverable_authentication_v2(&response, state, &passkey(key)?)
            .map_err(|error| answer(&error))?;
        proof(key, &result)
    }
}

const UNKNOWN: &str = "This passkey is not known here.";

fn question(options: RequestChallengeResponse, state: &impl serde::Serialize) -> Result<Question, Refusal> {
    let options = serde_json::to_value(options).map_err(|error| kept(&error))?;
    Ok(Question { options, state: serde_json::to_string(state).map_err(|error| kept(&error))? })
}

fn credential(response: Value) -> Result<PublicKeyCredential, Refusal> {
    serde_json::from_value(response).map_err(|error| Refusal::Answer(error.to_string()))
}

fn passkey(key: &Key) -> Result<Passkey, Refusal> {
    serde_json::from_str(&key.text).map_err(|error| kept(&error))
}

fn id_of(id: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(id)
}

fn key_of(key: &Passkey) -> Result<Key, Refusal> {
    Ok(Key { id: id_of(key.cred_id()), text: serde_json::to_string(key).map_err(|error| kept(&error))? })
}

/// A counter that does not go up is a sign of a copied key; the library refuses it.
fn proof(key: &Key, result: &webauthn_rs::prelude::AuthenticationResult) -> Result<Proof, Refusal> {
    let mut stored = passkey(key)?;
    let changed = stored.update_credential(result);
    match changed {
        None => Err(Refusal::Answer(UNKNOWN.to_owned())),
        Some(false) => Ok(Proof { id: key.id.clone(), text: None }),
        Some(true) => Ok(Proof { id: key.id.clone(), text: Some(key_of(&stored)?.text) }),
    }
}
