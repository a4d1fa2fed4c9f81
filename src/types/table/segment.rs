//! A segment: all records of one range of hashes, in two allocations.
//!
//! ```text
//!  buckets, 64 bytes each                                   arena
//! ┌──────────────────────┬────────┬───────────────────────┐ ┌────────┬────────┬──────┬────────┬───
//! │ tags, 15 × u16       │ passed │ offsets, 15 × u16     │ │ record │ record │ dead │ record │ …
//! └──────────────────────┴────────┴───────────────────────┘ └────────┴────────┴──────┴────────┴───
//! ```
//! A record's tag are the 16 bits of its hash behind the segment's prefix; 0 means free (a tag of 0 is
//! stored as 1). Scaled to the number of buckets, which may be any, the tag names the home bucket. A
//! full bucket passes records on to the next and counts them in `passed`: a search goes on only where
//! that is not 0. So the buckets are rebuilt from tags alone, without reading a record.
//!
//! Invariants: a record stands at or behind its home, with every bucket between counting it; `live` is
//! the number of tags that are not 0; `dead` are the arena's bytes that no offset leads to.

use super::super::footprint::taken;
use super::super::thin::size_class;
use crate::base::simd::{equal_words, prefetch, prefetch_lines};
use std::ops::ControlFlow;

/// Slots of a bucket.
const SLOTS: usize = 15;
/// Where `passed` stands in `tags`.
const PASSED: usize = SLOTS;
/// The most buckets of a segment: 8 KiB.
const BUCKETS_MAX: usize = 128;
/// The most bytes of an arena: what an offset of 16 bits can reach.
const ARENA_MAX: usize = 1 << 16;

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Bucket {
    tags: [u16; 16],
    offsets: [u16; 16],
}

impl Bucket {
    const EMPTY: Bucket = Bucket { tags: [0; 16], offsets: [0; 16] };

    /// The slots holding `tag`, one bit each.
    fn slots_of(&self, tag: u16) -> u32 {
        u32::from(equal_words(&self.tags, tag)) & ((1 << SLOTS) - 1)
    }

    /// The slots that hold a record, one bit each.
    fn occupied(&self) -> u32 {
        !self.slots_of(0) & ((1 << SLOTS) - 1)
    }
}

/// The place of a record in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    bucket: u16,
    slot: u16,
}

/// The records of one range of hashes.
pub(super) struct Segment {
    buckets: Box<[Bucket]>,
    arena: Vec<u8>,
    live: u32,
    dead: u32,
    /// How many leading bits all hashes here share.
    pub(super) depth: u32,
}

/// How deep the segments of a table lie that is to hold `records` of `bytes` together: so that each, filled by seven eighths,
/// has room for as many more as chance may bring it.
pub(super) fn depth_for(records: usize, bytes: usize) -> u32 {
    let filled = |whole: usize| whole * 7 / 8;
    let segments = records.div_ceil(filled(live_max(BUCKETS_MAX))).max(bytes.div_ceil(filled(ARENA_MAX)));
    segments.next_power_of_two().ilog2()
}

/// The most records that `buckets` hold before there have to be more.
const fn live_max(buckets: usize) -> usize {
    buckets * SLOTS * 27 / 32
}

/// The tag of `hash` behind a prefix of `depth` bits.
fn tag_of(hash: u64, depth: u32) -> u16 {
    (((hash << depth) >> 48) as u16).max(1)
}

impl Clone for Segment {
    /// A copy with as much room for more, so that it takes as many bytes.
    fn clone(&self) -> Self {
        let mut arena = Vec::with_capacity(self.arena.capacity());
        arena.extend_from_slice(&self.arena);
        Segment { buckets: self.buckets.clone(), arena, ..*self }
    }
}

impl Segment {
    /// An empty segment with buckets for `records` and an arena of `bytes`.
    pub(super) fn new(depth: u32, records: usize, bytes: usize) -> Self {
        Segment {
            buckets: vec![Bucket::EMPTY; buckets_for(records)].into(),
            arena: Vec::with_capacity(size_class(bytes.clamp(16, ARENA_MAX))),
            live: 0,
            dead: 0,
            depth,
        }
    }

