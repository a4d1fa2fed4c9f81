//! Random calls on a queue and on a naive twin: a list of messages that is searched whole each time.

use super::*;
use fastrand::Rng;
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Twin {
    messages: Vec<Known>,
    settings: Settings,
    totals: Totals,
    last_id: Id,
    windows: Vec<(Id, Vec<u8>)>,
}

#[derive(Clone, Debug)]
struct Known {
    id: Id,
    len: usize,
    pri: u8,
    group: Option<Vec<u8>>,
    dedup: Option<Vec<u8>>,
    visible_at: i64,
    expires_at: i64,
    attempts: u32,
    limit: Option<u32>,
    lease: u64,
    is_leased: bool,
    is_open: bool,
    is_dead: bool,
}

impl Known {
    fn state(&self, now_ms: i64) -> State {
        match self {
            _ if self.is_dead => State::Dead,
            _ if self.visible_at <= now_ms => State::Ready,
            _ if self.is_leased => State::InFlight,
            _ => State::Delayed,
        }
    }

    fn due(&self, settings: &Settings) -> i64 {
        match self {
            _ if self.is_dead && settings.dead_ttl_ms == 0 => i64::MAX,
            _ if self.is_dead => self.visible_at.saturating_add(settings.dead_ttl_ms),
            _ if self.is_leased => self.visible_at,
            _ => self.expires_at,
        }
    }
}

impl Twin {
    fn advance(&mut self, now_ms: i64) {
        loop {
            let dues = self.messages.iter().enumerate();
            let first = dues.map(|(at, m)| (m.due(&self.settings), !m.is_dead, at)).min();
            let Some((due, _, at)) = first.filter(|(due, ..)| *due <= now_ms) else { break };
            let message = &mut self.messages[at];
            if message.is_dead {
                self.remove(at, due);
                self.totals.dropped += 1;
            } else if message.is_leased {
                message.is_leased = false;
                self.totals.lease_expired += 1;
                self.come_back(at, due, due);
            } else {
                self.expire(at, due);
            }
        }
        let dedup_ms = self.settings.dedup_ms;
        self.windows.retain(|(id, _)| (id.ms as i64).saturating_add(dedup_ms) > now_ms);
    }

    fn remove(&mut self, at: usize, now_ms: i64) {
        let gone = self.messages.remove(at);
        if let Some(name) = gone.dedup
            && (gone.id.ms as i64).saturating_add(self.settings.dedup_ms) > now_ms
        {
            self.windows.push((gone.id, name));
        }
    }

    fn expire(&mut self, at: usize, now_ms: i64) {
        if self.settings.on_expire == OnExpire::Dead {
            return self.die(at, now_ms);
        }
        self.remove(at, now_ms);
        self.totals.expired += 1;
    }

    fn come_back(&mut self, at: usize, visible_at: i64, now_ms: i64) {
        let message = &mut self.messages[at];
        let limit = message.limit.map_or(self.settings.attempts_max, i64::from);
        if message.expires_at <= now_ms {
            self.expire(at, now_ms);
        } else if limit > 0 && i64::from(message.attempts) >= limit {
            self.die(at, now_ms);
        } else {
            message.visible_at = visible_at;
        }
    }

    fn die(&mut self, at: usize, now_ms: i64) {
        let message = &mut self.messages[at];
        (message.is_dead, message.is_leased, message.is_open, message.visible_at) =
            (true, false, false, now_ms);
        self.totals.dead += 1;
        self.bury(now_ms);
    }

    fn bury(&mut self, now_ms: i64) {
        while self.messages.iter().filter(|m| m.is_dead).count() as i64 > self.settings.dead_max {
            let oldest = self.messages.iter().position(|m| m.is_dead).unwrap();
            self.remove(oldest, now_ms);
            self.totals.dropped += 1;
        }
    }

    /// Whether the group of a ready message lets it go.
    fn is_free(&self, message: &Known, now_ms: i64) -> bool {
        if message.group.is_none() || self.settings.group_max == 0 {
            return true;
        }
        let peers = || self.messages.iter().filter(|m| m.group == message.group);
        let in_flight = peers().filter(|m| m.state(now_ms) == State::InFlight).count() as i64;
        let is_head = peers()
            .filter(|m| m.id < message.id)
            .all(|m| matches!(m.state(now_ms), State::InFlight | State::Dead));
        is_head && in_flight < self.settings.group_max
    }

