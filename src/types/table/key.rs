//! A key made ready to be searched: hashed and encoded once, then good for any table.

use super::super::item::{Item, Needle};
use crate::base::random;
use ahash::RandomState;
use std::sync::LazyLock;

/// Keyed by secret numbers, so that nobody can choose members that collide.
static STATE: LazyLock<RandomState> = LazyLock::new(|| {
    let mut seeds = [0; 32];
    random::secret(&mut seeds);
    let mut words = seeds.chunks_exact(8).map(|s| s.iter().fold(0, |n, b| n << 8 | u64::from(*b)));
    let mut next = || words.next().unwrap_or_default();
    RandomState::with_seeds(next(), next(), next(), next())
});

/// The hash of `item`, the same in every table of the process.
pub(in crate::types) fn hash(item: Item<'_>) -> u64 {
    match item {
        Item::Int(n) => STATE.hash_one(n),
        Item::Bytes(text) => STATE.hash_one(text),
    }
}

/// A key with its hash and its encoding.
pub(in crate::types) struct Key<'a> {
    pub(super) hash: u64,
    pub(in crate::types) needle: Needle<'a>,
}

impl<'a> Key<'a> {
    /// Prepares `item`.
    pub(in crate::types) fn new(item: Item<'a>) -> Self {
        Key { hash: hash(item), needle: Needle::new(item) }
    }

    /// Its hash, for [`super::Table::find_by_hash`].
    pub(in crate::types) fn hash(&self) -> u64 {
        self.hash
    }
}
