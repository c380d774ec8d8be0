//! How long a domain is registered, renewed or transferred for.

use crate::error::{Hostile, NotSent, invalid};
use crate::xml::Element;

/// `periodType` of RFC 5731: 1 to 99 years or months.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Period {
    /// Years.
    Years(u8),
    /// Months.
    Months(u8),
}

impl Period {
    /// As an element `period` beside `sibling`.
    pub(crate) fn element(self, sibling: &Element) -> Result<Element, NotSent> {
        let (unit, count) = match self {
            Period::Years(count) => ("y", count),
            Period::Months(count) => ("m", count),
        };
        if !(1..=99).contains(&count) {
            return Err(invalid("a period has 1 to 99 years or months"));
        }
        Ok(sibling.sibling("period").with_attribute("unit", unit).with_text(count.to_string()))
    }

    pub(crate) fn read(element: &Element) -> Result<Period, Hostile> {
        let count = element.text().parse().ok().filter(|count| (1..=99).contains(count));
        let count: u8 = count.ok_or_else(|| Hostile::new("a period is no number from 1 to 99"))?;
        match element.attribute("unit").unwrap_or("y") {
            "y" => Ok(Period::Years(count)),
            "m" => Ok(Period::Months(count)),
            _ => Err(Hostile::new("a period is in a unit that is not known")),
        }
    }
}
