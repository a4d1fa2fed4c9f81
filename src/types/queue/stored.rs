//! A queue taken apart, to be written down, and put together again from what was read: nothing is believed.

use super::card::{Card, Labels, NEVER, NONE};
use super::{Body, Id, NAME_MAX, Owner, Queue, REASON_MAX, Settings, State, Totals};
use std::sync::Arc;

/// A message with all that is known of it.
#[derive(Clone, Debug)]
pub struct Stored<'a> {
    /// Its id.
    pub id: Id,
    /// Its state.
    pub state: State,
    /// Its body.
    pub body: Body,
    /// Its priority.
    pub pri: u8,
    /// Its group.
    pub group: Option<&'a [u8]>,
    /// Its deduplication id.
    pub dedup: Option<&'a [u8]>,
    /// Why it was given back last.
    pub reason: Option<&'a [u8]>,
    /// How often it was delivered.
    pub attempts: u32,
    /// Deliveries after which it is dead, if it says so itself.
    pub limit: Option<u32>,
    /// The number of its last lease.
    pub lease: u64,
    /// When it may be delivered, its lease is over, or it died, unix ms.
    pub visible_at: i64,
    /// When its time to live is over, unix ms.
    pub expires_at: Option<i64>,
    /// Who was given it last.
    pub owner: Option<Arc<Owner>>,
    /// The receipt of its last lease is still good.
    pub is_open: bool,
    /// Its lease ends with its owner's connection.
    pub is_tied: bool,
}

impl Stored<'_> {
    /// A message that was just pushed, without options.
    pub fn plain(id: Id, body: Body, pri: u8) -> Self {
        Stored {
            id,
            state: State::Ready,
            body,
            pri,
            group: None,
            dedup: None,
            reason: None,
            attempts: 0,
            limit: None,
            lease: 0,
            visible_at: id.ms as i64,
            expires_at: None,
            owner: None,
            is_open: false,
            is_tied: false,
        }
    }
}

/// What is known of a queue beside its messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredQueue {
    /// Its settings.
    pub settings: Settings,
    /// What happened to its messages.
    pub totals: Totals,
    /// The id pushed last.
    pub last_id: Id,
    /// The highest number a lease had.
    pub lease_max: u64,
    /// The number that those of leases have to exceed.
    pub lease_floor: u64,
    /// The latest time it was advanced to, unix ms.
    pub clock_ms: i64,
    /// Deduplication ids that are known though their messages are gone.
    pub windows: Vec<(Id, Vec<u8>)>,
}

impl Queue {
    /// What is known of it beside its messages.
    pub fn head(&self) -> StoredQueue {
        let inner = &*self.0;
        StoredQueue {
            settings: inner.settings.clone(),
            totals: inner.totals,
            last_id: inner.last_id,
            lease_max: inner.lease_max,
            lease_floor: inner.lease_floor,
            clock_ms: inner.clock_ms,
            windows: inner.windows.iter().map(|(id, name)| (*id, name.to_vec())).collect(),
        }
    }

    /// All messages with all that is known of them, in the order of their ids.
    pub fn stored(&self) -> impl Iterator<Item = Stored<'_>> {
        let inner = &*self.0;
        inner.messages.iter(Id::MIN, &State::ALL).map(|at| {
            let (id, slot, state) =
                (inner.messages.id(at), inner.messages.slot(at), inner.messages.state(at));
            let mut stored = Stored::plain(id, slot.body.clone(), slot.pri);
            stored.state = state;
            if slot.card != NONE {
                let card = inner.cards.get(slot.card);
                stored.group = (card.group != NONE).then(|| &*inner.groups.get(card.group).name);
                stored.dedup = card.dedup().map(|name| &**name);
                stored.reason = card.reason();
                stored.attempts = card.attempts;
                stored.limit = (card.limit != NONE).then_some(card.limit);
                stored.lease = card.lease;
                stored.visible_at = card.visible_at;
                stored.expires_at = (card.expires_at != NEVER).then_some(card.expires_at);
                stored.owner = card.owner.clone();
                stored.is_open = card.is_open;
                stored.is_tied = card.is_tied;
            }
            stored
        })
    }

    /// Whether all that was pushed is accounted for.
    pub fn is_balanced(&self) -> bool {
        let totals = self.totals();
        let present = self.0.counts.iter().map(|count| *count as u64);
        let gone = [totals.acked, totals.expired, totals.dropped, totals.deleted, totals.moved];
        present.chain(gone).try_fold(0u64, u64::checked_add) == Some(totals.pushed)
    }
}

/// A queue being put together from what was written down.
pub struct Restoring {
    queue: Queue,
    head: StoredQueue,
    before: Id,
}

