//! An entry as it is read.

use super::{
    COLLECTION, Collection, EMBSTR_MAX, EntryBox, FORM, GENERATION, HEADER, INT, Kind, LONG, LONG_KEY,
    NEAR_FROM_MS, RAW, SHORT, Shape, StrRef, TTL, WIDE, align_of_form, payload_size,
};
use crate::base::heap::taken;
use crate::base::number;
use crate::base::simd::prefetch_lines;
use crate::keyspace::Access;
use crate::types::{Hash, Set, Sorted};
use bytes::Bytes;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

/// A borrowed entry; copied like a pointer.
#[derive(Clone, Copy)]
pub struct EntryRef<'a> {
    pub(super) at: NonNull<u8>,
    pub(super) life: PhantomData<&'a EntryBox>,
}

impl<'a> EntryRef<'a> {
    /// # Safety
    /// `at` comes from [`EntryBox::into_raw`], and for `'a` nobody frees or changes that entry.
    pub unsafe fn from_raw(at: NonNull<u8>) -> Self {
        Self { at, life: PhantomData }
    }

    pub(super) fn byte(self, offset: usize) -> u8 {
        // SAFETY: every entry has a header of HEADER bytes, and `offset` is one of them.
        unsafe { self.at.as_ptr().add(offset).read() }
    }

    pub(super) fn form(self) -> u8 {
        self.byte(0) & FORM
    }

    pub(super) fn flags(self) -> u8 {
        self.byte(0) & !FORM
    }

    /// Bytes of the expiry: an entry without one is not wide.
    #[inline(always)]
    pub(super) fn ttl_size(self) -> usize {
        4 * usize::from(self.byte(0) / TTL % 2 + self.byte(1) % 2)
    }

    pub(super) fn shape(self) -> Shape {
        let (form, ttl) = (self.form(), self.ttl_size());
        let (payload, align) = (payload_size(form), align_of_form(form));
        let key = if self.flags() & LONG_KEY != 0 {
            // SAFETY: with LONG_KEY a u32 stands behind the payload.
            unsafe { self.at.as_ptr().add(HEADER + ttl + payload).cast::<u32>().read_unaligned() as usize }
        } else {
            self.byte(5) as usize
        };
        let short = u16::from_le_bytes([self.byte(6), self.byte(7)]) as usize;
        Shape { payload, key, short, ttl, align }
    }

