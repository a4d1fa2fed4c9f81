//! Floor 5: what a command is. Declared once, above its handler; everything else is derived.

mod args;
mod context;
pub mod flag;
mod keys;
mod registry;
pub mod syntax;

pub use crate::resp::{Error, Reply, Result};
pub use args::{Args, timeout_ms};
pub use context::{Flow, Held, Keyed, Outer, Sweep};
pub use keys::{Find, FindFn, Found, Keys, access};
pub use registry::{Entry as RegistryEntry, Registry, registry, rename};

use crate::base::number;

/// The group a command is documented in; its ACL category follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// `string`
    String,
    /// `bitmap`
    Bitmap,
    /// `list`
    List,
    /// `set`
    Set,
    /// `hash`
    Hash,
    /// `sorted-set`
    Sorted,
    /// `hyperloglog`
    HyperLogLog,
    /// `geo`
    Geo,
    /// `stream`
    Stream,
    /// `queue`
    Queue,
    /// `module`: Redis has vector sets in one.
    Vector,
    /// `generic`
    Generic,
    /// `pubsub`
    PubSub,
    /// `transactions`
    Transactions,
    /// `scripting`
    Scripting,
    /// `connection`
    Connection,
    /// `server`
    Server,
    /// `cluster`
    Cluster,
}

impl Group {
    /// The name COMMAND DOCS gives.
    pub const fn name(self) -> &'static str {
        match self {
            Group::String => "string",
            Group::Bitmap => "bitmap",
            Group::List => "list",
            Group::Set => "set",
            Group::Hash => "hash",
            Group::Sorted => "sorted-set",
            Group::HyperLogLog => "hyperloglog",
            Group::Geo => "geo",
            Group::Stream => "stream",
            Group::Queue => "queue",
            Group::Vector => "module",
            Group::Generic => "generic",
            Group::PubSub => "pubsub",
            Group::Transactions => "transactions",
            Group::Scripting => "scripting",
            Group::Connection => "connection",
            Group::Server => "server",
            Group::Cluster => "cluster",
        }
    }

    /// The ACL category of the group, if it has one of its own.
    pub const fn category(self) -> Option<&'static str> {
        match self {
            Group::String => Some("string"),
            Group::Bitmap => Some("bitmap"),
            Group::List => Some("list"),
            Group::Set => Some("set"),
            Group::Hash => Some("hash"),
            Group::Sorted => Some("sortedset"),
            Group::HyperLogLog => Some("hyperloglog"),
            Group::Geo => Some("geo"),
            Group::Stream => Some("stream"),
            Group::Queue => Some("queue"),
            Group::Generic => Some("keyspace"),
            Group::PubSub => Some("pubsub"),
            Group::Transactions => Some("transaction"),
            Group::Scripting => Some("scripting"),
            Group::Connection => Some("connection"),
            Group::Vector | Group::Server | Group::Cluster => None,
        }
    }
}

/// What runs a command over keys.
pub type KeyedFn = fn(&mut Keyed<'_, '_>) -> Result;

/// What a command may touch, and the function that does it.
#[derive(Clone, Copy)]
pub enum Run {
    /// Its keys, whose shards are locked: it sees no session, socket or service, and never waits.
    Keyed(KeyedFn),
    /// As `Keyed`, and it may answer that it has to wait for its keys.
    Waiting(fn(&mut Keyed<'_, '_>) -> Result<Flow>),
    /// The whole keyspace, shard by shard.
    Sweep(fn(&mut Sweep<'_, '_>) -> Result),
    /// The session and the server, never the keyspace.
    Outer(fn(&mut Outer<'_>) -> Result),
    /// As `Outer`, but it may take its time: other connections of its thread move elsewhere.
    Slow(fn(&mut Outer<'_>) -> Result),
    /// Other commands: EXEC and scripts. `dispatch` knows how.
    Nested(Nest),
    /// Nothing: its subcommands do.
    Container(&'static [Command]),
}

/// The commands that see more than others, or run them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nest {
    /// EXEC: the queued commands.
    Exec,
    /// WATCH: none, but it needs both its keys and the session.
    Watch,
    /// EVAL and its kin: what a script calls.
    Script(Source),
}

/// Where a script comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// From the call.
    Text,
    /// It is kept under the SHA-1 of its text.
    Sha,
    /// It is a function of a library.
    Function,
}

/// The channels that a command publishes to or listens to, for which a user needs a right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// None.
    None,
    /// Its first argument.
    First,
    /// Its arguments.
    All,
    /// Its arguments, which are patterns.
    Patterns,
}

/// Where a call of the form `COMMAND key …` names members of a collection: told from the end, as options stand before them.
/// What it tells is prefetched, so that a word too many does no harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Members {
    behind: u8,
    step: u8,
    /// Whether it looks for them in the order of a sorted set, too.
    pub in_order: bool,
}

impl Members {
    /// The members that `argv` names.
    pub fn of<'a>(self, argv: &[&'a [u8]]) -> impl ExactSizeIterator<Item = &'a [u8]> {
        let (step, end) = (usize::from(self.step), argv.len().saturating_sub(self.behind.into()));
        let words = argv.get(2..end).unwrap_or_default();
        words.iter().skip(words.len().saturating_sub(1) % step).step_by(step).copied()
    }
}

