//! Queues: the value of a module of Synap's own, so that other readers of the format can pass over it.
//!
//! ```text
//! queue    settings, totals, last id, highest and least number of leases, time,
//!          windows: count, (id, name)…,
//!          messages: count, message…
//! message  flags, id, body, priority, attempts, lease, visible at,
//!          then what the flags tell: expires at │ attempts at most │ group │ dedup id │ reason │ owner
//! id       milliseconds, sequence          owner  number, name, address
//! flags    0x3 state │ 0x4 receipt good │ 0x8 tied │ 0x10 … 0x200 what follows
//! ```
//! Every number and text is a part of its own, as [`super::module`] draws them. Nothing that was read is
//! believed: see [`Restoring`].

use super::super::reader::*;
use super::super::writer::{Output, put_length};
use super::module::{self, END, number, put_number, put_text, text};
use crate::types::Queue;
use crate::types::queue::{Body, Id, OnExpire, Overflow, Owner, Pause, Restoring, Settings, State, Stored};
use crate::types::queue::{StoredQueue, Totals};
use std::sync::Arc;

/// `synapqueu`, version 1.
pub const ID: u64 = module::id(b"synapqueu", 1);

const OPEN: u64 = 1 << 2;
const TIED: u64 = 1 << 3;
const EXPIRES: u64 = 1 << 4;
const LIMIT: u64 = 1 << 5;
const GROUP: u64 = 1 << 6;
const DEDUP: u64 = 1 << 7;
const REASON: u64 = 1 << 8;
const OWNER: u64 = 1 << 9;
const FLAGS: u64 = (1 << 10) - 1;

fn put_id(id: Id, out: &mut Vec<u8>) {
    put_number(id.ms, out);
    put_number(id.seq, out);
}

/// The settings as numbers; none is negative.
fn numbers_of(s: &Settings) -> [u64; 16] {
    [
        s.lease_ms,
        s.attempts_max,
        s.backoff_ms.0,
        s.backoff_ms.1,
        s.ttl_ms,
        s.on_expire as i64,
        s.len_max,
        s.bytes_max,
        s.overflow as i64,
        s.dedup_ms,
        s.group_max,
        s.dead_max,
        s.dead_ttl_ms,
        s.pause as i64,
        s.rate.0,
        s.rate.1,
    ]
    .map(|n| n as u64)
}

fn totals_of(t: &Totals) -> [u64; 12] {
    [
        t.pushed,
        t.popped,
        t.acked,
        t.nacked,
        t.lease_expired,
        t.dead,
        t.expired,
        t.duplicates,
        t.rejected,
        t.dropped,
        t.deleted,
        t.moved,
    ]
}

/// Appends a queue, as it will be when what is under way in it is done.
pub fn write(queue: &Queue, out: &mut Output<'_>) {
    if queue.is_sweeping() {
        return write(&queue.swept(), out);
    }
    put_length(ID, out);
    let head = queue.head();
    let numbers = numbers_of(&head.settings).into_iter().chain(totals_of(&head.totals));
    numbers.for_each(|n| put_number(n, out));
    put_id(head.last_id, out);
    for n in [head.lease_max, head.lease_floor, head.clock_ms as u64, head.windows.len() as u64] {
        put_number(n, out);
    }
    for (id, name) in &head.windows {
        put_id(*id, out);
        put_text(name, out);
    }
    put_number(State::ALL.iter().map(|state| queue.count(*state) as u64).sum(), out);
    queue.stored().for_each(|message| write_message(&message, out));
    out.push(END);
}

fn write_message(message: &Stored<'_>, out: &mut Output<'_>) {
    let flags = [
        (OPEN, message.is_open),
        (TIED, message.is_tied),
        (EXPIRES, message.expires_at.is_some()),
        (LIMIT, message.limit.is_some()),
        (GROUP, message.group.is_some()),
        (DEDUP, message.dedup.is_some()),
        (REASON, message.reason.is_some()),
        (OWNER, message.owner.is_some()),
    ];
    let set = flags.into_iter().filter(|(_, on)| *on).fold(message.state as u64, |set, (flag, _)| set | flag);
    put_number(set, out);
    put_id(message.id, out);
    put_text(message.body.bytes(), out);
    let numbers = [message.pri.into(), message.attempts.into(), message.lease, message.visible_at as u64];
    numbers.into_iter().for_each(|n| put_number(n, out));
    message.expires_at.into_iter().for_each(|t| put_number(t as u64, out));
    message.limit.into_iter().for_each(|n| put_number(n.into(), out));
    [message.group, message.dedup, message.reason].into_iter().flatten().for_each(|text| put_text(text, out));
    if let Some(owner) = &message.owner {
        put_number(owner.client, out);
        put_text(owner.name.as_bytes(), out);
        put_text(owner.addr.as_bytes(), out);
    }
}

fn numbers<const N: usize>(input: &mut Reader<'_>) -> Result<[u64; N], Damage> {
    let mut numbers = [0; N];
    numbers.iter_mut().try_for_each(|n| number(input).map(|read| *n = read))?;
    Ok(numbers)
}

