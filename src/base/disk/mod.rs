//! Files, behind a narrow interface: what writes durable data (log, snapshot) reaches the disk only
//! through [`Disk`] and [`File`], so that a simulated disk can fail as real ones do.
//!
//! - `system`: the operating system's files;
//! - [`Simulated`]: files in memory whose unsynced writes are lost, torn or reordered by a crash, and
//!   whose operations fail on demand; all decided by one seed;
//! - [`Claim`]: a directory is one server's.

mod claim;
pub mod simulated;
mod system;

pub use claim::Claim;
pub use simulated::{Faults, Simulated};
pub use system::system;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A directory tree that holds durable data.
pub trait Disk: Send + Sync + fmt::Debug {
    /// Makes the directory `path` and those above it, where they are missing.
    ///
    /// # Errors
    /// What the operating system says.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// The names of the files in `dir`, in order; none when there is no such directory.
    ///
    /// # Errors
    /// What the operating system says.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// Opens a new, empty file for reading and writing.
    ///
    /// # Errors
    /// When a file of this name exists, and what the operating system says.
    fn create(&self, path: &Path) -> io::Result<Box<dyn File>>;

    /// Opens a file that exists for reading and writing.
    ///
    /// # Errors
    /// What the operating system says.
    fn open(&self, path: &Path) -> io::Result<Box<dyn File>>;

    /// Gives a file another name, replacing what has it.
    ///
    /// # Errors
    /// What the operating system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the operating system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes durable which names `dir` holds: files created, renamed and removed.
    ///
    /// # Errors
    /// What the operating system says.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// An open file.
#[allow(clippy::len_without_is_empty)] // the length is asked of the system, and may fail
pub trait File: Send + Sync + fmt::Debug {
    /// Reads up to `buf.len()` bytes at `offset`; fewer only at the end of the file.
    ///
    /// # Errors
    /// What the operating system says.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize>;

    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    /// What the operating system says; any part may have been written.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Reserves room, so that writes up to `len` neither fail for want of space nor change the length.
    /// The file is at least `len` bytes long then, and what was not written reads as zeros.
    ///
    /// # Errors
    /// What the operating system says; file systems that cannot do it succeed without.
    fn allocate(&self, len: u64) -> io::Result<()>;

    /// Cuts the file, or extends it with zeros.
    ///
    /// # Errors
    /// What the operating system says.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// The length in bytes.
    ///
    /// # Errors
    /// What the operating system says.
    fn len(&self) -> io::Result<u64>;

    /// Makes content and length durable. After an error nothing is known of the writes since the last
    /// success: the system may have dropped them.
    ///
    /// # Errors
    /// What the operating system says.
    fn sync(&self) -> io::Result<()>;
}

/// Bytes read at once by [`read_all`].
const READ_STEP: usize = 1 << 20;

/// The whole content of a file.
///
/// # Errors
/// What the operating system says.
pub fn read_all(file: &dyn File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let at = bytes.len();
        bytes.resize(at + READ_STEP, 0);
        let n = file.read_at(at as u64, &mut bytes[at..])?;
        bytes.truncate(at + n);
        if n == 0 {
            return Ok(bytes);
        }
    }
}

/// A directory on a disk: what a room that stores data is given.
#[derive(Clone, Debug)]
pub struct Directory {
    /// The disk.
    pub disk: Arc<dyn Disk>,
    /// The directory's path.
    pub path: PathBuf,
}

impl Directory {
    /// The directory `path` of the operating system.
    pub fn system(path: impl Into<PathBuf>) -> Self {
        Self { disk: system(), path: path.into() }
    }

    /// The path of the file `name` in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}
