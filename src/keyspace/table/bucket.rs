//! A bucket: two cache lines holding up to 14 entries.
//!
//! ```text
//!  0            14         16                                             128
//! ┌────────────┬──────────┬──────────┬──────────┬─────────────┬──────────┐
//! │ 14 prints  │ overflow │ word 0   │ word 1   │ …           │ word 13  │
//! │ 0 = empty  │ u16      │          │          │             │          │
//! └────────────┴──────────┴──────────┴──────────┴─────────────┴──────────┘
//!  word:  63      48 47                              2 1     1 0
//!        ┌──────────┬─────────────────────────────────┬───────┬─────┐
//!        │ tag high │ address of the entry            │ low   │ TTL │
//!        └──────────┴─────────────────────────────────┴───────┴─────┘
//! ```
//! `overflow` counts the entries whose home is here or before and that live past this bucket.

use crate::base::simd::{equal_bytes, prefetch};
use crate::keyspace::entry::{ALIGN, EntryBox, EntryRef};
use std::ptr::{self, NonNull};

/// Entries a bucket holds.
pub(super) const SLOTS: usize = 14;
/// Position bits of the hash that a word keeps beside the address.
pub(super) const TAG_BITS: u32 = 17;

const ALL: u16 = (1 << SLOTS) - 1;
const TTL: u64 = 1;
const TAG_LOW_BITS: u32 = 1;
const TAG_LOW_MASK: u64 = (1 << TAG_LOW_BITS) - 1;
const ADDRESS: u64 = 0x0000_FFFF_FFFF_FFFC;
const _: () = assert!(ADDRESS.is_multiple_of(ALIGN as u64));
const TAG: u64 = !(ADDRESS | TTL);

/// An entry's address, with a tag of position bits and whether it (or a field of it) has a TTL in the
/// address' spare bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word(u64);

impl Word {
    const NONE: Word = Word(0);

    /// Takes over `entry`; the word is then its owner, though it does not drop it.
    pub(super) fn new(entry: EntryBox, tag: u32) -> Self {
        let ttl = if entry.as_ref().due_at().is_some() { TTL } else { 0 };
        let address = entry.into_raw().as_ptr().expose_provenance() as u64;
        assert_eq!(address & !ADDRESS, 0, "an entry lies at a 4-aligned 48-bit address");
        Word(address | ttl | Self::spread(tag))
    }

    fn spread(tag: u32) -> u64 {
        let tag = u64::from(tag);
        tag >> TAG_LOW_BITS << 48 | (tag & TAG_LOW_MASK) << 1
    }

    pub(super) fn tag(self) -> u32 {
        (self.0 >> 48 << TAG_LOW_BITS | self.0 >> 1 & TAG_LOW_MASK) as u32
    }

    pub(super) fn with_tag(self, tag: u32) -> Self {
        Word(self.0 & !TAG | Self::spread(tag))
    }

    pub(super) fn has_ttl(self) -> bool {
        self.0 & TTL != 0
    }

    fn at(self) -> *mut u8 {
        ptr::with_exposed_provenance_mut((self.0 & ADDRESS) as usize)
    }

    /// # Safety
    /// The word owns an entry that nobody frees or changes for `'a`.
    pub(super) unsafe fn entry<'a>(self) -> EntryRef<'a> {
        // SAFETY: the address came from `EntryBox::into_raw`; the rest is the caller's promise.
        unsafe { EntryRef::from_raw(NonNull::new_unchecked(self.at())) }
    }

    /// # Safety
    /// The word owns an entry, and is not used as its owner again.
    pub(super) unsafe fn into_box(self) -> EntryBox {
        // SAFETY: the address came from `EntryBox::into_raw`; the rest is the caller's promise.
        unsafe { EntryBox::from_raw(NonNull::new_unchecked(self.at())) }
    }

    /// Asks the CPU to load the cache lines of the entry's first 88 bytes: a key of 16 with a value of 64.
    pub(super) fn prefetch(self) {
        prefetch(self.at());
        prefetch(self.at().wrapping_add(64));
        prefetch(self.at().wrapping_add(87));
    }
}

/// Some of a bucket's slots: a bit each, iterated from the lowest.
#[derive(Clone, Copy)]
pub(super) struct Slots(u16);

impl Slots {
    pub(super) fn count(self) -> u32 {
        self.0.count_ones()
    }
}

