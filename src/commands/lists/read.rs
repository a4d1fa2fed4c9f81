//! Reading lists.

use super::{clip, resolve};
use crate::base::number;
use crate::command::flag::*;
use crate::command::{Args, Command, Error, Group, Keyed, Keys, Result, Run, access};
use crate::commands::reply_item;
use crate::types::{End, List};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[LLEN, LRANGE, LINDEX, LPOS];

const LLEN: Command = Command::new("LLEN", "llen", Group::List, Run::Keyed(llen))
    .syntax("key")
    .flags(READ | FAST)
    .keys(&[Keys::one(1, access::RO)])
    .doc("1.0.0", "O(1)", "Returns the number of elements of a list.");

fn llen(cx: &mut Keyed<'_, '_>) -> Result {
    let list = cx.txn.read::<List>(cx.args.bytes()?)?;
    cx.reply.len_of(list.map_or(0, List::len));
    Ok(())
}

const LRANGE: Command = Command::new("LRANGE", "lrange", Group::List, Run::Keyed(lrange))
    .syntax("key start stop")
    .flags(READ)
    .keys(&[Keys::one(1, access::RO | access::ACCESS)])
    .doc("1.0.0", "O(N) for N elements returned", "Returns the elements between two indexes of a list.");

fn lrange(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, start, stop) = (cx.args.bytes()?, cx.args.int()?, cx.args.int()?);
    let Some(list) = cx.txn.read::<List>(key)? else {
        cx.reply.array(0);
        return Ok(());
    };
    let range = clip(start, stop, list.len());
    cx.reply.array(range.len());
    list.iter_from(range.start).take(range.len()).for_each(|item| reply_item(cx.reply, item));
    Ok(())
}

const LINDEX: Command = Command::new("LINDEX", "lindex", Group::List, Run::Keyed(lindex))
    .syntax("key index")
    .flags(READ)
    .keys(&[Keys::one(1, access::RO | access::ACCESS)])
    .doc("1.0.0", "O(N) for N blocks to pass", "Returns the element at an index of a list.");

fn lindex(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    let list = cx.txn.read::<List>(key)?;
    let Some(list) = list else {
        cx.reply.null();
        return Ok(());
    };
    let index = cx.args.int()?;
    match resolve(index, list.len()).and_then(|index| list.get(index)) {
        Some(item) => reply_item(cx.reply, item),
        None => cx.reply.null(),
    }
    Ok(())
}

const LPOS: Command = Command::new("LPOS", "lpos", Group::List, Run::Keyed(lpos))
    .syntax("key element [RANK rank] [COUNT num-matches:integer] [MAXLEN len]")
    .flags(READ)
    .keys(&[Keys::one(1, access::RO | access::ACCESS)])
    .doc("6.0.6", "O(N) for N elements compared", "Returns the indexes of elements equal to a value.");

/// What LPOS looks for.
struct Search {
    /// The first match to report; negative from the end.
    rank: i64,
    /// How many matches to report; `None` for the first alone.
    count: Option<usize>,
    /// How many elements to compare.
    len_max: usize,
}

impl Search {
    fn parse(args: &mut Args<'_>) -> Result<Self> {
        let mut search = Search { rank: 1, count: None, len_max: usize::MAX };
        // 0 means no limit.
        let unlimited = |n| if n == 0 { usize::MAX } else { n };
        while args.more() {
            if args.left() > 1 && args.word("RANK") {
                search.rank = rank(args)?;
            } else if args.left() > 1 && args.word("COUNT") {
                search.count = Some(unlimited(positive(args, "ERR COUNT can't be negative")?));
            } else if args.left() > 1 && args.word("MAXLEN") {
                search.len_max = unlimited(positive(args, "ERR MAXLEN can't be negative")?);
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(search)
    }

    /// The indexes of the elements found.
    fn run(&self, list: &List, text: &[u8]) -> Vec<usize> {
        let skipped = self.rank.unsigned_abs() as usize - 1;
        let count = self.count.unwrap_or(1);
        let from = if self.rank > 0 { End::Front } else { End::Back };
        list.positions(text, from, self.len_max, skipped, count)
    }
}

fn rank(args: &mut Args<'_>) -> Result<i64> {
    const RANGE: Error = Error::new(
        "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
    );
    const ZERO: Error = Error::new(
        "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... \
         or use negative to start from the end of the list",
    );
    match args.int_in(-i64::MAX.., RANGE)? {
        0 => Err(ZERO),
        rank => Ok(rank),
    }
}

fn positive(args: &mut Args<'_>, error: &'static str) -> Result<usize> {
    let n = number::parse_i64(args.bytes()?).filter(|n| *n >= 0);
    n.map(|n| n as usize).ok_or(Error::new(error))
}

fn lpos(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, text) = (cx.args.bytes()?, cx.args.bytes()?);
    let search = Search::parse(&mut cx.args)?;
    let found = cx.txn.read::<List>(key)?.map_or_else(Vec::new, |list| search.run(list, text));
    match (search.count, found.first()) {
        (None, Some(at)) => cx.reply.len_of(*at),
        (None, None) => cx.reply.null(),
        (Some(_), _) => {
            cx.reply.array(found.len());
            found.iter().for_each(|at| cx.reply.len_of(*at));
        }
    }
    Ok(())
}
