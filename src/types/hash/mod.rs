//! The hash: fields with values in a [`Packed`] list, and from a certain size on in a hash table.
//!
//! | form | elements | OBJECT ENCODING |
//! |---|---|---|
//! | `Packed` | field, value, in order of insertion | `listpack` |
//! | `Expiring` | field, value, unix ms or 0; the soonest first, those that never expire last | `listpackex` |
//! | `Table` | see [`table`] | `hashtable` |
//!
//! A hash becomes `Expiring` when a field first gets a time to live, and a `Table` when it passes
//! `hash-max-listpack-entries` or a text passes `hash-max-listpack-value`; it never goes back.
//! Fields past their time are there until somebody removes them: see [`Hash::remove_due`] and [`Live`].

mod live;
mod table;

use super::forms::forms;
use super::item::Item;
use super::{At, Packed, PackedIter, Packing};
use crate::base::random;
pub use live::Live;
use table::Fields;

/// The latest time a field can expire at, in unix milliseconds.
pub const FIELD_EXPIRE_MAX: i64 = table::EXPIRE_MAX;

/// A map from fields to values.
#[derive(Clone)]
pub struct Hash(Forms);

forms! { Packed(Packed), Expiring(Packed); Table(Fields) }

/// A field of a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldRef<'a> {
    /// Its name.
    pub field: Item<'a>,
    /// Its value.
    pub value: Item<'a>,
    /// When it expires, in unix milliseconds.
    pub expire_at: Option<i64>,
}

/// Bytes in a table's arena to expect for a field and its value when nothing is known of them.
const RECORD_BYTES: usize = 24;

impl Default for Hash {
    fn default() -> Self {
        Self::new()
    }
}

fn limit(setting: i64) -> usize {
    usize::try_from(setting).unwrap_or(0)
}

/// The fields of a list whose elements come in groups of `STEP`: 2 with values only, 3 with times.
struct FieldsOf<'a, const STEP: usize>(PackedIter<'a, false>);

fn fields_of<const STEP: usize>(list: &Packed) -> FieldsOf<'_, STEP> {
    FieldsOf(list.iter())
}

impl<'a, const STEP: usize> Iterator for FieldsOf<'a, STEP> {
    type Item = FieldRef<'a>;

    fn next(&mut self) -> Option<FieldRef<'a>> {
        let (field, value) = (self.0.next()?, self.0.next()?);
        let expire_at = if STEP == 3 { self.0.next().and_then(time_of) } else { None };
        Some(FieldRef { field, value, expire_at })
    }

    /// Those before are passed over without being read.
    fn nth(&mut self, n: usize) -> Option<FieldRef<'a>> {
        if n > 0 {
            self.0.nth(STEP * n - 1);
        }
        self.next()
    }
}

/// The time that the third element of a field stands for.
fn time_of(item: Item<'_>) -> Option<i64> {
    item.as_int().filter(|ms| *ms != 0)
}

/// The field of an `Expiring` list at `at`.
fn field_at(list: &Packed, at: At) -> Option<FieldRef<'_>> {
    let mut items = list.iter_from(at);
    let (field, value, time) = (items.next()?, items.next()?, items.next()?);
    Some(FieldRef { field, value, expire_at: time_of(time) })
}

/// Where in an `Expiring` list a field belongs that expires at `expire_at`: behind those that do earlier.
fn place_for(list: &Packed, expire_at: Option<i64>) -> At {
    let mut at = list.first();
    while let (Some(place), Some(ms)) = (at, expire_at) {
        let time_at = time_behind(list, place);
        match time_at.and_then(|at| time_of(list.get(at))) {
            Some(other) if other < ms => at = time_at.and_then(|at| list.next(at)),
            _ => return place,
        }
    }
    list.end()
}

/// Where the time of the field at `at` stands in an `Expiring` list.
fn time_behind(list: &Packed, at: At) -> Option<At> {
    list.next(at).and_then(|value| list.next(value))
}

