//! The thread that writes the log: one write and one sync for all that waits, and the next as soon as
//! the last is done. In [`Mode::Always`] it syncs itself, as nobody goes on before; else a [`Syncer`] does it meanwhile, and
//! begins segments, too:
//!
//! ```text
//! segment         records ▏records written while it is synced and the next is prepared
//! the next                ▏the same again, then it counts, and what follows
//! ```

use super::buffer::{self, Chunk};
use super::segment::Segment;
use super::syncer::{Synced, Syncer};
use super::{Inner, Lsn, Mode, Options, Shared, record};
use crate::base::clock;
use crate::base::disk::Directory;
use parking_lot::MutexGuard;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, Release, SeqCst};
use std::time::{Duration, Instant};

/// The time from a failure until it is tried again.
const RETRY: Duration = Duration::from_millis(100);

/// Why the log cannot be written.
#[derive(Debug)]
pub struct Failure {
    /// What was tried.
    pub doing: &'static str,
    /// What the operating system said.
    pub error: io::Error,
}

impl Failure {
    /// What was tried, `doing`, and that an error kept it from being done.
    fn of(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self { doing, error }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}: {}", self.doing, self.error)
    }
}

pub(super) struct Writer {
    shared: Arc<Shared>,
    directory: Directory,
    /// What is written to; `None` after a failure.
    segment: Option<Segment>,
    /// Chunks that are not known to be durable, oldest first.
    kept: VecDeque<Chunk>,
    /// The place up to which the segment was written.
    written: Lsn,
    syncer: Syncer,
    /// Whether something was written since the last sync began.
    dirty: bool,
    written_at: Instant,
    synced_at: Instant,
    /// When to try again after a failure.
    retry_at: Option<Instant>,
}

/// What is to be done next.
enum Task {
    Write {
        sync: bool,
    },
    /// A sync beside the writer is done.
    Synced,
    Retry,
    Stop,
}

impl Writer {
    pub fn new(shared: Arc<Shared>, directory: Directory, segment: Segment) -> io::Result<Self> {
        let now = Instant::now();
        Ok(Self {
            written: segment.base(),
            syncer: Syncer::start(shared.clone())?,
            shared,
            directory,
            segment: Some(segment),
            kept: VecDeque::new(),
            dirty: false,
            written_at: now,
            synced_at: now,
            retry_at: None,
        })
    }

    /// Works until the log is stopped.
    pub fn run(mut self) -> io::Result<()> {
        loop {
            match self.next() {
                Task::Stop => return self.finish(),
                Task::Retry => self.attempt(Self::write_again),
                Task::Synced => self.attempt(Self::settle),
                Task::Write { sync: false } => self.attempt(Self::write_out),
                Task::Write { sync: true } => self.attempt(|writer| {
                    writer.write_out()?;
                    writer.begin_sync()
                }),
            }
        }
    }

    /// Waits until there is something to do.
    fn next(&mut self) -> Task {
        let shared = self.shared.clone();
        let mut inner = shared.inner.lock();
        loop {
            // Before the look at what is wanted: see `Log::want`.
            shared.writer_waits.store(true, SeqCst);
            match self.decide(&mut inner) {
                Ok(task) => {
                    shared.writer_waits.store(false, SeqCst);
                    inner.sleeping = false;
                    return task;
                }
                Err(Some(until)) => {
                    shared.work.wait_until(&mut inner, until);
                }
                Err(None) => shared.work.wait(&mut inner),
            }
        }
    }

    /// What is to be done now, or when to look again.
    fn decide(&self, inner: &mut MutexGuard<'_, Inner>) -> Result<Task, Option<Instant>> {
        let now = Instant::now();
        let due = |at: Instant| at <= now;
        if inner.stopping {
            return Ok(Task::Stop);
        }
        if inner.synced.is_some() {
            return Ok(Task::Synced);
        }
        if let Some(at) = self.retry_at {
            return if due(at) { Ok(Task::Retry) } else { Err(Some(at)) };
        }
        let some = !inner.buffer.is_empty();
        // While a sync is under way what is appended gathers for the next one.
        let is_idle = !self.syncer.is_busy();
        let options = &inner.options;
        let wanted = self.shared.wanted.load(SeqCst) > self.shared.durable.load(SeqCst);
        let pressed =
            inner.buffer.end() - inner.kept_from > buffer::RECYCLED.min(options.buffer_len) as u64 / 2;
        if is_idle && (wanted || pressed) && (some || self.dirty) {
            return Ok(Task::Write { sync: true });
        }
        let sync_at = match options.mode {
            Mode::Periodic => (is_idle && self.dirty).then_some(self.synced_at + options.interval),
            // What nobody waits for (keys that expired) does not wait for ever.
            Mode::Always => (some || self.dirty).then_some(self.synced_at + options.interval),
            Mode::Never => None,
        };
        let rest = if options.mode == Mode::Always { options.interval } else { options.batch_delay };
        let rested_at = self.written_at + rest;
        let write_at = (some && options.mode != Mode::Always).then_some(rested_at);
        if sync_at.is_some_and(due) || write_at.is_some_and(due) {
            return Ok(Task::Write { sync: sync_at.is_some_and(due) });
        }
        // Just after a write the next append need not wake the writer: it looks by itself, or is asked to.
        let rests = !some && !due(rested_at);
        inner.sleeping = !some && !rests;
        Err([sync_at, write_at, rests.then_some(rested_at)].into_iter().flatten().min())
    }

