//! Changing strings in place.

use super::Edit;
use crate::keyspace::entry::{SHORT_MAX, StrRef};
use crate::keyspace::txn::{Str, replace_with};
use crate::keyspace::{EntryBox, EntryRef};
use bytes::{Bytes, BytesMut};

impl Edit<'_, Str> {
    /// The string, to be read.
    pub fn value(&self) -> StrRef<'_> {
        self.entry().string().expect("the type was checked when the edit was opened")
    }

    /// Puts an integer in place of the string; expiry stays.
    pub fn put_int(&mut self, value: i64) {
        let key = self.place.key;
        self.update(|entry| {
            if !entry.put_int(value) {
                replace_with(entry, |old| {
                    keeping(old.as_ref(), EntryBox::int(key, value, old.as_ref().expire_at()))
                });
            }
        });
        self.record(b"SET", &[itoa::Buffer::new().format(value).as_bytes(), b"KEEPTTL"]);
    }

    /// Puts other text in place of the string, in its most compact form; expiry stays.
    pub fn put(&mut self, value: &[u8]) {
        let key = self.place.key;
        self.update(|entry| {
            let expire_at = entry.as_ref().expire_at();
            if !entry.put_short(value, expire_at) {
                replace_with(entry, |old| keeping(old.as_ref(), EntryBox::string(key, value, expire_at)));
            }
        });
        self.record(b"SET", &[value, b"KEEPTTL"]);
    }

    /// Changes the text as a buffer that may grow; afterwards it is stored as text (encoding `raw`).
    /// A long text is changed without copying it, unless a reader still holds it.
    pub fn change_text<R>(&mut self, f: impl FnOnce(&mut BytesMut) -> R) -> R {
        let key = self.place.key;
        let result = self.update(|entry| {
            let mut text = entry
                .take_long()
                .unwrap_or_else(|| BytesMut::from(&*entry.as_ref().string().expect("a string").text()));
            let result = f(&mut text);
            if matches!(entry.as_ref().string(), Some(StrRef::Long(_))) {
                entry.put_long(text.freeze());
            } else {
                replace_with(entry, |old| {
                    let expire_at = old.as_ref().expire_at();
                    let new = if text.len() > SHORT_MAX {
                        EntryBox::long(key, text.freeze(), expire_at)
                    } else {
                        EntryBox::text(key, &text, expire_at)
                    };
                    keeping(old.as_ref(), new)
                });
            }
            entry.set_raw();
            result
        });
        if self.effects.is_recording() {
            let value = self.value().to_vec();
            self.record(b"SET", &[&value, b"KEEPTTL"]);
        } else {
            self.record(b"SET", &[]);
        }
        result
    }

    /// Shares a long text with a reader; copies a short one.
    pub fn share(&self) -> Bytes {
        match self.value() {
            StrRef::Long(bytes) => bytes.clone(),
            other => Bytes::from(other.to_vec()),
        }
    }
}

/// `new` with the access clock and generation of `old`.
fn keeping(old: EntryRef<'_>, mut new: EntryBox) -> EntryBox {
    new.set_access(old.access());
    new.set_generation(old.generation());
    new
}
