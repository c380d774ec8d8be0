//! Contacts. At Openprovider they are customers with a handle, which many domains may name.
//!
//! A customer is never changed here: another domain may name it too. Somebody who has moved becomes a new customer, and the
//! domain names that one. Who is there already, word for word, is taken again.

use domains::registrars::contract::{Contact, Contacts, RegistrarError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::api::{Api, refused};
use super::domain::Domain;
use super::wire::{Text, list, unreadable};

/// The handles of a domain's four contacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Handles {
    pub owner: String,
    pub admin: String,
    pub tech: String,
    pub billing: String,
}

/// What Openprovider and we know of somebody, in its fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Customer {
    company_name: Text,
    email: Text,
    name: Name,
    address: Address,
    phone: Phone,
    #[serde(skip_serializing)]
    handle: Text,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Name {
    first_name: Text,
    last_name: Text,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Address {
    street: Text,
    number: Text,
    suffix: Text,
    zipcode: Text,
    city: Text,
    state: Text,
    country: Text,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Phone {
    country_code: Text,
    area_code: Text,
    subscriber_number: Text,
}

#[derive(Deserialize)]
pub(super) struct Listed {
    #[serde(default, deserialize_with = "list")]
    results: Vec<Customer>,
}

#[derive(Deserialize)]
pub(super) struct Created {
    handle: String,
}

/// What a registry wants to know of the owner beyond a contact, for one extension.
pub(super) struct OwnerData<'a> {
    pub extension: &'a str,
    pub answers: Vec<(&'a str, &'a str)>,
}

/// Finds the contacts among the customers, and makes those that are lacking. Nobody is asked for money by it, and no domain
/// is touched.
pub(super) async fn handles(
    api: &Api<'_>,
    of: &Contacts,
    owner_data: Option<OwnerData<'_>>,
) -> Result<Handles, RegistrarError> {
    let others = [&of.admin, &of.tech, &of.billing];
    let owner = match owner_data {
        // Such answers cannot be compared with what is there, so it is a customer of its own.
        Some(data) => create(api, &Customer::of(&of.registrant)?, Some(data)).await?,
        None => handle(api, &of.registrant).await?,
    };
    let nobody = Contact::default();
    // A role that nobody has is the owner's.
    let mut known = vec![(&of.registrant, owner.clone()), (&nobody, owner.clone())];
    let mut handles = Vec::new();
    for contact in others {
        let handle = match known.iter().find(|(somebody, _)| *somebody == contact) {
            Some((_, handle)) => handle.clone(),
            None => handle(api, contact).await?,
        };
        known.push((contact, handle.clone()));
        handles.push(handle);
    }
    let [admin, tech, billing] = <[String; 3]>::try_from(handles).unwrap_or_default();
    Ok(Handles { owner, admin, tech, billing })
}

async fn handle(api: &Api<'_>, contact: &Contact) -> Result<String, RegistrarError> {
    let wanted = Customer::of(contact)?;
    let email = wanted.email.as_str();
    // A star is a wildcard there.
    if !email.is_empty() && !email.contains('*') {
        let query = [("email_pattern", email), ("limit", "100")];
        let known = api.get::<Listed>("/v1beta/customers", &query).await?.data.results;
        let same = |one: &Customer| Customer { handle: Text::default(), ..one.clone() } == wanted;
        if let Some(found) = known.into_iter().find(|one| !one.handle.0.is_empty() && same(one)) {
            return Ok(found.handle.0);
        }
    }
    create(api, &wanted, None).await
}

async fn create(api: &Api<'_>, new: &Customer, data: Option<OwnerData<'_>>) -> Result<String, RegistrarError> {
    let full_name = format!("{} {}", new.name.first_name.as_str(), new.name.last_name.as_str());
    let initials: String = full_name.split_whitespace().filter_map(|part| part.chars().next()).collect();
    let mut body = json!(new);
    body["name"]["full_name"] = json!(full_name.trim());
    body["name"]["initials"] = json!(initials);
    if let Some(OwnerData { extension, answers }) = data {
        let answers: Map<String, Value> =
            answers.into_iter().map(|(key, value)| (key.to_owned(), json!(value))).collect();
        body["extension_additional_data"] = json!([{ "name": extension, "data": answers }]);
    }
    let created = api.post::<Created>("/v1beta/customers", &body).await?.data;
    if created.handle.is_empty() {
        return Err(unreadable("a customer without a handle"));
    }
    Ok(created.handle)
}

/// Who stands in the registration. A role that nobody has is an empty contact.
pub(super) async fn contacts(api: &Api<'_>, of: &Domain) -> Result<Contacts, RegistrarError> {
    let mut known: Vec<(&str, Contact)> = Vec::new();
    let mut all = Vec::new();
    for handle in [&of.owner_handle, &of.admin_handle, &of.tech_handle, &of.billing_handle] {
        let handle = handle.as_str();
        let contact = match known.iter().find(|(one, _)| *one == handle) {
            Some((_, contact)) => contact.clone(),
            None => contact(api, handle).await?,
        };
        known.push((handle, contact.clone()));
        all.push(contact);
    }
    let [registrant, admin, tech, billing] = <[Contact; 4]>::try_from(all).unwrap_or_default();
    Ok(Contacts { registrant, admin, tech, billing })
}

async fn contact(api: &Api<'_>, handle: &str) -> Result<Contact, RegistrarError> {
    if handle.is_empty() {
        return Ok(Contact::default());
    }
    let plain = handle.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !plain {
        return Err(unreadable("a contact's handle that is none"));
    }
    let customer = api.get::<Customer>(&format!("/v1beta/customers/{handle}"), &[]).await?.data;
    if customer.handle.as_str() != handle {
        return Err(unreadable(&format!("the contact {handle} was asked for, and another is in it")));
    }
    Ok(customer.contact())
}

impl Customer {
    fn of(contact: &Contact) -> Result<Customer, RegistrarError> {
        let text = |text: &str| Text(text.trim().to_owned());
        let (street, number) = split_street(contact.address1.trim());
        Ok(Customer {
            company_name: text(&contact.company),
            email: text(&contact.email),
            name: Name { first_name: text(&contact.first_name), last_name: text(&contact.last_name) },
            address: Address {
                street: text(street),
                number: text(number),
                suffix: text(&contact.address2),
                zipcode: text(&contact.postcode),
                city: text(&contact.city),
                state: text(&contact.state),
                country: text(&contact.country),
            },
            phone: Phone::of(contact.phone.trim())?,
            handle: Text::default(),
        })
    }

    fn contact(self) -> Contact {
        let Address { street, number, suffix, zipcode, city, state, country } = self.address;
        Contact {
            first_name: self.name.first_name.0,
            last_name: self.name.last_name.0,
            company: self.company_name.0,
            email: self.email.0,
            address1: format!("{} {}", street.as_str(), number.as_str()).trim().to_owned(),
            address2: suffix.0,
            city: city.0,
            state: state.0,
            postcode: zipcode.0,
            country: country.0,
            phone: self.phone.joined(),
        }
    }
}

/// `Albusstraat 83` is street and number. A number in front stays where it is.
fn split_street(line: &str) -> (&str, &str) {
    match line.rsplit_once(' ') {
        Some((street, number)) if number.starts_with(|c: char| c.is_ascii_digit()) => (street, number),
        _ => (line, ""),
    }
}

impl Phone {
    /// Where the area's code ends cannot be seen; Openprovider's own clients take the first three digits for it.
    fn of(text: &str) -> Result<Phone, RegistrarError> {
        if text.is_empty() {
            return Ok(Phone::default());
        }
        let wrong = || refused("contact", "A telephone number has to be written as +CC.number, such as +31.201234567.");
        let (country, number) = text.split_once('.').ok_or_else(wrong)?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !country.strip_prefix('+').is_some_and(digits) || number.len() < 4 || !digits(number) {
            return Err(wrong());
        }
        let (area, subscriber) = number.split_at(3);
        let text = |text: &str| Text(text.to_owned());
        Ok(Phone { country_code: text(country), area_code: text(area), subscriber_number: text(subscriber) })
    }

    fn joined(&self) -> String {
        let number = format!("{}{}", self.area_code.as_str(), self.subscriber_number.as_str());
        let country = self.country_code.as_str().trim_start_matches('+');
        if country.is_empty() { number } else { format!("+{country}.{number}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ada() -> Contact {
        let text = str::to_owned;
        Contact {
            first_name: text("Ada"),
            last_name: text("Lovelace"),
            company: String::new(),
            email: text("ada@example.com"),
            address1: text("Albusstraat 83a"),
            address2: text("2nd floor"),
            city: text("Oosterhout"),
            state: text("Noord-Brabant"),
            postcode: text("4903 RG"),
            country: text("NL"),
            phone: text("+31.201234567"),
        }
    }

    #[test]
    fn a_contact_survives_the_way_there_and_back() {
        for address1 in ["Albusstraat 83a", "12 St James's Square", "Zeil", ""] {
            let somebody = Contact { address1: address1.to_owned(), ..ada() };
            assert_eq!(Customer::of(&somebody).unwrap().contact(), somebody);
        }
        let customer = Customer::of(&ada()).unwrap();
        assert_eq!((customer.address.street.as_str(), customer.address.number.as_str()), ("Albusstraat", "83a"));
    }

    #[test]
    fn a_number_without_its_country_is_refused_before_anything_is_sent() {
        for phone in ["0201234567", "+31 20 1234567", "+31.20", "+.201234567x"] {
            let somebody = Contact { phone: phone.to_owned(), ..ada() };
            assert!(matches!(Customer::of(&somebody), Err(RegistrarError::Refused { .. })), "{phone}");
        }
    }
}
