//! Saving and loading, on a disk that is simulated.

use super::format::RAW_MAX;
use super::*;
use crate::base::disk::{Directory, Faults, Simulated};
use crate::keyspace::txn::{Begin, Key, Ttl};
use crate::keyspace::{Access, Effects, EntryRef, Keyspace, SHARDS};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

const OPTIONS: save::Options = save::Options {
    codec: Codec::Lz4,
    records: record::Options { access: true },
    sync_in_steps: true,
    key_delay: Duration::ZERO,
};

fn directory() -> (Simulated, Directory) {
    let disk = Simulated::new(1);
    (disk.clone(), Directory { disk: Arc::new(disk), path: "data".into() })
}

fn put(keyspace: &Keyspace, db: u32, key: &[u8], value: &[u8], ttl: Ttl) {
    let mut effects = Effects::default();
    let keys = [Key::new(key)];
    let begin = Begin { db, now_ms: 1_000, access: Some(Access::at(7_000, None)), event: "" };
    keyspace.begin(&keys, begin, &mut effects).put_string(key, value, ttl);
}

/// Some keys in two databases, long values and long keys among them.
fn filled(keys: u32) -> Keyspace {
    let keyspace = Keyspace::new(4);
    for n in 0..keys {
        let ttl = if n % 3 == 0 { Ttl::At(1_000_000 + i64::from(n)) } else { Ttl::Clear };
        put(&keyspace, n % 2 * 3, format!("key:{n}").as_bytes(), format!("value {n}").as_bytes(), ttl);
    }
    put(&keyspace, 0, b"", b"", Ttl::Clear);
    put(&keyspace, 0, &[b'k'; 300], b"-5", Ttl::Clear);
    put(&keyspace, 3, b"long", &[b'x'; 5_000], Ttl::Clear);
    let longer: Vec<u8> =
        (0..3 * RAW_MAX as u32 / 4).flat_map(|n| n.wrapping_mul(0x9E37_79B1).to_le_bytes()).collect();
    put(&keyspace, 3, b"longer", &longer, Ttl::At(9_000_000));
    keyspace
}

fn cut(keyspace: &Keyspace, options: save::Options, now_ms: i64, lsn: u64) -> Cut {
    let aside = || Aside { lsn, ..Aside::default() };
    Cut::take(keyspace, options, now_ms, &Arc::default(), aside)
}

type Content = BTreeMap<(u32, Vec<u8>), Vec<u8>>;

fn content(keyspace: &Keyspace) -> Content {
    let mut all = Content::new();
    for shard in 0..SHARDS {
        let held = keyspace.lock(shard);
        for (db, table) in held.tables.iter().enumerate() {
            let record = |entry: EntryRef<'_>| {
                let mut bytes = Vec::new();
                record::write(entry, OPTIONS.records, &mut bytes);
                bytes
            };
            all.extend(table.iter().map(|entry| ((db as u32, entry.key().to_vec()), record(entry))));
        }
    }
    all
}

fn loaded(dir: &Directory) -> Result<Content, Fault> {
    let keyspace = Keyspace::new(4);
    let found = newest(dir)?.expect("a snapshot was saved");
    let loaded = load(dir, &found, &keyspace, load::Options::default(), &Progress::default())?;
    let content = content(&keyspace);
    assert_eq!(loaded.keys, content.len() as u64);
    Ok(content)
}

#[test]
fn what_is_saved_is_loaded_whatever_the_codec() {
    let mut sizes = Vec::new();
    for codec in [Codec::Plain, Codec::Lz4, Codec::Zstd] {
        let (_, dir) = directory();
        let keyspace = filled(3_000);
        let mut unpacked = 0;
        for lsn in [5, 6] {
            let cut = cut(&keyspace, save::Options { codec, ..OPTIONS }, 77, lsn);
            let saved = cut.save(&keyspace, &dir).unwrap();
            assert_eq!((saved.found.head.lsn, saved.found.head.created_ms), (lsn, 77));
            unpacked = saved.unpacked;
        }
        sizes.push(unpacked);
        assert_eq!(dir.disk.list(&dir.path).unwrap(), ["snapshot-0000000002.synap"]);
        assert!(loaded(&dir).unwrap() == content(&keyspace), "{codec:?}");
        let head = verify(&dir, &newest(&dir).unwrap().unwrap().path, &Progress::default()).unwrap();
        assert_eq!(head.databases, [(0, 1_502, 500), (3, 1_502, 501)]);
        assert_eq!(head.lsn, 6);
    }
    assert!(
        sizes[0] > 0 && sizes[1..] == [sizes[0]; 2],
        "what is held does not depend on the codec: {sizes:?}"
    );
}

#[test]
fn keys_that_are_due_are_left_out_if_wanted() {
    let (_, dir) = directory();
    let keyspace = filled(300);
    let saved = cut(&keyspace, OPTIONS, 0, 0).save(&keyspace, &dir).unwrap();
    let (target, found) = (Keyspace::new(4), newest(&dir).unwrap().unwrap());
    let options = load::Options { drop_due_at: Some(1_000_149), ..load::Options::default() };
    let loaded = load(&dir, &found, &target, options, &Progress::default()).unwrap();
    assert_eq!(
        loaded,
        Loaded { keys: 304 - 50, expired: 50, unpacked: saved.unpacked, libraries: Vec::new() }
    );
}

