//! The log over a disk that crashes and fails: what was durable is there again, in order, and only a
//! suffix is not.

use super::recover::{self, Recovered};
use super::repair;
use super::{Fault, Log, Lsn, Mode, Options, segment};
use crate::base::disk::{Directory, Disk, Faults, Simulated, read_all, simulated};
use fastrand::Rng;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

fn directory(disk: &Simulated) -> Directory {
    Directory { disk: Arc::new(disk.boot()), path: PathBuf::from("/log") }
}

fn options(mode: Mode) -> Options {
    Options { mode, segment_len: 4096, interval: Duration::from_millis(1), ..Options::default() }
}

/// Everything in the log.
fn read(directory: &Directory) -> Result<(Vec<Vec<u8>>, Recovered), Fault> {
    let mut found = Vec::new();
    let done = recover::plan(directory, None)?.read(|records| {
        found.extend(records.map(|record| record.payload.to_vec()));
        Ok(())
    })?;
    Ok((found, done))
}

fn until(what: &str, mut f: impl FnMut() -> bool) {
    let start = Instant::now();
    while !f() {
        assert!(start.elapsed() < Duration::from_secs(120), "{what} took too long");
        std::thread::yield_now();
    }
}

fn durable(log: &Log, lsn: Lsn) {
    log.want(lsn);
    until("a sync", || log.durable() >= lsn);
}

/// The payload of record `i`: its number, and some bytes.
fn payload(rng: &mut Rng, i: u32) -> Vec<u8> {
    let mut payload = i.to_le_bytes().to_vec();
    payload.resize(4 + rng.usize(..600), i as u8);
    payload
}

#[test]
fn what_is_appended_is_read_after_a_stop() {
    for mode in [Mode::Always, Mode::Periodic, Mode::Never] {
        let disk = Simulated::new(1);
        let mut rng = Rng::with_seed(1);
        let mut written: Vec<Vec<u8>> = Vec::new();
        let mut end = super::FIRST;
        for round in 0..3 {
            let directory = directory(&disk);
            let log = Log::default();
            log.start(directory.clone(), end, options(mode)).unwrap();
            for i in 0..200 {
                written.push(payload(&mut rng, round * 200 + i));
                log.append(written.last().unwrap(), 1);
            }
            log.stop().unwrap();
            disk.crash();
            let (found, done) = read(&self::directory(&disk)).unwrap();
            assert!(found == written && done.torn.is_none());
            assert_eq!(done.end, log.end());
            end = done.end;
        }
    }
}

