//! What the debugger of scripts and its client say to each other, on the client's own connection, while a call of it runs.

use crate::engine::Client;
use crate::lua::debug::{self, Heard};
use crate::resp::Reply;
use crate::resp::decode::{Batch, Decoder, Limits};
use bumpalo::Bump;
use bytes::{Buf, BytesMut};
use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::time::timeout;

/// How long the client is waited for at once.
const MOMENT: Duration = Duration::from_millis(20);
/// How long a reply may take to be sent.
const SEND_MAX: Duration = Duration::from_secs(5);
/// A command has this many words at most, and this many bytes.
const WORDS_MAX: usize = 1024;
const BYTES_MAX: usize = 1 << 20;

/// The connection, to a session.
pub struct Terminal<'a, S> {
    stream: &'a mut S,
    client: &'a Client,
    decoder: Decoder,
    input: BytesMut,
    is_gone: bool,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Terminal<'a, S> {
    /// A terminal of `client`, where a call may wait for it: `None` when nobody else would take this thread's work over.
    pub fn new(stream: &'a mut S, client: &'a Client) -> Option<Self> {
        let runtime = Handle::try_current().ok()?;
        let new = Self { stream, client, decoder: Decoder::new(), input: BytesMut::new(), is_gone: false };
        (runtime.runtime_flavor() == RuntimeFlavor::MultiThread).then_some(new)
    }

    /// The next whole command among the bytes received.
    fn next(&mut self) -> Option<Heard> {
        if *self.input.first()? != b'*' {
            return Some(Heard::Malformed);
        }
        let limits = Limits { bulk_len_max: BYTES_MAX, args_max: WORDS_MAX, ..Limits::default() };
        let (unquoted, mut batch) = (Bump::new(), Batch::default());
        let used = match self.decoder.decode(&self.input, &limits, 1, &unquoted, &mut batch) {
            Ok(used) => used,
            Err(_) => return Some(Heard::Malformed),
        };
        let heard = match batch.is_empty() {
            // Neither a whole request nor a part of one that may be sent here.
            false if batch.request(0).iter().any(|word| word.is_empty()) => Some(Heard::Malformed),
            true if used > 0 || self.input.len() > BYTES_MAX => Some(Heard::Malformed),
            true => None,
            false => Some(Heard::Words(batch.request(0).iter().map(|word| word.to_vec()).collect())),
        };
        drop(batch);
        self.input.advance(used);
        heard
    }
}

/// Waits for `f`, `most` at most, while other threads do this one's work.
fn wait<T>(most: Duration, f: impl Future<Output = io::Result<T>>) -> Option<io::Result<T>> {
    tokio::task::block_in_place(|| Handle::current().block_on(timeout(most, f)).ok())
}

impl<S: AsyncRead + AsyncWrite + Unpin> debug::Terminal for Terminal<'_, S> {
    fn say(&mut self, lines: &[Vec<u8>]) {
        let mut reply = Reply::default();
        reply.array(lines.len());
        lines.iter().for_each(|line| reply.raw(&[b"+", &**line, b"\r\n"].concat()));
        let bytes = reply.to_vec();
        let sent = wait(SEND_MAX, async {
            self.stream.write_all(&bytes).await?;
            self.stream.flush().await
        });
        self.is_gone |= !matches!(sent, Some(Ok(())));
    }

    fn hear(&mut self) -> Heard {
        loop {
            if self.is_gone {
                return Heard::Gone;
            }
            if let Some(heard) = self.next() {
                return heard;
            }
            match wait(MOMENT, self.stream.read_buf(&mut self.input)) {
                None if !self.client.outbox.is_closing() => return Heard::Nothing,
                Some(Ok(1..)) => {}
                None | Some(Ok(0) | Err(_)) => self.is_gone = true,
            }
        }
    }
}
