//! Floor 4: the engine owns the services, and `commit` is the one door by which changes leave.

mod certificates;
mod client;
mod clients;
mod commandlog;
mod commit;
mod compaction;
mod durability;
mod eviction;
mod hotkeys;
mod huge_pages;
mod insight;
mod latency;
mod loading;
mod memory;
mod monitors;
mod multi;
mod notify;
mod oom_score;
mod pause;
mod reload;
mod room;
mod saving;
mod scripts;
mod session;
mod slots;
mod stop;
mod tracking;
mod transfer;

pub use certificates::{Certificate, Certificates, CertificatesInUse};
pub use client::{Client, Flag, Held, Introduction, shown};
pub use clients::Clients;
pub use commandlog::{CommandLog, Excess, Noted};
pub use commit::{Committed, Reached, Ready};
pub use compaction::Compaction;
pub use durability::Claims;
pub use eviction::{Eviction, Order, Policy};
pub use hotkeys::{Collection, HotKeys, Metric, Plan, Report};
pub use huge_pages::HugePages;
pub use insight::Insight;
pub use latency::{LatencyMonitor, Sample, Series};
pub use loading::Loading;
pub use memory::Used;
pub use monitors::Monitors;
pub use multi::{Queue, Watched};
pub use oom_score::OomScore;
pub use pause::{Pause, Paused};
pub use reload::Reload;
pub use saving::{Outcome, Purpose, Saving, directory};
pub use scripts::{Adding, Run as ScriptRun, Running, SLOW as SCRIPT_SLOW, Scripts, Taken, Unkillable};
pub use session::{Debugging, Lent, ReplyMode, Session, WaitAof};
pub use slots::Slots;
pub use stop::Stop;
pub use tracking::{Tracking, Wish};
pub use transfer::{Content, Copying, Transfer};

use crate::acl::{Acl, Catalogue};
use crate::base::clock::{self, Clock};
use crate::base::random;
use crate::config::{self, Name, Settings};
use crate::keyspace::{Access, Keyspace, Lfu};
use crate::log::Log;
use crate::metrics::{Memory, Metrics, Rates};
use crate::pubsub::Hub;
use crate::resp::decode;
use crate::types::Packing;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A running server, without its sockets.
pub struct Engine {
    /// The data.
    pub keyspace: Keyspace,
    /// The wall clock.
    pub clock: Clock,
    /// The counters.
    pub metrics: Metrics,
    /// The memory in use, for `maxmemory`.
    pub used: Used,
    /// Which keys make room.
    pub eviction: Eviction,
    /// What the keys are.
    pub insight: Insight,
    /// Whether the heap may lie in huge pages.
    pub huge_pages: HugePages,
    /// How soon the kernel ends the process.
    pub oom_score: OomScore,
    /// Moving values together.
    pub compaction: Compaction,
    /// The calls that took long.
    pub commandlog: CommandLog,
    /// The keys that cost most, while somebody asks.
    pub hot_keys: HotKeys,
    /// The moments in which something took long.
    pub latency: LatencyMonitor,
    /// What happens per second just now.
    pub rates: Rates,
    /// The users.
    pub acl: Acl,
    /// The certificates of `tls-port`.
    pub certificates: Arc<CertificatesInUse>,
    /// The connected clients.
    pub clients: Clients,
    /// The settings.
    pub settings: Settings,
    /// Who listens to which channels.
    pub hub: Hub<Client>,
    /// Who is sent every call.
    pub monitors: Monitors,
    /// Who is told when keys change that it has read.
    pub tracking: Tracking,
    /// CLIENT PAUSE.
    pub pause: Pause,
    /// Scripts and libraries.
    pub scripts: Scripts,
    /// Cancelled when the server is to stop.
    pub stop: CancellationToken,
    /// Who accepts clients. When the server stops, connections end after they have: who has lost one is not let in again.
    pub listening: TaskTracker,
    /// 40 hexadecimal digits that name this run of the server.
    pub run_id: String,
    /// Bytes of memory in use when the server had started.
    pub startup_memory: usize,
    /// When the server started, unix ms.
    pub started_ms: i64,
    /// Whether due keys are removed in the background (DEBUG SET-ACTIVE-EXPIRE).
    pub active_expiry: AtomicBool,
    /// Whether due keys and fields are seen, and stay (DEBUG SET-ALLOW-ACCESS-EXPIRED).
    pub shows_due: AtomicBool,
    /// Whether scripts may call what is not for scripts (DEBUG SET-DISABLE-DENY-SCRIPTS).
    pub scripts_call_all: AtomicBool,
    /// Whether what happens without a client rests (DEBUG PAUSE-CRON).
    pub cron_rests: AtomicBool,
    /// A signal asked the server to stop, which waits for the cron.
    stop_signalled: AtomicBool,
    /// Clients closed because all together took too much memory.
    pub evicted_clients: AtomicU64,
    /// By how many bytes clients have grown since all were looked at.
    clients_grown: AtomicUsize,
    /// Clients blocked on keys.
    pub blocked_clients: AtomicUsize,
    /// Snapshots.
    pub saving: Saving,
    save_at_end: AtomicBool,
    /// That nobody else writes to the data directory.
    pub claims: Claims,
    /// What every transaction did, on disk.
    pub log: Log,
    /// The data set being loaded.
    pub loading: Loading,
    /// Loads the data set again, as at the start: what DEBUG LOADAOF wishes, and `boot` carries out.
    pub recover: OnceLock<Recover>,
}

