//! The library itself, without a process or a socket: connections over pipes in memory.

use super::{
    link::{Got, Link},
    play::Way,
    value,
};
use std::{
    ffi::OsString,
    fs,
    path::PathBuf,
    sync::Arc,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    thread::sleep,
    time::Duration,
};
use synap::{
    commands::access,
    config::{Settings, Start},
    dispatch::{cron, registry},
    engine::{Engine, Session},
    net::Connection,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    runtime::{Builder, Handle, Runtime},
    time::timeout,
};

/// Bytes under way in one direction of a pipe.
const PIPE: usize = 64 * 1024;

pub struct Inside {
    protocol: u8,
    runtime: Runtime,
    engine: Arc<Engine>,
    /// Where it saves.
    dir: PathBuf,
}

impl Inside {
    pub fn start(protocol: u8) -> Result<Self, String> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_time()
            .build()
            .map_err(|e| format!("no runtime: {e}"))?;
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let nth = STARTED.fetch_add(1, Relaxed);
        let dir = std::env::temp_dir().join(format!("synap-inside-{}-{nth}", std::process::id()));
        fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        let args = ["--save", "", "--appendonly", "no", "--enable-debug-command", "yes", "--dir"];
        let args = args.iter().map(OsString::from).chain([dir.clone().into()]).collect::<Vec<_>>();
        let settings = match Settings::load(&args, &mut std::io::empty()) {
            Ok(Start::Serve(settings)) => settings,
            Ok(_) => return Err("the settings ask for something else than to serve".into()),
            Err(fault) => return Err(fault.to_string()),
        };
        let engine = Arc::new(Engine::new(settings, registry().catalogue()));
        access::start(&engine)?;
        runtime.spawn(cron::expiry(engine.clone()));
        runtime.spawn(cron::saving(engine.clone()));
        Ok(Self { protocol, runtime, engine, dir })
    }
}

impl Way for Inside {
    fn name(&self) -> &str {
        "inside"
    }

    fn protocol(&self) -> u8 {
        self.protocol
    }

    fn connect(&mut self) -> Result<Box<dyn Link>, String> {
        let (ours, theirs) = tokio::io::duplex(PIPE);
        let engine = &self.engine;
        let address = |port: u64| format!("127.0.0.1:{port}").into();
        let client = engine
            .clients
            .connect(address(engine.clients.next_id()), address(0), -1, engine.now_ms(), usize::MAX)
            .ok_or("the engine turned the connection away")?;
        let session = Session::new(client, engine);
        self.runtime.spawn(Connection::new(theirs, engine.clone(), session).serve());
        let handle = self.runtime.handle().clone();
        Ok(Box::new(Pipe { handle, stream: Some(ours), buf: Vec::new(), at: 0 }))
    }

    /// Moves the engine's clock. Who is blocked waits on the runtime's timers: then time really passes.
    fn pass(&mut self, ms: u64) -> Result<(), String> {
        let waits = self.engine.blocked_clients.load(Relaxed) > 0;
        if waits || self.engine.pause.state(self.engine.now_ms()).is_some() {
            sleep(Duration::from_millis(ms));
        } else {
            self.engine.clock.advance(ms as i64);
        }
        Ok(())
    }

    fn recover(&mut self) -> Result<Option<String>, String> {
        *self = Self::start(self.protocol)?;
        Ok(None)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.engine.stop.cancel();
        // Nothing can be done here about a directory that is gone already.
        fs::remove_dir_all(&self.dir).ok();
    }
}

/// The client's end of a connection.
struct Pipe {
    handle: Handle,
    /// `None` once the other side is closed.
    stream: Option<DuplexStream>,
    buf: Vec<u8>,
    at: usize,
}

impl Link for Pipe {
    fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        let Some(mut stream) = self.stream.take() else { return Ok(()) };
        // Reads while it writes, so that no number of commands in flight can lock both ends up.
        let alive = self.handle.block_on(async {
            let (mut reader, mut writer) = tokio::io::split(&mut stream);
            let write = async {
                let done = writer.write_all(bytes).await;
                done.is_ok() && writer.flush().await.is_ok()
            };
            tokio::pin!(write);
            let mut chunk = vec![0; PIPE];
            loop {
                tokio::select! {
                    alive = &mut write => return alive,
                    read = reader.read(&mut chunk) => match read {
                        Ok(n) if n > 0 => self.buf.extend_from_slice(&chunk[..n]),
                        _ => return false,
                    },
                }
            }
        });
        if alive {
            self.stream = Some(stream);
        }
        Ok(())
    }

    fn receive(&mut self, patience: Duration) -> Result<Got, String> {
        loop {
            if let Some((value, used)) = value::read(&self.buf[self.at..])? {
                self.at += used;
                if self.at == self.buf.len() {
                    self.buf.clear();
                    self.at = 0;
                }
                return Ok(Got::Value(value));
            }
            let Some(stream) = &mut self.stream else { return Ok(Got::Closed) };
            let mut chunk = vec![0; PIPE];
            match self.handle.block_on(async { timeout(patience, stream.read(&mut chunk)).await }) {
                Err(_) => return Ok(Got::Nothing),
                Ok(Ok(n)) if n > 0 => self.buf.extend_from_slice(&chunk[..n]),
                Ok(_) => self.stream = None,
            }
        }
    }
}
