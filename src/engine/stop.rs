//! Stopping: with a last snapshot, if one is wanted.

use super::{Engine, Paused};
use crate::config::{Name, Settings};
use crate::snapshot::Fault;
use std::sync::atomic::Ordering::Relaxed;

/// How the server is to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stop {
    /// Whether a snapshot is saved; by default if there are rules in `save`.
    pub save: Option<bool>,
    /// Whether it stops although the snapshot fails.
    pub force: bool,
}

impl Stop {
    /// As `setting`, one of those that say what a signal does, wants it.
    pub fn by(settings: &Settings, setting: Name) -> Self {
        let wish = settings.string(setting);
        let has = |word: &str| wish.split(' ').any(|wanted| wanted == word);
        let save = (has("save") || has("nosave")).then(|| has("save"));
        Self { save, force: has("force") }
    }
}

impl Engine {
    /// Saves a last snapshot, if one is wanted, and stops the server. No client may write from here on.
    ///
    /// # Errors
    /// When the snapshot fails: the server goes on.
    pub fn stop_with(&self, stop: Stop) -> Result<(), Fault> {
        let wanted = stop.save.unwrap_or_else(|| !self.settings.save_points().is_empty());
        self.saving.abandon();
        if wanted {
            self.pause_clients(Paused::Writes, i64::MAX);
            tracing::info!("saving a last snapshot");
            if let Err(fault) = self.save_now()
                && !stop.force
            {
                self.resume_clients();
                return Err(fault);
            }
            self.save_at_end.store(true, Relaxed);
        }
        self.stop.cancel();
        Ok(())
    }

    /// Saves what was written while the clients were closed, if a last snapshot was wanted. Nobody writes any more.
    pub fn save_rest(&self) {
        self.saving.abandon();
        self.wait_for_save();
        if self.save_at_end.load(Relaxed) && self.saving_report().changes > 0 {
            // What went wrong stands in the log.
            let _ = self.save_now();
        }
    }
}
