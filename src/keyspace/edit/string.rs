//! Changing strings in place.

use super::Edit;
use crate::keyspace::entry::{SHORT_MAX, StrRef};
use crate::keyspace::txn::{Str, replace_with};
use crate::keyspace::{EntryBox, EntryRef};
use bytes::BytesMut;
use std::ops::Range;

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

    /// Puts other text in place of the string, as text even if it spells an integer; expiry stays.
    pub fn put_text(&mut self, value: &[u8]) {
        let key = self.place.key;
        self.update(|entry| {
            let expire_at = entry.as_ref().expire_at();
            replace_with(entry, |old| keeping(old.as_ref(), EntryBox::text(key, value, expire_at)));
        });
        self.record(b"SET", &[value, b"KEEPTTL"]);
    }

    /// Appends to the text; returns its length.
    pub fn append(&mut self, tail: &[u8]) -> usize {
        let len = self.change_text(|text| {
            text.extend_from_slice(tail);
            text.len()
        });
        self.record(b"APPEND", &[tail]);
        len
    }

    /// Takes the form of a text that may change in place (encoding `raw`), which changes nothing of what it says.
    pub fn spell_out(&mut self) {
        if self.entry().encoding() != "raw" {
            self.change_text(|_| ());
        }
    }

    /// Changes the bytes of `range`; a text that ends before is continued with zero bytes.
    pub fn change_range<R>(&mut self, range: Range<usize>, f: impl FnOnce(&mut [u8]) -> R) -> R {
        let inside = |entry: &mut EntryBox| entry.short_mut().is_some_and(|text| text.len() >= range.end);
        let in_place = self.update(inside);
        let result = if in_place {
            self.update(|entry| {
                entry.set_raw();
                f(&mut entry.short_mut().expect("the text is inside the entry")[range.clone()])
            })
        } else {
            self.change_text(|text| {
                let len = text.len().max(range.end);
                text.resize(len, 0);
                f(&mut text[range.clone()])
            })
        };
        let effect = |edit: &mut Self| {
            let changed = edit.value().with(|text| text[range.clone()].to_vec());
            edit.record(b"SETRANGE", &[itoa::Buffer::new().format(range.start).as_bytes(), &changed]);
        };
        self.record_with(effect);
        result
    }

    /// Changes the text in any way; recorded as the whole value.
    pub fn rewrite<R>(&mut self, f: impl FnOnce(&mut BytesMut) -> R) -> R {
        let result = self.change_text(f);
        self.record_with(|edit| {
            let value = edit.value().to_vec();
            edit.record(b"SET", &[&value, b"KEEPTTL"]);
        });
        result
    }

    /// Changes the text in any way; recorded as a call that does the same: its verb, and what follows the key.
    pub fn change_as<R>(&mut self, effect: (&[u8], &[&[u8]]), f: impl FnOnce(&mut BytesMut) -> R) -> R {
        let result = self.change_text(f);
        self.record(effect.0, effect.1);
        result
    }

    /// Records by `effect`, which is costly to make, if anybody follows.
    fn record_with(&mut self, effect: impl FnOnce(&mut Self)) {
        if self.effects.is_recording() {
            effect(self);
        } else {
            self.record(b"", &[]);
        }
    }

    /// Changes the text as a buffer that may grow; afterwards it is stored as text (encoding `raw`).
    /// A long text is changed without copying it, unless a reader still holds it.
    fn change_text<R>(&mut self, f: impl FnOnce(&mut BytesMut) -> R) -> R {
        let key = self.place.key;
        self.update(|entry| {
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
        })
    }
}

/// `new` with the access clock and generation of `old`.
fn keeping(old: EntryRef<'_>, mut new: EntryBox) -> EntryBox {
    new.set_access(old.access());
    new.set_generation(old.generation());
    new
}