    fn next(&self, now_ms: i64) -> Option<usize> {
        let ready = self.messages.iter().enumerate().filter(|(_, m)| m.state(now_ms) == State::Ready);
        let free = ready.filter(|(_, m)| self.is_free(m, now_ms));
        free.min_by_key(|(_, m)| (9 - m.pri, m.id)).map(|(at, _)| at)
    }

    fn find(&self, id: Id) -> Option<usize> {
        self.messages.iter().position(|m| m.id == id)
    }
}

/// Both, and the receipts that were ever handed out.
struct Pair {
    queue: Queue,
    twin: Twin,
    rng: Rng,
    now_ms: i64,
    receipts: Vec<(Id, u64)>,
    acked: Vec<(Id, u64)>,
}

fn owner(client: u64) -> Arc<Owner> {
    Arc::new(Owner { client, ..Owner::default() })
}

impl Pair {
    fn new(seed: u64) -> Self {
        let settings = Settings::default();
        let twin =
            Twin { messages: vec![], settings, totals: Totals::default(), last_id: Id::MIN, windows: vec![] };
        let rng = Rng::with_seed(seed);
        Pair { queue: Queue::default(), twin, rng, now_ms: 1_000_000, receipts: vec![], acked: vec![] }
    }

    fn step(&mut self) {
        // Mostly little time passes; now and then the clock jumps a day, also back.
        let passed = match self.rng.u8(..100) {
            0 => 86_400_000,
            1 => -86_400_000,
            2..60 => self.rng.i64(0..40),
            _ => 0,
        };
        self.now_ms += passed;
        self.now_ms = self.queue.time_at(self.now_ms);
        while self.queue.advance(self.now_ms, 1 + self.rng.usize(..3)).is_partial {}
        self.twin.advance(self.now_ms);
        match self.rng.u8(..100) {
            0..35 => self.push(),
            35..60 => self.pop(),
            60..72 => self.ack(),
            72..82 => self.nack(),
            82..88 => self.touch(),
            88..91 => self.delete(),
            91..94 => self.redrive(),
            94 => self.clear(),
            95 => self.delete_all(),
            _ => self.set(),
        }
        let swept = self.queue.swept();
        while self.queue.advance(self.now_ms, 2).is_partial {}
        if self.queue.head() == swept.head() {
            let tell = |queue: &Queue| queue.stored().map(|s| format!("{s:?}")).collect::<Vec<_>>();
            assert_eq!(tell(&swept), tell(&self.queue));
        }
        self.twin.advance(self.now_ms);
        self.check();
    }

    fn push(&mut self) {
        let (now_ms, rng) = (self.now_ms, &mut self.rng);
        let name = |rng: &mut Rng| rng.bool().then(|| vec![b'a' + rng.u8(..3)]);
        let (group, dedup) = (name(rng), name(rng).filter(|_| rng.bool()));
        let delay = if rng.u8(..4) == 0 { rng.i64(0..60) } else { 0 };
        let ttl = (rng.u8(..4) == 0).then(|| rng.i64(1..80));
        let limit = (rng.u8(..5) == 0).then(|| rng.u32(..3));
        let (pri, len) = (rng.u8(..10), rng.usize(..3));
        if let Some(known) = dedup.as_ref().and_then(|dedup| self.queue.known(dedup, now_ms)) {
            let is_there = self.twin.find(known).is_some_and(|at| self.twin.messages[at].dedup == dedup);
            let windows = self.twin.windows.iter();
            assert!(
                is_there || windows.clone().any(|(id, name)| *id == known && Some(name) == dedup.as_ref())
            );
            return;
        }
        let windows = self.twin.windows.iter().map(|(_, name)| Some(name));
        let present = self.twin.messages.iter().map(|m| m.dedup.as_ref());
        assert!(dedup.is_none() || windows.chain(present).all(|name| name != dedup.as_ref()));
        let live: Vec<&Known> = self.twin.messages.iter().filter(|m| !m.is_dead).collect();
        let max = self.twin.settings.len_max;
        let is_full = max > 0 && live.len() as i64 >= max;
        let (mut missing, at_once) =
            (if is_full { live.len() + 1 - max as usize } else { 0 }, 1 + rng.usize(..3));
        let ready = live.iter().filter(|m| m.state(now_ms) == State::Ready).count();
        while self.queue.room_for(1, len as u64, at_once) != Some(0) {
            let Some(count) = self.queue.room_for(1, len as u64, at_once) else {
                let is_stuck = ready < missing;
                return assert!(is_full && (self.twin.settings.overflow == Overflow::Reject || is_stuck));
            };
            assert_eq!(count, missing.min(at_once));
            missing -= count;
            for id in self.queue.make_room(count, now_ms) {
                let ready = self.twin.messages.iter().filter(|m| m.state(now_ms) == State::Ready);
                assert_eq!(ready.map(|m| (m.pri, m.id)).min().unwrap().1, id);
                let at = self.twin.find(id).unwrap();
                self.twin.remove(at, now_ms);
                self.twin.totals.dropped += 1;
            }
        }
        assert_eq!(missing, 0);
        let id = self.queue.next_id(now_ms);
        assert!(id > self.twin.last_id);
        let push = Push {
            body: Body::new(&vec![b'x'; len]),
            pri,
            group: group.as_deref(),
            dedup: dedup.as_deref(),
            visible_at: now_ms + delay,
            expires_at: ttl.map(|ttl| now_ms + ttl),
            limit,
        };
        self.queue.push(id, push, now_ms);
        self.twin.last_id = id;
        self.twin.totals.pushed += 1;
        self.twin.messages.push(Known {
            id,
            len,
            pri,
            group,
            dedup,
            visible_at: now_ms + delay,
            expires_at: ttl.map_or(i64::MAX, |ttl| now_ms + ttl),
            attempts: 0,
            limit,
            lease: 0,
            is_leased: false,
            is_open: false,
            is_dead: false,
        });
    }

