//! A script that runs: what it may call, and whether it may go on.

use super::super::{Call, Single, count, gate, slots};
use super::code;
use crate::acl::Context;
use crate::base::clock;
use crate::command::{Args, Command, Error, Group, Outer, Reply, Run, flag};
use crate::commands::access::{self, Asked};
use crate::commands::scripts::prepare::Prepared;
use crate::config;
use crate::engine::{Engine, SCRIPT_SLOW, ScriptRun, Session, Slots};
use crate::keyspace::txn::Begin;
use crate::keyspace::{Txn, shown};
use crate::lua::{Flags, Host, Kind, Lasting, Level, Refused};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// A script that runs.
pub(super) struct Running<'a, 'k> {
    pub(super) engine: &'a Engine,
    pub(super) session: &'a mut Session,
    pub(super) txn: &'a mut Txn<'k>,
    pub(super) now_ms: i64,
    pub(super) flags: Flags,
    /// Whether the memory was full when the script began.
    pub(super) full: bool,
    /// Whether it has called a command that writes.
    pub(super) wrote: bool,
    /// The commands it has called.
    pub(super) calls: u64,
    /// When its latest call ended.
    pub(super) tick: u64,
    /// The slots of its keys.
    pub(super) slots: Slots,
    /// When it was looked at first.
    pub(super) since: Option<Instant>,
    /// Set once it is slow.
    pub(super) slow: Option<Arc<ScriptRun>>,
    /// Whether it runs on a copy of the data set: nobody waits for it, and nobody hears of it.
    pub(super) is_apart: bool,
    pub(super) about: (&'a Prepared<'a>, &'a [&'a [u8]]),
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

    fn json(&self) -> &Lasting {
        self.engine.scripts.json(self.about.0.kind)
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
            let begin: Begin = super::super::begin(self.engine, session, command, *now_ms);
            return super::super::nested(engine, session, call, begin, txn, reply);
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
        count::ended_within(self.engine, &mut self.tick, call, reply_len, failed);
        self.calls += 1;
        let is_shown = !call.entry.is_some_and(|entry| entry.command.has(flag::NO_MONITOR | flag::ADMIN));
        if self.engine.monitors.is_active() && is_shown {
            self.engine.monitors.send_from("lua", self.session.db, call.argv);
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
