//! Queues beside what people use instead: Valkey's Streams (XADD, XREADGROUP, XACK, XDEL), and RabbitMQ with
//! publisher confirms and manual acknowledgements.
//!
//! In each round every server is started in turn, on a port and in a directory of its own; the order is reversed
//! every other round. Server CPU is read from the scheduler's accounting of the server's threads. Figures are
//! medians over the rounds, ratios those of the rounds' ratios.
//!
//! `cargo bench --bench queues -- --help` lists the options.

mod amqp;
mod broker;
#[path = "../common/client.rs"]
mod client;
mod footprint;
#[path = "../common/median.rs"]
mod median;
#[path = "../common/outcome.rs"]
mod outcome;
mod report;
#[path = "../common/request.rs"]
mod request;
#[path = "../common/server.rs"]
mod server;
mod stall;
mod traffic;
mod wake;

use broker::{Broker, Kind};
use outcome::outcome;
use report::{Row, Rows};
use server::Contender;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

const HELP: &str = "\
usage: cargo bench --bench queues -- [options]

  --subject PROGRAM    what is measured (default: this crate's release build)
  --valkey PROGRAM     a Valkey server to compare with
  --rabbitmq PROGRAM   RabbitMQ's start script, /usr/lib/rabbitmq/bin/rabbitmq-server
  --tests LIST         cycle producers flight memory stall wake (default: all)
  --rounds N           default 3
  --seconds S          about how long each measurement lasts, default 2
  --json FILE          writes every sample
";

struct Options {
    brokers: Vec<Broker>,
    tests: Vec<String>,
    rounds: usize,
    span: Duration,
    json: Option<String>,
}

impl Options {
    /// Reads the command line; `None` when it asks for help.
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Self>, Box<dyn Error>> {
        let mut subject = env!("CARGO_BIN_EXE_synap-server").to_string();
        let (mut valkey, mut rabbit, mut json) = (None, None, None);
        let mut tests = "cycle,producers,flight,memory,stall,wake".to_string();
        let (mut rounds, mut seconds) = (3, 2.0);
        while let Some(name) = args.next() {
            // cargo itself appends the first.
            if name == "--bench" {
                continue;
            }
            if name == "--help" {
                return Ok(None);
            }
            let value = args.next().ok_or(format!("{name} needs a value"))?;
            match name.as_str() {
                "--subject" => subject = value,
                "--valkey" => valkey = Some(value),
                "--rabbitmq" => rabbit = Some(value),
                "--tests" => tests = value,
                "--rounds" => rounds = value.parse()?,
                "--seconds" => seconds = value.parse()?,
                "--json" => json = Some(value),
                _ => return Err(format!("unknown option {name}; see --help").into()),
            }
        }
        let mut brokers = vec![Broker::new(Kind::Queues, Contender::parse(&format!("Synap={subject}"))?)];
        for (kind, name, program) in [(Kind::Streams, "Valkey", valkey), (Kind::Rabbit, "RabbitMQ", rabbit)] {
            if let Some(program) = program {
                brokers.push(Broker::new(kind, Contender::parse(&format!("{name}={program}"))?));
            }
        }
        let tests = tests.split(',').map(str::to_string).collect();
        Ok(Some(Self { brokers, tests, rounds, span: Duration::from_secs_f64(seconds), json }))
    }
}

fn main() -> ExitCode {
    outcome("queues", HELP, Options::parse(std::env::args().skip(1)), run)
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let mut rows = Rows::new(options.brokers.iter().map(Broker::name));
    for round in 0..options.rounds {
        let mut order: Vec<usize> = (0..options.brokers.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for test in &options.tests {
            for at in &order {
                let broker = &options.brokers[*at];
                eprintln!("round {} of {}: {test}, {}", round + 1, options.rounds, broker.name());
                for (row, figure) in measure(test, broker, options.span)? {
                    rows.add(row, *at, figure);
                }
            }
        }
    }
    println!("{}", rows.table());
    if let Some(path) = &options.json {
        std::fs::write(path, rows.json())?;
    }
    Ok(())
}

/// The figures of one test of one server; none where it has no such thing.
fn measure(test: &str, broker: &Broker, span: Duration) -> Result<Vec<(Row, f64)>, Box<dyn Error>> {
    match test {
        "cycle" => traffic::cycles(broker, span),
        "producers" => traffic::producers(broker, span),
        "flight" => footprint::in_flight(broker),
        "memory" => footprint::queued(broker),
        "stall" => stall::measure(broker),
        "wake" => wake::measure(broker, span),
        _ => Err(format!("unknown test {test}; see --help").into()),
    }
}
