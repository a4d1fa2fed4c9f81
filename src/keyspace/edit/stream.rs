//! Changing streams.
//!
//! What only concerns a group's bookkeeping (deliveries, acknowledgements, claims) is logged, but told to
//! nobody: it is no event of the key, and lets nobody who waits go on. [`Edit::quietly`] opens such an edit. Groups, consumers
//! and the last id that are set by command are an event, but no change of the content: [`Edit::beside`].

use super::Edit;
use crate::keyspace::entry::{Collection, Details, Kind};
use crate::types::stream::producers::{Bounds, Producers};
use crate::types::stream::{ConsumerNo, Deleted, Group, Id, Pending, References, Trim};
use crate::types::{Packing, Stream};

impl Details for Stream {
    fn encoding(&self) -> &'static str {
        self.encoding()
    }

    fn weight(&self) -> usize {
        self.weight()
    }

    fn memory(&self) -> usize {
        self.memory()
    }

    /// Never: a stream without entries still has its ids and groups.
    fn size(&self) -> usize {
        self.len() as usize
    }

    fn is_empty(&self) -> bool {
        false
    }
}

impl Collection for Stream {
    const KIND: Kind = Kind::Stream;
}

/// The word by which a command says what becomes of references.
fn word(references: References) -> &'static [u8] {
    match references {
        References::Keep => b"KEEPREF",
        References::Delete => b"DELREF",
        References::Acked => b"ACKED",
    }
}

