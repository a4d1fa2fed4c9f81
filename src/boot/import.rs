//! The drop-in start: in a directory with data of Redis or Valkey and none of Synap, that is imported once.
//!
//! It comes in by the same door as everything else, so that the log, if there is one, has it afterwards. As in Redis, a
//! command that answers an error is told and left out, one that is not known ends the import; and no key or field expires
//! before all commands are run, since they were run before its time, or it was removed by one of them.

use crate::base::disk::Directory;
use crate::config::{self, Settings};
use crate::dispatch;
use crate::engine::{Client, Engine, Session, directory};
use crate::keyspace::txn::Begin;
use crate::keyspace::{Effects, Key};
use crate::resp::{Error, Reply};
use crate::snapshot::load::Loaded;
use crate::snapshot::rdb::kind::Versions;
use crate::snapshot::rdb::{Damage, Reader, aof, file, payload};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often the log tells how far a long import has come.
const PROGRESS: Duration = Duration::from_secs(5);

/// The file beside Synap's data that tells that an import is not complete.
const MARK: &str = "import.part";

/// The files to import, in their order; none unless there is no data of Synap in `own`.
///
/// What an import that was interrupted left in `own` is removed.
///
/// # Errors
/// When a directory or a manifest cannot be read.
pub fn files(settings: &Settings, own: &Directory) -> Result<Vec<PathBuf>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", own.path.display());
    let mark = own.file(MARK);
    let interrupted = mark.exists();
    let mut left = Vec::new();
    if own.path.exists() {
        for item in std::fs::read_dir(&own.path).map_err(failed)? {
            left.push(item.map_err(failed)?.path());
        }
    }
    if !interrupted && !left.is_empty() {
        return Ok(Vec::new());
    }
    let files = found(settings)?;
    if !files.is_empty() {
        std::fs::create_dir_all(&own.path).map_err(failed)?;
        std::fs::write(&mark, b"").map_err(failed)?;
    }
    for path in left.iter().filter(|path| **path != mark) {
        std::fs::remove_file(path).map_err(failed)?;
    }
    // What is written from here on is not the import's: it must outlive files that come later.
    if interrupted && files.is_empty() {
        std::fs::remove_file(&mark).map_err(failed)?;
    }
    Ok(files)
}

/// Those of the append-only directory or the RDB file; where both are, `appendonly` decides, as in Redis.
fn found(settings: &Settings) -> Result<Vec<PathBuf>, String> {
    let dumped = existing(PathBuf::from(settings.string(config::DBFILENAME)));
    if !settings.yes(config::APPENDONLY) && !dumped.is_empty() {
        return Ok(dumped);
    }
    let appended = appended(settings)?;
    Ok(if appended.is_empty() { dumped } else { appended })
}

/// The append-only files: those that a manifest names, or the one of a Redis before 7.
fn appended(settings: &Settings) -> Result<Vec<PathBuf>, String> {
    let dir = PathBuf::from(settings.string(config::APPENDDIRNAME));
    let name = settings.string(config::APPENDFILENAME);
    let manifest = dir.join(format!("{name}.manifest"));
    let single = existing(PathBuf::from(&name));
    let text = match std::fs::read_to_string(&manifest) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(single),
        Err(error) => return Err(format!("{}: {error}", manifest.display())),
    };
    let files = aof::manifest(&text).map_err(|why| format!("{}: {why}", manifest.display()))?;
    // A Redis that was interrupted when it was about to move its single file into the directory.
    if files.is_empty() || (files == [name.as_str()] && !dir.join(&name).exists() && !single.is_empty()) {
        return Ok(single);
    }
    let files: Vec<_> = files.into_iter().map(|file| dir.join(file)).collect();
    for path in &files {
        let place = path.display();
        path.metadata().map_err(|error| {
            format!("Unable to obtain the length of the AOF file {place} (it is in the manifest): {error}")
        })?;
    }
    Ok(files)
}

