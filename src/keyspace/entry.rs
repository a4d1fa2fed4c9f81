//! One key with its value: a single allocation.
//!
//! ```text
//!  0      1       2         5       6        8           12 or 16 (8 without a TTL)
//! ┌──────┬───────┬─────────┬───────┬────────┬───────────┬─────────────┬──────────┬─────┬───────┐
//! │ form │ time  │ access  │ key   │ short  │ time low, │ payload     │ key len  │ key │ short │
//! │ 4,   │ high 7│ 24 bits │ len   │ len    │ 32 or 64  │ int, Bytes, │ u32, if  │     │ value │
//! │ flags│ , wide│         │       │ u16    │ if a TTL  │ collection  │ LONG_KEY │     │       │
//! └──────┴───────┴─────────┴───────┴────────┴───────────┴─────────────┴──────────┴─────┴───────┘
//! ```
//! A short string (up to [`SHORT_MAX`] bytes) stands behind the key and has no payload; an integer,
//! a long string (shared [`Bytes`]) or a collection is the payload.
//!
//! When a string or integer expires takes 4 bytes more, if that is within 17 years from the start of 2024: 39 bits, of
//! which the header has 7. Any other expiry is a whole i64 (wide), as it is beside the payloads that have to be 8-aligned.
//!
//! Invariants: the layout of an allocation follows from its header alone; the payload's type follows
//! from `form`; an [`EntryBox`] is the only owner.
#![allow(unsafe_code)]

use super::Access;
use crate::base::heap::taken;
use crate::base::number;
use crate::types::Hash;
use bytes::{Bytes, BytesMut};
use std::alloc::{self, Layout};
use std::marker::PhantomData;
use std::mem::{align_of, size_of};
use std::ptr::{self, NonNull};

/// The longest string kept inside its entry, in bytes.
pub const SHORT_MAX: usize = 4096;
/// The longest string Redis reports as `embstr`, in bytes.
pub const EMBSTR_MAX: usize = 44;
/// Bytes of a collection: a pointer.
const COLLECTION_SIZE: usize = 8;
const HEADER: usize = 8;
/// What the entries of strings within and of integers are aligned to, and the address of every entry is a multiple of.
pub(super) const ALIGN: usize = 4;
/// What entries are aligned to whose payload is pointed at.
const PAYLOAD_ALIGN: usize = 8;

/// What type of value a key holds, as TYPE names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `string`
    String,
    /// `list`
    List,
    /// `set`
    Set,
    /// `zset`
    Sorted,
    /// `hash`
    Hash,
    /// `stream`
    Stream,
    /// `queue`
    Queue,
}

impl Kind {
    /// All types, in the order of their numbers.
    pub const ALL: [Kind; 7] =
        [Kind::String, Kind::List, Kind::Set, Kind::Sorted, Kind::Hash, Kind::Stream, Kind::Queue];

    /// The name TYPE answers with.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::String => "string",
            Kind::List => "list",
            Kind::Set => "set",
            Kind::Sorted => "zset",
            Kind::Hash => "hash",
            Kind::Stream => "stream",
            Kind::Queue => "queue",
        }
    }
}

/// What is told of a collection without knowing its type.
pub trait Details {
    /// The name OBJECT ENCODING answers with.
    fn encoding(&self) -> &'static str;
    /// Allocations to free, roughly: a heavy value is dropped in the background.
    fn weight(&self) -> usize;
    /// Bytes allocated outside the entry.
    fn memory(&self) -> usize;
    /// Its members.
    fn size(&self) -> usize;
    /// Whether it has no members left, so that its key has to go.
    fn is_empty(&self) -> bool;
}

/// A value type other than the string: lives in the entry's payload.
pub trait Collection: Details + Clone + Send + 'static {
    /// The type it is.
    const KIND: Kind;
}

/// How the payload is laid out; the low bits of `form` tell collections apart by [`Kind`].
const INT: u8 = 0;
const SHORT: u8 = 1;
const LONG: u8 = 2;
const COLLECTION: u8 = 8;

/// The bits of the first byte that tell the form; the others are flags.
const FORM: u8 = 0x0F;
const TTL: u8 = 0x10;
const LONG_KEY: u8 = 0x20;
/// The string was built by changing another (APPEND, SETRANGE…): reported as `raw` whatever its length. Of an integer: it
/// is one of its own, which other keys do not share.
const RAW: u8 = 0x40;
const GENERATION: u8 = 0x80;

