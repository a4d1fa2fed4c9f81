//! What the server is.

use super::Lines;
use crate::base::{clock, version};
use crate::config;
use crate::engine::Engine;
use crate::keyspace::Access;
use std::path::PathBuf;
use std::sync::LazyLock;

pub(super) fn server(engine: &Engine, lines: &mut Lines) {
    let settings = &engine.settings;
    let uptime_s = (clock::system_ms() - engine.started_ms).max(0) / 1000;
    lines.add("redis_version", version::REDIS);
    lines.add("synap_version", version::SYNAP);
    lines.add("redis_git_sha1", "00000000");
    lines.add("redis_git_dirty", 0);
    lines.add("redis_build_id", "0000000000000000");
    lines.add("redis_mode", "standalone");
    lines.add("os", &*OS);
    lines.add("arch_bits", usize::BITS);
    lines.add("monotonic_clock", "POSIX clock_gettime");
    lines.add("multiplexing_api", "epoll");
    lines.add("atomicvar_api", "rust-atomics");
    lines.add("gcc_version", "0.0.0");
    lines.add("process_id", std::process::id());
    lines.add("process_supervised", "no");
    lines.add("run_id", &engine.run_id);
    lines.add("tcp_port", settings.int(config::PORT));
    lines.add("server_time_usec", clock::system_us());
    lines.add("uptime_in_seconds", uptime_s);
    lines.add("uptime_in_days", uptime_s / 86_400);
    lines.add("hz", settings.int(config::HZ));
    lines.add("configured_hz", settings.int(config::HZ));
    lines.add("lru_clock", Access::at(engine.now_ms(), None).fresh());
    lines.add("executable", EXECUTABLE.display());
    lines.add("config_file", settings.file().map_or(String::new(), |file| file.display().to_string()));
    lines.add("io_threads_active", 0);
    let zone = settings.string(config::AVAILABILITY_ZONE);
    if !zone.is_empty() {
        lines.add("availability_zone", zone);
    }
    let port = settings.int(config::PORT);
    if port != 0 {
        let binds = settings.words(config::BIND).into_iter().map(|bind| format!("bind={bind},"));
        lines.add("listener0", format!("name=tcp,{}port={port}", binds.collect::<String>()));
    }
    let path = settings.string(config::UNIXSOCKET);
    if !path.is_empty() {
        lines.add("listener1", format!("name=unix,bind={path}"));
    }
}

pub(super) fn tls(engine: &Engine, lines: &mut Lines) {
    let now_s = clock::system_ms() / 1000;
    for (which, certificate) in engine.certificates.lock().each() {
        let serial = certificate.map_or("none", |certificate| &certificate.serial);
        lines.add(&format!("tls_{which}_cert_serial"), serial);
        let left_s = certificate.map_or(0, |certificate| (certificate.ends_at - now_s).max(0));
        lines.add(&format!("tls_{which}_cert_expires_in_seconds"), left_s);
    }
}

/// The kernel's name, release and machine.
static OS: LazyLock<String> = LazyLock::new(|| {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("Linux {} {}", release.trim(), std::env::consts::ARCH)
});

static EXECUTABLE: LazyLock<PathBuf> = LazyLock::new(|| std::env::current_exe().unwrap_or_default());
