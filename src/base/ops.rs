//! Effects as bytes: how deterministic commands stand in a record of the log and in the replicas' stream.
//!
//! ```text
//! ops   = op*
//! op    = call | select
//! call  = words:varint (> 0)  word{words}
//! word  = len:varint  byte{len}
//! select = 0:varint  db:varint        the database of what follows; 0 until then
//! varint = LEB128, at most 10 bytes: seven bits a byte, lowest first, the high bit says that more follow
//! ```

use smallvec::SmallVec;

/// Bytes of the longest varint.
const VARINT_MAX: usize = 10;

/// Appends `n` as a varint.
pub fn push_varint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// Takes a varint off the front of `bytes`; `None` when there is none.
pub fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut n = 0u64;
    for (i, byte) in bytes.iter().take(VARINT_MAX).enumerate() {
        let group = u64::from(byte & 0x7F);
        // The tenth byte has room for one bit.
        if i == VARINT_MAX - 1 && group > 1 {
            return None;
        }
        n |= group << (7 * i);
        if byte & 0x80 == 0 {
            *bytes = &bytes[i + 1..];
            return Some(n);
        }
    }
    None
}

/// Appends a call, whose words are given in runs one behind the other.
pub fn push_call(out: &mut Vec<u8>, runs: [&[&[u8]]; 3]) {
    let words = || runs.iter().flat_map(|run| run.iter());
    let size: usize = words().map(|word| word.len() + 5).sum();
    out.reserve(size + 5);
    push_varint(out, runs.iter().map(|run| run.len() as u64).sum());
    for word in words() {
        push_varint(out, word.len() as u64);
        out.extend_from_slice(word);
    }
}

/// Appends that what follows is about database `db`.
pub fn push_select(out: &mut Vec<u8>, db: u32) {
    out.push(0);
    push_varint(out, db.into());
}

/// The bytes are no ops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the effects are malformed")]
pub struct Malformed;

/// One call among ops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op<'a> {
    /// Its database.
    pub db: u32,
    /// Its words, the verb first; at least one.
    pub words: SmallVec<[&'a [u8]; 8]>,
}

/// Reads the ops in `bytes`.
pub fn read(bytes: &[u8]) -> Ops<'_> {
    Ops { db: 0, rest: bytes }
}

/// An iterator over ops; ends behind the first that is malformed.
#[derive(Clone, Debug)]
pub struct Ops<'a> {
    db: u32,
    rest: &'a [u8],
}

impl<'a> Ops<'a> {
    fn op(&mut self) -> Option<Op<'a>> {
        let mut words = take_varint(&mut self.rest)?;
        while words == 0 {
            self.db = u32::try_from(take_varint(&mut self.rest)?).ok()?;
            words = take_varint(&mut self.rest)?;
        }
        // Each word takes a byte at least, so a count that fits needs no more memory than the bytes.
        if words > self.rest.len() as u64 {
            return None;
        }
        let mut op = Op { db: self.db, words: SmallVec::new() };
        for _ in 0..words {
            let len = usize::try_from(take_varint(&mut self.rest)?).ok()?;
            let (word, rest) = self.rest.split_at_checked(len)?;
            op.words.push(word);
            self.rest = rest;
        }
        Some(op)
    }
}

impl<'a> Iterator for Ops<'a> {
    type Item = Result<Op<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let op = self.op();
        if op.is_none() {
            self.rest = &[];
        }
        Some(op.ok_or(Malformed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(calls in prop::collection::vec(
            (0u32..20, prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..6)), 0..10)) {
            let mut bytes = Vec::new();
            for (db, words) in &calls {
                push_select(&mut bytes, *db);
                let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
                push_call(&mut bytes, [&words[..1], &[], &words[1..]]);
            }
            let read: Vec<_> = read(&bytes).map(|op| {
                let op = op.unwrap();
                (op.db, op.words.iter().map(|word| word.to_vec()).collect::<Vec<_>>())
            }).collect();
            prop_assert_eq!(read, calls);
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(read(&bytes).count() <= bytes.len());
        }
    }

    #[test]
    fn a_count_that_cannot_be_is_refused_at_once() {
        let mut bytes = Vec::new();
        push_varint(&mut bytes, 1 << 60);
        assert_eq!(read(&bytes).collect::<Vec<_>>(), [Err(Malformed)]);
        assert_eq!(take_varint(&mut &[0xFF; 11][..]), None);
        assert_eq!(take_varint(&mut &[][..]), None);
    }
}
