//! The list: one packed allocation while it is small, a ring of nodes when it is large.
//!
//! Which of the two it is, is what OBJECT ENCODING tells (`listpack`, `quicklist`): it changes where
//! Redis' form changes, in both directions.

mod limit;
mod node;
mod nodes;
#[cfg(test)]
mod tests;

use super::forms::forms;
use super::item::Search;
use super::{Item, Packed, PackedIter, Packing};
use limit::{Limit, Size, extra};
use node::Node;
use nodes::Nodes;
use std::collections::vec_deque;
use std::iter;
use std::ops::Range;

/// One of a list's two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The end LPUSH and LPOP work on, called LEFT by options.
    Front,
    /// The end RPUSH and RPOP work on, called RIGHT by options.
    Back,
}

/// A list of strings.
#[derive(Clone)]
pub struct List(Forms);

// The note of a packed list is what a listpack would take beyond it (see [`Size::extra`]): three bytes an integer at most,
// which takes seven itself.
forms! { Packed(Packed<true>); Nodes(Nodes) }

/// Notes that elements came with `gained` bytes that a listpack would take beyond them, and others went with `lost`.
fn adjust(packed: &mut Packed<true>, gained: usize, lost: usize) {
    if gained != lost {
        packed.set_note(packed.note() + gained as u32 - lost as u32);
    }
}

impl Default for List {
    fn default() -> Self {
        List::new()
    }
}

impl List {
    /// An empty list.
    pub fn new() -> Self {
        List(Form::Packed(Packed::new()).into())
    }

    /// How many elements it has.
    pub fn len(&self) -> usize {
        match self.0.view() {
            View::Packed(packed) => packed.len(),
            View::Nodes(nodes) => nodes.len(),
        }
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name OBJECT ENCODING answers with.
    pub fn encoding(&self) -> &'static str {
        match self.0.view() {
            View::Packed(_) => "listpack",
            View::Nodes(_) => "quicklist",
        }
    }

    /// Allocations to free, roughly.
    pub fn weight(&self) -> usize {
        match self.0.view() {
            View::Packed(_) => 1,
            View::Nodes(nodes) => 2 + nodes.nodes(),
        }
    }

    /// Bytes allocated.
    pub fn memory(&self) -> usize {
        match self.0.view() {
            View::Packed(packed) => packed.memory(),
            View::Nodes(nodes) => nodes.memory(),
        }
    }

    /// Becomes a ring of nodes if `count` elements of `text` bytes together are too many for a packed list.
    fn grow(&mut self, count: usize, text: usize, limit: Limit) {
        if let View::Packed(packed) = self.0.view() {
            let size = Size { bytes: packed.size(), extra: packed.note() as usize, count: packed.len() };
            if limit.outgrown(size, count, text) || !packed.fits(count, text) {
                self.0 = Form::Nodes(Box::new(Nodes::of(packed, limit))).into();
            }
        }
    }

    /// Becomes a packed list again if it has become small enough.
    fn shrink(&mut self, limit: Limit) {
        self.shrink_if(|nodes| nodes.single().filter(|node| limit.shrunk_to(node.size())));
    }

    fn shrink_if(&mut self, small: impl FnOnce(&Nodes) -> Option<&Node>) {
        if let View::Nodes(nodes) = self.0.view()
            && let Some(node) = small(nodes)
        {
            self.0 = Form::Packed(node.into()).into();
        }
    }

    /// The list of these elements, as SORT stores it: its form is chosen at the end.
    pub fn gathered(texts: &[&[u8]], packing: &Packing) -> List {
        let mut list = List::large(packing);
        list.add(End::Back, texts);
        list.choose_form(packing);
        list
    }

    /// An empty list of the large form, to be filled until [`List::choose_form`].
    pub fn large(packing: &Packing) -> List {
        List(Form::Nodes(Box::new(Nodes::new(Limit::new(packing)))).into())
    }

