//! Listening sockets.

use super::Connection;
use super::tls::Tls;
use crate::acl::User;
use crate::config;
use crate::engine::{Engine, Flag, Session};
use compact_str::{CompactString, format_compact};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long accepting rests when the process is out of file descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A TCP address where TLS is spoken.
    Tls(SocketAddr),
    /// A unix socket, with its file mode if it is to be set.
    Unix(PathBuf, Option<u32>),
}

enum Socket {
    Tcp(TcpListener),
    Tls(TcpListener, Arc<Tls>),
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
    pub fn bind(endpoint: &Endpoint, backlog: i32, tls: &Arc<Tls>) -> io::Result<Self> {
        let socket = match endpoint {
            Endpoint::Tcp(addr) | Endpoint::Tls(addr) => {
                let domain = socket2::Domain::for_address(*addr);
                let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
                if addr.is_ipv6() {
                    socket.set_only_v6(true)?;
                }
                socket.set_reuse_address(true)?;
                socket.set_nonblocking(true)?;
                socket.bind(&(*addr).into())?;
                socket.listen(backlog)?;
                let listener = TcpListener::from_std(socket.into())?;
                match endpoint {
                    Endpoint::Tls(_) => Socket::Tls(listener, tls.clone()),
                    _ => Socket::Tcp(listener),
                }
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
            Socket::Tcp(listener) | Socket::Tls(listener, _) => listener.local_addr().ok(),
            Socket::Unix(..) => None,
        }
    }

    /// Accepts clients until `stop`.
    pub async fn run(self, engine: Arc<Engine>, tasks: TaskTracker, stop: CancellationToken) {
        let listening = engine.listening.token();
        engine.loading.at_once().await;
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
        drop(self);
        drop(listening);
    }

    async fn accept(&self, engine: &Arc<Engine>, tasks: &TaskTracker) -> io::Result<()> {
        match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                prepare(&stream, engine)?;
                let peer = Peer::of(&stream, peer)?;
                serve(stream, engine, tasks, peer);
            }
            Socket::Tls(listener, tls) => {
                let (stream, peer) = listener.accept().await?;
                prepare(&stream, engine)?;
                let mut peer = Peer::of(&stream, peer)?;
                let (engine, tls, tasks_of) = (engine.clone(), tls.clone(), tasks.clone());
                tasks.spawn(async move {
                    match tls.greet(stream, &engine).await {
                        Ok((stream, user)) => {
                            peer.user = user;
                            serve(stream, &engine, &tasks_of, peer);
                        }
                        Err(why) => tracing::debug!(addr = %peer.addr, "no TLS connection: {why}"),
                    }
                });
            }
            Socket::Unix(listener, path) => {
                let (stream, _) = listener.accept().await?;
                let name = format_compact!("{}:0", path.display());
                let peer =
                    Peer { addr: name.clone(), laddr: name, fd: stream.as_raw_fd(), ip: None, user: None };
                serve(stream, engine, tasks, peer);
            }
        }
        Ok(())
    }
}

/// Who has connected, and where.
struct Peer {
    addr: CompactString,
    laddr: CompactString,
    fd: i32,
    /// `None` for a unix socket.
    ip: Option<IpAddr>,
    /// Whom its certificate names.
    user: Option<Arc<User>>,
}

impl Peer {
    fn of(stream: &TcpStream, peer: SocketAddr) -> io::Result<Self> {
        Ok(Self {
            addr: format_compact!("{peer}"),
            laddr: format_compact!("{}", stream.local_addr()?),
            fd: stream.as_raw_fd(),
            ip: Some(peer.ip()),
            user: None,
        })
    }
}

/// Sets a new connection's socket options.
fn prepare(stream: &TcpStream, engine: &Engine) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = Duration::from_secs(engine.settings.int(config::TCP_KEEPALIVE) as u64);
    if !keepalive.is_zero() {
        let keepalive = socket2::TcpKeepalive::new()
            .with_time(keepalive)
            .with_interval((keepalive / 3).max(Duration::from_secs(1)))
            .with_retries(3);
        socket2::SockRef::from(stream).set_tcp_keepalive(&keepalive)?;
    }
    Ok(())
}

/// Why a connection is turned away.
const TOO_MANY: &str = "-ERR max number of clients reached\r\n";
const PROTECTED: &str = "-DENIED Synap is in protected mode: no password is set, so only clients of the same \
     machine are served. To connect from elsewhere, do one of: 1) set a password with 'requirepass', and use AUTH; \
     2) from the same machine, send CONFIG SET protected-mode no, if nobody else can reach this server; 3) start it \
     with --protected-mode no.\r\n";

/// Starts a connection's task, unless it has to be turned away.
fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    mut stream: S,
    engine: &Arc<Engine>,
    tasks: &TaskTracker,
    peer: Peer,
) {
    let limit = engine.settings.int(config::MAXCLIENTS) as usize;
    let stranger = peer.ip.is_some_and(|ip| !ip.to_canonical().is_loopback());
    let refused = stranger && engine.settings.yes(config::PROTECTED_MODE) && !engine.password_required();
    let Peer { addr, laddr, fd, ip, user } = peer;
    let client = match refused {
        true => {
            engine.clients.refuse();
            None
        }
        false => engine.clients.connect(addr, laddr, fd, engine.now_ms(), limit),
    };
    let Some(client) = client else {
        let why = if refused { PROTECTED } else { TOO_MANY };
        tasks.spawn(async move {
            // Best effort: it is being turned away.
            let _ = tokio::time::timeout(Duration::from_secs(1), stream.write_all(why.as_bytes())).await;
        });
        return;
    };
    client.set(Flag::UnixSocket, ip.is_none());
    let mut session = Session::new(client, engine);
    if let Some(user) = user {
        session.log_in(user);
    }
    tasks.spawn(Connection::new(stream, engine.clone(), session));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::dispatch;
    use tokio::io::AsyncReadExt;

    /// Whoever loses its connection when the server stops, and connects again at once, is not let in for a moment.
    #[tokio::test(flavor = "multi_thread")]
    async fn connections_outlive_the_listener() {
        let engine = Arc::new(Engine::new(Settings::new(), dispatch::registry().catalogue()));
        let local = (std::net::Ipv4Addr::LOCALHOST, 0).into();
        let listener = Listener::bind(&Endpoint::Tcp(local), 16, &Arc::default()).unwrap();
        let address = listener.local_addr().unwrap();
        let tasks = TaskTracker::new();
        tasks.spawn(listener.run(engine.clone(), tasks.clone(), engine.stop.child_token()));
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"SHUTDOWN NOSAVE\r\n").await.unwrap();
        assert_eq!(client.read_to_end(&mut Vec::new()).await.unwrap_or(0), 0);
        let refused = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        tasks.close();
        tasks.wait().await;
    }
}
