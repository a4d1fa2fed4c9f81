//! When something happens to which message next: a heap of due times. Each card knows its place in it, so
//! that its time can be changed and taken back.

use super::card::{CardNo, Cards, NEVER, NONE};
use super::pages::Pages;

/// Children of a node.
const WIDTH: usize = 4;

/// A heap of times and cards, the earliest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Timers {
    heap: Pages<(i64, CardNo)>,
}

impl Timers {
    /// The earliest time, and whose it is.
    pub(super) fn first(&self) -> Option<(i64, CardNo)> {
        (self.heap.len() > 0).then(|| self.heap[0])
    }

    /// Sets the time of a card; [`NEVER`] takes it out.
    pub(super) fn set(&mut self, cards: &mut Cards, no: CardNo, due_ms: i64) {
        let at = cards.get(no).timer;
        match (at, due_ms) {
            (NONE, NEVER) => {}
            (NONE, _) => {
                self.heap.push((due_ms, no));
                self.rise(cards, self.heap.len() - 1);
            }
            (at, NEVER) => self.take(cards, at as usize),
            (at, _) => {
                let at = at as usize;
                let before = self.heap[at].0;
                self.heap[at].0 = due_ms;
                if due_ms < before { self.rise(cards, at) } else { self.sink(cards, at) }
            }
        }
    }

    fn take(&mut self, cards: &mut Cards, at: usize) {
        cards.get_mut(self.heap[at].1).timer = NONE;
        let Some(last) = self.heap.pop() else { return };
        if at < self.heap.len() {
            let before = std::mem::replace(&mut self.heap[at], last).0;
            if last.0 < before { self.rise(cards, at) } else { self.sink(cards, at) }
        }
    }

    /// Moves the item at `at` to where it belongs, towards the first.
    fn rise(&mut self, cards: &mut Cards, mut at: usize) {
        let item = self.heap[at];
        while at > 0 {
            let parent = (at - 1) / WIDTH;
            if self.heap[parent].0 <= item.0 {
                break;
            }
            self.put(cards, at, self.heap[parent]);
            at = parent;
        }
        self.put(cards, at, item);
    }

    /// Moves the item at `at` to where it belongs, away from the first.
    fn sink(&mut self, cards: &mut Cards, mut at: usize) {
        let item = self.heap[at];
        loop {
            let first = at * WIDTH + 1;
            let children = first..(first + WIDTH).min(self.heap.len());
            let Some(least) = children.min_by_key(|child| self.heap[*child].0) else { break };
            if self.heap[least].0 >= item.0 {
                break;
            }
            self.put(cards, at, self.heap[least]);
            at = least;
        }
        self.put(cards, at, item);
    }

    fn put(&mut self, cards: &mut Cards, at: usize, item: (i64, CardNo)) {
        self.heap[at] = item;
        cards.get_mut(item.1).timer = at as u32;
    }

    pub(super) fn memory(&self) -> usize {
        self.heap.capacity() * size_of::<(i64, CardNo)>()
    }
}
