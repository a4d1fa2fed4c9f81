//! One value, without its key: what a record of a file and a payload of DUMP have in common.

mod hash;
mod list;
mod module;
mod queue;
mod set;
mod sorted;
mod stream;
#[cfg(test)]
mod tests;
mod vectors;

pub use module::{name as module_name, skip_parts as skip_module_parts};

use super::kind;
use super::reader::{Damage, Fault, Reader};
use super::writer::{self, Output};
use crate::keyspace::cut::Resume;
use crate::keyspace::{EntryBox, EntryRef, Kind, SHORT_MAX, StrRef};
use crate::types::{Hash, Item, List, Packing, Queue, Set, Sorted, Stream, VectorSet};
use bytes::Bytes;
use smallvec::SmallVec;

/// The text of most strings, without an allocation of its own.
pub type Text = SmallVec<[u8; 64]>;

/// A value that was read, and belongs to no key yet.
#[derive(Clone)]
pub enum Value {
    /// A string.
    Text(Text),
    /// A string that was stored as an integer.
    Int(i64),
    /// A list.
    List(List),
    /// A set.
    Set(Set),
    /// A sorted set.
    Sorted(Sorted),
    /// A hash.
    Hash(Hash),
    /// A stream.
    Stream(Stream),
    /// A queue.
    Queue(Queue),
    /// A vector set.
    Vectors(VectorSet),
}

impl Value {
    /// The entry that holds it under `key`.
    pub fn into_entry(self, key: &[u8], expire_at: Option<i64>) -> EntryBox {
        match self {
            Value::Text(text) if text.len() > SHORT_MAX => {
                EntryBox::long(key, Bytes::from(text.into_vec()), expire_at)
            }
            Value::Text(text) => EntryBox::string(key, &text, expire_at),
            Value::Int(n) => EntryBox::int(key, n, expire_at),
            Value::List(list) => EntryBox::collection(key, list, expire_at),
            Value::Set(set) => EntryBox::collection(key, set, expire_at),
            Value::Sorted(sorted) => EntryBox::collection(key, sorted, expire_at),
            Value::Hash(hash) => EntryBox::collection(key, hash, expire_at),
            Value::Stream(stream) => EntryBox::collection(key, stream, expire_at),
            Value::Queue(queue) => EntryBox::collection(key, queue, expire_at),
            Value::Vectors(set) => EntryBox::collection(key, set, expire_at),
        }
    }
}

/// The kind that keeps everything about `entry`, and of those the one that the most servers read.
pub fn kind_byte(entry: EntryRef<'_>) -> u8 {
    match entry.kind() {
        Kind::String => kind::STRING,
        Kind::List => kind::LIST_QUICKLIST_2,
        Kind::Set => entry.collection().map_or(kind::SET, set::kind_byte),
        Kind::Sorted => entry.collection().map_or(kind::SORTED, sorted::kind_byte),
        Kind::Hash => entry.collection().map_or(kind::HASH, hash::kind_byte),
        Kind::Stream => entry.collection().map_or(kind::STREAM_3, stream::kind_byte),
        // A queue is written as the value of a module of Synap's, a vector set as that of one of Redis'.
        Kind::Queue | Kind::VectorSet => kind::MODULE,
    }
}

/// The kind that Redis 8 gives a value of the encoding that `entry` tells.
pub fn present_kind(entry: EntryRef<'_>) -> u8 {
    match kind_byte(entry) {
        kind::SET if entry.encoding() == "listpack" => kind::SET_LISTPACK,
        kind::STREAM_2 => kind::STREAM_3,
        kind => kind,
    }
}

/// The kind for `entry` in a file of this version; `None` when that cannot tell that fields expire, or its readers do not
/// have the type: no other server has queues, Redis has vector sets from 8.0 on.
///
/// Version 10 does not tell when consumers of a stream were active, and makes an intset of a listpack of
/// integers.
pub fn kind_for(entry: EntryRef<'_>, version: u16) -> Option<u8> {
    let best = kind_byte(entry);
    match entry.kind() {
        Kind::Queue => return None,
        Kind::VectorSet => return (kind::PRESENT..kind::VALKEY).contains(&version).then_some(best),
        _ if kind::belongs_to(best, version) => return Some(best),
        _ => {}
    }
    match best {
        kind::SET_LISTPACK => Some(kind::SET),
        kind::STREAM_4 if kind::belongs_to(kind::STREAM_3, version) => Some(kind::STREAM_3),
        kind::STREAM_3 | kind::STREAM_4 => Some(kind::STREAM_2),
        kind::HASH_EXPIRING | kind::HASH_EXPIRING_LISTPACK => {
            let expires = entry.collection::<Hash>().is_some_and(|hash| hash.next_expire_at().is_some());
            match (expires, version) {
                (false, _) => Some(kind::HASH),
                (true, kind::VALKEY..) => Some(kind::HASH_EXPIRING_VALKEY),
                (true, _) => None,
            }
        }
        _ => None,
    }
}

/// Appends the value of `entry` in the form of its [`kind_byte`].
pub fn write(entry: EntryRef<'_>, out: &mut Vec<u8>) {
    write_as(kind_byte(entry), entry, &mut Output::plain(out));
}

