//! The set: an [`IntSet`] while it holds integers only, then a [`Packed`] list, then a [`Table`].
//!
//! The form depends on the history and on the settings `set-max-*` just as in Redis, and OBJECT
//! ENCODING names it so. It never goes back to a smaller form by itself.

use super::forms::forms;
use super::item::{Item, size_of_first};
use super::table::{self, Key, Record, Table};
use super::{At, INTSET_MAX, IntSet, Packed, PackedIter, Packing};
use crate::base::random;
use smallvec::SmallVec;
use std::ops::ControlFlow;

/// A set of strings.
#[derive(Clone)]
pub struct Set(Forms);

forms! { Ints(IntSet), Packed(Packed); Table(Table<Member>) }

/// A table's record that is a member and nothing else.
#[derive(Clone)]
struct Member;

impl Record for Member {
    fn key_at(_: &[u8]) -> usize {
        0
    }

    fn size(bytes: &[u8]) -> usize {
        size_of_first(bytes)
    }
}

/// Members looked for at a time.
const GROUP: usize = 16;
/// Bytes in a table's arena to expect for a member when nothing is known of it.
const MEMBER_BYTES: usize = 16;

impl Default for Set {
    fn default() -> Self {
        Self::new()
    }
}

fn limit(setting: i64) -> usize {
    usize::try_from(setting).unwrap_or(0)
}

/// Whether so many members fit none of the small forms, whatever they are.
fn outgrows(len: usize, packing: &Packing) -> bool {
    !ints_fit(len, packing) && len > limit(packing.set_max_listpack_entries())
}

/// Whether an intset may have `len` members.
fn ints_fit(len: usize, packing: &Packing) -> bool {
    len <= limit(packing.set_max_intset_entries()).min(INTSET_MAX - 1)
}

impl Set {
    /// An empty set, without an allocation.
    pub fn new() -> Self {
        Set(Form::Ints(IntSet::new()).into())
    }

    /// An empty set that holds integers as texts, too.
    pub fn packed() -> Self {
        Set(Form::Packed(Packed::new()).into())
    }

    /// Whether it is in the form that holds integers alone.
    pub fn is_ints(&self) -> bool {
        matches!(self.0.view(), View::Ints(_))
    }

    /// Takes the form that holds integers alone, if its members are such and few enough.
    pub fn narrow(&mut self, packing: &Packing) {
        if self.is_ints() || !ints_fit(self.len(), packing) {
            return;
        }
        let numbers: Option<Vec<i64>> = self.iter().map(|member| member.as_int()).collect();
        let Some(numbers) = numbers else { return };
        let mut ints = IntSet::new();
        numbers.into_iter().for_each(|n| _ = ints.insert(n));
        self.0 = Form::Ints(ints).into();
    }

    /// Prepares for `count` members to be added, of which `first` is the first: takes the form that so
    /// many would need even if some prove to be there already.
    pub fn expect(&mut self, count: usize, first: &[u8], packing: &Packing) {
        let packed = count <= limit(packing.set_max_listpack_entries());
        match self.0.view() {
            View::Ints(ints) if ints.is_empty() => {
                if Item::from(first).as_int().is_some() && ints_fit(count, packing) {
                } else if packed {
                    self.0 = Form::Packed(Packed::new()).into();
                } else {
                    self.widen();
                }
            }
            View::Ints(_) if !ints_fit(count, packing) => self.widen(),
            View::Packed(_) if !packed => self.widen(),
            _ => {}
        }
    }

    /// Adds `member`; false when it is there already.
    pub fn insert(&mut self, member: &[u8], packing: &Packing) -> bool {
        self.insert_item(Item::from(member), packing)
    }

    /// Adds `item`; false when it is there already.
    pub fn insert_item(&mut self, item: Item<'_>, packing: &Packing) -> bool {
        self.put(item, false, packing)
    }

    /// Adds `item`, which is not there: it is not looked for.
    pub fn insert_new(&mut self, item: Item<'_>, packing: &Packing) {
        self.put(item, true, packing);
    }

    fn put(&mut self, item: Item<'_>, is_new: bool, packing: &Packing) -> bool {
        let packed = match self.0.view_mut() {
            ViewMut::Ints(mut ints) => match item {
                Item::Int(n) if ints_fit(ints.len() + 1, packing) => return ints.insert(n),
                Item::Int(n) if ints.contains(n) => return false,
                Item::Int(_) => None,
                Item::Bytes(text) => {
                    let ends = [ints.get(0), ints.len().checked_sub(1).and_then(|last| ints.get(last))];
                    let longest =
                        ends.into_iter().flatten().map(|n| Item::Int(n).len()).fold(text.len(), usize::max);
                    let packs = ints.len() < limit(packing.set_max_listpack_entries())
                        && longest <= limit(packing.set_max_listpack_value());
                    packs.then(|| {
                        let mut list = Packed::new();
                        ints.iter().for_each(|n| list.push(Item::Int(n)));
                        list.push(item);
                        list
                    })
                }
            },
            ViewMut::Packed(mut list) => {
                if !is_new && list.find(At::START, item, 1).is_some() {
                    return false;
                }
                let len = item.len();
                if list.len() < limit(packing.set_max_listpack_entries())
                    && len <= limit(packing.set_max_listpack_value())
                    && list.fits(1, len)
                {
                    list.push(item);
                    return true;
                }
                None
            }
            ViewMut::Table(table) => {
                let key = Key::new(item);
                let new = is_new || table.find(&key).is_none();
                if new {
                    table.insert(&key, key.needle.size(), |bytes| {
                        key.needle.write(bytes);
                    });
                }
                return new;
            }
        };
        if let Some(list) = packed {
            self.0 = Form::Packed(list).into();
            return true;
        }
        self.widen();
        self.put(item, is_new, packing)
    }

