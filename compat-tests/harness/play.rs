//! Plays cases one way: against one server in one protocol.

use super::{
    link::{Got, Link, encode},
    pattern::{Bindings, cut, fill, show},
    text::Word,
    transcript::{Act, Case, Directive},
    value::Value,
};
use std::collections::HashMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a reply may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long what was sent may stay unread before that is taken for what the server wants.
const ARRIVAL: Duration = Duration::from_millis(500);
/// How long nothing must arrive for `(nothing)` to hold.
const SILENCE: Duration = Duration::from_millis(40);

/// What answers, and in which protocol it is asked.
pub trait Way {
    /// As directives name it: `redis-7.0`, `redis-8.0`, `valkey-9.1`, `tcp`, `inside`, `inside-replay`, `inside-reload`.
    fn name(&self) -> &str;
    fn protocol(&self) -> u8;
    fn connect(&mut self) -> Result<Box<dyn Link>, String>;
    /// Called before a command is sent.
    fn prepare(&mut self) -> Result<(), String> {
        Ok(())
    }
    fn pass(&mut self, ms: u64) -> Result<(), String>;
    /// Called after a case, before the server is emptied: checks what can be read back of the data set.
    fn check(&mut self) -> Result<(), String> {
        Ok(())
    }
    /// Called after a fault: brings what answers back when it is gone, and says what it left behind.
    fn recover(&mut self) -> Result<Option<String>, String>;
}

/// Why `case` is not to be played this way.
pub fn skip(case: &Case, name: &str, protocol: u8) -> Option<String> {
    let (kind, version) = name.split_once('-').unwrap_or((name, ""));
    let oracle = matches!(kind, "redis" | "valkey");
    let is = |word: &str| match word {
        "oracle" => oracle,
        "synap" => !oracle,
        "resp2" => protocol == 2,
        "resp3" => protocol == 3,
        word => word == name || word == kind,
    };
    let mut from_valkey = false;
    for directive in &case.directives {
        match directive {
            Directive::Since(least) if kind == "redis" && older(version, least) => {
                return Some(format!("since Redis {least}"));
            }
            Directive::Valkey(_, why) if kind == "redis" => return Some(format!("of Valkey: {why}")),
            Directive::Valkey(least, _) if kind == "valkey" && older(version, least) => {
                return Some(format!("since Valkey {least}"));
            }
            Directive::Valkey(..) => from_valkey = true,
            Directive::Not(word, why) if is(word) => return Some(format!("not {word}: {why}")),
            Directive::Only(word, why) if !is(word) => return Some(format!("only {word}: {why}")),
            _ => {}
        }
    }
    (kind == "valkey" && !from_valkey).then(|| "Redis is the oracle".into())
}

fn older(version: &str, least: &str) -> bool {
    let numbers = |text: &str| text.split('.').map(|n| n.parse().unwrap_or(0)).collect::<Vec<u32>>();
    numbers(version) < numbers(least)
}

/// Plays `case`. The error says which line of the file failed, and how.
pub fn play(way: &mut dyn Way, case: &Case, show_replies: bool) -> Result<(), (usize, String)> {
    let mut player = Player {
        way,
        links: HashMap::new(),
        names: Bindings::new(),
        settings: Vec::new(),
        users: false,
        show_replies,
    };
    let mut result = Ok(());
    for step in &case.steps {
        result = player.step(&step.on, &step.act).map_err(|why| (step.line, why));
        if result.is_err() {
            break;
        }
    }
    let cleaned = player.clean().map_err(|why| (case.line, format!("after the case: {why}")));
    result.and(cleaned)
}

struct Player<'a> {
    way: &'a mut dyn Way,
    links: HashMap<String, Conn>,
    names: Bindings,
    /// Settings that the case changed, with their values before.
    settings: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether the case may have changed users.
    users: bool,
    show_replies: bool,
}

struct Conn {
    link: Box<dyn Link>,
    protocol: u8,
    sent: String,
    hello: bool,
}

