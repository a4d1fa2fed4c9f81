//! Sorting of a part: what stands there, and in which order equals come, is what Redis' clients are used to.
//!
//! It is the quicksort of Bentley and McIlroy, ["Engineering a sort function"], which leaves alone what lies outside of the
//! part. Equals have no order of their own in it, but always the same one. Where the pivots are bad, as an enemy may see to,
//! a part is sorted by merging, so that it takes O(n log n) and a shallow stack for any input.
//!
//! ["Engineering a sort function"]: https://doi.org/10.1002/spe.4380231105

use std::cmp::Ordering;
use std::ops::Range;

/// The fewest items that are divided rather than inserted one by one.
const DIVIDED_MIN: usize = 7;
/// From how many items on nine are looked at for a pivot, rather than three.
const NINE_MIN: usize = 41;

/// Puts those items into `part` that belong there in the order of `compare`; the others stay anywhere.
pub fn sort_part<T>(items: &mut [T], part: Range<usize>, compare: impl Fn(&T, &T) -> Ordering) {
    let turns = 2 * (items.len().max(1).ilog2() + 1);
    divide(items, 0, &part, turns, &compare);
}

/// Sorts `items`, the first of which is item `from` of all, as far as they belong into `part`; divides at most `turns` times.
fn divide<T>(
    mut items: &mut [T],
    mut from: usize,
    part: &Range<usize>,
    mut turns: u32,
    compare: &impl Fn(&T, &T) -> Ordering,
) {
    let concerns = |at: usize, len: usize| len > 1 && at < part.end && part.start < at + len;
    while items.len() >= DIVIDED_MIN {
        if turns == 0 {
            return items.sort_by(compare);
        }
        turns -= 1;
        items.swap(0, pivot(items, compare));
        let (less, more) = gather(items, compare);
        let behind = items.len() - more;
        let (head, tail) = items.split_at_mut(behind);
        if concerns(from, less) {
            divide(&mut head[..less], from, part, turns, compare);
        }
        from += behind;
        if !concerns(from, more) {
            return;
        }
        items = tail;
    }
    for end in 1..items.len() {
        for at in (1..=end).rev() {
            if compare(&items[at - 1], &items[at]) != Ordering::Greater {
                break;
            }
            items.swap(at - 1, at);
        }
    }
}

/// The place of an item that divides the others well: the middle one of three, or of three such.
fn pivot<T>(items: &[T], compare: &impl Fn(&T, &T) -> Ordering) -> usize {
    let (n, middle) = (items.len(), items.len() / 2);
    let middle_of = |a: usize, b: usize, c: usize| {
        let order = |a: usize, b: usize| compare(&items[a], &items[b]);
        match (order(a, b), order(b, c)) {
            (Ordering::Less, Ordering::Less) => b,
            (Ordering::Less, _) if order(a, c) == Ordering::Less => c,
            (Ordering::Less, _) => a,
            (_, Ordering::Greater) => b,
            _ if order(a, c) == Ordering::Less => a,
            _ => c,
        }
    };
    if n == DIVIDED_MIN {
        return middle;
    }
    if n < NINE_MIN {
        return middle_of(0, middle, n - 1);
    }
    let step = n / 8;
    let first = middle_of(0, step, 2 * step);
    let second = middle_of(middle - step, middle, middle + step);
    let third = middle_of(n - 1 - 2 * step, n - 1 - step, n - 1);
    middle_of(first, second, third)
}

/// Moves what is less than the first item to the front and what is more to the end; returns how many these are.
fn gather<T>(items: &mut [T], compare: &impl Fn(&T, &T) -> Ordering) -> (usize, usize) {
    // Equals are collected at both ends, up to `low` and behind `high`; `left` and `right` meet in the middle.
    let last = items.len() - 1;
    let (mut low, mut left, mut right, mut high) = (1, 1, last, last);
    loop {
        while left <= right {
            match compare(&items[left], &items[0]) {
                Ordering::Greater => break,
                Ordering::Equal => {
                    items.swap(low, left);
                    low += 1;
                }
                Ordering::Less => {}
            }
            left += 1;
        }
        while left <= right {
            match compare(&items[right], &items[0]) {
                Ordering::Less => break,
                Ordering::Equal => {
                    items.swap(right, high);
                    high -= 1;
                }
                Ordering::Greater => {}
            }
            right -= 1;
        }
        if left > right {
            break;
        }
        items.swap(left, right);
        (left, right) = (left + 1, right - 1);
    }
    // The equals go to the middle.
    let n = low.min(left - low);
    (0..n).for_each(|at| items.swap(at, left - n + at));
    let n = (high - right).min(last - high);
    (0..n).for_each(|at| items.swap(left + at, items.len() - n + at));
    (left - low, high - right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_part_holds_what_belongs_there(
            items in prop::collection::vec(0u8..40, 0..200),
            (from, len) in (0usize..200, 0usize..50),
        ) {
            let part = from.min(items.len())..(from + len).min(items.len());
            let (mut mine, mut sorted) = (items.clone(), items);
            sort_part(&mut mine, part.clone(), u8::cmp);
            sorted.sort();
            prop_assert_eq!(&mine[part.clone()], &sorted[part]);
            mine.sort();
            prop_assert_eq!(mine, sorted);
        }
    }

    #[test]
    fn bad_pivots_cost_no_more_than_merging() {
        use std::cell::{Cell, RefCell};
        // The adversary of McIlroy: who is compared as a pivot turns out to be the least of the rest.
        let n = 20_000;
        let (values, solid, candidate, asked) =
            (RefCell::new(vec![n; n]), Cell::new(0), Cell::new(0), Cell::new(0u64));
        let mut items: Vec<usize> = (0..n).collect();
        sort_part(&mut items, 0..n, |a, b| {
            asked.set(asked.get() + 1);
            let mut values = values.borrow_mut();
            if values[*a] == n && values[*b] == n {
                let settled = if *a == candidate.get() { *a } else { *b };
                values[settled] = solid.replace(solid.get() + 1);
            }
            if values[*a] == n {
                candidate.set(*a);
            } else if values[*b] == n {
                candidate.set(*b);
            }
            values[*a].cmp(&values[*b])
        });
        assert!(asked.get() < 100 * n as u64, "{} comparisons", asked.get());
    }
}