/// One byte changed anywhere, or the file cut anywhere: an error that names the file, and no panic.
#[test]
fn damage_is_told() {
    let (disk, dir) = directory();
    let keyspace = filled(20);
    put(&keyspace, 3, b"longer", b"shorter", Ttl::Clear);
    cut(&keyspace, OPTIONS, 0, 0).save(&keyspace, &dir).unwrap();
    let path = newest(&dir).unwrap().unwrap().path;
    let len = dir.disk.open(&path).unwrap().len().unwrap() as usize;
    let refused = |what: &str, at: usize| {
        let fault = loaded(&dir).err().unwrap_or_else(|| panic!("{what} at byte {at} is not seen"));
        assert!(fault.to_string().contains("snapshot-0000000001.synap"), "{fault}");
    };
    for at in 0..len {
        disk.damage(&path, |bytes| bytes[at] ^= 1 << (at % 8));
        refused("a flipped bit", at);
        disk.damage(&path, |bytes| bytes[at] ^= 1 << (at % 8));
    }
    let mut tail = Vec::new();
    for at in (0..len).rev() {
        disk.damage(&path, |bytes| tail.push(bytes.pop().unwrap()));
        refused("a cut", at);
    }
    disk.damage(&path, |bytes| bytes.extend(tail.iter().rev()));
    loaded(&dir).unwrap();
    disk.damage(&path, |bytes| bytes.push(0));
    refused("a byte too much", len);
}

/// Records with a right checksum that are no records: an error, and no panic.
#[test]
fn nonsense_in_a_sound_file_is_told() {
    let mut random = fastrand::Rng::with_seed(3);
    let (_, dir) = directory();
    let keyspace = filled(40);
    cut(&keyspace, save::Options { codec: Codec::Plain, ..OPTIONS }, 0, 0).save(&keyspace, &dir).unwrap();
    let mut records = Vec::new();
    for entry in content(&keyspace).into_values().filter(|record| record.len() < 1_000) {
        records.extend(entry);
    }
    let packing = crate::types::Packing::default();
    for _ in 0..20_000 {
        let mut broken = records.clone();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(..broken.len());
            broken[at] = random.u8(..);
        }
        broken.truncate(random.usize(..=broken.len()));
        let mut reader = record::Records::new(&broken, &packing, 0);
        while let Ok(Some(_)) = reader.next_entry() {}
    }
}

/// A disk that is full or fails: an error, nothing left behind, and the snapshot before is what it was.
#[test]
fn a_failed_save_leaves_what_was_there() {
    let (disk, dir) = directory();
    let keyspace = filled(500);
    cut(&keyspace, OPTIONS, 0, 1).save(&keyspace, &dir).unwrap();
    let before = content(&keyspace);
    put(&keyspace, 0, b"more", b"than before", Ttl::Clear);
    let faults = [
        Faults { capacity: 4_000_000, ..Faults::default() },
        Faults { write_fails_one_in: 1, ..Faults::default() },
        Faults { sync_fails_one_in: 1, ..Faults::default() },
    ];
    for faults in faults {
        disk.set_faults(faults);
        let fault = cut(&keyspace, OPTIONS, 0, 2).save(&keyspace, &dir).unwrap_err();
        assert!(matches!(fault, Fault::Io { .. }), "{fault}");
        disk.set_faults(Faults::default());
        assert_eq!(dir.disk.list(&dir.path).unwrap(), ["snapshot-0000000001.synap"]);
        assert!(loaded(&dir).unwrap() == before);
    }
    cut(&keyspace, OPTIONS, 0, 3).save(&keyspace, &dir).unwrap();
    assert!(loaded(&dir).unwrap() == content(&keyspace));
}

/// The power fails at any moment of a save: either snapshot is there, whole.
#[test]
fn a_crash_leaves_the_old_snapshot_or_the_new_one() {
    for seed in 0..12 {
        let disk = Simulated::new(seed);
        let dir = Directory { disk: Arc::new(disk.clone()), path: "data".into() };
        let keyspace = filled(100);
        cut(&keyspace, OPTIONS, 0, 1).save(&keyspace, &dir).unwrap();
        let before = content(&keyspace);
        put(&keyspace, 0, b"more", b"than before", Ttl::Clear);
        let after = content(&keyspace);
        let over = AtomicBool::new(false);
        // Whoever saves dies with the crash.
        let dying = Directory { disk: Arc::new(disk.boot()), ..dir.clone() };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let _ = cut(&keyspace, OPTIONS, 0, 2).save(&keyspace, &dying);
                over.store(true, Relaxed);
            });
            let until = std::time::Instant::now()
                + Duration::from_micros(fastrand::Rng::with_seed(seed).u64(..6_000));
            while std::time::Instant::now() < until && !over.load(Relaxed) {
                std::thread::yield_now();
            }
            disk.crash();
        });
        remove_part(&dir);
        let survived = loaded(&dir).unwrap();
        assert!(survived == before || survived == after, "seed {seed}");
    }
}

#[test]
fn a_snapshot_that_is_abandoned_does_not_wait_for_its_pause() {
    let pause = Duration::from_secs(20);
    let (keyspace, (_, directory)) = (filled(3), directory());
    let cut = cut(&keyspace, save::Options { key_delay: pause, ..OPTIONS }, 1_000, 0);
    let (intake, start) = (cut.intake().clone(), Instant::now());
    let saved = thread::scope(|scope| {
        let saving = scope.spawn(|| cut.save(&keyspace, &directory));
        // Well within the pause behind the first key.
        thread::sleep(Duration::from_millis(50));
        intake.abandon();
        saving.join().unwrap()
    });
    assert!(matches!(saved, Err(Fault::Abandoned)), "{saved:?}");
    assert!(start.elapsed() < pause, "it took {:?}", start.elapsed());
}
