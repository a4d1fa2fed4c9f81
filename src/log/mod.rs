//! Floor 2: the log. One ordered sequence of records: what every transaction did, on disk in groups.
//!
//! ```text
//! commit ──append──▶ buffer ──one write, one sync──▶ segment ▏segment ▏segment …
//!  (under the          │  (the writer's thread)          └ released when a snapshot covers them
//!   shards' locks)     └ full: connections wait before their next write
//!                     durable_lsn ──▶ connections that hold replies
//! ```
//! Where nobody waits for the disk ([`Mode::Periodic`], [`Mode::Never`]) syncs run beside the writer: however long one takes,
//! what is appended reaches the operating system, and a killed process loses nothing of it.
//!
//! Invariants:
//! - an [`Lsn`] is a place in bytes since the log began; it only grows, across restarts too;
//! - records are appended under the locks of the shards they are about, so their order is that of the
//!   changes; one transaction is one record;
//! - what is not durable is kept in memory, so a failed write or sync loses nothing: it is all written
//!   again, to a new segment, and what the old one holds from there on no longer counts.

mod buffer;
mod fault;
mod gather;
pub mod record;
pub mod recover;
pub mod repair;
pub mod scan;
pub mod segment;
mod syncer;
#[cfg(test)]
mod tests;
mod waiting;
mod writer;

pub use buffer::{backlog, held};
pub use fault::Fault;
pub use record::Lsn;
pub use writer::Failure;

use crate::base::disk::Directory;
use crate::base::histogram::Histogram;
use buffer::Buffer;
use parking_lot::{Condvar, Mutex};
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::Notify;
use waiting::Waiting;

/// The directory of Synap's own data, below `dir`.
pub const DIRECTORY: &str = "synapdata";

/// The place of a log's first record.
pub const FIRST: Lsn = 1;

/// When the log is synced to disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Before the client hears of its write.
    Always,
    /// From time to time.
    #[default]
    Periodic,
    /// When the operating system sees fit.
    Never,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// When it is synced.
    pub mode: Mode,
    /// The time between two syncs in [`Mode::Periodic`].
    pub interval: Duration,
    /// Bytes not yet durable above which connections wait before their next write.
    pub buffer_len: usize,
    /// Records in one write.
    pub batch_ops_max: usize,
    /// How long records gather before they are written while nobody waits for them.
    pub batch_delay: Duration,
    /// Bytes of a segment.
    pub segment_len: u64,
    /// The first segment begins anew: what is before it on disk does not lead up to it, and it counts only
    /// with a snapshot that was cut in it or behind.
    pub anew: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mode: Mode::Periodic,
            interval: Duration::from_secs(1),
            buffer_len: 32 << 20,
            batch_ops_max: 10_000,
            batch_delay: Duration::from_millis(1),
            segment_len: 64 << 20,
            anew: false,
        }
    }
}

/// What the log did, for INFO and metrics.
#[derive(Debug, Default)]
pub struct Counters {
    /// Writes to segments.
    pub writes: AtomicU64,
    /// Bytes written.
    pub written_bytes: AtomicU64,
    /// Syncs.
    pub syncs: AtomicU64,
    /// Writes and syncs that failed.
    pub failures: AtomicU64,
    /// How long the last sync took, in microseconds.
    pub sync_us: AtomicU64,
    /// Microseconds that all syncs took.
    pub sync_us_sum: AtomicU64,
    /// How long the syncs took; the writer's thread fills it.
    pub sync_durations: Histogram,
    /// Times connections had to wait for room in the buffer.
    pub stalls: AtomicU64,
    /// Unix seconds of the last sync.
    pub synced_at: AtomicI64,
}

struct Inner {
    buffer: Buffer,
    options: Options,
    /// Where the records begin that are kept because they may have to be written again.
    kept_from: Lsn,
    /// The writer sleeps until something is appended.
    sleeping: bool,
    stopping: bool,
    /// What became of the sync beside the writer, until it is taken.
    synced: Option<syncer::Synced>,
    /// Records appended.
    records: u64,
}

/// The segments there are.
#[derive(Default)]
struct Segments {
    directory: Option<Directory>,
    /// The places of their first records.
    bases: BTreeSet<Lsn>,
}

struct Shared {
    inner: Mutex<Inner>,
    work: Condvar,
    /// The writer waits, or is about to.
    writer_waits: AtomicBool,
    on: AtomicBool,
    always: AtomicBool,
    full: AtomicBool,
    room: Notify,
    end: AtomicU64,
    durable: AtomicU64,
    wanted: AtomicU64,
    /// The largest place of those that gather, and whether a task sees to them.
    gathered: AtomicU64,
    gathering: AtomicBool,
    failing: AtomicBool,
    failure: Mutex<Option<Arc<Failure>>>,
    waiting: Waiting,
    segments: Mutex<Segments>,
    counters: Counters,
}

