//! A blocking RESP client for setting a stage: pipelines many requests and counts the replies.
#![allow(dead_code, reason = "each benchmark uses its part")]

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

    /// Sends the requests of `run` together and returns the bulk strings of each reply, an empty list for a null.
    pub fn run(&mut self, run: &[u8], count: usize) -> io::Result<Vec<Vec<String>>> {
        self.stream.write_all(run)?;
        (0..count).map(|_| Ok(bulks(&self.reply()?))).collect()
    }

    /// Sends requests whose replies are [taken](Client::bulks) later.
    pub fn send(&mut self, run: &[u8]) -> io::Result<()> {
        self.stream.write_all(run)
    }

    /// Waits for a reply and returns its bulk strings.
    pub fn bulks(&mut self) -> io::Result<Vec<String>> {
        Ok(bulks(&self.reply()?))
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

/// The bulk strings of a reply, those of nested arrays included.
fn bulks(reply: &[u8]) -> Vec<String> {
    let (mut at, mut found) = (0, Vec::new());
    while let Some(end) = line_end(reply, at) {
        let len = match reply[at] {
            b'$' => std::str::from_utf8(&reply[at + 1..end]).ok().and_then(|n| n.parse::<usize>().ok()),
            _ => None,
        };
        at = end + 2;
        if let Some(len) = len {
            found.push(String::from_utf8_lossy(&reply[at..at + len]).into_owned());
            at += len + 2;
        }
    }
    found
}

/// Where the line that begins at `at` ends.
fn line_end(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..)?.windows(2).position(|pair| pair == b"\r\n").map(|end| at + end)
}

/// Length of the first whole RESP2 reply in `bytes`, nested arrays included.
fn reply_len(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut left) = (0, 1i64);
    while left > 0 {
        let line = bytes.get(at..)?;
        let end = line_end(line, 0)?;
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
