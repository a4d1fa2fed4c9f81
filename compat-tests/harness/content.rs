//! Everything in a data set, as lines that two servers have in common when they hold the same.

use super::{link::Link, play::ask, value::Value};

/// The content of all databases: a line per key, field, element or entry, sorted by key.
pub fn lines(link: &mut dyn Link) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    for db in 0..16 {
        if ask(link, &[b"SELECT", db.to_string().as_bytes()])? != Value::Simple(b"OK".to_vec()) {
            break;
        }
        let mut keys = bulks(ask(link, &[b"KEYS", b"*"])?);
        keys.sort();
        for key in keys {
            let name = format!("{db} {}", String::from_utf8_lossy(&key));
            let mut found = value(link, &key)?;
            found.push(format!("expires {}", ask(link, &[b"PEXPIRETIME", &key])?));
            // Due in between: gone here, perhaps not yet there.
            if ask(link, &[b"EXISTS", &key])? == Value::Int(1) {
                lines.extend(found.into_iter().map(|line| format!("{name}: {line}")));
            }
        }
    }
    Ok(lines)
}

fn value(link: &mut dyn Link, key: &[u8]) -> Result<Vec<String>, String> {
    let Value::Simple(kind) = ask(link, &[b"TYPE", key])? else {
        return Err("TYPE answers no status".into());
    };
    let mut tell = |words: &[&[u8]]| ask(link, words);
    let mut lines = vec![format!("{} ", String::from_utf8_lossy(&kind))];
    match &kind[..] {
        b"string" => lines.push(tell(&[b"GET", key])?.to_string()),
        b"list" => lines.push(tell(&[b"LRANGE", key, b"0", b"-1"])?.to_string()),
        b"set" => lines.extend(sorted(tell(&[b"SMEMBERS", key])?, 1)),
        b"zset" => lines.push(tell(&[b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"])?.to_string()),
        b"hash" => {
            lines.extend(sorted(tell(&[b"HGETALL", key])?, 2));
            for field in bulks(tell(&[b"HKEYS", key])?) {
                let at = tell(&[b"HPEXPIRETIME", key, b"FIELDS", b"1", &field])?;
                lines.push(format!("{} expires {at}", String::from_utf8_lossy(&field)));
            }
            lines.sort();
        }
        b"stream" => stream(link, key, &mut lines)?,
        _ => {}
    }
    Ok(lines)
}

/// A stream with its counters, groups, consumers and pending entries; times of use are left out.
fn stream(link: &mut dyn Link, key: &[u8], lines: &mut Vec<String>) -> Result<(), String> {
    lines.push(ask(link, &[b"XRANGE", key, b"-", b"+"])?.to_string());
    let about = pairs(ask(link, &[b"XINFO", b"STREAM", key])?);
    for (name, value) in about {
        if ["length", "last-generated-id", "max-deleted-entry-id", "entries-added"].contains(&name.as_str()) {
            lines.push(format!("{name} {value}"));
        }
    }
    let Value::Array(groups) = ask(link, &[b"XINFO", b"GROUPS", key])? else { return Ok(()) };
    for group in groups {
        let about = pairs(group);
        lines.push(about.iter().map(|(name, value)| format!("{name} {value} ")).collect());
        let Some((_, Value::Bulk(name))) = about.into_iter().find(|(name, _)| name == "name") else {
            continue;
        };
        if let Value::Array(consumers) = ask(link, &[b"XINFO", b"CONSUMERS", key, &name])? {
            for consumer in consumers {
                let kept = pairs(consumer).into_iter().take(2);
                lines.push(kept.map(|(name, value)| format!("{name} {value} ")).collect());
            }
        }
        if let Value::Array(pending) = ask(link, &[b"XPENDING", key, &name, b"-", b"+", b"10000"])? {
            for entry in pending {
                if let Value::Array(parts) = entry
                    && let [id, consumer, _, count] = &parts[..]
                {
                    lines.push(format!("pending {id} {consumer} {count}"));
                }
            }
        }
    }
    Ok(())
}

fn bulks(value: Value) -> Vec<Vec<u8>> {
    let (Value::Array(items) | Value::Set(items)) = value else { return Vec::new() };
    items
        .into_iter()
        .filter_map(|item| if let Value::Bulk(bytes) = item { Some(bytes) } else { None })
        .collect()
}

/// The items of an array in groups of `n`, in an order of their own.
fn sorted(value: Value, n: usize) -> Vec<String> {
    let Value::Array(items) = value else { return vec![value.to_string()] };
    let line = |group: &[Value]| group.iter().map(|item| format!("{item} ")).collect();
    let mut lines: Vec<String> = items.chunks(n).map(line).collect();
    lines.sort();
    lines
}

/// Names and values in turns.
fn pairs(value: Value) -> Vec<(String, Value)> {
    let Value::Array(items) = value else { return Vec::new() };
    let pair = |pair: &[Value]| {
        Some((String::from_utf8_lossy(bulk(pair.first()?)?).into_owned(), pair.get(1)?.clone()))
    };
    items.chunks(2).filter_map(pair).collect()
}

fn bulk(value: &Value) -> Option<&[u8]> {
    if let Value::Bulk(bytes) = value { Some(bytes) } else { None }
}

/// The first difference between two contents.
pub fn difference(before: &[String], after: &[String]) -> Option<String> {
    let end = "(nothing more)".to_owned();
    let at = (0..before.len().max(after.len())).find(|i| before.get(*i) != after.get(*i))?;
    let line = |lines: &[String]| lines.get(at).unwrap_or(&end).chars().take(400).collect::<String>();
    Some(format!("    was       {}\n    is        {}", line(before), line(after)))
}
