//! A graph being put together from links that were written down: it is as it should be, or there is none.

use super::lists::Lists;
use super::{Graph, LEVEL_MAX};
use ahash::RandomState;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// No element has this number.
const NONE: u32 = u32::MAX;

/// A graph whose elements are named by ids, and come in any order.
pub(in super::super) struct Weaving {
    graph: Graph,
    /// The ids that were named so far, numbered as they came: so they stand in the lists till the end.
    ids: HashMap<u64, u32, RandomState>,
    /// The elements that have those ids, or [`NONE`].
    elements: Vec<u32>,
}

impl Weaving {
    pub(in super::super) fn new(width: u32) -> Self {
        Weaving { graph: Graph::new(width), ids: HashMap::default(), elements: Vec::new() }
    }

    fn place_of(&mut self, id: u64) -> u32 {
        match self.ids.entry(id) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                self.elements.push(NONE);
                *new.insert(self.elements.len() as u32 - 1)
            }
        }
    }

    /// Adds the next element, with the ids of its neighbours on each layer, the lowest first.
    ///
    /// # Errors
    /// What is wrong with it: its id is there, it is on no layer or too many of them, or it has a link twice.
    pub(in super::super) fn add(&mut self, id: u64, layers: &[Vec<u64>]) -> Result<(), &'static str> {
        let number = self.graph.len() as u32;
        let place = self.place_of(id);
        let element = &mut self.elements[place as usize];
        if std::mem::replace(element, number) != NONE {
            return Err("the id of an element twice");
        }
        if layers.is_empty() || layers.len() > LEVEL_MAX + 1 {
            return Err("an element on too many layers");
        }
        self.graph.lists.push(layers.len() - 1);
        self.graph.levels[layers.len() - 1] += 1;
        for (level, layer) in layers.iter().enumerate() {
            let mut sorted = layer.clone();
            sorted.sort_unstable();
            if sorted.windows(2).any(|pair| pair[0] == pair[1]) || sorted.binary_search(&id).is_ok() {
                return Err("a link twice, or to the element itself");
            }
            let places: Vec<u32> = layer.iter().map(|id| self.place_of(*id)).collect();
            self.graph.lists.extend(number, level, &places);
        }
        Ok(())
    }

    /// The graph.
    ///
    /// # Errors
    /// What is wrong with it: links to elements that are not there, or not on the layer, or that do not lead back.
    pub(in super::super) fn finish(self) -> Result<Graph, &'static str> {
        let Weaving { mut graph, elements, .. } = self;
        if elements.contains(&NONE) {
            return Err("a link to an element that is not there");
        }
        let numbers = 0..graph.len() as u32;
        numbers.clone().for_each(|number| graph.lists.rename(number, |place| elements[place as usize]));
        if !leads_back(&graph.lists) {
            return Err("a link that does not lead back");
        }
        let top = graph.max_level();
        graph.entry = numbers.clone().find(|number| graph.level(*number) == top).unwrap_or_default();
        Ok(graph)
    }
}

/// Whether every link has its counterpart. Each has a number of its own that both directions share, and which nobody can
/// foresee: together they are 0 if there are two of each.
fn leads_back(lists: &Lists) -> bool {
    let (state, mut sum) = (RandomState::new(), 0);
    for number in 0..lists.len() as u32 {
        for level in 0..=lists.level(number) {
            for other in lists.neighbours(number, level) {
                if lists.level(other) < level {
                    return false;
                }
                sum ^= state.hash_one((number.min(other), number.max(other), level));
            }
        }
    }
    sum == 0
}
