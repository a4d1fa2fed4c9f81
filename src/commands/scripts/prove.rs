//! Whether a script touches no key but those it is given, from the calls that its text shows.

use crate::base::number::parse_i64;
use crate::command::{Command, Find, Group, Run, registry};
use crate::commands::FAMILIES;
use crate::lua::keys::{Call, Shape};

/// Whether all calls are proven to touch given keys only.
pub fn declares_keys(calls: Option<&[Call]>) -> bool {
    calls.is_some_and(|calls| calls.iter().all(is_proven))
}

fn is_proven(call: &Call) -> bool {
    // An unknown command touches nothing: it is refused when it is called.
    let Some(entry) = registry(FAMILIES).find(&call.name) else { return true };
    let mut command = entry.command;
    if !command.subcommands().is_empty() {
        let Some(Shape::Text(name)) = call.args.first() else { return false };
        match registry(FAMILIES).find_sub(entry, name) {
            Some(sub) => command = sub.command,
            None => return true,
        }
    }
    match command.run {
        Run::Keyed(_) | Run::Waiting(_) => {
            command.keys.iter().all(|keys| holds_keys(command, &keys.find, &call.args))
        }
        // What tells of the server looks at every shard, but for its clock.
        Run::Outer(_) | Run::Slow(_) => command.group != Group::Server || command.name == "TIME",
        Run::Sweep(_) | Run::Nested(_) | Run::Container(_) => false,
    }
}

/// Whether keys that the script was given are wherever `find` looks for keys. Word 0 of a call is its command.
fn holds_keys(command: &Command, find: &Find, args: &[Shape]) -> bool {
    let open = matches!(args.last(), Some(Shape::Many | Shape::Keys));
    let key = |word: usize| args.get(word - 1) == Some(&Shape::Key);
    match *find {
        Find::At { first, last, step } => {
            let (first, step) = (usize::from(first), usize::from(step));
            if let Ok(last) = usize::try_from(last) {
                return (first..=last).step_by(step).all(|word| key(word) || word > args.len() && !open);
            }
            let end = args.len() + 1;
            match last {
                -1 if step == 1 => (first..end)
                    .all(|word| key(word) || word + 1 == end && args.get(word - 1) == Some(&Shape::Keys)),
                _ if open => false,
                _ => (first..end.saturating_sub(usize::from(last.unsigned_abs()) - 1)).step_by(step).all(key),
            }
        }
        Find::Counted { count, step } => {
            let count = usize::from(count);
            let Some(Shape::Text(n)) = args.get(count - 1) else { return false };
            let Some(n) = parse_i64(n).and_then(|n| usize::try_from(n).ok()) else { return !open };
            let words = (1..=n.min(args.len() + 1)).map(|at| count + 1 + (at - 1) * usize::from(step));
            words.into_iter().all(|word| key(word) || word > args.len() && !open)
        }
        // Words that decide where keys are may be anything.
        Find::After { .. } => false,
        Find::By(_) => command.keys.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lua::keys::calls;

    #[test]
    fn proven_are_scripts_that_touch_given_keys_only() {
        for (text, proven) in [
            ("return 1", true),
            ("return redis.call('GET', KEYS[1])", true),
            ("return redis.call('GET', ARGV[1])", false),
            ("redis.call('set', KEYS[1], ARGV[1], 'px', ARGV[2])", true),
            ("redis.call('del', unpack(KEYS))", true),
            ("redis.call('del', unpack(ARGV))", false),
            ("redis.call('del', KEYS[1], 'x')", false),
            ("redis.call('mset', KEYS[1], 1, KEYS[2], 2)", true),
            ("redis.call('mset', KEYS[1], 1, 'x', 2)", false),
            ("redis.call('hset', KEYS[1], unpack(ARGV))", true),
            ("redis.call('keys', '*')", false),
            ("redis.call('info')", false),
            ("redis.call('ping') redis.call('time')", true),
            ("redis.call('lastsave')", false),
            ("redis.call('publish', 'c', ARGV[1])", true),
            ("redis.call('sort', KEYS[1], 'by', 'x*')", false),
            ("redis.call('rename', KEYS[1], KEYS[2])", true),
            ("redis.call('rename', KEYS[1], 'x')", false),
            ("redis.call('object', 'encoding', KEYS[1])", true),
            ("redis.call('object', ARGV[1], KEYS[1])", false),
        ] {
            assert_eq!(declares_keys(calls(text.as_bytes()).as_deref()), proven, "{text}");
        }
    }
}