/// A command's declaration.
pub struct Command {
    /// Its name in upper case; a subcommand's own word.
    pub name: &'static str,
    /// `container|subcommand` or the name, in lower case, as errors and statistics tell it.
    pub full_name: &'static str,
    /// Its group.
    pub group: Group,
    /// Its arguments, in the notation of the documentation.
    pub syntax: &'static str,
    /// The exact number of words, or minus the least.
    pub arity: i8,
    /// Properties: see [`flag`].
    pub flags: u32,
    /// Where its keys are, and what it does to them.
    pub keys: &'static [Keys],
    /// Where it names members of the collection under its only key, if it looks for such.
    pub members: Option<Members>,
    /// Finds its keys, where `keys` does not tell the whole truth.
    pub finds_keys: Option<FindFn>,
    /// Where the channels it uses are.
    pub channels: Channels,
    /// The event its edits tell, where it differs from the name.
    pub event: &'static str,
    /// The version of Redis (or Synap) that first had it.
    pub since: &'static str,
    /// What it costs.
    pub complexity: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// What came to it later: the version, and what that was.
    pub history: &'static [(&'static str, &'static str)],
    /// The ACL categories of its subject, where they are not the group's.
    pub subject: Option<&'static [&'static str]>,
    /// Since when it is deprecated, and what replaces it.
    pub deprecated: Option<(&'static str, &'static str)>,
    /// Hints for clients and proxies, as COMMAND INFO shows them.
    pub tips: &'static [&'static str],
    /// Runs a container that is called without a subcommand.
    pub bare: Option<fn(&mut Outer<'_>) -> Result>,
    /// What runs it.
    pub run: Run,
}

impl Command {
    /// A command called `name` (upper case; `full` in lower case, `client|list` for a subcommand).
    pub const fn new(name: &'static str, full: &'static str, group: Group, run: Run) -> Self {
        Command {
            name,
            full_name: full,
            group,
            syntax: "",
            arity: if full.len() == name.len() { 1 } else { 2 },
            flags: 0,
            keys: &[],
            members: None,
            finds_keys: None,
            channels: Channels::None,
            event: full,
            since: "",
            complexity: "",
            summary: "",
            history: &[],
            subject: None,
            deprecated: None,
            tips: &[],
            bare: None,
            run,
        }
    }

    /// Sets the arguments' syntax, from which the arity follows.
    pub const fn syntax(mut self, syntax: &'static str) -> Self {
        let words = syntax::arity(syntax);
        let prefix = if self.full_name.len() == self.name.len() { 0 } else { 1 };
        self.syntax = syntax;
        self.arity = if words < 0 { words - prefix } else { words + prefix };
        self
    }

    /// Overrides the arity where Redis' is not what the syntax says.
    pub const fn arity(mut self, arity: i8) -> Self {
        self.arity = arity;
        self
    }

    /// Sets the flags.
    pub const fn flags(mut self, flags: u32) -> Self {
        self.flags = flags;
        self
    }

    /// Sets where the keys are.
    pub const fn keys(mut self, keys: &'static [Keys]) -> Self {
        self.keys = keys;
        self
    }

    /// Sets where members of its collection are: every `step`th word before the last `behind` ones.
    pub const fn members(mut self, behind: u8, step: u8) -> Self {
        self.members = Some(Members { behind, step, in_order: false });
        self
    }

    /// Says of [`Command::members`] that they are looked for in the order of a sorted set, too.
    pub const fn in_order(mut self) -> Self {
        if let Some(members) = &mut self.members {
            members.in_order = true;
        }
        self
    }

    /// Sets a function that finds the keys, where what clients are told of these does not say it all.
    pub const fn finds_keys(mut self, find: FindFn) -> Self {
        self.finds_keys = Some(find);
        self
    }

    /// Sets where the channels are.
    pub const fn channels(mut self, channels: Channels) -> Self {
        self.channels = channels;
        self
    }

