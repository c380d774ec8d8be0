use crate::availability::{self, Availability};
use crate::command::{self, Command, Intent, same_names};
use crate::error::{Hostile, NotSent};
use crate::extensions::Extensions;
use crate::response::Response;
use crate::xml::Element;
use crate::{fee, launch, names, ns};

/// Can these names be had? And, where the registry has the extensions, what would they cost, and are there trademarks?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// At least one. How many a registry takes at a time is its own affair.
    pub names: Vec<String>,
    /// What would it cost?
    pub fee: Option<fee::Check>,
    /// Are there trademarks, or can it be had in a phase?
    pub launch: Option<launch::Check>,
}

impl Check {
    /// Can these names be had?
    pub fn new(names: impl IntoIterator<Item = impl Into<String>>) -> Check {
        Check { names: names.into_iter().map(Into::into).collect(), fee: None, launch: None }
    }
}

impl Command for Check {
    /// One for each name; none where the question was about claims.
    type Result = Vec<Availability>;

    fn intent(&self) -> Intent {
        Intent::Query
    }

    fn verb(&self) -> Result<Element, NotSent> {
        Ok(command::verb("check", availability::question(ns::DOMAIN, "name", &names::all(&self.names, names::domain)?)))
    }

    fn extensions(&self) -> Result<Vec<Element>, NotSent> {
        let fee = self.fee.as_ref().map(fee::Check::element).transpose()?;
        let launch = self.launch.as_ref().map(launch::Check::element).transpose()?;
        Ok(fee.into_iter().chain(launch).collect())
    }

    fn read(&self, response: &Response) -> Result<Vec<Availability>, Hostile> {
        if self.launch.as_ref().is_some_and(launch::Check::is_about_claims) {
            return Ok(Vec::new());
        }
        availability::read(response, ns::DOMAIN, "name", &self.names)
    }

    fn read_extensions(&self, response: &Response) -> Result<Extensions, Hostile> {
        let extensions = Extensions::read(&response.extensions)?;
        if let (Some(asked), Some(prices)) = (&self.fee, &extensions.prices) {
            same_names(&self.names, prices.objects.iter().map(|object| object.name.as_str()))?;
            if asked.currency.as_ref().is_some_and(|currency| *currency != prices.currency) {
                return Err(Hostile::new("prices are in another currency than was asked for"));
            }
        }
        if let Some(reply) = extensions.launch.as_ref().filter(|_| self.launch.is_some()) {
            same_names(&self.names, reply.claims.iter().map(|claims| claims.name.as_str()))?;
        }
        Ok(extensions)
    }
}
