//! Values of modules: told by their module's name, passed over by their structure.
//!
//! ```text
//! module  id: name (9 characters of 6 bits), version (10 bits) │ part │ … │ 0
//! part    1 or 2, number │ 3, f32 │ 4, f64 │ 5, string
//! ```

use super::super::reader::*;

const CHARACTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The name of the module with this id.
pub fn name(id: u64) -> [u8; 9] {
    std::array::from_fn(|at| CHARACTERS[(id >> (58 - 6 * at) & 63) as usize])
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
