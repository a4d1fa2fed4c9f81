//! Changing queues.
//!
//! Each change is recorded by a verb that only the replay of the log knows, with the time at which it was
//! made: what time alone does is derived again from that. A list of messages is one word of 16 bytes each
//! (id), or 24 (id and a number), big-endian.
//!
//! | verb | words behind the key and the time |
//! |---|---|
//! | `Q.PUSH` | priority, visible at, expires at or -1, attempts or -1, `=`group or nothing, `=`dedup id or nothing, ids, bodies |
//! | `Q.LEND` | until, tied or not, the owner's number, name and address, ids with leases |
//! | `Q.ACK` | ids |
//! | `Q.NACK` | [word of the kind](word), `=`reason or nothing, ids with the time from which they are visible |
//! | `Q.TOUCH` | until, ids |
//! | `Q.SET` | the options of QSET |
//! | `Q.DEL` | `DELETE`, `DROP` or `MOVE`, ids; or `ALL` and a state; or `CLEAR` |
//! | `Q.REDRIVE` | ids, or `FIRST` and how many |
//! | `Q.RESTART` | |

use super::Edit;
use crate::base::random;
use crate::keyspace::entry::{Collection, Details, Kind};
use crate::keyspace::txn::shard_of;
use crate::keyspace::{Garbage, Txn};
use crate::resp::Result;
use crate::types::Queue;
use crate::types::queue::{Delivery, Id, Lease, Nack, News, Push, Settings, State};

impl Details for Queue {
    fn encoding(&self) -> &'static str {
        "queue"
    }

    fn weight(&self) -> usize {
        self.weight()
    }

    fn memory(&self) -> usize {
        self.memory()
    }

    /// Never: a queue without messages still has its settings.
    fn size(&self) -> usize {
        self.len()
    }

    fn is_empty(&self) -> bool {
        false
    }
}

impl Collection for Queue {
    const KIND: Kind = Kind::Queue;
}

/// Things due in a queue that are applied under one hold of its shard's lock.
pub const STEPS: usize = 64;

/// How much a delay after a failure is spread, in percent to either side.
const JITTER: i64 = 15;

/// The word by which the log says how a message was given back.
pub fn word(nack: Nack) -> &'static [u8] {
    match nack {
        Nack::Failed(_) => b"FAILED",
        Nack::Returned => b"RETURNED",
        Nack::Untied => b"UNTIED",
        Nack::Dead => b"DEAD",
    }
}

/// Why messages leave a queue, and the word by which the log says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// QDEL.
    Delete,
    /// A full queue drops ready messages.
    Drop,
    /// QREDRIVE TO.
    Move,
}

impl Removal {
    /// The word of the log.
    pub fn word(self) -> &'static [u8] {
        match self {
            Removal::Delete => b"DELETE",
            Removal::Drop => b"DROP",
            Removal::Move => b"MOVE",
        }
    }
}

/// A text that may be absent, as the log writes it.
fn optional(text: Option<&[u8]>) -> Vec<u8> {
    text.map_or(Vec::new(), |text| [b"=", text].concat())
}

/// Ids as one word.
fn pack(ids: &[Id]) -> Vec<u8> {
    ids.iter().flat_map(|id| [id.ms.to_be_bytes(), id.seq.to_be_bytes()]).flatten().collect()
}

/// Ids with a number each as one word.
fn pack_numbered(ids: &[(Id, u64)]) -> Vec<u8> {
    let words = ids.iter().flat_map(|(id, n)| [id.ms.to_be_bytes(), id.seq.to_be_bytes(), n.to_be_bytes()]);
    words.flatten().collect()
}

