//! Ranges by rank, score and member.

use super::{clip, lex_range, reply_element, reply_head, score_range};
use crate::command::flag::*;
use crate::command::{Args, Command, Error, Group, Keyed, Keys, Result, Run, access};
use crate::types::Sorted;
use crate::types::sorted::{LexRange, ScoreRange};
use std::ops::Range;

/// The commands of this file.
pub const COMMANDS: &[Command] =
    &[ZRANGE, ZRANGESTORE, ZREVRANGE, ZRANGEBYSCORE, ZREVRANGEBYSCORE, ZRANGEBYLEX, ZREVRANGEBYLEX];

const KEY: &[Keys] = &[Keys::one(1, access::RO | access::ACCESS)];
const COST: &str = "O(log(N)+M) for M of N members";

/// What a range's ends are.
#[derive(Clone, Copy, PartialEq)]
enum By {
    Rank,
    Score,
    Lex,
}

/// What a command of this file leaves open: its options say the rest.
#[derive(Clone, Copy)]
struct Form {
    /// `None` where BYSCORE and BYLEX choose.
    by: Option<By>,
    /// `None` where REV chooses.
    descending: Option<bool>,
    /// Whether WITHSCORES is known.
    scores: bool,
}

enum Ends<'a> {
    Rank(i64, i64),
    Score(ScoreRange),
    Lex(LexRange<'a>),
}

/// A range as it was asked for.
struct Query<'a> {
    ends: Ends<'a>,
    descending: bool,
    with_scores: bool,
    offset: i64,
    limit: i64,
}

impl<'a> Query<'a> {
    fn parse(args: &mut Args<'a>, form: Form) -> Result<Self> {
        let (mut min, mut max) = (args.bytes()?, args.bytes()?);
        let (mut by, mut descending, mut with_scores) = (form.by, form.descending, false);
        let (mut offset, mut limit) = (0, -1);
        while args.more() {
            if form.scores && args.word("WITHSCORES") {
                with_scores = true;
            } else if args.left() > 2 && args.word("LIMIT") {
                (offset, limit) = (args.int()?, args.int()?);
            } else if descending.is_none() && args.word("REV") {
                descending = Some(true);
            } else if by.is_none() && args.word("BYLEX") {
                by = Some(By::Lex);
            } else if by.is_none() && args.word("BYSCORE") {
                by = Some(By::Score);
            } else {
                return Err(Error::SYNTAX);
            }
        }
        let (by, descending) = (by.unwrap_or(By::Rank), descending.unwrap_or(false));
        if by == By::Rank && limit != -1 {
            return Err(Error::new(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ));
        }
        if by == By::Lex && with_scores {
            return Err(Error::new("ERR syntax error, WITHSCORES not supported in combination with BYLEX"));
        }
        if by != By::Rank && descending {
            (min, max) = (max, min);
        }
        let ends = match by {
            By::Rank => {
                let mut ends = Args::new(std::slice::from_ref(&min), 0);
                let start = ends.int()?;
                Ends::Rank(start, Args::new(std::slice::from_ref(&max), 0).int()?)
            }
            By::Score => Ends::Score(score_range(min, max)?),
            By::Lex => Ends::Lex(lex_range(min, max)?),
        };
        Ok(Query { ends, descending, with_scores, offset, limit })
    }

    /// How many elements of `all` the offset passes over. In the large form a negative one counts from the range's
    /// other end, as it does in Redis' skip list; in the small one it finds nothing.
    fn skip(&self, all: &Range<usize>, large: bool) -> Option<usize> {
        match usize::try_from(self.offset) {
            Ok(skip) => Some(skip.min(all.len())),
            Err(_) if !large => None,
            Err(_) => all.len().checked_sub(usize::try_from(self.offset.unsigned_abs()).ok()?),
        }
    }

    /// The ranks of the elements asked for.
    fn ranks(&self, sorted: &Sorted) -> Range<usize> {
        let all = match &self.ends {
            Ends::Rank(start, stop) => {
                let Range { start, end } = clip(*start, *stop, sorted.len());
                let len = sorted.len();
                return if self.descending { len - end..len - start } else { start..end };
            }
            Ends::Score(range) => sorted.ranks_by_score(range),
            Ends::Lex(range) => sorted.ranks_by_lex(range, self.descending),
        };
        let Some(skip) = self.skip(&all, sorted.is_large()) else { return 0..0 };
        // A negative limit is none.
        let take = usize::try_from(self.limit).unwrap_or(usize::MAX).min(all.len() - skip);
        if self.descending {
            all.end - skip - take..all.end - skip
        } else {
            all.start + skip..all.start + skip + take
        }
    }
}

fn range(cx: &mut Keyed<'_, '_>, form: Form) -> Result {
    let key = cx.args.bytes()?;
    let query = Query::parse(&mut cx.args, form)?;
    let Some(sorted) = cx.txn.read::<Sorted>(key)? else {
        cx.reply.array(0);
        return Ok(());
    };
    let ranks = query.ranks(sorted);
    reply_head(cx.reply, ranks.len(), query.with_scores);
    for (member, score) in sorted.iter(ranks, query.descending) {
        reply_element(cx.reply, member, score, query.with_scores);
    }
    Ok(())
}

