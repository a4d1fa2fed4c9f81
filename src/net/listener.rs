//! Listening sockets.

use super::Connection;
use crate::engine::{Engine, Flag, Session};
use compact_str::{CompactString, format_compact};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio_util::task::TaskTracker;

/// How long accepting rests when the process is out of file descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Where to listen.
#[derive(Clone, Debug)]
pub enum Endpoint {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A unix socket, with its file mode if it is to be set.
    Unix(PathBuf, Option<u32>),
}

enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

/// A bound socket that accepts clients.
pub struct Listener {
    socket: Socket,
}

impl Listener {
    /// Binds `endpoint` with room for `backlog` connections not yet accepted.
    ///
    /// # Errors
    /// When the address is taken or not ours.
    pub fn bind(endpoint: &Endpoint, backlog: i32) -> io::Result<Self> {
        let socket = match endpoint {
            Endpoint::Tcp(addr) => {
                let domain = socket2::Domain::for_address(*addr);
                let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
                if addr.is_ipv6() {
                    socket.set_only_v6(true)?;
                }
                socket.set_reuse_address(true)?;
                socket.set_nonblocking(true)?;
                socket.bind(&(*addr).into())?;
                socket.listen(backlog)?;
                Socket::Tcp(TcpListener::from_std(socket.into())?)
            }
            Endpoint::Unix(path, mode) => {
                // A socket file that a killed server left behind.
                let _ = std::fs::remove_file(path);
                let listener = UnixListener::bind(path)?;
                if let Some(mode) = mode {
                    use std::os::unix::fs::PermissionsExt;
                    std::fs::set_permissions(path, std::fs::Permissions::from_mode(*mode))?;
                }
                Socket::Unix(listener, path.clone())
            }
        };
        Ok(Self { socket })
    }

    /// The TCP address it is bound to.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Tcp(listener) => listener.local_addr().ok(),
            Socket::Unix(..) => None,
        }
    }

    /// Accepts clients until the server stops.
    pub async fn run(self, engine: Arc<Engine>, tasks: TaskTracker) {
        let stop = engine.stop.clone();
        loop {
            let accepted = tokio::select! {
                accepted = self.accept(&engine, &tasks) => accepted,
                () = stop.cancelled() => break,
            };
            if let Err(error) = accepted {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
        if let Socket::Unix(_, path) = &self.socket {
            let _ = std::fs::remove_file(path);
        }
    }

    async fn accept(&self, engine: &Arc<Engine>, tasks: &TaskTracker) -> io::Result<()> {
        match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                prepare(&stream, engine)?;
                let local = stream.local_addr()?;
                serve(stream, engine, tasks, format_compact!("{peer}"), format_compact!("{local}"), false);
            }
            Socket::Unix(listener, path) => {
                let (stream, _) = listener.accept().await?;
                let name = format_compact!("{}:0", path.display());
                serve(stream, engine, tasks, name.clone(), name, true);
            }
        }
        Ok(())
    }
}

/// Sets a new connection's socket options.
fn prepare(stream: &TcpStream, engine: &Engine) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = engine.limits.tcp_keepalive();
    if !keepalive.is_zero() {
        let keepalive = socket2::TcpKeepalive::new()
            .with_time(keepalive)
            .with_interval((keepalive / 3).max(Duration::from_secs(1)))
            .with_retries(3);
        socket2::SockRef::from(stream).set_tcp_keepalive(&keepalive)?;
    }
    Ok(())
}

/// Starts a connection's task, unless there are too many.
fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    mut stream: S,
    engine: &Arc<Engine>,
    tasks: &TaskTracker,
    addr: CompactString,
    laddr: CompactString,
    unix: bool,
) {
    let now_ms = engine.now_ms();
    let Some(client) = engine.clients.connect(addr, laddr, now_ms, engine.limits.clients_max()) else {
        tasks.spawn(async move {
            // Best effort: it is being turned away.
            let _ = stream.write_all(b"-ERR max number of clients reached\r\n").await;
        });
        return;
    };
    client.set(Flag::UnixSocket, unix);
    let session = Session::new(client, engine);
    let connection = Connection::new(stream, engine.clone(), session);
    tasks.spawn(async move {
        connection.serve().await;
    });
}