/// A number that is a time, or otherwise signed.
fn signed(input: &mut Reader<'_>) -> Result<i64, Damage> {
    let n = number(input)?;
    i64::try_from(n).map_err(|_| input.damage("a number of a queue is too large"))
}

fn small(input: &mut Reader<'_>) -> Result<u32, Damage> {
    let n = number(input)?;
    u32::try_from(n).map_err(|_| input.damage("a number of a queue is too large"))
}

fn name(input: &mut Reader<'_>) -> Result<Box<str>, Damage> {
    let name = String::from_utf8(text(input)?);
    Ok(name.map_err(|_| input.damage("the name of an owner is no text"))?.into())
}

fn id(input: &mut Reader<'_>) -> Result<Id, Damage> {
    let [ms, seq] = numbers(input)?;
    Ok(Id::new(ms, seq))
}

/// One of several words, by its number.
fn one_of<T: Copy>(input: &Reader<'_>, n: i64, words: &[T]) -> Result<T, Damage> {
    let word = usize::try_from(n).ok().and_then(|n| words.get(n));
    word.copied().ok_or_else(|| input.damage("a setting of a queue is unknown"))
}

/// Reads a queue behind the id of its module.
pub fn read(input: &mut Reader<'_>) -> Result<Queue, Damage> {
    let head = read_head(input)?;
    let mut restoring = Restoring::new(head).map_err(|what| input.damage(what))?;
    for _ in 0..number(input)? {
        read_message(input, &mut restoring)?;
    }
    if input.byte()? != END {
        return Err(input.damage("more in a queue than belongs there"));
    }
    restoring.finish().map_err(|what| input.damage(what))
}

fn read_head(input: &mut Reader<'_>) -> Result<StoredQueue, Damage> {
    let mut n = [0; 16];
    n.iter_mut().try_for_each(|n| signed(input).map(|read| *n = read))?;
    let settings = Settings {
        lease_ms: n[0],
        attempts_max: n[1],
        backoff_ms: (n[2], n[3]),
        ttl_ms: n[4],
        on_expire: one_of(input, n[5], &[OnExpire::Drop, OnExpire::Dead])?,
        len_max: n[6],
        bytes_max: n[7],
        overflow: one_of(input, n[8], &[Overflow::Reject, Overflow::Drop])?,
        dedup_ms: n[9],
        group_max: n[10],
        dead_max: n[11],
        dead_ttl_ms: n[12],
        pause: one_of(input, n[13], &[Pause::None, Pause::In, Pause::Out, Pause::All])?,
        rate: (n[14], n[15]),
    };
    let t: [u64; 12] = numbers(input)?;
    let totals = Totals {
        pushed: t[0],
        popped: t[1],
        acked: t[2],
        nacked: t[3],
        lease_expired: t[4],
        dead: t[5],
        expired: t[6],
        duplicates: t[7],
        rejected: t[8],
        dropped: t[9],
        deleted: t[10],
        moved: t[11],
    };
    let last_id = id(input)?;
    let [lease_max, lease_floor] = numbers(input)?;
    let clock_ms = signed(input)?;
    let mut windows = Vec::new();
    for _ in 0..number(input)? {
        windows.push((id(input)?, text(input)?));
    }
    Ok(StoredQueue { settings, totals, last_id, lease_max, lease_floor, clock_ms, windows })
}

fn read_message(input: &mut Reader<'_>, restoring: &mut Restoring) -> Result<(), Damage> {
    let flags = number(input)?;
    if flags & !FLAGS != 0 {
        return Err(input.damage("a message of a queue has unknown parts"));
    }
    let has = |flag: u64| flags & flag != 0;
    let id = id(input)?;
    let body = Body::new(&text(input)?);
    let pri = u8::try_from(number(input)?).map_err(|_| input.damage("a priority out of bounds"))?;
    let (attempts, lease, visible_at) = (small(input)?, number(input)?, signed(input)?);
    let expires_at = if has(EXPIRES) { Some(signed(input)?) } else { None };
    let limit = if has(LIMIT) { Some(small(input)?) } else { None };
    let group = if has(GROUP) { Some(text(input)?) } else { None };
    let dedup = if has(DEDUP) { Some(text(input)?) } else { None };
    let reason = if has(REASON) { Some(text(input)?) } else { None };
    let owner = match has(OWNER) {
        true => Some(Arc::new(Owner { client: number(input)?, name: name(input)?, addr: name(input)? })),
        false => None,
    };
    let stored = Stored {
        state: State::ALL[(flags & 3) as usize],
        group: group.as_deref(),
        dedup: dedup.as_deref(),
        reason: reason.as_deref(),
        attempts,
        limit,
        lease,
        visible_at,
        expires_at,
        owner,
        is_open: has(OPEN),
        is_tied: has(TIED),
        ..Stored::plain(id, body, pri)
    };
    restoring.add(stored).map_err(|what| input.damage(what))
}
