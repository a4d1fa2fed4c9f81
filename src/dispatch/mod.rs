//! Floor 7: the pipeline of one call, from its words to its reply.

mod batch;
mod block;
mod count;
#[cfg(test)]
mod crashes;
pub mod cron;
mod debugging;
mod evict;
mod gate;
#[cfg(test)]
mod golden;
mod multi;
mod queues;
#[cfg(test)]
mod records;
pub mod replay;
mod round;
mod script;
mod slots;
#[cfg(test)]
mod snapshots;
#[cfg(test)]
mod trial;

pub use batch::{Call, Calls, Single};
pub use block::{Parked, UNBLOCKED, Unblock, serve};
pub use gate::misconf;
pub use queues::{attend, restart, untie};
pub use round::{Round, Shortcut, run_plain};

use crate::base::text::until_nul;
use crate::command::flag;
use crate::command::{Args, Command, Error, Flow, Group, Held, Keyed, Nest, Outer, Reply, Run, Sweep};
use crate::commands;
use crate::engine::{Engine, Flag, Reached, ReplyMode, Session};
use crate::keyspace::Txn;
use crate::keyspace::txn::{Begin, Caller};
use crate::resp::Mark;
use gate::Verdict;
use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;

/// What became of a call.
pub enum Outcome {
    /// It is answered; how far into the log it reaches.
    Done(Reached),
    /// It waits for its keys; the reply comes later.
    Wait(Box<Parked>),
    /// All clients are paused: run it again when they go on.
    Hold,
    /// Its queue is far behind the time: run it again when others had their turn.
    Again,
}

/// Runs one call and writes its reply.
pub fn run(
    engine: &Engine,
    session: &mut Session,
    call: Call<'_>,
    now_ms: i64,
    reply: &mut Reply,
) -> Outcome {
    let admitted = admit(engine, session, &call, now_ms);
    if let Ok(Verdict::Pass) = admitted {
        session.slots = slots::of(engine, session, &call);
        let imports = session.client.is(Flag::ImportSource) && engine.keyspace.is_importing();
        session.effects.get().timeless = imports || engine.shows_due.load(Relaxed);
    }
    // What it was sent by now (of keys that had to go, too) comes before the reply.
    let outbox = &session.client.outbox;
    if outbox.is_filled() {
        outbox.take_frames().into_iter().for_each(|frame| reply.raw_shared(frame));
    }
    let mark = reply.mark();
    let outcome = match admitted {
        Ok(Verdict::Pass) => match &mut session.multi {
            Some(queue) if call.entry.is_some_and(|entry| !entry.command.has(flag::UNQUEUED)) => {
                multi::enqueue(engine, queue, &session.client, &call, reply);
                Ok(Outcome::Done(Reached::default()))
            }
            _ => {
                let result = match execute(engine, session, call, now_ms, reply) {
                    // It is run again: nothing of it is counted or told before.
                    Ok(held @ (Outcome::Hold | Outcome::Again)) => return held,
                    result => result,
                };
                if session.caching {
                    settle_caching(session, &call);
                }
                match result {
                    // It is counted when it has been served.
                    Ok(Outcome::Wait(_)) => _ = engine.metrics.lap(&mut session.tick),
                    _ => {
                        let reply_len = reply_len(reply, mark, &result);
                        count::ended(engine, session, &call, reply_len, result.is_err());
                    }
                }
                count::watched(engine, session, &call);
                result
            }
        },
        Ok(Verdict::Hold) => return Outcome::Hold,
        Err(error) => {
            session.begun = None;
            count::rejected(engine, &call);
            if call.entry.is_none() && is_web(call.argv[0]) {
                let addr = &session.client.addr;
                tracing::warn!(%addr, "a web client sent commands: somebody may be misusing it; closed");
                session.closing = true;
                return Outcome::Done(Reached::default());
            }
            Err(multi::refuse(engine, session, &call, error))
        }
    };
    let failed = outcome.is_err();
    let outcome = outcome.unwrap_or_else(|error| {
        finish(engine, error, reply, mark);
        Outcome::Done(std::mem::take(&mut session.failed_at))
    });
    if session.reply_mode != ReplyMode::On && !is_awaited(session, &outcome) {
        mute(session, &call, reply, mark, failed);
    }
    outcome
}