/// In the second byte: the expiry is a whole i64. The bits above are the highest of one that is not.
const WIDE: u8 = 1;
/// 1 January 2024 in unix milliseconds: expiry that takes 39 bits counts from here.
const NEAR_FROM_MS: i64 = 1_704_067_200_000;
const NEAR_BITS: u32 = 39;

/// An expiry as it is stored in 39 bits, if it can be.
fn near(expire_at: i64) -> Option<u64> {
    let since = expire_at.checked_sub(NEAR_FROM_MS).and_then(|since| u64::try_from(since).ok())?;
    (since >> NEAR_BITS == 0).then_some(since)
}

/// A string value as it is stored.
#[derive(Clone, Copy, Debug)]
pub enum StrRef<'a> {
    /// A canonical integer.
    Int(i64),
    /// Bytes inside the entry.
    Short(&'a [u8]),
    /// Shared bytes.
    Long(&'a Bytes),
}

impl<'a> StrRef<'a> {
    /// Length of the text in bytes.
    pub fn len(self) -> usize {
        match self {
            StrRef::Int(n) => {
                usize::from(n < 0) + n.unsigned_abs().checked_ilog10().map_or(1, |digits| digits as usize + 1)
            }
            StrRef::Short(s) => s.len(),
            StrRef::Long(b) => b.len(),
        }
    }

    /// Whether the text is empty.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Calls `f` with the text.
    pub fn with<R>(self, f: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            StrRef::Int(n) => f(itoa::Buffer::new().format(n).as_bytes()),
            StrRef::Short(s) => f(s),
            StrRef::Long(b) => f(b),
        }
    }

    /// The text as a vector of its own.
    pub fn to_vec(self) -> Vec<u8> {
        self.with(<[u8]>::to_vec)
    }

    /// The text, borrowed where it is stored as text.
    pub fn text(self) -> std::borrow::Cow<'a, [u8]> {
        match self {
            StrRef::Int(_) => self.to_vec().into(),
            StrRef::Short(s) => s.into(),
            StrRef::Long(b) => (&b[..]).into(),
        }
    }

    /// The value as an integer, if its text is one in canonical form.
    pub fn as_int(self) -> Option<i64> {
        match self {
            StrRef::Int(n) => Some(n),
            _ => self.with(number::parse_i64),
        }
    }
}

/// The field lengths of an allocation, from which offsets and layout follow.
#[derive(Clone, Copy)]
struct Shape {
    payload: usize,
    key: usize,
    short: usize,
    /// Bytes of the expiry behind the header: 0, 4 or 8.
    ttl: usize,
    align: usize,
}

impl Shape {
    fn payload_at(self) -> usize {
        HEADER + self.ttl
    }

    fn key_at(self) -> usize {
        self.payload_at() + self.payload + if self.key > u8::MAX as usize { 4 } else { 0 }
    }

    fn short_at(self) -> usize {
        self.key_at() + self.key
    }

    fn layout(self) -> Layout {
        Layout::from_size_align(self.short_at() + self.short, self.align).expect("an entry's size fits isize")
    }
}

/// What an entry of `form` is aligned to: a payload that is pointed at has to be, an integer is read wherever it stands.
fn align_of_form(form: u8) -> usize {
    if form <= SHORT { ALIGN } else { PAYLOAD_ALIGN }
}

/// The payload's size by `form`, looked up without a branch.
const PAYLOAD_SIZES: [u8; 16] = {
    let mut sizes = [COLLECTION_SIZE as u8; 16];
    sizes[SHORT as usize] = 0;
    sizes[INT as usize] = 8;
    sizes[LONG as usize] = size_of::<Bytes>() as u8;
    sizes
};

#[inline(always)]
fn payload_size(form: u8) -> usize {
    PAYLOAD_SIZES[usize::from(form) % PAYLOAD_SIZES.len()].into()
}

/// A borrowed entry; copied like a pointer.
#[derive(Clone, Copy)]
pub struct EntryRef<'a> {
    at: NonNull<u8>,
    life: PhantomData<&'a EntryBox>,
}