/// Appends the value of `entry` in the form of `kind`, one that its type has.
pub fn write_as(kind: u8, entry: EntryRef<'_>, out: &mut Output<'_>) {
    match entry.string() {
        Some(StrRef::Int(n)) => return writer::put_int(n, out),
        // Longer texts are none that have an integer encoding.
        Some(StrRef::Short(text)) if text.len() <= 11 => return writer::put_string(text, out),
        Some(StrRef::Short(text)) => return out.text(text),
        Some(StrRef::Long(text)) => return out.text(text),
        None => {}
    }
    if let Some(list) = entry.collection() {
        list::write(list, out);
    } else if let Some(set) = entry.collection() {
        set::write(kind, set, out);
    } else if let Some(sorted) = entry.collection() {
        sorted::write(kind, sorted, out);
    } else if let Some(hash) = entry.collection() {
        hash::write(kind, hash, out);
    } else if let Some(stream) = entry.collection() {
        stream::write(kind, stream, out);
    } else if let Some(queue) = entry.collection() {
        queue::write(queue, out);
    } else if let Some(set) = entry.collection() {
        vectors::write(set, out);
    }
}

/// Appends a part of the value of `entry` in the form of its [`kind_byte`]: about `limit` elements from `resume` on. True
/// when that was the last. Types that are never cut are written whole.
pub fn write_some(entry: EntryRef<'_>, resume: &mut Resume, limit: usize, out: &mut Vec<u8>) -> bool {
    let (kind, out) = (kind_byte(entry), &mut Output::plain(out));
    let is_whole = match kind {
        kind::LIST_QUICKLIST_2 => entry.collection().map(|list| list::write_some(list, resume, limit, out)),
        kind::SET => entry.collection().map(|set| set::write_some(set, resume, limit, out)),
        kind::SORTED => entry.collection().map(|sorted| sorted::write_some(sorted, resume, limit, out)),
        kind::HASH | kind::HASH_EXPIRING => {
            entry.collection().map(|hash| hash::write_some(kind, hash, resume, limit, out))
        }
        kind::MODULE => entry.collection().map(|set| vectors::write_some(set, resume, limit, out)),
        _ => None,
    };
    resume.begun = true;
    is_whole.unwrap_or_else(|| {
        write_as(kind, entry, out);
        true
    })
}

/// Reads a value of this kind.
///
/// # Errors
/// [`Damage`] if it is malformed in any way. With [`Fault::Module`] and [`Fault::Empty`] the reader
/// stands behind the value, and reading may go on.
pub fn read(kind: u8, input: &mut Reader<'_>, packing: &Packing) -> Result<Value, Damage> {
    let of_packed;
    let packing = match kind {
        kind::SET_LISTPACK
        | kind::SORTED_LISTPACK
        | kind::SORTED_ZIPLIST
        | kind::HASH_LISTPACK
        | kind::HASH_ZIPLIST
        | kind::HASH_EXPIRING_LISTPACK => {
            of_packed = packing.of_packed();
            &of_packed
        }
        _ => packing,
    };
    Ok(match kind {
        kind::STRING => {
            return input.string_or_int(|text| match text {
                Err(n) => Value::Int(n),
                Ok(std::borrow::Cow::Owned(text)) => Value::Text(text.into()),
                Ok(text) => Value::Text(Text::from_slice(&text)),
            });
        }
        kind::LIST | kind::LIST_ZIPLIST | kind::LIST_QUICKLIST | kind::LIST_QUICKLIST_2 => {
            Value::List(list::read(kind, input, packing)?)
        }
        kind::SET | kind::SET_INTSET | kind::SET_LISTPACK => Value::Set(set::read(kind, input, packing)?),
        kind::SORTED_TEXT | kind::SORTED | kind::SORTED_ZIPLIST | kind::SORTED_LISTPACK => {
            Value::Sorted(sorted::read(kind, input, packing)?)
        }
        kind::HASH | kind::HASH_ZIPMAP | kind::HASH_ZIPLIST | kind::HASH_LISTPACK => {
            Value::Hash(hash::read(kind, input, packing)?)
        }
        kind::HASH_EXPIRING
        | kind::HASH_EXPIRING_OLD
        | kind::HASH_EXPIRING_VALKEY
        | kind::HASH_EXPIRING_LISTPACK
        | kind::HASH_EXPIRING_LISTPACK_OLD => Value::Hash(hash::read_expiring(kind, input, packing)?),
        kind::STREAM | kind::STREAM_2 | kind::STREAM_3 | kind::STREAM_4 => {
            Value::Stream(stream::read(kind, input, packing)?)
        }
        kind::MODULE => {
            let id = input.length()?;
            if id == queue::ID {
                return queue::read(input).map(Value::Queue);
            }
            if id == vectors::ID {
                return vectors::read(input).map(Value::Vectors);
            }
            module::skip_parts(input)?;
            return Err(input.fault(Fault::Module(module::name(id))));
        }
        _ => return Err(input.fault(Fault::Kind(kind))),
    })
}

/// Shows `f` the elements of the packed form that is the next string.
fn with_packed<R>(
    input: &mut Reader<'_>,
    parse: fn(&[u8]) -> Result<Vec<Item<'_>>, &'static str>,
    f: impl FnOnce(Vec<Item<'_>>) -> Result<R, &'static str>,
) -> Result<R, Damage> {
    let text = input.string()?;
    let result = match parse(&text) {
        Ok(items) if items.is_empty() => Err(Fault::Empty),
        items => items.and_then(f).map_err(Fault::Malformed),
    };
    drop(text);
    result.map_err(|fault| input.fault(fault))
}
