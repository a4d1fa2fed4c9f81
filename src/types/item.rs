//! Items: small strings and integers in as few bytes as they need.
//!
//! ```text
//!  head         then                  holds
//!  0xxxxxxx                           an integer 0 … 127
//!  10llllll     l bytes               a string of up to 63 bytes
//!  110xxxxx     1 byte                an integer of 13 bits, signed, high bits first
//!  1110llll     1 byte, l bytes       a string of up to 4095 bytes, length high bits first
//!  11110nnn     n + 2 bytes           an integer of 2 … 8 bytes, little-endian (n = 0 … 6)
//!  11110111     4 bytes, l bytes      a longer string, length little-endian
//!  11111xxx                           never an item: free as a mark for whoever stores items
//! ```
//! Below 0xF0 they are as in a listpack of Redis. A string that spells an integer in canonical form is stored as that integer, and an integer in its
//! shortest form: equal items have equal bytes.

use crate::base::number;

const STR6: u8 = 0x80;
const INT13: u8 = 0xC0;
const STR12: u8 = 0xE0;
const INT: u8 = 0xF0;
const STR32: u8 = 0xF7;

/// The longest head, in bytes, an integer's value included.
pub(super) const HEAD_MAX: usize = 9;

/// Bytes of the item by its head; 0 where the length is in the bytes behind it.
static SIZES: [u8; 256] = {
    let mut sizes = [0; 256];
    let mut head = 0;
    while head < 256 {
        let h = head as u8;
        sizes[head] = match h {
            0..STR6 => 1,
            STR6..INT13 => 1 + (h - STR6),
            INT13..STR12 => 2,
            INT..STR32 => h - INT + 3,
            _ => 0,
        };
        head += 1;
    }
    sizes
};

/// A string or an integer, as it is stored.
///
/// Made [`From`] bytes, it is the integer when they spell one. `Item::Bytes` made directly stays
/// bytes; it is then found only by an item made the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Item<'a> {
    /// An integer.
    Int(i64),
    /// A string.
    Bytes(&'a [u8]),
}

impl<'a> From<&'a [u8]> for Item<'a> {
    fn from(text: &'a [u8]) -> Self {
        match text {
            [b'-' | b'0'..=b'9', ..] if text.len() <= 20 => {
                number::parse_i64(text).map_or(Item::Bytes(text), Item::Int)
            }
            _ => Item::Bytes(text),
        }
    }
}

impl From<i64> for Item<'_> {
    fn from(n: i64) -> Self {
        Item::Int(n)
    }
}

/// The text of an [`Item`], without an allocation.
pub struct Text<'a> {
    digits: itoa::Buffer,
    item: Item<'a>,
}

impl Text<'_> {
    /// The text.
    pub fn as_bytes(&mut self) -> &[u8] {
        match self.item {
            Item::Int(n) => self.digits.format(n).as_bytes(),
            Item::Bytes(text) => text,
        }
    }
}

