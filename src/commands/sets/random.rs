//! Random members: taken out (SPOP) or only shown (SRANDMEMBER).

use crate::base::random;
use crate::command::flag::*;
use crate::command::{Command, Error, Group, Keyed, Keys, Reply, Result, Run, access};
use crate::commands::reply_item;
use crate::types::{Item, Set};
use std::collections::HashSet;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[SPOP, SRANDMEMBER];

const SPOP: Command = Command::new("SPOP", "spop", Group::Set, Run::Keyed(spop))
    .syntax("key [count@3.2.0]")
    .flags(WRITE | FAST)
    .keys(&[Keys::one(1, access::RW | access::ACCESS | access::DELETE)])
    .tips(&["nondeterministic_output"])
    .history(&[("3.2.0", "Takes a count.")])
    .doc("1.0.0", "O(1), or O(N) for a count of N", "Removes random members from a set and returns them.");

fn spop(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    if !cx.args.more() {
        match cx.txn.edit::<Set>(key)? {
            Some(mut set) => set.pop(1, |member| reply_item(cx.reply, member)),
            None => cx.reply.null(),
        }
        return Ok(());
    }
    const NOT_POSITIVE: Error = Error::new("ERR value is out of range, must be positive");
    if cx.args.left() > 1 {
        return Err(Error::SYNTAX);
    }
    let count = cx.args.int().ok().filter(|count| *count >= 0).ok_or(NOT_POSITIVE)?;
    let Some(mut set) = cx.txn.edit::<Set>(key)? else {
        cx.reply.set(0);
        return Ok(());
    };
    let count = set.value().len().min(count as usize);
    cx.reply.set(count);
    set.pop(count, |member| reply_item(cx.reply, member));
    Ok(())
}

const SRANDMEMBER: Command = Command::new("SRANDMEMBER", "srandmember", Group::Set, Run::Keyed(srandmember))
    .syntax("key [count@2.6.0]")
    .flags(READ)
    .keys(&[Keys::one(1, access::RO | access::ACCESS)])
    .tips(&["nondeterministic_output"])
    .history(&[("2.6.0", "Takes a count.")])
    .doc("1.0.0", "O(1), or O(N) for a count of N", "Returns random members of a set.");

fn srandmember(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    if !cx.args.more() {
        match cx.txn.read::<Set>(key)?.and_then(Set::random) {
            Some(member) => reply_item(cx.reply, member),
            None => cx.reply.null(),
        }
        return Ok(());
    }
    if cx.args.left() > 1 {
        return Err(Error::SYNTAX);
    }
    let count = sample_count(cx.args.int()?)?;
    let Some(set) = cx.txn.read::<Set>(key)? else {
        cx.reply.array(0);
        return Ok(());
    };
    match count {
        Count::Any(n) => {
            // A packed set is walked once, not for each member drawn.
            let all: Vec<_> = if set.encoding() == "hashtable" { Vec::new() } else { set.iter().collect() };
            repeatedly(cx.reply, n, Reply::array, |reply| {
                let drawn = all.get(random::below(all.len())).copied().or_else(|| set.random());
                drawn.into_iter().for_each(|member| reply_item(reply, member));
            })
        }
        Count::Distinct(n) => {
            distinct(set, n, cx.reply);
            Ok(())
        }
    }
}

/// How many random members are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// So many, the same ones again if it happens (a negative count).
    Any(usize),
    /// So many different ones, or as many as there are.
    Distinct(usize),
}

/// What a count of SRANDMEMBER or HRANDFIELD means.
///
/// # Errors
/// For the one number that has no negation.
pub fn sample_count(count: i64) -> Result<Count> {
    const OUT_OF_RANGE: Error = Error::new(
        "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
    );
    match usize::try_from(count) {
        Ok(n) => Ok(Count::Distinct(n)),
        Err(_) => count.checked_neg().map(|n| Count::Any(n as usize)).ok_or(OUT_OF_RANGE),
    }
}

/// The longest sample with repetitions that is answered, in bytes.
const SAMPLE_MAX: usize = 1 << 28;

/// Answers a sample with repetitions: what `head` answers of their number, and `count` times what `draw` does.
///
/// # Errors
/// When it has more than a quarter of a gigabyte: its size is the client's to choose. Where the count tells that already,
/// nothing is drawn.
pub fn repeatedly(
    reply: &mut Reply,
    count: usize,
    head: impl FnOnce(&mut Reply, usize),
    mut draw: impl FnMut(&mut Reply),
) -> Result {
    check_size(count.saturating_mul(b"$0\r\n\r\n".len()))?;
    head(reply, count);
    let start = reply.len();
    for _ in 0..count {
        check_size(reply.len() - start)?;
        draw(reply);
    }
    Ok(())
}

fn check_size(bytes: usize) -> Result {
    if bytes > SAMPLE_MAX { Err(Error::new("ERR value is out of range")) } else { Ok(()) }
}

/// Whether `count` of `len` are few enough to draw them one by one; else all are walked over.
pub fn draws(count: usize, len: usize) -> bool {
    count.saturating_mul(3) <= len
}

/// Shows a random choice of `count` of `all`, which are `len`, in their order. Of few, those between are passed over at once.
pub fn pick<T>(mut all: impl Iterator<Item = T>, count: usize, len: usize, mut show: impl FnMut(T)) {
    if !draws(count, len) {
        let mut chosen = choose(count, len);
        return all.filter(|_| chosen()).for_each(show);
    }
    let mut places = Vec::with_capacity(count);
    while places.len() < count {
        places.resize_with(count, || random::below(len));
        places.sort_unstable();
        places.dedup();
    }
    let mut passed = 0;
    for place in places {
        all.nth(place - passed).into_iter().for_each(&mut show);
        passed = place + 1;
    }
}

/// Tells for each of `len` in turn whether it belongs to a random choice of `count`.
fn choose(count: usize, len: usize) -> impl FnMut() -> bool {
    let (mut wanted, mut left) = (count, len);
    move || {
        let chosen = random::below(left) < wanted;
        wanted -= usize::from(chosen);
        left -= 1;
        chosen
    }
}

fn distinct(set: &Set, count: usize, reply: &mut Reply) {
    let count = count.min(set.len());
    reply.array(count);
    if draws(count, set.len()) && set.encoding() == "hashtable" {
        let mut drawn: HashSet<Vec<u8>> = HashSet::with_capacity(count);
        while drawn.len() < count {
            let Some(member) = set.random() else { return };
            if drawn.insert(member.to_vec()) {
                reply_item(reply, member);
            }
        }
        return;
    }
    pick(set.iter(), count, set.len(), |member: Item<'_>| reply_item(reply, member));
}

#[cfg(test)]
mod tests {
    use super::pick;

    #[test]
    fn a_choice_is_of_different_ones_all_equally_likely() {
        for count in 0..=30 {
            let mut seen = [0; 30];
            for _ in 0..1000 {
                let mut chosen = Vec::new();
                pick(0..30, count, 30, |n: usize| chosen.push(n));
                assert!(chosen.len() == count && chosen.is_sorted_by(|a, b| a < b));
                chosen.iter().for_each(|n| seen[*n] += 1);
            }
            // Off by 150 of 1,000 is more than nine standard deviations.
            let wanted = count as i32 * 1000 / 30;
            assert!(seen.iter().all(|n: &i32| (n - wanted).abs() < 150), "{count}: {seen:?}");
        }
    }
}
