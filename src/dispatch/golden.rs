//! What earlier versions wrote is read as it was meant: `tests/golden` has a file of each version of each format, made by a
//! server that was sent `commands.txt`.

use super::{Calls, replay, run};
use crate::base::disk::{Directory, Simulated};
use crate::base::words;
use crate::commands::server::digest;
use crate::config::Settings;
use crate::engine::{Client, Engine, Session};
use crate::keyspace::SHARDS;
use crate::log::recover;
use crate::resp::Reply;
use crate::snapshot::{Loaded, Progress, load, newest};
use std::path::PathBuf;
use std::sync::Arc;

const LIBRARY: &[u8] = b"#!lua name=golden\nredis.register_function('golden', function() return 1 end)\n";

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn engine() -> Engine {
    Engine::new(Settings::new(), super::registry().catalogue())
}

/// A digest of everything in all databases, due or not.
pub(super) fn digest_of(engine: &Engine) -> String {
    let mut whole = digest::Whole::default();
    (0..SHARDS).for_each(|shard| whole.add(&engine.keyspace.lock(shard).tables, 0));
    whole.digest().hex()
}

/// The data set that the commands make.
fn made() -> Engine {
    let engine = engine();
    let client = Client::new(0, "test".into(), "test".into(), -1, engine.now_ms());
    let mut session = Session::new(Arc::new(client), &engine);
    let commands = std::fs::read(golden("commands.txt")).unwrap();
    for line in commands.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let argv = words::split(line).unwrap();
        let mut reply = Reply::default();
        let calls = Calls::of(argv.iter().map(Vec::as_slice));
        run(&engine, &mut session, calls.get(0), engine.now_ms(), &mut reply);
        let answer = reply.to_vec();
        assert!(answer.first() != Some(&b'-'), "{}: {}", line.escape_ascii(), answer.escape_ascii());
    }
    engine
}

/// A directory with the golden file `name` as `placed`.
fn directory(name: &str, placed: &str) -> Directory {
    let dir = Directory { disk: Arc::new(Simulated::new(1)), path: "data".into() };
    let bytes = std::fs::read(golden(name)).unwrap();
    dir.disk.create(&dir.file(placed)).unwrap().write_at(0, &bytes).unwrap();
    dir
}

fn loaded(name: &str) -> (Engine, Loaded) {
    let dir = directory(name, "snapshot-0000000001.synap");
    let (engine, found) = (engine(), newest(&dir).unwrap().unwrap());
    let loaded =
        load(&dir, &found, &engine.keyspace, load::Options::default(), &Progress::default()).unwrap();
    (engine, loaded)
}

#[test]
fn snapshots_of_every_version_are_read() {
    let wanted = digest_of(&made());
    for (name, libraries) in [("snapshot-001.synap", vec![]), ("snapshot-002.synap", vec![LIBRARY.to_vec()])]
    {
        let (engine, loaded) = loaded(name);
        assert_eq!(digest_of(&engine), wanted, "{name}");
        assert_eq!(loaded.libraries, libraries, "{name}");
    }
}

#[test]
fn logs_of_every_version_are_read() {
    let dir = directory("log-1.seg", "log-00000000000000000001.seg");
    let engine = engine();
    let plan = recover::plan(&dir, None).unwrap();
    plan.read(|records| replay::segment(&engine, records, 2)).unwrap();
    assert_eq!(digest_of(&engine), digest_of(&made()));
}