    fn pop(&mut self) {
        let now_ms = self.now_ms;
        let for_good = self.rng.u8(..8) == 0;
        let lease = Lease {
            until_ms: if self.rng.u8(..20) == 0 { i64::MAX } else { now_ms + self.rng.i64(1..50) },
            owner: owner(self.rng.u64(1..4)),
            is_tied: self.rng.bool(),
        };
        let mut given = None;
        let popped = self
            .queue
            .pop(now_ms, (!for_good).then_some(&lease), |d| given = Some((d.id, d.lease, d.attempts)));
        let expected = self.twin.next(now_ms);
        assert_eq!(popped, expected.is_some());
        let (Some(at), Some((id, number, attempts))) = (expected, given) else { return };
        let message = &mut self.twin.messages[at];
        assert_eq!((message.id, message.attempts + 1), (id, attempts));
        assert!(number > message.lease);
        self.twin.totals.popped += 1;
        if for_good {
            self.twin.remove(at, now_ms);
            self.twin.totals.acked += 1;
            return;
        }
        message.visible_at = lease.until_ms;
        message.lease = number;
        message.attempts = attempts;
        (message.is_leased, message.is_open) = (true, true);
        self.receipts.push((id, number));
    }

    /// A receipt: one that was handed out, with another number, or made up; or an id alone.
    fn receipt(&mut self) -> (Id, Option<u64>) {
        let made_up = (Id::new(self.rng.u64(..), self.rng.u64(..)), self.rng.u64(..));
        let (id, lease) = match self.receipts.len() {
            0 => made_up,
            len if self.rng.u8(..20) > 0 => self.receipts[len - 1 - self.rng.usize(..len.min(12))],
            _ => made_up,
        };
        let lease = match self.rng.u8(..10) {
            0 => Some(lease.wrapping_add(1)),
            1..3 => None,
            _ => Some(lease),
        };
        let any = self.twin.messages.len();
        if self.rng.u8(..10) == 0 && any > 0 {
            return (self.twin.messages[self.rng.usize(..any)].id, lease);
        }
        (id, lease)
    }

    fn is_good(&self, at: usize, lease: Option<u64>) -> bool {
        let message = &self.twin.messages[at];
        lease.is_none_or(|lease| message.is_open && message.lease == lease)
    }

    fn ack(&mut self) {
        let (id, lease) = self.receipt();
        let done = self.queue.ack(id, lease, self.now_ms);
        let at = self.twin.find(id).filter(|at| !self.twin.messages[*at].is_dead && self.is_good(*at, lease));
        assert_eq!(done, at.is_some());
        if let Some(at) = at {
            self.twin.remove(at, self.now_ms);
            self.twin.totals.acked += 1;
            if let Some(lease) = lease {
                assert!(!self.acked.contains(&(id, lease)), "a receipt is taken once");
                self.acked.push((id, lease));
            }
        }
    }

