//! Secrets at rest, hashes of tokens and passwords.

use std::path::Path;
use std::sync::Arc;

use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use kernel::{Error, Result};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::clock::Random;

/// Encrypts what must not be read from a stolen database: gateway keys, tokens of stored payment methods.
/// XChaCha20-Poly1305 with a random nonce; the place where a value is stored (`table:column:id`) is part of
/// what is authenticated, so a ciphertext moved to another row does not open.
#[derive(Clone)]
pub struct Vault(Arc<XChaCha20Poly1305>);

const VERSION: u8 = 1;
const NONCE: usize = 24;

impl Vault {
    pub fn new(key: &[u8; 32]) -> Vault {
        Vault(Arc::new(XChaCha20Poly1305::new(key.into())))
    }

    /// Reads the key file: 64 hexadecimal digits.
    pub fn from_file(path: &Path) -> Result<Vault> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::refused(format!(
                "The key file {} cannot be read ({error}). Secrets in the database are encrypted with it: restore it \
                 from your backup, or name another with INNKEEPER_KEY_FILE.",
                path.display()
            ))
        })?;
        let key = unhex(text.trim()).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()).ok_or_else(|| {
            Error::refused(format!("The key file {} must hold 64 hexadecimal digits.", path.display()))
        })?;
        Ok(Vault::new(&key))
    }

    /// Makes a key file that only its owner may read. Fails when there is one already.
    pub fn create_file(path: &Path, random: &Random) -> Result<Vault> {
        use std::io::Write;
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let write = || -> std::io::Result<()> {
            let mut file = options.open(path)?;
            writeln!(file, "{}", random.token())?;
            file.sync_all()
        };
        write().map_err(|error| Error::refused(format!("The key file {} cannot be made: {error}", path.display())))?;
        Vault::from_file(path)
    }

    /// Encrypts for one place, e.g. `pay_methods:token:17`.
    pub fn seal(&self, random: &Random, place: &str, plain: &[u8]) -> Result<Vec<u8>> {
        let mut nonce = [0u8; NONCE];
        random.fill(&mut nonce);
        let sealed = self
            .0
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: place.as_bytes() })
            .or(Err(Error::broken("vault: a secret could not be encrypted")))?;
        let mut out = Vec::with_capacity(1 + NONCE + sealed.len());
        out.push(VERSION);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        Ok(out)
    }

    /// Decrypts what [`Vault::seal`] made for the same place.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        let wrong = || {
            Error::broken(format!("vault: the secret at {place} does not open: another key, or a damaged or moved row"))
        };
        let Some((&VERSION, rest)) = sealed.split_first() else { return Err(wrong()) };
        let (nonce, body) = rest.split_at_checked(NONCE).ok_or_else(wrong)?;
        let nonce = <[u8; NONCE]>::try_from(nonce).or(Err(wrong()))?;
        self.0.decrypt(&XNonce::from(nonce), Payload { msg: body, aad: place.as_bytes() }).or(Err(wrong()))
    }
}

/// SHA-256 as hexadecimal digits: how tokens of 256 random bits are stored, and how documents are sealed.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 of what comes in pieces.
#[derive(Default)]
pub struct Hasher(Sha256);

impl Hasher {
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// As [`sha256_hex`] of all of it.
    pub fn hex(self) -> String {
        hex(&self.0.finalize())
    }
}

/// Argon2id with the library's current defaults.
pub fn hash_password(password: &str) -> Result<String> {
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|error| Error::broken(format!("password hash: {error}")))
}

pub fn password_matches(password: &str, stored: &str) -> bool {
    argon2::PasswordHash::new(stored)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

/// Compares without telling by its duration where the difference is.
pub fn same(left: &str, right: &str) -> bool {
    left.len() == right.len() && left.as_bytes().ct_eq(right.as_bytes()).into()
}

pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

pub fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}
