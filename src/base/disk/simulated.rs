//! A disk in memory that crashes and fails as real ones do, decided by one seed.
//!
//! - A write reaches the file at once, but is durable only after a sync. [`Simulated::crash`] keeps of
//!   each file's unsynced writes any subset (reordered) and of some only a part, in whole sectors (torn).
//! - Which names a directory holds is durable after `sync_dir` only; a crash keeps any beginning of the
//!   changes since.
//! - With [`Faults`] operations fail: EIO, no space left, syncs that fail and drop what they should
//!   have written.

use super::{Disk, File};
use fastrand::Rng;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Writes are torn at multiples of this many bytes.
const SECTOR: usize = 512;

/// What fails, from now on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// One of so many writes fails with EIO, a part of it done; 0 for none.
    pub write_fails_one_in: u32,
    /// One of so many syncs fails with EIO, and drops any of the unsynced writes; 0 for none.
    pub sync_fails_one_in: u32,
    /// Bytes that fit in all files together; 0 for no limit.
    pub capacity: u64,
    /// Syncs of files do not come back while this is set.
    pub syncs_hang: bool,
}

#[derive(Debug, Default)]
struct Content {
    /// What survives any crash.
    durable: Vec<u8>,
    /// What readers see.
    seen: Vec<u8>,
    /// What happened since the last sync.
    unsynced: Vec<Change>,
}

#[derive(Debug)]
enum Change {
    Write(u64, Vec<u8>),
    Len(u64),
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Len(len) => bytes.resize(*len as usize, 0),
        Change::Write(offset, data) => {
            let end = *offset as usize + data.len();
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[*offset as usize..end].copy_from_slice(data);
        }
    }
}

/// A change of names since the directory was synced.
#[derive(Debug)]
enum Renaming {
    Add(PathBuf, usize),
    Remove(PathBuf),
    Move(PathBuf, PathBuf),
}

fn rename(names: &mut BTreeMap<PathBuf, usize>, change: &Renaming) {
    match change {
        Renaming::Add(path, file) => {
            names.insert(path.clone(), *file);
        }
        Renaming::Remove(path) => {
            names.remove(path);
        }
        Renaming::Move(from, to) => {
            if let Some(file) = names.remove(from) {
                names.insert(to.clone(), file);
            }
        }
    }
}

#[derive(Debug)]
struct State {
    rng: Rng,
    faults: Faults,
    files: Vec<Content>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    unsynced_names: Vec<Renaming>,
    /// Raised by a crash: files opened before it are dead.
    epoch: u64,
}

/// Leads lives from the seeds below `seeds`; `SYNAP_SEED=n` leads one of them again, `SYNAP_SEEDS=n` leads more.
#[cfg(test)]
pub fn simulate(seeds: u64, life: impl Fn(u64)) {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("SYNAP_SEED") {
        Some(seed) => life(seed),
        None => (0..number("SYNAP_SEEDS").unwrap_or(seeds)).for_each(life),
    }
}

/// A disk in memory; clones share it.
#[derive(Clone, Debug)]
pub struct Simulated {
    state: Arc<Mutex<State>>,
    /// The time between two crashes for which it is used; `None` for any.
    epoch: Option<u64>,
}

impl Simulated {
    /// An empty disk; `seed` decides what its crashes and faults do.
    pub fn new(seed: u64) -> Self {
        let state = State {
            rng: Rng::with_seed(seed),
            faults: Faults::default(),
            files: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            unsynced_names: Vec::new(),
            epoch: 0,
        };
        Self { state: Arc::new(Mutex::new(state)), epoch: None }
    }

    /// The disk as a process sees it that dies with the next crash.
    pub fn boot(&self) -> Self {
        Self { state: self.state.clone(), epoch: Some(self.state.lock().epoch) }
    }

    /// Another disk, with the files as they are now: what is found when the process is killed, not the machine.
    #[cfg(test)]
    pub fn copy(&self) -> Self {
        let (copy, state) = (Self::new(0), self.state.lock());
        let content = |file: &Content| Content {
            durable: file.seen.clone(),
            seen: file.seen.clone(),
            unsynced: Vec::new(),
        };
        {
            let new = &mut *copy.state.lock();
            new.files = state.files.iter().map(content).collect();
            (new.names, new.durable_names) = (state.names.clone(), state.names.clone());
        }
        copy
    }

