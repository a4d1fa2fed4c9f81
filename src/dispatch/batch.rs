//! Calls decoded ahead of their execution: commands looked up, keys hashed and prefetched.

use super::registry;
use crate::command::{Find, Found};
use crate::engine::Engine;
use crate::keyspace::Key;
use smallvec::SmallVec;

/// One call, ready to run.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// Its words.
    pub argv: &'a [&'a [u8]],
    /// Its command; `None` when there is none of that name. A container, if its subcommand is unknown.
    pub entry: Option<crate::command::RegistryEntry>,
    /// Its keys.
    pub keys: &'a [Key<'a>],
}

#[derive(Clone, Copy)]
struct Place {
    words: (u32, u32),
    keys: (u32, u32),
    entry: Option<crate::command::RegistryEntry>,
}

/// The calls of one batch, in order. A whole batch of one-key commands allocates nothing.
#[derive(Default)]
pub struct Calls<'a> {
    words: SmallVec<[&'a [u8]; 192]>,
    keys: SmallVec<[Key<'a>; 64]>,
    places: SmallVec<[Place; 64]>,
    found: Vec<Found>,
}

impl<'a> Calls<'a> {
    /// A batch of the one call `argv`.
    pub fn of(argv: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut calls = Self::default();
        calls.push(argv);
        calls
    }

    /// Adds a call: looks its command up and hashes its keys.
    pub fn push(&mut self, argv: impl IntoIterator<Item = &'a [u8]>) {
        self.add(argv, |name| registry().find(name));
    }

    /// Adds an effect, whose verb clients may not call.
    pub(super) fn push_effect(&mut self, argv: impl IntoIterator<Item = &'a [u8]>) {
        self.add(argv, |name| registry().find_effect(name));
    }

    #[inline]
    fn add(
        &mut self,
        argv: impl IntoIterator<Item = &'a [u8]>,
        find: impl FnOnce(&[u8]) -> Option<crate::command::RegistryEntry>,
    ) {
        let first = (self.words.len(), self.keys.len());
        let argv = argv.into_iter();
        self.words.reserve(argv.size_hint().0);
        argv.for_each(|word| self.words.push(word));
        let argv = &self.words[first.0..];
        let mut entry = find(argv[0]);
        if let Some(found) = entry
            && !found.command.subcommands().is_empty()
            && argv.len() > 1
        {
            entry = registry().find_sub(found, argv[1]).or(entry);
        }
        if let Some(found) = entry
            && found.command.takes(argv.len())
        {
            match found.command.keys {
                [] => {}
                [one]
                    if let Find::At { first, last, .. } = one.find
                        && last == first as i8 =>
                {
                    if let Some(key) = argv.get(first as usize) {
                        self.keys.push(Key::new(key));
                    }
                }
                _ => {
                    self.found.clear();
                    // A malformed call has no keys: its handler tells what is wrong.
                    if found.command.find_keys(argv, &mut self.found).is_ok() {
                        self.keys.extend(self.found.iter().map(|found| Key::new(argv[found.at])));
                    }
                }
            }
        }
        let words = (first.0 as u32, self.words.len() as u32);
        let keys = (first.1 as u32, self.keys.len() as u32);
        self.places.push(Place { words, keys, entry });
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
        let Place { words, keys, entry } = self.places[i];
        Call {
            argv: &self.words[words.0 as usize..words.1 as usize],
            entry,
            keys: &self.keys[keys.0 as usize..keys.1 as usize],
        }
    }

    /// Brings what the keys will need into the cache; not worth it for one key.
    pub fn prefetch(&self, engine: &Engine, db: u32) {
        if self.keys.len() > 1 {
            engine.keyspace.prefetch(db, &self.keys);
        }
    }
}
