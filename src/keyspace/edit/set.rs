//! Changing sets.

use super::{CHUNK, Edit};
use crate::keyspace::{EntryBox, Txn};
use crate::types::{Item, Set};

impl Edit<'_, Set> {
    /// Adds `members`; returns how many were not there.
    pub fn add(&mut self, members: &[&[u8]]) -> usize {
        if let [member] = members {
            let new = self.change(|set, packing| {
                set.expect(1, member, packing);
                set.insert(member, packing)
            });
            if new {
                self.record(b"SADD", members);
            }
            return new.into();
        }
        let new: Vec<&[u8]> = self.change(|set, packing| {
            if let Some(first) = members.first() {
                set.expect(members.len(), first, packing);
            }
            members.iter().copied().filter(|member| set.insert(member, packing)).collect()
        });
        self.record_many(b"SADD", &new);
        new.len()
    }

    /// Removes `members`; returns how many were there.
    pub fn remove(&mut self, members: &[&[u8]]) -> usize {
        let gone: Vec<&[u8]> =
            self.change(|set, _| members.iter().copied().filter(|member| set.remove(member)).collect());
        self.record_many(b"SREM", &gone);
        gone.len()
    }

    /// Removes up to `count` random members, after showing each to `visit`.
    pub fn pop(&mut self, count: usize, mut visit: impl FnMut(Item<'_>)) {
        if !self.is_recording() {
            let popped = self.change(|set, _| (0..count).take_while(|_| set.pop(&mut visit)).count());
            self.changed(popped);
            return;
        }
        let mut gone = Vec::new();
        self.change(|set, _| {
            let mut keep = |item: Item<'_>| {
                gone.push(item.to_vec());
                visit(item);
            };
            (0..count).take_while(|_| set.pop(&mut keep)).count()
        });
        let gone: Vec<&[u8]> = gone.iter().map(Vec::as_slice).collect();
        self.record_many(b"SREM", &gone);
    }

    fn record_many(&mut self, verb: &[u8], members: &[&[u8]]) {
        if !members.is_empty() {
            self.record(verb, members);
            self.changed(members.len() - 1);
        }
    }
}

impl Txn<'_> {
    /// Gives `key` the set `set`, which is not empty, whatever it held. Tells no event but `new` and `overwritten`.
    pub fn put_set(&mut self, key: &[u8], set: Set) {
        self.expire_if_due(key);
        if self.effects().is_recording() {
            self.record(&[b"DEL", key]);
            let members: Vec<_> = set.iter().map(Item::to_vec).collect();
            for chunk in members.chunks(CHUNK) {
                let words: [&[u8]; 2] = [b"SADD", key];
                let argv: Vec<&[u8]> = words.into_iter().chain(chunk.iter().map(Vec::as_slice)).collect();
                self.record(&argv);
            }
        }
        self.put_entry(key, EntryBox::collection(key, set, None));
    }
}
