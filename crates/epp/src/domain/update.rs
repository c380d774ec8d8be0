use super::{Contact, NameServer, Status, object};
use crate::auth_info::AuthInfo;
use crate::command::{self, Command, Intent};
use crate::error::{Hostile, NotSent, invalid};
use crate::response::Response;
use crate::xml::Element;
use crate::{fee, launch, names, rgp, secdns};

/// Changes a domain: name servers, contacts, locks, password, keys; or restores it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Update {
    /// The domain.
    pub name: String,
    /// What is added.
    pub add: Change,
    /// What is taken away.
    pub remove: Change,
    /// The new registrant; an empty one takes it away, where the registry lets that happen.
    pub registrant: Option<String>,
    /// The new password.
    pub auth_info: Option<AuthInfoChange>,
    /// Keys of DNSSEC.
    pub ds: Option<secdns::Update>,
    /// A step of a restore, which comes alone.
    pub restore: Option<rgp::Restore>,
    /// What we agree to pay, for a restore mostly.
    pub fee: Option<fee::Agreed>,
    /// Which application.
    pub launch: Option<launch::Application>,
}

/// What is added to a domain, or taken from it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Name servers.
    pub name_servers: Vec<NameServer>,
    /// Contacts.
    pub contacts: Vec<Contact>,
    /// Statuses; those of `client…`.
    pub statuses: Vec<Status>,
}

/// A new password of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthInfoChange {
    /// This one.
    Set(AuthInfo),
    /// None: the domain cannot be transferred until it has one again.
    Remove,
}

impl Update {
    /// No change yet.
    #[must_use]
    pub fn new(name: &str) -> Update {
        Update { name: name.to_owned(), ..Update::default() }
    }

    fn changes_nothing(&self) -> bool {
        self.add.is_empty()
            && self.remove.is_empty()
            && self.registrant.is_none()
            && self.auth_info.is_none()
            && self.ds.is_none()
            && self.restore.is_none()
    }

    fn change(&self, parent: &Element) -> Result<Option<Element>, NotSent> {
        let change = parent.sibling("chg");
        let registrant = self.registrant.as_deref().map(|id| if id.is_empty() { Ok(id) } else { names::id(id) });
        let auth_info = match &self.auth_info {
            Some(AuthInfoChange::Set(auth_info)) => Some(auth_info.element(parent)?),
            Some(AuthInfoChange::Remove) => Some(parent.sibling("authInfo").with(parent.sibling("null"))),
            None => None,
        };
        if registrant.is_none() && auth_info.is_none() && self.restore.is_none() {
            return Ok(None);
        }
        // A restore changes nothing itself; RFC 3915, section 4.2.5 has an empty element here.
        Ok(Some(change.with_some("registrant", registrant.transpose()?).with_all(auth_info)))
    }
}

impl Change {
    fn is_empty(&self) -> bool {
        self.name_servers.is_empty() && self.contacts.is_empty() && self.statuses.is_empty()
    }

    fn element(&self, parent: &Element, name: &str) -> Result<Option<Element>, NotSent> {
        if self.is_empty() {
            return Ok(None);
        }
        let change = parent.sibling(name);
        let servers = NameServer::elements(&self.name_servers, &change)?;
        let contacts: Vec<_> =
            self.contacts.iter().map(|contact| contact.element(&change)).collect::<Result<_, _>>()?;
        let mut statuses = Vec::new();
        for status in &self.statuses {
            let status = names::token(status.as_str(), 1, 64)?;
            statuses.push(change.sibling("status").with_attribute("s", status));
        }
        Ok(Some(change.with_all(servers).with_all(contacts).with_all(statuses)))
    }
}

impl Command for Update {
    type Result = ();

    fn intent(&self) -> Intent {
        Intent::Transform
    }

    fn verb(&self) -> Result<Element, NotSent> {
        if self.changes_nothing() {
            return Err(invalid("a change of a domain changes nothing"));
        }
        let update = object("update", &self.name)?;
        let add = self.add.element(&update, "add")?;
        let remove = self.remove.element(&update, "rem")?;
        let change = self.change(&update)?;
        Ok(command::verb("update", update.with_all(add).with_all(remove).with_all(change)))
    }

    fn extensions(&self) -> Result<Vec<Element>, NotSent> {
        let ds = self.ds.as_ref().map(secdns::Update::element).transpose()?;
        let restore = self.restore.as_ref().map(rgp::Restore::element).transpose()?;
        let fee = self.fee.as_ref().map(|fee| fee.element("update")).transpose()?;
        let launch = self.launch.as_ref().map(|application| application.element("update")).transpose()?;
        Ok(ds.into_iter().chain(restore).chain(fee).chain(launch).collect())
    }

    fn read(&self, _: &Response) -> Result<(), Hostile> {
        Ok(())
    }
}
