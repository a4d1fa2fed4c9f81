//! How many bytes an entry takes in the nodes of Redis: `stream-node-max-bytes` bounds those, and with them what is trimmed
//! where a node is trimmed as a whole.

use super::Id;
use crate::types::item::Item;

/// A node without anything in it.
const EMPTY: usize = 7;

/// What a node begins with, but for its counts: the fields of its first entry.
pub fn of_master(pairs: &[&[u8]]) -> usize {
    let fields = pairs.iter().step_by(2).map(|field| of_item(Item::from(*field)));
    EMPTY + of_number(pairs.len() as i64 / 2) + fields.sum::<usize>() + of_number(0)
}

/// An entry in a node that began with `master`; `same` if it has the fields of that.
pub fn of_entry(master: Id, id: Id, pairs: &[&[u8]], same: bool) -> usize {
    let items = pairs.iter().skip(same.into()).step_by(1 + usize::from(same));
    let count = pairs.len() as i64 / 2;
    let elements = if same { 3 + count } else { 4 + 2 * count };
    of_number(0)
        + of_number(id.ms.wrapping_sub(master.ms) as i64)
        + of_number(id.seq.wrapping_sub(master.seq) as i64)
        + if same { 0 } else { of_number(count) }
        + items.map(|item| of_item(Item::from(*item))).sum::<usize>()
        + of_number(elements)
}

/// A number.
pub fn of_number(n: i64) -> usize {
    let bytes = match n {
        0..=127 => 1,
        -4096..=4095 => 2,
        -32_768..=32_767 => 3,
        -8_388_608..=8_388_607 => 4,
        -2_147_483_648..=2_147_483_647 => 5,
        _ => 9,
    };
    bytes + 1
}

fn of_item(item: Item<'_>) -> usize {
    let text = match item {
        Item::Int(n) => return of_number(n),
        Item::Bytes(text) => text,
    };
    let bytes = match text.len() {
        len @ 0..64 => 1 + len,
        len @ 64..4096 => 2 + len,
        len => 5 + len,
    };
    // Its length once more, to be read from behind.
    let behind = match bytes {
        0..=127 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    };
    bytes + behind
}
