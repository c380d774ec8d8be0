//! What the command bar and the search page look through. Each feature adds its own; a finder answers only those who
//! may see what it finds.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use kernel::Result;
use platform::Conn;

use super::Permission;

/// At most this many hits of one kind are shown.
pub const HITS: i64 = 8;

/// Something that was found.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Hit {
    pub title: String,
    pub detail: String,
    pub href: String,
    /// Shown as a pill; empty for none.
    pub status: String,
}

pub type Found<'a> = Pin<Box<dyn Future<Output = Result<Vec<Hit>>> + Send + 'a>>;
type Find = Arc<dyn for<'a> Fn(&'a mut Conn, &'a str) -> Found<'a> + Send + Sync>;

#[derive(Clone)]
pub struct Finder {
    pub label: &'static str,
    pub permission: Permission,
    /// The whole list filtered by what was typed, which is put behind it; empty when there is none.
    pub list: &'static str,
    find: Find,
}

impl Finder {
    pub async fn find(&self, conn: &mut Conn, text: &str) -> Result<Vec<Hit>> {
        (self.find)(conn, text).await
    }
}

/// The finders in the order in which their hits are shown.
#[derive(Clone, Default)]
pub struct Finders(Vec<Finder>);

impl Finders {
    /// `find` is given trimmed text that is not empty.
    pub fn add<F>(&mut self, label: &'static str, permission: Permission, list: &'static str, find: F)
    where
        F: for<'a> Fn(&'a mut Conn, &'a str) -> Found<'a> + Send + Sync + 'static,
    {
        self.0.push(Finder { label, permission, list, find: Arc::new(find) });
    }

    pub fn iter(&self) -> impl Iterator<Item = &Finder> {
        self.0.iter()
    }
}
