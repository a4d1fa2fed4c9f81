//! LATENCY: how long commands take, and the moments in which something took too long.

use super::super::FAMILIES;
use super::sparkline::sparkline;
use crate::base::clock;
use crate::command::flag::*;
use crate::command::{Command, Error, Group, Outer, Reply, Result, Run, registry};
use crate::commands::help::help;
use crate::config;
use crate::engine::Series;
use crate::metrics::Histogram;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[LATENCY];

const LATENCY: Command = Command::new("LATENCY", "latency", Group::Server, Run::Container(SUBCOMMANDS))
    .arity(-2)
    .doc("2.8.13", "Depends on the subcommand.", "Holds the commands about latency.");

const SUBCOMMANDS: &[Command] = &[DOCTOR, GRAPH, HELP, HISTOGRAM, HISTORY, LATEST, RESET];

const FLAGS: u32 = ADMIN | NO_SCRIPT | LOADING | STALE;
const TIPS: &[&str] = &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"];

const HELP: Command = Command::new("HELP", "latency|help", Group::Server, Run::Outer(help))
    .flags(LOADING | STALE)
    .doc("2.8.13", "O(1)", "Lists the subcommands.");

const HISTOGRAM: Command =
    Command::new("HISTOGRAM", "latency|histogram", Group::Server, Run::Outer(histogram))
        .syntax("[command [command:string ...]]")
        .flags(FLAGS)
        .tips(TIPS)
        .doc(
            "7.0.0",
            "O(N) for N commands with latency information.",
            "Tells how many calls of commands took how long.",
        );

fn histogram(cx: &mut Outer<'_>) -> Result {
    let registry = registry(FAMILIES);
    let asked = cx.args.rest();
    let mut numbers: Vec<usize> = Vec::new();
    if asked.is_empty() {
        numbers.extend(0..registry.all().len());
    }
    for name in asked {
        let mut words = name.splitn(2, |b| *b == b'|');
        let Some(top) = words.next().and_then(|word| registry.find(word)) else { continue };
        match words.next() {
            Some(word) => numbers.extend(registry.find_sub(top, word).map(|entry| entry.number)),
            None => {
                let subcommands = top.command.subcommands().iter();
                let subcommands = subcommands.filter_map(|sub| registry.find_sub(top, sub.name.as_bytes()));
                numbers.push(top.number);
                numbers.extend(subcommands.map(|entry| entry.number));
            }
        }
    }
    let calls = |number: usize| (number, cx.engine.metrics.command(number).latency);
    let mut called: Vec<(usize, Vec<u64>)> = numbers.into_iter().map(calls).collect();
    called.retain(|(_, buckets)| buckets.iter().any(|count| *count > 0));
    cx.reply.map(called.len());
    for (number, buckets) in called {
        cx.reply.bulk(registry.all()[number].full_name.as_bytes());
        cx.reply.map(2);
        cx.reply.bulk(b"calls");
        cx.reply.int(buckets.iter().sum::<u64>() as i64);
        cx.reply.bulk(b"histogram_usec");
        let steps = Histogram::doublings(&buckets);
        cx.reply.map(steps.len());
        for (us, count) in steps {
            cx.reply.int(us as i64);
            cx.reply.int(count as i64);
        }
    }
    Ok(())
}

const LATEST: Command = Command::new("LATEST", "latency|latest", Group::Server, Run::Outer(latest))
    .syntax("")
    .flags(FLAGS)
    .tips(TIPS)
    .doc("2.8.13", "O(1)", "Tells the latest long moment of each event.");

fn latest(cx: &mut Outer<'_>) -> Result {
    let events = cx.engine.latency.all();
    cx.reply.array(events.len());
    for (event, series) in events {
        let last = series.samples.back();
        cx.reply.array(4);
        cx.reply.bulk(event.as_bytes());
        cx.reply.int(last.map_or(0, |sample| sample.at_s));
        cx.reply.int(last.map_or(0, |sample| sample.ms as i64));
        cx.reply.int(series.ms_max as i64);
    }
    Ok(())
}

const HISTORY: Command = Command::new("HISTORY", "latency|history", Group::Server, Run::Outer(history))
    .syntax("event")
    .flags(FLAGS)
    .tips(TIPS)
    .doc("2.8.13", "O(1)", "Tells the latest long moments of an event.");

