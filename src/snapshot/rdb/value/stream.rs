//! Streams.
//!
//! ```text
//! stream    nodes │ node │ … │ entries │ last id │ [first id │ last deleted id │ entries added] │ groups │ group │ … │ <producers>
//! node      string of 16 bytes: id of its first entry, ms and seq BE │ listpack
//! listpack  entries, deleted entries, fields, field …, 0 │ entry │ …
//! entry     flags (1 deleted, 2 the first entry's fields), ms after, seq after, [fields, field,] value …, elements
//! group     name │ last id │ [entries read] │ pending │ id (16 bytes), ms i64, deliveries │ … │ consumers │ consumer │ …
//! consumer  name │ seen i64 ms │ {active i64 ms} │ pending │ id (16 bytes) │ …
//! producers seconds │ messages, at most │ producers │ producer │ … │ messages ever │ messages sent again
//! producer  name │ messages │ name of a message │ its id │ …
//! ```
//! Ids are two lengths where nothing else is said; `[…]` since Redis 7.0, `{…}` since 7.2, `<…>` since 8.6.

use super::super::writer::{self, Output};
use super::super::{kind, listpack, reader::*};
use crate::types::stream::producers::{Bounds, NAMES, Producers, SECONDS};
use crate::types::stream::{Consumer, Entry, Group, Id, Pending};
use crate::types::{Item, Packing, Stream};
use std::collections::HashMap;

const DELETED: i64 = 1;
const SAME_FIELDS: i64 = 2;
/// What a node may have when it is written, as Redis' defaults have it.
const NODE_BYTES: usize = 4096;
const NODE_ENTRIES: usize = 100;

pub(super) fn kind_byte(stream: &Stream) -> u8 {
    if stream.producers().is_some() {
        return kind::STREAM_4;
    }
    // The older form is read as if each consumer was active when it was last seen.
    let same = |consumer: &Consumer| consumer.active_ms == Some(consumer.seen_ms);
    if stream.groups().all(|(_, group)| group.consumers().all(same)) {
        kind::STREAM_2
    } else {
        kind::STREAM_3
    }
}

pub(super) fn write(kind: u8, stream: &Stream, out: &mut Output<'_>) {
    let nodes = nodes(stream);
    writer::put_length(nodes.len() as u64, out);
    for node in &nodes {
        out.text(&raw_id(node[0].id));
        out.text(&pack(node));
    }
    writer::put_length(stream.len(), out);
    put_id(stream.last_id(), out);
    put_id(nodes.first().map_or(Id::MIN, |node| node[0].id), out);
    put_id(stream.max_deleted_id(), out);
    writer::put_length(stream.entries_added(), out);
    writer::put_length(stream.groups().len() as u64, out);
    for (name, group) in stream.groups() {
        out.text(name);
        put_id(group.last_delivered, out);
        writer::put_length(group.entries_read.unwrap_or(u64::MAX), out);
        writer::put_length(group.pending_len() as u64, out);
        for (id, pending) in group.pending(..) {
            out.extend_from_slice(&raw_id(id));
            out.extend_from_slice(&pending.delivered_ms.to_le_bytes());
            writer::put_length(pending.count, out);
        }
        writer::put_length(group.consumers().len() as u64, out);
        for consumer in group.consumers() {
            out.text(consumer.name());
            out.extend_from_slice(&consumer.seen_ms.to_le_bytes());
            if tells_active(kind) {
                out.extend_from_slice(&consumer.active_ms.unwrap_or(-1).to_le_bytes());
            }
            writer::put_length(consumer.pending_len() as u64, out);
            consumer.pending(..).for_each(|id| out.extend_from_slice(&raw_id(id)));
        }
    }
    if kind == kind::STREAM_4 {
        stream.producers().into_iter().for_each(|producers| write_producers(producers, out));
    }
}

/// Whether a stream of this kind tells when its consumers were active.
fn tells_active(kind: u8) -> bool {
    matches!(kind, kind::STREAM_3 | kind::STREAM_4)
}

fn write_producers(producers: &Producers, out: &mut Output<'_>) {
    writer::put_length(producers.bounds().seconds, out);
    writer::put_length(producers.bounds().names, out);
    writer::put_length(producers.iter(0).count() as u64, out);
    for (producer, sent) in producers.iter(0) {
        let sent: Vec<_> = sent.collect();
        out.text(producer);
        writer::put_length(sent.len() as u64, out);
        for (name, id) in sent {
            out.text(name);
            put_id(id, out);
        }
    }
    writer::put_length(producers.added, out);
    writer::put_length(producers.repeated, out);
}

