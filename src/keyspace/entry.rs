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

mod borrowed;
mod owned;
#[cfg(test)]
mod tests;

pub use borrowed::EntryRef;
pub use owned::EntryBox;

use crate::base::number;
use crate::types::Hash;
use bytes::Bytes;
use std::alloc::Layout;
use std::mem::size_of;
use std::ptr;

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
    /// `vectorset`
    VectorSet,
}

impl Kind {
    /// All types, in the order of their numbers.
    pub const ALL: [Kind; 8] = [
        Kind::String,
        Kind::List,
        Kind::Set,
        Kind::Sorted,
        Kind::Hash,
        Kind::Stream,
        Kind::Queue,
        Kind::VectorSet,
    ];

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
            Kind::VectorSet => "vectorset",
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
    crate::types::VectorSet,
}
