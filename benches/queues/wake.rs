//! From a push to the consumer that waited for it.

use crate::broker::{Broker, Kind, Log, QUEUE, Running};
use crate::median::percentile;
use crate::report::{Row, Target};
use crate::request::encode;
use std::error::Error;
use std::io;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// Consumers that wait.
const WAITING: usize = 1000;
/// What their threads have for a stack, in bytes.
const STACK: usize = 128 * 1024;
/// Between two pushes.
const PAUSE: Duration = Duration::from_micros(500);

/// The p50 and the p99, of QPOP and, in Valkey, of BLPOP.
pub fn measure(broker: &Broker, span: Duration) -> Result<Vec<(Row, f64)>, Box<dyn Error>> {
    let running = broker.start(Log::Off)?;
    let Running::Redis(server, kind) = &running else { return Ok(Vec::new()) };
    let (pop, push): (&[&str], &str) = match kind {
        Kind::Streams => (&["BLPOP", "list", "0"], "LPUSH"),
        _ => (&["QPOP", QUEUE, "BLOCK", "0"], "QPUSH"),
    };
    let key = pop[1];
    let mut clients = (0..WAITING).map(|_| server.client()).collect::<io::Result<Vec<_>>>()?;
    let mut producer = server.client()?;
    let (origin, latencies) = (Instant::now(), Mutex::new(Vec::new()));
    let micros = || origin.elapsed().as_micros() as f64;
    thread::scope(|scope| -> io::Result<()> {
        for mut client in clients.drain(..) {
            let (latencies, micros) = (&latencies, &micros);
            thread::Builder::new().stack_size(STACK).spawn_scoped(scope, move || {
                let mut run = Vec::new();
                encode(&mut run, pop);
                // Ends when it is told to, or with the server.
                while let Ok(mut replies) = client.run(&run, 1) {
                    let woken = micros();
                    let Some([receipt, body]) = replies.pop().and_then(|r| <[String; 2]>::try_from(r).ok())
                    else {
                        return;
                    };
                    let Ok(pushed) = body.parse::<f64>() else { return };
                    if let Ok(mut latencies) = latencies.lock() {
                        latencies.push(woken - pushed);
                    }
                    if pop[0] == "QPOP" && client.call(&["QACK", QUEUE, &receipt]).is_err() {
                        return;
                    }
                }
            })?;
        }
        // All have to wait before it begins.
        let blocked = format!("blocked_clients:{WAITING}\r");
        while !String::from_utf8_lossy(&producer.call(&["INFO", "clients"])?).contains(&blocked) {
            thread::sleep(Duration::from_millis(10));
        }
        while origin.elapsed() < span + Duration::from_secs(1) {
            producer.call(&[push, key, &micros().to_string()])?;
            thread::sleep(PAUSE);
        }
        for _ in 0..WAITING {
            producer.call(&[push, key, "stop"])?;
        }
        Ok(())
    })?;
    let latencies = latencies.into_inner()?;
    let name = |share| format!("push to blocked pop, 1,000 consumers (Valkey: BLPOP): {share}");
    Ok(vec![
        (Row::new(name("p50"), "µs", Target::NONE), percentile(latencies.iter().copied(), 0.5)),
        (Row::new(name("p99"), "µs", Target::most(1.0)), percentile(latencies, 0.99)),
    ])
}