    /// Sets what fails from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.state.lock().faults = faults;
    }

    /// The power fails: what was not synced is lost, torn or reordered; files open now only fail.
    pub fn crash(&self) {
        let state = &mut *self.state.lock();
        state.epoch += 1;
        let kept = state.rng.usize(..=state.unsynced_names.len());
        for change in state.unsynced_names.drain(..).take(kept) {
            rename(&mut state.durable_names, &change);
        }
        state.names = state.durable_names.clone();
        for file in &mut state.files {
            for change in std::mem::take(&mut file.unsynced) {
                match (change, state.rng.u8(..3)) {
                    (_, 0) => {}
                    (Change::Write(offset, data), 1) => {
                        let sectors = state.rng.usize(..=data.len() / SECTOR);
                        // Up to a sector's boundary in the file, not in the write.
                        let len = (sectors * SECTOR).saturating_sub(offset as usize % SECTOR);
                        apply(&mut file.durable, &Change::Write(offset, data[..len].to_vec()));
                    }
                    (change, _) => apply(&mut file.durable, &change),
                }
            }
            file.seen = file.durable.clone();
        }
    }

    /// Changes bytes of a file that lie on the disk: a defect.
    ///
    /// # Panics
    /// When there is no such file.
    pub fn damage(&self, path: &Path, f: impl FnOnce(&mut Vec<u8>)) {
        let state = &mut *self.state.lock();
        let file = &mut state.files[state.names[path]];
        f(&mut file.durable);
        file.seen = file.durable.clone();
        file.unsynced.clear();
    }

    fn with<R>(&self, f: impl FnOnce(&mut State) -> io::Result<R>) -> io::Result<R> {
        let mut state = self.state.lock();
        if self.epoch.is_some_and(|epoch| epoch != state.epoch) {
            return Err(broken());
        }
        f(&mut state)
    }
}

