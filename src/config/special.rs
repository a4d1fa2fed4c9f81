//! The values with a grammar of their own: save points, output buffer limits, keyspace events, lists.

use super::kind::{Refusal, Value, choice, one_of, parse_memory};
use crate::base::number::{leading_i64, parse_f64, parse_i64};
use crate::base::text::until_nul;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// Classes of keyspace events: a letter of `notify-keyspace-events` each.
pub mod events {
    /// `K`: publish `__keyspace@<db>__:<key>`.
    pub const KEYSPACE: i64 = 1;
    /// `E`: publish `__keyevent@<db>__:<event>`.
    pub const KEYEVENT: i64 = 1 << 1;
    /// `g`: commands of no type, as DEL and EXPIRE.
    pub const GENERIC: i64 = 1 << 2;
    /// `$`: strings.
    pub const STRING: i64 = 1 << 3;
    /// `l`: lists.
    pub const LIST: i64 = 1 << 4;
    /// `s`: sets.
    pub const SET: i64 = 1 << 5;
    /// `h`: hashes.
    pub const HASH: i64 = 1 << 6;
    /// `z`: sorted sets.
    pub const ZSET: i64 = 1 << 7;
    /// `x`: keys that expired.
    pub const EXPIRED: i64 = 1 << 8;
    /// `e`: keys that were evicted.
    pub const EVICTED: i64 = 1 << 9;
    /// `t`: streams.
    pub const STREAM: i64 = 1 << 10;
    /// `m`: reads of keys that are not there; not part of `A`.
    pub const KEY_MISS: i64 = 1 << 11;
    /// `d`: types of modules.
    pub const MODULE: i64 = 1 << 13;
    /// `n`: keys that were created; not part of `A`.
    pub const NEW: i64 = 1 << 14;
    /// `q`: queues; not part of `A`.
    pub const QUEUE: i64 = 1 << 15;
    /// `o`: keys that were given another value as a whole; not part of `A`.
    pub const OVERWRITTEN: i64 = 1 << 16;
    /// `c`: … of another type; not part of `A`.
    pub const TYPE_CHANGED: i64 = 1 << 17;
    /// `A`: all classes but `m`, `n`, `o`, `c` and `q`.
    pub const ALL: i64 = GENERIC | STRING | LIST | SET | HASH | ZSET | EXPIRED | EVICTED | STREAM | MODULE;

    /// The letters in the order in which they are shown, the destinations last.
    pub(super) const LETTERS: [(u8, i64); 17] = [
        (b'g', GENERIC),
        (b'$', STRING),
        (b'l', LIST),
        (b's', SET),
        (b'h', HASH),
        (b'z', ZSET),
        (b'x', EXPIRED),
        (b'e', EVICTED),
        (b't', STREAM),
        (b'd', MODULE),
        (b'n', NEW),
        (b'o', OVERWRITTEN),
        (b'c', TYPE_CHANGED),
        (b'K', KEYSPACE),
        (b'E', KEYEVENT),
        (b'm', KEY_MISS),
        (b'q', QUEUE),
    ];
}

pub(super) fn parse_events(word: &[u8]) -> Result<i64, Refusal> {
    let mut bits = 0;
    for letter in word {
        bits |= match events::LETTERS.iter().find(|(l, _)| l == letter) {
            Some((_, bit)) => *bit,
            None if *letter == b'A' => events::ALL,
            None => return Err("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.".into()),
        };
    }
    Ok(bits)
}

/// As Redis shows them: `A` stands for the classes it has, and then hides `n`, `o` and `c`.
pub(super) fn format_events(bits: i64) -> String {
    let all = bits & events::ALL == events::ALL;
    let hidden = if all { events::ALL | events::NEW | events::OVERWRITTEN | events::TYPE_CHANGED } else { 0 };
    let letters = events::LETTERS.iter().filter(|(_, bit)| bits & !hidden & bit != 0);
    all.then_some('A').into_iter().chain(letters.map(|(letter, _)| *letter as char)).collect()
}

/// One `save` point: a snapshot when so many changes happened within so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// Seconds since the last snapshot.
    pub seconds: i64,
    /// Changes since the last snapshot.
    pub changes: i64,
}

