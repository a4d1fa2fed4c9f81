//! Stopping: with a last snapshot, if one is wanted.

use super::{Engine, Paused};
use crate::config::{Name, Settings};
use crate::snapshot::Fault;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

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

/// How often it is looked whether the cron still rests.
const LOOK: Duration = Duration::from_millis(20);

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

    /// A signal asked the server to stop: it does, but while the cron rests (DEBUG PAUSE-CRON) it waits, and may be
    /// told not to. False in this case.
    pub async fn attend_signal(&self) -> bool {
        self.stop_signalled.store(true, Relaxed);
        while self.cron_rests.load(Relaxed) && self.stop_signalled.load(Relaxed) {
            tokio::time::sleep(LOOK).await;
        }
        self.stop_signalled.swap(false, Relaxed)
    }

    /// Takes back the signal that asked the server to stop; false when there is none.
    pub fn abort_stop(&self) -> bool {
        let aborted = self.stop_signalled.swap(false, Relaxed);
        if aborted {
            tracing::warn!("Shutdown manually aborted");
        }
        aborted
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acl::Catalogue;
    use std::sync::Arc;

    #[tokio::test]
    async fn a_signal_waits_for_the_cron_and_may_be_taken_back() {
        let engine = Arc::new(Engine::new(Settings::new(), Catalogue::new([("get", vec!["read"], false)])));
        assert!(!engine.abort_stop());
        assert!(engine.attend_signal().await);

        engine.cron_rests.store(true, Relaxed);
        let attending = tokio::spawn({
            let engine = engine.clone();
            async move { engine.attend_signal().await }
        });
        while !engine.abort_stop() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(!attending.await.unwrap());
        assert!(!engine.abort_stop());
    }
}
