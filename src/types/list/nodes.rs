//! A large list: a ring of nodes. Ends are at hand; the middle is found by the nodes' counts. What a node may hold is what was set
//! when the ring was made, as in Redis.
//!
//! Invariant: no node is empty, but while a pop or a removal is under way.

use super::Iter;
use super::limit::Limit;
use super::node::Node;
use crate::types::footprint::taken;
use crate::types::{End, Item, Packed, PackedIter};
use std::collections::VecDeque;
use std::ops::Range;

#[derive(Clone, Debug)]
pub(super) struct Nodes {
    ring: VecDeque<Node>,
    len: usize,
    limit: Limit,
}

impl Nodes {
    /// No elements.
    pub(super) fn new(limit: Limit) -> Self {
        Nodes { ring: VecDeque::new(), len: 0, limit }
    }

    /// The elements of a packed list.
    pub(super) fn of(packed: &Packed<true>, limit: Limit) -> Self {
        let mut nodes = Self::new(limit);
        if !packed.is_empty() {
            nodes.len = packed.len();
            nodes.ring.push_back(packed.into());
        }
        nodes
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn nodes(&self) -> usize {
        self.ring.len()
    }

    /// The only node, if there is but one, and it is none that is kept for a large element.
    pub(super) fn single(&self) -> Option<&Node> {
        match self.ring.len() {
            1 => self.ring.front().filter(|node| !node.is_plain(self.limit)),
            _ => None,
        }
    }

    /// The elements of each node from the one at `first` on, until there are `limit` of them.
    pub(super) fn each(&self, first: usize, limit: usize) -> impl Iterator<Item = PackedIter<'_, true>> {
        let mut elements = 0;
        let wanted = move |node: &&Node| {
            let is_wanted = elements < limit;
            elements += node.len();
            is_wanted
        };
        self.ring.iter().skip(first).take_while(wanted).map(Node::iter)
    }

    pub(super) fn memory(&self) -> usize {
        let ring = taken(self.ring.capacity() * size_of::<Node>());
        taken(size_of::<Self>()) + ring + self.ring.iter().map(Node::memory).sum::<usize>()
    }

    fn end(&self, end: End) -> Option<&Node> {
        match end {
            End::Front => self.ring.front(),
            End::Back => self.ring.back(),
        }
    }

    fn end_mut(&mut self, end: End) -> Option<&mut Node> {
        match end {
            End::Front => self.ring.front_mut(),
            End::Back => self.ring.back_mut(),
        }
    }

