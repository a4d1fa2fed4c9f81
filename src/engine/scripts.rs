//! Scripts and libraries: what is loaded, and what runs too long.
//!
//! A script that runs longer than [`SLOW`] is slow: who waits for its shards is put off, and its thread's
//! other work moves elsewhere. Longer than `busy-reply-threshold`, and the server is busy: clients are told
//! so, and may end the script if it wrote nothing.

use crate::lua::{Declared, Kind, Lasting, Library, Script, Sha, folded};
use parking_lot::{Mutex, RwLock};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// After this long a script is slow.
pub const SLOW: Duration = Duration::from_millis(10);
/// Scripts of EVAL that are kept; the least recently used is evicted.
pub const EVALS_MAX: usize = 500;

/// How things stand with running scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Running {
    /// None takes long.
    Well = 0,
    /// One is slow: who waits for its shards is put off.
    Slow = 1,
    /// One is over `busy-reply-threshold`.
    Busy = 2,
}

/// A script that runs for long.
#[derive(Debug)]
pub struct Run {
    /// The script's name: its SHA-1, or the function's.
    pub name: Vec<u8>,
    /// The call that runs it.
    pub argv: Vec<Box<[u8]>>,
    /// Whether it is a function of a library.
    pub is_function: bool,
    /// When it began.
    pub since: Instant,
    /// Whether it has called a command that writes.
    pub wrote: AtomicBool,
    /// Whether it is to end.
    pub killed: AtomicBool,
    /// Whether it is over `busy-reply-threshold`.
    pub is_busy: AtomicBool,
}

/// Why a script is not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unkillable {
    /// None runs for long.
    None,
    /// It wrote.
    Wrote,
    /// What runs is of the other kind: a function, a script.
    Other,
}

/// The libraries, by name; their functions, by name in lower case: functions are found in any case.
#[derive(Default)]
struct Libraries {
    by_name: BTreeMap<Box<[u8]>, Arc<Library>>,
    functions: HashMap<Box<[u8]>, Arc<Library>>,
}

/// The scripts and libraries of a server.
pub struct Scripts {
    scripts: Mutex<HashMap<Sha, Arc<Script>>>,
    libraries: RwLock<Libraries>,
    json: [Lasting; 2],
    latest: AtomicU64,
    evicted: AtomicU64,
    slow: Mutex<Vec<Arc<Run>>>,
    running: AtomicU8,
    changed: watch::Sender<()>,
}

impl Default for Scripts {
    fn default() -> Self {
        Self {
            scripts: Mutex::default(),
            libraries: RwLock::default(),
            json: Default::default(),
            latest: AtomicU64::new(1),
            evicted: AtomicU64::new(0),
            slow: Mutex::default(),
            running: AtomicU8::new(0),
            changed: watch::Sender::new(()),
        }
    }
}

impl Scripts {
    /// The script called `sha`.
    pub fn get(&self, sha: &Sha) -> Option<Arc<Script>> {
        self.scripts.lock().get(sha).cloned()
    }

    /// Keeps a script, or returns the one that is kept under its name. Beyond `EVALS_MAX` that were not
    /// loaded to stay, the least recently used is evicted.
    pub fn keep(&self, script: Script) -> Arc<Script> {
        let mut scripts = self.scripts.lock();
        let stays = script.stays.load(Relaxed);
        let kept = scripts.entry(script.sha).or_insert_with(|| Arc::new(script)).clone();
        if stays {
            kept.stays.store(true, Relaxed);
            return kept;
        }
        self.touch(&kept);
        let passing = |script: &&Arc<Script>| !script.stays.load(Relaxed);
        if scripts.len() > EVALS_MAX && scripts.values().filter(passing).count() > EVALS_MAX {
            let oldest = scripts.values().filter(passing).min_by_key(|script| script.used.load(Relaxed));
            if let Some(oldest) = oldest.cloned() {
                oldest.gone.store(true, Relaxed);
                scripts.remove(&oldest.sha);
                self.evicted.fetch_add(1, Relaxed);
            }
        }
        kept
    }

    /// Notes that a script is used.
    pub fn touch(&self, script: &Script) {
        // The one used last already needs no note: threads share the counter only to read it.
        if script.used.load(Relaxed) != self.latest.load(Relaxed) {
            script.used.store(self.latest.fetch_add(1, Relaxed) + 1, Relaxed);
        }
    }

    /// What `cjson` was told to do by scripts, or by functions.
    pub fn json(&self, kind: Kind) -> &Lasting {
        &self.json[kind as usize]
    }

    /// Forgets all scripts.
    pub fn flush(&self) {
        self.json(Kind::Script).clear();
        for (_, script) in self.scripts.lock().drain() {
            script.gone.store(true, Relaxed);
        }
    }

    /// The number of scripts, and the bytes of their texts.
    pub fn counts(&self) -> (usize, usize) {
        let scripts = self.scripts.lock();
        let bytes = scripts.values().map(|script| size_of::<Script>() + size_of::<Sha>() + script.body.len());
        (scripts.len(), bytes.sum())
    }

