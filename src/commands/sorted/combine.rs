//! Unions, intersections and differences.

use super::{reply_element, reply_head};
use crate::base::number;
use crate::command::flag::*;
use crate::command::{Args, Command, Error, Group, Keyed, Keys, Result, Run, access};
use crate::keyspace::{DataType, Txn};
use crate::types::{Item, Set, Sorted};
use ahash::RandomState;
use std::collections::HashMap;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[ZUNION, ZINTER, ZDIFF, ZUNIONSTORE, ZINTERSTORE, ZDIFFSTORE, ZINTERCARD];

const FROM: u16 = access::RO | access::ACCESS;
const READS: &[Keys] = &[Keys::counted(1, FROM)];
const STORES: &[Keys] = &[Keys::one(1, access::OW | access::UPDATE), Keys::counted(2, FROM)];

/// One of the sorted sets that are combined; or a set, whose members all have the score 1.
#[derive(Clone, Copy)]
enum Source<'a> {
    Absent,
    Sorted(&'a Sorted),
    Set(&'a Set),
}

impl<'a> Source<'a> {
    fn read(txn: &'a Txn<'_>, key: &[u8]) -> Result<Self> {
        let Some(entry) = txn.entry(key) else { return Ok(Source::Absent) };
        let sorted = <Sorted as DataType>::view(entry).map(Source::Sorted);
        sorted.or_else(|| <Set as DataType>::view(entry).map(Source::Set)).ok_or(Error::WRONG_TYPE)
    }

    fn len(self) -> usize {
        match self {
            Source::Absent => 0,
            Source::Sorted(sorted) => sorted.len(),
            Source::Set(set) => set.len(),
        }
    }

    fn score(self, member: Item<'_>) -> Option<f64> {
        match self {
            Source::Absent => None,
            Source::Sorted(sorted) => sorted.score(member.text().as_bytes()),
            Source::Set(set) => set.contains(member.text().as_bytes()).then_some(1.0),
        }
    }

    /// Calls `visit` with all members and scores, until it answers false.
    fn walk(self, mut visit: impl FnMut(Item<'a>, f64) -> bool) {
        match self {
            Source::Absent => {}
            Source::Sorted(sorted) => {
                sorted.iter(0..sorted.len(), false).all(|(member, score)| visit(member, score));
            }
            Source::Set(set) => {
                set.iter().all(|member| visit(member, 1.0));
            }
        }
    }
}

/// How the scores of one member become one.
#[derive(Clone, Copy)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    fn of(self, a: f64, b: f64) -> f64 {
        match self {
            // The sum of an infinity and its opposite counts as 0.
            Aggregate::Sum => zero_if_nan(a + b),
            Aggregate::Min => {
                if b < a {
                    b
                } else {
                    a
                }
            }
            Aggregate::Max => {
                if b > a {
                    b
                } else {
                    a
                }
            }
        }
    }
}