    /// Adds `members`, none of which is there.
    pub fn extend_new(&mut self, members: &[Item<'_>], packing: &Packing) {
        if self.is_empty() && outgrows(members.len(), packing) {
            let bytes = members.iter().map(|member| table::size_in_arena(member.size())).sum();
            self.0 = Form::Table(Box::new(Table::new(members.len(), bytes))).into();
        }
        members.iter().for_each(|member| self.insert_new(*member, packing));
    }

    /// Whether it is in the form for many members, and would be so however its members came.
    pub fn is_large_for_certain(&self, packing: &Packing) -> bool {
        self.is_large() && outgrows(self.len(), packing)
    }

    /// Whether it is in the form for many members, in which they are found by their hashes.
    pub fn is_large(&self) -> bool {
        matches!(self.0.view(), View::Table(_))
    }

    /// Becomes a table.
    fn widen(&mut self) {
        let mut table = Table::new(self.len() + 1, (self.len() + 1) * MEMBER_BYTES);
        for item in self.iter() {
            let key = Key::new(item);
            table.insert(&key, key.needle.size(), |bytes| {
                key.needle.write(bytes);
            });
        }
        self.0 = Form::Table(Box::new(table)).into();
    }

    /// Removes `member`; false when it is not there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        self.remove_item(Item::from(member))
    }

    /// Removes `item`; false when it is not there.
    pub fn remove_item(&mut self, item: Item<'_>) -> bool {
        match self.0.view_mut() {
            ViewMut::Ints(mut ints) => matches!(item, Item::Int(n) if ints.remove(n)),
            ViewMut::Packed(mut list) => {
                let found = list.find(At::START, item, 1);
                found.is_some_and(|at| {
                    list.remove(at, 1);
                    true
                })
            }
            ViewMut::Table(table) => {
                let found = table.find(&Key::new(item));
                found.is_some_and(|place| {
                    table.remove(place);
                    true
                })
            }
        }
    }

    /// Begins to bring the place where `member` is looked for into the cache; returns a hash for [`Self::prefetch_record`].
    /// `None` in a small form, of which there is only the whole.
    pub fn prefetch_place(&self, member: &[u8]) -> Option<u64> {
        let View::Table(table) = self.0.view() else { return None };
        let hash = table::hash(Item::from(member));
        table.prefetch_bucket(hash);
        Some(hash)
    }

    /// Begins to bring what that place, which should be there, leads to into the cache.
    pub fn prefetch_record(&self, hash: u64) {
        if let View::Table(table) = self.0.view() {
            table.prefetch_record(hash);
        }
    }

    /// Whether `member` is there.
    pub fn contains(&self, member: &[u8]) -> bool {
        self.contains_item(Item::from(member))
    }

    /// Whether `item` is there.
    pub fn contains_item(&self, item: Item<'_>) -> bool {
        match self.0.view() {
            View::Ints(ints) => matches!(item, Item::Int(n) if ints.contains(n)),
            View::Packed(list) => list.find(At::START, item, 1).is_some(),
            View::Table(table) => table.find(&Key::new(item)).is_some(),
        }
    }

