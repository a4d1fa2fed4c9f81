//! Writing the primitives of the format.

use super::lzf;
use crate::types::Item;
use std::ops::{Deref, DerefMut};

/// What a value is written to.
pub struct Output<'a> {
    bytes: &'a mut Vec<u8>,
    compresses: bool,
}

impl<'a> Output<'a> {
    /// Writes texts as they are.
    pub fn plain(bytes: &'a mut Vec<u8>) -> Self {
        Output { bytes, compresses: false }
    }

    /// Compresses texts as Redis does.
    pub fn compressing(bytes: &'a mut Vec<u8>) -> Self {
        Output { bytes, compresses: true }
    }

    /// Appends a text.
    pub fn text(&mut self, text: &[u8]) {
        if !(self.compresses && put_compressed(text, self.bytes)) {
            put_bytes(text, self.bytes);
        }
    }

    /// Appends an item, as an integer if it is one of up to 32 bits.
    pub fn item(&mut self, item: Item<'_>) {
        match item {
            Item::Int(n) => put_int(n, self.bytes),
            Item::Bytes(text) => self.text(text),
        }
    }
}

impl Deref for Output<'_> {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        self.bytes
    }
}

impl DerefMut for Output<'_> {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        self.bytes
    }
}

/// Bytes that [`append_first`] copies without a call.
pub const CHUNK: usize = 16;

/// Appends the first `size` of `bytes`.
#[inline]
pub fn append_first(bytes: &[u8], size: usize, out: &mut Vec<u8>) {
    match bytes.first_chunk::<CHUNK>() {
        // A copy of constant length, of which the end is cut off, takes less than a call does.
        Some(chunk) if size <= CHUNK => {
            let end = out.len() + size;
            out.extend_from_slice(chunk);
            out.truncate(end);
        }
        _ => out.extend_from_slice(&bytes[..size]),
    }
}

/// Appends a string compressed, if that makes it shorter by some bytes; others are left to be appended as they are.
pub fn put_compressed(text: &[u8], out: &mut Vec<u8>) -> bool {
    /// Shorter ones never become shorter still.
    const LEN_MIN: usize = 21;
    const SAVED_MIN: usize = 4;
    const COMPRESSED: u8 = 0xC3;
    /// The longest length, and what may stand behind the last text.
    const LENGTH_MAX: usize = 9;
    const FOOTER: usize = 16;
    if text.len() < LEN_MIN {
        return false;
    }
    let mut packed = Vec::with_capacity(text.len() + CHUNK);
    if !lzf::pack(text, text.len() - SAVED_MIN, &mut packed) {
        return false;
    }
    out.reserve(1 + 2 * LENGTH_MAX + packed.len() + FOOTER);
    out.push(COMPRESSED);
    put_length(packed.len() as u64, out);
    put_length(text.len() as u64, out);
    out.extend_from_slice(&packed);
    true
}

/// Appends a string, compressed if that makes it shorter.
pub fn put_text(text: &[u8], out: &mut Vec<u8>) {
    if !put_compressed(text, out) {
        put_string(text, out);
    }
}

/// Appends a length.
pub fn put_length(n: u64, out: &mut Vec<u8>) {
    match n {
        0..0x40 => out.push(n as u8),
        0x40..0x4000 => out.extend_from_slice(&[0x40 | (n >> 8) as u8, n as u8]),
        _ => match u32::try_from(n) {
            Ok(n) => {
                out.push(0x80);
                out.extend_from_slice(&n.to_be_bytes());
            }
            Err(_) => {
                out.push(0x81);
                out.extend_from_slice(&n.to_be_bytes());
            }
        },
    }
}

/// Appends a string as it is.
pub fn put_bytes(text: &[u8], out: &mut Vec<u8>) {
    put_length(text.len() as u64, out);
    out.extend_from_slice(text);
}

/// Appends a string, as an integer if it spells one of up to 32 bits.
pub fn put_string(text: &[u8], out: &mut Vec<u8>) {
    match Item::from(text) {
        Item::Int(n) => put_int(n, out),
        Item::Bytes(text) => put_bytes(text, out),
    }
}

/// Appends an integer as a string.
pub fn put_int(n: i64, out: &mut Vec<u8>) {
    if let Ok(n) = i8::try_from(n) {
        out.extend_from_slice(&[0xC0, n as u8]);
    } else if let Ok(n) = i16::try_from(n) {
        out.push(0xC1);
        out.extend_from_slice(&n.to_le_bytes());
    } else if let Ok(n) = i32::try_from(n) {
        out.push(0xC2);
        out.extend_from_slice(&n.to_le_bytes());
    } else {
        put_bytes(itoa::Buffer::new().format(n).as_bytes(), out);
    }
}
