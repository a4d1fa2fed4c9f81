//! Replay: the effects in the log run again, by the handlers that made them.
//!
//! Records about different shards run in parallel: each worker has shards of its own, and gets their
//! records in order. A record about shards of several workers, or about the whole keyspace, runs when
//! all before it are done and before any behind it.
//!
//! ```text
//! segment ──▶ records ──┬─ shards 0, 2, 4, … ─▶ worker 0 ──▶ prefetch, handlers
//!                       ├─ shards 1, 3, 5, … ─▶ worker 1
//!                       └─ both, or all: wait for the workers, then run here
//! ```

use super::{Call, Calls, begin, unknown};
use crate::base::ops::{Malformed, Op};
use crate::command::{Args, Error, Held, Keyed, Outer, Reply, Run, Sweep};
use crate::engine::{Client, Engine, Reached, Session};
use crate::keyspace::{Effects, SHARDS};
use crate::log::record::Record;
use crate::log::recover::Records;
use crate::log::{Fault, Lsn};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Barrier};
use std::thread;

/// Records handed to a worker at once.
const BATCH: usize = 128;
/// Such batches waiting for a worker.
const QUEUE: usize = 16;
/// Effects whose keys are brought into the cache together.
const AHEAD: usize = 64;
/// Bytes replayed from one note of progress to the next.
const PROGRESS: u64 = 1 << 20;

/// Why a record cannot be replayed, and which.
#[derive(Clone, Debug)]
struct Senseless(Lsn, String);

/// What a worker is sent.
enum Work<'a> {
    Records(Vec<Record<'a>>),
    /// Wait here for the others.
    Meet(Arc<Barrier>),
}

/// Replays the records of one segment with so many `workers`.
///
/// # Errors
/// When a record makes no sense; some behind it may have been replayed.
pub fn segment(engine: &Engine, records: &mut Records<'_>, workers: usize) -> Result<(), Fault> {
    let workers = workers.clamp(1, SHARDS);
    let done = std::thread::scope(|scope| {
        let mut inboxes = Vec::new();
        let mut threads = Vec::new();
        for _ in 0..workers {
            let (sender, receiver) = sync_channel(QUEUE);
            inboxes.push(sender);
            threads.push(scope.spawn(|| work(engine, receiver)));
        }
        let sent = Foreman { engine, inboxes, gathered: vec![Vec::new(); workers] }.send(records);
        // The inboxes are closed: the workers come to an end.
        let done = threads.into_iter().map(|thread| match thread.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        done.fold(sent, |first, next| match (first, next) {
            (Err(a), Err(b)) => Err(if a.0 < b.0 { a } else { b }),
            (first, next) => first.and(next),
        })
    });
    done.map_err(|Senseless(lsn, why)| records.senseless(lsn, why))
}

/// Hands the records out.
struct Foreman<'a, 'e> {
    engine: &'e Engine,
    inboxes: Vec<SyncSender<Work<'a>>>,
    /// What each worker is sent next.
    gathered: Vec<Vec<Record<'a>>>,
}

impl<'a> Foreman<'a, '_> {
    fn send(mut self, records: &mut Records<'a>) -> Result<(), Senseless> {
        let mut runner = Runner::new(self.engine);
        let mut told = records.offset();
        while let Some(record) = records.next() {
            match place(&record, self.inboxes.len()).map_err(|why| Senseless(record.lsn, why))? {
                Some(worker) => {
                    self.gathered[worker].push(record);
                    if self.gathered[worker].len() == BATCH {
                        self.hand_out(worker);
                    }
                }
                None => {
                    self.meet();
                    runner.run(&[record])?;
                }
            }
            if records.offset() - told > PROGRESS {
                self.engine.loading.advance(records.offset() - told);
                told = records.offset();
            }
        }
        self.engine.loading.advance(records.offset() - told);
        (0..self.inboxes.len()).for_each(|worker| self.hand_out(worker));
        Ok(())
    }

    fn hand_out(&mut self, worker: usize) {
        let records = std::mem::replace(&mut self.gathered[worker], Vec::with_capacity(BATCH));
        // A worker only ends before its inbox does when it panics, which is told when it is joined.
        let _ = self.inboxes[worker].send(Work::Records(records));
    }

    /// Waits until the workers have done everything so far.
    fn meet(&mut self) {
        let barrier = Arc::new(Barrier::new(self.inboxes.len() + 1));
        for worker in 0..self.inboxes.len() {
            self.hand_out(worker);
            let _ = self.inboxes[worker].send(Work::Meet(barrier.clone()));
        }
        barrier.wait();
    }
}

