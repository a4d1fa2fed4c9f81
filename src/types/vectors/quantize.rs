//! From the numbers of a vector to what is kept of it, and back: with the roundings of Redis, so that both tell the same.

use super::shape::Quantization;

/// The largest number of a byte of [`Quantization::Q8`].
const Q8_MAX: f32 = 127.0;

/// What is kept of a vector, on its own.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Point {
    /// [`Quantization::None`].
    Floats(Vec<f32>),
    /// [`Quantization::Q8`], and the range.
    Bytes(Vec<i8>, f32),
    /// [`Quantization::Binary`].
    Bits(Vec<u64>),
}

/// What is kept of a vector, borrowed.
#[derive(Clone, Copy, Debug)]
pub(super) enum PointRef<'a> {
    /// [`Quantization::None`].
    Floats(&'a [f32]),
    /// [`Quantization::Q8`], and the range.
    Bytes(&'a [i8], f32),
    /// [`Quantization::Binary`].
    Bits(&'a [u64]),
}

impl Point {
    /// What is kept of `vector`, and its length before it was made one of length 1.
    pub(super) fn new(quantization: Quantization, mut vector: Vec<f32>) -> (Point, f32) {
        let l2 = normalize(&mut vector);
        let point = match quantization {
            Quantization::None => Point::Floats(vector),
            Quantization::Q8 => {
                let (bytes, range) = to_bytes(&vector);
                Point::Bytes(bytes, range)
            }
            Quantization::Binary => Point::Bits(to_bits(&vector)),
        };
        (point, l2)
    }

    pub(super) fn as_ref(&self) -> PointRef<'_> {
        match self {
            Point::Floats(floats) => PointRef::Floats(floats),
            Point::Bytes(bytes, range) => PointRef::Bytes(bytes, *range),
            Point::Bits(bits) => PointRef::Bits(bits),
        }
    }

    /// The point whose bytes these are, as [`PointRef::bytes`] has them: as many as the quantization needs.
    pub(super) fn from_bytes(quantization: Quantization, bytes: &[u8], range: f32) -> Point {
        match quantization {
            Quantization::None => {
                Point::Floats(bytes.as_chunks().0.iter().map(|le| f32::from_le_bytes(*le)).collect())
            }
            Quantization::Q8 => Point::Bytes(bytes.iter().map(|byte| *byte as i8).collect(), range),
            Quantization::Binary => {
                Point::Bits(bytes.as_chunks().0.iter().map(|le| u64::from_le_bytes(*le)).collect())
            }
        }
    }
}

impl PointRef<'_> {
    /// What is kept as bytes; numbers of several bytes are little-endian.
    pub(super) fn bytes(self) -> Vec<u8> {
        match self {
            PointRef::Floats(floats) => floats.iter().flat_map(|float| float.to_le_bytes()).collect(),
            PointRef::Bytes(bytes, _) => bytes.iter().map(|byte| *byte as u8).collect(),
            PointRef::Bits(bits) => bits.iter().flat_map(|word| word.to_le_bytes()).collect(),
        }
    }

    /// The vector of `dim` dimensions and the length `l2` that this is left of; of bits it has no length.
    pub(super) fn vector(self, dim: usize, l2: f32) -> Vec<f32> {
        match self {
            PointRef::Floats(floats) => floats.iter().map(|float| float * l2).collect(),
            PointRef::Bytes(bytes, range) => {
                bytes.iter().map(|byte| f32::from(*byte) * range / Q8_MAX * l2).collect()
            }
            PointRef::Bits(bits) => {
                (0..dim).map(|i| if bits[i / 64] >> (i % 64) & 1 == 1 { 1.0 } else { -1.0 }).collect()
            }
        }
    }
}

/// Makes `vector` one of length 1 and returns the length it had: 1 of a vector of zeros, which stays.
fn normalize(vector: &mut [f32]) -> f32 {
    let square = |float: &f32| float * float;
    let (quads, rest) = vector.as_chunks::<4>();
    let sum =
        quads.iter().fold(0.0, |sum, [a, b, c, d]| sum + (square(a) + square(b) + square(c) + square(d)));
    let sum = rest.iter().fold(sum, |sum: f32, float| sum + square(float));
    if sum == 0.0 {
        return 1.0;
    }
    let l2 = sum.sqrt();
    vector.iter_mut().for_each(|float| *float /= l2);
    l2
}

fn to_bytes(vector: &[f32]) -> (Vec<i8>, f32) {
    let range = vector.iter().fold(0.0, |max: f32, float| float.abs().max(max));
    if range == 0.0 {
        return (vec![0; vector.len()], 0.0);
    }
    let scale = Q8_MAX / range;
    (vector.iter().map(|float| (float * scale).round() as i8).collect(), range)
}

fn to_bits(vector: &[f32]) -> Vec<u64> {
    let word = |floats: &[f32]| {
        floats.iter().enumerate().fold(0, |word, (bit, float)| word | u64::from(*float > 0.0) << bit)
    };
    vector.chunks(64).map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_near_what_was_given() {
        let vector: Vec<f32> = (0..70).map(|n| (n as f32).sin() * 3.0).collect();
        for (quantization, error) in [(Quantization::None, 1e-5), (Quantization::Q8, 0.02)] {
            let (point, l2) = Point::new(quantization, vector.clone());
            let back = point.as_ref().vector(70, l2);
            assert!(back.iter().zip(&vector).all(|(a, b)| (a - b).abs() < error), "{quantization:?}");
        }
        let (point, _) = Point::new(Quantization::Binary, vector.clone());
        let signs = point.as_ref().vector(70, 1.0);
        assert!(signs.iter().zip(&vector).all(|(sign, float)| (*sign > 0.0) == (*float > 0.0)));
    }

    #[test]
    fn zeros_stay_zeros() {
        for quantization in Quantization::ALL {
            let (point, l2) = Point::new(quantization, vec![0.0; 9]);
            assert_eq!(l2, 1.0);
            assert!(point.as_ref().bytes().iter().all(|byte| *byte == 0));
        }
    }

    #[test]
    fn bytes_are_the_point() {
        let vector: Vec<f32> = (0..130).map(|n| (n as f32 * 1.3).cos()).collect();
        for quantization in Quantization::ALL {
            let (point, _) = Point::new(quantization, vector.clone());
            let range = if let Point::Bytes(_, range) = point { range } else { 0.0 };
            let bytes = point.as_ref().bytes();
            assert_eq!(bytes.len(), quantization.bytes(130));
            assert_eq!(Point::from_bytes(quantization, &bytes, range), point);
        }
    }
}
