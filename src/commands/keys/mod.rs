//! Keys, whatever they hold.

pub mod dump;
pub mod expire;
pub mod migrate;
pub mod object;
pub mod presence;
pub mod rename;
pub mod scan;
pub mod sort;
pub mod swap;
pub mod ttl;

use crate::command::{Args, Error, Result};

/// Takes the next word as the index of one of `databases` databases.
///
/// # Errors
/// When it is no integer, or there is no such database.
fn database(args: &mut Args<'_>, databases: usize) -> Result<u32> {
    const RANGE: Error =
        Error::new("ERR value is out of range, value must between -2147483648 and 2147483647");
    let index = args.int_in(i64::from(i32::MIN)..=i64::from(i32::MAX), RANGE)?;
    if (0..databases as i64).contains(&index) {
        Ok(index as u32)
    } else {
        Err(Error::new("ERR DB index is out of range"))
    }
}
