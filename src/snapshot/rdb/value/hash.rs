//! Hashes.
//!
//! ```text
//! hash                     fields │ field, value │ …
//! expiring                 earliest, i64 ms │ fields │ after, field, value │ …
//!                            after: 0 never, else ms after the earliest, plus 1
//! expiring, pre-release    fields │ at (0 never, else unix ms), field, value │ …
//! expiring listpack        earliest, i64 ms │ listpack of field, value, at; the soonest first
//! expiring, Valkey         fields │ field, value, at i64 ms (-1 never) │ …
//! ```

use super::super::writer::{self, Output};
use super::super::{kind, listpack, old, reader::*};
use super::with_packed;
use crate::keyspace::cut::Resume;
use crate::types::{FIELD_EXPIRE_MAX, FieldRef, Hash, Packing};

const TWICE: &str = "a field of a hash stands there twice";
const TWICE_PACKED: &str = "listpack with dup elements: a field of a hash stands there twice";
const ODD: &str = "a hash has a field without a value";
const TIME: &str = "a field of a hash expires at an impossible time";

pub(super) fn kind_byte(hash: &Hash) -> u8 {
    match hash.encoding() {
        "listpack" => kind::HASH_LISTPACK,
        "listpackex" => kind::HASH_EXPIRING_LISTPACK,
        _ if hash.next_expire_at().is_some() => kind::HASH_EXPIRING,
        _ => kind::HASH,
    }
}

pub(super) fn write(kind: u8, hash: &Hash, out: &mut Output<'_>) {
    let earliest = hash.next_expire_at().unwrap_or(0);
    match (kind, hash.packed_items()) {
        // Redis relies on it that those which expire first come first, and those that never do last, as they stand here.
        (kind::HASH_LISTPACK | kind::HASH_EXPIRING_LISTPACK, Some(items)) => {
            let mut pack = Vec::new();
            let mut list = listpack::Writer::new(&mut pack);
            list.extend(items);
            list.end();
            if kind == kind::HASH_EXPIRING_LISTPACK {
                out.extend_from_slice(&earliest.to_le_bytes());
            }
            out.text(&pack);
        }
        _ => {
            begin(kind, hash, out);
            hash.iter().for_each(|field| put(kind, field, earliest, out));
        }
    }
}

/// Writes a hash in a form without a listpack in steps.
pub(super) fn write_some(
    kind: u8,
    hash: &Hash,
    resume: &mut Resume,
    limit: usize,
    out: &mut Output<'_>,
) -> bool {
    if !resume.begun {
        begin(kind, hash, out);
    }
    let (earliest, mut fields) = (hash.next_expire_at().unwrap_or(0), 0);
    while fields < limit {
        resume.at = hash.scan(resume.at, |field| {
            fields += 1;
            put(kind, field, earliest, out);
        });
        if resume.at == 0 {
            return true;
        }
    }
    false
}

/// Writes what stands before the fields.
fn begin(kind: u8, hash: &Hash, out: &mut Output<'_>) {
    if kind == kind::HASH_EXPIRING {
        out.extend_from_slice(&hash.next_expire_at().unwrap_or(0).to_le_bytes());
    }
    writer::put_length(hash.len() as u64, out);
}

fn put(kind: u8, f: FieldRef<'_>, earliest: i64, out: &mut Output<'_>) {
    if kind == kind::HASH_EXPIRING {
        writer::put_length(f.expire_at.map_or(0, |at| (at - earliest + 1) as u64), out);
    }
    out.item(f.field);
    out.item(f.value);
    if kind == kind::HASH_EXPIRING_VALKEY {
        out.extend_from_slice(&f.expire_at.unwrap_or(-1).to_le_bytes());
    }
}

