//! What time does to a queue.

use super::card::NEVER;
use super::{Inner, OnExpire, Queue, State};

/// What happened to messages as time went on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// Messages removed because their time to live was over.
    pub expired: u64,
    /// Messages that went to the dead set.
    pub dead: u64,
    /// Dead messages that were dropped.
    pub dropped: u64,
    /// More is due.
    pub is_partial: bool,
}

impl Queue {
    /// The time of the queue when the clock says `now_ms`: it never steps back, or leases could overlap.
    pub fn time_at(&self, now_ms: i64) -> i64 {
        now_ms.max(self.0.clock_ms)
    }

    /// Applies what is due by `now_ms`, in at most `steps` steps; [`News::is_partial`] says that this was not all.
    pub fn advance(&mut self, now_ms: i64, steps: usize) -> News {
        let now_ms = self.time_at(now_ms);
        self.0.clock_ms = now_ms;
        let before = self.0.totals;
        let done = (0..steps).any(|_| !self.0.step(now_ms));
        let after = &self.0.totals;
        News {
            expired: after.expired - before.expired,
            dead: after.dead - before.dead,
            dropped: after.dropped - before.dropped,
            is_partial: !done && self.0.is_due(now_ms),
        }
    }

    /// Whether something is due by `now_ms` that was not applied yet.
    pub fn is_due(&self, now_ms: i64) -> bool {
        self.0.is_due(now_ms)
    }

    /// Whether a message may be delivered at `now_ms`, to which the queue was advanced.
    pub fn may_pop(&self, now_ms: i64) -> bool {
        self.0.messages.has_open() && self.deliveries(now_ms) > 0
    }

    /// How many messages may be delivered at `now_ms`, as far as pauses and rates are concerned.
    pub fn deliveries(&self, now_ms: i64) -> usize {
        match &self.0.bucket {
            _ if self.0.settings.pause.is_out() => 0,
            Some(bucket) => bucket.allows(self.0.settings.rate, now_ms),
            None => usize::MAX,
        }
    }

    /// When the queue is to be looked after next, unix ms: something is due, or, for those who wait, its rate
    /// allows another delivery.
    pub fn next_ms(&self, is_waited_for: bool) -> Option<i64> {
        let inner = &*self.0;
        let rate = inner.bucket.as_ref().filter(|_| is_waited_for && inner.messages.has_open());
        let rate = rate.filter(|_| !inner.settings.pause.is_out());
        if inner.is_sweeping() {
            return Some(inner.clock_ms);
        }
        let next = inner.due_ms().min(rate.map_or(NEVER, |bucket| bucket.next_ms(inner.settings.rate)));
        (next != NEVER).then_some(next)
    }

    /// Notes when somebody will look after the queue, unix ms; whether that is earlier than was known.
    pub fn arm(&mut self, at_ms: i64) -> bool {
        let is_earlier = at_ms < self.0.armed_ms;
        if is_earlier {
            self.0.armed_ms = at_ms;
        }
        is_earlier
    }

    /// Notes that nobody looks after the queue.
    pub fn disarm(&mut self) {
        self.0.armed_ms = NEVER;
    }
}

impl Inner {
    fn is_due(&self, now_ms: i64) -> bool {
        self.is_sweeping() || self.due_ms() <= now_ms
    }

    /// When something is due next, unix ms.
    fn due_ms(&self) -> i64 {
        let timer = self.timers.first().map_or(NEVER, |(due, _)| due);
        timer.min(self.grave_ms()).min(self.window_ms())
    }

    /// When the first of the dead has been dead for too long.
    fn grave_ms(&self) -> i64 {
        let ttl_ms = self.settings.dead_ttl_ms;
        let first = self.graves.first().filter(|_| ttl_ms > 0);
        first.map_or(NEVER, |(since, _)| since.saturating_add(ttl_ms))
    }

    /// When the first deduplication id whose message is gone is forgotten.
    fn window_ms(&self) -> i64 {
        let first = self.windows.keys().next();
        first.map_or(NEVER, |id| (id.ms as i64).saturating_add(self.settings.dedup_ms))
    }

    /// Applies the first thing that is due; `false` if there is none.
    fn step(&mut self, now_ms: i64) -> bool {
        if self.sweep() {
            return true;
        }
        let due_ms = self.due_ms();
        if due_ms > now_ms || due_ms == NEVER {
            return false;
        }
        if self.window_ms() == due_ms {
            if let Some((id, name)) = self.windows.pop_first() {
                self.text_memory -= name.len() + super::WINDOW_MEMORY;
                if self.known.get(&name) == Some(&id) {
                    self.known.remove(&name);
                }
            }
        } else if self.grave_ms() == due_ms {
            if let Some((_, id)) = self.graves.first().copied() {
                self.remove_id(id, due_ms, false);
                self.totals.dropped += 1;
            }
        } else if let Some((_, no)) = self.timers.first() {
            let at = self.messages.find(self.cards.get(no).id).expect("a card in the timers has its message");
            match self.messages.state(at) {
                State::InFlight => {
                    self.totals.lease_expired += 1;
                    self.come_back(at, due_ms, due_ms);
                }
                _ if self.cards.get(no).expires_at <= due_ms => self.expire(at, due_ms),
                _ => self.shift(at, State::Ready),
            }
        }
        true
    }

    /// Lets a message that was delivered wait again until `visible_at`, unless its time or its attempts are over.
    pub(super) fn come_back(&mut self, at: super::Place, visible_at: i64, now_ms: i64) {
        let no = self.messages.slot(at).card;
        let card = self.cards.get(no);
        if card.expires_at <= now_ms {
            return self.expire(at, now_ms);
        }
        let limit = match card.limit {
            super::NONE => self.settings.attempts_max,
            limit => i64::from(limit),
        };
        if limit > 0 && i64::from(card.attempts) >= limit {
            return self.die(at, now_ms);
        }
        self.withdraw(at);
        self.cards.get_mut(no).visible_at = visible_at;
        self.admit(at, if visible_at > now_ms { State::Delayed } else { State::Ready });
        self.refresh_group(no);
    }

    /// Ends a message whose time to live is over.
    fn expire(&mut self, at: super::Place, now_ms: i64) {
        match self.settings.on_expire {
            OnExpire::Dead => self.die(at, now_ms),
            OnExpire::Drop => {
                self.remove(at, now_ms, false);
                self.totals.expired += 1;
            }
        }
    }
}
