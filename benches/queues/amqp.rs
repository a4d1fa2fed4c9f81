//! As much of AMQP 0-9-1 as a producer with confirms and a consumer with manual acknowledgements need.
//!
//! ```text
//!  frame   type │ channel │ size │ payload │ 0xCE        type 1 method, 2 header, 3 body
//!          u8     u16       u32
//!  method  class │ number │ arguments
//!          u16     u16
//! ```

use crate::broker::QUEUE;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const END: u8 = 0xCE;
/// Class and number of the methods.
const START: (u16, u16) = (10, 10);
const TUNE: (u16, u16) = (10, 30);
const OPENED: (u16, u16) = (10, 41);
const CHANNEL_OPENED: (u16, u16) = (20, 11);
const DECLARED: (u16, u16) = (50, 11);
const QOS_DONE: (u16, u16) = (60, 11);
const CONSUMING: (u16, u16) = (60, 21);
const DELIVER: (u16, u16) = (60, 60);
const ACK: (u16, u16) = (60, 80);
const SELECTED: (u16, u16) = (85, 11);
/// Messages a consumer is sent ahead of its acknowledgements.
const PREFETCH: u16 = 16;
/// How long a consumer waits for a message before it looks whether the measurement is over.
const WAIT: Duration = Duration::from_millis(100);
/// How long everything else may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection with one channel.
pub struct Link {
    stream: TcpStream,
    received: Vec<u8>,
    /// Messages pushed, and those confirmed.
    pushed: u64,
    confirmed: u64,
    /// Messages of which the header and the body are still to come.
    delivered: Option<u64>,
}

fn short(out: &mut Vec<u8>, text: &str) {
    out.push(text.len() as u8);
    out.extend_from_slice(text.as_bytes());
}

fn frame(out: &mut Vec<u8>, kind: u8, channel: u16, payload: &[u8]) {
    out.push(kind);
    out.extend_from_slice(&channel.to_be_bytes());
    out.extend_from_slice(&(payload.len() as u32).to_be_bytes());
    out.extend_from_slice(payload);
    out.push(END);
}

fn method(out: &mut Vec<u8>, channel: u16, class: u16, number: u16, arguments: &[u8]) {
    let payload = [&class.to_be_bytes()[..], &number.to_be_bytes(), arguments].concat();
    frame(out, METHOD, channel, &payload);
}

fn u64_at(bytes: &[u8], at: usize) -> io::Result<u64> {
    let field = bytes.get(at..at + 8).and_then(|field| field.try_into().ok());
    field.map(u64::from_be_bytes).ok_or(io::ErrorKind::InvalidData.into())
}

