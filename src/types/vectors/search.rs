//! Searching: which elements are nearest to a vector.

use super::graph::with_scratch;
use super::quantize::Point;
use super::{Inner, Item, VectorSet};

/// Elements in view where nothing else is asked for.
const EF_DEFAULT: usize = 100;
/// A walk keeps in view one in so many more than it is asked for: it finds more, and costs little.
const EF_MORE: usize = 4;

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
        let Inner { shape, names, points, attributes, graph, .. } = &*self.0;
        let (dim, len) = (shape.dim as usize, self.len() as u32);
        let query = match query.len() == dim {
            true => query.to_vec(),
            false => super::project::project(query, dim),
        };
        let (query, _) = Point::new(shape.quantization, query);
        let query = query.as_ref();
        let Search { count, ef, exact, mut filter } = search;
        let ef = if ef == 0 { EF_DEFAULT } else { ef }.max(count);
        let ef = ef.saturating_add(ef / EF_MORE);
        let is_bounded = filter.as_ref().is_some_and(|filter| (1..self.len()).contains(&filter.effort));
        with_scratch(|scratch| {
            match (&mut filter, !exact && (is_bounded || graph.pays(ef))) {
                (filter, true) => {
                    let filter = filter.as_mut().map(|filter| (attributes, filter));
                    graph.search(points, query, ef, filter, scratch);
                }
                (None, false) => scratch.pool.pick(points.nears(query, 0..len), count),
                (Some(filter), false) => {
                    let mut counts = |number: &u32| {
                        attributes.get(*number).is_some_and(|attributes| (filter.matches)(attributes))
                    };
                    scratch.pool.pick(points.nears(query, (0..len).filter(&mut counts)), count);
                }
            }
            let nearest = scratch.pool.nearest().iter().take(count).map(|near| near.number());
            let mut found: Vec<Found<'_>> = nearest
                .map(|number| Found {
                    name: names.get(number),
                    distance: points.told_distance(query, number),
                    attributes: attributes.get(number),
                })
                .collect();
            found.sort_by(|a, b| a.distance.total_cmp(&b.distance));
            found
        })
    }
}
