//! Bits of byte strings: counting, searching, combining, and integers of any width at any place.
//!
//! Bit 0 is the most significant bit of byte 0.

mod combine;
mod field;

pub use combine::Operation;
pub use field::{Field, Overflow};

use crate::base::simd;

/// A place in bits, from the start of a string.
pub type Bit = u64;

/// The bit at `at`; bits behind the end are 0.
pub fn get(bytes: &[u8], at: Bit) -> bool {
    bytes.get((at / 8) as usize).is_some_and(|byte| byte & mask(at) != 0)
}

/// Sets the bit at `at`, which must lie in `bytes`; returns what it was.
///
/// # Panics
/// When the bit lies behind the end.
pub fn set(bytes: &mut [u8], at: Bit, value: bool) -> bool {
    let byte = &mut bytes[(at / 8) as usize];
    let was = *byte & mask(at) != 0;
    if value {
        *byte |= mask(at);
    } else {
        *byte &= !mask(at);
    }
    was
}

fn mask(at: Bit) -> u8 {
    0x80 >> (at % 8)
}

/// How many bits of `bytes` are 1.
pub fn count(bytes: &[u8]) -> u64 {
    simd::widened_to_count(bytes, ones)
}

#[inline(always)]
fn ones(bytes: &[u8]) -> u64 {
    let (blocks, rest) = bytes.as_chunks::<64>();
    let mut total = 0;
    for block in blocks {
        // Sums of a few words stay in 64-bit lanes, which compilers turn into vector code.
        let (words, _) = block.as_chunks::<8>();
        total += words.iter().map(|word| u64::from_ne_bytes(*word).count_ones()).sum::<u32>() as u64;
    }
    total + rest.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>()
}

/// How many of the bits `first..=last`, which must lie in `bytes`, are 1.
pub fn count_range(bytes: &[u8], first: Bit, last: Bit) -> u64 {
    let (from, to) = ((first / 8) as usize, (last / 8) as usize);
    let before = bytes[from] & !(0xff >> (first % 8));
    let behind = bytes[to] & (0x7f >> (last % 8));
    count(&bytes[from..=to]) - u64::from(before.count_ones()) - u64::from(behind.count_ones())
}

/// The first of the bits `first..=last`, which must lie in `bytes`, that is `value`.
pub fn position(bytes: &[u8], value: bool, first: Bit, last: Bit) -> Option<Bit> {
    let (from, to) = ((first / 8) as usize, (last / 8) as usize);
    let skipped = if value { 0x00 } else { 0xff };
    // Where a byte differs from `skipped` it has a bit that is looked for.
    let first_byte = (bytes[from] ^ skipped) & (0xff >> (first % 8));
    let (at, differing) = if first_byte != 0 {
        (from, first_byte)
    } else {
        let at = from + 1 + run_len(&bytes[from + 1..=to], skipped);
        (at, bytes[..=to].get(at)? ^ skipped)
    };
    Some(at as Bit * 8 + Bit::from(differing.leading_zeros())).filter(|found| *found <= last)
}

/// How many bytes equal to `byte` the bytes begin with.
fn run_len(bytes: &[u8], byte: u8) -> usize {
    let run = |chunk: &[u8]| chunk.iter().take_while(|b| **b == byte).count();
    let whole = bytes.chunks_exact(64).take_while(|c| c.iter().fold(0, |all, b| all | (b ^ byte)) == 0);
    let skipped = whole.count() * 64;
    skipped + run(&bytes[skipped..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naive(bytes: &[u8], first: Bit, last: Bit) -> impl Iterator<Item = (Bit, bool)> {
        (first..=last).map(|at| (at, bytes[at as usize / 8] >> (7 - at % 8) & 1 == 1))
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![Just(0u8), Just(0), Just(0), Just(0xff), Just(0xff), Just(0xff), any::<u8>()];
        prop_oneof![
            prop::collection::vec(byte, 1..2000),
            (1usize..2000, any::<u8>(), any::<bool>()).prop_map(|(len, last, ones)| {
                let mut bytes = vec![if ones { 0xff } else { 0 }; len];
                bytes[len - 1] = last;
                bytes
            })
        ]
    }

    proptest! {
        #[test]
        fn ranges_are_counted_and_searched(bytes in bytes(), a: prop::sample::Index, b: prop::sample::Index) {
            let (a, b) = (a.index(bytes.len() * 8) as Bit, b.index(bytes.len() * 8) as Bit);
            let (first, last) = (a.min(b), a.max(b));
            let ones = naive(&bytes, first, last).filter(|(_, bit)| *bit).count() as u64;
            prop_assert_eq!(count_range(&bytes, first, last), ones);
            for value in [false, true] {
                let found = naive(&bytes, first, last).find(|(_, bit)| *bit == value).map(|(at, _)| at);
                prop_assert_eq!(position(&bytes, value, first, last), found);
            }
            prop_assert_eq!(count(&bytes), bytes.iter().map(|b| u64::from(b.count_ones())).sum::<u64>());
        }

        #[test]
        fn a_set_bit_is_read_back(mut bytes in bytes(), at: prop::sample::Index, value: bool) {
            let at = at.index(bytes.len() * 8) as Bit;
            let (was, count_before) = (get(&bytes, at), count(&bytes));
            prop_assert_eq!(set(&mut bytes, at, value), was);
            prop_assert_eq!(get(&bytes, at), value);
            prop_assert_eq!(count(&bytes) + u64::from(was), count_before + u64::from(value));
        }
    }

    #[test]
    fn bits_behind_the_end_are_zero() {
        assert!(!get(b"", 0));
        assert!(!get(b"\xff", 8));
        assert!(!get(b"\xff", u64::MAX));
    }
}
