//! What the server takes from its machine.

use super::{Lines, human};
use crate::config;
use crate::engine::Engine;
use crate::metrics::{cpu_time, system_memory};
use std::sync::atomic::Ordering::Relaxed;

/// Bytes of the clients.
pub(in crate::commands::server) fn client_memory(engine: &Engine) -> usize {
    engine.clients.all().iter().map(|client| client.memory()).sum()
}

pub(super) fn memory(engine: &Engine, lines: &mut Lines) {
    let memory = lines.memory;
    let startup = engine.startup_memory;
    let clients = client_memory(engine);
    let overhead = startup + lines.survey.tables_memory + clients + engine.hot_keys.memory();
    let dataset = memory.allocated.saturating_sub(overhead);
    let ratio = |a: usize, b: usize| format!("{:.2}", a as f64 / b.max(1) as f64);
    let percent = |a: usize, b: usize| format!("{:.2}%", a as f64 / b.max(1) as f64 * 100.0);
    lines.bytes("used_memory", memory.allocated);
    lines.bytes("used_memory_rss", memory.rss);
    lines.bytes("used_memory_peak", memory.peak);
    lines.add("used_memory_peak_time", memory.peak_ms / 1000);
    lines.add("used_memory_peak_perc", percent(memory.allocated, memory.peak));
    lines.add("used_memory_overhead", overhead);
    lines.add("used_memory_startup", startup);
    lines.add("used_memory_dataset", dataset);
    lines.add("used_memory_dataset_perc", percent(dataset, memory.allocated.saturating_sub(startup)));
    lines.add("allocator_allocated", memory.allocated);
    lines.add("allocator_active", memory.active);
    lines.add("allocator_resident", memory.resident);
    lines.add("allocator_muzzy", 0);
    lines.bytes("total_system_memory", system_memory());
    scripts(engine, lines);
    let limit = engine.memory_max().unwrap_or(0);
    lines.add("maxmemory", limit);
    lines.add("maxmemory_human", human(limit));
    lines.add("maxmemory_policy", engine.settings.string(config::MAXMEMORY_POLICY));
    lines.add("allocator_frag_ratio", ratio(memory.active, memory.allocated));
    lines.add("allocator_frag_bytes", memory.active.saturating_sub(memory.allocated));
    lines.add("allocator_rss_ratio", ratio(memory.resident, memory.active));
    lines.add("allocator_rss_bytes", memory.resident.saturating_sub(memory.active));
    lines.add("rss_overhead_ratio", ratio(memory.rss, memory.resident));
    lines.add("rss_overhead_bytes", memory.rss as i64 - memory.resident as i64);
    lines.add("mem_fragmentation_ratio", ratio(memory.rss, memory.allocated));
    lines.add("mem_fragmentation_bytes", memory.rss as i64 - memory.allocated as i64);
    let log = crate::log::backlog();
    lines.add("mem_not_counted_for_evict", log);
    lines.zeros(&["mem_replication_backlog", "mem_total_replication_buffers"]);
    lines.zeros(&["mem_replica_full_sync_buffer", "mem_clients_slaves"]);
    lines.add("mem_clients_normal", clients);
    lines.zeros(&["mem_cluster_links"]);
    lines.add("mem_aof_buffer", log);
    lines.add("mem_allocator", "jemalloc");
    lines.zeros(&["mem_overhead_db_hashtable_rehashing"]);
    lines.add("active_defrag_running", u8::from(engine.compaction.running.load(Relaxed)));
    let (pending, freed) = engine.keyspace.lazy_free_counts();
    lines.add("lazyfree_pending_objects", pending);
    lines.add("lazyfreed_objects", freed);
}

pub(super) fn threads(engine: &Engine, lines: &mut Lines) {
    let totals = engine.metrics.totals();
    let clients = engine.clients.len();
    lines.add("io_thread_0", format!("clients={clients},reads={},writes={}", totals.reads, totals.writes));
}

pub(super) fn cpu(_: &Engine, lines: &mut Lines) {
    let time = cpu_time();
    lines.add("used_cpu_sys", format!("{:.6}", time.system));
    lines.add("used_cpu_user", format!("{:.6}", time.user));
    lines.add("used_cpu_sys_children", "0.000000");
    lines.add("used_cpu_user_children", "0.000000");
    // Commands run on every thread: no one of them is the main one.
    lines.add("used_cpu_sys_main_thread", format!("{:.6}", time.system));
    lines.add("used_cpu_user_main_thread", format!("{:.6}", time.user));
}

/// What scripts take: the interpreters run EVAL's and functions alike, so that all of them count as EVAL's.
fn scripts(engine: &Engine, lines: &mut Lines) {
    let interpreters = crate::lua::memory();
    let (scripts, script_bytes) = engine.scripts.counts();
    let (libraries, functions, library_bytes) = engine.scripts.library_counts();
    lines.bytes("used_memory_lua", interpreters);
    lines.add("used_memory_vm_eval", interpreters);
    lines.add("used_memory_scripts_eval", script_bytes);
    lines.add("number_of_cached_scripts", scripts);
    lines.add("number_of_functions", functions);
    lines.add("number_of_libraries", libraries);
    lines.add("used_memory_vm_functions", 0);
    lines.bytes("used_memory_vm_total", interpreters);
    lines.add("used_memory_functions", library_bytes);
    lines.bytes("used_memory_scripts", script_bytes + library_bytes);
}
