//! Numbers in as few bytes as they need, readable from either end.

/// Appends `n` in groups of seven bits, lowest first, the high bit telling that more follow.
pub fn push_varint(mut n: u64, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// Bytes [`push_varint`] takes for `n`.
pub fn varint_size(n: u64) -> usize {
    (70 - (n | 1).leading_zeros() as usize) / 7
}

/// Reads a number written by [`push_varint`] at the start of `bytes`, and tells its size.
pub fn read_varint(bytes: &[u8]) -> (u64, usize) {
    let (mut n, mut at) = (0, 0);
    loop {
        let byte = bytes[at];
        n |= u64::from(byte & 0x7F) << (7 * at);
        at += 1;
        if byte & 0x80 == 0 {
            return (n, at);
        }
    }
}

/// Appends `n` so that it can be read backwards from its end.
pub fn push_back_varint(n: u64, out: &mut Vec<u8>) {
    let from = out.len();
    push_varint(n, out);
    out[from..].reverse();
}

/// Reads a number written by [`push_back_varint`] that ends where `bytes` ends, and tells its size.
pub fn read_back_varint(bytes: &[u8]) -> (u64, usize) {
    let (mut n, mut size) = (0, 0);
    loop {
        let byte = bytes[bytes.len() - 1 - size];
        n |= u64::from(byte & 0x7F) << (7 * size);
        size += 1;
        if byte & 0x80 == 0 {
            return (n, size);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_number_reads_back(n in any::<u64>(), shift in 0..64u32) {
            let n = n >> shift;
            let mut out = Vec::new();
            push_varint(n, &mut out);
            prop_assert_eq!((read_varint(&out), varint_size(n)), ((n, out.len()), out.len()));
            out.clear();
            push_back_varint(n, &mut out);
            prop_assert_eq!(read_back_varint(&out), (n, out.len()));
        }
    }
}