pub(super) fn parse_save(words: &[&[u8]]) -> Result<Vec<u8>, Refusal> {
    // One that is empty, as C sees it.
    if matches!(words, [[] | [0, ..]]) {
        return Ok(Vec::new());
    }
    let number = |word: &&[u8]| match leading_i64(until_nul(word)) {
        (n, []) => Some(n),
        _ => None,
    };
    let numbers: Option<Vec<i64>> = words.iter().map(number).collect();
    let numbers =
        numbers.filter(|numbers| numbers.len().is_multiple_of(2)).ok_or("Invalid save parameters")?;
    if numbers.chunks_exact(2).any(|pair| pair[0] < 1 || pair[1] < 0) {
        return Err("Invalid save parameters".into());
    }
    // Redis keeps the changes in 32 bits.
    let points = numbers.chunks_exact(2).map(|pair| format!("{} {}", pair[0], pair[1] as i32));
    Ok(points.collect::<Vec<_>>().join(" ").into_bytes())
}

/// The save points of a parsed `save` value.
pub(super) fn save_points(text: &[u8]) -> Vec<SavePoint> {
    let numbers: Vec<i64> = text.split(|b| *b == b' ').filter_map(parse_i64).collect();
    numbers.chunks_exact(2).map(|pair| SavePoint { seconds: pair[0], changes: pair[1] }).collect()
}

/// A class of clients with its own output buffer limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientClass {
    /// Everyone else.
    Normal = 0,
    /// Replicas.
    Replica = 1,
    /// Whoever subscribed to a channel.
    PubSub = 2,
}

/// How much unsent output a client may have before it is disconnected; 0 means no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// Bytes at which it is disconnected at once.
    pub hard_bytes: i64,
    /// Bytes at which it is disconnected when they last for `soft_seconds`.
    pub soft_bytes: i64,
    /// See `soft_bytes`.
    pub soft_seconds: i64,
}

pub(super) fn parse_output_limits(words: &[&[u8]], current: &Value) -> Result<Vec<u8>, Refusal> {
    // A text without any changes none.
    if words.is_empty() || words != [b""] && !words.len().is_multiple_of(4) {
        return Err("Wrong number of arguments in buffer limit configuration.".into());
    }
    let mut limits = match current {
        Value::Text(text) => output_limits(text),
        Value::Number(_) => Default::default(),
    };
    for four in words.chunks_exact(4) {
        let class = match four[0].to_ascii_lowercase().as_slice() {
            b"normal" => ClientClass::Normal,
            b"slave" | b"replica" => ClientClass::Replica,
            b"pubsub" => ClientClass::PubSub,
            _ => return Err("Invalid client class specified in buffer limit configuration.".into()),
        };
        let seconds = parse_i64(four[3]).filter(|n| (0..=i32::MAX.into()).contains(n));
        let (Some(hard_bytes), Some(soft_bytes), Some(soft_seconds)) =
            (parse_memory(four[1]), parse_memory(four[2]), seconds)
        else {
            return Err("Error in hard, soft or soft_seconds setting in buffer limit configuration.".into());
        };
        limits[class as usize] = OutputLimit { hard_bytes, soft_bytes, soft_seconds };
    }
    let shown = ["normal", "slave", "pubsub"].iter().zip(limits).map(|(class, limit)| {
        let OutputLimit { hard_bytes, soft_bytes, soft_seconds } = limit;
        format!("{class} {hard_bytes} {soft_bytes} {soft_seconds}")
    });
    Ok(shown.collect::<Vec<_>>().join(" ").into_bytes())
}

/// The limits of a parsed `client-output-buffer-limit` value, by [`ClientClass`].
pub(super) fn output_limits(text: &[u8]) -> [OutputLimit; 3] {
    let mut numbers = text.split(|b| *b == b' ').filter_map(parse_i64);
    let mut next = || numbers.next().unwrap_or(0);
    std::array::from_fn(|_| OutputLimit { hard_bytes: next(), soft_bytes: next(), soft_seconds: next() })
}

