//! Whose a directory is: two servers that wrote to one would damage each other's data.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// A claim to a directory, held until it is dropped or its process has ended. It is a lock on the directory itself
/// (`flock`), so it leaves no file behind, and a server that was killed leaves no claim.
#[derive(Debug)]
pub struct Claim {
    directory: PathBuf,
    _locked: File,
}

impl Claim {
    /// Claims `directory`, which is made if it is missing, for the one who writes to it.
    ///
    /// # Errors
    /// [`io::ErrorKind::ResourceBusy`] when another has claimed it, and what the operating system says.
    pub fn to_write(directory: &Path) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        Self::with(directory, File::try_lock)
    }

    /// Claims `directory` for one of those who only read it; `None` when there is none.
    ///
    /// # Errors
    /// [`io::ErrorKind::ResourceBusy`] when somebody writes to it, and what the operating system says.
    pub fn to_read(directory: &Path) -> io::Result<Option<Self>> {
        if !directory.is_dir() {
            return Ok(None);
        }
        Self::with(directory, File::try_lock_shared).map(Some)
    }

    fn with(directory: &Path, lock: fn(&File) -> Result<(), TryLockError>) -> io::Result<Self> {
        let opened = File::open(directory)?;
        match lock(&opened) {
            // A file system without locks cannot tell; it is used all the same.
            Err(TryLockError::Error(error)) if error.kind() != io::ErrorKind::Unsupported => Err(error),
            Err(TryLockError::WouldBlock) => {
                let why = "another server uses it; give each a directory of its own, with --dir";
                Err(io::Error::new(io::ErrorKind::ResourceBusy, why))
            }
            _ => Ok(Self { directory: directory.to_owned(), _locked: opened }),
        }
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_writes_or_many_read() {
        let path = std::env::temp_dir().join(format!("synap-claim-{}", std::process::id()));
        assert!(Claim::to_read(&path).unwrap().is_none());
        let writer = Claim::to_write(&path).unwrap();
        assert_eq!(Claim::to_write(&path).unwrap_err().kind(), io::ErrorKind::ResourceBusy);
        assert_eq!(Claim::to_read(&path).unwrap_err().kind(), io::ErrorKind::ResourceBusy);
        drop(writer);
        let readers = [Claim::to_read(&path).unwrap(), Claim::to_read(&path).unwrap()];
        assert_eq!(Claim::to_write(&path).unwrap_err().kind(), io::ErrorKind::ResourceBusy);
        drop(readers);
        assert_eq!(Claim::to_write(&path).unwrap().directory(), path);
        fs::remove_dir(&path).unwrap();
    }
}
