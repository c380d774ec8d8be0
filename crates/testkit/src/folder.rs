//! Folders that live as long as a test.

use std::ffi::OsStr;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use crate::watchdog;

/// How the name of every folder that a test makes begins, so that a left-over one is recognised.
pub const PREFIX: &str = "innkeeper-test-";

/// An empty folder under the system's temporary one, removed with all that is in it when dropped or, failing that, when
/// the test process ends.
#[derive(Debug)]
pub struct Folder(tempfile::TempDir);

impl Folder {
    /// # Panics
    /// When the temporary folder cannot be written to.
    #[must_use]
    pub fn new() -> Self {
        Self::inside(&std::env::temp_dir())
    }

    pub(crate) fn inside(parent: &Path) -> Self {
        let made = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent);
        let made = made.unwrap_or_else(|e| panic!("no folder can be made in {}: {e}", parent.display()));
        watchdog::folder_made(made.path());
        Self(made)
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl Deref for Folder {
    type Target = Path;

    fn deref(&self) -> &Path {
        self.0.path()
    }
}

impl AsRef<OsStr> for Folder {
    fn as_ref(&self) -> &OsStr {
        self.0.path().as_os_str()
    }
}

impl AsRef<Path> for Folder {
    fn as_ref(&self) -> &Path {
        self.0.path()
    }
}

/// The first program of this name in `PATH`.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(name)).find(|file| file.is_file())
}