    fn attempt(&mut self, f: impl FnOnce(&mut Self) -> Result<(), Failure>) {
        if let Err(failure) = f(self) {
            self.fail(failure);
        }
    }

    /// Writes what was appended.
    fn write_out(&mut self) -> Result<(), Failure> {
        let first = self.take();
        self.write_kept(first)
    }

    /// Syncs what was written, or sees to it that it is synced meanwhile.
    fn begin_sync(&mut self) -> Result<(), Failure> {
        if self.shared.always.load(Relaxed) {
            return self.sync();
        }
        if self.dirty && !self.syncer.is_busy() {
            self.sync_beside(|_, _| None);
        }
        Ok(())
    }

    /// Has what was written synced beside the writer, and then `prepare` what is to take over from there.
    fn sync_beside(
        &mut self,
        prepare: impl FnOnce(&Directory, Lsn) -> Option<io::Result<Segment>> + Send + 'static,
    ) {
        let Some(segment) = &mut self.segment else { return };
        let (unsynced, to, directory) = (segment.unsynced(), self.written, self.directory.clone());
        self.dirty = false;
        self.syncer.begin(move || {
            let start = Instant::now();
            let result = unsynced.sync();
            let took = start.elapsed();
            let next = result.is_ok().then(|| prepare(&directory, to)).flatten();
            Synced { to, took, result, next }
        });
    }

    /// Takes what was appended; returns where in `kept` it begins.
    fn take(&mut self) -> usize {
        let first = self.kept.len();
        let mut inner = self.shared.inner.lock();
        while let Some(chunk) = inner.buffer.take() {
            self.kept.push_back(chunk);
        }
        first
    }

    /// Writes the kept chunks from position `first` on.
    fn write_kept(&mut self, first: usize) -> Result<(), Failure> {
        let options = self.shared.inner.lock().options;
        let mut at = first;
        while at < self.kept.len() {
            let (lsn, len) = (self.kept[at].first, self.kept[at].bytes.len());
            if self.needs_segment(lsn, len) {
                at = self.begin_segment(at, options)?;
            }
            let durable = self.shared.durable.load(Relaxed);
            let chunk = &mut self.kept[at];
            record::write_mark(&mut chunk.bytes, chunk.first, durable);
            let segment = self.segment.as_mut().expect("it was just made");
            segment
                .write(lsn, &chunk.bytes, options.mode == Mode::Always)
                .map_err(Failure::of("write to the log"))?;
            self.dirty = true;
            self.written = chunk.end();
            self.shared.counters.writes.fetch_add(1, Relaxed);
            self.shared.counters.written_bytes.fetch_add(len as u64, Relaxed);
            at += 1;
        }
        self.written_at = Instant::now();
        Ok(())
    }

    fn needs_segment(&self, lsn: Lsn, len: usize) -> bool {
        self.segment.as_ref().is_none_or(|segment| segment.is_full(lsn, len))
    }

    /// Begins a segment for the kept chunk at position `at`; returns its position then. Where nobody waits for the disk, that
    /// is done beside the writer, which outgrows the segment meanwhile.
    fn begin_segment(&mut self, at: usize, options: Options) -> Result<usize, Failure> {
        if self.segment.is_some() && options.mode != Mode::Always {
            if !self.syncer.is_busy() {
                let room = options.segment_len;
                self.sync_beside(move |directory, base| Some(Segment::prepare(directory, base, room, false)));
            }
            return Ok(at);
        }
        // All that was written becomes durable, and is kept no longer.
        let kept = self.kept.len();
        self.sync()?;
        let at = at - (kept - self.kept.len());
        let (lsn, len) = (self.kept[at].first, self.kept[at].bytes.len());
        if self.needs_segment(lsn, len) {
            let room = options.segment_len.max(len as u64 + super::segment::HEADER);
            let segment = Segment::create(&self.directory, lsn, room, false)
                .map_err(Failure::of("begin a segment of the log"))?;
            self.enter(segment);
        }
        Ok(at)
    }

    /// Goes on in a segment that counts.
    fn enter(&mut self, segment: Segment) {
        self.shared.segments.lock().bases.insert(segment.base());
        self.segment = Some(segment);
    }

    /// Goes on in the segment that was prepared beside the writer, with what was written to the one before meanwhile. Until it
    /// counts, that holds all of it; of what both hold, it then counts alone.
    fn take_over(&mut self, mut next: Segment) -> Result<(), Failure> {
        let durable = self.shared.durable.load(Relaxed);
        for chunk in self.kept.iter_mut().take_while(|chunk| chunk.first < self.written) {
            record::write_mark(&mut chunk.bytes, chunk.first, durable);
            next.write(chunk.first, &chunk.bytes, false).map_err(Failure::of("write to the log"))?;
            self.dirty = true;
        }
        next.publish(&self.directory).map_err(Failure::of("begin a segment of the log"))?;
        self.enter(next);
        Ok(())
    }

