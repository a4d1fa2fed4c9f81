//! What a call touches, as its user's rules are asked about it. The same declarations lock the
//! shards, so what is checked is what is touched.

use super::log::note;
use crate::acl::{ChannelUse, Context, DatabaseUse, Denied, KeyUse, Question, Reason, Rules, User};
use crate::base::number;
use crate::command::{Channels, Command, Error, Found, RegistryEntry, Result, access, flag, registry};
use crate::commands::FAMILIES;
use crate::engine::{Client, Engine, Session};
use smallvec::SmallVec;

/// A call whose user's rules are to be asked.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The command.
    pub entry: RegistryEntry,
    /// The words of the call.
    pub argv: &'a [&'a [u8]],
    /// The database it works on.
    pub db: u32,
}

/// Lets a call of a user pass, or says what its rules do not allow. What is refused is
/// counted and written into the log. Not to be asked for users that may do everything.
///
/// # Errors
/// What is not allowed.
#[cold]
pub fn permit(
    engine: &Engine,
    client: &Client,
    user: &User,
    asked: &Asked<'_>,
    context: Context,
) -> std::result::Result<(), Denied> {
    let rules = user.rules();
    let Err(denied) = check(engine, &rules, asked) else { return Ok(()) };
    let counters = &engine.metrics.local().counters;
    let name = asked.entry.command.full_name.split('|').next().unwrap_or_default();
    let (reason, counter, object) = match denied {
        Denied::Command => {
            (Reason::Command, &counters.denied_commands, asked.entry.command.full_name.as_bytes())
        }
        Denied::Key(at) => (Reason::Key, &counters.denied_keys, asked.argv[at]),
        Denied::Channel(at) => (Reason::Channel, &counters.denied_channels, asked.argv[at]),
        // The command, by its own name, where the selected database is meant.
        Denied::Database(0) => (Reason::Database, &counters.denied_databases, name.as_bytes()),
        Denied::Database(at) => (Reason::Database, &counters.denied_databases, asked.argv[at]),
    };
    counter.add(1);
    note(engine, client, (reason, context), object, &user.name);
    Err(denied)
}

/// What the client of a refused call is told; `verbose` names what was refused.
pub fn denied(user: &str, asked: &Asked<'_>, denied: Denied, verbose: bool) -> String {
    let word = |at: usize| String::from_utf8_lossy(asked.argv[at]);
    match (denied, verbose) {
        (Denied::Command, _) => {
            format!("User {user} has no permissions to run the '{}' command", asked.entry.command.full_name)
        }
        (Denied::Key(_), false) => "No permissions to access a key".into(),
        (Denied::Channel(_), false) => "No permissions to access a channel".into(),
        (Denied::Database(_), false) => "No permissions to access database".into(),
        (Denied::Key(at), true) => format!("User {user} has no permissions to access the '{}' key", word(at)),
        (Denied::Channel(at), true) => {
            format!("User {user} has no permissions to access the '{}' channel", word(at))
        }
        (Denied::Database(at), true) => {
            format!("User {user} has no permissions to access database {}", word(at))
        }
    }
}

/// Whether a user may run a call; nothing is written down.
pub fn is_permitted(engine: &Engine, user: &User, asked: &Asked<'_>) -> bool {
    check(engine, &user.rules(), asked).is_ok()
}

/// Asks `rules` about a call.
pub(super) fn check(engine: &Engine, rules: &Rules, asked: &Asked<'_>) -> std::result::Result<(), Denied> {
    with_question(engine, rules, asked, |question| rules.check(question, &engine.acl.catalogue))
}

/// Lets SORT name keys by patterns (BY, GET) if the user may read every key.
///
/// # Errors
/// What is refused of it.
pub fn permit_patterns(engine: &Engine, session: &Session, argv: &[&[u8]], option: &str) -> Result {
    if session.user().is_unrestricted() {
        return Ok(());
    }
    let rules = session.user().rules();
    let entry = registry(FAMILIES).find(argv[0]);
    let every_key = entry.is_some_and(|entry| {
        let asked = Asked { entry, argv, db: session.db };
        with_question(engine, &rules, &asked, |question| {
            rules.reads_every_key(question, &engine.acl.catalogue)
        })
    });
    if every_key {
        return Ok(());
    }
    Err(Error::text(format!("ERR {option} option of SORT denied due to insufficient ACL permissions.")))
}

