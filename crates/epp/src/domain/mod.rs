//! Domains (RFC 5731).

mod check;
mod create;
mod delete;
mod info;
mod renew;
mod transfer;
mod update;

pub use check::Check;
pub use create::{Create, Created};
pub use delete::Delete;
pub use info::{Details, Info, ShownHosts};
pub use renew::{Renew, Renewed};
pub use transfer::{Operation, State, Transfer, TransferStatus};
pub use update::{AuthInfoChange, Change, Update};

use crate::error::{Hostile, NotSent, invalid};
use crate::host::Address;
use crate::names;
use crate::ns;
use crate::tokens::tokens;
use crate::xml::Element;

tokens! {
    /// What may be done with a domain (RFC 5731, section 2.3). We set and lift those that begin with `client`.
    Status {
        /// We let nobody delete it.
        ClientDeleteProhibited = "clientDeleteProhibited",
        /// We take it out of DNS.
        ClientHold = "clientHold",
        /// We let nobody renew it.
        ClientRenewProhibited = "clientRenewProhibited",
        /// We let nobody transfer it: the registrar's lock.
        ClientTransferProhibited = "clientTransferProhibited",
        /// We let nobody change it.
        ClientUpdateProhibited = "clientUpdateProhibited",
        /// It has no name servers, or none that are used.
        Inactive = "inactive",
        /// Nothing forbids anything.
        Ok = "ok",
        /// Its creation is not finished.
        PendingCreate = "pendingCreate",
        /// Its deletion is not finished.
        PendingDelete = "pendingDelete",
        /// Its renewal is not finished.
        PendingRenew = "pendingRenew",
        /// Its transfer is not finished.
        PendingTransfer = "pendingTransfer",
        /// Its change is not finished.
        PendingUpdate = "pendingUpdate",
        /// The registry lets nobody delete it.
        ServerDeleteProhibited = "serverDeleteProhibited",
        /// The registry takes it out of DNS.
        ServerHold = "serverHold",
        /// The registry lets nobody renew it.
        ServerRenewProhibited = "serverRenewProhibited",
        /// The registry lets nobody transfer it.
        ServerTransferProhibited = "serverTransferProhibited",
        /// The registry lets nobody change it.
        ServerUpdateProhibited = "serverUpdateProhibited",
    }
}

tokens! {
    /// What a contact is to a domain, beside its registrant.
    Role {
        /// Decides.
        Admin = "admin",
        /// Pays.
        Billing = "billing",
        /// Runs it.
        Tech = "tech",
    }
}

/// A contact of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// What it is to the domain.
    pub role: Role,
    /// Its id.
    pub id: String,
}

impl Contact {
    /// A contact by its id.
    #[must_use]
    pub fn new(role: Role, id: &str) -> Contact {
        Contact { role, id: id.to_owned() }
    }

    fn element(&self, sibling: &Element) -> Result<Element, NotSent> {
        let role = names::token(self.role.as_str(), 1, 16)?;
        Ok(sibling.sibling("contact").with_attribute("type", role).with_text(names::id(&self.id)?))
    }

    fn read(element: &Element) -> Contact {
        Contact { role: Role::from(element.attribute("type").unwrap_or_default()), id: element.text() }
    }
}

/// A name server of a domain: a host object, or, where the registry has no such objects, a name with its addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameServer {
    /// A host object (`hostObj`).
    Object(String),
    /// A name (`hostAttr`), with addresses where the name is within the domain.
    Attribute {
        /// The name.
        name: String,
        /// Its addresses.
        addresses: Vec<Address>,
    },
}

impl NameServer {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            NameServer::Object(name) | NameServer::Attribute { name, .. } => name,
        }
    }

    fn element(&self, sibling: &Element) -> Result<Element, NotSent> {
        let name = names::domain(self.name())?;
        match self {
            NameServer::Object(_) => Ok(sibling.sibling("hostObj").with_text(name)),
            NameServer::Attribute { addresses, .. } => {
                let host = sibling.sibling("hostAttr").with_leaf("hostName", name);
                let addresses: Vec<_> =
                    addresses.iter().map(|a| crate::host::address(a, host.sibling("hostAddr"))).collect();
                Ok(host.with_all(addresses))
            }
        }
    }

    fn read(element: &Element) -> Result<Vec<NameServer>, Hostile> {
        let one = |server: &Element| match server.name() {
            "hostObj" => Ok(NameServer::Object(server.text())),
            "hostAttr" => {
                let addresses = server.all("hostAddr").map(crate::host::read_address).collect::<Result<_, _>>()?;
                Ok(NameServer::Attribute { name: server.need_text("hostName")?, addresses })
            }
            _ => Err(Hostile::new("a name server is neither object nor attribute")),
        };
        element.elements().map(one).collect()
    }

    /// As `ns`, or nothing where there are none. The two kinds are never mixed (RFC 5731, section 1.1).
    fn elements(servers: &[NameServer], parent: &Element) -> Result<Option<Element>, NotSent> {
        let objects = servers.iter().filter(|server| matches!(server, NameServer::Object(_))).count();
        if objects != 0 && objects != servers.len() {
            return Err(invalid("name servers are all objects or all attributes"));
        }
        if servers.is_empty() {
            return Ok(None);
        }
        let all: Vec<Element> = servers.iter().map(|server| server.element(parent)).collect::<Result<_, _>>()?;
        Ok(Some(parent.sibling("ns").with_all(all)))
    }
}

fn object(verb: &str, name: &str) -> Result<Element, NotSent> {
    Ok(Element::new(ns::DOMAIN, verb).with_leaf("name", names::domain(name)?))
}