    /// Sets the name of the event its edits tell.
    pub const fn event(mut self, event: &'static str) -> Self {
        self.event = event;
        self
    }

    /// Sets what a container does when it is called without a subcommand.
    pub const fn bare(mut self, bare: fn(&mut Outer<'_>) -> Result) -> Self {
        self.bare = Some(bare);
        self
    }

    /// Overrides the ACL categories of its subject, which follow from the group otherwise.
    pub const fn subject(mut self, categories: &'static [&'static str]) -> Self {
        self.subject = Some(categories);
        self
    }

    /// Says since when it is deprecated, and what replaces it.
    pub const fn deprecated(mut self, since: &'static str, replaced_by: &'static str) -> Self {
        self.deprecated = Some((since, replaced_by));
        self
    }

    /// Sets the hints for clients and proxies.
    pub const fn tips(mut self, tips: &'static [&'static str]) -> Self {
        self.tips = tips;
        self
    }

    /// Sets the documentation: since, complexity, summary.
    pub const fn doc(mut self, since: &'static str, complexity: &'static str, summary: &'static str) -> Self {
        self.since = since;
        self.complexity = complexity;
        self.summary = summary;
        self
    }

    /// Says what came to it later: versions, and what that was.
    pub const fn history(mut self, history: &'static [(&'static str, &'static str)]) -> Self {
        self.history = history;
        self
    }

    /// Whether a flag is set.
    pub const fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// Whether it is a subcommand: its name are two words.
    pub const fn is_sub(&self) -> bool {
        self.full_name.len() != self.name.len()
    }

    /// Whether a call of `words` words fits.
    pub const fn takes(&self, words: usize) -> bool {
        let arity = self.arity as isize;
        if arity >= 0 { words as isize == arity } else { words as isize >= -arity }
    }

    /// Its subcommands.
    pub const fn subcommands(&self) -> &'static [Command] {
        match self.run {
            Run::Container(subcommands) => subcommands,
            _ => &[],
        }
    }

    /// Collects where the keys of this call are.
    ///
    /// # Errors
    /// When the arguments do not say it (a malformed number of keys).
    pub fn find_keys(&self, argv: &[&[u8]], found: &mut Vec<Found>) -> Result {
        match self.finds_keys {
            Some(find) => find(argv, found),
            None => self.find_all(argv, found),
        }
    }

    fn find_all(&self, argv: &[&[u8]], found: &mut Vec<Found>) -> Result {
        let others = found.len();
        for keys in self.keys {
            let before = found.len();
            keys.find(argv, found)?;
            if found.len() == before && before > others && matches!(keys.find, Find::Counted { .. }) {
                // As in Redis: without sources there is no destination.
                found.truncate(others);
            }
        }
        Ok(())
    }

    /// The keys of a call whose number of keys is none, as Redis tells them then: by what the number begins with, the
    /// destination last, and not what is done to them.
    pub fn keys_loosely(&self, argv: &[&[u8]]) -> Vec<Found> {
        let (mut counted, mut destination) = (Vec::new(), Vec::new());
        for keys in self.keys {
            match keys.find {
                Find::Counted { count, step } => {
                    let (first, step) = (usize::from(count) + 1, usize::from(step));
                    let n = argv.get(first - 1).map_or(0, |text| number::leading_i32(text));
                    let n = usize::try_from(n).unwrap_or(0);
                    if n <= argv.len().saturating_sub(first) / step {
                        counted.extend((first..).step_by(step).take(n));
                    }
                }
                Find::At { first, .. } => destination.push(first.into()),
                _ => {}
            }
        }
        if counted.is_empty() {
            destination.clear();
        }
        counted.into_iter().chain(destination).map(|at| Found { at, access: 0 }).collect()
    }

    /// The ACL categories it belongs to, in the order in which ACL CAT lists them.
    pub fn categories(&self) -> Vec<&'static str> {
        // Commands of a module say themselves which they belong to, and those of vector sets say none.
        if self.group == Group::Vector {
            return Vec::new();
        }
        let mut categories = match (self.subject, self.run) {
            (Some(subject), _) => subject.to_vec(),
            // What a container is about, its subcommands say.
            (None, Run::Container(_)) => Vec::new(),
            _ => self.group.category().into_iter().collect(),
        };
        // Scripts are no mere readers, whatever they promise.
        let script = self.group == Group::Scripting;
        categories.extend(flag::categories(self.flags).filter(|name| !(script && *name == "read")));
        categories.sort_by_cached_key(|name| crate::acl::category(name.as_bytes()));
        categories
    }
}
