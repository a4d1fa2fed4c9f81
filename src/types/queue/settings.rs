//! What QSET sets, and what is counted.

/// What becomes of a message whose time to live is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnExpire {
    /// It is removed.
    #[default]
    Drop,
    /// It goes to the dead set.
    Dead,
}

/// What a full queue does with a push.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// It refuses it.
    #[default]
    Reject,
    /// It drops ready messages for it.
    Drop,
}

/// Which ways of a queue are closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pause {
    /// None.
    #[default]
    None,
    /// Pushes are refused.
    In,
    /// Nothing is delivered.
    Out,
    /// Both.
    All,
}

impl Pause {
    /// Whether pushes are refused.
    pub fn is_in(self) -> bool {
        matches!(self, Pause::In | Pause::All)
    }

    /// Whether nothing is delivered.
    pub fn is_out(self) -> bool {
        matches!(self, Pause::Out | Pause::All)
    }
}

/// The settings of a queue. Times are in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a lease is that names no time.
    pub lease_ms: i64,
    /// Deliveries after which a message is dead; 0 for no limit.
    pub attempts_max: i64,
    /// The first delay after a failure, and the longest; it doubles from one to the next.
    pub backoff_ms: (i64, i64),
    /// The time to live of a message that names none; 0 for ever.
    pub ttl_ms: i64,
    /// What becomes of messages when their time is over.
    pub on_expire: OnExpire,
    /// The most messages, the dead not counted; 0 for no limit.
    pub len_max: i64,
    /// The most bytes of bodies, the dead not counted; 0 for no limit.
    pub bytes_max: i64,
    /// What a full queue does.
    pub overflow: Overflow,
    /// How long a deduplication id is known from the push on; 0: while its message is in the queue.
    pub dedup_ms: i64,
    /// Messages of a group that may be in flight; 0: groups are but labels.
    pub group_max: i64,
    /// The most dead messages; the oldest are dropped.
    pub dead_max: i64,
    /// How long a message stays dead; 0 for ever.
    pub dead_ttl_ms: i64,
    /// What is closed.
    pub pause: Pause,
    /// Deliveries within a time; (0, 0) for no limit.
    pub rate: (i64, i64),
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            lease_ms: 30_000,
            attempts_max: 20,
            backoff_ms: (1_000, 300_000),
            ttl_ms: 0,
            on_expire: OnExpire::Drop,
            len_max: 0,
            bytes_max: 0,
            overflow: Overflow::Reject,
            dedup_ms: 300_000,
            group_max: 1,
            dead_max: 10_000,
            dead_ttl_ms: 0,
            pause: Pause::None,
            rate: (0, 0),
        }
    }
}

impl Settings {
    /// The delay after a failure of the attempt `attempts`, before it is spread: it doubles up to a limit.
    pub fn backoff(&self, attempts: u32) -> i64 {
        let (base, max) = self.backoff_ms;
        let doublings = attempts.saturating_sub(1);
        let ms = if doublings < 63 { i128::from(base) << doublings } else { i128::from(max) };
        if base == 0 { 0 } else { ms.min(i128::from(max)) as i64 }
    }
}

/// What happened to the messages of a queue since it was made. At every moment `pushed` is what is in the
/// queue plus `acked`, `expired`, `dropped`, `deleted` and `moved`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Messages pushed.
    pub pushed: u64,
    /// Deliveries.
    pub popped: u64,
    /// Messages acknowledged.
    pub acked: u64,
    /// Messages given back.
    pub nacked: u64,
    /// Leases that ran out.
    pub lease_expired: u64,
    /// Messages that went to the dead set.
    pub dead: u64,
    /// Messages removed because their time was over.
    pub expired: u64,
    /// Pushes that named a deduplication id that was known.
    pub duplicates: u64,
    /// Messages refused because the queue was full or paused.
    pub rejected: u64,
    /// Messages dropped: from a full queue, from a full dead set, or dead for too long.
    pub dropped: u64,
    /// Messages deleted.
    pub deleted: u64,
    /// Messages moved to another queue.
    pub moved: u64,
}

/// The tokens of a queue whose deliveries are limited: each costs the rate's time, each millisecond brings
/// as many units as the rate has deliveries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    level: i128,
    at_ms: i64,
}

impl Bucket {
    pub(super) fn full(rate: (i64, i64), now_ms: i64) -> Self {
        Bucket { level: i128::from(rate.0) * i128::from(rate.1), at_ms: now_ms }
    }

    fn level_at(&self, rate: (i64, i64), now_ms: i64) -> i128 {
        let passed = i128::from(now_ms.saturating_sub(self.at_ms).max(0));
        (self.level + passed * i128::from(rate.0)).min(i128::from(rate.0) * i128::from(rate.1))
    }

    /// How many deliveries it allows.
    pub(super) fn allows(&self, rate: (i64, i64), now_ms: i64) -> usize {
        (self.level_at(rate, now_ms) / i128::from(rate.1)).try_into().unwrap_or(usize::MAX)
    }

    /// Pays for a delivery.
    pub(super) fn pay(&mut self, rate: (i64, i64), now_ms: i64) {
        self.level = self.level_at(rate, now_ms) - i128::from(rate.1);
        self.at_ms = now_ms.max(self.at_ms);
    }

    /// When it allows the next delivery.
    pub(super) fn next_ms(&self, rate: (i64, i64)) -> i64 {
        let missing = (i128::from(rate.1) - self.level).max(0);
        let ms = (missing + i128::from(rate.0) - 1) / i128::from(rate.0);
        self.at_ms.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX))
    }
}
