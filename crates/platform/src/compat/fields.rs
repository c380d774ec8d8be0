//! The tree of values in a request: `pid[0]=1` and `pricing[1][monthly]=5` are paths into it.

use kernel::errors::{Error, Result};

/// Values in one query string or in one body.
const MAX_VALUES: usize = 2_000;
/// Levels below the parameter's name; the deepest documented form (`lineitems[x][desc]`) has two.
const MAX_DEPTH: usize = 5;
const MAX_NAME: usize = 200;

const MIXED: &str = "Send either a single value or a list, not both.";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    /// `pid=1&pid=2`: a list for those who want one, an error for those who want one value.
    Repeated(Vec<Value>),
    Map(Vec<(String, Value)>),
}

impl Value {
    /// One value counts as the list of itself, as older clients send `pid=1` where newer send `pid[0]=1`.
    fn child(&self, key: &str) -> Option<&Value> {
        match self {
            Value::Text(_) => (key == "0").then_some(self),
            Value::Repeated(values) => values.get(usize::try_from(index(key)?).ok()?),
            Value::Map(entries) => find(entries, key),
        }
    }
}

/// Parameters in the order of their arrival, by lower-case name.
#[derive(Default)]
pub(super) struct Fields {
    entries: Vec<(String, Value)>,
    values: usize,
}

impl Fields {
    /// Takes one `name=value` pair; `name` may have keys in brackets, an empty key being the next free number.
    pub fn insert(&mut self, name: &str, text: String) -> Result<()> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(Error::invalid(shown(name), format!("Send at most {MAX_VALUES} values in one request.")));
        }
        // PostgreSQL cannot store it, and what it would end elsewhere is anybody's guess.
        if name.contains('\0') || text.contains('\0') {
            return Err(Error::invalid(shown(name).replace('\0', ""), "Remove the NUL character."));
        }
        let (root, keys) = split(name).map_err(|message| Error::invalid(shown(name), message))?;
        let root = root.to_ascii_lowercase();
        if keys.is_empty() {
            self.insert_plain(root, text).map_err(|message| Error::invalid(shown(name), message))
        } else {
            place(&mut self.entries, &root, &keys, text).map_err(|message| Error::invalid(shown(name), message))
        }
    }

    fn insert_plain(&mut self, root: String, text: String) -> Result<(), &'static str> {
        match find_mut(&mut self.entries, &root) {
            None => self.entries.push((root, Value::Text(text))),
            Some(Value::Map(_)) => return Err(MIXED),
            Some(Value::Repeated(values)) => values.push(Value::Text(text)),
            Some(first @ Value::Text(_)) => {
                let earlier = std::mem::replace(first, Value::Repeated(Vec::new()));
                *first = Value::Repeated(vec![earlier, Value::Text(text)]);
            }
        }
        Ok(())
    }

    /// The value at `path`, written as on the wire: `pricing[1][monthly]`. Only the name ignores letter case.
    pub fn get(&self, path: &str) -> Option<&Value> {
        let (root, keys) = split(path).ok()?;
        let root = self.entries.iter().find(|(name, _)| name.eq_ignore_ascii_case(root)).map(|(_, value)| value)?;
        keys.iter().try_fold(root, |value, key| value.child(key))
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(name, _)| name.as_str())
    }

    /// These fields, with those of `over` in place of equally named ones.
    pub fn overlaid_with(mut self, over: Fields) -> Fields {
        self.entries.retain(|(name, _)| find(&over.entries, name).is_none());
        self.entries.extend(over.entries);
        self.values += over.values;
        self
    }
}

fn place(entries: &mut Vec<(String, Value)>, key: &str, rest: &[&str], text: String) -> Result<(), &'static str> {
    let key = if key.is_empty() { next_index(entries)? } else { key.to_owned() };
    let Some((next, deeper)) = rest.split_first() else {
        if find(entries, &key).is_some() {
            return Err("Send this once.");
        }
        entries.push((key, Value::Text(text)));
        return Ok(());
    };
    match find_mut(entries, &key) {
        Some(Value::Map(children)) => place(children, next, deeper, text),
        Some(_) => Err(MIXED),
        None => {
            let mut children = Vec::new();
            place(&mut children, next, deeper, text)?;
            entries.push((key, Value::Map(children)));
            Ok(())
        }
    }
}

/// `k[]` counts on from the highest number so far, as in PHP.
fn next_index(entries: &[(String, Value)]) -> Result<String, &'static str> {
    let next = match entries.iter().filter_map(|(key, _)| index(key)).max() {
        Some(highest) => highest.checked_add(1).ok_or("Use smaller numbers.")?,
        None => 0,
    };
    Ok(next.to_string())
}

/// A key that is a number from 0, without leading zeros or sign.
pub(super) fn index(key: &str) -> Option<i64> {
    let canonical = key == "0" || !key.starts_with('0');
    (canonical && key.bytes().all(|byte| byte.is_ascii_digit())).then(|| key.parse().ok()).flatten()
}

/// `a[b][]` into `a` and `b`, ``.
fn split(name: &str) -> Result<(&str, Vec<&str>), &'static str> {
    const MALFORMED: &str = "Write the name as name, name[key] or name[key][key].";
    if name.len() > MAX_NAME {
        return Err("Use a shorter name.");
    }
    let (root, mut rest) = name.split_at(name.find('[').unwrap_or(name.len()));
    if root.is_empty() || root.contains(']') {
        return Err(MALFORMED);
    }
    let mut keys = Vec::new();
    while !rest.is_empty() {
        let (key, after) = rest.strip_prefix('[').and_then(|open| open.split_once(']')).ok_or(MALFORMED)?;
        if key.contains('[') {
            return Err(MALFORMED);
        }
        if keys.len() == MAX_DEPTH {
            return Err("Use fewer keys in brackets.");
        }
        keys.push(key);
        rest = after;
    }
    Ok((root, keys))
}

/// A name as an error message shows it: never longer than a name may be.
fn shown(name: &str) -> String {
    if name.is_empty() { "(no name)".to_owned() } else { name.chars().take(MAX_NAME).collect() }
}

fn find<'a>(entries: &'a [(String, Value)], key: &str) -> Option<&'a Value> {
    entries.iter().find(|(name, _)| name == key).map(|(_, value)| value)
}

fn find_mut<'a>(entries: &'a mut [(String, Value)], key: &str) -> Option<&'a mut Value> {
    entries.iter_mut().find(|(name, _)| name == key).map(|(_, value)| value)
}
