//! A server under test: started on a free port, measured through `/proc`, killed when dropped.
#![allow(dead_code, reason = "each benchmark uses its part")]

use crate::client::Client;
use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;
use std::fs;
use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a server may take to answer its first PING.
const START_MAX: Duration = Duration::from_secs(20);

/// Settings of a server without persistence.
pub const NO_LOG: &[&str] = &["--appendonly", "no"];

/// What to start: a name for the tables and a command line.
#[derive(Clone, Debug)]
pub struct Contender {
    /// The column's head.
    pub name: String,
    command: Vec<String>,
}

impl Contender {
    /// Reads `NAME=PROGRAM [ARGUMENT …]`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, command) = text.split_once('=').ok_or(format!("'{text}': expected NAME=PROGRAM"))?;
        let command: Vec<String> = command.split_whitespace().map(str::to_string).collect();
        if command.is_empty() {
            return Err(format!("'{text}': expected NAME=PROGRAM"));
        }
        Ok(Self { name: name.to_string(), command })
    }

    /// The program and its arguments.
    pub fn command(&self) -> &[String] {
        &self.command
    }
}

/// A running server.
pub struct Server {
    /// Where it listens on the loopback interface.
    pub port: u16,
    child: Child,
    dir: PathBuf,
}

impl Server {
    /// Starts `contender` with `settings` in an empty directory of its own and waits until it answers.
    pub fn start(contender: &Contender, settings: &[&str]) -> io::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let dir = std::env::temp_dir().join(format!("synap-compare-{}-{port}", std::process::id()));
        fs::create_dir_all(&dir)?;
        let child = Command::new(&contender.command[0])
            .args(&contender.command[1..])
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", ""])
            .args(settings)
            .arg("--dir")
            .arg(&dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut server = Self { port, child, dir };
        let started = Instant::now();
        while Client::connect(port).and_then(|mut client| client.call(&["PING"])).is_err() {
            if let Some(status) = server.child.try_wait()? {
                return Err(io::Error::other(format!("{} stopped: {status}", contender.name)));
            }
            if started.elapsed() > START_MAX {
                return Err(io::Error::other(format!("{} does not answer", contender.name)));
            }
            sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// A new connection to it.
    pub fn client(&self) -> io::Result<Client> {
        Client::connect(self.port)
    }

    /// Time that its threads spent on CPUs so far, those that have ended included.
    pub fn cpu(&self) -> io::Result<Duration> {
        cpu_of(self.child.id())
    }

    /// Resident memory in bytes, once it has stopped moving.
    pub fn settled_rss(&self) -> io::Result<u64> {
        let mut last = self.rss()?;
        for _ in 0..20 {
            sleep(Duration::from_millis(250));
            let now = self.rss()?;
            if now == last {
                break;
            }
            last = now;
        }
        Ok(last)
    }

    fn rss(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok())
            .map(|kib| kib * 1024)
            .ok_or(io::Error::other("no VmRSS in /proc"))
    }
}

/// Time that the threads of a process spent on CPUs so far, those that have ended included.
pub fn cpu_of(process: u32) -> io::Result<Duration> {
    let clock = clock_getcpuclockid(Pid::from_raw(process as i32))?;
    Ok(clock.now()?.into())
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server holds nothing worth keeping; it may also be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}
