//! Values on their way into and out of a statement, the same for both engines.

use std::borrow::Cow;

use kernel::{Currency, Cycle, Date, Error, Rate, Result, Timestamp};

/// A parameter of a statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    Null,
    Int(i64),
    Bool(bool),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    /// For `IN $n[]`.
    Ints(Cow<'a, [i64]>),
    /// For `IN $n[]`.
    Texts(Vec<String>),
}

impl Value<'_> {
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Null => Value::Null,
            Value::Int(value) => Value::Int(value),
            Value::Bool(value) => Value::Bool(value),
            Value::Text(value) => Value::Text(Cow::Owned(value.into_owned())),
            Value::Bytes(value) => Value::Bytes(Cow::Owned(value.into_owned())),
            Value::Ints(values) => Value::Ints(Cow::Owned(values.into_owned())),
            Value::Texts(values) => Value::Texts(values),
        }
    }
}

/// What can be a parameter.
pub trait ToValue {
    fn to_value(&self) -> Value<'_>;
}

/// A value in a result row, before it is given its type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    Null,
    Int(i64),
    Bool(bool),
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// What can be read from a result row.
pub trait FromCell: Sized + Send {
    fn from_cell(cell: Cell<'_>) -> Result<Self>;
}

pub fn mismatch(wanted: &str, cell: Cell<'_>) -> Error {
    let found = match cell {
        Cell::Null => "NULL",
        Cell::Int(_) => "an integer",
        Cell::Bool(_) => "a boolean",
        Cell::Text(_) => "text",
        Cell::Bytes(_) => "bytes",
    };
    Error::broken(format!("database: expected {wanted}, found {found}"))
}

macro_rules! integer {
    ($($type:ty),*) => {$(
        impl ToValue for $type {
            fn to_value(&self) -> Value<'_> {
                Value::Int(i64::from(*self))
            }
        }
        impl FromCell for $type {
            fn from_cell(cell: Cell<'_>) -> Result<Self> {
                match cell {
                    Cell::Int(value) => <$type>::try_from(value)
                        .or_else(|_| Err(Error::broken(format!("database: {value} does not fit its type")))),
                    other => Err(mismatch("an integer", other)),
                }
            }
        }
    )*};
}
integer!(i64, i32, u32, u16, u8);

impl ToValue for bool {
    fn to_value(&self) -> Value<'_> {
        Value::Bool(*self)
    }
}
impl FromCell for bool {
    fn from_cell(cell: Cell<'_>) -> Result<Self> {
        match cell {
            Cell::Bool(value) => Ok(value),
            Cell::Int(value) => Ok(value != 0),
            other => Err(mismatch("a boolean", other)),
        }
    }
}

impl ToValue for str {
    fn to_value(&self) -> Value<'_> {
        Value::Text(Cow::Borrowed(self))
    }
}
impl ToValue for String {
    fn to_value(&self) -> Value<'_> {
        Value::Text(Cow::Borrowed(self))
    }
}
impl FromCell for String {
    fn from_cell(cell: Cell<'_>) -> Result<Self> {
        match cell {
            Cell::Text(value) => Ok(value.to_owned()),
            other => Err(mismatch("text", other)),
        }
    }
}

impl ToValue for [u8] {
    fn to_value(&self) -> Value<'_> {
        Value::Bytes(Cow::Borrowed(self))
    }
}
impl ToValue for Vec<u8> {
    fn to_value(&self) -> Value<'_> {
        Value::Bytes(Cow::Borrowed(self))
    }
}
impl FromCell for Vec<u8> {
    fn from_cell(cell: Cell<'_>) -> Result<Self> {
        match cell {
            Cell::Bytes(value) => Ok(value.to_vec()),
            other => Err(mismatch("bytes", other)),
        }
    }
}

impl ToValue for [i64] {
    fn to_value(&self) -> Value<'_> {
        Value::Ints(Cow::Borrowed(self))
    }
}
impl ToValue for Vec<i64> {
    fn to_value(&self) -> Value<'_> {
        Value::Ints(Cow::Borrowed(self))
    }
}
impl ToValue for [String] {
    fn to_value(&self) -> Value<'_> {
        Value::Texts(self.to_vec())
    }
}
impl ToValue for Vec<String> {
    fn to_value(&self) -> Value<'_> {
        Value::Texts(self.clone())
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, ToValue::to_value)
    }
}
impl<T: FromCell> FromCell for Option<T> {
    fn from_cell(cell: Cell<'_>) -> Result<Self> {
        match cell {
            Cell::Null => Ok(None),
            cell => T::from_cell(cell).map(Some),
        }
    }
}
impl<T: ToValue + ?Sized> ToValue for &T {
    fn to_value(&self) -> Value<'_> {
        (**self).to_value()
    }
}
impl ToValue for Value<'_> {
    fn to_value(&self) -> Value<'_> {
        self.clone()
    }
}

impl ToValue for Timestamp {
    fn to_value(&self) -> Value<'_> {
        Value::Int(self.micros())
    }
}
impl FromCell for Timestamp {
    fn from_cell(cell: Cell<'_>) -> Result<Self> {
        i64::from_cell(cell).map(Timestamp::from_micros)
    }
}

