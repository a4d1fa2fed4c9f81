//! The queue between those who hand over the entries of a cut and the thread that writes them.
//!
//! It is bounded by good manners: whoever hands an entry over does so under a shard's lock and never waits there.
//! The walk waits before its next step while more than [`WALKED`] bytes are queued, and a client before its next write
//! ([`Crowd::room`]) from [`CROWDED`] on: the walk, which nobody waits for, leaves the most room to clients. So it holds no
//! more than that and what the calls under way add.

use super::progress::Progress;
use super::record;
use crate::keyspace::cut::{Resume, Witness};
use crate::keyspace::table::Table;
use crate::keyspace::{EntryBox, EntryRef};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Queued bytes above which the walk waits, until there are half as many.
const WALKED: usize = 2 << 20;
/// Queued bytes above which nobody is to add more.
const CROWDED: usize = 8 << 20;
/// Queued bytes under which all go on.
const ROOMY: usize = 4 << 20;
/// Empty buffers kept to be filled again.
const SPARE_MAX: usize = 64;

/// Something to be written, of one database.
pub enum Part {
    /// Records of so many keys.
    Records(u32, usize, Vec<u8>),
    /// The record of one key, in pieces.
    Pieces(u32, Vec<Vec<u8>>),
    /// A long string, whose record is still to be made.
    Entry(u32, EntryBox),
}

impl Part {
    fn size(&self) -> usize {
        match self {
            Part::Records(_, _, records) => records.len(),
            Part::Pieces(_, pieces) => pieces.iter().map(Vec::len).sum(),
            Part::Entry(_, entry) => entry.as_ref().memory(),
        }
    }
}

#[derive(Default)]
struct State {
    parts: VecDeque<Part>,
    size: usize,
    /// Everything is handed over.
    complete: bool,
    spare: Vec<Vec<u8>>,
    flushed: Vec<Table>,
}

/// Whether clients have to wait before their next write, and who does. Outlives the snapshots that tell it.
#[derive(Debug, Default)]
pub struct Crowd {
    full: AtomicBool,
    clients: Notify,
}

impl Crowd {
    /// Whether clients are to wait before their next write.
    pub fn is_full(&self) -> bool {
        self.full.load(Relaxed)
    }

    /// Completes when there is room again.
    pub async fn room(&self) {
        loop {
            let notified = self.clients.notified();
            if !self.is_full() {
                return;
            }
            notified.await;
        }
    }
}

/// The queue.
pub struct Intake {
    state: Mutex<State>,
    filled: Condvar,
    drained: Condvar,
    crowd: Arc<Crowd>,
    abandoned: AtomicBool,
    options: record::Options,
    progress: Arc<Progress>,
}

impl Intake {
    /// An empty queue.
    pub fn new(options: record::Options, progress: Arc<Progress>, crowd: Arc<Crowd>) -> Self {
        Self {
            state: Mutex::default(),
            filled: Condvar::new(),
            drained: Condvar::new(),
            crowd,
            abandoned: AtomicBool::new(false),
            options,
            progress,
        }
    }

    /// Waits until there is room again: for the walk.
    pub fn wait_for_room(&self) {
        let mut state = self.state.lock();
        if state.size > WALKED {
            while state.size > WALKED / 2 {
                self.drained.wait(&mut state);
            }
        }
    }

    /// Waits for `pause`, or until the snapshot is abandoned: for the walk.
    pub fn rest(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut state = self.state.lock();
        while !self.is_abandoned() && !self.drained.wait_until(&mut state, until).timed_out() {}
    }

    /// From here on nothing is written any more, and what is queued is dropped.
    pub fn abandon(&self) {
        self.abandoned.store(true, Relaxed);
        let mut state = self.state.lock();
        state.parts.clear();
        self.took(&mut state, usize::MAX);
        self.filled.notify_all();
    }

    /// Whether it was abandoned.
    pub fn is_abandoned(&self) -> bool {
        self.abandoned.load(Relaxed)
    }

    /// Nothing more comes.
    pub fn complete(&self) {
        self.state.lock().complete = true;
        self.filled.notify_all();
    }

    /// Waits for something to write; `None` when all is written, or nothing is wanted any more.
    pub fn next(&self) -> Option<Part> {
        let mut state = self.state.lock();
        loop {
            if let Some(part) = state.parts.pop_front() {
                self.took(&mut state, part.size());
                return Some(part);
            }
            if state.complete || self.is_abandoned() {
                return None;
            }
            self.filled.wait(&mut state);
        }
    }

    /// Takes a buffer back, to be filled again.
    pub fn give_back(&self, mut buffer: Vec<u8>) {
        let mut state = self.state.lock();
        if state.spare.len() < SPARE_MAX && buffer.capacity() <= super::format::RAW_MAX {
            buffer.clear();
            state.spare.push(buffer);
        }
    }

    /// A table that was flushed and waits to be walked.
    pub fn take_flushed(&self) -> Option<Table> {
        self.state.lock().flushed.pop()
    }

    fn took(&self, state: &mut State, size: usize) {
        state.size = state.size.saturating_sub(size);
        if state.size <= WALKED / 2 {
            self.drained.notify_all();
        }
        if state.size < ROOMY && self.crowd.is_full() {
            self.crowd.full.store(false, Relaxed);
            self.crowd.clients.notify_waiters();
        }
    }

    fn add(&self, part: Part) {
        let mut state = self.state.lock();
        if self.is_abandoned() {
            return;
        }
        state.size += part.size();
        state.parts.push_back(part);
        if state.size > CROWDED {
            self.crowd.full.store(true, Relaxed);
        }
        self.filled.notify_one();
    }
}

impl Witness for Intake {
    fn write(&self, entry: EntryRef<'_>, records: &mut Vec<u8>) {
        if !self.is_abandoned() {
            record::write(entry, self.options, records);
        }
    }

    fn write_some(
        &self,
        entry: EntryRef<'_>,
        resume: &mut Resume,
        limit: usize,
        records: &mut Vec<u8>,
    ) -> bool {
        self.is_abandoned() || record::write_some(entry, self.options, resume, limit, records)
    }

    fn pieces(&self, db: u32, pieces: Vec<Vec<u8>>) {
        self.progress.saw(1);
        self.add(Part::Pieces(db, pieces));
    }

    fn records(&self, db: u32, keys: usize, records: &mut Vec<u8>) {
        let spare = self.state.lock().spare.pop().unwrap_or_default();
        self.progress.saw(keys);
        self.add(Part::Records(db, keys, mem::replace(records, spare)));
    }

    fn entry(&self, db: u32, entry: EntryBox) {
        self.progress.saw(1);
        self.add(Part::Entry(db, entry));
    }

    fn flushed(&self, table: Table) {
        self.state.lock().flushed.push(table);
    }
}
