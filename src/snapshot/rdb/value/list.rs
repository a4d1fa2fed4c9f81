//! Lists.
//!
//! ```text
//! list 2   nodes │ container (1: an element as it is, 2: a listpack) │ string │ …
//! ```

use super::super::{kind, listpack, old, reader::*, writer};
use super::with_packed;
use crate::types::{End, Item, List, Packing};

/// Bytes a node may have when it is written, as Redis' default has it.
const NODE_BYTES: usize = 8192;
const PLAIN: u64 = 1;
const PACKED: u64 = 2;

pub(super) fn write(list: &List, out: &mut Vec<u8>) {
    let (mut nodes, mut body) = (0, Vec::new());
    let mut items = list.iter().peekable();
    let mut pack = Vec::new();
    while let Some(first) = items.peek() {
        if let Item::Bytes(text) = first
            && text.len() > NODE_BYTES
        {
            writer::put_length(PLAIN, &mut body);
            writer::put_bytes(text, &mut body);
            items.next();
        } else {
            pack.clear();
            let mut node = listpack::Writer::new(&mut pack);
            while let Some(item) =
                items.next_if(|item| node.count() == 0 || node.len() + item.size() <= NODE_BYTES)
            {
                node.push(item);
            }
            node.end();
            writer::put_length(PACKED, &mut body);
            writer::put_bytes(&pack, &mut body);
        }
        nodes += 1;
    }
    writer::put_length(nodes, out);
    out.extend_from_slice(&body);
}

pub(super) fn read(kind: u8, input: &mut Reader<'_>, packing: &Packing) -> Result<List, Damage> {
    let mut list = List::new();
    let mut extend = |items: Vec<Item<'_>>| {
        items.into_iter().for_each(|item| list.push(End::Back, &[item.text().as_bytes()], packing));
        Ok(())
    };
    if kind == kind::LIST_ZIPLIST {
        with_packed(input, old::ziplist, extend)?;
        return Ok(list);
    }
    for _ in 0..input.count()? {
        let container = if kind == kind::LIST_QUICKLIST_2 { input.length()? } else { PACKED };
        match (kind, container) {
            (kind::LIST_QUICKLIST, _) => with_packed(input, old::ziplist, &mut extend)?,
            (kind::LIST_QUICKLIST_2, PACKED) => with_packed(input, listpack::elements, &mut extend)?,
            (kind::LIST, _) | (_, PLAIN) => {
                let text = input.string()?;
                if text.is_empty() && kind == kind::LIST_QUICKLIST_2 {
                    drop(text);
                    return Err(input.damage("a node of a list is empty"));
                }
                let _ = extend(vec![Item::Bytes(&text)]);
            }
            _ => return Err(input.damage("a node of a list is of an unknown kind")),
        }
    }
    Ok(list)
}
