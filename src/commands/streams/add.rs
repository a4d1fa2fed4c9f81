//! Appending entries, and setting the counters they are numbered by.

use super::producer::Sender;
use super::remove::Options;
use super::{INVALID_ID, parse_id, reply_id};
use crate::base::number;
use crate::base::text::until_nul;
use crate::command::flag::*;
use crate::command::{Args, Command, Error, Group, Keyed, Keys, Result, Run, access};
use crate::types::Stream;
use crate::types::stream::Id;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[XADD, XSETID];

const KEY: &[Keys] = &[Keys::one(1, access::RW | access::UPDATE)];
const TRIMMED: &[Keys] =
    &[Keys::one(1, access::RW | access::UPDATE).note("May remove entries, by MAXLEN or MINID")];

const XADD: Command = Command::new("XADD", "xadd", Group::Stream, Run::Keyed(xadd))
    .syntax(
        "key [NOMKSTREAM@6.2.0] [KEEPREF | DELREF | ACKED] [idmp: IDMPAUTO pid | IDMP pid iid] \
         [trim: <strategy: MAXLEN | MINID@6.2.0> [operator: equal== | approximately=~] threshold \
         [LIMIT@6.2.0 count]] <id-selector: auto-id=* | id> field value [data: field value ...]",
    )
    .flags(WRITE | GROWS | FAST)
    .keys(TRIMMED)
    .tips(&["nondeterministic_output"])
    .history(&[
        ("6.2.0", "`NOMKSTREAM`, `MINID` and `LIMIT`."),
        ("7.0.0", "Ids of which the server draws the second part."),
    ])
    .doc(
        "5.0.0",
        "O(1), and O(N) for N entries trimmed",
        "Appends an entry to a stream, which is created when it is absent.",
    );

/// Bytes of text that an entry may have.
const TEXT_MAX: usize = 1 << 30;

/// The id an entry is to have.
enum NewId {
    /// `*`
    Auto,
    /// `ms-*`
    AutoSeq(u64),
    /// `ms-seq` or `ms`
    Given(Id),
}

impl NewId {
    fn parse(text: &[u8]) -> Result<NewId> {
        match until_nul(text) {
            b"*" => Ok(NewId::Auto),
            [ms @ .., b'-', b'*'] => Ok(NewId::AutoSeq(number::parse_u64(ms).ok_or(INVALID_ID)?)),
            _ => parse_id(text, 0).map(NewId::Given),
        }
    }

    /// The id itself, in a stream whose last is `last`; not greater than that where there is none.
    fn resolve(self, last: Id, now_ms: i64) -> Id {
        match self {
            NewId::Given(id) => id,
            NewId::AutoSeq(ms) if ms == last.ms => last.next().filter(|id| id.ms == ms).unwrap_or(last),
            NewId::AutoSeq(ms) => Id::new(ms, 0),
            NewId::Auto => match u64::try_from(now_ms) {
                Ok(ms) if ms > last.ms => Id::new(ms, 0),
                _ => last.next().unwrap_or(last),
            },
        }
    }
}

fn xadd(cx: &mut Keyed<'_, '_>) -> Result {
    const ZERO: Error = Error::new("ERR The ID specified in XADD must be greater than 0-0");
    const EXHAUSTED: Error =
        Error::new("ERR The stream has exhausted the last possible ID, unable to add more items");
    const SMALL: Error =
        Error::new("ERR The ID specified in XADD is equal or smaller than the target stream top item");
    let key = cx.args.bytes()?;
    let is_imported = cx.txn.is_imported();
    let Adding { options, create, sender, id } = Adding::parse(&mut cx.args, is_imported)?;
    let pairs = cx.args.rest();
    if pairs.is_empty() || !pairs.len().is_multiple_of(2) {
        return Err(Error::arity("xadd"));
    }
    if matches!(id, NewId::Given(Id::MIN)) {
        return Err(ZERO);
    }
    if pairs.iter().map(|text| text.len()).sum::<usize>() > TEXT_MAX {
        return Err(Error::new("ERR Elements are too large to be stored"));
    }
    if !create && cx.txn.edit::<Stream>(key)?.is_none() {
        cx.reply.null();
        return Ok(());
    }
    let now_ms = cx.txn.now_ms();
    let mut stream = cx.txn.upsert::<Stream>(key)?;
    let sent = sender.map(|sender| sender.send(pairs));
    if let Some(sent) = &sent {
        let known = match id {
            _ if !is_imported => sent.before(stream.value(), now_ms),
            // Files tell the id of an entry that was added then, and none of one that was known.
            NewId::Auto => Some(sent.before(stream.value(), 0).unwrap_or(Id::MIN)),
            _ => None,
        };
        if let Some(id) = known {
            stream.quietly().count_repeated();
            reply_id(cx.reply, id);
            return Ok(());
        }
    }
    let last = stream.value().last_id();
    if last == Id::MAX {
        return Err(EXHAUSTED);
    }
    let id = id.resolve(last, now_ms);
    if !stream.append(id, pairs) {
        return Err(SMALL);
    }
    sent.into_iter().for_each(|sent| stream.counting(0, |stream| sent.note(stream, id)));
    if let Some(trim) = options.trim(stream.packing())
        && stream.counting(0, |stream| stream.trim(&trim)) > 0
    {
        stream.follow_with("xtrim");
    }
    reply_id(cx.reply, id);
    Ok(())
}