/// Loads the data set; the error says what to do.
pub type Recover = fn(&Engine) -> Result<(), String>;

impl Engine {
    /// An engine with empty databases, for the commands of `catalogue`.
    pub fn new(settings: Settings, catalogue: Catalogue) -> Self {
        let keyspace = Keyspace::new(settings.int(config::DATABASES) as usize);
        follow_packing(&settings, keyspace.packing());
        follow_switch(&settings, config::IMPORT_MODE, keyspace.importing());
        follow_switch(&settings, config::RDB_VERSION_CHECK, keyspace.takes_any_version());
        let started_ms = clock::system_ms();
        notify::follow(&settings, keyspace.listening());
        eviction::follow(&settings, keyspace.listening());
        insight::follow(&settings);
        Self {
            keyspace,
            clock: Clock::default(),
            metrics: Metrics::new(catalogue.len()),
            acl: Acl::new(catalogue),
            certificates: Arc::default(),
            used: Used::default(),
            eviction: Eviction::default(),
            insight: Insight::default(),
            huge_pages: HugePages::default(),
            oom_score: OomScore::default(),
            compaction: Compaction::default(),
            commandlog: CommandLog::default(),
            hot_keys: HotKeys::default(),
            latency: LatencyMonitor::default(),
            rates: Rates::default(),
            clients: Clients::default(),
            settings,
            hub: Hub::default(),
            monitors: Monitors::default(),
            tracking: Tracking::default(),
            pause: Pause::default(),
            scripts: Scripts::default(),
            stop: CancellationToken::new(),
            listening: TaskTracker::new(),
            run_id: random::hex(40),
            startup_memory: Memory::allocator().allocated,
            started_ms,
            active_expiry: AtomicBool::new(true),
            shows_due: AtomicBool::new(false),
            scripts_call_all: AtomicBool::new(false),
            cron_rests: AtomicBool::new(false),
            stop_signalled: AtomicBool::new(false),
            evicted_clients: AtomicU64::new(0),
            clients_grown: AtomicUsize::new(0),
            blocked_clients: AtomicUsize::new(0),
            saving: Saving::since(started_ms),
            save_at_end: AtomicBool::new(false),
            claims: Claims::default(),
            log: Log::default(),
            loading: Loading::default(),
            recover: OnceLock::new(),
        }
    }

    /// Notes in LATENCY that `event` took `ns` nanoseconds, if that is as long as the settings ask for.
    #[cold]
    pub fn note_latency(&self, event: &'static str, ns: u64) {
        let threshold_ms = self.settings.int(config::LATENCY_MONITOR_THRESHOLD) as u64;
        let ms = ns / 1_000_000;
        if threshold_ms > 0 && ms >= threshold_ms {
            self.latency.add(event, clock::system_ms() / 1000, ms);
        }
    }

    /// The transaction clock: unix milliseconds that never step back.
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Notes that `client` waits, and whether others may end that (CLIENT UNBLOCK).
    pub fn begin_wait(&self, client: &Client, may_be_ended: bool) {
        client.unblock.store(if may_be_ended { 0 } else { client::UNTOLD }, Relaxed);
        client.set(Flag::Blocked, true);
        self.blocked_clients.fetch_add(1, Relaxed);
    }