    pub(super) fn live(&self) -> usize {
        self.live as usize
    }

    /// Bytes of the records that are alive.
    pub(super) fn live_bytes(&self) -> usize {
        self.arena.len() - self.dead as usize
    }

    /// Bytes allocated, the segment itself included.
    pub(super) fn memory(&self) -> usize {
        taken(size_of::<Self>()) + taken(size_of_val(&*self.buckets)) + taken(self.arena.capacity())
    }

    fn home(&self, tag: u16) -> usize {
        (usize::from(tag) * self.buckets.len()) >> 16
    }

    fn after(&self, bucket: usize) -> usize {
        if bucket + 1 == self.buckets.len() { 0 } else { bucket + 1 }
    }

    /// The arena from the record in `slot` on.
    pub(super) fn bytes(&self, slot: Slot) -> &[u8] {
        &self.arena[self.offset(slot)..]
    }

    /// As [`Segment::bytes`], to be changed in place.
    pub(super) fn bytes_mut(&mut self, slot: Slot) -> &mut [u8] {
        let offset = self.offset(slot);
        &mut self.arena[offset..]
    }

    fn offset(&self, slot: Slot) -> usize {
        self.buckets[slot.bucket as usize].offsets[slot.slot as usize].into()
    }

    /// Begins to bring the bucket that `hash` belongs to into the cache.
    pub(super) fn prefetch_bucket(&self, hash: u64) {
        prefetch(&raw const self.buckets[self.home(tag_of(hash, self.depth))]);
    }

    /// Likewise the record that this bucket seems to lead to, or where one would be added.
    pub(super) fn prefetch_record(&self, hash: u64) {
        let tag = tag_of(hash, self.depth);
        let bucket = &self.buckets[self.home(tag)];
        let offset = match bucket.slots_of(tag) {
            0 => self.arena.len(),
            slots => bucket.offsets[slots.trailing_zeros() as usize].into(),
        };
        prefetch_lines(self.arena.as_ptr().wrapping_add(offset), 2);
    }

    /// The slot of the record under `hash` for which `same` is true of the arena from there on.
    pub(super) fn find(&self, hash: u64, same: impl Fn(&[u8]) -> bool) -> Option<Slot> {
        let tag = tag_of(hash, self.depth);
        let mut at = self.home(tag);
        for _ in 0..self.buckets.len() {
            let bucket = &self.buckets[at];
            let mut slots = bucket.slots_of(tag);
            while slots != 0 {
                let slot = slots.trailing_zeros() as usize;
                if same(&self.arena[usize::from(bucket.offsets[slot])..]) {
                    return Some(Slot { bucket: at as u16, slot: slot as u16 });
                }
                slots &= slots - 1;
            }
            if bucket.tags[PASSED] == 0 {
                break;
            }
            at = self.after(at);
        }
        None
    }

    /// Whether it has room for one more record of `size` bytes as it is.
    pub(super) fn has_room(&self, size: usize) -> bool {
        self.live() < live_max(self.buckets.len())
            && self.arena.len() + size <= self.arena.capacity().min(ARENA_MAX)
    }

    /// Makes room for one more record of `size` bytes; false when the segment has to be split first.
    /// `size_at` tells the size of the record that bytes begin with.
    pub(super) fn reserve(&mut self, size: usize, size_at: impl Fn(&[u8]) -> usize) -> bool {
        if self.live() >= live_max(self.buckets.len()) {
            if self.buckets.len() == BUCKETS_MAX {
                return false;
            }
            let more = self.buckets.len() + (self.buckets.len() / 4).max(1);
            self.rebuild(more.min(BUCKETS_MAX));
        }
        let need = self.arena.len() + size;
        if need > self.arena.capacity() {
            if self.dead as usize >= (self.arena.len() / 8).max(size) {
                self.compact(size, size_at);
            } else if need > ARENA_MAX {
                return false;
            } else {
                self.arena.reserve_exact(size_class(need) - self.arena.len());
            }
        }
        self.arena.len() + size <= ARENA_MAX
    }

