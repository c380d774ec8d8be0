use jiff::Timestamp;
use jiff::civil::Date;

use super::object;
use crate::command::{self, Command, Intent, same_name};
use crate::error::{Hostile, NotSent};
use crate::period::Period;
use crate::response::Response;
use crate::xml::Element;
use crate::{fee, ns};

/// Renews a domain. The date on which it expires now makes a repeated renewal harmless: the second is refused, since by
/// then it expires on another (RFC 5731, section 3.2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renew {
    /// The domain.
    pub name: String,
    /// On which it expires now, in UTC.
    pub current_expiry: Date,
    /// For how long; the registry's usual period without it.
    pub period: Option<Period>,
    /// What we agree to pay.
    pub fee: Option<fee::Agreed>,
}

impl Renew {
    /// Renews a domain that expires on `current_expiry`.
    #[must_use]
    pub fn new(name: &str, current_expiry: Date, period: Period) -> Renew {
        Renew { name: name.to_owned(), current_expiry, period: Some(period), fee: None }
    }
}

/// A domain that was renewed, or will be when the answer is pending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewed {
    /// The domain.
    pub name: String,
    /// Until when; none where the registry does not say.
    pub expires_at: Option<Timestamp>,
}

impl Command for Renew {
    type Result = Renewed;

    fn intent(&self) -> Intent {
        Intent::Transform
    }

    fn verb(&self) -> Result<Element, NotSent> {
        let renew = object("renew", &self.name)?.with_leaf("curExpDate", self.current_expiry.to_string());
        let period = self.period.map(|period| period.element(&renew)).transpose()?;
        Ok(command::verb("renew", renew.with_all(period)))
    }

    fn extensions(&self) -> Result<Vec<Element>, NotSent> {
        Ok(self.fee.as_ref().map(|fee| fee.element("renew")).transpose()?.into_iter().collect())
    }

    fn read(&self, response: &Response) -> Result<Renewed, Hostile> {
        let Some(data) = response.get(ns::DOMAIN, "renData") else {
            if response.is_pending() {
                return Ok(Renewed { name: self.name.clone(), expires_at: None });
            }
            return Err(Hostile::new("there is no renData in it"));
        };
        let renewed = Renewed { name: data.need_text("name")?, expires_at: data.instant("exDate")? };
        same_name(&self.name, &renewed.name)?;
        Ok(renewed)
    }
}
