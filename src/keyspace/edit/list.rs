//! Changing lists.

use super::{CHUNK, Edit};
use crate::keyspace::{EntryBox, Txn};
use crate::types::{End, Item, List};
use std::ops::Range;

impl Edit<'_, List> {
    /// Adds elements at one end, one after the other; tells how many there are then.
    pub fn push(&mut self, end: End, texts: &[&[u8]]) -> usize {
        let len = self.change(|list, packing| {
            list.push(end, texts, packing);
            list.len()
        });
        self.record(if end == End::Front { b"LPUSH" } else { b"RPUSH" }, texts);
        self.changed(texts.len() - 1);
        len
    }

    /// Adds an element at one end that another list gave.
    pub fn push_moved(&mut self, end: End, text: &[u8]) {
        self.change(|list, packing| list.push_moved(end, text, packing));
        self.record(if end == End::Front { b"LPUSH" } else { b"RPUSH" }, &[text]);
    }

    /// Moves the element at one end to another, which is one change, and returns it.
    pub fn rotate(&mut self, from: End, to: End) -> Option<Vec<u8>> {
        let text = self.change(|list, packing| list.rotate(from, to, packing))?;
        // In this order, in which the list is never empty.
        self.record(if to == End::Front { b"LPUSH" } else { b"RPUSH" }, &[&text]);
        self.counting(0, |edit| edit.record(if from == End::Front { b"LPOP" } else { b"RPOP" }, &[]));
        Some(text)
    }

    /// Removes the element at one end, after `f` was shown it.
    pub fn pop<R>(&mut self, end: End, f: impl FnOnce(Item<'_>) -> R) -> Option<R> {
        let shown = self.change(|list, packing| list.pop(end, packing, f))?;
        self.record(if end == End::Front { b"LPOP" } else { b"RPOP" }, &[]);
        Some(shown)
    }

    /// Removes up to `count` elements from one end on, after `f` was shown each, the outermost first.
    pub fn pop_each(&mut self, end: End, count: usize, f: impl FnMut(Item<'_>)) {
        let count = count.min(self.value().len());
        self.change(|list, packing| {
            let len = list.len();
            match end {
                End::Front => list.iter().take(count).for_each(f),
                End::Back => list.iter().rev().take(count).for_each(f),
            }
            list.remove(if end == End::Front { 0..count } else { len - count..len }, packing);
        });
        let digits = itoa::Buffer::new().format(count).to_owned();
        self.record(if end == End::Front { b"LPOP" } else { b"RPOP" }, &[digits.as_bytes()]);
        self.changed(count.saturating_sub(1));
    }

    /// Puts `text` in the place of the element at `index`; `false` if there is none.
    pub fn set(&mut self, index: usize, text: &[u8]) -> bool {
        let done = self.change(|list, packing| list.set(index, text, packing));
        if done {
            self.record(b"LSET", &[itoa::Buffer::new().format(index).as_bytes(), text]);
        }
        done
    }

    /// Takes the form for one more element of `text`, which changes nothing of what the list holds.
    pub fn prepare(&mut self, text: &[u8]) {
        self.change(|list, packing| list.prepare(text, packing));
    }

    /// Inserts `text` before or after the first element equal to `pivot`; `false` if there is none.
    pub fn insert(&mut self, pivot: &[u8], after: bool, text: &[u8]) -> bool {
        let Some(at) = self.value().position(pivot) else {
            self.prepare(text);
            return false;
        };
        self.change(|list, packing| list.insert(at, after, text, packing));
        self.record(b"LINSERT", &[if after { b"AFTER" } else { b"BEFORE" }, pivot, text]);
        true
    }

    /// Removes up to `max` elements equal to `text`, from one end on; tells how many.
    pub fn remove_equal(&mut self, text: &[u8], from: End, max: usize) -> usize {
        let removed = self.change(|list, packing| list.remove_equal(text, from, max, packing));
        if removed > 0 {
            let count = if from == End::Front { removed as i64 } else { -(removed as i64) };
            self.record(b"LREM", &[itoa::Buffer::new().format(count).as_bytes(), text]);
            self.changed(removed - 1);
        }
        removed
    }

    /// Removes all elements but those of `range`.
    pub fn keep(&mut self, range: Range<usize>) {
        self.change(|list, packing| list.keep(range.clone(), packing));
        let (mut first, mut last) = (itoa::Buffer::new(), itoa::Buffer::new());
        // An empty range is written as one that lies behind the end.
        let (first, last) = match range.is_empty() {
            true => ("1", "0"),
            false => (first.format(range.start), last.format(range.end - 1)),
        };
        self.record(b"LTRIM", &[first.as_bytes(), last.as_bytes()]);
    }
}

impl Txn<'_> {
    /// Gives `key` the list `list`, which is not empty, whatever it held. Tells no event but `new` and `overwritten`.
    pub fn put_list(&mut self, key: &[u8], list: List) {
        self.expire_if_due(key);
        if self.effects().is_recording() {
            self.record(&[b"DEL", key]);
            let elements: Vec<_> = list.iter().map(Item::to_vec).collect();
            for chunk in elements.chunks(CHUNK) {
                let words: [&[u8]; 2] = [b"RPUSH", key];
                let argv: Vec<&[u8]> = words.into_iter().chain(chunk.iter().map(Vec::as_slice)).collect();
                self.record(&argv);
            }
        }
        self.put_entry(key, EntryBox::collection(key, list, None));
    }
}
