//! Adding members, and changing scores.

use crate::base::number;
use crate::command::flag::*;
use crate::command::{Args, Command, Error, Group, Keyed, Keys, Result, Run, access};
use crate::keyspace::Edit;
use crate::types::Sorted;
use crate::types::sorted::Change;
use smallvec::SmallVec;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[ZADD, ZINCRBY];

const ZADD: Command = Command::new("ZADD", "zadd", Group::Sorted, Run::Keyed(zadd))
    .syntax(
        "key [condition@3.0.2: NX | XX] [comparison@6.2.0: GT | LT] [change=CH@3.0.2] [increment=INCR@3.0.2] \
         score member [data: score member ...]",
    )
    .flags(WRITE | GROWS | FAST)
    .keys(&[Keys::one(1, access::RW | access::UPDATE)])
    .members(0, 2)
    .in_order()
    .history(&[
        ("2.4.0", "Several members."),
        ("3.0.2", "`NX`, `XX`, `CH` and `INCR`."),
        ("6.2.0", "`GT` and `LT`."),
    ])
    .doc(
        "1.2.0",
        "O(log(N)) for each member, N being the size of the set",
        "Adds members with their scores to a sorted set, or gives members it has other scores.",
    );

const NOT_NUMBER: Error = Error::new("ERR resulting score is not a number (NaN)");

/// When ZADD and GEOADD write, and what they answer.
#[derive(Clone, Copy, Default)]
pub struct Options {
    /// Only members that are not there.
    pub only_new: bool,
    /// Only members that are there.
    pub only_old: bool,
    greater: bool,
    less: bool,
    /// Counts changed members too.
    pub changed: bool,
    increment: bool,
}

impl Options {
    fn parse(args: &mut Args<'_>) -> Self {
        let mut options = Options::default();
        loop {
            let flag = if args.word("NX") {
                &mut options.only_new
            } else if args.word("XX") {
                &mut options.only_old
            } else if args.word("GT") {
                &mut options.greater
            } else if args.word("LT") {
                &mut options.less
            } else if args.word("CH") {
                &mut options.changed
            } else if args.word("INCR") {
                &mut options.increment
            } else {
                return options;
            };
            *flag = true;
        }
    }

    fn check(&self, elements: usize) -> Result {
        if self.only_new && self.only_old {
            return Err(Error::new("ERR XX and NX options at the same time are not compatible"));
        }
        if u8::from(self.greater) + u8::from(self.less) + u8::from(self.only_new) > 1 {
            return Err(Error::new("ERR GT, LT, and/or NX options at the same time are not compatible"));
        }
        if self.increment && elements > 1 {
            return Err(Error::new("ERR INCR option supports a single increment-element pair"));
        }
        Ok(())
    }

    /// The score a member gets that has `old` and is given `score`; `None` to leave it alone.
    fn decide(&self, old: Option<f64>, score: f64) -> Option<f64> {
        let Some(old) = old else { return (!self.only_old).then_some(score) };
        let score = if self.increment { old + score } else { score };
        let refused = self.only_new || (self.greater && score <= old) || (self.less && score >= old);
        (!refused).then_some(score)
    }
}

fn zadd(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    let options = Options::parse(&mut cx.args);
    let pairs = cx.args.rest();
    if pairs.is_empty() || !pairs.len().is_multiple_of(2) {
        return Err(Error::SYNTAX);
    }
    options.check(pairs.len() / 2)?;
    let scores = pairs.iter().step_by(2).map(|score| number::parse_f64(score).ok_or(Error::NOT_FLOAT));
    let scores: SmallVec<[f64; 8]> = scores.collect::<Result<_>>()?;
    let members = pairs.iter().skip(1).step_by(2).copied();
    if options.increment {
        return increment(cx, key, &options, scores[0], pairs[1]);
    }
    let added = add(cx, key, &options, scores.into_iter().zip(members))?;
    cx.reply.len_of(added);
    Ok(())
}

/// Adds members with their scores; returns how many are new, or changed too if the options say so.
pub fn add<'a>(
    cx: &mut Keyed<'_, '_>,
    key: &[u8],
    options: &Options,
    elements: impl ExactSizeIterator<Item = (f64, &'a [u8])>,
) -> Result<usize> {
    let Some(mut sorted) = open(cx, key, options)? else { return Ok(0) };
    if elements.len() > 1 {
        sorted.expect(elements.len());
    }
    let mut count = 0;
    for (score, member) in elements {
        count += match sorted.rescore(member, |old| options.decide(old, score)) {
            Change::Added(_) => 1,
            Change::Updated(_) => usize::from(options.changed),
            Change::None => 0,
        };
    }
    Ok(count)
}

fn open<'t>(cx: &'t mut Keyed<'_, '_>, key: &'t [u8], options: &Options) -> Result<Option<Edit<'t, Sorted>>> {
    if options.only_old { cx.txn.edit(key) } else { cx.txn.upsert(key).map(Some) }
}

/// Adds to the score of one member and answers it; null where the options forbid it.
fn increment(cx: &mut Keyed<'_, '_>, key: &[u8], options: &Options, increment: f64, member: &[u8]) -> Result {
    let mut new = None;
    if let Some(sorted) = open(cx, key, options)? {
        sorted.named("zincr").rescore(member, |old| {
            new = options.decide(old, increment);
            // An infinity and its opposite: nothing changes.
            new.filter(|score| !score.is_nan())
        });
    }
    match new {
        Some(score) if score.is_nan() => return Err(NOT_NUMBER),
        Some(score) => cx.reply.double(score),
        None => cx.reply.null(),
    }
    Ok(())
}

const ZINCRBY: Command = Command::new("ZINCRBY", "zincrby", Group::Sorted, Run::Keyed(zincrby))
    .syntax("key increment member")
    .flags(WRITE | GROWS | FAST)
    .keys(&[Keys::one(1, access::RW | access::ACCESS | access::UPDATE)])
    .members(0, 2)
    .in_order()
    .doc(
        "1.2.0",
        "O(log(N)), N being the size of the set",
        "Adds to the score of a member of a sorted set; 0 when it is absent.",
    );

fn zincrby(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, by, member) = (cx.args.bytes()?, cx.args.float()?, cx.args.bytes()?);
    increment(cx, key, &Options { increment: true, ..Options::default() }, by, member)
}
