//! Hosts: name servers as objects of a registry (RFC 5732). Those within a domain of the registry have addresses: glue.

use std::net::IpAddr;

use jiff::Timestamp;

use crate::availability::{self, Availability};
use crate::command::{self, Command, Intent, same_name};
use crate::error::{Hostile, NotSent, invalid};
use crate::names;
use crate::ns;
use crate::response::Response;
use crate::tokens::tokens;
use crate::xml::Element;

/// An address of a host.
pub type Address = IpAddr;

tokens! {
    /// What may be done with a host (RFC 5732, section 2.3).
    Status {
        /// We let nobody delete it.
        ClientDeleteProhibited = "clientDeleteProhibited",
        /// We let nobody change it.
        ClientUpdateProhibited = "clientUpdateProhibited",
        /// A domain is served by it.
        Linked = "linked",
        /// Nothing forbids anything.
        Ok = "ok",
        /// Its creation is not finished.
        PendingCreate = "pendingCreate",
        /// Its deletion is not finished.
        PendingDelete = "pendingDelete",
        /// The transfer of the domain that it is within is not finished.
        PendingTransfer = "pendingTransfer",
        /// Its change is not finished.
        PendingUpdate = "pendingUpdate",
        /// The registry lets nobody delete it.
        ServerDeleteProhibited = "serverDeleteProhibited",
        /// The registry lets nobody change it.
        ServerUpdateProhibited = "serverUpdateProhibited",
    }
}

/// An address as an element made from `element`.
pub(crate) fn address(address: &Address, element: Element) -> Element {
    let version = if address.is_ipv4() { "v4" } else { "v6" };
    element.with_attribute("ip", version).with_text(address.to_string())
}

pub(crate) fn read_address(element: &Element) -> Result<Address, Hostile> {
    let address: Address = element.text().parse().or(Err(Hostile::new("an address of a host is none")))?;
    match (element.attribute("ip").unwrap_or("v4"), address.is_ipv4()) {
        ("v4", true) | ("v6", false) => Ok(address),
        _ => Err(Hostile::new("an address of a host is of another kind than it says")),
    }
}

/// Can hosts of these names be created?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// At least one.
    pub names: Vec<String>,
}

/// How a host is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// The host.
    pub name: String,
}

/// Creates a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    /// The host.
    pub name: String,
    /// Its addresses, where the name is within a domain of the registry; elsewhere there are none.
    pub addresses: Vec<Address>,
}

/// Changes a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Update {
    /// The host.
    pub name: String,
    /// What is added.
    pub add: Change,
    /// What is taken away.
    pub remove: Change,
    /// Another name: domains that it serves go with it.
    pub rename: Option<String>,
}

/// What is added to a host, or taken from it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Addresses.
    pub addresses: Vec<Address>,
    /// Statuses; those of `client…`.
    pub statuses: Vec<Status>,
}

/// Deletes a host. One that serves a domain is not deleted (2305).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delete {
    /// The host.
    pub name: String,
}

/// A host that was created, or will be when the answer is pending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// The host.
    pub name: String,
    /// When; none while it is pending.
    pub created_at: Option<Timestamp>,
}

/// A host as the registry has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// The host.
    pub name: String,
    /// The registry's own id of it.
    pub roid: String,
    /// What may be done with it.
    pub statuses: Vec<Status>,
    /// Its addresses.
    pub addresses: Vec<Address>,
    /// The registrar that has it.
    pub registrar: String,
    /// The registrar that created it.
    pub created_by: Option<String>,
    /// When.
    pub created_at: Option<Timestamp>,
    /// The registrar that changed it last.
    pub updated_by: Option<String>,
    /// When.
    pub updated_at: Option<Timestamp>,
    /// When it was transferred last, with its domain.
    pub transferred_at: Option<Timestamp>,
}

impl Details {
    pub(crate) fn read(data: &Element) -> Result<Details, Hostile> {
        let statuses = data.all("status").map(|status| status.need_attribute("s").map(Status::from));
        Ok(Details {
            name: data.need_text("name")?,
            roid: data.need_text("roid")?,
            statuses: statuses.collect::<Result<_, _>>()?,
            addresses: data.all("addr").map(read_address).collect::<Result<_, _>>()?,
            registrar: data.need_text("clID")?,
            created_by: data.text_of("crID"),
            created_at: data.instant("crDate")?,
            updated_by: data.text_of("upID"),
            updated_at: data.instant("upDate")?,
            transferred_at: data.instant("trDate")?,
        })
    }
}

