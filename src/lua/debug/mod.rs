//! The debugger of scripts: a session over the client's own connection, as `redis-cli --ldb` holds it.
//!
//! ```text
//! EVAL … ──▶ * Stopped at 1, stop reason = step over     ◀── the line hook, before a line runs
//!            -> 1   local x = redis.call('get', KEYS[1])
//! step   ──▶ <redis> get k / <reply> "v" / * Stopped at 2 …
//! …          (an array of statuses for each command)
//! continue ▶ <endsession>, then the reply of EVAL
//! ```
//!
//! - [`Session`] is what a session knows; it belongs to the thread that runs the script. While a command of the debugger is
//!   carried out it is taken out of its place, so that what that command runs is not debugged itself.
//! - The [`Terminal`] reaches the client. Waiting for it ends when the host does not let the script go on.

mod command;
mod show;

use super::calling::fail;
use super::interp::{self, Limited, State, look};
use super::stack::{Callee, Ended, Kept, Stack};
use super::{HOST, api};
use crate::resp::Reply;
use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

/// What is behind a line that was cut.
const CUT: &[u8] = b" ...";
/// Bytes of a value or a reply that are shown, unless the client asks for others; at least [`SHOWN_MIN`].
const SHOWN_MAX: usize = 256;
const SHOWN_MIN: usize = 60;

/// What a client in a session has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The words of a command: one at least.
    Words(Vec<Vec<u8>>),
    /// Nothing yet.
    Nothing,
    /// No request.
    Malformed,
    /// It is gone.
    Gone,
}

/// The client of a debugging session.
pub trait Terminal {
    /// Sends `lines` as one reply.
    fn say(&mut self, lines: &[Vec<u8>]);

    /// Waits for the next command, for a moment.
    fn hear(&mut self) -> Heard;
}

