//! The large form of a hash: a [`Table`] of fields with values, and an index of those that expire.
//!
//! ```text
//!  a record, and one whose field expires
//! ┌───────┬───────┐   ┌──────┬──────────────┬───────┬───────┐
//! │ field │ value │   │ 0xF8 │ ms, 6 bytes  │ field │ value │
//! └───────┴───────┘   └──────┴──────────────┴───────┴───────┘
//! ```
//! The index is ordered by time and names a field by its hash: the field whose hash and time agree.

use super::super::footprint::btree;
use super::super::item::{Item, Needle, size_of_first};
use super::super::table::{self, Key, Place, Record, Table};
use super::FieldRef;
use std::collections::BTreeSet;

/// The first byte of a record whose field expires.
const EXPIRES: u8 = 0xF8;
const PREFIX: usize = 7;
/// The latest time a field can expire at, in unix milliseconds, as in Redis.
pub(super) const EXPIRE_MAX: i64 = (1 << 46) - 1;

#[derive(Clone)]
struct Field;

impl Record for Field {
    fn key_at(bytes: &[u8]) -> usize {
        if bytes[0] == EXPIRES { PREFIX } else { 0 }
    }

    fn size(bytes: &[u8]) -> usize {
        let value_at = value_at(bytes);
        value_at + size_of_first(&bytes[value_at..])
    }
}

fn value_at(record: &[u8]) -> usize {
    let field_at = Field::key_at(record);
    field_at + size_of_first(&record[field_at..])
}

fn expire_at(record: &[u8]) -> Option<i64> {
    match *record {
        [EXPIRES, a, b, c, d, e, f, ..] => Some(i64::from_le_bytes([a, b, c, d, e, f, 0, 0])),
        _ => None,
    }
}

fn write_expire_at(record: &mut [u8], ms: i64) {
    record[0] = EXPIRES;
    record[1..PREFIX].copy_from_slice(&ms.clamp(0, EXPIRE_MAX).to_le_bytes()[..6]);
}

fn parse(record: &[u8]) -> FieldRef<'_> {
    let field = &record[Field::key_at(record)..];
    let (field, size) = Item::decode(field);
    let value = Item::decode(&record[Field::key_at(record) + size..]).0;
    FieldRef { field, value, expire_at: expire_at(record) }
}

/// Fields and values, with those that expire in order of time.
#[derive(Clone)]
pub(super) struct Fields {
    table: Table<Field>,
    /// When each expiring field does, and its hash.
    expiries: BTreeSet<(i64, u64)>,
}

