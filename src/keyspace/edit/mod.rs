//! The only way to change a stored value. The mutators of each type live in a file of their own
//! here and record every change they make.

mod hash;
mod list;
mod queue;
mod set;
mod sorted;
mod stream;
mod string;
mod vectors;

pub use queue::{Removal, STEPS};

use super::effects::Effects;
use super::entry::{Collection, Details, EntryBox, EntryRef, Kind};
use super::event::Class;
use super::shard::{Hooks, Keyspace};
use super::txn::{DataType, OpenSlot, note};
use crate::types::{Hash, List, Packing, Set, Sorted, VectorSet};
use std::marker::PhantomData;

/// Makes a type of `types` a value of its kind: what it tells is what its own functions say.
macro_rules! collection {
    ($($kind:ident)*) => {$(
        impl Details for $kind {
            fn encoding(&self) -> &'static str {
                self.encoding()
            }

            fn weight(&self) -> usize {
                self.weight()
            }

            fn memory(&self) -> usize {
                self.memory()
            }

            fn size(&self) -> usize {
                self.len()
            }

            fn is_empty(&self) -> bool {
                self.is_empty()
            }
        }

        impl Collection for $kind {
            const KIND: Kind = Kind::$kind;
        }
    )*};
}

collection!(Hash List Set Sorted VectorSet);

/// Members recorded with one effect when a whole collection is.
const CHUNK: usize = 128;

/// Where an edit happens.
pub(super) struct Place<'t> {
    pub key: &'t [u8],
    pub db: u32,
    pub now_ms: i64,
    pub event: &'static str,
    /// The key was created for this edit.
    pub fresh: bool,
}

/// An entry opened for change. When it is dropped, the change is told, and a value left empty is
/// removed.
pub struct Edit<'t, T: DataType> {
    slot: Option<OpenSlot<'t>>,
    hooks: &'t mut Hooks,
    effects: &'t mut Effects,
    keyspace: &'t Keyspace,
    place: Place<'t>,
    dirty: bool,
    /// The end of the edit is no event; the change is logged all the same.
    silent: bool,
    /// Told with each event, besides the type's class: [`Class::BESIDE`], [`Class::FRUITLESS`].
    aside: Class,
    kind: PhantomData<T>,
}

impl<'t, T: DataType> Edit<'t, T> {
    pub(super) fn new(
        slot: OpenSlot<'t>,
        hooks: &'t mut Hooks,
        effects: &'t mut Effects,
        keyspace: &'t Keyspace,
        place: Place<'t>,
    ) -> Self {
        Self {
            slot: Some(slot),
            hooks,
            effects,
            keyspace,
            place,
            dirty: false,
            silent: false,
            aside: Class::default(),
            kind: PhantomData,
        }
    }

    /// Names the keyspace event when it differs from the command's own.
    pub fn named(mut self, event: &'static str) -> Self {
        self.place.event = event;
        self
    }

    /// Lets nobody go on who waits for the key: the change gives them nothing.
    pub fn waking_nobody(mut self) -> Self {
        self.aside = self.aside.with(Class::FRUITLESS);
        self
    }

    /// Tells nobody that the key changed, but that it is new: only what is kept beside its content does.
    pub fn quietly(mut self) -> Self {
        self.silent = true;
        self.aside = Class::BESIDE.with(Class::FRUITLESS);
        self
    }

    /// Ends what [`Edit::quietly`] began: the change is an event after all, though one that lets nobody go on.
    pub fn aloud(&mut self) {
        self.silent = false;
        self.aside = Class::FRUITLESS;
    }

    /// Changes what is kept beside the content only: that is an event, but neither ends a WATCH nor makes cached values
    /// invalid. A key made for this is new all the same.
    pub fn beside(mut self) -> Self {
        if !self.place.fresh {
            self.aside = self.aside.with(Class::BESIDE);
        }
        self
    }

    /// Tells no keyspace event; watchers see the change all the same.
    pub fn quiet(self) -> Self {
        self.named("")
    }

    /// Whether the key was created for this edit.
    pub fn is_fresh(&self) -> bool {
        self.place.fresh
    }

    /// The transaction's time in unix milliseconds.
    pub fn now_ms(&self) -> i64 {
        self.place.now_ms
    }

