//! Synap beside its peers: throughput, latency, CPU per operation and memory.
//!
//! Each round starts every server in turn (the order is reversed every other round), without
//! persistence and on a port of its own, and lets a load generator run every selected workload at
//! every pipeline depth. Server CPU is read from the CPU clock of the server's process, so it
//! does not depend on how the load generator shares the machine. Figures are medians over the rounds.
//!
//! `cargo bench --bench compare -- --help` lists the options.

#[path = "../common/client.rs"]
mod client;
mod driver;
#[path = "../common/median.rs"]
mod median;
mod memory;
#[path = "../common/outcome.rs"]
mod outcome;
mod report;
#[path = "../common/request.rs"]
mod request;
mod scripts;
#[path = "../common/server.rs"]
mod server;
mod workload;

use driver::{Driver, Subscribers};
use outcome::outcome;
use report::{MemoryRow, Row, Sample};
use server::{Contender, Server};
use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;
use workload::{Stage, Workload};

const HELP: &str = "\
usage: cargo bench --bench compare -- [options]

  --subject NAME=PROGRAM   what is compared (default: synap = this crate's release build)
  --peer NAME=PROGRAM      what it is compared with; may be repeated. PROGRAM may be followed by arguments
  --driver PROGRAM         valkey-benchmark or redis-benchmark (default: found on the PATH)
  --tests LIST             names or groups, comma separated: strings elements ranges members scripts publish none all (default strings)
  --command NAME=COMMAND   also measures COMMAND on an empty server; __rand_int__ and DATA are replaced; may be repeated
  --pipelines LIST         default 1,16,64
  --rounds N               default 5
  --seconds S              about how long each measurement lasts, default 2
  --clients N              connections of the load generator, default 64
  --memory LIST            data sets, comma separated (default none): keys-1m keys-10m counters-1m ttl-1m hashes-5 sets-10
                           sorted-10 lists-10 lists-100 hash-1m set-1m sorted-1m stream-1m all
  --json FILE              writes every sample
";

/// Requests of the trial run that tells how many fill the wanted time.
const TRIAL_REQUESTS: usize = 20_000;
/// No measurement has more requests, nor fewer than a hundredth of it.
const REQUESTS_MAX: usize = 5_000_000;

struct Options {
    contenders: Vec<Contender>,
    driver: Driver,
    workloads: Vec<Workload>,
    memory: Vec<memory::DataSet>,
    pipelines: Vec<usize>,
    rounds: usize,
    seconds: f64,
    json: Option<String>,
    settings: BTreeMap<&'static str, String>,
}

impl Options {
    /// Reads the command line; `None` when it asks for help.
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Self>, Box<dyn Error>> {
        let mut subject = format!("synap={}", env!("CARGO_BIN_EXE_synap-server"));
        let (mut peers, mut commands) = (Vec::new(), Vec::new());
        let (mut driver, mut json) = (None, None);
        let (mut tests, mut memory) = ("strings".to_string(), "none".to_string());
        let mut pipelines = "1,16,64".to_string();
        let (mut rounds, mut seconds, mut clients) = (5, 2.0, 64);
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
                "--peer" => peers.push(value),
                "--driver" => driver = Some(value),
                "--tests" => tests = value,
                "--command" => commands.push(Workload::parse(&value)?),
                "--pipelines" => pipelines = value,
                "--rounds" => rounds = value.parse()?,
                "--seconds" => seconds = value.parse()?,
                "--clients" => clients = value.parse()?,
                "--memory" => memory = value,
                "--json" => json = Some(value),
                _ => return Err(format!("unknown option {name}; see --help").into()),
            }
        }
        let wanted = |list: &str, names: [&str; 2]| {
            list.split(',')
                .any(|word| word == "all" || names.iter().any(|name| name.eq_ignore_ascii_case(word)))
        };
        let mut workloads = workload::all();
        workloads.retain(|w| wanted(&tests, [&w.name, w.group]));
        workloads.extend(commands);
        let mut data_sets = memory::all();
        data_sets.retain(|d| wanted(&memory, [d.name, d.name]));
        let settings = BTreeMap::from([
            ("rounds", rounds.to_string()),
            ("seconds", seconds.to_string()),
            ("clients", clients.to_string()),
            ("driver", driver.clone().unwrap_or_default()),
        ]);
        Ok(Some(Self {
            contenders: [subject]
                .iter()
                .chain(&peers)
                .map(|c| Contender::parse(c))
                .collect::<Result<_, _>>()?,
            driver: Driver::find(driver, clients)?,
            workloads,
            memory: data_sets,
            pipelines: pipelines.split(',').map(str::parse).collect::<Result<_, _>>()?,
            rounds,
            seconds,
            json,
            settings,
        }))
    }
}

