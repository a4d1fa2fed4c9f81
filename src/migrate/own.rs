//! Synap's own data: the snapshot and the segments of the log in a data directory.

use super::Failure;
use crate::base::disk::{Claim, Directory};
use crate::log::repair::{self, Report};
use crate::log::scan::End;
use crate::log::segment;
use crate::snapshot::{self, Fault, Found, Progress};
use std::path::Path;

/// The directory of Synap's data that `path` is or has in it.
pub(super) fn directory(path: &Path) -> Option<Directory> {
    [path.to_path_buf(), path.join("synapdata")].into_iter().map(Directory::system).find(|dir| {
        let has_snapshot = !matches!(snapshot::newest(dir), Ok(None));
        dir.path.is_dir() && (has_snapshot || segment::list(dir).is_ok_and(|bases| !bases.is_empty()))
    })
}

/// What is in a directory of Synap's.
pub(super) struct Survey {
    snapshot: Option<(Found, Option<String>)>,
    segments: Vec<Report>,
}

/// Reads everything to its end.
pub(super) fn survey(dir: &Directory) -> Result<Survey, Failure> {
    let found = snapshot::newest(dir).map_err(judged)?;
    let snapshot = match found {
        None => None,
        Some(found) => match snapshot::verify(dir, &found.path, &Progress::default()) {
            Ok(_) => Some((found, None)),
            Err(Fault::Damaged { damage, .. }) => Some((found, Some(damage.to_string()))),
            Err(fault) => return Err(judged(fault)),
        },
    };
    let segments = repair::verify(dir, |_| {}).map_err(|fault| Failure::Failed(fault.to_string()))?;
    Ok(Survey { snapshot, segments })
}

fn judged(fault: Fault) -> Failure {
    match fault {
        Fault::Damaged { .. } => Failure::Damaged(fault.to_string()),
        fault => Failure::Failed(fault.to_string()),
    }
}

fn state(report: &Report) -> String {
    match (&report.end, report.missing_from) {
        (_, Some(lsn)) => format!("records from {lsn} on are missing before it"),
        (End::Clean, _) => "whole".into(),
        (End::Torn, _) => {
            format!("torn at byte {}, as a crash leaves it: the server cuts it there", report.offset)
        }
        (End::Damaged, _) => {
            format!("damaged at byte {}, {} whole records behind", report.offset, report.behind)
        }
        (End::Unreadable(why), _) => format!("unreadable: {why}"),
    }
}

impl Survey {
    /// Fails with the first damage.
    pub(super) fn judge(&self) -> Result<(), Failure> {
        if let Some((found, Some(why))) = &self.snapshot {
            return Err(Failure::Damaged(format!("{}: {why}", found.path.display())));
        }
        match self.segments.iter().find(|report| report.is_damaged()) {
            Some(report) => Err(Failure::Damaged(format!("{}: {}", report.path.display(), state(report)))),
            None => Ok(()),
        }
    }

    pub(super) fn print(&self) {
        if let Some((found, damage)) = &self.snapshot {
            let state = damage.as_deref().unwrap_or("whole");
            println!(
                "{}: {state}: {} keys, {} libraries, by Synap {}",
                found.path.display(),
                found.head.keys,
                found.head.libraries,
                found.head.version
            );
            for (db, keys, expiring) in &found.head.databases {
                println!("    db {db:<5} {keys} keys, {expiring} expire");
            }
        }
        for report in &self.segments {
            let (place, state) = (report.path.display(), state(report));
            println!(
                "{place}: {state}: {} records, up to {}, {} bytes",
                report.records, report.lsn, report.len
            );
        }
    }

    pub(super) fn json(&self) -> serde_json::Value {
        let snapshot = self.snapshot.as_ref().map(|(found, damage)| {
            serde_json::json!({
                "path": found.path,
                "version": found.head.version,
                "created_ms": found.head.created_ms,
                "lsn": found.head.lsn,
                "keys": found.head.keys,
                "libraries": found.head.libraries,
                "damage": damage,
            })
        });
        let segments = self.segments.iter().map(|report| {
            serde_json::json!({
                "path": report.path,
                "bytes": report.len,
                "records": report.records,
                "from": report.base,
                "to": report.lsn,
                "state": state(report),
                "damaged": report.is_damaged(),
            })
        });
        serde_json::json!({ "snapshot": snapshot, "segments": segments.collect::<Vec<_>>() })
    }
}

/// Cuts the log at the first place that is not whole.
pub(super) fn repair(dir: &Directory) -> Result<(), Failure> {
    let _claim = Claim::to_write(&dir.path).map_err(|error| Failure::from(error).at(dir.path.display()))?;
    let dropped = repair::repair(dir).map_err(|fault| Failure::Failed(fault.to_string()))?;
    if dropped.end.is_none() && dropped.segments.is_empty() {
        println!("{}: the log is whole, nothing is to be repaired", dir.path.display());
        return Ok(());
    }
    if let Some((path, offset)) = &dropped.end {
        println!("{}: ends at byte {offset} now", path.display());
    }
    dropped.segments.iter().for_each(|path| println!("{}: removed", path.display()));
    println!("dropped {} bytes with {} whole records", dropped.bytes, dropped.records);
    Ok(())
}
