//! Whole lives of a data set on a disk that fails and crashes, from one seed: what is there afterwards is what was there
//! behind some call, and none that was told to be durable is missing.

use super::golden::digest_of;
use super::snapshots::Client;
use super::{replay, restart};
use crate::base::disk::{Directory, Faults, Simulated, simulated};
use crate::config::{Settings, Start};
use crate::engine::Engine;
use crate::log::{Lsn, recover};
use crate::snapshot::{Aside, Codec, Cut, Progress, load, newest, record, save};
use fastrand::Rng;
use std::sync::Arc;
use std::time::Duration;

/// An engine that knows what lies in `dir`, and where its log goes on.
fn recovered(dir: &Directory, mode: &str) -> (Arc<Engine>, Lsn) {
    let flags = ["--appendfsync", mode, "--persistence.wal.segment_size_mb", "1", "--databases", "4"];
    let Ok(Start::Serve(settings)) = Settings::load(&flags.map(Into::into), &mut std::io::empty()) else {
        panic!("no settings")
    };
    let engine = Arc::new(Engine::new(settings, super::registry().catalogue()));
    let found = newest(dir).unwrap();
    if let Some(found) = &found {
        load(dir, found, &engine.keyspace, load::Options::default(), &Progress::default()).unwrap();
    }
    let plan = recover::plan(dir, found.map(|found| found.head.lsn)).unwrap();
    let done = plan.read(|records| replay::segment(&engine, records, 2)).unwrap();
    (engine, done.end)
}

/// Saves a snapshot and removes what it covers of the log, if the disk lets it.
fn compact(engine: &Engine, dir: &Directory) {
    let options = save::Options {
        codec: Codec::Lz4,
        records: record::Options::default(),
        sync_in_steps: true,
        key_delay: Duration::ZERO,
    };
    let aside = || Aside { lsn: engine.log.cut(), ..Aside::default() };
    if let Ok(saved) =
        Cut::take(&engine.keyspace, options, 0, &Arc::default(), aside).save(&engine.keyspace, dir)
    {
        let _ = engine.log.release_before(saved.found.head.lsn);
    }
}

fn live(seed: u64) {
    let disk = Simulated::new(seed);
    let mut rng = Rng::with_seed(seed);
    // Where the log ended behind each call, and what there was then.
    let mut states: Vec<(Lsn, String)> = Vec::new();
    let mut told = 0;
    for life in 0..rng.usize(2..6) {
        let dir = Directory { disk: Arc::new(disk.boot()), path: "data".into() };
        let mode = ["always", "everysec", "no"][rng.usize(..3)];
        let (engine, end) = recovered(&dir, mode);
        let found = digest_of(&engine);
        if life > 0 {
            let at = |place| states.iter().rfind(|(lsn, _)| *lsn <= place).unwrap();
            let ((lsn, digest), (durable, _)) = (at(end), at(told));
            assert!(lsn >= durable, "seed {seed}, life {life}: at {lsn}, though durable up to {durable}");
            assert_eq!(found, *digest, "seed {seed}, life {life}: not what was there at {lsn}");
        }
        states = vec![(end, found)];
        engine.start_log(dir.clone(), end).unwrap();
        restart(&engine);
        states.push((engine.log.end(), digest_of(&engine)));
        let mut client = Client::new(&engine, rng.u64(..));
        for _ in 0..rng.usize(..150) {
            client.call(true);
            states.push((engine.log.end(), digest_of(&engine)));
            match rng.u8(..40) {
                0 => disk.set_faults(Faults {
                    write_fails_one_in: [0, 3, 10][rng.usize(..3)],
                    sync_fails_one_in: [0, 3, 10][rng.usize(..3)],
                    capacity: 0,
                    ..Faults::default()
                }),
                1 => disk.set_faults(Faults::default()),
                2 => compact(&engine, &dir),
                3..8 => engine.log.want(engine.log.end()),
                8..12 => std::thread::sleep(Duration::from_micros(rng.u64(..300))),
                _ => {}
            }
        }
        // The crash comes at a moment when nothing is told to be durable that is not.
        disk.crash();
        told = engine.log.durable();
        drop((client, engine));
        disk.set_faults(Faults::default());
    }
}

#[test]
fn any_life_on_any_disk_ends_behind_some_call() {
    simulated::simulate(40, live);
}
