//! WATCH: who wants to know whether a key was touched. One table per shard.

use super::waiters::Place;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// Whether a watched key was touched; shared by a client and the shards it watches keys in.
pub type Touched = Arc<Touch>;

/// What became of the keys that a client watches.
#[derive(Debug, Default)]
pub struct Touch(AtomicU8);

impl Touch {
    /// It went with its whole database.
    const EMPTIED: u8 = 1;
    /// It was changed.
    const CHANGED: u8 = 2;

    /// A key was changed.
    pub fn change(&self) {
        self.0.store(Self::CHANGED, Relaxed);
    }

    /// A key went, or came, with its whole database.
    pub fn empty(&self) {
        self.0.fetch_max(Self::EMPTIED, Relaxed);
    }

    /// Nothing is watched any more, or nothing yet.
    pub fn clear(&self) {
        self.0.store(0, Relaxed);
    }

    /// Whether EXEC will run nothing.
    pub fn is_set(&self) -> bool {
        self.0.load(Relaxed) != 0
    }

    /// Whether the keys are told to be watched no more, as nothing depends on them: Redis forgets them where one was changed, but
    /// not where whole databases went.
    pub fn lets_go(&self) -> bool {
        self.0.load(Relaxed) == Self::CHANGED
    }
}

/// The watched keys of a shard.
#[derive(Debug, Default)]
pub struct Watchers {
    /// The watchers of a key by the address of their flag: leaving costs no search among many.
    keys: HashMap<Place, BTreeMap<usize, Touched>>,
}

impl Watchers {
    /// Whether nobody watches a key of this shard.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Adds a watcher of `key`.
    pub fn watch(&mut self, db: u32, key: &[u8], touched: &Touched) {
        let watchers = self.keys.entry((db, key.into())).or_default();
        watchers.insert(Arc::as_ptr(touched).addr(), touched.clone());
    }

    /// Removes a watcher of `key`.
    pub fn unwatch(&mut self, place: &Place, touched: &Touched) {
        if let Some(watchers) = self.keys.get_mut(place) {
            watchers.remove(&Arc::as_ptr(touched).addr());
            if watchers.is_empty() {
                self.keys.remove(place);
            }
        }
    }

    /// Tells the watchers of `key` that it was touched.
    pub fn touch(&self, db: u32, key: &[u8]) {
        if self.keys.is_empty() {
            return;
        }
        if let Some(watchers) = self.keys.get(&(db, Box::from(key))) {
            watchers.values().for_each(|touched| touched.change());
        }
    }

    /// How many keys are watched by somebody who was not told of a change yet.
    pub fn count(&self) -> usize {
        self.keys.values().filter(|watchers| watchers.values().any(|touched| !touched.lets_go())).count()
    }

    /// The watched keys of `db`, with their watchers.
    pub fn of_db(&self, db: u32) -> impl Iterator<Item = (&[u8], impl Iterator<Item = &Touched>)> {
        self.keys
            .iter()
            .filter(move |((d, _), _)| *d == db)
            .map(|((_, key), watchers)| (&key[..], watchers.values()))
    }
}