/// Imports `files`; returns when the log, if there is one, has it all.
///
/// # Errors
/// When something cannot be read: to start empty would be to lose it.
pub fn drop_in(engine: &Engine, files: &[PathBuf]) -> Result<(), String> {
    let names: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
    tracing::info!("importing data of Redis: {}", names.join(", "));
    let size = |path: &PathBuf| path.metadata().map_or(0, |about| about.len());
    engine.loading.expect(files.iter().map(size).sum());
    let mut import = Import::new(engine);
    for (at, path) in files.iter().enumerate() {
        let place = path.display();
        let failed = |why| format!("Fatal error loading the DB: cannot import {place}: {why}");
        let cut = import.read(path).map_err(failed)?;
        match cut {
            Some(cut) if at + 1 < files.len() || !engine.settings.yes(config::AOF_LOAD_TRUNCATED) => {
                return Err(format!(
                    "Unexpected end of file reading the append only file {place}: it is cut off at byte {cut}; \
                     synap-migrate repair drops what is behind"
                ));
            }
            Some(cut) => tracing::warn!("{place}: its end is not whole and is left out, from byte {cut}"),
            None => {}
        }
        engine.loading.advance(size(path).saturating_sub(import.told));
        import.told = 0;
    }
    let Import { keys, commands, expired, start, .. } = import;
    engine.loading.note(&Loaded { keys, expired, ..Loaded::default() });
    if engine.log.is_on() {
        let durable = engine.log.until_durable(engine.log.end());
        let written = tokio::runtime::Handle::current().block_on(durable);
        written.map_err(|_| "the log cannot be written: nothing is imported".to_string())?;
    }
    let mark = directory(&engine.settings).file(MARK);
    std::fs::remove_file(&mark).map_err(|error| format!("{}: {error}", mark.display()))?;
    let seconds = start.elapsed().as_secs_f64();
    tracing::info!(keys, commands, expired, seconds, "the import is complete; the files stay as they are");
    Ok(())
}

/// `path`, if it is a file with something in it.
fn existing(path: PathBuf) -> Vec<PathBuf> {
    let filled = path.metadata().is_ok_and(|about| about.is_file() && about.len() > 0);
    if filled { vec![path] } else { Vec::new() }
}

/// What is imported, and how far.
struct Import<'e> {
    engine: &'e Engine,
    session: Session,
    effects: Effects,
    reply: Reply,
    /// The present file is an RDB file that no commands follow.
    alone: bool,
    keys: u64,
    expired: u64,
    commands: u64,
    /// Bytes of the present file that the loading was told of.
    told: u64,
    start: Instant,
    logged: Instant,
}

impl<'e> Import<'e> {
    fn new(engine: &'e Engine) -> Self {
        let client = Client::new(0, "import".into(), "import".into(), -1, engine.now_ms());
        let mut session = Session::new(Arc::new(client), engine);
        session.authenticated = true;
        session.effects.get().timeless = true;
        let now = Instant::now();
        let (keys, expired, commands, told) = (0, 0, 0, 0);
        let (effects, reply) = (Effects::default(), Reply::default());
        Import {
            engine,
            session,
            effects,
            reply,
            alone: false,
            keys,
            expired,
            commands,
            told,
            start: now,
            logged: now,
        }
    }

    fn read(&mut self, path: &Path) -> Result<Option<u64>, String> {
        let open = || File::open(path).map_err(|error| error.to_string());
        let mut start = [0; 6];
        let len = open()?.read(&mut start).map_err(|error| error.to_string())?;
        let mut source = open()?;
        let mut input = Reader::stream(&mut source);
        let packing = self.engine.keyspace.packing().clone();
        self.alone = path == Path::new(&self.engine.settings.string(config::DBFILENAME));
        if self.alone || file::begins(&start[..len]) {
            let versions = Versions::relaxed(self.engine.settings.yes(config::RDB_VERSION_CHECK));
            file::read(&mut input, versions, &packing, self).map_err(|stopped| match stopped {
                Stopped::Damaged(damage) => format!(
                    "integrity check failed: {damage}. Terminating server after rdb file reading failure."
                ),
                Stopped::Refused(why) => why,
            })?;
        }
        if self.alone {
            return Ok(None);
        }
        aof::read(&mut input, self).map_err(|stopped| match stopped {
            Stopped::Damaged(damage) => format!("Bad file format reading the append only file: {damage}"),
            Stopped::Refused(why) => why,
        })
    }

