//! Looking at messages without taking them.

use super::{
    COUNT, once, once_set, parse_id, reply_body, reply_int_or_null, reply_receipt, take_ids, take_state,
};
use crate::command::flag::*;
use crate::command::{Args, Command, Error, Group, Keyed, Keys, Reply, Result, Run, access};
use crate::types::queue::{Id, Message, State};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[QPEEK, QLEN];

const KEY: &[Keys] = &[Keys::one(1, access::RO | access::ACCESS)];

const QPEEK: Command = Command::new("QPEEK", "qpeek", Group::Queue, Run::Keyed(qpeek))
    .syntax(
        "key [IDS numids id [id ...] | READY | DELAYED | INFLIGHT | DEAD] [PRI priority] [GROUP group] [FROM id] \
         [COUNT count] [NOBODY]",
    )
    .flags(READ)
    .keys(KEY)
    .doc(
        "0.1.0",
        "O(log N + M) for M of N messages; O(N) where few of many match",
        "Shows messages in the order of their ids, with all that is known of them.",
    );

/// Messages shown by default.
const COUNT_DEFAULT: i64 = 10;

/// What QPEEK is asked for.
#[derive(Default)]
struct Peek<'a> {
    ids: Option<Vec<Id>>,
    state: Option<State>,
    pri: Option<i64>,
    group: Option<&'a [u8]>,
    from: Option<Id>,
    count: Option<i64>,
    no_body: bool,
}

impl<'a> Peek<'a> {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        const RANGE: Error = Error::new("ERR PRI must be between 0 and 9");
        let mut peek = Peek::default();
        while args.more() {
            if args.word("IDS") {
                once(&mut peek.ids, take_ids(args)?)?;
            } else if let Some(state) = take_state(args) {
                once(&mut peek.state, state)?;
            } else if args.word("PRI") {
                once(&mut peek.pri, args.int_in(0..=9, RANGE)?)?;
            } else if args.word("GROUP") {
                once(&mut peek.group, args.bytes()?)?;
            } else if args.word("FROM") {
                once(&mut peek.from, parse_id(args.bytes()?)?)?;
            } else if args.word("COUNT") {
                once(&mut peek.count, args.int_in(1.., COUNT)?)?;
            } else if args.word("NOBODY") {
                once_set(&mut peek.no_body)?;
            } else {
                return Err(Error::SYNTAX);
            }
        }
        let filters = peek.state.is_some() || peek.pri.is_some() || peek.group.is_some();
        let walks = filters || peek.from.is_some() || peek.count.is_some();
        if peek.ids.is_some() && walks { Err(Error::SYNTAX) } else { Ok(peek) }
    }

    fn shows(&self, message: &Message<'_>) -> bool {
        self.pri.is_none_or(|pri| i64::from(message.pri) == pri)
            && self.group.is_none_or(|group| message.group == Some(group))
    }
}

fn qpeek(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    let peek = Peek::parse(&mut cx.args)?;
    let queue = cx.txn.queue(key)?;
    let queue = queue.as_ref().map(|queue| queue.value());
    if let Some(ids) = &peek.ids {
        cx.reply.array(ids.len());
        for id in ids {
            match queue.and_then(|queue| queue.get(*id)) {
                Some(message) => reply_message(cx.reply, &message, !peek.no_body),
                None => cx.reply.null(),
            }
        }
        return Ok(());
    }
    let Some(queue) = queue else {
        cx.reply.array(0);
        return Ok(());
    };
    let states = peek.state.as_ref().map_or(&State::LIVE[..], std::slice::from_ref);
    let count = usize::try_from(peek.count.unwrap_or(COUNT_DEFAULT)).unwrap_or(usize::MAX);
    let messages = queue.iter(peek.from.unwrap_or(Id::MIN), states).filter(|message| peek.shows(message));
    cx.reply.counted(Reply::array, |reply| {
        Ok(messages.take(count).map(|message| reply_message(reply, &message, !peek.no_body)).count())
    })
}

fn reply_message(reply: &mut Reply, message: &Message<'_>, with_body: bool) {
    reply.map(12);
    reply.bulk(b"id");
    reply_receipt(reply, message.id, None);
    reply.bulk(b"state");
    reply.bulk(message.state.name().as_bytes());
    reply.bulk(b"body");
    if with_body {
        reply_body(reply, message.body)
    } else {
        reply.null()
    }
    reply.bulk(b"pri");
    reply.int(message.pri.into());
    reply.bulk(b"group");
    reply.bulk_or_null(message.group);
    reply.bulk(b"attempts");
    reply.int(message.attempts.into());
    reply.bulk(b"pushed");
    reply.int(message.id.ms as i64);
    reply.bulk(b"visible");
    reply_int_or_null(reply, message.visible_at);
    reply.bulk(b"expires");
    reply_int_or_null(reply, message.expires_at);
    reply.bulk(b"owner");
    match message.owner {
        Some(owner) if owner.name.is_empty() => reply.bulk_int(owner.client as i64),
        owner => reply.bulk_or_null(owner.map(|owner| owner.name.as_bytes())),
    }
    reply.bulk(b"owner-addr");
    reply.bulk_or_null(message.owner.map(|owner| owner.addr.as_bytes()));
    reply.bulk(b"reason");
    reply.bulk_or_null(message.reason);
}

const QLEN: Command = Command::new("QLEN", "qlen", Group::Queue, Run::Keyed(qlen))
    .syntax("key [READY | DELAYED | INFLIGHT | DEAD]")
    .flags(READ | FAST)
    .keys(KEY)
    .doc("0.1.0", "O(1)", "Tells how many messages a queue has: of one state, or all but the dead.");

fn qlen(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    let state = take_state(&mut cx.args);
    cx.args.end()?;
    let queue = cx.txn.queue(key)?;
    let len = queue.map_or(0, |queue| match state {
        Some(state) => queue.value().count(state),
        None => queue.value().len(),
    });
    cx.reply.len_of(len);
    Ok(())
}
