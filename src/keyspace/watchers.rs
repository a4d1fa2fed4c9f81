//! WATCH: who wants to know whether a key was touched. One table per shard.

use super::waiters::Place;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Weak};

/// Set when a watched key was touched; shared by a session and the shards it watches keys in.
pub type Touched = Arc<AtomicBool>;

/// The watched keys of a shard.
#[derive(Debug, Default)]
pub struct Watchers {
    keys: HashMap<Place, Vec<Weak<AtomicBool>>>,
}

impl Watchers {
    /// Whether nobody watches a key of this shard.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Adds a watcher of `key`.
    pub fn watch(&mut self, db: u32, key: &[u8], touched: &Touched) {
        let watchers = self.keys.entry((db, key.into())).or_default();
        watchers.retain(|w| w.strong_count() > 0);
        watchers.push(Arc::downgrade(touched));
    }

    /// Removes a watcher of `key`, and those that are gone.
    pub fn unwatch(&mut self, db: u32, key: &[u8], touched: &Touched) {
        let place = (db, key.into());
        if let Some(watchers) = self.keys.get_mut(&place) {
            watchers.retain(|w| w.strong_count() > 0 && w.as_ptr() != Arc::as_ptr(touched));
            if watchers.is_empty() {
                self.keys.remove(&place);
            }
        }
    }

    /// Tells the watchers of `key` that it was touched.
    pub fn touch(&self, db: u32, key: &[u8]) {
        if let Some(watchers) = self.keys.get(&(db, Box::from(key))) {
            watchers.iter().filter_map(Weak::upgrade).for_each(|touched| touched.store(true, Relaxed));
        }
    }

    /// The watched keys of `db`, with their watchers still there.
    pub fn of_db(&self, db: u32) -> impl Iterator<Item = (&[u8], impl Iterator<Item = Touched>)> {
        self.keys
            .iter()
            .filter(move |((d, _), _)| *d == db)
            .map(|((_, key), watchers)| (&key[..], watchers.iter().filter_map(Weak::upgrade)))
    }
}