impl Link {
    /// Connects, declares the queue and either asks for confirms or begins to consume.
    pub fn connect(port: u16, consumes: bool) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut link = Self { stream, received: Vec::new(), pushed: 0, confirmed: 0, delivered: None };
        link.stream.write_all(b"AMQP\0\0\x09\x01")?;
        link.expect(START)?;
        let mut words = 0u32.to_be_bytes().to_vec();
        short(&mut words, "PLAIN");
        words.extend_from_slice(&12u32.to_be_bytes());
        words.extend_from_slice(b"\0guest\0guest");
        short(&mut words, "en_US");
        link.call(0, 10, 11, &words)?;
        let limits = link.expect(TUNE)?;
        // Its limits are fine, but no heartbeats are wanted.
        link.call(0, 10, 31, &[&limits[..6], &[0, 0]].concat())?;
        link.call(0, 10, 40, b"\x01/\0\0")?;
        link.expect(OPENED)?;
        link.call(1, 20, 10, b"\0")?;
        link.expect(CHANNEL_OPENED)?;
        let mut words = vec![0, 0];
        short(&mut words, QUEUE);
        let queue = words.clone();
        const DURABLE: u8 = 2;
        words.push(DURABLE);
        words.extend_from_slice(&0u32.to_be_bytes());
        link.call(1, 50, 10, &words)?;
        link.expect(DECLARED)?;
        if consumes {
            link.call(1, 60, 10, &[&[0; 4][..], &PREFETCH.to_be_bytes(), &[0]].concat())?;
            link.expect(QOS_DONE)?;
            link.call(1, 60, 20, &[&queue[..], &[0; 6]].concat())?;
            link.expect(CONSUMING)?;
            link.stream.set_read_timeout(Some(WAIT))?;
        } else {
            link.call(1, 85, 10, &[0])?;
            link.expect(SELECTED)?;
        }
        Ok(link)
    }

    fn call(&mut self, channel: u16, class: u16, number: u16, arguments: &[u8]) -> io::Result<()> {
        let mut out = Vec::new();
        method(&mut out, channel, class, number, arguments);
        self.stream.write_all(&out)
    }

    /// The next frame: its type and payload.
    fn next(&mut self) -> io::Result<(u8, Vec<u8>)> {
        loop {
            if let Some(head) = self.received.get(..7) {
                let size = u32::from_be_bytes([head[3], head[4], head[5], head[6]]) as usize;
                if self.received.len() >= size + 8 {
                    let kind = head[0];
                    let payload = self.received[7..7 + size].to_vec();
                    self.received.drain(..size + 8);
                    return Ok((kind, payload));
                }
            }
            let mut buffer = [0; 16 * 1024];
            match self.stream.read(&mut buffer)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => self.received.extend_from_slice(&buffer[..n]),
            }
        }
    }

    /// The next method: class, number and arguments.
    fn next_method(&mut self) -> io::Result<((u16, u16), Vec<u8>)> {
        loop {
            let (kind, payload) = self.next()?;
            if kind == METHOD && payload.len() >= 4 {
                let name = (
                    u16::from_be_bytes([payload[0], payload[1]]),
                    u16::from_be_bytes([payload[2], payload[3]]),
                );
                return Ok((name, payload[4..].to_vec()));
            }
        }
    }

    fn expect(&mut self, wanted: (u16, u16)) -> io::Result<Vec<u8>> {
        match self.next_method()? {
            (name, arguments) if name == wanted => Ok(arguments),
            (name, arguments) => Err(io::Error::other(format!(
                "RabbitMQ answers {name:?}: {}",
                String::from_utf8_lossy(&arguments)
            ))),
        }
    }

    /// Waits for the header and the body of a delivery; returns its tag.
    fn delivery(&mut self) -> io::Result<u64> {
        loop {
            match (self.next()?, self.delivered) {
                ((METHOD, payload), None)
                    if payload.starts_with(&[0, DELIVER.0 as u8, 0, DELIVER.1 as u8]) =>
                {
                    self.delivered = Some(u64_at(&payload, 5 + usize::from(payload[4]))?);
                }
                ((HEADER, _), _) => {}
                ((BODY, _), Some(tag)) => {
                    self.delivered = None;
                    return Ok(tag);
                }
                ((kind, _), _) => {
                    return Err(io::Error::other(format!("RabbitMQ sends a frame of type {kind}")));
                }
            }
        }
    }
}

impl crate::broker::Link for Link {
    fn push(&mut self, body: &str, count: usize) -> io::Result<()> {
        let mut out = Vec::new();
        for _ in 0..count {
            let mut words = vec![0, 0, 0];
            short(&mut words, QUEUE);
            words.push(0);
            method(&mut out, 1, 60, 40, &words);
            let mut header = vec![0, 60, 0, 0];
            header.extend_from_slice(&(body.len() as u64).to_be_bytes());
            // One property: the delivery mode, 2 for persistent.
            header.extend_from_slice(&[0x10, 0, 2]);
            frame(&mut out, HEADER, 1, &header);
            frame(&mut out, BODY, 1, body.as_bytes());
        }
        self.stream.write_all(&out)?;
        self.pushed += count as u64;
        while self.confirmed < self.pushed {
            let arguments = self.expect(ACK)?;
            let (tag, is_multiple) = (u64_at(&arguments, 0)?, arguments[8] & 1 == 1);
            self.confirmed = if is_multiple { self.confirmed.max(tag) } else { self.confirmed + 1 };
        }
        Ok(())
    }

    fn pop(&mut self, _count: usize) -> io::Result<Vec<String>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn ack(&mut self, receipts: &[String]) -> io::Result<()> {
        let mut out = Vec::new();
        for receipt in receipts {
            let tag: u64 = receipt.parse().map_err(io::Error::other)?;
            method(&mut out, 1, ACK.0, ACK.1, &[&tag.to_be_bytes()[..], &[0]].concat());
        }
        self.stream.write_all(&out)
    }

    fn take(&mut self, count: usize) -> io::Result<usize> {
        let mut tags = Vec::new();
        // What has come is taken, but only the first is waited for.
        while tags.is_empty() || tags.len() < count && !self.received.is_empty() {
            match self.delivery() {
                Ok(tag) => tags.push(tag.to_string()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        self.ack(&tags).map(|()| tags.len())
    }
}