/// Bytes of the reply of a call that wrote behind `mark`, or ended with an error, which is not written yet.
#[inline(always)]
fn reply_len<T>(reply: &Reply, mark: Mark, result: &Result<T, Error>) -> usize {
    match result {
        Ok(_) => reply.len_since(mark),
        Err(error) => Reply::error_len(error),
    }
}

/// Answers the error that a call ended with.
#[cold]
fn finish(engine: &Engine, error: Error, reply: &mut Reply, mark: Mark) {
    reply.rewind(mark);
    reply.error(&error);
    engine.metrics.count_error(error.code());
}

/// Whether `argv` names a command that can be run: a container alone is none.
pub fn is_known(argv: &[&[u8]]) -> bool {
    Single::of(argv).call().entry.is_some_and(|entry| {
        let command = entry.command;
        !matches!(command.run, Run::Container(_)) || argv.len() == 1 && command.bare.is_some()
    })
}

/// Runs a command that was run before, elsewhere: it passes no gate, does not wait, and nobody waits for its reply.
///
/// # Errors
/// What it answers.
pub fn apply(engine: &Engine, session: &mut Session, argv: &[&[u8]], reply: &mut Reply) -> Result<(), Error> {
    let single = Single::of(argv);
    let call = single.call();
    let Some(entry) = call.entry else { return Err(unknown(argv)) };
    if !entry.command.takes(argv.len()) {
        return Err(Error::arity(entry.command.full_name));
    }
    loop {
        match execute(engine, session, call, engine.now_ms(), reply)? {
            Outcome::Done(_) => return Ok(()),
            Outcome::Wait(parked) => {
                if parked.cancel(engine) {
                    parked.finish(engine, &session.client);
                }
                return Ok(());
            }
            Outcome::Hold | Outcome::Again => std::thread::yield_now(),
        }
    }
}

/// Whether a line is of a web request, which pages can make a browser send to any port.
fn is_web(word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"POST") || word.eq_ignore_ascii_case(b"Host:")
}

/// Ends what CLIENT CACHING said: it holds for the next call, or the next transaction.
#[cold]
fn settle_caching(session: &mut Session, call: &Call<'_>) {
    let client = call.entry.is_some_and(|entry| entry.command.full_name.starts_with("client|"));
    session.caching = client || session.multi.is_some();
}

/// Whether the keys that a call reads are to be remembered for its client.
fn is_tracked(session: &Session, command: &Command) -> bool {
    command.has(flag::READ) && session.client.is(Flag::Tracking)
}

/// Counts a blocked call that has ended with `reply_len` bytes: it took no time of its own since it was parked.
pub fn count_parked(engine: &Engine, session: &mut Session, parked: &Parked, reply_len: usize, failed: bool) {
    session.tick = engine.metrics.tick();
    let calls = Calls::of(parked.argv());
    count::ended(engine, session, &calls.get(0), reply_len, failed);
}

/// Applies CLIENT REPLY to the reply behind `mark` of a call that ended well or `failed`. What subscribing confirms is sent as
/// messages are; EXEC has applied it to its calls.
#[cold]
fn mute(session: &mut Session, call: &Call<'_>, reply: &mut Reply, mark: Mark, failed: bool) {
    let exec = |command: &Command| matches!(command.run, Run::Nested(Nest::Exec));
    let told = call.entry.is_some_and(|entry| confirms(entry.command) || exec(entry.command));
    if failed || session.multi.is_some() || !told {
        reply.rewind(mark);
    }
    session.skip_on();
}

