use jiff::Timestamp;

use super::{Disclosure, Phone, Postal, PostalChange, Status};
use crate::auth_info::AuthInfo;
use crate::availability::{self, Availability};
use crate::command::{self, Command, Intent, same_name};
use crate::error::{Hostile, NotSent, invalid};
use crate::names;
use crate::ns;
use crate::response::Response;
use crate::secret::Secret;
use crate::xml::Element;

/// Can contacts of these ids be created?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// At least one.
    pub ids: Vec<String>,
}

/// How a contact is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// The contact.
    pub id: String,
    /// The password of a contact that is somebody else's.
    pub auth_info: Option<AuthInfo>,
}

/// Creates a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    /// 3 to 16 characters. A registry that gives ids of its own answers with another: `auto` asks some of them to.
    pub id: String,
    /// One or both forms.
    pub postal: Vec<Postal>,
    /// Telephone.
    pub voice: Option<Phone>,
    /// Fax.
    pub fax: Option<Phone>,
    /// Mail address.
    pub email: String,
    /// The password of the contact.
    pub auth_info: AuthInfo,
    /// What of it is shown.
    pub disclose: Option<Disclosure>,
    /// Whether the registry may choose another id than `id`.
    pub assigned: Assigned,
}

/// Who chooses the id of a contact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Assigned {
    /// We: an answer with another id is not believed.
    #[default]
    ByUs,
    /// The registry: the answer has it.
    ByRegistry,
}

impl Create {
    /// The least that there is to a contact.
    #[must_use]
    pub fn new(id: &str, postal: Postal, email: &str, auth_info: Secret) -> Create {
        Create {
            id: id.to_owned(),
            postal: vec![postal],
            voice: None,
            fax: None,
            email: email.to_owned(),
            auth_info: AuthInfo::new(auth_info),
            disclose: None,
            assigned: Assigned::ByUs,
        }
    }
}

/// Changes a contact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Update {
    /// The contact.
    pub id: String,
    /// Statuses that are set; those of `client…`.
    pub add: Vec<Status>,
    /// Statuses that are lifted.
    pub remove: Vec<Status>,
    /// What changes otherwise.
    pub change: Change,
}

/// What changes of a contact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Names and addresses: one or both forms.
    pub postal: Vec<PostalChange>,
    /// Telephone; an empty number takes it away.
    pub voice: Option<Phone>,
    /// Fax; an empty number takes it away.
    pub fax: Option<Phone>,
    /// Mail address.
    pub email: Option<String>,
    /// The new password.
    pub auth_info: Option<AuthInfo>,
    /// What of it is shown.
    pub disclose: Option<Disclosure>,
}

/// Deletes a contact. One that a domain has is not deleted (2305).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delete {
    /// The contact.
    pub id: String,
}

/// A contact that was created, or will be when the answer is pending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Its id.
    pub id: String,
    /// When; none while it is pending.
    pub created_at: Option<Timestamp>,
}

/// A contact as the registry has it. Of a contact of somebody else much is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// Its id.
    pub id: String,
    /// The registry's own id of it.
    pub roid: String,
    /// What may be done with it.
    pub statuses: Vec<Status>,
    /// Names and addresses.
    pub postal: Vec<Postal>,
    /// Telephone.
    pub voice: Option<Phone>,
    /// Fax.
    pub fax: Option<Phone>,
    /// Mail address.
    pub email: Option<String>,
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
    /// When it was transferred last.
    pub transferred_at: Option<Timestamp>,
    /// Its password.
    pub auth_info: Option<AuthInfo>,
    /// What of it is shown.
    pub disclose: Option<Disclosure>,
}

impl Details {
    pub(crate) fn read(data: &Element) -> Result<Details, Hostile> {
        let statuses = data.all("status").map(|status| status.need_attribute("s").map(Status::from));
        Ok(Details {
            id: data.need_text("id")?,
            roid: data.need_text("roid")?,
            statuses: statuses.collect::<Result<_, _>>()?,
            postal: data.all("postalInfo").map(Postal::read).collect::<Result<_, _>>()?,
            voice: Phone::read(data.get("voice")),
            fax: Phone::read(data.get("fax")),
            email: data.text_of("email").filter(|email| !email.is_empty()),
            registrar: data.need_text("clID")?,
            created_by: data.text_of("crID"),
            created_at: data.instant("crDate")?,
            updated_by: data.text_of("upID"),
            updated_at: data.instant("upDate")?,
            transferred_at: data.instant("trDate")?,
            auth_info: AuthInfo::read(data),
            disclose: data.get("disclose").map(Disclosure::read).transpose()?,
        })
    }
}

fn object(verb: &str, id: &str) -> Result<Element, NotSent> {
    Ok(Element::new(ns::CONTACT, verb).with_leaf("id", names::id(id)?))
}

fn email(text: &str) -> Result<&str, NotSent> {
    names::token(text, 1, 254)
}

/// Each form at most once.
fn forms(count: usize, distinct: bool) -> Result<(), NotSent> {
    if count > 2 || (count == 2 && !distinct) { Err(invalid("a form of the address is there twice")) } else { Ok(()) }
}

