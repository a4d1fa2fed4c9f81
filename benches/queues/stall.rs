//! What others feel when much happens in a queue: the latencies of GET on another key.

use crate::broker::{Broker, Kind, Log, QUEUE, Running};
use crate::client::Client;
use crate::median::percentile;
use crate::report::{Row, Target};
use crate::request::encode;
use crate::server::Server;
use std::error::Error;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const DELAYED: usize = 1_000_000;
/// Messages that are popped and given back over and over.
const STORMING: usize = 100_000;
const STORMERS: usize = 4;
/// Messages that are popped and given back by a call.
const RUN: usize = 100;
/// Between two requests of the one who measures.
const PAUSE: Duration = Duration::from_micros(200);
/// How long it listens where nothing ends by itself.
const SPAN: Duration = Duration::from_secs(2);
/// Between two looks at the server's CPU.
const LOOK: Duration = Duration::from_millis(50);

/// The p99 during the storms over that at rest.
pub fn measure(broker: &Broker) -> Result<Vec<(Row, f64)>, Box<dyn Error>> {
    if broker.kind != Kind::Queues {
        return Ok(Vec::new());
    }
    let running = broker.start(Log::Off)?;
    let Running::Redis(server, _) = &running else { return Ok(Vec::new()) };
    let mut probe = Probe::new(server)?;
    let rest = probe.listen(|begun| Ok(begun.elapsed() < SPAN))?;
    let due = due_at_once(server, &mut probe)?;
    let others = storm(server, &mut probe, pings)?;
    let nacks = storm(server, &mut probe, nacks)?;
    Ok(vec![
        (Row::new("GET of another key at rest: p99", "µs", Target::NONE), rest),
        (Row::new("… while 10^6 messages become due: p99", "µs", Target::NONE), due),
        (Row::new("… the same over that at rest", "×", Target::own(2.0)), due / rest),
        (Row::new("GET of another key beside a storm of ECHOs: p99", "µs", Target::NONE), others),
        (Row::new("… beside a nack storm: p99", "µs", Target::NONE), nacks),
        (Row::new("… the same over that beside ECHOs", "×", Target::own(2.0)), nacks / others),
    ])
}

/// One who asks for a key now and then.
struct Probe<'a> {
    server: &'a Server,
    client: Client,
}

impl<'a> Probe<'a> {
    fn new(server: &'a Server) -> io::Result<Self> {
        let mut client = server.client()?;
        client.call(&["SET", "other", "value"])?;
        Ok(Self { server, client })
    }

    /// The p99 in µs while `goes_on`, which is told when it began.
    fn listen(&mut self, mut goes_on: impl FnMut(Instant) -> io::Result<bool>) -> io::Result<f64> {
        let (begun, mut latencies) = (Instant::now(), Vec::new());
        while goes_on(begun)? {
            let sent = Instant::now();
            self.client.call(&["GET", "other"])?;
            latencies.push(sent.elapsed().as_secs_f64() * 1e6);
            thread::sleep(PAUSE);
        }
        Ok(percentile(latencies, 0.99))
    }
}

/// Messages that all become due in the same millisecond, as long as the server works on them.
fn due_at_once(server: &Server, probe: &mut Probe<'_>) -> Result<f64, Box<dyn Error>> {
    const AHEAD: Duration = Duration::from_secs(15);
    let at = SystemTime::now().duration_since(UNIX_EPOCH)? + AHEAD;
    let at_ms = at.as_millis().to_string();
    server.client()?.load(DELAYED, |_, out| encode(out, &["QPUSH", QUEUE, "body", "AT", &at_ms]))?;
    thread::sleep(at.saturating_sub(SystemTime::now().duration_since(UNIX_EPOCH)?));
    let (mut looked, mut cpu) = (Instant::now(), probe.server.cpu()?);
    Ok(probe.listen(|begun| {
        if looked.elapsed() < LOOK {
            return Ok(true);
        }
        let (took, now) = (looked.elapsed(), server.cpu()?);
        let is_busy = now.saturating_sub(cpu) > took / 2;
        (looked, cpu) = (Instant::now(), now);
        Ok(is_busy || begun.elapsed() < 2 * LOOK)
    })?)
}

/// Several who call without a pause.
fn storm(
    server: &Server,
    probe: &mut Probe<'_>,
    work: impl Fn(&mut Client) -> io::Result<()> + Sync,
) -> io::Result<f64> {
    server.client()?.call(&["QDEL", QUEUE, "ALL"])?;
    server.client()?.load(STORMING, |_, out| encode(out, &["QPUSH", QUEUE, "body", "ATTEMPTS", "0"]))?;
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..STORMERS {
            let (stop, work, client) = (&stop, &work, server.client());
            // What fails here fails the one who listens, too.
            scope.spawn(move || {
                let Ok(mut client) = client else { return };
                while !stop.load(Relaxed) && work(&mut client).is_ok() {}
            });
        }
        let p99 = probe.listen(|begun| Ok(begun.elapsed() < SPAN));
        stop.store(true, Relaxed);
        p99
    })
}

/// Pops messages and gives them back at once.
fn nacks(client: &mut Client) -> io::Result<()> {
    let mut run = Vec::new();
    encode(&mut run, &["QPOP", QUEUE, "COUNT", &RUN.to_string(), "LEASE", "60000"]);
    let popped = client.run(&run, 1)?.swap_remove(0);
    let receipts: Vec<&str> = popped.iter().step_by(2).map(String::as_str).collect();
    if receipts.is_empty() {
        return Ok(());
    }
    run.clear();
    encode(&mut run, &[&["QNACK", QUEUE], &receipts[..], &["DELAY", "0"]].concat());
    client.run(&run, 1).map(drop)
}

/// As many small calls as it takes to keep the server as busy.
fn pings(client: &mut Client) -> io::Result<()> {
    let mut run = Vec::new();
    (0..RUN).for_each(|_| encode(&mut run, &["ECHO", "message"]));
    client.run(&run, RUN).map(drop)
}