    /// The element at one end.
    pub(super) fn peek(&self, end: End) -> Option<Item<'_>> {
        match end {
            End::Front => self.ring.front()?.first(),
            End::Back => self.ring.back()?.last(),
        }
    }

    pub(super) fn push(&mut self, end: End, text: &[u8]) {
        let (settled, limit) = (self.ring.len() > 1, self.limit);
        match self.end_mut(end) {
            Some(node) if limit.admits(node.size(), text.len()) => node.push(end, text.into()),
            full => {
                if let (Some(full), true) = (full, settled) {
                    full.settle();
                }
                let mut node = Node::default();
                node.push(end, text.into());
                match end {
                    End::Front => self.ring.push_front(node),
                    End::Back => self.ring.push_back(node),
                }
            }
        }
        self.len += 1;
    }

    /// Adds a node of these elements at the end, whatever a node may hold.
    pub(super) fn push_node(&mut self, items: &[Item<'_>]) {
        let mut node = Node::default();
        items.iter().for_each(|item| node.push(End::Back, *item));
        node.settle();
        self.len += node.len();
        self.ring.push_back(node);
    }

    /// Removes the element at one end; there is one.
    pub(super) fn drop_end(&mut self, end: End) {
        let Some(node) = self.end_mut(end) else { return };
        node.drop_end(end);
        self.len -= 1;
        if self.end(end).is_some_and(|node| node.len() == 0) {
            match end {
                End::Front => self.ring.pop_front(),
                End::Back => self.ring.pop_back(),
            };
        }
    }

    /// The node that holds the element at `index`, and the element's index in it; walks from the nearer end.
    fn locate(&self, index: usize) -> (usize, usize) {
        if index > self.len / 2 {
            let mut behind = self.len;
            for (at, node) in self.ring.iter().enumerate().rev() {
                behind -= node.len();
                if index >= behind {
                    return (at, index - behind);
                }
            }
        }
        let mut before = 0;
        for (at, node) in self.ring.iter().enumerate() {
            if index < before + node.len() {
                return (at, index - before);
            }
            before += node.len();
        }
        (self.ring.len(), 0)
    }

    pub(super) fn get(&self, index: usize) -> Option<Item<'_>> {
        let (at, index) = self.locate(index);
        self.ring.get(at)?.iter_from(index).next()
    }

    /// The elements from `index` on, readable from both ends.
    pub(super) fn iter_from(&self, index: usize) -> Iter<'_> {
        let (at, index) = self.locate(index);
        match self.ring.get(at) {
            Some(node) => {
                Iter { front: node.iter_from(index), nodes: self.ring.range(at + 1..), back: PackedIter(&[]) }
            }
            None => Iter::default(),
        }
    }

    /// Inserts `text` before or after the element at `pivot`, which exists.
    pub(super) fn insert(&mut self, pivot: usize, after: bool, text: &[u8]) {
        let (at, pivot) = self.locate(pivot);
        let place = pivot + usize::from(after);
        let node = &self.ring[at];
        let (at_head, at_tail) = (!after && place == 0, after && place == node.len());
        let admits = |node: Option<&Node>| node.is_some_and(|n| self.limit.admits(n.size(), text.len()));
        self.len += 1;
        if admits(Some(node)) {
            self.ring[at].insert(place, text.into());
        } else if at_tail && admits(self.ring.get(at + 1)) {
            self.ring[at + 1].push(End::Front, text.into());
        } else if at_head && at > 0 && admits(self.ring.get(at - 1)) {
            self.ring[at - 1].push(End::Back, text.into());
        } else if at_head || at_tail || self.limit.is_large(text.len()) {
            let mut alone = Node::default();
            alone.push(End::Back, text.into());
            let at = at + self.split(at, place);
            self.ring.insert(at, alone);
        } else {
            self.split(at, place);
            let (at, end) = if after { (at + 1, End::Front) } else { (at, End::Back) };
            self.ring[at].push(end, text.into());
            self.merge_around(if after { at - 1 } else { at + 1 });
        }
    }

    /// Splits the node at `at` before its element `place`, unless that is one of its ends; tells how many
    /// nodes then are before that place.
    fn split(&mut self, at: usize, place: usize) -> usize {
        if place == 0 {
            return 0;
        }
        if place < self.ring[at].len() {
            let back = self.ring[at].split_off(place);
            self.ring.insert(at + 1, back);
        }
        1
    }

    /// Joins the nodes around the one at `center` that fit together, in the order Redis tries it.
    fn merge_around(&mut self, mut center: usize) {
        if center >= 2 && self.merge(center - 2) {
            center -= 1;
        }
        self.merge(center + 1);
        if center >= 1 && self.merge(center - 1) {
            center -= 1;
        }
        self.merge(center);
    }

    /// Joins the node at `at` and the next one, if they fit into one.
    fn merge(&mut self, at: usize) -> bool {
        let (Some(a), Some(b)) = (self.ring.get(at), self.ring.get(at + 1)) else { return false };
        if !self.limit.admits_merge(a.size(), b.size()) {
            return false;
        }
        if let Some(next) = self.ring.remove(at + 1) {
            self.ring[at].append(&next);
        }
        true
    }

    /// Puts `text` in the place of the element at `index`, which exists.
    pub(super) fn set(&mut self, index: usize, text: &[u8]) {
        let (at, place) = self.locate(index);
        let node = &mut self.ring[at];
        if self.limit.is_large(text.len()) && node.len() > 1 {
            self.insert(index, true, text);
            self.remove(index..index + 1);
            // Where nothing of its node is left before it, Redis joins none.
            if place > 0 {
                let (alone, _) = self.locate(index);
                self.merge_around(alone);
            }
        } else if node.is_plain(self.limit) && !self.limit.is_large(text.len()) {
            self.insert(index, true, text);
            self.remove(index..index + 1);
        } else {
            node.replace(place, text.into());
        }
    }

    /// Removes the elements of `range`, which exist.
    pub(super) fn remove(&mut self, range: Range<usize>) {
        let (mut at, mut place) = self.locate(range.start);
        let mut left = range.len();
        self.len -= left;
        let mut whole = at..at;
        while left > 0 {
            let node = &mut self.ring[at];
            let here = left.min(node.len() - place);
            if here == node.len() {
                whole = if whole.is_empty() { at..at + 1 } else { whole.start..at + 1 };
            } else {
                node.cut(place, here);
            }
            left -= here;
            (at, place) = (at + 1, 0);
        }
        self.ring.drain(whole);
    }

    /// Removes up to `max` elements equal to `item`, from one end on; tells how many.
    pub(super) fn remove_equal(&mut self, item: Item<'_>, from: End, max: usize) -> usize {
        let mut left = max;
        let mut visit = |node: &mut Node| {
            if left > 0 {
                left -= node.remove(item, from, left);
            }
        };
        match from {
            End::Front => self.ring.iter_mut().for_each(&mut visit),
            End::Back => self.ring.iter_mut().rev().for_each(&mut visit),
        }
        let removed = max - left;
        if removed > 0 {
            self.ring.retain(|node| node.len() > 0);
            self.len -= removed;
        }
        removed
    }

    #[cfg(test)]
    pub(super) fn check(&self) {
        assert_eq!(self.ring.iter().map(Node::len).sum::<usize>(), self.len);
        for node in &self.ring {
            let size = node.size();
            assert!(size.count > 0 && size.count == node.iter().count());
            assert_eq!(size.extra, node.iter().map(super::extra).sum::<usize>());
        }
    }
}
