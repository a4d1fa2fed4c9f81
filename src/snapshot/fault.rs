//! What is wrong with a snapshot, as the operator hears it.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

/// What is wrong, and where in the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset}: {what}")]
pub struct Damage {
    /// The offset in the file.
    pub offset: u64,
    /// What is wrong there.
    pub what: Cow<'static, str>,
}

impl Damage {
    /// Damage at `offset`.
    pub fn new(offset: u64, what: impl Into<Cow<'static, str>>) -> Self {
        Self { offset, what: what.into() }
    }
}

/// Why a snapshot is not saved or not loaded.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The operating system refuses.
    #[error("snapshot {}: cannot {what}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// What the system says.
        error: io::Error,
    },
    /// The file is damaged, or is none of this version.
    #[error("snapshot {} is damaged {damage}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        damage: Damage,
    },
    /// It was given up, for a shutdown or a reload.
    #[error("it was abandoned")]
    Abandoned,
}

impl Fault {
    /// Tells what the system refused to do with `path`.
    pub fn io(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Fault::Io { path: path.to_owned(), what, error }
    }

    /// Tells what is wrong in `path`.
    pub fn damaged(path: &Path) -> impl FnOnce(Damage) -> Self {
        move |damage| Fault::Damaged { path: path.to_owned(), damage }
    }
}
