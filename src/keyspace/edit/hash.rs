//! Changing hashes.

use super::Edit;
use crate::types::{FieldRef, Hash, Live, Packing};

impl Edit<'_, Hash> {
    /// Sets fields, given as `field value field value …`, and clears when they expire; returns how many
    /// are new.
    pub fn set(&mut self, pairs: &[&[u8]]) -> usize {
        self.put(pairs, Hash::set)
    }

    /// Sets fields as [`Edit::set`] does, for which the caller then sets when they expire: until there they stand where they
    /// did.
    pub fn set_to_expire(&mut self, pairs: &[&[u8]]) {
        self.put(pairs, Hash::update);
    }

    fn put(&mut self, pairs: &[&[u8]], put: fn(&mut Hash, &[u8], &[u8], &Packing) -> bool) -> usize {
        let new = self.change(|hash, packing| {
            hash.expect(pairs.len() / 2, packing);
            pairs.chunks_exact(2).filter(|pair| put(hash, pair[0], pair[1], packing)).count()
        });
        self.record(b"HSET", pairs);
        self.changed(pairs.len() / 2 - 1);
        new
    }

    /// Sets fields as [`Edit::set`] does, but leaves alone when they expire.
    pub fn set_keeping_ttl(&mut self, pairs: &[&[u8]]) {
        for pair in pairs.chunks_exact(2) {
            let (field, value) = (pair[0], pair[1]);
            self.change(|hash, packing| hash.update(field, value, packing));
            self.record(b"HSET", pair);
            if let Some(ms) = self.value().get(field).and_then(|f| f.expire_at) {
                self.counting(0, |hash| hash.record_expiry(field, Some(ms)));
            }
        }
    }

    /// Removes `fields`; returns how many were there.
    pub fn remove(&mut self, fields: &[&[u8]]) -> usize {
        let gone: Vec<&[u8]> =
            self.change(|hash, _| fields.iter().copied().filter(|field| hash.remove(field)).collect());
        if !gone.is_empty() {
            self.record(b"HDEL", &gone);
            self.changed(gone.len() - 1);
        }
        gone.len()
    }

    /// Prepares for fields to expire.
    pub fn expect_expiry(&mut self) {
        self.change(|hash, _| hash.expect_expiry());
    }

    /// Sets when `field` expires (unix ms), or that it does not, if it is there.
    pub fn set_expire_at(&mut self, field: &[u8], expire_at: Option<i64>) {
        if self.change(|hash, _| hash.set_expire_at(field, expire_at)) {
            self.record_expiry(field, expire_at);
        }
    }

    fn record_expiry(&mut self, field: &[u8], expire_at: Option<i64>) {
        match expire_at {
            Some(ms) => {
                let mut digits = itoa::Buffer::new();
                let ms = digits.format(ms).as_bytes();
                self.record(b"HPEXPIREAT", &[ms, b"FIELDS", b"1", field]);
            }
            None => self.record(b"HPERSIST", &[b"FIELDS", b"1", field]),
        }
    }

    /// What is seen of it: what is due counts as gone, except where time does not count.
    pub fn live(&self) -> Live<'_> {
        self.value().at(if self.effects.timeless { i64::MIN } else { self.now_ms() })
    }

    /// Removes those of `fields` whose time is up, unless clients are paused, and tells of it; returns how many.
    pub fn expire_among(&mut self, fields: &[&[u8]]) -> usize {
        let now_ms = self.now_ms();
        if self.effects.timeless
            || self.keyspace.keeps_due(now_ms)
            || self.value().next_expire_at().is_none_or(|at| at > now_ms)
        {
            return 0;
        }
        let due = |field: &&&[u8]| self.value().get(field).is_some_and(|f| f.is_due(now_ms));
        let due: Vec<&[u8]> = fields.iter().filter(due).copied().collect();
        let expired = self.counting(0, |hash| hash.remove(&due));
        if expired > 0 {
            self.effects.expired_fields += expired as u64;
            self.tell("hexpired");
        }
        expired
    }

    /// Removes up to `limit` fields whose time is up; returns how many.
    pub fn expire(&mut self, limit: usize) -> usize {
        let (now_ms, recording) = (self.now_ms(), self.is_recording());
        let mut gone = Vec::new();
        let expired = self.change(|hash, _| {
            let mut keep = |f: FieldRef<'_>| {
                if recording {
                    gone.push(f.field.to_vec());
                }
            };
            let expired = (0..limit).take_while(|_| hash.remove_due(now_ms, &mut keep)).count();
            hash.shrink();
            expired
        });
        if expired > 0 {
            let gone: Vec<&[u8]> = gone.iter().map(Vec::as_slice).collect();
            self.counting(0, |hash| hash.record(b"HDEL", &gone));
            self.effects.expired_fields += expired as u64;
        }
        expired
    }
}
