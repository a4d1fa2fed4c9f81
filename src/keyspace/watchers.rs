//! WATCH: who wants to know whether a key was touched. One table per shard.

use super::waiters::Place;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};

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

/// One client's watch of a key.
#[derive(Debug)]
struct Watch {
    touched: Touched,
    /// The key was past its time, though not removed yet, when the watch began: that it goes is no change.
    past: AtomicBool,
}

/// What a key is in a database.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Presence {
    /// It is not there.
    Absent,
    /// Its time is over, but it was not removed yet.
    Past,
    /// It is there.
    Present,
}

/// The watched keys of a shard.
#[derive(Debug, Default)]
pub struct Watchers {
    /// The watchers of a key by the address of their flag: leaving costs no search among many.
    keys: HashMap<Place, BTreeMap<usize, Watch>>,
}

impl Watchers {
    /// Whether nobody watches a key of this shard.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Adds a watcher of `key`, which is `past` its time or not.
    pub fn watch(&mut self, db: u32, key: &[u8], touched: &Touched, past: bool) {
        let watchers = self.keys.entry((db, key.into())).or_default();
        let watch = Watch { touched: touched.clone(), past: past.into() };
        watchers.insert(Arc::as_ptr(touched).addr(), watch);
    }

    /// Removes a watcher of `key`; returns whether it was past its time for them.
    pub fn unwatch(&mut self, place: &Place, touched: &Touched) -> bool {
        let Some(watchers) = self.keys.get_mut(place) else { return false };
        let watch = watchers.remove(&Arc::as_ptr(touched).addr());
        if watchers.is_empty() {
            self.keys.remove(place);
        }
        watch.is_some_and(|watch| watch.past.load(Relaxed))
    }

    /// Tells the watchers of `key` that it was touched; `removed` where it went by itself.
    pub fn touch(&self, db: u32, key: &[u8], removed: bool) {
        if self.keys.is_empty() {
            return;
        }
        for watch in self.keys.get(&(db, Box::from(key))).into_iter().flat_map(BTreeMap::values) {
            if !(watch.past.swap(false, Relaxed) && removed) {
                watch.touched.change();
            }
        }
    }

    /// Tells the watchers of `db` that all of its keys are replaced: `becomes` tells whether a key was there, and what it will be.
    pub fn replace(&self, db: u32, becomes: impl Fn(&[u8]) -> (bool, Presence)) {
        for ((_, key), watchers) in self.keys.iter().filter(|((of, _), _)| *of == db) {
            let (was, will_be) = becomes(key);
            for watch in watchers.values() {
                match (watch.past.load(Relaxed), was, will_be) {
                    (_, false, Presence::Absent) | (true, _, Presence::Past) => (),
                    (true, _, Presence::Absent) => watch.past.store(false, Relaxed),
                    (false, false, Presence::Past) => watch.past.store(true, Relaxed),
                    _ => watch.touched.empty(),
                }
            }
        }
    }

    /// How many keys are watched by somebody who was not told of a change yet.
    pub fn count(&self) -> usize {
        self.keys.values().filter(|watchers| watchers.values().any(|watch| !watch.touched.lets_go())).count()
    }
}
