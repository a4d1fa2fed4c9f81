//! Transactions: calls are queued after MULTI and run by EXEC under the locks of all their keys, as
//! one commit. So nobody sees a part of them, and the log holds them as one record. Only a call that turns the log on or off
//! parts it, as that needs all shards free.

use super::script::Turn;
use super::{Call, Calls, Outcome, count, gate, serve, unknown};
use crate::acl::{Context, Denied};
use crate::base::clock;
use crate::base::number::parse_i64;
use crate::command::{Args, Command, Error, Group, Nest, Outer, Reply, Run};
use crate::config::{self, Name};
use crate::engine::{Client, Engine, Flag, Held, Queue, Reached, Ready, Session};
use crate::keyspace::txn::Begin;
use crate::keyspace::{Key, Txn};
use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;

/// Queues an admitted call.
pub(super) fn enqueue(
    engine: &Engine,
    queue: &mut Queue,
    client: &Client,
    call: &Call<'_>,
    reply: &mut Reply,
) {
    reply.status("QUEUED");
    if queue.is_aborted() || client.touched.is_set() {
        // EXEC will run nothing.
        return;
    }
    let flags = call.entry.map_or(0, |entry| gate::flags_of(engine, entry.command, call.argv));
    queue.push(call.argv, flags);
    if call.entry.is_some_and(|entry| entry.command.full_name == "select")
        && let Some(db) =
            call.argv.get(1).and_then(|word| parse_i64(word)).and_then(|db| u32::try_from(db).ok())
    {
        queue.select(db);
    }
    client.multi.store(queue.len() as i32, Relaxed);
    client.multi_len.store(queue.bytes(), Relaxed);
}

/// What a refused call means to a transaction: it will not run, or, if the call was EXEC, has ended.
pub(super) fn refuse(engine: &Engine, session: &mut Session, call: &Call<'_>, error: Error) -> Error {
    if call.entry.is_some_and(|entry| matches!(entry.command.run, Run::Nested(Nest::Exec))) {
        session.discard(engine);
        let why = error.as_bytes();
        let why = why.strip_prefix(b"ERR ").unwrap_or(why);
        return Error::parts(&[b"EXECABORT Transaction discarded because of: ", why]);
    }
    if let Some(queue) = &mut session.multi {
        queue.abort();
    }
    error
}

/// EXEC: runs what was queued, unless a call was refused or a watched key was touched.
pub(super) fn exec(
    engine: &Engine,
    session: &mut Session,
    command: &'static Command,
    now_ms: i64,
    reply: &mut Reply,
) -> Result<Outcome, Error> {
    let Some(queue) = session.multi.take() else { return Err(Error::new("ERR EXEC without MULTI")) };
    if queue.is_aborted() {
        session.discard(engine);
        return Err(Error::new("EXECABORT Transaction discarded because of previous errors."));
    }
    match exec_queue(engine, session, command, &queue, now_ms, reply) {
        Some(lsn) => Ok(Outcome::Done(lsn)),
        None => {
            session.multi = Some(queue);
            Ok(Outcome::Hold)
        }
    }
}

/// Runs what was queued; `None` when a script holds its shards and takes its time.
fn exec_queue(
    engine: &Engine,
    session: &mut Session,
    command: &'static Command,
    queue: &Queue,
    now_ms: i64,
    reply: &mut Reply,
) -> Option<Reached> {
    // Handlers see the session, so what they do is noted beside it.
    let mut effects = std::mem::take(&mut session.effects);
    let calls = decode(queue);
    let needed = shards(&calls, session);
    for call in (0..calls.len()).map(|i| calls.get(i)) {
        if call.entry.is_some_and(|entry| entry.command.group == Group::Queue) {
            super::catch_up_all(engine, session.db, &call, now_ms);
        }
    }
    session.frozen_us = Some(clock::system_us());
    let began = session.tick;
    let mut done = Exec { engine, session, now_ms, reply, ready: VecDeque::new(), lsn: Reached::default() };
    let mut at = 0;
    loop {
        let begin = super::begin(done.engine, done.session, command, now_ms);
        let Some(mut txn) = (match at {
            0 => engine.keyspace.begin_set_soon(needed, begin, effects.get()),
            _ => Some(engine.keyspace.begin_set(needed, begin, effects.get())),
        }) else {
            session.frozen_us = None;
            session.effects = effects;
            return None;
        };
        if at == 0 && !done.start(calls.len(), &mut txn) {
            at = calls.len();
        }
        while at < calls.len() && !switches_log(&calls.get(at)) {
            done.call(calls.get(at), Some(&mut txn));
            at += 1;
        }
        done.commit(txn);
        if at == calls.len() {
            break;
        }
        done.call(calls.get(at), None);
        at += 1;
    }
    let Exec { ready, lsn, .. } = done;
    // By the time it has become: keys may be due by now.
    serve(engine, ready, engine.now_ms());
    session.nested = false;
    session.tick = began;
    session.frozen_us = None;
    session.effects = effects;
    session.client.set(Flag::Multi, false);
    session.client.multi.store(-1, Relaxed);
    session.client.multi_len.store(0, Relaxed);
    Some(lsn)
}

/// Whether a call may turn the log on or off: it runs between the locks.
fn switches_log(call: &Call<'_>) -> bool {
    let names = |word: &&[u8]| Name::find(word) == Some(config::APPENDONLY);
    call.entry.is_some_and(|entry| entry.command.full_name == "config|set")
        && call.argv[2..].iter().step_by(2).any(names)
}