impl State {
    fn find(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn change_names(&mut self, change: Renaming) {
        rename(&mut self.names, &change);
        self.unsynced_names.push(change);
    }

    fn fails(&mut self, one_in: u32) -> bool {
        one_in > 0 && self.rng.u32(..one_in) == 0
    }

    /// Whether the file may grow to `len` bytes.
    fn room(&self, file: usize, len: u64) -> io::Result<()> {
        let used: u64 = self.names.values().map(|f| self.files[*f].seen.len() as u64).sum();
        let own = self.files[file].seen.len() as u64;
        if self.faults.capacity > 0 && len > own && used - own.min(used) + len > self.faults.capacity {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn change(&mut self, file: usize, change: Change) {
        let file = &mut self.files[file];
        apply(&mut file.seen, &change);
        file.unsynced.push(change);
    }
}

fn broken() -> io::Error {
    io::Error::other("the simulated disk fails")
}

impl Disk for Simulated {
    fn create_dir(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.with(|state| {
            let inside = state.names.keys().filter(|path| path.parent() == Some(dir));
            Ok(inside.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
        })
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn File>> {
        self.with(|state| {
            if state.names.contains_key(path) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            let file = state.files.len();
            state.files.push(Content::default());
            state.change_names(Renaming::Add(path.to_owned(), file));
            Ok(Box::new(Handle { disk: self.clone(), file, epoch: state.epoch }) as Box<dyn File>)
        })
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn File>> {
        self.with(|state| {
            let file = state.find(path)?;
            Ok(Box::new(Handle { disk: self.clone(), file, epoch: state.epoch }) as Box<dyn File>)
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.with(|state| {
            state.find(from)?;
            state.change_names(Renaming::Move(from.to_owned(), to.to_owned()));
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.with(|state| {
            state.find(path)?;
            state.change_names(Renaming::Remove(path.to_owned()));
            Ok(())
        })
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        self.with(|state| {
            if state.fails(state.faults.sync_fails_one_in) {
                return Err(broken());
            }
            for change in state.unsynced_names.drain(..) {
                rename(&mut state.durable_names, &change);
            }
            Ok(())
        })
    }
}

#[derive(Debug)]
struct Handle {
    disk: Simulated,
    file: usize,
    epoch: u64,
}

impl Handle {
    fn with<R>(&self, f: impl FnOnce(&mut State) -> io::Result<R>) -> io::Result<R> {
        self.disk.with(|state| if state.epoch == self.epoch { f(state) } else { Err(broken()) })
    }
}

impl File for Handle {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.with(|state| {
            let seen = &state.files[self.file].seen;
            let rest = seen.get(offset as usize..).unwrap_or_default();
            let n = rest.len().min(buf.len());
            buf[..n].copy_from_slice(&rest[..n]);
            Ok(n)
        })
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.with(|state| {
            if state.fails(state.faults.write_fails_one_in) {
                let part = state.rng.usize(..=bytes.len());
                state.change(self.file, Change::Write(offset, bytes[..part].to_vec()));
                return Err(broken());
            }
            state.room(self.file, offset + bytes.len() as u64)?;
            state.change(self.file, Change::Write(offset, bytes.to_vec()));
            Ok(())
        })
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        self.with(|state| {
            state.room(self.file, len)?;
            let len = len.max(state.files[self.file].seen.len() as u64);
            state.change(self.file, Change::Len(len));
            Ok(())
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.with(|state| {
            state.room(self.file, len)?;
            state.change(self.file, Change::Len(len));
            Ok(())
        })
    }

    fn len(&self) -> io::Result<u64> {
        self.with(|state| Ok(state.files[self.file].seen.len() as u64))
    }

    fn sync(&self) -> io::Result<()> {
        while self.with(|state| Ok(state.faults.syncs_hang))? {
            std::thread::yield_now();
        }
        self.with(|state| {
            let fails = state.fails(state.faults.sync_fails_one_in);
            let State { files, rng, .. } = state;
            let file = &mut files[self.file];
            for change in file.unsynced.drain(..) {
                // A failed sync leaves the pages it could not write marked clean.
                if !fails || rng.bool() {
                    apply(&mut file.durable, &change);
                }
            }
            if fails { Err(broken()) } else { Ok(()) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::disk::read_all;

    #[test]
    fn what_was_synced_survives_and_the_rest_may_not() {
        let (mut lost, mut kept) = (0, 0);
        for seed in 0..64 {
            let disk = Simulated::new(seed);
            let path = Path::new("/d/file");
            let file = disk.create(path).unwrap();
            disk.sync_dir(Path::new("/d")).unwrap();
            file.write_at(0, &[1; 2048]).unwrap();
            file.sync().unwrap();
            file.write_at(2048, &[2; 2048]).unwrap();
            disk.crash();
            assert!(file.read_at(0, &mut [0]).is_err(), "the file was open when the power failed");
            let bytes = read_all(&*disk.open(path).unwrap()).unwrap();
            assert_eq!(bytes[..2048], [1; 2048]);
            assert!(bytes[2048..].iter().all(|b| *b == 2) && bytes.len().is_multiple_of(SECTOR));
            lost += usize::from(bytes.len() == 2048);
            kept += usize::from(bytes.len() == 4096);
        }
        assert!(lost > 0 && kept > 0 && lost + kept < 64);
    }

    #[test]
    fn names_are_durable_when_the_directory_is_synced() {
        let disk = Simulated::new(1);
        disk.create(Path::new("/d/a")).unwrap();
        disk.sync_dir(Path::new("/d")).unwrap();
        disk.rename(Path::new("/d/a"), Path::new("/d/b")).unwrap();
        disk.sync_dir(Path::new("/d")).unwrap();
        disk.crash();
        assert_eq!(disk.list(Path::new("/d")).unwrap(), ["b"]);
    }

    #[test]
    fn a_full_disk_says_so() {
        let disk = Simulated::new(1);
        disk.set_faults(Faults { capacity: 1000, ..Faults::default() });
        let file = disk.create(Path::new("/d/a")).unwrap();
        file.write_at(0, &[1; 1000]).unwrap();
        assert_eq!(file.write_at(1000, &[1]).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(file.len().unwrap(), 1000);
    }
}
