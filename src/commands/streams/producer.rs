//! Producers that name what they send, so that what they send again is added once.

use super::parse_id;
use crate::command::flag::*;
use crate::command::{Args, Command, Error, Group, Keyed, Keys, Result, Run, access};
use crate::keyspace::Edit;
use crate::types::Stream;
use crate::types::stream::Id;
use crate::types::stream::producers::{NAMES, SECONDS};
use std::borrow::Cow;
use std::ops::RangeInclusive;
use xxhash_rust::xxh3::Xxh3;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[XCFGSET, XIDMPRECORD, REPEATED];

const KEY: &[Keys] = &[Keys::one(1, access::RW | access::UPDATE)];

/// Who sends an entry, and under which name.
#[derive(Clone, Copy)]
pub(super) struct Sender<'a> {
    producer: &'a [u8],
    /// The name; one made of the fields and values if it is not given.
    name: Option<&'a [u8]>,
}

impl<'a> Sender<'a> {
    /// Takes `IDMPAUTO producer` or `IDMP producer name` into `sender`; `false` when something else is next.
    pub(super) fn take(sender: &mut Option<Self>, args: &mut Args<'a>) -> Result<bool> {
        const TWICE: Error = Error::new("ERR syntax error, IDMP/IDMPAUTO specified multiple times");
        const NOBODY: Error = Error::new("ERR syntax error, IDMP requires a non-empty producer ID");
        const NOBODY_AUTO: Error = Error::new("ERR syntax error, IDMPAUTO requires a non-empty producer ID");
        const NAMELESS: Error = Error::new("ERR syntax error, IDMP requires a non-empty idempotent ID");
        let is_named = args.left() > 2 && args.word("IDMP");
        if !(is_named || args.left() > 1 && args.word("IDMPAUTO")) {
            return Ok(false);
        }
        if sender.is_some() {
            return Err(TWICE);
        }
        let producer = args.bytes()?;
        if producer.is_empty() {
            return Err(if is_named { NOBODY } else { NOBODY_AUTO });
        }
        let name = if is_named { Some(args.bytes()?) } else { None };
        if name.is_some_and(<[u8]>::is_empty) {
            return Err(NAMELESS);
        }
        *sender = Some(Sender { producer, name });
        Ok(true)
    }

    /// An entry with these fields and values, as it is sent.
    pub(super) fn send(self, pairs: &[&[u8]]) -> Sent<'a> {
        let name = self.name.map_or_else(|| Cow::Owned(digest(pairs).to_vec()), Cow::Borrowed);
        Sent { producer: self.producer, name }
    }
}

/// An entry that is sent under a name.
pub(super) struct Sent<'a> {
    producer: &'a [u8],
    name: Cow<'a, [u8]>,
}

impl Sent<'_> {
    /// The entry that was added when it was sent before.
    pub(super) fn before(&self, stream: &Stream, now_ms: i64) -> Option<Id> {
        stream.producers()?.find(self.producer, &self.name, now_ms)
    }

    /// Notes that it is the entry `id` now.
    pub(super) fn note(&self, stream: &mut Edit<'_, Stream>, id: Id) {
        stream.note_sent(self.producer, &self.name, id);
    }
}

/// The hash that names an entry, whatever the order of its fields: as Redis makes it, for a stream may come from there.
fn digest(pairs: &[&[u8]]) -> [u8; 16] {
    let (mut sums, mut differences) = ([0u64; 2], [0u64; 2]);
    for pair in pairs.chunks_exact(2) {
        let mut hash = Xxh3::new();
        hash.update(pair[0]);
        hash.update(&(pair[0].len() as u64).to_le_bytes());
        hash.update(pair[1]);
        let hash = hash.digest128();
        for (at, half) in [hash as u64, (hash >> 64) as u64].into_iter().enumerate() {
            sums[at] = sums[at].wrapping_add(half);
            differences[at] ^= half;
        }
    }
    let low = sums[0] ^ differences[1].rotate_left(1);
    let high = sums[1] ^ differences[0].rotate_left(1);
    (u128::from(high) << 64 | u128::from(low)).to_le_bytes()
}

const XCFGSET: Command = Command::new("XCFGSET", "xcfgset", Group::Stream, Run::Keyed(xcfgset))
    .syntax("key [IDMP-DURATION duration:integer] [IDMP-MAXSIZE maxsize:integer]")
    .flags(WRITE | FAST)
    .keys(KEY)
    .doc("8.6.0", "O(1)", "Sets for how long and how much a stream knows of what producers sent.");

