//! Records: what one transaction did, as it lies in a segment.
//!
//! ```text
//! offset  size
//!      0     4  CRC-32C of the payload, then of bytes 4 to 23
//!      4     4  length of the payload, low 32 bits
//!      8     8  Lsn: the record's place in the log, in bytes since the log began
//!     16     6  unix milliseconds of the transaction, by the clock of the primary
//!     22     1  length of the payload, bits 32 to 39
//!     23     1  kind: 1 effects (payload: ops), 2 mark (payload: an Lsn, 8 bytes)
//!     24        payload
//! ```
//! All numbers are little-endian. Every write to a segment begins with a mark, which tells up to where
//! the log was durable by then: so what lies damaged before it was not torn by a crash.

use crate::base::ops;

/// A place in the log: bytes since the log began. Records lie one behind the other, so the end of one
/// is the place of the next.
pub type Lsn = u64;

/// Bytes of a record's header.
pub const HEADER: usize = 24;
/// Bytes of a mark.
pub const MARK: usize = HEADER + 8;
const LEN_BITS: u32 = 40;

/// What a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The effects of one transaction.
    Effects = 1,
    /// Up to where the log is durable.
    Mark = 2,
}

/// A record read from a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its place.
    pub lsn: Lsn,
    /// Unix milliseconds of the transaction.
    pub clock_ms: i64,
    /// What it holds.
    pub kind: Kind,
    /// Its payload.
    pub payload: &'a [u8],
}

impl<'a> Record<'a> {
    /// The place behind it.
    pub fn end(&self) -> Lsn {
        self.lsn + (HEADER + self.payload.len()) as u64
    }

    /// The effects it holds.
    pub fn ops(&self) -> ops::Ops<'a> {
        ops::read(if self.kind == Kind::Effects { self.payload } else { &[] })
    }

    /// Up to where a mark says that the log is durable.
    pub fn durable(&self) -> Option<Lsn> {
        let payload = self.payload.try_into().ok()?;
        (self.kind == Kind::Mark).then(|| u64::from_le_bytes(payload))
    }
}

/// The checksum of a payload: the part of [`header`] that needs no lock.
pub fn sum(payload: &[u8]) -> u32 {
    crc32c::crc32c(payload)
}

/// The header of a record whose payload has `len` bytes and the checksum `sum`.
pub fn header(kind: Kind, lsn: Lsn, clock_ms: i64, len: usize, sum: u32) -> [u8; HEADER] {
    assert!((len as u64) < 1 << LEN_BITS, "a transaction of a terabyte cannot be logged");
    let mut header = [0; HEADER];
    header[4..8].copy_from_slice(&(len as u32).to_le_bytes());
    header[8..16].copy_from_slice(&lsn.to_le_bytes());
    header[16..22].copy_from_slice(&clock_ms.max(0).to_le_bytes()[..6]);
    header[22] = (len >> 32) as u8;
    header[23] = kind as u8;
    let sum = crc32c::crc32c_append(sum, &header[4..]);
    header[..4].copy_from_slice(&sum.to_le_bytes());
    header
}

/// Writes a mark at `lsn` to the front of `out`.
pub fn write_mark(out: &mut [u8], lsn: Lsn, durable: Lsn) {
    let payload = durable.to_le_bytes();
    out[..HEADER].copy_from_slice(&header(Kind::Mark, lsn, 0, payload.len(), sum(&payload)));
    out[HEADER..MARK].copy_from_slice(&payload);
}

/// What lies where a record may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// A whole record.
    Record(Record<'a>),
    /// Nothing that was written for this place.
    Nothing,
    /// A part of a record, or a damaged one.
    Broken,
}

/// Looks at the front of `bytes` for the record of place `lsn`.
pub fn find(bytes: &[u8], lsn: Lsn) -> Found<'_> {
    let Some(header) = bytes.first_chunk::<HEADER>() else {
        return if bytes.iter().all(|byte| *byte == 0) { Found::Nothing } else { Found::Broken };
    };
    let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| header[at + i]));
    let (sum, len) = (word(0) as u32, word(0) >> 32);
    if word(8) != lsn {
        // Zeros, or what a recycled segment held before. A damaged place looks the same: whoever reads
        // the log decides by what lies behind.
        return Found::Nothing;
    }
    let len = len | u64::from(header[22]) << 32;
    let kind = match header[23] {
        1 => Kind::Effects,
        2 => Kind::Mark,
        _ => return Found::Broken,
    };
    let payload = usize::try_from(len).ok().and_then(|len| bytes[HEADER..].get(..len));
    match payload {
        Some(payload) if crc32c::crc32c_append(self::sum(payload), &header[4..]) == sum => {
            let clock_ms = (word(16) & ((1 << 48) - 1)) as i64;
            Found::Record(Record { lsn, clock_ms, kind, payload })
        }
        _ => Found::Broken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(lsn: Lsn, clock_ms: i64, payload: &[u8]) -> Vec<u8> {
        let mut bytes = header(Kind::Effects, lsn, clock_ms, payload.len(), sum(payload)).to_vec();
        bytes.extend_from_slice(payload);
        bytes
    }

    proptest! {
        #[test]
        fn a_record_is_read_as_written(lsn: u64, clock_ms in 0i64..1 << 47, payload: Vec<u8>, tail: Vec<u8>) {
            let mut bytes = written(lsn, clock_ms, &payload);
            bytes.extend_from_slice(&tail);
            let record = Record { lsn, clock_ms, kind: Kind::Effects, payload: &payload };
            prop_assert_eq!(find(&bytes, lsn), Found::Record(record));
            prop_assert_eq!(find(&bytes, lsn ^ 1), Found::Nothing);
        }

        #[test]
        fn any_bit_flipped_and_any_cut_is_seen(payload: Vec<u8>, at: prop::sample::Index, bit in 0u32..8) {
            let bytes = written(77, 1, &payload);
            let at = at.index(bytes.len());
            let mut flipped = bytes.clone();
            flipped[at] ^= 1u8 << bit;
            prop_assert!(!matches!(find(&flipped, 77), Found::Record(_)));
            prop_assert!(!matches!(find(&bytes[..at], 77), Found::Record(_)));
        }
    }

    #[test]
    fn a_mark_tells_what_is_durable() {
        let mut bytes = [0; MARK];
        write_mark(&mut bytes, 5, 4);
        let Found::Record(record) = find(&bytes, 5) else { panic!("the mark is whole") };
        assert_eq!((record.durable(), record.end()), (Some(4), 5 + MARK as u64));
    }
}
