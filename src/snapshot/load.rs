//! Loading: one thread reads blocks, all cores unpack them and put their entries into the shards.

use super::fault::{Damage, Fault};
use super::files::Found;
use super::format::{BLOCK_HEAD, BlockHead, Head, LAST, LIBRARY, PIECE};
use super::progress::Progress;
use super::record::Records;
use crate::base::disk::{Directory, File};
use crate::keyspace::txn::shard_of;
use crate::keyspace::{EntryBox, Keyspace, SHARDS, hash};
use crate::types::Packing;
use crc64fast::Digest;
use parking_lot::Mutex;
use std::io::{self, BufReader, Read};
use std::mem;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

/// Bytes read from the file at once.
const READ_SIZE: usize = 1 << 20;
/// Groups of blocks read ahead for each thread that unpacks them.
const AHEAD: usize = 8;
/// Entries collected before they are put into the shards, so that one lock serves many.
const BATCH: usize = 4096;

/// What a load does with what it finds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Keys due at this time (unix ms) are left out. `None` keeps them: the log may say that they live on.
    pub drop_due_at: Option<i64>,
    /// The access clock of keys whose records tell none.
    pub access: u32,
    /// A pause behind each key, for tests.
    pub key_delay: Duration,
}

/// What was loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Keys.
    pub keys: u64,
    /// Keys left out because they were due.
    pub expired: u64,
    /// Bytes of what the snapshot holds, before they were compressed.
    pub unpacked: u64,
    /// The code of the libraries of functions, in no order: whoever loads makes them anew.
    pub libraries: Vec<Vec<u8>>,
}

/// Puts the snapshot `found` into `keyspace`, which has none of its keys.
///
/// # Errors
/// When it cannot be read or is damaged; a part of it may be in `keyspace` then.
pub fn load(
    dir: &Directory,
    found: &Found,
    keyspace: &Keyspace,
    options: Options,
    progress: &Progress,
) -> Result<Loaded, Fault> {
    open(dir, &found.path, |input, len, path| {
        Loading::new(path, Target::Keyspace(keyspace), keyspace.packing(), options, progress)
            .read(input, len)
            .map(|(_, loaded)| loaded)
    })
}

/// Reads the whole snapshot in the file `path`, checks everything in it, and tells what its head says.
///
/// # Errors
/// When it cannot be read or is damaged.
pub fn verify(dir: &Directory, path: &Path, progress: &Progress) -> Result<Head, Fault> {
    let (packing, options) = (Packing::default(), Options::default());
    open(dir, path, |input, len, path| {
        Loading::new(path, Target::Nowhere, &packing, options, progress)
            .read(input, len)
            .map(|(head, _)| head)
    })
}

/// Puts the snapshot in `bytes` into `keyspace`, as [`load`] does.
///
/// # Errors
/// When it is damaged.
pub fn load_bytes(bytes: &[u8], keyspace: &Keyspace, options: Options) -> Result<Loaded, Fault> {
    let progress = Progress::default();
    let loading =
        Loading::new("memory".as_ref(), Target::Keyspace(keyspace), keyspace.packing(), options, &progress);
    loading.read(bytes, bytes.len() as u64).map(|(_, loaded)| loaded)
}

/// Hands every entry of the snapshot in the file `path` to `sink`, with its database: several threads do so at once.
///
/// # Errors
/// When it cannot be read or is damaged; a part of it was handed over then.
pub fn each(
    dir: &Directory,
    path: &Path,
    packing: &Packing,
    sink: &(dyn Fn(u32, EntryBox) + Sync),
) -> Result<Loaded, Fault> {
    let progress = Progress::default();
    open(dir, path, |input, len, path| {
        let target = Target::Sink(sink);
        let loading = Loading::new(path, target, packing, Options::default(), &progress);
        loading.read(input, len).map(|(_, loaded)| loaded)
    })
}

fn open<R>(
    dir: &Directory,
    path: &Path,
    f: impl FnOnce(BufReader<Sequential<'_>>, u64, &Path) -> Result<R, Fault>,
) -> Result<R, Fault> {
    let file = dir.disk.open(path).map_err(Fault::io(path, "open"))?;
    let len = file.len().map_err(Fault::io(path, "read"))?;
    f(BufReader::with_capacity(READ_SIZE, Sequential { file: &*file, offset: 0 }), len, path)
}

/// A file that is read from its beginning on.
struct Sequential<'a> {
    file: &'a dyn File,
    offset: u64,
}

impl Read for Sequential<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read_at(self.offset, buf)?;
        self.offset += n as u64;
        Ok(n)
    }
}

/// Blocks whose records belong together: one, or the pieces of something long.
#[derive(Default)]
struct Group {
    /// Where it begins in the file.
    offset: u64,
    blocks: Vec<(BlockHead, Vec<u8>)>,
}

