//! What the processor does at once, or ahead: with twins in plain Rust for processors without.
#![allow(unsafe_code)]

/// Asks the CPU to load the cache line at `at`, which need not be a valid address.
#[inline(always)]
pub fn prefetch<T>(at: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing and never faults; SSE is part of x86_64.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

/// Asks likewise for a cache line that will be written: no other core keeps it then.
#[inline(always)]
pub fn prefetch_to_write<T>(at: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: it reads and changes nothing and never faults; processors that do not know it take it for a NOP.
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) at, options(readonly, nostack, preserves_flags));
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

/// Asks likewise for `lines` cache lines of 64 bytes from `at` on.
#[inline(always)]
pub fn prefetch_lines(at: *const u8, lines: usize) {
    (0..lines).for_each(|line| prefetch(at.wrapping_add(64 * line)));
}

/// Gives `of` to `f`, which is compiled a second time for processors with AVX2, and used so where there is one: a loop over
/// plain arrays becomes wider vector code there. That takes a function which is always inlined: a closure need not be.
#[inline(always)]
pub fn widened<T, R>(of: T, f: impl FnOnce(T) -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2,popcnt")]
        fn with_avx2<T, R>(of: T, f: impl FnOnce(T) -> R) -> R {
            f(of)
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt") {
            // SAFETY: the processor has what this is compiled for.
            return unsafe { with_avx2(of, f) };
        }
    }
    f(of)
}

/// As [`widened`], for what counts bits: where AVX-512 counts those of whole vectors, that is used.
#[inline(always)]
pub fn widened_to_count<T, R>(of: T, f: impl FnOnce(T) -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f,avx512vpopcntdq,popcnt")]
        fn with_avx512<T, R>(of: T, f: impl FnOnce(T) -> R) -> R {
            f(of)
        }
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vpopcntdq") {
            // SAFETY: the processor has what this is compiled for.
            return unsafe { with_avx512(of, f) };
        }
    }
    widened(of, f)
}

/// Which of `words` are `wanted`: a bit each, the first the lowest.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub fn equal_words(words: &[u16; 16], wanted: u16) -> u16 {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi16, _mm_loadu_si128, _mm_movemask_epi8, _mm_packs_epi16, _mm_set1_epi16,
    };
    let at = words.as_ptr().cast::<__m128i>();
    // SAFETY: two vectors of 16 bytes are read of the array's 32, aligned to nothing; SSE2 is part of x86_64.
    let mask = unsafe {
        let wanted = _mm_set1_epi16(wanted as i16);
        let [low, high] = [0, 1].map(|i| _mm_cmpeq_epi16(_mm_loadu_si128(at.add(i)), wanted));
        // All ones stay all ones when they are packed into a byte.
        _mm_movemask_epi8(_mm_packs_epi16(low, high))
    };
    mask as u16
}

/// Which of `words` are `wanted`: a bit each, the first the lowest.
#[cfg(not(target_arch = "x86_64"))]
pub fn equal_words(words: &[u16; 16], wanted: u16) -> u16 {
    equal_portably(words, wanted)
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn equal_portably<T: PartialEq>(values: &[T; 16], wanted: T) -> u16 {
    values.iter().rev().fold(0, |mask, value| mask << 1 | u16::from(*value == wanted))
}

/// Which of `bytes` are `wanted`: a bit each, the first the lowest.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub fn equal_bytes(bytes: &[u8; 16], wanted: u8) -> u16 {
    use std::arch::x86_64::{__m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_set1_epi8};
    // SAFETY: the array's 16 bytes are read, aligned to nothing; SSE2 is part of x86_64.
    let mask = unsafe {
        let bytes = _mm_loadu_si128(bytes.as_ptr().cast::<__m128i>());
        _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(wanted as i8)))
    };
    mask as u16
}

/// Which of `bytes` are `wanted`: a bit each, the first the lowest.
#[cfg(not(target_arch = "x86_64"))]
pub fn equal_bytes(bytes: &[u8; 16], wanted: u8) -> u16 {
    equal_portably(bytes, wanted)
}

/// Spreads numbers of 6 bits, the lowest bits of a byte first, to a byte each: 32 of every 24 bytes, as far as both slices go.
pub fn spread_sixes(packed: &[[u8; 24]], spread: &mut [[u8; 32]]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { avx2::spread_sixes(packed, spread) };
    }
    spread_sixes_portably(packed, spread);
}

/// Undoes [`spread_sixes`]; the upper two bits of every byte have to be 0.
pub fn pack_sixes(spread: &[[u8; 32]], packed: &mut [[u8; 24]]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { avx2::pack_sixes(spread, packed) };
    }
    pack_sixes_portably(spread, packed);
}

fn spread_sixes_portably(packed: &[[u8; 24]], spread: &mut [[u8; 32]]) {
    for (packed, spread) in packed.iter().zip(spread) {
        for (three, four) in packed.as_chunks::<3>().0.iter().zip(spread.as_chunks_mut::<4>().0) {
            let bits = u32::from_le_bytes([three[0], three[1], three[2], 0]);
            *four = [0, 6, 12, 18].map(|shift| (bits >> shift & 63) as u8);
        }
    }
}

