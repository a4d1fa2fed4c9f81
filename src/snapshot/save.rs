//! Saving: a cut is taken, walked by one thread and written by another.
//!
//! ```text
//!  walk ──────────┐  records, some 64 KiB       ┌───────────────────────────┐
//!  clients' edits ┼────────────▶ Intake ───────▶│ compress, checksum, write │──▶ snapshot.part
//!  flushed tables ┘              (bounded)      └───────────────────────────┘      │ sync, rename, sync the directory
//!                                                                                  ▼
//!                                                                        snapshot-0000000007.synap
//! ```

use super::fault::Fault;
use super::files::{self, Found};
use super::format::{Codec, Head, LIBRARY, PIECE, Packer, RAW_MAX, WHOLE, end};
use super::intake::{Crowd, Intake, Part};
use super::progress::Progress;
use super::record;
use crate::base::disk::{Directory, File};
use crate::base::{priority, version};
use crate::keyspace::cut::Witness;
use crate::keyspace::table::Table;
use crate::keyspace::{Garbage, Keyspace, SHARDS};
use crate::lua::Library;
use crc64fast::Digest;
use std::convert::Infallible;
use std::io::{self, Write};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// Entries handed over under one hold of a shard's lock, roughly.
const STEP: usize = 96;
/// Bytes written between two syncs, so that the last one is short.
const SYNC_EVERY: u64 = 32 << 20;
/// Bytes written at once.
const WRITE_SIZE: usize = 256 * 1024;

/// How a snapshot is saved.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How blocks are compressed.
    pub codec: Codec,
    /// What records hold.
    pub records: record::Options,
    /// Whether it is synced in steps.
    pub sync_in_steps: bool,
    /// A pause behind each key, for tests.
    pub key_delay: Duration,
}

/// What a snapshot has besides keys, as it is at its cut.
#[derive(Clone, Default)]
pub struct Aside {
    /// The log's position.
    pub lsn: u64,
    /// The libraries of functions.
    pub libraries: Vec<Arc<Library>>,
}

/// A cut that is to be saved.
pub struct Cut {
    intake: Arc<Intake>,
    head: Head,
    libraries: Vec<Arc<Library>>,
    options: Options,
    progress: Arc<Progress>,
}

/// What was saved.
#[derive(Debug)]
pub struct Saved {
    /// The file.
    pub found: Found,
    /// Its length in bytes.
    pub bytes: u64,
    /// Bytes of what it holds, before they are compressed.
    pub unpacked: u64,
}

impl Cut {
    /// Takes the cut: what changes from here on is not in it. `aside` tells the rest, under the locks of all shards. It
    /// must be saved (or abandoned and saved) before the next one is taken.
    pub fn take(
        keyspace: &Keyspace,
        options: Options,
        now_ms: i64,
        crowd: &Arc<Crowd>,
        aside: impl FnOnce() -> Aside,
    ) -> Self {
        let progress = Arc::new(Progress::default());
        let intake = Arc::new(Intake::new(options.records, progress.clone(), crowd.clone()));
        let witness: Arc<dyn Witness> = intake.clone();
        let (sizes, Aside { lsn, libraries }) = keyspace.cut(&witness, aside);
        let keys = sizes.iter().map(|size| size.keys).sum();
        progress.expect(keys, 0);
        let databases = sizes.iter().enumerate().filter(|(_, size)| size.keys > 0);
        let databases = databases.map(|(db, size)| (db as u32, size.keys, size.expiring)).collect();
        let head = Head {
            version: version::SYNAP.into(),
            created_ms: now_ms,
            lsn,
            keys,
            libraries: libraries.len() as u64,
            databases,
        };
        Cut { intake, head, libraries, options, progress }
    }

    /// What can be done to the saving from elsewhere.
    pub fn intake(&self) -> &Arc<Intake> {
        &self.intake
    }

