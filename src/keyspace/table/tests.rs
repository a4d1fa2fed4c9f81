//! The table against naive twins.

use super::*;
use crate::types::{Hash, Packing};
use std::collections::{HashMap, HashSet};

const PREFIX: u32 = 6;
/// One shard's worth of hashes: the top bits are the shard's.
fn spread(key: &[u8]) -> u64 {
    hash::hash(key) >> PREFIX | 5 << (64 - PREFIX)
}

/// What an attacker would like: a few hashes for all keys.
fn colliding(key: &[u8]) -> u64 {
    spread(&key[..key.len().min(1)])
}

/// Hashes that agree in their first 14 bits, as those of one cluster slot would.
fn skewed(key: &[u8]) -> u64 {
    5 << (64 - PREFIX) | spread(key) << PREFIX >> (PREFIX + 8)
}

fn key(n: u32) -> Vec<u8> {
    format!("key:{n}").into_bytes()
}

/// A table beside a map that says what it should hold.
struct Twin {
    table: Table,
    model: HashMap<Vec<u8>, (Vec<u8>, Option<i64>)>,
    random: fastrand::Rng,
}

impl Twin {
    fn new(hasher: fn(&[u8]) -> u64, seed: u64) -> Self {
        Twin {
            table: Table::with_hasher(PREFIX, hasher),
            model: HashMap::new(),
            random: fastrand::Rng::with_seed(seed),
        }
    }

    fn hash(&self, key: &[u8]) -> u64 {
        (self.table.hasher)(key)
    }

    fn some_ttl(&mut self) -> Option<i64> {
        self.random.bool().then(|| self.random.i64(0..100_000))
    }

    fn insert(&mut self, key: Vec<u8>) {
        let (value, ttl) = (self.random.u32(..).to_string().into_bytes(), self.some_ttl());
        let old = self.table.insert(self.hash(&key), EntryBox::string(&key, &value, ttl));
        let expected = self.model.insert(key, (value, ttl));
        assert_eq!(old.as_ref().map(|e| read(e.as_ref())), expected);
    }

    fn remove(&mut self, key: &[u8]) {
        let old = self.table.remove(self.hash(key), key);
        assert_eq!(old.as_ref().map(|e| read(e.as_ref())), self.model.remove(key));
    }

    fn retime(&mut self, key: &[u8]) {
        let (ttl, hash) = (self.some_ttl(), self.hash(key));
        let Some(mut slot) = self.table.slot(hash, key) else {
            assert!(!self.model.contains_key(key));
            return;
        };
        slot.update(|entry| {
            let old = mem::replace(entry, EntryBox::int(key, 0, None));
            *entry = old.with_expire_at(ttl);
        });
        assert_eq!(slot.entry().expire_at(), ttl);
        self.model.get_mut(key).unwrap().1 = ttl;
    }

    fn step(&mut self, keys: u32, growing: bool) {
        let key = key(self.random.u32(..keys));
        match self.random.u8(..10) {
            0..=4 if growing => self.insert(key),
            0..=4 => self.remove(&key),
            5 => self.insert(key),
            6 => self.remove(&key),
            7 => self.retime(&key),
            8 => {
                let cursor = self.hash(&key) >> (u64::BITS - CURSOR_BITS);
                self.table.renew(cursor, 20);
            }
            _ => {
                let found = self.table.find(self.hash(&key), &key).map(read);
                assert_eq!(found.as_ref(), self.model.get(&key));
            }
        }
    }

    fn check(&self) {
        assert_eq!(self.table.len(), self.model.len());
        assert_eq!(self.table.expiring(), self.model.values().filter(|(_, ttl)| ttl.is_some()).count());
        let all: HashMap<_, _> = self.table.iter().map(|e| (e.key().to_vec(), read(e))).collect();
        assert_eq!(all, self.model);
        for (key, value) in &self.model {
            let hash = self.hash(key);
            self.table.prefetch_bucket(hash);
            self.table.prefetch_entry(hash);
            assert_eq!(self.table.find(hash, key).map(read).as_ref(), Some(value));
        }
        assert_eq!(scan_all(&self.table), self.model.keys().cloned().collect());
        assert_eq!(self.table.random().is_some(), !self.model.is_empty());
        if let Some(entry) = self.table.random_expiring() {
            assert!(entry.expire_at().is_some());
        }
    }
}

fn read(entry: EntryRef<'_>) -> (Vec<u8>, Option<i64>) {
    (entry.string().unwrap().to_vec(), entry.expire_at())
}

fn first_cursor() -> u64 {
    5 << (CURSOR_BITS - PREFIX)
}

