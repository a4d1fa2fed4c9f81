//! A hash at a moment: without the fields whose time is up.

use super::{FieldRef, Hash, View};
use crate::base::random;

/// What a reader sees of a hash.
#[derive(Clone, Copy)]
pub struct Live<'a> {
    hash: &'a Hash,
    now_ms: i64,
}

/// Fields drawn in the hope that one is not due, before all are looked at.
const DRAWS_MAX: usize = 16;

impl FieldRef<'_> {
    /// Whether its time is up at `now_ms`.
    pub fn is_due(&self, now_ms: i64) -> bool {
        self.expire_at.is_some_and(|at| at <= now_ms)
    }
}

impl Hash {
    /// What is seen of it at `now_ms`.
    pub fn at(&self, now_ms: i64) -> Live<'_> {
        Live { hash: self, now_ms }
    }

    /// How many fields are due at `now_ms`.
    fn due(&self, now_ms: i64) -> usize {
        match self.0.view() {
            View::Packed(_) => 0,
            View::Expiring(_) => self.iter().take_while(|f| f.is_due(now_ms)).count(),
            View::Table(fields) => fields.due(now_ms),
        }
    }
}

impl<'a> Live<'a> {
    /// `field` with its value.
    pub fn get(self, field: &[u8]) -> Option<FieldRef<'a>> {
        self.hash.get(field).filter(|f| !f.is_due(self.now_ms))
    }

    /// Whether it has `field`.
    pub fn contains(self, field: &[u8]) -> bool {
        self.get(field).is_some()
    }

    /// Every field; in a listpack, in order of insertion.
    pub fn iter(self) -> impl Iterator<Item = FieldRef<'a>> {
        self.hash.iter().filter(move |f| !f.is_due(self.now_ms))
    }

    /// Visits the fields at `cursor` as [`Hash::scan`] does; `None` for one that is due.
    pub fn scan(self, cursor: u64, mut visit: impl FnMut(Option<FieldRef<'_>>)) -> u64 {
        self.hash.scan(cursor, |f| visit(Some(f).filter(|f| !f.is_due(self.now_ms))))
    }

    /// How many fields it has.
    pub fn len(self) -> usize {
        self.hash.len() - self.hash.due(self.now_ms)
    }

    /// Whether it has no fields.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The hash itself, where nothing of it is due.
    pub fn whole(self) -> Option<&'a Hash> {
        self.hash.next_expire_at().is_none_or(|at| at > self.now_ms).then_some(self.hash)
    }

    /// Whether [`Live::random`] is quick: fields are found at random, and none is due.
    pub fn draws(self) -> bool {
        matches!(self.hash.0.view(), View::Table(_)) && self.whole().is_some()
    }

    /// A field, all equally likely; `None` when there is none.
    pub fn random(self) -> Option<FieldRef<'a>> {
        let drawn = (0..DRAWS_MAX).filter_map(|_| self.hash.random()).find(|f| !f.is_due(self.now_ms));
        drawn.or_else(|| self.iter().nth(random::below(self.len())))
    }
}
