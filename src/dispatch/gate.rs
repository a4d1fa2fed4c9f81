//! The gates: an ordered list of small refusals that a call passes before it may touch anything.

use super::{Call, evict};
use crate::acl::{Context, Denied};
use crate::command::{Command, Error, Nest, Run, flag};
use crate::commands::access::{self, Asked};
use crate::commands::scripts::busy;
use crate::commands::scripts::prepare::declared;
use crate::config;
use crate::engine::{Engine, Flag, Paused, Running, Session};
use crate::log::Failure;
use crate::lua::Flags;

/// What the gates say of a call that they do not refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may run.
    Pass,
    /// It may run later.
    Hold,
}

/// What a gate looks at.
struct Visitor<'a> {
    engine: &'a Engine,
    session: &'a Session,
    command: &'static Command,
    call: &'a Call<'a>,
    now_ms: i64,
}

impl Visitor<'_> {
    /// The flags of what is about to run: EXEC is what was queued, and scripts are what they declare themselves. For that
    /// they are looked up, so that gates ask it last.
    fn flags(&self) -> u32 {
        match (&self.session.multi, self.command.run) {
            (Some(queue), Run::Nested(Nest::Exec)) => self.command.flags | queue.flags(),
            _ => flags_of(self.engine, self.command, self.call.argv),
        }
    }

    fn writes(&self) -> bool {
        self.flags() & flag::WRITE != 0
    }
}

/// What a call may do: a script that declares flags writes, and takes memory, unless they say otherwise.
pub(super) fn flags_of(engine: &Engine, command: &Command, argv: &[&[u8]]) -> u32 {
    let Run::Nested(Nest::Script(source)) = command.run else { return command.flags };
    match declared(engine, source, argv) {
        Some(flags) if flags.has(Flags::COMPATIBLE) => command.flags,
        Some(flags) => {
            let may = match () {
                () if flags.has(Flags::NO_WRITES) => 0,
                () if flags.has(Flags::ALLOW_OOM) => flag::WRITE,
                () => flag::WRITE | flag::GROWS,
            };
            command.flags & !flag::REPLICATES | may
        }
        None => command.flags,
    }
}

/// Declares the gates in their order, each with when it is open: then it lets every plain call pass, whatever it
/// is. No table of functions: most calls pass all of them, so they are to be inlined.
macro_rules! gates {
    ($($gate:ident is open if |$engine:pat_param, $session:pat_param, $now_ms:pat_param| $open:expr;)*) => {
        fn pass(visitor: &Visitor<'_>) -> Result<Verdict, Error> {
            $(if $gate(visitor)? == Verdict::Hold {
                return Ok(Verdict::Hold);
            })*
            Ok(Verdict::Pass)
        }

        /// Whether all gates are open.
        pub(super) fn are_open(engine: &Engine, session: &Session, now_ms: i64) -> bool {
            true $(&& {
                let ($engine, $session, $now_ms) = (engine, session, now_ms);
                $open
            })*
        }
    };
}

gates! {
    authentication is open if |engine, session, _| session.may_run(engine);
    script is open if |engine, _, _| engine.scripts.running() == Running::Well;
    transaction is open if |_, session, _| session.multi.is_none();
    rights is open if |_, session, _| session.user().is_unrestricted();
    listening is open if |_, session, _| !session.is_listening_only();
    memory is open if |engine, _, _| engine.memory_max().is_none();
    disk is open if |engine, _, _| !engine.saving.is_failing() && engine.log.failure().is_none();
    replicas is open if |engine, _, _| engine.settings.int(config::MIN_REPLICAS_TO_WRITE) == 0;
    loading is open if |engine, _, _| !engine.loading.is_active();
    monitoring is open if |_, session, _| !session.client.is(Flag::Monitor);
    pause is open if |engine, _, now_ms| engine.pause.state(now_ms).is_none();
    crowd is open if |engine, _, _| !engine.saving.crowd().is_full();
    backlog is open if |engine, _, _| !engine.log.is_full();
}