/// Whether the reply to a call comes later: then CLIENT REPLY is applied to it as [`mute_awaited`] does.
#[cold]
fn is_awaited(session: &Session, outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Wait(_)) || session.waitaof.is_some()
}

/// Applies CLIENT REPLY to the reply behind `mark` of a call that had to wait for it.
pub fn mute_awaited(session: &mut Session, reply: &mut Reply, mark: Mark) {
    if session.is_muted() {
        reply.rewind(mark);
    }
    session.skip_on();
}

/// Whether the reply to a command are messages, which say what the client listens to by then.
fn confirms(command: &Command) -> bool {
    command.group == Group::PubSub && command.has(flag::SUBSCRIBED)
}

/// Finds the command and asks the gates.
fn admit(engine: &Engine, session: &Session, call: &Call<'_>, now_ms: i64) -> Result<Verdict, Error> {
    let last = &session.client.command;
    last.store(0, Relaxed);
    let Some(entry) = call.entry else { return Err(unknown(call.argv)) };
    let command = entry.command;
    if matches!(command.run, Run::Container(_)) && call.argv.len() > 1 {
        return Err(unknown_subcommand(command, call.argv));
    }
    // Also if it is not run.
    last.store(entry.number as u32 + 1, Relaxed);
    if !command.takes(call.argv.len()) {
        return Err(Error::arity(command.full_name));
    }
    gate::ask(engine, session, command, call, now_ms)
}

