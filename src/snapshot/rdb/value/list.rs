//! Lists.
//!
//! ```text
//! list 2   nodes │ container (1: an element as it is, 2: a listpack) │ string │ …
//! ```

use super::super::writer::{self, Output};
use super::super::{kind, listpack, old, reader::*};
use super::with_packed;
use crate::keyspace::cut::Resume;
use crate::types::{End, Item, List, Packing};

/// Bytes a node may have when it is written, as Redis' default has it.
const NODE_BYTES: usize = 8192;
const PLAIN: u64 = 1;
const PACKED: u64 = 2;

pub(super) fn write(list: &List, out: &mut Output<'_>) {
    write_some(list, &mut Resume::default(), usize::MAX, out);
}

/// Writes a list in steps, at least a node.
pub(super) fn write_some(list: &List, resume: &mut Resume, limit: usize, out: &mut Output<'_>) -> bool {
    if !resume.begun {
        writer::put_length(list.node_count() as u64, out);
    }
    let nodes = list.nodes(resume.at as usize, limit);
    resume.at += nodes.len() as u64;
    let mut pack = Vec::new();
    for items in nodes {
        if let Some(Item::Bytes(text)) = items.clone().next()
            && text.len() > NODE_BYTES
        {
            writer::put_length(PLAIN, out);
            out.text(text);
            continue;
        }
        pack.clear();
        let mut node = listpack::Writer::new(&mut pack);
        node.extend(items);
        node.end();
        writer::put_length(PACKED, out);
        out.text(&pack);
    }
    resume.at == list.node_count() as u64
}

pub(super) fn read(kind: u8, input: &mut Reader<'_>, packing: &Packing) -> Result<List, Damage> {
    if kind == kind::LIST_ZIPLIST {
        let mut list = List::new();
        with_packed(input, old::ziplist, |items| {
            items.into_iter().for_each(|item| list.push(End::Back, &[item.text().as_bytes()], packing));
            Ok(())
        })?;
        return Ok(list);
    }
    // Nodes stay as they are, as in Redis.
    let mut list = List::large(packing);
    for _ in 0..input.count()? {
        let container = if kind == kind::LIST_QUICKLIST_2 { input.length()? } else { PACKED };
        match (kind, container) {
            (kind::LIST, _) => list.push(End::Back, &[&input.string()?], packing),
            (_, PACKED) => {
                let parse = if kind == kind::LIST_QUICKLIST { old::ziplist } else { listpack::elements };
                unless_empty(with_packed(input, parse, |items| {
                    list.push_node(&items);
                    Ok(())
                }))?;
            }
            (_, PLAIN) => {
                let text = input.string()?;
                if text.is_empty() {
                    drop(text);
                    return Err(input.damage("a node of a list is empty"));
                }
                list.push_node(&[Item::Bytes(&text)]);
            }
            _ => return Err(input.damage("a node of a list is of an unknown kind")),
        }
    }
    if list.is_empty() {
        return Err(input.fault(Fault::Empty));
    }
    list.choose_form(packing);
    Ok(list)
}

/// Nodes without elements are skipped, as Redis does.
fn unless_empty(node: Result<(), Damage>) -> Result<(), Damage> {
    match node {
        Err(Damage { fault: Fault::Empty, .. }) => Ok(()),
        node => node,
    }
}