fn history(cx: &mut Outer<'_>) -> Result {
    let series = cx.engine.latency.get(cx.args.bytes()?).unwrap_or_default();
    cx.reply.array(series.samples.len());
    for sample in series.samples {
        cx.reply.array(2);
        cx.reply.int(sample.at_s);
        cx.reply.int(sample.ms as i64);
    }
    Ok(())
}

const RESET: Command = Command::new("RESET", "latency|reset", Group::Server, Run::Outer(reset))
    .syntax("[event [event ...]]")
    .flags(FLAGS)
    .tips(&["request_policy:all_nodes", "response_policy:agg_sum"])
    .doc("2.8.13", "O(1)", "Forgets the long moments of all events, or of some.");

fn reset(cx: &mut Outer<'_>) -> Result {
    let count = match cx.args.rest() {
        [] => cx.engine.latency.reset_all(),
        events => events.iter().filter(|event| cx.engine.latency.reset(event)).count(),
    };
    cx.reply.len_of(count);
    Ok(())
}

const GRAPH: Command = Command::new("GRAPH", "latency|graph", Group::Server, Run::Outer(graph))
    .syntax("event")
    .flags(FLAGS)
    .tips(TIPS)
    .doc("2.8.13", "O(1)", "Draws the long moments of an event.");

fn graph(cx: &mut Outer<'_>) -> Result {
    let event = cx.args.bytes()?;
    let name = String::from_utf8_lossy(event);
    let series = cx
        .engine
        .latency
        .get(event)
        .ok_or_else(|| Error::parts(&[b"ERR No samples available for event '", event, b"'"]))?;
    let ms = || series.samples.iter().map(|sample| sample.ms);
    let (high, low) = (ms().max().unwrap_or(0), ms().min().unwrap_or(0));
    let now_s = clock::system_ms() / 1000;
    let points: Vec<(u64, String)> =
        series.samples.iter().map(|sample| (sample.ms, ago(now_s - sample.at_s))).collect();
    let text = format!(
        "{name} - high {high} ms, low {low} ms (all time high {} ms)\n{}",
        series.ms_max,
        sparkline(&points)
    );
    cx.reply.verbatim(*b"txt", text.as_bytes());
    Ok(())
}

/// Seconds as people say how long ago something was: `5s`, `3m`, `2h`, `1d`.
fn ago(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

const DOCTOR: Command = Command::new("DOCTOR", "latency|doctor", Group::Server, Run::Outer(doctor))
    .syntax("")
    .flags(FLAGS)
    .tips(TIPS)
    .doc("2.8.13", "O(1)", "Says what may be done about long moments.");

fn doctor(cx: &mut Outer<'_>) -> Result {
    let events = cx.engine.latency.all();
    let off = cx.engine.settings.int(config::LATENCY_MONITOR_THRESHOLD) == 0;
    let mut text = String::new();
    if events.is_empty() {
        text.push_str(match off {
            true => {
                "Long moments are not noted: CONFIG SET latency-monitor-threshold <milliseconds> begins it.\n"
            }
            false => "No long moment was noted so far.\n",
        });
    }
    for (event, series) in &events {
        text.push_str(&summary(event, series));
        text.push_str(advice(event));
    }
    verbatim(cx.reply, &text);
    Ok(())
}

fn verbatim(reply: &mut Reply, text: &str) {
    reply.verbatim(*b"txt", text.as_bytes());
}

fn summary(event: &str, series: &Series) -> String {
    let count = series.samples.len().max(1) as u64;
    let mean = series.samples.iter().map(|sample| sample.ms).sum::<u64>() / count;
    let deviation = series.samples.iter().map(|sample| sample.ms.abs_diff(mean)).sum::<u64>() / count;
    let first_s = series.samples.front().map_or(0, |sample| sample.at_s);
    let period_s = series.samples.back().map_or(0, |sample| sample.at_s - first_s) as f64 / count as f64;
    format!(
        "{event}: {count} long moments (mean {mean} ms, mean deviation {deviation} ms, one in {period_s:.2} s), the \
         longest {} ms.\n",
        series.ms_max
    )
}

/// What helps against an event.
fn advice(event: &str) -> &'static str {
    match event {
        "command" | "fast-command" => {
            "  SLOWLOG GET tells which calls these were: look at what they cost (COMMAND DOCS), and split large values.\n"
        }
        "expire-cycle" => {
            "  Many keys are due at once: spread their expiry, or lower active-expire-effort.\n"
        }
        _ => "",
    }
}
