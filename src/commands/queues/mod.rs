//! Queues: messages that are delivered under a lease, and stay until they are acknowledged.

pub mod delete;
pub mod info;
pub mod peek;
pub mod pop;
pub mod push;
pub mod redrive;
pub mod replay;
pub mod set;
pub mod settle;
#[cfg(test)]
mod tests;

use crate::command::{Args, Error, Reply, Result};
use crate::types::queue::{Body, Id, State};

const INVALID_ID: Error = Error::new("ERR invalid message id");
const FULL: Error = Error::new("QFULL queue is full");
const PAUSED: Error = Error::new("QPAUSED queue is paused");
const COUNT: Error = Error::new("ERR COUNT should be greater than 0");

/// A receipt: a message, and the number of a lease; `None` for whatever lease.
type Receipt = (Id, Option<u64>);

/// Parses `ms-seq:lease`, or `ms-seq` for whatever lease.
fn parse_receipt(text: &[u8]) -> Result<Receipt> {
    let number = |digits: &[u8]| -> Option<u64> {
        let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        std::str::from_utf8(digits).ok().filter(|_| is_number)?.parse().ok()
    };
    let parse = || {
        let dash = text.iter().position(|byte| *byte == b'-')?;
        let (ms, rest) = (&text[..dash], &text[dash + 1..]);
        let (seq, lease) = match rest.iter().position(|byte| *byte == b':') {
            None => (rest, None),
            Some(colon) => (&rest[..colon], Some(number(&rest[colon + 1..])?)),
        };
        Some((Id::new(number(ms)?, number(seq)?), lease))
    };
    parse().ok_or(INVALID_ID)
}

/// Parses an id, or a receipt, whose lease does not matter.
fn parse_id(text: &[u8]) -> Result<Id> {
    parse_receipt(text).map(|(id, _)| id)
}

fn parse_receipts(texts: &[&[u8]]) -> Result<Vec<Receipt>> {
    texts.iter().map(|text| parse_receipt(text)).collect()
}

/// Takes `IDS numids id [id ...]` behind its keyword.
fn take_ids(args: &mut Args<'_>) -> Result<Vec<Id>> {
    const RANGE: Error = Error::new("ERR numids should be greater than 0");
    let count = args.int_in(1.., RANGE)?;
    let texts = args.take(usize::try_from(count).unwrap_or(usize::MAX))?;
    texts.iter().map(|text| parse_id(text)).collect()
}

/// Takes the next word if it names a state.
fn take_state(args: &mut Args<'_>) -> Option<State> {
    State::ALL.into_iter().find(|state| args.word(state.name()))
}

/// Takes the next word as a number that is not negative; `option` names it.
fn natural(args: &mut Args<'_>, option: &str) -> Result<i64> {
    let n = args.int()?;
    if n < 0 { Err(Error::text(format!("ERR {option} must not be negative"))) } else { Ok(n) }
}

/// Notes the value of an option that may be given once.
fn once<T>(option: &mut Option<T>, value: T) -> Result {
    if option.replace(value).is_some() { Err(Error::SYNTAX) } else { Ok(()) }
}

/// Notes a flag that may be given once.
fn once_set(flag: &mut bool) -> Result {
    if std::mem::replace(flag, true) { Err(Error::SYNTAX) } else { Ok(()) }
}

/// Answers an id, or a receipt if there is a lease.
fn reply_receipt(reply: &mut Reply, id: Id, lease: Option<u64>) {
    let mut text = [0; 64];
    let mut len = 0;
    let mut add = |mark: Option<u8>, n: u64| {
        if let Some(mark) = mark {
            text[len] = mark;
            len += 1;
        }
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(n).as_bytes();
        text[len..len + digits.len()].copy_from_slice(digits);
        len += digits.len();
    };
    add(None, id.ms);
    add(Some(b'-'), id.seq);
    lease.into_iter().for_each(|lease| add(Some(b':'), lease));
    reply.bulk(&text[..len]);
}

/// Answers a body, shared when it is long.
fn reply_body(reply: &mut Reply, body: &Body) {
    match body {
        Body::Short(bytes) => reply.bulk(bytes),
        Body::Long(bytes) => reply.bulk_shared(bytes),
    }
}

fn reply_int_or_null(reply: &mut Reply, n: Option<i64>) {
    match n {
        Some(n) => reply.int(n),
        None => reply.null(),
    }
}