    /// Notes how far it is, and waits for the log where that is behind.
    fn advance(&mut self, offset: u64) {
        const STEP: u64 = 1 << 20;
        if offset.saturating_sub(self.told) >= STEP {
            self.engine.loading.advance(offset - self.told);
            self.told = offset;
        }
        if self.engine.log.is_full() {
            tokio::runtime::Handle::current().block_on(self.engine.log.room());
        }
        if self.logged.elapsed() >= PROGRESS {
            self.logged = Instant::now();
            tracing::info!(keys = self.keys, commands = self.commands, mib = offset >> 20, "importing");
        }
    }

    fn run(&mut self, argv: &[&[u8]]) -> Result<(), Error> {
        self.reply.clear(1 << 16);
        dispatch::apply(self.engine, &mut self.session, argv, &mut self.reply)
    }
}

/// Why an import ends early.
enum Stopped {
    Damaged(Damage),
    Refused(String),
}

impl From<Damage> for Stopped {
    fn from(damage: Damage) -> Self {
        Stopped::Damaged(damage)
    }
}

impl file::Sink for Import<'_> {
    type Error = Stopped;

    fn key(&mut self, record: file::Record<'_>, offset: u64) -> Result<(), Stopped> {
        self.advance(offset);
        let (engine, now_ms) = (self.engine, self.engine.now_ms());
        if self.alone && record.expire_at.is_some_and(|at| at <= now_ms) {
            self.expired += 1;
            return Ok(());
        }
        if record.db as usize >= engine.keyspace.databases() {
            let why = format!("it has keys in database {}: databases is too low", record.db);
            return Err(Stopped::Refused(why));
        }
        let idle_s = record.idle_s.unwrap_or(0) as u32;
        let mut entry = record.value.into_entry(record.key, record.expire_at);
        entry.set_access(engine.access(now_ms).restored(Some(idle_s), None));
        let keys = [Key::new(record.key)];
        let begin = Begin { db: record.db, now_ms, access: None, event: "restore" };
        let mut txn = engine.keyspace.begin(&keys, begin, &mut self.effects);
        if txn.effects().is_recording() {
            let bytes = payload::portable(entry.as_ref());
            let at = record.expire_at.unwrap_or(0).to_string();
            txn.record(&[b"RESTORE", record.key, at.as_bytes(), &bytes, b"REPLACE", b"ABSTTL"]);
        }
        txn.put_entry(record.key, entry);
        engine.commit(txn);
        self.keys += 1;
        Ok(())
    }

    fn library(&mut self, code: &[u8]) -> Result<(), Stopped> {
        let loaded = self.run(&[b"FUNCTION", b"LOAD", b"REPLACE", code]);
        loaded.map_err(|error| Stopped::Refused(format!("a library of functions: {error}")))
    }

    fn left_out(&mut self, what: &str) {
        tracing::warn!("left out: {what}");
    }
}

impl aof::Commands for Import<'_> {
    type Error = Stopped;

    fn begin(&mut self) -> Result<(), Stopped> {
        self.session.select(0);
        Ok(())
    }

    fn command(&mut self, words: aof::Words, offset: u64) -> Result<(), Stopped> {
        self.advance(offset);
        self.commands += 1;
        let argv: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        let name = argv[0].escape_ascii();
        if !dispatch::is_known(&argv) {
            let why = format!("Unknown command '{name}' reading the append only file, at byte {offset}");
            return Err(Stopped::Refused(why));
        }
        if let Err(error) = self.run(&argv) {
            tracing::error!(
                "the command {name} at byte {offset} of the append only file is left out: {error}"
            );
            self.engine.metrics.count_error(error.code());
            self.engine.metrics.local().counters.unexpected_errors.add(1);
        }
        Ok(())
    }
}
