//! Rows of one width side by side, by number: what the elements of a vector set are kept in.
//!
//! ```text
//!  row  0 … n-1        n … 2n-1        2n …
//!      ┌────────────┐ ┌────────────┐ ┌──────┬ ─ ┐
//!      │ page       │ │ page       │ │ rows │     grows to a page, and then the next begins
//!      └────────────┘ └────────────┘ └──────┴ ─ ┘
//! ```
//! No insert copies more than one page, and no removal more than one row: the last takes the place of the one that goes.

use super::super::footprint::taken;
use std::mem::swap;

/// Bytes of a page, unless one row takes more.
const PAGE_SIZE: usize = 64 * 1024;
/// Rows that the first page has room for.
const ROWS_MIN: usize = 2;

/// Rows of `width` values each.
#[derive(Clone, Debug)]
pub(super) struct Pages<T> {
    pages: Vec<Vec<T>>,
    width: usize,
    /// A page has 2^shift rows.
    shift: u32,
    len: usize,
}

impl<T: Default> Pages<T> {
    /// No rows yet; `width` is at least 1.
    pub(super) fn new(width: usize) -> Self {
        let rows = (PAGE_SIZE / (width * size_of::<T>())).max(1);
        Pages { pages: Vec::new(), width, shift: rows.ilog2(), len: 0 }
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline(always)]
    fn place(&self, row: u32) -> (usize, usize) {
        let row = row as usize;
        (row >> self.shift, (row & ((1 << self.shift) - 1)) * self.width)
    }

    /// The values of a row that is there.
    #[inline(always)]
    pub(super) fn row(&self, row: u32) -> &[T] {
        let (page, at) = self.place(row);
        &self.pages[page][at..at + self.width]
    }

    /// The values of a row that is there, to be changed.
    #[inline(always)]
    pub(super) fn row_mut(&mut self, row: u32) -> &mut [T] {
        let (page, at) = self.place(row);
        &mut self.pages[page][at..at + self.width]
    }

    /// Appends a row of default values, and returns it.
    pub(super) fn push(&mut self) -> &mut [T] {
        let (page, at) = self.place(self.len as u32);
        let full = self.width << self.shift;
        if page == self.pages.len() {
            let first = if page == 0 { full.min(ROWS_MIN * self.width) } else { full };
            self.pages.push(Vec::with_capacity(first));
        }
        let page = &mut self.pages[page];
        if at == page.capacity() {
            page.reserve_exact(full.min(2 * at) - at);
        }
        self.len += 1;
        page.resize_with(at + self.width, T::default);
        &mut page[at..]
    }

    /// Removes a row; the last one takes its place.
    pub(super) fn swap_remove(&mut self, row: u32) {
        let last = self.len - 1;
        let ((page, at), (last_page, last_at)) = (self.place(row), self.place(last as u32));
        let (before, behind) = self.pages.split_at_mut(last_page);
        let behind = &mut behind[0];
        let (rest, tail) = behind.split_at_mut(last_at);
        let removed = if page < last_page { &mut before[page][at..] } else { &mut rest[at.min(last_at)..] };
        removed.iter_mut().zip(tail).for_each(|(removed, last)| swap(removed, last));
        behind.truncate(last_at);
        self.len = last;
        if behind.is_empty() {
            self.pages.pop();
        } else if last_page == 0 && behind.len() <= behind.capacity() / 4 {
            behind.shrink_to(2 * behind.len());
        }
    }

    /// Bytes allocated for the rows, without what their values own.
    pub(super) fn memory(&self) -> usize {
        let directory = taken(self.pages.capacity() * size_of::<Vec<T>>());
        let pages = match &self.pages[..] {
            [] => 0,
            [full @ .., last] => {
                let full =
                    full.first().map_or(0, |page| full.len() * taken(page.capacity() * size_of::<T>()));
                full + taken(last.capacity() * size_of::<T>())
            }
        };
        directory + pages
    }

    /// How many allocations it is made of.
    pub(super) fn weight(&self) -> usize {
        1 + self.pages.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn they_are_rows(width in 1usize..5000, ops in prop::collection::vec((any::<u16>(), 0..3u8), 0..300)) {
            let (mut pages, mut twin) = (Pages::<u32>::new(width), Vec::<u32>::new());
            for (n, op) in ops {
                if op > 0 || twin.is_empty() {
                    pages.push().fill(n.into());
                    twin.push(n.into());
                } else {
                    let row = usize::from(n) % twin.len();
                    pages.swap_remove(row as u32);
                    twin.swap_remove(row);
                }
                prop_assert_eq!(pages.len(), twin.len());
            }
            for (row, n) in twin.iter().enumerate() {
                prop_assert!(pages.row(row as u32).iter().all(|value| value == n));
            }
            let twin = pages.clone();
            prop_assert!((0..pages.len() as u32).all(|row| pages.row(row) == twin.row(row)));
            let rows = pages.len() * width * 4;
            prop_assert!(pages.memory() <= 5 * rows + (ROWS_MIN * width * 4).max(PAGE_SIZE) + 4096);
        }
    }
}
