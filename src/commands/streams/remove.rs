//! Removing entries: the oldest ones, or single ones.

use super::{parse_id, parse_ids};
use crate::command::flag::*;
use crate::command::{Args, Command, Error, Group, Keyed, Keys, Reply, Result, Run, access};
use crate::keyspace::Edit;
use crate::types::stream::{Deleted, Id, References, Trim, Until};
use crate::types::{Packing, Stream};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[XTRIM, XDEL, XDELEX];

const KEY: &[Keys] = &[Keys::one(1, access::RW | access::DELETE)];

/// Takes `KEEPREF`, `DELREF` or `ACKED` into `given`, if one is next and none was given before.
fn take_references(given: &mut Option<References>, args: &mut Args<'_>) -> bool {
    const WORDS: [(&str, References); 3] =
        [("KEEPREF", References::Keep), ("DELREF", References::Delete), ("ACKED", References::Acked)];
    if given.is_none() {
        *given = WORDS.into_iter().find(|(word, _)| args.word(word)).map(|(_, references)| references);
        return given.is_some();
    }
    false
}

const NO_TRIM: Error =
    Error::new("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy");

/// How XADD and XTRIM are asked to trim.
#[derive(Default)]
pub(super) struct Options {
    until: Option<Until>,
    approximate: bool,
    limit: Option<u64>,
    references: Option<References>,
}

impl Options {
    /// Takes one of `MAXLEN`, `MINID` and `LIMIT` with its arguments, or what becomes of references; `false` when something
    /// else is next.
    pub(super) fn take(&mut self, args: &mut Args<'_>) -> Result<bool> {
        const TWICE: Error =
            Error::new("ERR syntax error, MAXLEN and MINID options at the same time are not compatible");
        const NEGATIVE: Error = Error::new("ERR The MAXLEN argument must be >= 0.");
        const LIMIT: Error = Error::new("ERR The LIMIT argument must be >= 0.");
        if take_references(&mut self.references, args) {
            return Ok(true);
        }
        if args.left() < 2 {
            return Ok(false);
        }
        if args.word("LIMIT") {
            self.limit = Some(args.int_in(0.., LIMIT)? as u64);
            return Ok(true);
        }
        let by_len = args.word("MAXLEN");
        if !by_len && !args.word("MINID") {
            return Ok(false);
        }
        if self.until.is_some() {
            return Err(TWICE);
        }
        self.approximate = args.left() >= 2 && args.word("~");
        if !self.approximate && args.left() >= 2 {
            args.word("=");
        }
        self.until = Some(match by_len {
            true => Until::MaxLen(args.int_in(0.., NEGATIVE)? as u64),
            false => Until::MinId(parse_id(args.bytes()?, 0)?),
        });
        Ok(true)
    }

    /// Whether the options go together.
    pub(super) fn check(&self) -> Result {
        const EXACT: Error =
            Error::new("ERR syntax error, LIMIT cannot be used without the special ~ option");
        match self.limit {
            Some(1..) if self.until.is_none() => Err(NO_TRIM),
            Some(_) if !self.approximate => Err(EXACT),
            _ => Ok(()),
        }
    }

    /// The trimming they ask for, if any.
    pub(super) fn trim(&self, packing: &Packing) -> Option<Trim> {
        let limit = match self.limit {
            Some(limit) => limit,
            // Approximate trimming does not take long: it stops after about a hundred blocks.
            None if self.approximate => match packing.stream_node_max_entries().saturating_mul(100) {
                ..=0 => 10_000,
                entries => entries.min(1_000_000) as u64,
            },
            None => 0,
        };
        Some(Trim {
            until: self.until?,
            approximate: self.approximate,
            limit,
            references: self.references.unwrap_or_default(),
        })
    }
}

const XTRIM: Command = Command::new("XTRIM", "xtrim", Group::Stream, Run::Keyed(xtrim))
    .syntax(
        "key <trim: <strategy: MAXLEN | MINID@6.2.0> [operator: equal== | approximately=~] threshold \
         [LIMIT@6.2.0 count] [KEEPREF | DELREF | ACKED]>",
    )
    .flags(WRITE)
    .keys(KEY)
    .tips(&["nondeterministic_output"])
    .history(&[("6.2.0", "`MINID` and `LIMIT`.")])
    .doc(
        "5.0.0",
        "O(N) for N entries removed, which go by whole blocks",
        "Removes the oldest entries of a stream.",
    );

