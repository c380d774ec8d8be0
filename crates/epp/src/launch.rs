//! The phases in which a top-level domain is opened (RFC 8334, launch-1.0): claims of trademark owners, and applications
//! that are decided on later.

use jiff::Timestamp;

use crate::error::{Hostile, NotSent, invalid};
use crate::names;
use crate::ns;
use crate::tokens::tokens;
use crate::xml::{self, Element};

tokens! {
    /// A phase of a launch (RFC 8334, section 2.3).
    Stage {
        /// Owners of trademarks may register.
        Sunrise = "sunrise",
        /// Anybody may apply.
        Landrush = "landrush",
        /// Anybody may register, and is told of trademarks that are the same.
        Claims = "claims",
        /// As always.
        Open = "open",
        /// Defined by the registry, with a name.
        Custom = "custom",
    }
}

/// A phase, with the part of it where the registry has such.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phase {
    /// Which.
    pub stage: Stage,
    /// The registry's name for it or for a part of it.
    pub name: Option<String>,
}

impl From<Stage> for Phase {
    fn from(stage: Stage) -> Phase {
        Phase { stage, name: None }
    }
}

/// A question about names that goes with a domain's check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// Are there trademarks that are the same (`claims`)? The answer is in [`Reply::claims`] alone.
    Claims(Phase),
    /// Can they be had in this phase (`avail`)? The answer is the usual one.
    Availability(Phase),
    /// Are there trademarks, whatever the phase (`trademark`)?
    Trademarks,
}

/// A question for an application, which goes with a domain's info.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// In which phase.
    pub phase: Phase,
    /// Which application; a registration has none.
    pub application: Option<String>,
    /// Whether the trademark is to be told too.
    pub include_mark: bool,
}

/// Which application a change or deletion is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// In which phase.
    pub phase: Phase,
    /// Its id.
    pub id: String,
}

/// What goes with a domain's create during a launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    /// In which phase.
    pub phase: Phase,
    /// Whether it is an application or a registration, where the phase has both.
    pub kind: Option<Kind>,
    /// Signed marks, each the base64 of a signed mark file (RFC 7848).
    pub marks: Vec<String>,
    /// The claims notice that the client has read, and when.
    pub notice: Option<Notice>,
}

/// What is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Decided on later, perhaps among several.
    Application,
    /// First come, first served.
    Registration,
}

/// A claims notice that was shown to a client and accepted (RFC 8334, section 3.3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Its id.
    pub id: String,
    /// Who made it; none for the trademark clearinghouse.
    pub validator: Option<String>,
    /// How long it may be used.
    pub not_after: Timestamp,
    /// When the client accepted it.
    pub accepted_at: Timestamp,
}

/// What a server says about a launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// In which phase; none in the answer about trademarks.
    pub phase: Option<Phase>,
    /// The id of an application.
    pub application: Option<String>,
    /// How far the application is.
    pub status: Option<Status>,
    /// Trademarks, by name.
    pub claims: Vec<Claims>,
    /// Marks of an application, as they came.
    pub marks: Vec<Element>,
}

tokens! {
    /// How far an application is (RFC 8334, section 2.4).
    Status {
        /// Its mark is being looked at.
        PendingValidation = "pendingValidation",
        /// Its mark is good.
        Validated = "validated",
        /// Its mark is not good.
        Invalid = "invalid",
        /// It waits for the end of the phase.
        PendingAllocation = "pendingAllocation",
        /// It has the name.
        Allocated = "allocated",
        /// Somebody else has the name.
        Rejected = "rejected",
    }
}

/// Trademarks that are the same as a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The name.
    pub name: String,
    /// Whether there are any.
    pub exist: bool,
    /// With these the notice is fetched, each with its validator.
    pub keys: Vec<ClaimKey>,
}

/// What a claims notice is fetched with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimKey {
    /// The key.
    pub key: String,
    /// Who has it; none for the trademark clearinghouse.
    pub validator: Option<String>,
}

impl Phase {
    fn element(&self, sibling: &Element) -> Result<Element, NotSent> {
        if self.stage == Stage::Custom && self.name.is_none() {
            return Err(invalid("a phase of the registry's own has a name"));
        }
        let phase = sibling.sibling("phase").with_text(names::token(self.stage.as_str(), 1, 64)?);
        Ok(match &self.name {
            Some(name) => phase.with_attribute("name", names::token(name, 1, 64)?),
            None => phase,
        })
    }

