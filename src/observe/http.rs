//! Just enough HTTP/1.1: one request for each connection, small and in time.

use super::page;
use crate::engine::Engine;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Requests answered at a time.
const AT_A_TIME: usize = 16;
/// Bytes of the longest request.
const REQUEST_MAX: usize = 8 * 1024;
/// How long a request may take to arrive, and its answer to leave.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long accepting rests when the process is out of file descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Answers requests until the server stops; `commands` are the commands' names by number.
pub async fn serve(listener: TcpListener, engine: Arc<Engine>, commands: Arc<[&'static str]>) {
    let places = Arc::new(Semaphore::new(AT_A_TIME));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = engine.stop.cancelled() => return,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection for metrics");
                tokio::time::sleep(ACCEPT_REST).await;
                continue;
            }
        };
        // Above that, whoever asks is closed at once: scrapes come one at a time.
        let Ok(place) = places.clone().try_acquire_owned() else { continue };
        let (engine, commands) = (engine.clone(), commands.clone());
        tokio::spawn(async move {
            if let Ok(Err(error)) = tokio::time::timeout(PATIENCE, answer(stream, engine, commands)).await {
                tracing::debug!(%error, "a request for metrics came to nothing");
            }
            drop(place);
        });
    }
}

async fn answer(mut stream: TcpStream, engine: Arc<Engine>, commands: Arc<[&'static str]>) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|four| four == b"\r\n\r\n") {
        if request.len() > REQUEST_MAX {
            return respond(&mut stream, "431 Request Header Fields Too Large", "").await;
        }
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let line = request.split(|b| *b == b'\r').next().unwrap_or_default();
    let words: Vec<&[u8]> = line.split(|b| *b == b' ').collect();
    let path = match words.as_slice() {
        [b"GET" | b"HEAD", path, version] if version.starts_with(b"HTTP/1.") => *path,
        [_, _, version] if version.starts_with(b"HTTP/") => {
            return respond(&mut stream, "405 Method Not Allowed", "only GET\n").await;
        }
        _ => return respond(&mut stream, "400 Bad Request", "").await,
    };
    match path.split(|b| *b == b'?').next().unwrap_or_default() {
        b"/metrics" => {
            let text = tokio::task::spawn_blocking(move || page(&engine, &commands)).await;
            match text {
                Ok(text) => respond(&mut stream, "200 OK", &text).await,
                Err(_) => respond(&mut stream, "500 Internal Server Error", "").await,
            }
        }
        b"/healthz" if !engine.loading.is_active() => respond(&mut stream, "200 OK", "ok\n").await,
        b"/healthz" => respond(&mut stream, "503 Service Unavailable", "loading\n").await,
        _ => respond(&mut stream, "404 Not Found", "GET /metrics or /healthz\n").await,
    }
}

async fn respond(stream: &mut TcpStream, status: &str, body: &str) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}
