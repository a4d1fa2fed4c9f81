//! The thread that syncs while the writer goes on writing: a disk that takes seconds for a sync must not keep in memory
//! what a write would have brought out of reach of a killed process.

use super::segment::Segment;
use super::{Lsn, Shared};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// Syncs something.
type Job = Box<dyn FnOnce() -> Synced + Send>;

/// What became of a sync.
#[derive(Debug)]
pub(super) struct Synced {
    /// The place up to which the segment had been written when it began.
    pub to: Lsn,
    pub took: Duration,
    pub result: io::Result<()>,
    /// The segment prepared that is to begin there, if one was wanted.
    pub next: Option<io::Result<Segment>>,
}

/// Does one job at a time, and puts what became of it into [`super::Inner::synced`].
pub(super) struct Syncer {
    jobs: SyncSender<Job>,
    /// Whether a sync is under way whose outcome was not taken yet.
    is_busy: bool,
}

impl Syncer {
    /// A syncer that waits for work; its thread ends with it.
    pub fn start(shared: Arc<Shared>) -> io::Result<Self> {
        let (jobs, received) = sync_channel(1);
        std::thread::Builder::new().name("log-sync".into()).spawn(move || work(&shared, &received))?;
        Ok(Self { jobs, is_busy: false })
    }

    pub fn is_busy(&self) -> bool {
        self.is_busy
    }

    /// Begins a job; nothing may be under way.
    pub fn begin(&mut self, job: impl FnOnce() -> Synced + Send + 'static) {
        assert!(!self.is_busy, "one sync at a time");
        self.jobs.send(Box::new(job)).expect("its thread ends with it");
        self.is_busy = true;
    }

    /// What became of the sync under way: waits for it.
    pub fn outcome(&mut self, shared: &Shared) -> Option<Synced> {
        if !self.is_busy {
            return None;
        }
        let mut inner = shared.inner.lock();
        while inner.synced.is_none() {
            shared.work.wait(&mut inner);
        }
        self.is_busy = false;
        inner.synced.take()
    }
}

fn work(shared: &Shared, jobs: &Receiver<Job>) {
    while let Ok(job) = jobs.recv() {
        let synced = job();
        shared.inner.lock().synced = Some(synced);
        shared.work.notify_all();
    }
}
