//! The listener: who may wait how long.

use super::{Method, Request, Response};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Connections at a time; above that the oldest one is closed.
const CONNECTIONS_MAX: usize = 128;
/// Requests answered at a time: it bounds the memory of what is written.
const AT_A_TIME: usize = 16;
/// How long a request may take to arrive, and its response to leave.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long what a refused request still sends is read away, so that its sender sees the response.
const FAREWELL: Duration = Duration::from_millis(500);
/// How long accepting rests when the process is out of file descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// The connections there are, oldest first.
#[derive(Default)]
struct Crowd {
    last: u64,
    members: BTreeMap<u64, CancellationToken>,
}

impl Crowd {
    /// Takes a connection in, at the cost of the oldest one when there are too many.
    fn enter(&mut self) -> (u64, CancellationToken) {
        if self.members.len() >= CONNECTIONS_MAX
            && let Some((_, oldest)) = self.members.pop_first()
        {
            oldest.cancel();
        }
        self.last += 1;
        let token = CancellationToken::new();
        self.members.insert(self.last, token.clone());
        (self.last, token)
    }
}

/// Answers requests with `answer` until `stop`.
pub async fn serve<A, F>(listener: TcpListener, stop: CancellationToken, answer: A)
where
    A: Fn(Request) -> F + Clone + Send + 'static,
    F: Future<Output = Response> + Send,
{
    let places = Arc::new(Semaphore::new(AT_A_TIME));
    let crowd = Arc::new(Mutex::new(Crowd::default()));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection over HTTP");
                tokio::time::sleep(ACCEPT_REST).await;
                continue;
            }
        };
        let (id, pushed_out) = crowd.lock().enter();
        let (crowd, places, answer) = (crowd.clone(), places.clone(), answer.clone());
        tokio::spawn(async move {
            tokio::select! {
                served = one(stream, &places, answer) => if let Err(error) = served {
                    tracing::debug!(%error, "a request over HTTP came to nothing");
                },
                () = pushed_out.cancelled() => {}
            }
            crowd.lock().members.remove(&id);
        });
    }
}

/// Serves one connection: one request.
async fn one<A, F>(mut stream: TcpStream, places: &Semaphore, answer: A) -> io::Result<()>
where
    A: Fn(Request) -> F,
    F: Future<Output = Response> + Send,
{
    let (peer, local) = (stream.peer_addr()?, stream.local_addr()?);
    let read = tokio::time::timeout(PATIENCE, Request::read(&mut stream, peer, local)).await;
    let Some(request) = read.map_err(|_| io::ErrorKind::TimedOut)?? else { return Ok(()) };
    let (method, response, _place) = match request {
        Ok(request) => {
            let Ok(place) = places.acquire().await else { return Ok(()) };
            (request.method, answer(request).await, Some(place))
        }
        Err(status) => (Method::Get, Response::text(status, format!("{}\n", status.line())), None),
    };
    tokio::time::timeout(PATIENCE, response.send(&mut stream, method))
        .await
        .map_err(|_| io::ErrorKind::TimedOut)??;
    // Closing with bytes unread resets the connection, and the response may be lost with it.
    let mut rest = [0; 4096];
    let drained = async { while stream.read(&mut rest).await.is_ok_and(|n| n > 0) {} };
    let _ = tokio::time::timeout(FAREWELL, drained).await;
    Ok(())
}