    fn read(element: &Element) -> Phase {
        let name = element.attribute("name").map(str::to_owned);
        Phase { stage: Stage::from(element.text().as_str()), name }
    }
}

impl Check {
    pub(crate) fn element(&self) -> Result<Element, NotSent> {
        let check = Element::new(ns::LAUNCH, "check");
        let (kind, phase) = match self {
            Check::Claims(phase) => ("claims", Some(phase)),
            Check::Availability(phase) => ("avail", Some(phase)),
            Check::Trademarks => ("trademark", None),
        };
        let phase = phase.map(|phase| phase.element(&check)).transpose()?;
        Ok(check.with_attribute("type", kind).with_all(phase))
    }

    /// Whether the server answers in [`Reply::claims`] and not in the usual way (RFC 8334, section 3.1.1).
    pub(crate) fn is_about_claims(&self) -> bool {
        !matches!(self, Check::Availability(_))
    }
}

impl Info {
    pub(crate) fn element(&self) -> Result<Element, NotSent> {
        let info = Element::new(ns::LAUNCH, "info");
        let phase = self.phase.element(&info)?;
        let id = self.application.as_deref().map(application_id).transpose()?;
        let mark = if self.include_mark { "true" } else { "false" };
        Ok(info.with_attribute("includeMark", mark).with(phase).with_some("applicationID", id))
    }
}

impl Application {
    /// With a command's element: `update` or `delete`.
    pub(crate) fn element(&self, name: &str) -> Result<Element, NotSent> {
        let element = Element::new(ns::LAUNCH, name);
        let phase = self.phase.element(&element)?;
        Ok(element.with(phase).with_leaf("applicationID", application_id(&self.id)?))
    }
}

fn application_id(id: &str) -> Result<&str, NotSent> {
    names::token(id, 1, 64)
}

impl Create {
    pub(crate) fn element(&self) -> Result<Element, NotSent> {
        let mut create = Element::new(ns::LAUNCH, "create");
        if let Some(kind) = self.kind {
            let kind = if kind == Kind::Application { "application" } else { "registration" };
            create = create.with_attribute("type", kind);
        }
        let phase = self.phase.element(&create)?;
        create = create.with(phase);
        for mark in &self.marks {
            if mark.trim().is_empty() {
                return Err(invalid("a signed mark is empty"));
            }
            create = create.with(Element::new(ns::SMD, "encodedSignedMark").with_text(mark));
        }
        let notice = self.notice.as_ref().map(|notice| notice.element(&create)).transpose()?;
        Ok(create.with_all(notice))
    }
}

impl Notice {
    fn element(&self, sibling: &Element) -> Result<Element, NotSent> {
        let mut id = sibling.sibling("noticeID").with_text(names::token(&self.id, 1, 255)?);
        if let Some(validator) = &self.validator {
            id = id.with_attribute("validatorID", names::token(validator, 1, 255)?);
        }
        Ok(sibling
            .sibling("notice")
            .with(id)
            .with_leaf("notAfter", self.not_after.to_string())
            .with_leaf("acceptedDate", self.accepted_at.to_string()))
    }
}

impl Reply {
    pub(crate) fn read(element: &Element) -> Result<Reply, Hostile> {
        let status = |status: &Element| status.need_attribute("s").map(Status::from);
        let is_mark = |inner: &&Element| inner.ns() != ns::LAUNCH;
        Ok(Reply {
            phase: element.get("phase").map(Phase::read),
            application: element.text_of("applicationID"),
            status: element.get("status").map(status).transpose()?,
            claims: element.all("cd").map(Claims::read).collect::<Result<_, _>>()?,
            marks: element.elements().filter(is_mark).cloned().collect(),
        })
    }
}

impl Claims {
    fn read(element: &Element) -> Result<Claims, Hostile> {
        let key =
            |key: &Element| ClaimKey { key: key.text(), validator: key.attribute("validatorID").map(str::to_owned) };
        Ok(Claims {
            name: element.need_text("name")?,
            exist: xml::boolean(element.need("name")?.need_attribute("exists")?)?,
            keys: element.all("claimKey").map(key).collect(),
        })
    }
}
