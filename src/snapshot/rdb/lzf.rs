//! LZF: how Redis compresses strings.
//!
//! ```text
//! 000lllll                     l + 1 bytes as they are
//! lllooooo [l] o               l + 2 bytes copied from o + 1 bytes back; l = 7 is more, by the byte behind it
//! ```

use super::writer::append_first;
use std::cell::RefCell;

/// Unpacks `packed` to the end of `out`; `false` if it is malformed or does not make up exactly `len` bytes.
/// No more is reserved than `packed` can unfold to.
pub fn unpack(packed: &[u8], len: usize, out: &mut Vec<u8>) -> bool {
    /// A copy of three bytes makes 264 at most.
    const UNFOLD_MAX: usize = 88;
    if len > packed.len().saturating_mul(UNFOLD_MAX) {
        return false;
    }
    out.reserve(len);
    let (start, end) = (out.len(), out.len() + len);
    let mut input = packed;
    while let Some((&head, rest)) = input.split_first() {
        input = rest;
        if head < 32 {
            let Some((plain, rest)) = input.split_at_checked(head as usize + 1) else { return false };
            out.extend_from_slice(plain);
            input = rest;
        } else {
            let mut size = (head >> 5) as usize;
            if size == 7 {
                let Some((&more, rest)) = input.split_first() else { return false };
                size += more as usize;
                input = rest;
            }
            let Some((&low, rest)) = input.split_first() else { return false };
            input = rest;
            let back = (usize::from(head & 31) << 8 | low as usize) + 1;
            let size = size + 2;
            if back > out.len() - start || out.len() + size > end {
                return false;
            }
            let from = out.len() - back;
            if back >= size {
                out.extend_from_within(from..from + size);
            } else {
                (from..from + size).for_each(|at| out.push(out[at]));
            }
        }
        if out.len() > end {
            return false;
        }
    }
    out.len() == end
}

/// Packs `plain` to the end of `out` in at most `most` bytes; `false`, and nothing is added, if that is too little.
///
/// Finds the copies that Redis finds, byte by byte: of three bytes that were seen before, the place where they were
/// seen last, in a table that a hash of them points into.
pub fn pack(plain: &[u8], most: usize, out: &mut Vec<u8>) -> bool {
    let from = out.len();
    let fits = PLACES.with_borrow_mut(|places| fill(plain, from + most, places.begin(plain.len()), out));
    if !fits {
        out.truncate(from);
    }
    fits
}

/// Slots of the table.
const SLOTS: usize = 1 << 16;

thread_local! {
    static PLACES: RefCell<Places> = RefCell::default();
}

/// Where three bytes were seen last in the text that is packed, by a hash of them. The table stays from text to text and
/// is not cleared: a text counts its places from where the one before it ended.
#[derive(Default)]
struct Places {
    table: Option<Box<[u32; SLOTS]>>,
    /// What the place of the text's first byte counts as; what counts less was left by earlier texts.
    first: u32,
}

impl Places {
    /// The table, ready for a text of `len` bytes, and what that text's first byte counts as.
    fn begin(&mut self, len: usize) -> (&mut [u32; SLOTS], u32) {
        let fits = len <= (u32::MAX - self.first) as usize;
        let table = self.table.take().filter(|_| fits).unwrap_or_else(|| {
            self.first = 0;
            vec![0; SLOTS].try_into().expect("as many as there are")
        });
        let first = self.first;
        self.first += len as u32;
        (self.table.insert(table), first)
    }
}

/// Packs `plain` behind what `out` has, up to `end`; false if that is too little.
fn fill(plain: &[u8], end: usize, (table, first): (&mut [u32; SLOTS], u32), out: &mut Vec<u8>) -> bool {
    const BACK_MAX: usize = 1 << 13;
    // Notes that three bytes are seen at `at`, and tells where such may have been before; 0 is nowhere.
    let mut see = |three: u32, at: usize| {
        let place = &mut table[(three >> 8).wrapping_sub(three.wrapping_mul(5)) as usize % SLOTS];
        std::mem::replace(place, first + at as u32).saturating_sub(first) as usize
    };
    let (mut at, mut literal) = (0, 0);
    while let Some(here) = three(plain, at) {
        let seen = see(here, at);
        if seen == 0 || at - seen > BACK_MAX || three(plain, seen) != Some(here) {
            // A run has its length before it.
            if out.len() + 1 + at - literal >= end {
                return false;
            }
            at += 1;
            if at - literal == PLAIN_MAX {
                push_plain(&plain[literal..], PLAIN_MAX, out);
                literal = at;
            }
            continue;
        }
        let run = if at > literal { 1 + at - literal } else { 0 };
        if out.len() + run + 4 >= end {
            return false;
        }
        push_plain(&plain[literal..], at - literal, out);
        let size = copied(&plain[seen..], &plain[at..]);
        let (back, more) = (at - seen - 1, size - 2);
        match more {
            0..7 => out.extend_from_slice(&[(more << 5 | back >> 8) as u8, back as u8]),
            _ => out.extend_from_slice(&[(7 << 5 | back >> 8) as u8, (more - 7) as u8, back as u8]),
        }
        at += size;
        literal = at;
        if at + 2 >= plain.len() {
            break;
        }
        for near in [at - 2, at - 1] {
            if let Some(bytes) = three(plain, near) {
                see(bytes, near);
            }
        }
    }
    if out.len() + 1 + at - literal + 3 > end {
        return false;
    }
    push_plain(&plain[literal..], plain.len() - literal, out);
    true
}

