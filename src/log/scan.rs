//! Reading a segment: its records up to where they end, and why they end there.
//!
//! ```text
//! records … records ▏zeros or old records        End::Clean
//! records … rec     ▏zeros                       End::Torn: the crash came while it was written
//! records … rec██rd ▏records … mark "durable"    End::Damaged: it had been durable, so no crash did it
//! ```

use super::record::{self, Found, HEADER, Record};
use super::{Lsn, segment};

/// Bytes looked at together for being zeros.
const BLOCK: usize = 4096;

/// Why the records of a segment end where they do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing was written behind the last.
    Clean,
    /// The next was not written wholly; nothing behind it was ever known to be durable.
    Torn,
    /// The next was durable once.
    Damaged,
    /// The segment's header is wrong.
    Unreadable(String),
}

/// A segment's bytes, read as records.
#[derive(Clone, Debug)]
pub struct Scan<'a> {
    bytes: &'a [u8],
    base: Lsn,
    at: usize,
    fault: Option<String>,
    durable: Lsn,
}

/// Reads the content of the segment `base`.
pub fn scan(bytes: &[u8], base: Lsn) -> Scan<'_> {
    let fault = segment::check(bytes, base).err();
    Scan { bytes, base, at: segment::HEADER as usize, fault, durable: 0 }
}

impl<'a> Scan<'a> {
    /// The place reached.
    pub fn lsn(&self) -> Lsn {
        self.lsn_at(self.at)
    }

    /// The offset in the file of the place reached.
    pub fn offset(&self) -> u64 {
        self.at as u64
    }

    fn lsn_at(&self, offset: usize) -> Lsn {
        self.base + (offset as u64 - segment::HEADER)
    }

    /// Up to where the marks seen so far tell that the log was durable.
    pub fn durable(&self) -> Lsn {
        self.durable
    }

    /// Why there is no record at the place reached.
    pub fn end(&self) -> End {
        if let Some(fault) = &self.fault {
            return End::Unreadable(fault.clone());
        }
        let behind = self.records_behind();
        match record::find(&self.bytes[self.at..], self.lsn()) {
            _ if behind.durable > self.lsn() => End::Damaged,
            Found::Nothing if behind.count == 0 => End::Clean,
            _ => End::Torn,
        }
    }

    /// The records that can be found behind the place where they cannot be read on.
    pub fn records_behind(&self) -> Behind {
        let mut behind = Behind::default();
        let mut at = self.at + 1;
        // Most of the room reserved ahead is zeros: no record lies there.
        let zeros =
            self.bytes.rchunks(BLOCK).take_while(|block| **block == [0; BLOCK][..block.len()]).count();
        let len = self.bytes.len().saturating_sub(zeros * BLOCK).min(self.bytes.len()) + HEADER;
        while at + HEADER <= self.bytes.len().min(len) {
            // A record bears its own place, so most offsets are ruled out by one comparison.
            let lsn = self.lsn_at(at);
            let place: [u8; 8] = std::array::from_fn(|i| self.bytes[at + 8 + i]);
            if place == lsn.to_le_bytes()
                && let Found::Record(record) = record::find(&self.bytes[at..], lsn)
            {
                behind.count += usize::from(record.durable().is_none());
                behind.durable = behind.durable.max(record.durable().unwrap_or(0));
                at += (record.end() - lsn) as usize;
            } else {
                at += 1;
            }
        }
        behind
    }
}

/// What lies behind a place that cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Behind {
    /// Whole records with effects.
    pub count: usize,
    /// Up to where they tell that the log was durable; 0 if none does.
    pub durable: Lsn,
}

impl<'a> Iterator for Scan<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        if self.fault.is_some() {
            return None;
        }
        let Found::Record(record) = record::find(self.bytes.get(self.at..)?, self.lsn()) else { return None };
        self.at += (record.end() - record.lsn) as usize;
        self.durable = self.durable.max(record.durable().unwrap_or(0));
        Some(record)
    }
}