scoped_tls_hkt::scoped_thread_local!(
    /// The client whose calls this thread runs, if it may debug scripts.
    static mut TERMINAL: for<'a> &'a mut (dyn Terminal + 'a)
);

thread_local! {
    static SESSION: RefCell<Option<Box<Session>>> = const { RefCell::new(None) };
    /// Whether there is one.
    static IS_ON: Cell<bool> = const { Cell::new(false) };
}

/// Runs `f`, within which a script may be debugged by the client at `terminal`.
pub fn at_terminal<R>(terminal: &mut dyn Terminal, f: impl FnOnce() -> R) -> R {
    TERMINAL.set(terminal, f)
}

/// Whether a script could be debugged here.
pub fn has_terminal() -> bool {
    TERMINAL.is_set()
}

/// What a script is debugged with.
pub struct Session {
    /// The lines of its text.
    source: Vec<Vec<u8>>,
    /// The line it has come to.
    line: i64,
    /// Lines to stop at, in the order in which they were asked for.
    breaks: Vec<i64>,
    /// Whether it stops at the next line.
    steps: bool,
    /// Whether it called `redis.breakpoint`.
    asked: bool,
    /// What is said with the next reply.
    said: Vec<Vec<u8>>,
    /// Bytes of a value that are shown; 0 is all.
    shown_max: usize,
    /// Whether it was said how values are shown whole.
    hinted: bool,
    /// For how long it may run without a stop; `None` is without end.
    patience: Option<Duration>,
    /// When it went on.
    since: Instant,
    /// Whether the script ends when its client is gone.
    ends_alone: bool,
}

/// Why a script stops.
#[derive(Clone, Copy)]
enum Stop {
    Step,
    Break,
    Asked,
    Patience,
}

/// How a session goes on after a command, and ends.
enum Next {
    /// It asks for another one.
    Ask,
    /// The script runs.
    Run,
    /// The script fails with this error.
    Fail(&'static [u8]),
    /// The host has ended the script.
    Stopped,
}

/// What of the interpreter a session works with.
#[derive(Clone, Copy)]
pub(super) struct Tools<'a> {
    pub stack: &'a Stack,
    pub state: &'a State,
    /// The prelude's function that runs code in an environment like a script's.
    pub evaluate: Kept,
    /// What is behind the tables that scripts may only read.
    pub real: Kept,
}

impl Session {
    /// Begins a session about the script `body`, which is stopped after `patience` of running, if any is
    /// given, and ends with its client if `ends_alone`.
    pub fn begin(body: &[u8], patience: Option<Duration>, ends_alone: bool) {
        let end = body.iter().rposition(|byte| !b"\r\n".contains(byte)).map_or(0, |last| last + 1);
        let session = Self {
            source: body[..end].split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect(),
            line: 0,
            breaks: Vec::new(),
            steps: true,
            asked: false,
            said: Vec::new(),
            shown_max: SHOWN_MAX,
            hinted: false,
            patience,
            since: Instant::now(),
            ends_alone,
        };
        IS_ON.set(true);
        SESSION.set(Some(Box::new(session)));
    }

    /// Ends the session; its client is told unless the script has not begun.
    pub fn end(began: bool) {
        IS_ON.set(false);
        if let Some(mut session) = SESSION.take()
            && began
        {
            session.say(b"<endsession>".to_vec());
            session.send();
        }
    }

    fn say(&mut self, mut line: Vec<u8>) {
        line.iter_mut().filter(|byte| b"\r\n".contains(byte)).for_each(|byte| *byte = b' ');
        self.said.push(line);
    }

    /// Says what may be long.
    fn show(&mut self, mut line: Vec<u8>) {
        let cut = self.shown_max > 0 && line.len() > self.shown_max;
        if cut {
            line.truncate(self.shown_max);
            line.extend_from_slice(CUT);
        }
        self.say(line);
        if cut && !self.hinted {
            self.hinted = true;
            self.say(b"<hint> The above reply was trimmed. Use 'maxlen 0' to disable trimming.".to_vec());
        }
    }

    fn show_error(&mut self, text: &[u8], ran: bool) {
        self.say(show::error(text, ran));
        if ran {
            self.show(show::reply(&[b"-", text, b"\r\n"].concat()));
        }
    }

    fn send(&mut self) {
        let lines = std::mem::take(&mut self.said);
        if TERMINAL.is_set() {
            TERMINAL.with(|terminal| terminal.say(&lines));
        }
    }

    /// Whether what the script calls is shown.
    fn shows_calls(&self) -> bool {
        self.steps
    }

    /// Why the script stops where it is, if it does.
    fn stop(&self, is_count: bool) -> Option<Stop> {
        match () {
            () if self.asked => Some(Stop::Asked),
            () if self.breaks.contains(&self.line) => Some(Stop::Break),
            () if self.steps => Some(Stop::Step),
            () if is_count && self.patience.is_some_and(|most| self.since.elapsed() >= most) => {
                Some(Stop::Patience)
            }
            () => None,
        }
    }

    /// Tells the client where the script has stopped, and carries out its commands until it goes on.
    fn hold(&mut self, tools: Tools<'_>, why: Stop) -> Next {
        (self.steps, self.asked) = (false, false);
        let reason = match why {
            Stop::Step => "step over",
            Stop::Break => "break point",
            Stop::Asked => "redis.breakpoint() called",
            Stop::Patience => "timeout reached, infinite loop?",
        };
        self.say(format!("* Stopped at {}, stop reason = {reason}", self.line).into_bytes());
        self.say_line(self.line);
        self.send();
        HOST.with(|host| host.waits());
        let next = self.converse(tools, why);
        self.since = Instant::now();
        next
    }

    fn converse(&mut self, tools: Tools<'_>, why: Stop) -> Next {
        loop {
            let heard = TERMINAL.with(|terminal| terminal.hear());
            match heard {
                Heard::Words(words) => match self.obey(tools, &words) {
                    Next::Ask => self.send(),
                    next => return next,
                },
                Heard::Nothing => {
                    let place = || Some(format!("@user_script:{}", self.line));
                    if look(tools.stack.lua(), tools.state, place).is_err() {
                        return Next::Stopped;
                    }
                }
                Heard::Malformed => return Next::Fail(b"ERR protocol error"),
                // It runs to its end, unless it has none.
                Heard::Gone if self.ends_alone || matches!(why, Stop::Patience) => {
                    return Next::Fail(b"ERR timeout during Lua debugging with client closing connection");
                }
                Heard::Gone => {
                    self.breaks.clear();
                    return Next::Run;
                }
            }
        }
    }
}

/// Whether the script that begins, or runs, is debugged.
pub fn is_on() -> bool {
    IS_ON.get()
}

/// Runs `f` with the session, if there is one and no command of its client is being carried out.
fn with_session<R>(f: impl FnOnce(&mut Session) -> R) -> Option<R> {
    SESSION.with_borrow_mut(|session| session.as_mut().map(|session| f(session)))
}

/// Runs `f` when what the script calls is shown.
fn while_shown(f: impl FnOnce(&mut Session)) {
    if IS_ON.get() {
        with_session(|session| {
            if session.shows_calls() {
                f(session);
            }
        });
    }
}

/// Shows the words of a call.
pub(super) fn note_call(argv: &[&[u8]]) {
    while_shown(|session| session.say(show::call(argv)));
}

/// Shows the reply to a call.
pub(super) fn note_reply(reply: &Reply) {
    while_shown(|session| session.show(show::reply(&reply.to_vec())));
}

/// Shows an error that a function of `redis.*` tells; `ran` when a command answered it.
pub(super) fn note_error(text: &[u8], ran: bool) {
    while_shown(|session| session.show_error(text, ran));
}

/// Shows an error that the script makes.
pub(super) fn note_error_reply(text: &[u8]) {
    while_shown(|session| session.say(show::error(text, true)));
}

/// `redis.breakpoint()`: whether the script stops at its next line.
pub(super) struct Breakpoint;

impl Callee for Breakpoint {
    fn run(stack: &Stack, _: &State) -> Ended {
        stack.push_bool(IS_ON.get() && with_session(|session| session.asked = true).is_some());
        Ended::Returns
    }
}

/// `redis.debug(…)`: says its arguments.
pub(super) struct Values;

impl Callee for Values {
    fn run(stack: &Stack, _: &State) -> Ended {
        if IS_ON.get() {
            // It is the interpreter of this thread that runs, so it is there.
            let _ = interp::with(|interp| note_values(stack, interp.real()));
        }
        stack.push_nil();
        Ended::Returns
    }
}

/// Says the values at `1..=stack.top()`.
fn note_values(stack: &Stack, real: Kept) {
    with_session(|session| {
        let mut line = format!("<debug> line {}: ", session.line).into_bytes();
        for at in 1..=stack.top() {
            if at > 1 {
                line.extend_from_slice(b", ");
            }
            stack.push_copy(at);
            show::value(stack, real, &mut line);
        }
        session.say(line);
    });
}

/// What the hook of a debugged script does: before a line runs, and now and then (`is_count`). With [`Ended::Raises`] the
/// script fails with the error on top of the stack.
pub(super) fn step(tools: Tools<'_>, is_count: bool) -> Ended {
    let Tools { stack, state, .. } = tools;
    let _lifted = Limited::lifted(stack.lua(), state);
    let stopped = || {
        stack.push_text(b"script stopped");
        Ended::Raises
    };
    if is_count && look(stack.lua(), state, || api::place(stack.lua())).is_err() {
        return stopped();
    }
    let Some(frame) = stack.frame(0).filter(|frame| frame.is_script()) else { return Ended::Returns };
    let Some(mut session) = SESSION.take() else { return Ended::Returns };
    session.line = frame.line;
    let next = session.stop(is_count).map(|why| session.hold(tools, why));
    SESSION.set(Some(session));
    match next {
        None | Some(Next::Ask | Next::Run) => Ended::Returns,
        Some(Next::Fail(text)) => fail(stack, state, text, false, Ended::Raises),
        Some(Next::Stopped) => stopped(),
    }
}
