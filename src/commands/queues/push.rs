//! Adding messages.

use super::{FULL, PAUSED, natural, once, reply_receipt};
use crate::command::flag::*;
use crate::command::{Args, Command, Error, Flow, Group, Keyed, Keys, Result, Run, access};
use crate::keyspace::Edit;
use crate::keyspace::edit::STEPS;
use crate::keyspace::txn::Progress;
use crate::types::Queue;
use crate::types::queue::{Body, Id, NAME_MAX, Push};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[QPUSH, QMPUSH];

const KEY: &[Keys] = &[Keys::one(1, access::RW | access::INSERT)];

const QPUSH: Command = Command::new("QPUSH", "qpush", Group::Queue, Run::Waiting(qpush))
    .syntax(
        "key body [DELAY milliseconds | AT unix-time-milliseconds] [TTL milliseconds] [PRI priority] \
         [GROUP group] [ID dedup-id] [ATTEMPTS attempts]",
    )
    .flags(WRITE | GROWS | FAST)
    .keys(KEY)
    .doc(
        "0.1.0",
        "O(log N) for N messages in the queue",
        "Adds a message to a queue, which is created when it is absent, and answers its id.",
    );

const QMPUSH: Command = Command::new("QMPUSH", "qmpush", Group::Queue, Run::Waiting(qmpush))
    .syntax(
        "key numbodies body [body ...] [DELAY milliseconds | AT unix-time-milliseconds] [TTL milliseconds] \
         [PRI priority] [GROUP group] [ATTEMPTS attempts]",
    )
    .flags(WRITE | GROWS | FAST)
    .keys(KEY)
    .event("qpush")
    .doc(
        "0.1.0",
        "O(M log N) for M messages added to N",
        "Adds all of several messages to a queue, or none of them, and answers their ids.",
    );

/// The options of a push.
#[derive(Default)]
struct Options<'a> {
    delay: Option<i64>,
    at: Option<i64>,
    ttl: Option<i64>,
    pri: Option<i64>,
    group: Option<&'a [u8]>,
    dedup: Option<&'a [u8]>,
    attempts: Option<i64>,
}

/// The priority of a message that names none.
const PRI: i64 = 5;

impl<'a> Options<'a> {
    fn parse(args: &mut Args<'a>, takes_id: bool) -> Result<Self> {
        const RANGE: Error = Error::new("ERR PRI must be between 0 and 9");
        const EXCLUSIVE: Error = Error::new("ERR DELAY and AT are exclusive");
        let mut options = Options::default();
        while args.more() {
            if args.word("DELAY") {
                once(&mut options.delay, natural(args, "DELAY")?)?;
            } else if args.word("AT") {
                once(&mut options.at, natural(args, "AT")?)?;
            } else if args.word("TTL") {
                once(&mut options.ttl, natural(args, "TTL")?)?;
            } else if args.word("PRI") {
                once(&mut options.pri, args.int_in(0..=9, RANGE)?)?;
            } else if args.word("GROUP") {
                once(&mut options.group, name(args, "GROUP")?)?;
            } else if takes_id && args.word("ID") {
                once(&mut options.dedup, name(args, "ID")?)?;
            } else if args.word("ATTEMPTS") {
                once(&mut options.attempts, natural(args, "ATTEMPTS")?)?;
            } else {
                return Err(Error::SYNTAX);
            }
        }
        if options.delay.is_some() && options.at.is_some() {
            return Err(EXCLUSIVE);
        }
        Ok(options)
    }

