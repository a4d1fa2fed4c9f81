//! The running server that gets the data.

use super::Failure;
use super::address::{Address, ask};
use crate::base::clock::system_ms;
use crate::resp::link::Link;
use crate::resp::read::Frame;
use crate::snapshot::rdb::{aof, file, payload};
use std::time::{Duration, Instant};

/// Commands, and bytes of them, that are sent before their replies are read.
const WINDOW: usize = 512;
const WINDOW_BYTES: usize = 1 << 20;
/// How often progress is told.
const PROGRESS: Duration = Duration::from_secs(5);

/// A server that gets keys and commands, with what it got so far.
pub(super) struct Target {
    link: Link,
    db: Option<u32>,
    replace: bool,
    /// What was sent and not answered: the name of a key, or of a command.
    open: Vec<String>,
    pub keys: u64,
    pub expired: u64,
    pub commands: u64,
    told: Instant,
}

impl Target {
    pub(super) fn connect(to: &Address, replace: bool) -> Result<Self, Failure> {
        let link = to.connect()?;
        Ok(Target {
            link,
            db: None,
            replace,
            open: Vec::new(),
            keys: 0,
            expired: 0,
            commands: 0,
            told: Instant::now(),
        })
    }

    fn send(&mut self, argv: &[&[u8]], name: &[u8]) -> Result<(), Failure> {
        self.link.push(argv);
        self.open.push(name.escape_ascii().to_string());
        if self.open.len() >= WINDOW || self.link.unsent() >= WINDOW_BYTES {
            self.settle()?;
        }
        Ok(())
    }

    /// Waits until everything sent is answered.
    pub(super) fn settle(&mut self) -> Result<(), Failure> {
        self.link.flush()?;
        for name in std::mem::take(&mut self.open) {
            if let Frame::SimpleError { data, .. } = self.link.reply()? {
                let hint = if data.starts_with("BUSYKEY") {
                    " (--replace replaces keys that are there)"
                } else {
                    ""
                };
                return Err(Failure::Failed(format!("the target refuses {name}: {data}{hint}")));
            }
        }
        Ok(())
    }

    fn select(&mut self, db: u32) -> Result<(), Failure> {
        if self.db != Some(db) {
            self.db = Some(db);
            self.send(&[b"SELECT", db.to_string().as_bytes()], b"SELECT")?;
        }
        Ok(())
    }

    fn progress(&mut self, offset: u64) {
        if self.told.elapsed() >= PROGRESS {
            self.told = Instant::now();
            let mib = offset >> 20;
            eprintln!("{} keys, {} commands, {mib} MiB read", self.keys, self.commands);
        }
    }
}

impl file::Sink for Target {
    type Error = Failure;

    fn key(&mut self, record: file::Record<'_>, offset: u64) -> Result<(), Failure> {
        self.progress(offset);
        if record.expire_at.is_some_and(|at| at <= system_ms()) {
            self.expired += 1;
            return Ok(());
        }
        self.select(record.db)?;
        let ttl = record.expire_at.unwrap_or(0).to_string();
        let idle_s = record.idle_s.map(|s| s.to_string());
        let entry = record.value.into_entry(record.key, None);
        let bytes = payload::portable(entry.as_ref());
        let mut argv: Vec<&[u8]> = vec![b"RESTORE", record.key, ttl.as_bytes(), &bytes, b"ABSTTL"];
        if self.replace {
            argv.push(b"REPLACE");
        }
        if let Some(idle_s) = &idle_s {
            argv.extend_from_slice(&[b"IDLETIME", idle_s.as_bytes()]);
        }
        self.keys += 1;
        self.send(&argv, record.key)
    }

    fn library(&mut self, code: &[u8]) -> Result<(), Failure> {
        self.settle()?;
        let mut argv: Vec<&[u8]> = vec![b"FUNCTION", b"LOAD"];
        if self.replace {
            argv.push(b"REPLACE");
        }
        argv.push(code);
        ask(&mut self.link, &argv).map_err(|failure| failure.at("a library of functions"))?;
        Ok(())
    }

    fn left_out(&mut self, what: &str) {
        eprintln!("left out: {what}");
    }
}

impl aof::Commands for Target {
    type Error = Failure;

    fn command(&mut self, words: aof::Words, offset: u64) -> Result<(), Failure> {
        self.progress(offset);
        if words[0].eq_ignore_ascii_case(b"SELECT") {
            self.db = None;
        }
        self.commands += 1;
        let argv: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        self.send(&argv, &words[0])
    }
}