    fn nack(&mut self) {
        let (id, lease) = self.receipt();
        let how = match self.rng.u8(..4) {
            0 => Nack::Dead,
            1 => Nack::Returned,
            _ => Nack::Failed(self.now_ms + self.rng.i64(0..30)),
        };
        let can = self.queue.can_nack(id, lease, how == Nack::Dead);
        let expected = self.twin.find(id).filter(|at| {
            let message = &self.twin.messages[*at];
            !message.is_dead
                && match lease {
                    Some(_) => self.is_good(*at, lease),
                    None => message.is_open || how == Nack::Dead,
                }
        });
        assert_eq!(can, expected.is_some());
        let Some(at) = expected else { return };
        self.queue.nack(id, how, Some(b"reason"), self.now_ms);
        self.twin.totals.nacked += 1;
        let now_ms = self.now_ms;
        let message = &mut self.twin.messages[at];
        (message.is_leased, message.is_open) = (false, false);
        match how {
            Nack::Dead => self.twin.die(at, now_ms),
            Nack::Failed(visible_at) => self.twin.come_back(at, visible_at, now_ms),
            _ => {
                message.attempts -= 1;
                self.twin.come_back(at, now_ms, now_ms);
            }
        }
    }

    fn touch(&mut self) {
        let (id, lease) = self.receipt();
        let Some(lease) = lease else { return };
        let until_ms = self.now_ms + self.rng.i64(0..40);
        let done = self.queue.touch(id, Some(lease), until_ms, self.now_ms);
        let now_ms = self.now_ms;
        let at = self.twin.find(id).filter(|at| self.is_good(*at, Some(lease)));
        let state = at.map(|at| self.twin.messages[at].state(now_ms));
        let expected = match (at, state) {
            (Some(_), Some(State::InFlight)) => true,
            (Some(at), Some(State::Ready)) => {
                until_ms <= now_ms || self.twin.is_free(&self.twin.messages[at], now_ms)
            }
            _ => false,
        };
        assert_eq!(done, expected);
        if let Some(at) = at.filter(|_| done && (state == Some(State::InFlight) || until_ms > now_ms)) {
            self.twin.messages[at].visible_at = until_ms;
            self.twin.messages[at].is_leased = true;
        }
    }

    fn delete(&mut self) {
        let (id, _) = self.receipt();
        let at = self.twin.find(id);
        assert_eq!(self.queue.delete(id, self.now_ms), at.is_some());
        if let Some(at) = at {
            self.twin.messages[at].dedup = None;
            self.twin.remove(at, self.now_ms);
            self.twin.totals.deleted += 1;
        }
    }

    fn redrive(&mut self) {
        let dead: Vec<Id> = self.twin.messages.iter().filter(|m| m.is_dead).map(|m| m.id).collect();
        assert_eq!(self.queue.dead(Id::MIN).map(|message| message.id).collect::<Vec<_>>(), dead);
        let count = dead.len().min(2);
        let at_once = self.rng.bool();
        if at_once {
            assert_eq!(self.queue.redrive_first(2), count);
        }
        for id in dead.into_iter().take(2) {
            assert!(at_once || self.queue.redrive(id));
            let at = self.twin.find(id).unwrap();
            let message = &mut self.twin.messages[at];
            (message.is_dead, message.attempts, message.expires_at) = (false, 0, i64::MAX);
            message.visible_at = id.ms as i64;
        }
    }

    fn clear(&mut self) {
        drop(self.queue.clear());
        self.twin.totals.deleted += self.twin.messages.len() as u64;
        self.twin.messages.clear();
    }

    fn delete_all(&mut self) {
        let state = State::ALL[self.rng.usize(..4)];
        let (gone, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.twin.messages).into_iter().partition(|m| m.state(self.now_ms) == state);
        assert_eq!(self.queue.delete_all(state), gone.len());
        self.twin.messages = kept;
        self.twin.totals.deleted += gone.len() as u64;
    }

