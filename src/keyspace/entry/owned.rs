//! An entry as it is made, changed and freed.

use super::{
    COLLECTION, COLLECTION_SIZE, Collection, EntryRef, GENERATION, HEADER, INT, Kind, LONG, LONG_KEY,
    PAYLOAD_ALIGN, RAW, SHORT, SHORT_MAX, Shape, StrRef, TTL, WIDE, align_of_form, drop_collection, near,
    payload_size,
};
use crate::base::number;
use bytes::{Bytes, BytesMut};
use std::alloc;
use std::marker::PhantomData;
use std::mem::{align_of, size_of};
use std::ptr::{self, NonNull};

/// An owned entry: frees its value and itself when dropped.
pub struct EntryBox(pub(super) NonNull<u8>);

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

    /// As [`EntryBox::text`] without an expiry, of a value that need not be copied where it is long.
    pub fn built(key: &[u8], value: Vec<u8>) -> Self {
        if value.len() <= SHORT_MAX {
            Self::make(SHORT, key, &value, None)
        } else {
            Self::long(key, value.into(), None)
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
