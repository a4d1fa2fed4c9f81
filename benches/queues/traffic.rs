//! How fast messages go through, and what that costs the server.

use crate::broker::{Broker, Kind, Link, Log, Running};
use crate::report::{Row, Target};
use std::error::Error;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

/// 64 bytes.
const BODY: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
/// Calls of a kind that are sent at once.
const PIPELINE: usize = 16;
/// Connections that each push, pop and acknowledge in turn.
const CYCLING: usize = 4;
/// Connections that push, and as many that pop and acknowledge.
const SIDE: usize = 64;
/// The part of a measurement that only warms up.
const WARM_UP: u32 = 4;

/// Push, pop and acknowledge, 16 at once, without a log and with one that is synced each second.
pub fn cycles(broker: &Broker, span: Duration) -> Result<Vec<(Row, f64)>, Box<dyn Error>> {
    if broker.kind == Kind::Rabbit {
        return Ok(Vec::new());
    }
    let cycle = |link: &mut dyn Link| {
        link.push(BODY, PIPELINE)?;
        let receipts = link.pop(PIPELINE)?;
        link.ack(&receipts)?;
        Ok(receipts.len() as u64)
    };
    let mut figures = Vec::new();
    for (log, cpu, rate) in [
        (
            Log::Off,
            Row::new("push + pop + ack, pipeline 16, no log: CPU", "µs", Target::most(0.6)),
            Row::new("push + pop + ack, pipeline 16, no log", "1/s", Target::NONE),
        ),
        (
            Log::EverySecond,
            Row::new("push + pop + ack, pipeline 16, log everysec: CPU", "µs", Target::NONE),
            Row::new("push + pop + ack, pipeline 16, log everysec", "1/s", Target::least(1.5)),
        ),
    ] {
        let running = broker.start(log)?;
        let links = (0..CYCLING).map(|n| running.link(n, false)).collect::<io::Result<Vec<_>>>()?;
        let flow = Flow::measure(&running, links, span, &cycle)?;
        figures.extend([(cpu, flow.cpu_us), (rate, flow.per_second)]);
    }
    Ok(figures)
}

/// 64 producers that wait for their confirmations, and 64 consumers; with 16 messages at once, and with one.
pub fn producers(broker: &Broker, span: Duration) -> Result<Vec<(Row, f64)>, Box<dyn Error>> {
    let mut figures = Vec::new();
    for (log, name) in [(Log::Always, "always"), (Log::EverySecond, "everysec")] {
        for count in [PIPELINE, 1] {
            let target = match (log, count) {
                (Log::Always, PIPELINE) => Target::least(1.5).beside_rabbit(5.0),
                _ => Target::NONE,
            };
            let name = format!("64 producers, 64 consumers, pipeline {count}, fsync {name}");
            let flow = between(&broker.start(log)?, span, count)?;
            figures.push((Row::new(name.clone(), "1/s", target), flow.per_second));
            figures.push((Row::new(format!("{name}: CPU"), "µs", Target::NONE), flow.cpu_us));
        }
    }
    Ok(figures)
}

/// What goes from producers to consumers, `count` messages at once.
fn between(running: &Running, span: Duration, count: usize) -> io::Result<Flow> {
    let producers = (0..SIDE).map(|n| running.link(n, false)).collect::<io::Result<Vec<_>>>()?;
    let consumers = (0..SIDE).map(|n| running.link(n, true)).collect::<io::Result<Vec<_>>>()?;
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for mut producer in producers {
            let stop = &stop;
            // A server that is gone is told of by the consumers.
            scope.spawn(move || while !stop.load(Relaxed) && producer.push(BODY, count).is_ok() {});
        }
        let take = |link: &mut dyn Link| link.take(count).map(|taken| taken as u64);
        let flow = Flow::measure(running, consumers, span, &take);
        stop.store(true, Relaxed);
        flow
    })
}

/// What went through.
struct Flow {
    per_second: f64,
    /// Server CPU per message.
    cpu_us: f64,
}

impl Flow {
    /// Lets every connection work for `span`; `work` tells how many messages it finished.
    fn measure(
        running: &Running,
        links: Vec<Box<dyn Link>>,
        span: Duration,
        work: &(dyn Fn(&mut dyn Link) -> io::Result<u64> + Sync),
    ) -> io::Result<Flow> {
        let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
        thread::scope(|scope| {
            let workers: Vec<_> = links
                .into_iter()
                .map(|mut link| {
                    let (stop, done) = (&stop, &done);
                    scope.spawn(move || -> io::Result<()> {
                        while !stop.load(Relaxed) {
                            done.fetch_add(work(&mut *link)?, Relaxed);
                        }
                        Ok(())
                    })
                })
                .collect();
            thread::sleep(span / WARM_UP);
            let (cpu, count, begun) = (running.cpu()?, done.load(Relaxed), Instant::now());
            thread::sleep(span);
            let (took, cpu) = (begun.elapsed(), running.cpu()?.saturating_sub(cpu));
            let count = (done.load(Relaxed) - count) as f64;
            stop.store(true, Relaxed);
            for worker in workers {
                worker.join().map_err(|_| io::Error::other("a connection's thread panicked"))??;
            }
            Ok(Flow { per_second: count / took.as_secs_f64(), cpu_us: cpu.as_secs_f64() * 1e6 / count })
        })
    }
}
