//! What extensions add to answers.

use crate::error::Hostile;
use crate::xml::Element;
use crate::{fee, launch, ns, rgp, secdns};

/// What extensions say in an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extensions {
    /// Keys of DNSSEC of a domain (RFC 5910); none means that the domain is not signed, or the server does not tell.
    pub secdns: Option<secdns::Keys>,
    /// Grace periods of a domain, and how far its restore is (RFC 3915).
    pub rgp: Vec<rgp::Status>,
    /// What commands would cost (RFC 8748): the answer to a [`fee::Check`].
    pub prices: Option<fee::Prices>,
    /// What the command cost (RFC 8748).
    pub charged: Option<fee::Charged>,
    /// Claims, applications (RFC 8334).
    pub launch: Option<launch::Reply>,
    /// What this crate does not know.
    pub other: Vec<Element>,
}

impl Extensions {
    pub(crate) fn read(elements: &[Element]) -> Result<Extensions, Hostile> {
        let mut all = Extensions::default();
        for element in elements {
            all.take(element)?;
        }
        Ok(all)
    }

    /// For messages of the queue: one that cannot be understood must not block those behind it.
    pub(crate) fn read_what_can_be(elements: &[Element]) -> Extensions {
        let mut all = Extensions::default();
        for element in elements {
            if all.take(element).is_err() {
                all.other.push(element.clone());
            }
        }
        all
    }

    fn take(&mut self, element: &Element) -> Result<(), Hostile> {
        match (element.ns(), element.name()) {
            (ns::SECDNS, "infData") => self.secdns = Some(secdns::Keys::read(element)?),
            (ns::RGP, "infData" | "upData") => self.rgp = rgp::statuses(element)?,
            (ns::FEE, "chkData") => self.prices = Some(fee::Prices::read(element)?),
            (ns::FEE, "creData" | "renData" | "trnData" | "updData" | "delData") => {
                self.charged = Some(fee::Charged::read(element)?);
            }
            (ns::LAUNCH, "chkData" | "infData" | "creData") => self.launch = Some(launch::Reply::read(element)?),
            _ => self.other.push(element.clone()),
        }
        Ok(())
    }
}
