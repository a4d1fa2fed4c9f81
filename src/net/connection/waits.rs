//! What a client waits for: to be served, to go on, to have its writes on disk.

use super::{Connection, State};
use crate::dispatch::{self, Unblock};
use crate::engine::{Engine, Reached, Running, WaitAof};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Ready when a parked or held client goes on; pending while it runs, too.
    pub(super) fn poll_state(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.state {
            State::Running | State::Deaf(_) | State::Closing(..) | State::Leaving(..) => Poll::Pending,
            State::Held(lifted) => {
                ready!(lifted.as_mut().poll(cx));
                self.state = State::Running;
                self.engine.end_wait(&self.session.client);
                Poll::Ready(())
            }
            State::Synced(synced, wait) => {
                let wait = **wait;
                let asked = self.session.client.unblock.load(Relaxed);
                if asked == 0 {
                    ready!(synced.as_mut().poll(cx));
                }
                self.end_waitaof(asked == 2, wait);
                Poll::Ready(())
            }
            State::Parked(parked, sleep) => {
                let (mut failed, mut ran, mut reply_len) = (false, true, 0);
                let from = self.output.mark();
                let asked = match self.session.client.unblock.load(Relaxed) {
                    0 => None,
                    1 => Some(Unblock::Timeout),
                    _ => Some(Unblock::Error),
                };
                let served = pin!(parked.served()).poll(cx);
                let ended = if let Poll::Ready(served) = served {
                    match served {
                        Some(served) => {
                            let reached = Reached { wrote: served.wrote, saw: served.saw };
                            (failed, ran) = (served.reply.is_error(), served.ran);
                            self.output.append(served.reply);
                            dispatch::mute_awaited(&mut self.session, &mut self.output, from);
                            reply_len = self.output.len_since(from);
                            let behind = self.session.client.outbox.take_behind();
                            behind.into_iter().for_each(|frame| self.output.raw_shared(frame));
                            let to = self.output.mark();
                            self.holding.add(&self.engine, &mut self.session, reached, from, to);
                        }
                        // Others have ended its wait, or its connection.
                        None => {
                            parked.cancel(&self.engine);
                            match asked {
                                Some(how) => {
                                    (reply_len, failed) =
                                        parked.answer(&self.engine, how, &mut self.session, &mut self.output);
                                }
                                None => ran = false,
                            }
                        }
                    }
                    true
                } else {
                    let due = sleep.as_mut().is_some_and(|sleep| sleep.as_mut().poll(cx).is_ready());
                    let timed_out = due && parked.is_over();
                    if due && !timed_out && asked.is_none() {
                        parked.try_again(&self.engine);
                        *sleep = parked.due().map(|at| Box::pin(tokio::time::sleep_until(at)));
                        cx.waker().wake_by_ref();
                    }
                    match asked.or(timed_out.then_some(Unblock::Timeout)) {
                        Some(how) if parked.cancel(&self.engine) => {
                            (reply_len, failed) =
                                parked.answer(&self.engine, how, &mut self.session, &mut self.output);
                            true
                        }
                        // Somebody is serving it just now: look again in a moment.
                        Some(_) => {
                            let again = tokio::time::sleep(Duration::from_millis(1));
                            let sleep = sleep.insert(Box::pin(again));
                            if sleep.as_mut().poll(cx).is_ready() {
                                cx.waker().wake_by_ref();
                            }
                            false
                        }
                        None => false,
                    }
                };
                if !ended {
                    return Poll::Pending;
                }
                parked.finish(&self.engine, &self.session.client);
                if ran {
                    dispatch::count_parked(&self.engine, &mut self.session, parked, reply_len, failed);
                }
                self.session.client.commands.add(1);
                self.state = State::Running;
                Poll::Ready(())
            }
        }
    }

    pub(super) fn begin_waitaof(&mut self, wait: Box<WaitAof>) {
        self.engine.begin_wait(&self.session.client, true);
        self.state = State::Synced(Box::pin(synced(self.engine.clone(), *wait)), wait);
    }

    fn end_waitaof(&mut self, refused: bool, wait: WaitAof) {
        self.engine.end_wait(&self.session.client);
        self.state = State::Running;
        self.output.set_protocol(self.session.protocol());
        let from = self.output.mark();
        self.answer_waitaof(refused, wait);
        dispatch::mute_awaited(&mut self.session, &mut self.output, from);
    }

    fn answer_waitaof(&mut self, refused: bool, wait: WaitAof) {
        if refused {
            return self.output.raw(dispatch::UNBLOCKED);
        }
        if !wait.tells_local {
            return self.output.int(0);
        }
        let log = &self.engine.log;
        if wait.needs_log && !log.is_on() {
            return self.output.error(&WaitAof::NO_LOG);
        }
        self.output.array(2);
        self.output.int((log.is_on() && log.durable() >= self.session.wrote).into());
        self.output.int(0);
    }

    /// Holds the client until what holds all of them back is over.
    pub(super) fn hold_until_free(&mut self) {
        self.hold(may_go_on(self.engine.clone()));
    }

    /// Holds the client until `lifted`: it counts as blocked meanwhile.
    pub(super) fn hold(&mut self, lifted: impl Future<Output = ()> + Send + 'static) {
        self.engine.begin_wait(&self.session.client, false);
        self.state = State::Held(Box::pin(lifted));
    }
}

/// Completes when what holds clients back is over: a snapshot or a log that cannot follow, CLIENT PAUSE, a script that
/// takes long.
async fn may_go_on(engine: Arc<Engine>) {
    let mut changes = engine.scripts.changes();
    engine.log.room().await;
    engine.saving.crowd().room().await;
    while let Some((_, until_ms)) = engine.pause.state(engine.now_ms()) {
        let left = until_ms.saturating_sub(engine.now_ms()).max(1) as u64;
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(left)) => {}
            () = engine.pause.lifted() => {}
        }
    }
    if engine.scripts.running() == Running::Slow {
        // It never fails: the engine has the sender.
        let _ = changes.changed().await;
    }
}

/// Between two looks at a log that fails, or is turned off.
const LOOK: Duration = Duration::from_millis(100);

/// Completes when what `wait` asks for is reached, its time is over, or the log that it needs is turned off.
async fn synced(engine: Arc<Engine>, wait: WaitAof) {
    let reached = async {
        while wait.lsn > 0 && engine.log.until_durable(wait.lsn).await.is_err() {
            tokio::time::sleep(LOOK).await;
        }
        if wait.replicas > 0 {
            // There are none that could have it.
            std::future::pending::<()>().await;
        }
    };
    let over = async {
        match wait.timeout_ms {
            0 => std::future::pending().await,
            ms => tokio::time::sleep(Duration::from_millis(ms)).await,
        }
    };
    let off = async {
        while engine.log.is_on() {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::select! {
        () = reached => {}
        () = over => {}
        () = off, if wait.needs_log => {}
    }
}
