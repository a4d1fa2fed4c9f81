//! Floor 9: start and stop order, nothing else.

mod health;
mod import;
mod log;
mod recovery;

use crate::base::version;
use crate::command;
use crate::commands::{FAMILIES, access};
use crate::config::{self, Settings, Start};
use crate::console::Console;
use crate::dispatch::{self, cron};
use crate::engine::{Engine, Stop};
use crate::http;
use crate::keyspace::hash;
use crate::lua;
use crate::net::{Listeners, Tls};
use crate::observe;
use crate::pubsub::Close;
use nix::sys::signal::Signal;
use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::task::TaskTracker;

/// Runs the server with the given command line; returns when it has stopped.
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.collect();
    let settings = match Settings::load(&args, &mut std::io::stdin()) {
        Ok(Start::Serve(settings)) => settings,
        Ok(Start::Check(settings)) => {
            settings.warnings().iter().for_each(|warning| println!("warning: {warning}"));
            println!("the configuration is fine");
            return ExitCode::SUCCESS;
        }
        Ok(Start::Health(settings)) => {
            return match health::check(&settings) {
                Ok(answer) => {
                    println!("{answer}");
                    ExitCode::SUCCESS
                }
                Err(why) => {
                    eprintln!("synap-server: {why}");
                    ExitCode::FAILURE
                }
            };
        }
        Ok(Start::Print(text)) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Err(fault) => {
            eprintln!("synap-server: {fault}");
            return ExitCode::FAILURE;
        }
    };
    if let Err(fault) = log::start(&settings).and_then(|()| prepare(&settings)) {
        eprintln!("synap-server: {fault}");
        return ExitCode::FAILURE;
    }
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(threads(settings.int(config::IO_THREADS))).thread_stack_size(STACK).enable_all();
    // A thread would begin with the connection that was woken last: of two clients that ask right after each other, as
    // tests do, the second would be answered first.
    #[cfg(tokio_unstable)]
    runtime.disable_lifo_slot();
    let served = runtime
        .build()
        .map_err(|error| format!("cannot start the runtime: {error}"))
        .and_then(|runtime| runtime.block_on(serve(settings)));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            tracing::error!("{fault}");
            ExitCode::FAILURE
        }
    }
}

/// Bytes of each thread's stack, taken as they are used: what scripts nest is read and written by recursion.
const STACK: usize = 16 << 20;

/// The number of threads that run connections. By default half of the cores: the kernel's network
/// stack, the log's writer and background freeing want the others, and threads that find too
/// little to do spend more on waking each other than on commands.
fn threads(io_threads: i64) -> usize {
    if io_threads > 0 {
        return io_threads as usize;
    }
    std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1))
}

/// What is done before anything runs: the working directory, leaving the terminal, the process id's file, the warnings.
fn prepare(settings: &Settings) -> Result<(), String> {
    let dir = settings.string(config::DIR);
    std::env::set_current_dir(&dir).map_err(|error| format!("dir {dir}: {error}"))?;
    if settings.yes(config::DAEMONIZE) && !is_supervised(&settings.string(config::SUPERVISED)) {
        // Nothing runs yet that a fork would leave behind but the allocator's threads, which are started again.
        nix::unistd::daemon(true, false).map_err(|error| format!("daemonize: {error}"))?;
        tikv_jemalloc_ctl::background_thread::write(true).map_err(|error| format!("daemonize: {error}"))?;
    }
    let pidfile = settings.string(config::PIDFILE);
    if !pidfile.is_empty() {
        std::fs::write(&pidfile, format!("{}\n", std::process::id()))
            .map_err(|error| format!("pidfile {pidfile}: {error}"))?;
    }
    settings.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
    Ok(())
}

/// Whether a service manager looks after the process, which then stays in the foreground. `auto` asks the environment.
fn is_supervised(by: &str) -> bool {
    match by {
        "no" => false,
        "auto" => ["NOTIFY_SOCKET", "UPSTART_JOB"].iter().any(|name| std::env::var_os(name).is_some()),
        _ => true,
    }
}

/// Has scripts see what is deprecated, or not, as the settings say.
fn follow_deprecated(settings: &Settings) {
    lua::enable_deprecated(settings.yes(config::LUA_ENABLE_DEPRECATED_API));
    settings.on_change(&[config::LUA_ENABLE_DEPRECATED_API], |settings| {
        lua::enable_deprecated(settings.yes(config::LUA_ENABLE_DEPRECATED_API));
        Ok(())
    });
}

/// Moves values together on a thread of their own, which nothing waits for when the server stops.
fn compact(engine: &Arc<Engine>) -> Result<(), String> {
    let engine = engine.clone();
    let compaction = std::thread::Builder::new().name("compaction".into());
    let failed = |error| format!("cannot start a thread: {error}");
    compaction.spawn(move || cron::compaction(&engine)).map(drop).map_err(failed)
}