/// The log of a server; off until it is started.
pub struct Log {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<io::Result<()>>>>,
}

impl Default for Log {
    fn default() -> Self {
        let inner = Inner {
            buffer: Buffer::new(FIRST),
            options: Options::default(),
            kept_from: FIRST,
            sleeping: false,
            stopping: false,
            synced: None,
            records: 0,
        };
        let shared = Shared {
            inner: Mutex::new(inner),
            work: Condvar::new(),
            writer_waits: AtomicBool::new(false),
            on: AtomicBool::new(false),
            always: AtomicBool::new(false),
            full: AtomicBool::new(false),
            room: Notify::new(),
            end: AtomicU64::new(FIRST),
            durable: AtomicU64::new(FIRST),
            wanted: AtomicU64::new(FIRST),
            gathered: AtomicU64::new(FIRST),
            gathering: AtomicBool::new(false),
            failing: AtomicBool::new(false),
            failure: Mutex::new(None),
            waiting: Waiting::default(),
            segments: Mutex::default(),
            counters: Counters::default(),
        };
        Self { shared: Arc::new(shared), writer: Mutex::new(None) }
    }
}

impl Shared {
    fn want(&self, lsn: Lsn) {
        self.wanted.fetch_max(lsn, Ordering::SeqCst);
        if self.writer_waits.load(Ordering::SeqCst) {
            drop(self.inner.lock());
            self.work.notify_one();
        }
    }
}

impl Log {
    /// Where its segments are, while it is on.
    pub fn directory(&self) -> Option<Directory> {
        self.shared.segments.lock().directory.clone().filter(|_| self.is_on())
    }

    /// Begins to log to `directory`, at `end`: the end of what it holds, which
    /// [`recover`] tells. Changes are logged from the moment this returns.
    ///
    /// # Errors
    /// When the first segment cannot be made.
    pub fn start(&self, directory: Directory, end: Lsn, options: Options) -> io::Result<()> {
        let mut writer = self.writer.lock();
        assert!(writer.is_none(), "a log is started once, or again after it was stopped");
        let shared = &self.shared;
        directory.disk.create_dir(&directory.path)?;
        {
            let mut segments = shared.segments.lock();
            segments.bases = segment::list(&directory)?.into_iter().collect();
            segments.directory = Some(directory.clone());
        }
        {
            let mut inner = shared.inner.lock();
            inner.buffer = Buffer::new(end);
            inner.kept_from = end;
            inner.stopping = false;
        }
        self.resume_at(end);
        self.set_options(options);
        let first = segment::Segment::create(&directory, end, options.segment_len, options.anew)?;
        shared.segments.lock().bases.insert(end);
        let thread = writer::Writer::new(shared.clone(), directory, first)?;
        let builder = std::thread::Builder::new().name("log".into());
        *writer = Some(builder.spawn(move || thread.run())?);
        shared.on.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// Writes and syncs what was appended, and ends; nobody may append any more.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub fn stop(&self) -> io::Result<()> {
        let Some(writer) = self.writer.lock().take() else { return Ok(()) };
        self.shared.on.store(false, Ordering::SeqCst);
        self.shared.inner.lock().stopping = true;
        self.shared.work.notify_one();
        writer.join().unwrap_or_else(|_| Err(io::Error::other("the log's writer panicked")))
    }

    /// Whether changes are logged.
    pub fn is_on(&self) -> bool {
        self.shared.on.load(Ordering::Relaxed)
    }

    /// Whether every client waits until its write is durable.
    pub fn is_always(&self) -> bool {
        self.shared.always.load(Ordering::Relaxed)
    }

    /// Changes how it is written; the segment's size from the next segment on.
    pub fn set_options(&self, options: Options) {
        let mut inner = self.shared.inner.lock();
        inner.options = options;
        drop(inner);
        self.shared.always.store(options.mode == Mode::Always, Ordering::SeqCst);
        self.shared.work.notify_one();
    }

    /// How it is written.
    pub fn options(&self) -> Options {
        self.shared.inner.lock().options
    }