fn put_id(id: Id, out: &mut Vec<u8>) {
    writer::put_length(id.ms, out);
    writer::put_length(id.seq, out);
}

fn raw_id(id: Id) -> [u8; 16] {
    (u128::from(id.ms) << 64 | u128::from(id.seq)).to_be_bytes()
}

fn nodes(stream: &Stream) -> Vec<Vec<Entry<'_>>> {
    let mut nodes: Vec<Vec<Entry<'_>>> = Vec::new();
    let mut bytes = 0;
    for entry in stream.range(Id::MIN, Id::MAX) {
        let size = entry.pairs().map(|(field, value)| field.size() + value.size() + 2).sum::<usize>();
        match nodes.last_mut() {
            Some(node) if node.len() < NODE_ENTRIES && bytes + size <= NODE_BYTES => {
                node.push(entry);
                bytes += size;
            }
            _ => {
                nodes.push(vec![entry]);
                bytes = size;
            }
        }
    }
    nodes
}

fn pack(node: &[Entry<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut list = listpack::Writer::new(&mut out);
    let master = &node[0];
    let int = |n: usize| Item::Int(n as i64);
    [int(node.len()), int(0), int(master.len())].into_iter().for_each(|item| list.push(item));
    master.pairs().for_each(|(field, _)| list.push(field));
    list.push(Item::Int(0));
    for entry in node {
        let from = list.count();
        let same = entry.len() == master.len() && entry.pairs().map(|p| p.0).eq(master.pairs().map(|p| p.0));
        list.push(Item::Int(if same { SAME_FIELDS } else { 0 }));
        // As Redis does, both are differences that wrap.
        list.push(Item::Int(entry.id.ms.wrapping_sub(master.id.ms) as i64));
        list.push(Item::Int(entry.id.seq.wrapping_sub(master.id.seq) as i64));
        if !same {
            list.push(int(entry.len()));
        }
        for (field, value) in entry.pairs() {
            if !same {
                list.push(field);
            }
            list.push(value);
        }
        list.push(int(list.count() - from));
    }
    list.end();
    out
}

pub(super) fn read(kind: u8, input: &mut Reader<'_>, packing: &Packing) -> Result<Stream, Damage> {
    let mut stream = Stream::new();
    for _ in 0..input.length()? {
        let master = input.string()?.as_ref().try_into().map(u128::from_be_bytes);
        let master = master.map_err(|_| input.damage("the id of a stream's node is malformed"))?;
        let pack = input.string()?;
        let read = read_node(id_of(master), &pack, &mut stream, packing);
        drop(pack);
        read.map_err(|what| input.damage(what))?;
    }
    if input.length()? != stream.len() {
        return Err(input.damage("a stream does not have as many entries as it says"));
    }
    let (last, greatest) = (read_id(input)?, stream.last_id());
    if last < greatest {
        return Err(input.damage("a stream's last id is not its greatest"));
    }
    let (mut added, mut deleted) = (stream.len(), Id::MIN);
    if kind != kind::STREAM {
        read_id(input)?;
        deleted = read_id(input)?;
        added = input.length()?;
    }
    stream.set_id(last, Some(added), Some(deleted));
    for _ in 0..input.length()? {
        let name = input.string()?.into_owned();
        let group = read_group(kind, input, &stream)?;
        if !stream.add_group(&name, group) {
            return Err(input.damage("a stream has two groups of one name"));
        }
    }
    if kind == kind::STREAM_4 {
        read_producers(input, &mut stream)?;
    }
    Ok(stream)
}

fn read_producers(input: &mut Reader<'_>, stream: &mut Stream) -> Result<(), Damage> {
    let bounds = Bounds { seconds: input.length()?, names: input.length()? };
    if !SECONDS.contains(&bounds.seconds) || !NAMES.contains(&bounds.names) {
        return Err(input.damage("what is kept of a stream's producers is out of range"));
    }
    let producers = stream.producers_mut(bounds);
    for _ in 0..input.length()? {
        let producer = input.string()?.into_owned();
        for _ in 0..input.length()? {
            let name = input.string()?.into_owned();
            let id = read_id(input)?;
            // A name that is there twice is that of the first entry.
            if producers.find(&producer, &name, 0).is_none() {
                producers.note(&producer, &name, id, 0);
            }
        }
    }
    (producers.added, producers.repeated) = (input.length()?, input.length()?);
    Ok(())
}

fn id_of(raw: u128) -> Id {
    Id::new((raw >> 64) as u64, raw as u64)
}

fn read_id(input: &mut Reader<'_>) -> Result<Id, Damage> {
    Ok(Id::new(input.length()?, input.length()?))
}

/// Adds the entries of a node to the stream.
fn read_node(master: Id, pack: &[u8], stream: &mut Stream, packing: &Packing) -> Result<(), &'static str> {
    const MALFORMED: &str = "a node of a stream is malformed";
    let items = listpack::elements(pack)?;
    let mut at = items.iter().copied();
    let int =
        |items: &mut dyn Iterator<Item = Item<'_>>| items.next().and_then(Item::as_int).ok_or(MALFORMED);
    let (live, dead) = (int(&mut at)?, int(&mut at)?);
    let count =
        usize::try_from(int(&mut at)?).ok().filter(|n| (1..=at.len()).contains(n)).ok_or(MALFORMED)?;
    let texts: Vec<Vec<u8>> = at.by_ref().take(count).map(Item::to_vec).collect();
    if int(&mut at)? != 0 {
        return Err(MALFORMED);
    }
    let (mut seen_live, mut seen_dead) = (0, 0);
    while at.len() > 0 {
        let from = at.len();
        let flags = int(&mut at)?;
        let (ms, seq) = (int(&mut at)?, int(&mut at)?);
        let id = Id::new(master.ms.wrapping_add(ms as u64), master.seq.wrapping_add(seq as u64));
        let same = flags & SAME_FIELDS != 0;
        let count = if same { Some(count) } else { usize::try_from(int(&mut at)?).ok() };
        let count = count.filter(|n| (1..=at.len()).contains(n)).ok_or(MALFORMED)?;
        let mut pairs = Vec::with_capacity(2 * count);
        let mut master_fields = texts.iter().cloned();
        for _ in 0..count {
            let field = if same { master_fields.next() } else { at.next().map(Item::to_vec) };
            pairs.push(field.ok_or(MALFORMED)?);
            pairs.push(at.next().map(Item::to_vec).ok_or(MALFORMED)?);
        }
        let elements = from - at.len();
        if int(&mut at)? != elements as i64 {
            return Err(MALFORMED);
        }
        if flags & DELETED != 0 {
            seen_dead += 1;
            continue;
        }
        seen_live += 1;
        let pairs: Vec<&[u8]> = pairs.iter().map(|text| &text[..]).collect();
        if id < master || !stream.append(id, &pairs, packing) {
            return Err("the ids of a stream are not in order");
        }
    }
    if (seen_live, seen_dead) == (live, dead) { Ok(()) } else { Err(MALFORMED) }
}

