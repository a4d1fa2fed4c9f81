//! What is loaded at the start: the log, from its first record or from a snapshot's cut.

use super::import;
use crate::config;
use crate::dispatch::replay;
use crate::engine::{Engine, directory};
use crate::log::recover;
use std::sync::Arc;
use std::time::Instant;

/// Loads the data set, then begins to log.
///
/// # Errors
/// When what lies on disk cannot be used; the message says what to do.
pub fn recover(engine: &Arc<Engine>) -> Result<(), String> {
    let directory = directory(&engine.settings);
    let imported = import::files(&engine.settings, &directory)?;
    let start = Instant::now();
    let plan = recover::plan(&directory, None).map_err(|fault| fault.to_string())?;
    engine.loading.expect(plan.len());
    if !plan.is_empty() {
        tracing::info!(segments = plan.parts.len(), bytes = plan.len(), "replaying the log");
    }
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let done =
        plan.read(|records| replay::segment(engine, records, workers)).map_err(|fault| fault.to_string())?;
    if let Some(torn) = &done.torn {
        let path = torn.path.display();
        tracing::warn!(%path, offset = torn.offset, "the log was torn by a crash: cut behind its last whole record");
    }
    if done.records > 0 {
        let seconds = start.elapsed().as_secs_f64();
        tracing::info!(records = done.records, seconds, "the log is replayed");
    }
    if engine.settings.yes(config::APPENDONLY) {
        let path = directory.path.display().to_string();
        engine
            .start_log(directory, done.end)
            .map_err(|error| format!("cannot begin the log in {path}: {error}"))?;
    }
    engine.follow_log_settings();
    if !imported.is_empty() {
        import::drop_in(engine, &imported)?;
    }
    engine.loading.finish();
    Ok(())
}