    /// A member, all equally likely; `None` when the set is empty.
    pub fn random(&self) -> Option<Item<'_>> {
        match self.0.view() {
            View::Ints(ints) => ints.get(random::below(ints.len())).map(Item::Int),
            View::Packed(list) => list.nth(random::below(list.len())),
            View::Table(table) => table.random().map(|place| Item::decode(table.get(place)).0),
        }
    }

    /// Removes a member, all equally likely, after showing it to `visit`; false when the set is empty.
    pub fn pop(&mut self, visit: impl FnOnce(Item<'_>)) -> bool {
        match self.0.view_mut() {
            ViewMut::Ints(mut ints) => {
                let Some(n) = ints.get(random::below(ints.len())) else { return false };
                visit(Item::Int(n));
                ints.remove(n)
            }
            ViewMut::Packed(mut list) => {
                let Some(at) = list.seek(random::below(list.len())) else { return false };
                visit(list.get(at));
                list.remove(at, 1);
                true
            }
            ViewMut::Table(table) => {
                let Some(place) = table.random() else { return false };
                visit(Item::decode(table.get(place)).0);
                table.remove(place);
                true
            }
        }
    }

    /// Every member: ascending in an intset, in order of insertion in a packed list.
    pub fn iter(&self) -> impl Iterator<Item = Item<'_>> {
        match self.0.view() {
            View::Ints(ints) => Iter::Ints(ints.iter().map(Item::Int)),
            View::Packed(list) => Iter::Packed(list.iter()),
            View::Table(table) => Iter::Table(table.iter().map(|record| Item::decode(record).0)),
        }
    }

    /// The members of a packed list.
    pub fn packed_items(&self) -> Option<PackedIter<'_, false>> {
        match self.0.view() {
            View::Packed(list) => Some(list.iter()),
            _ => None,
        }
    }

    /// Shows every member to `visit`, until it breaks off.
    fn visit<'s>(&'s self, mut visit: impl FnMut(Item<'s>) -> ControlFlow<()>) -> ControlFlow<()> {
        match self.0.view() {
            View::Ints(ints) => ints.iter().map(Item::Int).try_for_each(visit),
            View::Packed(list) => list.iter().try_for_each(visit),
            View::Table(table) => table.visit(|record| visit(Item::decode(record).0)),
        }
    }

    /// Shows the members that `others` have, too, to `visit`, until it breaks off. Members are looked for some at a time:
    /// what the search for one reads arrives while others are looked for.
    pub fn common<'s>(
        &'s self,
        others: &[&Set],
        mut visit: impl FnMut(Item<'s>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        // Small sets are in the cache after the first search.
        if !others.iter().any(|set| matches!(set.0.view(), View::Table(_))) {
            return self.visit(|item| match others.iter().all(|set| set.contains_item(item)) {
                true => visit(item),
                false => ControlFlow::Continue(()),
            });
        }
        let mut group: SmallVec<[(Item<'s>, Key<'s>); GROUP]> = SmallVec::new();
        let mut search = |group: &mut SmallVec<[(Item<'s>, Key<'s>); GROUP]>| {
            for set in others {
                match set.0.view() {
                    View::Table(table) => {
                        group.iter().for_each(|(_, key)| table.prefetch_bucket(key.hash()));
                        group.iter().for_each(|(_, key)| table.prefetch_record(key.hash()));
                        group.retain(|(_, key)| table.find(key).is_some());
                    }
                    _ => group.retain(|(item, _)| set.contains_item(*item)),
                }
            }
            group.drain(..).try_for_each(|(item, _)| visit(item))
        };
        self.visit(|item| {
            group.push((item, Key::new(item)));
            if group.len() == GROUP { search(&mut group) } else { ControlFlow::Continue(()) }
        })?;
        search(&mut group)
    }

    /// Visits the members at `cursor` (0 to begin with), and returns the cursor to go on with: 0 at the end.
    pub fn scan(&self, cursor: u64, mut visit: impl FnMut(Item<'_>)) -> u64 {
        match self.0.view() {
            View::Table(table) => table.scan(cursor, |record| visit(Item::decode(record).0)),
            _ => {
                self.iter().for_each(visit);
                0
            }
        }
    }

    /// How many members it has.
    pub fn len(&self) -> usize {
        match self.0.view() {
            View::Ints(ints) => ints.len(),
            View::Packed(list) => list.len(),
            View::Table(table) => table.len(),
        }
    }

    /// Whether it has no members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name OBJECT ENCODING answers with.
    pub fn encoding(&self) -> &'static str {
        match self.0.view() {
            View::Ints(_) => "intset",
            View::Packed(_) => "listpack",
            View::Table(_) => "hashtable",
        }
    }

    /// Allocations to free.
    pub fn weight(&self) -> usize {
        match self.0.view() {
            View::Table(table) => table.weight(),
            _ => 1,
        }
    }

    /// Bytes allocated.
    pub fn memory(&self) -> usize {
        match self.0.view() {
            View::Ints(ints) => ints.memory(),
            View::Packed(list) => list.memory(),
            View::Table(table) => table.memory(),
        }
    }
}

/// An iterator over one of three forms.
enum Iter<A, B, C> {
    Ints(A),
    Packed(B),
    Table(C),
}

impl<T, A: Iterator<Item = T>, B: Iterator<Item = T>, C: Iterator<Item = T>> Iterator for Iter<A, B, C> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        match self {
            Iter::Ints(iter) => iter.next(),
            Iter::Packed(iter) => iter.next(),
            Iter::Table(iter) => iter.next(),
        }
    }

    fn nth(&mut self, n: usize) -> Option<T> {
        match self {
            Iter::Ints(iter) => iter.nth(n),
            Iter::Packed(iter) => iter.nth(n),
            Iter::Table(iter) => iter.nth(n),
        }
    }

    fn fold<B2, F: FnMut(B2, T) -> B2>(self, init: B2, f: F) -> B2 {
        match self {
            Iter::Ints(iter) => iter.fold(init, f),
            Iter::Packed(iter) => iter.fold(init, f),
            Iter::Table(iter) => iter.fold(init, f),
        }
    }
}

#[cfg(test)]
mod tests;
