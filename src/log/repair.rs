//! Looking at a log and mending it, for `synap-migrate`: verify, inspect, repair.

use super::record::Record;
use super::scan::{End, scan};
use super::{Fault, Lsn, segment};
use crate::base::disk::{Directory, read_all};
use std::path::PathBuf;

/// What a segment holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The file.
    pub path: PathBuf,
    /// The place of its first record.
    pub base: Lsn,
    /// Bytes of the file.
    pub len: u64,
    /// Its whole records with effects, up to where they end.
    pub records: u64,
    /// The place at which they end.
    pub lsn: Lsn,
    /// The offset in the file at which they end.
    pub offset: u64,
    /// Unix milliseconds of the first and the last transaction.
    pub clocks_ms: Option<(i64, i64)>,
    /// Why they end there.
    pub end: End,
    /// Whole records behind the place where they end.
    pub behind: usize,
    /// The place at which the segment before ends or this one takes over, if that is not where it begins.
    pub missing_from: Option<Lsn>,
}

impl Report {
    /// Whether the server would refuse to start with it.
    pub fn is_damaged(&self) -> bool {
        self.missing_from.is_some() || matches!(self.end, End::Damaged | End::Unreadable(_))
    }
}

/// Reads every segment of `directory`, shows each record to `visit`, and reports.
///
/// # Errors
/// When the operating system fails; damage is no error but reported.
pub fn verify(directory: &Directory, mut visit: impl FnMut(&Record<'_>)) -> Result<Vec<Report>, Fault> {
    let io = |path: PathBuf| move |error| Fault::Io { path, error };
    let bases = segment::list(directory).map_err(io(directory.path.clone()))?;
    let mut reports: Vec<Report> = Vec::new();
    for (i, base) in bases.iter().enumerate() {
        let path = directory.file(&segment::name(*base));
        let bytes = directory.disk.open(&path).and_then(|file| read_all(&*file)).map_err(io(path.clone()))?;
        let mut found = scan(&bytes, *base);
        let (mut records, mut clocks_ms) = (0, None);
        let until = bases.get(i + 1).copied();
        while until.is_none_or(|until| found.lsn() < until)
            && let Some(record) = found.next()
        {
            if record.durable().is_none() {
                records += 1;
                let first = clocks_ms.map_or(record.clock_ms, |(first, _)| first);
                clocks_ms = Some((first, record.clock_ms));
            }
            visit(&record);
        }
        // Where the next segment took over, this one's end no longer matters.
        let taken_over = until.is_some_and(|until| found.lsn() >= until);
        let end = match found.end() {
            _ if taken_over => End::Clean,
            // A segment is complete before the next is begun.
            End::Clean | End::Torn if until.is_some() => End::Damaged,
            end => end,
        };
        let before = reports.last().map_or(*base, |report| report.lsn);
        reports.push(Report {
            path,
            base: *base,
            len: bytes.len() as u64,
            records,
            lsn: found.lsn(),
            offset: found.offset(),
            clocks_ms,
            end,
            behind: if taken_over { 0 } else { found.records_behind().count },
            missing_from: (before < *base).then_some(before),
        });
    }
    Ok(reports)
}

/// What a repair dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Where the log ends now.
    pub end: Option<(PathBuf, u64)>,
    /// Segments removed.
    pub segments: Vec<PathBuf>,
    /// Bytes removed.
    pub bytes: u64,
    /// Whole records among them.
    pub records: u64,
}

/// Cuts the log at the first place that is damaged, torn or missing, and removes what is behind.
///
/// # Errors
/// When the operating system fails.
pub fn repair(directory: &Directory) -> Result<Dropped, Fault> {
    let reports = verify(directory, |_| {})?;
    let mut dropped = Dropped::default();
    let faulty = |report: &Report| report.is_damaged() || report.end == End::Torn;
    let Some(at) = reports.iter().position(faulty) else { return Ok(dropped) };
    let io = |path: &PathBuf| {
        let path = path.clone();
        move |error| Fault::Io { path, error }
    };
    for (i, report) in reports.iter().enumerate().skip(at) {
        let whole = i > at || report.missing_from.is_some() || matches!(report.end, End::Unreadable(_));
        if whole {
            dropped.records += report.records + report.behind as u64;
            dropped.bytes += report.len;
            directory.disk.remove(&report.path).map_err(io(&report.path))?;
            dropped.segments.push(report.path.clone());
        } else {
            dropped.records += report.behind as u64;
            dropped.bytes += report.len - report.offset;
            let file = directory.disk.open(&report.path).map_err(io(&report.path))?;
            file.set_len(report.offset).and_then(|()| file.sync()).map_err(io(&report.path))?;
            dropped.end = Some((report.path.clone(), report.offset));
        }
    }
    directory.disk.sync_dir(&directory.path).map_err(io(&directory.path))?;
    Ok(dropped)
}
