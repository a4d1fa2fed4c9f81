//! Synap: a drop-in, Redis-protocol in-memory server.
//!
//! A module imports only from lower floors. This table is the law: the test `map` at the end of
//! this file parses it and checks every `use crate::…` in the tree against it.
//!
//! | floor | module | what lives there |
//! |---|---|---|
//! | 0 | `base` | the allocator, locks, priorities, prefetching, bytes, clock, counters, histograms, disk, random, glob, number↔text, limits |
//! | 1 | `resp` | request decoder, `Reply` writer for RESP2/3, reply reader, `Error` (what a client may be told) |
//! | 1 | `types` | the data structures alone: string, list, set, hash, sorted, stream, queue, vector set, intset, packed list, hyperlog, heavy hitters, geo |
//! | 1 | `http` | just enough HTTP/1.1: requests within limits, responses, the listener |
//! | 1 | `config` | every setting declared once: name, kind, default, bounds, live or not, doc |
//! | 2 | `keyspace` | shards, table, entry, `Txn`, `Edit`, expiry, scan cursors, watchers, waiters, `Effects` |
//! | 2 | `log` | one ordered log: `append → Lsn`; group-commit writer, segments, reading back, repair |
//! | 2 | `pubsub` | channels, patterns and who listens to them |
//! | 2 | `lua` | the interpreter of a thread, its sandbox and libraries, values to replies and back |
//! | 2 | `acl` | users, their rules, and what was refused |
//! | 2 | `metrics` | counters per thread, latency histograms |
//! | 3 | `snapshot` | values and whole data sets as bytes: the RDB codec |
//! | 4 | `engine` | owns the services; `Session`; `commit` |
//! | 5 | `command` | what a command is: `Command`, `Keys`, `Args`, contexts, registry |
//! | 6 | `commands` | the commands, a folder per family, a file per thing done to it |
//! | 7 | `dispatch` | gates, run, block, multi, cron |
//! | 8 | `net` | listeners, connections |
//! | 8 | `observe` | what operators see over HTTP: metrics for Prometheus |
//! | 8 | `console` | the page for operators: files in the program, sessions, what it shows and does |
//! | 9 | `boot` | start and stop order, nothing else |
//! | 10 | `bin` | the programs beside the server |
//! | 9 | `migrate` | the tool `synap-migrate`: data in and out, files checked and repaired |

pub mod acl;
pub mod base;
pub mod boot;
pub mod command;
pub mod commands;
pub mod config;
pub mod console;
pub mod dispatch;
pub mod engine;
pub mod http;
pub mod keyspace;
pub mod log;
pub mod lua;
pub mod metrics;
pub mod migrate;
pub mod net;
pub mod observe;
pub mod pubsub;
pub mod resp;
pub mod snapshot;
pub mod types;

#[cfg(test)]
mod map {
    //! The floor check: reads the table above and every source file below `src/`.
    use std::{collections::HashMap, fs, path::Path};

    fn floors() -> HashMap<String, u8> {
        include_str!("lib.rs")
            .lines()
            .filter_map(|line| {
                let mut cells = line.strip_prefix("//! |")?.split('|').map(str::trim);
                let floor = cells.next()?.parse().ok()?;
                Some((cells.next()?.trim_matches('`').to_string(), floor))
            })
            .collect()
    }

    /// The modules of this crate that `text` names, as `crate::module`.
    fn targets(text: &str) -> impl Iterator<Item = &str> {
        text.split("crate::").skip(1).filter_map(|rest| {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_')?;
            (end > 0).then(|| &rest[..end])
        })
    }

    fn check(dir: &Path, module: &str, floors: &HashMap<String, u8>, faults: &mut Vec<String>) {
        for item in fs::read_dir(dir).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() {
                check(&path, module, floors, faults);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for target in targets(&text).filter(|t| *t != module) {
                if floors.get(target).is_some_and(|floor| floors[module] <= *floor) {
                    faults.push(format!("{}: {module} may not import {target}", path.display()));
                }
            }
        }
    }

    #[test]
    fn imports_point_down() {
        let floors = floors();
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut faults = Vec::new();
        for item in fs::read_dir(&src).unwrap() {
            let path = item.unwrap().path();
            if !path.is_dir() {
                continue;
            }
            let module = path.file_name().unwrap().to_str().unwrap().to_string();
            assert!(floors.contains_key(&module), "{module} has no floor in the map of src/lib.rs");
            check(&path, &module, &floors, &mut faults);
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
        assert!(floors.len() >= 10, "the map of src/lib.rs was not found");
    }

    #[test]
    fn the_check_sees_an_upward_import() {
        assert_eq!(
            targets("use crate::command::Run; crate::types::Set").collect::<Vec<_>>(),
            ["command", "types"]
        );
    }
}
