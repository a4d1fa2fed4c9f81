//! Replacing and removing whole entries, and telling what happened to their keys.

use super::{Ttl, Txn, shard_of};
use crate::keyspace::access::Access;
use crate::keyspace::effects::Effects;
use crate::keyspace::entry::{EntryBox, Kind};
use crate::keyspace::event::Class;
use crate::keyspace::shard::{Hooks, Keyspace};

impl Txn<'_> {
    /// Notes that `event` happened to `key`: watchers, waiters, listeners.
    pub fn touch(&mut self, key: &[u8], event: &'static str, class: Class) {
        let hash = self.hash_of(key);
        let db = self.db;
        let (shard, effects) = self.shard_mut(shard_of(hash));
        note(&shard.hooks, effects, db, key, event, class);
    }

    /// Records a deterministic command (an effect) for the log.
    pub fn record(&mut self, argv: &[&[u8]]) {
        let db = self.db;
        self.effects.record(db, argv);
    }

    /// Gives `key` the string `value`, whatever it held. Tells no event but `new` and `overwritten`: callers name theirs.
    ///
    /// Returns the expiry the key has now.
    pub fn put_string(&mut self, key: &[u8], value: &[u8], ttl: Ttl) -> Option<i64> {
        self.expire_found();
        self.expire_for_write(key);
        let hash = self.hash_of(key);
        let (access, is_counted) = (self.access, self.is_counted(hash));
        let (db, keyspace) = (self.db, self.keyspace);
        let (shard, effects) = self.shard_mut(shard_of(hash));
        let table = &mut shard.tables[db as usize];
        let mut fresh = false;
        let expire_at = match table.slot(hash, key) {
            Some(mut slot) => {
                let before = slot.entry().access();
                let access = match access {
                    Some(_) if is_counted => before,
                    access => access.map_or(0, |access| access.replacing(before)),
                };
                if effects.hears_overwrites() {
                    effects.touch_overwritten(db, key, slot.entry().kind(), Kind::String);
                }
                let expire_at = match ttl {
                    Ttl::Clear => None,
                    Ttl::Keep => slot.entry().expire_at(),
                    Ttl::At(t) => Some(t),
                };
                if expire_at.is_some() || !slot.overwrite(value, access) {
                    slot.update(|entry| overwrite(entry, key, value, expire_at, access, keyspace));
                }
                expire_at
            }
            None => {
                fresh = true;
                let expire_at = if let Ttl::At(t) = ttl { Some(t) } else { None };
                let mut entry = EntryBox::string(key, value, expire_at);
                entry.set_access(access.map_or(0, Access::fresh));
                table.add(hash, entry);
                expire_at
            }
        };
        effects.dirty += 1;
        if fresh {
            effects.touch(db, key, "new", Class::NEW);
        }
        if effects.is_recording() {
            match expire_at {
                None => effects.record(db, &[b"SET", key, value]),
                Some(t) => effects
                    .record(db, &[b"SET", key, value, b"PXAT", itoa::Buffer::new().format(t).as_bytes()]),
            }
        }
        expire_at
    }

    /// Gives `key` a string that a command built: it stays text, and is reported as `raw`. Otherwise as
    /// [`Txn::put_string`] without an expiry.
    pub fn put_built(&mut self, key: &[u8], value: Vec<u8>) {
        self.expire_if_due(key);
        self.record(&[b"SET", key, &value]);
        let mut entry = EntryBox::built(key, value);
        entry.set_raw();
        self.put_entry(key, entry);
    }

    /// Gives `key` a ready-made entry, replacing what it held, though it be due. Tells no event but `new` and
    /// `overwritten`, records nothing: callers do. The replaced value is freed; how the key was used is kept.
    pub fn put_entry(&mut self, key: &[u8], mut entry: EntryBox) {
        self.expire_found();
        let hash = self.hash_of(key);
        let db = self.db;
        let keyspace = self.keyspace;
        keyspace.agenda().adopt_entry(db, &mut entry);
        if entry.as_ref().access() == 0 {
            entry.set_access(self.access().fresh());
        }
        let kind = entry.as_ref().kind();
        let access = self.access();
        let (shard, effects) = self.shard_mut(shard_of(hash));
        let table = &mut shard.tables[db as usize];
        match table.insert(hash, entry) {
            Some(old) => {
                let clock = access.replacing(old.as_ref().access());
                table.find(hash, key).into_iter().for_each(|entry| entry.touch(clock));
                effects.touch_overwritten(db, key, old.as_ref().kind(), kind);
                keyspace.free(old);
            }
            None => effects.touch(db, key, "new", Class::NEW),
        }
        effects.dirty += 1;
    }

    /// As [`Txn::put_entry`], but what `key` held is gone first: the key counts as new. Returns the type of that, for
    /// [`Txn::touch_overwritten`].
    pub fn put_anew(&mut self, key: &[u8], entry: EntryBox) -> Option<Kind> {
        let old = self.take_entry(key);
        let kind = old.as_ref().map(|old| old.as_ref().kind());
        old.into_iter().for_each(|old| self.keyspace.free(old));
        self.put_entry(key, entry);
        kind
    }

    /// Tells that `key` was overwritten, if it held the type `before`: behind the caller's own event, after
    /// [`Txn::put_anew`].
    pub fn touch_overwritten(&mut self, key: &[u8], before: Option<Kind>) {
        if self.effects.hears_overwrites()
            && let (Some(before), Some(after)) = (before, self.kind(key))
        {
            self.effects.touch_overwritten(self.db, key, before, after);
        }
    }

    /// Takes the entry of `key` out of the keyspace. Tells no event, records nothing: callers do.
    pub fn take_entry(&mut self, key: &[u8]) -> Option<EntryBox> {
        self.expire_found();
        let hash = self.hash_of(key);
        let db = self.db as usize;
        let (shard, effects) = self.shard_mut(shard_of(hash));
        let entry = shard.tables[db].remove(hash, key)?;
        effects.dirty += 1;
        Some(entry)
    }

    /// Frees an entry taken out, in the background when it is heavy.
    pub fn free(&self, entry: EntryBox) {
        self.keyspace.free(entry);
    }

    /// Removes `key` and tells `event`; false when it is absent.
    pub fn remove(&mut self, key: &[u8], event: &'static str, class: Class) -> bool {
        let removed = self.clear(key);
        if removed {
            self.touch(key, event, class);
        }
        removed
    }

    /// Removes `key` and tells nobody; false when it is absent.
    pub(super) fn clear(&mut self, key: &[u8]) -> bool {
        let Some(entry) = self.take_entry(key) else { return false };
        self.keyspace.free(entry);
        self.record(&[b"DEL", key]);
        true
    }

    /// Removes `key` as DEL does; false when it is absent.
    pub fn delete(&mut self, key: &[u8]) -> bool {
        self.remove(key, "del", Class::GENERIC)
    }

    /// Sets or removes the expiry of a key that exists; false when it is absent. Tells no event.
    pub fn set_expire_at(&mut self, key: &[u8], expire_at: Option<i64>) -> bool {
        let hash = self.hash_of(key);
        let (db, now_ms) = (self.db, self.now_ms);
        let (shard, effects) = self.shard_mut(shard_of(hash));
        let Some(mut slot) = shard.tables[db as usize].slot(hash, key) else { return false };
        slot.update(|entry| replace_with(entry, |entry| entry.with_expire_at(expire_at)));
        effects.stamp(slot.entry(), now_ms);
        effects.dirty += 1;
        if effects.is_recording() {
            match expire_at {
                None => effects.record(db, &[b"PERSIST", key]),
                Some(t) => effects.record(db, &[b"PEXPIREAT", key, itoa::Buffer::new().format(t).as_bytes()]),
            }
        }
        true
    }
}

