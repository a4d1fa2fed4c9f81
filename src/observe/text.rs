//! The page of a scrape: counters and gauges through a recorder of the moment, so that what is gone
//! leaves no trace; histograms from the counts that the threads keep, which no recorder takes.

use super::family::{ALL, Family, Kind};
use super::{collect, queues};
use crate::engine::Engine;
use crate::metrics::Histogram;
use metrics::{Key, KeyName, Label, Level, Metadata, Recorder, SharedString};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use std::fmt::Write;

/// Bytes of a label's value at most.
const VALUE_MAX: usize = 128;

/// One page being written.
pub(super) struct Page {
    recorder: PrometheusRecorder,
    own: String,
}

static ABOUT: Metadata<'static> = Metadata::new("synap", Level::INFO, None);

impl Page {
    fn new() -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        for family in ALL {
            let (name, help) = (KeyName::from_const_str(family.name), SharedString::const_str(family.help));
            match family.kind {
                Kind::Counter => recorder.describe_counter(name, None, help),
                Kind::Gauge => recorder.describe_gauge(name, None, help),
                Kind::Histogram => {}
            }
        }
        Self { recorder, own: String::new() }
    }

    /// Writes a counter or a gauge down; `values` are those of its labels.
    pub(super) fn set(&self, family: &Family, values: &[&str], n: f64) {
        debug_assert_eq!(family.labels.len(), values.len(), "{}", family.name);
        let labels = family.labels.iter().zip(values).map(|(name, value)| Label::new(*name, shorten(value)));
        let key = Key::from_parts(family.name, labels.collect::<Vec<_>>());
        match family.kind {
            Kind::Counter => self.recorder.register_counter(&key, &ABOUT).absolute(n as u64),
            Kind::Gauge => self.recorder.register_gauge(&key, &ABOUT).set(n),
            Kind::Histogram => debug_assert!(false, "{} is written otherwise", family.name),
        }
    }

    /// Writes a counter down that is no whole number; `values` are those of its labels, plain words.
    pub(super) fn exact(&mut self, family: &Family, values: &[&str], n: f64) {
        debug_assert_eq!(family.labels.len(), values.len(), "{}", family.name);
        head(&mut self.own, family);
        let labels = family.labels.iter().zip(values).map(|(name, value)| format!("{name}=\"{value}\""));
        let labels = labels.collect::<Vec<_>>().join(",");
        let _ = writeln!(self.own, "{}{{{labels}}} {n}", family.name);
    }

    /// Writes many values of a metric down: `write` hands on the labels and the value of each line of an item.
    pub(super) fn lines<T>(
        &mut self,
        family: &Family,
        items: impl Iterator<Item = T>,
        write: impl Fn(T, &mut dyn FnMut(std::fmt::Arguments<'_>, f64)),
    ) {
        for (at, item) in items.enumerate() {
            if at == 0 {
                head(&mut self.own, family);
            }
            write(item, &mut |labels, n| {
                let _ = writeln!(self.own, "{}{{{labels}}} {n}", family.name);
            });
        }
    }

    /// Writes a histogram down: `counts` per bucket of [`Histogram`], `ns` in all; `value` is that of its label, if it
    /// has one.
    pub(super) fn histogram(&mut self, family: &Family, value: &str, counts: &[u64], ns: u64) {
        let out = &mut self.own;
        head(out, family);
        let label = family.labels.first().map_or(String::new(), |label| format!("{label}=\"{value}\""));
        let (comma, labels) =
            if label.is_empty() { ("", String::new()) } else { (",", format!("{{{label}}}")) };
        let (mut below, mut buckets) = (0, counts.iter().enumerate().peekable());
        for doubling in DOUBLINGS {
            let bound_ns = 1_u64 << doubling;
            while let Some((_, n)) = buckets.next_if(|(at, _)| Histogram::upper_ns(*at) < bound_ns) {
                below += n;
            }
            let bound = bound_ns as f64 / 1e9;
            let _ = writeln!(out, "{}_bucket{{{label}{comma}le=\"{bound}\"}} {below}", family.name);
        }
        let counted = below + buckets.map(|(_, n)| n).sum::<u64>();
        let _ = writeln!(out, "{}_bucket{{{label}{comma}le=\"+Inf\"}} {counted}", family.name);
        let _ = writeln!(out, "{}_sum{labels} {}", family.name, ns as f64 / 1e9);
        let _ = writeln!(out, "{}_count{labels} {counted}", family.name);
    }
}

/// Writes what stands above a metric's values, once. A `String` takes every write.
fn head(out: &mut String, family: &Family) {
    let line = format!("# TYPE {} {}\n", family.name, family.kind.name());
    if !out.contains(&line) {
        let _ = write!(out, "# HELP {} {}\n{line}", family.name, family.help);
    }
}

/// The bounds of histograms: nanoseconds as powers of two, from a microsecond to 17 seconds.
const DOUBLINGS: std::ops::RangeInclusive<u32> = 10..=34;

/// A label's value, not longer than it may be.
pub(super) fn shorten(value: &str) -> String {
    match value.char_indices().map(|(at, c)| at + c.len_utf8()).find(|end| *end > VALUE_MAX) {
        None => value.to_owned(),
        Some(_) => {
            let end = (0..=VALUE_MAX).rev().find(|end| value.is_char_boundary(*end)).unwrap_or(0);
            format!("{}…", &value[..end])
        }
    }
}

/// What `GET /metrics` answers now; `commands` are their names by number.
pub fn page(engine: &Engine, commands: &[&'static str]) -> String {
    let mut page = Page::new();
    collect::server(engine, &mut page);
    collect::clients(engine, &page);
    collect::data(engine, &mut page);
    collect::log(engine, &mut page);
    collect::snapshots(engine, &page);
    collect::commands(engine, commands, &mut page);
    queues::all(engine, &mut page);
    let mut text = page.recorder.handle().render();
    text.push_str(&page.own);
    text
}
