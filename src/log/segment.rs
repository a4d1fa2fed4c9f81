//! Segments: the files of the log, each with a header and the records behind it.
//!
//! ```text
//! offset  size
//!      0     8  "SYNAPLOG"
//!      8     4  version: 1
//!     12     4  CRC-32C of bytes 0 to 11 and 16 to 63
//!     16     8  Lsn of the first record
//!     24     8  unix milliseconds at which it was begun
//!     32     1  1 if it begins anew: what is before it does not lead up to it
//!     33    31  zeros
//!     64        records
//! ```
//! The name is `log-`, the Lsn in 20 digits, `.seg`. Room is reserved ahead, so behind the last record
//! lie zeros, or what a segment that was used again held before: their records bear other Lsns.

use super::Lsn;
use crate::base::clock;
use crate::base::disk::{Directory, File};
use std::io;
use std::sync::Arc;

/// Bytes of a segment's header.
pub const HEADER: u64 = 64;
const MAGIC: &[u8; 8] = b"SYNAPLOG";
const VERSION: u32 = 1;
const PREFIX: &str = "log-";
const SUFFIX: &str = ".seg";
/// A segment being made.
const UNFINISHED: &str = "log-new.tmp";
/// A segment that is no longer needed, kept to be used again.
const SPARE: &str = "log-spare.tmp";
/// Bytes written as zeros ahead of the records, at a time.
const ZEROED: u64 = 1 << 20;

/// The file name of the segment that begins at `base`.
pub fn name(base: Lsn) -> String {
    format!("{PREFIX}{base:020}{SUFFIX}")
}

/// The first Lsn of the segment called `name`; `None` if it is no segment's name.
pub fn base(name: &str) -> Option<Lsn> {
    let digits = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    (digits.len() == 20).then_some(())?;
    digits.parse().ok()
}

/// The first Lsns of the segments in a directory, ascending.
///
/// # Errors
/// What the operating system says.
pub fn list(directory: &Directory) -> io::Result<Vec<Lsn>> {
    let names = directory.disk.list(&directory.path)?;
    let mut bases: Vec<Lsn> = names.iter().filter_map(|name| base(name)).collect();
    bases.sort_unstable();
    Ok(bases)
}

fn header(base: Lsn, begun_ms: i64, anew: bool) -> [u8; HEADER as usize] {
    let mut header = [0; HEADER as usize];
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header[16..24].copy_from_slice(&base.to_le_bytes());
    header[24..32].copy_from_slice(&begun_ms.to_le_bytes());
    header[32] = anew.into();
    let sum = checksum(&header);
    header[12..16].copy_from_slice(&sum.to_le_bytes());
    header
}

fn checksum(header: &[u8; HEADER as usize]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&header[..12]), &header[16..])
}

/// Checks that `bytes` begin with the header of the segment `base`; tells what is wrong.
///
/// # Errors
/// What is wrong with it.
pub fn check(bytes: &[u8], base: Lsn) -> Result<(), String> {
    let Some(header) = bytes.first_chunk::<{ HEADER as usize }>() else {
        return Err("it is shorter than a segment's header".into());
    };
    let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| header[at + i]));
    if &header[..8] != MAGIC {
        return Err("it does not begin as a segment of the log".into());
    }
    if word(8) != VERSION {
        return Err(format!("its format has version {}; this server knows {VERSION}", word(8)));
    }
    if word(12) != checksum(header) {
        return Err("the checksum of its header is wrong".into());
    }
    if header[16..24] != base.to_le_bytes() {
        return Err("its name and its header disagree".into());
    }
    Ok(())
}

/// Whether the segment in `file` begins anew.
///
/// # Errors
/// What the operating system says.
pub fn is_anew(file: &dyn File, base: Lsn) -> io::Result<bool> {
    let mut header = [0; HEADER as usize];
    let n = file.read_at(0, &mut header)?;
    Ok(check(&header[..n], base).is_ok() && header[32] == 1)
}

/// A segment open for writing.
#[derive(Debug)]
pub struct Segment {
    file: Arc<dyn File>,
    base: Lsn,
    /// Bytes it should not outgrow.
    room: u64,
    /// The file's bytes before this offset were written once: writing them again changes no metadata.
    touched: u64,
    /// Where it got its name, as long as nobody sees to it that the name is durable.
    unlisted: Option<Directory>,
}

