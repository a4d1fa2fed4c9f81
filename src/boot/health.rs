//! `--healthcheck`: asks the server of a configuration how it is, for containers and whoever watches over services.

use crate::config::{self, Settings};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How long connecting may take, and the answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes of an answer that are read.
const ANSWER_MAX: u64 = 512;

/// Asks; returns what it answered.
///
/// # Errors
/// Why it is not well, or does not answer.
pub(super) fn check(settings: &Settings) -> Result<String, String> {
    let (socket, port) = (settings.string(config::UNIXSOCKET), settings.int(config::PORT) as u16);
    let metrics = settings.string(config::METRICS_LISTEN);
    let answer = if port > 0 {
        addresses(settings).iter().map(|ip| over_tcp((*ip, port), PING)).reduce(Result::or)
    } else if !socket.is_empty() {
        Some(over_socket(&socket))
    } else if !metrics.is_empty() {
        // What speaks TLS alone may ask for certificates: this does not.
        Some(over_http(&metrics))
    } else {
        None
    };
    let answer =
        answer.ok_or("there is nothing to ask without TLS: set port, unixsocket or metrics-listen")?;
    let line = answer.map_err(|error| format!("it does not answer: {error}"))?;
    // Whoever may not ask is answered all the same.
    let is_well = ["+PONG", "-NOAUTH", "-NOPERM", "HTTP/1.1 200"].iter().any(|well| line.starts_with(well));
    if is_well { Ok(line) } else { Err(line) }
}

const PING: &[u8] = b"PING\r\n";

/// Where it listens, as far as this machine reaches it.
fn addresses(settings: &Settings) -> Vec<IpAddr> {
    let bind = settings.string(config::BIND);
    let words = bind.split(' ').map(|word| word.trim_start_matches('-'));
    let own = words.filter_map(|word| match word {
        "*" => Some(Ipv4Addr::LOCALHOST.into()),
        "::*" => Some(Ipv6Addr::LOCALHOST.into()),
        word => word.parse::<IpAddr>().ok().map(|ip| match (ip, ip.is_unspecified()) {
            (IpAddr::V4(_), true) => Ipv4Addr::LOCALHOST.into(),
            (IpAddr::V6(_), true) => Ipv6Addr::LOCALHOST.into(),
            _ => ip,
        }),
    });
    let own: Vec<IpAddr> = own.collect();
    if own.is_empty() { vec![Ipv4Addr::LOCALHOST.into()] } else { own }
}

fn over_tcp(address: (IpAddr, u16), request: &[u8]) -> io::Result<String> {
    let stream = TcpStream::connect_timeout(&address.into(), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    ask(stream, request)
}

fn over_socket(path: &str) -> io::Result<String> {
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    ask(stream, PING)
}

fn over_http(address: &str) -> io::Result<String> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    ask(stream, b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
}

/// Sends a request, and reads the first line of the answer.
fn ask(mut stream: impl Read + Write, request: &[u8]) -> io::Result<String> {
    stream.write_all(request)?;
    let mut line = String::new();
    BufReader::new(stream.take(ANSWER_MAX)).read_line(&mut line)?;
    match line.trim_end() {
        "" => Err(io::ErrorKind::UnexpectedEof.into()),
        line => Ok(line.to_owned()),
    }
}
