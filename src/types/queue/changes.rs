//! What happens to a message: it is pushed, goes from state to state, and is removed.

use super::card::{Card, CardNo, Labels, NEVER, NONE};
use super::messages::Place;
use super::{Body, Id, Inner, Message, Push, State, WINDOW_MEMORY};
use std::sync::Arc;

impl Inner {
    pub(super) fn message(&self, at: Place) -> Message<'_> {
        let (id, slot, state) = (self.messages.id(at), self.messages.slot(at), self.messages.state(at));
        let mut message = Message {
            id,
            state,
            body: slot.body,
            pri: slot.pri,
            group: None,
            attempts: 0,
            visible_at: Some(id.ms as i64),
            expires_at: None,
            owner: None,
            reason: None,
            limit: None,
        };
        if slot.card != NONE {
            let card = self.cards.get(slot.card);
            message.group = (card.group != NONE).then(|| &*self.groups.get(card.group).name);
            message.attempts = card.attempts;
            message.visible_at = (state != State::Dead).then_some(card.visible_at);
            message.expires_at = (card.expires_at != NEVER).then_some(card.expires_at);
            message.owner = card.owner.as_deref().filter(|_| state == State::InFlight);
            message.reason = card.reason();
            message.limit = (card.limit != NONE).then_some(card.limit);
        }
        message
    }

    /// Whether the time in which a deduplication id is known is over.
    pub(super) fn is_over(&self, id: Id, now_ms: i64) -> bool {
        (id.ms as i64).saturating_add(self.settings.dedup_ms) <= now_ms
    }

    pub(super) fn push(&mut self, id: Id, push: Push<'_>, now_ms: i64) {
        let Push { body, pri, group, dedup, visible_at, expires_at, limit } = push;
        let is_delayed = visible_at > now_ms;
        let plain =
            !is_delayed && group.is_none() && dedup.is_none() && expires_at.is_none() && limit.is_none();
        let mut no = NONE;
        if !plain {
            let mut card = Card::new(id);
            card.expires_at = expires_at.unwrap_or(NEVER);
            card.limit = limit.unwrap_or(NONE).min(if limit.is_some() { NONE - 1 } else { NONE });
            if is_delayed {
                card.visible_at = visible_at;
            }
            if let Some(group) = group {
                card.group = self.groups.join(group);
            }
            if let Some(dedup) = dedup {
                let name: Arc<[u8]> = dedup.into();
                self.known.insert(name.clone(), id);
                card.labels = Some(Box::new(Labels { dedup: Some(name), ..Labels::default() }));
                self.text_memory += card.text_len();
            }
            no = self.cards.add(card);
        }
        self.last_id = id;
        self.totals.pushed += 1;
        self.body_memory += body.memory();
        let at = self.messages.push(id, body, pri, no);
        self.admit(at, if is_delayed { State::Delayed } else { State::Ready });
        self.refresh_group(no);
    }

    /// The card of a message, which is made now if it has none.
    pub(super) fn card_of(&mut self, at: Place) -> CardNo {
        let no = self.messages.slot(at).card;
        if no != NONE {
            return no;
        }
        let no = self.cards.add(Card::new(self.messages.id(at)));
        self.messages.set_card(at, no);
        no
    }

    /// Puts a message into another state.
    pub(super) fn shift(&mut self, at: Place, to: State) {
        self.withdraw(at);
        self.admit(at, to);
        self.refresh_group(self.messages.slot(at).card);
    }

    /// Takes a message out of what is kept about its state.
    pub(super) fn withdraw(&mut self, at: Place) {
        let (state, slot) = (self.messages.state(at), self.messages.slot(at));
        let len = slot.body.len() as u64;
        self.counts[state as usize] -= 1;
        self.lens[state as usize] -= len;
        if slot.card == NONE {
            return;
        }
        let card = self.cards.get(slot.card);
        match state {
            State::Dead => {
                self.dead.remove(&card.id);
                self.graves.remove(&(card.visible_at, card.id));
            }
            State::InFlight if card.is_tied => {
                self.tied.remove(&(card.owner.as_ref().map_or(0, |owner| owner.client), card.id));
            }
            _ => {}
        }
        let (group, id) = (card.group, card.id);
        if group != NONE && state != State::Dead {
            self.groups.change(group, |group| match state {
                State::InFlight => group.in_flight -= 1,
                _ => {
                    group.waiting -= 1;
                    group.ready -= u32::from(state == State::Ready);
                }
            });
            if state != State::InFlight {
                self.groups.waiting.remove(&(group, id));
            }
        }
    }

    /// Puts a message into a state, and enters it into what is kept about that.
    pub(super) fn admit(&mut self, at: Place, to: State) {
        let slot = self.messages.slot(at);
        let (no, len) = (slot.card, slot.body.len() as u64);
        self.counts[to as usize] += 1;
        self.lens[to as usize] += len;
        if no == NONE {
            return self.messages.set_state(at, to, false);
        }
        let card = self.cards.get(no);
        let (id, group, visible_at, expires_at) = (card.id, card.group, card.visible_at, card.expires_at);
        let due_ms = match to {
            State::Ready => expires_at,
            State::Delayed => visible_at.min(expires_at),
            State::InFlight => visible_at,
            State::Dead => NEVER,
        };
        match to {
            State::Dead => {
                self.dead.insert(id);
                self.graves.insert((visible_at, id));
            }
            State::InFlight if card.is_tied => {
                self.tied.insert((card.owner.as_ref().map_or(0, |owner| owner.client), id));
            }
            _ => {}
        }
        self.timers.set(&mut self.cards, no, due_ms);
        if group != NONE && to != State::Dead {
            self.groups.change(group, |group| match to {
                State::InFlight => group.in_flight += 1,
                _ => {
                    group.waiting += 1;
                    group.ready += u32::from(to == State::Ready);
                }
            });
            if to != State::InFlight {
                self.groups.waiting.insert((group, id));
            }
        }
        self.messages.set_state(at, to, group != NONE && self.settings.group_max > 0);
    }

    /// Finds out anew which message of a card's group may be delivered.
    pub(super) fn refresh_group(&mut self, no: CardNo) {
        if no != NONE {
            self.refresh(self.cards.get(no).group);
        }
    }

    pub(super) fn refresh(&mut self, group_no: u32) {
        if group_no == NONE {
            return;
        }
        let group = self.groups.get(group_no);
        let (old, ready) = (group.head, group.ready);
        if self.settings.group_max == 0 {
            return self.groups.set_head(group_no, None, false);
        }
        let has_room = i64::from(group.in_flight) < self.settings.group_max;
        let oldest = self.groups.oldest(group_no).filter(|_| has_room);
        let place = oldest.and_then(|id| self.messages.find(id));
        let head = place.filter(|at| self.messages.state(*at) == State::Ready);
        let head_id = head.map(|at| self.messages.id(at));
        let old = old.filter(|_| old != head_id).and_then(|id| self.messages.find(id));
        if let Some(at) = old.filter(|at| self.messages.state(*at) == State::Ready) {
            self.messages.set_state(at, State::Ready, true);
        }
        if let Some(at) = head {
            self.messages.set_state(at, State::Ready, false);
        }
        self.groups.set_head(group_no, head_id, ready > 0 && head_id.is_none());
    }

    /// Takes a message out of the queue; `forget` its deduplication id too.
    pub(super) fn remove_id(&mut self, id: Id, now_ms: i64, forget: bool) -> Option<Body> {
        self.messages.find(id).map(|at| self.remove(at, now_ms, forget))
    }

    pub(super) fn remove(&mut self, at: Place, now_ms: i64, forget: bool) -> Body {
        self.withdraw(at);
        let (body, no) = self.messages.remove(at);
        self.body_memory -= body.memory();
        if no == NONE {
            return body;
        }
        self.timers.set(&mut self.cards, no, NEVER);
        let card = self.cards.remove(no);
        self.text_memory -= card.text_len();
        if let Some(name) = card.dedup() {
            if forget || self.is_over(card.id, now_ms) {
                self.known.remove(name);
            } else {
                self.text_memory += name.len() + WINDOW_MEMORY;
                self.windows.insert(card.id, name.clone());
            }
        }
        if card.group != NONE {
            self.refresh(card.group);
            self.groups.leave(card.group);
        }
        body
    }

    /// Puts a message into the dead set at `at_ms`.
    pub(super) fn die(&mut self, at: Place, at_ms: i64) {
        let no = self.card_of(at);
        self.withdraw(at);
        let card = self.cards.get_mut(no);
        card.visible_at = at_ms;
        card.is_open = false;
        card.is_tied = false;
        self.admit(at, State::Dead);
        self.refresh_group(no);
        self.totals.dead += 1;
        if self.dead.len() as i64 > self.settings.dead_max {
            self.bury_oldest(at_ms);
        }
    }

    /// Drops the oldest of the dead.
    pub(super) fn bury_oldest(&mut self, now_ms: i64) {
        if let Some(id) = self.dead.first().copied() {
            self.remove_id(id, now_ms, false);
            self.totals.dropped += 1;
        }
    }

    pub(super) fn redrive(&mut self, id: Id) -> bool {
        let Some(at) = self.messages.find(id).filter(|at| self.messages.state(*at) == State::Dead) else {
            return false;
        };
        let no = self.card_of(at);
        self.withdraw(at);
        let card = self.cards.get_mut(no);
        card.visible_at = id.ms as i64;
        card.expires_at = NEVER;
        card.attempts = 0;
        self.admit(at, State::Ready);
        self.refresh_group(no);
        true
    }
}
