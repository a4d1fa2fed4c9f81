//! A vector set taken apart, to be written down, and put together again from what was read: nothing is believed.

use super::graph::Weaving;
use super::quantize::Point;
use super::{Inner, Item, LINKS_MAX, LINKS_MIN, Raw, Shape, VectorSet};

/// An element with all that is known of it.
#[derive(Clone, Debug)]
pub struct Stored<'a> {
    /// A number by which links name it.
    pub id: u64,
    /// Its name.
    pub name: Item<'a>,
    /// Its vector, as it is kept.
    pub raw: Raw,
    /// Its attributes, if it has any.
    pub attributes: Option<&'a [u8]>,
    /// The ids of its neighbours on each layer, the lowest first.
    pub layers: Vec<Vec<u64>>,
}

impl VectorSet {
    /// The elements from the `from`th on, with all that is known of them.
    pub fn stored(&self, from: usize) -> impl Iterator<Item = Stored<'_>> {
        let inner = &*self.0;
        let layer = |number: u32, level: usize| {
            inner.graph.neighbours(number, level).map(|other| inner.id(other)).collect()
        };
        (from as u32..self.len() as u32).map(move |number| Stored {
            id: inner.id(number),
            name: inner.names.get(number),
            raw: inner.raw(number),
            attributes: inner.attributes.get(number),
            layers: (0..=inner.graph.level(number)).map(|level| layer(number, level)).collect(),
        })
    }
}

impl Inner {
    /// The number by which the links of files name an element. The last one has that of the vector that was inserted last:
    /// so that is known again.
    fn id(&self, number: u32) -> u64 {
        if number as usize + 1 == self.names.len() { self.last_id } else { u64::from(number) + 1 }
    }
}

/// A vector set being put together from what was written down.
pub struct Restoring {
    set: VectorSet,
    weaving: Weaving,
}

impl Restoring {
    /// Begins with what all vectors have in common.
    ///
    /// # Errors
    /// What is wrong with it: numbers out of bounds.
    pub fn new(shape: Shape) -> Result<Restoring, &'static str> {
        if shape.dim == 0 || shape.input_dim == Some(0) {
            return Err("vectors without dimensions");
        }
        if !(LINKS_MIN..=LINKS_MAX).contains(&shape.links) {
            return Err("a number of links out of bounds");
        }
        Ok(Restoring { set: VectorSet::new(shape), weaving: Weaving::new(shape.links) })
    }

    /// Adds the next element.
    ///
    /// # Errors
    /// What is wrong with it: its vector is of another size, its name or its id is there, or it has links that no element
    /// may have.
    pub fn add(&mut self, stored: &Stored<'_>) -> Result<(), &'static str> {
        let inner = &mut *self.set.0;
        if stored.raw.bytes.len() != inner.shape.vector_bytes() {
            return Err("a vector of another size");
        }
        if inner.names.find(stored.name.text().as_bytes()).is_some() {
            return Err("an element twice");
        }
        self.weaving.add(stored.id, &stored.layers)?;
        let Raw { bytes, l2, range } = &stored.raw;
        let point = Point::from_bytes(inner.shape.quantization, bytes, range.unwrap_or_default());
        inner.push(stored.name.text().as_bytes(), &point, *l2);
        inner.attributes.set(inner.names.len() as u32 - 1, stored.attributes.unwrap_or_default());
        inner.last_id = inner.last_id.max(stored.id);
        Ok(())
    }

    /// The set.
    ///
    /// # Errors
    /// What is wrong with it: links to elements that are not there, or not on the layer, or that do not lead back.
    pub fn finish(mut self) -> Result<VectorSet, &'static str> {
        self.set.0.graph = self.weaving.finish()?;
        Ok(self.set)
    }
}
