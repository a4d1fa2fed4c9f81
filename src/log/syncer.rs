//! The thread that syncs while the writer goes on writing: a disk that takes seconds for a sync must not keep in memory
//! what a write would have brought out of reach of a killed process.

use super::{Lsn, Shared};
use crate::base::disk::File;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// A file to sync, and the place up to which it was written.
type Job = (Arc<dyn File>, Lsn);

/// What became of a sync.
#[derive(Debug)]
pub(super) struct Synced {
    /// The place up to which the segment had been written when it began.
    pub to: Lsn,
    pub took: Duration,
    pub result: io::Result<()>,
}

/// Syncs one file at a time, and puts what became of it into [`super::Inner::synced`].
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

    /// Begins to sync what was written up to `to`; nothing may be under way.
    pub fn begin(&mut self, file: Arc<dyn File>, to: Lsn) {
        assert!(!self.is_busy, "one sync at a time");
        self.jobs.send((file, to)).expect("its thread ends with it");
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
    while let Ok((file, to)) = jobs.recv() {
        let start = Instant::now();
        let result = file.sync();
        shared.inner.lock().synced = Some(Synced { to, took: start.elapsed(), result });
        shared.work.notify_all();
    }
}
