//! The log as the settings want it, and what is logged besides transactions.

use super::{Engine, Purpose, directory};
use crate::base::disk::{Claim, Directory};
use crate::base::ops;
use crate::config::{self, Settings};
use crate::keyspace::Effects;
use crate::keyspace::effects::Listeners;
use crate::keyspace::txn::Begin;
use crate::log::{Lsn, Mode, Options};
use crate::snapshot::Aside;
use parking_lot::Mutex;
use std::io;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// What the settings say of how the log is written.
fn options(settings: &Settings) -> Options {
    let number = |name| settings.int(name).max(0) as u64;
    Options {
        mode: match settings.int(config::APPENDFSYNC) {
            0 => Mode::Periodic,
            1 => Mode::Always,
            _ => Mode::Never,
        },
        interval: Duration::from_millis(number(config::WAL_FSYNC_INTERVAL_MS)),
        buffer_len: number(config::WAL_BUFFER_SIZE_KB) as usize * 1024,
        batch_ops_max: number(config::WAL_BATCH_OPS_MAX) as usize,
        batch_delay: Duration::from_micros(number(config::WAL_BATCH_DELAY_US)),
        segment_len: number(config::WAL_SEGMENT_SIZE_MB) << 20,
        anew: false,
    }
}

/// The claim to the data directory: held while the log is on, and while a snapshot is saved.
#[derive(Debug, Default)]
pub struct Claims {
    newest: Mutex<Weak<Claim>>,
    log: Mutex<Option<Arc<Claim>>>,
}

impl Claims {
    /// The claim of this server to `directory`.
    ///
    /// # Errors
    /// As [`Claim::to_write`].
    pub(super) fn claim(&self, directory: &Path) -> io::Result<Arc<Claim>> {
        let mut newest = self.newest.lock();
        if let Some(held) = newest.upgrade().filter(|held| held.directory() == directory) {
            return Ok(held);
        }
        let claim = Arc::new(Claim::to_write(directory)?);
        *newest = Arc::downgrade(&claim);
        Ok(claim)
    }

    /// Claims `directory` for the log.
    ///
    /// # Errors
    /// As [`Claim::to_write`].
    pub fn claim_for_log(&self, directory: &Path) -> io::Result<()> {
        let claim = self.claim(directory)?;
        *self.log.lock() = Some(claim);
        Ok(())
    }
}

impl Engine {
    /// Begins to log to `directory` at `end`.
    ///
    /// # Errors
    /// When the log cannot be begun.
    pub fn start_log(&self, directory: Directory, end: Lsn) -> io::Result<()> {
        self.log.start(directory, end, options(&self.settings))?;
        self.keyspace.listening().set(Listeners::LOG, true);
        Ok(())
    }

    /// Records a call that concerns no key: a change of function libraries.
    pub fn record_call(&self, argv: &[&[u8]]) {
        self.metrics.local().changes.add(1);
        if self.log.is_on() {
            let mut call = Vec::new();
            ops::push_call(&mut call, [argv, &[], &[]]);
            self.log.append(&call, self.now_ms());
        }
    }

    /// What a snapshot has besides keys; all shards are locked. Nobody changes libraries meanwhile: each change is in the
    /// snapshot, or in the log behind its cut.
    pub(super) fn cut_aside(&self) -> Aside {
        let (libraries, lsn) = self.scripts.libraries_and(|| self.log.cut());
        Aside { lsn, libraries }
    }

    /// Turns the log on or off, as `appendonly` says.
    fn switch_log(&self) -> io::Result<()> {
        if self.settings.yes(config::APPENDONLY) == self.log.is_on() {
            return Ok(());
        }
        if self.log.is_on() {
            if self.saving.running() == Some(Purpose::Rewrite) {
                tracing::info!("Killing AOF child: the log is turned off, a snapshot for it is not wanted");
                self.saving.abandon();
            }
            let mut effects = Effects::default();
            let begin = Begin { db: 0, now_ms: self.now_ms(), access: None, event: "" };
            // Every transaction that is recorded has been appended when all shards are free.
            let txn = self.keyspace.begin_all(begin, &mut effects);
            self.keyspace.listening().set(Listeners::LOG, false);
            drop(txn);
            self.log.stop()?;
            *self.claims.log.lock() = None;
            return Ok(());
        }
        // What was changed meanwhile is in no record: the log counts from a snapshot on, whose cut comes behind
        // every transaction that is not recorded.
        let anew = Options { anew: true, ..options(&self.settings) };
        let directory = directory(&self.settings);
        self.claims.claim_for_log(&directory.path)?;
        self.log.start(directory, self.log.end() + 1, anew)?;
        self.keyspace.listening().set(Listeners::LOG, true);
        // At once, as Redis does: who asks for a snapshot right behind this finds one under way.
        if self.save_in_background(Purpose::Rewrite).is_err() {
            self.saving.schedule(Purpose::Rewrite);
        }
        Ok(())
    }

    /// Keeps the log what the settings say.
    pub fn follow_log_settings(self: &Arc<Self>) {
        let engine = Arc::downgrade(self);
        self.settings.on_change(&[config::APPENDONLY], move |_| {
            let Some(engine) = engine.upgrade() else { return Ok(()) };
            engine.switch_log().map_err(|error| {
                tracing::error!("the log cannot be switched: {error}");
                "Unable to turn on AOF. Check server logs.".to_owned()
            })
        });
        let names = [
            config::APPENDFSYNC,
            config::WAL_FSYNC_INTERVAL_MS,
            config::WAL_BUFFER_SIZE_KB,
            config::WAL_BATCH_OPS_MAX,
            config::WAL_BATCH_DELAY_US,
            config::WAL_SEGMENT_SIZE_MB,
        ];
        let engine = Arc::downgrade(self);
        self.settings.on_change(&names, move |settings| {
            if let Some(engine) = engine.upgrade() {
                engine.log.set_options(options(settings));
            }
            Ok(())
        });
    }
}
