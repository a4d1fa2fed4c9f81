//! What INFO and MEMORY tell of the whole keyspace, gathered shard by shard.

use crate::command::Sweep;
use crate::keyspace::sample::Sample;
use crate::keyspace::table::sizes::{BINS, TYPES, bin_by};
use crate::keyspace::{EntryRef, SHARDS};

/// How many values there are by type and length.
pub(super) type Lengths = [[u64; BINS]; TYPES];

/// One database.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::commands::server) struct Database {
    pub keys: usize,
    /// Keys with a TTL.
    pub expires: usize,
    /// Keys that have fields with one.
    pub subexpiry: usize,
    /// Bytes of its tables, without the entries.
    pub tables_memory: usize,
    /// Milliseconds that the sampled keys with a TTL have left together, and how many these are.
    ttl: (i64, i64),
}

impl Database {
    /// Milliseconds that keys with a TTL have left, on average over a sample.
    pub(super) fn avg_ttl_ms(&self) -> i64 {
        self.ttl.0 / self.ttl.1.max(1)
    }
}

/// The whole keyspace.
#[derive(Debug, Default)]
pub(in crate::commands::server) struct Survey {
    pub databases: Vec<Database>,
    /// Bytes of the tables, without the entries.
    pub tables_memory: usize,
    /// Keys that clients are blocked on, and those of them whose removal they wait for.
    pub blocking: (usize, usize),
    /// Keys that clients watch.
    pub watched: usize,
    /// By database, how long the values are, where that was asked for and there ever was one.
    pub(super) lengths: Vec<Option<Box<Lengths>>>,
    /// By database, how many bytes the keys take with their values, where [`Survey::weigh`] looked.
    pub(super) weights: Vec<Lengths>,
}

impl Survey {
    /// Looks at all shards, one after the other; also at how long the values are, if asked to.
    pub(in crate::commands::server) fn of(cx: &Sweep<'_, '_>, with_lengths: bool) -> Self {
        let databases = cx.engine.keyspace.databases();
        let mut survey = Survey {
            databases: vec![Database::default(); databases],
            lengths: vec![None; databases],
            ..Survey::default()
        };
        let now_ms = cx.now_ms;
        for at in 0..SHARDS {
            cx.look(at, |shard| {
                let databases = survey.databases.iter_mut().zip(&mut survey.lengths);
                // One that never held anything has no memory.
                for ((db, lengths), table) in
                    databases.zip(&shard.tables).filter(|(_, table)| table.memory() > 0)
                {
                    db.keys += table.len();
                    db.expires += table.expiring();
                    db.subexpiry += table.with_expiring_fields();
                    db.tables_memory += table.memory();
                    survey.tables_memory += table.memory();
                    if let Some(bins) = table.sizes().bins().filter(|_| with_lengths) {
                        let lengths = lengths.get_or_insert_with(|| Box::new([[0; BINS]; TYPES]));
                        let rows = lengths.iter_mut().zip(bins).filter(|(_, row)| **row != [0; BINS]);
                        rows.flat_map(|(sums, row)| sums.iter_mut().zip(row))
                            .for_each(|(sum, n)| *sum += u64::from(*n));
                    }
                    if let Some(t) = table.random_expiring().and_then(|entry| entry.expire_at()) {
                        db.ttl.0 += (t - now_ms).max(0);
                        db.ttl.1 += 1;
                    }
                }
                let (blocking, on_removal) = shard.hooks.waiters.counts();
                survey.blocking.0 += blocking;
                survey.blocking.1 += on_removal;
                survey.watched += shard.hooks.watchers.count();
            });
        }
        survey
    }

    /// Looks also at what each key takes, or each of a sample of many.
    pub(super) fn weigh(&mut self, cx: &Sweep<'_, '_>) {
        let sample = Sample::of(self.databases.iter().map(|db| db.keys).sum());
        let weigh = |db: usize| {
            let mut keys = [[0.0; BINS]; TYPES];
            let mut see = |entry: EntryRef<'_>, times| {
                if let Some((kind, bin)) = bin_by(entry.kind(), || entry.memory()) {
                    keys[usize::from(kind)][usize::from(bin)] += times;
                }
            };
            for shard in 0..SHARDS {
                sample.visit(shard, |step| cx.look(shard, |shard| step(&shard.tables[db])), &mut see);
            }
            keys.map(|row| row.map(|keys: f64| keys.round() as u64))
        };
        self.weights = (0..self.databases.len()).map(weigh).collect();
    }
}
