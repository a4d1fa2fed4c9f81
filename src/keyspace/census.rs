//! What the keys are: how many of each type and below each prefix, and the bytes they take.
//!
//! It looks at each key, or at a [`Sample`] of many, and multiplies. A key's prefix is what stands up to its n-th delimiter, or its last one if it has fewer:
//!
//! ```text
//! user:17:name   depth 1: user:    depth 2: user:17:    depth 3: user:17:
//! counter        has none: the empty prefix
//! ```

use super::entry::{EntryRef, Kind};
use super::sample::Sample;
use super::table::Table;
use std::collections::HashMap;

/// Prefixes that are counted apart: then the lighter half goes to the rest.
const PREFIXES_MAX: usize = 8192;
/// Bytes of the longest prefix: longer ones are cut.
const PREFIX_LEN_MAX: usize = 256;

/// How many keys, and how many bytes they take with their values.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// Keys; whole numbers unless they are estimates.
    pub keys: f64,
    /// Bytes, as MEMORY USAGE counts them.
    pub bytes: f64,
}

impl Load {
    fn add(&mut self, other: Load) {
        self.bytes += other.bytes;
        self.keys += other.keys;
    }
}

/// Where prefixes end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The delimiter.
    pub delimiter: u8,
    /// How many of them a prefix has.
    pub depth: usize,
}

impl Default for Cut {
    fn default() -> Self {
        Cut { delimiter: b':', depth: 1 }
    }
}

impl Cut {
    /// The prefix of a key.
    pub fn prefix<'k>(&self, key: &'k [u8]) -> &'k [u8] {
        let key = &key[..key.len().min(PREFIX_LEN_MAX)];
        let ends = memchr::memchr_iter(self.delimiter, key).take(self.depth);
        &key[..ends.last().map_or(0, |at| at + 1)]
    }
}

/// Prefixes of databases, and what lies below them.
pub type Prefixes<'a> = Vec<(u32, &'a [u8], Load)>;

/// A count of the keys of databases.
#[derive(Debug)]
pub struct Census {
    cut: Cut,
    now_ms: i64,
    sample: Sample,
    kinds: [Load; Kind::ALL.len()],
    /// By database and prefix.
    prefixes: HashMap<(u32, Box<[u8]>), Load>,
    rest: Load,
}

impl Census {
    /// A census of databases with `keys` keys.
    pub fn new(keys: usize, cut: Cut, now_ms: i64) -> Self {
        Census {
            cut,
            now_ms,
            sample: Sample::of(keys),
            kinds: Default::default(),
            prefixes: HashMap::new(),
            rest: Load::default(),
        }
    }

    /// Whether every key was looked at.
    pub fn is_exact(&self) -> bool {
        self.sample.is_whole()
    }

    /// Counts the keys of one shard of a database; `held` as [`Sample::visit`] takes it.
    pub fn visit(&mut self, shard: usize, db: u32, held: impl FnMut(&mut dyn FnMut(&Table))) {
        let sample = self.sample;
        sample.visit(shard, held, &mut |entry, times| self.add(db, entry, times));
    }

    fn add(&mut self, db: u32, entry: EntryRef<'_>, times: f64) {
        if entry.expire_at().is_some_and(|at| at <= self.now_ms) {
            return;
        }
        let load = Load { keys: times, bytes: times * entry.memory() as f64 };
        self.kinds[entry.kind() as usize].add(load);
        let place = (db, Box::from(self.cut.prefix(entry.key())));
        self.prefixes.entry(place).or_default().add(load);
        if self.prefixes.len() > PREFIXES_MAX {
            self.prune();
        }
    }

    /// Forgets the lighter half of the prefixes; their sum stays.
    fn prune(&mut self) {
        let mut bytes: Vec<f64> = self.prefixes.values().map(|load| load.bytes).collect();
        let (_, middle, _) = bytes.select_nth_unstable_by(PREFIXES_MAX / 2, f64::total_cmp);
        let (middle, mut kept) = (*middle, 0);
        self.prefixes.retain(|_, load| {
            let stays = load.bytes > middle || load.bytes == middle && kept < PREFIXES_MAX / 2;
            if stays {
                kept += 1;
            } else {
                self.rest.add(*load);
            }
            stays
        });
    }

