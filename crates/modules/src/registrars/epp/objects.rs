//! Contacts and hosts, which are objects of their own in a registry.

use domains::registrars::contract::{Account, Contact, Contacts, GlueChange, GlueHost, RegistrarError, Renewal};
use epp::contact::{self, Address, Form, Phone, Postal};
use epp::domain::{self, NameServer, Role};
use epp::{Code, Pool, Secret, host, rgp};
use kernel::DomainName;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::answers::{error, has_code};
use super::sessions::id;

/// The ids of a domain's contacts.
pub struct Put {
    pub registrant: String,
    pub others: Vec<domain::Contact>,
}

/// An authorisation code that nobody guesses, with what registries ask of passwords.
pub fn new_code() -> Secret {
    let random = Uuid::new_v4().simple().to_string();
    let (lower, upper) = random.split_at(13);
    Secret::new(format!("{lower}-{}9a", upper[..13].to_uppercase()))
}

/// An id that the same operation gives the same contact again (RFC 5733: 3 to 16 characters).
fn contact_id(operation: &str, of: &Contact) -> String {
    let mut digest = Sha256::new();
    digest.update(operation);
    digest.update([0]);
    digest.update(serde_json::to_vec(of).unwrap_or_default());
    let hex: String = digest.finalize().iter().take(7).map(|byte| format!("{byte:02x}")).collect();
    format!("ik{hex}")
}

/// Makes the contacts, those that are alike once. One that is there already was made by this operation before.
pub async fn put_contacts(
    pool: &Pool,
    account: &Account,
    operation: &str,
    contacts: &Contacts,
) -> Result<Put, RegistrarError> {
    let roles = account.get("contact_roles").unwrap_or_default().to_lowercase();
    let has = |role: &str| roles.split(',').any(|word| word.trim() == role);
    let wanted = [
        (Role::Admin, "admin", &contacts.admin),
        (Role::Tech, "tech", &contacts.tech),
        (Role::Billing, "billing", &contacts.billing),
    ];
    let registrant = contact_id(operation, &contacts.registrant);
    let mut made = vec![registrant.clone()];
    put_contact(pool, &registrant, &contacts.registrant).await?;
    let mut others = Vec::new();
    for (role, name, contact) in wanted {
        if !has(name) {
            continue;
        }
        let id = contact_id(operation, contact);
        if !made.contains(&id) {
            put_contact(pool, &id, contact).await?;
            made.push(id.clone());
        }
        others.push(domain::Contact::new(role, &id));
    }
    Ok(Put { registrant, others })
}

async fn put_contact(pool: &Pool, id: &str, of: &Contact) -> Result<(), RegistrarError> {
    let filled = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let address = Address {
        street: [&of.address1, &of.address2].into_iter().filter_map(|line| filled(line)).collect(),
        city: of.city.clone(),
        state: filled(&of.state),
        postal_code: filled(&of.postcode),
        country: of.country.clone(),
    };
    let name = format!("{} {}", of.first_name, of.last_name).trim().to_owned();
    // The international form is ASCII (RFC 5733, 2.3); what is not goes in the local one.
    let all = [&name, &of.company, &of.address1, &of.address2, &of.city, &of.state, &of.postcode];
    let form = if all.iter().all(|text| text.is_ascii()) { Form::International } else { Form::Local };
    let postal = Postal { form, name, organization: filled(&of.company), address };
    let mut command = contact::Create::new(id, postal, &of.email, new_code());
    command.voice = filled(&of.phone).map(|number| Phone::new(&number));
    match pool.run(&command, &super::sessions::id()).await {
        Ok(_) => Ok(()),
        Err(refused) if has_code(&refused, Code::EXISTS) => Ok(()),
        // Nothing was bought yet: what became of a contact does not matter, it is asked for again with the same id.
        Err(lost @ epp::Error::Unknown { .. }) => Err(RegistrarError::Unavailable(lost.to_string())),
        Err(other) => Err(error(other)),
    }
}

pub async fn read_contacts(pool: &Pool, of: &domain::Details) -> Result<Contacts, RegistrarError> {
    let mut contacts = Contacts::default();
    if let Some(id) = &of.registrant {
        contacts.registrant = read_contact(pool, id).await?;
    }
    for contact in &of.contacts {
        let read = read_contact(pool, &contact.id).await?;
        match contact.role {
            Role::Admin => contacts.admin = read,
            Role::Tech => contacts.tech = read,
            Role::Billing => contacts.billing = read,
            _ => {}
        }
    }
    Ok(contacts)
}

async fn read_contact(pool: &Pool, of: &str) -> Result<Contact, RegistrarError> {
    let command = contact::Info { id: of.to_owned(), auth_info: None };
    let details = pool.run(&command, &id()).await.map_err(error)?.result;
    let Some(postal) = details.postal.into_iter().next() else { return Ok(Contact::default()) };
    let mut lines = postal.address.street.into_iter();
    let (first_name, last_name) = postal.name.rsplit_once(' ').unwrap_or(("", postal.name.as_str()));
    Ok(Contact {
        first_name: first_name.to_owned(),
        last_name: last_name.to_owned(),
        company: postal.organization.unwrap_or_default(),
        email: details.email.unwrap_or_default(),
        address1: lines.next().unwrap_or_default(),
        address2: lines.collect::<Vec<_>>().join(", "),
        city: postal.address.city,
        state: postal.address.state.unwrap_or_default(),
        postcode: postal.address.postal_code.unwrap_or_default(),
        country: postal.address.country,
        phone: details.voice.map(|voice| voice.number).unwrap_or_default(),
    })
}

