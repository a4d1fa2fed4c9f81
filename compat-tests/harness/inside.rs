//! The library itself, without a process or a socket: connections over pipes in memory. With a log, what
//! a case did is read back from it into a second engine, which has to hold the same.

use super::{
    content,
    link::{Got, Inbox, Link},
    play::Way,
};
use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    thread::sleep,
    time::Duration,
};
use synap::{
    base::disk::{Directory, Simulated},
    commands::access,
    config::{Settings, Start},
    dispatch::{cron, registry, replay},
    engine::{Engine, Reload, Session},
    log::{FIRST, Lsn, recover},
    net::Connection,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    runtime::{Builder, Handle, Runtime},
    time::timeout,
};

/// Bytes under way in one direction of a pipe.
const PIPE: usize = 64 * 1024;

/// What is done to the data set besides what a case says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Besides {
    Nothing,
    /// It is logged, and after each case read back from the log.
    Replay,
    /// It is made anew from its bytes before each command.
    Reload,
}

pub struct Inside {
    protocol: u8,
    besides: Besides,
    runtime: Runtime,
    engine: Arc<Engine>,
    /// Where it saves.
    dir: PathBuf,
    /// The log's directory, and the place behind what was checked.
    log: Option<(Directory, Lsn)>,
}

impl Inside {
    pub fn start(protocol: u8, besides: Besides) -> Result<Self, String> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_time()
            .build()
            .map_err(|e| format!("no runtime: {e}"))?;
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let nth = STARTED.fetch_add(1, Relaxed);
        // In memory, if there is such a place: nothing here depends on a real disk.
        let memory = Path::new("/dev/shm");
        let temporary = if memory.is_dir() { memory.into() } else { std::env::temp_dir() };
        let dir = temporary.join(format!("synap-inside-{}-{nth}", std::process::id()));
        fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        let engine = Arc::new(Engine::new(settings(&dir)?, registry().catalogue()));
        access::start(&engine)?;
        runtime.spawn(cron::expiry(engine.clone()));
        runtime.spawn(cron::saving(engine.clone()));
        let mut log = None;
        if besides == Besides::Replay {
            // Of this run alone: who saves claims the place on the real disk, too.
            let directory = Directory { disk: Arc::new(Simulated::new(1)), path: dir.join("log") };
            engine.start_log(directory.clone(), FIRST).map_err(|e| format!("no log: {e}"))?;
            log = Some((directory, FIRST));
        }
        Ok(Self { protocol, besides, runtime, engine, dir, log })
    }

    fn connect_to(&self, engine: &Arc<Engine>) -> Result<Box<dyn Link>, String> {
        let (ours, theirs) = tokio::io::duplex(PIPE);
        let address = |port: u64| format!("127.0.0.1:{port}").into();
        let client = engine
            .clients
            .connect(address(engine.clients.next_id()), address(0), -1, engine.now_ms(), usize::MAX)
            .ok_or("the engine turned the connection away")?;
        let session = Session::new(client, engine);
        self.runtime.spawn(Connection::new(theirs, engine.clone(), session));
        let handle = self.runtime.handle().clone();
        Ok(Box::new(Pipe { handle, stream: Some(ours), inbox: Inbox::default() }))
    }

    /// A second engine with what the log tells from `from` on.
    fn replayed(&self, directory: &Directory, from: Lsn) -> Result<Arc<Engine>, String> {
        let mut engine = Engine::new(settings(&self.dir)?, registry().catalogue());
        engine.clock = self.engine.clock.clone();
        let plan = recover::plan(directory, Some(from)).map_err(|fault| fault.to_string())?;
        plan.read(|records| replay::segment(&engine, records, 2)).map_err(|fault| fault.to_string())?;
        let engine = Arc::new(engine);
        access::start(&engine)?;
        Ok(engine)
    }
}

fn settings(dir: &Path) -> Result<Settings, String> {
    let args = ["--save", "", "--appendonly", "no", "--enable-debug-command", "yes", "--dir"];
    let args = args.iter().map(OsString::from).chain([dir.into()]).collect::<Vec<_>>();
    match Settings::load(&args, &mut std::io::empty()) {
        Ok(Start::Serve(settings)) => Ok(settings),
        Ok(_) => Err("the settings ask for something else than to serve".into()),
        Err(fault) => Err(fault.to_string()),
    }
}

impl Way for Inside {
    fn name(&self) -> &str {
        match self.besides {
            Besides::Nothing => "inside",
            Besides::Replay => "inside-replay",
            Besides::Reload => "inside-reload",
        }
    }

    fn prepare(&mut self) -> Result<(), String> {
        if self.besides == Besides::Reload {
            let reloaded = self.engine.reload(Reload::default(), |_, _| Ok(()));
            reloaded.map_err(|fault| format!("reload: {fault}"))?;
        }
        Ok(())
    }

    fn protocol(&self) -> u8 {
        self.protocol
    }

    fn connect(&mut self) -> Result<Box<dyn Link>, String> {
        self.connect_to(&self.engine)
    }

    fn check(&mut self) -> Result<(), String> {
        let Some((directory, from)) = self.log.clone() else { return Ok(()) };
        let to = self.engine.log.end();
        self.runtime.block_on(self.engine.log.until_durable(to)).map_err(|failure| failure.to_string())?;
        let twin = self.replayed(&directory, from)?;
        self.log = Some((directory, to));
        let before = content::lines(self.connect()?.as_mut())?;
        let after = content::lines(self.connect_to(&twin)?.as_mut())?;
        let differs = content::difference(&before, &after);
        differs.map_or(Ok(()), |how| Err(format!("what is read back from the log differs\n{how}")))
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
        *self = Self::start(self.protocol, self.besides)?;
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
    inbox: Inbox,
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
                        Ok(n) if n > 0 => self.inbox.add(&chunk[..n]),
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
            if let Some(value) = self.inbox.take()? {
                return Ok(Got::Value(value));
            }
            let Some(stream) = &mut self.stream else { return Ok(Got::Closed) };
            let mut chunk = vec![0; PIPE];
            match self.handle.block_on(async { timeout(patience, stream.read(&mut chunk)).await }) {
                Err(_) => return Ok(Got::Nothing),
                Ok(Ok(n)) if n > 0 => self.inbox.add(&chunk[..n]),
                Ok(_) => self.stream = None,
            }
        }
    }
}
