//! Finds clients and users by how the words of their names, companies and e-mail addresses begin.
//!
//! What must hold: whoever changes a name calls [`index`] in the same transaction. Neither engine folds the case of all
//! scripts alike, so we do; and neither finds a part of a text by an index, so what begins at each word is stored apart.

use std::collections::BTreeSet;

use kernel::Result;
use platform::db::{Conn, Insert, ToValue, Tx, Value};
use platform::web::lists::Where;
use platform::{cells, params};

/// Whose words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Client,
    User,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Kind::Client => "client",
            Kind::User => "user",
        }
    }
}

/// So much of what begins at a word is stored and looked for, in characters.
const LENGTH: usize = 40;
/// So many are found by an index. More are no find: they are among what is looked through.
pub const MOST: usize = 1_000;
/// Several words of one name may begin alike.
const LOOKED: usize = 4 * MOST;

/// What a `search` column holds.
pub fn text(parts: &[&str]) -> String {
    let filled: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
    filled.join(" ").to_lowercase()
}

/// The characters between words; the migration that made the table has the same.
fn between(c: char) -> bool {
    c == ' ' || c.is_ascii_punctuation()
}

fn cut(text: &str) -> String {
    text.chars().take(LENGTH).collect()
}

/// Everything from each word on: `ann lee`, `lee`.
fn beginnings(text: &str) -> BTreeSet<String> {
    let mut before = ' ';
    let mut found = BTreeSet::new();
    for (at, c) in text.char_indices() {
        if between(before) && !between(c) {
            found.insert(cut(&text[at..]));
        }
        before = c;
    }
    found
}

/// Makes `text`, the `search` column, the one that is found.
pub async fn index(tx: &mut Tx, kind: Kind, id: i64, text: &str) -> Result<()> {
    tx.execute("DELETE FROM search_words WHERE kind = $1 AND of_id = $2", params![kind.as_str(), id]).await?;
    let words = beginnings(text);
    let kind = kind.as_str();
    let mut rows = Insert::into("search_words", &["kind", "word", "of_id"]);
    for word in &words {
        rows.row(cells![kind, word, id]);
    }
    rows.run(tx).await?;
    Ok(())
}

/// What was typed, as beginnings of words in lower case.
fn wanted(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let words = lower.split_whitespace().map(|word| cut(word.trim_start_matches(between)));
    words.filter(|word| !word.is_empty()).collect()
}

/// Greater than everything that begins with the text, byte by byte.
fn after(text: &str) -> String {
    format!("{text}\u{10FFFF}")
}

/// Who has been found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    Ids(Vec<i64>),
    /// More than [`MOST`], by all these beginnings of words.
    Many(Kind, Vec<String>),
}

/// Whoever has words that begin like each of the words typed.
pub async fn find(conn: &mut Conn, kind: Kind, text: &str) -> Result<Found> {
    find_words(conn, kind, wanted(text)).await
}

/// As [`find`], of words that stand together.
pub async fn find_phrase(conn: &mut Conn, kind: Kind, text: &str) -> Result<Found> {
    let phrase = cut(text.trim().to_lowercase().trim_start_matches(between));
    let words = if phrase.is_empty() { Vec::new() } else { vec![phrase] };
    find_words(conn, kind, words).await
}

async fn find_words(conn: &mut Conn, kind: Kind, mut words: Vec<String>) -> Result<Found> {
    // The longest word fits the fewest.
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let Some((longest, others)) = words.split_first() else { return Ok(Found::Ids(Vec::new())) };
    let until = after(longest);
    let mut values = vec![kind.as_str().to_value(), longest.to_value(), until.to_value()];
    let mut clauses = String::new();
    for word in others {
        let at = values.len() + 1;
        values.push(Value::Text(word.clone().into()));
        values.push(Value::Text(after(word).into()));
        clauses.push_str(&format!(
            " AND EXISTS (SELECT 1 FROM search_words o WHERE o.of_id = w.of_id AND o.kind = w.kind AND o.word >= ${at} \
             AND o.word < ${})",
            at + 1
        ));
    }
    // Made distinct here: PostgreSQL reads all there are to do so.
    let sql = format!(
        "SELECT w.of_id FROM search_words w WHERE w.kind = $1 AND w.word >= $2 AND w.word < $3{clauses} LIMIT {LOOKED}"
    );
    let mut ids: Vec<i64> = conn.column(&sql, &values).await?;
    let cut_off = ids.len() == LOOKED;
    ids.sort_unstable();
    ids.dedup();
    Ok(if cut_off || ids.len() > MOST { Found::Many(kind, words) } else { Found::Ids(ids) })
}

impl Found {
    /// For what was typed if it is a number: that id too. A number that too many words begin with is an id alone.
    pub fn or_id(self, id: i64) -> Found {
        match self {
            Found::Ids(mut ids) => {
                ids.push(id);
                Found::Ids(ids)
            }
            Found::Many(..) => Found::Ids(vec![id]),
        }
    }

    /// Lets a list have only those whose id is in `column`.
    pub fn limit(self, list: &mut Where<'_>, column: &'static str) {
        let (clause, values) = self.clause(column);
        self.add(list, &clause, values);
    }

    /// Adds a condition that [`Found::clause`] is a part of.
    pub fn add<'a>(&self, list: &mut Where<'a>, clause: &str, values: Vec<Value<'a>>) {
        match self {
            Found::Ids(_) => list.by_index_of("names", clause, values),
            Found::Many(..) => list.and_of(clause, values),
        }
    }

    /// The condition that the id in `column` is one of these, with a value for each `?`.
    pub fn clause(&self, column: &str) -> (String, Vec<Value<'static>>) {
        match self {
            Found::Ids(ids) => (format!("{column} IN ?[]"), vec![Value::Ints(ids.clone().into())]),
            Found::Many(kind, words) => {
                // The offset keeps PostgreSQL from reading all words of the range to look each row up among them.
                let begins = format!(
                    "EXISTS (SELECT 1 FROM search_words w WHERE w.of_id = {column} AND w.kind = '{}' AND w.word >= ? \
                     AND w.word < ? LIMIT 1 OFFSET 0)",
                    kind.as_str()
                );
                let clauses = vec![begins; words.len()];
                let bounds = |word: &String| [Value::Text(word.clone().into()), Value::Text(after(word).into())];
                (clauses.join(" AND "), words.iter().flat_map(bounds).collect())
            }
        }
    }
}

/// For `column LIKE ? ESCAPE '\'`: the text anywhere, in lower case.
pub fn anywhere(word: &str) -> Value<'static> {
    Value::Text(format!("%{}%", literal(&word.to_lowercase())).into())
}

fn literal(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_at_each_word_is_stored_once() {
        let found: Vec<String> = beginnings("ann  lee-o'hara a.lee@söhne.at").into_iter().collect();
        assert_eq!(
            found,
            [
                "a.lee@söhne.at",
                "ann  lee-o'hara a.lee@söhne.at",
                "at",
                "hara a.lee@söhne.at",
                "lee-o'hara a.lee@söhne.at",
                "lee@söhne.at",
                "o'hara a.lee@söhne.at",
                "söhne.at"
            ]
        );
        assert!(beginnings(" .").is_empty());
        assert_eq!(beginnings(&"x".repeat(90)).first().unwrap().chars().count(), LENGTH);
    }

    #[test]
    fn what_is_typed_is_taken_apart_at_spaces() {
        assert_eq!(wanted(" Ann @Söhne.AT - "), ["ann", "söhne.at"]);
    }
}
