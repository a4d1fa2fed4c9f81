//! The keyed hash of the keyspace: one function decides a key's shard, sub-table and bucket.

use crate::base::random;
use ahash::RandomState;
use sha2::{Digest, Sha256};
use std::hash::{BuildHasher, Hasher};
use std::sync::OnceLock;

static STATE: OnceLock<RandomState> = OnceLock::new();

/// The 64-bit hash of `key`, under a key drawn at random for this process (or made of [`fix_seed`]'s), so that nobody
/// outside can choose keys that collide.
pub fn hash(key: &[u8]) -> u64 {
    let mut hasher = STATE.get_or_init(random_state).build_hasher();
    hasher.write(key);
    hasher.finish()
}

/// Makes the hash the same in every run with the same `seed`; false when a key was hashed before, as the table would no
/// longer find it.
pub fn fix_seed(seed: &[u8]) -> bool {
    STATE.set(state_of(&Sha256::digest(seed).into())).is_ok()
}

#[cold]
fn random_state() -> RandomState {
    let mut secret = [0; 32];
    random::secret(&mut secret);
    state_of(&secret)
}

fn state_of(secret: &[u8; 32]) -> RandomState {
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
        assert!(!fix_seed(b"1"), "a hash in use cannot change");
    }

    #[test]
    fn a_secret_decides_all() {
        let hashed = |secret: [u8; 32]| state_of(&secret).hash_one(b"key");
        assert_eq!(hashed([7; 32]), hashed([7; 32]));
        for at in 0..32 {
            let mut other = [7; 32];
            other[at] ^= 1;
            assert_ne!(hashed([7; 32]), hashed(other), "byte {at}");
        }
    }
}
