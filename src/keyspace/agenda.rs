//! Which queues are to be looked after, and when: something in them is due, or a client goes to whose
//! connection leases are tied. It decides nothing: the state of a queue follows from the time alone. So it
//! may name queues that are gone, or too early a time; it never misses one.

use super::waiters::Place;
use super::{EntryBox, Kind};
use crate::types::Queue;
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use tokio::sync::Notify;

/// The queues to be looked after. Its locks are taken under those of shards, never the other way round.
#[derive(Debug)]
pub struct Agenda {
    due: Mutex<BTreeSet<(i64, Place)>>,
    first_ms: AtomicI64,
    earlier: Notify,
    ties: Mutex<HashMap<u64, BTreeSet<Place>>>,
    /// Where there were queues.
    queues: Mutex<BTreeSet<Place>>,
}

impl Default for Agenda {
    fn default() -> Self {
        Agenda {
            due: Mutex::default(),
            first_ms: AtomicI64::new(i64::MAX),
            earlier: Notify::new(),
            ties: Mutex::default(),
            queues: Mutex::default(),
        }
    }
}

impl Agenda {
    /// Notes that something in a queue is due at `at_ms`, unix ms.
    pub fn add(&self, at_ms: i64, db: u32, key: &[u8]) {
        let mut due = self.due.lock();
        due.insert((at_ms, (db, key.into())));
        if at_ms < self.first_ms.load(Relaxed) {
            self.first_ms.store(at_ms, Relaxed);
            self.earlier.notify_one();
        }
    }

    /// When the first queue is to be looked after, unix ms.
    pub fn first_ms(&self) -> Option<i64> {
        let first = self.first_ms.load(Relaxed);
        (first != i64::MAX).then_some(first)
    }

    /// Completes when [`Agenda::first_ms`] has become earlier.
    pub async fn earlier(&self) {
        self.earlier.notified().await;
    }

    /// Takes the first queue that is to be looked after by `now_ms`.
    pub fn take(&self, now_ms: i64) -> Option<Place> {
        let mut due = self.due.lock();
        let is_due = due.first().is_some_and(|(at, _)| *at <= now_ms);
        let taken = if is_due { due.pop_first() } else { None };
        self.first_ms.store(due.first().map_or(i64::MAX, |(at, _)| *at), Relaxed);
        taken.map(|(_, place)| place)
    }

    /// Notes that there is a queue.
    pub fn note(&self, db: u32, key: &[u8]) {
        self.queues.lock().insert((db, key.into()));
    }

    /// All places with a queue, and some where there was one: [`Agenda::forget`] those.
    pub fn queues(&self) -> Vec<Place> {
        self.queues.lock().iter().cloned().collect()
    }

    /// Notes, under the lock of its shard, that there is no queue.
    pub fn forget(&self, db: u32, key: &[u8]) {
        self.queues.lock().remove(&(db, Box::from(key)));
    }

    /// Takes over a queue that comes under a key.
    fn adopt(&self, db: u32, key: &[u8], queue: &mut Queue) {
        self.note(db, key);
        queue.disarm();
        queue.forget_logged();
        if let Some(at_ms) = queue.next_ms(true) {
            queue.arm(at_ms);
            self.add(at_ms, db, key);
        }
        for client in queue.ties() {
            self.tie(client, db, key);
        }
    }

    /// Takes over an entry that comes into the keyspace, if it is a queue.
    pub fn adopt_entry(&self, db: u32, entry: &mut EntryBox) {
        if entry.as_ref().kind() == Kind::Queue {
            let key = entry.as_ref().key().to_vec();
            entry.collection_mut().into_iter().for_each(|queue| self.adopt(db, &key, queue));
        }
    }

    /// Notes that leases in a queue end with the connection of `client`.
    pub fn tie(&self, client: u64, db: u32, key: &[u8]) {
        self.ties.lock().entry(client).or_default().insert((db, key.into()));
    }

    /// Takes the queues in which leases end with the connection of `client`.
    pub fn untie(&self, client: u64) -> BTreeSet<Place> {
        let mut ties = self.ties.lock();
        if ties.is_empty() { BTreeSet::new() } else { ties.remove(&client).unwrap_or_default() }
    }

    /// Follows two databases that are swapped.
    pub fn swap(&self, a: u32, b: u32) {
        let swapped = |(db, key): Place| match db {
            db if db == a => (b, key),
            db if db == b => (a, key),
            db => (db, key),
        };
        let mut due = self.due.lock();
        *due = std::mem::take(&mut *due).into_iter().map(|(at, place)| (at, swapped(place))).collect();
        let mut queues = self.queues.lock();
        *queues = std::mem::take(&mut *queues).into_iter().map(swapped).collect();
        for places in self.ties.lock().values_mut() {
            *places = std::mem::take(places).into_iter().map(swapped).collect();
        }
    }
}