/// Looks after queues on a thread of their own, so that connections need not wait for what is due in them.
fn attend_queues(engine: &Arc<Engine>, tasks: &TaskTracker) {
    let (engine, runtime) = (engine.clone(), tokio::runtime::Handle::current());
    tasks.spawn_blocking(move || runtime.block_on(dispatch::attend(engine)));
}

async fn serve(settings: Settings) -> Result<(), String> {
    command::rename(FAMILIES, settings.renamed_commands())?;
    let seed = settings.text(config::HASH_SEED);
    if !seed.is_empty() && !hash::fix_seed(&seed) {
        return Err("hash-seed comes too late: a key was hashed before".into());
    }
    let engine = Arc::new(Engine::new(settings, dispatch::registry().catalogue()));
    follow_oom_score(&engine)?;
    access::start(&engine)?;
    follow_deprecated(&engine.settings);
    announce(&engine.settings);
    engine.loading.start(engine.now_ms());
    engine.recover.get_or_init(|| recovery::again);
    let tasks = TaskTracker::new();
    let tls = Arc::new(Tls::new(engine.certificates.clone()));
    tls.follow(&engine.settings)?;
    tls.watch(&engine.settings);
    tasks.spawn(tls.clone().renew(engine.clone()));
    // Before it can be reached: a signal right then would end it without a word, and with a status of failure.
    let failed = |error: std::io::Error| format!("cannot wait for signals: {error}");
    note_signals(&engine, &tasks).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let listeners = Arc::new(Listeners::new(tasks.clone(), tls));
    listeners
        .follow(&engine)
        .map_err(|why| format!("cannot listen on {why}; is another server running there?"))?;
    // Whoever starts a server for a test takes these words, as in Redis' log, for a sign that it can be reached.
    tracing::info!("Running, PID: {}", std::process::id());
    follow_addresses(&engine, listeners);
    engine.follow_client_limits();
    serve_metrics(&engine, &tasks).await?;
    tasks.spawn(cron::expiry(engine.clone()));
    tasks.spawn(cron::clients(engine.clone()));
    tasks.spawn(cron::saving(engine.clone()));
    attend_queues(&engine, &tasks);
    compact(&engine)?;
    tracing::info!("Server initialized");

    let mut asked = async || {
        tokio::select! {
            _ = interrupt.recv() => ("SIGINT", Some(config::SHUTDOWN_ON_SIGINT)),
            _ = terminate.recv() => ("SIGTERM", Some(config::SHUTDOWN_ON_SIGTERM)),
            () = engine.stop.cancelled() => ("SHUTDOWN", None),
        }
    };
    tokio::select! {
        (why, _) = asked() => {
            // Nothing was changed yet: what lies on disk is what there is.
            tracing::info!("stopping while the data set is loaded: {why}");
            std::process::exit(0);
        }
        loaded = load(&engine) => if let Err(fault) = loaded {
            // Nobody is to wait for a clock that ends with the runtime.
            end(&engine, &tasks).await;
            return Err(fault);
        },
    }
    let why = loop {
        let (why, setting) = asked().await;
        let Some(setting) = setting else { break why };
        if !engine.attend_signal().await {
            continue;
        }
        let (stop, stopping) = (Stop::by(&engine.settings, setting), engine.clone());
        match tokio::task::spawn_blocking(move || stopping.stop_with(stop)).await {
            Ok(Ok(())) => break why,
            Ok(Err(fault)) => tracing::error!("{why}: the server goes on, as it cannot save: {fault}"),
            Err(panic) => tracing::error!("{why}: the server goes on, as it cannot stop: {panic}"),
        }
    };
    tracing::info!("stopping: {why}");
    end(&engine, &tasks).await;
    engine.save_rest();
    if let Err(error) = engine.log.stop() {
        return Err(format!("the end of the log is not on disk: {error}"));
    }
    let pidfile = engine.settings.string(config::PIDFILE);
    if !pidfile.is_empty() {
        // It may be gone already; nobody is left to be told.
        let _ = std::fs::remove_file(pidfile);
    }
    // As Redis says it: who reads logs waits for these words.
    tracing::info!("Redis is now ready to exit, and so is Synap: stopped");
    Ok(())
}

