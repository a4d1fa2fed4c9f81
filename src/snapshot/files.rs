//! The files of a data directory that hold snapshots: `snapshot-0000000007.synap`, numbered as they were made, and
//! `snapshot.part` while one is written.

use super::fault::{Damage, Fault};
use super::format::Head;
use crate::base::disk::{Directory, File};
use std::io;
use std::path::{Path, PathBuf};

/// The name of a snapshot that is not complete.
pub(super) const PART: &str = "snapshot.part";
const PREFIX: &str = "snapshot-";
const SUFFIX: &str = ".synap";

/// A snapshot that is there.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its file.
    pub path: PathBuf,
    /// Its number: the highest is the newest.
    pub number: u64,
    /// What its head tells.
    pub head: Head,
}

/// The newest snapshot in `dir`; only its head is read.
///
/// # Errors
/// When it cannot be read, or its head is damaged.
pub fn newest(dir: &Directory) -> Result<Option<Found>, Fault> {
    let Some(number) = numbers(dir)?.into_iter().max() else { return Ok(None) };
    let path = dir.file(&name(number));
    let file = dir.disk.open(&path).map_err(Fault::io(&path, "open"))?;
    let head = read_head(&*file, &path)?;
    Ok(Some(Found { path, number, head }))
}

/// The head of the snapshot in `file`.
pub(super) fn read_head(file: &dyn File, path: &Path) -> Result<Head, Fault> {
    let damaged = || Fault::damaged(path);
    let read = |buf: &mut [u8]| -> Result<(), Fault> {
        match file.read_at(0, buf).map_err(Fault::io(path, "read"))? {
            n if n == buf.len() => Ok(()),
            n => Err(damaged()(Damage::new(n as u64, "the file ends within its head"))),
        }
    };
    let mut start = [0; 12];
    read(&mut start)?;
    let mut bytes = vec![0; Head::len_of(&start).map_err(damaged())?];
    read(&mut bytes)?;
    Head::decode(&bytes).map_err(damaged())
}

pub(super) fn name(number: u64) -> String {
    format!("{PREFIX}{number:010}{SUFFIX}")
}

fn numbers(dir: &Directory) -> Result<Vec<u64>, Fault> {
    let names = dir.disk.list(&dir.path).map_err(Fault::io(&dir.path, "list"))?;
    let number = |name: &String| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.parse().ok();
    Ok(names.iter().filter_map(number).collect())
}

/// The number of the next snapshot.
pub(super) fn next_number(dir: &Directory) -> Result<u64, Fault> {
    dir.disk.create_dir(&dir.path).map_err(Fault::io(&dir.path, "create"))?;
    Ok(numbers(dir)?.into_iter().max().unwrap_or_default() + 1)
}

/// A new file to write a snapshot to, in place of what a crash left.
pub(super) fn create_part(dir: &Directory) -> Result<Box<dyn File>, Fault> {
    let part = dir.file(PART);
    match dir.disk.remove(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(Fault::io(&part, "remove")(error));
        }
        _ => {}
    }
    dir.disk.create(&part).map_err(Fault::io(&part, "create"))
}

/// Makes the complete snapshot one that counts.
pub(super) fn publish(dir: &Directory, number: u64) -> Result<(), Fault> {
    let part = dir.file(PART);
    dir.disk.rename(&part, &dir.file(&name(number))).map_err(Fault::io(&part, "rename"))?;
    dir.disk.sync_dir(&dir.path).map_err(Fault::io(&dir.path, "sync"))
}

/// Removes what is not complete.
pub fn remove_part(dir: &Directory) {
    let part = dir.file(PART);
    if let Err(error) = dir.disk.remove(&part)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(file = %part.display(), "cannot remove an unfinished snapshot: {error}");
    }
}

/// Removes the snapshots before the one of this number: it has all that they have.
pub(super) fn remove_before(dir: &Directory, number: u64) {
    let old = numbers(dir).unwrap_or_default();
    for path in old.into_iter().filter(|n| *n < number).map(|n| dir.file(&name(n))) {
        if let Err(error) = dir.disk.remove(&path) {
            tracing::warn!(file = %path.display(), "cannot remove an old snapshot: {error}");
        }
    }
}