impl Txn<'_> {
    /// Opens a queue for change, advanced to the present.
    ///
    /// # Errors
    /// When `key` holds another type.
    pub fn queue<'t>(&'t mut self, key: &'t [u8]) -> Result<Option<Edit<'t, Queue>>> {
        let logged = self.logged_before();
        let mut queue = self.edit::<Queue>(key)?;
        if let Some(queue) = &mut queue {
            queue.open(logged);
        }
        Ok(queue)
    }

    /// Opens a queue for change, advanced to the present; creates it if there is none.
    ///
    /// # Errors
    /// When `key` holds another type.
    pub fn upsert_queue<'t>(&'t mut self, key: &'t [u8]) -> Result<Edit<'t, Queue>> {
        let logged = self.logged_before();
        let mut queue = self.upsert::<Queue>(key)?;
        if queue.is_fresh() {
            queue.keyspace.agenda().note(queue.place.db, key);
        }
        queue.open(logged);
        Ok(queue)
    }

    /// Advances the queues among `keys` in at most about `steps` steps each; `false` when more is due.
    pub fn advance_queues(&mut self, keys: &[&[u8]], steps: usize) -> bool {
        keys.iter().fold(true, |done, key| {
            // Not as readers look: what is due and no queue stays until the call itself looks at it.
            let hash = self.hash_of(key);
            let entry = self.table(shard_of(hash)).find(hash, key);
            if entry.is_none_or(|entry| entry.kind() != Kind::Queue) {
                return done;
            }
            let queue = self.edit::<Queue>(key).ok().flatten();
            queue.is_none_or(|mut queue| !queue.advance_by(steps).is_partial) && done
        })
    }
}

