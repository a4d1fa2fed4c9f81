//! What happens per second just now: the mean over the last second and a half.

use super::Totals;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::time::Instant;

/// Samples that the mean is taken over.
const SAMPLES: usize = 16;

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Instant,
    commands: u64,
    input_bytes: u64,
    output_bytes: u64,
    turns: u64,
    busy_ns: u64,
}

/// Events per second, sampled about ten times a second.
#[derive(Debug, Default)]
pub struct Rates {
    samples: Mutex<VecDeque<Sample>>,
}

impl Rates {
    /// Takes a sample of the counters.
    pub fn sample(&self, totals: &Totals, command_ns: u64) {
        let mut samples = self.samples.lock();
        if samples.len() == SAMPLES {
            samples.pop_front();
        }
        samples.push_back(Sample {
            at: Instant::now(),
            commands: totals.commands,
            input_bytes: totals.net_input_bytes,
            output_bytes: totals.net_output_bytes,
            turns: totals.reads + totals.cron_turns,
            busy_ns: command_ns + totals.cron_ns,
        });
    }

    /// Forgets all samples: the counters were set to zero.
    pub fn reset(&self) {
        self.samples.lock().clear();
    }

    /// Commands, bytes read, bytes written, turns (reads, and looks for what is due), and nanoseconds spent on them per second.
    pub fn per_second(&self) -> [f64; 5] {
        let samples = self.samples.lock();
        let (Some(first), Some(last)) = (samples.front(), samples.back()) else { return [0.0; 5] };
        let seconds = (last.at - first.at).as_secs_f64();
        if seconds == 0.0 {
            return [0.0; 5];
        }
        let rate = |from: u64, to: u64| to.saturating_sub(from) as f64 / seconds;
        [
            rate(first.commands, last.commands),
            rate(first.input_bytes, last.input_bytes),
            rate(first.output_bytes, last.output_bytes),
            rate(first.turns, last.turns),
            rate(first.busy_ns, last.busy_ns),
        ]
    }
}
