//! Values that are stored and sent as text: the enum macro, and serde through `parse` and `Display`.

use crate::text::quoted;

/// Declares an enum whose variants have one text each, used in the database, in the API and in forms.
///
/// ```
/// kernel::text_enum! {
///     /// What an invoice is waiting for.
///     pub enum InvoiceStatus { Draft = "draft", Unpaid = "unpaid" }
/// }
/// assert_eq!(InvoiceStatus::parse("Unpaid"), Ok(InvoiceStatus::Unpaid));
/// assert_eq!(InvoiceStatus::Draft.as_str(), "draft");
/// ```
#[macro_export]
macro_rules! text_enum {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident {
            $( $(#[$variant_meta:meta])* $variant:ident = $text:literal ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $name {
            $( $(#[$variant_meta])* $variant, )+
        }

        #[allow(dead_code)]
        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$( Self::$variant ),+];

            pub const fn as_str(self) -> &'static str {
                match self {
                    $( Self::$variant => $text, )+
                }
            }

            /// In any case; the error is a sentence that lists the choices.
            pub fn parse(text: &str) -> ::std::result::Result<Self, ::std::string::String> {
                let wanted = text.trim();
                for value in Self::ALL {
                    if value.as_str().eq_ignore_ascii_case(wanted) {
                        return ::std::result::Result::Ok(*value);
                    }
                }
                ::std::result::Result::Err($crate::unknown_choice(text, &[$( $text ),+]))
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = ::std::string::String;

            fn from_str(text: &str) -> ::std::result::Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl $crate::serde::Serialize for $name {
            fn serialize<S: $crate::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::std::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> $crate::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::std::result::Result<Self, D::Error> {
                let text = <::std::string::String as $crate::serde::Deserialize>::deserialize(deserializer)?;
                Self::parse(&text).map_err($crate::serde::de::Error::custom)
            }
        }
    };
}

#[doc(hidden)]
pub fn unknown_choice(text: &str, choices: &[&str]) -> String {
    format!("{} is not one of the choices. Use {}.", quoted(text), one_of(choices))
}

fn one_of(choices: &[&str]) -> String {
    match choices {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// `FromStr` and serde for a type that has `parse(&str)` and `Display`, so that its text is the same everywhere.
macro_rules! text_value {
    ($type:ty, $error:ty) => {
        impl std::str::FromStr for $type {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, $error> {
                Self::parse(text)
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde::de::IntoDeserializer;
    use serde::de::value::{Error as ValueError, StrDeserializer};

    text_enum! {
        /// A variant may carry attributes, and the enum further derives.
        #[derive(Default)]
        pub(super) enum Status {
            Draft = "draft",
            /// Waits for money.
            #[default]
            Unpaid = "unpaid",
            PartlyPaid = "partly-paid",
        }
    }

    text_enum! { enum Only { One = "one" } }

    #[test]
    fn each_variant_is_read_from_its_text_in_any_case() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Ok(*status));
            assert_eq!(status.as_str().to_uppercase().parse(), Ok(*status));
            assert_eq!(status.to_string(), status.as_str());
        }
        assert_eq!(Status::parse(" Partly-Paid "), Ok(Status::PartlyPaid));
        assert_eq!(Status::ALL, [Status::Draft, Status::Unpaid, Status::PartlyPaid]);
        assert_eq!(Status::default(), Status::Unpaid);
        assert!(Status::Draft < Status::Unpaid);
    }

    #[test]
    fn an_unknown_text_is_answered_with_the_choices() {
        let error = "“paid” is not one of the choices. Use draft, unpaid or partly-paid.";
        assert_eq!(Status::parse("paid"), Err(error.to_owned()));
        assert_eq!(Only::parse(""), Err("“” is not one of the choices. Use one.".to_owned()));
        assert_eq!(Only::ALL, [Only::One]);
    }

    #[test]
    fn serde_uses_the_same_text() {
        let value = |text: &'static str| -> StrDeserializer<'static, ValueError> { text.into_deserializer() };
        assert_eq!(Status::deserialize(value("UNPAID")).unwrap(), Status::Unpaid);
        let error = Status::deserialize(value("paid")).unwrap_err().to_string();
        assert!(error.contains("Use draft, unpaid or partly-paid."), "{error}");
        assert_eq!(written(&Status::PartlyPaid), "partly-paid");
        assert_eq!(written(&crate::Date::parse("2026-01-31").unwrap()), "2026-01-31");
        assert_eq!(written(&crate::Rate::from_units(82_500)), "8.25");
    }

    /// What `Serialize` writes: a `fmt::Formatter` is a serializer of plain values.
    fn written(value: &impl serde::Serialize) -> String {
        struct Written<'a, T>(&'a T);
        impl<T: serde::Serialize> std::fmt::Display for Written<'_, T> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.serialize(f)
            }
        }
        Written(value).to_string()
    }
}