/// Where entries go.
#[derive(Clone, Copy)]
enum Target<'a> {
    /// They are only checked.
    Nowhere,
    Keyspace(&'a Keyspace),
    Sink(&'a (dyn Fn(u32, EntryBox) + Sync)),
}

/// A load under way.
struct Loading<'a> {
    path: &'a Path,
    target: Target<'a>,
    packing: &'a Packing,
    options: Options,
    progress: &'a Progress,
    keys: AtomicU64,
    expired: AtomicU64,
    unpacked: AtomicU64,
    libraries: Mutex<Vec<Vec<u8>>>,
    failed: AtomicBool,
    fault: Mutex<Option<Fault>>,
}

impl<'a> Loading<'a> {
    fn new(
        path: &'a Path,
        target: Target<'a>,
        packing: &'a Packing,
        options: Options,
        progress: &'a Progress,
    ) -> Self {
        let (keys, expired, unpacked, libraries) = Default::default();
        Self {
            path,
            target,
            packing,
            options,
            progress,
            keys,
            expired,
            unpacked,
            libraries,
            failed: AtomicBool::new(false),
            fault: Mutex::new(None),
        }
    }

    /// Reads a file of `len` bytes.
    fn read(self, input: impl Read, len: u64) -> Result<(Head, Loaded), Fault> {
        let mut input = Input { input, path: self.path, offset: 0, digest: Digest::new() };
        let head = input.head()?;
        self.progress.expect(head.keys, len);
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let (sender, receiver) = sync_channel::<Group>(AHEAD * threads);
        let receiver = Mutex::new(receiver);
        let keys = thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    if let Err(fault) = self.unpack_all(&receiver) {
                        self.failed.store(true, Relaxed);
                        self.fault.lock().get_or_insert(fault);
                        // Lets the reader go on until it sees the failure.
                        while receiver.lock().recv().is_ok() {}
                    }
                });
            }
            let read =
                input.groups(self.progress, |group| !self.failed.load(Relaxed) && sender.send(group).is_ok());
            drop(sender);
            read
        });
        if let Some(fault) = self.fault.lock().take() {
            return Err(fault);
        }
        let libraries = mem::take(&mut *self.libraries.lock());
        let loaded = Loaded {
            keys: self.keys.load(Relaxed),
            expired: self.expired.load(Relaxed),
            unpacked: self.unpacked.load(Relaxed),
            libraries,
        };
        let (offset, keys) = keys?;
        if [head.keys, loaded.keys + loaded.expired] != [keys, keys] {
            return Err(self.damaged(offset, "the number of keys is wrong"));
        }
        if head.libraries != loaded.libraries.len() as u64 {
            return Err(self.damaged(offset, "the number of libraries is wrong"));
        }
        Ok((head, loaded))
    }

    fn damaged(&self, offset: u64, what: impl Into<std::borrow::Cow<'static, str>>) -> Fault {
        Fault::damaged(self.path)(Damage::new(offset, what))
    }

    /// Unpacks groups until there are no more, or one is damaged.
    fn unpack_all(&self, receiver: &Mutex<Receiver<Group>>) -> Result<(), Fault> {
        let mut records = Vec::new();
        let mut batch = Batch::default();
        loop {
            let group = receiver.lock().recv();
            let Ok(group) = group else { break };
            let at = group.offset;
            self.unpack(group, &mut records, &mut batch).map_err(|what| self.damaged(at, what))?;
            if batch.len >= BATCH {
                batch.put(self.target).map_err(|what| self.damaged(at, what))?;
            }
        }
        batch.put(self.target).map_err(|what| self.damaged(0, what))
    }

    fn unpack(&self, group: Group, records: &mut Vec<u8>, batch: &mut Batch) -> Result<(), String> {
        records.clear();
        let Some((db, kind)) = group.blocks.last().map(|(head, _)| (head.db, head.kind)) else {
            return Ok(());
        };
        if let Target::Keyspace(keyspace) = self.target
            && db as usize >= keyspace.databases()
        {
            let databases = keyspace.databases();
            return Err(format!("it has keys in database {db}, but the setting databases is {databases}"));
        }
        for (head, stored) in group.blocks {
            head.unpack(&stored, records)?;
        }
        self.unpacked.fetch_add(records.len() as u64, Relaxed);
        if kind == LIBRARY {
            self.libraries.lock().push(mem::take(records));
            return Ok(());
        }
        let (mut keys, mut expired) = (0, 0);
        let mut reader = Records::new(records, self.packing, self.options.access);
        while let Some(entry) = reader.next_entry()? {
            let due = |at: Option<i64>| at.zip(self.options.drop_due_at).is_some_and(|(at, now)| at <= now);
            if due(entry.as_ref().expire_at()) {
                expired += 1;
                continue;
            }
            keys += 1;
            batch.add(db, entry);
            if !self.options.key_delay.is_zero() {
                thread::sleep(self.options.key_delay);
            }
        }
        self.keys.fetch_add(keys, Relaxed);
        self.expired.fetch_add(expired, Relaxed);
        self.progress.saw((keys + expired) as usize);
        if records.capacity() > READ_SIZE {
            *records = Vec::new();
        }
        Ok(())
    }
}

