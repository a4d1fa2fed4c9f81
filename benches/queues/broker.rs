//! The servers, and a connection to each that pushes, pops and acknowledges in its language.

use crate::amqp;
use crate::client::Client;
use crate::request::encode;
use crate::server::{self, Contender, Server};
use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The key, and the queue's name.
pub const QUEUE: &str = "queue";
/// How long one waits for a message before it looks whether the measurement is over, in ms.
const WAIT_MS: &str = "100";
/// The lease of what is popped, in ms: none ends during a measurement.
const LEASE_MS: &str = "3600000";
/// How long RabbitMQ may take to start.
const START_MAX: Duration = Duration::from_secs(60);

/// What a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Synap's queues.
    Queues,
    /// Valkey's streams.
    Streams,
    /// RabbitMQ's queues.
    Rabbit,
}

/// How much is on disk before it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    /// Nothing.
    Off,
    /// The log, synced each second.
    EverySecond,
    /// All of it.
    Always,
}

impl Log {
    fn settings(self) -> &'static [&'static str] {
        match self {
            Log::Off => server::NO_LOG,
            Log::EverySecond => &["--appendonly", "yes", "--appendfsync", "everysec"],
            Log::Always => &["--appendonly", "yes", "--appendfsync", "always"],
        }
    }
}

/// A server that can be started.
pub struct Broker {
    /// What it speaks.
    pub kind: Kind,
    contender: Contender,
}

impl Broker {
    /// A server of a kind.
    pub fn new(kind: Kind, contender: Contender) -> Self {
        Self { kind, contender }
    }

    /// The head of its column.
    pub fn name(&self) -> String {
        self.contender.name.clone()
    }

    /// Starts it. What RabbitMQ confirms is on disk in any case: it has but one way.
    pub fn start(&self, log: Log) -> io::Result<Running> {
        if self.kind == Kind::Rabbit {
            return Rabbit::start(&self.contender).map(Running::Rabbit);
        }
        let server = Server::start(&self.contender, log.settings())?;
        if self.kind == Kind::Streams {
            server.client()?.call(&["XGROUP", "CREATE", QUEUE, "group", "0", "MKSTREAM"])?;
        }
        Ok(Running::Redis(server, self.kind))
    }
}

/// A server that runs.
pub enum Running {
    /// Synap or Valkey.
    Redis(Server, Kind),
    /// RabbitMQ.
    Rabbit(Rabbit),
}

impl Running {
    /// Time its threads spent on a CPU so far.
    pub fn cpu(&self) -> io::Result<Duration> {
        match self {
            Running::Redis(server, _) => server.cpu(),
            Running::Rabbit(rabbit) => server::cpu_of(rabbit.process()?),
        }
    }

    /// Another connection, the `number`th; of a consumer it is told messages when there are some.
    pub fn link(&self, number: usize, consumes: bool) -> io::Result<Box<dyn Link>> {
        Ok(match self {
            Running::Redis(server, Kind::Streams) => {
                Box::new(Streams { client: server.client()?, consumer: format!("c{number}") })
            }
            Running::Redis(server, _) => Box::new(Queues { client: server.client()? }),
            Running::Rabbit(rabbit) => Box::new(amqp::Link::connect(rabbit.port, consumes)?),
        })
    }
}

/// A connection.
pub trait Link: Send {
    /// Pushes `count` messages at once and waits until all are confirmed.
    fn push(&mut self, body: &str, count: usize) -> io::Result<()>;
    /// Pops `count` messages by as many calls at once; returns what they are acknowledged by.
    fn pop(&mut self, count: usize) -> io::Result<Vec<String>>;
    /// Acknowledges messages, each by a call of its own, at once.
    fn ack(&mut self, receipts: &[String]) -> io::Result<()>;
    /// Waits for up to `count` messages, not for long, and acknowledges each by a call of its own; tells how many
    /// there were.
    fn take(&mut self, count: usize) -> io::Result<usize>;
}

struct Queues {
    client: Client,
}

impl Link for Queues {
    fn push(&mut self, body: &str, count: usize) -> io::Result<()> {
        let mut run = Vec::new();
        (0..count).for_each(|_| encode(&mut run, &["QPUSH", QUEUE, body]));
        self.client.run(&run, count).map(drop)
    }

    fn pop(&mut self, count: usize) -> io::Result<Vec<String>> {
        let mut run = Vec::new();
        (0..count).for_each(|_| encode(&mut run, &["QPOP", QUEUE, "LEASE", LEASE_MS]));
        let replies = self.client.run(&run, count)?;
        Ok(replies.into_iter().filter_map(|reply| reply.into_iter().next()).collect())
    }

    fn ack(&mut self, receipts: &[String]) -> io::Result<()> {
        let mut run = Vec::new();
        receipts.iter().for_each(|receipt| encode(&mut run, &["QACK", QUEUE, receipt]));
        self.client.run(&run, receipts.len()).map(drop)
    }

