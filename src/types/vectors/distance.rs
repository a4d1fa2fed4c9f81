//! How far two vectors of length 1 are apart: 1 less their dot product, from 0 (the same) to 2 (opposite).

use super::quantize::PointRef;
use crate::base::simd::{widened, widened_to_count};
use std::iter::zip;

/// Numbers that are summed side by side.
const LANES: usize = 16;
/// Dimensions whose products of bytes cannot exceed 32 bits.
const SUM_MAX: usize = 1 << 16;

/// The distance of two points of one set, as it is told.
pub(super) fn told(a: PointRef<'_>, b: PointRef<'_>, dim: usize) -> f32 {
    match (a, b) {
        (PointRef::Floats(a), PointRef::Floats(b)) => 1.0 - dot_in_order(a, b),
        _ => between(a, b, dim),
    }
}

/// The distance of two points of one set, as fast as it can be had.
#[inline]
pub(super) fn between(a: PointRef<'_>, b: PointRef<'_>, dim: usize) -> f32 {
    match (a, b) {
        (PointRef::Floats(a), PointRef::Floats(b)) => 1.0 - widened((a, b), dot),
        (PointRef::Bytes(a, range), PointRef::Bytes(b, other)) => of_bytes(a, range, b, other),
        (PointRef::Bits(a), PointRef::Bits(b)) => of_bits(a, b, dim),
        _ => unreachable!("the points of a set are of one kind"),
    }
}

fn of_bytes(a: &[i8], range_a: f32, b: &[i8], range_b: f32) -> f32 {
    let scale = (range_a / 127.0) * (range_b / 127.0);
    (1.0 - dot_bytes(a, b) * scale).clamp(0.0, 2.0)
}

fn of_bits(a: &[u64], b: &[u64], dim: usize) -> f32 {
    widened_to_count((a, b), bits_apart) as f32 * 2.0 / dim as f32
}

/// The dot product, summed as Redis sums it: what is told has the same digits.
fn dot_in_order(a: &[f32], b: &[f32]) -> f32 {
    let ((a, rest_a), (b, rest_b)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let (mut low, mut high) = (0.0, 0.0);
    for (a, b) in zip(a, b) {
        low += a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3];
        high += a[4] * b[4] + a[5] * b[5] + a[6] * b[6] + a[7] * b[7];
    }
    zip(rest_a, rest_b).fold(low, |low, (a, b)| low + a * b) + high
}

fn dot_bytes(a: &[i8], b: &[i8]) -> f32 {
    if a.len() <= SUM_MAX {
        return widened((a, b), products) as f32;
    }
    let parts = zip(a.chunks(SUM_MAX), b.chunks(SUM_MAX));
    parts.map(|(a, b)| i64::from(widened((a, b), products))).sum::<i64>() as f32
}

/// The dot product, in whatever order is fast.
#[inline(always)]
fn dot((a, b): (&[f32], &[f32])) -> f32 {
    let ((a, rest_a), (b, rest_b)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (a, b) in zip(a, b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = zip(rest_a, rest_b).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// The dot product of up to [`SUM_MAX`] bytes.
#[inline(always)]
fn products((a, b): (&[i8], &[i8])) -> i32 {
    let mut sum = 0;
    for (a, b) in zip(a, b) {
        sum += i32::from(i16::from(*a)) * i32::from(i16::from(*b));
    }
    sum
}

#[inline(always)]
fn bits_apart((a, b): (&[u64], &[u64])) -> u32 {
    let mut count = 0;
    for (a, b) in zip(a, b) {
        count += (a ^ b).count_ones();
    }
    count
}

#[cfg(test)]
mod tests {
    use super::super::quantize::Point;
    use super::super::shape::Quantization;
    use super::*;

    fn vector(seed: usize, dim: usize) -> Vec<f32> {
        (0..dim).map(|n| ((n * 31 + seed * 17) as f32).sin()).collect()
    }

    #[test]
    fn fast_and_told_agree() {
        for dim in [1, 7, 8, 16, 31, 128, 300] {
            for quantization in Quantization::ALL {
                let [a, b] = [1, 2].map(|seed| Point::new(quantization, vector(seed, dim)).0);
                let fast = between(a.as_ref(), b.as_ref(), dim);
                assert!((fast - told(a.as_ref(), b.as_ref(), dim)).abs() < 1e-5);
                let own = told(a.as_ref(), a.as_ref(), dim);
                assert!(own.abs() < 0.01, "{quantization:?} {dim}: {own}");
            }
        }
    }

    #[test]
    fn long_vectors_of_bytes_do_not_overflow() {
        let bytes = vec![127; 3 * SUM_MAX];
        assert!((of_bytes(&bytes, 1.0, &bytes, 1.0) - 0.0).abs() < f32::EPSILON);
        let scale = 1.0 / (3 * SUM_MAX) as f32;
        assert!(of_bytes(&bytes, scale, &bytes, 1.0).abs() < 1e-3);
    }

    #[test]
    fn a_vector_of_zeros_is_as_far_from_all() {
        let zeros = [0; 8];
        assert_eq!(of_bytes(&zeros, 0.0, &[127; 8], 1.0), 1.0);
    }
}