    /// Adds a node at the end of a list of the large form, as another server had it.
    pub fn push_node(&mut self, items: &[Item<'_>]) {
        if let ViewMut::Nodes(nodes) = self.0.view_mut() {
            nodes.push_node(items);
        }
    }

    /// Becomes a packed list if it is one node that may be one.
    pub fn choose_form(&mut self, packing: &Packing) {
        let limit = Limit::new(packing);
        self.shrink_if(|nodes| nodes.single().filter(|node| limit.holds(node.size())));
    }

    /// Adds elements at one end, one after the other: the last of `texts` ends up outermost.
    pub fn push(&mut self, end: End, texts: &[&[u8]], packing: &Packing) {
        let limit = Limit::new(packing);
        self.grow(texts.len(), texts.iter().map(|text| text.len()).sum(), limit);
        self.add(end, texts);
    }

    /// Adds an element that another list gave.
    pub fn push_moved(&mut self, end: End, text: &[u8], packing: &Packing) {
        let limit = Limit::new(packing);
        self.grow_for_moved(text, limit);
        self.add(end, &[text]);
    }

    /// As [`List::grow`] for an element taken from a list: Redis does not count the text of an integer then.
    fn grow_for_moved(&mut self, text: &[u8], limit: Limit) {
        let counted = if matches!(Item::from(text), Item::Int(_)) { 0 } else { text.len() };
        self.grow(1, counted, limit);
    }

    /// Moves the element at one end to another, or to the same, and returns it. The form changes only when both is done.
    pub fn rotate(&mut self, from: End, to: End, packing: &Packing) -> Option<Vec<u8>> {
        let limit = Limit::new(packing);
        let text = self.peek(from)?.to_vec();
        self.drop_end(from);
        self.grow_for_moved(&text, limit);
        self.add(to, &[&text]);
        self.shrink(limit);
        Some(text)
    }

    fn add(&mut self, end: End, texts: &[&[u8]]) {
        match self.0.view_mut() {
            ViewMut::Packed(mut packed) => {
                for text in texts {
                    let item = Item::from(*text);
                    let at = if end == End::Front { super::At::START } else { packed.end() };
                    packed.insert(at, &[item]);
                    adjust(&mut packed, extra(item), 0);
                }
            }
            ViewMut::Nodes(nodes) => texts.iter().for_each(|text| nodes.push(end, text)),
        }
    }

    /// The element at one end.
    pub fn peek(&self, end: End) -> Option<Item<'_>> {
        match (self.0.view(), end) {
            (View::Packed(packed), End::Front) => packed.first().map(|at| packed.get(at)),
            (View::Packed(packed), End::Back) => packed.last().map(|at| packed.get(at)),
            (View::Nodes(nodes), end) => nodes.peek(end),
        }
    }

    /// Removes the element at one end, after `f` was shown it.
    pub fn pop<R>(&mut self, end: End, packing: &Packing, f: impl FnOnce(Item<'_>) -> R) -> Option<R> {
        let shown = f(self.peek(end)?);
        self.drop_end(end);
        self.shrink(Limit::new(packing));
        Some(shown)
    }

    /// Removes the element at one end, and stays in the form it has.
    fn drop_end(&mut self, end: End) {
        match self.0.view_mut() {
            ViewMut::Packed(mut packed) => {
                let at = if end == End::Front { packed.first() } else { packed.last() };
                if let Some(at) = at {
                    let lost = extra(packed.get(at));
                    adjust(&mut packed, 0, lost);
                    packed.remove(at, 1);
                }
            }
            ViewMut::Nodes(nodes) => nodes.drop_end(end),
        }
    }

    /// The element at `index`.
    pub fn get(&self, index: usize) -> Option<Item<'_>> {
        match self.0.view() {
            View::Packed(packed) => packed.nth(index),
            View::Nodes(nodes) => nodes.get(index),
        }
    }

