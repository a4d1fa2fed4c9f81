//! ACL LOG: what was refused, the latest first. The same refusal within a minute is counted instead
//! of told again, if it is among the ten latest.

use compact_str::CompactString;
use parking_lot::Mutex;
use std::collections::VecDeque;

/// Refusals this far apart (in ms) are told apart.
const GROUPED_MS: i64 = 60_000;
/// The latest refusals, among which the same one is looked for.
const ALIKE: usize = 10;

/// What was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A login.
    Auth,
    /// A command.
    Command,
    /// A key.
    Key,
    /// A channel.
    Channel,
    /// A database.
    Database,
}

impl Reason {
    /// As ACL LOG tells it.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Auth => "auth",
            Reason::Command => "command",
            Reason::Key => "key",
            Reason::Channel => "channel",
            Reason::Database => "database",
        }
    }
}

/// Where a call came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// From a client.
    TopLevel,
    /// From a transaction.
    Multi,
    /// From a script.
    Script,
}

impl Context {
    /// As ACL LOG tells it.
    pub fn name(self) -> &'static str {
        match self {
            Context::TopLevel => "toplevel",
            Context::Multi => "multi",
            Context::Script => "lua",
        }
    }
}

/// One refusal, or several that are the same.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Its number; never used twice.
    pub id: u64,
    /// How often it happened.
    pub count: u64,
    /// What was refused.
    pub reason: Reason,
    /// Where the call came from.
    pub context: Context,
    /// The command, key, channel or database.
    pub object: Box<[u8]>,
    /// The user.
    pub user: CompactString,
    /// The client's line of CLIENT LIST.
    pub client: String,
    /// When it happened first, unix ms.
    pub created_ms: i64,
    /// When it happened last, unix ms.
    pub updated_ms: i64,
}

/// The refusals that are remembered.
#[derive(Debug, Default)]
pub struct Log {
    state: Mutex<(VecDeque<Refusal>, u64)>,
}

impl Log {
    /// Remembers a refusal (its id and count are given here); forgets the oldest above `len_max`.
    pub fn add(&self, mut refusal: Refusal, len_max: usize) {
        let (entries, next) = &mut *self.state.lock();
        let same = |known: &Refusal| {
            known.reason == refusal.reason
                && known.context == refusal.context
                && known.object == refusal.object
                && known.user == refusal.user
                && (refusal.updated_ms - known.updated_ms).abs() <= GROUPED_MS
        };
        refusal.id = *next;
        refusal.count = 1;
        match entries.iter().take(ALIKE).position(same).and_then(|at| entries.remove(at)) {
            Some(known) => {
                refusal =
                    Refusal { id: known.id, count: known.count + 1, created_ms: known.created_ms, ..refusal };
            }
            None => *next += 1,
        }
        entries.push_front(refusal);
        entries.truncate(len_max);
    }

    /// The latest refusals, newest first.
    pub fn latest(&self, count: usize) -> Vec<Refusal> {
        self.state.lock().0.iter().take(count).cloned().collect()
    }

    /// Forgets all refusals.
    pub fn reset(&self) {
        self.state.lock().0.clear();
    }
}
