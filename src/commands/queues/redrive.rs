//! Giving the dead another try.

use super::push::{admit, make_room};
use super::{COUNT, FULL, once, take_ids};
use crate::command::flag::*;
use crate::command::{Args, Command, Error, Flow, Group, Keyed, Keys, Result, Run, access};
use crate::keyspace::Txn;
use crate::keyspace::edit::{Removal, STEPS};
use crate::keyspace::txn::Progress;
use crate::types::Queue;
use crate::types::queue::{Body, Id, Message, Push, State};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[QREDRIVE];

const QREDRIVE: Command = Command::new("QREDRIVE", "qredrive", Group::Queue, Run::Waiting(qredrive))
    .syntax("key [COUNT count | IDS numids id [id ...]] [TO destination]")
    .flags(WRITE)
    .keys(&[Keys::one(1, access::RW | access::UPDATE), Keys::after("TO", 2, access::RW | access::INSERT)])
    .doc(
        "0.1.0",
        "O(M log N) for M messages of N, in small steps",
        "Makes dead messages ready again, in their queue or in another one.",
    );

/// Dead messages whose sizes are summed up in one hold.
const SIZED: usize = 1024;

/// What QREDRIVE is asked for.
#[derive(Default)]
struct Redrive<'a> {
    count: Option<i64>,
    ids: Option<Vec<Id>>,
    to: Option<&'a [u8]>,
}

impl<'a> Redrive<'a> {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let mut call = Redrive::default();
        while args.more() {
            if args.word("COUNT") {
                once(&mut call.count, args.int_in(1.., COUNT)?)?;
            } else if args.word("IDS") {
                once(&mut call.ids, take_ids(args)?)?;
            } else if args.word("TO") {
                once(&mut call.to, args.bytes()?)?;
            } else {
                return Err(Error::SYNTAX);
            }
        }
        if call.count.is_some() && call.ids.is_some() { Err(Error::SYNTAX) } else { Ok(call) }
    }
}

/// A dead message on its way to another queue.
struct Moved {
    id: Id,
    body: Body,
    pri: u8,
    group: Option<Vec<u8>>,
    limit: Option<u32>,
}

impl Moved {
    fn of(message: &Message<'_>) -> Self {
        Moved {
            id: message.id,
            body: message.body.clone(),
            pri: message.pri,
            group: message.group.map(<[u8]>::to_vec),
            limit: message.limit,
        }
    }

    /// How it is pushed to where it goes: ready, as if it had never been delivered.
    fn push(&self, now_ms: i64, expires_at: Option<i64>) -> Push<'_> {
        Push {
            body: self.body.clone(),
            pri: self.pri,
            group: self.group.as_deref(),
            dedup: None,
            visible_at: now_ms,
            expires_at,
            limit: self.limit,
        }
    }
}

fn qredrive(cx: &mut Keyed<'_, '_>) -> Result<Flow> {
    let key = cx.args.bytes()?;
    let call = Redrive::parse(&mut cx.args)?;
    let count = call.count.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    let begun = cx.txn.caller().progress;
    if let Some(to) = call.to {
        let progress = match (call.ids, begun) {
            (Some(ids), _) => move_these(cx.txn, key, to, ids, begun.is_some())?,
            (None, Some(progress)) => size(cx.txn, key, to, progress)?,
            (None, None) => begin(cx.txn, key, to, count)?,
        };
        if progress.left > 0 {
            return Ok(Flow::Again(progress));
        }
        cx.reply.len_of(progress.done);
        return Ok(Flow::Done);
    }
    let redriven = match (cx.txn.queue(key)?, call.ids) {
        (None, _) => 0,
        (Some(mut queue), None) => queue.redrive_first(count),
        (Some(mut queue), Some(ids)) => queue.redrive(&ids),
    };
    cx.reply.len_of(redriven);
    Ok(Flow::Done)
}

/// Opens the queue that dead messages go to, if it takes `count` more with `bytes` of bodies; it is made if it is absent.
fn open(txn: &mut Txn<'_>, to: &[u8], count: usize, bytes: u64) -> Result {
    let mut queue = txn.upsert_queue(to)?;
    admit(&mut queue, count)?;
    if queue.value().room_for(count, bytes, 1).is_none() {
        queue.count_refused(0, count as u64);
        return Err(FULL);
    }
    Ok(())
}

/// Begins to move up to `count` dead messages, the oldest first. Whether there is room is asked for all of them before.
fn begin(txn: &mut Txn<'_>, key: &[u8], to: &[u8], count: usize) -> Result<Progress> {
    let counts_bytes = txn.read::<Queue>(to)?.is_some_and(|queue| queue.settings().bytes_max > 0);
    let Some(queue) = txn.queue(key)? else { return Ok(Progress::default()) };
    let (all, bytes) = (queue.value().count(State::Dead), queue.value().dead_bytes());
    drop(queue);
    let left = count.min(all);
    if left == 0 {
        return Ok(Progress::default());
    }
    if counts_bytes && left < all {
        return size(txn, key, to, Progress { done: 0, left, sized: Some((0, Id::MIN)) });
    }
    open(txn, to, left, bytes)?;
    advance(txn, key, to, Progress { done: 0, left, sized: None })
}

