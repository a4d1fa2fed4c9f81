//! Sets.

use super::super::writer::{self, Output};
use super::super::{kind, listpack, old, reader::*};
use super::with_packed;
use crate::keyspace::cut::Resume;
use crate::types::{Item, Packing, Set};

const TWICE: &str = "a member of a set stands there twice";

/// A listpack is what a set of texts becomes when it is read as a run of strings, which older servers
/// read too; integers alone would become an intset.
pub(super) fn kind_byte(set: &Set) -> u8 {
    match set.encoding() {
        "intset" => kind::SET_INTSET,
        "listpack" if set.iter().all(|item| matches!(item, Item::Int(_))) => kind::SET_LISTPACK,
        _ => kind::SET,
    }
}

pub(super) fn write(kind: u8, set: &Set, out: &mut Output<'_>) {
    match kind {
        kind::SET_INTSET => {
            let members = || set.iter().filter_map(Item::as_int);
            let width = members().map(width_of).max().unwrap_or(2);
            let mut ints = Vec::with_capacity(8 + width * set.len());
            ints.extend_from_slice(&(width as u32).to_le_bytes());
            ints.extend_from_slice(&(set.len() as u32).to_le_bytes());
            members().for_each(|n| ints.extend_from_slice(&n.to_le_bytes()[..width]));
            out.text(&ints);
        }
        kind::SET_LISTPACK => {
            let mut pack = Vec::new();
            let mut list = listpack::Writer::new(&mut pack);
            set.packed_items().into_iter().for_each(|items| list.extend(items));
            list.end();
            out.text(&pack);
        }
        _ => {
            writer::put_length(set.len() as u64, out);
            set.iter().for_each(|item| out.item(item));
        }
    }
}

/// Writes a set as a run of members in steps.
pub(super) fn write_some(set: &Set, resume: &mut Resume, limit: usize, out: &mut Output<'_>) -> bool {
    if !resume.begun {
        writer::put_length(set.len() as u64, out);
    }
    let mut members = 0;
    while members < limit {
        resume.at = set.scan(resume.at, |member| {
            members += 1;
            out.item(member);
        });
        if resume.at == 0 {
            return true;
        }
    }
    false
}

fn width_of(n: i64) -> usize {
    match n {
        -0x8000..=0x7FFF => 2,
        -0x8000_0000..=0x7FFF_FFFF => 4,
        _ => 8,
    }
}

pub(super) fn read(kind: u8, input: &mut Reader<'_>, packing: &Packing) -> Result<Set, Damage> {
    let mut set = Set::new();
    match kind {
        kind::SET_INTSET => {
            let text = input.string()?;
            let members = old::intset(&text);
            drop(text);
            for n in members.map_err(|what| input.damage(what))? {
                set.insert_item(Item::Int(n), packing);
            }
        }
        kind::SET_LISTPACK => with_packed(input, listpack::elements, |items| {
            // It stays a listpack even if all members are integers.
            set.expect(items.len(), b"text", packing);
            items.iter().all(|item| set.insert_item(*item, packing)).then_some(()).ok_or(TWICE)
        })?,
        _ => {
            let count = input.count()?;
            // Beyond what an intset may have, Redis does not begin with one.
            if i64::try_from(count).is_ok_and(|count| count > packing.set_max_intset_entries()) {
                set.expect(usize::MAX, b"", packing);
            }
            for _ in 0..count {
                let new = input.string_or_int(|text| match text {
                    Ok(text) => set.insert(&text, packing),
                    Err(n) => set.insert_item(Item::Int(n), packing),
                })?;
                if !new {
                    return Err(input.damage(TWICE));
                }
            }
        }
    }
    Ok(set)
}