    /// Makes durable what was written.
    fn sync(&mut self) -> Result<(), Failure> {
        self.settle()?;
        let start = Instant::now();
        if let Some(segment) = &mut self.segment
            && self.dirty
        {
            let result = segment.sync();
            self.dirty = false;
            return self.confirm(Synced { to: self.written, took: start.elapsed(), result, next: None });
        }
        Ok(())
    }

    /// Waits for the sync beside the writer, if there is one.
    fn settle(&mut self) -> Result<(), Failure> {
        match self.syncer.outcome(&self.shared) {
            Some(synced) => self.confirm(synced),
            None => Ok(()),
        }
    }

    /// Tells those who wait what became of a sync.
    fn confirm(&mut self, Synced { to, took, result, next }: Synced) -> Result<(), Failure> {
        result.map_err(Failure::of("sync the log"))?;
        self.synced_at = Instant::now();
        let counters = &self.shared.counters;
        counters.syncs.fetch_add(1, Relaxed);
        counters.sync_durations.record(took.as_nanos() as u64);
        let us = took.as_micros() as u64;
        counters.sync_us.store(us, Relaxed);
        counters.sync_us_sum.fetch_add(us, Relaxed);
        counters.synced_at.store(clock::system_ms() / 1000, Relaxed);
        self.forget(to);
        self.shared.durable.store(to, Release);
        self.shared.waiting.wake(to);
        let Some(next) = next else { return Ok(()) };
        self.take_over(next.map_err(Failure::of("begin a segment of the log"))?)
    }

    /// Lets go of the chunks that are durable, as all is before `to`, and of the writers that waited for room.
    fn forget(&mut self, to: Lsn) {
        let mut inner = self.shared.inner.lock();
        while self.kept.front().is_some_and(|chunk| chunk.end() <= to) {
            if let Some(chunk) = self.kept.pop_front() {
                inner.buffer.recycle(chunk.bytes);
            }
        }
        inner.kept_from = to;
        let room = inner.buffer.end() - inner.kept_from <= inner.options.buffer_len as u64 / 2;
        drop(inner);
        if room && self.shared.full.swap(false, Relaxed) {
            self.shared.room.notify_waiters();
        }
    }

    /// Notes a failure: writes are refused until what is kept was written again.
    fn fail(&mut self, failure: Failure) {
        self.shared.counters.failures.fetch_add(1, Relaxed);
        self.retry_at = Some(Instant::now() + RETRY);
        if let Err(another) = self.settle() {
            tracing::debug!("{another}");
        }
        if let Some(segment) = self.segment.take() {
            let durable = self.kept.front().map_or(self.written, |chunk| chunk.first);
            // Gives back the room reserved, which may be what is missing; if it fails too, what lies
            // there is read no more.
            if let Err(error) = segment.cut(durable) {
                tracing::debug!("cannot cut the failed segment of the log: {error}");
            }
        }
        let failure = Arc::new(failure);
        *self.shared.failure.lock() = Some(failure.clone());
        if !self.shared.failing.swap(true, SeqCst) {
            tracing::error!("{failure}; writes are refused until it works again");
        }
        self.shared.waiting.wake(Lsn::MAX);
        self.shared.room.notify_waiters();
    }

    /// After a failure: writes everything that is not durable to a new segment.
    fn write_again(&mut self) -> Result<(), Failure> {
        self.take();
        self.dirty = false;
        self.segment = None;
        if self.kept.is_empty() {
            let room = self.shared.inner.lock().options.segment_len;
            let segment = Segment::create(&self.directory, self.written, room, false)
                .map_err(Failure::of("begin a segment of the log"))?;
            self.enter(segment);
        }
        self.write_kept(0)?;
        self.sync()?;
        self.retry_at = None;
        self.shared.failing.store(false, SeqCst);
        *self.shared.failure.lock() = None;
        tracing::warn!("the log can be written again; nothing of it was lost");
        Ok(())
    }

    /// Writes and syncs everything, and a last mark that says so.
    fn finish(mut self) -> io::Result<()> {
        let settled = self.settle();
        let done = match self.retry_at {
            Some(_) => self.write_again(),
            None => settled.and_then(|()| self.write_out()).and_then(|()| self.sync()),
        };
        if let Err(failure) = done {
            return Err(io::Error::new(failure.error.kind(), failure.to_string()));
        }
        let Some(segment) = &mut self.segment else { return Ok(()) };
        let mut mark = [0; record::MARK];
        record::write_mark(&mut mark, self.written, self.written);
        let end = self.written + record::MARK as u64;
        segment.write(self.written, &mark, false)?;
        segment.cut(end)?;
        segment.sync()?;
        self.shared.end.store(end, Release);
        self.shared.durable.store(end, Release);
        Ok(())
    }
}