impl ToValue for Rate {
    fn to_value(&self) -> Value<'_> {
        Value::Int(self.units())
    }
}
impl FromCell for Rate {
    fn from_cell(cell: Cell<'_>) -> Result<Self> {
        i64::from_cell(cell).map(Rate::from_units)
    }
}

/// Stores a value as text: the type's `Display` going in, the named parser coming out.
#[macro_export]
macro_rules! text_column {
    ($type:ty, $parse:expr) => {
        impl $crate::db::ToValue for $type {
            fn to_value(&self) -> $crate::db::Value<'_> {
                $crate::db::Value::Text(std::borrow::Cow::Owned(self.to_string()))
            }
        }
        impl $crate::db::FromCell for $type {
            fn from_cell(cell: $crate::db::Cell<'_>) -> kernel::Result<Self> {
                match cell {
                    $crate::db::Cell::Text(text) => $parse(text).or_else(|_| {
                        Err(kernel::Error::broken(format!("database: “{text}” is no {}", stringify!($type))))
                    }),
                    other => Err($crate::db::mismatch(stringify!($type), other)),
                }
            }
        }
    };
}

/// Lets a `text_enum!` of any crate be stored as its text.
#[macro_export]
macro_rules! enum_column {
    ($($type:ty),+ $(,)?) => {$(
        impl $crate::db::ToValue for $type {
            fn to_value(&self) -> $crate::db::Value<'_> {
                $crate::db::Value::Text(std::borrow::Cow::Borrowed(self.as_str()))
            }
        }
        impl $crate::db::FromCell for $type {
            fn from_cell(cell: $crate::db::Cell<'_>) -> kernel::Result<Self> {
                match cell {
                    $crate::db::Cell::Text(text) => <$type>::parse(text).or_else(|_| {
                        Err(kernel::Error::broken(format!("database: “{text}” is no {}", stringify!($type))))
                    }),
                    other => Err($crate::db::mismatch(stringify!($type), other)),
                }
            }
        }
    )+};
}

text_column!(Date, Date::parse);
text_column!(Currency, Currency::parse);

impl ToValue for Cycle {
    fn to_value(&self) -> Value<'_> {
        Value::Text(Cow::Owned(self.text()))
    }
}
impl FromCell for Cycle {
    fn from_cell(cell: Cell<'_>) -> Result<Self> {
        match cell {
            Cell::Text(text) => match Cycle::parse(text) {
                Ok(cycle) => Ok(cycle),
                Err(_) => Err(Error::broken(format!("database: “{text}” is no billing cycle"))),
            },
            other => Err(mismatch("a billing cycle", other)),
        }
    }
}

/// The parameters of a statement: `params![id, name, Option::<i64>::None]`.
#[macro_export]
macro_rules! params {
    () => { &[] as &[$crate::db::Value<'_>] };
    ($($value:expr),+ $(,)?) => { &[$($crate::db::ToValue::to_value(&$value)),+] };
}

/// The values of one row of an [`Insert`](crate::db::Insert). Unlike [`params!`] it borrows from where a value lives,
/// not from the expression, so that rows can be collected in a loop.
#[macro_export]
macro_rules! cells {
    ($($value:expr),+ $(,)?) => {{
        use $crate::db::ToValue as _;
        [$($value.to_value()),+]
    }};
}

/// A struct that is read from a row, column by column in the order of its fields.
/// `COLUMNS` lists them, so that no statement says `SELECT *` (a cached `*` breaks on a rolling upgrade).
#[macro_export]
macro_rules! record {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($(#[$fmeta:meta])* $fvis:vis $field:ident : $type:ty),+ $(,)? }) => {
        $(#[$meta])* $vis struct $name { $($(#[$fmeta])* $fvis $field: $type),+ }
        impl $name {
            pub const COLUMNS: &'static [&'static str] = &[$(stringify!($field)),+];
            /// `a.id, a.name …` for the table alias given; without alias when it is empty.
            #[allow(dead_code)]
            pub fn columns(alias: &str) -> String {
                $crate::db::columns(Self::COLUMNS, alias)
            }
        }
        impl $name {
            /// As a row of a join has it, from column `at` on.
            #[allow(dead_code)]
            pub fn from_row_at(row: &$crate::db::Row<'_>, mut at: usize) -> kernel::Result<Self> {
                $(let $field = { let value = row.get::<$type>(at)?; at += 1; value };)+
                let _ = at;
                Ok($name { $($field),+ })
            }
        }
        impl $crate::db::FromRow for $name {
            fn from_row(row: &$crate::db::Row<'_>) -> kernel::Result<Self> {
                Self::from_row_at(row, 0)
            }
        }
    };
}

/// Names of columns as a statement lists them.
pub fn columns(names: &[&str], alias: &str) -> String {
    let mut list = String::with_capacity(names.len() * 16);
    for (at, name) in names.iter().enumerate() {
        if at > 0 {
            list.push_str(", ");
        }
        if !alias.is_empty() {
            list.push_str(alias);
            list.push('.');
        }
        list.push_str(name);
    }
    list
}