    fn set(&mut self) {
        let rng = &mut self.rng;
        let settings = Settings {
            attempts_max: rng.i64(0..4),
            on_expire: if rng.bool() { OnExpire::Dead } else { OnExpire::Drop },
            len_max: if rng.bool() { 0 } else { rng.i64(1..20) },
            overflow: if rng.bool() { Overflow::Drop } else { Overflow::Reject },
            dedup_ms: rng.i64(0..200),
            group_max: rng.i64(0..3),
            dead_max: rng.i64(0..8),
            dead_ttl_ms: if rng.bool() { 0 } else { rng.i64(1..100) },
            ..Settings::default()
        };
        self.queue.set(settings.clone(), self.now_ms);
        self.twin.settings = settings;
        self.twin.bury(self.now_ms);
    }

    fn check(&self) {
        let (queue, twin, now_ms) = (&self.queue, &self.twin, self.now_ms);
        assert!(queue.is_balanced(), "{:?}", queue.totals());
        assert_eq!(*queue.totals(), twin.totals);
        let told: Vec<_> = queue.stored().map(|s| (s.id, s.state, s.attempts, s.lease, s.is_open)).collect();
        let known = twin.messages.iter().map(|m| (m.id, m.state(now_ms), m.attempts, m.lease, m.is_open));
        assert_eq!(told, known.collect::<Vec<_>>());
        for state in State::ALL {
            assert_eq!(queue.count(state), told.iter().filter(|m| m.1 == state).count());
        }
        assert_eq!(queue.bytes() as usize, twin.messages.iter().map(|m| m.len).sum::<usize>());
        let next = twin.next(now_ms).map(|at| twin.messages[at].id);
        assert_eq!(queue.may_pop(now_ms), next.is_some());
        let ready = |m: &&Known| m.state(now_ms) == State::Ready;
        assert_eq!(queue.oldest().0, twin.messages.iter().find(ready).map(|m| m.id));
        let mut held: Vec<_> = twin.messages.iter().filter(ready).filter_map(|m| m.group.clone()).collect();
        held.sort();
        held.dedup();
        let has_free = |group: &Vec<u8>| {
            twin.messages
                .iter()
                .filter(ready)
                .any(|m| m.group.as_ref() == Some(group) && twin.is_free(m, now_ms))
        };
        assert_eq!(queue.groups().1, held.iter().filter(|group| !has_free(group)).count());
        let count = |queue: &Queue| queue.stored().map(|s| format!("{s:?}")).collect::<Vec<_>>();
        let mut restoring = Restoring::new(queue.head()).unwrap();
        queue.stored().for_each(|stored| restoring.add(stored).unwrap());
        let again = restoring.finish().unwrap();
        assert_eq!(count(&again), count(queue));
        assert_eq!(
            (again.head(), again.groups(), again.bytes()),
            (queue.head(), queue.groups(), queue.bytes())
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_queue_does_as_a_list_searched_whole(seed: u64) {
        let mut pair = Pair::new(seed);
        (0..400).for_each(|_| pair.step());
    }
}

/// A queue with `count` messages that `change` gave options.
fn filled(count: u64, change: impl Fn(u64, &mut Push<'_>)) -> Queue {
    let mut queue = Queue::default();
    for n in 0..count {
        let mut push = Push {
            body: Body::new(b"message"),
            pri: 5,
            group: None,
            dedup: None,
            visible_at: 0,
            expires_at: None,
            limit: None,
        };
        change(n, &mut push);
        let id = queue.next_id(1000);
        queue.push(id, push, 1000);
    }
    queue
}

#[test]
fn what_is_due_at_once_is_applied_in_small_steps() {
    let mut queue = filled(10_000, |_, push| push.visible_at = 2000);
    assert_eq!(queue.count(State::Delayed), 10_000);
    let news = queue.advance(2000, 100);
    assert!(news.is_partial);
    assert_eq!(queue.count(State::Ready), 100);
    while queue.advance(2000, 100).is_partial {}
    assert_eq!(queue.count(State::Ready), 10_000);
}

#[test]
fn many_messages_are_changed_in_small_steps() {
    let mut queue = filled(10_000, |_, _| {});
    let ids: Vec<Id> = queue.iter(Id::MIN, &State::LIVE).map(|message| message.id).collect();
    ids.iter().for_each(|id| queue.nack(*id, Nack::Dead, None, 1000));
    assert_eq!(queue.redrive_first(usize::MAX), 10_000);
    assert_eq!(queue.count(State::Ready), 0);
    assert!(queue.advance(1000, 100).is_partial);
    assert_eq!(queue.count(State::Ready), 100);
    assert_eq!(queue.swept().count(State::Ready), 10_000);
    while queue.advance(1000, 100).is_partial {}
    assert_eq!(queue.delete_all(State::Ready), 10_000);
    assert!(queue.advance(1000, 100).is_partial && queue.is_balanced());
    assert_eq!(queue.count(State::Ready), 9900);
    while queue.advance(1000, 100).is_partial {}
    assert!(queue.is_empty());
    let mut queue = filled(10_000, |_, _| {});
    ids.iter().for_each(|id| queue.nack(*id, Nack::Dead, None, 1000));
    queue.set(Settings { dead_max: 10, ..Settings::default() }, 1000);
    assert!(queue.advance(1000, 100).is_partial);
    while queue.advance(1000, 100).is_partial {}
    assert_eq!((queue.count(State::Dead), queue.totals().dropped), (10, 9990));
}

#[test]
fn what_is_remembered_stays_known_when_a_queue_is_emptied() {
    let mut queue = filled(1000, |_, _| {});
    for n in 0..1000u32 {
        let (id, name) = (queue.next_id(1000), n.to_string());
        let body = Body::new(b"message");
        let push = Push {
            body,
            pri: 5,
            group: None,
            dedup: Some(name.as_bytes()),
            visible_at: 0,
            expires_at: None,
            limit: None,
        };
        queue.push(id, push, 1000);
        assert!(n % 2 == 0 || queue.ack(id, None, 1000));
    }
    drop(queue.clear());
    while queue.advance(1000, 7).is_partial {}
    for n in 0..1000u32 {
        assert_eq!(queue.known(n.to_string().as_bytes(), 1000).is_some(), n % 2 == 1);
    }
}

#[test]
fn few_messages_of_many_take_little_memory() {
    let mut queue = filled(100_000, |_, _| {});
    let full = queue.memory();
    let ids: Vec<Id> = queue.iter(Id::MIN, &State::LIVE).map(|message| message.id).collect();
    for id in ids.iter().enumerate().filter(|(at, _)| at % 50 != 0).map(|(_, id)| id) {
        assert!(queue.ack(*id, None, 1000));
    }
    assert_eq!(queue.len(), 2000);
    assert!(queue.0.messages.memory() < full / 8, "{} of {full}", queue.0.messages.memory());
    let lease = Lease { until_ms: 5000, owner: owner(1), is_tied: false };
    let mut order = Vec::new();
    while queue.pop(1000, Some(&lease), |delivery| order.push(delivery.id)) {}
    assert!(order.is_sorted() && order.len() == 2000);
}

#[test]
fn numbers_of_leases_jump_with_a_restart() {
    let mut queue = filled(1, |_, _| {});
    let lease = Lease { until_ms: 1500, owner: owner(1), is_tied: false };
    let mut number = 0;
    assert!(queue.pop(1000, Some(&lease), |delivery| number = delivery.lease));
    assert_eq!(number, 1);
    queue.jump_leases();
    queue.advance(1500, 10);
    assert!(queue.pop(1500, Some(&lease), |delivery| number = delivery.lease));
    assert!(number > 1 << 16);
}

#[test]
fn what_was_damaged_is_not_restored() {
    let queue = filled(3, |n, push| push.group = (n > 0).then_some(&b"g"[..]));
    let stored: Vec<Stored<'_>> = queue.stored().collect();
    let with = |change: &dyn Fn(&mut StoredQueue, &mut Vec<Stored<'_>>)| {
        let (mut head, mut messages) = (queue.head(), stored.clone());
        change(&mut head, &mut messages);
        let mut restoring = Restoring::new(head)?;
        messages.into_iter().try_for_each(|message| restoring.add(message))?;
        restoring.finish().map(drop)
    };
    assert_eq!(with(&|_, _| {}), Ok(()));
    assert!(with(&|_, messages| messages.swap(0, 1)).is_err());
    assert!(with(&|_, messages| messages.truncate(2)).is_err());
    assert!(with(&|head, _| head.last_id = Id::new(1, 0)).is_err());
    assert!(with(&|head, _| head.settings.lease_ms = -1).is_err());
    assert!(with(&|head, _| head.totals.pushed += 1).is_err());
    assert!(with(&|head, _| head.totals.acked = u64::MAX).is_err());
    assert!(with(&|_, messages| messages[0].pri = 10).is_err());
    assert!(with(&|_, messages| messages[0].state = State::InFlight).is_err());
    assert!(with(&|_, messages| messages[2].lease = 7).is_err());
}