    /// The thresholds between packed and large encodings.
    pub fn packing(&self) -> &'t Packing {
        self.keyspace.packing()
    }

    fn entry(&self) -> EntryRef<'_> {
        self.slot.as_ref().expect("an edit is open until it is dropped").entry()
    }

    fn update<R>(&mut self, f: impl FnOnce(&mut EntryBox) -> R) -> R {
        self.slot.as_mut().expect("an edit is open until it is dropped").update(f)
    }

    /// Notes a change and records its effect: `verb`, the key, `args`.
    fn record(&mut self, verb: &[u8], args: &[&[u8]]) {
        self.record_behind(&[verb], args);
    }

    /// As `record`, with more than one word before the key.
    fn record_behind(&mut self, verb: &[&[u8]], args: &[&[u8]]) {
        self.dirty = true;
        self.effects.dirty += 1;
        self.effects.record_runs(self.place.db, [verb, &[self.place.key], args]);
    }

    /// Whether changes are recorded: for those whose arguments are costly to make.
    fn is_recording(&self) -> bool {
        self.effects.is_recording()
    }

    /// Counts `n` more changes.
    pub fn changed(&mut self, n: usize) {
        self.dirty |= n > 0;
        self.effects.dirty += n as u64;
    }

    /// Tells the edit's own event now, and `event` in its place when the edit ends.
    pub fn follow_with(&mut self, event: &'static str) {
        let Place { key, db, event: own, .. } = self.place;
        if std::mem::take(&mut self.place.fresh) {
            self.effects.touch(db, key, "new", Class::NEW);
        }
        self.tell(own);
        self.place.event = event;
    }

    /// Counts what `f` changes as `changes`, however much it records.
    pub fn counting<R>(&mut self, changes: u64, f: impl FnOnce(&mut Self) -> R) -> R {
        let before = self.effects.dirty;
        let result = f(self);
        self.effects.recount(before, changes);
        result
    }

    /// Tells one more event about the key, besides the edit's own.
    pub fn tell(&mut self, event: &'static str) {
        let class = class_of(T::KIND).with(self.aside);
        note(self.hooks, self.effects, self.place.db, self.place.key, event, class);
    }
}

impl<T: Collection> Edit<'_, T> {
    /// The value, to be read.
    pub fn value(&self) -> &T {
        self.entry().collection().expect("the type was checked when the edit was opened")
    }

    /// Changes the value; mutators call this and then record.
    fn change<R>(&mut self, f: impl FnOnce(&mut T, &Packing) -> R) -> R {
        let packing = self.keyspace.packing();
        let slot = self.slot.as_mut().expect("an edit is open until it is dropped");
        slot.change(|value| f(value, packing))
    }
}

/// The event class of a type's own commands.
pub fn class_of(kind: Kind) -> Class {
    match kind {
        Kind::String => Class::STRING,
        Kind::List => Class::LIST,
        Kind::Set => Class::SET,
        Kind::Sorted => Class::SORTED,
        Kind::Hash => Class::HASH,
        Kind::Stream => Class::STREAM,
        Kind::Queue => Class::QUEUE,
        // Redis tells nothing of them but that their key is new.
        Kind::VectorSet => Class::default(),
    }
}

impl<T: DataType> Drop for Edit<'_, T> {
    fn drop(&mut self) {
        let Place { key, db, event, fresh, now_ms } = self.place;
        let Some(slot) = self.slot.take() else { return };
        let gone = T::is_hollow(slot.entry());
        if gone {
            self.keyspace.free(slot.remove());
        } else if self.dirty {
            self.effects.stamp(slot.entry(), now_ms);
        }
        if !self.dirty {
            return;
        }
        if fresh {
            self.effects.touch(db, key, "new", Class::NEW);
            // Who waits for a key is asked again when it comes to be, whatever the event gives.
            if !gone && !self.hooks.is_empty() && self.hooks.waiters.waits(db, key) {
                self.effects.wake(db, key);
            }
        }
        if self.silent {
            return;
        }
        let class = if event.is_empty() { Class::default() } else { class_of(T::KIND) };
        note(self.hooks, self.effects, db, key, event, class.with(self.aside));
        if gone && T::KIND != Kind::VectorSet {
            note(self.hooks, self.effects, db, key, "del", Class::GENERIC);
        }
    }
}
