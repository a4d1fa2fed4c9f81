//! Streams.

pub mod add;
pub mod claim;
pub mod deliver;
pub mod group;
pub mod info;
pub mod pending;
pub mod producer;
pub mod read;
pub mod remove;

use super::reply_item;
use crate::base::number;
use crate::base::text::until_nul;
use crate::command::{Args, Error, Reply, Result};
use crate::types::stream::{Entry, Id};

const INVALID_ID: Error = Error::new("ERR Invalid stream ID specified as stream command argument");

/// Parses an id; `seq` is what stands for a missing sequence number.
fn parse_id(text: &[u8], seq: u64) -> Result<Id> {
    Id::parse(text, seq).ok_or(INVALID_ID)
}

/// Parses many ids.
fn parse_ids(texts: &[&[u8]]) -> Result<Vec<Id>> {
    texts.iter().map(|text| parse_id(text, 0)).collect()
}

/// Parses one end of an interval: an id, `-`, `+`, or `(` and an id that is not included.
fn parse_bound(text: &[u8], is_start: bool) -> Result<Id> {
    let seq = if is_start { 0 } else { u64::MAX };
    match until_nul(text) {
        b"-" => Ok(Id::MIN),
        b"+" => Ok(Id::MAX),
        [b'(', rest @ ..] if !rest.is_empty() => {
            let id = parse_id(rest, seq)?;
            match is_start {
                true => id.next().ok_or(Error::new("ERR invalid start ID for the interval")),
                false => id.prev().ok_or(Error::new("ERR invalid end ID for the interval")),
            }
        }
        _ => parse_id(text, seq),
    }
}

/// Answers an id as a bulk string.
fn reply_id(reply: &mut Reply, id: Id) {
    let (mut ms, mut seq) = (itoa::Buffer::new(), itoa::Buffer::new());
    let (ms, seq) = (ms.format(id.ms).as_bytes(), seq.format(id.seq).as_bytes());
    let mut text = [b'-'; 41];
    text[..ms.len()].copy_from_slice(ms);
    let end = ms.len() + 1 + seq.len();
    text[ms.len() + 1..end].copy_from_slice(seq);
    reply.bulk(&text[..end]);
}

/// Answers an entry's fields and values.
fn reply_pairs(reply: &mut Reply, entry: &Entry<'_>) {
    reply.array(2 * entry.len());
    for (field, value) in entry.pairs() {
        reply_item(reply, field);
        reply_item(reply, value);
    }
}

/// Answers an entry: its id, its fields and values.
fn reply_entry(reply: &mut Reply, entry: &Entry<'_>) {
    reply.array(2);
    reply_id(reply, entry.id);
    reply_pairs(reply, entry);
}

/// That the stream `key` has no such group.
fn no_such_group(key: &[u8], group: &[u8]) -> Error {
    Error::parts(&[b"NOGROUP No such consumer group '", group, b"' for key name '", key, b"'"])
}

fn no_group(key: &[u8], group: &[u8], place: &str) -> Error {
    Error::parts(&[b"NOGROUP No such key '", key, b"' or consumer group '", group, b"'", place.as_bytes()])
}

/// Takes the next word as an integer, or answers `error`.
fn int_or(args: &mut Args<'_>, error: &'static str) -> Result<i64> {
    number::parse_i64(args.bytes()?).ok_or(Error::new(error))
}