/// What XADD is asked for, but for the fields.
struct Adding<'a> {
    options: Options,
    /// Whether to create the stream.
    create: bool,
    sender: Option<Sender<'a>>,
    id: NewId,
}

impl<'a> Adding<'a> {
    /// Parses the words up to the id. One that is given goes with a producer's name only in Redis' own files, which tell
    /// the one that was made.
    fn parse(args: &mut Args<'a>, is_imported: bool) -> Result<Self> {
        const GIVEN: Error =
            Error::new("ERR syntax error, IDMP/IDMPAUTO can be used only with auto-generated IDs");
        let (mut options, mut create, mut sender) = (Options::default(), true, None);
        loop {
            if args.word("NOMKSTREAM") {
                create = false;
            } else if !options.take(args)? && !Sender::take(&mut sender, args)? {
                break;
            }
        }
        let id = NewId::parse(args.bytes()?)?;
        if sender.is_some() && !is_imported && !matches!(id, NewId::Auto) {
            return Err(GIVEN);
        }
        options.check()?;
        Ok(Self { options, create, sender, id })
    }
}

const XSETID: Command = Command::new("XSETID", "xsetid", Group::Stream, Run::Keyed(xsetid))
    .syntax("key last-id [ENTRIESADDED@7.0.0 entries-added:integer] [MAXDELETEDID@7.0.0 max-deleted-id]")
    .flags(WRITE | GROWS | FAST)
    .keys(KEY)
    .history(&[("7.0.0", "`ENTRIESADDED` and `MAXDELETEDID`.")])
    .doc("5.0.0", "O(1)", "Sets the last id of a stream; for the use of replication.");

fn xsetid(cx: &mut Keyed<'_, '_>) -> Result {
    const BEHIND_DELETED: Error =
        Error::new("ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id");
    const BEHIND_OLD_DELETED: Error =
        Error::new("ERR The ID specified in XSETID is smaller than current max_deleted_entry_id");
    const BEHIND_TOP: Error =
        Error::new("ERR The ID specified in XSETID is smaller than the target stream top item");
    const FEWER: Error =
        Error::new("ERR The entries_added specified in XSETID is smaller than the target stream length");
    let key = cx.args.bytes()?;
    let id = parse_id(cx.args.bytes()?, 0)?;
    let (mut added, mut deleted) = (None, None);
    while cx.args.more() {
        if cx.args.left() > 1 && cx.args.word("ENTRIESADDED") {
            let n = cx.args.int_in(0.., Error::new("ERR entries_added must be positive"))?;
            added = Some(n as u64);
        } else if cx.args.left() > 1 && cx.args.word("MAXDELETEDID") {
            let max = parse_id(cx.args.bytes()?, 0)?;
            if id < max {
                return Err(BEHIND_DELETED);
            }
            deleted = Some(max).filter(|max| *max != Id::MIN);
        } else {
            return Err(Error::SYNTAX);
        }
    }
    let mut stream = cx.txn.edit::<Stream>(key)?.ok_or(Error::NO_SUCH_KEY)?.beside().waking_nobody();
    let value = stream.value();
    if id < value.max_deleted_id() {
        return Err(BEHIND_OLD_DELETED);
    }
    if value.last().is_some_and(|top| id < top.id) {
        return Err(BEHIND_TOP);
    }
    if added.is_some_and(|added| value.len() > added) {
        return Err(FEWER);
    }
    stream.set_id(id, added, deleted);
    cx.reply.ok();
    Ok(())
}
