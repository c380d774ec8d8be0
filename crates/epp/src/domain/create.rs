use jiff::Timestamp;

use super::{Contact, NameServer, object};
use crate::auth_info::AuthInfo;
use crate::command::{self, Command, Intent, same_name};
use crate::error::{Hostile, NotSent};
use crate::period::Period;
use crate::response::Response;
use crate::secret::Secret;
use crate::xml::Element;
use crate::{fee, launch, names, ns, secdns};

/// Registers a domain, or applies for one during a launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    /// The domain.
    pub name: String,
    /// For how long; the registry's usual period without it.
    pub period: Option<Period>,
    /// Name servers, all of one kind.
    pub hosts: Vec<NameServer>,
    /// The contact that has it.
    pub registrant: Option<String>,
    /// The other contacts.
    pub contacts: Vec<Contact>,
    /// The password that it can be transferred with.
    pub auth_info: AuthInfo,
    /// Keys of DNSSEC.
    pub ds: Option<secdns::Keys>,
    /// What we agree to pay; a premium name is not registered without.
    pub fee: Option<fee::Agreed>,
    /// During a launch: phase, claims notice, marks.
    pub launch: Option<launch::Create>,
}

impl Create {
    /// The least that there is to a registration.
    #[must_use]
    pub fn new(name: &str, period: Period, auth_info: Secret) -> Create {
        Create {
            name: name.to_owned(),
            period: Some(period),
            hosts: Vec::new(),
            registrant: None,
            contacts: Vec::new(),
            auth_info: AuthInfo::new(auth_info),
            ds: None,
            fee: None,
            launch: None,
        }
    }
}

/// A domain that was registered, or will be when the answer is pending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// The domain.
    pub name: String,
    /// When; none while it is pending.
    pub created_at: Option<Timestamp>,
    /// Until when; none where the registry does not say, or while it is pending.
    pub expires_at: Option<Timestamp>,
}

impl Command for Create {
    type Result = Created;

    fn intent(&self) -> Intent {
        Intent::Transform
    }

    fn verb(&self) -> Result<Element, NotSent> {
        let create = object("create", &self.name)?;
        let period = self.period.map(|period| period.element(&create)).transpose()?;
        let hosts = NameServer::elements(&self.hosts, &create)?;
        let registrant = self.registrant.as_deref().map(names::id).transpose()?;
        let contacts: Vec<_> =
            self.contacts.iter().map(|contact| contact.element(&create)).collect::<Result<_, _>>()?;
        let auth_info = self.auth_info.element(&create)?;
        let create = create.with_all(period).with_all(hosts).with_some("registrant", registrant);
        Ok(command::verb("create", create.with_all(contacts).with(auth_info)))
    }

    fn extensions(&self) -> Result<Vec<Element>, NotSent> {
        let ds = self.ds.as_ref().map(secdns::Keys::create).transpose()?;
        let launch = self.launch.as_ref().map(launch::Create::element).transpose()?;
        let fee = self.fee.as_ref().map(|fee| fee.element("create")).transpose()?;
        Ok(ds.into_iter().chain(launch).chain(fee).collect())
    }

    fn read(&self, response: &Response) -> Result<Created, Hostile> {
        let Some(data) = response.get(ns::DOMAIN, "creData") else {
            if response.is_pending() {
                return Ok(Created { name: self.name.clone(), created_at: None, expires_at: None });
            }
            return Err(Hostile::new("there is no creData in it"));
        };
        let created = Created {
            name: data.need_text("name")?,
            created_at: data.instant("crDate")?,
            expires_at: data.instant("exDate")?,
        };
        same_name(&self.name, &created.name)?;
        Ok(created)
    }
}
