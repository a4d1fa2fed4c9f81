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

use super::{Call, Outcome, Single, debugging, serve};
use super::{count, evict, gate, slots};
use crate::acl::Context;
use crate::base::clock;
use crate::command::{Args, Command, Error, Group, Nest, Outer, Reply, Run, flag};
use crate::commands::access::{self, Asked};
use crate::commands::scripts::prepare::{Prepared, memory_limit, prepare};
use crate::config;
use crate::engine::{Engine, Reached, ReplyMode, SCRIPT_SLOW, ScriptRun, Session, Slots};
use crate::keyspace::txn::Begin;
use crate::keyspace::{Keyspace, Txn, shown};
use crate::lua::{self, Failure, Flags, Host, Interp, Kind, Level, Refused, debug};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// EVAL and its kin, FCALL.
pub(super) fn run(
    engine: &Engine,
    session: &mut Session,
    call: Call<'_>,
    now_ms: i64,
    reply: &mut Reply,
) -> Result<Outcome, Error> {
    match session.debugging.filter(|_| debug::has_terminal()) {
        Some(how) => debugging::run(engine, session, call, now_ms, reply, how),
        None => run_on(engine, session, call, now_ms, reply, None),
    }
}

/// Runs a call on the data set, or on a copy of it, of which nobody hears and nothing is kept.
pub(super) fn run_on(
    engine: &Engine,
    session: &mut Session,
    call: Call<'_>,
    now_ms: i64,
    reply: &mut Reply,
    copy: Option<&Keyspace>,
) -> Result<Outcome, Error> {
    with(|interp| {
        // Room is made before any shard is locked.
        let full = gate::is_full(engine, now_ms) && !evict::make_room(engine, now_ms);
        let prepared = prepare_call(engine, interp, &call, full)?;
        let begin = super::begin(engine, session, command_of(&call)?, now_ms);
        super::catch_up_all(engine, session.db, &call, now_ms);
        // Its client may ask for other keys.
        let set = match prepared.declares_keys && !debug::is_on() {
            true => call.keys.iter().fold(0, |set, key| set | 1 << key.shard()),
            false => u64::MAX,
        };
        // Handlers see the session, so what they do is noted beside it.
        let mut effects = std::mem::take(&mut session.effects);
        let keyspace = copy.unwrap_or(&engine.keyspace);
        let Some(mut txn) = keyspace.begin_set_soon(set, begin, &mut effects) else {
            session.effects = effects;
            return Ok(Outcome::Hold);
        };
        let terms = Terms { now_ms, full, is_apart: copy.is_some() };
        let done = perform(engine, session, interp, &prepared, &call, terms, (&mut txn, reply));
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
        session.effects = effects;
        answer(engine, &prepared, &call, done, reply);
        Ok(Outcome::Done(lsn))
    })
}

/// Likewise inside of EXEC, whose transaction holds every shard.
pub(super) fn within(
    engine: &Engine,
    session: &mut Session,
    call: Call<'_>,
    now_ms: i64,
    txn: &mut Txn<'_>,
    reply: &mut Reply,
) -> Result<(), Error> {
    with(|interp| {
        let full = gate::is_full(engine, now_ms);
        let prepared = prepare_call(engine, interp, &call, full)?;
        let terms = Terms { now_ms, full, is_apart: false };
        let done = perform(engine, session, interp, &prepared, &call, terms, (txn, reply));
        answer(engine, &prepared, &call, done, reply);
        Ok(())
    })
}

fn with<R>(f: impl FnOnce(&Interp) -> Result<R, Error>) -> Result<R, Error> {
    lua::with(f).map_err(|why| Error::text(format!("ERR {why}")))?
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
    now_ms: i64,
    /// Whether the memory is full.
    full: bool,
    /// Whether it runs on a copy of the data set.
    is_apart: bool,
}