/// What has to reach the disk for the records of a segment to be durable.
#[derive(Debug)]
pub struct Unsynced {
    file: Arc<dyn File>,
    unlisted: Option<Directory>,
}

impl Unsynced {
    /// Makes what was written durable, and the segment's name.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync()?;
        self.unlisted.as_ref().map_or(Ok(()), |directory| directory.disk.sync_dir(&directory.path))
    }
}

impl Segment {
    /// Begins a segment at `base` with room for about `room` bytes, durably. See [`super::Options::anew`].
    ///
    /// # Errors
    /// What the operating system says; then nothing is there but unfinished files.
    pub fn create(directory: &Directory, base: Lsn, room: u64, anew: bool) -> io::Result<Self> {
        let mut segment = Self::prepare(directory, base, room, anew)?;
        segment.publish(directory)?;
        directory.disk.sync_dir(&directory.path)?;
        segment.unlisted = None;
        Ok(segment)
    }

    /// Begins a segment as [`Segment::create`] does that does not count yet. There is one of this kind at a time.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn prepare(directory: &Directory, base: Lsn, room: u64, anew: bool) -> io::Result<Self> {
        let (disk, new, spare) = (&directory.disk, directory.file(UNFINISHED), directory.file(SPARE));
        if disk.rename(&spare, &new).is_err()
            && let Err(error) = disk.remove(&new)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        let file = match disk.open(&new) {
            Ok(file) => file,
            Err(_) => disk.create(&new)?,
        };
        let touched = file.len()?;
        // Without the room it may still do: the writes will tell.
        if touched < room && file.allocate(room).is_err() {
            file.set_len(touched)?;
        }
        file.write_at(0, &header(base, clock::system_ms(), anew))?;
        file.sync()?;
        Ok(Self { file: file.into(), base, room, touched, unlisted: None })
    }

    /// Makes the segment that was prepared count: what the segment before it holds from its base on does so no longer. That is
    /// durable with its first records.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn publish(&mut self, directory: &Directory) -> io::Result<()> {
        directory.disk.rename(&directory.file(UNFINISHED), &directory.file(&name(self.base)))?;
        self.unlisted = Some(directory.clone());
        Ok(())
    }

    /// The Lsn of its first record.
    pub fn base(&self) -> Lsn {
        self.base
    }

    fn offset(&self, lsn: Lsn) -> u64 {
        lsn - self.base + HEADER
    }

    /// Whether `len` more bytes at `lsn` should go to the next segment.
    pub fn is_full(&self, lsn: Lsn, len: usize) -> bool {
        lsn > self.base && self.offset(lsn) + len as u64 > self.room
    }

    /// Writes records that begin at `lsn`. When they are synced one by one, room is made ahead, so that
    /// most syncs have data to write only, not where it lies.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn write(&mut self, lsn: Lsn, bytes: &[u8], ahead: bool) -> io::Result<()> {
        let from = self.offset(lsn);
        let end = from + bytes.len() as u64;
        self.file.write_at(from, bytes)?;
        if ahead && end > self.touched && end < self.room {
            let zeros = vec![0; ZEROED.min(self.room - end) as usize];
            if self.file.write_at(end, &zeros).is_ok() {
                self.touched = end + zeros.len() as u64;
            }
        }
        self.touched = self.touched.max(end);
        Ok(())
    }

    /// What was written, to be synced by another thread.
    pub fn unsynced(&mut self) -> Unsynced {
        Unsynced { file: self.file.clone(), unlisted: self.unlisted.take() }
    }

    /// Makes what was written durable.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn sync(&mut self) -> io::Result<()> {
        self.unsynced().sync()
    }

    /// Cuts off what lies behind `lsn`: room that was reserved, or what could not be written.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn cut(&self, lsn: Lsn) -> io::Result<()> {
        self.file.set_len(self.offset(lsn))
    }
}

/// Removes the segment `base`, or keeps it to be used again.
///
/// # Errors
/// What the operating system says.
pub fn retire(directory: &Directory, base: Lsn) -> io::Result<()> {
    let path = directory.file(&name(base));
    if directory.disk.list(&directory.path)?.iter().any(|name| name == SPARE) {
        directory.disk.remove(&path)
    } else {
        directory.disk.rename(&path, &directory.file(SPARE))?;
        // Before it is used again: its old name must not come back with new content.
        directory.disk.sync_dir(&directory.path)
    }
}
