//! Giving messages to consumers, and what they say of them.

use super::card::{Labels, NONE};
use super::{Body, Id, Inner, Owner, Queue, REASON_MAX, State};
use std::sync::Arc;

/// Under what a message is given away.
#[derive(Clone, Debug)]
pub struct Lease {
    /// When it is over, unix ms.
    pub until_ms: i64,
    /// Who gets the message.
    pub owner: Arc<Owner>,
    /// Whether it ends with the owner's connection.
    pub is_tied: bool,
}

/// A message as it is given away.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// Its id.
    pub id: Id,
    /// The number of its lease.
    pub lease: u64,
    /// Its body.
    pub body: &'a Body,
    /// How often it was delivered, this time included.
    pub attempts: u32,
    /// Its priority.
    pub pri: u8,
    /// Its group.
    pub group: Option<&'a [u8]>,
}

/// How a message is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nack {
    /// The attempt failed: it may be delivered from this time on, unix ms.
    Failed(i64),
    /// The attempt does not count, and it may be delivered at once.
    Returned,
    /// As `Returned`, because its owner's connection ended: nobody gave it back.
    Untied,
    /// It is given up.
    Dead,
}

impl Queue {
    /// Gives the next message away: under a lease, or for good without one. `false` if there is none.
    pub fn pop(&mut self, now_ms: i64, lease: Option<&Lease>, give: impl FnOnce(&Delivery<'_>)) -> bool {
        let inner = &mut *self.0;
        let Some(at) = inner.messages.next() else { return false };
        if let Some(bucket) = &mut inner.bucket {
            bucket.pay(inner.settings.rate, now_ms);
        }
        inner.totals.popped += 1;
        let slot = inner.messages.slot(at);
        let (last, attempts, group) = match slot.card {
            NONE => (0, 0, NONE),
            no => {
                let card = inner.cards.get(no);
                (card.lease, card.attempts, card.group)
            }
        };
        let delivery = Delivery {
            id: inner.messages.id(at),
            lease: last.max(inner.lease_floor) + 1,
            body: slot.body,
            attempts: attempts.saturating_add(1),
            pri: slot.pri,
            group: (group != NONE).then(|| &*inner.groups.get(group).name),
        };
        give(&delivery);
        let number = delivery.lease;
        match lease {
            Some(lease) => inner.lend(at, number, lease),
            None => {
                inner.totals.acked += 1;
                inner.remove(at, now_ms, false);
            }
        }
        true
    }

    /// Gives a message away as it was done before: the lease's number is known.
    pub fn lend(&mut self, id: Id, number: u64, lease: &Lease) {
        if let Some(at) = self.0.messages.find(id) {
            self.0.lend(at, number, lease);
        }
    }

    /// The number of a message's last lease; 0 before the first.
    pub fn lease_of(&self, id: Id) -> u64 {
        let card = self.0.messages.find(id).map_or(NONE, |at| self.0.messages.slot(at).card);
        if card == NONE { 0 } else { self.0.cards.get(card).lease }
    }

    /// Removes a message that is done; `lease` is that of the receipt, `None` for whatever lease. `false` if
    /// there is none, it is dead, or the receipt is no longer good.
    pub fn ack(&mut self, id: Id, lease: Option<u64>, now_ms: i64) -> bool {
        let inner = &mut *self.0;
        let Some(at) = inner.messages.find(id) else { return false };
        if inner.messages.state(at) == State::Dead || lease.is_some_and(|lease| !inner.is_good(at, lease)) {
            return false;
        }
        inner.remove(at, now_ms, false);
        inner.totals.acked += 1;
        true
    }

    /// Whether a message can be given back by this receipt, or by its id for whatever lease; a message that
    /// was never delivered can only be given up.
    pub fn can_nack(&self, id: Id, lease: Option<u64>, dead: bool) -> bool {
        let inner = &*self.0;
        let Some(at) = inner.messages.find(id) else { return false };
        match (inner.messages.state(at), lease) {
            (State::Dead, _) => false,
            (_, Some(lease)) => inner.is_good(at, lease),
            (State::InFlight, None) => true,
            (_, None) => dead || inner.is_open(at),
        }
    }

    /// Gives a message back for which that [can](Queue::can_nack) be done. Its receipt is spent.
    pub fn nack(&mut self, id: Id, how: Nack, reason: Option<&[u8]>, now_ms: i64) {
        let inner = &mut *self.0;
        let Some(at) = inner.messages.find(id) else { return };
        let no = inner.card_of(at);
        let card = inner.cards.get_mut(no);
        let was_tied = std::mem::take(&mut card.is_tied);
        if was_tied {
            inner.tied.remove(&(card.owner.as_ref().map_or(0, |owner| owner.client), id));
        }
        card.is_open = false;
        if matches!(how, Nack::Returned | Nack::Untied) {
            card.attempts = card.attempts.saturating_sub(1);
        }
        if let Some(reason) = reason {
            inner.text_memory -= card.text_len();
            let labels = card.labels.get_or_insert_with(|| Box::new(Labels::default()));
            labels.reason = Some(reason[..reason.len().min(REASON_MAX)].into());
            inner.text_memory += card.text_len();
        }
        debug_assert!(how != Nack::Untied || was_tied);
        match how {
            Nack::Failed(visible_at) => inner.come_back(at, visible_at, now_ms),
            Nack::Returned | Nack::Untied => inner.come_back(at, now_ms, now_ms),
            Nack::Dead => inner.die(at, now_ms),
        }
        let totals = &mut inner.totals;
        *(if how == Nack::Untied { &mut totals.lease_expired } else { &mut totals.nacked }) += 1;
    }

    /// How long a message waits by default when its present attempt fails, in ms, before that is spread.
    pub fn backoff_ms(&self, id: Id) -> i64 {
        self.0.settings.backoff(self.get(id).map_or(0, |message| message.attempts))
    }

    /// Lets a message's lease be over at `until_ms`, also when it just was and nobody was given the message
    /// since; `false` when the receipt is no longer good. `None` stands for whatever lease.
    pub fn touch(&mut self, id: Id, lease: Option<u64>, until_ms: i64, now_ms: i64) -> bool {
        let inner = &mut *self.0;
        let Some(at) = inner.messages.find(id) else { return false };
        if lease.is_some_and(|lease| !inner.is_good(at, lease)) {
            return false;
        }
        match inner.messages.state(at) {
            State::InFlight => {}
            State::Ready if until_ms <= now_ms => return true,
            State::Ready if inner.messages.is_open(at) => {}
            _ => return false,
        }
        let no = inner.card_of(at);
        inner.withdraw(at);
        inner.cards.get_mut(no).visible_at = until_ms;
        inner.admit(at, State::InFlight);
        inner.refresh_group(no);
        true
    }

    /// The messages whose lease ends with the connection of `client`.
    pub fn tied_to(&self, client: u64) -> impl Iterator<Item = Id> + '_ {
        self.0.tied.range((client, Id::MIN)..=(client, Id::MAX)).map(|(_, id)| *id)
    }