/// Has the log tell of signals that otherwise end a process without a word: SIGABRT, as watchdogs send it, still does,
/// SIGALRM does not.
fn note_signals(engine: &Arc<Engine>, tasks: &TaskTracker) -> std::io::Result<()> {
    let mut abort = signal(SignalKind::from_raw(Signal::SIGABRT as i32))?;
    let mut alarm = signal(SignalKind::alarm())?;
    let stop = engine.stop.clone();
    tasks.spawn(async move {
        loop {
            tokio::select! {
                _ = alarm.recv() => tracing::warn!("Received SIGALRM"),
                _ = abort.recv() => {
                    tracing::error!("Synap crashed by signal: SIGABRT, which was sent to it");
                    std::process::abort();
                }
                () = stop.cancelled() => return,
            }
        }
    });
    Ok(())
}

/// Between two looks for clients that are still there at the end.
const LOOK: Duration = Duration::from_millis(50);

/// Ends the connections and all that runs beside them.
async fn end(engine: &Engine, tasks: &TaskTracker) {
    engine.stop.cancel();
    engine.saving.abandon();
    tasks.close();
    // Also those who were let in meanwhile.
    let mut ended = false;
    while !ended {
        engine.clients.all().iter().for_each(|client| client.close(Close::Now));
        ended = tokio::time::timeout(LOOK, tasks.wait()).await.is_ok();
    }
}

/// Loads the data set; clients are told so meanwhile.
async fn load(engine: &Arc<Engine>) -> Result<(), String> {
    let loaded = engine.clone();
    let loading = tokio::task::spawn_blocking(move || recovery::recover(&loaded));
    loading.await.unwrap_or_else(|panic| Err(format!("loading the data set failed: {panic}")))
}

/// Logs what matters about this start.
fn announce(settings: &Settings) {
    let file = settings.file().map_or("none".into(), |file| file.display().to_string());
    tracing::info!(
        version = version::SYNAP,
        redis = version::REDIS,
        pid = std::process::id(),
        "Synap starts"
    );
    tracing::info!(
        file,
        dir = settings.string(config::DIR),
        bind = settings.string(config::BIND),
        port = settings.int(config::PORT),
        databases = settings.int(config::DATABASES),
        maxclients = settings.int(config::MAXCLIENTS),
        maxmemory = settings.string(config::MAXMEMORY),
        "configuration"
    );
    if !settings.yes(config::APPENDONLY) && settings.text(config::SAVE).is_empty() {
        tracing::info!("neither the log nor snapshots are on: what is written ends with the server");
    }
    if !settings.text(config::REQUIREPASS).is_empty() || settings.yes(config::PROTECTED_MODE) {
        return;
    }
    tracing::warn!("no password is set and protected-mode is off: whoever reaches this server may use it");
}

/// Serves metrics and the console where the settings ask for it.
async fn serve_metrics(engine: &Arc<Engine>, tasks: &TaskTracker) -> Result<(), String> {
    let address = engine.settings.string(config::METRICS_LISTEN);
    if address.is_empty() {
        return Ok(());
    }
    let listener = TcpListener::bind(&address)
        .await
        .map_err(|error| format!("cannot listen on metrics-listen {address}: {error}"))?;
    tracing::info!(address, console = engine.settings.string(config::CONSOLE), "metrics are served");
    let commands: Arc<[_]> = dispatch::registry().all().iter().map(|command| command.full_name).collect();
    let console = Arc::new(Console::new(engine.clone()));
    tasks.spawn(console.clone().attend());
    let observed = engine.clone();
    tasks.spawn(http::serve(listener, engine.stop.clone(), move |request| {
        let (engine, commands, console) = (observed.clone(), commands.clone(), console.clone());
        async move {
            match observe::answer(engine, commands, &request).await {
                Some(response) => response,
                None => console.answer(request).await,
            }
        }
    }));
    Ok(())
}

/// Gives the process the score that settings want, and another when `CONFIG SET` says so.
fn follow_oom_score(engine: &Arc<Engine>) -> Result<(), String> {
    engine.oom_score.follow(&engine.settings)?;
    let engine_of = Arc::downgrade(engine);
    engine.settings.on_change(&[config::OOM_SCORE_ADJ, config::OOM_SCORE_ADJ_VALUES], move |settings| {
        engine_of.upgrade().map_or(Ok(()), |engine| engine.oom_score.follow(settings))
    });
    Ok(())
}

/// Listens elsewhere when `CONFIG SET` says so.
fn follow_addresses(engine: &Arc<Engine>, listeners: Arc<Listeners>) {
    for (name, refusal) in [
        (config::TLS_PORT, "Unable to listen on this port. Check server logs."),
        (config::PORT, "Unable to listen on this port. Check server logs."),
        (config::BIND, "Failed to bind to specified addresses."),
    ] {
        let (engine_of, listeners) = (Arc::downgrade(engine), listeners.clone());
        engine.settings.on_change(&[name], move |_| {
            let Some(engine) = engine_of.upgrade() else { return Ok(()) };
            listeners.follow(&engine).map_err(|_| refusal.to_owned())
        });
    }
}
