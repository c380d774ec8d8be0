//! Where people are, how they are called, and what of that the world may see.

use crate::error::{Hostile, NotSent, invalid};
use crate::names;
use crate::xml::{self, Element};

/// In which script an address is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `int`: ASCII alone.
    International,
    /// `loc`: any script.
    Local,
}

impl Form {
    fn as_str(self) -> &'static str {
        match self {
            Form::International => "int",
            Form::Local => "loc",
        }
    }

    fn read(element: &Element) -> Result<Form, Hostile> {
        match element.need_attribute("type")? {
            "int" => Ok(Form::International),
            "loc" => Ok(Form::Local),
            _ => Err(Hostile::new("an address is neither int nor loc")),
        }
    }
}

/// A name and an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postal {
    /// In which script.
    pub form: Form,
    /// Of the person, or of the role.
    pub name: String,
    /// Of the organization.
    pub organization: Option<String>,
    /// Where it is.
    pub address: Address,
}

/// An address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Address {
    /// At most three lines.
    pub street: Vec<String>,
    /// The town.
    pub city: String,
    /// State or province.
    pub state: Option<String>,
    /// At most 16 characters.
    pub postal_code: Option<String>,
    /// ISO 3166-1: two letters.
    pub country: String,
}

/// What of a name and address changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostalChange {
    /// In which script.
    pub form: Form,
    /// The new name.
    pub name: Option<String>,
    /// The new organization; an empty one takes it away.
    pub organization: Option<String>,
    /// The new address, as a whole.
    pub address: Option<Address>,
}

/// A telephone number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phone {
    /// In the form `+CC.NUMBER`, such as `+1.7035555555`.
    pub number: String,
    /// The extension behind it.
    pub extension: Option<String>,
}

/// `e164StringType` of RFC 5733, section 4: `(\+[0-9]{1,3}\.[0-9]{1,14})?`.
fn is_number(text: &str) -> bool {
    let digits = |text: &str, most| (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts = text.strip_prefix('+').and_then(|rest| rest.split_once('.'));
    parts.is_some_and(|(country, number)| digits(country, 3) && digits(number, 14))
}

impl Phone {
    /// A number without an extension.
    #[must_use]
    pub fn new(number: &str) -> Phone {
        Phone { number: number.to_owned(), extension: None }
    }

    pub(super) fn element(&self, sibling: &Element, name: &str) -> Result<Element, NotSent> {
        // In a change an empty number takes the old one away.
        if !self.number.is_empty() && !is_number(&self.number) {
            return Err(invalid(format!("{:?} is not a number like +1.7035555555", self.number)));
        }
        let phone = sibling.sibling(name).with_text(&self.number);
        Ok(match &self.extension {
            Some(extension) => phone.with_attribute("x", names::token(extension, 1, 32)?),
            None => phone,
        })
    }

    pub(super) fn read(element: Option<&Element>) -> Option<Phone> {
        let element = element?;
        let extension = element.attribute("x").filter(|x| !x.is_empty()).map(str::to_owned);
        let number = element.text();
        if number.is_empty() { None } else { Some(Phone { number, extension }) }
    }
}

impl Address {
    fn element(&self, sibling: &Element) -> Result<Element, NotSent> {
        if self.street.len() > 3 {
            return Err(invalid("an address has at most three lines of street"));
        }
        if self.country.len() != 2 || !self.country.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(invalid("a country is not two capital letters"));
        }
        let mut address = sibling.sibling("addr");
        for line in &self.street {
            address = address.with_leaf("street", line_of(line, 0, 255)?);
        }
        address = address.with_leaf("city", line_of(&self.city, 1, 255)?);
        if let Some(state) = &self.state {
            address = address.with_leaf("sp", line_of(state, 0, 255)?);
        }
        if let Some(code) = &self.postal_code {
            address = address.with_leaf("pc", names::token(code, 0, 16)?);
        }
        Ok(address.with_leaf("cc", &self.country))
    }

    fn read(element: &Element) -> Address {
        let text = |name: &str| element.text_of(name);
        Address {
            street: element.all("street").map(Element::text).collect(),
            city: text("city").unwrap_or_default(),
            state: text("sp"),
            postal_code: text("pc"),
            country: text("cc").unwrap_or_default(),
        }
    }
}

/// `normalizedString` of XML Schema: no line breaks or tabs.
fn line_of(text: &str, least: usize, most: usize) -> Result<&str, NotSent> {
    if (least..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        return Ok(text);
    }
    Err(invalid(format!("a line of a contact is not one of {least} to {most} characters")))
}

impl Form {
    fn element(self, sibling: &Element) -> Element {
        sibling.sibling("postalInfo").with_attribute("type", self.as_str())
    }

