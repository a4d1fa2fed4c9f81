//! Starts a server on a free loopback port, and ends it by its process id.

use super::{
    link::{Got, Link, Socket, encode},
    play::{Way, ask},
    value::Value,
};
use std::{
    fs,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

struct Server {
    port: u16,
    child: Child,
    dir: PathBuf,
}

static STARTED: AtomicU32 = AtomicU32::new(0);

impl Server {
    /// Starts `program` without persistence in a directory of its own, and waits until it answers PING.
    fn start(program: &str) -> Result<Self, String> {
        let nth = STARTED.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("synap-cases-{}-{nth}", std::process::id()));
        fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        let log = fs::File::create(dir.join("log")).map_err(|e| e.to_string())?;
        let errors = log.try_clone().map_err(|e| e.to_string())?;
        let port = free_port()?;
        let child = Command::new(program)
            .args(["--port", &port.to_string(), "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"])
            .args(["--enable-debug-command", "yes", "--dir"])
            .arg(&dir)
            .current_dir(&dir)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .map_err(|e| format!("cannot start {program}: {e}"))?;
        let mut server = Self { port, child, dir };
        let until = Instant::now() + Duration::from_secs(60);
        while !server.answers() {
            let ended = server.child.try_wait().map_err(|e| e.to_string())?.is_some();
            if ended || Instant::now() > until {
                return Err(format!("{program} does not answer; its log ends:\n{}", server.log_tail()));
            }
            sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    fn answers(&self) -> bool {
        Socket::open(self.port).is_ok_and(|mut socket| {
            socket.send(&encode([&b"PING"[..]].into_iter())).is_ok()
                && matches!(socket.receive(Duration::from_secs(10)), Ok(Got::Value(_)))
        })
    }

    fn died(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// The last lines that the server wrote.
    fn log_tail(&self) -> String {
        let text = fs::read(self.dir.join("log")).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing can be done here about a process or a directory that is gone already.
        self.child.kill().ok();
        self.child.wait().ok();
        fs::remove_dir_all(&self.dir).ok();
    }
}

/// A server of its own process, reached over TCP.
pub struct Spawned {
    name: String,
    program: String,
    protocol: u8,
    server: Server,
}

impl Spawned {
    pub fn start(name: &str, program: &str, protocol: u8) -> Result<Self, String> {
        let server = Server::start(program)?;
        Ok(Self { name: name.into(), program: program.into(), protocol, server })
    }
}

impl Way for Spawned {
    fn name(&self) -> &str {
        &self.name
    }

    fn protocol(&self) -> u8 {
        self.protocol
    }

    fn connect(&mut self) -> Result<Box<dyn Link>, String> {
        Ok(Box::new(Socket::open(self.server.port)?))
    }

    fn pass(&mut self, ms: u64) -> Result<(), String> {
        sleep(Duration::from_millis(ms));
        Ok(())
    }

    fn recover(&mut self) -> Result<Option<String>, String> {
        sleep(Duration::from_millis(50));
        let asked = self.connect().and_then(|mut link| ask(link.as_mut(), &[b"DBSIZE"]));
        if !self.server.died() {
            // A case that failed half-way may have left a password or a pause behind.
            if asked != Ok(Value::Int(0)) {
                self.server = Server::start(&self.program)?;
            }
            return Ok(None);
        }
        let log = self.server.log_tail();
        self.server = Server::start(&self.program)?;
        Ok(Some(log))
    }
}

fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|e| e.to_string())?;
    listener.local_addr().map(|address| address.port()).map_err(|e| e.to_string())
}
