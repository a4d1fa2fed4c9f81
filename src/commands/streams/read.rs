//! Reading streams by ids.

use super::{int_or, parse_bound, parse_id, reply_entry};
use crate::base::text::until_nul;
use crate::command::flag::*;
use crate::command::{Args, Command, Error, Flow, Group, Keyed, Keys, Reply, Result, Run, access};
use crate::keyspace::Kind;
use crate::keyspace::waiters::Wait;
use crate::types::Stream;
use crate::types::stream::Id;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[XLEN, XRANGE, XREVRANGE, XREAD];

const XLEN: Command = Command::new("XLEN", "xlen", Group::Stream, Run::Keyed(xlen))
    .syntax("key")
    .flags(READ | FAST)
    .keys(&[Keys::one(1, access::RO)])
    .doc("5.0.0", "O(1)", "Returns the number of entries of a stream.");

fn xlen(cx: &mut Keyed<'_, '_>) -> Result {
    let stream = cx.txn.read::<Stream>(cx.args.bytes()?)?;
    cx.reply.int(stream.map_or(0, Stream::len) as i64);
    Ok(())
}

const XRANGE: Command = Command::new("XRANGE", "xrange", Group::Stream, Run::Keyed(xrange))
    .syntax("key start:string end:string [COUNT count]")
    .flags(READ)
    .keys(&[Keys::one(1, access::RO | access::ACCESS)])
    .history(&[("6.2.0", "Bounds that are not part of the range.")])
    .doc("5.0.0", "O(N) for N entries returned", "Returns the entries between two ids of a stream.");

fn xrange(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, start, end) = (cx.args.bytes()?, cx.args.bytes()?, cx.args.bytes()?);
    range(cx, key, start, end, false)
}

const XREVRANGE: Command = Command::new("XREVRANGE", "xrevrange", Group::Stream, Run::Keyed(xrevrange))
    .syntax("key end:string start:string [COUNT count]")
    .flags(READ)
    .keys(&[Keys::one(1, access::RO | access::ACCESS)])
    .history(&[("6.2.0", "Bounds that are not part of the range.")])
    .doc(
        "5.0.0",
        "O(N) for N entries returned",
        "Returns the entries between two ids of a stream, the newest first.",
    );

fn xrevrange(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, end, start) = (cx.args.bytes()?, cx.args.bytes()?, cx.args.bytes()?);
    range(cx, key, start, end, true)
}

fn range(cx: &mut Keyed<'_, '_>, key: &[u8], start: &[u8], end: &[u8], reversed: bool) -> Result {
    let (start, end) = (parse_bound(start, true)?, parse_bound(end, false)?);
    let mut count = usize::MAX;
    while cx.args.more() {
        if cx.args.left() < 2 || !cx.args.word("COUNT") {
            return Err(Error::SYNTAX);
        }
        count = cx.args.int()?.max(0) as usize;
    }
    let Some(stream) = cx.txn.read::<Stream>(key)? else {
        cx.reply.array(0);
        return Ok(());
    };
    if count == 0 {
        cx.reply.null_array();
        return Ok(());
    }
    let entries = stream.range(start, end);
    cx.reply.counted(Reply::array, |reply| {
        Ok(match reversed {
            false => entries.take(count).map(|entry| reply_entry(reply, &entry)).count(),
            true => entries.rev().take(count).map(|entry| reply_entry(reply, &entry)).count(),
        })
    })
}

const XREAD: Command = Command::new("XREAD", "xread", Group::Stream, Run::Waiting(xread))
    .syntax("[COUNT count] [BLOCK milliseconds] STREAMS streams: key [key ...] id [id ...]")
    .flags(READ | BLOCKING)
    .keys(&[Keys::half_after("STREAMS", 1, access::RO | access::ACCESS)])
    .doc(
        "5.0.0",
        "O(N) for N entries returned",
        "Returns the entries behind given ids of several streams; waits until there are some.",
    );

/// What XREAD and XREADGROUP are asked for.
pub(super) struct Request<'a> {
    /// How many entries of each stream; 0 for any number.
    pub count: usize,
    /// Milliseconds to wait, 0 for ever; `None` not to wait.
    pub block_ms: Option<u64>,
    /// The group and the consumer.
    pub group: Option<(&'a [u8], &'a [u8])>,
    pub no_ack: bool,
    /// Entries pending for that many milliseconds are to be delivered as well.
    pub claim_ms: Option<u64>,
    pub keys: &'a [&'a [u8]],
    pub ids: &'a [&'a [u8]],
}