    /// Scripts that were evicted so far.
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Relaxed)
    }

    /// Counts evictions anew.
    pub fn reset_evicted(&self) {
        self.evicted.store(0, Relaxed);
    }

    /// The library that has a function called `name`, and the function's place in it.
    pub fn function(&self, name: &[u8]) -> Option<(Arc<Library>, usize)> {
        let libraries = self.libraries.read();
        let library = libraries.functions.get(&*folded(name))?;
        let at = library.functions.iter().position(|function| function.name.eq_ignore_ascii_case(name))?;
        Some((library.clone(), at))
    }

    /// All libraries, by name.
    pub fn libraries(&self) -> Vec<Arc<Library>> {
        self.libraries_and(|| ()).0
    }

    /// All libraries, by name, and what `f` does while nobody changes them.
    pub fn libraries_and<R>(&self, f: impl FnOnce() -> R) -> (Vec<Arc<Library>>, R) {
        let libraries = self.libraries.read();
        (libraries.by_name.values().cloned().collect(), f())
    }

    /// The numbers of libraries and functions, and the bytes of their texts.
    pub fn library_counts(&self) -> (usize, usize, usize) {
        let libraries = self.libraries.read();
        let bytes = libraries.by_name.values().map(|library| {
            let functions = library.functions.iter().map(|f| size_of::<Declared>() + f.name.len());
            size_of::<Library>() + library.name.len() + library.code.len() + functions.sum::<usize>()
        });
        (libraries.by_name.len(), libraries.functions.len(), bytes.sum())
    }

    /// Adds libraries, all or none; those of the same name are replaced if `replace`. Runs `done` while
    /// nobody else changes libraries: it records the change.
    ///
    /// # Errors
    /// Which name is taken.
    pub fn add_libraries(
        &self,
        new: Vec<Arc<Library>>,
        how: Adding,
        done: impl FnOnce(),
    ) -> Result<(), Taken> {
        let mut libraries = self.libraries.write();
        let old = match how {
            Adding::Flush => libraries.by_name.values().cloned().collect(),
            _ => new.iter().filter_map(|new| libraries.by_name.get(&new.name).cloned()).collect::<Vec<_>>(),
        };
        if let (Adding::Append, Some(old)) = (how, old.first()) {
            return Err(Taken::Library(old.name.clone()));
        }
        for library in &new {
            for function in &library.functions {
                let other = libraries.functions.get(&*folded(&function.name));
                if other.is_some_and(|other| !old.iter().any(|old| Arc::ptr_eq(old, other))) {
                    return Err(Taken::Function(function.name.clone()));
                }
            }
        }
        old.iter().for_each(|old| libraries.remove(old));
        for library in new {
            for function in &library.functions {
                libraries.functions.insert(folded(&function.name).into_boxed_slice(), library.clone());
            }
            libraries.by_name.insert(library.name.clone(), library);
        }
        done();
        Ok(())
    }

    /// Deletes a library; false when there is none of that name. Runs `done` as above.
    pub fn delete_library(&self, name: &[u8], done: impl FnOnce()) -> bool {
        let mut libraries = self.libraries.write();
        let Some(library) = libraries.by_name.get(name).cloned() else { return false };
        libraries.remove(&library);
        done();
        true
    }

    /// Deletes all libraries. Runs `done` as above.
    pub fn flush_libraries(&self, done: impl FnOnce()) {
        self.json(Kind::Function).clear();
        let mut libraries = self.libraries.write();
        let all: Vec<Arc<Library>> = libraries.by_name.values().cloned().collect();
        all.iter().for_each(|library| libraries.remove(library));
        done();
    }

    /// How things stand; costs a load.
    pub fn running(&self) -> Running {
        match self.running.load(Relaxed) {
            0 => Running::Well,
            1 => Running::Slow,
            _ => Running::Busy,
        }
    }

    /// A script has become slow.
    pub fn slow(&self, run: Arc<Run>) {
        let mut slow = self.slow.lock();
        slow.push(run);
        self.judge(&slow);
    }

    /// A slow script is over its time.
    pub fn busy(&self, run: &Run) {
        let slow = self.slow.lock();
        run.is_busy.store(true, Relaxed);
        self.judge(&slow);
    }

    /// A slow script has ended.
    pub fn ended(&self, run: &Arc<Run>) {
        let mut slow = self.slow.lock();
        slow.retain(|other| !Arc::ptr_eq(other, run));
        self.judge(&slow);
    }

    fn judge(&self, slow: &[Arc<Run>]) {
        let running = match slow {
            [] => Running::Well,
            slow if slow.iter().any(|run| run.is_busy.load(Relaxed)) => Running::Busy,
            _ => Running::Slow,
        };
        self.running.store(running as u8, Relaxed);
        self.changed.send_replace(());
    }

    /// Tells of every change of [`Scripts::running`].
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// The script that runs for longest.
    pub fn longest(&self) -> Option<Arc<Run>> {
        self.slow.lock().iter().min_by_key(|run| run.since).cloned()
    }

    /// Ends slow scripts that have written nothing: functions, or the others.
    ///
    /// # Errors
    /// When there is none to end.
    pub fn kill(&self, functions: bool) -> Result<(), Unkillable> {
        let slow = self.slow.lock();
        if slow.is_empty() {
            return Err(Unkillable::None);
        }
        let mut killed = false;
        let mut why = Unkillable::Other;
        for run in slow.iter() {
            if run.wrote.load(Relaxed) {
                why = Unkillable::Wrote;
            } else if run.is_function == functions {
                run.killed.store(true, Relaxed);
                killed = true;
            }
        }
        if killed { Ok(()) } else { Err(why) }
    }
}

/// Why libraries cannot be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// There is a library of this name.
    Library(Box<[u8]>),
    /// Another library has a function of this name.
    Function(Box<[u8]>),
}

/// What happens to the libraries that are there when others are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adding {
    /// They stay; a name given twice is an error.
    Append,
    /// They stay, but for those of the same name.
    Replace,
    /// They go.
    Flush,
}

impl Libraries {
    fn remove(&mut self, library: &Arc<Library>) {
        library.gone.store(true, Relaxed);
        self.by_name.remove(&library.name);
        for function in &library.functions {
            self.functions.remove(&*folded(&function.name));
        }
    }
}
