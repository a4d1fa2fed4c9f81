//! Changing vector sets.

use super::Edit;
use crate::keyspace::Txn;
use crate::keyspace::entry::EntryBox;
use crate::resp::Result;
use crate::types::VectorSet;
use crate::types::vectors::Shape;

impl Txn<'_> {
    /// Opens a vector set for change; creates one of this `shape` if there is none.
    ///
    /// # Errors
    /// When `key` holds another type.
    pub fn upsert_vectors<'t>(&'t mut self, key: &'t [u8], shape: Shape) -> Result<Edit<'t, VectorSet>> {
        self.open_or_create(key, || EntryBox::collection(key, VectorSet::new(shape), None))
    }
}

impl Edit<'_, VectorSet> {
    /// Gives the element `name` a vector of the size that the set takes, and `attributes` if there are any (empty ones take
    /// away those it has), looking at `ef` elements for its neighbours; true when the element is new.
    pub fn insert(&mut self, name: &[u8], vector: &[f32], ef: usize, attributes: Option<&[u8]>) -> bool {
        let shape = *self.value().shape();
        let is_new = self.change(|set, _| {
            let is_new = set.insert(name, vector, ef);
            if let Some(attributes) = attributes {
                set.set_attributes(name, attributes);
            }
            is_new
        });
        let (mut dim, mut links, mut view) = (itoa::Buffer::new(), itoa::Buffer::new(), itoa::Buffer::new());
        let blob: Vec<u8> = match self.is_recording() {
            true => vector.iter().flat_map(|float| float.to_le_bytes()).collect(),
            false => Vec::new(),
        };
        let mut words: Vec<&[u8]> = Vec::with_capacity(12);
        if shape.input_dim.is_some() {
            words.extend([b"REDUCE", dim.format(shape.dim).as_bytes()]);
        }
        words.extend([b"FP32", &blob[..], name, shape.quantization.option().as_bytes()]);
        words.extend([b"EF", view.format(ef).as_bytes(), b"M", links.format(shape.links).as_bytes()]);
        if let Some(attributes) = attributes {
            words.extend([b"SETATTR", attributes]);
        }
        self.record(b"VADD", &words);
        is_new
    }

    /// Removes the element `name`; false when it is absent.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        let removed = self.change(|set, _| set.remove(name));
        if removed {
            self.record(b"VREM", &[name]);
        }
        removed
    }

    /// Gives the element `name` attributes in place of those it has; empty ones take them away. False when the element is
    /// absent.
    pub fn set_attributes(&mut self, name: &[u8], attributes: &[u8]) -> bool {
        let is_there = self.change(|set, _| set.set_attributes(name, attributes));
        if is_there {
            self.record(b"VSETATTR", &[name, attributes]);
        }
        is_there
    }
}