fn xcfgset(cx: &mut Keyed<'_, '_>) -> Result {
    let stream = cx.txn.edit::<Stream>(cx.args.bytes()?)?.ok_or(Error::NO_SUCH_KEY)?;
    let (mut seconds, mut names) = (None, None);
    while cx.args.more() {
        if cx.args.left() > 1 && cx.args.word("IDMP-DURATION") {
            take_bound(&mut seconds, &mut cx.args, "IDMP-DURATION", SECONDS, "seconds")?;
        } else if cx.args.left() > 1 && cx.args.word("IDMP-MAXSIZE") {
            take_bound(&mut names, &mut cx.args, "IDMP-MAXSIZE", NAMES, "entries")?;
        } else {
            return Err(Error::SYNTAX);
        }
    }
    if seconds.is_none() && names.is_none() {
        return Err(Error::new("ERR At least one parameter must be specified"));
    }
    stream.quietly().set_producer_bounds(seconds, names);
    cx.reply.ok();
    Ok(())
}

fn take_bound(
    given: &mut Option<u64>,
    args: &mut Args<'_>,
    name: &str,
    range: RangeInclusive<u64>,
    unit: &str,
) -> Result {
    if given.is_some() {
        return Err(Error::text(format!("ERR {name} specified multiple times")));
    }
    let n = u64::try_from(args.int()?).ok().filter(|n| range.contains(n));
    *given = Some(n.ok_or_else(|| {
        Error::text(format!("ERR {name} must be between {} and {} {unit}", range.start(), range.end()))
    })?);
    Ok(())
}

const XIDMPRECORD: Command = Command::new(
    "XIDMPRECORD",
    "xidmprecord",
    Group::Stream,
    Run::Keyed(xidmprecord),
)
.syntax("key pid iid stream-id:string")
.flags(WRITE | GROWS | FAST)
.keys(KEY)
.doc(
    "8.6.2",
    "O(1)",
    "Notes under which name a producer sent an entry that is in the stream; for the use of replication.",
);

fn xidmprecord(cx: &mut Keyed<'_, '_>) -> Result {
    const NOBODY: Error = Error::new("ERR producer ID must be non-empty");
    const NAMELESS: Error = Error::new("ERR idempotent ID must be non-empty");
    const ABSENT: Error = Error::new("ERR No such message in stream");
    const OTHER: Error = Error::new("ERR IID already exists for this producer with a different stream ID");
    let (key, producer, name) = (cx.args.bytes()?, cx.args.bytes()?, cx.args.bytes()?);
    let id = parse_id(cx.args.bytes()?, 0)?;
    if producer.is_empty() {
        return Err(NOBODY);
    }
    if name.is_empty() {
        return Err(NAMELESS);
    }
    let mut stream = cx.txn.edit::<Stream>(key)?.ok_or(Error::NO_SUCH_KEY)?.quietly();
    if !stream.value().contains(id) {
        return Err(ABSENT);
    }
    let now_ms = stream.now_ms();
    let sent = Sent { producer, name: Cow::Borrowed(name) };
    match sent.before(stream.value(), now_ms) {
        Some(known) if known != id => return Err(OTHER),
        Some(_) => {}
        None => sent.note(&mut stream, id),
    }
    cx.reply.ok();
    Ok(())
}

/// What the log says of an entry that was sent again.
const REPEATED: Command = Command::new("X.REPEATED", "x.repeated", Group::Stream, Run::Keyed(repeated))
    .syntax("key")
    .flags(WRITE | EFFECT)
    .keys(KEY);

fn repeated(cx: &mut Keyed<'_, '_>) -> Result {
    cx.txn.edit::<Stream>(cx.args.bytes()?)?.ok_or(Error::NO_SUCH_KEY)?.quietly().count_repeated();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::digest;

    #[test]
    fn the_digest_is_that_of_redis() {
        let of_redis = *b"\xd6\xd9\x08\x58\x9f\x09\x6a\x89\x47\x09\x6f\x2d\xdd\x9d\xc0\x9c";
        assert_eq!(digest(&[b"a", b"b"]), of_redis);
        assert_eq!(digest(&[b"a", b"b", b"c", b"d"]), digest(&[b"c", b"d", b"a", b"b"]));
        assert_ne!(digest(&[b"a", b"b", b"c", b"d"]), digest(&[b"a", b"d", b"c", b"b"]));
    }
}
