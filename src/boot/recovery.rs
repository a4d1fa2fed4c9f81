//! What is loaded at the start: the newest snapshot, then the log behind its cut.

use super::import;
use crate::base::disk::{Claim, Directory};
use crate::commands::scripts::library;
use crate::config;
use crate::dispatch::{self, replay};
use crate::engine::{Adding, Engine, directory};
use crate::log::{Lsn, recover};
use crate::snapshot::{self, Damage, Fault, load as snapshots};
use std::sync::Arc;
use std::time::Instant;

/// Loads the data set, then begins to log.
///
/// # Errors
/// When what lies on disk cannot be used; the message says what to do.
pub fn recover(engine: &Arc<Engine>) -> Result<(), String> {
    let directory = directory(&engine.settings);
    let path = directory.path.clone();
    let refused = |error| format!("cannot use {}: {error}", path.display());
    let reading = if engine.settings.yes(config::APPENDONLY) {
        engine.claims.claim_for_log(&path).map_err(refused)?;
        None
    } else {
        Claim::to_read(&path).map_err(refused)?
    };
    let imported = import::files(&engine.settings, &directory)?;
    load(engine, directory)?;
    engine.follow_log_settings();
    if !imported.is_empty() {
        import::drop_in(engine, &imported)?;
    }
    drop(reading);
    dispatch::restart(engine);
    engine.loaded();
    Ok(())
}

/// Loads the data set again, while the server runs: DEBUG LOADAOF.
///
/// # Errors
/// As [`recover()`].
pub fn again(engine: &Engine) -> Result<(), String> {
    let directory = engine.data_directory();
    engine.clear_to_load().map_err(|error| format!("the end of the log is not on disk: {error}"))?;
    load(engine, directory)?;
    dispatch::restart(engine);
    engine.loaded();
    Ok(())
}

/// Loads what is in `directory`, and begins to log there.
fn load(engine: &Engine, directory: Directory) -> Result<(), String> {
    let cut = load_snapshot(engine, &directory).map_err(|fault| fault.to_string())?;
    let end = replay_log(engine, &directory, cut).map_err(|fault| fault.to_string())?;
    engine.log.resume_at(end);
    if engine.settings.yes(config::APPENDONLY) {
        let path = directory.path.display().to_string();
        engine
            .start_log(directory, end)
            .map_err(|error| format!("cannot begin the log in {path}: {error}"))?;
    }
    Ok(())
}

/// Loads the newest snapshot; returns where it cut the log.
fn load_snapshot(engine: &Engine, directory: &Directory) -> Result<Option<Lsn>, Fault> {
    let start = Instant::now();
    snapshot::remove_part(directory);
    let Some(found) = snapshot::newest(directory)? else { return Ok(None) };
    let path = found.path.display();
    tracing::info!(%path, keys = found.head.keys, "loading the snapshot");
    let access = engine.access(engine.now_ms()).fresh();
    let key_delay = engine.load_delay();
    let options = snapshots::Options { access, key_delay, ..snapshots::Options::default() };
    let loaded = snapshot::load(directory, &found, &engine.keyspace, options, &engine.loading.snapshot)?;
    library::adopt(engine, &loaded.libraries, Adding::Flush)
        .map_err(|why| Fault::damaged(&found.path)(Damage::new(0, format!("a library: {why}"))))?;
    engine.loading.note(&loaded);
    let seconds = start.elapsed().as_secs_f64();
    tracing::info!(keys = loaded.keys, seconds, "the snapshot is loaded");
    engine.loaded_snapshot(found.head.lsn, loaded.unpacked);
    Ok(Some(found.head.lsn))
}

/// Replays the log behind `cut`; returns where it ends.
fn replay_log(engine: &Engine, directory: &Directory, cut: Option<Lsn>) -> Result<Lsn, crate::log::Fault> {
    let start = Instant::now();
    let plan = recover::plan(directory, cut)?;
    engine.loading.expect(plan.len());
    if !plan.is_empty() {
        tracing::info!(segments = plan.parts.len(), bytes = plan.len(), "replaying the log");
    }
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let done = plan.read(|records| replay::segment(engine, records, workers))?;
    if let Some(torn) = &done.torn {
        let path = torn.path.display();
        tracing::warn!(%path, offset = torn.offset, "the log was torn by a crash: cut behind its last whole record");
    }
    if done.records > 0 {
        let seconds = start.elapsed().as_secs_f64();
        tracing::info!(records = done.records, seconds, "the log is replayed");
    }
    Ok(done.end)
}