const ZRANGE: Command = Command::new("ZRANGE", "zrange", Group::Sorted, Run::Keyed(zrange))
    .syntax(
        "key start:string stop:string [sortby@6.2.0: BYSCORE | BYLEX] [REV@6.2.0] \
         [LIMIT limit@6.2.0: offset count] [WITHSCORES]",
    )
    .flags(READ)
    .keys(KEY)
    .history(&[("6.2.0", "`BYSCORE`, `BYLEX`, `REV` and `LIMIT`.")])
    .doc("1.2.0", COST, "Returns members of a sorted set in a range of ranks, scores or members.");

fn zrange(cx: &mut Keyed<'_, '_>) -> Result {
    range(cx, Form { by: None, descending: None, scores: true })
}

const ZREVRANGE: Command = Command::new("ZREVRANGE", "zrevrange", Group::Sorted, Run::Keyed(zrevrange))
    .syntax("key start stop [WITHSCORES]")
    .flags(READ)
    .keys(KEY)
    .deprecated("6.2.0", "`ZRANGE` with the `REV` argument")
    .doc(
        "1.2.0",
        COST,
        "Returns members of a sorted set in a range of ranks, counted from the highest score.",
    );

fn zrevrange(cx: &mut Keyed<'_, '_>) -> Result {
    range(cx, Form { by: Some(By::Rank), descending: Some(true), scores: true })
}

const ZRANGEBYSCORE: Command =
    Command::new("ZRANGEBYSCORE", "zrangebyscore", Group::Sorted, Run::Keyed(zrangebyscore))
        .syntax("key min:double max:double [WITHSCORES@2.0.0] [LIMIT limit: offset count]")
        .flags(READ)
        .keys(KEY)
        .deprecated("6.2.0", "`ZRANGE` with the `BYSCORE` argument")
        .history(&[("2.0.0", "`WITHSCORES`.")])
        .doc("1.0.5", COST, "Returns members of a sorted set in a range of scores.");

fn zrangebyscore(cx: &mut Keyed<'_, '_>) -> Result {
    range(cx, Form { by: Some(By::Score), descending: Some(false), scores: true })
}

const ZREVRANGEBYSCORE: Command =
    Command::new("ZREVRANGEBYSCORE", "zrevrangebyscore", Group::Sorted, Run::Keyed(zrevrangebyscore))
        .syntax("key max:double min:double [WITHSCORES] [LIMIT limit: offset count]")
        .flags(READ)
        .keys(KEY)
        .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYSCORE` arguments")
        .history(&[("2.1.6", "Bounds that are not part of the range.")])
        .doc("2.2.0", COST, "Returns members of a sorted set in a range of scores, the highest first.");

fn zrevrangebyscore(cx: &mut Keyed<'_, '_>) -> Result {
    range(cx, Form { by: Some(By::Score), descending: Some(true), scores: true })
}

const ZRANGEBYLEX: Command =
    Command::new("ZRANGEBYLEX", "zrangebylex", Group::Sorted, Run::Keyed(zrangebylex))
        .syntax("key min max [LIMIT limit: offset count]")
        .flags(READ)
        .keys(KEY)
        .deprecated("6.2.0", "`ZRANGE` with the `BYLEX` argument")
        .doc("2.8.9", COST, "Returns members of a sorted set in a lexicographical range.");

fn zrangebylex(cx: &mut Keyed<'_, '_>) -> Result {
    range(cx, Form { by: Some(By::Lex), descending: Some(false), scores: true })
}

const ZREVRANGEBYLEX: Command =
    Command::new("ZREVRANGEBYLEX", "zrevrangebylex", Group::Sorted, Run::Keyed(zrevrangebylex))
        .syntax("key max min [LIMIT limit: offset count]")
        .flags(READ)
        .keys(KEY)
        .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYLEX` arguments")
        .doc("2.8.9", COST, "Returns members of a sorted set in a lexicographical range, the last first.");

fn zrevrangebylex(cx: &mut Keyed<'_, '_>) -> Result {
    range(cx, Form { by: Some(By::Lex), descending: Some(true), scores: true })
}

const ZRANGESTORE: Command =
    Command::new("ZRANGESTORE", "zrangestore", Group::Sorted, Run::Keyed(zrangestore))
        .syntax("dst src min max [sortby: BYSCORE | BYLEX] [REV] [LIMIT limit: offset count]")
        .flags(WRITE | GROWS)
        .keys(&[Keys::one(1, access::OW | access::UPDATE), Keys::one(2, access::RO | access::ACCESS)])
        .doc(
            "6.2.0",
            COST,
            "Stores members of a sorted set in a range of ranks, scores or members under another key.",
        );

fn zrangestore(cx: &mut Keyed<'_, '_>) -> Result {
    let (to, from) = (cx.args.bytes()?, cx.args.bytes()?);
    let query = Query::parse(&mut cx.args, Form { by: None, descending: None, scores: false })?;
    let source = cx.txn.read::<Sorted>(from)?;
    let elements: Vec<_> =
        source.into_iter().flat_map(|sorted| sorted.iter(query.ranks(sorted), false)).collect();
    let stored = Sorted::gathered(&elements, cx.txn.packing());
    cx.reply.len_of(stored.len());
    cx.txn.store_sorted(to, stored, cx.command.event);
    Ok(())
}
