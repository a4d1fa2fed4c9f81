//! One user, shared by its sessions.

use super::Rules;
use compact_str::CompactString;
use parking_lot::RwLock;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// A user, as sessions hold it.
#[derive(Debug)]
pub struct User {
    /// Its name.
    pub name: CompactString,
    rules: RwLock<Arc<Rules>>,
    /// Whether it may do everything: then nothing else is looked at.
    unrestricted: AtomicBool,
    /// Whether one is this user without a password.
    open: AtomicBool,
    removed: AtomicBool,
}

impl User {
    /// A user with these rules.
    pub fn new(name: CompactString, rules: Rules) -> Self {
        let user = Self {
            name,
            rules: RwLock::new(Arc::new(rules)),
            unrestricted: AtomicBool::new(false),
            open: AtomicBool::new(false),
            removed: AtomicBool::new(false),
        };
        user.settle(&user.rules());
        user
    }

    /// Its rules now.
    pub fn rules(&self) -> Arc<Rules> {
        self.rules.read().clone()
    }

    /// Gives it other rules, which hold from its clients' next call on.
    pub fn set_rules(&self, rules: Rules) {
        let mut held = self.rules.write();
        *held = Arc::new(rules);
        self.settle(&held);
    }

    fn settle(&self, rules: &Rules) {
        self.unrestricted.store(rules.is_unrestricted(), Relaxed);
        self.open.store(rules.on && rules.nopass, Relaxed);
    }

    /// Whether it may do everything.
    pub fn is_unrestricted(&self) -> bool {
        self.unrestricted.load(Relaxed)
    }

    /// Whether one is this user without a password.
    pub fn is_open(&self) -> bool {
        self.open.load(Relaxed)
    }

    /// Whether it was removed: its sessions may do nothing any more.
    pub fn is_removed(&self) -> bool {
        self.removed.load(Relaxed)
    }

    pub(super) fn remove(&self) {
        self.unrestricted.store(false, Relaxed);
        self.open.store(false, Relaxed);
        self.removed.store(true, Relaxed);
    }
}
