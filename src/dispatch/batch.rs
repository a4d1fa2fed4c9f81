//! Calls decoded ahead of their execution: commands looked up, keys hashed and prefetched.

use super::registry;
use crate::command::{Found, KeyedFn, RegistryEntry};
use crate::engine::Engine;
use crate::keyspace::Key;
use crate::resp::decode::{Batch, emptied};
use smallvec::SmallVec;

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

/// Keys between the one whose bucket is asked for and the one whose entry is.
const LAG: usize = 8;

/// Batches with room for more keys than this give the memory back.
const KEPT_KEYS_MAX: usize = 4096;

/// The calls of one batch, in order. With memory that was used before, one-key commands allocate nothing.
#[derive(Default)]
pub struct Calls<'a> {
    batch: Batch<'a>,
    keys: Vec<Key<'a>>,
    places: Vec<Place>,
    found: Vec<Found>,
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

    /// As [`Calls::look_up`], and begins to bring what the keys will need into the cache meanwhile: the bucket of each at
    /// once, its entry some keys later, when the bucket has arrived. Not worth it for one key.
    pub fn look_up_ahead(&mut self, engine: &Engine, db: u32) {
        let (keyspace, mut entries) = (&engine.keyspace, 0);
        for i in self.places.len()..self.batch.len() {
            let first = self.keys.len();
            self.place(i, registry().find(self.batch.request(i)[0]));
            if self.batch.len() == 1 && self.keys.len() < 2 {
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
        let keys = &mut self.keys;
        let (entry, plain) = look_up(self.batch.request(i), entry, &mut self.found, |key| keys.push(key));
        self.places.push(Place { keys: self.keys.len() as u32, entry, plain });
    }

    /// Bytes allocated.
    pub fn capacity_bytes(&self) -> usize {
        let Calls { batch, keys, places, found } = self;
        let sizes = [
            keys.capacity() * size_of::<Key<'_>>(),
            places.capacity() * size_of::<Place>(),
            found.capacity() * size_of::<Found>(),
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
        let Place { keys, entry, plain } = self.places[i];
        let first = if i == 0 { 0 } else { self.places[i - 1].keys };
        let keys = &self.keys[first as usize..keys as usize];
        Call { argv: self.batch.request(i), entry, keys, plain }
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
        let Calls { batch, keys, mut places, found } = self;
        places.clear();
        Calls { batch: batch.recycle(), keys: emptied(keys, KEPT_KEYS_MAX), places, found }
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