impl<'a> Item<'a> {
    /// Its text, to be borrowed with [`Text::as_bytes`].
    pub fn text(self) -> Text<'a> {
        Text { digits: itoa::Buffer::new(), item: self }
    }

    /// Its text as a vector of its own.
    pub fn to_vec(self) -> Vec<u8> {
        self.text().as_bytes().to_vec()
    }

    /// Length of its text in bytes.
    pub fn len(self) -> usize {
        self.text().as_bytes().len()
    }

    /// Whether its text is empty.
    pub fn is_empty(self) -> bool {
        self == Item::Bytes(b"")
    }

    /// Its value, if its text is an integer in canonical form.
    pub fn as_int(self) -> Option<i64> {
        match self {
            Item::Int(n) => Some(n),
            Item::Bytes(text) => number::parse_i64(text),
        }
    }

    /// Bytes it takes when stored.
    pub fn size(self) -> usize {
        let mut head = [0; HEAD_MAX];
        self.encode(&mut head) + self.payload().len()
    }

    /// Writes the head (an integer's value included) and returns its length; [`Item::payload`] follows it.
    pub(super) fn encode(self, head: &mut [u8; HEAD_MAX]) -> usize {
        match self {
            Item::Int(n @ 0..=127) => {
                head[0] = n as u8;
                1
            }
            Item::Int(n @ -4096..=4095) => {
                head[0] = INT13 | (n >> 8) as u8 & 0x1F;
                head[1] = n as u8;
                2
            }
            Item::Int(n) => {
                let bits = 65 - if n < 0 { !n } else { n }.leading_zeros() as usize;
                let size = bits.div_ceil(8);
                head[0] = INT + (size - 2) as u8;
                head[1..].copy_from_slice(&n.to_le_bytes());
                1 + size
            }
            Item::Bytes(text) => match text.len() {
                len @ ..64 => {
                    head[0] = STR6 | len as u8;
                    1
                }
                len @ ..4096 => {
                    head[0] = STR12 | (len >> 8) as u8;
                    head[1] = len as u8;
                    2
                }
                len => {
                    head[0] = STR32;
                    head[1..5].copy_from_slice(&(len as u32).to_le_bytes());
                    5
                }
            },
        }
    }

    /// The bytes that stand behind the head: a string's text.
    pub(super) fn payload(self) -> &'a [u8] {
        match self {
            Item::Int(_) => b"",
            Item::Bytes(text) => text,
        }
    }

    /// Appends it to `out`.
    pub(super) fn push_to(self, out: &mut Vec<u8>) {
        let mut head = [0; HEAD_MAX];
        let head_len = self.encode(&mut head);
        out.extend_from_slice(&head[..head_len]);
        out.extend_from_slice(self.payload());
    }

    /// Reads the item that `bytes` begin with, and how many bytes it takes.
    pub fn decode(bytes: &'a [u8]) -> (Self, usize) {
        let head = bytes[0];
        let size = size_of_first(bytes);
        let item = match head {
            0..STR6 => Item::Int(head.into()),
            STR6..INT13 => Item::Bytes(&bytes[1..size]),
            INT13..STR12 => {
                let n = (i16::from(head & 0x1F) << 8 | i16::from(bytes[1])) << 3;
                Item::Int(i64::from(n >> 3))
            }
            STR12..INT => Item::Bytes(&bytes[2..size]),
            INT..STR32 => {
                let mut le = [0; 8];
                le[..size - 1].copy_from_slice(&bytes[1..size]);
                let unused = 64 - 8 * (size as u32 - 1);
                Item::Int(i64::from_le_bytes(le) << unused >> unused)
            }
            _ => Item::Bytes(&bytes[5..size]),
        };
        (item, size)
    }
}

/// How many bytes the item takes that `bytes` begin with.
pub(super) fn size_of_first(bytes: &[u8]) -> usize {
    match (SIZES[bytes[0] as usize], bytes) {
        (0, [head @ STR12..INT, low, ..]) => 2 + (usize::from(head & 0x0F) << 8) + *low as usize,
        (0, [STR32, a, b, c, d, ..]) => 5 + u32::from_le_bytes([*a, *b, *c, *d]) as usize,
        (0, _) => unreachable!("no item begins with {:#x}", bytes[0]),
        (size, _) => size as usize,
    }
}

/// An item encoded once, to be compared with many.
pub(super) struct Needle<'a> {
    head: [u8; HEAD_MAX],
    head_len: usize,
    payload: &'a [u8],
}

impl<'a> Needle<'a> {
    pub(super) fn new(item: Item<'a>) -> Self {
        let mut head = [0; HEAD_MAX];
        let head_len = item.encode(&mut head);
        Needle { head, head_len, payload: item.payload() }
    }

    /// Bytes the item takes.
    pub(super) fn size(&self) -> usize {
        self.head_len + self.payload.len()
    }

    /// Whether `bytes` begin with this item.
    pub(super) fn leads(&self, bytes: &[u8]) -> bool {
        bytes[0] == self.head[0]
            && bytes.len() >= self.size()
            && bytes[1..self.head_len] == self.head[1..self.head_len]
            && bytes[self.head_len..self.size()] == *self.payload
    }

