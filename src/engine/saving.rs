//! Snapshots: one at a time, in the foreground or behind the scenes; who asks for them, and what became of them.

use super::Engine;
use crate::base::disk::Directory;
use crate::config::{self, Settings};
use crate::log::DIRECTORY;
use crate::snapshot::{Codec, Crowd, Cut, Fault, Intake, Progress, record, save};
use parking_lot::{Condvar, Mutex};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::Notify;

/// The wait after a failed save before the rules try again, in ms.
const RETRY_MS: i64 = 5_000;

/// What a snapshot is taken for. All are the same; Redis' commands tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// SAVE, BGSAVE, a rule of `save`: to have it.
    Save,
    /// BGREWRITEAOF, the log's growth: so that the log before it can go.
    Rewrite,
}

/// How it went with the snapshots of one purpose.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// Snapshots begun.
    pub begun: u64,
    /// Failures since the last success.
    pub failures: u64,
    /// How long the last one took.
    pub took: Option<Duration>,
}

struct Running {
    purpose: Purpose,
    /// Where entries go, and how far it has come; `None` while the cut is taken.
    cut: Option<(Arc<Intake>, Arc<Progress>)>,
    /// The server's changes at the cut.
    changes: u64,
}

#[derive(Default)]
struct State {
    running: Option<Running>,
    /// A cut that the background task is to save.
    begun: Option<Cut>,
    save_scheduled: bool,
    rewrite_scheduled: bool,
    save: Outcome,
    rewrite: Outcome,
    saved_ms: i64,
    tried_ms: i64,
    saved_changes: u64,
    /// Of the last snapshot: its place in the log, and the bytes that it holds before they are compressed: of the log
    /// they would be as many, so how far the log has grown does not depend on the codec.
    last: (u64, u64),
}

/// What INFO tells of snapshots.
pub struct Report {
    /// What is running.
    pub running: Option<(Purpose, Arc<Progress>)>,
    /// BGREWRITEAOF was asked for while another snapshot was taken.
    pub rewrite_scheduled: bool,
    /// Of [`Purpose::Save`].
    pub save: Outcome,
    /// Of [`Purpose::Rewrite`].
    pub rewrite: Outcome,
    /// When the last snapshot was complete, in unix milliseconds; the start of the server before that.
    pub saved_ms: i64,
    /// Changes since its cut.
    pub changes: u64,
}

/// The state of saves.
pub struct Saving {
    state: Mutex<State>,
    ended: Condvar,
    work: Notify,
    crowd: Arc<Crowd>,
    failing: AtomicBool,
}

impl Saving {
    /// Nothing was saved before the server's start.
    pub(super) fn since(started_ms: i64) -> Self {
        Self {
            state: Mutex::new(State { saved_ms: started_ms, ..State::default() }),
            ended: Condvar::new(),
            work: Notify::new(),
            crowd: Arc::default(),
            failing: AtomicBool::new(false),
        }
    }

    /// Whom clients wait for before their next write when a snapshot cannot follow.
    pub fn crowd(&self) -> &Crowd {
        &self.crowd
    }

    /// Whether the last snapshot failed.
    pub fn is_failing(&self) -> bool {
        self.failing.load(Relaxed)
    }

    /// Completes when the background task has something to do.
    pub async fn work(&self) {
        self.work.notified().await;
    }

    /// What is being saved, if anything.
    pub fn running(&self) -> Option<Purpose> {
        self.state.lock().running.as_ref().map(|running| running.purpose)
    }

    /// Has a snapshot taken as soon as none is under way.
    pub fn schedule(&self, purpose: Purpose) {
        let mut state = self.state.lock();
        match purpose {
            Purpose::Save => state.save_scheduled = true,
            Purpose::Rewrite => state.rewrite_scheduled = true,
        }
        self.work.notify_one();
    }

    /// Gives up what is being saved.
    pub fn abandon(&self) {
        if let Some(Running { cut: Some((intake, _)), .. }) = &self.state.lock().running {
            intake.abandon();
        }
    }
}

/// How the settings want a snapshot.
pub(super) fn options(settings: &Settings) -> save::Options {
    let codec = match (settings.yes(config::RDBCOMPRESSION), settings.int(config::SNAPSHOT_COMPRESSION)) {
        (false, _) => Codec::Plain,
        (true, 0) => Codec::Lz4,
        (true, _) => Codec::Zstd,
    };
    let policy = settings.string(config::MAXMEMORY_POLICY);
    save::Options {
        codec,
        records: record::Options {
            access: ["lru", "lfu", "lrm"].iter().any(|order| policy.ends_with(order)),
        },
        sync_in_steps: settings.yes(config::RDB_SAVE_INCREMENTAL_FSYNC),
        key_delay: Duration::from_micros(settings.int(config::RDB_KEY_SAVE_DELAY).max(0) as u64),
    }
}