    /// How long `client` may be idle, in milliseconds; `None`: for ever.
    pub fn timeout_ms(&self, client: &Client) -> Option<i64> {
        let setting = if client.is(Flag::Copies) { config::REPL_TIMEOUT } else { config::TIMEOUT };
        let seconds = self.settings.int(setting);
        (seconds > 0).then_some(seconds * 1000)
    }

    /// Notes that `client` goes on, if that was not noted before: when it was served, its connection has yet to hear of it.
    /// While it waited it was not idle: `timeout` begins now.
    pub fn end_wait(&self, client: &Client) {
        client.active_ms.store(self.now_ms(), Relaxed);
        if client.take(Flag::Blocked) {
            self.blocked_clients.fetch_sub(1, Relaxed);
        }
    }

    /// Has the wait of a client's call end as `how` says: see [`Client::unblock`]. False when it has its reply by now, or others
    /// have asked before: the first decides.
    pub fn unblock(&self, client: &Client, how: u8) -> bool {
        let waiter = client.waiter.lock();
        let is_served = waiter.as_ref().is_some_and(|waiter| waiter.is_served());
        if is_served || client.unblock.compare_exchange(0, how, Relaxed, Relaxed).is_err() {
            return false;
        }
        match waiter.as_ref() {
            // Somebody serves it just now: its connection looks again.
            Some(waiter) if !waiter.claim() => client.outbox.nudge(),
            // Nobody does from here on.
            Some(waiter) => {
                self.end_wait(client);
                waiter.give_up();
            }
            None => {
                self.end_wait(client);
                client.outbox.nudge();
            }
        }
        true
    }

    /// What accesses of a client at `now_ms` note in entries: nothing after CLIENT NO-TOUCH.
    pub fn access_of(&self, session: &Session, now_ms: i64) -> Access {
        let access = self.access(now_ms);
        if session.no_touch() { access.quiet() } else { access }
    }

    /// What accesses at `now_ms` note in entries, as `maxmemory-policy` says.
    pub fn access(&self, now_ms: i64) -> Access {
        let order = Policy::of(&self.settings).map(|policy| policy.order);
        let lfu = (order == Some(Order::Lfu)).then(|| Lfu {
            log_factor: self.settings.int(config::LFU_LOG_FACTOR) as u32,
            decay_minutes: self.settings.int(config::LFU_DECAY_TIME) as u32,
        });
        let decides =
            matches!(order, Some(Order::Lru | Order::Lfu | Order::Lrm)) && self.memory_max().is_some();
        let access = Access::at(now_ms, lfu).deciding(decides);
        if order == Some(Order::Lrm) { access.by_changes() } else { access }
    }

    /// Whether clients have to authenticate.
    pub fn password_required(&self) -> bool {
        self.acl.asks_for_password()
    }

    /// What a client may announce.
    pub fn decoding(&self, authenticated: bool) -> decode::Limits {
        decode::Limits {
            bulk_len_max: self.settings.int(config::PROTO_MAX_BULK_LEN) as usize,
            unauthenticated: !authenticated,
            ..decode::Limits::default()
        }
    }
}

/// Keeps `flag` what the setting `name` says: set for anything but its first word.
fn follow_switch(settings: &Settings, name: Name, flag: &Arc<AtomicBool>) {
    let flag = flag.clone();
    let follow = move |settings: &Settings| flag.store(settings.yes(name), Relaxed);
    follow(settings);
    settings.on_change(&[name], move |settings| {
        follow(settings);
        Ok(())
    });
}

/// Keeps the thresholds between packed and large encodings what the settings say.
fn follow_packing(settings: &Settings, packing: &Arc<Packing>) {
    for name in Name::all() {
        let field = name.setting().name.replace('-', "_");
        let Some(cell) = packing.cell(&field) else { continue };
        cell.store(settings.int(name), Relaxed);
        let packing = packing.clone();
        settings.on_change(&[name], move |settings| {
            packing.cell(&field).into_iter().for_each(|cell| cell.store(settings.int(name), Relaxed));
            Ok(())
        });
    }
}
