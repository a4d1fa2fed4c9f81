use super::family::{ALL, Kind, reference};
use super::page;
use crate::acl::Catalogue;
use crate::config::Settings;
use crate::engine::Engine;
use std::collections::HashSet;
use std::path::Path;

fn engine() -> Engine {
    Engine::new(Settings::new(), Catalogue::new([("get", vec!["read"], false)]))
}

#[test]
fn names_follow_the_conventions() {
    let mut seen = HashSet::new();
    for family in ALL {
        assert!(seen.insert(family.name), "{} is declared twice", family.name);
        assert!(family.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{}", family.name);
        assert_eq!(family.name.ends_with("_total"), family.kind == Kind::Counter, "{}", family.name);
        assert!(family.help.ends_with('.') && !family.help.contains('|'), "{}", family.name);
    }
}

/// The file in the repository is what the declarations say; `UPDATE=1 cargo test` writes it.
#[test]
fn the_reference_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, reference()).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == reference(), "docs/metrics.md is not current: run `UPDATE=1 cargo test --lib observe`");
}

#[test]
fn every_line_is_of_a_declared_family() {
    let engine = engine();
    let local = engine.metrics.local();
    local.commands[0].calls.add(3);
    local.commands[0].ns.add(5_000_000);
    local.commands[0].latency.record(1_500);
    engine.log.counters().sync_durations.record(150_000);
    engine.metrics.count_error("ERR\"\n\\");
    let text = page(&engine, &["get"]);
    let known: HashSet<&str> = ALL.iter().map(|family| family.name).collect();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let name = line.split(['{', ' ']).next().unwrap();
        let stem = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        assert!(known.contains(name) || stem.is_some_and(|stem| known.contains(stem)), "{line}");
    }
    assert!(text.contains("synap_command_calls_total{command=\"get\"} 3"), "{text}");
    assert!(text.contains("le=\"0.000001024\"} 0") && text.contains("le=\"0.000002048\"} 1"), "{text}");
    assert!(text.contains("synap_command_duration_seconds_sum{command=\"get\"} 0.005"), "{text}");
    assert!(text.contains("synap_log_sync_duration_seconds_bucket{le=\"0.000262144\"} 1"), "{text}");
    assert!(text.contains("synap_log_sync_duration_seconds_count 1"), "{text}");
    assert!(text.contains(r#"synap_errors_total{code="ERR\"\n\\"} 1"#), "{text}");
}