impl Edit<'_, Stream> {
    /// Appends an entry; `pairs` are fields and values in turns. `false` if `id` is not greater than the last.
    pub fn append(&mut self, id: Id, pairs: &[&[u8]]) -> bool {
        if !self.change(|stream, packing| stream.append(id, pairs, packing)) {
            return false;
        }
        if self.is_recording() {
            let id = id.to_string();
            let args: Vec<&[u8]> = [id.as_bytes()].into_iter().chain(pairs.iter().copied()).collect();
            self.record(b"XADD", &args);
        } else {
            self.record(b"XADD", &[]);
        }
        true
    }

    /// How much is to be known of producers of which nothing is known yet.
    fn usual_bounds(packing: &Packing) -> Bounds {
        let number = |n: i64| u64::try_from(n).unwrap_or(1);
        Bounds {
            seconds: number(packing.stream_idmp_duration()),
            names: number(packing.stream_idmp_maxsize()),
        }
    }

    /// Sets how much is known of producers; what is left out stays as it is. Tells whether that changed anything.
    pub fn set_producer_bounds(&mut self, seconds: Option<u64>, names: Option<u64>) -> bool {
        let (before, bounds) = self.change(|stream, packing| {
            let before = stream.producers().map(Producers::bounds);
            let producers = stream.producers_mut(Self::usual_bounds(packing));
            let now = producers.bounds();
            let bounds =
                Bounds { seconds: seconds.unwrap_or(now.seconds), names: names.unwrap_or(now.names) };
            producers.set_bounds(bounds);
            (before, bounds)
        });
        if before == Some(bounds) {
            return false;
        }
        let (seconds, names) = (bounds.seconds.to_string(), bounds.names.to_string());
        self.record(b"XCFGSET", &[b"IDMP-DURATION", seconds.as_bytes(), b"IDMP-MAXSIZE", names.as_bytes()]);
        true
    }

    /// Notes that `producer` sent the entry `id` under this name.
    pub fn note_sent(&mut self, producer: &[u8], name: &[u8], id: Id) {
        // What a later start sets does not hold for this stream.
        if self.value().producers().is_none() {
            self.set_producer_bounds(None, None);
        }
        let now_ms = self.now_ms();
        self.change(|stream, packing| {
            stream.producers_mut(Self::usual_bounds(packing)).note(producer, name, id, now_ms);
        });
        self.record(b"XIDMPRECORD", &[producer, name, id.to_string().as_bytes()]);
    }

    /// Counts that an entry was sent again.
    pub fn count_repeated(&mut self) {
        self.change(|stream, packing| stream.producers_mut(Self::usual_bounds(packing)).repeated += 1);
        self.record(b"X.REPEATED", &[]);
    }

    /// Removes the oldest entries as `trim` says; tells how many.
    pub fn trim(&mut self, trim: &Trim) -> u64 {
        let Some((removed, last)) = self.change(|stream, _| stream.trim(trim)) else { return 0 };
        // Told by the first id that stays, for it depends neither on blocks nor on their limits.
        let bound = last.next().unwrap_or(Id::MAX).to_string();
        self.record(b"XTRIM", &[b"MINID", b"=", bound.as_bytes(), word(trim.references)]);
        removed
    }

    /// Removes the entry `id`.
    pub fn delete(&mut self, id: Id, references: References) -> Deleted {
        let deleted = self.change(|stream, _| stream.delete(id, references));
        if deleted == Deleted::Done || references == References::Delete {
            self.record(b"XDELEX", &[word(references), b"IDS", b"1", id.to_string().as_bytes()]);
        }
        deleted
    }

    /// Sets the last id, and the counters where given.
    pub fn set_id(&mut self, last: Id, entries_added: Option<u64>, max_deleted: Option<Id>) {
        self.change(|stream, _| stream.set_id(last, entries_added, max_deleted));
        let stream = self.value();
        let words =
            [last.to_string(), stream.entries_added().to_string(), stream.max_deleted_id().to_string()];
        let [last, added, deleted] = words.each_ref().map(|word| word.as_bytes());
        self.record(b"XSETID", &[last, b"ENTRIESADDED", added, b"MAXDELETEDID", deleted]);
    }

    /// Adds a group; `false` if there is one of that name.
    pub fn add_group(&mut self, name: &[u8], last_delivered: Id, entries_read: Option<u64>) -> bool {
        let group = Group::new(last_delivered, entries_read);
        let added = self.change(|stream, _| stream.add_group(name, group));
        if added {
            let (id, read) = position(last_delivered, entries_read);
            let args = [b"CREATE", name, id.as_bytes(), b"MKSTREAM", b"ENTRIESREAD", read.as_bytes()];
            self.record_group(&args);
        }
        added
    }

    /// Removes a group; `false` if there is none of that name.
    pub fn remove_group(&mut self, name: &[u8]) -> bool {
        let removed = self.change(|stream, _| stream.remove_group(name));
        if removed {
            self.record_group(&[b"DESTROY", name]);
        }
        removed
    }

    /// Records `XGROUP`, whose subcommand stands before the key.
    fn record_group(&mut self, args: &[&[u8]]) {
        self.record_behind(&[b"XGROUP", args[0]], &args[1..]);
    }

    /// Sets how far a group has come.
    pub fn set_group_position(&mut self, name: &[u8], last_delivered: Id, entries_read: Option<u64>) {
        self.group(name, |group| {
            group.last_delivered = last_delivered;
            group.entries_read = entries_read;
        });
        self.record_group_position(name);
    }

    fn record_group_position(&mut self, name: &[u8]) {
        let Some(group) = self.value().group(name) else { return };
        let (id, read) = position(group.last_delivered, group.entries_read);
        self.record_group(&[b"SETID", name, id.as_bytes(), b"ENTRIESREAD", read.as_bytes()]);
    }

    /// Changes a group that exists, and records nothing.
    fn group<R>(&mut self, name: &[u8], f: impl FnOnce(&mut Group) -> R) -> R {
        self.change(|stream, _| f(stream.group_mut(name).expect("the group was just looked up")))
    }

    /// The number of a consumer, who is seen now and made if absent; and whether it was made.
    pub fn see_consumer(&mut self, group: &[u8], name: &[u8]) -> (ConsumerNo, bool) {
        let now_ms = self.now_ms();
        let (consumer, created) = self.group(group, |group| {
            let (no, created) = group.find_or_create(name, now_ms);
            group.consumer_mut(no).seen_ms = now_ms;
            (no, created)
        });
        if created {
            self.record_group(&[b"CREATECONSUMER", group, name]);
        }
        (consumer, created)
    }

    /// Deletes a consumer with all it had pending; tells how much that was, `None` if there is none.
    pub fn delete_consumer(&mut self, group: &[u8], name: &[u8]) -> Option<usize> {
        let pending = self.group(group, |group| group.delete_consumer(name))?;
        self.record_group(&[b"DELCONSUMER", group, name]);
        Some(pending)
    }

    /// Gives a consumer the entries `ids` as new; unless `acknowledged`, they become pending.
    pub fn deliver(&mut self, group: &[u8], consumer: ConsumerNo, ids: &[Id], acknowledged: bool) {
        let now_ms = self.now_ms();
        self.change(|stream, _| stream.advance(group, ids));
        self.group(group, |group| {
            group.consumer_mut(consumer).active_ms = Some(now_ms);
            if !acknowledged {
                let pending = Pending { consumer, delivered_ms: now_ms, count: 1 };
                ids.iter().for_each(|id| group.assign(*id, pending));
            }
        });
        if !acknowledged {
            self.record_claim(group, consumer, ids, now_ms, 1);
        }
        self.record_group_position(group);
    }

    /// Notes that a consumer was given `id`, which is pending for it, once more. Told to nobody, but logged.
    pub fn deliver_again(&mut self, group: &[u8], id: Id) {
        let now_ms = self.now_ms();
        let given = self.group(group, |group| {
            let pending = group.get(id)?;
            let pending = Pending { delivered_ms: now_ms, count: pending.count + 1, ..pending };
            group.assign(id, pending);
            Some(pending)
        });
        if let Some(Pending { consumer, count, .. }) = given {
            self.record_claim(group, consumer, &[id], now_ms, count);
        }
    }

    /// Makes `id` pending as `pending` says.
    pub fn claim(&mut self, group: &[u8], id: Id, pending: Pending) {
        let now_ms = self.now_ms();
        let Pending { consumer, delivered_ms, count } = pending;
        self.group(group, |group| {
            group.assign(id, pending);
            group.consumer_mut(consumer).active_ms = Some(now_ms);
        });
        self.record_claim(group, consumer, &[id], delivered_ms, count);
    }

    fn record_claim(&mut self, group: &[u8], consumer: ConsumerNo, ids: &[Id], time_ms: i64, count: u64) {
        if !self.is_recording() {
            return self.record(b"XCLAIM", &[]);
        }
        let Some(name) = self.value().group(group).map(|g| g.consumer(consumer).name().to_vec()) else {
            return;
        };
        let ids: Vec<String> = ids.iter().map(Id::to_string).collect();
        let (time, count) = (time_ms.to_string(), count.to_string());
        let mut args: Vec<&[u8]> = vec![group, &name, b"0"];
        args.extend(ids.iter().map(String::as_bytes));
        args.extend([b"TIME", time.as_bytes(), b"RETRYCOUNT", count.as_bytes(), b"FORCE", b"JUSTID"]);
        self.record(b"XCLAIM", &args);
    }

    /// Up to `count` entries pending that were last delivered at or before `until_ms`, the longest idle first.
    pub fn idle(&mut self, group: &[u8], until_ms: i64, count: usize) -> Vec<(Id, Pending)> {
        self.change(|stream, _| stream.idle(group, until_ms, count))
    }

    /// Moves a group's position forward to `id`, if it is behind.
    pub fn advance_to(&mut self, group: &[u8], id: Id) {
        let moved = self.group(group, |group| {
            let moved = id > group.last_delivered;
            group.last_delivered = group.last_delivered.max(id);
            moved
        });
        if moved {
            self.record_group_position(group);
        }
    }

    /// Acknowledges `id`; `false` if it was not pending.
    pub fn acknowledge(&mut self, group: &[u8], id: Id) -> bool {
        let done = self.group(group, |group| group.acknowledge(id));
        if done {
            self.record(b"XACK", &[group, id.to_string().as_bytes()]);
        }
        done
    }
}

fn position(id: Id, entries_read: Option<u64>) -> (String, String) {
    (id.to_string(), entries_read.map_or("-1".into(), |read| read.to_string()))
}
