//! The record of one key, inside a block.
//!
//! ```text
//! ┌──────┬────────────────┬──────────────┬─────────┬─────┬───────┐
//! │ head │ expire-at      │ access clock │ key len │ key │ value │
//! │ u8   │ i64 ms, if TTL │ u24, if      │ varint  │     │       │
//! │      │                │ ACCESS       │         │     │       │
//! └──────┴────────────────┴──────────────┴─────────┴─────┴───────┘
//!  head: 0x80 TTL │ 0x40 ACCESS │ the kind of the value, in 6 bits
//! ```
//! Kinds and values are those of RDB: see [`super::rdb::value`]. A varint has 7 bits a byte, the lowest first, and
//! 0x80 in all bytes but its last.

use super::rdb::{Reader, value};
use crate::keyspace::cut::Resume;
use crate::keyspace::{EntryBox, EntryRef};
use crate::types::Packing;

const TTL: u8 = 0x80;
const ACCESS: u8 = 0x40;
const KIND: u8 = 0x3F;

/// What records hold besides key, expiry and value.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The access clocks, which eviction goes by.
    pub access: bool,
}

/// Appends the record of `entry`.
pub fn write(entry: EntryRef<'_>, options: Options, out: &mut Vec<u8>) {
    write_head(entry, options, out);
    value::write(entry, out);
}

/// Appends a part of the record of `entry`, about `limit` elements of its value from `resume` on; true when that was the
/// last.
pub fn write_some(
    entry: EntryRef<'_>,
    options: Options,
    resume: &mut Resume,
    limit: usize,
    out: &mut Vec<u8>,
) -> bool {
    if !resume.begun {
        write_head(entry, options, out);
    }
    value::write_some(entry, resume, limit, out)
}

fn write_head(entry: EntryRef<'_>, options: Options, out: &mut Vec<u8>) {
    let kind = value::kind_byte(entry);
    assert_eq!(kind & !KIND, 0, "kinds of values fit 6 bits");
    let (expire_at, key) = (entry.expire_at(), entry.key());
    let flags = if expire_at.is_some() { TTL } else { 0 } | if options.access { ACCESS } else { 0 };
    out.push(kind | flags);
    if let Some(ms) = expire_at {
        out.extend_from_slice(&ms.to_le_bytes());
    }
    if options.access {
        out.extend_from_slice(&entry.access().to_le_bytes()[..3]);
    }
    put_varint(key.len(), out);
    out.extend_from_slice(key);
}

fn put_varint(mut n: usize, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// Reads the records of a block.
pub struct Records<'a> {
    input: Reader<'a>,
    key: Vec<u8>,
    packing: &'a Packing,
    /// The access clock of entries whose records tell none.
    access: u32,
}

impl<'a> Records<'a> {
    /// Reads `records`.
    pub fn new(records: &'a [u8], packing: &'a Packing, access: u32) -> Self {
        Self { input: Reader::new(records), key: Vec::new(), packing, access }
    }

    /// The next entry; `None` behind the last.
    ///
    /// # Errors
    /// What is wrong with the record.
    pub fn next_entry(&mut self) -> Result<Option<EntryBox>, String> {
        if self.input.rest().is_empty() {
            return Ok(None);
        }
        self.read().map(Some).map_err(|damage| format!("a record is malformed: {damage}"))
    }

    fn read(&mut self) -> Result<EntryBox, super::rdb::Damage> {
        let input = &mut self.input;
        let head = input.byte()?;
        let expire_at = if head & TTL != 0 { Some(input.time_ms()?) } else { None };
        let access = match head & ACCESS {
            0 => self.access,
            _ => input.array().map(|[a, b, c]| u32::from_le_bytes([a, b, c, 0]))?,
        };
        let len = varint(input)?;
        self.key.clear();
        self.key.extend_from_slice(input.take(len)?);
        let value = value::read(head & KIND, input, self.packing)?;
        let mut entry = value.into_entry(&self.key, expire_at);
        entry.set_access(access);
        Ok(entry)
    }
}

fn varint(input: &mut Reader<'_>) -> Result<usize, super::rdb::Damage> {
    let mut n = 0;
    for shift in (0..u32::BITS).step_by(7) {
        let byte = input.byte()?;
        n |= usize::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Ok(n);
        }
    }
    Err(input.damage("a key's length is impossible"))
}
