//! The log as the settings want it.

use super::Engine;
use crate::base::disk::Directory;
use crate::config::{self, Settings};
use crate::keyspace::effects::Listeners;
use crate::log::{Lsn, Mode, Options};
use std::io;
use std::sync::Arc;
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

    /// Keeps the way the log is written what the settings say.
    pub fn follow_log_settings(self: &Arc<Self>) {
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
