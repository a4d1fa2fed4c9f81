//! The vector set: elements with a vector each, found by how near they are to another.
//!
//! ```text
//!              name ──► number ──► vector, quantized
//!                             ├──► its length, before it was made one of length 1
//!                             ├──► attributes
//!                             └──► neighbours, by which it is found ([`graph`])
//! ```
//! Elements are numbered from 0 on without gaps: when one goes, the last takes its number, so what is kept of them lies side
//! by side, and everything that is removed gives its memory back.

mod attributes;
mod distance;
mod graph;
mod names;
mod pages;
mod points;
mod project;
mod quantize;
mod search;
mod shape;
mod stored;
#[cfg(test)]
mod tests;

pub use project::matrix;
pub use search::{Filter, Found, Search};
pub use shape::{LINKS_DEFAULT, LINKS_MAX, LINKS_MIN, Quantization, Shape};
pub use stored::{Restoring, Stored};

use super::Item;
use crate::base::heap::taken;
use crate::base::random;
use attributes::Attributes;
use graph::Graph;
use names::Names;
use points::Points;
use quantize::Point;
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The number of the next set that is made.
static NEXT_UID: AtomicU64 = AtomicU64::new(0);

/// A vector set.
#[derive(Clone)]
pub struct VectorSet(Box<Inner>);

#[derive(Clone)]
struct Inner {
    shape: Shape,
    uid: u64,
    /// How many vectors were ever inserted.
    last_id: u64,
    names: Names,
    points: Points,
    attributes: Attributes,
    graph: Graph,
}

/// A vector as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Raw {
    /// Little-endian floats, signed bytes, or bits.
    pub bytes: Vec<u8>,
    /// The vector's length before it was made one of length 1.
    pub l2: f32,
    /// The largest absolute value of [`Quantization::Q8`].
    pub range: Option<f32>,
}

/// An element with all that is kept of it.
#[derive(Clone, Debug)]
pub struct Element<'a> {
    /// Its name.
    pub name: Item<'a>,
    /// Its vector, as it is kept.
    pub raw: Raw,
    /// Its attributes, if it has any.
    pub attributes: Option<&'a [u8]>,
}

impl VectorSet {
    /// A set without elements yet.
    pub fn new(shape: Shape) -> Self {
        VectorSet(Box::new(Inner {
            shape,
            uid: NEXT_UID.fetch_add(1, Relaxed),
            last_id: 0,
            names: Names::new(),
            points: Points::new(&shape),
            attributes: Attributes::default(),
            graph: Graph::new(shape.links),
        }))
    }

    /// What its vectors have in common.
    pub fn shape(&self) -> &Shape {
        &self.0.shape
    }

    /// How many elements it has.
    pub fn len(&self) -> usize {
        self.0.names.len()
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of the highest layer that has elements.
    pub fn max_level(&self) -> u32 {
        self.0.graph.max_level() as u32
    }

    /// How many vectors were ever inserted.
    pub fn last_id(&self) -> u64 {
        self.0.last_id
    }

    /// A number that no other set of the process has, but for copies.
    pub fn uid(&self) -> u64 {
        self.0.uid
    }

    /// How many elements have attributes.
    pub fn attributes_count(&self) -> usize {
        self.0.attributes.count()
    }

    /// The name OBJECT ENCODING answers with.
    pub fn encoding(&self) -> &'static str {
        "raw"
    }

    /// Gives the element `name` a vector of the [`Shape::input_dim`], and looks at `ef` elements for the nearest to link it
    /// with; true when the element is new. One that is there keeps its attributes.
    pub fn insert(&mut self, name: &[u8], vector: &[f32], ef: usize) -> bool {
        let shape = self.0.shape;
        assert_eq!(vector.len(), shape.input_dim());
        let vector = match shape.input_dim {
            Some(_) => project::project(vector, shape.dim as usize),
            None => vector.to_vec(),
        };
        let (point, l2) = Point::new(shape.quantization, vector);
        let former = self.0.names.find(name);
        let attributes = former.and_then(|number| self.0.attributes.get(number)).map(<[u8]>::to_vec);
        former.inspect(|number| self.0.remove(*number));
        self.0.last_id += 1;
        self.0.push(name, &point, l2);
        let level = graph::level_of(self.0.last_id);
        self.0.graph.insert(&self.0.points, level, ef);
        if let Some(attributes) = attributes {
            self.0.attributes.set(self.len() as u32 - 1, &attributes);
        }
        former.is_none()
    }