/// The three bytes of `plain` from `at` on.
#[inline(always)]
fn three(plain: &[u8], at: usize) -> Option<u32> {
    let rest = plain.get(at..)?;
    if let Some(four) = rest.first_chunk() {
        return Some(u32::from_be_bytes(*four) >> 8);
    }
    let [a, b, c] = rest.first_chunk()?;
    Some(u32::from_be_bytes([0, *a, *b, *c]))
}

/// How many bytes of `here`, which begins like `there`, are copied from there.
fn copied(there: &[u8], here: &[u8]) -> usize {
    const COPY_MAX: usize = 264;
    // Redis compares sixteen bytes at once where more than that are left, and looks up where it is only then.
    let most = match (here.len() - 2).min(COPY_MAX) {
        17 | 18 => 19,
        left => left.max(3),
    };
    let (there, here) = (&there[3..most], &here[3..most]);
    let (eights, others) = (there.as_chunks::<8>().0, here.as_chunks::<8>().0);
    for (at, (a, b)) in eights.iter().zip(others).enumerate() {
        let differ = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if differ != 0 {
            return 3 + 8 * at + differ.trailing_zeros() as usize / 8;
        }
    }
    let same = 8 * eights.len();
    3 + same + there[same..].iter().zip(&here[same..]).take_while(|(a, b)| a == b).count()
}

/// Bytes in a run of bytes as they are.
const PLAIN_MAX: usize = 32;

/// Adds the first `len` bytes of `plain` as they are.
fn push_plain(plain: &[u8], len: usize, out: &mut Vec<u8>) {
    for at in (0..len).step_by(PLAIN_MAX) {
        let run = PLAIN_MAX.min(len - at);
        out.push(run as u8 - 1);
        append_first(&plain[at..], run, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_packed_unpacks(words in prop::collection::vec(prop_oneof![
            Just(b"abc".to_vec()), Just(b"a longer run of text".to_vec()), Just(vec![7; 600]),
            prop::collection::vec(any::<u8>(), 0..80)], 0..60)) {
            let plain = words.concat();
            let mut packed = b"before".to_vec();
            if pack(&plain, plain.len().saturating_sub(1), &mut packed) {
                let mut out = b"x".to_vec();
                prop_assert!(unpack(&packed[6..], plain.len(), &mut out));
                prop_assert_eq!(&out[1..], &plain[..]);
                prop_assert!(!unpack(&packed[6..], plain.len() + 1, &mut Vec::new()));
                prop_assert!(!unpack(&packed[6..packed.len() - 1], plain.len(), &mut Vec::new()));
            } else {
                prop_assert_eq!(&packed[..], b"before");
            }
        }

        #[test]
        fn what_was_packed_before_does_not_matter(words in prop::collection::vec(
            prop::collection::vec(0u8..4, 0..90), 1..30)) {
            let alone = |plain: &[u8]| {
                PLACES.with_borrow_mut(|places| *places = Places::default());
                let mut packed = Vec::new();
                pack(plain, plain.len(), &mut packed).then_some(packed)
            };
            let wanted: Vec<_> = words.iter().map(|plain| alone(plain)).collect();
            PLACES.with_borrow_mut(|places| places.first = u32::MAX - 200);
            for (plain, wanted) in words.iter().zip(wanted) {
                let mut packed = Vec::new();
                prop_assert_eq!(pack(plain, plain.len(), &mut packed).then_some(packed), wanted);
            }
        }

        #[test]
        fn any_bytes_are_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200), len in 0usize..3000) {
            let mut out = Vec::new();
            prop_assert!(!unpack(&bytes, len, &mut out) || out.len() == len);
        }
    }
}