impl Command for Check {
    type Result = Vec<Availability>;

    fn intent(&self) -> Intent {
        Intent::Query
    }

    fn verb(&self) -> Result<Element, NotSent> {
        Ok(command::verb(
            "check",
            availability::question(ns::CONTACT, "id", &names::all(&self.ids, |id| names::id(id).map(str::to_owned))?),
        ))
    }

    fn read(&self, response: &Response) -> Result<Vec<Availability>, Hostile> {
        availability::read(response, ns::CONTACT, "id", &self.ids)
    }
}

impl Command for Info {
    type Result = Details;

    fn intent(&self) -> Intent {
        Intent::Query
    }

    fn verb(&self) -> Result<Element, NotSent> {
        let info = object("info", &self.id)?;
        let auth_info = self.auth_info.as_ref().map(|auth_info| auth_info.element(&info)).transpose()?;
        Ok(command::verb("info", info.with_all(auth_info)))
    }

    fn read(&self, response: &Response) -> Result<Details, Hostile> {
        let details = Details::read(response.need(ns::CONTACT, "infData")?)?;
        same_name(&self.id, &details.id)?;
        Ok(details)
    }
}

impl Command for Create {
    type Result = Created;

    fn intent(&self) -> Intent {
        Intent::Transform
    }

    fn verb(&self) -> Result<Element, NotSent> {
        if self.postal.is_empty() {
            return Err(invalid("a contact has a name and an address"));
        }
        forms(self.postal.len(), self.postal.first().map(|p| p.form) != self.postal.last().map(|p| p.form))?;
        let create = object("create", &self.id)?;
        let postal: Vec<_> = self.postal.iter().map(|postal| postal.element(&create)).collect::<Result<_, _>>()?;
        let voice = self.voice.as_ref().map(|phone| phone.element(&create, "voice")).transpose()?;
        let fax = self.fax.as_ref().map(|phone| phone.element(&create, "fax")).transpose()?;
        let auth_info = self.auth_info.element(&create)?;
        let disclose = self.disclose.as_ref().map(|disclose| disclose.element(&create)).transpose()?;
        let create = create.with_all(postal).with_all(voice).with_all(fax).with_leaf("email", email(&self.email)?);
        Ok(command::verb("create", create.with(auth_info).with_all(disclose)))
    }

    fn read(&self, response: &Response) -> Result<Created, Hostile> {
        let Some(data) = response.get(ns::CONTACT, "creData") else {
            if response.is_pending() && self.assigned == Assigned::ByUs {
                return Ok(Created { id: self.id.clone(), created_at: None });
            }
            return Err(Hostile::new("there is no creData in it"));
        };
        let created = Created { id: data.need_text("id")?, created_at: data.instant("crDate")? };
        if self.assigned == Assigned::ByUs {
            same_name(&self.id, &created.id)?;
        }
        Ok(created)
    }
}

impl Change {
    fn element(&self, parent: &Element) -> Result<Option<Element>, NotSent> {
        if *self == Change::default() {
            return Ok(None);
        }
        forms(self.postal.len(), self.postal.first().map(|p| p.form) != self.postal.last().map(|p| p.form))?;
        let change = parent.sibling("chg");
        let postal: Vec<_> = self.postal.iter().map(|postal| postal.element(parent)).collect::<Result<_, _>>()?;
        let voice = self.voice.as_ref().map(|phone| phone.element(parent, "voice")).transpose()?;
        let fax = self.fax.as_ref().map(|phone| phone.element(parent, "fax")).transpose()?;
        let email = self.email.as_deref().map(email).transpose()?;
        let auth_info = self.auth_info.as_ref().map(|auth_info| auth_info.element(parent)).transpose()?;
        let disclose = self.disclose.as_ref().map(|disclose| disclose.element(parent)).transpose()?;
        let change = change.with_all(postal).with_all(voice).with_all(fax).with_some("email", email);
        Ok(Some(change.with_all(auth_info).with_all(disclose)))
    }
}

impl Command for Update {
    type Result = ();

    fn intent(&self) -> Intent {
        Intent::Transform
    }

    fn verb(&self) -> Result<Element, NotSent> {
        let update = object("update", &self.id)?;
        let statuses = |name: &str, statuses: &[Status]| -> Result<Option<Element>, NotSent> {
            let mut all = update.sibling(name);
            for status in statuses {
                let status = names::token(status.as_str(), 1, 64)?;
                all = all.with(update.sibling("status").with_attribute("s", status));
            }
            Ok(if statuses.is_empty() { None } else { Some(all) })
        };
        let add = statuses("add", &self.add)?;
        let remove = statuses("rem", &self.remove)?;
        let change = self.change.element(&update)?;
        if add.is_none() && remove.is_none() && change.is_none() {
            return Err(invalid("a change of a contact changes nothing"));
        }
        Ok(command::verb("update", update.clone().with_all(add).with_all(remove).with_all(change)))
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
        Ok(command::verb("delete", object("delete", &self.id)?))
    }

    fn read(&self, _: &Response) -> Result<(), Hostile> {
        Ok(())
    }
}
