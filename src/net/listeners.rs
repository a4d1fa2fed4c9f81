//! The listening sockets together: as `bind` and `port` say, also when these change.

use super::tls::Tls;
use super::{Endpoint, Listener};
use crate::config::{self, Settings};
use crate::engine::Engine;
use parking_lot::Mutex;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A socket that somebody accepts on.
struct Open {
    endpoint: Endpoint,
    stop: CancellationToken,
}

/// Every socket the server listens on.
pub struct Listeners {
    open: Mutex<Vec<Open>>,
    tasks: TaskTracker,
    tls: Arc<Tls>,
}

/// An address to listen on, as `bind` writes it: `-` in front says that it may be missing.
struct Address<'a> {
    host: &'a str,
    optional: bool,
}

impl<'a> Address<'a> {
    fn parse(word: &'a str) -> Self {
        match word.strip_prefix('-') {
            Some(host) => Self { host, optional: true },
            None => Self { host: word, optional: false },
        }
    }

    /// Where it is, with `port`.
    fn resolve(&self, port: u16) -> io::Result<Vec<SocketAddr>> {
        match self.host {
            "*" => Ok(vec![(Ipv4Addr::UNSPECIFIED, port).into()]),
            "::*" => Ok(vec![(Ipv6Addr::UNSPECIFIED, port).into()]),
            host => Ok((host, port).to_socket_addrs()?.collect()),
        }
    }
}

/// Whether an optional address is merely missing on this machine.
fn is_missing(error: &io::Error) -> bool {
    const EPROTONOSUPPORT: i32 = 93;
    const EAFNOSUPPORT: i32 = 97;
    error.kind() == ErrorKind::AddrNotAvailable
        || matches!(error.raw_os_error(), Some(EPROTONOSUPPORT | EAFNOSUPPORT))
}

impl Listeners {
    /// No sockets yet; connections become tasks of `tasks`, those of `tls-port` are secured by `tls`.
    pub fn new(tasks: TaskTracker, tls: Arc<Tls>) -> Self {
        Self { open: Mutex::default(), tasks, tls }
    }

    /// Opens what the settings ask for and closes what they do not; all or nothing. Call it within the
    /// runtime.
    ///
    /// # Errors
    /// When an address cannot be listened on: what was open stays open.
    pub fn follow(&self, engine: &Arc<Engine>) -> Result<(), String> {
        let mut open = self.open.lock();
        let mut wanted: Vec<(Endpoint, Option<Listener>)> = Vec::new();
        let settings = &engine.settings;
        let backlog = settings.int(config::TCP_BACKLOG) as i32;
        for (endpoint, optional) in endpoints(settings)? {
            if open.iter().any(|o| o.endpoint == endpoint) || wanted.iter().any(|(e, _)| *e == endpoint) {
                wanted.push((endpoint, None));
                continue;
            }
            match Listener::bind(&endpoint, backlog, &self.tls) {
                Ok(listener) => wanted.push((endpoint, Some(listener))),
                Err(error) if optional && is_missing(&error) => {
                    tracing::info!(?endpoint, %error, "an optional address is not there");
                }
                Err(error) => {
                    let place = shown(&endpoint);
                    // Whoever starts a server for a test looks for these words, before any that tell of an error.
                    tracing::warn!(
                        "# Warning: Could not create server listening socket {place}: bind: {error}"
                    );
                    return Err(format!("{place}: {error}"));
                }
            }
        }
        if wanted.is_empty() {
            return Err("there is nothing to listen on: set port, tls-port or unixsocket".into());
        }
        open.retain(|old| {
            let keep = wanted.iter().any(|(endpoint, _)| *endpoint == old.endpoint);
            if !keep {
                old.stop.cancel();
            }
            keep
        });
        for (endpoint, listener) in wanted {
            let Some(listener) = listener else { continue };
            // Whoever starts a server for a test waits for these words, some for the star before them too.
            tracing::info!(address = %shown(&endpoint), "* Ready to accept connections {}", kind(&endpoint));
            let stop = engine.stop.child_token();
            self.tasks.spawn(listener.run(engine.clone(), self.tasks.clone(), stop.clone()));
            open.push(Open { endpoint, stop });
        }
        Ok(())
    }
}

fn shown(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Tcp(addr) => addr.to_string(),
        Endpoint::Tls(addr) => format!("{addr} (TLS)"),
        Endpoint::Unix(path, _) => path.display().to_string(),
    }
}

/// The word of Redis' log for the kind of address.
fn kind(endpoint: &Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Tcp(_) => "tcp",
        Endpoint::Tls(_) => "tls",
        Endpoint::Unix(..) => "unix",
    }
}

/// What `bind`, `port` and `unixsocket` ask for, and whether each may be missing.
fn endpoints(settings: &Settings) -> Result<Vec<(Endpoint, bool)>, String> {
    let mut found = Vec::new();
    for (name, endpoint) in
        [(config::PORT, Endpoint::Tcp as fn(SocketAddr) -> Endpoint), (config::TLS_PORT, Endpoint::Tls)]
    {
        let port = settings.int(name) as u16;
        if port == 0 {
            continue;
        }
        for word in settings.words(config::BIND) {
            let address = Address::parse(&word);
            match address.resolve(port) {
                Ok(addrs) => found.extend(addrs.into_iter().map(|a| (endpoint(a), address.optional))),
                Err(error) => return Err(format!("{word}: {error}")),
            }
        }
    }
    let path = settings.string(config::UNIXSOCKET);
    if !path.is_empty() {
        let mode = settings.int(config::UNIXSOCKETPERM) as u32;
        found.push((Endpoint::Unix(PathBuf::from(path), (mode != 0).then_some(mode)), false));
    }
    Ok(found)
}
