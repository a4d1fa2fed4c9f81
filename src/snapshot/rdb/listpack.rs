//! The listpack: Redis' packed form of small collections.
//!
//! ```text
//! listpack  bytes, u32 LE │ elements, u16 LE (65535: not told) │ element │ size │ element │ size │ … │ 0xFF
//! element   0xxxxxxx │ 10llllll text │ 110xxxxx x (13 bits) │ 1110llll l text
//!           0xF0 u32 LE text │ 0xF1 i16 │ 0xF2 i24 │ 0xF3 i32 │ 0xF4 i64, LE
//! size      of the element, seven bits a byte, high ones first; the bytes after the first have the high bit
//! ```

use super::writer::{CHUNK, append_first};
use crate::types::{Item, PackedIter};

const HEADER: usize = 6;
/// The first head that stands for other items than in a packed list.
const OTHERS: u8 = 0xF0;
const END: u8 = 0xFF;

/// Appends a listpack element by element.
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
    from: usize,
    count: usize,
}

impl<'a> Writer<'a> {
    /// Begins a listpack at the end of `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        let from = out.len();
        out.extend_from_slice(&[0; HEADER]);
        Writer { out, from, count: 0 }
    }

    /// How many elements it has.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Adds the elements of a packed list.
    pub fn extend<const BACK: bool>(&mut self, items: PackedIter<'_, BACK>) {
        self.out.reserve(room_for(&items));
        items.encoded().for_each(|item| self.push_encoded(item));
    }

    /// Adds the item that `bytes` begin with and takes `size` of them: most are stored as they are in a listpack.
    pub fn push_encoded(&mut self, (bytes, size): (&[u8], usize)) {
        if bytes[0] >= OTHERS || back_size(size) > 1 {
            return self.push(Item::decode(bytes).0);
        }
        append_first(bytes, size, self.out);
        self.out.push(size as u8);
        self.count += 1;
    }

    /// Adds an element.
    pub fn push(&mut self, item: Item<'_>) {
        let from = self.out.len();
        match item {
            Item::Int(n) => self.push_int(n),
            Item::Bytes(text) => {
                match text.len() {
                    len @ ..64 => self.out.push(0x80 | len as u8),
                    len @ ..4096 => self.out.extend_from_slice(&[0xE0 | (len >> 8) as u8, len as u8]),
                    len => {
                        self.out.push(0xF0);
                        self.out.extend_from_slice(&(len as u32).to_le_bytes());
                    }
                }
                self.out.extend_from_slice(text);
            }
        }
        let size = self.out.len() - from;
        for shift in (0..back_size(size)).rev() {
            let more = if shift + 1 < back_size(size) { 0x80 } else { 0 };
            self.out.push((size >> (7 * shift)) as u8 & 0x7F | more);
        }
        self.count += 1;
    }

    fn push_int(&mut self, n: i64) {
        let (head, size) = match n {
            0..=127 => return self.out.push(n as u8),
            -4096..=4095 => {
                return self.out.extend_from_slice(&[0xC0 | (n >> 8) as u8 & 0x1F, n as u8]);
            }
            -0x8000..=0x7FFF => (0xF1, 2),
            -0x80_0000..=0x7F_FFFF => (0xF2, 3),
            -0x8000_0000..=0x7FFF_FFFF => (0xF3, 4),
            _ => (0xF4, 8),
        };
        self.out.push(head);
        self.out.extend_from_slice(&n.to_le_bytes()[..size]);
    }

    /// Ends it.
    pub fn end(self) {
        self.out.push(END);
        let size = ((self.out.len() - self.from) as u32).to_le_bytes();
        let count = (self.count.min(usize::from(u16::MAX)) as u16).to_le_bytes();
        self.out[self.from..self.from + 4].copy_from_slice(&size);
        self.out[self.from + 4..self.from + HEADER].copy_from_slice(&count);
    }
}

/// Bytes that a listpack of `items` is likely to take at most.
pub fn room_for<const BACK: bool>(items: &PackedIter<'_, BACK>) -> usize {
    HEADER + items.size() + items.size() / 4 + CHUNK
}

/// Bytes that the size of an element takes behind it; the bounds are Redis'.
fn back_size(size: usize) -> usize {
    match size {
        0..128 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    }
}