    /// Removes the element `name`; false when it is absent.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        let number = self.0.names.find(name);
        number.inspect(|number| self.0.remove(*number));
        number.is_some()
    }

    /// Whether there is an element `name`.
    pub fn contains(&self, name: &[u8]) -> bool {
        self.0.names.find(name).is_some()
    }

    /// The attributes of the element `name`; `None` when it has none or is absent.
    pub fn attributes(&self, name: &[u8]) -> Option<&[u8]> {
        self.0.attributes.get(self.0.names.find(name)?)
    }

    /// Gives the element `name` attributes in place of those it has; an empty text takes them away. False when the element
    /// is absent.
    pub fn set_attributes(&mut self, name: &[u8], attributes: &[u8]) -> bool {
        let number = self.0.names.find(name);
        number.inspect(|number| self.0.attributes.set(*number, attributes));
        number.is_some()
    }

    /// The vector of the element `name`, as far as it can be told from what is kept; of [`Shape::dim`] dimensions.
    pub fn embedding(&self, name: &[u8]) -> Option<Vec<f32>> {
        let number = self.0.names.find(name)?;
        let length = self.0.points.length(number);
        Some(self.0.points.get(number).vector(self.0.shape.dim as usize, length))
    }

    /// What is kept of the vector of the element `name`.
    pub fn raw(&self, name: &[u8]) -> Option<Raw> {
        Some(self.0.raw(self.0.names.find(name)?))
    }

    /// The neighbours of the element `name` on each layer, the highest first, with how similar they are: from 0 to 1.
    pub fn links(&self, name: &[u8]) -> Option<Vec<Vec<(Item<'_>, f32)>>> {
        let Inner { names, points, graph, .. } = &*self.0;
        let number = names.find(name)?;
        let similarity = |other: u32| {
            let distance = points.told_distance(points.get(number), other);
            (1.0 - f64::from(distance) / 2.0) as f32
        };
        let layer = |level: usize| -> Vec<_> {
            graph.neighbours(number, level).map(|other| (names.get(other), similarity(other))).collect()
        };
        Some((0..=graph.level(number)).rev().map(layer).collect())
    }

    /// An element, all equally likely; `None` when there is none.
    pub fn random(&self) -> Option<Item<'_>> {
        let number = random::below(self.len()) as u32;
        (!self.is_empty()).then(|| self.0.names.get(number))
    }

    /// Up to `count` different elements, all equally likely.
    pub fn sample(&self, count: usize) -> Vec<Item<'_>> {
        let (len, mut picked) = (self.len(), HashSet::new());
        let count = count.min(len);
        // Floyd's way to sample: one number for each element.
        let picks = (len - count..len).map(|last| {
            let pick = random::below(last + 1);
            let pick = if picked.insert(pick) { pick } else { last };
            picked.insert(pick);
            pick
        });
        picks.map(|pick| self.0.names.get(pick as u32)).collect()
    }

    /// The names of all elements, in no order.
    pub fn names(&self) -> impl Iterator<Item = Item<'_>> {
        (0..self.len() as u32).map(|number| self.0.names.get(number))
    }

    /// All elements, in an order that only changes of the set change.
    pub fn iter(&self) -> impl Iterator<Item = Element<'_>> {
        (0..self.len() as u32).map(|number| Element {
            name: self.0.names.get(number),
            raw: self.0.raw(number),
            attributes: self.0.attributes.get(number),
        })
    }

    /// Allocations to free, roughly.
    pub fn weight(&self) -> usize {
        let Inner { names, points, attributes, graph, .. } = &*self.0;
        1 + names.weight() + points.weight() + attributes.weight() + graph.weight()
    }

    /// Bytes allocated.
    pub fn memory(&self) -> usize {
        let Inner { names, points, attributes, graph, .. } = &*self.0;
        let parts = names.memory() + points.memory() + attributes.memory() + graph.memory();
        taken(size_of::<Inner>()) + parts
    }
}

impl Inner {
    /// Adds an element with its point, but no links.
    fn push(&mut self, name: &[u8], point: &Point, l2: f32) {
        self.names.push(name);
        self.points.push(point, l2);
    }

    fn remove(&mut self, number: u32) {
        let last = self.names.len() as u32 - 1;
        self.graph.swap_remove(&self.points, number);
        self.names.swap_remove(number);
        self.points.swap_remove(number);
        self.attributes.swap_remove(number, last);
    }

    fn raw(&self, number: u32) -> Raw {
        let point = self.points.get(number);
        let range = if let quantize::PointRef::Bytes(_, range) = point { Some(range) } else { None };
        Raw { bytes: point.bytes(), l2: self.points.length(number), range }
    }
}
