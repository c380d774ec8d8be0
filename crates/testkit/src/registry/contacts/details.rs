//! What a contact consists of (RFC 5733, section 2).

use std::collections::BTreeMap;

use crate::registry::answer::Refusal;
use crate::registry::authorisation;
use crate::registry::xml::{Element, Sequence, Writer, boolean, choice, chosen, only_attributes, string, token};

/// The fields of a contact.
#[derive(Clone, Debug, Default)]
pub(in crate::registry) struct Details {
    /// By type: `int`, which is ASCII, or `loc`.
    pub(in crate::registry) postal: BTreeMap<&'static str, Postal>,
    pub(in crate::registry) voice: Option<Number>,
    pub(in crate::registry) fax: Option<Number>,
    pub(in crate::registry) email: String,
    pub(in crate::registry) auth_info: String,
    disclose: Option<Disclose>,
}

#[derive(Clone, Debug, Default)]
pub(in crate::registry) struct Postal {
    pub(in crate::registry) name: String,
    pub(in crate::registry) organisation: Option<String>,
    pub(in crate::registry) address: Address,
}

#[derive(Clone, Debug, Default)]
pub(in crate::registry) struct Address {
    pub(in crate::registry) street: Vec<String>,
    pub(in crate::registry) city: String,
    pub(in crate::registry) province: Option<String>,
    pub(in crate::registry) code: Option<String>,
    pub(in crate::registry) country: String,
}

/// A telephone number as E.164 has it, and its extension.
#[derive(Clone, Debug)]
pub(in crate::registry) struct Number {
    pub(in crate::registry) number: String,
    extension: Option<String>,
}

/// The exceptions from what the registry publishes: `flag` says whether they are published or not.
#[derive(Clone, Debug)]
struct Disclose {
    flag: bool,
    /// Element and type.
    fields: Vec<(&'static str, Option<&'static str>)>,
}

const TYPES: [&str; 2] = ["int", "loc"];

impl Details {
    /// Those of a new contact, from `postalInfo` on.
    pub(super) fn read(fields: &mut Sequence<'_>) -> Result<Self, Refusal> {
        let mut details = Self::default();
        let postal = fields.many("postalInfo", 2)?;
        if postal.is_empty() {
            fields.one("postalInfo")?;
        }
        for element in postal {
            let kind = kind(element)?;
            let mut parts = Sequence::of(element)?;
            let name = string(parts.one("name")?, 1, 255)?;
            let organisation = parts.maybe("org").map(|element| string(element, 0, 255)).transpose()?;
            let address = address(parts.one("addr")?)?;
            parts.end()?;
            if details.postal.insert(kind, Postal { name, organisation, address }).is_some() {
                return Err(Refusal::because(2306, format!("Two of the type {kind}")));
            }
        }
        details.voice = fields.maybe("voice").map(telephone).transpose()?.flatten();
        details.fax = fields.maybe("fax").map(telephone).transpose()?.flatten();
        details.email = email(fields.one("email")?)?;
        details.auth_info = authorisation::given(fields.one("authInfo")?)?;
        details.disclose = fields.maybe("disclose").map(disclose).transpose()?;
        details.checked()
    }

    /// Those after a `chg`.
    pub(super) fn changed(&self, element: Element<'_>) -> Result<Self, Refusal> {
        let mut details = self.clone();
        let mut fields = Sequence::of(element)?;
        for element in fields.many("postalInfo", 2)? {
            details.change_postal(element)?;
        }
        if let Some(voice) = fields.maybe("voice") {
            details.voice = telephone(voice)?;
        }
        if let Some(fax) = fields.maybe("fax") {
            details.fax = telephone(fax)?;
        }
        if let Some(address) = fields.maybe("email") {
            details.email = email(address)?;
        }
        if let Some(auth_info) = fields.maybe("authInfo") {
            details.auth_info = authorisation::given(auth_info)?;
        }
        if let Some(exceptions) = fields.maybe("disclose") {
            details.disclose = Some(disclose(exceptions)?);
        }
        fields.end()?;
        details.checked()
    }

    /// A type that is not there yet must be given whole.
    fn change_postal(&mut self, element: Element<'_>) -> Result<(), Refusal> {
        let kind = kind(element)?;
        let mut parts = Sequence::of(element)?;
        let name = parts.maybe("name").map(|name| string(name, 1, 255)).transpose()?;
        let organisation = parts.maybe("org").map(|name| string(name, 0, 255)).transpose()?;
        let address = parts.maybe("addr").map(address).transpose()?;
        parts.end()?;
        if !self.postal.contains_key(kind) && (name.is_none() || address.is_none()) {
            return Err(Refusal::because(2003, format!("The contact has no postalInfo of the type {kind}")));
        }
        let postal = self.postal.entry(kind).or_default();
        postal.name = name.unwrap_or_else(|| std::mem::take(&mut postal.name));
        postal.address = address.unwrap_or_else(|| std::mem::take(&mut postal.address));
        postal.organisation = organisation.or_else(|| postal.organisation.take()).filter(|name| !name.is_empty());
        Ok(())
    }

