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
    /// What was sent and not answered.
    open: Vec<Sent>,
    /// No key expires there for now: see [`Target::hold_time`].
    holds: bool,
    pub keys: u64,
    pub expired: u64,
    pub commands: u64,
    /// Commands that answered an error.
    pub refused: u64,
    told: Instant,
}

/// What was sent.
enum Sent {
    /// The key of this name, or what it needs.
    Key(String),
    /// This command.
    Command(String),
}

impl Target {
    pub(super) fn connect(to: &Address, replace: bool) -> Result<Self, Failure> {
        let link = to.connect()?;
        Ok(Target {
            link,
            db: None,
            replace,
            open: Vec::new(),
            holds: false,
            keys: 0,
            expired: 0,
            commands: 0,
            refused: 0,
            told: Instant::now(),
        })
    }

    /// Has no key expire there, where the server can: commands of a file were run before the time of what they change,
    /// or its removal is one of them.
    pub(super) fn hold_time(&mut self) -> Result<(), Failure> {
        let held = self.link.ask(&[b"CONFIG", b"SET", b"import-mode", b"yes"])?;
        self.holds = !matches!(held, Frame::SimpleError { .. });
        if self.holds {
            ask(&mut self.link, &[b"CLIENT", b"IMPORT-SOURCE", b"ON"])?;
        }
        Ok(())
    }

    /// Has time go on.
    pub(super) fn release_time(&mut self) -> Result<(), Failure> {
        if std::mem::take(&mut self.holds) {
            self.link.ask(&[b"CONFIG", b"SET", b"import-mode", b"no"])?;
        }
        Ok(())
    }

    fn send(&mut self, argv: &[&[u8]], what: Sent) -> Result<(), Failure> {
        self.link.push(argv);
        self.open.push(what);
        if self.open.len() >= WINDOW || self.link.unsent() >= WINDOW_BYTES {
            self.settle()?;
        }
        Ok(())
    }

    /// Waits until everything sent is answered. A command that the server knows and answers with an error is told and
    /// left out, as Redis does when it starts.
    pub(super) fn settle(&mut self) -> Result<(), Failure> {
        self.link.flush()?;
        for sent in std::mem::take(&mut self.open) {
            let Frame::SimpleError { data, .. } = self.link.reply()? else { continue };
            match sent {
                Sent::Command(name) if !data.starts_with("ERR unknown ") => {
                    self.refused += 1;
                    eprintln!("left out: {name}, which the target answers with {data}");
                }
                Sent::Key(name) if data.starts_with("BUSYKEY") => {
                    let hint = "(--replace replaces keys that are there)";
                    return Err(Failure::Failed(format!("the target refuses {name}: {data} {hint}")));
                }
                Sent::Key(name) | Sent::Command(name) => {
                    return Err(Failure::Failed(format!("the target refuses {name}: {data}")));
                }
            }
        }
        Ok(())
    }

    fn select(&mut self, db: u32) -> Result<(), Failure> {
        if self.db != Some(db) {
            self.db = Some(db);
            self.send(&[b"SELECT", db.to_string().as_bytes()], Sent::Key("SELECT".into()))?;
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
        if !self.holds && record.expire_at.is_some_and(|at| at <= system_ms()) {
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
        self.send(&argv, Sent::Key(record.key.escape_ascii().to_string()))
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

    fn begin(&mut self) -> Result<(), Failure> {
        self.select(0)
    }

    fn command(&mut self, words: aof::Words, offset: u64) -> Result<(), Failure> {
        self.progress(offset);
        if words[0].eq_ignore_ascii_case(b"SELECT") {
            self.db = None;
        }
        self.commands += 1;
        let argv: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        self.send(&argv, Sent::Command(words[0].escape_ascii().to_string()))
    }
}
