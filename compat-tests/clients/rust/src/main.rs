//! A smoke of the `redis` crate's own API.  usage: client-smoke HOST PORT

use redis::{AsyncTypedCommands, Commands, Connection, RedisResult, Value, streams};
use std::{collections::HashMap, process::ExitCode, time::Duration};

type Check = Result<(), Box<dyn std::error::Error>>;

/// A group of the API: name, the commands it needs, what it does.
type Group = (&'static str, &'static [&'static str], fn(&mut Connection, &str) -> Check);

const GROUPS: &[Group] = &[
    ("strings", &["SET", "GET"], strings),
    ("pipelines", &["SET", "INCR"], pipelines),
    ("expiry", &["PEXPIRE", "PTTL"], expiry),
    ("scan iterators", &["SCAN"], scan),
    ("collections", &["HSET", "SADD", "ZADD", "RPUSH"], collections),
    ("streams", &["XADD", "XREADGROUP"], stream),
    ("transactions", &["MULTI", "WATCH"], transactions),
    ("publish and subscribe", &["SUBSCRIBE", "PUBLISH"], publish),
    ("blocking", &["BLPOP"], blocking),
    ("asynchronous", &["SET", "GET"], asynchronous),
];

macro_rules! same {
    ($got:expr, $want:expr) => {{
        let (got, want) = ($got, $want);
        if got != want {
            return Err(format!("line {}: got {got:?}, not {want:?}", line!()).into());
        }
    }};
}

fn strings(c: &mut Connection, _: &str) -> Check {
    c.set::<_, _, ()>("k", "v")?;
    same!(c.get::<_, String>("k")?, "v");
    same!(c.get::<_, Option<String>>("none")?, None);
    same!(c.set_nx::<_, _, bool>("k", "w")?, false);
    same!(c.append::<_, _, i64>("k", "!")?, 2);
    c.mset::<_, _, ()>(&[("a", 1), ("b", 2)])?;
    same!(c.mget::<_, Vec<Option<i64>>>(&["a", "none", "b"])?, vec![Some(1), None, Some(2)]);
    same!(c.incr::<_, _, i64>("n", 5)?, 5);
    same!(c.incr::<_, _, f64>("f", 0.5)?, 0.5);
    same!(c.get_del::<_, String>("k")?, "v!");
    let big = vec![7u8; 3_000_000];
    c.set::<_, _, ()>(b"\x00\r\n\xff", &big)?;
    same!(c.get::<_, Vec<u8>>(b"\x00\r\n\xff")?.len(), big.len());
    c.set::<_, _, ()>("s", "text")?;
    let failed: RedisResult<i64> = c.incr("s", 1);
    same!(failed.is_err_and(|e| e.detail() == Some("value is not an integer or out of range")), true);
    Ok(())
}

fn pipelines(c: &mut Connection, _: &str) -> Check {
    let mut pipe = redis::pipe();
    for i in 0..1000 {
        pipe.set(i, i).ignore().incr(i, 1);
    }
    let replies: Vec<i64> = pipe.query(c)?;
    same!(replies, (1..=1000).collect::<Vec<_>>());
    Ok(())
}

fn expiry(c: &mut Connection, _: &str) -> Check {
    c.set_ex::<_, _, ()>("k", "v", 100)?;
    same!((98..=100).contains(&c.ttl::<_, i64>("k")?), true);
    same!(c.pexpire::<_, bool>("k", 30)?, true);
    std::thread::sleep(Duration::from_millis(60));
    same!(c.exists::<_, bool>("k")?, false);
    Ok(())
}

fn scan(c: &mut Connection, _: &str) -> Check {
    for i in 0..300 {
        c.set::<_, _, ()>(format!("key:{i}"), i)?;
    }
    let mut seen: Vec<String> = c.scan_match::<_, String>("key:*")?.collect();
    seen.sort();
    seen.dedup();
    same!(seen.len(), 300);
    Ok(())
}

fn collections(c: &mut Connection, _: &str) -> Check {
    c.hset_multiple::<_, _, _, ()>("h", &[("a", 1), ("b", 2)])?;
    same!(c.hgetall::<_, HashMap<String, i64>>("h")?, HashMap::from([("a".into(), 1), ("b".into(), 2)]));
    same!(c.sadd::<_, _, i64>("s", &["x", "y"])?, 2);
    same!(c.sismember::<_, _, bool>("s", "x")?, true);
    same!(c.zadd_multiple::<_, _, _, i64>("z", &[(1.0, "a"), (2.5, "b")])?, 2);
    let pairs: Vec<(String, f64)> = c.zrange_withscores("z", 0, -1)?;
    same!(pairs, vec![("a".into(), 1.0), ("b".into(), 2.5)]);
    same!(c.rpush::<_, _, i64>("l", &["a", "b"])?, 2);
    same!(c.lrange::<_, Vec<String>>("l", 0, -1)?, vec!["a", "b"]);
    Ok(())
}

fn stream(c: &mut Connection, _: &str) -> Check {
    let id: String = c.xadd("x", "*", &[("a", "1")])?;
    c.xgroup_create::<_, _, _, ()>("x", "g", "0")?;
    let options = streams::StreamReadOptions::default().group("g", "me").count(1);
    let read: streams::StreamReadReply = c.xread_options(&["x"], &[">"], &options)?;
    same!(read.keys[0].ids[0].id.as_str(), id.as_str());
    same!(c.xack::<_, _, _, i64>("x", "g", &[id])?, 1);
    Ok(())
}

fn transactions(c: &mut Connection, _: &str) -> Check {
    c.set::<_, _, ()>("k", 1)?;
    let (value,): (i64,) = redis::transaction(c, &["k"], |c, pipe| {
        let old: i64 = c.get("k")?;
        pipe.set("k", old + 1).ignore().get("k").query(c)
    })?;
    same!(value, 2);
    Ok(())
}

fn publish(c: &mut Connection, url: &str) -> Check {
    let mut listener = redis::Client::open(url)?.get_connection()?;
    let mut listener = listener.as_pubsub();
    listener.subscribe("news")?;
    same!(c.publish::<_, _, i64>("news", "hello")?, 1);
    listener.set_read_timeout(Some(Duration::from_secs(60)))?;
    same!(listener.get_message()?.get_payload::<String>()?, "hello");
    Ok(())
}

fn blocking(c: &mut Connection, url: &str) -> Check {
    same!(c.blpop::<_, Option<(String, String)>>("q", 0.05)?, None);
    let mut other = redis::Client::open(url)?.get_connection()?;
    let pusher = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(30));
        other.rpush::<_, _, ()>("q", "job")
    });
    same!(c.blpop::<_, (String, String)>("q", 5.0)?, ("q".to_string(), "job".to_string()));
    pusher.join().map_err(|_| "the pusher panicked")??;
    Ok(())
}