/// Runs an admitted call.
fn execute(
    engine: &Engine,
    session: &mut Session,
    call: Call<'_>,
    now_ms: i64,
    reply: &mut Reply,
) -> Result<Outcome, Error> {
    let Some(entry) = call.entry else { return Err(unknown(call.argv)) };
    let command = entry.command;
    let args = Args::new(call.argv, 1 + usize::from(command.is_sub()));
    let tracked = is_tracked(session, command);
    match command.run {
        Run::Keyed(handler) => {
            let begin = begin(engine, session, command, now_ms);
            let Some(mut txn) = engine.keyspace.begin_soon(call.keys, begin, session.effects.get()) else {
                return Ok(Outcome::Hold);
            };
            if command.group == Group::Queue && queues::is_behind(&mut txn, call.keys) {
                serve(engine, engine.commit(txn).ready.into(), now_ms);
                if !catch_up(engine, begin.db, &call, now_ms) {
                    return Ok(Outcome::Again);
                }
                let begun = engine.keyspace.begin_soon(call.keys, begin, session.effects.get());
                let Some(again) = begun else { return Ok(Outcome::Hold) };
                txn = again;
            }
            if tracked {
                // What was due is gone before it is read.
                txn.expire_keys();
                engine.notify(txn.effects());
                engine.remember(&session.client, session.caching, call.keys);
            }
            let result = handler(&mut Keyed { args, txn: &mut txn, reply, command });
            // Also on error: what was done was done.
            let committed = engine.commit(txn);
            if !committed.ready.is_empty() {
                serve(engine, committed.ready.into(), now_ms);
            }
            if result.is_err() {
                session.failed_at = committed.lsn;
            }
            result.map(|()| Outcome::Done(committed.lsn))
        }
        Run::Waiting(handler) => {
            let begin = begin(engine, session, command, now_ms);
            let Some(mut txn) = engine.keyspace.begin_soon(call.keys, begin, session.effects.get()) else {
                return Ok(Outcome::Hold);
            };
            if command.group == Group::Queue {
                if queues::is_behind(&mut txn, call.keys) {
                    serve(engine, engine.commit(txn).ready.into(), now_ms);
                    if !catch_up(engine, begin.db, &call, now_ms) {
                        return Ok(Outcome::Again);
                    }
                    let begun = engine.keyspace.begin_soon(call.keys, begin, session.effects.get());
                    let Some(again) = begun else { return Ok(Outcome::Hold) };
                    txn = again;
                }
                let owner = command.has(flag::BLOCKING).then(|| session.client.owner());
                let progress = session.begun.as_ref().map(|begun| begun.0);
                txn.set_caller(Caller { owner, is_woken: false, progress });
            }
            if tracked {
                txn.expire_keys();
                engine.notify(txn.effects());
                engine.remember(&session.client, session.caching, call.keys);
            }
            match handler(&mut Keyed { args, txn: &mut txn, reply, command }) {
                Ok(Flow::Wait(wait)) => {
                    let parked = block::park(engine, &session.client, txn, wait, &call, reply.protocol());
                    Ok(Outcome::Wait(Box::new(parked)))
                }
                result => {
                    let committed = engine.commit(txn);
                    if !committed.ready.is_empty() {
                        serve(engine, committed.ready.into(), now_ms);
                    }
                    let before = session.begun.take().map_or(Reached::default(), |begun| begun.1);
                    let reached = committed.lsn.max(before);
                    match result {
                        Ok(Flow::Again(progress)) => {
                            session.begun = Some(Box::new((progress, reached)));
                            Ok(Outcome::Again)
                        }
                        Ok(_) => Ok(Outcome::Done(reached)),
                        Err(error) => {
                            session.failed_at = reached;
                            Err(error)
                        }
                    }
                }
            }
        }
        Run::Sweep(handler) => {
            let db = session.db;
            // It locks its keys by itself: a change in between is told before the reply, and one behind
            // it because they are remembered twice.
            if tracked {
                engine.remember(&session.client, session.caching, call.keys);
            }
            let held = Held::Nothing(Vec::new(), Reached::default());
            let mut sweep = Sweep { args, session, engine, reply, command, db, now_ms, held };
            let result = handler(&mut sweep);
            let (ready, lsn) = match sweep.held {
                Held::Nothing(ready, lsn) => (VecDeque::from(ready), lsn),
                Held::All(_) => unreachable!("a sweep keeps what it runs under"),
            };
            if tracked {
                engine.remember(&session.client, session.caching, call.keys);
            }
            serve(engine, ready, now_ms);
            result.map(|()| Outcome::Done(lsn))
        }
        Run::Outer(handler) => handler(&mut Outer { args, session, engine, reply, command })
            .map(|()| Outcome::Done(Reached::default())),
        Run::Slow(handler) => {
            let mut outer = Outer { args, session, engine, reply, command };
            tokio::task::block_in_place(|| handler(&mut outer)).map(|()| Outcome::Done(Reached::default()))
        }
        Run::Container(_) => {
            let bare = command.bare.ok_or_else(|| unknown(call.argv))?;
            bare(&mut Outer { args, session, engine, reply, command })
                .map(|()| Outcome::Done(Reached::default()))
        }
        Run::Nested(Nest::Exec) => multi::exec(engine, session, command, now_ms, reply),
        Run::Nested(Nest::Watch) => {
            let begin = begin(engine, session, command, now_ms);
            multi::watch(engine, session, call, begin, reply)
        }
        Run::Nested(Nest::Script(_)) => script::Turn { engine, session, call, now_ms, reply }.run(),
    }
}

/// Runs a call of EXEC or of a script over keys, within the transaction of either.
fn nested(
    engine: &Engine,
    session: &mut Session,
    call: Call<'_>,
    begin: Begin,
    txn: &mut Txn<'_>,
    reply: &mut Reply,
) -> Result<(), Error> {
    let result = run_nested(engine, session, call, begin, txn, reply);
    // What it found due is gone for the next.
    txn.expire_found();
    result
}

