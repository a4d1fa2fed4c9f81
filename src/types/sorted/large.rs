//! The large form of a sorted set: an index from members to nodes, and a tree that orders the nodes.
//!
//! Invariant: index and tree hold the same nodes, which belong to the set and live as long as they are
//! in both; a node's score is the one it has in the tree.
#![allow(unsafe_code)]

use super::index::{self, Index};
use super::node::Node;
use super::tree::{Elements, Probe, Tree};
use std::ops::Range;

/// Members with their scores, each stored once.
#[derive(Debug, Default)]
pub(super) struct Large {
    index: Index,
    tree: Tree,
    /// Bytes of all nodes.
    bytes: usize,
}

impl Large {
    pub fn len(&self) -> usize {
        self.tree.len()
    }

    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.index.memory() + self.tree.memory() + self.bytes
    }

    /// Begins to bring the slot where `member` is looked for into the cache; returns its hash.
    pub fn prefetch_slot(&self, member: &[u8]) -> u64 {
        let hash = index::hash(member);
        self.index.prefetch_slot(hash);
        hash
    }

    /// Likewise the node that this slot, which should be there, leads to.
    pub fn prefetch_node(&self, hash: u64) {
        if let Some(node) = self.index.guess(hash & index::HASH_MAX) {
            node.prefetch();
        }
    }

    /// Likewise the leaf that holds this node, which should be there, too.
    pub fn prefetch_leaf(&self, hash: u64) {
        if let Some(node) = self.index.guess(hash & index::HASH_MAX) {
            self.tree.prefetch_leaf(node.score());
        }
    }

    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.index.find(index::hash(member), member).map(Node::score)
    }

    /// Gives `member` the score that `decide` returns when told its present one. Returns both.
    pub fn change(
        &mut self,
        member: &[u8],
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> (Option<f64>, Option<f64>) {
        let hash = index::hash(member);
        let found = self.index.find(hash, member);
        let old = found.map(Node::score);
        let new = decide(old);
        match (found, new) {
            (Some(node), Some(score)) if score != node.score() => self.tree.rescore(node, score),
            (None, Some(score)) => self.insert(hash, score, member),
            _ => {}
        }
        (old, new)
    }

    /// Adds a member that is not there yet.
    pub fn add(&mut self, score: f64, member: &[u8]) {
        self.insert(index::hash(member), score, member);
    }

    fn insert(&mut self, hash: u64, score: f64, member: &[u8]) {
        let node = Node::new(score, member);
        self.bytes += Node::size(member.len());
        self.index.insert(hash, node);
        self.tree.insert(node);
    }

    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let hash = index::hash(member);
        let node = self.index.find(hash, member)?;
        let score = node.score();
        self.index.remove(hash, node);
        self.tree.remove(score, node);
        self.free(node);
        Some(score)
    }

    /// Removes the element of this rank.
    pub fn remove_at(&mut self, rank: usize) {
        let (node, neighbour) = self.tree.remove_at(rank);
        if let Some(next) = neighbour {
            self.index.prefetch_slot(index::hash(next.member()));
        }
        self.index.remove(index::hash(node.member()), node);
        self.free(node);
    }

    fn free(&mut self, node: Node) {
        self.bytes -= Node::size(node.member().len());
        // SAFETY: both callers have just taken it out of index and tree, and hold the only copy.
        unsafe { node.free() }
    }

    pub fn rank(&self, probe: &Probe) -> usize {
        self.tree.rank(probe)
    }

    pub fn range(&self, ranks: Range<usize>) -> Elements<'_> {
        self.tree.range(ranks)
    }

    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8], f64)) -> u64 {
        self.index.scan(cursor, count, |node| visit(node.member(), node.score()))
    }
}

impl Clone for Large {
    fn clone(&self) -> Self {
        let mut copy = Large::default();
        for (score, node) in self.range(0..self.len()) {
            copy.add(score, node.member());
        }
        copy
    }
}

impl Drop for Large {
    fn drop(&mut self) {
        for (_, node) in self.tree.range(0..self.tree.len()) {
            // SAFETY: each node is in the tree once, and nobody can read the set any more: neither tree nor
            // index looks at its nodes when it is dropped.
            unsafe { node.free() }
        }
    }
}