pub(super) fn parse_directory(word: &[u8]) -> Result<Vec<u8>, Refusal> {
    let path = Path::new(std::ffi::OsStr::from_bytes(word));
    match path.canonicalize() {
        Ok(path) if path.is_dir() => Ok(path.into_os_string().into_vec()),
        Ok(_) => Err("Not a directory".into()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err("No such file or directory".into()),
        Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => Err("Permission denied".into()),
        Err(e) => Err(e.to_string().into()),
    }
}

/// Addresses to listen on: `*`, a name or a number, each with `-` before it when it may be missing.
pub(super) fn addresses(words: &[&[u8]]) -> Result<(), Refusal> {
    const ADDRESSES_MAX: usize = 16;
    if words.len() > ADDRESSES_MAX {
        return Err("Too many bind addresses specified.".into());
    }
    let legal = |b: &u8| b.is_ascii_alphanumeric() || b"*:.-_%".contains(b);
    match words.iter().all(|word| word.iter().all(legal)) {
        true => Ok(()),
        false => Err("Failed to bind to specified addresses.".into()),
    }
}

/// Percentiles between 0 and 100.
pub(super) fn parse_percentiles(words: &[&[u8]]) -> Result<Vec<u8>, Refusal> {
    let mut shown = Vec::new();
    if words == [b""] {
        return Ok(shown);
    }
    for word in words {
        match parse_f64(word) {
            Some(n) if (0.0..=100.0).contains(&n) => {
                if !shown.is_empty() {
                    shown.push(b' ');
                }
                // As C's %g shows it: six digits, and no zeros behind them.
                let digits = if n < 1.0 { 6 } else { 5 - n.log10() as usize };
                let text = format!("{n:.digits$}");
                let text =
                    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
                shown.extend_from_slice(text.as_bytes());
            }
            Some(_) => {
                return Err(
                    "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]".into()
                );
            }
            None => return Err("Invalid latency-tracking-info-percentiles parameters".into()),
        }
    }
    Ok(shown)
}

/// The three values of `oom-score-adj-values`.
pub(super) fn oom_scores(words: &[&[u8]]) -> Result<(), Refusal> {
    if words.len() != 3 {
        return Err("wrong number of arguments".into());
    }
    match words.iter().all(|w| parse_i64(w).is_some_and(|n| (-2000..=2000).contains(&n))) {
        true => Ok(()),
        false => Err("Invalid oom-score-adj-values, elements must be between -2000 and 2000.".into()),
    }
}

/// `replicaof`: a host and a port, or `no one`.
pub(super) fn primary(words: &[&[u8]]) -> Result<(), Refusal> {
    match words {
        [b""] => Ok(()),
        [no, one] if no.eq_ignore_ascii_case(b"no") && one.eq_ignore_ascii_case(b"one") => Ok(()),
        [host, _] if !host.iter().all(|b| b.is_ascii_alphanumeric() || b".:-_%".contains(b)) => {
            Err("Invalid master host".into())
        }
        [_, port] if parse_i64(port).is_some_and(|n| (0..=65535).contains(&n)) => Ok(()),
        [_, _] => Err("Invalid master port".into()),
        _ => Err("wrong number of arguments".into()),
    }
}

/// How a signal may stop the server; the first word adds nothing.
pub(super) const SHUTDOWN: [&str; 5] = ["default", "save", "nosave", "now", "force"];

/// The bits of [`SHUTDOWN`], from its second word on.
pub(super) fn parse_shutdown(words: &[&[u8]]) -> Result<i64, Refusal> {
    let mut bits = 0;
    for word in words {
        match choice(&SHUTDOWN, word) {
            Some(0) => {}
            Some(at) => bits |= 1 << (at - 1),
            None => return Err(one_of(&SHUTDOWN)),
        }
    }
    match bits & 0b11 {
        0b11 => Err("shutdown options SAVE and NOSAVE can't be used simultaneously".into()),
        _ => Ok(bits),
    }
}

pub(super) fn format_shutdown(bits: i64) -> String {
    let chosen = SHUTDOWN.iter().skip(1).enumerate().filter(|(bit, _)| bits & (1 << bit) != 0);
    match bits {
        0 => SHUTDOWN[0].into(),
        _ => chosen.map(|(_, word)| *word).collect::<Vec<_>>().join(" "),
    }
}

/// A title with `{names}` of what is known when it is set; `{{` stands for a brace. It must say something even
/// where `{title}`, the words of the command line, is empty.
pub(super) fn parse_title(word: &[u8]) -> Result<Vec<u8>, Refusal> {
    const NAMES: [&[u8]; 7] =
        [b"title", b"listen-addr", b"server-mode", b"port", b"tls-port", b"unixsocket", b"config-file"];
    let refusal = || Refusal::from("template format is invalid or contains unknown variables");
    let text = word.split(|b| *b == 0).next().unwrap_or_default();
    let (mut rest, mut says) = (text, false);
    while let Some((first, behind)) = rest.split_first() {
        if *first != b'{' {
            (rest, says) = (behind, says || *first != b' ');
        } else if behind.first() == Some(&b'{') {
            (rest, says) = (&behind[1..], true);
        } else {
            let end = behind.iter().position(|b| *b == b'}').ok_or_else(refusal)?;
            let name = NAMES.iter().position(|name| *name == &behind[..end]).ok_or_else(refusal)?;
            (rest, says) = (&behind[end + 1..], says || name > 0);
        }
    }
    if says { Ok(text.to_vec()) } else { Err(refusal()) }
}