impl Restoring {
    /// Begins with what is known beside the messages.
    ///
    /// # Errors
    /// What is wrong with it: numbers out of bounds.
    pub fn new(head: StoredQueue) -> Result<Restoring, &'static str> {
        check_settings(&head.settings)?;
        check_id(head.last_id)?;
        if head.lease_floor > head.lease_max || head.lease_max > u64::MAX / 2 {
            return Err("lease numbers out of bounds");
        }
        if !(0..=i64::MAX / 2).contains(&head.clock_ms) {
            return Err("a time out of bounds");
        }
        let mut queue = Queue::default();
        queue.0.settings = head.settings.clone();
        Ok(Restoring { queue, head, before: Id::MIN })
    }

    /// Adds the next message.
    ///
    /// # Errors
    /// What is wrong with it: its id does not ascend, names or numbers are out of bounds, or its state
    /// contradicts what else is told of it.
    pub fn add(&mut self, stored: Stored<'_>) -> Result<(), &'static str> {
        if stored.id <= self.before || stored.id > self.head.last_id {
            return Err("ids do not ascend");
        }
        self.before = stored.id;
        check(&stored, self.head.lease_max)?;
        if stored.dedup.is_some_and(|name| self.queue.0.known.contains_key(name)) {
            return Err("a deduplication id twice");
        }
        self.queue.0.put(stored);
        Ok(())
    }

    /// The queue.
    ///
    /// # Errors
    /// What is wrong with it: deduplication ids twice or out of order, totals that do not balance.
    pub fn finish(mut self) -> Result<Queue, &'static str> {
        let (inner, head) = (&mut *self.queue.0, self.head);
        let mut before = Id::MIN;
        for (id, name) in head.windows {
            if id <= before || id > head.last_id || name.len() > NAME_MAX {
                return Err("a deduplication id out of order");
            }
            before = id;
            let name: Arc<[u8]> = name.into();
            if inner.messages.find(id).is_some() || inner.known.contains_key(&name) {
                return Err("a deduplication id twice");
            }
            inner.text_memory += name.len() + super::WINDOW_MEMORY;
            inner.known.insert(name.clone(), id);
            inner.windows.insert(id, name);
        }
        inner.last_id = head.last_id;
        inner.lease_max = head.lease_max;
        inner.lease_floor = head.lease_floor;
        inner.clock_ms = head.clock_ms;
        inner.totals = head.totals;
        if inner.settings.rate.0 > 0 {
            inner.bucket = Some(super::Bucket::full(inner.settings.rate, head.clock_ms));
        }
        if self.queue.is_balanced() { Ok(self.queue) } else { Err("totals do not balance") }
    }
}

impl super::Inner {
    fn put(&mut self, stored: Stored<'_>) {
        let Stored { id, state, body, pri, group, dedup, reason, attempts, limit, lease, .. } = stored;
        let Stored { visible_at, expires_at, owner, is_open, is_tied, .. } = stored;
        let mut card = Card {
            visible_at,
            expires_at: expires_at.unwrap_or(NEVER),
            lease,
            owner,
            attempts,
            limit: limit.unwrap_or(NONE),
            is_open,
            is_tied,
            ..Card::new(id)
        };
        if dedup.is_some() || reason.is_some() {
            let dedup = dedup.map(|name| {
                let name: Arc<[u8]> = name.into();
                self.known.insert(name.clone(), id);
                name
            });
            card.labels = Some(Box::new(Labels { reason: reason.map(Box::from), dedup }));
            self.text_memory += card.text_len();
        }
        if let Some(group) = group {
            card.group = self.groups.join(group);
        }
        let is_plain = state == State::Ready
            && visible_at == id.ms as i64
            && lease == 0
            && attempts == 0
            && expires_at.is_none()
            && limit.is_none()
            && group.is_none()
            && card.labels.is_none();
        let no = if is_plain { NONE } else { self.cards.add(card) };
        self.body_memory += body.memory();
        let at = self.messages.push(id, body, pri, no);
        self.admit(at, state);
        self.refresh_group(no);
    }
}

fn check_id(id: Id) -> Result<(), &'static str> {
    let fits = id.ms <= i64::MAX as u64 / 2 && id.seq <= u64::from(u32::MAX);
    if fits { Ok(()) } else { Err("an id out of bounds") }
}

fn check_settings(settings: &Settings) -> Result<(), &'static str> {
    let Settings { lease_ms, attempts_max, backoff_ms, ttl_ms, len_max, bytes_max, dedup_ms, .. } = settings;
    let Settings { group_max, dead_max, dead_ttl_ms, rate, .. } = settings;
    let numbers =
        [lease_ms, attempts_max, &backoff_ms.0, &backoff_ms.1, ttl_ms, len_max, bytes_max, dedup_ms];
    let more = [group_max, dead_max, dead_ttl_ms, &rate.0, &rate.1];
    let is_rate = (rate.0 == 0) == (rate.1 == 0);
    let good = numbers.into_iter().chain(more).all(|n| *n >= 0) && is_rate;
    if good { Ok(()) } else { Err("a setting out of bounds") }
}

fn check(stored: &Stored<'_>, lease_max: u64) -> Result<(), &'static str> {
    check_id(stored.id)?;
    let is_named = [stored.group, stored.dedup].into_iter().flatten().all(|name| name.len() <= NAME_MAX);
    if !is_named || stored.reason.is_some_and(|reason| reason.len() > REASON_MAX) {
        return Err("a text too long");
    }
    if usize::from(stored.pri) >= super::segment::PRIORITIES {
        return Err("a priority out of bounds");
    }
    if stored.visible_at < 0 || stored.expires_at.is_some_and(|t| t < 0) || stored.limit == Some(NONE) {
        return Err("a number out of bounds");
    }
    let is_leased = stored.lease > 0 && stored.owner.is_some();
    let fits = match stored.state {
        State::InFlight => is_leased && stored.is_open && stored.attempts > 0,
        State::Dead => !stored.is_open && !stored.is_tied,
        _ => !stored.is_open || is_leased,
    };
    if !fits || stored.lease > lease_max {
        return Err("a state that cannot be");
    }
    Ok(())
}