/// A transaction being run.
struct Exec<'a> {
    engine: &'a Engine,
    session: &'a mut Session,
    now_ms: i64,
    reply: &'a mut Reply,
    ready: VecDeque<Ready>,
    lsn: Reached,
}

impl Exec<'_> {
    /// Begins the reply to `calls` calls; false when a watched key was touched, so that none may run.
    fn start(&mut self, calls: usize, txn: &mut Txn<'_>) -> bool {
        let touched = self.session.watched.end(txn);
        self.session.client.watches_nothing();
        match touched {
            _ if self.session.is_muted() => {}
            true => self.reply.null_array(),
            false => self.reply.array(calls),
        }
        self.session.nested = !touched;
        !touched
    }

    /// Runs one call; its error is its reply.
    fn call(&mut self, call: Call<'_>, txn: Option<&mut Txn<'_>>) {
        let mark = self.reply.mark();
        let result = self.run(call, txn);
        let failed = result.is_err();
        if let Err(error) = result {
            self.reply.rewind(mark);
            self.reply.error(&error);
            self.engine.metrics.count_error(error.code());
        }
        count::ended(self.engine, self.session, &call, self.reply.len_since(mark), failed);
        count::watched(self.engine, self.session, &call);
        let told = || !failed && call.entry.is_some_and(|entry| super::confirms(entry.command));
        if self.session.is_muted() && !told() {
            self.reply.rewind(mark);
        }
    }

    fn run(&mut self, call: Call<'_>, txn: Option<&mut Txn<'_>>) -> Result<(), Error> {
        let Self { engine, session, now_ms, reply, .. } = self;
        let (engine, now_ms) = (*engine, *now_ms);
        let Some(entry) = call.entry else { return Err(unknown(call.argv)) };
        let command = entry.command;
        if !session.user().is_unrestricted() {
            permit(engine, session, &call)?;
        }
        let args = Args::new(call.argv, 1 + usize::from(command.full_name.len() != command.name.len()));
        let outer = match command.run {
            Run::Outer(handler) | Run::Slow(handler) => Some(handler),
            Run::Container(_) => command.bare,
            _ => None,
        };
        if let Some(handler) = outer {
            // What it publishes comes behind the events of the calls before it.
            txn.into_iter().for_each(|txn| engine.notify(txn.effects()));
            return handler(&mut Outer { args, session, engine, reply, command });
        }
        let Some(txn) = txn else { return Err(unknown(call.argv)) };
        let begin = super::begin(engine, session, command, now_ms);
        match command.run {
            Run::Keyed(_) | Run::Waiting(_) | Run::Sweep(_) => {
                super::nested(engine, session, call, begin, txn, reply)
            }
            Run::Nested(Nest::Script(_)) => Turn { engine, session, call, now_ms, reply }.within(txn),
            _ => Err(unknown(call.argv)),
        }
    }

    fn commit(&mut self, txn: Txn<'_>) {
        let committed = self.engine.commit(txn);
        self.ready.extend(committed.ready);
        self.lsn = self.lsn.max(committed.lsn);
    }
}

/// Asks the user's rules again: they may have changed since the call was queued.
#[cold]
fn permit(engine: &Engine, session: &Session, call: &Call<'_>) -> Result<(), Error> {
    gate::permit(engine, session, call, Context::Multi).map_err(|(denied, _)| {
        let reason = match denied {
            Denied::Command => "no permission to execute the command or subcommand",
            Denied::Key(_) => "no permission to touch the specified keys",
            Denied::Channel(_) => {
                "no permission to access one of the channels used as arguments to the command"
            }
            Denied::Database(_) => "no permission to access the database",
        };
        Error::text(format!(
            "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This \
             command is no longer allowed for the following reason: {reason}"
        ))
    })
}

/// WATCH: EXEC will run nothing if one of these keys is touched before.
pub(super) fn watch(
    engine: &Engine,
    session: &mut Session,
    call: Call<'_>,
    begin: Begin,
    reply: &mut Reply,
) -> Result<Outcome, Error> {
    if session.multi.is_some() {
        return Err(Error::new("ERR WATCH inside MULTI is not allowed"));
    }
    if session.watched.is_touched() {
        // EXEC will run nothing whatever becomes of these.
        reply.ok();
        return Ok(Outcome::Done(Reached::default()));
    }
    let begun = engine.keyspace.begin_soon(call.keys, begin, session.effects.get());
    let Some(mut txn) = begun else { return Ok(Outcome::Hold) };
    let held = &session.client.held[Held::Watched as usize];
    for key in call.keys {
        if session.watched.add(&mut txn, key.bytes) {
            held.fetch_add(Held::bytes(key.bytes.len()), Relaxed);
        }
    }
    session.client.watched.store(session.watched.len() as u32, Relaxed);
    let committed = engine.commit(txn);
    serve(engine, committed.ready.into(), begin.now_ms);
    reply.ok();
    Ok(Outcome::Done(committed.lsn))
}

pub(super) fn decode(queue: &Queue) -> Calls<'_> {
    let mut calls = Calls::default();
    queue.calls().for_each(|argv| calls.push(argv));
    calls
}

/// The shards that queued calls and the watch need; all when a call walks over the keyspace.
fn shards(calls: &Calls<'_>, session: &Session) -> u64 {
    let watched = session.watched.places().fold(0, |set, (_, key)| set | 1 << Key::new(key).shard());
    (0..calls.len()).map(|i| calls.get(i)).fold(watched, |set, call| {
        match call.entry.map(|e| e.command.run) {
            Some(Run::Sweep(_) | Run::Nested(_)) => u64::MAX,
            _ => call.keys.iter().fold(set, |set, key| set | 1 << key.shard()),
        }
    })
}