fn scan_all(table: &Table) -> HashSet<Vec<u8>> {
    let (mut seen, mut cursor) = (HashSet::new(), Some(first_cursor()));
    while let Some(at) = cursor {
        cursor = table.scan(at, &mut |e| assert!(seen.insert(e.key().to_vec()), "twice in a table at rest"));
        assert!(cursor.is_none_or(|next| next > at));
    }
    seen
}

#[test]
fn an_empty_table_allocates_nothing_and_a_tiny_one_little() {
    let mut table = Table::new(PREFIX);
    assert_eq!(table.memory(), 0);
    assert!(table.find(1, b"k").is_none() && table.remove(1, b"k").is_none() && table.random().is_none());
    assert_eq!(table.scan(first_cursor(), &mut |_| ()), None);
    assert_eq!(table.due(i64::MAX, 10, 0, &mut |_| ()), None);
    table.insert(1, EntryBox::string(b"k", b"v", None));
    assert!(table.memory() < 256, "{}", table.memory());
    let full = table.take();
    assert_eq!((table.len(), table.memory(), full.len()), (0, 0, 1));
}

#[test]
fn it_agrees_with_a_map_while_growing_and_shrinking() {
    for (hasher, keys, steps) in
        [(spread as fn(&[u8]) -> u64, 100_000, 300_000), (spread, 60, 10_000), (skewed, 12_000, 30_000)]
    {
        let mut twin = Twin::new(hasher, u64::from(keys));
        twin.check();
        for growing in [true, false, true, false] {
            for _ in 0..steps {
                twin.step(keys, growing);
            }
            twin.check();
        }
        let left: Vec<_> = twin.model.keys().cloned().collect();
        left.iter().for_each(|key| twin.remove(key));
        twin.check();
        assert_eq!((twin.table.subs.len(), twin.table.directory.len()), (1, 1), "everything was merged");
        assert!(twin.table.memory() < 4096, "{}", twin.table.memory());
    }
}

#[test]
fn it_agrees_with_a_map_when_all_hashes_collide() {
    let mut twin = Twin::new(colliding, 1);
    for growing in [true, false] {
        for _ in 0..6_000 {
            twin.step(1_500, growing);
        }
        let seen: HashSet<_> = twin.table.iter().map(|e| e.key().to_vec()).collect();
        assert_eq!(seen, twin.model.keys().cloned().collect());
        twin.check();
    }
}

#[test]
fn colliding_keys_cannot_blow_up_the_directory() {
    let mut table = Table::with_hasher(PREFIX, |_| 5 << (64 - PREFIX));
    let prefilled = sub::capacity(BUCKETS_MAX) + 100;
    // Stored under different hashes so that filling is quick; only the first bits matter here.
    for n in 0..prefilled as u32 {
        let hash = 5 << (64 - PREFIX) | u64::from(n) << 20;
        table.insert(hash, EntryBox::string(&key(n), b"", None));
    }
    assert!(table.directory.len() <= DIRECTORY_MIN);
    assert_eq!(table.len(), prefilled);
}

#[test]
fn the_first_splits_read_no_keys() {
    let mut table = Table::with_hasher(PREFIX, |_| panic!("a key was read"));
    for n in 0..100_000 {
        table.insert(spread(&key(n)), EntryBox::string(&key(n), b"", None));
    }
    assert!(table.subs.len() > 16);
    table.hasher = spread;
    for n in 0..100_000 {
        assert!(table.remove(spread(&key(n)), &key(n)).is_some());
    }
    assert_eq!(table.memory() / 1024, 0);
}

#[test]
fn growing_keeps_the_table_dense() {
    let (mut table, mut sum, mut samples) = (Table::with_hasher(PREFIX, spread), 0.0, 0);
    for n in 0..60_000 {
        table.insert(spread(&key(n)), EntryBox::int(&key(n), 1, None));
        if n > 6_000 && n % 500 == 0 {
            sum += table.memory() as f64 / table.len() as f64;
            samples += 1;
        }
    }
    let bytes = sum / f64::from(samples);
    println!("{bytes:.2} bytes of table for each key");
    assert!(bytes < 11.0, "{bytes}");
}