/// Replaces `*entry` by what `f` makes of it.
pub(in crate::keyspace) fn replace_with(entry: &mut EntryBox, f: impl FnOnce(EntryBox) -> EntryBox) {
    let taken = std::mem::replace(entry, EntryBox::int(b"", 0, None));
    *entry = f(taken);
}

/// Overwrites `entry` with a string, in place when its allocation fits.
fn overwrite(
    entry: &mut EntryBox,
    key: &[u8],
    value: &[u8],
    expire_at: Option<i64>,
    access: u32,
    keyspace: &Keyspace,
) {
    if entry.put_short(value, expire_at) {
        entry.set_access(access);
        return;
    }
    let mut new = EntryBox::string(key, value, expire_at);
    new.set_access(access);
    keyspace.free(std::mem::replace(entry, new));
}

/// Passes a touch on: at once to watchers, with the commit to everybody else.
pub(in crate::keyspace) fn note(
    hooks: &Hooks,
    effects: &mut Effects,
    db: u32,
    key: &[u8],
    event: &'static str,
    class: Class,
) {
    alert(hooks, effects, db, key, class);
    effects.touch(db, key, event, class);
}

/// Tells watchers and waiters alone.
pub(super) fn alert(hooks: &Hooks, effects: &mut Effects, db: u32, key: &[u8], class: Class) {
    if !hooks.is_empty() {
        if !class.meets(Class::BESIDE) {
            let removed = class.meets(Class::EXPIRED.with(Class::EVICTED));
            hooks.watchers.touch(db, key, removed);
        }
        if !class.meets(Class::FRUITLESS) && hooks.waiters.waits(db, key) {
            effects.wake(db, key);
        }
    }
}