fn zero_if_nan(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// What to do with the sources.
#[derive(Clone, Copy, PartialEq)]
enum Combine {
    Union,
    Inter,
    Diff,
}

/// What a combination is for: decides which options it takes.
#[derive(Clone, Copy, PartialEq)]
enum Purpose {
    Reply,
    Store,
    Count,
}

/// A combination as it was asked for.
struct Query<'a> {
    combine: Combine,
    /// With their weights.
    sources: Vec<(Source<'a>, f64)>,
    aggregate: Aggregate,
    with_scores: bool,
    limit: usize,
}

impl<'a> Query<'a> {
    fn parse(
        args: &mut Args<'_>,
        txn: &'a Txn<'_>,
        command: &Command,
        combine: Combine,
        purpose: Purpose,
    ) -> Result<Self> {
        let n = args.int()?;
        if n < 1 {
            let name = command.full_name;
            return Err(Error::text(format!("ERR at least 1 input key is needed for '{name}' command")));
        }
        let keys = args.take(usize::try_from(n).unwrap_or(usize::MAX))?;
        let sources = keys.iter().map(|key| Ok((Source::read(txn, key)?, 1.0)));
        let mut query = Query {
            combine,
            sources: sources.collect::<Result<_>>()?,
            aggregate: Aggregate::Sum,
            with_scores: false,
            limit: usize::MAX,
        };
        while args.more() {
            query.option(args, purpose)?;
        }
        if combine != Combine::Diff {
            // The smallest first: fewest are looked up, and sums are those of Redis.
            query.sources.sort_by_key(|(source, _)| source.len());
        }
        Ok(query)
    }

    fn option(&mut self, args: &mut Args<'_>, purpose: Purpose) -> Result {
        let weighs = self.combine != Combine::Diff && purpose != Purpose::Count;
        if weighs && args.left() > self.sources.len() && args.word("WEIGHTS") {
            for (_, weight) in &mut self.sources {
                *weight =
                    number::parse_f64(args.bytes()?).ok_or(Error::new("ERR weight value is not a float"))?;
            }
        } else if weighs && args.word("AGGREGATE") {
            self.aggregate = if args.word("SUM") {
                Aggregate::Sum
            } else if args.word("MIN") {
                Aggregate::Min
            } else if args.word("MAX") {
                Aggregate::Max
            } else {
                return Err(Error::SYNTAX);
            };
        } else if purpose == Purpose::Reply && args.word("WITHSCORES") {
            self.with_scores = true;
        } else if purpose == Purpose::Count && args.left() > 1 && args.word("LIMIT") {
            const NEGATIVE: Error = Error::new("ERR LIMIT can't be negative");
            let limit = args.int_in(0.., NEGATIVE).map_err(|_| NEGATIVE)?;
            self.limit = if limit == 0 { usize::MAX } else { limit as usize };
        } else {
            return Err(Error::SYNTAX);
        }
        Ok(())
    }

    /// The elements of the result, in order.
    fn run(&self) -> Vec<(Item<'a>, f64)> {
        let mut result = match self.combine {
            Combine::Union => self.union(),
            Combine::Inter => {
                let mut result = Vec::new();
                self.inter(|member, score| {
                    result.push((member, score));
                    true
                });
                result
            }
            Combine::Diff => self.diff(),
        };
        Sorted::arrange(&mut result);
        result
    }

    fn union(&self) -> Vec<(Item<'a>, f64)> {
        let mut scores: HashMap<Item<'a>, f64, RandomState> = HashMap::default();
        for (source, weight) in &self.sources {
            source.walk(|member, score| {
                let score = zero_if_nan(score * weight);
                // The same member may be stored as text in one set and as an integer in another.
                let member = if let Item::Bytes(text) = member { Item::from(text) } else { member };
                scores.entry(member).and_modify(|old| *old = self.aggregate.of(*old, score)).or_insert(score);
                true
            });
        }
        scores.into_iter().collect()
    }

    /// Calls `visit` with the elements of the intersection, until it answers false.
    fn inter(&self, mut visit: impl FnMut(Item<'a>, f64) -> bool) {
        let Some(((first, weight), others)) = self.sources.split_first() else { return };
        first.walk(|member, score| {
            let sum = others.iter().try_fold(zero_if_nan(score * weight), |sum, (other, weight)| {
                Some(self.aggregate.of(sum, other.score(member)? * weight))
            });
            sum.is_none_or(|score| visit(member, score))
        });
    }

    fn diff(&self) -> Vec<(Item<'a>, f64)> {
        let Some(((first, _), others)) = self.sources.split_first() else { return Vec::new() };
        let mut result = Vec::new();
        first.walk(|member, score| {
            if others.iter().all(|(other, _)| other.score(member).is_none()) {
                result.push((member, score));
            }
            true
        });
        result
    }
}

fn answer(cx: &mut Keyed<'_, '_>, combine: Combine) -> Result {
    let query = Query::parse(&mut cx.args, cx.txn, cx.command, combine, Purpose::Reply)?;
    let result = query.run();
    reply_head(cx.reply, result.len(), query.with_scores);
    for (member, score) in result {
        reply_element(cx.reply, member, score, query.with_scores);
    }
    Ok(())
}

fn store(cx: &mut Keyed<'_, '_>, combine: Combine) -> Result {
    let to = cx.args.bytes()?;
    let query = Query::parse(&mut cx.args, cx.txn, cx.command, combine, Purpose::Store)?;
    let stored = Sorted::gathered(&query.run(), cx.txn.packing());
    cx.reply.len_of(stored.len());
    cx.txn.store_sorted(to, stored, cx.command.event);
    Ok(())
}

const ZUNION: Command = Command::new("ZUNION", "zunion", Group::Sorted, Run::Keyed(zunion))
    .syntax(
        "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <aggregate: SUM | MIN | MAX>] [WITHSCORES]",
    )
    .flags(READ)
    .keys(READS)
    .doc("6.2.0", UNION_COST, "Returns the union of sorted sets.");

const UNION_COST: &str = "O(N)+O(M*log(M)) for N members in all sets and M in the result";
const INTER_COST: &str = "O(N*K)+O(M*log(M)) for K sets, the smallest of N members, and M in the result";
const DIFF_COST: &str = "O(N*K)+O(M*log(M)) for K sets, the first of N members, and M in the result";

fn zunion(cx: &mut Keyed<'_, '_>) -> Result {
    answer(cx, Combine::Union)
}

const ZINTER: Command = Command::new("ZINTER", "zinter", Group::Sorted, Run::Keyed(zinter))
    .syntax(
        "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <aggregate: SUM | MIN | MAX>] [WITHSCORES]",
    )
    .flags(READ)
    .keys(READS)
    .doc("6.2.0", INTER_COST, "Returns the intersection of sorted sets.");

fn zinter(cx: &mut Keyed<'_, '_>) -> Result {
    answer(cx, Combine::Inter)
}

const ZDIFF: Command = Command::new("ZDIFF", "zdiff", Group::Sorted, Run::Keyed(zdiff))
    .syntax("numkeys key [key ...] [WITHSCORES]")
    .flags(READ)
    .keys(READS)
    .doc("6.2.0", DIFF_COST, "Returns the members of the first of several sorted sets that no other has.");

fn zdiff(cx: &mut Keyed<'_, '_>) -> Result {
    answer(cx, Combine::Diff)
}

const ZUNIONSTORE: Command =
    Command::new("ZUNIONSTORE", "zunionstore", Group::Sorted, Run::Keyed(zunionstore))
        .syntax(
            "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] \
             [AGGREGATE <aggregate: SUM | MIN | MAX>]",
        )
        .flags(WRITE | GROWS)
        .keys(STORES)
        .doc("2.0.0", UNION_COST, "Stores the union of sorted sets under a key.");

fn zunionstore(cx: &mut Keyed<'_, '_>) -> Result {
    store(cx, Combine::Union)
}

const ZINTERSTORE: Command =
    Command::new("ZINTERSTORE", "zinterstore", Group::Sorted, Run::Keyed(zinterstore))
        .syntax(
            "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] \
             [AGGREGATE <aggregate: SUM | MIN | MAX>]",
        )
        .flags(WRITE | GROWS)
        .keys(STORES)
        .doc("2.0.0", INTER_COST, "Stores the intersection of sorted sets under a key.");

fn zinterstore(cx: &mut Keyed<'_, '_>) -> Result {
    store(cx, Combine::Inter)
}

const ZDIFFSTORE: Command = Command::new("ZDIFFSTORE", "zdiffstore", Group::Sorted, Run::Keyed(zdiffstore))
    .syntax("destination numkeys key [key ...]")
    .flags(WRITE | GROWS)
    .keys(STORES)
    .doc("6.2.0", DIFF_COST, "Stores the members of the first of several sorted sets that no other has.");

fn zdiffstore(cx: &mut Keyed<'_, '_>) -> Result {
    store(cx, Combine::Diff)
}

const ZINTERCARD: Command = Command::new("ZINTERCARD", "zintercard", Group::Sorted, Run::Keyed(zintercard))
    .syntax("numkeys key [key ...] [LIMIT limit]")
    .flags(READ)
    .keys(READS)
    .doc(
        "7.0.0",
        "O(N*K) for K sets, the smallest of N members",
        "Counts the members of the intersection of sorted sets.",
    );

fn zintercard(cx: &mut Keyed<'_, '_>) -> Result {
    let query = Query::parse(&mut cx.args, cx.txn, cx.command, Combine::Inter, Purpose::Count)?;
    let mut count = 0;
    query.inter(|_, _| {
        count += 1;
        count < query.limit
    });
    cx.reply.len_of(count);
    Ok(())
}