fn xtrim(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    let mut options = Options::default();
    while cx.args.more() {
        if !options.take(&mut cx.args)? {
            return Err(Error::SYNTAX);
        }
    }
    let Some(trim) = options.trim(cx.txn.packing()) else {
        const NEEDED: Error = Error::new("ERR syntax error, XTRIM must be called with a trimming strategy");
        return Err(if options.limit.unwrap_or(0) > 0 { NO_TRIM } else { NEEDED });
    };
    options.check()?;
    let removed = cx.txn.edit::<Stream>(key)?.map_or(0, |stream| stream.waking_nobody().trim(&trim));
    cx.reply.int(removed as i64);
    Ok(())
}

const XDEL: Command = Command::new("XDEL", "xdel", Group::Stream, Run::Keyed(xdel))
    .syntax("key id [id ...]")
    .flags(WRITE | FAST)
    .keys(KEY)
    .doc("5.0.0", "O(1) for each entry", "Removes entries from a stream.");

fn xdel(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    let Some(stream) = cx.txn.edit::<Stream>(key)? else {
        cx.reply.int(0);
        return Ok(());
    };
    let mut stream = stream.waking_nobody();
    let ids = parse_ids(cx.args.rest())?;
    let removed = ids.iter().filter(|id| stream.delete(**id, References::Keep) == Deleted::Done).count();
    cx.reply.len_of(removed);
    Ok(())
}

const XDELEX: Command = Command::new("XDELEX", "xdelex", Group::Stream, Run::Keyed(xdelex))
    .syntax("key [KEEPREF | DELREF | ACKED] IDS ids: numids:integer id [id ...]")
    .flags(WRITE | FAST)
    .keys(KEY)
    .event("xdel")
    .doc(
        "8.2.0",
        "O(1) for each entry and group",
        "Removes entries from a stream, and says what becomes of groups' references to them.",
    );

fn xdelex(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    let stream = cx.txn.edit::<Stream>(key)?;
    let (references, ids) = take_references_and_ids(&mut cx.args)?;
    let Some(stream) = stream else {
        reply_absent(cx.reply, ids.len());
        return Ok(());
    };
    let ids = parse_ids(ids)?;
    let mut stream = stream.quietly();
    cx.reply.array(ids.len());
    ids.iter().for_each(|id| cx.reply.int(answer(remove(&mut stream, *id, references))));
    Ok(())
}

/// Removes the entry `id`. Only that it is gone now is an event: not that references to it are.
pub(super) fn remove(stream: &mut Edit<'_, Stream>, id: Id, references: References) -> Deleted {
    let deleted = stream.delete(id, references);
    if deleted == Deleted::Done {
        stream.aloud();
    }
    deleted
}

/// Answers that none of `count` entries is there.
pub(super) fn reply_absent(reply: &mut Reply, count: usize) {
    reply.array(count);
    (0..count).for_each(|_| reply.int(-1));
}

/// How XDELEX and XACKDEL tell what became of an entry.
pub(super) fn answer(deleted: Deleted) -> i64 {
    match deleted {
        Deleted::Absent => -1,
        Deleted::Done => 1,
        Deleted::Referenced => 2,
    }
}

/// Takes `[KEEPREF | DELREF | ACKED] IDS numids id [id ...]`, in either order. The ids are not looked at yet; of
/// several lists of them the last one counts.
pub(super) fn take_references_and_ids<'a>(args: &mut Args<'a>) -> Result<(References, &'a [&'a [u8]])> {
    const COUNT: Error = Error::new("ERR Number of IDs must be a positive integer");
    const FEWER: Error = Error::new("ERR The `numids` parameter must match the number of arguments");
    let (mut given, mut ids) = (None, None);
    while args.more() {
        if take_references(&mut given, args) {
            continue;
        }
        if args.left() < 2 || !args.word("IDS") {
            return Err(Error::SYNTAX);
        }
        let count = args.int_in(1.., COUNT).map_err(|_| COUNT)?;
        ids = Some(args.take(usize::try_from(count).unwrap_or(usize::MAX)).map_err(|_| FEWER)?);
    }
    Ok((given.unwrap_or_default(), ids.ok_or(Error::new("ERR IDS option is required"))?))
}