fn run_nested(
    engine: &Engine,
    session: &mut Session,
    call: Call<'_>,
    begin: Begin,
    txn: &mut Txn<'_>,
    reply: &mut Reply,
) -> Result<(), Error> {
    let Some(entry) = call.entry else { return Err(unknown(call.argv)) };
    let command = entry.command;
    let args = Args::new(call.argv, 1 + usize::from(command.is_sub()));
    if is_tracked(session, command) {
        // What the calls before this one did is no news to those who read it now.
        engine.notify(txn.effects());
        engine.remember(&session.client, session.caching, call.keys);
    }
    if let Run::Sweep(handler) = command.run {
        let mut txn = txn.nested_all(begin);
        let (db, now_ms, held) = (session.db, begin.now_ms, Held::All(&mut txn));
        return handler(&mut Sweep { args, session, engine, reply, command, db, now_ms, held });
    }
    let Some(mut txn) = txn.nested(call.keys, begin) else {
        return Err(Error::new("ERR A key of this call is not locked by its transaction"));
    };
    let txn = &mut txn;
    match command.run {
        Run::Keyed(handler) => handler(&mut Keyed { args, txn, reply, command }),
        Run::Waiting(handler) => {
            let mut progress = None;
            loop {
                if command.group == Group::Queue {
                    let owner = command.has(flag::BLOCKING).then(|| session.client.owner());
                    txn.set_caller(Caller { owner, is_woken: false, progress });
                }
                match handler(&mut Keyed { args, txn, reply, command })? {
                    Flow::Wait(wait) if wait.of_one => reply.null(),
                    Flow::Wait(_) => reply.null_array(),
                    Flow::Done => {}
                    // Nobody has a turn before the whole transaction is done.
                    Flow::Again(far) => {
                        progress = Some(far);
                        continue;
                    }
                }
                return Ok(());
            }
        }
        _ => Err(unknown(call.argv)),
    }
}

/// Brings the queues of calls that run under locks all at once to the present before these are taken.
fn catch_up_all(engine: &Engine, db: u32, call: &Call<'_>, now_ms: i64) {
    if engine.keyspace.agenda().first_ms().is_some_and(|first| first <= now_ms) {
        while !catch_up(engine, db, call, now_ms) {}
    }
}

/// Brings the queues of a call nearer to the present; `false` when more is due.
fn catch_up(engine: &Engine, db: u32, call: &Call<'_>, now_ms: i64) -> bool {
    let keys: Vec<&[u8]> = call.keys.iter().map(|key| key.bytes).collect();
    queues::catch_up(engine, db, &keys, now_ms)
}

fn begin(engine: &Engine, session: &Session, command: &'static Command, now_ms: i64) -> Begin {
    // TOUCH is about nothing else.
    let touches = command.name == "TOUCH";
    let access = Some(if touches { engine.access(now_ms) } else { engine.access_of(session, now_ms) });
    Begin { db: session.db, now_ms, access, event: command.event }
}

/// A word as C takes it, up to so many bytes.
fn shown(word: &[u8], len: usize) -> &[u8] {
    let word = until_nul(word);
    &word[..word.len().min(len)]
}

/// Words of an unknown command that its error shows, in bytes.
const UNKNOWN_MAX: usize = 128;

fn unknown(argv: &[&[u8]]) -> Error {
    let mut args = Vec::new();
    for word in &argv[1..] {
        if args.len() >= UNKNOWN_MAX {
            break;
        }
        args.extend([b"'", shown(word, UNKNOWN_MAX - args.len()), b"' "].concat());
    }
    let name = shown(argv[0], UNKNOWN_MAX);
    Error::parts(&[b"ERR unknown command '", name, b"', with args beginning with: ", &args])
}

fn unknown_subcommand(container: &Command, argv: &[&[u8]]) -> Error {
    let name = shown(argv.get(1).copied().unwrap_or_default(), UNKNOWN_MAX);
    Error::parts(&[b"ERR unknown subcommand '", name, b"'. Try ", container.name.as_bytes(), b" HELP."])
}

/// The commands this server has.
pub fn registry() -> &'static crate::command::Registry {
    crate::command::registry(commands::FAMILIES)
}
