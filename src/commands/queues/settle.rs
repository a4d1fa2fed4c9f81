//! What consumers say of the messages they were given.

use super::{Receipt, natural, once, once_set, parse_receipt, parse_receipts};
use crate::command::flag::*;
use crate::command::{Args, Command, Error, Group, Keyed, Keys, Result, Run, access};
use crate::types::queue::Nack;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[QACK, QNACK, QTOUCH];

const QACK: Command = Command::new("QACK", "qack", Group::Queue, Run::Keyed(qack))
    .syntax("key receipt [receipt ...]")
    .flags(WRITE | FAST)
    .keys(&[Keys::one(1, access::RW | access::DELETE)])
    .doc(
        "0.1.0",
        "O(M log N) for M receipts and N messages",
        "Removes messages that are done, by their receipts, or by their ids whatever their lease.",
    );

fn qack(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    let receipts = parse_receipts(cx.args.rest())?;
    let acked = cx.txn.queue(key)?.map_or(0, |mut queue| queue.ack(&receipts));
    cx.reply.len_of(acked);
    Ok(())
}

const QNACK: Command = Command::new("QNACK", "qnack", Group::Queue, Run::Keyed(qnack))
    .syntax("key receipt [receipt ...] [DELAY milliseconds] [DEAD | RETURN] [REASON reason]")
    .flags(WRITE | FAST)
    .keys(&[Keys::one(1, access::RW | access::UPDATE)])
    .doc(
        "0.1.0",
        "O(M log N) for M receipts and N messages",
        "Gives messages back: to be delivered again after a delay, or to the dead set.",
    );

/// What QNACK is asked for.
#[derive(Default)]
struct Return<'a> {
    receipts: Vec<Receipt>,
    delay: Option<i64>,
    is_dead: bool,
    is_returned: bool,
    reason: Option<&'a [u8]>,
}

impl<'a> Return<'a> {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let mut call = Return { receipts: vec![parse_receipt(args.bytes()?)?], ..Return::default() };
        while args.peek().is_some_and(|text| text.first().is_some_and(u8::is_ascii_digit)) {
            call.receipts.push(parse_receipt(args.bytes()?)?);
        }
        while args.more() {
            if args.word("DELAY") {
                once(&mut call.delay, natural(args, "DELAY")?)?;
            } else if args.word("DEAD") {
                once_set(&mut call.is_dead)?;
            } else if args.word("RETURN") {
                once_set(&mut call.is_returned)?;
            } else if args.word("REASON") {
                once(&mut call.reason, args.bytes()?)?;
            } else {
                return Err(Error::SYNTAX);
            }
        }
        let ways = [call.delay.is_some(), call.is_dead, call.is_returned];
        if ways.into_iter().filter(|way| *way).count() > 1 { Err(Error::SYNTAX) } else { Ok(call) }
    }

    fn how(&self) -> Nack {
        match (self.is_dead, self.is_returned) {
            (true, _) => Nack::Dead,
            (_, true) => Nack::Returned,
            _ => Nack::Failed(0),
        }
    }
}

fn qnack(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    let call = Return::parse(&mut cx.args)?;
    let queue = cx.txn.queue(key)?;
    let nacked = queue.map_or(0, |mut queue| queue.nack(&call.receipts, call.how(), call.delay, call.reason));
    cx.reply.len_of(nacked);
    Ok(())
}

const QTOUCH: Command = Command::new("QTOUCH", "qtouch", Group::Queue, Run::Keyed(qtouch))
    .syntax("key milliseconds receipt [receipt ...]")
    .flags(WRITE | FAST)
    .keys(&[Keys::one(1, access::RW | access::UPDATE)])
    .doc(
        "0.1.0",
        "O(M log N) for M receipts and N messages",
        "Lets leases be over a time from now: a sign of life of a consumer that needs longer.",
    );

fn qtouch(cx: &mut Keyed<'_, '_>) -> Result {
    const REQUIRED: Error = Error::new("ERR receipt required");
    let key = cx.args.bytes()?;
    let ms = natural(&mut cx.args, "milliseconds")?;
    let receipts = parse_receipts(cx.args.rest())?;
    if receipts.iter().any(|(_, lease)| lease.is_none()) {
        return Err(REQUIRED);
    }
    let touched = cx.txn.queue(key)?.map_or(0, |mut queue| queue.touch(ms, &receipts));
    cx.reply.len_of(touched);
    Ok(())
}
