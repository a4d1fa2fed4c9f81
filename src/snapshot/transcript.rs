//! A snapshot told again as an RDB file, which Redis and its tools read.

use super::fault::Fault;
use super::files::Found;
use super::load;
use super::rdb::{file::Writer, kind};
use super::save::Appending;
use crate::base::disk::{Directory, File};
use crate::keyspace::EntryBox;
use crate::types::Packing;
use parking_lot::Mutex;
use std::io::{self, BufWriter};

/// Bytes written at once.
const WRITE_SIZE: usize = 256 * 1024;

/// What was written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Transcript {
    /// Keys in the file.
    pub keys: u64,
    /// Keys that the format has no form for: queues.
    pub left_out: u64,
}

fn begin(out: &dyn File) -> io::Result<Writer<BufWriter<Appending<'_>>>> {
    Writer::new(BufWriter::with_capacity(WRITE_SIZE, Appending { file: out, offset: 0 }), kind::PRESENT)
}

/// Writes everything in the snapshot `found` to `out`, a file of the format of Redis 8.0; one value at a time is in memory
/// for each core.
///
/// # Errors
/// When the snapshot cannot be read or is damaged, or when `out` fails.
pub fn transcribe(
    dir: &Directory,
    found: &Found,
    packing: &Packing,
    out: &dyn File,
) -> Result<Transcript, Fault> {
    let place = &found.path;
    let told = Mutex::new((begin(out), Transcript::default()));
    let tell = |db: u32, entry: EntryBox| {
        let (writer, transcript) = &mut *told.lock();
        let Ok(open) = writer else { return };
        match open.entry(db, entry.as_ref()) {
            Ok(true) => transcript.keys += 1,
            Ok(false) => transcript.left_out += 1,
            Err(error) => *writer = Err(error),
        }
    };
    let loaded = load::each(dir, place, packing, &tell)?;
    let (writer, transcript) = told.into_inner();
    let written = writer.and_then(|mut writer| {
        loaded.libraries.iter().try_for_each(|code| writer.library(code))?;
        writer.end()
    });
    written.map_err(Fault::io(place, "tell it as an RDB file"))?;
    Ok(transcript)
}

/// Writes a file of libraries alone.
///
/// # Errors
/// When `out` fails.
pub fn transcribe_libraries<'a>(mut codes: impl Iterator<Item = &'a [u8]>, out: &dyn File) -> io::Result<()> {
    let mut writer = begin(out)?;
    codes.try_for_each(|code| writer.library(code))?;
    writer.end().map(drop)
}