    /// The key's bytes.
    pub fn key(self) -> &'a [u8] {
        let shape = self.shape();
        // SAFETY: `key` initialised bytes stand at `key_at`; the entry is borrowed for 'a.
        unsafe { std::slice::from_raw_parts(self.at.as_ptr().add(shape.key_at()), shape.key) }
    }

    /// The key's `len` bytes, when there is no LONG_KEY.
    #[inline(always)]
    pub(super) fn short_key(self, len: usize) -> &'a [u8] {
        let at = self.payload_at() + payload_size(self.form());
        // SAFETY: without LONG_KEY the key stands right behind the payload; byte 5 tells its length, which the
        // caller has read.
        unsafe { std::slice::from_raw_parts(self.at.as_ptr().add(at), len) }
    }

    /// Whether its key is `key`: the comparison that every lookup ends with.
    #[inline(always)]
    pub fn has_key(self, key: &[u8]) -> bool {
        // Most keys are told apart by their length in the header.
        let short = self.flags() & LONG_KEY == 0;
        if short && usize::from(self.byte(5)) != key.len() {
            return false;
        }
        let own = if short { self.short_key(key.len()) } else { self.key() };
        if own.len() != key.len() {
            return false;
        }
        // Most keys: two overlapping words, without a call.
        match (own.first_chunk::<8>(), own.last_chunk::<8>()) {
            (Some(first), Some(last)) if own.len() <= 16 => {
                key.first_chunk() == Some(first) && key.last_chunk() == Some(last)
            }
            _ => own == key,
        }
    }

    /// The value's type.
    pub fn kind(self) -> Kind {
        match self.form() {
            form if form < COLLECTION => Kind::String,
            form if form == COLLECTION + Kind::List as u8 => Kind::List,
            form if form == COLLECTION + Kind::Set as u8 => Kind::Set,
            form if form == COLLECTION + Kind::Sorted as u8 => Kind::Sorted,
            form if form == COLLECTION + Kind::Hash as u8 => Kind::Hash,
            form if form == COLLECTION + Kind::Stream as u8 => Kind::Stream,
            form if form == COLLECTION + Kind::Queue as u8 => Kind::Queue,
            _ => Kind::VectorSet,
        }
    }

    /// When the key expires, in unix milliseconds.
    pub fn expire_at(self) -> Option<i64> {
        if self.flags() & TTL == 0 {
            return None;
        }
        // SAFETY: with TTL a u32 stands behind the header, and a whole i64 if it is wide.
        unsafe {
            let at = self.at.as_ptr().add(HEADER);
            if self.byte(1) & WIDE != 0 {
                return Some(at.cast::<i64>().read_unaligned());
            }
            let high = u64::from(self.byte(1) >> 1) << u32::BITS;
            Some(NEAR_FROM_MS + (high | u64::from(at.cast::<u32>().read())) as i64)
        }
    }

    /// Begins to bring the beginning of what a collection points to into the cache.
    pub fn prefetch_payload(self) {
        if self.form() >= COLLECTION {
            // SAFETY: the payload of a collection is a pointer, of which nothing but the number is looked at.
            let at = unsafe { self.at.as_ptr().add(self.payload_at()).cast::<*const u8>().read() };
            prefetch_lines(at, 3);
        }
    }

    /// Begins to bring the place where `member` is looked for into the cache; returns a hash for
    /// [`EntryRef::prefetch_record`]. `None` if it is small, or has no members.
    pub fn prefetch_place(self, member: &[u8]) -> Option<u64> {
        match self.kind() {
            Kind::Hash => self.collection::<Hash>()?.prefetch_place(member),
            Kind::Set => self.collection::<Set>()?.prefetch_place(member),
            Kind::Sorted => self.collection::<Sorted>()?.prefetch_place(member),
            _ => None,
        }
    }

    /// Begins to bring what that place, which should be there, leads to into the cache. The hash may be that of another
    /// collection: nothing but the cache hangs on it.
    pub fn prefetch_record(self, hash: u64) {
        if let Some(fields) = self.collection::<Hash>() {
            fields.prefetch_record(hash);
        } else if let Some(members) = self.collection::<Set>() {
            members.prefetch_record(hash);
        } else if let Some(members) = self.collection::<Sorted>() {
            members.prefetch_record(hash);
        }
    }

    /// Begins to bring what a sorted set's record, which should be there, leads to in the order of scores into the cache.
    pub fn prefetch_rank(self, hash: u64) {
        if let Some(members) = self.collection::<Sorted>() {
            members.prefetch_rank(hash);
        }
    }

    /// When something of it is due, in unix milliseconds: the key itself or, in a hash, a field.
    pub fn due_at(self) -> Option<i64> {
        [self.expire_at(), self.field_due_at()].into_iter().flatten().min()
    }

    /// When the first of a hash's fields that expire is due, in unix milliseconds.
    pub fn field_due_at(self) -> Option<i64> {
        self.collection::<Hash>().and_then(Hash::next_expire_at)
    }

    /// The 24-bit access clock (seconds for LRU, or minutes and counter for LFU).
    pub fn access(self) -> u32 {
        u32::from_le_bytes([self.byte(2), self.byte(3), self.byte(4), 0])
    }

    /// Notes an access. The clock is the one part of an entry that readers change: they hold its
    /// shard's lock, and no reference to these bytes is ever handed out.
    pub fn touch(self, access: u32) {
        let [a, b, c, _] = access.to_le_bytes();
        // SAFETY: the access clock is bytes 2 to 4 of the header; see above for exclusivity.
        unsafe { self.at.as_ptr().add(2).cast::<[u8; 3]>().write([a, b, c]) }
    }

    /// Whether the string `value` can be written over this one in place, without anything else to change: it is as long,
    /// neither spells an integer, and there is no expiry to clear.
    #[inline]
    pub(in crate::keyspace) fn fits(self, value: &[u8]) -> bool {
        let short = u16::from_le_bytes([self.byte(6), self.byte(7)]);
        self.form() == SHORT
            && self.flags() & (TTL | RAW) == 0
            && usize::from(short) == value.len()
            && number::parse_i64(value).is_none()
    }

    /// Writes `value` over the string.
    ///
    /// # Safety
    /// It [`EntryRef::fits`], and nobody else borrows the entry.
    #[inline]
    pub(in crate::keyspace) unsafe fn overwrite(self, value: &[u8]) {
        let at = self.shape().short_at();
        // SAFETY: as many bytes of a string stand at `short_at`; the rest is the caller's promise.
        unsafe { ptr::copy_nonoverlapping(value.as_ptr(), self.at.as_ptr().add(at), value.len()) }
    }

    /// Where it lies, for as long as it is neither changed nor moved.
    pub(in crate::keyspace) fn address(self) -> usize {
        self.at.as_ptr() as usize
    }

    /// The snapshot generation the entry was last changed in: 0 or 1.
    pub fn generation(self) -> u8 {
        u8::from(self.flags() & GENERATION != 0)
    }

    /// Notes the generation without changing anything else. As with the access clock: whoever does holds the
    /// shard's lock, and no reference to this byte is ever handed out.
    pub(in crate::keyspace) fn mark(self, generation: u8) {
        let first = self.byte(0) & !GENERATION;
        let first = first | if generation == 0 { 0 } else { GENERATION };
        // SAFETY: the flags are in byte 0 of the header; see above for exclusivity.
        unsafe { self.at.as_ptr().write(first) }
    }

    /// The value, when it is a string.
    pub fn string(self) -> Option<StrRef<'a>> {
        let shape = self.shape();
        // SAFETY: `form` tells what stands at `payload_at` (8-aligned, but for an integer) or at `short_at`.
        unsafe {
            match self.form() {
                INT => {
                    Some(StrRef::Int(self.at.as_ptr().add(shape.payload_at()).cast::<i64>().read_unaligned()))
                }
                SHORT => Some(StrRef::Short(std::slice::from_raw_parts(
                    self.at.as_ptr().add(shape.short_at()),
                    shape.short,
                ))),
                LONG => Some(StrRef::Long(&*self.at.as_ptr().add(shape.payload_at()).cast::<Bytes>())),
                _ => None,
            }
        }
    }

    /// The value, when it is a `T`.
    pub fn collection<T: Collection>(self) -> Option<&'a T> {
        let at = self.payload_at();
        // SAFETY: this form is only written by `EntryBox::collection::<T>`.
        (self.form() == COLLECTION + T::KIND as u8).then(|| unsafe { &*self.at.as_ptr().add(at).cast::<T>() })
    }

    #[inline(always)]
    pub(super) fn payload_at(self) -> usize {
        HEADER + self.ttl_size()
    }

    /// The name OBJECT ENCODING answers with.
    pub fn encoding(self) -> &'static str {
        match self.string() {
            Some(StrRef::Int(_)) => "int",
            Some(s) if self.flags() & RAW == 0 && s.len() <= EMBSTR_MAX => "embstr",
            Some(_) => "raw",
            None => self.details().encoding(),
        }
    }

    /// How often Redis would refer to the value: small numbers are one object for all keys, without a count.
    pub fn references(self, access: Access) -> i64 {
        match self.string() {
            Some(StrRef::Int(0..10_000)) if self.flags() & RAW == 0 && access.shares_numbers() => {
                i32::MAX.into()
            }
            _ => 1,
        }
    }

    /// Whether it is a collection without members, which must not stay in the keyspace. Where its type is known,
    /// `DataType::is_hollow` tells it at less cost.
    pub fn is_hollow(self) -> bool {
        self.form() >= COLLECTION && self.details().is_empty()
    }

    /// Bytes of a string, members of a collection.
    #[inline]
    pub fn size(self) -> usize {
        match self.string() {
            Some(s) => s.len(),
            None => self.details().size(),
        }
    }

    /// Allocations that freeing this entry takes, roughly.
    pub fn weight(self) -> usize {
        match self.string() {
            Some(s) => 1 + s.len() / 65_536,
            None => 1 + self.details().weight(),
        }
    }

    /// Bytes this entry occupies, all its allocations included.
    pub fn memory(self) -> usize {
        taken(self.shape().layout().size())
            + match self.string() {
                Some(StrRef::Long(bytes)) => taken(bytes.len()),
                Some(_) => 0,
                None => self.details().memory(),
            }
    }
}
