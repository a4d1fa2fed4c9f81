//! Snapshots in the background: those that were begun, were scheduled, or are due by a rule of `save`.

use crate::engine::Engine;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// How often the rules are looked at.
const PERIOD: Duration = Duration::from_millis(100);

/// Saves snapshots until the server stops.
pub async fn saving(engine: Arc<Engine>) {
    loop {
        tokio::select! {
            () = engine.saving.work() => {}
            () = tokio::time::sleep(PERIOD) => {}
            () = engine.stop.cancelled() => return,
        }
        if engine.cron_rests.load(Relaxed) {
            continue;
        }
        engine.save_if_due();
        if engine.saving.running().is_some() {
            let saver = engine.clone();
            let saved = tokio::task::spawn_blocking(move || saver.save_begun());
            if let Err(panic) = saved.await {
                tracing::error!("the snapshot panicked: {panic}");
            }
        }
    }
}
