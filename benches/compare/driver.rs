//! The load generator (`valkey-benchmark` or `redis-benchmark`), and the listeners that `PUBLISH` needs.

use crate::client::Client;
use crate::memory::DATA;
use crate::request::encode;
use crate::workload::{RANDOM_RANGE, SUBSCRIBERS};
use std::io::{self, Read};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

/// What the load generator saw. Latencies are those of a whole pipeline of requests.
#[derive(Clone, Copy, Debug)]
pub struct Sight {
    /// Requests per second.
    pub per_second: f64,
    /// Median latency in milliseconds.
    pub p50_ms: f64,
    /// 99th percentile in milliseconds.
    pub p99_ms: f64,
}

/// The load generator's program and how many connections it opens.
pub struct Driver {
    program: String,
    clients: usize,
}

impl Driver {
    /// Uses `program`, or the first load generator on the PATH.
    pub fn find(program: Option<String>, clients: usize) -> Result<Self, String> {
        let candidates = match program {
            Some(program) => vec![program],
            None => vec!["valkey-benchmark".to_string(), "redis-benchmark".to_string()],
        };
        let runs = |program: &String| {
            Command::new(program)
                .arg("--version")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok()
        };
        match candidates.iter().find(|program| runs(program)) {
            Some(program) => Ok(Self { program: program.clone(), clients }),
            None => Err(format!("no load generator found, tried {}; see --driver", candidates.join(", "))),
        }
    }

    /// Sends `command` `requests` times, `pipeline` at once on each connection.
    pub fn run(&self, port: u16, command: &[String], pipeline: usize, requests: usize) -> io::Result<Sight> {
        let output = Command::new(&self.program)
            .args(["-h", "127.0.0.1", "-p", &port.to_string(), "--csv", "-r", &RANDOM_RANGE.to_string()])
            .args(["-c", &self.clients.to_string(), "-P", &pipeline.to_string(), "-n", &requests.to_string()])
            .args(command)
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        // "command","rps","avg","min","p50","p95","p99","max"; the command may hold anything.
        let numbers: Option<Vec<f64>> = text.lines().last().and_then(|line| {
            line.rsplitn(8, ',').take(7).map(|cell| cell.trim_matches('"').parse().ok()).collect()
        });
        match numbers.as_deref() {
            Some(&[_max, p99_ms, _p95, p50_ms, _min, _avg, per_second]) if output.status.success() => {
                Ok(Sight { per_second, p50_ms, p99_ms })
            }
            _ => {
                let complaint = String::from_utf8_lossy(&output.stderr);
                Err(io::Error::other(format!("{}: {text}{complaint}", command.join(" "))))
            }
        }
    }
}

/// Connections subscribed to `news`, read by threads that count the bytes.
pub struct Subscribers {
    received: Arc<AtomicU64>,
}

impl Subscribers {
    /// Connects and subscribes them all. They end with the server's connections.
    pub fn listen(port: u16) -> io::Result<Self> {
        let received = Arc::new(AtomicU64::new(0));
        for _ in 0..SUBSCRIBERS {
            let mut client = Client::connect(port)?;
            client.call(&["SUBSCRIBE", "news"])?;
            let mut stream = client.into_stream();
            stream.set_read_timeout(None)?;
            let received = received.clone();
            thread::Builder::new().stack_size(256 * 1024).spawn(move || {
                let mut buffer = [0; 64 * 1024];
                while let Ok(n @ 1..) = stream.read(&mut buffer) {
                    received.fetch_add(n as u64, Relaxed);
                }
            })?;
        }
        Ok(Self { received })
    }

    /// Waits until `messages` more than at `before` have reached every subscriber.
    pub fn wait(&self, before: u64, messages: usize) -> io::Result<()> {
        let mut frame = Vec::new();
        encode(&mut frame, &["message", "news", DATA]);
        let due = before + (messages * SUBSCRIBERS * frame.len()) as u64;
        let started = Instant::now();
        while self.received() < due {
            if started.elapsed() > Duration::from_secs(60) {
                return Err(io::Error::other("messages were lost on their way to the subscribers"));
            }
            sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Bytes received so far.
    pub fn received(&self) -> u64 {
        self.received.load(Relaxed)
    }
}