/// The name servers as a domain of this registry names them; those that are no objects yet are made.
pub async fn put_hosts(
    pool: &Pool,
    account: &Account,
    domain: &DomainName,
    servers: &[String],
) -> Result<Vec<NameServer>, RegistrarError> {
    let names: Vec<String> = servers.iter().map(|name| name.trim().trim_end_matches('.').to_lowercase()).collect();
    if account.ticked("host_attributes") {
        return Ok(names.into_iter().map(|name| NameServer::Attribute { name, addresses: Vec::new() }).collect());
    }
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let known = pool.run(&host::Check { names: names.clone() }, &id()).await.map_err(error)?;
    for free in known.result.iter().filter(|host| host.available) {
        if free.name == domain.as_str() || free.name.ends_with(&format!(".{domain}")) {
            let message = format!("{} is under the domain itself. Add it with its addresses first.", free.name);
            return Err(RegistrarError::Refused { code: "glue".to_owned(), message });
        }
        let command = host::Create { name: free.name.clone(), addresses: Vec::new() };
        match pool.run(&command, &id()).await {
            Ok(_) => {}
            Err(refused) if has_code(&refused, Code::EXISTS) => {}
            Err(lost @ epp::Error::Unknown { .. }) => return Err(RegistrarError::Unavailable(lost.to_string())),
            Err(other) => return Err(error(other)),
        }
    }
    Ok(names.into_iter().map(NameServer::Object).collect())
}

pub async fn glue(pool: &Pool, domain: &DomainName) -> Result<Vec<GlueHost>, RegistrarError> {
    let answer = pool.run(&domain::Info::new(domain.as_str()), &id()).await.map_err(error)?;
    let mut hosts = Vec::new();
    for name in answer.result.subordinate_hosts {
        let details = pool.run(&host::Info { name: name.clone() }, &id()).await.map_err(error)?;
        hosts.push(GlueHost { host: name, addresses: details.result.addresses });
    }
    Ok(hosts)
}

pub async fn set_glue(pool: &Pool, domain: &DomainName, change: &GlueChange) -> Result<(), RegistrarError> {
    let of = match change {
        GlueChange::Add(host) | GlueChange::Set(host) => &host.host,
        GlueChange::Remove(name) => name,
    };
    if !of.ends_with(&format!(".{domain}")) {
        let message = format!("{of} is not under {domain}.");
        return Err(RegistrarError::Refused { code: "glue".to_owned(), message });
    }
    match change {
        GlueChange::Add(new) => {
            let command = host::Create { name: new.host.clone(), addresses: new.addresses.clone() };
            pool.run(&command, &id()).await.map_err(error)?;
        }
        GlueChange::Set(wanted) => {
            let now = pool.run(&host::Info { name: wanted.host.clone() }, &id()).await.map_err(error)?.result.addresses;
            let but = |all: &[std::net::IpAddr], not: &[std::net::IpAddr]| {
                all.iter().filter(|address| !not.contains(address)).copied().collect::<Vec<_>>()
            };
            let add = host::Change { addresses: but(&wanted.addresses, &now), statuses: Vec::new() };
            let remove = host::Change { addresses: but(&now, &wanted.addresses), statuses: Vec::new() };
            if add.addresses.is_empty() && remove.addresses.is_empty() {
                return Ok(());
            }
            let command = host::Update { name: wanted.host.clone(), add, remove, rename: None };
            pool.run(&command, &id()).await.map_err(error)?;
        }
        GlueChange::Remove(name) => {
            pool.run(&host::Delete { name: name.clone() }, &id()).await.map_err(error)?;
        }
    }
    Ok(())
}

/// What a registry wants to know of a restore (RFC 3915, 4.2.5).
pub fn restore_report(before: &domain::Details, request: &Renewal) -> Result<rgp::Report, RegistrarError> {
    let instant = |at: kernel::Timestamp| jiff::Timestamp::from_microsecond(at.micros()).ok();
    let known = request.deleted_at.and_then(instant).or(before.updated_at);
    let (Some(deleted_at), Some(restored_at)) = (known, instant(request.now)) else {
        let message = "Nobody knows when the domain was deleted, which the report on its restore must say.";
        return Err(RegistrarError::Refused { code: "report".to_owned(), message: message.to_owned() });
    };
    Ok(rgp::Report {
        before: format!("Registered to {}", before.registrant.as_deref().unwrap_or("its registrant")),
        after: "As before".to_owned(),
        deleted_at,
        restored_at,
        reason: "The registrant asked for it".to_owned(),
        statement:
            "This registrar has not restored the domain in order to assume the rights to use or sell it for itself \
                    or for any third party."
                .to_owned(),
        second_statement: "The information in this report is true to the best of this registrar's knowledge."
            .to_owned(),
        other: None,
    })
}
