//! Frees heavy values off the path of commands: a thread that drops what it is sent.

use super::{EntryBox, table::Table};
use crate::types::Queue;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Sender, channel};

/// Values with more allocations than this are freed in the background.
const HEAVY: usize = 64;

/// Something to free.
pub enum Garbage {
    /// One entry.
    Entry(EntryBox),
    /// A whole database of a shard.
    Table(Table),
    /// What a queue held.
    Queue(Queue),
}

impl Garbage {
    fn objects(&self) -> u64 {
        match self {
            Garbage::Entry(_) | Garbage::Queue(_) => 1,
            Garbage::Table(table) => table.len() as u64,
        }
    }
}

#[derive(Debug, Default)]
struct Counts {
    pending: AtomicU64,
    freed: AtomicU64,
}

/// The sending end: hands garbage to the freeing thread, which ends with it.
pub struct Reaper {
    sender: Sender<Garbage>,
    counts: Arc<Counts>,
}

impl Reaper {
    pub fn start() -> Self {
        let (sender, receiver) = channel::<Garbage>();
        let counts = Arc::new(Counts::default());
        let shared = counts.clone();
        std::thread::Builder::new()
            .name("reaper".into())
            .spawn(move || {
                for garbage in receiver {
                    let objects = garbage.objects();
                    drop(garbage);
                    shared.pending.fetch_sub(objects, Relaxed);
                    shared.freed.fetch_add(objects, Relaxed);
                }
            })
            .expect("a thread for freeing memory can be started");
        Self { sender, counts }
    }

    /// Frees `entry` at once when it is light, in the background when it is heavy.
    pub fn drop_entry(&self, entry: EntryBox) {
        if entry.as_ref().weight() > HEAVY {
            self.send(Garbage::Entry(entry));
        }
    }

    /// Frees `garbage` in the background.
    pub fn send(&self, garbage: Garbage) {
        self.counts.pending.fetch_add(garbage.objects(), Relaxed);
        // The thread lives as long as this sender; were it gone, the value would be freed here.
        let _ = self.sender.send(garbage);
    }

    /// Frees `garbage` here and now; it counts as freed in the background, where Redis would have freed it.
    pub fn free_now(&self, garbage: Garbage) {
        let objects = garbage.objects();
        drop(garbage);
        self.counts.freed.fetch_add(objects, Relaxed);
    }

    /// Counts what is freed from zero again.
    pub fn reset_count(&self) {
        self.counts.freed.store(0, Relaxed);
    }

    /// Objects waiting to be freed, and freed so far.
    pub fn counts(&self) -> (u64, u64) {
        (self.counts.pending.load(Relaxed), self.counts.freed.load(Relaxed))
    }
}