    /// The message with `body`, pushed to `queue` now.
    fn message(&self, body: &[u8], queue: &Edit<'_, Queue>) -> Push<'a> {
        let now_ms = queue.time_ms();
        let ttl_ms = self.ttl.unwrap_or(queue.value().settings().ttl_ms);
        let delayed = self.delay.map(|ms| now_ms.saturating_add(ms));
        Push {
            body: Body::new(body),
            pri: self.pri.unwrap_or(PRI) as u8,
            group: self.group,
            dedup: self.dedup,
            visible_at: delayed.or(self.at).unwrap_or(now_ms),
            expires_at: (ttl_ms > 0).then(|| now_ms.saturating_add(ttl_ms)),
            limit: self.attempts.map(|n| u32::try_from(n).unwrap_or(u32::MAX)),
        }
    }
}

/// Takes the name of a group, or a deduplication id.
fn name<'a>(args: &mut Args<'a>, option: &str) -> Result<&'a [u8]> {
    let name = args.bytes()?;
    if name.len() > NAME_MAX {
        return Err(Error::text(format!("ERR {option} is longer than {NAME_MAX} bytes")));
    }
    Ok(name)
}

fn qpush(cx: &mut Keyed<'_, '_>) -> Result<Flow> {
    let (key, body) = (cx.args.bytes()?, cx.args.bytes()?);
    let options = Options::parse(&mut cx.args, true)?;
    let mut queue = cx.txn.upsert_queue(key)?;
    admit(&mut queue, 1)?;
    if let Some(id) = options.dedup.and_then(|dedup| queue.value().known(dedup, queue.time_ms())) {
        queue.count_refused(1, 0);
        reply_receipt(cx.reply, id, None);
        return Ok(Flow::Done);
    }
    let Some(ids) = push(queue, &options, &[body])? else { return Ok(Flow::Again(Progress::default())) };
    ids.iter().for_each(|id| reply_receipt(cx.reply, *id, None));
    Ok(Flow::Done)
}

fn qmpush(cx: &mut Keyed<'_, '_>) -> Result<Flow> {
    const COUNT: Error = Error::new("ERR numbodies should be greater than 0");
    let key = cx.args.bytes()?;
    let count = cx.args.int_in(1.., COUNT)?;
    let bodies = cx.args.take(usize::try_from(count).unwrap_or(usize::MAX))?;
    let options = Options::parse(&mut cx.args, false)?;
    let mut queue = cx.txn.upsert_queue(key)?;
    admit(&mut queue, bodies.len())?;
    let Some(ids) = push(queue, &options, bodies)? else { return Ok(Flow::Again(Progress::default())) };
    cx.reply.array(ids.len());
    ids.iter().for_each(|id| reply_receipt(cx.reply, *id, None));
    Ok(Flow::Done)
}

/// Refuses pushes to a queue that is paused.
pub(super) fn admit(queue: &mut Edit<'_, Queue>, count: usize) -> Result {
    if queue.value().settings().pause.is_in() {
        queue.count_refused(0, count as u64);
        return Err(PAUSED);
    }
    Ok(())
}

/// Adds messages, for which a full queue may drop others; `None` when there is more to drop than is done at once.
fn push(mut queue: Edit<'_, Queue>, options: &Options<'_>, bodies: &[&[u8]]) -> Result<Option<Vec<Id>>> {
    let bytes = bodies.iter().map(|body| body.len() as u64).sum();
    if !make_room(&mut queue, bodies.len(), bytes)? {
        return Ok(None);
    }
    let pushes = bodies.iter().map(|body| options.message(body, &queue)).collect();
    Ok(Some(queue.push_all(pushes)))
}

/// Makes room for `count` messages with `bytes` of bodies in all; `false` when more has to be dropped for them.
pub(super) fn make_room(queue: &mut Edit<'_, Queue>, count: usize, bytes: u64) -> Result<bool> {
    let room = |queue: &Edit<'_, Queue>| queue.value().room_for(count, bytes, count.max(STEPS));
    match room(queue) {
        Some(0) => Ok(true),
        Some(dropped) => {
            queue.make_room(dropped);
            Ok(room(queue) == Some(0))
        }
        None => {
            queue.count_refused(0, count as u64);
            Err(FULL)
        }
    }
}
