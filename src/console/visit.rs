//! A call of the console: by the same door as everybody's.

use super::sessions::may;
use crate::dispatch::{self, Calls, Outcome};
use crate::engine::{Engine, Session};
use crate::resp::read::{Frame, decode_reply};
use crate::resp::{Protocol, Reply};
use std::time::{Duration, Instant};

/// How long a call that is held back is tried again.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two tries.
const REST: Duration = Duration::from_millis(10);

/// A session at work.
pub(super) struct Visit<'a> {
    pub engine: &'a Engine,
    pub session: &'a mut Session,
}

impl Visit<'_> {
    /// Runs a call; what is refused is told as the client would be.
    pub(super) fn call(&mut self, words: &[&[u8]]) -> Result<Frame, String> {
        let (engine, start) = (self.engine, Instant::now());
        let calls = Calls::of(words.iter().copied());
        // A call that was given up before is not gone on with.
        self.session.begun = None;
        loop {
            let mut reply = Reply::new(Protocol::Resp3);
            let now_ms = engine.now_ms();
            self.session.client.active_ms.store(now_ms, std::sync::atomic::Ordering::Relaxed);
            self.session.tick = engine.metrics.tick();
            match dispatch::run(engine, self.session, calls.get(0), now_ms, &mut reply) {
                Outcome::Done(reached) => {
                    engine.tell_prefixes();
                    let wrote = if engine.log.is_always() { reached.wrote } else { 0 };
                    self.settle(wrote.max(reached.saw))?;
                    return read(&reply.to_vec());
                }
                Outcome::Wait(parked) => {
                    // Nothing that the page runs waits; a call that did would be given up.
                    parked.cancel(engine);
                    parked.finish(engine, &self.session.client);
                    return Err("ERR it would have to wait".into());
                }
                Outcome::Hold | Outcome::Again if start.elapsed() < PATIENCE => std::thread::sleep(REST),
                Outcome::Hold | Outcome::Again => return Err("BUSY the server holds calls back".into()),
            }
        }
    }

    /// The same if the user may run it. What the page asks for again and again is not written into ACL LOG each time.
    pub(super) fn ask(&mut self, words: &[&[u8]]) -> Result<Frame, String> {
        if may(self.engine, self.session, words) {
            return self.call(words);
        }
        let what = String::from_utf8_lossy(words[0]).to_lowercase();
        Err(format!("NOPERM the user {} may not run '{what}' here", self.session.user().name))
    }

    /// Waits until what was seen and done is as durable as the settings want it.
    fn settle(&self, until: crate::log::Lsn) -> Result<(), String> {
        let log = &self.engine.log;
        if until <= log.durable() {
            return Ok(());
        }
        let durable = tokio::runtime::Handle::current().block_on(log.until_durable(until));
        durable.map_err(|failure| dispatch::misconf(&failure).to_string())
    }
}

fn read(bytes: &[u8]) -> Result<Frame, String> {
    match decode_reply(bytes, Protocol::Resp3) {
        Ok(Some((Frame::SimpleError { data, .. }, _))) => Err(data),
        Ok(Some((Frame::BlobError { data, .. }, _))) => Err(String::from_utf8_lossy(&data).into_owned()),
        Ok(Some((frame, _))) => Ok(frame),
        Ok(None) => Err("ERR there was no whole reply".into()),
        Err(error) => Err(format!("ERR {error}")),
    }
}