/// Runs a prepared script within `txn` and writes what it returned; tells whether that is an error.
fn perform(
    engine: &Engine,
    session: &mut Session,
    interp: &Interp,
    prepared: &Prepared<'_>,
    call: &Call<'_>,
    Terms { now_ms, full, is_apart }: Terms,
    (txn, reply): (&mut Txn<'_>, &mut Reply),
) -> Result<bool, Failure> {
    if engine.monitors.is_active() {
        // Before what it calls.
        engine.monitors.send(&session.client, session.db, call.argv, 0);
    }
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
        now_ms,
        flags: prepared.flags,
        full,
        wrote: false,
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
    let session = running.session;
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
fn answer(
    engine: &Engine,
    prepared: &Prepared<'_>,
    call: &Call<'_>,
    done: Result<bool, Failure>,
    reply: &mut Reply,
) {
    if let Some(entry) = call.entry
        && *done.as_ref().unwrap_or(&true)
    {
        engine.metrics.local().commands[entry.number].failed.add(1);
    }
    let count = |text: &[u8]| engine.metrics.count_script_error(&code(text));
    match done {
        Ok(_) => {}
        Err(Failure::Stopped { at }) => {
            let text = b"ERR Script killed by user with SCRIPT KILL...";
            count(text);
            tell(text.to_vec(), at, prepared, reply);
        }
        Err(Failure::Raised { text, at, counted }) => {
            if !counted {
                count(&text);
            }
            tell(text, at, prepared, reply);
        }
    }
}

/// Writes an error, with the script and the line it was raised in.
fn tell(mut text: Vec<u8>, at: Option<(String, i64)>, prepared: &Prepared<'_>, reply: &mut Reply) {
    // As C ends a text.
    text.truncate(memchr::memchr(0, &text).unwrap_or(text.len()));
    if let Some((source, line)) = at {
        text.extend_from_slice(b" script: ");
        text.extend_from_slice(prepared.name.bytes());
        text.extend_from_slice(format!(", on {source}:{line}.").as_bytes());
    }
    lua::error_line(&text, reply);
}

/// The code that an error counts under: its first word, where there is another.
fn code(text: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(memchr::memchr(b' ', text).map_or(b"ERR", |end| &text[..end]))
}

/// A script that runs.
struct Running<'a, 'k> {
    engine: &'a Engine,
    session: &'a mut Session,
    txn: &'a mut Txn<'k>,
    now_ms: i64,
    flags: Flags,
    /// Whether the memory was full when the script began.
    full: bool,
    /// Whether it has called a command that writes.
    wrote: bool,
    /// The slots of its keys.
    slots: Slots,
    /// When it was looked at first.
    since: Option<Instant>,
    /// Set once it is slow.
    slow: Option<Arc<ScriptRun>>,
    /// Whether it runs on a copy of the data set: nobody waits for it, and nobody hears of it.
    is_apart: bool,
    about: (&'a Prepared<'a>, &'a [&'a [u8]]),
}

impl Host for Running<'_, '_> {
    fn call(&mut self, argv: &[&[u8]], reply: &mut Reply) -> Result<(), Refused> {
        let single = Single::of(argv);
        let call = single.call();
        let command = self.admit(&call).map_err(|error| self.reject(&call, error))?;
        if command.has(flag::WRITE) && !self.wrote {
            self.wrote = true;
            if let Some(slow) = &self.slow {
                slow.wrote.store(true, Relaxed);
            }
        }
        if self.slots != Slots::Unasked {
            self.look_at_slots(&call);
        }
        let result = self.execute(call, command, reply);
        self.count(&call, reply.len(), result.is_err());
        result.map_err(|error| {
            self.engine.metrics.count_error(error.code());
            Refused { error, counted: true, ran: true }
        })
    }

    fn may_run(&mut self, argv: &[&[u8]]) -> Result<bool, Refused> {
        let single = Single::of(argv);
        let is_whole = |command: &Command| argv.len() == 1 || command.subcommands().is_empty();
        let Some(entry) = single.call().entry.filter(|entry| is_whole(entry.command)) else {
            let error = Error::new("ERR Invalid command passed to redis.acl_check_cmd()");
            return Err(Refused { error, counted: false, ran: false });
        };
        let user = self.session.user();
        let asked = Asked { entry, argv, db: self.session.db };
        Ok(user.is_unrestricted() || access::is_permitted(self.engine, user, &asked))
    }

    fn log(&mut self, level: Level, text: &str) {
        crate::commands::scripts::log(level, text);
    }

    fn returned_error(&mut self, text: &[u8]) {
        self.engine.metrics.count_script_error(&code(text));
    }

    fn may_go_on(&mut self) -> bool {
        if self.engine.stop.is_cancelled() {
            return false;
        }
        if self.is_apart {
            return true;
        }
        // The first look comes a millisecond or so after the begin.
        let since = *self.since.get_or_insert_with(Instant::now);
        let Some(slow) = &self.slow else {
            if since.elapsed() >= SCRIPT_SLOW {
                self.become_slow(since);
            }
            return true;
        };
        if !slow.is_busy.load(Relaxed) {
            let threshold = self.engine.settings.int(config::BUSY_REPLY_THRESHOLD);
            if threshold > 0 && since.elapsed() >= Duration::from_millis(threshold as u64) {
                tracing::warn!(
                    script = %String::from_utf8_lossy(&slow.name),
                    "a script runs for longer than busy-reply-threshold; SCRIPT KILL or FUNCTION KILL end it",
                );
                self.engine.scripts.busy(slow);
            }
        } else {
            // Others hear now that it is busy: its time goes on like theirs.
            self.session.frozen_us = Some(clock::system_us());
        }
        !slow.killed.load(Relaxed)
    }

    fn waits(&mut self) {
        if self.is_apart {
            if self.since.replace(Instant::now()).is_none() {
                hand_over();
            }
        } else if self.slow.is_none() {
            // Nobody is to find out by trying.
            let since = *self.since.get_or_insert_with(Instant::now);
            self.become_slow(since);
        }
    }
}

impl Running<'_, '_> {
    /// Finds the command and asks the gates of scripts.
    fn admit(&mut self, call: &Call<'_>) -> Result<&'static Command, Error> {
        let Some(entry) = call.entry else {
            return Err(Error::new("ERR Unknown Redis command called from script"));
        };
        let command = entry.command;
        if !command.takes(call.argv.len()) {
            return Err(Error::new("ERR Wrong number of args calling Redis command from script"));
        }
        if let Run::Container(_) = command.run
            && (call.argv.len() > 1 || command.bare.is_none())
        {
            return Err(Error::new("ERR Unknown Redis command called from script"));
        }
        if command.has(flag::NO_SCRIPT) && !self.engine.scripts_call_all.load(Relaxed) {
            return Err(Error::new("ERR This Redis command is not allowed from script"));
        }
        if !self.session.user().is_unrestricted() {
            gate::permit(self.engine, self.session, call, Context::Script).map_err(|(denied, asked)| {
                let why = access::denied(&self.session.user().name, &asked, denied, false);
                Error::text(format!("ERR ACL failure in script: {why}"))
            })?;
        }
        if command.has(flag::WRITE | flag::REPLICATES) && self.flags.has(Flags::NO_WRITES) {
            return Err(Error::new("ERR Write commands are not allowed from read-only scripts."));
        }
        // Once it wrote, it cannot be stopped in its middle.
        if !self.wrote {
            if self.full && command.has(flag::GROWS) && !self.flags.has(Flags::ALLOW_OOM) {
                return Err(Error::OUT_OF_MEMORY);
            }
            if command.has(flag::WRITE) {
                gate::may_write(self.engine)?;
                gate::has_replicas(self.engine)?;
            }
        }
        Ok(command)
    }

    /// Counts a script whose keys a cluster would not have together.
    #[cold]
    fn look_at_slots(&mut self, call: &Call<'_>) {
        // One that may reach several slots reaches them call by call.
        let apart = self.flags.has(Flags::COMPATIBLE) || self.flags.has(Flags::CROSS_SLOT);
        let mut own = Slots::None;
        let seen = if apart { &mut own } else { &mut self.slots };
        if !slots::add(seen, call) {
            self.slots = Slots::Unasked;
            self.engine.count_incompatible();
        }
    }

    /// Counts a call that was not run.
    fn reject(&self, call: &Call<'_>, error: Error) -> Refused {
        count::rejected(self.engine, call);
        self.engine.metrics.count_error(error.code());
        Refused { error, counted: true, ran: false }
    }

    fn execute(&mut self, call: Call<'_>, command: &'static Command, reply: &mut Reply) -> Result<(), Error> {
        let Self { engine, session, txn, now_ms, .. } = self;
        let engine = *engine;
        let outer = match command.run {
            Run::Outer(handler) | Run::Slow(handler) => Some(handler),
            Run::Container(_) => command.bare,
            _ => None,
        };
        let Some(handler) = outer else {
            let begin: Begin = super::begin(self.engine, session, command, *now_ms);
            return super::nested(engine, session, call, begin, txn, reply);
        };
        let args = Args::new(call.argv, 1 + usize::from(command.full_name.len() != command.name.len()));
        if self.is_apart && command.group == Group::PubSub && command.name.ends_with("PUBLISH") {
            reply.int(0);
            return Ok(());
        }
        // What it publishes comes behind the events of the calls before it.
        engine.notify(txn.effects());
        shown(txn, || handler(&mut Outer { args, session, engine, reply, command }))
    }

    /// Counts a call that was run, and shows it to those who MONITOR.
    fn count(&mut self, call: &Call<'_>, reply_len: usize, failed: bool) {
        count::ended(self.engine, self.session, call, reply_len, failed);
        self.session.client.commands.fetch_add(1, Relaxed);
        let is_shown = !call.entry.is_some_and(|entry| entry.command.has(flag::NO_MONITOR | flag::ADMIN));
        if self.engine.monitors.is_active() && is_shown {
            self.engine.monitors.send_from("lua", self.session.db, call.argv, 0);
        }
    }

    /// The script takes long: who waits is put off, and the other work of this thread goes on elsewhere.
    #[cold]
    fn become_slow(&mut self, since: Instant) {
        let (prepared, argv) = self.about;
        let run = Arc::new(ScriptRun {
            name: prepared.name.bytes().to_vec(),
            argv: argv.iter().map(|word| Box::from(*word)).collect(),
            is_function: prepared.kind == Kind::Function,
            since,
            wrote: AtomicBool::new(self.wrote),
            killed: AtomicBool::new(false),
            is_busy: AtomicBool::new(false),
        });
        self.engine.scripts.slow(run.clone());
        self.slow = Some(run);
        hand_over();
    }
}

/// How long a thread waits for another to take its other work over.
const HAND_OVER_MAX: Duration = Duration::from_millis(200);

/// Lets another thread go on with the other work of this one. Afterwards this thread runs the rest of its
/// present task alone.
fn hand_over() {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
    if runtime.runtime_flavor() != tokio::runtime::RuntimeFlavor::MultiThread {
        return;
    }
    tokio::task::block_in_place(|| {
        // The work is taken back when nobody has begun it: so wait until somebody has.
        let (taken, begun) = std::sync::mpsc::channel::<()>();
        runtime.spawn(async move { drop(taken) });
        let _ = begun.recv_timeout(HAND_OVER_MAX);
    });
}
