//! Calls decoded ahead of their execution: commands looked up, keys hashed and prefetched.

use super::registry;
use crate::command::{Found, KeyedFn, RegistryEntry};
use crate::engine::Engine;
use crate::keyspace::{EntryRef, Key, Keyspace};
use crate::resp::decode::{Batch, emptied};
use smallvec::SmallVec;
use std::ops::Range;

/// One call, ready to run.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// Its words.
    pub argv: &'a [&'a [u8]],
    /// Its command; `None` when there is none of that name. A container, if its subcommand is unknown.
    pub entry: Option<RegistryEntry>,
    /// Its keys.
    pub keys: &'a [Key<'a>],
    /// What runs it, when it is plain: well-formed, and over keys alone.
    pub plain: Option<KeyedFn>,
}

/// A call that stands alone.
pub struct Single<'a> {
    argv: &'a [&'a [u8]],
    keys: SmallVec<[Key<'a>; 4]>,
    entry: Option<RegistryEntry>,
    plain: Option<KeyedFn>,
}

impl<'a> Single<'a> {
    /// The call `argv`: its command looked up, its keys hashed.
    pub fn of(argv: &'a [&'a [u8]]) -> Self {
        let mut keys = SmallVec::new();
        let (entry, plain) = look_up(argv, registry().find(argv[0]), &mut Vec::new(), |key| keys.push(key));
        Self { argv, keys, entry, plain }
    }

    /// The call.
    pub fn call(&self) -> Call<'_> {
        Call { argv: self.argv, entry: self.entry, keys: &self.keys, plain: self.plain }
    }
}

#[derive(Clone, Copy)]
struct Place {
    /// Where its keys end.
    keys: u32,
    entry: Option<RegistryEntry>,
    plain: Option<KeyedFn>,
}

/// Calls that name members of one large collection.
struct Deep {
    /// The first of them.
    call: usize,
    /// Their members' hashes.
    hashes: Range<usize>,
    /// Whether one looks for its members in the order of a sorted set, too.
    in_order: bool,
}

/// Keys between the one whose bucket is asked for and the one whose entry is.
const LAG: usize = 8;

/// The most members that a batch prefetches: what comes too early is gone again when it is needed.
const AHEAD_MAX: usize = 1024;

/// Batches with room for more keys than this give the memory back.
const KEPT_KEYS_MAX: usize = 4096;

/// The calls of one batch, in order. With memory that was used before, one-key commands allocate nothing.
#[derive(Default)]
pub struct Calls<'a> {
    batch: Batch<'a>,
    keys: Vec<Key<'a>>,
    places: Vec<Place>,
    found: Vec<Found>,
    /// Searches of the calls in collections: one for each member that they name, and one for each that names none.
    searches: usize,
    /// The runs of calls that name members of one large collection.
    deep: Vec<Deep>,
    /// The hashes of members of large collections.
    hashes: Vec<u64>,
}

impl<'a> Calls<'a> {
    /// A batch of the one call `argv`.
    pub fn of(argv: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut calls = Self::default();
        calls.push(argv);
        calls
    }

