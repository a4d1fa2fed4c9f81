//! Scripts: what they call runs within one transaction over the shards of their keys, as one commit. So
//! nobody sees a part of one, and the log holds what it did (never the script) as one record.
//!
//! A script whose text shows that it touches no key but those it is given locks their shards alone, and
//! runs beside others; every other one locks all. It cannot lock more on its way: locks are taken in
//! ascending order, and what it did cannot be undone.
//!
//! ```text
//! time  0 ────── SLOW ─────────────── busy-reply-threshold ──────────▶
//!       │        │ the thread's other   │ clients are told -BUSY; SCRIPT KILL and FUNCTION KILL end it,
//!       │        │ work moves elsewhere │ unless it wrote
//! ```

mod running;

use self::running::Running;
use super::{Call, Outcome, debugging, evict, gate, serve};
use crate::base::clock;
use crate::base::text::until_nul;
use crate::command::{Command, Error, Nest, Reply, Run, flag};
use crate::commands::scripts::prepare::{Prepared, memory_limit, prepare};
use crate::engine::{Engine, Reached, ReplyMode, Session};
use crate::keyspace::{Keyspace, Txn};
use crate::lua::{self, Failure, Flags, Interp, debug};

/// A call of EVAL and its kin, or FCALL.
pub(super) struct Turn<'a> {
    pub engine: &'a Engine,
    pub session: &'a mut Session,
    pub call: Call<'a>,
    pub now_ms: i64,
    pub reply: &'a mut Reply,
}

impl Turn<'_> {
    /// Runs the call, as its client debugs scripts or does not.
    pub(super) fn run(mut self) -> Result<Outcome, Error> {
        match self.session.debugging.filter(|_| debug::has_terminal()) {
            Some(how) => debugging::run(self, how),
            None => self.run_on(None),
        }
    }

    /// Runs the call on the data set, or on a copy of it, of which nobody hears and nothing is kept.
    pub(super) fn run_on(&mut self, copy: Option<&Keyspace>) -> Result<Outcome, Error> {
        with(|interp| self.run_by(interp, copy))
    }

    fn run_by(&mut self, interp: &Interp, copy: Option<&Keyspace>) -> Result<Outcome, Error> {
        let Self { engine, session, call, now_ms, .. } = self;
        let (engine, now_ms) = (*engine, *now_ms);
        // Room is made before any shard is locked.
        let full = gate::is_full(engine, now_ms) && !evict::make_room(engine, now_ms);
        let prepared =
            prepare_call(engine, interp, call, full).inspect_err(|_| shown(engine, session, call))?;
        let begin = super::begin(engine, session, command_of(call)?, now_ms);
        super::catch_up_all(engine, session.db, call, now_ms);
        // Its client may ask for other keys.
        let set = match prepared.declares_keys && !debug::is_on() {
            true => call.keys.iter().fold(0, |set, key| set | 1 << key.shard()),
            false => u64::MAX,
        };
        // Handlers see the session, so what they do is noted beside it.
        let mut effects = std::mem::take(&mut session.effects);
        let keyspace = copy.unwrap_or(&engine.keyspace);
        let Some(mut txn) = keyspace.begin_set_soon(set, begin, effects.get()) else {
            session.effects = effects;
            return Ok(Outcome::Hold);
        };
        let terms = Terms { full, is_apart: copy.is_some() };
        let done = self.perform(interp, &prepared, terms, &mut txn);
        let is_cut_short = engine.stop.is_cancelled() && matches!(done, Err(Failure::Stopped { .. }));
        let lsn = if is_cut_short || copy.is_some() {
            // SHUTDOWN ended it in its middle, or it ran on a copy: nothing of it may be kept.
            drop(txn);
            Reached::default()
        } else {
            let committed = engine.commit(txn);
            serve(engine, committed.ready.into(), now_ms);
            committed.lsn
        };
        self.session.effects = effects;
        self.answer(&prepared, done);
        Ok(Outcome::Done(lsn))
    }

    /// Runs the call inside of EXEC, whose transaction holds every shard.
    pub(super) fn within(mut self, txn: &mut Txn<'_>) -> Result<(), Error> {
        with(|interp| {
            let Self { engine, session, call, now_ms, .. } = &self;
            let full = gate::is_full(engine, *now_ms);
            let prepared =
                prepare_call(engine, interp, call, full).inspect_err(|_| shown(engine, session, call))?;
            let done = self.perform(interp, &prepared, Terms { full, is_apart: false }, txn);
            self.answer(&prepared, done);
            Ok(())
        })
    }

    /// Runs a prepared script within `txn` and writes what it returned; tells whether that is an error.
    fn perform(
        &mut self,
        interp: &Interp,
        prepared: &Prepared<'_>,
        Terms { full, is_apart }: Terms,
        txn: &mut Txn<'_>,
    ) -> Result<bool, Failure> {
        let Self { engine, session, call, now_ms, reply } = self;
        let engine = *engine;
        // Before what it calls.
        shown(engine, session, call);
        let (db, nested, slots) = (session.db, session.nested, session.slots);
        let reply_mode = std::mem::replace(&mut session.reply_mode, ReplyMode::On);
        session.nested = true;
        let frozen_us = session.frozen_us;
        session.frozen_us = frozen_us.or(Some(clock::system_us()));
        session.in_script = true;
        let mut running = Running {
            engine,
            session,
            txn,
            now_ms: *now_ms,
            flags: prepared.flags,
            full,
            wrote: false,
            calls: 0,
            tick: engine.metrics.tick(),
            slots,
            since: None,
            slow: None,
            is_apart,
            about: (prepared, call.argv),
        };
        let limit = memory_limit(engine);
        let Prepared { kind, words, function, .. } = prepared;
        let done = interp.call(*kind, function, *words, limit, &mut running, reply);
        if let Some(slow) = running.slow.take() {
            engine.scripts.ended(&slow);
        }
        let Running { session, calls, .. } = running;
        session.client.commands.add(calls);
        session.nested = nested;
        session.frozen_us = frozen_us;
        session.in_script = false;
        session.reply_mode = reply_mode;
        if session.db != db {
            // A script's SELECT is its own.
            session.select(db);
        }
        done
    }

    /// Counts a script's error, and writes it unless the script returned it.
    fn answer(&mut self, prepared: &Prepared<'_>, done: Result<bool, Failure>) {
        let Self { engine, call, reply, .. } = self;
        if let Some(entry) = call.entry
            && *done.as_ref().unwrap_or(&true)
        {
            engine.metrics.local().commands[entry.number].failed.add(1);
        }
        let (text, at, counted) = match done {
            Ok(_) => return,
            Err(Failure::Stopped { at }) => {
                (b"ERR Script killed by user with SCRIPT KILL...".to_vec(), at, false)
            }
            Err(Failure::Raised { text, at, counted }) => (text, at, counted),
        };
        let line = whole(text, at, prepared);
        if !counted {
            engine.metrics.count_script_error(&code(&line));
        }
        lua::error_line(&line, reply);
    }
}