pub(super) fn read(kind: u8, input: &mut Reader<'_>, packing: &Packing) -> Result<Hash, Damage> {
    let mut hash = Hash::new();
    let parse = match kind {
        kind::HASH_ZIPMAP => old::zipmap,
        kind::HASH_ZIPLIST => old::ziplist,
        kind::HASH_LISTPACK => listpack::elements,
        _ => {
            let count = expected(&mut hash, input, packing)?;
            let mut field = Vec::new();
            for _ in 0..count {
                input.string_into(&mut field)?;
                let value = input.string()?;
                if !hash.set(&field, &value, packing) {
                    drop(value);
                    return Err(input.damage(TWICE));
                }
            }
            return Ok(hash);
        }
    };
    with_packed(input, parse, |items| {
        let (pairs, rest) = items.as_chunks::<2>();
        hash.expect(pairs.len(), packing);
        for [field, value] in pairs {
            if !hash.set(field.text().as_bytes(), value.text().as_bytes(), packing) {
                return Err(TWICE_PACKED);
            }
        }
        if rest.is_empty() { Ok(()) } else { Err(ODD) }
    })?;
    Ok(hash)
}

/// Reads how many fields follow, and takes the form for so many, which reserves nothing.
fn expected(hash: &mut Hash, input: &mut Reader<'_>, packing: &Packing) -> Result<u64, Damage> {
    let count = input.count()?;
    if i64::try_from(count).is_ok_and(|count| count > packing.hash_max_listpack_entries()) {
        hash.expect(usize::MAX, packing);
    }
    Ok(count)
}

pub(super) fn read_expiring(kind: u8, input: &mut Reader<'_>, packing: &Packing) -> Result<Hash, Damage> {
    let mut hash = Hash::new();
    let earliest = match kind {
        kind::HASH_EXPIRING | kind::HASH_EXPIRING_LISTPACK => input.time_ms()?,
        _ => 0,
    };
    if !(0..=FIELD_EXPIRE_MAX).contains(&earliest) {
        return Err(input.damage(TIME));
    }
    if matches!(kind, kind::HASH_EXPIRING_LISTPACK | kind::HASH_EXPIRING_LISTPACK_OLD) {
        with_packed(input, listpack::elements, |items| {
            let (fields, rest) = items.as_chunks::<3>();
            hash.expect(fields.len(), packing);
            hash.expect_expiry();
            let times =
                fields.iter().map(|[_, _, at]| at.as_int().and_then(|at| u64::try_from(at).ok()).ok_or(TIME));
            let times = times.collect::<Result<Vec<u64>, _>>()?;
            // Those that never expire stand last.
            if !times.is_sorted_by_key(|at| at.wrapping_sub(1)) {
                return Err("the fields of a hash are not in the order in which they expire");
            }
            for [field, value, _] in fields {
                add(&mut hash, &field.to_vec(), &value.to_vec(), 0, packing)?;
            }
            // From behind: of those that expire at once, each goes before those that stood there already.
            for ([field, _, _], at) in fields.iter().zip(times).rev() {
                expire(&mut hash, &field.to_vec(), at)?;
            }
            if rest.is_empty() { Ok(()) } else { Err(ODD) }
        })?;
        return Ok(hash);
    }
    let count = expected(&mut hash, input, packing)?;
    let (mut field, mut value) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let mut at = if kind == kind::HASH_EXPIRING_VALKEY { 0 } else { input.length()? };
        if at != 0 && kind == kind::HASH_EXPIRING {
            at = (at - 1).saturating_add(earliest as u64);
        }
        input.string_into(&mut field)?;
        input.string_into(&mut value)?;
        if kind == kind::HASH_EXPIRING_VALKEY {
            at = match input.time_ms()? {
                -1 => 0,
                at => u64::try_from(at).unwrap_or(u64::MAX),
            };
        }
        add(&mut hash, &field, &value, at, packing).map_err(|what| input.damage(what))?;
    }
    Ok(hash)
}

/// Adds a field that expires at `at`, or never for 0.
fn add(hash: &mut Hash, field: &[u8], value: &[u8], at: u64, packing: &Packing) -> Result<(), &'static str> {
    if !hash.set(field, value, packing) {
        return Err(TWICE);
    }
    expire(hash, field, at)
}

/// Lets a field expire at `at`, or never for 0.
fn expire(hash: &mut Hash, field: &[u8], at: u64) -> Result<(), &'static str> {
    match i64::try_from(at) {
        Ok(0) => Ok(()),
        Ok(at @ ..=FIELD_EXPIRE_MAX) => {
            hash.set_expire_at(field, Some(at));
            Ok(())
        }
        _ => Err(TIME),
    }
}
