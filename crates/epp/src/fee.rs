//! What commands cost (RFC 8748, fee-1.0). Amounts are decimal texts, as they came; who calculates with them knows how.

use jiff::{Span, SpanFieldwise};

use crate::error::{Hostile, NotSent, invalid};
use crate::names;
use crate::ns;
use crate::period::Period;
use crate::tokens::tokens;
use crate::xml::{self, Element};

tokens! {
    /// A command that can cost something.
    Operation {
        /// Registering.
        Create = "create",
        /// Renewing.
        Renew = "renew",
        /// Transferring to us.
        Transfer = "transfer",
        /// Restoring after deletion.
        Restore = "restore",
        /// Changing.
        Update = "update",
        /// Deleting.
        Delete = "delete",
    }
}

/// A question: what would this cost? It goes with a domain's check, for each of its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The currency to answer in; without one the registry chooses.
    pub currency: Option<String>,
    /// At least one.
    pub commands: Vec<Quote>,
}

/// One command whose price is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// Which.
    pub operation: Operation,
    /// For how long; only where the command has a period.
    pub period: Option<Period>,
    /// In which phase of a launch, such as `sunrise`.
    pub phase: Option<String>,
    /// In which part of that phase.
    pub subphase: Option<String>,
}

impl Quote {
    /// The price of a command outside of a launch.
    #[must_use]
    pub fn of(operation: Operation, period: Option<Period>) -> Quote {
        Quote { operation, period, phase: None, subphase: None }
    }
}

/// What we agree to pay; a registry whose price is another refuses the command (2004).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// ISO 4217.
    pub currency: String,
    /// Decimal texts, at least one; usually it is the total.
    pub fees: Vec<String>,
}

impl Agreed {
    /// One amount.
    #[must_use]
    pub fn total(currency: &str, amount: &str) -> Agreed {
        Agreed { currency: currency.to_owned(), fees: vec![amount.to_owned()] }
    }

    /// With a command's element: `create`, `renew`, `transfer` or `update`.
    pub(crate) fn element(&self, name: &str) -> Result<Element, NotSent> {
        if self.fees.is_empty() {
            return Err(invalid("nothing is agreed to be paid"));
        }
        let mut element = Element::new(ns::FEE, name).with_leaf("currency", names::currency(&self.currency)?);
        for fee in &self.fees {
            element = element.with_leaf("fee", names::amount(fee)?);
        }
        Ok(element)
    }
}

impl Check {
    pub(crate) fn element(&self) -> Result<Element, NotSent> {
        if self.commands.is_empty() {
            return Err(invalid("no price is asked for"));
        }
        let currency = self.currency.as_deref().map(names::currency).transpose()?;
        let mut check = Element::new(ns::FEE, "check").with_some("currency", currency);
        for quote in &self.commands {
            let mut command = check.sibling("command").with_attribute("name", quote.operation.as_str());
            for (name, value) in [("phase", &quote.phase), ("subphase", &quote.subphase)] {
                if let Some(value) = value {
                    command = command.with_attribute(name, names::token(value, 1, 64)?);
                }
            }
            if let Some(period) = quote.period {
                let period = period.element(&check)?;
                command = command.with(period);
            }
            check = check.with(command);
        }
        Ok(check)
    }
}

/// A part of a price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amount {
    /// A decimal text. A credit is negative.
    pub amount: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whether it comes back when the command is undone in its grace period; none when the registry does not say.
    pub refundable: Option<bool>,
    /// How long the grace period is.
    pub grace_for: Option<SpanFieldwise>,
    /// Whether it is charged at once or when the work is done.
    pub delayed: bool,
}

/// The prices of all names that were asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prices {
    /// ISO 4217.
    pub currency: String,
    /// One for each name.
    pub objects: Vec<ObjectPrices>,
}

/// The prices of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectPrices {
    /// The name.
    pub name: String,
    /// Whether there are prices; if not, `reason` says why.
    pub available: bool,
    /// Such as `premium`; none or `standard` for what costs the usual.
    pub class: Option<String>,
    /// One for each command that was asked about.
    pub commands: Vec<Price>,
    /// Why there are no prices.
    pub reason: Option<String>,
}

