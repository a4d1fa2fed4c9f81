//! A worker with the `redis` crate: leases, heartbeats, retries, and a graceful stop.
//!
//! usage: queue-worker HOST PORT QUEUE
//!
//! A job is the text `work MS` (it takes so many milliseconds) or `fail`. Put your own into `run`.

use redis::aio::MultiplexedConnection;
use redis::{RedisResult, cmd};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

const LEASE_MS: u64 = 3000;

async fn run(job: &str) -> Result<(), String> {
    let ms = job.strip_prefix("work ").and_then(|ms| ms.parse().ok());
    let ms = ms.ok_or_else(|| format!("do not know how to {job}"))?;
    tokio::time::sleep(Duration::from_millis(ms)).await;
    Ok(())
}

/// Gives signs of life every third of the lease; ends when somebody else has the message by now.
async fn beat(mut connection: MultiplexedConnection, queue: &str, receipt: &str) {
    loop {
        tokio::time::sleep(Duration::from_millis(LEASE_MS / 3)).await;
        let touch = cmd("QTOUCH").arg(queue).arg(LEASE_MS).arg(receipt).query_async(&mut connection).await;
        if touch == Ok(0) {
            return;
        }
    }
}

#[tokio::main]
async fn main() -> RedisResult<()> {
    let mut args = std::env::args().skip(1);
    let mut next = || args.next().expect("usage: queue-worker HOST PORT QUEUE");
    let (host, port, queue) = (next(), next(), next());
    let client = redis::Client::open(format!("redis://{host}:{port}"))?;
    // One connection waits for messages, so the other one can speak meanwhile.
    let mut waiting = client.get_multiplexed_async_connection().await?;
    let mut speaking = client.get_multiplexed_async_connection().await?;
    let mut stop = signal(SignalKind::terminate())?;
    loop {
        let mut pop = cmd("QPOP");
        pop.arg(&queue).arg("LEASE").arg(LEASE_MS).arg("BLOCK").arg(300);
        let popped: Option<Vec<(String, String)>> = pop.query_async(&mut waiting).await?;
        for (receipt, job) in popped.unwrap_or_default() {
            let done = tokio::select! {
                done = run(&job) => done,
                () = beat(speaking.clone(), &queue, &receipt) => continue,
            };
            let mut answer = match &done {
                Ok(()) => cmd("QACK"),
                // Back into the queue; later from one failure to the next, and at last to the dead set.
                Err(_) => cmd("QNACK"),
            };
            answer.arg(&queue).arg(&receipt);
            if let Err(error) = &done {
                answer.arg("REASON").arg(error);
            }
            let _: i64 = answer.query_async(&mut speaking).await?;
        }
        // An orchestrator sends SIGTERM: the job at hand is finished, no other is taken.
        tokio::select! {
            biased;
            _ = stop.recv() => return Ok(()),
            () = std::future::ready(()) => {}
        }
    }
}
