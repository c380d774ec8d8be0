use super::object;
use crate::command::{self, Command, Intent};
use crate::error::{Hostile, NotSent};
use crate::launch;
use crate::response::Response;
use crate::xml::Element;

/// Deletes a domain, or withdraws an application. In its grace period it is gone at once; otherwise the answer is often
/// pending, and the domain can be restored for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delete {
    /// The domain.
    pub name: String,
    /// Which application.
    pub launch: Option<launch::Application>,
}

impl Delete {
    /// Deletes a domain.
    #[must_use]
    pub fn new(name: &str) -> Delete {
        Delete { name: name.to_owned(), launch: None }
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

    fn extensions(&self) -> Result<Vec<Element>, NotSent> {
        let launch = self.launch.as_ref().map(|application| application.element("delete")).transpose()?;
        Ok(launch.into_iter().collect())
    }

    fn read(&self, _: &Response) -> Result<(), Hostile> {
        Ok(())
    }
}
