//! Floor 2: who may do what. Users and their rules, in the language of Redis' ACL and with Valkey's
//! rules about databases.
//!
//! ```text
//! User ─ Rules ─┬ on, passwords
//!               └ Selector…      the root one, then those in parentheses; one of them has to allow
//!                   ├ commands   a bit each, by number
//!                   ├ keys       ~glob %R~glob %W~glob
//!                   ├ channels   &glob
//!                   └ databases  db=0,1
//! ```
//! A session holds its [`User`]: whether it may do everything is one load, so the default user's
//! calls cost a branch.

mod catalogue;
mod fault;
mod lines;
mod log;
mod pattern;
mod question;
mod rules;
mod selector;
mod user;
mod words;

pub use catalogue::{CATEGORIES, Catalogue, Named, category};
pub use fault::Fault;
pub use lines::Lines;
pub use log::{Context, Log, Reason, Refusal};
pub use pattern::{READ, WRITE};
pub use question::{ChannelUse, DatabaseUse, Denied, KeyUse, Question};
pub use rules::{Rules, hash};
pub use selector::Selector;
pub use user::User;
pub use words::gather;

use compact_str::CompactString;
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The user of whoever has not said who it is.
pub const DEFAULT: &str = "default";

/// A user whose rules were replaced, and what they were.
pub type Changed = (Arc<User>, Arc<Rules>);

/// The users of a server.
#[derive(Debug)]
pub struct Acl {
    /// What rules may name.
    pub catalogue: Catalogue,
    /// What was refused.
    pub log: Log,
    /// Whether new users may use every channel (`acl-pubsub-default`).
    pub all_channels: AtomicBool,
    default: Arc<User>,
    users: RwLock<BTreeMap<CompactString, Arc<User>>>,
}

impl Acl {
    /// The default user alone, who may do everything.
    pub fn new(catalogue: Catalogue) -> Self {
        let default = Arc::new(User::new(DEFAULT.into(), Rules::everything(&catalogue)));
        let users = BTreeMap::from([(DEFAULT.into(), default.clone())]);
        Self {
            catalogue,
            log: Log::default(),
            all_channels: AtomicBool::new(false),
            default,
            users: RwLock::new(users),
        }
    }

    /// The user of a connection that has not authenticated; it exists as long as the server.
    pub fn default_user(&self) -> &Arc<User> {
        &self.default
    }

    /// Whether clients have to authenticate.
    pub fn asks_for_password(&self) -> bool {
        !self.default.is_open()
    }

    /// The user called `name`.
    pub fn user(&self, name: &[u8]) -> Option<Arc<User>> {
        self.users.read().get(std::str::from_utf8(name).ok()?).cloned()
    }

    /// All users, by name.
    pub fn users(&self) -> Vec<Arc<User>> {
        self.users.read().values().cloned().collect()
    }

    /// The rules a user has that is made now.
    pub fn new_rules(&self) -> Rules {
        Rules::new(self.all_channels.load(Relaxed))
    }

    /// Changes the user called `name`, or makes it, by `rules`: all of them or none. Returns what its
    /// rules were.
    ///
    /// # Errors
    /// The rule that is none, and why.
    pub fn set_user<'r>(
        &self,
        name: &str,
        rules: impl IntoIterator<Item = &'r [u8]>,
    ) -> Result<Option<Arc<Rules>>, (&'r [u8], Fault)> {
        let mut users = self.users.write();
        let known = users.get(name).cloned();
        let before = known.as_ref().map(|user| user.rules());
        let mut changed = before.as_ref().map_or_else(|| self.new_rules(), |before| Rules::clone(before));
        for rule in rules {
            self.apply(&mut changed, rule).map_err(|fault| (rule, fault))?;
        }
        match known {
            Some(user) => user.set_rules(changed),
            None => {
                users.insert(name.into(), Arc::new(User::new(name.into(), changed)));
            }
        }
        Ok(before)
    }

    /// Applies one rule to `rules`.
    ///
    /// # Errors
    /// When it is no rule.
    pub fn apply(&self, rules: &mut Rules, rule: &[u8]) -> Result<(), Fault> {
        rules.apply(rule, self.all_channels.load(Relaxed), &self.catalogue)
    }

    /// Removes a user: whoever is connected as it may do nothing any more. The default user stays.
    pub fn remove_user(&self, name: &[u8]) -> Option<Arc<User>> {
        let name = std::str::from_utf8(name).ok().filter(|name| *name != DEFAULT)?;
        let user = self.users.write().remove(name)?;
        user.remove();
        Some(user)
    }

    /// Makes the users those of `lines`, and no others; one that is there already is changed, so that
    /// its connections go on. Returns those that are gone, and what the rules of the others were.
    pub fn replace(&self, mut lines: Lines) -> (Vec<Arc<User>>, Vec<Changed>) {
        let (mut gone, mut changed) = (Vec::new(), Vec::new());
        lines.users.entry(DEFAULT.into()).or_insert_with(|| Rules::everything(&self.catalogue));
        let mut users = self.users.write();
        users.retain(|name, user| {
            let stays = lines.users.contains_key(name);
            if !stays {
                user.remove();
                gone.push(user.clone());
            }
            stays
        });
        for (name, rules) in lines.users {
            match users.get(&name) {
                Some(user) => {
                    changed.push((user.clone(), user.rules()));
                    user.set_rules(rules);
                }
                None => {
                    users.insert(name.clone(), Arc::new(User::new(name, rules)));
                }
            }
        }
        (gone, changed)
    }

    /// A line `user NAME RULE…` for each user: what an ACL file holds.
    pub fn describe(&self) -> Vec<Vec<u8>> {
        let line =
            |user: &Arc<User>| [b"user ", user.name.as_bytes(), b" ", &user.rules().describe()].concat();
        self.users.read().values().map(line).collect()
    }
}

#[cfg(test)]
mod tests;