/// The worker whose shards a record is about; `None` when it is about those of several, or all.
fn place(record: &Record<'_>, workers: usize) -> Result<Option<usize>, String> {
    let mut place = None;
    for op in record.ops() {
        let op = op.map_err(|malformed| malformed.to_string())?;
        let mut calls = Calls::default();
        calls.push_effect(op.words.iter().copied());
        let call = calls.get(0);
        let keyed =
            call.entry.is_some_and(|entry| matches!(entry.command.run, Run::Keyed(_) | Run::Waiting(_)));
        if !keyed || call.keys.is_empty() {
            return Ok(None);
        }
        for key in call.keys {
            let worker = key.shard() % workers;
            if place.is_some_and(|place| place != worker) {
                return Ok(None);
            }
            place = Some(worker);
        }
    }
    Ok(place)
}

/// A worker's thread. After an error it goes on receiving, so that nobody waits for it in vain.
fn work(engine: &Engine, inbox: Receiver<Work<'_>>) -> Result<(), Senseless> {
    let mut runner = Runner::new(engine);
    let mut done = Ok(());
    for work in inbox {
        match work {
            Work::Records(records) if done.is_ok() => done = runner.run(&records),
            Work::Records(_) => {}
            Work::Meet(barrier) => {
                barrier.wait();
            }
        }
    }
    done
}

/// Runs effects as a client of its own.
struct Runner<'e> {
    engine: &'e Engine,
    session: Session,
    effects: Effects,
    reply: Reply,
}

impl<'e> Runner<'e> {
    fn new(engine: &'e Engine) -> Self {
        let client = Client::new(0, "replay".into(), "replay".into(), -1, engine.now_ms());
        let mut session = Session::new(Arc::new(client), engine);
        session.authenticated = true;
        let effects = Effects::replaying();
        Self { engine, session, effects, reply: Reply::default() }
    }

    /// Runs records one after the other.
    fn run(&mut self, records: &[Record<'_>]) -> Result<(), Senseless> {
        let mut ops = Vec::with_capacity(AHEAD);
        let delay = self.engine.load_delay();
        for record in records {
            if !delay.is_zero() {
                thread::sleep(delay);
            }
            for op in record.ops() {
                let op = op.map_err(|malformed: Malformed| Senseless(record.lsn, malformed.to_string()))?;
                // Those about another database are prefetched apart.
                if ops.len() == AHEAD || ops.last().is_some_and(|(_, last): &(_, Op<'_>)| last.db != op.db) {
                    self.run_ops(&ops)?;
                    ops.clear();
                }
                ops.push((record, op));
            }
        }
        self.run_ops(&ops)
    }

    fn run_ops(&mut self, ops: &[(&Record<'_>, Op<'_>)]) -> Result<(), Senseless> {
        let Some((record, first)) = ops.first() else { return Ok(()) };
        if first.db as usize >= self.engine.keyspace.databases() {
            return Err(Senseless(record.lsn, format!("there is no database {}", first.db)));
        }
        let mut calls = Calls::default();
        for (_, op) in ops {
            calls.push_effect(op.words.iter().copied());
        }
        calls.prefetch(self.engine, first.db);
        self.session.select(first.db);
        for (i, (record, _)) in ops.iter().enumerate() {
            let call = calls.get(i);
            self.call(call, record.clock_ms).map_err(|error| {
                let verb = String::from_utf8_lossy(call.argv[0]).escape_debug().to_string();
                Senseless(record.lsn, format!("{verb}: {error}"))
            })?;
        }
        Ok(())
    }

    fn call(&mut self, call: Call<'_>, now_ms: i64) -> Result<(), Error> {
        let Some(entry) = call.entry.filter(|entry| entry.command.takes(call.argv.len())) else {
            return Err(unknown(call.argv));
        };
        let Self { engine, session, effects, reply, .. } = self;
        let (engine, command) = (*engine, entry.command);
        let args = Args::new(call.argv, 1 + usize::from(command.full_name.len() != command.name.len()));
        reply.clear(BATCH);
        match command.run {
            Run::Keyed(handler) => {
                let mut txn =
                    engine.keyspace.begin(call.keys, begin(engine, session, command, now_ms), effects);
                let done = handler(&mut Keyed { args, txn: &mut txn, reply, command });
                engine.commit(txn);
                done
            }
            Run::Waiting(handler) => {
                let mut txn =
                    engine.keyspace.begin(call.keys, begin(engine, session, command, now_ms), effects);
                let done = handler(&mut Keyed { args, txn: &mut txn, reply, command });
                engine.commit(txn);
                done.map(drop)
            }
            Run::Sweep(handler) => {
                std::mem::swap(session.effects.get(), effects);
                let held = Held::Nothing(Vec::new(), Reached::default());
                let db = session.db;
                let done = handler(&mut Sweep { args, session, engine, reply, command, db, now_ms, held });
                std::mem::swap(session.effects.get(), effects);
                done
            }
            Run::Outer(handler) | Run::Slow(handler) => {
                handler(&mut Outer { args, session, engine, reply, command })
            }
            Run::Nested(_) | Run::Container(_) => Err(unknown(call.argv)),
        }
    }
}
