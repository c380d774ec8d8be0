//! The conditions of a list, and which of them an index finds rows by.

use crate::db::Value;

/// Conditions of a `WHERE`, with their parameters. The values of a request never become SQL text.
#[derive(Debug, Clone, Default)]
pub struct Where<'a> {
    pub(super) clauses: Vec<Clause>,
    pub params: Vec<Value<'a>>,
}

/// One condition. Its text has `?` where its values come.
#[derive(Debug, Clone)]
pub(super) struct Clause {
    text: String,
    /// Its values are `params[from..until]`.
    from: usize,
    until: usize,
    pub(super) found: Found,
}

/// How the rows are found that a condition lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// By looking at every row.
    Looking,
    /// Nearly every row fits, so nothing need be found.
    Nearly,
    /// By an index that begins with this column, which has one value.
    Equal(&'static str),
    /// By an index under this name, usually its first column; conditions of one name are found together.
    Range(&'static str),
}

impl Found {
    /// The conditions of one group are found together.
    pub(super) fn group(self) -> Option<&'static str> {
        match self {
            Found::Equal(name) | Found::Range(name) => Some(name),
            Found::Looking | Found::Nearly => None,
        }
    }
}

impl<'a> Where<'a> {
    fn add(&mut self, text: &str, values: Vec<Value<'a>>, found: Found) {
        let from = self.params.len();
        self.params.extend(values);
        self.clauses.push(Clause { text: text.to_owned(), from, until: self.params.len(), found });
    }

    /// Adds `clause`, in which each `?` stands for `value`. No index finds what it lets through.
    pub fn and(&mut self, clause: &str, value: Value<'a>) {
        self.add(clause, vec![value], Found::Looking);
    }

    /// As [`Where::and`], with a value for each `?` in turn.
    pub fn and_of(&mut self, clause: &str, values: Vec<Value<'a>>) {
        self.add(clause, values, Found::Looking);
    }

    /// A condition without a value.
    pub fn plain(&mut self, clause: &str) {
        self.add(clause, Vec::new(), Found::Looking);
    }

    /// A condition without a value that nearly every row fulfils.
    pub fn nearly(&mut self, clause: &str) {
        self.add(clause, Vec::new(), Found::Nearly);
    }

    /// `column = value`, where an index begins with the column.
    pub fn equal(&mut self, column: &'static str, value: Value<'a>) {
        self.add(&format!("{column} = ?"), vec![value], Found::Equal(column));
    }

    /// As [`Where::equal`], of a condition without a value that has a partial index of its own: `name` is what
    /// [`Sort::with`](super::Sort::with) calls it.
    pub fn equal_by(&mut self, name: &'static str, clause: &str) {
        self.add(clause, Vec::new(), Found::Equal(name));
    }

    /// A condition by which an index finds rows; those of one name are found together. The name of a range of a column
    /// that the list can be sorted by is that column.
    pub fn by_index(&mut self, name: &'static str, clause: &str, value: Value<'a>) {
        self.add(clause, vec![value], Found::Range(name));
    }

    /// As [`Where::by_index`], with a value for each `?` in turn.
    pub fn by_index_of(&mut self, name: &'static str, clause: &str, values: Vec<Value<'a>>) {
        self.add(clause, values, Found::Range(name));
    }

    pub fn is_empty(&self) -> bool {
        self.clauses.is_empty()
    }

    /// All conditions, numbered as the parameters are.
    pub fn sql(&self) -> String {
        if self.clauses.is_empty() {
            return String::new();
        }
        let texts: Vec<String> =
            self.clauses.iter().map(|clause| clause.numbered((clause.from + 1..).take(clause.count()))).collect();
        format!("WHERE {}", texts.join(" AND "))
    }

    /// The number that the next parameter has.
    pub fn next(&self) -> usize {
        self.params.len() + 1
    }

    /// A condition in a statement with parameters of its own.
    pub(super) fn render(&self, clause: &Clause, params: &mut Vec<Value<'a>>) -> String {
        let first = params.len() + 1;
        params.extend_from_slice(&self.params[clause.from..clause.until]);
        clause.numbered((first..).take(clause.count()))
    }

    pub fn into_owned(self) -> Where<'static> {
        Where { clauses: self.clauses, params: self.params.into_iter().map(Value::into_owned).collect() }
    }
}

impl Clause {
    fn count(&self) -> usize {
        self.until - self.from
    }

    /// Of one value every `?` is that value; of several each `?` is the next.
    fn numbered(&self, mut numbers: impl Iterator<Item = usize>) -> String {
        if self.count() == 1 {
            let number = numbers.next().unwrap_or_default();
            return self.text.replace('?', &format!("${number}"));
        }
        let mut out = String::with_capacity(self.text.len() + 8);
        for (at, piece) in self.text.split('?').enumerate() {
            if at > 0 {
                out.push_str(&format!("${}", numbers.next().unwrap_or_default()));
            }
            out.push_str(piece);
        }
        out
    }
}
