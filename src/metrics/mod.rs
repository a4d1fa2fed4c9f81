//! Floor 2: counters. Every thread counts for itself; readers add the threads up.

mod process;
mod rates;

pub use crate::base::counter::Counter;
pub use crate::base::histogram::Histogram;
pub use process::{CpuTime, Memory, cpu_time, system_memory};
pub use rates::Rates;

use crate::base::heap::Heap;
use parking_lot::Mutex;
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The counters of one thread.
        #[derive(Debug, Default)]
        pub struct Counters { $($(#[$doc])* pub $name: Counter,)* }

        /// The counters of all threads together.
        #[derive(Clone, Debug, Default)]
        pub struct Totals { $($(#[$doc])* pub $name: u64,)* }

        impl Totals {
            fn add(&mut self, counters: &Counters) {
                $(self.$name += counters.$name.get();)*
            }
        }

        impl Counters {
            fn clear(&self) {
                $(self.$name.clear();)*
            }
        }
    };
}

counters! {
    /// Commands run.
    commands,
    /// Nanoseconds of what scripts called, which the scripts' own calls took as well.
    nested_ns,
    /// Keys found by readers.
    keyspace_hits,
    /// Keys readers did not find.
    keyspace_misses,
    /// Keys removed because they were due.
    expired_keys,
    /// Of these, those that nobody asked for: removed in the background.
    expired_keys_active,
    /// Fields of hashes removed because they were due.
    expired_fields,
    /// Of these, those removed in the background.
    expired_fields_active,
    /// Nanoseconds spent on removing due keys in the background.
    expiry_ns,
    /// Times it was looked for keys that are due, with what there was to remove.
    cron_turns,
    /// Nanoseconds these took.
    cron_ns,
    /// Times that ran out before all due keys were removed.
    expiry_overruns,
    /// Bytes read from clients.
    net_input_bytes,
    /// Bytes written to clients.
    net_output_bytes,
    /// Reads from sockets.
    reads,
    /// Writes to sockets.
    writes,
    /// Error replies.
    error_replies,
    /// Of these, those to commands of an append-only file that was read.
    unexpected_errors,
    /// Clients closed for sending too much without a whole request.
    input_overruns,
    /// Clients closed for not reading what they are sent.
    output_overruns,
    /// Messages handed to subscribers.
    pubsub_messages,
    /// Failed attempts to authenticate.
    auth_failures,
    /// Calls refused because of their command.
    denied_commands,
    /// Calls refused because of a key.
    denied_keys,
    /// Calls refused because of a channel.
    denied_channels,
    /// Calls refused because of a database.
    denied_databases,
    /// Connections whose certificate names no user.
    denied_certificates,
    /// Uses that a cluster would refuse.
    cluster_incompatible,
}

impl Counters {
    /// What was refused to users.
    fn refused(&self) -> [&Counter; 6] {
        [
            &self.auth_failures,
            &self.denied_commands,
            &self.denied_keys,
            &self.denied_channels,
            &self.denied_databases,
            &self.denied_certificates,
        ]
    }
}

/// What one thread counted of one command.
#[derive(Debug, Default)]
pub struct CommandCounters {
    /// Calls that were run.
    pub calls: Counter,
    /// Time they took, in nanoseconds.
    pub ns: Counter,
    /// Calls refused before they were run.
    pub rejected: Counter,
    /// Calls that answered an error.
    pub failed: Counter,
    /// How long the calls took.
    pub latency: Histogram,
}

/// What one command did, all threads together.
#[derive(Clone, Debug, Default)]
pub struct CommandTotals {
    /// Calls that were run.
    pub calls: u64,
    /// Time they took, in nanoseconds.
    pub ns: u64,
    /// Calls refused before they were run.
    pub rejected: u64,
    /// Calls that answered an error.
    pub failed: u64,
    /// How long the calls took: calls per bucket of [`Histogram`].
    pub latency: Vec<u64>,
}

/// The most that one round of calls came to, on one thread.
#[derive(Debug, Default)]
pub struct Peaks {
    /// Calls answered.
    pub calls: Counter,
    /// Nanoseconds they took together.
    pub ns: Counter,
}

/// The counters of one thread.
#[derive(Debug)]
pub struct Local {
    /// The server's counters.
    pub counters: Counters,
    /// What is told of rounds.
    pub peaks: Peaks,
    /// Changes made to the data set; never cleared, as the rules of `save` count them.
    pub changes: Counter,
    /// The commands', by [`crate::metrics::Metrics`]' numbering.
    pub commands: Box<[CommandCounters]>,
    /// Whether a thread counts here; when it has ended, another goes on with its counters.
    taken: AtomicBool,
}

/// Leaves the counters of a thread that ends to another.
struct Leaving(Cell<Option<&'static Local>>);

impl Drop for Leaving {
    fn drop(&mut self) {
        LOCAL.set(None);
        self.0.take().inspect(|local| local.taken.store(false, Release));
    }
}

impl Local {
    /// Counts a call of the command with this `number` that took `ns` nanoseconds.
    #[inline(always)]
    pub fn count_call(&self, number: usize, ns: u64, failed: bool, tracks_latency: bool) {
        self.counters.commands.add(1);
        let command = &self.commands[number];
        command.calls.add(1);
        command.ns.add(ns);
        if failed {
            command.failed.add(1);
        }
        if tracks_latency {
            command.latency.record(ns);
        }
    }
}

/// The counters of a server.
#[derive(Debug)]
pub struct Metrics {
    /// The CPU's time-stamp counter.
    clock: quanta::Clock,
    /// Nanoseconds of 2^32 of its ticks.
    tick_ns: u64,
    id: u64,
    commands: usize,
    threads: Mutex<Vec<&'static Local>>,
    /// Error replies by code.
    errors: Mutex<Vec<(String, u64)>>,
}

thread_local! {
    static LOCAL: Cell<Option<(u64, &'static Local)>> = const { Cell::new(None) };
    static LEAVING: Leaving = const { Leaving(Cell::new(None)) };
}

/// Error codes from which on those that scripts make up are counted together, as Valkey does.
const ERROR_CODES_MAX: usize = 128;
/// What these are counted as.
const OVERFLOW: &str = "ERRORSTATS_OVERFLOW";

impl Metrics {
    /// Counters for a server with `commands` commands.
    pub fn new(commands: usize) -> Self {
        static IDS: AtomicU64 = AtomicU64::new(1);
        let clock = quanta::Clock::new();
        Self {
            tick_ns: clock.delta_as_nanos(0, 1 << 32),
            clock,
            id: IDS.fetch_add(1, Relaxed),
            commands,
            threads: Mutex::default(),
            errors: Mutex::default(),
        }
    }

    /// The time-stamp counter now, for [`Metrics::lap`].
    pub fn tick(&self) -> u64 {
        self.clock.raw()
    }

    /// Nanoseconds since `tick`, which becomes now.
    #[inline]
    pub fn lap(&self, tick: &mut u64) -> u64 {
        let now = self.clock.raw();
        self.between(std::mem::replace(tick, now), now)
    }

    /// Nanoseconds from one tick to another; 0 if that came before.
    #[inline]
    pub fn between(&self, from: u64, to: u64) -> u64 {
        ((u128::from(to.saturating_sub(from)) * u128::from(self.tick_ns)) >> 32) as u64
    }

    /// The counters of the calling thread. They live as long as the process: threads are few, and follow each other.
    #[inline]
    pub fn local(&self) -> &'static Local {
        match LOCAL.get() {
            Some((id, local)) if id == self.id => local,
            _ => self.enter(),
        }
    }

    #[cold]
    fn enter(&self) -> &'static Local {
        let mut threads = self.threads.lock();
        let left = threads.iter().find(|local| !local.taken.swap(true, Acquire)).copied();
        let local = left.unwrap_or_else(|| {
            let commands = (0..self.commands).map(|_| CommandCounters::default()).collect();
            let (counters, peaks, changes) = (Counters::default(), Peaks::default(), Counter::default());
            let local = Local { counters, peaks, changes, commands, taken: AtomicBool::new(true) };
            Heap::keep_at_hand((size_of_val(&local) + size_of_val(&*local.commands)) as isize);
            threads.push(Box::leak(Box::new(local)));
            threads[threads.len() - 1]
        });
        LOCAL.set(Some((self.id, local)));
        // One that ends right now takes them along: there is nobody left to say so.
        let before = LEAVING.try_with(|leaving| leaving.0.replace(Some(local)));
        before.ok().flatten().inspect(|local| local.taken.store(false, Release));
        local
    }

    /// The server's counters, all threads together.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        self.threads.lock().iter().for_each(|local| totals.add(&local.counters));
        totals
    }

    /// Calls of the largest round, and nanoseconds of the longest.
    pub fn peaks(&self) -> (u64, u64) {
        let threads = self.threads.lock();
        let most = |peak: fn(&Peaks) -> &Counter| threads.iter().map(|local| peak(&local.peaks).get()).max();
        (most(|peaks| &peaks.calls).unwrap_or(0), most(|peaks| &peaks.ns).unwrap_or(0))
    }

    /// Changes made to the data set so far, by all threads.
    pub fn changes(&self) -> u64 {
        self.threads.lock().iter().map(|local| local.changes.get()).sum()
    }

    /// The counters of the command with this number, all threads together.
    pub fn command(&self, number: usize) -> CommandTotals {
        let mut totals = CommandTotals::default();
        for local in self.threads.lock().iter() {
            let command = &local.commands[number];
            totals.calls += command.calls.get();
            totals.ns += command.ns.get();
            totals.rejected += command.rejected.get();
            totals.failed += command.failed.get();
            command.latency.add_to(&mut totals.latency);
        }
        totals
    }

    /// How long the calls of all commands took: calls per bucket of [`Histogram`].
    pub fn latency(&self) -> Vec<u64> {
        let mut totals = Vec::new();
        for local in self.threads.lock().iter() {
            let called = local.commands.iter().filter(|command| command.calls.get() > 0);
            called.for_each(|command| command.latency.add_to(&mut totals));
        }
        totals
    }

    /// Nanoseconds that all commands together took.
    pub fn command_ns(&self) -> u64 {
        let threads = self.threads.lock();
        let all: u64 = threads.iter().flat_map(|local| &local.commands).map(|command| command.ns.get()).sum();
        all.saturating_sub(threads.iter().map(|local| local.counters.nested_ns.get()).sum())
    }

    /// Counts an error reply by its code, which is one of the server's own: there are few.
    pub fn count_error(&self, code: &str) {
        self.count_error_of(code, usize::MAX);
    }

    /// Counts an error reply by its code, which a script may have made up.
    pub fn count_script_error(&self, code: &str) {
        self.count_error_of(code, ERROR_CODES_MAX);
    }

    /// Counts an error reply, by its code if that is known or fewer than `codes_max` are.
    fn count_error_of(&self, code: &str, codes_max: usize) {
        self.local().counters.error_replies.add(1);
        let mut errors = self.errors.lock();
        let place = |errors: &[(String, u64)], code| errors.iter().position(|(known, _)| known == code);
        let (mut found, mut code) = (place(&errors, code), code);
        if found.is_none() && errors.len() >= codes_max {
            (found, code) = (place(&errors, OVERFLOW), OVERFLOW);
        }
        match found {
            Some(at) => errors[at].1 += 1,
            None => errors.push((code.to_string(), 1)),
        }
    }

    /// Error replies by code.
    pub fn errors(&self) -> Vec<(String, u64)> {
        self.errors.lock().clone()
    }

    /// Sets everything that is only told to zero (CONFIG RESETSTAT), but what was refused to users, as in Redis.
    pub fn reset(&self) {
        for local in self.threads.lock().iter() {
            let refused = local.counters.refused().map(Counter::get);
            local.counters.clear();
            local.counters.refused().into_iter().zip(refused).for_each(|(counter, n)| counter.add(n));
            local.peaks.calls.clear();
            local.peaks.ns.clear();
            for command in &local.commands {
                command.calls.clear();
                command.ns.clear();
                command.rejected.clear();
                command.failed.clear();
                command.latency.clear();
            }
        }
        self.errors.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::Metrics;

    #[test]
    fn a_thread_goes_on_with_the_counters_of_one_that_ended() {
        let metrics = Metrics::new(2);
        let count = || {
            metrics.local().count_call(1, 5, false, true);
            std::ptr::from_ref(metrics.local()).addr()
        };
        let run = || std::thread::scope(|scope| scope.spawn(count).join().unwrap());
        let own = count();
        let first = run();
        assert_ne!(first, own);
        assert_eq!(run(), first);
        assert_eq!(metrics.command(1).calls, 3);
        // A thread that counts for another server meanwhile leaves its place.
        Metrics::new(1).local();
        assert_eq!(run(), own);
    }
}
