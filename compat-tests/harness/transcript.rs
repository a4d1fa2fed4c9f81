//! Parses a `.resp` file into cases.

use super::{
    pattern::{self, Pattern},
    text::{Word, words},
};

pub struct Case {
    pub name: String,
    pub line: usize,
    /// Those of the file, then those of the case.
    pub directives: Vec<Directive>,
    pub steps: Vec<Step>,
}

impl Case {
    /// Whether it races with the clock: a busy machine may take longer than the time that it lets pass, or than the silence
    /// in which what was sent is to have arrived.
    pub fn races(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.act, Act::Pass { .. } | Act::Nothing))
    }
}

/// Where a case runs and where not.
#[derive(Debug, Clone)]
pub enum Directive {
    /// `! since 8.0`: skipped by an older Redis oracle.
    Since(String),
    /// `! valkey 9.0 reason`: the oracle is Valkey from this version on, not Redis.
    Valkey(String, String),
    /// `! not WAY reason`
    Not(String, String),
    /// `! only WAY reason`
    Only(String, String),
}

pub struct Step {
    pub line: usize,
    /// Name of the connection, empty for the default one.
    pub on: String,
    pub act: Act,
}

pub enum Act {
    /// `> SADD s a`; `>1000x SADD s m%n%` sends it a thousand times.
    Send { argv: Vec<Word>, times: usize },
    /// `>> "PING\r\n"`: bytes as they are.
    Raw(Vec<u8>),
    /// `< reply`, and `<3 reply` where RESP3 differs; for each reply of a repeated command.
    Expect { want: Pattern, want3: Option<Pattern>, times: usize, text: String },
    /// `< (nothing)`: no reply arrives, because the command waits or there is nothing to say.
    Nothing,
    /// `< (closed)`: the server ends the connection.
    Closed,
    /// `@ +1500ms`
    Pass { ms: u64 },
}

/// Parses a whole file; `name` serves for the case before the first `==`.
pub fn parse(name: &str, text: &str) -> Result<Vec<Case>, String> {
    let mut cases: Vec<Case> = Vec::new();
    let mut common: Vec<Directive> = Vec::new();
    let mut lines = text.lines().enumerate().map(|(i, line)| (i + 1, line)).peekable();
    while let Some((at, line)) = lines.next() {
        let mut line = line.trim_end().to_string();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // An indented line continues the one before.
        while let Some((_, more)) = lines.next_if(|(_, next)| next.starts_with([' ', '\t'])) {
            line.push(' ');
            line.push_str(more.trim());
        }
        let fault = |why: String| format!("line {at}: {why}");
        if let Some(title) = line.strip_prefix("==") {
            let name = title.trim().to_string();
            cases.push(Case { name, line: at, directives: common.clone(), steps: Vec::new() });
        } else if let Some(rest) = line.strip_prefix("! ") {
            let directive = directive(rest).map_err(fault)?;
            match cases.last_mut() {
                Some(case) => case.directives.push(directive),
                None => common.push(directive),
            }
        } else {
            if cases.is_empty() {
                cases.push(Case {
                    name: name.into(),
                    line: at,
                    directives: common.clone(),
                    steps: Vec::new(),
                });
            }
            let case = cases.last_mut().ok_or("no case")?;
            step(at, &line, &mut case.steps).map_err(fault)?;
        }
    }
    Ok(cases)
}

fn directive(text: &str) -> Result<Directive, String> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let (first, reason) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
    let (first, reason) = (first.to_string(), reason.trim().to_string());
    match word {
        "since" if !first.is_empty() => Ok(Directive::Since(first)),
        "valkey" | "not" | "only" if reason.is_empty() => Err(format!("'! {text}' gives no reason")),
        "valkey" => Ok(Directive::Valkey(first, reason)),
        "not" => Ok(Directive::Not(first, reason)),
        "only" => Ok(Directive::Only(first, reason)),
        _ => Err(format!("no directive: '! {text}'")),
    }
}

fn step(at: usize, line: &str, steps: &mut Vec<Step>) -> Result<(), String> {
    if let Some(rest) = line.strip_prefix('@') {
        let ms = rest.trim().strip_prefix('+').and_then(|text| text.strip_suffix("ms"));
        let ms = ms.and_then(|digits| digits.parse().ok()).ok_or("time passes as '@ +1500ms'")?;
        steps.push(Step { line: at, on: String::new(), act: Act::Pass { ms } });
        return Ok(());
    }
    let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
    let from = mark.find(['>', '<']).ok_or("a line begins with one of: == ! @ # > < NAME> NAME<")?;
    let (on, mark) = mark.split_at(from);
    if !on.chars().all(char::is_alphanumeric) {
        return Err(format!("'{on}' is no name of a connection"));
    }
    let act = match mark {
        ">" => Act::Send { argv: command(rest)?, times: 1 },
        ">>" => Act::Raw(words(rest)?.into_iter().flat_map(|word| word.bytes).collect()),
        "<" => match rest.trim() {
            "(nothing)" => Act::Nothing,
            "(closed)" => Act::Closed,
            text => Act::Expect {
                want: pattern::parse(text)?,
                want3: None,
                times: repeats(steps.last(), on),
                text: text.into(),
            },
        },
        "<3" => {
            let same = |step: &&mut Step| step.on == on;
            let Some(Step { act: Act::Expect { want3, text, .. }, .. }) = steps.last_mut().filter(same)
            else {
                return Err("'<3' follows the '<' that it replaces in RESP3".into());
            };
            *want3 = Some(pattern::parse(rest)?);
            text.push_str("   (RESP3: ");
            text.push_str(rest.trim());
            text.push(')');
            return Ok(());
        }
        mark => match mark.strip_prefix('>').and_then(|m| m.strip_suffix('x')).and_then(|n| n.parse().ok()) {
            Some(times) => Act::Send { argv: command(rest)?, times },
            None => return Err(format!("'{mark}' begins no line")),
        },
    };
    steps.push(Step { line: at, on: on.into(), act });
    Ok(())
}

fn command(text: &str) -> Result<Vec<Word>, String> {
    let argv = words(text)?;
    if argv.is_empty() { Err("no command".into()) } else { Ok(argv) }
}

/// How many replies an expectation stands for: those of the repeated command right before it.
fn repeats(last: Option<&Step>, on: &str) -> usize {
    match last {
        Some(Step { act: Act::Send { times, .. }, on: same, .. }) if same == on => *times,
        _ => 1,
    }
}