    /// Adds a record of `size` bytes, for which [`Segment::reserve`] made room, and returns its bytes.
    pub(super) fn insert(&mut self, hash: u64, size: usize) -> &mut [u8] {
        let offset = self.arena.len();
        self.arena.resize(offset + size, 0);
        self.live += 1;
        let tag = tag_of(hash, self.depth);
        self.put(tag, offset as u16);
        &mut self.arena[offset..]
    }

    /// Enters `offset` in the first free slot from `tag`'s home on: there is one.
    fn put(&mut self, tag: u16, offset: u16) {
        let mut at = self.home(tag);
        loop {
            let bucket = &mut self.buckets[at];
            let free = bucket.slots_of(0);
            if free != 0 {
                let slot = free.trailing_zeros() as usize;
                bucket.tags[slot] = tag;
                bucket.offsets[slot] = offset;
                return;
            }
            bucket.tags[PASSED] += 1;
            at = self.after(at);
        }
    }

    /// Forgets the record in `slot`, which takes `size` bytes of the arena.
    pub(super) fn remove(&mut self, slot: Slot, size: usize) {
        let (bucket, slot) = (slot.bucket as usize, slot.slot as usize);
        let tag = std::mem::take(&mut self.buckets[bucket].tags[slot]);
        debug_assert!(tag != 0);
        let mut at = self.home(tag);
        while at != bucket {
            self.buckets[at].tags[PASSED] -= 1;
            at = self.after(at);
        }
        self.live -= 1;
        self.dead += size as u32;
    }

    /// Counts bytes as dead that a record no longer uses.
    pub(super) fn waste(&mut self, bytes: usize) {
        self.dead += bytes as u32;
    }

    /// After removals: gives memory back if much is unused. True if so, and so few are left that the
    /// segment could be merged with its neighbour.
    pub(super) fn tidy(&mut self, size_at: impl Fn(&[u8]) -> usize) -> bool {
        let sparse = self.buckets.len() > 1 && self.live() < live_max(self.buckets.len()) / 4;
        if sparse {
            self.rebuild(buckets_for(self.live() + self.live() / 4));
        }
        let wasteful = self.dead as usize > self.arena.len() / 2 && self.arena.len() > 256;
        if wasteful {
            self.compact(0, size_at);
        }
        (sparse || wasteful) && self.is_small()
    }

    fn is_small(&self) -> bool {
        self.live() <= live_max(BUCKETS_MAX) / 4 && self.live_bytes() <= ARENA_MAX / 4
    }

    fn rebuild(&mut self, buckets: usize) {
        let old = std::mem::replace(&mut self.buckets, vec![Bucket::EMPTY; buckets].into());
        for bucket in &old {
            let mut slots = bucket.occupied();
            while slots != 0 {
                let slot = slots.trailing_zeros() as usize;
                self.put(bucket.tags[slot], bucket.offsets[slot]);
                slots &= slots - 1;
            }
        }
    }

    /// Copies the living records to a new arena with `spare` bytes of room.
    fn compact(&mut self, spare: usize, size_at: impl Fn(&[u8]) -> usize) {
        let live = self.live_bytes();
        let room = (live + live / 8).max(live + spare).clamp(16, ARENA_MAX.max(live));
        let mut arena = Vec::with_capacity(size_class(room));
        for bucket in &mut self.buckets {
            for (tag, offset) in bucket.tags[..SLOTS].iter().zip(&mut bucket.offsets) {
                if *tag != 0 {
                    let record = &self.arena[usize::from(*offset)..];
                    *offset = arena.len() as u16;
                    arena.extend_from_slice(&record[..size_at(record)]);
                }
            }
        }
        self.arena = arena;
        self.dead = 0;
    }

