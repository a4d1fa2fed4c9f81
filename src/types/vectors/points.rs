//! What is kept of the vectors of all elements, by their numbers.

use super::distance;
use super::graph::Near;
use super::pages::Pages;
use super::quantize::{Point, PointRef};
use super::shape::{Quantization, Shape};
use crate::base::simd::prefetch;

/// Bytes that come into the cache together.
const LINE: usize = 64;
/// Lines of a point that are asked for ahead; the processor sees by itself that more are read.
const LINES_AHEAD: usize = 5;

/// The points of a set.
#[derive(Clone, Debug)]
enum Kept {
    Floats(Pages<f32>),
    Bytes(Pages<i8>, Pages<f32>),
    Bits(Pages<u64>),
}

/// The points of a set, and how long their vectors were.
#[derive(Clone, Debug)]
pub(super) struct Points {
    dim: usize,
    kept: Kept,
    lengths: Pages<f32>,
}

impl Points {
    pub(super) fn new(shape: &Shape) -> Self {
        let dim = shape.dim as usize;
        let kept = match shape.quantization {
            Quantization::None => Kept::Floats(Pages::new(dim)),
            Quantization::Q8 => Kept::Bytes(Pages::new(dim), Pages::new(1)),
            Quantization::Binary => Kept::Bits(Pages::new(dim.div_ceil(64))),
        };
        Points { dim, kept, lengths: Pages::new(1) }
    }

    /// The point of an element.
    #[inline(always)]
    pub(super) fn get(&self, number: u32) -> PointRef<'_> {
        match &self.kept {
            Kept::Floats(rows) => PointRef::Floats(rows.row(number)),
            Kept::Bytes(rows, ranges) => PointRef::Bytes(rows.row(number), ranges.row(number)[0]),
            Kept::Bits(rows) => PointRef::Bits(rows.row(number)),
        }
    }

    /// The distance of an element from `point`.
    #[inline]
    pub(super) fn distance(&self, point: PointRef<'_>, number: u32) -> f32 {
        distance::between(point, self.get(number), self.dim)
    }

    /// The distances of elements from `point`, in place of what is in `out`.
    pub(super) fn distances(&self, point: PointRef<'_>, numbers: &[u32], out: &mut Vec<f32>) {
        out.clear();
        out.extend(numbers.iter().map(|number| self.distance(point, *number)));
    }

    /// The distance of an element from `point`, as it is told.
    pub(super) fn told_distance(&self, point: PointRef<'_>, number: u32) -> f32 {
        distance::told(point, self.get(number), self.dim)
    }

    /// Elements with their distance from `point`.
    pub(super) fn nears(
        &self,
        point: PointRef<'_>,
        numbers: impl Iterator<Item = u32>,
    ) -> impl Iterator<Item = Near> {
        numbers.map(move |number| Near::new(self.distance(point, number), number))
    }

    /// Begins to bring a point into the cache.
    #[inline(always)]
    pub(super) fn prefetch(&self, number: u32) {
        match &self.kept {
            Kept::Floats(rows) => prefetch_row(rows.row(number)),
            Kept::Bytes(rows, ranges) => {
                prefetch_row(rows.row(number));
                prefetch(ranges.row(number).as_ptr());
            }
            Kept::Bits(rows) => prefetch_row(rows.row(number)),
        }
    }

    /// The length of an element's vector.
    pub(super) fn length(&self, number: u32) -> f32 {
        self.lengths.row(number)[0]
    }

    /// Appends the point of the next element.
    pub(super) fn push(&mut self, point: &Point, length: f32) {
        match (&mut self.kept, point) {
            (Kept::Floats(rows), Point::Floats(floats)) => rows.push().copy_from_slice(floats),
            (Kept::Bytes(rows, ranges), Point::Bytes(bytes, range)) => {
                rows.push().copy_from_slice(bytes);
                ranges.push()[0] = *range;
            }
            (Kept::Bits(rows), Point::Bits(bits)) => rows.push().copy_from_slice(bits),
            _ => unreachable!("the points of a set are of one kind"),
        }
        self.lengths.push()[0] = length;
    }

    /// Removes the point of an element; the last element takes its number.
    pub(super) fn swap_remove(&mut self, number: u32) {
        match &mut self.kept {
            Kept::Floats(rows) => rows.swap_remove(number),
            Kept::Bytes(rows, ranges) => {
                rows.swap_remove(number);
                ranges.swap_remove(number);
            }
            Kept::Bits(rows) => rows.swap_remove(number),
        }
        self.lengths.swap_remove(number);
    }

    /// Bytes allocated.
    pub(super) fn memory(&self) -> usize {
        let kept = match &self.kept {
            Kept::Floats(rows) => rows.memory(),
            Kept::Bytes(rows, ranges) => rows.memory() + ranges.memory(),
            Kept::Bits(rows) => rows.memory(),
        };
        kept + self.lengths.memory()
    }

    /// How many allocations they are made of.
    pub(super) fn weight(&self) -> usize {
        let kept = match &self.kept {
            Kept::Floats(rows) => rows.weight(),
            Kept::Bytes(rows, ranges) => rows.weight() + ranges.weight(),
            Kept::Bits(rows) => rows.weight(),
        };
        kept + self.lengths.weight()
    }
}

#[inline(always)]
fn prefetch_row<T>(row: &[T]) {
    row.chunks(LINE / size_of::<T>()).take(LINES_AHEAD).for_each(|line| prefetch(line.as_ptr()));
}
