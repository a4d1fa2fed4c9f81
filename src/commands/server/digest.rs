//! DEBUG DIGEST and DIGEST-VALUE: what data sets are compared by, byte for byte as Redis makes it.
//!
//! ```text
//! data set   for each database with keys: mix its number; xor the digest of each key
//! key        mix the key, then its value
//! value      mix the type; then
//!   string     mix the text
//!   list       mix each element
//!   set        xor each member
//!   sorted     xor, for each member: mix the member, mix the score in its shortest digits (since Redis 7.2)
//!   hash       xor, for each field: mix the field, mix the value, xor "!!hexpire!!" if it expires
//!   stream     mix, for each entry: id as ms.seq, fields and values
//!   vectors    xor the xor of: mix the number of elements, mix the dimensions;
//!              for each element: mix the vector as it is kept, mix the name, mix the attributes if there are any
//!              xor "!!expire!!" if the key expires
//! ```
//! To xor is to xor the SHA1 into the digest, to mix is to do that and take the SHA1 of the result: what
//! has an order is mixed, what has none is xored.

use crate::base::number;
use crate::keyspace::table::Table;
use crate::keyspace::{EntryRef, Kind, StrRef};
use crate::types::stream::Id;
use crate::types::{Hash, List, Set, Sorted, Stream, VectorSet};
use sha1::{Digest as _, Sha1};

/// A digest of data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest([u8; 20]);

impl Digest {
    fn xor(&mut self, bytes: &[u8]) {
        self.join(Digest(Sha1::digest(bytes).into()));
    }

    fn mix(&mut self, bytes: &[u8]) {
        self.xor(bytes);
        self.0 = Sha1::digest(self.0).into();
    }

    fn join(&mut self, other: Digest) {
        self.0.iter_mut().zip(other.0).for_each(|(byte, other)| *byte ^= other);
    }

    /// In hexadecimal digits.
    pub fn hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The digest of the whole data set, shard by shard.
#[derive(Debug, Default)]
pub struct Whole {
    databases: Vec<Option<Digest>>,
}

impl Whole {
    /// Adds what is in the `tables` of a shard at `now_ms`.
    pub fn add(&mut self, tables: &[Table], now_ms: i64) {
        self.databases.resize(tables.len(), None);
        for (table, sum) in tables.iter().zip(&mut self.databases) {
            for entry in table.iter().filter(|entry| entry.expire_at().is_none_or(|at| at > now_ms)) {
                let mut digest = Digest::default();
                digest.mix(entry.key());
                mix_value(&mut digest, entry);
                sum.get_or_insert(Digest::default()).xor(&digest.0);
            }
        }
    }

    /// The digest of all that was added.
    pub fn digest(self) -> Digest {
        let mut whole = Digest::default();
        for (db, sum) in self.databases.into_iter().enumerate() {
            if let Some(sum) = sum {
                whole.mix(&(db as u32).to_be_bytes());
                whole.join(sum);
            }
        }
        whole
    }
}

/// The digest of a value, without its key.
pub fn of_value(entry: EntryRef<'_>) -> Digest {
    let mut digest = Digest::default();
    mix_value(&mut digest, entry);
    digest
}

fn mix_value(digest: &mut Digest, entry: EntryRef<'_>) {
    let number: u32 = match entry.kind() {
        Kind::String => 0,
        Kind::List => 1,
        Kind::Set => 2,
        Kind::Sorted => 3,
        Kind::Hash => 4,
        Kind::Queue | Kind::VectorSet => 5,
        Kind::Stream => 6,
    };
    digest.mix(&number.to_be_bytes());
    if let Some(text) = entry.string() {
        StrRef::with(text, |text| digest.mix(text));
    } else if let Some(list) = entry.collection::<List>() {
        list.iter().for_each(|element| digest.mix(element.text().as_bytes()));
    } else if let Some(set) = entry.collection::<Set>() {
        set.iter().for_each(|member| digest.xor(member.text().as_bytes()));
    } else if let Some(sorted) = entry.collection::<Sorted>() {
        let mut text = Vec::new();
        for (member, score) in sorted.iter(0..sorted.len(), false) {
            let mut element = Digest::default();
            element.mix(member.text().as_bytes());
            text.clear();
            number::format_shortest(score, &mut text);
            element.mix(&text);
            digest.xor(&element.0);
        }
    } else if let Some(hash) = entry.collection::<Hash>() {
        for f in hash.iter() {
            let mut element = Digest::default();
            element.mix(f.field.text().as_bytes());
            element.mix(f.value.text().as_bytes());
            if f.expire_at.is_some() {
                element.xor(b"!!hexpire!!");
            }
            digest.xor(&element.0);
        }
    } else if let Some(stream) = entry.collection::<Stream>() {
        for entry in stream.range(Id::MIN, Id::MAX) {
            digest.mix(format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
            for (field, value) in entry.pairs() {
                digest.mix(field.text().as_bytes());
                digest.mix(value.text().as_bytes());
            }
        }
    } else if let Some(set) = entry.collection::<VectorSet>() {
        let mut sum = Digest::default();
        let mut head = Digest::default();
        head.mix(set.len().to_string().as_bytes());
        head.mix(set.shape().dim.to_string().as_bytes());
        sum.xor(&head.0);
        for element in set.iter() {
            let mut digest = Digest::default();
            digest.mix(&element.raw.bytes);
            digest.mix(element.name.text().as_bytes());
            element.attributes.inspect(|attributes| digest.mix(attributes));
            sum.xor(&digest.0);
        }
        digest.xor(&sum.0);
    }
    if entry.expire_at().is_some() {
        digest.xor(b"!!expire!!");
    }
}
