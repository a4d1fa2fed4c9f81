//! The generator of `math.random`: the 48-bit linear congruential generator that POSIX calls `lrand48`,
//! so that a seed gives the numbers that scripts know.

use std::cell::Cell;

const FACTOR: u64 = 0x5_DEEC_E66D;
const ADDEND: u64 = 0xB;
const MASK: u64 = (1 << 48) - 1;
/// Numbers are below this.
const RANGE: f64 = 2_147_483_647.0;

/// The generator's state.
#[derive(Debug, Default)]
pub struct Random(Cell<u64>);

impl Random {
    /// Begins the sequence of `seed`.
    pub fn seed(&self, seed: i32) {
        self.0.set(u64::from(seed as u32) << 16 | 0x330E);
    }

    /// The next number in `0.0..1.0`.
    pub fn next(&self) -> f64 {
        let state = self.0.get().wrapping_mul(FACTOR).wrapping_add(ADDEND) & MASK;
        self.0.set(state);
        ((state >> 17) % RANGE as u64) as f64 / RANGE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_numbers_that_redis_gives() {
        let random = Random::default();
        random.seed(10);
        let drawn: Vec<u64> = (0..2).map(|_| (random.next() * 1000.0).floor() as u64 + 1).collect();
        assert_eq!(drawn, [879, 796]);
    }
}