#[test]
fn scan_returns_all_that_stays_whatever_happens_between_the_calls() {
    for seed in 0..4 {
        let mut twin = Twin::new(if seed % 2 == 0 { spread } else { skewed }, seed);
        let (small, large) = (6_000, 30_000);
        (0..small).for_each(|n| twin.insert(key(n)));
        let stays: HashSet<_> = (0..small).step_by(50).map(key).collect();
        let (mut seen, mut cursor, mut calls) = (HashSet::new(), Some(first_cursor()), 0);
        while let Some(at) = cursor {
            cursor = twin.table.scan(at, &mut |e| {
                seen.insert(e.key().to_vec());
            });
            // Waves of growth beyond the first size and of shrinking to almost nothing.
            for _ in 0..100 {
                let key = key(twin.random.u32(..large));
                match (calls / 250 + seed) % 2 {
                    0 => twin.insert(key),
                    _ if stays.contains(&key) => twin.retime(&key),
                    _ => twin.remove(&key),
                }
            }
            calls += 1;
        }
        assert!(stays.is_subset(&seen), "seed {seed}: {} lost", stays.difference(&seen).count());
    }
}

#[test]
fn due_finds_what_a_full_search_finds() {
    let mut twin = Twin::new(spread, 3);
    for _ in 0..100_000 {
        twin.step(20_000, true);
    }
    for now in [0, 999, 1_000, 20_500, 50_000, 99_999, i64::MAX] {
        for limit in [1, 7, 1_000_000] {
            let (mut found, mut from) = (HashSet::new(), Some(0));
            while let Some(at) = from {
                let before = found.len();
                from = twin.table.due(now, limit, at, &mut |e| assert!(found.insert(e.key().to_vec())));
                assert!(found.len() - before <= limit + 60);
            }
            let due = twin.model.iter().filter(|(_, (_, ttl))| ttl.is_some_and(|t| t <= now));
            assert_eq!(found, due.map(|(key, _)| key.clone()).collect(), "at {now}");
        }
        for key in twin.model.keys().cloned().collect::<Vec<_>>() {
            if twin.model[&key].1.is_some_and(|t| t <= now) && twin.random.u8(..3) > 0 {
                twin.remove(&key);
            }
        }
        (0..2_000).for_each(|_| twin.step(20_000, false));
    }
    twin.check();
}

#[test]
fn random_picks_are_fair_enough() {
    let mut twin = Twin::new(spread, 4);
    (0..200).for_each(|n| twin.insert(key(n)));
    let picks = |pick: &dyn Fn() -> Vec<u8>| {
        let mut counts = HashMap::<_, u32>::new();
        (0..100_000).for_each(|_| *counts.entry(pick()).or_default() += 1);
        counts
    };
    let counts = picks(&|| twin.table.random().unwrap().key().to_vec());
    assert_eq!(counts.len(), 200);
    assert!(counts.values().all(|n| (300..800).contains(n)), "{:?}", counts.values());
    let counts = picks(&|| twin.table.random_expiring().unwrap().key().to_vec());
    assert_eq!(counts.len(), twin.table.expiring());
}

#[test]
fn an_entry_on_loan_survives_a_panic() {
    let mut table = Table::new(PREFIX);
    let hash = hash::hash(b"k");
    table.insert(hash, EntryBox::string(b"k", b"v", None));
    let mut slot = table.slot(hash, b"k").unwrap();
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        slot.update(|entry| {
            *entry = EntryBox::string(b"k", b"w", None);
            panic!("in the middle");
        })
    }));
    assert!(panic.is_err());
    assert_eq!(table.find(hash, b"k").map(read), Some((b"w".to_vec(), None)));
}

#[test]
fn hashes_with_fields_that_expire_are_counted() {
    let (mut table, packing, mut random) =
        (Table::new(PREFIX), Packing::default(), fastrand::Rng::with_seed(5));
    for _ in 0..5000 {
        let key = key(random.u32(..40));
        let hash = spread(&key);
        let at = random.bool().then_some(1_000_000);
        match (random.u8(..6), table.slot(hash, &key)) {
            (0, Some(slot)) => drop(slot.remove()),
            (1, Some(mut slot)) => slot.update(|entry| {
                let old = mem::replace(entry, EntryBox::int(&key, 0, None));
                *entry = old.with_expire_at(at);
            }),
            (2, Some(mut slot)) => slot.update(|entry| *entry = EntryBox::string(&key, b"v", at)),
            (_, Some(mut slot)) if slot.entry().collection::<Hash>().is_some() => {
                slot.change(|hash: &mut Hash| hash.set_expire_at(b"f", at));
            }
            _ => {
                let mut value = Hash::new();
                value.set(b"f", b"v", &packing);
                value.set(b"g", b"w", &packing);
                value.set_expire_at(b"g", random.bool().then_some(2_000_000));
                table.insert(hash, EntryBox::collection(&key, value, at));
            }
        }
        let counted = table.iter().filter(|entry| entry.field_due_at().is_some()).count();
        assert_eq!(table.with_expiring_fields(), counted);
        assert_eq!(table.timed(), table.iter().filter(|entry| entry.due_at().is_some()).count());
    }
}
