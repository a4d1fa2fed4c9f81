//! Floor 9: start and stop order, nothing else.

use crate::dispatch::{self, cron};
use crate::engine::Engine;
use crate::net::{Endpoint, Listener};
use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::task::TaskTracker;

/// Runs the server with the given command line; returns when it has stopped.
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let args: Vec<String> = args.filter_map(|arg| arg.into_string().ok()).collect();
    let port =
        args.iter().position(|a| a == "--port").and_then(|at| args.get(at + 1)?.parse().ok()).unwrap_or(6379);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "cannot start the runtime");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(serve(port)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, port, "cannot listen: is another server running there? choose another --port");
            ExitCode::FAILURE
        }
    }
}

async fn serve(port: u16) -> std::io::Result<()> {
    let engine = Arc::new(Engine::new(16, dispatch::registry().all().len()));
    let tasks = TaskTracker::new();
    let listener = Listener::bind(&Endpoint::Tcp(([127, 0, 0, 1], port).into()), 511)?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), port, "Synap is ready to accept connections");
    tasks.spawn(cron::expiry(engine.clone(), Duration::from_millis(100)));
    tasks.spawn(listener.run(engine.clone(), tasks.clone()));
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
        () = engine.stop.cancelled() => {}
    }
    tracing::info!("stopping");
    engine.stop.cancel();
    for client in engine.clients.all() {
        client.close(crate::pubsub::Close::Now);
    }
    tasks.close();
    tasks.wait().await;
    tracing::info!("stopped");
    Ok(())
}
