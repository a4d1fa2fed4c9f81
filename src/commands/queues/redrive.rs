//! Giving the dead another try.

use super::push::make_room;
use super::{COUNT, PAUSED, once, take_ids};
use crate::command::flag::*;
use crate::command::{Args, Command, Error, Group, Keyed, Keys, Result, Run, access};
use crate::keyspace::Txn;
use crate::keyspace::edit::Removal;
use crate::types::queue::{Body, Id, Push, State};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[QREDRIVE];

const QREDRIVE: Command = Command::new("QREDRIVE", "qredrive", Group::Queue, Run::Keyed(qredrive))
    .syntax("key [COUNT count | IDS numids id [id ...]] [TO destination]")
    .flags(WRITE)
    .keys(&[Keys::one(1, access::RW | access::UPDATE), Keys::after("TO", 2, access::RW | access::INSERT)])
    .doc(
        "0.1.0",
        "O(M log N) for M messages of N",
        "Makes dead messages ready again, in their queue or in another one.",
    );

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

fn qredrive(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    let call = Redrive::parse(&mut cx.args)?;
    if let Some(to) = call.to {
        cx.txn.read::<crate::types::Queue>(to)?;
    }
    let Some(mut queue) = cx.txn.queue(key)? else {
        cx.reply.int(0);
        return Ok(());
    };
    let count = call.count.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    let Some(to) = call.to else {
        let count = match call.ids {
            None => queue.redrive_first(count),
            Some(ids) => queue.redrive(&ids),
        };
        cx.reply.len_of(count);
        return Ok(());
    };
    let mut ids = call.ids.unwrap_or_else(|| queue.value().dead().take(count).collect());
    ids.sort_unstable();
    ids.dedup();
    let dead = ids.into_iter().filter_map(|id| queue.value().get(id)).filter(|m| m.state == State::Dead);
    let moved: Vec<Moved> = dead
        .map(|message| Moved {
            id: message.id,
            body: message.body.clone(),
            pri: message.pri,
            group: message.group.map(<[u8]>::to_vec),
            limit: message.limit,
        })
        .collect();
    drop(queue);
    cx.reply.len_of(moved.len());
    move_all(cx.txn, key, to, moved)
}

/// Moves dead messages to another queue, all or none.
fn move_all(txn: &mut Txn<'_>, key: &[u8], to: &[u8], moved: Vec<Moved>) -> Result {
    if moved.is_empty() {
        return Ok(());
    }
    let ids: Vec<Id> = moved.iter().map(|message| message.id).collect();
    let mut queue = txn.upsert_queue(to)?.named("qpush");
    if queue.value().settings().pause.is_in() {
        queue.count_refused(0, ids.len() as u64);
        return Err(PAUSED);
    }
    make_room(&mut queue, ids.len(), moved.iter().map(|message| message.body.len() as u64).sum())?;
    let now_ms = queue.time_ms();
    let ttl_ms = queue.value().settings().ttl_ms;
    for message in &moved {
        queue.push_all(vec![Push {
            body: message.body.clone(),
            pri: message.pri,
            group: message.group.as_deref(),
            dedup: None,
            visible_at: now_ms,
            expires_at: (ttl_ms > 0).then(|| now_ms.saturating_add(ttl_ms)),
            limit: message.limit,
        }]);
    }
    queue.tell_pushed(moved.len() - 1);
    drop(queue);
    if let Some(mut queue) = txn.queue(key)? {
        queue.remove_all(&ids, Removal::Move);
    }
    Ok(())
}