fn pack_sixes_portably(spread: &[[u8; 32]], packed: &mut [[u8; 24]]) {
    for (spread, packed) in spread.iter().zip(packed) {
        for (four, three) in spread.as_chunks::<4>().0.iter().zip(packed.as_chunks_mut::<3>().0) {
            let bits = four.iter().rev().fold(0, |bits, six| bits << 6 | u32::from(*six));
            three.copy_from_slice(&bits.to_le_bytes()[..3]);
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::*;

    /// As [`super::spread_sixes`]: 8 lanes of 32 bits take 3 bytes each, of which 4 numbers come.
    #[target_feature(enable = "avx2")]
    pub(super) fn spread_sixes(packed: &[[u8; 24]], spread: &mut [[u8; 32]]) {
        // In each half, the bytes of a lane; the upper half begins 8 bytes behind the lower, so that no byte is read beyond
        // the 24. -1 gives 0.
        let lanes = _mm256_setr_epi8(
            0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1, //
            4, 5, 6, -1, 7, 8, 9, -1, 10, 11, 12, -1, 13, 14, 15, -1,
        );
        let six = |byte: u32| _mm256_set1_epi32(63 << (8 * byte));
        for (packed, spread) in packed.iter().zip(spread) {
            let at = packed.as_ptr();
            // SAFETY: bytes 0 to 15 and 8 to 23 of the array's 24 are read, aligned to nothing.
            let (low, high) = unsafe { (_mm_loadu_si128(at.cast()), _mm_loadu_si128(at.add(8).cast())) };
            let bits = _mm256_shuffle_epi8(_mm256_set_m128i(high, low), lanes);
            let first = _mm256_and_si256(bits, six(0));
            let second = _mm256_and_si256(_mm256_slli_epi32::<2>(bits), six(1));
            let third = _mm256_and_si256(_mm256_slli_epi32::<4>(bits), six(2));
            let fourth = _mm256_and_si256(_mm256_slli_epi32::<6>(bits), six(3));
            let all = _mm256_or_si256(_mm256_or_si256(first, second), _mm256_or_si256(third, fourth));
            // SAFETY: the array's 32 bytes are written, aligned to nothing.
            unsafe { _mm256_storeu_si256(spread.as_mut_ptr().cast(), all) };
        }
    }

    /// As [`super::pack_sixes`]: numbers beside each other are added up, the second 64 times, then such pairs.
    #[target_feature(enable = "avx2")]
    pub(super) fn pack_sixes(spread: &[[u8; 32]], packed: &mut [[u8; 24]]) {
        let dense = _mm256_setr_epi8(
            0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1, //
            0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1,
        );
        let together = _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7);
        for (spread, packed) in spread.iter().zip(packed) {
            // SAFETY: the array's 32 bytes are read, aligned to nothing.
            let sixes = unsafe { _mm256_loadu_si256(spread.as_ptr().cast()) };
            let twelves = _mm256_maddubs_epi16(sixes, _mm256_set1_epi16(64 << 8 | 1));
            let bits = _mm256_madd_epi16(twelves, _mm256_set1_epi32(4096 << 16 | 1));
            let bytes = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(bits, dense), together);
            let mut all = [0; 32];
            // SAFETY: the array's 32 bytes are written, aligned to nothing.
            unsafe { _mm256_storeu_si256(all.as_mut_ptr().cast(), bytes) };
            packed.copy_from_slice(&all[..24]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_compare_as_plain_rust_does() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..1000 {
            let words: [u16; 16] = std::array::from_fn(|_| random.u16(..4).wrapping_mul(0x5555));
            for wanted in [0, 0x5555, 0xAAAA, 0xFFFF, 1] {
                assert_eq!(equal_words(&words, wanted), equal_portably(&words, wanted), "{words:?}");
                let (bytes, wanted) = (words.map(|word| word as u8), wanted as u8);
                assert_eq!(equal_bytes(&bytes, wanted), equal_portably(&bytes, wanted), "{bytes:?}");
            }
        }
    }

    #[test]
    fn numbers_of_six_bits_are_spread_and_packed() {
        let mut random = fastrand::Rng::with_seed(2);
        for len in [0, 1, 2, 16] {
            let packed: Vec<[u8; 24]> = (0..len).map(|_| std::array::from_fn(|_| random.u8(..))).collect();
            let (mut spread, mut plain) = (vec![[0; 32]; len], vec![[0; 32]; len]);
            spread_sixes(&packed, &mut spread);
            spread_sixes_portably(&packed, &mut plain);
            assert_eq!(spread, plain);
            let (mut again, mut plain) = (vec![[0; 24]; len], vec![[0; 24]; len]);
            pack_sixes(&spread, &mut again);
            pack_sixes_portably(&spread, &mut plain);
            assert_eq!((&again, &plain), (&packed, &packed));
        }
    }
}
