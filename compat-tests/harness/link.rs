//! A connection to whatever answers: a socket, or the library itself.

use super::value::{self, Value};
use std::{
    fs,
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    thread::sleep,
    time::{Duration, Instant},
};

/// What came within the time allowed.
pub enum Got {
    Value(Value),
    Nothing,
    Closed,
}

/// A connection: bytes go in, replies come out.
pub trait Link {
    fn send(&mut self, bytes: &[u8]) -> Result<(), String>;
    /// The next reply, waiting at most `patience`.
    fn receive(&mut self, patience: Duration) -> Result<Got, String>;
    /// Waits at most `patience` until the other end has read what was sent, where that can be seen; whether it had to wait.
    fn settle(&mut self, _patience: Duration) -> bool {
        false
    }
}

/// Bytes that came, of which the first are read.
#[derive(Default)]
pub struct Inbox {
    bytes: Vec<u8>,
    read: usize,
}

impl Inbox {
    pub fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next reply, once it is whole.
    pub fn take(&mut self) -> Result<Option<Value>, String> {
        let Some((value, len)) = value::read(&self.bytes[self.read..])? else { return Ok(None) };
        self.read += len;
        if self.read == self.bytes.len() {
            self.bytes.clear();
            self.read = 0;
        }
        Ok(Some(value))
    }
}

/// How long a write may stand before replies are read in between.
const TURN: Duration = Duration::from_millis(20);

/// A TCP connection. Reads while it sends, so that no number of commands in flight can lock both ends up.
pub struct Socket {
    stream: TcpStream,
    inbox: Inbox,
    closed: bool,
}

impl Socket {
    pub fn open(port: u16) -> Result<Self, String> {
        let stream = TcpStream::connect(("127.0.0.1", port)).map_err(|e| format!("cannot connect: {e}"))?;
        stream.set_nodelay(true).map_err(|e| e.to_string())?;
        stream.set_write_timeout(Some(TURN)).map_err(|e| e.to_string())?;
        Ok(Self { stream, inbox: Inbox::default(), closed: false })
    }

    /// Reads what is there, waiting at most `patience` for the first byte.
    fn fill(&mut self, patience: Duration) -> Result<(), String> {
        let mut chunk = [0; 65536];
        let patience = patience.max(Duration::from_micros(100));
        self.stream.set_read_timeout(Some(patience)).map_err(|e| e.to_string())?;
        match self.stream.read(&mut chunk) {
            Ok(0) => self.closed = true,
            Ok(n) => self.inbox.add(&chunk[..n]),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(e) if matches!(e.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {
                self.closed = true
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(format!("cannot read: {e}")),
        }
        Ok(())
    }
}

impl Link for Socket {
    fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        let mut left = bytes;
        while !left.is_empty() && !self.closed {
            match self.stream.write(left) {
                Ok(n) => left = &left[n..],
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    self.fill(TURN)?
                }
                Err(e) if matches!(e.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => break,
                Err(e) => return Err(format!("cannot write: {e}")),
            }
        }
        Ok(())
    }

    fn receive(&mut self, patience: Duration) -> Result<Got, String> {
        let until = Instant::now() + patience;
        loop {
            if let Some(value) = self.inbox.take()? {
                return Ok(Got::Value(value));
            }
            if self.closed {
                return Ok(Got::Closed);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Got::Nothing);
            }
            self.fill(left)?;
        }
    }

    fn settle(&mut self, patience: Duration) -> bool {
        let (Ok(own), Ok(peer)) = (self.stream.local_addr(), self.stream.peer_addr()) else { return false };
        // The other end, as Linux lists it: `N: ADDRESS:PORT ADDRESS:PORT STATE SENDING:UNREAD …`
        let ends = format!(":{:04X} 0100007F:{:04X} ", peer.port(), own.port());
        let until = Instant::now() + patience;
        let mut waited = false;
        loop {
            let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
            let queues = table.lines().find(|line| line.contains(&ends));
            let queues = queues.and_then(|line| line.split_whitespace().nth(4));
            if queues.is_none_or(|queues| queues.ends_with(":00000000")) || Instant::now() > until {
                return waited;
            }
            waited = true;
            sleep(Duration::from_millis(1));
        }
    }
}

/// `argv` as a client writes it: an array of bulks.
pub fn encode<'a>(argv: impl ExactSizeIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = format!("*{}\r\n", argv.len()).into_bytes();
    for word in argv {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
    out
}