/// Asks all gates in order.
pub(super) fn ask(
    engine: &Engine,
    session: &Session,
    command: &'static Command,
    call: &Call<'_>,
    now_ms: i64,
) -> Result<Verdict, Error> {
    pass(&Visitor { engine, session, command, call, now_ms })
}

/// Nothing but AUTH, HELLO and the like before authentication.
fn authentication(v: &Visitor<'_>) -> Result<Verdict, Error> {
    if v.command.has(flag::NO_AUTH) || v.session.may_run(v.engine) {
        Ok(Verdict::Pass)
    } else {
        Err(Error::NO_AUTH)
    }
}

/// What the user's rules allow.
fn rights(v: &Visitor<'_>) -> Result<Verdict, Error> {
    if v.session.user().is_unrestricted() {
        return Ok(Verdict::Pass);
    }
    let context = if v.session.multi.is_some() { Context::Multi } else { Context::TopLevel };
    permit(v.engine, v.session, v.call, context).map_err(|(denied, asked)| {
        Error::text(format!("NOPERM {}", access::denied(&v.session.user().name, &asked, denied, false)))
    })?;
    Ok(Verdict::Pass)
}

/// Asks the rules of a session's user about a call, on behalf of a client, a transaction or a script.
/// Only to be asked for users that may not do everything.
pub(super) fn permit<'a>(
    engine: &Engine,
    session: &Session,
    call: &Call<'a>,
    context: Context,
) -> Result<(), (Denied, Asked<'a>)> {
    let Some(entry) = call.entry else { return Ok(()) };
    // Behind a SELECT that is queued, calls are about its database.
    let db = session.multi.as_ref().and_then(|queue| queue.db()).unwrap_or(session.db);
    let asked = Asked { entry, argv: call.argv, db };
    access::permit(engine, &session.client, session.user(), &asked, context).map_err(|denied| (denied, asked))
}

/// Asks about a blocked client's call, which runs on its behalf: its user's rules may have changed
/// since it was parked.
pub(super) fn refuse_waiter(engine: &Engine, client: u64, call: &Call<'_>, db: u32) -> Result<(), Error> {
    let client = engine.clients.get(client);
    let user = client.as_ref().and_then(|client| engine.acl.user(client.user.lock().as_bytes()));
    let (Some(client), Some(user), Some(entry)) = (client, user, call.entry) else { return Ok(()) };
    if user.is_unrestricted() {
        return Ok(());
    }
    let asked = Asked { entry, argv: call.argv, db };
    access::permit(engine, &client, &user, &asked, Context::TopLevel).map_err(|denied| {
        Error::text(format!("NOPERM {}", access::denied(&user.name, &asked, denied, false)))
    })
}

/// A subscribed RESP2 client gets messages that it could not tell from replies.
fn listening(v: &Visitor<'_>) -> Result<Verdict, Error> {
    if !v.session.is_listening_only() || v.command.has(flag::SUBSCRIBED) {
        return Ok(Verdict::Pass);
    }
    Err(Error::text(format!(
        "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
        v.command.full_name
    )))
}

/// Some commands cannot be queued.
fn transaction(v: &Visitor<'_>) -> Result<Verdict, Error> {
    if v.session.multi.is_some() && v.command.has(flag::NO_MULTI) {
        return Err(Error::new("ERR Command not allowed inside a transaction"));
    }
    Ok(Verdict::Pass)
}

/// No writes while snapshots fail that the settings ask for, or while the log cannot be written. PING tells those who
/// watch over the server.
fn disk(v: &Visitor<'_>) -> Result<Verdict, Error> {
    match may_write(v.engine) {
        Err(error) if v.command.name == "PING" || v.writes() => Err(error),
        _ => Ok(Verdict::Pass),
    }
}

/// No writes while fewer replicas follow than the settings ask for.
fn replicas(v: &Visitor<'_>) -> Result<Verdict, Error> {
    match has_replicas(v.engine) {
        Err(error) if v.writes() => Err(error),
        _ => Ok(Verdict::Pass),
    }
}

/// Refuses a write that too few replicas would take over: there are none.
pub(super) fn has_replicas(engine: &Engine) -> Result<(), Error> {
    if engine.settings.int(config::MIN_REPLICAS_TO_WRITE) == 0 { Ok(()) } else { Err(Error::NO_REPLICAS) }
}