impl<'a> Request<'a> {
    pub(super) fn parse(args: &mut Args<'a>, name: &str, is_group: bool) -> Result<Self> {
        const GROUP: Error =
            Error::new("ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.");
        const CLAIM: Error =
            Error::new("ERR The CLAIM option is only supported by XREADGROUP. You called XREAD instead.");
        const NOACK: Error =
            Error::new("ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.");
        let mut request = Request {
            count: 0,
            block_ms: None,
            group: None,
            no_ack: false,
            claim_ms: None,
            keys: &[],
            ids: &[],
        };
        loop {
            if args.left() > 1 && args.word("BLOCK") {
                request.block_ms = Some(block_ms(args)?);
            } else if args.left() > 1 && args.word("COUNT") {
                request.count = args.int()?.max(0) as usize;
            } else if args.left() > 1 && args.word("STREAMS") {
                break;
            } else if args.left() > 2 && args.word("GROUP") {
                request.group = Some((args.bytes()?, args.bytes()?));
                if !is_group {
                    return Err(GROUP);
                }
            } else if args.word("NOACK") {
                request.no_ack = true;
                if !is_group {
                    return Err(NOACK);
                }
            } else if args.left() > 1 && args.word("CLAIM") {
                if !is_group {
                    return Err(CLAIM);
                }
                const NEGATIVE: Error = Error::new("ERR min-idle-time must be a positive integer");
                let ms = int_or(args, "ERR min-idle-time is not an integer or out of range")?;
                request.claim_ms = Some(u64::try_from(ms).map_err(|_| NEGATIVE)?);
            } else {
                return Err(Error::SYNTAX);
            }
        }
        if !args.left().is_multiple_of(2) {
            let choice = if is_group { "an ID or '>'" } else { "an ID, '+', or '$'" };
            return Err(Error::text(format!(
                "ERR Unbalanced '{name}' list of streams: for each stream key {choice} must be specified."
            )));
        }
        request.keys = args.take(args.left() / 2)?;
        request.ids = args.rest();
        if is_group && request.group.is_none() {
            return Err(Error::new("ERR Missing GROUP option for XREADGROUP"));
        }
        Ok(request)
    }

    /// How many entries of each stream, at most.
    pub(super) fn limit(&self) -> usize {
        if self.count == 0 { usize::MAX } else { self.count }
    }
}

/// Takes the milliseconds to wait.
fn block_ms(args: &mut Args<'_>) -> Result<u64> {
    const NUMBER: Error = Error::new("ERR timeout is not an integer or out of range");
    let ms = args.int().map_err(|_| NUMBER)?;
    u64::try_from(ms).map_err(|_| Error::new("ERR timeout is negative"))
}

fn xread(cx: &mut Keyed<'_, '_>) -> Result<Flow> {
    const ONLY_GROUP: Error = Error::new(
        "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
    );
    let request = Request::parse(&mut cx.args, "xread", false)?;
    let mut after = Vec::with_capacity(request.ids.len());
    for (key, id) in request.keys.iter().zip(request.ids) {
        let stream = cx.txn.read::<Stream>(key)?;
        after.push(match until_nul(id) {
            b"$" => stream.map_or(Id::MIN, Stream::last_id),
            b"+" => stream.and_then(Stream::last).and_then(|last| last.id.prev()).unwrap_or(Id::MIN),
            b">" => return Err(ONLY_GROUP),
            id => parse_id(id, 0)?,
        });
    }
    let served: Vec<(&[u8], &Stream, Id)> = request
        .keys
        .iter()
        .zip(&after)
        .filter_map(|(key, after)| {
            let stream = cx.txn.read::<Stream>(key).ok().flatten()?;
            stream.last().filter(|last| last.id > *after)?;
            Some((*key, stream, after.next()?))
        })
        .collect();
    if served.is_empty() {
        return Ok(request.wait(cx, &after, None));
    }
    let resp3 = cx.reply.is_resp3();
    if resp3 {
        cx.reply.map(served.len())
    } else {
        cx.reply.array(served.len())
    }
    for (key, stream, start) in served {
        if !resp3 {
            cx.reply.array(2);
        }
        cx.reply.bulk(key);
        let entries = stream.range(start, Id::MAX).take(request.limit());
        cx.reply.array(entries.clone().count());
        entries.for_each(|entry| reply_entry(cx.reply, &entry));
    }
    Ok(Flow::Done)
}

impl Request<'_> {
    /// Waits, if it is to wait, for entries behind the ids `after`, and looks again in `again_ms`.
    pub(super) fn wait(&self, cx: &mut Keyed<'_, '_>, after: &[Id], again_ms: Option<u64>) -> Flow {
        let Some(block_ms) = self.block_ms else {
            cx.reply.null_array();
            return Flow::Done;
        };
        let mut wait = Wait::new(Kind::Stream, block_ms);
        // A group that goes with its key is an error to those who wait for it.
        wait.on_removal = self.group.is_some();
        wait.again_ms = again_ms;
        let is_last = |id: &[u8]| until_nul(id) == b"$";
        if self.ids.iter().any(|id| is_last(id)) {
            // `$` means what it means now, also when the command runs again.
            let mut argv: Vec<Box<[u8]>> = cx.args.argv().iter().map(|word| Box::from(*word)).collect();
            let first = argv.len() - self.ids.len();
            for (at, id) in after.iter().enumerate().filter(|(at, _)| is_last(self.ids[*at])) {
                argv[first + at] = id.to_string().into_bytes().into();
            }
            wait.argv = Some(argv);
        }
        Flow::Wait(wait)
    }
}
