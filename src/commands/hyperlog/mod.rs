//! HyperLogLogs.

pub mod count;
pub mod inspect;

use crate::command::{Error, Result};
use crate::keyspace::{Str, StrRef, Txn};
use crate::types::hyperlog::{self, Corrupt, Registers};
use std::borrow::Cow;

impl From<Corrupt> for Error {
    fn from(_: Corrupt) -> Self {
        Error::new("INVALIDOBJ Corrupted HLL object detected")
    }
}

/// The HyperLogLog that `key` holds.
///
/// # Errors
/// When it holds something else.
fn read<'t>(txn: &'t Txn<'_>, key: &[u8]) -> Result<Option<Cow<'t, [u8]>>> {
    checked(txn.read::<Str>(key)?)
}

/// The HyperLogLog that `key` holds and that is about to change.
///
/// # Errors
/// When it holds something else.
fn probe<'t>(txn: &'t Txn<'_>, key: &[u8]) -> Result<Option<Cow<'t, [u8]>>> {
    checked(txn.probe::<Str>(key)?)
}

fn checked(value: Option<StrRef<'_>>) -> Result<Option<Cow<'_, [u8]>>> {
    let value = value.map(StrRef::text);
    if value.as_ref().is_some_and(|bytes| !hyperlog::is_valid(bytes)) {
        return Err(Error::new("WRONGTYPE Key is not a valid HyperLogLog string value."));
    }
    Ok(value)
}

/// The registers of several HyperLogLogs together, and whether all of them are sparse.
fn union(txn: &Txn<'_>, keys: &[&[u8]]) -> Result<(Box<Registers>, bool)> {
    let (mut all, mut sparse) = (Box::new([0; hyperlog::REGISTERS]), true);
    for key in keys {
        let Some(bytes) = read(txn, key)? else { continue };
        sparse &= !hyperlog::is_dense(&bytes);
        hyperlog::merge(&mut all, &bytes)?;
    }
    Ok((all, sparse))
}

/// Puts `registers`, dense, in place of what `key` holds.
fn store(txn: &mut Txn<'_>, key: &[u8], registers: &Registers) -> Result {
    let mut bytes = hyperlog::encode(registers, false, 0);
    if let Some(old) = probe(txn, key)? {
        hyperlog::keep_stale_count(&mut bytes, &old);
    }
    txn.upsert_string(key)?.rewrite(|text| {
        text.clear();
        text.extend_from_slice(&bytes);
    });
    Ok(())
}
