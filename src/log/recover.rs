//! Reading the log back: the segments behind a snapshot's cut, one after the other, each checked.

use super::scan::{End, Scan, scan};
use super::{FIRST, Fault, Lsn, segment};
use crate::base::disk::{Directory, read_all};
use std::path::{Path, PathBuf};

/// A segment to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The place of its first record.
    pub base: Lsn,
    /// The place at which the next segment takes over.
    pub until: Option<Lsn>,
    /// Bytes of the file.
    pub len: u64,
    path: PathBuf,
}

/// The segments that hold what is not in a snapshot.
#[derive(Clone, Debug)]
pub struct Plan {
    directory: Directory,
    /// Where the snapshot was cut; [`FIRST`] without one.
    from: Lsn,
    /// The segments, ascending.
    pub parts: Vec<Part>,
}

/// What was read of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The place behind the last record: where the log goes on.
    pub end: Lsn,
    /// Records read.
    pub records: u64,
    /// The offset at which the last segment was cut because a crash had torn it, and bytes dropped there.
    pub torn: Option<Torn>,
}

/// Where a crash tore the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The segment.
    pub path: PathBuf,
    /// The offset behind its last whole record.
    pub offset: u64,
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> Fault {
    move |error| Fault::Io { path: path.to_owned(), error }
}

/// Looks which segments of `directory` hold what is at `from` or behind it.
///
/// # Errors
/// When the directory cannot be read.
pub fn plan(directory: &Directory, from: Option<Lsn>) -> Result<Plan, Fault> {
    let from = from.unwrap_or(FIRST);
    let mut bases = segment::list(directory).map_err(io(&directory.path))?;
    let mut files = Vec::new();
    for base in &bases {
        let path = directory.file(&segment::name(*base));
        let file = directory.disk.open(&path).map_err(io(&path))?;
        let (len, anew) =
            file.len().and_then(|len| Ok((len, segment::is_anew(&*file, *base)?))).map_err(io(&path))?;
        files.push((path, len, anew));
    }
    // The log was turned on, and the server ended before the snapshot was saved that it counts from.
    let unfounded = (0..bases.len()).find(|i| bases[*i] > from && files[*i].2);
    if let Some(at) = unfounded {
        tracing::warn!(
            segments = bases.len() - at,
            "the log behind Lsn {} has no base yet: ignored",
            bases[at]
        );
        bases.truncate(at);
    }
    let mut parts = Vec::new();
    for (i, (base, (path, len, _))) in bases.iter().zip(files).enumerate() {
        let until = bases.get(i + 1).copied();
        if until.is_some_and(|until| until <= from) {
            continue;
        }
        parts.push(Part { base: *base, until, len, path });
    }
    Ok(Plan { directory: directory.clone(), from, parts })
}

impl Plan {
    /// Bytes of all segments.
    pub fn len(&self) -> u64 {
        self.parts.iter().map(|part| part.len).sum()
    }

    /// Whether there is nothing to read.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Reads the segments in order; `replay` is given each with its records from the cut on. Cuts off
    /// what a crash tore.
    ///
    /// # Errors
    /// When a segment is damaged or missing, and what `replay` says.
    pub fn read(
        &self,
        mut replay: impl FnMut(&mut Records<'_>) -> Result<(), Fault>,
    ) -> Result<Recovered, Fault> {
        let mut done = Recovered { end: self.from, ..Recovered::default() };
        for part in &self.parts {
            if part.base > done.end {
                let (path, base) = (part.path.clone(), part.base);
                return Err(Fault::Missing { path, base, end: done.end });
            }
            let file = self.directory.disk.open(&part.path).map_err(io(&part.path))?;
            let bytes = read_all(&*file).map_err(io(&part.path))?;
            let mut records = Records { scan: scan(&bytes, part.base), part, from: self.from, count: 0 };
            replay(&mut records)?;
            // Whatever was not asked for.
            records.by_ref().for_each(drop);
            done.records += records.count;
            let reached = records.scan.lsn();
            if part.until.is_some_and(|until| reached >= until) {
                done.end = done.end.max(part.until.unwrap_or(reached));
                continue;
            }
            let offset = records.scan.offset();
            match (records.scan.end(), part.until) {
                (End::Unreadable(why), _) => return Err(Fault::Unreadable { path: part.path.clone(), why }),
                // A segment is complete before the next is begun.
                (End::Damaged, _) | (_, Some(_)) => {
                    let behind = records.scan.records_behind().count;
                    return Err(Fault::Damaged { path: part.path.clone(), offset, lsn: reached, behind });
                }
                (end, None) => {
                    if end == End::Torn {
                        done.torn = Some(Torn { path: part.path.clone(), offset });
                    }
                    // What lies behind must not come back when the log has grown over its places.
                    if part.len > offset {
                        file.set_len(offset).and_then(|()| file.sync()).map_err(io(&part.path))?;
                    }
                    done.end = done.end.max(reached);
                }
            }
        }
        Ok(done)
    }
}

/// The records of one segment that are to be replayed.
#[derive(Debug)]
pub struct Records<'a> {
    scan: Scan<'a>,
    part: &'a Part,
    from: Lsn,
    count: u64,
}

impl<'a> Records<'a> {
    /// The offset in the file of the place reached.
    pub fn offset(&self) -> u64 {
        self.scan.offset()
    }

    /// That the record at `lsn` cannot be replayed.
    pub fn senseless(&self, lsn: Lsn, why: String) -> Fault {
        let offset = segment::HEADER + (lsn - self.part.base);
        Fault::Senseless { path: self.part.path.clone(), offset, lsn, why }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = super::record::Record<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.part.until.is_some_and(|until| self.scan.lsn() >= until) {
                return None;
            }
            let record = self.scan.next()?;
            if record.lsn >= self.from && record.durable().is_none() {
                self.count += 1;
                return Some(record);
            }
        }
    }
}