/// The price of one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// Which.
    pub operation: Operation,
    /// In which phase of a launch.
    pub phase: Option<String>,
    /// In which part of that phase.
    pub subphase: Option<String>,
    /// Whether it is the usual price of the registry.
    pub standard: bool,
    /// For how long.
    pub period: Option<Period>,
    /// What is to be paid.
    pub fees: Vec<Amount>,
    /// What is taken off.
    pub credits: Vec<Amount>,
    /// Why there is no price.
    pub reason: Option<String>,
}

/// What a command cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charged {
    /// ISO 4217; none where the answer names no amount.
    pub currency: Option<String>,
    /// For how long.
    pub period: Option<Period>,
    /// What was or will be taken.
    pub fees: Vec<Amount>,
    /// What was or will be given.
    pub credits: Vec<Amount>,
    /// What our account holds now.
    pub balance: Option<String>,
    /// How far the balance may go below zero.
    pub credit_limit: Option<String>,
}

impl Prices {
    pub(crate) fn read(element: &Element) -> Result<Prices, Hostile> {
        let objects = element.all("cd").map(ObjectPrices::read).collect::<Result<_, _>>()?;
        Ok(Prices { currency: currency(&element.need_text("currency")?)?, objects })
    }

    /// The prices of a name.
    #[must_use]
    pub fn of(&self, name: &str) -> Option<&ObjectPrices> {
        self.objects.iter().find(|object| object.name.eq_ignore_ascii_case(name))
    }
}

impl ObjectPrices {
    /// Whether the registry has put the name into a class of its own.
    #[must_use]
    pub fn is_premium(&self) -> bool {
        self.class.as_deref().is_some_and(|class| !class.eq_ignore_ascii_case("standard"))
    }

    /// The price of a command.
    #[must_use]
    pub fn of(&self, operation: &Operation) -> Option<&Price> {
        self.commands.iter().find(|price| price.operation == *operation)
    }

    fn read(element: &Element) -> Result<ObjectPrices, Hostile> {
        Ok(ObjectPrices {
            name: element.need_text("objID")?,
            available: element.attribute("avail").map_or(Ok(true), xml::boolean)?,
            class: element.text_of("class"),
            commands: element.all("command").map(Price::read).collect::<Result<_, _>>()?,
            reason: element.text_of("reason"),
        })
    }
}

impl Price {
    fn read(element: &Element) -> Result<Price, Hostile> {
        Ok(Price {
            operation: Operation::from(element.need_attribute("name")?),
            phase: element.attribute("phase").map(str::to_owned),
            subphase: element.attribute("subphase").map(str::to_owned),
            standard: element.attribute("standard").map_or(Ok(false), xml::boolean)?,
            period: element.get("period").map(Period::read).transpose()?,
            fees: amounts(element, "fee")?,
            credits: amounts(element, "credit")?,
            reason: element.text_of("reason"),
        })
    }
}

impl Charged {
    pub(crate) fn read(element: &Element) -> Result<Charged, Hostile> {
        let decimal = |name: &str| element.text_of(name).map(decimal).transpose();
        Ok(Charged {
            currency: element.text_of("currency").map(|text| currency(&text)).transpose()?,
            period: element.get("period").map(Period::read).transpose()?,
            fees: amounts(element, "fee")?,
            credits: amounts(element, "credit")?,
            balance: decimal("balance")?,
            credit_limit: decimal("creditLimit")?,
        })
    }
}

fn amounts(element: &Element, name: &str) -> Result<Vec<Amount>, Hostile> {
    element.all(name).map(Amount::read).collect()
}

impl Amount {
    fn read(element: &Element) -> Result<Amount, Hostile> {
        let span = |text: &str| text.parse::<Span>().or(Err(Hostile::new("a grace period cannot be read")));
        Ok(Amount {
            amount: decimal(element.text())?,
            description: element.attribute("description").map(str::to_owned),
            refundable: element.attribute("refundable").map(xml::boolean).transpose()?,
            grace_for: element.attribute("grace-period").map(span).transpose()?.map(SpanFieldwise),
            delayed: element.attribute("applied") == Some("delayed"),
        })
    }
}

fn decimal(text: String) -> Result<String, Hostile> {
    let plain = text.strip_prefix('+').unwrap_or(&text);
    if names::is_amount(plain) { Ok(plain.to_owned()) } else { Err(Hostile::new("an amount is no decimal number")) }
}

fn currency(text: &str) -> Result<String, Hostile> {
    if names::is_currency(text) { Ok(text.to_owned()) } else { Err(Hostile::new("a currency is not three letters")) }
}