impl Iterator for Slots {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let slot = (self.0 != 0).then(|| self.0.trailing_zeros() as usize)?;
        self.0 &= self.0 - 1;
        Some(slot)
    }
}

#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Bucket {
    prints: [u8; SLOTS],
    overflow: u16,
    words: [Word; SLOTS],
}

impl Bucket {
    pub(super) const EMPTY: Bucket = Bucket { prints: [0; SLOTS], overflow: 0, words: [Word::NONE; SLOTS] };

    /// The fingerprint of `hash`: its low byte, which no position is made of; 0 stands for an empty slot.
    pub(super) fn print(hash: u64) -> u8 {
        (hash as u8).max(1)
    }

    #[inline(always)]
    fn matching(&self, print: u8) -> Slots {
        // SAFETY: a bucket begins with 16 initialised bytes: the prints and the count of overflows.
        let head = unsafe { &*ptr::from_ref(self).cast::<[u8; 16]>() };
        Slots(equal_bytes(head, print) & ALL)
    }

    /// The slots whose fingerprint and tag are these: almost always the wanted entry, or nothing.
    pub(super) fn candidates(&self, print: u8, tag: u32) -> impl Iterator<Item = usize> {
        let spread = Word::spread(tag);
        self.matching(print).filter(move |slot| (self.words[*slot].0 ^ spread) & TAG == 0)
    }

    pub(super) fn occupied(&self) -> Slots {
        Slots(!self.matching(0).0 & ALL)
    }

    pub(super) fn vacant(&self) -> Option<usize> {
        self.matching(0).next()
    }

    pub(super) fn word(&self, slot: usize) -> Word {
        debug_assert_ne!(self.prints[slot], 0);
        self.words[slot]
    }

    pub(super) fn print_at(&self, slot: usize) -> u8 {
        self.prints[slot]
    }

    /// The entry in an occupied slot.
    pub(super) fn entry(&self, slot: usize) -> EntryRef<'_> {
        assert_ne!(self.prints[slot], 0, "the slot is occupied");
        // SAFETY: the words of occupied slots own their entries, and `self` is borrowed as long as the entry.
        unsafe { self.words[slot].entry() }
    }

    pub(super) fn put(&mut self, slot: usize, print: u8, word: Word) {
        self.prints[slot] = print;
        self.words[slot] = word;
    }

    pub(super) fn vacate(&mut self, slot: usize) -> Word {
        self.prints[slot] = 0;
        std::mem::replace(&mut self.words[slot], Word::NONE)
    }

    pub(super) fn overflows(&self) -> bool {
        self.overflow > 0
    }

    /// Counts an entry passing by. A full counter sticks: probing too far is only slow.
    pub(super) fn pass(&mut self) {
        self.overflow = self.overflow.saturating_add(1);
    }

    /// Takes back one [`Bucket::pass`].
    pub(super) fn unpass(&mut self) {
        if self.overflow < u16::MAX {
            self.overflow -= 1;
        }
    }
}

const _: () = assert!(size_of::<Bucket>() == 128 && align_of::<Bucket>() == 64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_matched_by_print_whatever_the_overflow() {
        let mut bucket = Bucket::EMPTY;
        bucket.overflow = 0x0303;
        for print in 0..=255 {
            bucket.prints = std::array::from_fn(|i| print ^ (i as u8 % 3));
            for wanted in [0, 3, print, print ^ 1, print ^ 2] {
                let expected = (0..SLOTS).filter(|slot| bucket.prints[*slot] == wanted);
                assert!(bucket.matching(wanted).eq(expected));
            }
        }
    }

    #[test]
    fn a_word_keeps_its_parts_apart() {
        for (tag, ttl) in
            [(0, None), (1, Some(5)), ((1 << TAG_BITS) - 1, None), (0b1_0101_0101_0101_0101, Some(1))]
        {
            let word = Word::new(EntryBox::string(b"key", b"value", ttl), tag);
            assert_eq!((word.tag(), word.has_ttl()), (tag, ttl.is_some()));
            let word = word.with_tag(77);
            assert_eq!((word.tag(), word.has_ttl()), (77, ttl.is_some()));
            // SAFETY: `word` owns the entry, and is not used again.
            assert_eq!(unsafe { word.into_box() }.as_ref().key(), b"key");
        }
    }
}