fn read_group(kind: u8, input: &mut Reader<'_>, stream: &Stream) -> Result<Group, Damage> {
    let last = read_id(input)?;
    let read = if kind == kind::STREAM { None } else { Some(input.length()?) };
    let known = match kind {
        kind::STREAM => stream.place_of(last),
        _ => read.filter(|n| *n != u64::MAX),
    };
    let mut group = Group::new(last, known);
    let mut pending = HashMap::new();
    for _ in 0..input.length()? {
        let id = id_of(u128::from_be_bytes(input.array()?));
        let delivered_ms = input.time_ms()?;
        let count = input.length()?;
        if pending.insert(id, (delivered_ms, count)).is_some() {
            return Err(input.damage("an id is pending twice in a group"));
        }
    }
    for _ in 0..input.length()? {
        let name = input.string()?.into_owned();
        let seen_ms = input.time_ms()?;
        let active_ms = if tells_active(kind) { input.time_ms()? } else { seen_ms };
        let (consumer, new) = group.find_or_create(&name, seen_ms);
        if !new {
            return Err(input.damage("Duplicate stream consumer detected: a group has two of one name"));
        }
        group.consumer_mut(consumer).active_ms = (active_ms >= 0).then_some(active_ms);
        for _ in 0..input.length()? {
            let id = id_of(u128::from_be_bytes(input.array()?));
            let Some((delivered_ms, count)) = pending.remove(&id) else {
                let taken = group.pending(id..=id).next().is_some();
                return Err(input.damage(match taken {
                    true => "Duplicated consumer PEL entry: an id is pending twice",
                    false => "a consumer's pending id is not pending in its group",
                }));
            };
            group.assign(id, Pending { consumer, delivered_ms, count });
        }
    }
    if pending.is_empty() { Ok(group) } else { Err(input.damage("an id is pending for no consumer")) }
}
