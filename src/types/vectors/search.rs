//! Searching: which elements are nearest to a vector.

use super::distance;
use super::quantize::Point;
use super::{Item, VectorSet};

/// Which elements count.
pub struct Filter<'f> {
    /// Whether an element with these attributes does; one without any never does.
    pub matches: &'f mut dyn FnMut(&[u8]) -> bool,
    /// Elements whose neighbours are looked at before the search ends with what it has; 0 for no such limit.
    pub effort: usize,
}

/// What is searched for.
#[derive(Default)]
pub struct Search<'f> {
    /// Elements that are wanted.
    pub count: usize,
    /// Elements that the search keeps in view, at least `count`; 0 for the default. The more, the better what is found.
    pub ef: usize,
    /// Compare with every element.
    pub exact: bool,
    /// Which elements count.
    pub filter: Option<Filter<'f>>,
}

/// An element that was found.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// Its name.
    pub name: Item<'a>,
    /// How far it is: from 0 for the same direction to 2 for the opposite.
    pub distance: f32,
    /// Its attributes, if it has any.
    pub attributes: Option<&'a [u8]>,
}

impl VectorSet {
    /// The elements nearest to `query`, a vector of the [`super::Shape::dim`] or of the [`super::Shape::input_dim`]: nearest
    /// first.
    pub fn search(&self, query: &[f32], search: Search<'_>) -> Vec<Found<'_>> {
        let (inner, dim) = (&*self.0, self.0.shape.dim as usize);
        let query = match query.len() == dim {
            true => query.to_vec(),
            false => super::project::project(query, dim),
        };
        let (query, _) = Point::new(inner.shape.quantization, query);
        let Search { count, mut filter, .. } = search;
        let mut found = Vec::new();
        for number in 0..self.len() as u32 {
            let attributes = inner.attributes.get(number);
            let counts = match &mut filter {
                None => true,
                Some(filter) => attributes.is_some_and(|attributes| (filter.matches)(attributes)),
            };
            if counts {
                found.push((distance::told(query.as_ref(), inner.points.get(number), dim), number));
            }
        }
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        found.truncate(count);
        let found = found.into_iter().map(|(distance, number)| Found {
            name: inner.names.get(number),
            distance,
            attributes: inner.attributes.get(number),
        });
        found.collect()
    }
}