impl Edit<'_, Queue> {
    /// The time of the queue, unix ms.
    pub fn time_ms(&self) -> i64 {
        self.value().time_at(self.now_ms())
    }

    /// Brings the queue to the present; `logged` is where the records of all that was done before end.
    fn open(&mut self, logged: Option<u64>) {
        if let Some(lsn) = logged {
            self.change(|queue, _| queue.note_logged(lsn));
        }
        self.advance();
    }

    /// Changes the queue, and sees to it that it is looked after when something is due next.
    fn alter<R>(&mut self, f: impl FnOnce(&mut Queue) -> R) -> R {
        let result = self.change(|queue, _| f(queue));
        self.attend(false);
        result
    }

    /// Sees to it that the queue is looked after when something is due next, also for those who wait for it,
    /// or are about to.
    pub fn attend(&mut self, for_waiter: bool) {
        let is_waited_for = for_waiter
            || !self.hooks.waiters.is_empty() && self.hooks.waiters.waits(self.place.db, self.place.key);
        let Some(next_ms) = self.value().next_ms(is_waited_for) else { return };
        if self.change(|queue, _| queue.arm(next_ms)) {
            self.keyspace.agenda().add(next_ms, self.place.db, self.place.key);
        }
    }

    /// Notes that the queue is looked after now.
    pub fn disarm(&mut self) {
        self.change(|queue, _| queue.disarm());
    }

    /// Applies all that is due.
    pub fn advance(&mut self) {
        if self.value().is_due(self.time_ms()) {
            self.advance_by(usize::MAX);
        } else {
            let now_ms = self.now_ms();
            self.change(|queue, _| queue.advance(now_ms, 0));
        }
    }

    /// Applies what is due in at most `steps` steps, and tells what came of it. Nothing is recorded.
    pub fn advance_by(&mut self, steps: usize) -> News {
        let now_ms = self.now_ms();
        let news = self.alter(|queue| queue.advance(now_ms, steps));
        self.effects.dirty += news.expired + news.dead + news.dropped;
        for (count, event) in [(news.expired, "qttl"), (news.dead, "qdead"), (news.dropped, "qdel")] {
            self.tell_each(count, event);
        }
        news
    }

    /// Applies all that was due at `time_ms`.
    pub fn advance_to(&mut self, time_ms: i64) {
        self.place.now_ms = self.place.now_ms.max(time_ms);
        self.advance();
    }

    /// Records an effect as it was read.
    pub fn repeat(&mut self, argv: &[&[u8]]) {
        self.effects.record(self.place.db, argv);
    }

    /// Tells that `count` more messages were pushed, besides what the edit tells itself.
    pub fn tell_pushed(&mut self, count: usize) {
        self.tell_each(count as u64, "qpush");
    }

    fn tell_each(&mut self, count: u64, event: &'static str) {
        // Without listeners one is enough for those who watch.
        let count = if self.effects.is_heard() { count } else { count.min(1) };
        (0..count).for_each(|_| self.tell(event));
    }

    /// Records a change with its time.
    fn note(&mut self, verb: &[u8], args: &[&[u8]]) {
        let time = self.time_ms().to_string();
        let args = [&[time.as_bytes()], args].concat();
        self.record(verb, &args);
    }

    /// Adds messages that differ in their bodies alone; returns their ids. The event of the edit is told for
    /// each.
    pub fn push_all(&mut self, pushes: Vec<Push<'_>>) -> Vec<Id> {
        let now_ms = self.time_ms();
        let Some(first) = pushes.first() else { return Vec::new() };
        let is_recording = self.is_recording();
        let options = is_recording.then(|| {
            let Push { pri, group, dedup, visible_at, expires_at, limit, .. } = first;
            let limit = limit.map_or(-1, i64::from);
            let numbers =
                [i64::from(*pri), *visible_at, expires_at.unwrap_or(-1), limit].map(|n| n.to_string());
            (numbers, optional(*group), optional(*dedup))
        });
        let bodies: Vec<_> = match is_recording {
            true => pushes.iter().map(|push| push.body.clone()).collect(),
            false => Vec::new(),
        };
        let ids: Vec<Id> = self.alter(|queue| {
            let add = |push| {
                let id = queue.next_id(now_ms);
                queue.push(id, push, now_ms);
                id
            };
            pushes.into_iter().map(add).collect()
        });
        self.tell_each(ids.len() as u64 - 1, self.place.event);
        match options {
            None => self.changed(ids.len()),
            Some((numbers, group, dedup)) => {
                let packed = pack(&ids);
                let words = numbers.iter().map(String::as_bytes).chain([&group[..], &dedup, &packed]);
                let args: Vec<&[u8]> = words.chain(bodies.iter().map(|body| body.bytes())).collect();
                self.note(b"Q.PUSH", &args);
                self.changed(ids.len() - 1);
            }
        }
        ids
    }

    /// Adds messages as they were added before: their ids are known.
    pub fn push_again(&mut self, pushes: Vec<(Id, Push<'_>)>) {
        let now_ms = self.time_ms();
        self.changed(pushes.len());
        self.alter(|queue| pushes.into_iter().for_each(|(id, push)| queue.push(id, push, now_ms)));
    }

    /// Counts pushes that were not done; that is not recorded.
    pub fn count_refused(&mut self, duplicates: u64, rejected: u64) {
        self.change(|queue, _| queue.count_refused(duplicates, rejected));
    }

    /// Drops as many ready messages as a full queue can do without.
    pub fn make_room(&mut self, count: usize) {
        let now_ms = self.time_ms();
        let ids = self.alter(|queue| queue.make_room(count, now_ms));
        self.tell_each(ids.len() as u64, "qdel");
        self.note_removal(Removal::Drop, &ids);
    }

    fn note_removal(&mut self, removal: Removal, ids: &[Id]) {
        if !ids.is_empty() {
            self.note(b"Q.DEL", &[removal.word(), &pack(ids)]);
        }
    }

    /// Gives up to `count` messages away, under a lease or for good.
    pub fn pop(&mut self, count: usize, lease: Option<&Lease>, mut give: impl FnMut(&Delivery<'_>)) -> usize {
        let now_ms = self.time_ms();
        let count = count.min(self.value().deliveries(now_ms));
        let is_recording = self.is_recording();
        let mut given = Vec::new();
        let popped = self.alter(|queue| {
            let mut pop = || {
                queue.pop(now_ms, lease, |delivery| {
                    give(delivery);
                    if is_recording {
                        given.push((delivery.id, delivery.lease));
                    }
                })
            };
            (0..count).take_while(|_| pop()).count()
        });
        self.changed(popped);
        if popped == 0 {
            return 0;
        }
        self.tell_each(popped as u64 - 1, self.place.event);
        if let Some(lease) = lease.filter(|lease| lease.is_tied) {
            self.keyspace.agenda().tie(lease.owner.client, self.place.db, self.place.key);
        }
        if is_recording {
            match lease {
                None => {
                    let ids: Vec<Id> = given.iter().map(|(id, _)| *id).collect();
                    self.note(b"Q.ACK", &[&pack(&ids)]);
                }
                Some(lease) => self.note_lend(&given, lease),
            }
        }
        popped
    }

    /// A place in the log before which it has the push of a message that was delivered, if that is known.
    pub fn logged_by(&mut self, id: Id) -> Option<u64> {
        self.change(|queue, _| queue.logged_by(id))
    }

    fn note_lend(&mut self, given: &[(Id, u64)], lease: &Lease) {
        let (until, client) = (lease.until_ms.to_string(), lease.owner.client.to_string());
        let tied: &[u8] = if lease.is_tied { b"1" } else { b"0" };
        let owner = [client.as_bytes(), lease.owner.name.as_bytes(), lease.owner.addr.as_bytes()];
        let (time, packed) = (self.time_ms().to_string(), pack_numbered(given));
        // Its loss means only that the messages are delivered again.
        let head = [&b"Q.LEND"[..], self.place.key, time.as_bytes(), until.as_bytes(), tied];
        self.effects.record_loosely(self.place.db, &[&head[..], &owner, &[&packed[..]]].concat());
    }

    /// Gives messages away as it was done before.
    pub fn lend_again(&mut self, given: &[(Id, u64)], lease: &Lease) {
        self.changed(given.len());
        self.alter(|queue| given.iter().for_each(|(id, number)| queue.lend(*id, *number, lease)));
        if lease.is_tied {
            self.keyspace.agenda().tie(lease.owner.client, self.place.db, self.place.key);
        }
    }

    /// Removes messages that are done; tells how many there were.
    pub fn ack(&mut self, receipts: &[(Id, Option<u64>)]) -> usize {
        let now_ms = self.time_ms();
        let acked = self.alter(|queue| {
            let done = receipts.iter().filter(|(id, lease)| queue.ack(*id, *lease, now_ms));
            done.map(|(id, _)| *id).collect::<Vec<_>>()
        });
        if !acked.is_empty() {
            self.note(b"Q.ACK", &[&pack(&acked)]);
            self.tell_each(acked.len() as u64 - 1, self.place.event);
        }
        acked.len()
    }

    /// Gives messages back: what failed waits for `delay_ms`, or by default longer from one failure to the
    /// next, spread by chance. Tells how many there were.
    pub fn nack(
        &mut self,
        receipts: &[(Id, Option<u64>)],
        how: Nack,
        delay_ms: Option<i64>,
        reason: Option<&[u8]>,
    ) -> usize {
        let now_ms = self.time_ms();
        let before = *self.value().totals();
        let mut done = Vec::new();
        self.alter(|queue| {
            for (id, lease) in receipts {
                if !queue.can_nack(*id, *lease, how == Nack::Dead) {
                    continue;
                }
                let how = match how {
                    Nack::Failed(_) => {
                        let delay_ms = delay_ms.unwrap_or_else(|| spread(queue.backoff_ms(*id)));
                        Nack::Failed(now_ms.saturating_add(delay_ms))
                    }
                    how => how,
                };
                queue.nack(*id, how, reason, now_ms);
                let visible_at = if let Nack::Failed(at) = how { at } else { now_ms };
                done.push((*id, visible_at as u64));
            }
        });
        if !done.is_empty() {
            self.note(b"Q.NACK", &[word(how), &optional(reason), &pack_numbered(&done)]);
            let after = *self.value().totals();
            self.tell_each(done.len() as u64 - 1, self.place.event);
            self.tell_behind(after.dead - before.dead, "qdead");
            self.tell_behind(after.dropped - before.dropped, "qdel");
        }
        done.len()
    }

    /// Tells `count` of another event behind the edit's own, which is told last of all.
    fn tell_behind(&mut self, count: u64, event: &'static str) {
        if count > 0 {
            let own = std::mem::replace(&mut self.place.event, event);
            self.tell_each(1, own);
            self.tell_each(count - 1, event);
        }
    }

    /// Gives messages back as it was done before.
    pub fn nack_again(&mut self, given: &[(Id, Nack)], reason: Option<&[u8]>) {
        let now_ms = self.time_ms();
        self.changed(given.len());
        self.alter(|queue| given.iter().for_each(|(id, how)| queue.nack(*id, *how, reason, now_ms)));
    }

    /// Ends leases that are tied to the connection of `client`, but not too many at once; `false` when that were all.
    pub fn untie(&mut self, client: u64) -> bool {
        let receipts: Vec<_> = self.value().tied_to(client).take(STEPS).map(|id| (id, None)).collect();
        self.nack(&receipts, Nack::Untied, None, None);
        receipts.len() == STEPS
    }

    /// Lets leases be over `ms` from now; tells of how many that is true.
    pub fn touch(&mut self, ms: i64, receipts: &[(Id, Option<u64>)]) -> usize {
        let now_ms = self.time_ms();
        let until_ms = now_ms.saturating_add(ms);
        let touched = self.alter(|queue| {
            let done = receipts.iter().filter(|(id, lease)| queue.touch(*id, *lease, until_ms, now_ms));
            done.map(|(id, _)| *id).collect::<Vec<_>>()
        });
        if !touched.is_empty() {
            self.note(b"Q.TOUCH", &[until_ms.to_string().as_bytes(), &pack(&touched)]);
            self.tell_each(touched.len() as u64 - 1, self.place.event);
            // A lease that ends now is over at once.
            self.advance();
        }
        touched.len()
    }

    /// Changes the settings as `words`, the options of QSET, say.
    pub fn set(&mut self, settings: Settings, words: &[&[u8]]) {
        let now_ms = self.time_ms();
        self.alter(|queue| queue.set(settings, now_ms));
        self.note(b"Q.SET", words);
        self.advance_by(STEPS);
    }

    /// Removes messages; tells how many there were.
    pub fn remove_all(&mut self, ids: &[Id], removal: Removal) -> usize {
        let now_ms = self.time_ms();
        let removed = self.alter(|queue| {
            let mut remove = |id: Id| match removal {
                Removal::Delete => queue.delete(id, now_ms),
                Removal::Move => queue.take_dead(id, now_ms),
                Removal::Drop => {
                    queue.drop_all(&[id], now_ms);
                    true
                }
            };
            ids.iter().copied().filter(|id| remove(*id)).collect::<Vec<_>>()
        });
        self.note_removal(removal, &removed);
        self.tell_each((removed.len() as u64).saturating_sub(1), self.place.event);
        removed.len()
    }

    /// Removes all messages; tells how many there were.
    pub fn clear(&mut self) -> usize {
        let count = State::ALL.iter().map(|state| self.value().count(*state)).sum();
        if count > 0 {
            let gone = self.alter(Queue::clear);
            self.keyspace.free_later(Garbage::Queue(gone));
            self.note(b"Q.DEL", &[b"CLEAR"]);
            self.tell_each(count as u64 - 1, self.place.event);
        }
        count
    }

    /// Removes all messages of a state, most of them soon; tells how many there were.
    pub fn remove_state(&mut self, state: State) -> usize {
        let count = self.alter(|queue| queue.delete_all(state));
        if count > 0 {
            self.note(b"Q.DEL", &[b"ALL", state.name().as_bytes()]);
            self.tell_each(count as u64 - 1, self.place.event);
            self.advance_by(STEPS);
        }
        count
    }

    /// Makes up to `count` dead messages ready, the oldest first, most of them soon; tells how many.
    pub fn redrive_first(&mut self, count: usize) -> usize {
        let count = self.alter(|queue| queue.redrive_first(count));
        if count > 0 {
            self.note(b"Q.REDRIVE", &[b"FIRST", count.to_string().as_bytes()]);
            self.tell_each(count as u64 - 1, self.place.event);
            self.advance_by(STEPS);
        }
        count
    }

    /// Makes dead messages ready; tells how many there were.
    pub fn redrive(&mut self, ids: &[Id]) -> usize {
        let done =
            self.alter(|queue| ids.iter().copied().filter(|id| queue.redrive(*id)).collect::<Vec<_>>());
        if !done.is_empty() {
            self.note(b"Q.REDRIVE", &[&pack(&done)]);
            self.tell_each(done.len() as u64 - 1, self.place.event);
        }
        done.len()
    }

    /// Notes that the server was started again: leases tied to connections are over, for those are gone, and
    /// the numbers of leases jump.
    pub fn restart(&mut self) {
        for client in self.value().ties() {
            while self.untie(client) {}
        }
        self.alter(Queue::jump_leases);
        self.note(b"Q.RESTART", &[]);
    }
}

/// A delay spread by chance.
fn spread(ms: i64) -> i64 {
    let width = (ms / 100).saturating_mul(2 * JITTER) + ms % 100 * 2 * JITTER / 100;
    ms - width / 2 + random::below(width as usize + 1) as i64
}