    fn take(&mut self, count: usize) -> io::Result<usize> {
        let mut run = Vec::new();
        let count = count.to_string();
        encode(&mut run, &["QPOP", QUEUE, "COUNT", &count, "LEASE", LEASE_MS, "BLOCK", WAIT_MS]);
        let reply = self.client.run(&run, 1)?.swap_remove(0);
        let receipts: Vec<String> = reply.into_iter().step_by(2).collect();
        self.ack(&receipts).map(|()| receipts.len())
    }
}

struct Streams {
    client: Client,
    consumer: String,
}

impl Streams {
    /// The ids in a reply of XREADGROUP: stream, id, field, value.
    fn id(reply: Vec<String>) -> Option<String> {
        reply.into_iter().nth(1)
    }
}

impl Link for Streams {
    fn push(&mut self, body: &str, count: usize) -> io::Result<()> {
        let mut run = Vec::new();
        (0..count).for_each(|_| encode(&mut run, &["XADD", QUEUE, "*", "b", body]));
        self.client.run(&run, count).map(drop)
    }

    fn pop(&mut self, count: usize) -> io::Result<Vec<String>> {
        let mut run = Vec::new();
        let read = ["XREADGROUP", "GROUP", "group", &self.consumer, "COUNT", "1", "STREAMS", QUEUE, ">"];
        (0..count).for_each(|_| encode(&mut run, &read));
        Ok(self.client.run(&run, count)?.into_iter().filter_map(Streams::id).collect())
    }

    fn ack(&mut self, receipts: &[String]) -> io::Result<()> {
        let mut run = Vec::new();
        for id in receipts {
            encode(&mut run, &["XACK", QUEUE, "group", id]);
            encode(&mut run, &["XDEL", QUEUE, id]);
        }
        self.client.run(&run, 2 * receipts.len()).map(drop)
    }

    fn take(&mut self, count: usize) -> io::Result<usize> {
        let (mut run, count, name) = (Vec::new(), count.to_string(), self.consumer.as_str());
        let head = ["XREADGROUP", "GROUP", "group", name, "COUNT", &count];
        encode(&mut run, &[&head[..], &["BLOCK", WAIT_MS, "STREAMS", QUEUE, ">"]].concat());
        let reply = self.client.run(&run, 1)?.swap_remove(0);
        let ids: Vec<String> = reply.into_iter().skip(1).step_by(3).collect();
        self.ack(&ids).map(|()| ids.len())
    }
}

/// A node of RabbitMQ with ports, directories and a cookie of its own.
pub struct Rabbit {
    port: u16,
    /// The port of its own name service, which outlives it.
    epmd: String,
    child: Child,
    dir: PathBuf,
}

impl Rabbit {
    fn start(contender: &Contender) -> io::Result<Self> {
        let free = || TcpListener::bind("127.0.0.1:0")?.local_addr().map(|addr| addr.port());
        let (port, dist, epmd) = (free()?, free()?, free()?.to_string());
        let dir = std::env::temp_dir().join(format!("synap-queues-{}-{port}", std::process::id()));
        fs::create_dir_all(&dir)?;
        fs::write(dir.join("plugins"), "[].")?;
        let child = Command::new(&contender.command()[0])
            .current_dir(&dir)
            .env("HOME", &dir)
            .env("RABBITMQ_NODENAME", format!("synap{port}@localhost"))
            .env("RABBITMQ_MNESIA_BASE", dir.join("data"))
            .env("RABBITMQ_LOG_BASE", dir.join("log"))
            .env("RABBITMQ_PID_FILE", dir.join("pid"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", dir.join("plugins"))
            .env("RABBITMQ_CONFIG_FILE", dir.join("none"))
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", port.to_string())
            .env("RABBITMQ_DIST_PORT", dist.to_string())
            .env("ERL_EPMD_PORT", &epmd)
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let mut rabbit = Self { port, epmd, child, dir };
        let started = Instant::now();
        while amqp::Link::connect(port, false).is_err() {
            if let Some(status) = rabbit.child.try_wait()? {
                return Err(io::Error::other(format!("{} stopped: {status}", contender.name)));
            }
            if started.elapsed() > START_MAX {
                return Err(io::Error::other(format!("{} does not answer", contender.name)));
            }
            sleep(Duration::from_millis(200));
        }
        Ok(rabbit)
    }

    /// The process that the start script left behind.
    fn process(&self) -> io::Result<u32> {
        fs::read_to_string(self.dir.join("pid"))?.trim().parse().map_err(io::Error::other)
    }
}

impl Drop for Rabbit {
    fn drop(&mut self) {
        // It holds nothing worth keeping; it may also be gone already.
        if let Ok(process) = self.process() {
            let _ = Command::new("kill").args(["-9", &process.to_string()]).status();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        // The name service does not go while it knows of a node.
        let stopping = Instant::now();
        let stop = ["-port", &self.epmd, "-kill"];
        while Command::new("epmd").args(stop).output().is_ok_and(|output| !output.status.success())
            && stopping.elapsed() < Duration::from_secs(2)
        {
            sleep(Duration::from_millis(50));
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}