impl Hash {
    /// An empty hash, without an allocation.
    pub fn new() -> Self {
        Hash(Form::Packed(Packed::new()).into())
    }

    /// Prepares for `fields` to be set by one command: takes the form that so many would need even if
    /// some prove to be there already.
    pub fn expect(&mut self, fields: usize, packing: &Packing) {
        if fields > limit(packing.hash_max_listpack_entries()) {
            self.widen();
        }
    }

    fn widen(&mut self) {
        if matches!(self.0.view(), View::Table(_)) {
            return;
        }
        let mut fields = Fields::new(self.len() + 1, (self.len() + 1) * RECORD_BYTES);
        for f in self.iter() {
            fields.set(f.field, f.value, false);
            if f.expire_at.is_some() {
                fields.set_expire_at(f.field, f.expire_at);
            }
        }
        self.0 = Form::Table(Box::new(fields)).into();
    }

    /// The list of a packed form and how many elements make up a field.
    fn list(&self) -> Option<(&Packed, usize)> {
        match self.0.view() {
            View::Packed(list) => Some((list, 2)),
            View::Expiring(list) => Some((list, 3)),
            View::Table(_) => None,
        }
    }

    /// The elements of a packed form, as the table above has them.
    pub fn packed_items(&self) -> Option<PackedIter<'_, false>> {
        self.list().map(|(list, _)| list.iter())
    }

    /// Begins to bring the place where `field` is looked for into the cache; returns a hash for [`Self::prefetch_record`].
    /// `None` in a small form, of which there is only the whole.
    pub fn prefetch_place(&self, field: &[u8]) -> Option<u64> {
        let View::Table(fields) = self.0.view() else { return None };
        Some(fields.prefetch_bucket(Item::from(field)))
    }

    /// Begins to bring what that place, which should be there, leads to into the cache.
    pub fn prefetch_record(&self, hash: u64) {
        if let View::Table(fields) = self.0.view() {
            fields.prefetch_record(hash);
        }
    }

    /// `field` with its value.
    pub fn get(&self, field: &[u8]) -> Option<FieldRef<'_>> {
        let field = Item::from(field);
        match self.0.view() {
            View::Packed(list) => {
                let mut items = list.iter_from(list.find(At::START, field, 2)?);
                Some(FieldRef { field: items.next()?, value: items.next()?, expire_at: None })
            }
            View::Expiring(list) => field_at(list, list.find(At::START, field, 3)?),
            View::Table(fields) => fields.get(field),
        }
    }

    /// Whether it has `field`.
    pub fn contains(&self, field: &[u8]) -> bool {
        match self.list() {
            Some((list, step)) => list.find(At::START, Item::from(field), step).is_some(),
            None => self.get(field).is_some(),
        }
    }

    /// Sets `field` to `value`, which no longer expires; true when the field is new.
    pub fn set(&mut self, field: &[u8], value: &[u8], packing: &Packing) -> bool {
        self.put(field, value, false, packing)
    }

    /// Sets `field` to `value` and leaves alone when it expires; true when the field is new.
    pub fn update(&mut self, field: &[u8], value: &[u8], packing: &Packing) -> bool {
        self.put(field, value, true, packing)
    }

    fn put(&mut self, field: &[u8], value: &[u8], keep_expiry: bool, packing: &Packing) -> bool {
        let bytes = field.len() + value.len();
        let longest = limit(packing.hash_max_listpack_value());
        let packs = field.len() <= longest && value.len() <= longest;
        if self.list().is_some_and(|(list, _)| !packs || !list.fits(3, bytes)) {
            self.widen();
        }
        let (field, value) = (Item::from(field), Item::from(value));
        let new = match self.0.view_mut() {
            ViewMut::Packed(mut list) => match list.find(At::START, field, 2).and_then(|at| list.next(at)) {
                Some(at) => {
                    list.replace(at, value);
                    false
                }
                None => {
                    let end = list.end();
                    list.insert(end, &[field, value]);
                    true
                }
            },
            ViewMut::Expiring(mut list) => match list.find(At::START, field, 3) {
                Some(at) => {
                    let old = field_at(&list, at).and_then(|f| f.expire_at);
                    if keep_expiry || old.is_none() {
                        if let Some(at) = list.next(at) {
                            list.replace(at, value);
                        }
                    } else {
                        list.remove(at, 3);
                        let end = list.end();
                        list.insert(end, &[field, value, Item::Int(0)]);
                    }
                    false
                }
                None => {
                    let end = list.end();
                    list.insert(end, &[field, value, Item::Int(0)]);
                    true
                }
            },
            ViewMut::Table(fields) => return fields.set(field, value, keep_expiry),
        };
        // Also where the bound was lowered since.
        if self.len() > limit(packing.hash_max_listpack_entries()) {
            self.widen();
        }
        new
    }

    /// Removes `field`; false when it is not there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        let field = Item::from(field);
        let (mut list, step) = match self.0.view_mut() {
            ViewMut::Packed(list) => (list, 2),
            ViewMut::Expiring(list) => (list, 3),
            ViewMut::Table(fields) => return fields.remove(field),
        };
        let found = list.find(At::START, field, step);
        found.is_some_and(|at| {
            list.remove(at, step);
            true
        })
    }

    /// Prepares for fields to expire: takes the form with room for their times.
    pub fn expect_expiry(&mut self) {
        if let View::Packed(plain) = self.0.view() {
            let mut list = Packed::new();
            for f in fields_of::<2>(plain) {
                list.insert(list.end(), &[f.field, f.value, Item::Int(0)]);
            }
            self.0 = Form::Expiring(list).into();
        }
    }

    /// Sets when `field` expires, in unix milliseconds up to [`FIELD_EXPIRE_MAX`], or that it does not;
    /// false when there is no such field.
    pub fn set_expire_at(&mut self, field: &[u8], expire_at: Option<i64>) -> bool {
        let item = Item::from(field);
        if let View::Packed(list) = self.0.view()
            && expire_at.is_some()
            && list.find(At::START, item, 2).is_some()
        {
            self.expect_expiry();
        }
        match self.0.view_mut() {
            ViewMut::Packed(list) => list.find(At::START, item, 2).is_some(),
            ViewMut::Expiring(mut list) => {
                let Some(at) = list.find(At::START, item, 3) else { return false };
                let place = place_for(&list, expire_at);
                let at = list.relocate(at, 3, place);
                if let Some(time) = time_behind(&list, at) {
                    list.replace(time, Item::Int(expire_at.unwrap_or(0)));
                }
                true
            }
            ViewMut::Table(fields) => fields.set_expire_at(item, expire_at),
        }
    }

    /// When the next field expires, in unix milliseconds; `None` when none does. O(1).
    pub fn next_expire_at(&self) -> Option<i64> {
        match self.0.view() {
            View::Packed(_) => None,
            View::Expiring(list) => field_at(list, list.first()?)?.expire_at,
            View::Table(fields) => fields.next_expire_at(),
        }
    }

    /// How many fields expire some time.
    pub fn expiring(&self) -> usize {
        match self.0.view() {
            View::Packed(_) => 0,
            View::Expiring(list) => fields_of::<3>(list).take_while(|f| f.expire_at.is_some()).count(),
            View::Table(fields) => fields.expiring(),
        }
    }

    /// Whether it is large, and the time of all its fields is up at `now`: then it may go as a whole.
    pub fn is_all_due(&self, now: i64) -> bool {
        let View::Table(fields) = self.0.view() else { return false };
        fields.expiring() == fields.len() && fields.last_expire_at().is_some_and(|ms| ms <= now)
    }

    /// Removes a field whose time is up at `now`, after showing it to `visit`: the one that was due first.
    /// False when there is none.
    pub fn remove_due(&mut self, now: i64, visit: impl FnOnce(FieldRef<'_>)) -> bool {
        if self.next_expire_at().is_none_or(|ms| ms > now) {
            return false;
        }
        match self.0.view_mut() {
            ViewMut::Packed(_) => {}
            ViewMut::Expiring(mut list) => {
                if let Some(f) = field_at(&list, At::START) {
                    visit(f);
                }
                list.remove(At::START, 3);
            }
            ViewMut::Table(fields) => fields.remove_next(visit),
        }
        true
    }

    /// Gives back what a list holds beyond its need.
    pub fn shrink(&mut self) {
        if let ViewMut::Packed(mut list) | ViewMut::Expiring(mut list) = self.0.view_mut() {
            list.shrink();
        }
    }

    /// A field, all equally likely; `None` when there is none.
    pub fn random(&self) -> Option<FieldRef<'_>> {
        match self.0.view() {
            View::Table(fields) => fields.random(),
            _ => self.iter().nth(random::below(self.len())),
        }
    }

    /// Every field; in a listpack, in order of insertion.
    pub fn iter(&self) -> impl Iterator<Item = FieldRef<'_>> {
        match self.0.view() {
            View::Packed(list) => Iter::Packed(fields_of::<2>(list)),
            View::Expiring(list) => Iter::Expiring(fields_of::<3>(list)),
            View::Table(fields) => Iter::Table(fields.iter()),
        }
    }

    /// Visits the fields at `cursor` (0 to begin with), and returns the cursor to go on with: 0 at the end.
    pub fn scan(&self, cursor: u64, visit: impl FnMut(FieldRef<'_>)) -> u64 {
        match self.0.view() {
            View::Table(fields) => fields.scan(cursor, visit),
            _ => {
                self.iter().for_each(visit);
                0
            }
        }
    }

    /// How many fields it has.
    pub fn len(&self) -> usize {
        match self.0.view() {
            View::Packed(list) => list.len() / 2,
            View::Expiring(list) => list.len() / 3,
            View::Table(fields) => fields.len(),
        }
    }

    /// Whether it has no fields.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name OBJECT ENCODING answers with.
    pub fn encoding(&self) -> &'static str {
        match self.0.view() {
            View::Packed(_) => "listpack",
            View::Expiring(_) => "listpackex",
            View::Table(_) => "hashtable",
        }
    }

    /// Allocations to free.
    pub fn weight(&self) -> usize {
        match self.0.view() {
            View::Table(fields) => 1 + fields.weight(),
            _ => 1,
        }
    }

    /// Bytes allocated.
    pub fn memory(&self) -> usize {
        match self.0.view() {
            View::Packed(list) | View::Expiring(list) => list.memory(),
            View::Table(fields) => fields.memory(),
        }
    }
}

/// An iterator over one of three forms.
enum Iter<A, B, C> {
    Packed(A),
    Expiring(B),
    Table(C),
}

impl<T, A: Iterator<Item = T>, B: Iterator<Item = T>, C: Iterator<Item = T>> Iterator for Iter<A, B, C> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        match self {
            Iter::Packed(iter) => iter.next(),
            Iter::Expiring(iter) => iter.next(),
            Iter::Table(iter) => iter.next(),
        }
    }

    fn nth(&mut self, n: usize) -> Option<T> {
        match self {
            Iter::Packed(iter) => iter.nth(n),
            Iter::Expiring(iter) => iter.nth(n),
            Iter::Table(iter) => iter.nth(n),
        }
    }

    fn fold<S, F: FnMut(S, T) -> S>(self, init: S, f: F) -> S {
        match self {
            Iter::Packed(iter) => iter.fold(init, f),
            Iter::Expiring(iter) => iter.fold(init, f),
            Iter::Table(iter) => iter.fold(init, f),
        }
    }
}

#[cfg(test)]
mod tests;
