//! The elements nearest to a vector.

use super::filter::Filter;
use super::vector::{self, mismatch, projection_mismatch};
use super::{command, expect_words};
use crate::base::number;
use crate::command::flag::*;
use crate::command::{Args, Command, Error, Keyed, Reply, Result};
use crate::commands::reply_item;
use crate::types::VectorSet;
use crate::types::vectors::{self, Found, Search};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[VSIM];

const VSIM: Command = command("VSIM", vsim, READ)
    .syntax(
        "key <format: ELE | FP32 | VALUES> vector_or_element [WITHSCORES] [WITHATTRIBS] [COUNT count] \
         [EPSILON max_distance:double] [EF search-exploration-factor:integer] [FILTER expression] \
         [FILTER-EF max-filtering-effort:integer] [TRUTH] [NOTHREAD]",
    )
    .arity(-1)
    .doc(
        "8.0.0",
        "O(log(N)) for N elements, O(N) with TRUTH",
        "Returns the elements of a vector set that are nearest to a vector.",
    );

/// How many elements are answered where nothing else is asked for.
const COUNT_DEFAULT: usize = 10;
/// By how much the effort of a filtered search exceeds its count where nothing else is asked for.
const EFFORT_FACTOR: usize = 100;

/// What stands behind the vector.
struct Options<'a> {
    with_scores: bool,
    with_attributes: bool,
    count: usize,
    epsilon: f32,
    ef: usize,
    filter: Option<Filter<'a>>,
    effort: Option<usize>,
    exact: bool,
}

impl<'a> Options<'a> {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let mut options = Options {
            with_scores: false,
            with_attributes: false,
            count: COUNT_DEFAULT,
            epsilon: 2.0,
            ef: 0,
            filter: None,
            effort: None,
            exact: false,
        };
        while args.more() {
            if args.word("WITHSCORES") {
                options.with_scores = true;
            } else if args.word("WITHATTRIBS") {
                options.with_attributes = true;
            } else if args.word("TRUTH") {
                options.exact = true;
            } else if args.word("NOTHREAD") {
                // It asks Redis not to search in a thread. Here no search keeps other clients waiting.
            } else if args.left() > 1 && args.word("COUNT") {
                options.count = positive(args, "ERR invalid COUNT")?;
            } else if args.left() > 1 && args.word("EPSILON") {
                const EPSILON: Error = Error::new("ERR invalid EPSILON");
                let epsilon = number::parse_f64(args.bytes()?).filter(|n| *n > 0.0);
                options.epsilon = epsilon.ok_or(EPSILON)? as f32;
            } else if args.left() > 1 && args.word("EF") {
                options.ef = positive(args, "ERR invalid EF")?;
            } else if args.left() > 1 && args.word("FILTER-EF") {
                options.effort = Some(positive(args, "ERR invalid FILTER-EF")?);
            } else if args.left() > 1 && args.word("FILTER") {
                options.filter = Some(Filter::compile(args.bytes()?)?);
            } else {
                return Err(Error::new("ERR syntax error in VSIM command"));
            }
        }
        Ok(options)
    }
}

fn positive(args: &mut Args<'_>, error: &'static str) -> Result<usize> {
    args.int().ok().filter(|n| *n > 0).map(|n| n as usize).ok_or(Error::new(error))
}

fn vsim(cx: &mut Keyed<'_, '_>) -> Result {
    expect_words(cx, 4..)?;
    let key = cx.args.bytes()?;
    let Some(set) = cx.txn.read::<VectorSet>(key)? else {
        cx.reply.array(0);
        return Ok(());
    };
    let query = query(set, &mut cx.args)?;
    let options = Options::parse(&mut cx.args)?;

    let mut matches =
        |attributes: &[u8]| options.filter.as_ref().is_none_or(|filter| filter.matches(attributes));
    let effort = options.effort.unwrap_or(options.count.saturating_mul(EFFORT_FACTOR));
    let filter = vectors::Filter { matches: &mut matches, effort };
    let found = set.search(
        &query,
        Search {
            count: options.count,
            ef: options.ef,
            exact: options.exact,
            filter: options.filter.is_some().then_some(filter),
        },
    );
    // What is no number is not too far.
    let far = found.iter().position(|found| found.distance / 2.0 > options.epsilon);
    let near = far.unwrap_or(found.len());
    reply_found(cx.reply, &found[..near], options.with_scores, options.with_attributes);
    Ok(())
}

/// Takes the vector to search for: one of the set's elements, or one that the call gives.
fn query(set: &VectorSet, args: &mut Args<'_>) -> Result<Vec<f32>> {
    if args.word("ELE") {
        return set.embedding(args.bytes()?).ok_or(Error::new("ERR element not found in set"));
    }
    let given = vector::parse(args)?;
    let (shape, dim) = (set.shape(), given.len());
    match shape.input_dim {
        _ if dim == shape.dim as usize => Ok(given),
        None => Err(mismatch(dim, shape.dim as usize)),
        Some(input_dim) if dim == input_dim as usize => Ok(given),
        Some(input_dim) => Err(projection_mismatch(dim, input_dim as usize)),
    }
}

fn reply_found(reply: &mut Reply, found: &[Found<'_>], with_scores: bool, with_attributes: bool) {
    let properties = usize::from(with_scores) + usize::from(with_attributes);
    match properties {
        0 => reply.array(found.len()),
        _ if reply.is_resp3() => reply.map(found.len()),
        _ => reply.array(found.len() * (1 + properties)),
    }
    for found in found {
        reply_item(reply, found.name);
        if properties > 1 && reply.is_resp3() {
            reply.array(properties);
        }
        if with_scores {
            reply.double(1.0 - f64::from(found.distance) / 2.0);
        }
        if with_attributes {
            reply.bulk_or_null(found.attributes);
        }
    }
}