fn asynchronous(_: &mut Connection, url: &str) -> Check {
    tokio::runtime::Runtime::new()?.block_on(async {
        let client = redis::Client::open(url)?;
        let shared = client.get_multiplexed_async_connection().await?;
        let tasks: Vec<_> = (0..200)
            .map(|i| {
                let mut c = shared.clone();
                tokio::spawn(async move { c.set(format!("a{i}"), i).await })
            })
            .collect();
        for task in tasks {
            task.await??;
        }
        same!(shared.clone().get("a199").await?, Some("199".to_string()));
        Ok(())
    })
}

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let (Some(host), Some(port)) = (args.next(), args.next()) else {
        eprintln!("usage: client-smoke HOST PORT");
        return ExitCode::FAILURE;
    };
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for protocol in ["resp2", "resp3"] {
        let url = format!("redis://{host}:{port}/?protocol={protocol}");
        for (name, needs, check) in GROUPS {
            let label = format!("redis crate {protocol} {name}");
            match play(&url, needs, *check) {
                Ok(None) => {
                    println!("ok   {label}");
                    passed += 1;
                }
                Ok(Some(why)) => {
                    println!("skip {label}: {why}");
                    skipped += 1;
                }
                Err(why) => {
                    println!("FAIL {label}: {why}");
                    failed += 1;
                }
            }
        }
    }
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Plays one group on a connection of its own; the text says why it was skipped.
fn play(
    url: &str,
    needs: &[&str],
    check: fn(&mut Connection, &str) -> Check,
) -> Result<Option<String>, Box<dyn std::error::Error>> {
    let mut connection = redis::Client::open(url)?.get_connection_with_timeout(Duration::from_secs(60))?;
    connection.set_read_timeout(Some(Duration::from_secs(60)))?;
    let known: Vec<Value> = redis::cmd("COMMAND").arg("INFO").arg(needs).query(&mut connection)?;
    let lacking: Vec<&str> =
        needs.iter().zip(known).filter(|(_, info)| *info == Value::Nil).map(|(need, _)| *need).collect();
    if !lacking.is_empty() {
        return Ok(Some(format!("the server has no {}", lacking.join(", "))));
    }
    redis::cmd("FLUSHALL").exec(&mut connection)?;
    check(&mut connection, url).map(|()| None)
}