/// Sums up the bodies of some of those that are left; begins to move them all when it has seen the last.
fn size(txn: &mut Txn<'_>, key: &[u8], to: &[u8], progress: Progress) -> Result<Progress> {
    let Progress { mut done, mut left, sized: Some((mut bytes, mut from)) } = progress else {
        return advance(txn, key, to, progress);
    };
    let Some(queue) = txn.queue(key)? else { return Ok(Progress::default()) };
    let before = done;
    for message in queue.value().dead(from).take(left.min(SIZED)) {
        bytes += message.body.len() as u64;
        (done, left) = (done + 1, left - 1);
        from = message.id.next().unwrap_or(message.id);
    }
    drop(queue);
    if left > 0 && done > before {
        return Ok(Progress { done, left, sized: Some((bytes, from)) });
    }
    open(txn, to, done, bytes)?;
    advance(txn, key, to, Progress { done: 0, left: done, sized: None })
}

/// Moves some of those that are left. What was let in at the beginning is let in to the end.
fn advance(
    txn: &mut Txn<'_>,
    key: &[u8],
    to: &[u8],
    Progress { done, left, .. }: Progress,
) -> Result<Progress> {
    let over = Progress { done, left: 0, sized: None };
    // Meanwhile anything may have come into either place.
    if done > 0 && txn.read::<Queue>(to).is_err() {
        return Ok(over);
    }
    let Ok(Some(queue)) = txn.queue(key) else { return Ok(over) };
    let dead = queue.value().dead(Id::MIN).take(left.min(STEPS));
    let moved: Vec<Moved> = dead.map(|message| Moved::of(&message)).collect();
    drop(queue);
    if moved.is_empty() {
        return Ok(over);
    }
    let count = if move_all(txn, key, to, &moved)? { moved.len() } else { 0 };
    Ok(Progress { done: done + count, left: left - count, sized: None })
}

/// Moves the dead among `ids`, in the order of their ids; `is_let_in` when there was asked for room before.
fn move_these(
    txn: &mut Txn<'_>,
    key: &[u8],
    to: &[u8],
    mut ids: Vec<Id>,
    is_let_in: bool,
) -> Result<Progress> {
    txn.read::<Queue>(to)?;
    ids.sort_unstable();
    ids.dedup();
    let Some(queue) = txn.queue(key)? else { return Ok(Progress::default()) };
    let found = ids.into_iter().filter_map(|id| queue.value().get(id));
    let moved: Vec<Moved> = found.filter(|m| m.state == State::Dead).map(|m| Moved::of(&m)).collect();
    drop(queue);
    let all = moved.len();
    if all > 0 && !is_let_in {
        open(txn, to, all, moved.iter().map(|message| message.body.len() as u64).sum())?;
    }
    let done = all == 0 || move_all(txn, key, to, &moved)?;
    Ok(if done {
        Progress { done: all, left: 0, sized: None }
    } else {
        Progress { done: 0, left: all, sized: None }
    })
}

/// Moves dead messages to another queue that was asked for its room; `false` when more has to be dropped there first.
fn move_all(txn: &mut Txn<'_>, key: &[u8], to: &[u8], moved: &[Moved]) -> Result<bool> {
    let mut queue = txn.upsert_queue(to)?.named("qpush");
    let bytes = moved.iter().map(|message| message.body.len() as u64).sum();
    // Others may have filled it meanwhile: what was let in goes in.
    let is_full = queue.value().room_for(moved.len(), bytes, 1).is_none();
    if !is_full && !make_room(&mut queue, moved.len(), bytes)? {
        return Ok(false);
    }
    let now_ms = queue.time_ms();
    let ttl_ms = queue.value().settings().ttl_ms;
    let alike = |a: &Moved, b: &Moved| (a.pri, &a.group, a.limit) == (b.pri, &b.group, b.limit);
    for run in moved.chunk_by(alike) {
        let expires_at = (ttl_ms > 0).then(|| now_ms.saturating_add(ttl_ms));
        queue.push_all(run.iter().map(|message| message.push(now_ms, expires_at)).collect());
    }
    queue.tell_pushed(moved.chunk_by(alike).count() - 1);
    drop(queue);
    let ids: Vec<Id> = moved.iter().map(|message| message.id).collect();
    if let Some(mut queue) = txn.queue(key)? {
        queue.remove_all(&ids, Removal::Move);
    }
    Ok(true)
}