    /// Takes the records out whose next bit of hash is 1, as the segment behind this one.
    pub(super) fn split(
        &mut self,
        size_at: impl Fn(&[u8]) -> usize,
        hash_at: impl Fn(&[u8]) -> u64,
    ) -> Segment {
        let (records, bytes) = (self.live() * 5 / 8, self.live_bytes() * 9 / 16);
        let mut halves = [0, 1].map(|_| Segment::new(self.depth + 1, records, bytes));
        for slot in self.slots() {
            let record = self.bytes(slot);
            let (size, hash) = (size_at(record), hash_at(record));
            let half = &mut halves[(hash << self.depth >> 63) as usize];
            if half.reserve(size, &size_at) {
                half.insert(hash, size).copy_from_slice(&record[..size]);
            } else {
                unreachable!("half a segment fits a segment");
            }
        }
        let [low, high] = halves;
        *self = low;
        high
    }

    /// Whether this segment and its neighbour fit into one with room to spare.
    pub(super) fn may_merge(&self, other: &Segment) -> bool {
        self.depth == other.depth && self.is_small() && other.is_small()
    }

    /// Takes in the records of `high`, the neighbour behind: tags lose a bit at one end and gain the bit
    /// that told the two apart at the other, so no record is hashed.
    pub(super) fn merge(&mut self, high: &Segment, size_at: impl Fn(&[u8]) -> usize) {
        let records = self.live() + high.live();
        let bytes = self.live_bytes() + high.live_bytes();
        let mut both = Segment::new(self.depth - 1, records + records / 4, bytes + bytes / 8);
        for (part, bit) in [(&*self, 0), (high, 1 << 15)] {
            for slot in part.slots() {
                let record = part.bytes(slot);
                let record = &record[..size_at(record)];
                let tag = part.buckets[slot.bucket as usize].tags[slot.slot as usize];
                both.put((tag >> 1 | bit).max(1), both.arena.len() as u16);
                both.arena.extend_from_slice(record);
                both.live += 1;
            }
        }
        *self = both;
    }

    /// Every occupied slot.
    pub(super) fn slots(&self) -> impl Iterator<Item = Slot> + '_ {
        self.buckets.iter().enumerate().flat_map(|(at, bucket)| {
            (0..SLOTS)
                .filter(|slot| bucket.tags[*slot] != 0)
                .map(move |slot| Slot { bucket: at as u16, slot: slot as u16 })
        })
    }

    /// Shows every record, each with what happens to stand behind it, to `visit`, until it breaks off.
    pub(super) fn visit<'s>(&'s self, mut visit: impl FnMut(&'s [u8]) -> ControlFlow<()>) -> ControlFlow<()> {
        for bucket in &self.buckets {
            let mut slots = bucket.occupied();
            while slots != 0 {
                visit(&self.arena[usize::from(bucket.offsets[slots.trailing_zeros() as usize])..])?;
                slots &= slots - 1;
            }
        }
        ControlFlow::Continue(())
    }

    /// An occupied slot, all equally likely; there must be one.
    pub(super) fn random(&self, mut below: impl FnMut(usize) -> usize) -> Slot {
        loop {
            let n = below(self.buckets.len() * SLOTS);
            let (bucket, slot) = (n / SLOTS, n % SLOTS);
            if self.buckets[bucket].tags[slot] != 0 {
                return Slot { bucket: bucket as u16, slot: slot as u16 };
            }
        }
    }

    /// Calls `visit` with the slots of all records whose home is the same as that of tag `from`; returns
    /// the first tag of the next home, or `None` behind the last.
    pub(super) fn scan(&self, from: u16, mut visit: impl FnMut(Slot)) -> Option<u16> {
        let home = self.home(from);
        let mut at = home;
        for _ in 0..self.buckets.len() {
            let bucket = &self.buckets[at];
            for slot in 0..SLOTS {
                if bucket.tags[slot] != 0 && self.home(bucket.tags[slot]) == home {
                    visit(Slot { bucket: at as u16, slot: slot as u16 });
                }
            }
            if bucket.tags[PASSED] == 0 {
                break;
            }
            at = self.after(at);
        }
        let next = ((home + 1) << 16).div_ceil(self.buckets.len());
        u16::try_from(next).ok()
    }
}

fn buckets_for(records: usize) -> usize {
    let mut buckets = (records * 32).div_ceil(SLOTS * 27).clamp(1, BUCKETS_MAX);
    while live_max(buckets) < records && buckets < BUCKETS_MAX {
        buckets += 1;
    }
    buckets
}
