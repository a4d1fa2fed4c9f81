//! What the keys are, for those who look again and again: a census that is taken anew when it is old.

use super::Engine;
use crate::config::{self, Settings};
use crate::keyspace::census::{Census, Cut};
use crate::keyspace::{Keyspace, SHARDS};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How old a census may be.
const AGE_MAX: Duration = Duration::from_secs(10);

/// The last census, and when it was taken.
#[derive(Default)]
pub struct Insight {
    last: Mutex<Option<(Instant, Arc<Census>)>>,
}

impl Engine {
    /// A census of all databases, by prefixes up to the first `:`; ten seconds old at most. Nobody waits for it for longer than
    /// some tens of buckets take.
    pub fn census(&self) -> Arc<Census> {
        let mut last = self.insight.last.lock();
        match &*last {
            Some((taken, census)) if taken.elapsed() < AGE_MAX => census.clone(),
            _ => {
                let census = Arc::new(take(&self.keyspace, self.now_ms()));
                *last = Some((Instant::now(), census.clone()));
                census
            }
        }
    }
}

/// Has the histograms of memory turned off at any time, but on at the start only: as in Redis, which keeps count from there on.
pub(super) fn follow(settings: &Settings) {
    let counted = AtomicBool::new(settings.yes(config::KEY_MEMORY_HISTOGRAMS));
    settings.on_change(&[config::KEY_MEMORY_HISTOGRAMS], move |settings| {
        let on = settings.yes(config::KEY_MEMORY_HISTOGRAMS);
        if on && !counted.load(Relaxed) {
            return Err("memory tracking cannot be enabled at runtime".into());
        }
        counted.store(on, Relaxed);
        Ok(())
    });
}

fn take(keyspace: &Keyspace, now_ms: i64) -> Census {
    let databases: Vec<(u32, usize)> = (0..keyspace.databases() as u32)
        .map(|db| (db, keyspace.counts(db).0))
        .filter(|(_, keys)| *keys > 0)
        .collect();
    let mut census = Census::new(databases.iter().map(|(_, keys)| keys).sum(), Cut::default(), now_ms);
    for (db, _) in databases {
        for shard in 0..SHARDS {
            census.visit(shard, db, |step| step(&keyspace.lock(shard).tables[db as usize]));
        }
    }
    census
}