impl Fields {
    /// No fields yet, and room for `fields` that take `bytes` together.
    pub(super) fn new(fields: usize, bytes: usize) -> Self {
        Fields { table: Table::new(fields, bytes), expiries: BTreeSet::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn memory(&self) -> usize {
        size_of::<Self>() - size_of::<Table<Field>>()
            + self.table.memory()
            + btree::<(i64, u64)>(self.expiries.len())
    }

    pub(super) fn weight(&self) -> usize {
        self.table.weight() + self.expiries.len() / 8
    }

    /// Begins to bring the bucket where `field` is looked for into the cache; returns its hash.
    pub(super) fn prefetch_bucket(&self, field: Item<'_>) -> u64 {
        let hash = table::hash(field);
        self.table.prefetch_bucket(hash);
        hash
    }

    /// Likewise what that bucket, which should be there, leads to.
    pub(super) fn prefetch_record(&self, hash: u64) {
        self.table.prefetch_record(hash);
    }

    pub(super) fn get(&self, field: Item<'_>) -> Option<FieldRef<'_>> {
        let place = self.table.find(&Key::new(field))?;
        Some(parse(self.table.get(place)))
    }

    /// Sets `field` to `value`; true when the field is new.
    pub(super) fn set(&mut self, field: Item<'_>, value: Item<'_>, keep_expiry: bool) -> bool {
        let (key, value) = (Key::new(field), Needle::new(value));
        let Some(place) = self.table.find(&key) else {
            self.add(&key, &value, None);
            return true;
        };
        let record = self.table.get(place);
        let (at, size, expire_at) = (value_at(record), Field::size(record), expire_at(record));
        if (keep_expiry || expire_at.is_none()) && at + value.size() <= size {
            value.write(&mut self.table.get_mut(place)[at..]);
            self.table.shrunk(place, size - at - value.size());
            return false;
        }
        self.forget(place, key.hash());
        self.add(&key, &value, expire_at.filter(|_| keep_expiry));
        false
    }

    fn add(&mut self, key: &Key<'_>, value: &Needle<'_>, expire_at: Option<i64>) {
        let prefix = if expire_at.is_some() { PREFIX } else { 0 };
        self.table.insert(key, prefix + key.needle.size() + value.size(), |record| {
            if let Some(ms) = expire_at {
                write_expire_at(record, ms);
            }
            let size = key.needle.write(&mut record[prefix..]);
            value.write(&mut record[prefix + size..]);
        });
        if let Some(ms) = expire_at {
            self.expiries.insert((ms, key.hash()));
        }
    }

    /// Removes the record at `place`, and its entry in the index.
    fn forget(&mut self, place: Place, hash: u64) {
        if let Some(ms) = expire_at(self.table.get(place)) {
            self.expiries.remove(&(ms, hash));
        }
        self.table.remove(place);
    }

    pub(super) fn remove(&mut self, field: Item<'_>) -> bool {
        let key = Key::new(field);
        let found = self.table.find(&key);
        found.is_some_and(|place| {
            self.forget(place, key.hash());
            true
        })
    }

    /// Sets or clears when `field` expires; false when there is no such field.
    pub(super) fn set_expire_at(&mut self, field: Item<'_>, at: Option<i64>) -> bool {
        let key = Key::new(field);
        let Some(place) = self.table.find(&key) else { return false };
        let record = self.table.get(place);
        match (expire_at(record), at) {
            (Some(old), Some(new)) => {
                self.expiries.remove(&(old, key.hash()));
                self.expiries.insert((new, key.hash()));
                write_expire_at(self.table.get_mut(place), new);
            }
            (None, None) => {}
            _ => {
                let value = record[value_at(record)..Field::size(record)].to_vec();
                self.forget(place, key.hash());
                self.add(&key, &Needle::new(Item::decode(&value).0), at);
            }
        }
        true
    }

    /// When the next field expires.
    pub(super) fn next_expire_at(&self) -> Option<i64> {
        self.expiries.first().map(|(ms, _)| *ms)
    }

    pub(super) fn last_expire_at(&self) -> Option<i64> {
        self.expiries.last().map(|(ms, _)| *ms)
    }

    /// Removes the field that expires next, after showing it to `visit`.
    pub(super) fn remove_next(&mut self, visit: impl FnOnce(FieldRef<'_>)) {
        let Some((ms, hash)) = self.expiries.pop_first() else { return };
        let found = self.table.find_by_hash(hash, |record| expire_at(record) == Some(ms));
        if let Some(place) = found {
            visit(parse(self.table.get(place)));
            self.table.remove(place);
        }
    }

    pub(super) fn expiring(&self) -> usize {
        self.expiries.len()
    }

    /// How many are due at `now_ms`.
    pub(super) fn due(&self, now_ms: i64) -> usize {
        self.expiries.range(..=(now_ms, u64::MAX)).count()
    }

    pub(super) fn random(&self) -> Option<FieldRef<'_>> {
        self.table.random().map(|place| parse(self.table.get(place)))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = FieldRef<'_>> {
        self.table.iter().map(parse)
    }

    pub(super) fn scan(&self, cursor: u64, mut visit: impl FnMut(FieldRef<'_>)) -> u64 {
        self.table.scan(cursor, |record| visit(parse(record)))
    }
}