    /// The clients with whose connections leases end.
    pub fn ties(&self) -> Vec<u64> {
        let mut clients = Vec::new();
        let mut from = 0;
        while let Some((client, _)) = self.0.tied.range((from, Id::MIN)..).next() {
            clients.push(*client);
            let Some(next) = client.checked_add(1) else { break };
            from = next;
        }
        clients
    }

    /// Lets the numbers of leases jump, so that none is given again that a lost end of the log may have given.
    pub fn jump_leases(&mut self) {
        self.0.lease_floor = self.0.lease_floor.max(self.0.lease_max) + super::LEASE_JUMP;
        self.0.lease_max = self.0.lease_floor;
    }
}

impl Inner {
    /// Whether the receipt with this lease is still good.
    fn is_good(&self, at: super::Place, lease: u64) -> bool {
        let no = self.messages.slot(at).card;
        no != NONE && self.cards.get(no).is_open && self.cards.get(no).lease == lease
    }

    fn is_open(&self, at: super::Place) -> bool {
        let no = self.messages.slot(at).card;
        no != NONE && self.cards.get(no).is_open
    }

    fn lend(&mut self, at: super::Place, number: u64, lease: &Lease) {
        let no = self.card_of(at);
        self.withdraw(at);
        let card = self.cards.get_mut(no);
        card.visible_at = lease.until_ms;
        card.lease = number;
        card.attempts = card.attempts.saturating_add(1);
        card.owner = Some(lease.owner.clone());
        card.is_open = true;
        card.is_tied = lease.is_tied;
        self.lease_max = self.lease_max.max(number);
        self.admit(at, State::InFlight);
        self.refresh_group(no);
    }
}