/// Refuses a write that would not be kept.
pub(super) fn may_write(engine: &Engine) -> Result<(), Error> {
    let settings = &engine.settings;
    if engine.saving.is_failing()
        && settings.yes(config::STOP_WRITES_ON_BGSAVE_ERROR)
        && !settings.save_points().is_empty()
    {
        return Err(Error::UNSAVED);
    }
    engine.log.failure().map_or(Ok(()), |failure| Err(misconf(&failure)))
}

/// Writes wait while a snapshot has to take in what they change, and cannot follow.
fn crowd(v: &Visitor<'_>) -> Result<Verdict, Error> {
    let waits = v.engine.saving.crowd().is_full() && v.writes();
    Ok(if waits { Verdict::Hold } else { Verdict::Pass })
}

/// Who monitors gets what it could not tell from replies; Redis counts it among the replicas, and says so.
fn monitoring(v: &Visitor<'_>) -> Result<Verdict, Error> {
    let touches = flag::READ | flag::WRITE | flag::REPLICATES;
    if v.session.client.is(Flag::Monitor) && v.flags() & touches != 0 {
        return Err(Error::new("ERR Replica can't interact with the keyspace"));
    }
    Ok(Verdict::Pass)
}

/// CLIENT PAUSE.
fn pause(v: &Visitor<'_>) -> Result<Verdict, Error> {
    let Some((what, _)) = v.engine.pause.state(v.now_ms) else { return Ok(Verdict::Pass) };
    let held = what == Paused::All || v.flags() & (flag::WRITE | flag::REPLICATES) != 0;
    Ok(if held { Verdict::Hold } else { Verdict::Pass })
}

/// Above `maxmemory` room is made for every command; one that needs more memory runs only when there is some.
fn memory(v: &Visitor<'_>) -> Result<Verdict, Error> {
    if v.engine.memory_max().is_none() {
        return Ok(Verdict::Pass);
    }
    let grows = v.flags() & flag::GROWS != 0;
    let brought = if grows { v.call.argv.iter().map(|word| word.len()).sum() } else { 0 };
    v.engine.used.expect(brought, v.now_ms);
    let room = !is_full(v.engine, v.now_ms) || evict::make_room(v.engine, v.now_ms);
    if room || !grows { Ok(Verdict::Pass) } else { Err(Error::OUT_OF_MEMORY) }
}

/// Whether more memory is used than `maxmemory`.
pub(super) fn is_full(engine: &Engine, now_ms: i64) -> bool {
    engine.memory_max().is_some_and(|limit| engine.used.bytes(now_ms) > limit)
}

/// While a script runs for too long, little else does.
fn script(v: &Visitor<'_>) -> Result<Verdict, Error> {
    match v.engine.scripts.running() {
        Running::Busy if !v.command.has(flag::BUSY) => {
            Err(busy(v.engine.scripts.longest().is_some_and(|run| run.is_function)))
        }
        // What walks over all shards would wait for the script's.
        Running::Slow if matches!(v.command.run, Run::Sweep(_)) => Ok(Verdict::Hold),
        _ => Ok(Verdict::Pass),
    }
}

/// What clients are told while the log cannot be written.
pub fn misconf(failure: &Failure) -> Error {
    let why = failure.error.to_string();
    // As C tells it: without the number that Rust adds.
    let why = why.split(" (os error").next().unwrap_or_default();
    Error::text(format!("MISCONF Errors writing to the AOF file: {why}"))
}

/// Only what does not need the data set while it is loaded.
fn loading(v: &Visitor<'_>) -> Result<Verdict, Error> {
    if v.engine.loading.is_active() && !v.command.has(flag::LOADING) {
        return Err(Error::LOADING);
    }
    Ok(Verdict::Pass)
}

/// Writes wait while more than enough of them wait for the disk.
fn backlog(v: &Visitor<'_>) -> Result<Verdict, Error> {
    let waits = v.engine.log.is_full() && v.writes();
    Ok(if waits { Verdict::Hold } else { Verdict::Pass })
}
