//! What the process takes from its machine: memory and CPU time.

use crate::base::clock::system_ms;
use crate::base::heap::Heap;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use std::cell::Cell;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::Relaxed};
use tikv_jemalloc_ctl::thread::{self, ThreadLocal};
use tikv_jemalloc_ctl::{Access, AsName, Name, arenas, epoch, stats};

/// Bytes of memory, as the allocator and the kernel count them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// In use by the program.
    pub allocated: usize,
    /// In pages that the program uses.
    pub active: usize,
    /// In pages that the allocator keeps in memory.
    pub resident: usize,
    /// Returned to the system, address space kept.
    pub retained: usize,
    /// Of the process, by the kernel's count.
    pub rss: usize,
    /// The most `allocated` seen so far.
    pub peak: usize,
    /// When that was seen, in unix milliseconds.
    pub peak_ms: i64,
}

/// The bytes in the threads' caches, all arenas together (which jemalloc numbers 4096).
const ALL_CACHED: &[u8; 31] = b"stats.arenas.4096.tcache_bytes\0";

static PEAK: AtomicUsize = AtomicUsize::new(0);
/// When [`PEAK`] rose last, in unix milliseconds.
static PEAK_MS: AtomicI64 = AtomicI64::new(0);

thread_local! {
    /// Where the allocator counts what this thread has allocated and freed.
    static FLOW: Option<(ThreadLocal<u64>, ThreadLocal<u64>)> =
        thread::allocatedp::read().ok().zip(thread::deallocatedp::read().ok());
    /// What [`Memory::now`] last found on this thread: when (unix ms), and what the thread itself had in use by then.
    static LAST: Cell<(i64, i64, Memory)> = const { Cell::new((0, 0, Memory::NONE)) };
}

/// The peak and when it was, if `allocated` counts for it.
fn note_peak(allocated: usize) -> (usize, i64) {
    let before = PEAK.fetch_max(allocated, Relaxed);
    if allocated > before {
        PEAK_MS.store(system_ms(), Relaxed);
    }
    (before.max(allocated), PEAK_MS.load(Relaxed))
}

impl Memory {
    const NONE: Memory =
        Memory { allocated: 0, active: 0, resident: 0, retained: 0, rss: 0, peak: 0, peak_ms: 0 };

    /// The memory in use now. The allocator and the system are asked at most once a millisecond and thread; what this
    /// thread did since is added.
    pub fn now() -> Self {
        let now_ms = system_ms();
        let (at_ms, flow, mut memory) = LAST.get();
        if at_ms == now_ms {
            let change = Self::in_use_of_thread() - flow;
            memory.allocated = memory.allocated.saturating_add_signed(change as isize);
            (memory.peak, memory.peak_ms) = note_peak(memory.allocated);
            return memory;
        }
        memory = Self::allocator();
        memory.rss = rss().unwrap_or(memory.resident);
        LAST.set((now_ms, Self::in_use_of_thread(), memory));
        memory
    }

    /// As [`Memory::of_thread`], without what was put at hand since the server began, most of which is this thread's.
    fn in_use_of_thread() -> i64 {
        Self::of_thread() - Heap::at_hand() as i64
    }

    /// The same as the allocator counts it: some microseconds.
    pub fn allocator() -> Self {
        // These fail only in a build without jemalloc's statistics, which then are zero.
        let _ = epoch::advance();
        let all: &Name = ALL_CACHED[..].name();
        // What threads and slabs keep at hand counts as allocated there, but holds nothing: threads come and go as calls
        // take long, and a limit a few KiB above what is in use is not to be passed by that.
        let idle = all.read().unwrap_or(0) + Heap::unused();
        let (blocks, held) = Heap::in_blocks();
        let allocated = (stats::allocated::read().unwrap_or(0) + blocks).saturating_sub(idle);
        let at_hand = Heap::at_hand();
        // Where it is more than all, this allocator is not the program's, and counted none of it.
        let allocated = if at_hand < allocated { allocated - at_hand } else { allocated };
        let (peak, peak_ms) = note_peak(allocated);
        Self {
            allocated,
            active: stats::active::read().unwrap_or(0) + blocks,
            resident: stats::resident::read().unwrap_or(0) + blocks + held,
            retained: stats::retained::read().unwrap_or(0),
            rss: 0,
            peak,
            peak_ms,
        }
    }

    /// Has the allocator return unused pages to the system; false when it refuses.
    pub fn purge() -> bool {
        Heap::trim(true);
        let arenas = arenas::narenas::read().unwrap_or(0);
        // An arena whose unused pages may live for 0 ms returns them at once.
        (0..arenas).all(|arena| {
            let name = format!("arena.{arena}.dirty_decay_ms\0");
            let name: &Name = name.as_bytes().name();
            let kept: Result<isize, _> = name.read();
            // An arena that was never used does not exist yet.
            kept.is_err() || kept.is_ok_and(|kept| name.write(0isize).and(name.write(kept)).is_ok())
        })
    }

    /// Has the allocator give this thread memory without a cache of its own; false when it refuses.
    pub fn forgo_cache() -> bool {
        let name: &Name = b"thread.tcache.enabled\0"[..].name();
        name.write(false).is_ok()
    }

    /// Bytes that this thread has allocated so far, less those it has freed: two loads. Alone it means nothing, as
    /// threads free what others allocated; its changes tell what a call took.
    pub fn of_thread() -> i64 {
        FLOW.with(|flow| {
            let flow = flow.as_ref().map_or(0, |(taken, freed)| taken.get().wrapping_sub(freed.get()) as i64);
            flow + Heap::flow()
        })
    }

    /// Forgets the peak.
    pub fn reset_peak() {
        PEAK.store(0, Relaxed);
    }
}

/// Bytes of a page, as `/proc/self/statm` counts; the kernels Synap runs on have no others.
const PAGE: usize = 4096;

fn rss() -> Option<usize> {
    static STATM: LazyLock<Option<File>> = LazyLock::new(|| File::open("/proc/self/statm").ok());
    // Seven numbers of at most twenty digits.
    let mut text = [0; 160];
    let len = STATM.as_ref()?.read_at(&mut text, 0).ok()?;
    let pages = str::from_utf8(&text[..len]).ok()?.split(' ').nth(1)?;
    Some(pages.parse::<usize>().ok()? * PAGE)
}

/// Bytes of memory of the machine; 0 when it is not known.
pub fn system_memory() -> usize {
    static TOTAL: LazyLock<usize> = LazyLock::new(|| {
        let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kilobytes = text.strip_prefix("MemTotal:").and_then(|rest| rest.split_whitespace().next());
        kilobytes.and_then(|n| n.parse::<usize>().ok()).unwrap_or(0) * 1024
    });
    *TOTAL
}

/// CPU time in seconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct CpuTime {
    /// In the program.
    pub user: f64,
    /// In the kernel.
    pub system: f64,
}

/// CPU time of all threads so far.
pub fn cpu_time() -> CpuTime {
    let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    // It fails for nobody who asks for the times of the own process.
    getrusage(UsageWho::RUSAGE_SELF).map_or(CpuTime::default(), |usage| CpuTime {
        user: seconds(usage.user_time()),
        system: seconds(usage.system_time()),
    })
}
