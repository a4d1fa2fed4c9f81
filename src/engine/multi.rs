//! What a connection gathers for a transaction: the calls queued since MULTI, and the keys it watches.

use crate::keyspace::waiters::Place;
use crate::keyspace::watchers::Touched;
use crate::keyspace::{Key, Keyspace, Txn};
use std::collections::BTreeSet;

/// The calls queued since MULTI, their words one behind the other.
#[derive(Debug, Default)]
pub struct Queue {
    bytes: Vec<u8>,
    /// Where in `bytes` each word ends.
    words: Vec<usize>,
    /// Where in `words` each call ends.
    calls: Vec<usize>,
    flags: u32,
    aborted: bool,
    db: Option<u32>,
}

impl Queue {
    /// Adds a call; `flags` are those of its command.
    pub fn push(&mut self, argv: &[&[u8]], flags: u32) {
        for word in argv {
            self.bytes.extend_from_slice(word);
            self.words.push(self.bytes.len());
        }
        self.calls.push(self.words.len());
        self.flags |= flags;
    }

    /// The database of the last SELECT that is queued.
    pub fn db(&self) -> Option<u32> {
        self.db
    }

    /// A SELECT of this database is queued.
    pub fn select(&mut self, db: u32) {
        self.db = Some(db);
    }

    /// A call was refused: EXEC will refuse them all.
    pub fn abort(&mut self) {
        self.aborted = true;
    }

    /// Whether a call was refused.
    pub fn is_aborted(&self) -> bool {
        self.aborted
    }

    /// The number of calls.
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// The flags of all commands together.
    pub fn flags(&self) -> u32 {
        self.flags
    }

    /// Bytes of all words.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes allocated.
    pub fn memory(&self) -> usize {
        self.bytes.capacity() + size_of::<usize>() * (self.words.capacity() + self.calls.capacity())
    }

    /// The words of each call.
    pub fn calls(&self) -> impl Iterator<Item = impl Iterator<Item = &[u8]>> {
        let starts = |ends: &'_ [usize], i: usize| i.checked_sub(1).map_or(0, |before| ends[before]);
        (0..self.calls.len()).map(move |call| {
            let words = starts(&self.calls, call)..self.calls[call];
            words.map(move |word| &self.bytes[starts(&self.words, word)..self.words[word]])
        })
    }
}

/// The keys a connection watches.
#[derive(Debug, Default)]
pub struct Watched {
    places: BTreeSet<Place>,
    touched: Touched,
}

impl Watched {
    /// Nothing watched; `touched` will tell of changes.
    pub fn new(touched: Touched) -> Self {
        Self { places: BTreeSet::new(), touched }
    }

    /// Watches `key` in the transaction's database; its shard is locked. Returns whether it did not yet.
    pub fn add(&mut self, txn: &mut Txn<'_>, key: &[u8]) -> bool {
        let new = self.places.insert((txn.db(), key.into()));
        if new {
            let (db, past) = (txn.db(), txn.is_past_its_time(key));
            txn.hooks(key).watchers.watch(db, key, &self.touched, past);
        }
        new
    }

    /// Watches nothing any more; no shard may be locked.
    pub fn clear(&mut self, keyspace: &Keyspace) {
        for place in std::mem::take(&mut self.places) {
            let shard = Key::new(&place.1).shard();
            keyspace.lock(shard).hooks.watchers.unwatch(&place, &self.touched);
        }
        self.touched.clear();
    }

    /// Watches nothing any more; the shards of all its keys are locked by `txn`. Returns whether a key was touched, be it by
    /// time: it is past it and was not when the watch began.
    pub fn end(&mut self, txn: &mut Txn<'_>) -> bool {
        let mut touched = self.is_touched();
        let home = txn.db();
        for place in std::mem::take(&mut self.places) {
            let was_past = txn.hooks(&place.1).watchers.unwatch(&place, &self.touched);
            txn.select(place.0);
            touched |= !was_past && txn.is_past_its_time(&place.1);
        }
        txn.select(home);
        self.touched.clear();
        touched
    }

    /// Whether a watched key was touched.
    pub fn is_touched(&self) -> bool {
        self.touched.is_set()
    }

    /// The databases and keys.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.places.iter()
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queued_calls_come_back_in_order() {
        let mut queue = Queue::default();
        queue.push(&[b"SET", b"a", b""], 1);
        queue.push(&[b"PING"], 4);
        let calls: Vec<Vec<&[u8]>> = queue.calls().map(Iterator::collect).collect();
        assert_eq!(calls, [vec![&b"SET"[..], b"a", b""], vec![&b"PING"[..]]]);
        assert_eq!((queue.len(), queue.flags(), queue.is_aborted()), (2, 5, false));
    }
}