    /// All elements, readable from both ends.
    pub fn iter(&self) -> Iter<'_> {
        self.iter_from(0)
    }

    /// The elements from `index` on, readable from both ends.
    pub fn iter_from(&self, index: usize) -> Iter<'_> {
        match self.0.view() {
            View::Packed(packed) => {
                let at = packed.seek(index).unwrap_or(packed.end());
                Iter { front: packed.iter_from(at), ..Iter::default() }
            }
            View::Nodes(nodes) => nodes.iter_from(index),
        }
    }

    /// In how many nodes the elements lie.
    pub fn node_count(&self) -> usize {
        match self.0.view() {
            View::Packed(_) => 1,
            View::Nodes(nodes) => nodes.nodes(),
        }
    }

    /// The elements of each node from the one at `first` on, of as many as have `limit` elements together.
    pub fn nodes(&self, first: usize, limit: usize) -> Vec<PackedIter<'_, true>> {
        match self.0.view() {
            View::Packed(packed) if first == 0 => vec![packed.iter()],
            View::Packed(_) => Vec::new(),
            View::Nodes(nodes) => nodes.each(first, limit).collect(),
        }
    }

    /// Where the elements equal to `text` stand among the first `len_max` from one end on: `count` of them at most, behind
    /// the first `skipped`.
    pub fn positions(
        &self,
        text: &[u8],
        from: End,
        len_max: usize,
        skipped: usize,
        count: usize,
    ) -> Vec<usize> {
        let search = &Search::new(Item::from(text));
        let Iter { front, nodes, back } = self.iter();
        let parts = iter::once(front).chain(nodes.map(Node::iter)).chain([back]);
        let hits = |(at, is_it): (usize, bool)| is_it.then_some(at);
        match from {
            End::Front => {
                let matches = parts.flat_map(|part| part.matches(search)).enumerate().take(len_max);
                matches.filter_map(hits).skip(skipped).take(count).collect()
            }
            End::Back => {
                let places = (0..self.len()).rev();
                let matches =
                    places.zip(parts.rev().flat_map(|part| part.matches_back(search))).take(len_max);
                matches.filter_map(hits).skip(skipped).take(count).collect()
            }
        }
    }

    /// Where the first element equal to `text` stands.
    pub fn position(&self, text: &[u8]) -> Option<usize> {
        self.positions(text, End::Front, usize::MAX, 0, 1).pop()
    }

    /// Takes the form for one more element of `text`, which Redis does before it looks for the place.
    pub fn prepare(&mut self, text: &[u8], packing: &Packing) {
        self.grow(1, text.len(), Limit::new(packing));
    }

    /// Puts `text` in the place of the element at `index`; `false` if there is none.
    pub fn set(&mut self, index: usize, text: &[u8], packing: &Packing) -> bool {
        if index >= self.len() {
            return false;
        }
        let limit = Limit::new(packing);
        self.grow(1, text.len(), limit);
        match self.0.view_mut() {
            ViewMut::Packed(mut packed) => {
                if let Some(at) = packed.seek(index) {
                    let item = Item::from(text);
                    let lost = extra(packed.get(at));
                    adjust(&mut packed, extra(item), lost);
                    packed.replace(at, item);
                }
            }
            ViewMut::Nodes(nodes) => nodes.set(index, text),
        }
        self.shrink(limit);
        true
    }

    /// Inserts `text` before or after the element at `pivot`; `false` if there is none.
    pub fn insert(&mut self, pivot: usize, after: bool, text: &[u8], packing: &Packing) -> bool {
        if pivot >= self.len() {
            return false;
        }
        let limit = Limit::new(packing);
        self.grow(1, text.len(), limit);
        match self.0.view_mut() {
            ViewMut::Packed(mut packed) => {
                let at = packed.seek(pivot + usize::from(after)).unwrap_or(packed.end());
                let item = Item::from(text);
                packed.insert(at, &[item]);
                adjust(&mut packed, extra(item), 0);
            }
            ViewMut::Nodes(nodes) => nodes.insert(pivot, after, text),
        }
        true
    }

    /// Removes the elements of `range`, as far as they exist.
    pub fn remove(&mut self, range: Range<usize>, packing: &Packing) {
        self.cut(range);
        self.shrink(Limit::new(packing));
    }

    /// Removes all elements but those of `range`.
    pub fn keep(&mut self, range: Range<usize>, packing: &Packing) {
        self.cut(range.end..self.len());
        self.cut(0..range.start);
        self.shrink(Limit::new(packing));
    }

    /// Removes the elements of `range`, as far as they exist, and stays in the form it has.
    fn cut(&mut self, range: Range<usize>) {
        let range = range.start..range.end.min(self.len());
        if range.is_empty() {
            return;
        }
        match self.0.view_mut() {
            ViewMut::Packed(mut packed) => {
                if let Some(at) = packed.seek(range.start) {
                    let lost = packed.iter_from(at).take(range.len()).map(extra).sum();
                    adjust(&mut packed, 0, lost);
                    packed.remove(at, range.len());
                }
            }
            ViewMut::Nodes(nodes) => nodes.remove(range),
        }
    }

    /// Removes up to `max` elements equal to `text`, from one end on; tells how many.
    pub fn remove_equal(&mut self, text: &[u8], from: End, max: usize, packing: &Packing) -> usize {
        let item = Item::from(text);
        let removed = match self.0.view_mut() {
            ViewMut::Packed(packed) if packed.find(super::At::START, item, 1).is_none() => 0,
            ViewMut::Packed(mut packed) => {
                let mut node = Node::from(&*packed);
                let removed = node.remove(item, from, max);
                *packed = (&node).into();
                removed
            }
            ViewMut::Nodes(nodes) => nodes.remove_equal(item, from, max),
        };
        if removed > 0 {
            self.shrink(Limit::new(packing));
        }
        removed
    }
}

/// Elements of a list, readable from both ends.
#[derive(Clone)]
pub struct Iter<'a> {
    front: PackedIter<'a, true>,
    nodes: vec_deque::Iter<'a, Node>,
    back: PackedIter<'a, true>,
}

impl Default for Iter<'_> {
    fn default() -> Self {
        Iter { front: PackedIter(&[]), nodes: vec_deque::Iter::default(), back: PackedIter(&[]) }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        loop {
            if let Some(item) = self.front.next() {
                return Some(item);
            }
            match self.nodes.next() {
                Some(node) => self.front = node.iter(),
                None => return self.back.next(),
            }
        }
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.back.next_back() {
                return Some(item);
            }
            match self.nodes.next_back() {
                Some(node) => self.back = node.iter(),
                None => return self.front.next_back(),
            }
        }
    }
}