impl Player<'_> {
    fn step(&mut self, on: &str, act: &Act) -> Result<(), String> {
        match act {
            Act::Pass { ms } => self.way.pass(*ms),
            Act::Send { argv, times } => self.send(on, argv, *times),
            Act::Raw(bytes) => {
                let bytes = fill(bytes, &self.names);
                let conn = self.conn(on)?;
                conn.sent = show(std::slice::from_ref(&bytes));
                conn.link.send(&bytes)
            }
            Act::Expect { want, want3, times, text } => {
                for nth in 0..*times {
                    let (got, protocol, sent) = self.receive(on, PATIENCE)?;
                    let want = want3.as_ref().filter(|_| protocol == 3).unwrap_or(want);
                    let fits = match &got {
                        Got::Value(value) => want.fits(value, protocol, &mut self.names),
                        _ => false,
                    };
                    if !fits && !self.show_replies {
                        let nth = if nth > 0 { format!(" (reply {})", nth + 1) } else { String::new() };
                        return Err(report(&sent, &format!("{}{nth}", cut(text)), &got));
                    }
                }
                Ok(())
            }
            Act::Nothing => {
                let mut got = self.receive(on, SILENCE)?;
                if matches!(got.0, Got::Nothing) && self.conn(on)?.link.settle(ARRIVAL) {
                    got = self.receive(on, SILENCE)?;
                }
                match got {
                    (Got::Nothing, ..) => Ok(()),
                    (got, _, sent) => Err(report(&sent, "(nothing)", &got)),
                }
            }
            Act::Closed => match self.receive(on, PATIENCE)? {
                (Got::Closed, ..) => Ok(()),
                (got, _, sent) => Err(report(&sent, "(closed)", &got)),
            },
        }
    }

    fn conn(&mut self, on: &str) -> Result<&mut Conn, String> {
        if !self.links.contains_key(on) {
            let mut link = self.way.connect()?;
            let protocol = self.way.protocol();
            if protocol == 3 {
                ask(link.as_mut(), &[b"HELLO", b"3"])?;
            }
            let conn = Conn { link, protocol, sent: String::new(), hello: false };
            self.links.insert(on.into(), conn);
        }
        self.links.get_mut(on).ok_or_else(|| "no connection".into())
    }

    fn send(&mut self, on: &str, argv: &[Word], times: usize) -> Result<(), String> {
        self.way.prepare()?;
        for nth in 1..=times {
            self.names.insert("n".into(), nth.to_string().into_bytes());
            let argv: Vec<Vec<u8>> = argv.iter().map(|word| fill(&word.bytes, &self.names)).collect();
            self.note_settings(&argv)?;
            let (show_replies, label) = (self.show_replies, on.to_string());
            let conn = self.conn(on)?;
            conn.sent = show(&argv);
            conn.hello = argv[0].eq_ignore_ascii_case(b"HELLO") || argv[0].eq_ignore_ascii_case(b"RESET");
            if show_replies && nth == 1 {
                println!("{label}> {}", conn.sent);
            }
            conn.link.send(&encode(argv.iter().map(Vec::as_slice)))?;
        }
        self.names.remove("n");
        Ok(())
    }

    fn receive(&mut self, on: &str, patience: Duration) -> Result<(Got, u8, String), String> {
        let show_replies = self.show_replies;
        let conn = self.conn(on)?;
        let got = conn.link.receive(patience)?;
        match &got {
            Got::Value(Value::Map(_)) if conn.hello => conn.protocol = 3,
            Got::Value(Value::Array(_) | Value::Simple(_)) if conn.hello => conn.protocol = 2,
            _ => {}
        }
        if show_replies {
            println!("{on}< {}", describe(&got));
        }
        Ok((got, conn.protocol, conn.sent.clone()))
    }

    /// Before the case changes a setting, keeps the value that [`Self::clean`] puts back.
    fn note_settings(&mut self, argv: &[Vec<u8>]) -> Result<(), String> {
        let is =
            |at: usize, word: &str| argv.get(at).is_some_and(|a| a.eq_ignore_ascii_case(word.as_bytes()));
        self.users |= is(0, "ACL");
        if !is(0, "CONFIG") || !is(1, "SET") {
            return Ok(());
        }
        for name in argv[2..].iter().step_by(2) {
            if self.settings.iter().any(|(known, _)| known == name) {
                continue;
            }
            let mut link = self.way.connect()?;
            if let Value::Array(pair) = ask(link.as_mut(), &[b"CONFIG", b"GET", name])?
                && let [_, Value::Bulk(value)] = pair.as_slice()
            {
                self.settings.push((name.clone(), value.clone()));
            }
        }
        Ok(())
    }

    /// Closes the connections, empties the server and puts settings back.
    fn clean(&mut self) -> Result<(), String> {
        self.links.clear();
        let mut link = self.way.connect()?;
        for (name, value) in std::mem::take(&mut self.settings) {
            ask(link.as_mut(), &[b"CONFIG", b"SET", &name, &value])?;
        }
        if std::mem::take(&mut self.users) {
            forget_users(link.as_mut())?;
        }
        // Those that were closed are to be gone when the next case begins.
        let until = Instant::now() + PATIENCE;
        while is_crowded(link.as_mut())? && Instant::now() < until {
            sleep(Duration::from_millis(1));
        }
        let checked = self.way.check();
        match ask(link.as_mut(), &[b"FLUSHALL"])? {
            Value::Simple(ok) if ok == b"OK" => checked,
            other => Err(format!("FLUSHALL answered {other}")),
        }
    }
}

/// Whether others than this client are still connected.
fn is_crowded(link: &mut dyn Link) -> Result<bool, String> {
    let (Value::Bulk(list) | Value::Verbatim(list)) = ask(link, &[b"CLIENT", b"LIST"])? else {
        return Ok(false);
    };
    Ok(list.iter().filter(|byte| **byte == b'\n').count() > 1)
}

/// Leaves the default user alone on the server, and nothing in ACL LOG.
fn forget_users(link: &mut dyn Link) -> Result<(), String> {
    if let Value::Array(names) = ask(link, &[b"ACL", b"USERS"])? {
        for name in names {
            match name {
                Value::Bulk(name) if name != b"default" => ask(link, &[b"ACL", b"DELUSER", &name])?,
                _ => continue,
            };
        }
    }
    ask(link, &[b"ACL", b"SETUSER", b"default", b"reset", b"on", b"nopass", b"~*", b"&*", b"+@all"])?;
    ask(link, &[b"ACL", b"LOG", b"RESET"])?;
    Ok(())
}

/// Sends one command and takes its reply.
pub fn ask(link: &mut dyn Link, argv: &[&[u8]]) -> Result<Value, String> {
    link.send(&encode(argv.iter().copied()))?;
    match link.receive(PATIENCE)? {
        Got::Value(value) => Ok(value),
        got => Err(format!("{} answered {}", String::from_utf8_lossy(argv[0]), describe(&got))),
    }
}

fn describe(got: &Got) -> String {
    match got {
        Got::Value(value) => value.to_string(),
        Got::Nothing => "(nothing)".into(),
        Got::Closed => "(closed)".into(),
    }
}

fn report(sent: &str, want: &str, got: &Got) -> String {
    format!("    sent      {sent}\n    expected  {want}\n    got       {}", cut(&describe(got)))
}