/// Entries by shard, with database and hash.
struct Batch {
    shards: [Vec<(u32, u64, EntryBox)>; SHARDS],
    len: usize,
}

impl Default for Batch {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Vec::new()), len: 0 }
    }
}

impl Batch {
    fn add(&mut self, db: u32, entry: EntryBox) {
        let hash = hash(entry.as_ref().key());
        self.shards[shard_of(hash)].push((db, hash, entry));
        self.len += 1;
    }

    /// Puts all entries into `target`.
    fn put(&mut self, target: Target<'_>) -> Result<(), String> {
        self.len = 0;
        for (at, entries) in self.shards.iter_mut().enumerate().filter(|(_, entries)| !entries.is_empty()) {
            let keyspace = match target {
                Target::Nowhere => {
                    entries.clear();
                    continue;
                }
                Target::Sink(sink) => {
                    entries.drain(..).for_each(|(db, _, entry)| sink(db, entry));
                    continue;
                }
                Target::Keyspace(keyspace) => keyspace,
            };
            let mut shard = keyspace.lock(at);
            for (db, hash, _) in entries.iter() {
                shard.tables[*db as usize].prefetch_bucket(*hash);
            }
            for (db, hash, mut entry) in entries.drain(..) {
                keyspace.agenda().adopt_entry(db, &mut entry);
                if let Some(twin) = shard.tables[db as usize].insert(hash, entry) {
                    let key = twin.as_ref().key();
                    return Err(format!(
                        "the key \"{}\" is there twice",
                        key[..key.len().min(64)].escape_ascii()
                    ));
                }
            }
        }
        Ok(())
    }
}

/// The bytes of a snapshot, in order.
struct Input<'a, R> {
    input: R,
    path: &'a Path,
    offset: u64,
    digest: Digest,
}

impl<R: Read> Input<'_, R> {
    fn damaged(&self, what: &'static str) -> Fault {
        Fault::damaged(self.path)(Damage::new(self.offset, what))
    }

    fn fill(&mut self, buf: &mut [u8]) -> Result<(), Fault> {
        self.input.read_exact(buf).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => self.damaged("the file ends too early"),
            _ => Fault::io(self.path, "read")(error),
        })
    }

    fn head(&mut self) -> Result<Head, Fault> {
        let mut start = [0; 12];
        self.fill(&mut start)?;
        let mut bytes = start.to_vec();
        bytes.resize(Head::len_of(&start).map_err(Fault::damaged(self.path))?, 0);
        self.fill(&mut bytes[12..])?;
        self.digest.write(&bytes);
        self.offset = bytes.len() as u64;
        Head::decode(&bytes).map_err(Fault::damaged(self.path))
    }

    /// Gives `take` every group, until it wants no more; returns where the end stands, and how many keys that tells.
    fn groups(
        &mut self,
        progress: &Progress,
        mut take: impl FnMut(Group) -> bool,
    ) -> Result<(u64, u64), Fault> {
        let mut group = Group { offset: self.offset, ..Group::default() };
        let mut told = Duration::ZERO;
        loop {
            let mut bytes = [0; BLOCK_HEAD];
            self.fill(&mut bytes)?;
            let head = BlockHead::decode(&bytes).map_err(|what| self.damaged(what))?;
            if head.kind == LAST {
                self.digest.write(&bytes[..16]);
                if self.digest.sum64() != head.crc() {
                    return Err(self.damaged("the checksum of the whole file is wrong"));
                }
                if !group.blocks.is_empty() {
                    return Err(self.damaged("the file ends within something long"));
                }
                if self.input.read(&mut [0]).map_err(Fault::io(self.path, "read"))? != 0 {
                    return Err(self.damaged("something stands behind the end"));
                }
                return Ok((self.offset, head.keys()));
            }
            let mut stored = vec![0; head.stored];
            self.fill(&mut stored)?;
            self.digest.write(&bytes);
            self.digest.write(&stored);
            if group.blocks.first().is_some_and(|(first, _)| first.db != head.db) {
                return Err(self.damaged("something long changes its database"));
            }
            group.blocks.push((head, stored));
            self.offset += (BLOCK_HEAD + head.stored) as u64;
            progress.moved(BLOCK_HEAD + head.stored);
            progress.tell("loading a snapshot", &mut told);
            if head.kind != PIECE {
                let next = Group { offset: self.offset, ..Group::default() };
                if !take(mem::replace(&mut group, next)) {
                    return Ok((self.offset, 0));
                }
            }
        }
    }
}
