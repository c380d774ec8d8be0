use jiff::Timestamp;

use super::{Contact, NameServer, Status};
use crate::auth_info::AuthInfo;
use crate::command::{self, Command, Intent, same_name};
use crate::error::{Hostile, NotSent};
use crate::response::Response;
use crate::xml::Element;
use crate::{launch, ns};

/// How a domain is registered. Keys of DNSSEC and grace periods come in the answer's extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// The domain.
    pub name: String,
    /// Which of its hosts are to be told.
    pub hosts: ShownHosts,
    /// The password of a domain that is somebody else's: with it the registry tells more.
    pub auth_info: Option<AuthInfo>,
    /// Of an application rather than of a registration.
    pub launch: Option<launch::Info>,
}

/// Which hosts are told of a domain (RFC 5731, section 3.1.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ShownHosts {
    /// Those that serve it, and those within it.
    #[default]
    All,
    /// Those that serve it.
    Delegated,
    /// Those within it.
    Subordinate,
    /// None.
    Unasked,
}

impl Info {
    /// All that there is to know of a domain of ours.
    #[must_use]
    pub fn new(name: &str) -> Info {
        Info { name: name.to_owned(), hosts: ShownHosts::All, auth_info: None, launch: None }
    }
}

/// A domain as the registry has it. Of a domain of somebody else most is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// The domain.
    pub name: String,
    /// The registry's own id of it.
    pub roid: String,
    /// What may be done with it.
    pub statuses: Vec<Status>,
    /// What statuses say to people, in the order of `statuses`; mostly empty.
    pub status_texts: Vec<String>,
    /// The contact that has it.
    pub registrant: Option<String>,
    /// The other contacts.
    pub contacts: Vec<Contact>,
    /// Name servers.
    pub name_servers: Vec<NameServer>,
    /// ShownHosts within it.
    pub subordinate_hosts: Vec<String>,
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
    /// Until when it is registered.
    pub expires_at: Option<Timestamp>,
    /// When it was transferred last.
    pub transferred_at: Option<Timestamp>,
    /// Its password.
    pub auth_info: Option<AuthInfo>,
}

impl Details {
    /// Whether it has a status.
    #[must_use]
    pub fn has(&self, status: &Status) -> bool {
        self.statuses.contains(status)
    }

    pub(crate) fn read(data: &Element) -> Result<Details, Hostile> {
        let statuses = data.all("status").map(|status| status.need_attribute("s").map(Status::from));
        Ok(Details {
            name: data.need_text("name")?,
            roid: data.need_text("roid")?,
            statuses: statuses.collect::<Result<_, _>>()?,
            status_texts: data.all("status").map(Element::text).collect(),
            registrant: data.text_of("registrant"),
            contacts: data.all("contact").map(Contact::read).collect(),
            name_servers: data.get("ns").map(NameServer::read).transpose()?.unwrap_or_default(),
            subordinate_hosts: data.all("host").map(Element::text).collect(),
            registrar: data.need_text("clID")?,
            created_by: data.text_of("crID"),
            created_at: data.instant("crDate")?,
            updated_by: data.text_of("upID"),
            updated_at: data.instant("upDate")?,
            expires_at: data.instant("exDate")?,
            transferred_at: data.instant("trDate")?,
            auth_info: AuthInfo::read(data),
        })
    }
}

impl Command for Info {
    type Result = Details;

    fn intent(&self) -> Intent {
        Intent::Query
    }

    fn verb(&self) -> Result<Element, NotSent> {
        let hosts = match self.hosts {
            ShownHosts::All => "all",
            ShownHosts::Delegated => "del",
            ShownHosts::Subordinate => "sub",
            ShownHosts::Unasked => "none",
        };
        let asked = crate::names::domain(&self.name)?;
        let info = Element::new(ns::DOMAIN, "info");
        let name = info.sibling("name").with_attribute("hosts", hosts).with_text(asked);
        let auth_info = self.auth_info.as_ref().map(|auth_info| auth_info.element(&info)).transpose()?;
        Ok(command::verb("info", info.with(name).with_all(auth_info)))
    }

    fn extensions(&self) -> Result<Vec<Element>, NotSent> {
        let launch = self.launch.as_ref().map(launch::Info::element).transpose()?;
        Ok(launch.into_iter().collect())
    }

    fn read(&self, response: &Response) -> Result<Details, Hostile> {
        let details = Details::read(response.need(ns::DOMAIN, "infData")?)?;
        same_name(&self.name, &details.name)?;
        Ok(details)
    }
}
