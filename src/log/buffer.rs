//! What was appended and is not yet durable: chunks of records, recycled.
//!
//! A chunk begins with room for a mark, which the writer fills in; one chunk is one write. Chunks that
//! were written are kept until they are durable, so that they can be written again when a sync fails.

use super::record::{self, HEADER, Kind, MARK};
use super::{Lsn, Options};
use crate::base::heap::Heap;
use crate::base::simd::prefetch_to_write;
use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Bytes of a chunk.
const CHUNK: usize = 256 * 1024;
/// Cache lines behind the last one in use where the next record is expected.
const AHEAD: RangeInclusive<usize> = 1..=2;
/// Empty chunks kept for use.
const SPARE_MAX: usize = 32;
/// Bytes of chunks that are recycled: what waits beyond them takes new memory, whose pages cost more than all else. They
/// count as kept at hand, not as in use.
pub const RECYCLED: usize = SPARE_MAX * CHUNK;

/// Bytes that the chunks of this process take. As the allocator's counts, it knows no servers.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// Bytes that records take on their way to the disk, and the chunks kept for them.
pub fn held() -> usize {
    HELD.load(Relaxed)
}

/// What of it is more than is kept at hand: the disk is slow.
pub fn backlog() -> usize {
    held().saturating_sub(RECYCLED)
}

/// Counts `change` bytes more, or less.
fn count(change: isize) {
    let before = HELD.fetch_add(change.cast_unsigned(), Relaxed);
    let at_hand = |bytes: usize| bytes.min(RECYCLED).cast_signed();
    Heap::keep_at_hand(at_hand(before.wrapping_add_signed(change)) - at_hand(before));
}

/// Records that are written at once.
#[derive(Debug)]
pub struct Chunk {
    /// The place of its mark.
    pub first: Lsn,
    /// The mark and the records behind it.
    pub bytes: Vec<u8>,
    records: usize,
}

impl Chunk {
    /// The place behind its last record.
    pub fn end(&self) -> Lsn {
        self.first + self.bytes.len() as u64
    }
}

/// The chunks that wait to be written.
#[derive(Debug)]
pub struct Buffer {
    /// What records are appended to; empty, or begun with room for a mark.
    open: Chunk,
    full: VecDeque<Chunk>,
    spare: Vec<Vec<u8>>,
    chunk: usize,
}

impl Buffer {
    /// An empty buffer; the next record's place will be `end` or a little behind it.
    pub fn new(end: Lsn) -> Self {
        Self {
            open: Chunk { first: end, bytes: Vec::new(), records: 0 },
            full: VecDeque::new(),
            spare: Vec::new(),
            chunk: CHUNK,
        }
    }

    /// The place behind the last record.
    pub fn end(&self) -> Lsn {
        self.open.end()
    }

    /// Whether nothing waits to be written.
    pub fn is_empty(&self) -> bool {
        self.open.bytes.is_empty() && self.full.is_empty()
    }

    /// Appends a record; returns the place behind it.
    pub fn append(&mut self, options: &Options, payload: &[u8], sum: u32, clock_ms: i64) -> Lsn {
        let size = HEADER + payload.len();
        let open = &mut self.open;
        if open.records >= options.batch_ops_max || open.bytes.len() + size > self.chunk && open.records > 0 {
            self.close();
        }
        let open = &mut self.open;
        if open.bytes.is_empty() {
            if open.bytes.capacity() == 0 {
                open.bytes = self.spare.pop().unwrap_or_default();
                reserve(&mut open.bytes, self.chunk);
            }
            open.bytes.resize(MARK, 0);
        }
        let lsn = open.end();
        reserve(&mut open.bytes, size);
        open.bytes.extend_from_slice(&record::header(Kind::Effects, lsn, clock_ms, payload.len(), sum));
        open.bytes.extend_from_slice(payload);
        open.records += 1;
        // The writer read these lines when the chunk was used last: they are fetched from its core while the next call runs.
        let next = open.bytes.as_ptr().wrapping_add(open.bytes.len());
        AHEAD.for_each(|line| prefetch_to_write(next.wrapping_add(64 * line)));
        open.end()
    }

    fn close(&mut self) {
        if self.open.bytes.is_empty() {
            return;
        }
        let next = Chunk { first: self.open.end(), bytes: Vec::new(), records: 0 };
        let mut chunk = std::mem::replace(&mut self.open, next);
        // It is kept until it is durable, which may take a second: one with little in it leaves its room to the next.
        if chunk.bytes.len() < self.chunk / 4 {
            let mut small = Vec::new();
            reserve(&mut small, chunk.bytes.len());
            small.extend_from_slice(&chunk.bytes);
            self.recycle(std::mem::replace(&mut chunk.bytes, small));
        }
        self.full.push_back(chunk);
    }

    /// Takes the oldest chunk to be written; the last even if it is not full.
    pub fn take(&mut self) -> Option<Chunk> {
        if self.full.is_empty() {
            self.close();
        }
        self.full.pop_front()
    }

    /// Gives back the bytes of a chunk that is durable.
    pub fn recycle(&mut self, mut bytes: Vec<u8>) {
        if (self.chunk..=2 * self.chunk).contains(&bytes.capacity()) && self.spare.len() < SPARE_MAX {
            bytes.clear();
            self.spare.push(bytes);
        } else {
            count(-bytes.capacity().cast_signed());
        }
    }
}

/// Makes room for `more` bytes, and counts it.
fn reserve(bytes: &mut Vec<u8>, more: usize) {
    let before = bytes.capacity();
    bytes.reserve(more);
    let grown = bytes.capacity() - before;
    if grown > 0 {
        count(grown.cast_signed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_chunks_take_is_counted() {
        let mut buffer = Buffer::new(0);
        buffer.append(&Options::default(), b"payload", 0, 0);
        // Other tests have logs of their own.
        assert!(held() >= CHUNK);
    }

    #[test]
    fn a_chunk_with_little_in_it_leaves_its_room_to_the_next() {
        let mut buffer = Buffer::new(0);
        let mut taken = Vec::new();
        for _ in 0..100 {
            buffer.append(&Options::default(), b"payload", 0, 0);
            taken.push(buffer.take().unwrap());
        }
        assert!(taken.windows(2).all(|pair| pair[0].end() == pair[1].first));
        assert!(taken.iter().map(|chunk| chunk.bytes.capacity()).sum::<usize>() < CHUNK);
        assert_eq!(buffer.spare.len(), 1);
        // Nor does it stay for others.
        taken.into_iter().for_each(|chunk| buffer.recycle(chunk.bytes));
        assert_eq!(buffer.spare.len(), 1);
    }
}
