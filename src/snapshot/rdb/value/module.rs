//! Values of modules: told by their module's name, read part by part or passed over by their structure.
//!
//! ```text
//! module  id: name (9 characters of 6 bits), version (10 bits) │ part │ … │ 0
//! part    1 or 2, number │ 3, f32 │ 4, f64 │ 5, string
//! ```

use super::super::reader::*;
use super::super::writer::{Output, put_length};

const NUMBER: u8 = 2;
const TEXT: u8 = 5;
/// Behind the last part.
pub const END: u8 = 0;

const CHARACTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The name of the module with this id.
pub fn name(id: u64) -> [u8; 9] {
    std::array::from_fn(|at| CHARACTERS[(id >> (58 - 6 * at) & 63) as usize])
}

/// The id of a module whose name consists of small letters.
pub const fn id(name: &[u8; 9], version: u64) -> u64 {
    let (mut id, mut at) = (0, 0);
    while at < name.len() {
        id = id << 6 | (name[at] - b'a' + 26) as u64;
        at += 1;
    }
    id << 10 | version
}

/// Appends a number.
pub fn put_number(n: u64, out: &mut Vec<u8>) {
    out.push(NUMBER);
    put_length(n, out);
}

/// Appends a text.
pub fn put_text(text: &[u8], out: &mut Output<'_>) {
    out.push(TEXT);
    out.text(text);
}

/// Reads a number.
pub fn number(input: &mut Reader<'_>) -> Result<u64, Damage> {
    match input.byte()? {
        NUMBER => input.length(),
        _ => Err(input.damage("no number in a module's value where one belongs")),
    }
}

/// Reads a text.
pub fn text(input: &mut Reader<'_>) -> Result<Vec<u8>, Damage> {
    match input.byte()? {
        TEXT => Ok(input.string()?.into_owned()),
        _ => Err(input.damage("no text in a module's value where one belongs")),
    }
}

/// Reads past the parts of a value up to its end.
pub fn skip_parts(input: &mut Reader<'_>) -> Result<(), Damage> {
    loop {
        match input.length()? {
            0 => return Ok(()),
            1 | 2 => drop(input.length()?),
            3 => drop(input.take(4)?.len()),
            4 => drop(input.take(8)?.len()),
            5 => drop(input.string()?),
            _ => return Err(input.damage("a part of a module's value is of an unknown kind")),
        }
    }
}
