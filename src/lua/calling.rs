//! `redis.call` and `redis.pcall`: from the words on the stack to the host, and the reply back.

use super::interp::State;
use super::reading::Reader;
use super::registry::Api;
use super::stack::{Callee, Ended, Stack, Type};
use super::{HOST, Refused, debug};
use crate::base::number::format_f64;
use crate::resp::Protocol;
use smallvec::SmallVec;

/// `redis.call`, or `server.call`: an error of the command is raised.
pub(super) struct Calls<const SERVER: bool>;
/// `redis.pcall`, or `server.pcall`: it is a value.
pub(super) struct Tries<const SERVER: bool>;

impl<const SERVER: bool> Callee for Calls<SERVER> {
    fn run(stack: &Stack, state: &State) -> Ended {
        call(stack, state, api(SERVER), Ended::Raises)
    }
}

impl<const SERVER: bool> Callee for Tries<SERVER> {
    fn run(stack: &Stack, state: &State) -> Ended {
        call(stack, state, api(SERVER), Ended::Returns)
    }
}

fn api(server: bool) -> Api {
    if server { Api::Server } else { Api::Redis }
}

pub(super) const NO_WORDS: &[u8] = b"ERR Please specify at least one argument for this redis lib call";
pub(super) const BAD_WORDS: &[u8] = b"ERR Lua redis lib command arguments must be strings or integers";

/// Bytes of the reply buffer that are kept from call to call.
const REPLY_KEPT: usize = 64 * 1024;

/// Numbers up to this are passed as whole numbers when they are.
const WHOLE_MAX: f64 = (1u64 << 62) as f64;

/// Appends a number as Redis passes it to a command.
pub(super) fn push_digits(n: f64, out: &mut SmallVec<[u8; 64]>) {
    if n.trunc() == n && n.abs() <= WHOLE_MAX {
        // Also a negative zero.
        out.extend_from_slice(itoa::Buffer::new().format(n as i64).as_bytes());
    } else if n.is_nan() {
        out.extend_from_slice(if n.is_sign_negative() { b"-nan" } else { b"nan" });
    } else {
        let mut text = Vec::with_capacity(32);
        format_f64(n, &mut text);
        out.extend_from_slice(&text);
    }
}

fn call(stack: &Stack, state: &State, api: Api, on_error: Ended) -> Ended {
    let n = stack.top();
    if n == 0 {
        let text = api.error(NO_WORDS);
        debug::note_error(text, false);
        return fail(stack, state, text, false, on_error);
    }
    // Numbers become words when all of them are written: the place of each, and where its digits end.
    let mut digits: SmallVec<[u8; 64]> = SmallVec::new();
    let mut numbers: SmallVec<[(usize, usize); 8]> = SmallVec::new();
    let mut argv: SmallVec<[&[u8]; 8]> = SmallVec::with_capacity(n as usize);
    for at in 1..=n {
        if let Some(text) = stack.text(at) {
            argv.push(text);
        } else if stack.kind(at) == Type::Number {
            push_digits(stack.number(at), &mut digits);
            numbers.push((argv.len(), digits.len()));
            argv.push(&[]);
        } else {
            let text = api.error(BAD_WORDS);
            debug::note_error(text, false);
            return fail(stack, state, text, false, on_error);
        }
    }
    let mut from = 0;
    for (place, to) in numbers {
        argv[place] = &digits[from..to];
        from = to;
    }
    debug::note_call(&argv);
    let mut reply = state.reply.borrow_mut();
    reply.clear(REPLY_KEPT);
    reply.set_protocol(if state.resp3.get() { Protocol::Resp3 } else { Protocol::Resp2 });
    let called = HOST.with(|host| host.call(&argv, &mut reply));
    // The words may fill all the room that there is.
    drop(argv);
    stack.cut(0);
    let ended = match called {
        Ok(()) => {
            debug::note_reply(&reply);
            match reply.parts() {
                (bytes, []) => Reader::new(stack, state.names(), bytes).push(),
                _ => Reader::new(stack, state.names(), &reply.to_vec()).push(),
            }
            Ended::Returns
        }
        Err(Refused { error, counted, ran }) => {
            let text = api.error(error.as_bytes());
            debug::note_error(text, ran);
            fail(stack, state, text, counted, on_error)
        }
    };
    match state.is_over_limit(&state.lua()) {
        true => {
            stack.push_text(b"not enough memory");
            Ended::Raises
        }
        false => ended,
    }
}

/// Pushes the table of an error.
pub(super) fn fail(stack: &Stack, state: &State, text: &[u8], counted: bool, ended: Ended) -> Ended {
    let names = state.names();
    // Room for where it is raised, which is added when nobody catches it.
    stack.push_table(0, if counted { 4 } else { 1 });
    stack.push(names.err);
    stack.push_text(text);
    stack.set_field(-3);
    if counted {
        stack.push(names.ignore_error_stats_update);
        stack.push_bool(true);
        stack.set_field(-3);
    }
    ended
}