    /// Where requests are decoded to, for [`Calls::look_up`].
    pub fn batch(&mut self) -> &mut Batch<'a> {
        &mut self.batch
    }

    /// Looks the commands of all requests up and hashes their keys.
    pub fn look_up(&mut self) {
        for i in self.places.len()..self.batch.len() {
            self.place(i, registry().find(self.batch.request(i)[0]));
        }
    }

    /// As [`Calls::look_up`], and begins to bring what the calls will read into the cache meanwhile: what leads to their
    /// keys, and then what leads to the members of collections that they name.
    pub fn look_up_ahead(&mut self, engine: &Engine, db: u32) {
        self.look_up_keys_ahead(engine, db);
        if self.searches > 1 {
            self.prefetch_collections(&engine.keyspace, db);
        }
    }

    /// Prefetches the bucket of each key at once, its entry some keys later, when the bucket has arrived. The bucket of a lone key
    /// comes while the round begins; its entry would be asked for no sooner than by the call itself.
    fn look_up_keys_ahead(&mut self, engine: &Engine, db: u32) {
        let (keyspace, mut entries) = (&engine.keyspace, 0);
        for i in self.places.len()..self.batch.len() {
            let first = self.keys.len();
            self.place(i, registry().find(self.batch.request(i)[0]));
            if self.batch.len() == 1 && self.keys.len() < 2 {
                self.keys.iter().for_each(|key| keyspace.prefetch_bucket(db, key));
                return;
            }
            self.keys[first..].iter().for_each(|key| keyspace.prefetch_bucket(db, key));
            while entries + LAG < self.keys.len() {
                keyspace.prefetch_entry(db, &self.keys[entries]);
                entries += 1;
            }
        }
        self.keys[entries..].iter().for_each(|key| keyspace.prefetch_entry(db, key));
    }

    /// Prefetches the beginning of collections and, in the large ones, the places of the members that the calls name, and then
    /// what these lead to.
    fn prefetch_collections(&mut self, keyspace: &Keyspace, db: u32) {
        let (mut deep, mut hashes) = (std::mem::take(&mut self.deep), std::mem::take(&mut self.hashes));
        let mut next = 0;
        while next < self.len() {
            let run = self.run_of_one_collection(next);
            next = run.end.max(next + 1);
            if run.is_empty() {
                continue;
            }
            let (call, from) = (run.start, hashes.len());
            let found = keyspace.glance(db, &self.keys_of(call)[0], |entry| {
                entry.prefetch_payload();
                self.prefetch_places(entry, run, &mut hashes)
            });
            if let Some(in_order) = found.filter(|_| hashes.len() > from) {
                deep.push(Deep { call, hashes: from..hashes.len(), in_order });
            }
        }
        let each = |Deep { call, hashes: own, .. }: &Deep, prefetch: fn(EntryRef<'_>, u64)| {
            keyspace.glance(db, &self.keys_of(*call)[0], |entry| {
                hashes[own.clone()].iter().for_each(|hash| prefetch(entry, *hash));
            });
        };
        deep.iter().for_each(|run| each(run, |entry, hash| entry.prefetch_record(hash)));
        deep.iter()
            .filter(|run| run.in_order)
            .for_each(|run| each(run, |entry, hash| entry.prefetch_rank(hash)));
        deep.clear();
        hashes.clear();
        (self.deep, self.hashes) = (deep, hashes);
    }

    /// Prefetches the places of the members that the calls of `run` name in `entry`, and adds their hashes; none if it is small.
    /// Returns whether a call looks for its members in order, too.
    fn prefetch_places(&self, entry: EntryRef<'_>, run: Range<usize>, hashes: &mut Vec<u64>) -> bool {
        let mut in_order = false;
        for i in run {
            let Some(members) = self.places[i].entry.and_then(|entry| entry.members) else { continue };
            in_order |= members.in_order;
            for member in members.of(self.batch.request(i)) {
                match entry.prefetch_place(member) {
                    Some(hash) if hashes.len() < AHEAD_MAX => hashes.push(hash),
                    _ => return in_order,
                }
            }
        }
        in_order
    }

    /// The calls from `first` on whose only key is the same one of a collection; empty if the first is no such call.
    fn run_of_one_collection(&self, first: usize) -> Range<usize> {
        let key_of = |i: usize| {
            let is_in_one = self.places[i].entry.is_some_and(|entry| entry.in_collection);
            is_in_one.then(|| self.keys_of(i).first()).flatten()
        };
        let Some(key) = key_of(first) else { return first..first };
        // Of two keys with one hash, the second is prefetched nothing.
        let is_it = |other: &Key<'_>| key.hash == other.hash;
        let more = (first + 1..self.len()).take_while(|i| key_of(*i).is_some_and(is_it)).count();
        first..first + 1 + more
    }

    /// Adds a call: looks its command up and hashes its keys.
    pub fn push(&mut self, argv: impl IntoIterator<Item = &'a [u8]>) {
        self.batch.push(argv);
        self.look_up();
    }

    /// Adds an effect, whose verb clients may not call.
    pub(super) fn push_effect(&mut self, argv: impl IntoIterator<Item = &'a [u8]>) {
        self.batch.push(argv);
        let i = self.batch.len() - 1;
        self.place(i, registry().find_effect(self.batch.request(i)[0]));
    }

    #[inline(always)]
    fn place(&mut self, i: usize, entry: Option<RegistryEntry>) {
        let before = self.keys.len();
        let keys = &mut self.keys;
        let (entry, plain) = look_up(self.batch.request(i), entry, &mut self.found, |key| keys.push(key));
        if let Some(entry) = entry.filter(|entry| entry.in_collection && keys.len() > before) {
            self.searches += entry.members.map_or(1, |members| members.of(self.batch.request(i)).len());
        }
        self.places.push(Place { keys: self.keys.len() as u32, entry, plain });
    }

    /// Bytes allocated.
    pub fn capacity_bytes(&self) -> usize {
        let Calls { batch, keys, places, found, deep, hashes, .. } = self;
        let sizes = [
            keys.capacity() * size_of::<Key<'_>>(),
            places.capacity() * size_of::<Place>(),
            found.capacity() * size_of::<Found>(),
            deep.capacity() * size_of::<Deep>(),
            hashes.capacity() * size_of::<u64>(),
        ];
        batch.capacity_bytes() + sizes.iter().sum::<usize>()
    }

    /// The number of calls.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The call at position `i`.
    #[inline(always)]
    pub fn get(&self, i: usize) -> Call<'_> {
        let Place { entry, plain, .. } = self.places[i];
        Call { argv: self.batch.request(i), entry, keys: self.keys_of(i), plain }
    }

    /// The keys of the call at position `i`.
    #[inline(always)]
    fn keys_of(&self, i: usize) -> &[Key<'a>] {
        let first = if i == 0 { 0 } else { self.places[i - 1].keys };
        &self.keys[first as usize..self.places[i].keys as usize]
    }

    /// Brings what the keys will need into the cache; not worth it for one key.
    pub fn prefetch(&self, engine: &Engine, db: u32) {
        if self.keys.len() > 1 {
            self.keys.iter().for_each(|key| engine.keyspace.prefetch_bucket(db, key));
            self.keys.iter().for_each(|key| engine.keyspace.prefetch_entry(db, key));
        }
    }

    /// Empties it for another input, keeping the memory.
    pub fn recycle<'b>(self) -> Calls<'b> {
        let Calls { batch, keys, mut places, found, deep, hashes, .. } = self;
        places.clear();
        let keys = emptied(keys, KEPT_KEYS_MAX);
        Calls { batch: batch.recycle(), keys, places, found, deep, hashes, searches: 0 }
    }
}