    /// Keys and bytes of each type.
    pub fn kinds(&self) -> impl Iterator<Item = (Kind, Load)> {
        Kind::ALL.into_iter().zip(self.kinds)
    }

    /// The `count` prefixes with the most bytes, by database, the heaviest first; and the rest together.
    pub fn heaviest(&self, count: usize) -> (Prefixes<'_>, Load) {
        let mut all: Prefixes<'_> =
            self.prefixes.iter().map(|((db, prefix), load)| (*db, &**prefix, *load)).collect();
        all.sort_unstable_by(|a, b| b.2.bytes.total_cmp(&a.2.bytes).then(a.1.cmp(b.1)));
        let mut rest = self.rest;
        all.iter().skip(count).for_each(|(.., load)| rest.add(*load));
        all.truncate(count);
        (all, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::sample::VISITS_MAX;
    use crate::keyspace::txn::Begin;
    use crate::keyspace::{Effects, Key, Keyspace, SHARDS, Ttl};

    #[test]
    fn prefixes_end_at_delimiters() {
        let cut = |depth| Cut { delimiter: b':', depth };
        assert_eq!(cut(1).prefix(b"user:17:name"), b"user:");
        assert_eq!(cut(2).prefix(b"user:17:name"), b"user:17:");
        assert_eq!(cut(9).prefix(b"user:17:name"), b"user:17:");
        assert_eq!(cut(1).prefix(b"counter"), b"");
        assert_eq!(cut(1).prefix(b":"), b":");
        assert!(cut(1).prefix(&[b'x'; 1000]).is_empty());
    }

    fn keyspace(keys: usize) -> Keyspace {
        let (keyspace, mut effects) = (Keyspace::new(1), Effects::default());
        for n in 0..keys {
            let key = format!("{}:{n}", ["a", "b", "b", "b"][n % 4]);
            let begin = Begin { db: 0, now_ms: 0, access: None, event: "" };
            let keys = [Key::new(key.as_bytes())];
            let mut txn = keyspace.begin(&keys, begin, &mut effects);
            txn.put_string(key.as_bytes(), b"v", Ttl::Clear);
        }
        keyspace
    }

    fn census(keyspace: &Keyspace, keys: usize) -> Census {
        let mut census = Census::new(keys, Cut::default(), 0);
        for shard in 0..SHARDS {
            census.visit(shard, 0, |step| step(&keyspace.lock(shard).tables[0]));
        }
        census
    }

    #[test]
    fn few_keys_are_counted_one_by_one() {
        let census = census(&keyspace(4000), 4000);
        let (prefixes, rest) = census.heaviest(1);
        assert!(census.is_exact());
        assert_eq!((prefixes[0].1, prefixes[0].2.keys, rest.keys), (&b"b:"[..], 3000.0, 1000.0));
        assert_eq!(census.kinds().map(|(_, load)| load.keys).sum::<f64>(), 4000.0);
    }

    #[test]
    fn many_keys_are_estimated() {
        let keyspace = keyspace(40_000);
        // As if there were so many that a tenth may be visited.
        let census = census(&keyspace, 10 * VISITS_MAX);
        let keys: f64 = census.kinds().map(|(_, load)| load.keys).sum();
        assert!((30_000.0..50_000.0).contains(&keys), "{keys}");
        let (prefixes, _) = census.heaviest(2);
        let share = prefixes[0].2.keys / keys;
        assert!((0.7..0.8).contains(&share), "{share}");
    }

    #[test]
    fn prefixes_are_bounded() {
        let mut census = Census::new(1, Cut::default(), 0);
        for n in 0..3 * PREFIXES_MAX as u32 {
            let load = Load { keys: 1.0, bytes: 1.0 };
            census.prefixes.insert((0, Box::from(&n.to_be_bytes()[..])), load);
            if census.prefixes.len() > PREFIXES_MAX {
                census.prune();
            }
        }
        let kept: f64 = census.prefixes.values().map(|load| load.keys).sum();
        assert_eq!(kept + census.rest.keys, 3.0 * PREFIXES_MAX as f64);
        assert!(census.prefixes.len() <= PREFIXES_MAX);
    }
}