fn main() -> ExitCode {
    outcome("compare", HELP, Options::parse(std::env::args().skip(1)), run)
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let names: Vec<String> = options.contenders.iter().map(|c| c.name.clone()).collect();
    let rows = measure_speed(options)?;
    for peer in 1..names.len() {
        if !rows.is_empty() {
            println!("{}", report::speed_table(&rows, &names, peer));
        }
    }
    let mut memory_rows = Vec::new();
    for data in &options.memory {
        eprintln!("memory: {}", data.name);
        let (mut bytes, mut worst_set) = (Vec::new(), Vec::new());
        for contender in &options.contenders {
            let footprint = data.measure(contender)?;
            bytes.push(footprint.bytes);
            worst_set.push(footprint.worst_set);
        }
        memory_rows.push(MemoryRow {
            name: data.name,
            unit: data.unit,
            target: data.target(),
            bytes,
            worst_set,
        });
    }
    if !memory_rows.is_empty() {
        println!("{}", report::memory_table(&memory_rows, &names));
    }
    if let Some(path) = &options.json {
        std::fs::write(path, report::json(&rows, &memory_rows, &names, &options.settings))?;
    }
    Ok(())
}

fn measure_speed(options: &Options) -> Result<Vec<Row>, Box<dyn Error>> {
    let empty = vec![Vec::new(); options.contenders.len()];
    let mut rows: Vec<Row> = options
        .workloads
        .iter()
        .flat_map(|w| options.pipelines.iter().map(move |p| (w.clone(), *p)))
        .map(|(workload, pipeline)| Row { workload, pipeline, samples: empty.clone() })
        .collect();
    if rows.is_empty() {
        return Ok(rows);
    }
    // The same number of requests for every server, from the first one's speed.
    let mut requests = HashMap::new();
    for round in 0..options.rounds {
        let mut order: Vec<usize> = (0..options.contenders.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for contender in order {
            eprintln!("round {} of {}: {}", round + 1, options.rounds, options.contenders[contender].name);
            let mut run = Run::start(options, contender)?;
            for (at, row) in rows.iter_mut().enumerate() {
                let count = match requests.get(&at) {
                    Some(count) => *count,
                    None => *requests.entry(at).or_insert(run.calibrate(row)?),
                };
                let sample = run.sample(row, count)?;
                row.samples[contender].push(sample);
            }
        }
    }
    Ok(rows)
}

/// One server's turn in a round.
struct Run<'a> {
    options: &'a Options,
    server: Server,
    stage: Option<Stage>,
    subscribers: Option<Subscribers>,
}

impl<'a> Run<'a> {
    fn start(options: &'a Options, contender: usize) -> Result<Self, Box<dyn Error>> {
        let server = Server::start(&options.contenders[contender], server::NO_LOG)?;
        Ok(Self { options, server, stage: None, subscribers: None })
    }

    fn set_stage(&mut self, stage: Stage, requests: usize) -> Result<(), Box<dyn Error>> {
        if self.stage != Some(stage) || !stage.is_kept() {
            let mut client = self.server.client()?;
            stage.set(&mut client, requests)?;
            if stage == Stage::Subscribers && self.subscribers.is_none() {
                // A load generator without mercy: let no server drop its subscribers.
                client.call(&["CONFIG", "SET", "client-output-buffer-limit", "pubsub 0 0 0"])?;
                self.subscribers = Some(Subscribers::listen(self.server.port)?);
            }
            self.stage = Some(stage);
        }
        Ok(())
    }

    /// How many requests take about the wanted time.
    fn calibrate(&mut self, row: &Row) -> Result<usize, Box<dyn Error>> {
        let trial = self.sample(row, TRIAL_REQUESTS)?;
        let wanted = trial.sight.per_second * self.options.seconds;
        Ok((wanted as usize / 1000 * 1000).clamp(REQUESTS_MAX / 500, REQUESTS_MAX))
    }

    fn sample(&mut self, row: &Row, requests: usize) -> Result<Sample, Box<dyn Error>> {
        self.set_stage(row.workload.stage, requests)?;
        let listeners = self.subscribers.as_ref().filter(|_| row.workload.stage == Stage::Subscribers);
        let heard = listeners.map_or(0, Subscribers::received);
        let before = self.server.cpu()?;
        let sight =
            self.options.driver.run(self.server.port, &row.workload.command, row.pipeline, requests)?;
        if let Some(listeners) = listeners {
            listeners.wait(heard, requests)?;
        }
        let cpu: Duration = self.server.cpu()?.saturating_sub(before);
        Ok(Sample { sight, cpu_us: cpu.as_secs_f64() * 1e6 / requests as f64 })
    }
}
