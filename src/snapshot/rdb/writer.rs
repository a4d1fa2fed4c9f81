//! Writing the primitives of the format.

use crate::types::Item;

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
    put_item(Item::from(text), out);
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

/// Appends an item as a string.
pub fn put_item(item: Item<'_>, out: &mut Vec<u8>) {
    match item {
        Item::Int(n) => put_int(n, out),
        Item::Bytes(text) => put_bytes(text, out),
    }
}