/// The command that `argv` calls, where `entry` was found by its first word, and what runs it if it is plain; its keys
/// are given to `add`.
#[inline(always)]
fn look_up<'a>(
    argv: &[&'a [u8]],
    mut entry: Option<RegistryEntry>,
    found: &mut Vec<Found>,
    mut add: impl FnMut(Key<'a>),
) -> (Option<RegistryEntry>, Option<KeyedFn>) {
    if let Some(known) = entry
        && known.is_container
        && argv.len() > 1
    {
        entry = registry().find_sub(known, argv[1]).or(entry);
    }
    let Some(known) = entry.filter(|known| known.command.takes(argv.len())) else { return (entry, None) };
    match known.only_key {
        0 if known.command.keys.is_empty() => {}
        0 => {
            found.clear();
            // A malformed call has no keys: its handler tells what is wrong.
            if known.command.find_keys(argv, found).is_ok() {
                found.iter().for_each(|found| add(Key::new(argv[found.at])));
            }
        }
        at => {
            if let Some(key) = argv.get(usize::from(at)) {
                add(Key::new(key));
            }
        }
    }
    (entry, known.plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_one_collection_end_where_another_key_or_a_malformed_call_stands() {
        let texts = [
            "HGET",
            "HSET a f v",
            "HGET a g",
            "HGET a",
            "LPUSH b x",
            "ZADD b NX 1 m 2 n",
            "GET b",
            "SADD c m",
        ];
        let words: Vec<Vec<&[u8]>> =
            texts.iter().map(|text| text.split(' ').map(str::as_bytes).collect()).collect();
        let mut calls = Calls::default();
        words.iter().for_each(|argv| calls.push(argv.iter().copied()));
        let ends: Vec<usize> = (0..calls.len()).map(|i| calls.run_of_one_collection(i).end).collect();
        assert_eq!(ends, [0, 3, 3, 3, 6, 6, 6, 8]);
        assert_eq!(calls.searches, 1 + 1 + 1 + 3 + 1);
        let members =
            calls.get(5).entry.and_then(|entry| entry.members).map(|members| members.of(calls.get(5).argv));
        assert_eq!(members.map(Iterator::collect), Some(vec![b"NX".as_slice(), b"m", b"n"]));
    }
}
