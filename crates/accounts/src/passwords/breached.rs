//! The list of leaked passwords: a file that the operator downloads, such as Pwned Passwords ordered by hash. A line is
//! the SHA-1 of a password in hexadecimal digits and, after a colon, how often it was seen. The file has some tens of
//! gigabytes, so it is searched where it lies; no password and no hash leaves the machine.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use kernel::{Error, Result};
use platform::crypto;
use sha1::{Digest, Sha1};

/// Digits of a hash.
const DIGITS: usize = 40;
/// No line is longer.
const LINE: u64 = 128;

#[derive(Debug, Clone)]
pub struct Breached(PathBuf);

impl Breached {
    /// Looks whether the file is such a list.
    pub fn open(path: &Path) -> Result<Breached> {
        let wrong = |why: &str| {
            Error::refused(format!(
                "The list of leaked passwords {} {why}. It must have a line for each password: the SHA-1 as {DIGITS} \
                 hexadecimal digits, a colon, a number; in the order of the hashes.",
                path.display()
            ))
        };
        let list = Breached(path.to_owned());
        let mut file = File::open(path).map_err(|error| wrong(&format!("cannot be read ({error})")))?;
        let size = file.seek(SeekFrom::End(0)).map_err(|error| wrong(&format!("cannot be read ({error})")))?;
        let places = (0..=8).map(|part| size / 8 * part);
        let mut last: Option<String> = None;
        for place in places {
            let Some((_, line)) = line_from(&mut file, place).map_err(|error| list.unreadable(&error))? else {
                continue;
            };
            let hash = hash_of(&line).ok_or_else(|| wrong("has a line that is none of a hash"))?;
            if last.as_ref().is_some_and(|last| *last > hash) {
                return Err(wrong("is not in the order of the hashes"));
            }
            last = Some(hash);
        }
        last.map(|_| list).ok_or_else(|| wrong("is empty"))
    }

    /// Whether the password is in the list. Reads some forty small pieces of the file.
    pub fn contains(&self, password: &str) -> Result<bool> {
        let wanted = crypto::hex(&Sha1::digest(password.as_bytes())).to_uppercase();
        self.search(&wanted).map_err(|error| self.unreadable(&error))
    }

    fn search(&self, wanted: &str) -> std::io::Result<bool> {
        let mut file = File::open(&self.0)?;
        let (mut low, mut high) = (0, file.seek(SeekFrom::End(0))?);
        while low < high {
            let middle = low + (high - low) / 2;
            let found = line_from(&mut file, middle)?.filter(|(start, _)| *start < high);
            let Some((start, line)) = found else {
                high = middle;
                continue;
            };
            let Some(hash) = hash_of(&line) else {
                return Err(std::io::Error::other("a line is none of a hash"));
            };
            match hash.as_str().cmp(wanted) {
                Ordering::Equal => return Ok(true),
                Ordering::Less => low = start + line.len() as u64,
                Ordering::Greater => high = middle,
            }
        }
        Ok(false)
    }

    fn unreadable(&self, error: &std::io::Error) -> Error {
        Error::broken(format!("the list of leaked passwords {} cannot be read: {error}", self.0.display()))
    }
}

/// The first line that begins at a place or after it, and where it begins.
fn line_from(file: &mut File, place: u64) -> std::io::Result<Option<(u64, String)>> {
    // The line that begins exactly here begins after the newline before it.
    let mut start = place.saturating_sub(1);
    file.seek(SeekFrom::Start(start))?;
    let mut reader = BufReader::with_capacity(2 * LINE as usize, file.take(2 * LINE));
    let mut line = Vec::new();
    if place > 0 {
        start += reader.read_until(b'\n', &mut line)? as u64;
        line.clear();
    }
    reader.read_until(b'\n', &mut line)?;
    Ok((!line.is_empty()).then(|| (start, String::from_utf8_lossy(&line).into_owned())))
}

fn hash_of(line: &str) -> Option<String> {
    let (hash, _) = line.trim_end().split_once(':').unwrap_or((line.trim_end(), ""));
    (hash.len() == DIGITS && hash.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| hash.to_uppercase())
}
