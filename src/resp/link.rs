//! A connection to another server, as its client: blocking, with a deadline for each read and write.

use super::read::{Frame, decode_reply};
use super::{Protocol, encode};
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// The least read at once, in bytes; more when more has come.
const CHUNK: usize = 64 << 10;

/// Commands go out, replies come in, in RESP2.
pub struct Link {
    stream: TcpStream,
    out: Vec<u8>,
    buf: Vec<u8>,
    at: usize,
}

impl Link {
    /// Connects to the first address of `host` that answers.
    ///
    /// # Errors
    /// When none does within `timeout`, which holds for each later read and write as well.
    pub fn connect(host: &str, port: u16, timeout: Duration) -> io::Result<Self> {
        let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for address in (host, port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, timeout) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    let link = Link { stream, out: Vec::new(), buf: Vec::new(), at: 0 };
                    link.set_timeout(Some(timeout))?;
                    return Ok(link);
                }
                Err(e) => failure = e,
            }
        }
        Err(failure)
    }

    /// Sets how long a read or write may take.
    ///
    /// # Errors
    /// When the socket refuses it.
    pub fn set_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.stream.set_read_timeout(timeout)?;
        self.stream.set_write_timeout(timeout)
    }

    /// A second handle, for another thread to write by.
    ///
    /// # Errors
    /// When there is none to be had.
    pub fn writer(&self) -> io::Result<TcpStream> {
        self.stream.try_clone()
    }

    /// Adds a command to what [`Link::flush`] sends.
    pub fn push(&mut self, argv: &[&[u8]]) {
        encode(argv, &mut self.out);
    }

    /// Bytes that wait to be sent.
    pub fn unsent(&self) -> usize {
        self.out.len()
    }

    /// Sends what was added.
    ///
    /// # Errors
    /// When the socket fails or is too slow.
    pub fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.out)?;
        self.out.clear();
        Ok(())
    }

    /// The next reply.
    ///
    /// # Errors
    /// When the socket fails, is too slow or closed, or what comes is no reply.
    pub fn reply(&mut self) -> io::Result<Frame> {
        loop {
            let decoded = decode_reply(&self.buf[self.at..], Protocol::Resp2)
                .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
            if let Some((frame, len)) = decoded {
                self.at += len;
                return Ok(frame);
            }
            self.fill()?;
        }
    }

    /// Sends a command and returns its reply.
    ///
    /// # Errors
    /// As [`Link::reply`].
    pub fn ask(&mut self, argv: &[&[u8]]) -> io::Result<Frame> {
        self.push(argv);
        self.flush()?;
        self.reply()
    }

    /// Bytes that have come and were not taken.
    pub fn pending(&self) -> &[u8] {
        &self.buf[self.at..]
    }

    /// Takes `n` of the pending bytes.
    pub fn consume(&mut self, n: usize) {
        self.at += n;
    }

    /// Waits until more bytes are pending.
    ///
    /// # Errors
    /// When the socket fails, is too slow or closed.
    pub fn fill(&mut self) -> io::Result<()> {
        self.buf.drain(..self.at);
        self.at = 0;
        let len = self.buf.len();
        self.buf.resize(len + len.max(CHUNK), 0);
        let got = self.stream.read(&mut self.buf[len..]);
        self.buf.truncate(len + *got.as_ref().unwrap_or(&0));
        match got {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => Ok(()),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(e) => Err(e),
        }
    }
}

impl Read for Link {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.pending().is_empty() {
            match self.fill() {
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                done => done?,
            }
        }
        let n = self.pending().len().min(out.len());
        out[..n].copy_from_slice(&self.pending()[..n]);
        self.consume(n);
        Ok(n)
    }
}
