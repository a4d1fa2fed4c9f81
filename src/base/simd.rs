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
}
