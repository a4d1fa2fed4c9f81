//! The keyed hash of the keyspace: one function decides a key's shard, sub-table and bucket.

use crate::base::random;
use ahash::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::OnceLock;

static STATE: OnceLock<RandomState> = OnceLock::new();

/// The 64-bit hash of `key`, under a key drawn at random for this process, so that nobody outside can
/// choose keys that collide.
pub fn hash(key: &[u8]) -> u64 {
    let mut hasher = STATE.get_or_init(random_state).build_hasher();
    hasher.write(key);
    hasher.finish()
}

/// Makes the hash the same in every run with the same `seed` (tests, simulations); false when a key was
/// hashed before, as the table would no longer find it.
pub fn fix_seed(seed: u64) -> bool {
    STATE.set(RandomState::with_seeds(seed, !seed, seed.rotate_left(32), 1)).is_ok()
}

#[cold]
fn random_state() -> RandomState {
    let mut secret = [0; 32];
    random::secret(&mut secret);
    let word = |i: usize| u64::from_le_bytes(std::array::from_fn(|byte| secret[8 * i + byte]));
    RandomState::with_seeds(word(0), word(1), word(2), word(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_changes_with_the_key() {
        let keys: Vec<u64> = (0..10_000u32).map(|i| hash(&i.to_le_bytes())).collect();
        for bit in 0..64 {
            let ones = keys.iter().filter(|h| *h >> bit & 1 == 1).count();
            assert!((4_500..5_500).contains(&ones), "bit {bit} is set in {ones} of 10000");
        }
        assert!(!fix_seed(1), "a hash in use cannot change");
    }
}
