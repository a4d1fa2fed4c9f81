//! Bits of strings.

pub mod combine;
pub mod count;
pub mod field;
pub mod single;

use crate::base::number;
use crate::command::{Error, Result};
use crate::keyspace::Txn;
use crate::types::bits::Bit;

/// Parses the offset of a bit within a string of allowed length. With `width`, `#n` means the place
/// of the n-th integer of so many bits.
///
/// # Errors
/// When it is no such offset.
fn offset(text: &[u8], width: Option<u32>, txn: &Txn<'_>) -> Result<Bit> {
    let (text, factor) = match (text, width) {
        ([b'#', n @ ..], Some(width)) => (n, i64::from(width)),
        _ => (text, 1),
    };
    let bits_max = txn.packing().proto_max_bulk_len().saturating_mul(8);
    number::parse_i64(text)
        .and_then(|n| n.checked_mul(factor))
        .filter(|at| (0..bits_max).contains(at))
        .map(|at| at as Bit)
        .ok_or(Error::new("ERR bit offset is not an integer or out of range"))
}