    /// Appends what a transaction did, as [ops](crate::base::ops), at its `clock_ms`. The shards it
    /// touched are locked. Returns the place behind the record: once [`Log::durable`] has reached it,
    /// the transaction is.
    pub fn append(&self, payload: &[u8], clock_ms: i64) -> Lsn {
        let sum = record::sum(payload);
        let shared = &*self.shared;
        let mut inner = shared.inner.lock();
        let Inner { buffer, options, .. } = &mut *inner;
        let end = buffer.append(options, payload, sum, clock_ms);
        inner.records += 1;
        shared.end.store(end, Ordering::Release);
        let wake = std::mem::take(&mut inner.sleeping);
        if end - inner.kept_from > inner.options.buffer_len as u64
            && !shared.full.swap(true, Ordering::Relaxed)
        {
            shared.counters.stalls.fetch_add(1, Ordering::Relaxed);
            shared.work.notify_one();
        }
        drop(inner);
        if wake {
            shared.work.notify_one();
        }
        end
    }

    /// The place behind the last record.
    pub fn end(&self) -> Lsn {
        self.shared.end.load(Ordering::Acquire)
    }

    /// Up to where the log is durable.
    pub fn durable(&self) -> Lsn {
        self.shared.durable.load(Ordering::Acquire)
    }

    /// Where the log would go on that is not started.
    pub fn resume_at(&self, end: Lsn) {
        for place in [&self.shared.end, &self.shared.durable, &self.shared.wanted, &self.shared.gathered] {
            place.store(end, Ordering::SeqCst);
        }
    }

    /// Where a snapshot cuts the log: what it does not hold has this place or one behind it. All shards
    /// are locked.
    pub fn cut(&self) -> Lsn {
        self.end()
    }

    /// Asks the writer to make the log durable up to `lsn` at once.
    pub fn want(&self, lsn: Lsn) {
        self.shared.want(lsn);
    }

    /// Ready when the log is durable up to `lsn`, which somebody has to [want](Log::want), or with the
    /// failure that keeps it from becoming so.
    pub fn poll_durable(&self, lsn: Lsn, cx: &mut Context<'_>) -> Poll<Result<(), Arc<Failure>>> {
        let shared = &*self.shared;
        let look = || {
            if self.durable() >= lsn {
                return Poll::Ready(Ok(()));
            }
            self.failure().map_or(Poll::Pending, |failure| Poll::Ready(Err(failure)))
        };
        let looked = look();
        if looked.is_pending() {
            shared.waiting.add(lsn, cx.waker());
            // It may have become so in between.
            return look();
        }
        looked
    }

    /// Completes as [`Log::poll_durable`] does.
    ///
    /// # Errors
    /// The failure that keeps the log from becoming durable.
    pub async fn until_durable(&self, lsn: Lsn) -> Result<(), Arc<Failure>> {
        self.want(lsn);
        std::future::poll_fn(|cx| self.poll_durable(lsn, cx)).await
    }

    /// Why it cannot be written just now.
    pub fn failure(&self) -> Option<Arc<Failure>> {
        let shared = &*self.shared;
        if !shared.failing.load(Ordering::Acquire) {
            return None;
        }
        shared.failure.lock().clone()
    }

    /// Whether connections have to wait before their next write.
    pub fn is_full(&self) -> bool {
        self.shared.full.load(Ordering::Relaxed)
    }

    /// Completes when there is room for writes again, or they are refused.
    pub async fn room(&self) {
        let mut notified = std::pin::pin!(self.shared.room.notified());
        while self.is_full() && self.failure().is_none() {
            notified.as_mut().enable();
            if !self.is_full() || self.failure().is_some() {
                return;
            }
            notified.as_mut().await;
            notified.set(self.shared.room.notified());
        }
    }

    /// Removes the segments that hold nothing at or behind `lsn`: a snapshot covers them.
    ///
    /// # Errors
    /// What the operating system says; the rest is removed another time.
    pub fn release_before(&self, lsn: Lsn) -> io::Result<()> {
        let mut segments = self.shared.segments.lock();
        let Segments { directory: Some(directory), bases } = &mut *segments else { return Ok(()) };
        loop {
            let mut first = bases.iter().copied();
            match (first.next(), first.next()) {
                (Some(base), Some(next)) if next <= lsn => {
                    segment::retire(directory, base)?;
                    bases.remove(&base);
                }
                _ => return Ok(()),
            }
        }
    }

    /// The first places of the segments there are, ascending.
    pub fn segments(&self) -> Vec<Lsn> {
        self.shared.segments.lock().bases.iter().copied().collect()
    }

    /// Records appended since the server started.
    pub fn records(&self) -> u64 {
        self.shared.inner.lock().records
    }

    /// Bytes appended that are not yet durable.
    pub fn pending(&self) -> u64 {
        self.end().saturating_sub(self.durable())
    }

    /// What it did so far.
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::error!("the end of the log is not durable: {error}");
        }
    }
}
