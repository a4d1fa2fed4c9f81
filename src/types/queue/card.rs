//! What is known of a message beyond its id, body and priority. Messages that were just pushed, without
//! options, have no card.

use super::Owner;
use super::pages::Pages;
use crate::types::stream::Id;
use std::sync::Arc;

/// The number of a card; [`NONE`] for none.
pub(super) type CardNo = u32;
/// The number that no card, group or place in the timers has.
pub(super) const NONE: u32 = u32::MAX;
/// When something happens that never does, in unix milliseconds.
pub(super) const NEVER: i64 = i64::MAX;

/// Text that few messages have.
#[derive(Clone, Debug, Default)]
pub(super) struct Labels {
    pub(super) reason: Option<Box<[u8]>>,
    pub(super) dedup: Option<Arc<[u8]>>,
}

/// What is known of a message beyond the least.
#[derive(Clone, Debug)]
pub(super) struct Card {
    pub(super) id: Id,
    /// When it may be delivered, or its lease is over; when it died, of a dead one. Unix ms.
    pub(super) visible_at: i64,
    /// When its time to live is over; [`NEVER`] without. Unix ms.
    pub(super) expires_at: i64,
    /// The number of its last lease; 0 before the first.
    pub(super) lease: u64,
    /// Who was given it last.
    pub(super) owner: Option<Arc<Owner>>,
    pub(super) labels: Option<Box<Labels>>,
    pub(super) attempts: u32,
    /// Deliveries after which it is dead; 0 for no limit, [`NONE`] for what the queue says.
    pub(super) limit: u32,
    /// Its place in the timers.
    pub(super) timer: u32,
    pub(super) group: u32,
    /// The receipt of its last lease is still good: neither settled nor replaced.
    pub(super) is_open: bool,
    /// Its lease ends with its owner's connection.
    pub(super) is_tied: bool,
}

impl Card {
    pub(super) fn new(id: Id) -> Self {
        Card {
            id,
            visible_at: id.ms as i64,
            expires_at: NEVER,
            lease: 0,
            owner: None,
            labels: None,
            attempts: 0,
            limit: NONE,
            timer: NONE,
            group: NONE,
            is_open: false,
            is_tied: false,
        }
    }

    pub(super) fn dedup(&self) -> Option<&Arc<[u8]>> {
        self.labels.as_ref().and_then(|labels| labels.dedup.as_ref())
    }

    pub(super) fn reason(&self) -> Option<&[u8]> {
        self.labels.as_ref().and_then(|labels| labels.reason.as_deref())
    }

    /// Bytes of its texts.
    pub(super) fn text_len(&self) -> usize {
        let labels = self.labels.as_ref();
        labels.map_or(0, |l| {
            48 + l.reason.as_ref().map_or(0, |r| r.len()) + l.dedup.as_ref().map_or(0, |d| d.len())
        })
    }
}

/// The cards of a queue, by number.
#[derive(Clone, Debug, Default)]
pub(super) struct Cards {
    cards: Pages<Card>,
    free: Pages<CardNo>,
}

impl Cards {
    pub(super) fn add(&mut self, card: Card) -> CardNo {
        match self.free.pop() {
            Some(no) => {
                self.cards[no as usize] = card;
                no
            }
            None => {
                self.cards.push(card);
                (self.cards.len() - 1) as CardNo
            }
        }
    }

    pub(super) fn remove(&mut self, no: CardNo) -> Card {
        let card = std::mem::replace(&mut self.cards[no as usize], Card::new(Id::MIN));
        self.free.push(no);
        if self.free.len() == self.cards.len() {
            self.cards.clear();
            self.free.clear();
        }
        card
    }

    pub(super) fn get(&self, no: CardNo) -> &Card {
        &self.cards[no as usize]
    }

    pub(super) fn get_mut(&mut self, no: CardNo) -> &mut Card {
        &mut self.cards[no as usize]
    }

    pub(super) fn memory(&self) -> usize {
        self.cards.capacity() * size_of::<Card>() + self.free.capacity() * size_of::<CardNo>()
    }
}