fn object(verb: &str, name: &str) -> Result<Element, NotSent> {
    Ok(Element::new(ns::HOST, verb).with_leaf("name", names::domain(name)?))
}

impl Command for Check {
    type Result = Vec<Availability>;

    fn intent(&self) -> Intent {
        Intent::Query
    }

    fn verb(&self) -> Result<Element, NotSent> {
        let names = names::all(&self.names, names::domain)?;
        Ok(command::verb("check", availability::question(ns::HOST, "name", &names)))
    }

    fn read(&self, response: &Response) -> Result<Vec<Availability>, Hostile> {
        availability::read(response, ns::HOST, "name", &self.names)
    }
}

impl Command for Info {
    type Result = Details;

    fn intent(&self) -> Intent {
        Intent::Query
    }

    fn verb(&self) -> Result<Element, NotSent> {
        Ok(command::verb("info", object("info", &self.name)?))
    }

    fn read(&self, response: &Response) -> Result<Details, Hostile> {
        let details = Details::read(response.need(ns::HOST, "infData")?)?;
        same_name(&self.name, &details.name)?;
        Ok(details)
    }
}

impl Command for Create {
    type Result = Created;

    fn intent(&self) -> Intent {
        Intent::Transform
    }

    fn verb(&self) -> Result<Element, NotSent> {
        let create = object("create", &self.name)?;
        let addresses: Vec<_> = self.addresses.iter().map(|ip| address(ip, create.sibling("addr"))).collect();
        Ok(command::verb("create", create.with_all(addresses)))
    }

    fn read(&self, response: &Response) -> Result<Created, Hostile> {
        let Some(data) = response.get(ns::HOST, "creData") else {
            if response.is_pending() {
                return Ok(Created { name: self.name.clone(), created_at: None });
            }
            return Err(Hostile::new("there is no creData in it"));
        };
        let created = Created { name: data.need_text("name")?, created_at: data.instant("crDate")? };
        same_name(&self.name, &created.name)?;
        Ok(created)
    }
}

impl Change {
    fn element(&self, parent: &Element, name: &str) -> Result<Option<Element>, NotSent> {
        if self.addresses.is_empty() && self.statuses.is_empty() {
            return Ok(None);
        }
        let change = parent.sibling(name);
        let addresses: Vec<_> = self.addresses.iter().map(|ip| address(ip, change.sibling("addr"))).collect();
        let mut statuses = Vec::new();
        for status in &self.statuses {
            let status = names::token(status.as_str(), 1, 64)?;
            statuses.push(change.sibling("status").with_attribute("s", status));
        }
        Ok(Some(change.with_all(addresses).with_all(statuses)))
    }
}

impl Command for Update {
    type Result = ();

    fn intent(&self) -> Intent {
        Intent::Transform
    }

    fn verb(&self) -> Result<Element, NotSent> {
        let update = object("update", &self.name)?;
        let add = self.add.element(&update, "add")?;
        let remove = self.remove.element(&update, "rem")?;
        let rename = match &self.rename {
            Some(name) => Some(update.sibling("chg").with_leaf("name", names::domain(name)?)),
            None => None,
        };
        if add.is_none() && remove.is_none() && rename.is_none() {
            return Err(invalid("a change of a host changes nothing"));
        }
        Ok(command::verb("update", update.with_all(add).with_all(remove).with_all(rename)))
    }

    fn read(&self, _: &Response) -> Result<(), Hostile> {
        Ok(())
    }
}

impl Command for Delete {
    type Result = ();

    fn intent(&self) -> Intent {
        Intent::Transform
    }

    fn verb(&self) -> Result<Element, NotSent> {
        Ok(command::verb("delete", object("delete", &self.name)?))
    }

    fn read(&self, _: &Response) -> Result<(), Hostile> {
        Ok(())
    }
}