    /// What the head of the file will tell.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// How far the saving has come.
    pub fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    /// Writes the snapshot into `dir` and removes older ones; takes as long as it takes.
    ///
    /// # Errors
    /// When the disk refuses, or the cut was abandoned. The snapshot before is as it was then.
    pub fn save(self, keyspace: &Keyspace, dir: &Directory) -> Result<Saved, Fault> {
        let saved = self.both(keyspace, || self.write_file(dir))?;
        files::remove_before(dir, saved.found.number);
        Ok(saved)
    }

    /// Writes nothing, because of `why`, but walks all the same.
    pub fn give_up(self, keyspace: &Keyspace, why: Fault) -> Fault {
        match self.both::<Infallible>(keyspace, || Err(why)) {
            Err(why) => why,
            Ok(never) => match never {},
        }
    }

    /// Walks here while `write` writes in a thread of its own. The walk goes on to its end when the writing fails: the
    /// next cut needs every entry to be of one generation.
    fn both<R: Send>(
        &self,
        keyspace: &Keyspace,
        write: impl FnOnce() -> Result<R, Fault> + Send,
    ) -> Result<R, Fault> {
        thread::scope(|scope| {
            let writer = thread::Builder::new().name("snapshot".into()).spawn_scoped(scope, || {
                // Compressing takes most of what a snapshot costs.
                priority::lower();
                let written = write();
                if written.is_err() {
                    self.intake.abandon();
                }
                written
            });
            if writer.is_err() {
                self.intake.abandon();
            }
            self.walk(keyspace);
            self.intake.complete();
            let writer = writer.map_err(Fault::io("snapshot".as_ref(), "start the thread that writes"))?;
            writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn walk(&self, keyspace: &Keyspace) {
        let step = if self.options.key_delay.is_zero() { STEP } else { 1 };
        let mut told = Duration::ZERO;
        let mut pause = || {
            self.intake.wait_for_room();
            self.progress.tell("saving a snapshot", &mut told);
            if !self.options.key_delay.is_zero() {
                self.intake.rest(self.options.key_delay);
            }
        };
        for shard in 0..SHARDS {
            while keyspace.walk_cut(shard, step) {
                pause();
            }
            while let Some(mut table) = self.intake.take_flushed() {
                while table.has_cut() {
                    table.walk_cut(step);
                    pause();
                }
                keyspace.free_later(Garbage::Table(table));
            }
        }
        assert!(!keyspace.has_cut(), "a walk leaves nothing of its cut");
    }

    fn write_file(&self, dir: &Directory) -> Result<Saved, Fault> {
        let number = files::next_number(dir)?;
        let part = dir.file(files::PART);
        let written = files::create_part(dir).and_then(|file| {
            let mut unsynced = 0;
            let sync = |written: usize| {
                unsynced += written as u64;
                if self.options.sync_in_steps && unsynced >= SYNC_EVERY {
                    unsynced = 0;
                    file.sync()?;
                }
                Ok(())
            };
            let out = Appending { file: &*file, offset: 0 };
            let written = self.write(out, sync).map_err(Fault::io(&part, "write"))?;
            let (bytes, unpacked) = written.ok_or(Fault::Abandoned)?;
            file.sync().map_err(Fault::io(&part, "sync"))?;
            files::publish(dir, number)?;
            Ok(Saved {
                found: Found { path: dir.file(&files::name(number)), number, head: self.head.clone() },
                bytes,
                unpacked,
            })
        });
        if written.is_err() {
            files::remove_part(dir);
        }
        written
    }

    /// Writes what comes in, and returns the length and that of what was compressed; `None` when it was abandoned.
    fn write(
        &self,
        out: impl Write,
        wrote: impl FnMut(usize) -> io::Result<()>,
    ) -> io::Result<Option<(u64, u64)>> {
        let mut out = Output::new(out, wrote, self.options.codec, &self.progress);
        out.add(&self.head.encode())?;
        for library in &self.libraries {
            out.group(LIBRARY, 0, &library.code)?;
        }
        let mut keys = 0;
        while let Some(part) = self.intake.next() {
            let (db, records) = match part {
                Part::Records(db, n, records) => {
                    keys += n as u64;
                    (db, records)
                }
                Part::Pieces(db, pieces) => {
                    keys += 1;
                    out.pieces(db, &pieces)?;
                    continue;
                }
                Part::Entry(db, entry) => {
                    keys += 1;
                    let mut records = Vec::new();
                    record::write(entry.as_ref(), self.options.records, &mut records);
                    (db, records)
                }
            };
            out.group(WHOLE, db, &records)?;
            self.intake.give_back(records);
        }
        if self.intake.is_abandoned() {
            return Ok(None);
        }
        if keys != self.head.keys {
            return Err(io::Error::other(format!(
                "{keys} keys were handed over, the cut has {}",
                self.head.keys
            )));
        }
        out.finish(keys).map(Some)
    }
}

/// Everything in `tables`, each of the database named, as the bytes of a snapshot; whoever calls holds their locks.
///
/// # Errors
/// None, as memory takes all bytes.
pub fn encode<'a>(
    tables: impl Iterator<Item = (u32, &'a Table)>,
    options: Options,
    mut head: Head,
) -> io::Result<Vec<u8>> {
    let progress = Progress::default();
    let mut bytes = Vec::new();
    let tables: Vec<(u32, &Table)> = tables.collect();
    head.keys = tables.iter().map(|(_, table)| table.len() as u64).sum();
    let mut out = Output::new(&mut bytes, |_| Ok(()), options.codec, &progress);
    out.add(&head.encode())?;
    let mut records = Vec::new();
    for (db, table) in tables {
        for entry in table.iter() {
            record::write(entry, options.records, &mut records);
            if records.len() >= WRITE_SIZE {
                out.group(WHOLE, db, &records)?;
                records.clear();
            }
        }
        out.group(WHOLE, db, &records)?;
        records.clear();
    }
    out.finish(head.keys)?;
    Ok(bytes)
}

/// Bytes on their way into the file.
struct Output<'a, W, F> {
    out: W,
    /// Is told how many bytes were written.
    wrote: F,
    packer: Packer,
    buffer: Vec<u8>,
    digest: Digest,
    len: u64,
    /// Bytes given to be compressed.
    unpacked: u64,
    progress: &'a Progress,
}

impl<'a, W: Write, F: FnMut(usize) -> io::Result<()>> Output<'a, W, F> {
    fn new(out: W, wrote: F, codec: Codec, progress: &'a Progress) -> Self {
        let packer = Packer::new(codec);
        Self { out, wrote, packer, buffer: Vec::new(), digest: Digest::new(), len: 0, unpacked: 0, progress }
    }

    /// Writes whole records of one database, or what else its last block is of the `kind` of.
    fn group(&mut self, kind: u8, db: u32, bytes: &[u8]) -> io::Result<()> {
        let pieces = bytes.len().div_ceil(RAW_MAX);
        self.unpacked += bytes.len() as u64;
        for (at, piece) in bytes.chunks(RAW_MAX).enumerate() {
            let kind = if at + 1 < pieces { PIECE } else { kind };
            let block = self.packer.pack(kind, db, piece);
            self.digest.write(block);
            self.len += block.len() as u64;
            self.buffer.extend_from_slice(block);
            if self.buffer.len() >= WRITE_SIZE {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Writes one record.
    fn pieces(&mut self, db: u32, pieces: &[Vec<u8>]) -> io::Result<()> {
        let Some((last, before)) = pieces.split_last() else { return Ok(()) };
        before.iter().try_for_each(|piece| self.group(PIECE, db, piece))?;
        self.group(WHOLE, db, last)
    }

    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.write(bytes);
        self.len += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Writes the end, and tells the length of all, and of what was compressed.
    fn finish(mut self, keys: u64) -> io::Result<(u64, u64)> {
        let end = end(keys, &self.digest);
        self.add(&end)?;
        self.flush()?;
        Ok((self.len, self.unpacked))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(&self.buffer)?;
        self.progress.moved(self.buffer.len());
        (self.wrote)(self.buffer.len())?;
        self.buffer.clear();
        Ok(())
    }
}

/// A file that is written from its beginning on.
pub(super) struct Appending<'a> {
    pub file: &'a dyn File,
    pub offset: u64,
}

impl Write for Appending<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_at(self.offset, bytes)?;
        self.offset += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
