//! Integers of any width within strings.

use super::offset;
use crate::command::flag::*;
use crate::command::{Command, Error, Group, Keyed, Keys, Reply, Result, Run, access};
use crate::keyspace::{Edit, Str, StrRef};
use crate::types::bits::{Bit, Field, Overflow};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[BITFIELD, BITFIELD_RO];

const BITFIELD: Command = Command::new("BITFIELD", "bitfield", Group::Bitmap, Run::Keyed(bitfield))
    .syntax(
        "key [operation: GET get-block: encoding offset | write: [OVERFLOW <overflow-block: WRAP | SAT | \
         FAIL>] <write-operation: SET set-block: encoding offset value:integer | \
         INCRBY incrby-block: encoding offset increment> ...]",
    )
    .flags(WRITE | GROWS)
    .keys(&[Keys::one(1, access::RW | access::UPDATE | access::ACCESS)
        .varies(field_access)
        .note("Writes the key unless all it does is GET")])
    .event("setbit")
    .doc(
        "3.2.0",
        "O(1) for each subcommand",
        "Reads, sets and increments integers of any width in a string.",
    );

const BITFIELD_RO: Command =
    Command::new("BITFIELD_RO", "bitfield_ro", Group::Bitmap, Run::Keyed(bitfield_ro))
        .syntax("key [GET get-block: encoding offset [GET encoding offset ...]]")
        .flags(READ | FAST)
        .keys(&[Keys::one(1, access::RO | access::ACCESS)])
        .doc("6.0.0", "O(1) for each subcommand", "Reads integers of any width in a string.");

/// What a call of BITFIELD does to its key.
fn field_access(argv: &[&[u8]]) -> u16 {
    let mut words = argv.iter().skip(2);
    while let Some(word) = words.next() {
        let skip = match &word.to_ascii_uppercase()[..] {
            b"GET" => 2,
            b"OVERFLOW" => 1,
            _ => return access::RW | access::ACCESS | access::UPDATE,
        };
        if words.by_ref().take(skip).count() < skip {
            return access::RW | access::ACCESS | access::UPDATE;
        }
    }
    access::RO | access::ACCESS
}

#[derive(Clone, Copy)]
enum Action {
    Get,
    Set(i64, Overflow),
    Add(i64, Overflow),
}

#[derive(Clone, Copy)]
struct Step {
    action: Action,
    field: Field,
    at: Bit,
}

impl Step {
    /// Where the bytes end that it is about.
    fn end(&self) -> usize {
        ((self.at + Bit::from(self.field.width) - 1) / 8) as usize + 1
    }
}

/// Parses all subcommands, so that an error in the last one leaves the string alone.
fn parse(cx: &mut Keyed<'_, '_>) -> Result<Vec<Step>> {
    let (mut steps, mut overflow) = (Vec::new(), Overflow::Wrap);
    while cx.args.more() {
        let (get, set) = (cx.args.word("GET"), cx.args.word("SET"));
        if !get && !set && cx.args.word("OVERFLOW") {
            overflow = if cx.args.word("WRAP") {
                Overflow::Wrap
            } else if cx.args.word("SAT") {
                Overflow::Saturate
            } else if cx.args.word("FAIL") {
                Overflow::Fail
            } else {
                cx.args.bytes()?;
                return Err(Error::new("ERR Invalid OVERFLOW type specified"));
            };
            continue;
        }
        let least = if get { 2 } else { 3 };
        if !get && !set && !cx.args.word("INCRBY") || cx.args.left() < least {
            return Err(Error::SYNTAX);
        }
        let field = Field::parse(cx.args.bytes()?).ok_or(Error::new(
            "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
        ))?;
        let at = offset(cx.args.bytes()?, Some(field.width), cx.txn)?;
        let action = match (get, set) {
            (true, _) => Action::Get,
            (_, true) => Action::Set(cx.args.int()?, overflow),
            _ => Action::Add(cx.args.int()?, overflow),
        };
        steps.push(Step { action, field, at });
    }
    Ok(steps)
}

fn bitfield(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    let steps = parse(cx)?;
    if steps.iter().all(|step| matches!(step.action, Action::Get)) {
        return read(cx, key, &steps);
    }
    let mut string = cx.txn.upsert_string(key)?;
    // The string is continued up to the last field that may be written, even when no number fits there.
    let end =
        steps.iter().filter(|step| !matches!(step.action, Action::Get)).map(Step::end).max().unwrap_or(0);
    let grows = string.value().len() < end;
    if grows {
        // What follows counts, whatever fits.
        string.counting(0, |string| string.change_range(end - 1..end, |_| ()));
    } else {
        string.spell_out();
    }
    cx.reply.array(steps.len());
    let mut told = false;
    for step in steps {
        told |= run(&mut string, step, cx.reply, grows);
    }
    if !told {
        drop(string.quietly());
    }
    Ok(())
}

fn bitfield_ro(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    let steps = parse(cx)?;
    if steps.iter().any(|step| !matches!(step.action, Action::Get)) {
        return Err(Error::new("ERR BITFIELD_RO only supports the GET subcommand"));
    }
    read(cx, key, &steps)
}

fn read(cx: &mut Keyed<'_, '_>, key: &[u8], steps: &[Step]) -> Result {
    let value = cx.txn.read::<Str>(key)?.unwrap_or(StrRef::Short(b""));
    cx.reply.array(steps.len());
    value.with(|text| steps.iter().for_each(|step| cx.reply.int(step.field.read(text, step.at))));
    Ok(())
}

/// Runs a step on a string that reaches up to its end; whether listeners are told of it, as they are of whatever fits in a
/// string that `grows`.
fn run(string: &mut Edit<'_, Str>, step: Step, reply: &mut Reply, grows: bool) -> bool {
    let Step { action, field, at } = step;
    let old = string.value().with(|text| field.read(text, at));
    let new = match action {
        Action::Get => {
            reply.int(old);
            return false;
        }
        Action::Set(n, overflow) => field.fit(field.given(n), overflow),
        Action::Add(n, overflow) => field.fit(i128::from(old) + i128::from(n), overflow),
    };
    if let Some(new) = new
        && new != old
    {
        string.change_range((at / 8) as usize..step.end(), |bytes| field.write(bytes, at % 8, new));
    } else if grows && new.is_some() {
        string.changed(1);
    }
    match (new, action) {
        (None, _) => reply.null(),
        (Some(_), Action::Set(..)) => reply.int(old),
        (Some(new), _) => reply.int(new),
    }
    new.is_some_and(|new| grows || new != old)
}