impl<'a> EntryRef<'a> {
    /// # Safety
    /// `at` comes from [`EntryBox::into_raw`], and for `'a` nobody frees or changes that entry.
    pub unsafe fn from_raw(at: NonNull<u8>) -> Self {
        Self { at, life: PhantomData }
    }

    fn byte(self, offset: usize) -> u8 {
        // SAFETY: every entry has a header of HEADER bytes, and `offset` is one of them.
        unsafe { self.at.as_ptr().add(offset).read() }
    }

    fn form(self) -> u8 {
        self.byte(0) & FORM
    }

    fn flags(self) -> u8 {
        self.byte(0) & !FORM
    }

    /// Bytes of the expiry: an entry without one is not wide.
    #[inline(always)]
    fn ttl_size(self) -> usize {
        4 * usize::from(self.byte(0) / TTL % 2 + self.byte(1) % 2)
    }

    fn shape(self) -> Shape {
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
    fn short_key(self, len: usize) -> &'a [u8] {
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
            _ => Kind::Queue,
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

    /// When something of it is due, in unix milliseconds: the key itself or, in a hash, a field.
    pub fn due_at(self) -> Option<i64> {
        let field = self.collection::<Hash>().and_then(Hash::next_expire_at);
        [self.expire_at(), field].into_iter().flatten().min()
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
    pub(super) fn fits(self, value: &[u8]) -> bool {
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
    pub(super) unsafe fn overwrite(self, value: &[u8]) {
        let at = self.shape().short_at();
        // SAFETY: as many bytes of a string stand at `short_at`; the rest is the caller's promise.
        unsafe { ptr::copy_nonoverlapping(value.as_ptr(), self.at.as_ptr().add(at), value.len()) }
    }

    /// Where it lies, for as long as it is neither changed nor moved.
    pub(super) fn address(self) -> usize {
        self.at.as_ptr() as usize
    }

    /// The snapshot generation the entry was last changed in: 0 or 1.
    pub fn generation(self) -> u8 {
        u8::from(self.flags() & GENERATION != 0)
    }

    /// Notes the generation without changing anything else. As with the access clock: whoever does holds the
    /// shard's lock, and no reference to this byte is ever handed out.
    pub(super) fn mark(self, generation: u8) {
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
    fn payload_at(self) -> usize {
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

    /// Whether it is a collection without members, which must not stay in the keyspace.
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

/// An owned entry: frees its value and itself when dropped.
pub struct EntryBox(NonNull<u8>);

// SAFETY: an EntryBox owns its allocation, and everything in it (Bytes, `Collection: Send`) is Send.
unsafe impl Send for EntryBox {}

impl EntryBox {
    /// Makes an entry with `form`, room for its payload, and the key and short value copied in.
    fn make(form: u8, key: &[u8], short: &[u8], expire_at: Option<i64>) -> Self {
        let align = align_of_form(form);
        let near = expire_at.and_then(near).filter(|_| align < PAYLOAD_ALIGN);
        let ttl = match (expire_at, near) {
            (None, _) => 0,
            (Some(_), Some(_)) => 4,
            (Some(_), None) => 8,
        };
        let shape = Shape { payload: payload_size(form), key: key.len(), short: short.len(), ttl, align };
        let layout = shape.layout();
        // SAFETY: the layout is never empty; all offsets written to lie inside it, and are aligned by Shape.
        unsafe {
            let Some(at) = NonNull::new(alloc::alloc(layout)) else { alloc::handle_alloc_error(layout) };
            let p = at.as_ptr();
            let long_key = key.len() > u8::MAX as usize;
            let flags = if ttl > 0 { TTL } else { 0 } | if long_key { LONG_KEY } else { 0 };
            let wide = if ttl == 8 { WIDE } else { 0 };
            let key_len = if long_key { 0 } else { key.len() as u8 };
            let [s0, s1] = (short.len() as u16).to_le_bytes();
            p.cast::<[u8; HEADER]>().write([form | flags, wide, 0, 0, 0, key_len, s0, s1]);
            let mut entry = EntryBox(at);
            if let Some(expire_at) = expire_at {
                entry.write_expire_at(expire_at);
            }
            if long_key {
                p.add(shape.key_at() - 4).cast::<u32>().write_unaligned(key.len() as u32);
            }
            ptr::copy_nonoverlapping(key.as_ptr(), p.add(shape.key_at()), key.len());
            ptr::copy_nonoverlapping(short.as_ptr(), p.add(shape.short_at()), short.len());
            entry
        }
    }

    /// Writes the expiry where the header says that there is one; false when it needs more room.
    fn write_expire_at(&mut self, expire_at: i64) -> bool {
        // SAFETY: with TTL a u32 stands behind the header, and a whole i64 if it is wide; we own it.
        unsafe {
            let at = self.0.as_ptr().add(HEADER);
            if self.as_ref().byte(1) & WIDE != 0 {
                at.cast::<i64>().write_unaligned(expire_at);
                return true;
            }
            let Some(near) = near(expire_at) else { return false };
            at.cast::<u32>().write(near as u32);
            self.set_byte(1, ((near >> u32::BITS) as u8) << 1);
            true
        }
    }

    /// An entry holding the string `value`, stored in the most compact way.
    pub fn string(key: &[u8], value: &[u8], expire_at: Option<i64>) -> Self {
        match number::parse_i64(value) {
            Some(n) => Self::int(key, n, expire_at),
            None => Self::text(key, value, expire_at),
        }
    }

    /// An entry holding the string `value` as text, even if it spells an integer.
    pub fn text(key: &[u8], value: &[u8], expire_at: Option<i64>) -> Self {
        if value.len() <= SHORT_MAX {
            Self::make(SHORT, key, value, expire_at)
        } else {
            Self::long(key, Bytes::copy_from_slice(value), expire_at)
        }
    }

    /// An entry holding an integer.
    pub fn int(key: &[u8], value: i64, expire_at: Option<i64>) -> Self {
        let entry = Self::make(INT, key, b"", expire_at);
        // SAFETY: INT has an i64 as its payload.
        unsafe { entry.payload().cast::<i64>().write_unaligned(value) };
        entry
    }

    /// An entry holding shared bytes, which are not copied.
    pub fn long(key: &[u8], value: Bytes, expire_at: Option<i64>) -> Self {
        let entry = Self::make(LONG, key, b"", expire_at);
        // SAFETY: LONG has a Bytes as its payload, aligned to 8.
        unsafe { entry.payload().cast::<Bytes>().write(value) };
        entry
    }

    /// An entry holding a collection.
    pub fn collection<T: Collection>(key: &[u8], value: T, expire_at: Option<i64>) -> Self {
        const { assert!(size_of::<T>() <= COLLECTION_SIZE && align_of::<T>() <= PAYLOAD_ALIGN) };
        let entry = Self::make(COLLECTION + T::KIND as u8, key, b"", expire_at);
        // SAFETY: a collection's payload has COLLECTION_SIZE bytes, and T fits them.
        unsafe { entry.payload().cast::<T>().write(value) };
        entry
    }

    /// A copy of `entry` under another key and expiry; a long string is shared.
    pub fn copy_of(entry: EntryRef<'_>, key: &[u8], expire_at: Option<i64>) -> Self {
        let mut copy = match entry.string() {
            Some(StrRef::Int(n)) => Self::int(key, n, expire_at),
            Some(StrRef::Short(text)) => Self::text(key, text, expire_at),
            Some(StrRef::Long(bytes)) => Self::long(key, bytes.clone(), expire_at),
            None => entry.copy_collection(key, expire_at),
        };
        copy.set_access(entry.access());
        if entry.flags() & RAW != 0 {
            copy.set_raw();
        }
        copy
    }

    /// Borrows it.
    pub fn as_ref(&self) -> EntryRef<'_> {
        EntryRef { at: self.0, life: PhantomData }
    }

    /// Gives up ownership.
    pub fn into_raw(self) -> NonNull<u8> {
        let at = self.0;
        std::mem::forget(self);
        at
    }

    /// # Safety
    /// `at` comes from [`EntryBox::into_raw`] and is owned by nobody else.
    pub unsafe fn from_raw(at: NonNull<u8>) -> Self {
        EntryBox(at)
    }

    fn payload(&self) -> *mut u8 {
        // SAFETY: `payload_at` lies inside the allocation, or one past its end for SHORT with nothing behind.
        unsafe { self.0.as_ptr().add(self.as_ref().payload_at()) }
    }

    fn set_byte(&mut self, offset: usize, value: u8) {
        // SAFETY: the header is HEADER bytes, `offset` is one of them, and we own it.
        unsafe { self.0.as_ptr().add(offset).write(value) }
    }

    /// Sets the 24-bit access clock.
    pub fn set_access(&mut self, access: u32) {
        let [a, b, c, _] = access.to_le_bytes();
        self.set_byte(2, a);
        self.set_byte(3, b);
        self.set_byte(4, c);
    }

    /// Sets the snapshot generation: 0 or 1.
    pub fn set_generation(&mut self, generation: u8) {
        self.as_ref().mark(generation);
    }

    /// Marks a string as changed in place, so that it reports `raw`.
    pub fn set_raw(&mut self) {
        let first = self.as_ref().byte(0) | RAW;
        self.set_byte(0, first);
    }

    /// Marks an integer as one of its own, as COPY makes them in Redis; of other values nothing changes.
    pub fn set_own(&mut self) {
        if self.as_ref().form() == INT {
            self.set_raw();
        }
    }

    /// Overwrites an integer in place; false when the value is not stored as one.
    pub fn put_int(&mut self, value: i64) -> bool {
        if self.as_ref().form() != INT {
            return false;
        }
        // SAFETY: INT has an i64 as its payload.
        unsafe { self.payload().cast::<i64>().write_unaligned(value) };
        let first = self.as_ref().byte(0) & !RAW;
        self.set_byte(0, first);
        true
    }

    /// Overwrites a string in place, when the new one is stored inside the entry too and has the
    /// same length and expiry; false otherwise, and nothing is changed.
    pub fn put_short(&mut self, value: &[u8], expire_at: Option<i64>) -> bool {
        let old = self.as_ref();
        if old.form() != SHORT || old.shape().short != value.len() || number::parse_i64(value).is_some() {
            return false;
        }
        if !self.put_expire_at(expire_at) {
            return false;
        }
        let first = self.as_ref().byte(0) & !RAW;
        self.set_byte(0, first);
        match self.short_mut() {
            Some(short) => short.copy_from_slice(value),
            None => return false,
        }
        true
    }

    /// The bytes of a string inside the entry, to be changed in place.
    pub fn short_mut(&mut self) -> Option<&mut [u8]> {
        let shape = self.as_ref().shape();
        // SAFETY: SHORT has `short` bytes at `short_at`, and we own them.
        (self.as_ref().form() == SHORT).then(|| unsafe {
            std::slice::from_raw_parts_mut(self.0.as_ptr().add(shape.short_at()), shape.short)
        })
    }

    /// Takes a long string out as a buffer that can grow, copying it only if it is shared; the
    /// entry holds an empty string until [`EntryBox::put_long`].
    pub fn take_long(&mut self) -> Option<BytesMut> {
        if self.as_ref().form() != LONG {
            return None;
        }
        // SAFETY: LONG has a Bytes as its payload, and we own it.
        let slot = unsafe { &mut *self.payload().cast::<Bytes>() };
        Some(std::mem::take(slot).try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..])))
    }

    /// Puts a long string back.
    ///
    /// # Panics
    /// When the entry does not hold a long string.
    pub fn put_long(&mut self, value: Bytes) {
        assert_eq!(self.as_ref().form(), LONG);
        // SAFETY: LONG has a Bytes as its payload, and we own it.
        unsafe { *self.payload().cast::<Bytes>() = value }
    }

    /// The collection, to be changed in place.
    pub fn collection_mut<T: Collection>(&mut self) -> Option<&mut T> {
        // SAFETY: this form is only written by `EntryBox::collection::<T>`, and we own it.
        (self.as_ref().form() == COLLECTION + T::KIND as u8)
            .then(|| unsafe { &mut *self.payload().cast::<T>() })
    }

    /// Overwrites the expiry in place; false when the entry has no room for one or must lose it.
    pub fn put_expire_at(&mut self, expire_at: Option<i64>) -> bool {
        match (self.as_ref().expire_at(), expire_at) {
            (Some(_), Some(t)) => self.write_expire_at(t),
            (None, None) => true,
            _ => false,
        }
    }

    /// The same value under another key or expiry: a new allocation, the payload moved.
    pub fn rebuilt(self, key: &[u8], expire_at: Option<i64>) -> Self {
        let old = self.as_ref();
        let (shape, form) = (old.shape(), old.form());
        let short = match old.string() {
            Some(StrRef::Short(s)) => s,
            _ => b"",
        };
        let mut new = Self::make(form, key, short, expire_at);
        new.set_access(old.access());
        let first = new.as_ref().byte(0) | old.flags() & (RAW | GENERATION);
        new.set_byte(0, first);
        // SAFETY: both payloads have `shape.payload` bytes; the old allocation is freed without dropping its
        // payload, which has moved.
        unsafe {
            ptr::copy_nonoverlapping(self.payload(), new.payload(), shape.payload);
            let at = self.into_raw();
            alloc::dealloc(at.as_ptr(), shape.layout());
        }
        new
    }

    /// Gives it, and what it holds if that is little, new allocations; it stays as it is.
    pub fn renew(&mut self) {
        const BYTES_MAX: usize = 64 * 1024;
        const WEIGHT_MAX: usize = 64;
        let old = self.as_ref();
        let mut new = match (old.string(), old.kind()) {
            (Some(StrRef::Long(bytes)), _) if bytes.len() <= BYTES_MAX => {
                Self::long(old.key(), Bytes::copy_from_slice(bytes), old.expire_at())
            }
            // Queues and streams know of themselves where they stand, or are large.
            (None, Kind::List | Kind::Set | Kind::Sorted | Kind::Hash) if old.weight() <= WEIGHT_MAX => {
                old.copy_collection(old.key(), old.expire_at())
            }
            _ => return self.renew_self(),
        };
        new.set_access(old.access());
        let first = new.as_ref().byte(0) | old.flags() & (RAW | GENERATION);
        new.set_byte(0, first);
        *self = new;
    }

    /// Moves its own bytes to a new allocation.
    fn renew_self(&mut self) {
        let layout = self.as_ref().shape().layout();
        // SAFETY: both allocations have this layout; the old one is freed without dropping its payload, which has
        // moved with all other bytes.
        unsafe {
            let Some(at) = NonNull::new(alloc::alloc(layout)) else { alloc::handle_alloc_error(layout) };
            ptr::copy_nonoverlapping(self.0.as_ptr(), at.as_ptr(), layout.size());
            let old = std::mem::replace(&mut self.0, at);
            alloc::dealloc(old.as_ptr(), layout);
        }
    }

    /// The same value with another expiry, in place where possible.
    pub fn with_expire_at(mut self, expire_at: Option<i64>) -> Self {
        if self.put_expire_at(expire_at) {
            return self;
        }
        let key = self.as_ref().key().to_vec();
        self.rebuilt(&key, expire_at)
    }
}

impl Drop for EntryBox {
    fn drop(&mut self) {
        let layout = self.as_ref().shape().layout();
        // SAFETY: we own the payload and the allocation, which was made with this layout.
        unsafe {
            match self.as_ref().form() {
                INT | SHORT => {}
                LONG => ptr::drop_in_place(self.payload().cast::<Bytes>()),
                _ => drop_collection(self.as_ref().kind(), self.payload()),
            }
            alloc::dealloc(self.0.as_ptr(), layout);
        }
    }
}

/// Declares the collection types, and makes from the list what has to tell them apart.
macro_rules! collections {
    ($($type:ty),* $(,)?) => {
        /// # Safety
        /// `at` is the payload of an owned entry of `kind`.
        unsafe fn drop_collection(kind: Kind, at: *mut u8) {
            $(if kind == <$type>::KIND {
                // SAFETY: the payload of this kind is a value of this type.
                return unsafe { ptr::drop_in_place(at.cast::<$type>()) };
            })*
            unreachable!("{kind:?} is not a collection ({at:p})")
        }

        impl<'a> EntryRef<'a> {
            fn details(self) -> &'a dyn Details {
                $(if let Some(value) = self.collection::<$type>() {
                    return value;
                })*
                unreachable!("{:?} is not a collection", self.kind())
            }

            fn copy_collection(self, key: &[u8], expire_at: Option<i64>) -> EntryBox {
                $(if let Some(value) = self.collection::<$type>() {
                    return EntryBox::collection(key, value.clone(), expire_at);
                })*
                unreachable!("{:?} is not a collection", self.kind())
            }
        }
    };
}

collections! {
    Hash,
    crate::types::List,
    crate::types::Queue,
    crate::types::Set,
    crate::types::Sorted,
    crate::types::Stream,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_stored_compactly_and_read_back() {
        let long = vec![b'v'; SHORT_MAX + 1];
        let long_key = vec![b'k'; 300];
        for key in [&b"k"[..], b"", &long_key] {
            let times = [1_700_000_000_000, 1_800_000_000_000, NEAR_FROM_MS, i64::MIN, i64::MAX];
            for expire_at in std::iter::once(None).chain(times.map(Some)) {
                for value in [&b""[..], b"12345", b"-9223372036854775808", b"012", b"text", &long] {
                    let entry = EntryBox::string(key, value, expire_at);
                    assert_eq!(entry.as_ref().expire_at(), expire_at);
                    let entry = entry.with_expire_at(Some(5)).with_expire_at(Some(NEAR_FROM_MS + (1 << 38)));
                    assert_eq!(entry.as_ref().expire_at(), Some(NEAR_FROM_MS + (1 << 38)));
                    let entry = entry.with_expire_at(expire_at);
                    assert_eq!(entry.as_ref().key(), key);
                    assert_eq!(entry.as_ref().expire_at(), expire_at);
                    assert_eq!(entry.as_ref().string().unwrap().to_vec(), value);
                    assert_eq!(entry.as_ref().kind(), Kind::String);
                }
            }
        }
        let memory =
            |value: &[u8], expire_at| EntryBox::string(&[b'k'; 16], value, expire_at).as_ref().memory();
        assert_eq!(memory(&[b'v'; 64], None), 88);
        assert_eq!(memory(&[b'v'; 64], Some(1_800_000_000_000)), 92);
        assert_eq!((memory(b"12345", None), memory(b"12345", Some(1_800_000_000_000))), (32, 36));
    }

    #[test]
    fn a_shared_value_is_copied_only_when_somebody_reads_it() {
        let mut entry = EntryBox::string(b"k", &vec![b'v'; 2 * SHORT_MAX], None);
        let Some(StrRef::Long(reader)) = entry.as_ref().string() else { panic!("long") };
        let reader = reader.clone();
        let mut bytes = entry.take_long().unwrap();
        bytes.extend_from_slice(b"more");
        entry.put_long(bytes.freeze());
        assert_eq!(reader.len(), 2 * SHORT_MAX);
        assert_eq!(entry.as_ref().string().unwrap().len(), 2 * SHORT_MAX + 4);
    }

    #[test]
    fn a_renewed_entry_is_the_same_elsewhere() {
        let mut set = crate::types::Set::default();
        set.insert(b"member", &crate::types::Packing::default());
        let long = vec![b'v'; SHORT_MAX + 1];
        for expire_at in [None, Some(7)] {
            for mut entry in [
                EntryBox::string(b"key", b"value", expire_at),
                EntryBox::string(&[b'k'; 300], b"12345", expire_at),
                EntryBox::string(b"key", &long, expire_at),
                EntryBox::collection(b"key", set.clone(), expire_at),
                EntryBox::collection(b"key", crate::types::Queue::default(), expire_at),
            ] {
                entry.set_access(0xABCDEF);
                entry.set_generation(1);
                entry.set_raw();
                let tell = |entry: EntryRef<'_>| {
                    let value = (entry.string().map(StrRef::to_vec), entry.kind(), entry.encoding());
                    let rest = (entry.access(), entry.generation(), entry.expire_at(), entry.flags());
                    (entry.key().to_vec(), value, rest, entry.memory())
                };
                let (at, told) = (entry.0, tell(entry.as_ref()));
                entry.renew();
                assert_ne!(entry.0, at);
                assert_eq!(tell(entry.as_ref()), told);
            }
        }
    }

    #[test]
    fn the_access_clock_and_flags_survive_a_rebuild() {
        let mut entry = EntryBox::text(b"k", b"v", None);
        entry.set_access(0xABCDEF);
        entry.set_generation(1);
        entry.set_raw();
        let entry = entry.rebuilt(b"another", Some(7));
        assert_eq!((entry.as_ref().access(), entry.as_ref().generation()), (0xABCDEF, 1));
        assert_eq!(entry.as_ref().encoding(), "raw");
    }
}