    /// The last eight bytes of the item, or all if it is shorter, and where they stand in it.
    fn tail(&self) -> (usize, u64) {
        let mut bytes = [0; HEAD_MAX + 8];
        bytes[..self.head_len].copy_from_slice(&self.head[..self.head_len]);
        let last = &self.payload[self.payload.len().saturating_sub(8)..];
        let end = self.head_len + last.len();
        bytes[self.head_len..end].copy_from_slice(last);
        let tail = bytes[end.saturating_sub(8)..].first_chunk().copied().unwrap_or_default();
        (self.size().saturating_sub(8), u64::from_le_bytes(tail))
    }

    /// Writes the item to the front of `out`, and returns the bytes it took.
    pub(super) fn write(&self, out: &mut [u8]) -> usize {
        out[..self.head_len].copy_from_slice(&self.head[..self.head_len]);
        out[self.head_len..self.size()].copy_from_slice(self.payload);
        self.size()
    }
}

/// A needle to be compared with very many: before all of it, its end, where numbered names differ.
pub(super) struct Search<'a> {
    needle: Needle<'a>,
    /// Where its last eight bytes stand.
    at: usize,
    /// These; all, if it is shorter, and then only what `mask` covers.
    tail: u64,
    mask: u64,
}

impl<'a> Search<'a> {
    pub(super) fn new(item: Item<'a>) -> Self {
        let needle = Needle::new(item);
        let (at, tail) = needle.tail();
        let mask = if needle.size() < 8 { (1 << (8 * needle.size())) - 1 } else { u64::MAX };
        Search { needle, at, tail: tail & mask, mask }
    }

    /// Whether `bytes` begin with this item.
    #[inline]
    pub(super) fn leads(&self, bytes: &[u8]) -> bool {
        if bytes[0] != self.needle.head[0] {
            return false;
        }
        match bytes.get(self.at..).and_then(|rest| rest.first_chunk()) {
            Some(tail) if (u64::from_le_bytes(*tail) & self.mask) != self.tail => false,
            _ => self.needle.leads(bytes),
        }
    }

    /// Bytes the item takes.
    pub(super) fn size(&self) -> usize {
        self.needle.size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(item: Item<'_>) -> usize {
        let needle = Needle::new(item);
        let mut out = vec![0xAA; needle.size() + 3];
        let size = needle.write(&mut out);
        assert!(needle.leads(&out));
        let search = Search::new(item);
        assert!(search.leads(&out) && search.leads(&out[..size]));
        let mut other = out.clone();
        other[size - 1] ^= 1;
        assert!(!search.leads(&other) && !search.leads(&other[..size]));
        assert_eq!(Item::decode(&out), (item, size));
        assert_eq!(size, item.size());
        size
    }

    #[test]
    fn integers_take_what_they_need() {
        let sizes = [
            (0, 1),
            (127, 1),
            (128, 2),
            (-1, 2),
            (4095, 2),
            (-4096, 2),
            (4096, 3),
            (-4097, 3),
            (32767, 3),
            (-32768, 3),
            (32768, 4),
            (-32769, 4),
            (8_388_607, 4),
            (8_388_608, 5),
            (i32::MIN as i64, 5),
            (1 << 31, 6),
            (1 << 39, 7),
            (1 << 47, 8),
            (1 << 55, 9),
            (i64::MAX, 9),
            (i64::MIN, 9),
        ];
        for (n, size) in sizes {
            assert_eq!(round_trip(Item::Int(n)), size, "{n}");
        }
    }

    #[test]
    fn strings_have_heads_of_one_two_or_five_bytes() {
        for (len, head) in [(0, 1), (63, 1), (64, 2), (4095, 2), (4096, 5), (70_000, 5)] {
            assert_eq!(round_trip(Item::Bytes(&vec![b'x'; len])), len + head);
        }
    }

    proptest! {
        #[test]
        fn the_text_is_kept(text in prop_oneof![any::<i64>().prop_map(|n| n.to_string().into_bytes()),
                                                "-?[0-9]{0,22}".prop_map(String::into_bytes),
                                                prop::collection::vec(any::<u8>(), 0..100)]) {
            let item = Item::from(&text[..]);
            round_trip(item);
            prop_assert_eq!(item.to_vec(), text);
        }
    }
}