/// However many clients have a write when the first of them waits: one sync serves all that are run in the same turn.
#[test]
fn writes_of_a_turn_share_a_sync() {
    let log = Arc::new(Log::default());
    let hour = Duration::from_secs(3600);
    let options = Options { mode: Mode::Always, interval: hour, ..Options::default() };
    log.start(directory(&Simulated::new(1)), super::FIRST, options).unwrap();
    let client = |n| {
        let log = log.clone();
        async move {
            let lsn = log.append(&[n; 100], 1);
            log.want_gathered(lsn);
            std::future::poll_fn(|cx| log.poll_durable(lsn, cx)).await.unwrap();
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for round in 1..=3 {
        runtime.block_on(async {
            let clients: Vec<_> = (0..64).map(|n| tokio::spawn(client(n))).collect();
            for client in clients {
                client.await.unwrap();
            }
        });
        assert_eq!(log.counters().syncs.load(Relaxed), round);
    }
    log.stop().unwrap();
}

/// However long the disk takes for a sync, a process that is killed loses nothing of what it appended before, where a segment
/// ends no more than elsewhere.
#[test]
fn writes_do_not_wait_for_a_sync() {
    for (mode, want) in
        [(Mode::Periodic, true), (Mode::Periodic, false), (Mode::Never, true), (Mode::Never, false)]
    {
        let disk = Simulated::new(1);
        let log = Log::default();
        // Unless somebody wants one before, the first sync comes where a segment ends.
        let interval = Duration::from_secs(3600);
        log.start(directory(&disk), super::FIRST, Options { interval, ..options(mode) }).unwrap();
        disk.set_faults(Faults { syncs_hang: true, ..Faults::default() });
        let payloads: Vec<_> = (1..=100u8).map(|i| vec![i; 100]).collect();
        for payload in &payloads {
            let end = log.append(payload, 1);
            if want {
                log.want(end);
            }
            until("a write beside a sync", || {
                files(&disk).iter().any(|bytes| bytes.windows(100).any(|bytes| bytes == *payload))
            });
        }
        assert_eq!(log.durable(), super::FIRST);
        disk.set_faults(Faults::default());
        durable(&log, log.end());
        if !want {
            assert_eq!(log.segments().len(), 2);
        }
        log.stop().unwrap();
        disk.crash();
        assert_eq!(read(&directory(&disk)).unwrap().0, payloads);
    }
}

/// What is written while the next segment is made is in the one before until that counts, and in it from then on.
#[test]
fn a_process_killed_where_a_segment_ends_loses_nothing() {
    let disk = Simulated::new(1);
    let log = Log::default();
    log.start(directory(&disk), super::FIRST, options(Mode::Periodic)).unwrap();
    let mut rng = Rng::with_seed(1);
    let (mut payloads, mut seen) = (Vec::new(), 0);
    for i in 0..1000 {
        disk.set_faults(Faults { syncs_hang: i % 40 < 20, ..Faults::default() });
        payloads.push(payload(&mut rng, i));
        log.append(&payloads[i as usize], 1);
        until("a write", || {
            let (found, _) = read(&directory(&disk.copy())).unwrap();
            assert!(payloads.starts_with(&found), "record {i}: not what was written");
            assert!(found.len() >= seen, "record {i}: {} records are there after {seen}", found.len());
            seen = found.len();
            seen == payloads.len()
        });
    }
    assert!(log.segments().len() > 20);
    disk.set_faults(Faults::default());
    log.stop().unwrap();
}

#[test]
fn a_log_begun_anew_counts_from_its_snapshot_on() {
    let disk = Simulated::new(1);
    let directory = directory(&disk);
    let log = Log::default();
    log.start(directory.clone(), super::FIRST, options(Mode::Always)).unwrap();
    log.append(b"old", 1);
    log.stop().unwrap();
    log.start(directory.clone(), log.end() + 1, Options { anew: true, ..options(Mode::Always) }).unwrap();
    log.append(b"before the cut", 1);
    let cut = log.cut();
    log.append(b"behind it", 1);
    log.stop().unwrap();
    assert_eq!(read(&directory).unwrap().0, [b"old"], "the snapshot was not saved");
    let mut found = Vec::new();
    let plan = recover::plan(&directory, Some(cut)).unwrap();
    let done = plan.read(|records| {
        found.extend(records.map(|record| record.payload.to_vec()));
        Ok(())
    });
    assert_eq!((found, done.unwrap().end), (vec![b"behind it".to_vec()], log.end()));
}

#[test]
fn segments_that_a_snapshot_covers_go() {
    let disk = Simulated::new(1);
    let directory = directory(&disk);
    let log = Log::default();
    log.start(directory.clone(), super::FIRST, options(Mode::Always)).unwrap();
    for i in 0..100u32 {
        durable(&log, log.append(&[i as u8; 500], 1));
    }
    let cut = log.cut();
    log.append(b"behind", 1);
    log.append(&[0; 4000], 1);
    log.append(&[0; 4000], 1);
    durable(&log, log.end());
    let before = log.segments().len();
    log.release_before(cut).unwrap();
    assert!(log.segments().len() < before && before > 10);
    log.stop().unwrap();
    let mut found = Vec::new();
    let plan = recover::plan(&directory, Some(cut)).unwrap();
    let done = plan.read(|records| {
        found.extend(records.map(|record| record.payload.len()));
        Ok(())
    });
    let done = done.unwrap();
    assert_eq!(found, [6, 4000, 4000]);
    assert_eq!(done.end, log.end());
    assert!(matches!(read(&directory), Err(Fault::Missing { .. })), "the snapshot is missed");
}

/// One life after the other on one disk. From one seed: appends, syncs, faults, crashes in between.
fn live(seed: u64) {
    let disk = Simulated::new(seed);
    let mut rng = Rng::with_seed(seed);
    // What the log holds, and how much of it was told to be durable.
    let mut written: Vec<Vec<u8>> = Vec::new();
    let mut confirmed = 0;
    let mut number = 0;
    for _ in 0..rng.usize(2..6) {
        let directory = directory(&disk);
        let (found, done) = read(&directory).unwrap_or_else(|fault| panic!("seed {seed}: {fault}"));
        assert!(found.len() >= confirmed, "seed {seed}: {} of {confirmed} confirmed records", found.len());
        assert!(found == written[..found.len()], "seed {seed}: not a prefix of what was written");
        written = found;
        let log = Log::default();
        let mode = [Mode::Always, Mode::Periodic, Mode::Never][rng.usize(..3)];
        log.start(directory.clone(), done.end, options(mode)).unwrap();
        let mut ends: Vec<Lsn> = Vec::new();
        for _ in 0..rng.usize(..120) {
            if rng.u8(..20) == 0 {
                let used: u64 = used(&disk);
                disk.set_faults(Faults {
                    write_fails_one_in: [0, 3, 10][rng.usize(..3)],
                    sync_fails_one_in: [0, 3, 10][rng.usize(..3)],
                    capacity: [0, used + 2000][rng.usize(..2)],
                    syncs_hang: rng.u8(..4) == 0,
                });
            }
            if log.failure().is_none() {
                number += 1;
                written.push(payload(&mut rng, number));
                ends.push(log.append(written.last().unwrap(), 1));
            }
            match rng.u8(..10) {
                0 => log.want(log.end()),
                1 => std::thread::sleep(Duration::from_micros(rng.u64(..300))),
                _ => {}
            }
        }
        if rng.bool() {
            disk.set_faults(Faults::default());
            durable(&log, log.end());
        }
        // The crash comes at a moment when nothing is told to be durable that is not.
        disk.crash();
        let told = log.durable();
        let before = written.len() - ends.len();
        confirmed = before + ends.iter().filter(|end| **end <= told).count();
        drop(log);
        disk.set_faults(Faults::default());
        if rng.bool() {
            disk.crash();
        }
    }
}

/// The content of all files.
fn files(disk: &Simulated) -> Vec<Vec<u8>> {
    let names = disk.list(Path::new("/log")).unwrap();
    // One may get another name meanwhile.
    let open = |name: &String| disk.open(&Path::new("/log").join(name)).ok();
    names.iter().filter_map(open).map(|file| read_all(&*file).unwrap()).collect()
}

fn used(disk: &Simulated) -> u64 {
    files(disk).iter().map(|bytes| bytes.len() as u64).sum()
}

#[test]
fn any_life_on_any_disk_keeps_what_was_confirmed() {
    simulated::simulate(60, live);
}

/// A log of a few segments, stopped in order.
fn written(disk: &Simulated) -> Vec<Vec<u8>> {
    let log = Log::default();
    let mut rng = Rng::with_seed(7);
    log.start(directory(disk), super::FIRST, options(Mode::Always)).unwrap();
    let all: Vec<_> = (0..16).map(|i| payload(&mut rng, i)).collect();
    for payload in &all {
        durable(&log, log.append(payload, 1));
    }
    log.stop().unwrap();
    all
}

#[test]
fn any_byte_changed_or_cut_off_is_noticed_and_can_be_repaired() {
    let mut rng = Rng::with_seed(3);
    for _ in 0..150 {
        let disk = Simulated::new(1);
        let directory = directory(&disk);
        let all = written(&disk);
        let bases = segment::list(&directory).unwrap();
        let base = bases[rng.usize(..bases.len())];
        let path = directory.file(&segment::name(base));
        let used =
            read_all(&*disk.open(&path).unwrap()).unwrap().iter().rposition(|byte| *byte != 0).unwrap();
        let (at, bit, cut) = (rng.usize(..=used), 1 << rng.u8(..8), rng.bool());
        disk.damage(&path, |bytes| if cut { bytes.truncate(at) } else { bytes[at] ^= bit });
        match read(&directory) {
            // Only the mark at the very end protects nothing.
            Ok((found, _)) => assert!(found == all[..found.len()] && (found.len() == all.len() || cut)),
            Err(fault) => {
                let told = fault.to_string();
                assert!(
                    told.contains(path.to_str().unwrap()) && told.contains("synap-migrate repair"),
                    "{told}"
                );
                let reports = repair::verify(&directory, |_| {}).unwrap();
                assert!(reports.iter().any(repair::Report::is_damaged));
                let dropped = repair::repair(&directory).unwrap();
                assert!(dropped.end.is_some() || !dropped.segments.is_empty());
                if at < segment::HEADER as usize && base == super::FIRST {
                    continue; // nothing is left
                }
                let (found, _) = read(&directory).unwrap();
                assert!(found == all[..found.len()] && found.len() < all.len());
            }
        }
    }
}

#[test]
fn a_transaction_torn_by_a_crash_is_cut_off_whole() {
    let disk = Simulated::new(1);
    let directory = directory(&disk);
    let log = Log::default();
    log.start(directory.clone(), super::FIRST, Options { segment_len: 1 << 16, ..options(Mode::Always) })
        .unwrap();
    durable(&log, log.append(b"first", 1));
    let end = log.append(&[7; 5000], 1);
    durable(&log, end);
    let path = directory.file(&segment::name(super::FIRST));
    disk.crash();
    drop(log);
    let directory = self::directory(&disk);
    disk.damage(&path, |bytes| bytes[(segment::HEADER + end) as usize - 100..].fill(0));
    let (found, done) = read(&directory).unwrap();
    assert_eq!(found, [b"first"]);
    assert_eq!(done.torn.unwrap().path, path);
    assert!(read(&directory).unwrap().1.torn.is_none(), "it is cut once");
}

#[test]
fn a_full_disk_refuses_and_recovers_by_itself() {
    let disk = Simulated::new(1);
    let directory = directory(&disk);
    let log = Log::default();
    log.start(directory.clone(), super::FIRST, options(Mode::Always)).unwrap();
    durable(&log, log.append(b"before", 1));
    disk.set_faults(Faults { capacity: used(&disk), ..Faults::default() });
    for i in 0..10u8 {
        log.append(&[i; 3000], 1);
    }
    log.want(log.end());
    until("the failure", || log.failure().is_some());
    assert!(log.failure().unwrap().to_string().contains("cannot"));
    disk.set_faults(Faults::default());
    until("the recovery", || log.failure().is_none() && log.durable() == log.end());
    log.stop().unwrap();
    let (found, _) = read(&directory).unwrap();
    assert_eq!(found.len(), 11);
    assert!(found[1..].iter().enumerate().all(|(i, payload)| payload[..] == [i as u8; 3000]));
}