fn with<R>(f: impl FnOnce(&Interp) -> Result<R, Error>) -> Result<R, Error> {
    lua::with(f).map_err(|why| Error::text(format!("ERR {why}")))?
}

/// Shows a call to those who MONITOR: once, whether its script runs or is refused.
fn shown(engine: &Engine, session: &Session, call: &Call<'_>) {
    if engine.monitors.is_active() {
        engine.monitors.send(&session.client, session.db, call.argv);
    }
}

pub(super) fn command_of(call: &Call<'_>) -> Result<&'static Command, Error> {
    call.entry.map(|entry| entry.command).ok_or_else(|| super::unknown(call.argv))
}

/// Finds what a call runs, and refuses what it may not run now.
fn prepare_call<'a>(
    engine: &Engine,
    interp: &Interp,
    call: &Call<'a>,
    full: bool,
) -> Result<Prepared<'a>, Error> {
    let command = command_of(call)?;
    let Run::Nested(Nest::Script(source)) = command.run else { return Err(super::unknown(call.argv)) };
    let mut prepared = prepare(engine, interp, source, call.argv)?;
    let flags = prepared.flags;
    let read_only = command.has(flag::READ);
    if flags.has(Flags::NO_CLUSTER) {
        engine.count_incompatible();
    }
    if !flags.has(Flags::COMPATIBLE) && !flags.has(Flags::NO_WRITES) {
        if read_only {
            return Err(Error::new("ERR Can not execute a script with write flag using *_ro command."));
        }
        gate::has_replicas(engine)?;
        if !flags.has(Flags::ALLOW_OOM) && full {
            return Err(Error::new(
                "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'",
            ));
        }
    }
    if read_only {
        prepared.flags = flags.with(Flags::NO_WRITES);
    }
    Ok(prepared)
}

/// What a script finds when it begins.
#[derive(Clone, Copy)]
struct Terms {
    /// Whether the memory is full.
    full: bool,
    /// Whether it runs on a copy of the data set.
    is_apart: bool,
}

/// An error's text, with the script and the place it was raised in.
fn whole(mut text: Vec<u8>, at: Option<String>, prepared: &Prepared<'_>) -> Vec<u8> {
    text.truncate(until_nul(&text).len());
    if let Some(at) = at {
        text.extend_from_slice(b" script: ");
        text.extend_from_slice(prepared.name.bytes());
        text.extend_from_slice(format!(", on {at}.").as_bytes());
    }
    text
}

/// The code that an error counts under: its first word, where there is another. Ends of lines are told as blanks.
fn code(text: &[u8]) -> std::borrow::Cow<'_, str> {
    let end = memchr::memchr3(b' ', b'\r', b'\n', text);
    String::from_utf8_lossy(end.map_or(b"ERR", |end| &text[..end]))
}