/// Gathers what a call touches, as far as `rules` care.
fn with_question<R>(
    engine: &Engine,
    rules: &Rules,
    asked: &Asked<'_>,
    ask: impl FnOnce(&Question<'_>) -> R,
) -> R {
    let (command, argv) = (asked.entry.command, asked.argv);
    let mut found: Vec<Found> = Vec::new();
    if rules.selectors().iter().any(|selector| selector.minds_keys()) {
        // A malformed call's handler touches none, and tells what is wrong, if its user may touch what it seems to name.
        if command.find_keys(argv, &mut found).is_err() {
            found = command.keys_loosely(argv);
        }
    }
    let keys: SmallVec<[KeyUse<'_>; 8]> = found
        .iter()
        .filter(|found| found.access & access::NOT_KEY == 0)
        .map(|found| {
            let changes = access::INSERT | access::UPDATE | access::DELETE;
            let (mut reads, mut writes) = (found.access & access::ACCESS != 0, found.access & changes != 0);
            if found.access & access::VARIABLE != 0 {
                (reads, writes) = variable(command, argv);
            }
            KeyUse::new(argv[found.at], found.at, reads, writes)
        })
        .collect();
    let channels: SmallVec<[ChannelUse<'_>; 4]> = channels(command, argv).collect();
    let mut databases = SmallVec::new();
    if rules.selectors().iter().any(|selector| selector.minds_databases()) {
        self::databases(asked, engine.keyspace.databases(), &mut databases);
    }
    let number = asked.entry.number;
    ask(&Question { command: number, argv, keys: &keys, channels: &channels, databases: &databases })
}

/// Whether a command that does what its options say reads, and whether it writes.
fn variable(command: &Command, argv: &[&[u8]]) -> (bool, bool) {
    let has = |word: &str| argv.iter().skip(2).any(|arg| arg.eq_ignore_ascii_case(word.as_bytes()));
    match command.full_name {
        // The value itself may be "get": then more is asked for than is needed.
        "set" => (argv.iter().skip(3).any(|arg| arg.eq_ignore_ascii_case(b"GET")), true),
        // What its words do not tell apart is a write.
        "bitfield" => (true, has("SET") || has("INCRBY") || !has("GET")),
        _ => (true, true),
    }
}

fn channels<'a>(command: &Command, argv: &'a [&'a [u8]]) -> impl Iterator<Item = ChannelUse<'a>> {
    let count = match command.channels {
        Channels::None => 0,
        Channels::First => 1,
        Channels::All | Channels::Patterns => argv.len() - 1,
    };
    let is_pattern = command.channels == Channels::Patterns;
    (1..argv.len()).take(count).map(move |at| ChannelUse { name: argv[at], at, is_pattern })
}

/// The databases that a call works on: those it names, else the selected one if it looks at data.
fn databases(asked: &Asked<'_>, count: usize, used: &mut SmallVec<[DatabaseUse; 2]>) {
    let (command, argv) = (asked.entry.command, asked.argv);
    let mut named = |at: usize| {
        // What is no database is refused by the handler.
        let number = argv.get(at).and_then(|word| number::parse_i64(word));
        let number = number.and_then(|n| u32::try_from(n).ok()).filter(|n| (*n as usize) < count);
        used.extend(number.map(|number| DatabaseUse { number: Some(number), at }));
    };
    match command.full_name {
        "select" => return named(1),
        "swapdb" => {
            named(1);
            return named(2);
        }
        "flushall" => return used.push(DatabaseUse { number: None, at: 0 }),
        "move" => named(2),
        "copy" => {
            (3..argv.len()).filter(|at| argv[*at].eq_ignore_ascii_case(b"DB")).for_each(|at| named(at + 1))
        }
        _ => {}
    }
    let has_keys = command.keys.iter().any(|keys| keys.access & access::NOT_KEY == 0);
    if has_keys || command.has(flag::READ | flag::WRITE) {
        used.push(DatabaseUse { number: Some(asked.db), at: 0 });
    }
}