/// Where Synap's own data lies.
pub fn directory(settings: &Settings) -> Directory {
    Directory::system(Path::new(&settings.string(config::DIR)).join(DIRECTORY))
}

impl Engine {
    /// Where snapshots go: beside the log, whose place does not change while it is on, though `dir` may.
    pub fn data_directory(&self) -> Directory {
        self.log.directory().unwrap_or_else(|| directory(&self.settings))
    }

    /// Takes a cut to be saved; the one who takes it has to [`Engine::finish_save`] it.
    ///
    /// # Errors
    /// What is being saved already.
    fn begin_save(&self, purpose: Purpose) -> Result<Cut, Purpose> {
        let now_ms = self.now_ms();
        {
            let mut state = self.saving.state.lock();
            if let Some(running) = &state.running {
                return Err(running.purpose);
            }
            state.running = Some(Running { purpose, cut: None, changes: 0 });
            state.tried_ms = now_ms;
            match purpose {
                Purpose::Save => {
                    state.save.begun += 1;
                    state.save_scheduled = false;
                }
                Purpose::Rewrite => {
                    state.rewrite.begun += 1;
                    state.rewrite_scheduled = false;
                }
            }
        }
        // Not under the state's lock: who holds shards may ask for the state.
        let cut = Cut::take(&self.keyspace, options(&self.settings), now_ms, &self.saving.crowd, || {
            self.cut_aside()
        });
        let changes = self.metrics.changes();
        let under_way = Some((cut.intake().clone(), cut.progress().clone()));
        self.saving.state.lock().running = Some(Running { purpose, cut: under_way, changes });
        Ok(cut)
    }

    /// Saves a cut, and notes what became of it: of a failure in the foreground, whoever asked is told alone.
    fn finish_save(&self, cut: Cut, background: bool) -> Result<(), Fault> {
        let progress = cut.progress().clone();
        let dir = self.data_directory();
        tracing::info!(keys = progress.keys_total(), "saving a snapshot");
        let saved = match self.claims.claim(&dir.path) {
            Ok(_claim) => cut.save(&self.keyspace, &dir),
            Err(error) => Err(cut.give_up(&self.keyspace, Fault::io(&dir.path, "be written")(error))),
        };
        let took = progress.elapsed();
        let mut state = self.saving.state.lock();
        let Some(running) = state.running.take() else { return saved.map(|_| ()) };
        match &saved {
            Ok(saved) => {
                state.saved_ms = self.now_ms();
                state.saved_changes = running.changes;
                state.last = (saved.found.head.lsn, saved.unpacked);
            }
            Err(Fault::Abandoned) => tracing::info!("the snapshot is abandoned"),
            Err(fault) => tracing::error!("the snapshot failed: {fault}"),
        }
        let outcome = match running.purpose {
            Purpose::Save => &mut state.save,
            Purpose::Rewrite => &mut state.rewrite,
        };
        outcome.took = Some(took);
        match &saved {
            Ok(_) => outcome.failures = 0,
            Err(Fault::Abandoned) => {}
            Err(_) => outcome.failures += u64::from(background),
        }
        self.saving.failing.store(state.save.failures > 0, Relaxed);
        drop(state);
        self.saving.ended.notify_all();
        let saved = saved?;
        if let Err(error) = self.log.release_before(saved.found.head.lsn) {
            tracing::warn!("cannot remove what the snapshot covers of the log: {error}");
        }
        let (file, bytes) = (saved.found.path.display(), saved.bytes);
        tracing::info!(%file, bytes, keys = progress.keys(), seconds = took.as_secs_f64(), "the snapshot is saved");
        Ok(())
    }

    /// Notes the snapshot that was loaded: its place in the log, and the bytes that it holds unpacked.
    pub fn loaded_snapshot(&self, lsn: u64, unpacked: u64) {
        self.saving.state.lock().last = (lsn, unpacked);
    }

    /// Everything is loaded: what the loading changed is no change.
    pub fn loaded(&self) {
        self.saving.state.lock().saved_changes = self.metrics.changes();
        self.loading.finish();
    }

