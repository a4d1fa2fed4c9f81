//! A blocking RESP client for setting a stage: pipelines many requests and counts the replies.

use crate::request::encode;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Requests are sent in runs of about this many bytes, small enough for the socket buffers.
const RUN_BYTES: usize = 64 * 1024;

/// One connection to a server under test.
pub struct Client {
    stream: TcpStream,
    received: Vec<u8>,
    /// Where in `received` the next reply starts.
    at: usize,
}

impl Client {
    /// Connects to `port` on the loopback interface.
    pub fn connect(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        Ok(Self { stream, received: Vec::new(), at: 0 })
    }

    /// Sends one request and returns its whole reply as it came over the wire; an error reply is an error.
    pub fn call(&mut self, parts: &[&str]) -> io::Result<Vec<u8>> {
        let mut request = Vec::new();
        encode(&mut request, parts);
        self.stream.write_all(&request)?;
        self.reply()
    }

    /// Sends the `count` requests that `request` writes, pipelined, and checks that none is refused.
    pub fn load(&mut self, count: usize, mut request: impl FnMut(usize, &mut Vec<u8>)) -> io::Result<()> {
        let (mut next, mut run) = (0, Vec::with_capacity(2 * RUN_BYTES));
        while next < count {
            let first = next;
            run.clear();
            while next < count && run.len() < RUN_BYTES {
                request(next, &mut run);
                next += 1;
            }
            self.stream.write_all(&run)?;
            for _ in first..next {
                self.reply()?;
            }
        }
        Ok(())
    }

    /// The underlying socket, for connections that only listen.
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }

    fn reply(&mut self) -> io::Result<Vec<u8>> {
        loop {
            let unread = &self.received[self.at..];
            if let Some(len) = reply_len(unread) {
                let reply = &unread[..len];
                self.at += len;
                if reply[0] == b'-' {
                    return Err(io::Error::other(String::from_utf8_lossy(reply).trim().to_string()));
                }
                return Ok(reply.to_vec());
            }
            self.received.drain(..self.at);
            self.at = 0;
            let mut buffer = [0; 16 * 1024];
            match self.stream.read(&mut buffer)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => self.received.extend_from_slice(&buffer[..n]),
            }
        }
    }
}

/// Length of the first whole RESP2 reply in `bytes`, nested arrays included.
fn reply_len(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut left) = (0, 1i64);
    while left > 0 {
        let line = bytes.get(at..)?;
        let end = line.windows(2).position(|w| w == b"\r\n")?;
        let n = std::str::from_utf8(&line[1..end]).ok().and_then(|n| n.parse::<i64>().ok()).unwrap_or(0);
        at += end + 2;
        left -= 1;
        match line[0] {
            b'$' if n >= 0 => at += n as usize + 2,
            b'*' => left += n.max(0),
            _ => {}
        }
    }
    (at <= bytes.len()).then_some(at)
}
