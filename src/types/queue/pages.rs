//! A vector in pages: growing it never moves what is there, so that no push has to wait for a copy of all.

use std::ops::{Index, IndexMut};

/// Items of a page.
const PAGE: usize = 256;

/// A vector whose items stay where they are when it grows.
#[derive(Clone, Debug)]
pub(super) struct Pages<T> {
    /// All full but the last. The first grows as vectors do, the others are made whole.
    pages: Vec<Vec<T>>,
}

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Pages { pages: Vec::new() }
    }
}

impl<T> Pages<T> {
    pub(super) fn len(&self) -> usize {
        self.pages.last().map_or(0, |last| (self.pages.len() - 1) * PAGE + last.len())
    }

    /// Items there is room for without another page.
    pub(super) fn capacity(&self) -> usize {
        self.pages.last().map_or(0, |last| (self.pages.len() - 1) * PAGE + last.capacity())
    }

    pub(super) fn push(&mut self, item: T) {
        match self.pages.last_mut() {
            Some(last) if last.len() < PAGE => last.push(item),
            None => self.pages.push(vec![item]),
            Some(_) => {
                let mut page = Vec::with_capacity(PAGE);
                page.push(item);
                self.pages.push(page);
            }
        }
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        let last = self.pages.last_mut()?;
        let item = last.pop();
        if last.is_empty() {
            self.pages.pop();
        }
        item
    }

    pub(super) fn clear(&mut self) {
        self.pages.clear();
    }
}

impl<T> Index<usize> for Pages<T> {
    type Output = T;
    fn index(&self, at: usize) -> &T {
        &self.pages[at / PAGE][at % PAGE]
    }
}

impl<T> IndexMut<usize> for Pages<T> {
    fn index_mut(&mut self, at: usize) -> &mut T {
        &mut self.pages[at / PAGE][at % PAGE]
    }
}
