//! LZF: how Redis compresses strings.
//!
//! ```text
//! 000lllll                     l + 1 bytes as they are
//! lllooooo [l] o               l + 2 bytes copied from o + 1 bytes back; l = 7 is more, by the byte behind it
//! ```

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

/// Packs `plain` to the end of `out`; `false`, and nothing is added, if that would not make it shorter.
pub fn pack(plain: &[u8], out: &mut Vec<u8>) -> bool {
    const HASH_BITS: u32 = 14;
    const BACK_MAX: usize = 1 << 13;
    const COPY_MAX: usize = 264;
    let start = out.len();
    let mut places = vec![0_u32; 1 << HASH_BITS];
    let (mut at, mut literal) = (0, 0);
    while at + 3 <= plain.len() {
        let key = u32::from_le_bytes([plain[at], plain[at + 1], plain[at + 2], 0]);
        let place = &mut places[(key.wrapping_mul(0x9E37_79B1) >> (32 - HASH_BITS)) as usize];
        // Places are kept one higher, so that 0 is none.
        let seen = std::mem::replace(place, at as u32 + 1) as usize;
        if seen == 0 || at + 1 - seen > BACK_MAX || plain[seen - 1..seen + 2] != plain[at..at + 3] {
            at += 1;
            continue;
        }
        let from = seen - 1;
        let most = (plain.len() - at).min(COPY_MAX);
        let size = 3 + (3..most).take_while(|i| plain[from + i] == plain[at + i]).count();
        push_plain(&plain[literal..at], out);
        let (back, more) = (at - from - 1, size - 2);
        out.push(((more.min(7) as u8) << 5) | (back >> 8) as u8);
        if more >= 7 {
            out.push((more - 7) as u8);
        }
        out.push(back as u8);
        at += size;
        literal = at;
        if out.len() - start >= plain.len() {
            break;
        }
    }
    push_plain(&plain[literal..], out);
    let shorter = out.len() - start < plain.len();
    if !shorter {
        out.truncate(start);
    }
    shorter
}

fn push_plain(plain: &[u8], out: &mut Vec<u8>) {
    for run in plain.chunks(32) {
        out.push(run.len() as u8 - 1);
        out.extend_from_slice(run);
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
            if pack(&plain, &mut packed) {
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
        fn any_bytes_are_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200), len in 0usize..3000) {
            let mut out = Vec::new();
            prop_assert!(!unpack(&bytes, len, &mut out) || out.len() == len);
        }
    }
}
