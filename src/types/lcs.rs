//! The longest common subsequence of two byte strings, 64 cells of the table at a time.
//!
//! Let `L(i, j)` be the length for the first `i` bytes of `a` and `j` of `b`. In a row, `L` grows by
//! at most 1 from one `j` to the next, so a row is a bit set: bit `j` is 0 where it grows (the
//! bit-parallel algorithm of Heikki Hyyrö, 2004). The way back needs no more than these bits: where the
//! bytes differ, `L(i-1, j) > L(i, j-1)` exactly if `L` grows at `(i, j)`.

/// A run of bytes that is in both strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Where it begins in the first string.
    pub a: usize,
    /// Where it begins in the second string.
    pub b: usize,
    /// Its length.
    pub len: usize,
}

/// Bits of a row.
type Row = Vec<u64>;

/// For each byte that is in both strings, the places where `b` has it.
struct Places {
    /// The index in `sets` plus one.
    index: [u16; 256],
    sets: Vec<Row>,
}

impl Places {
    fn of(a: &[u8], b: &[u8]) -> Self {
        let mut places = Self { index: [0; 256], sets: Vec::new() };
        let mut in_b = [false; 256];
        b.iter().for_each(|byte| in_b[usize::from(*byte)] = true);
        for byte in a.iter().map(|byte| usize::from(*byte)) {
            if in_b[byte] && places.index[byte] == 0 {
                places.sets.push(vec![0; b.len().div_ceil(64)]);
                places.index[byte] = places.sets.len() as u16;
            }
        }
        for (j, byte) in b.iter().enumerate() {
            if let Some(set) = usize::from(places.index[usize::from(*byte)]).checked_sub(1) {
                places.sets[set][j / 64] |= 1 << (j % 64);
            }
        }
        places
    }

    /// Turns row `i` into row `i + 1`, where `byte` is byte `i` of `a`.
    fn step(&self, row: &mut [u64], byte: u8) {
        let Some(set) = usize::from(self.index[usize::from(byte)]).checked_sub(1) else { return };
        let mut carry = false;
        for (bits, places) in row.iter_mut().zip(&self.sets[set]) {
            let (sum, over) = bits.overflowing_add(*bits & places);
            let (sum, over_again) = sum.overflowing_add(carry.into());
            carry = over | over_again;
            *bits = sum | *bits & !places;
        }
    }
}

fn first_row(b: &[u8]) -> Row {
    vec![u64::MAX; b.len().div_ceil(64)]
}

/// The length of the longest common subsequence.
pub fn length(a: &[u8], b: &[u8]) -> usize {
    let places = Places::of(a, b);
    let mut row = first_row(b);
    a.iter().for_each(|byte| places.step(&mut row, *byte));
    row.iter().map(|bits| bits.count_zeros() as usize).sum()
}

/// The runs of the longest common subsequence, from the last to the first. Of several such
/// subsequences it is the one that gives way in `b` first, going backwards. Takes a bit of memory for
/// each pair of bytes.
pub fn runs(a: &[u8], b: &[u8]) -> Vec<Run> {
    let places = Places::of(a, b);
    let words = b.len().div_ceil(64);
    let mut row = first_row(b);
    let mut rows = Vec::with_capacity(words * a.len());
    for byte in a {
        places.step(&mut row, *byte);
        rows.extend_from_slice(&row);
    }
    let grows = |i: usize, j: usize| rows[i * words + j / 64] >> (j % 64) & 1 == 0;

    let mut runs: Vec<Run> = Vec::new();
    let (mut i, mut j) = (a.len(), b.len());
    while i > 0 && j > 0 {
        if a[i - 1] != b[j - 1] {
            if grows(i - 1, j - 1) {
                i -= 1
            } else {
                j -= 1
            }
            continue;
        }
        (i, j) = (i - 1, j - 1);
        match runs.last_mut() {
            Some(run) if run.a == i + 1 && run.b == j + 1 => *run = Run { a: i, b: j, len: run.len + 1 },
            _ => runs.push(Run { a: i, b: j, len: 1 }),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The table itself, and the way back through it.
    fn naive(a: &[u8], b: &[u8]) -> (usize, Vec<(usize, usize)>) {
        let mut table = vec![vec![0usize; b.len() + 1]; a.len() + 1];
        for i in 1..=a.len() {
            for j in 1..=b.len() {
                table[i][j] = match a[i - 1] == b[j - 1] {
                    true => table[i - 1][j - 1] + 1,
                    false => table[i - 1][j].max(table[i][j - 1]),
                };
            }
        }
        let (mut i, mut j, mut pairs) = (a.len(), b.len(), Vec::new());
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                (i, j) = (i - 1, j - 1);
                pairs.push((i, j));
            } else if table[i - 1][j] > table[i][j - 1] {
                i -= 1;
            } else {
                j -= 1;
            }
        }
        (table[a.len()][b.len()], pairs)
    }

    proptest! {
        #[test]
        fn the_table_is_walked_as_by_hand(a in "[abcd]{0,90}", b in "[abcde]{0,200}") {
            let (a, b) = (a.as_bytes(), b.as_bytes());
            let (len, pairs) = naive(a, b);
            prop_assert_eq!(length(a, b), len);
            let runs = runs(a, b);
            let walked: Vec<_> =
                runs.iter().flat_map(|run| (0..run.len).rev().map(|n| (run.a + n, run.b + n))).collect();
            prop_assert_eq!(walked, pairs);
        }
    }

    #[test]
    fn nothing_is_common_with_nothing() {
        assert_eq!((length(b"", b""), length(b"abc", b""), length(b"", b"abc")), (0, 0, 0));
        assert!(runs(b"", b"abc").is_empty() && runs(b"abc", b"xyz").is_empty());
    }
}
