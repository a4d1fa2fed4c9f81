//! Changing sorted sets.

use super::Edit;
use crate::base::number;
use crate::keyspace::entry::EntryBox;
use crate::keyspace::{Class, Txn};
use crate::types::sorted::Change;
use crate::types::{Item, Sorted};
use std::ops::Range;

impl Edit<'_, Sorted> {
    /// Takes the large form, which changes nothing of what it holds.
    pub fn spread(&mut self) {
        self.change(|sorted, _| sorted.spread());
    }

    /// Prepares for `members` to be added.
    pub fn expect(&mut self, members: usize) {
        self.change(|sorted, packing| sorted.expect(members, packing));
    }

    /// Gives `member` the score that `decide` returns when it is told the present one.
    pub fn rescore(&mut self, member: &[u8], decide: impl FnOnce(Option<f64>) -> Option<f64>) -> Change {
        let change = self.change(|sorted, packing| sorted.change(member, packing, decide));
        if let Change::Added(score) | Change::Updated(score) = change {
            let mut text = Vec::new();
            if self.effects.is_recording() {
                number::format_f64(score, &mut text);
            }
            self.record(b"ZADD", &[&text, member]);
        }
        change
    }

    /// Removes `member`; false when it is absent.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        let removed = self.change(|sorted, _| sorted.remove(member)).is_some();
        if removed {
            self.record(b"ZREM", &[member]);
        }
        removed
    }

    /// Removes the elements of these ranks, after `visit` was shown each of them, in order or in reverse.
    pub fn remove_range(
        &mut self,
        ranks: Range<usize>,
        descending: bool,
        mut visit: impl FnMut(Item<'_>, f64),
    ) {
        if ranks.is_empty() {
            return;
        }
        self.change(|sorted, _| {
            sorted.iter(ranks.clone(), descending).for_each(|(member, score)| visit(member, score));
            sorted.remove_range(ranks.clone());
        });
        let (mut first, mut last) = (itoa::Buffer::new(), itoa::Buffer::new());
        let args = [first.format(ranks.start).as_bytes(), last.format(ranks.end - 1).as_bytes()];
        self.record(b"ZREMRANGEBYRANK", &args);
        self.changed(ranks.len() - 1);
    }
}

impl Txn<'_> {
    /// Gives `key` a sorted set that was computed, in place of what it held, and tells `event`; removes the
    /// key if the set is empty.
    pub fn store_sorted(&mut self, key: &[u8], sorted: Sorted, event: &'static str) {
        if sorted.is_empty() {
            self.delete(key);
            return;
        }
        self.expire_if_due(key);
        if self.effects().is_recording() {
            let mut words = vec![b"ZADD".to_vec(), key.to_vec()];
            for (member, score) in sorted.iter(0..sorted.len(), false) {
                let mut text = Vec::new();
                number::format_f64(score, &mut text);
                words.extend([text, member.to_vec()]);
            }
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            self.record(&[b"DEL", key]);
            self.record(&words);
        }
        self.put_entry(key, EntryBox::collection(key, sorted, None));
        self.touch(key, event, Class::SORTED);
    }
}