    /// Whether the log has outgrown the `last` snapshot so far that another should take its place.
    fn log_has_grown(&self, last: (u64, u64), rested_ms: i64) -> bool {
        let percentage = self.settings.int(config::AUTO_AOF_REWRITE_PERCENTAGE) as u64;
        if !self.log.is_on() || percentage == 0 || rested_ms < RETRY_MS {
            return false;
        }
        let least = self.settings.int(config::AUTO_AOF_REWRITE_MIN_SIZE) as u64;
        let (lsn, bytes) = last;
        self.log.end().saturating_sub(lsn) > least.max(bytes.saturating_mul(percentage) / 100)
    }

    /// Saves a snapshot here and now. One for the log that is under way is waited for.
    ///
    /// # Errors
    /// When the snapshot fails; `None` when one is being saved already.
    pub fn save(&self) -> Result<(), Option<Fault>> {
        loop {
            match self.begin_save(Purpose::Save) {
                Ok(cut) => return self.finish_save(cut, false).map_err(Some),
                Err(Purpose::Save) => return Err(None),
                Err(Purpose::Rewrite) => self.wait_for_save(),
            }
        }
    }

    /// Everything was flushed: gives up the snapshot under way of what was there. Whether one of what is left is to take
    /// the place of those before.
    pub fn give_up_flushed(&self) -> bool {
        let wanted = !self.settings.save_points().is_empty();
        // One that the log waits for is as good as another if there will be another.
        if wanted || self.saving.running() == Some(Purpose::Save) {
            self.saving.abandon();
        }
        wanted
    }

    /// Saves what is left after a flush; if that fails, the log says so.
    pub fn save_flushed(&self) {
        let _ = self.save_now();
    }

    /// Saves a snapshot here and now, whatever else is being saved.
    ///
    /// # Errors
    /// When it fails.
    pub(super) fn save_now(&self) -> Result<(), Fault> {
        loop {
            self.wait_for_save();
            if let Ok(cut) = self.begin_save(Purpose::Save) {
                return self.finish_save(cut, false);
            }
        }
    }

    /// Takes the cut now, and has it saved in the background.
    ///
    /// # Errors
    /// What is being saved already.
    pub fn save_in_background(&self, purpose: Purpose) -> Result<(), Purpose> {
        let cut = self.begin_save(purpose)?;
        self.saving.state.lock().begun = Some(cut);
        self.saving.work.notify_one();
        Ok(())
    }

    /// Saves what was begun for the background; what fails is told by INFO and the log.
    pub fn save_begun(&self) {
        let begun = self.saving.state.lock().begun.take();
        if let Some(cut) = begun {
            // Whoever asked was answered long ago.
            let _ = self.finish_save(cut, true);
        }
    }

    /// Returns when no snapshot is under way.
    pub fn wait_for_save(&self) {
        loop {
            self.save_begun();
            let mut state = self.saving.state.lock();
            if state.running.is_none() {
                return;
            }
            if state.begun.is_none() {
                self.saving.ended.wait(&mut state);
            }
        }
    }

    /// Begins the snapshot that is due by now, if any: one that was scheduled, or that a rule of `save` asks for.
    pub fn save_if_due(&self) {
        if self.loading.is_active() {
            return;
        }
        let now_ms = self.now_ms();
        let due = {
            let state = self.saving.state.lock();
            if state.running.is_some() {
                None
            } else if state.rewrite_scheduled || self.log_has_grown(state.last, now_ms - state.tried_ms) {
                Some(Purpose::Rewrite)
            } else {
                let changes = self.metrics.changes().saturating_sub(state.saved_changes);
                let rested = state.save.failures == 0 || now_ms - state.tried_ms > RETRY_MS;
                let rules = self.settings.save_points();
                let due = |seconds: i64, wanted: i64| {
                    changes as i64 >= wanted && (now_ms - state.saved_ms) / 1000 > seconds
                };
                let rule = rules.iter().find(|rule| due(rule.seconds, rule.changes)).filter(|_| rested);
                if let Some(rule) = rule {
                    tracing::info!("{changes} changes in {} seconds", rule.seconds);
                }
                (rule.is_some() || state.save_scheduled && rested).then_some(Purpose::Save)
            }
        };
        if let Some(purpose) = due {
            // Who came first has one saved: just as well.
            let _ = self.save_in_background(purpose);
        }
    }

    /// How snapshots fare.
    pub fn saving_report(&self) -> Report {
        let state = self.saving.state.lock();
        Report {
            running: state.running.as_ref().map(|running| {
                let progress = running.cut.as_ref().map(|(_, progress)| progress.clone());
                (running.purpose, progress.unwrap_or_default())
            }),
            rewrite_scheduled: state.rewrite_scheduled,
            save: state.save,
            rewrite: state.rewrite,
            saved_ms: state.saved_ms,
            changes: self.metrics.changes().saturating_sub(state.saved_changes),
        }
    }
}