    /// What is written in ASCII is.
    fn checked(self, element: Element, texts: &[&str]) -> Result<Element, NotSent> {
        if self == Form::International && texts.iter().any(|text| !text.is_ascii()) {
            return Err(invalid("the international form of an address is in ASCII"));
        }
        Ok(element)
    }
}

impl Address {
    fn texts(&self) -> Vec<&str> {
        let optional = [&self.state, &self.postal_code].into_iter().flatten().map(String::as_str);
        self.street.iter().map(String::as_str).chain(optional).chain([self.city.as_str()]).collect()
    }
}

impl Postal {
    pub(super) fn element(&self, sibling: &Element) -> Result<Element, NotSent> {
        let mut postal = self.form.element(sibling).with_leaf("name", line_of(&self.name, 1, 255)?);
        if let Some(organization) = &self.organization {
            postal = postal.with_leaf("org", line_of(organization, 0, 255)?);
        }
        let address = self.address.element(&postal)?;
        let mut texts = self.address.texts();
        texts.extend([self.name.as_str(), self.organization.as_deref().unwrap_or_default()]);
        self.form.checked(postal.with(address), &texts)
    }

    pub(super) fn read(element: &Element) -> Result<Postal, Hostile> {
        Ok(Postal {
            form: Form::read(element)?,
            name: element.text_of("name").unwrap_or_default(),
            organization: element.text_of("org").filter(|name| !name.is_empty()),
            address: element.get("addr").map(Address::read).unwrap_or_default(),
        })
    }
}

impl PostalChange {
    pub(super) fn element(&self, sibling: &Element) -> Result<Element, NotSent> {
        let mut postal = self.form.element(sibling);
        if let Some(name) = &self.name {
            postal = postal.with_leaf("name", line_of(name, 1, 255)?);
        }
        if let Some(organization) = &self.organization {
            postal = postal.with_leaf("org", line_of(organization, 0, 255)?);
        }
        let address = self.address.as_ref().map(|address| address.element(&postal)).transpose()?;
        let mut texts = self.address.as_ref().map(Address::texts).unwrap_or_default();
        texts.extend([&self.name, &self.organization].into_iter().flatten().map(String::as_str));
        self.form.checked(postal.with_all(address), &texts)
    }
}

/// A part of a contact that may be shown or hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disclose {
    /// The name.
    Name(Form),
    /// The organization.
    Organization(Form),
    /// The address.
    Address(Form),
    /// The telephone number.
    Voice,
    /// The fax number.
    Fax,
    /// The mail address.
    Email,
}

/// What the client wants of the registry's policy on showing contacts (RFC 5733, section 2.9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disclosure {
    /// Whether the parts are shown, or hidden, against what the policy does otherwise.
    pub shown: bool,
    /// Which; at least one.
    pub parts: Vec<Disclose>,
}

impl Disclosure {
    pub(super) fn element(&self, sibling: &Element) -> Result<Element, NotSent> {
        if self.parts.is_empty() {
            return Err(invalid("nothing is to be shown or hidden"));
        }
        let mut disclose = sibling.sibling("disclose").with_attribute("flag", if self.shown { "1" } else { "0" });
        let of = |name: &str, form: Form| sibling.sibling(name).with_attribute("type", form.as_str());
        // The schema has an order.
        for rank in 0..6 {
            for part in self.parts.iter().filter(|part| part.rank() == rank) {
                disclose = disclose.with(match part {
                    Disclose::Name(form) => of("name", *form),
                    Disclose::Organization(form) => of("org", *form),
                    Disclose::Address(form) => of("addr", *form),
                    Disclose::Voice => sibling.sibling("voice"),
                    Disclose::Fax => sibling.sibling("fax"),
                    Disclose::Email => sibling.sibling("email"),
                });
            }
        }
        Ok(disclose)
    }

    pub(super) fn read(element: &Element) -> Result<Disclosure, Hostile> {
        let part = |part: &Element| match part.name() {
            "name" => Ok(Disclose::Name(Form::read(part)?)),
            "org" => Ok(Disclose::Organization(Form::read(part)?)),
            "addr" => Ok(Disclose::Address(Form::read(part)?)),
            "voice" => Ok(Disclose::Voice),
            "fax" => Ok(Disclose::Fax),
            "email" => Ok(Disclose::Email),
            _ => Err(Hostile::new("what is shown of a contact is no part of it")),
        };
        let parts = element.elements().map(part).collect::<Result<_, _>>()?;
        Ok(Disclosure { shown: xml::boolean(element.need_attribute("flag")?)?, parts })
    }
}

impl Disclose {
    fn rank(self) -> usize {
        match self {
            Disclose::Name(_) => 0,
            Disclose::Organization(_) => 1,
            Disclose::Address(_) => 2,
            Disclose::Voice => 3,
            Disclose::Fax => 4,
            Disclose::Email => 5,
        }
    }
}
