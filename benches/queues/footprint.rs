//! What messages take in memory: resident bytes over the empty server.

use crate::broker::{Broker, Kind, Log, QUEUE, Running};
use crate::report::{Row, Target};
use crate::request::encode;
use std::error::Error;

const FLYING: usize = 100_000;
const FLYING_LEN: usize = 10_240;
const QUEUED: usize = 1_000_000;
const QUEUED_LEN: usize = 64;
/// Messages popped by a call.
const COUNT: usize = 1000;

/// Resident bytes that `count` messages of `len` bytes add, popped or not.
fn measure(
    broker: &Broker,
    count: usize,
    len: usize,
    is_popped: bool,
) -> Result<Option<f64>, Box<dyn Error>> {
    let running = broker.start(Log::Off)?;
    let Running::Redis(server, kind) = &running else { return Ok(None) };
    let mut client = server.client()?;
    let empty = server.settled_rss()?;
    let body = "x".repeat(len);
    let push: &[&str] = match kind {
        Kind::Streams => &["XADD", QUEUE, "*", "b", &body],
        _ => &["QPUSH", QUEUE, &body],
    };
    client.load(count, |_, out| encode(out, push))?;
    if is_popped {
        let count_text = COUNT.to_string();
        let pop: &[&str] = match kind {
            Kind::Streams => {
                &["XREADGROUP", "GROUP", "group", "consumer", "COUNT", &count_text, "STREAMS", QUEUE, ">"]
            }
            _ => &["QPOP", QUEUE, "COUNT", &count_text, "LEASE", "3600000"],
        };
        for _ in 0..count / COUNT {
            client.call(pop)?;
        }
    }
    Ok(Some(server.settled_rss()?.saturating_sub(empty) as f64))
}

/// Many long messages, all in flight.
pub fn in_flight(broker: &Broker) -> Result<Vec<(Row, f64)>, Box<dyn Error>> {
    let name = "memory of 10^5 messages of 10 KB in flight, over their bodies";
    let bytes = measure(broker, FLYING, FLYING_LEN, true)?;
    let figure = bytes.map(|bytes| bytes / (FLYING * FLYING_LEN) as f64);
    Ok(figure.map(|figure| (Row::new(name, "×", Target::own(1.05)), figure)).into_iter().collect())
}

/// Many short messages.
pub fn queued(broker: &Broker) -> Result<Vec<(Row, f64)>, Box<dyn Error>> {
    let bytes = measure(broker, QUEUED, QUEUED_LEN, false)?;
    let figure = bytes.map(|bytes| bytes / QUEUED as f64);
    let row = Row::new("memory of a queued message of 64 bytes, 10^6 of them", "bytes", Target::most(1.3));
    Ok(figure.map(|figure| (row, figure)).into_iter().collect())
}
