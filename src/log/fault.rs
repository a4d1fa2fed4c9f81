//! What the operator hears when the log cannot be read.

use super::Lsn;
use std::io;
use std::path::PathBuf;

/// Why the log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The operating system failed.
    #[error("{path}: {error}", path = path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// What was durable once is not whole any more.
    #[error(
        "{path}: damaged at offset {offset} (Lsn {lsn}), with {behind} whole records behind it: this is not what a \
         crash leaves. To cut the log there, losing what is behind, run: synap-migrate repair {dir}",
        path = path.display(),
        dir = path.parent().unwrap_or(path).display()
    )]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// The offset of the damaged record in it.
        offset: u64,
        /// The place of that record.
        lsn: Lsn,
        /// Records behind it that are whole.
        behind: usize,
    },
    /// The header of a segment is wrong.
    #[error(
        "{path}: damaged at offset 0: {why}. To cut the log before it, losing what is in it and behind, run: \
         synap-migrate repair {dir}",
        path = path.display(),
        dir = path.parent().unwrap_or(path).display()
    )]
    Unreadable {
        /// The segment.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Records are missing between the snapshot, or the segment before, and this segment.
    #[error(
        "{path}: the log goes on at Lsn {base}, but what is loaded ends at Lsn {end}: a file is missing. To cut the \
         log before it, losing what is in it and behind, run: synap-migrate repair {dir}",
        path = path.display(),
        dir = path.parent().unwrap_or(path).display()
    )]
    Missing {
        /// The segment.
        path: PathBuf,
        /// Its first place.
        base: Lsn,
        /// The place that was expected.
        end: Lsn,
    },
    /// A record is whole, but what it says cannot be done.
    #[error("{path}: the record at offset {offset} (Lsn {lsn}) cannot be replayed: {why}", path = path.display())]
    Senseless {
        /// The segment.
        path: PathBuf,
        /// The offset of the record in it.
        offset: u64,
        /// The place of the record.
        lsn: Lsn,
        /// What is wrong.
        why: String,
    },
}