    /// The internationalised form is ASCII (RFC 5733, section 2.4 and 3.2.1).
    fn checked(self) -> Result<Self, Refusal> {
        if self.postal.get("int").is_none_or(Postal::is_ascii) {
            Ok(self)
        } else {
            Err(Refusal::because(2005, "postalInfo of the type int is ASCII"))
        }
    }

    /// The elements from `postalInfo` to `email` of `infData`.
    pub(super) fn write(&self, out: &mut Writer) {
        for (kind, postal) in &self.postal {
            out.open("contact:postalInfo", &[("type", kind)]).text("contact:name", &postal.name);
            out.maybe("contact:org", postal.organisation.as_deref()).open("contact:addr", &[]);
            for line in &postal.address.street {
                out.text("contact:street", line);
            }
            out.text("contact:city", &postal.address.city);
            out.maybe("contact:sp", postal.address.province.as_deref());
            out.maybe("contact:pc", postal.address.code.as_deref());
            out.text("contact:cc", &postal.address.country).close("contact:addr").close("contact:postalInfo");
        }
        for (name, number) in [("contact:voice", &self.voice), ("contact:fax", &self.fax)] {
            if let Some(number) = number {
                let extension = number.extension.as_deref().map(|extension| ("x", extension));
                out.text_with(name, extension.as_slice(), &number.number);
            }
        }
        out.text("contact:email", &self.email);
    }

    /// `authInfo`, and `disclose` when there are exceptions.
    pub(super) fn write_private(&self, out: &mut Writer) {
        out.open("contact:authInfo", &[]).text("contact:pw", &self.auth_info).close("contact:authInfo");
        let Some(disclose) = &self.disclose else { return };
        out.open("contact:disclose", &[("flag", if disclose.flag { "1" } else { "0" })]);
        for (field, kind) in &disclose.fields {
            out.empty(&format!("contact:{field}"), kind.map(|kind| ("type", kind)).as_slice());
        }
        out.close("contact:disclose");
    }
}

impl Postal {
    fn is_ascii(&self) -> bool {
        let address = &self.address;
        let single = [Some(&self.name), self.organisation.as_ref(), Some(&address.city)];
        let texts = single.into_iter().chain([address.province.as_ref(), address.code.as_ref()]).flatten();
        texts.chain(&address.street).all(|text| text.is_ascii())
    }
}

fn kind(element: Element<'_>) -> Result<&'static str, Refusal> {
    only_attributes(element, &["type"])?;
    chosen(element, "type", &TYPES)
}

fn address(element: Element<'_>) -> Result<Address, Refusal> {
    only_attributes(element, &[])?;
    let mut fields = Sequence::of(element)?;
    let street = fields.many("street", 3)?.into_iter().map(|line| string(line, 0, 255)).collect::<Result<_, _>>()?;
    let city = string(fields.one("city")?, 1, 255)?;
    let province = fields.maybe("sp").map(|element| string(element, 0, 255)).transpose()?;
    let code = fields.maybe("pc").map(|element| token(element, 0, 16)).transpose()?;
    let country = token(fields.one("cc")?, 2, 2)?;
    fields.end()?;
    if !country.bytes().all(|letter| letter.is_ascii_uppercase()) {
        return Err(Refusal::because(2005, "cc is a code of ISO 3166-1 in upper case"));
    }
    Ok(Address { street, city, province, code, country })
}

/// `None` for an empty element, which removes the number.
fn telephone(element: Element<'_>) -> Result<Option<Number>, Refusal> {
    only_attributes(element, &["x"])?;
    let number = token(element, 0, 17)?;
    if number.is_empty() {
        return Ok(None);
    }
    let parts = number.strip_prefix('+').and_then(|digits| digits.split_once('.'));
    let known =
        |digits: &str, most| (1..=most).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !parts.is_some_and(|(country, rest)| known(country, 3) && known(rest, 14)) {
        return Err(Refusal::because(2001, format!("{number} is not a number of the form +1.2345")));
    }
    Ok(Some(Number { number, extension: element.attribute("x").map(str::to_owned) }))
}

fn email(element: Element<'_>) -> Result<String, Refusal> {
    let address = token(element, 1, 1000)?;
    let parts = address.split_once('@');
    if parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !address.contains(' ')) {
        Ok(address)
    } else {
        Err(Refusal::because(2005, "Not an address of mail"))
    }
}

fn disclose(element: Element<'_>) -> Result<Disclose, Refusal> {
    only_attributes(element, &["flag"])?;
    let flag = boolean(element.attribute("flag").ok_or_else(|| Refusal::because(2001, "disclose lacks flag"))?)?;
    let mut parts = Sequence::of(element)?;
    let mut fields = Vec::new();
    for name in ["name", "org", "addr"] {
        for part in parts.many(name, 2)? {
            only_attributes(part, &["type"])?;
            fields.push((name, Some(chosen(part, "type", &TYPES)?)));
        }
    }
    for name in ["voice", "fax", "email"] {
        if let Some(part) = parts.maybe(name) {
            choice(part, "type", &[])?;
            fields.push((name, None));
        }
    }
    parts.end()?;
    if fields.is_empty() { Err(Refusal::because(2003, "disclose is empty")) } else { Ok(Disclose { flag, fields }) }
}
