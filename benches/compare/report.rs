//! Medians, the Markdown tables and the JSON file.

use crate::driver::Sight;
use crate::median::median;
use crate::workload::{Target, Workload};
use std::collections::BTreeMap;
use std::fmt::Write;

/// One measurement of one server.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// What the load generator saw.
    pub sight: Sight,
    /// Server CPU per request, in microseconds.
    pub cpu_us: f64,
}

/// All samples of one workload at one pipeline depth, in the order of the contenders, a list a round each.
pub struct Row {
    /// What was measured.
    pub workload: Workload,
    /// How many requests each connection had under way.
    pub pipeline: usize,
    /// By contender, then by round.
    pub samples: Vec<Vec<Sample>>,
}

/// Bytes per unit of one data set, by contender.
pub struct MemoryRow {
    /// The data set's name.
    pub name: &'static str,
    /// What the bytes are counted per.
    pub unit: &'static str,
    /// At most this many.
    pub target: Option<f64>,
    /// By contender.
    pub bytes: Vec<f64>,
    /// By contender: the server's own latency percentiles of SET.
    pub worst_set: Vec<Option<String>>,
}

impl Row {
    fn of(&self, contender: usize, figure: impl Fn(&Sample) -> f64) -> f64 {
        median(self.samples[contender].iter().map(figure))
    }

    /// The median of the rounds' ratios: both servers of a round ran close together in time.
    fn ratio(&self, peer: usize, figure: impl Fn(&Sample) -> f64) -> f64 {
        median(self.samples[0].iter().zip(&self.samples[peer]).map(|(a, b)| figure(a) / figure(b)))
    }
}

/// The speed table of the first contender against the contender `peer`.
pub fn speed_table(rows: &[Row], names: &[String], peer: usize) -> String {
    let (a, b) = (&names[0], &names[peer]);
    let mut out = format!(
        "| test | P | {a} k/s | {b} k/s | {a}/{b} | target | {a} p50/p99 ms | {b} p50/p99 ms \
         | {a} CPU µs | {b} CPU µs | {a}/{b} | target |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n"
    );
    for row in rows {
        // The bars are set against Valkey.
        let target = if b.contains("valkey") { row.workload.target(row.pipeline) } else { Target::default() };
        let rate = |c| row.of(c, |s| s.sight.per_second / 1000.0);
        let latency =
            |c| format!("{:.2}/{:.2}", row.of(c, |s| s.sight.p50_ms), row.of(c, |s| s.sight.p99_ms));
        let _ = writeln!(
            out,
            "| {} | {} | {:.0} | {:.0} | {:.2} | {} | {} | {} | {:.3} | {:.3} | {:.2} | {} |",
            row.workload.name,
            row.pipeline,
            rate(0),
            rate(peer),
            row.ratio(peer, |s| s.sight.per_second),
            bar("≥", target.throughput),
            latency(0),
            latency(peer),
            row.of(0, |s| s.cpu_us),
            row.of(peer, |s| s.cpu_us),
            row.ratio(peer, |s| s.cpu_us),
            bar("≤", target.cpu),
        );
    }
    out
}

/// The memory table, all contenders side by side.
pub fn memory_table(rows: &[MemoryRow], names: &[String]) -> String {
    let mut out = format!(
        "| data | per | {} | target |\n|---|---|{}---|\n",
        names.join(" | "),
        "---|".repeat(names.len())
    );
    for row in rows {
        let bytes: Vec<String> = row.bytes.iter().map(|bytes| format!("{bytes:.1}")).collect();
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} |",
            row.name,
            row.unit,
            bytes.join(" | "),
            bar("≤", row.target)
        );
    }
    for row in rows {
        for (name, worst) in names.iter().zip(&row.worst_set) {
            if let Some(worst) = worst {
                let _ = writeln!(out, "\n{name}, SET while loading {}, µs: {worst}", row.name);
            }
        }
    }
    out
}

fn bar(sign: &str, target: Option<f64>) -> String {
    target.map_or(String::new(), |target| format!("{sign} {target:.2}"))
}

/// Everything measured, every round of it.
pub fn json(
    rows: &[Row],
    memory: &[MemoryRow],
    names: &[String],
    settings: &BTreeMap<&str, String>,
) -> String {
    let settings = list(settings.iter().map(|(name, value)| format!("{}: {}", text(name), text(value))));
    let speed = list(rows.iter().map(|row| {
        let target = row.workload.target(row.pipeline);
        let servers = list(names.iter().zip(&row.samples).map(|(name, samples)| {
            let series =
                |figure: fn(&Sample) -> f64| list(samples.iter().map(|s| format!("{:.4}", figure(s))));
            format!(
                "{}: {{\"per_second\": [{}], \"p50_ms\": [{}], \"p99_ms\": [{}], \"cpu_us\": [{}]}}",
                text(name),
                series(|s| s.sight.per_second),
                series(|s| s.sight.p50_ms),
                series(|s| s.sight.p99_ms),
                series(|s| s.cpu_us),
            )
        }));
        let ratios = list(names.iter().enumerate().skip(1).map(|(peer, name)| {
            format!(
                "{}: {{\"throughput\": {:.4}, \"cpu\": {:.4}}}",
                text(name),
                row.ratio(peer, |s| s.sight.per_second),
                row.ratio(peer, |s| s.cpu_us)
            )
        }));
        format!(
            "\n{{\"test\": {}, \"pipeline\": {}, \"target\": {{\"throughput\": {}, \"cpu\": {}}}, \
             \"ratios\": {{{ratios}}}, \"servers\": {{{servers}}}}}",
            text(&row.workload.name),
            row.pipeline,
            number(target.throughput),
            number(target.cpu),
        )
    }));
    let memory = list(memory.iter().map(|row| {
        let bytes =
            list(names.iter().zip(&row.bytes).map(|(name, bytes)| format!("{}: {bytes:.2}", text(name))));
        format!(
            "\n{{\"data\": {}, \"per\": {}, \"target\": {}, \"bytes\": {{{bytes}}}}}",
            text(row.name),
            text(row.unit),
            number(row.target)
        )
    }));
    format!("{{\"settings\": {{{settings}}},\n\"speed\": [{speed}],\n\"memory\": [{memory}]}}\n")
}

fn list(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

fn number(value: Option<f64>) -> String {
    value.map_or("null".to_string(), |value| value.to_string())
}

fn text(value: &str) -> String {
    let mut out = String::from('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c < ' ' => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