/// Reads the elements of `bytes`, which are a listpack and nothing else; checks everything about it.
pub fn elements(bytes: &[u8]) -> Result<Vec<Item<'_>>, &'static str> {
    let header = bytes.split_at_checked(HEADER).and_then(|(header, rest)| Some((header, rest.split_last()?)));
    let Some((header, (&END, mut body))) = header else { return Err("a listpack is cut off") };
    if u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize != bytes.len() {
        return Err("a listpack is not as long as it says");
    }
    let told = u16::from_le_bytes([header[4], header[5]]);
    let mut items = Vec::with_capacity(body.len().min(told as usize));
    while !body.is_empty() {
        let (item, size) = element(body).ok_or("an element of a listpack is malformed")?;
        items.push(item);
        body = &body[size..];
    }
    if told != u16::MAX && told as usize != items.len() {
        return Err("a listpack does not have as many elements as it says");
    }
    Ok(items)
}

/// The element that `bytes` begin with, and its size with what is behind it.
fn element(bytes: &[u8]) -> Option<(Item<'_>, usize)> {
    let rest = &bytes[1..];
    let (item, size) = match bytes[0] {
        n @ 0..0x80 => (Item::Int(n.into()), 1),
        n @ 0x80..0xC0 => text(bytes, 1, (n & 0x3F).into())?,
        n @ 0xC0..0xE0 => {
            let n = (i16::from(n & 0x1F) << 8 | i16::from(*rest.first()?)) << 3;
            (Item::Int((n >> 3).into()), 2)
        }
        n @ 0xE0..0xF0 => text(bytes, 2, usize::from(n & 0x0F) << 8 | usize::from(*rest.first()?))?,
        0xF0 => text(bytes, 5, u32::from_le_bytes(*rest.first_chunk()?) as usize)?,
        0xF1 => (Item::Int(i16::from_le_bytes(*rest.first_chunk()?).into()), 3),
        0xF2 => {
            let [a, b, c] = *rest.first_chunk()?;
            (Item::Int((i32::from_le_bytes([0, a, b, c]) >> 8).into()), 4)
        }
        0xF3 => (Item::Int(i32::from_le_bytes(*rest.first_chunk()?).into()), 5),
        0xF4 => (Item::Int(i64::from_le_bytes(*rest.first_chunk()?)), 9),
        _ => return None,
    };
    let back = back_size(size);
    let behind = bytes.get(size..size + back)?;
    let told = behind.iter().fold(0_usize, |told, byte| told << 7 | usize::from(byte & 0x7F));
    let marked = behind[0] & 0x80 == 0 && behind[1..].iter().all(|byte| byte & 0x80 != 0);
    (told == size && marked).then_some((item, size + back))
}

fn text(bytes: &[u8], head: usize, len: usize) -> Option<(Item<'_>, usize)> {
    Some((Item::from(bytes.get(head..head + len)?), head + len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            texts in prop::collection::vec(prop_oneof![
                any::<i64>().prop_map(|n| n.to_string().into_bytes()),
                (-70_000i64..70_000).prop_map(|n| n.to_string().into_bytes()),
                prop::collection::vec(any::<u8>(), 0..200),
                (0usize..20_000).prop_map(|n| vec![b'x'; n]),
            ], 0..20),
            cut in any::<prop::sample::Index>(),
            flip in any::<(prop::sample::Index, u8)>(),
        ) {
            let mut out = b"before".to_vec();
            let mut writer = Writer::new(&mut out);
            texts.iter().for_each(|text| writer.push(Item::from(&text[..])));
            writer.end();
            let bytes = &mut out[6..];
            let items = elements(bytes).unwrap();
            prop_assert_eq!(items.iter().map(|item| item.to_vec()).collect::<Vec<_>>(), texts);
            prop_assert!(elements(&bytes[..cut.index(bytes.len())]).is_err());
            bytes[flip.0.index(bytes.len())] ^= flip.1;
            let _ = elements(bytes);
        }
    }

    #[test]
    fn sizes_have_the_bounds_of_redis() {
        for len in [122, 125, 126, 127, 16_377, 16_378, 16_379, 2_097_145, 2_097_146, 2_097_147] {
            let text = vec![b'x'; len];
            let mut out = Vec::new();
            let mut writer = Writer::new(&mut out);
            writer.push(Item::Bytes(&text));
            writer.push(Item::Int(1));
            writer.end();
            assert_eq!(elements(&out).unwrap(), [Item::Bytes(&text), Item::Int(1)], "{len}");
        }
    }
}
