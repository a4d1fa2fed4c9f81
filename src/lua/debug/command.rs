//! What the client of a session can ask for.

use super::{HOST, Next, SHOWN_MIN, Session, Tools, show};
use crate::base::number::parse_i64;
use crate::lua::Refused;
use crate::lua::stack::{Stack, Type};
use crate::resp::{Protocol, Reply};

/// Lines that are shown around another one.
const AROUND: i64 = 5;
/// Lines that a script can be stopped at.
const BREAKS_MAX: usize = 64;

const HELP: &[&str] = &[
    "Commands of a debugging session; their first letter is enough:",
    "help                 what you read",
    "step, next           runs this line and stops at the next one",
    "continue             runs on to a breakpoint",
    "list [line] [n]      the lines around this one or around another, n before and n behind (5)",
    "whole                all lines",
    "print [name]         the local variables or one of them; KEYS and ARGV too",
    "break                the breakpoints",
    "break line ...       sets one; -line takes it away, 0 takes all away",
    "trace                how this line was come to, call by call",
    "eval code            runs Lua code that knows the script's globals, not its locals",
    "redis command ...    calls a command as the script would; server does the same",
    "maxlen [bytes]       how much is shown of a value or a reply; 0 is all",
    "abort                ends the script; what it wrote stays in sync mode",
    "",
    "Within a script:",
    "redis.debug(...)     shows values here",
    "redis.breakpoint()   stops at the next line",
];

/// A number as C's `atoi` reads it: what is none is 0.
fn number(word: &[u8]) -> i64 {
    let end =
        word.iter().enumerate().position(|(at, byte)| !(byte.is_ascii_digit() || at == 0 && *byte == b'-'));
    parse_i64(&word[..end.unwrap_or(word.len())]).unwrap_or(0)
}

impl Session {
    /// Carries out a command.
    pub(super) fn obey(&mut self, tools: Tools<'_>, words: &[Vec<u8>]) -> Next {
        let (name, args) = (words[0].to_ascii_lowercase(), &words[1..]);
        match (&*name, args) {
            (b"h" | b"help", _) => HELP.iter().for_each(|line| self.say(line.as_bytes().to_vec())),
            (b"s" | b"step" | b"n" | b"next", _) => {
                self.steps = true;
                return Next::Run;
            }
            (b"c" | b"continue", _) => return Next::Run,
            (b"a" | b"abort", _) => return Next::Fail(b"ERR script aborted for user request"),
            (b"l" | b"list", _) => {
                let line = args.first().map_or(0, |word| number(word));
                self.list(
                    if line > 0 { line } else { self.line },
                    args.get(1).map_or(AROUND, |word| number(word)),
                );
            }
            (b"w" | b"whole", _) => self.list(1, i64::MAX),
            (b"p" | b"print", [name]) => self.print_one(tools, name),
            (b"p" | b"print", _) => self.print_all(tools),
            (b"b" | b"break", []) => self.list_breaks(),
            (b"b" | b"break", lines) => lines.iter().for_each(|line| self.change_breaks(line)),
            (b"t" | b"trace", _) => self.trace(tools.stack),
            (b"e" | b"eval", code) => self.evaluate(tools, &code.join(&b' ')),
            (b"r" | b"redis" | b"server", [_, ..]) => self.call(tools, args),
            (b"m" | b"maxlen", _) => self.limit(args),
            _ => {
                self.say(b"<error> Unknown Redis Lua debugger command or wrong number of arguments.".to_vec())
            }
        }
        Next::Ask
    }

    /// Says a line of the script, with what marks it.
    pub(super) fn say_line(&mut self, line: i64) {
        let marks = match (line == self.line, self.breaks.contains(&line)) {
            (true, true) => "->#",
            (true, false) => "-> ",
            (false, true) => "  #",
            (false, false) => "   ",
        };
        let text = usize::try_from(line - 1).ok().and_then(|at| self.source.get(at));
        let text = text.map_or(&b"<out of range source code line>"[..], Vec::as_slice);
        self.say([format!("{marks}{line:<3} ").as_bytes(), text].concat());
    }

    /// Says the lines that are no more than `around` from `line`.
    fn list(&mut self, line: i64, around: i64) {
        let (first, last) = (line.saturating_sub(around).max(1), line.saturating_add(around));
        (first..=last.min(self.source.len() as i64)).for_each(|line| self.say_line(line));
    }

    fn list_breaks(&mut self) {
        if self.breaks.is_empty() {
            return self.say(b"No breakpoints set. Use 'b <line>' to add one.".to_vec());
        }
        let lines = self.breaks.clone();
        self.say(format!("{} breakpoints set:", lines.len()).into_bytes());
        lines.into_iter().for_each(|line| self.say_line(line));
    }

    /// Adds the breakpoint at a line, or removes it (`-line`), or all (0).
    fn change_breaks(&mut self, word: &[u8]) {
        let said: &[u8] = match parse_i64(word) {
            None => return self.say([b"Invalid argument:'", word, b"'"].concat()),
            Some(0) => {
                self.breaks.clear();
                b"All breakpoints removed."
            }
            Some(line @ ..0) => {
                let before = self.breaks.len();
                self.breaks.retain(|other| line.checked_neg() != Some(*other));
                match self.breaks.len() < before {
                    true => b"Breakpoint removed.",
                    false => b"No breakpoint in the specified line.",
                }
            }
            Some(_) if self.breaks.len() == BREAKS_MAX => b"Too many breakpoints set.",
            Some(line) if line > self.source.len() as i64 || self.breaks.contains(&line) => {
                b"Wrong line number."
            }
            Some(line) => {
                self.breaks.push(line);
                return self.list(line, 1);
            }
        };
        self.say(said.to_vec());
    }

    fn limit(&mut self, args: &[Vec<u8>]) {
        if let [bytes] = args {
            self.hinted = true;
            self.shown_max = match usize::try_from(number(bytes)) {
                Ok(0) => 0,
                bytes => bytes.unwrap_or(0).max(SHOWN_MIN),
            };
        }
        let said = match self.shown_max {
            0 => "<value> replies are unlimited.".into(),
            bytes => format!("<value> replies are truncated at {bytes} bytes."),
        };
        self.say(said.into_bytes());
    }

    /// Shows the topmost value behind `begin`, and takes it.
    fn show_value(&mut self, Tools { stack, real, .. }: Tools<'_>, begin: &[u8]) {
        let mut line = begin.to_vec();
        show::value(stack, real, &mut line);
        self.show(line);
    }

    fn print_all(&mut self, tools: Tools<'_>) {
        let mut any = false;
        for n in 1.. {
            let Some(name) = tools.stack.push_local(0, n) else { break };
            if name == b"(*temporary)" {
                tools.stack.pop(1);
                continue;
            }
            any = true;
            self.show_value(tools, &[b"<value> ", &*name, b" = "].concat());
        }
        if !any {
            self.say(b"No local variables in the current context.".to_vec());
        }
    }

    /// Shows the first variable of this name, from the innermost call on, or the keys or arguments.
    fn print_one(&mut self, tools: Tools<'_>, name: &[u8]) {
        let stack = tools.stack;
        for level in 0.. {
            let Some(frame) = stack.frame(level) else { break };
            if !frame.is_script() {
                continue;
            }
            for n in 1.. {
                match stack.push_local(level, n) {
                    None => break,
                    Some(other) if other == name => return self.show_value(tools, b"<value> "),
                    Some(_) => stack.pop(1),
                }
            }
        }
        if name != b"KEYS" && name != b"ARGV" {
            return self.say(b"No such variable.".to_vec());
        }
        run(tools, name);
        self.show_value(tools, b"<value> ");
    }

    fn trace(&mut self, stack: &Stack) {
        for level in 0.. {
            let Some(frame) = stack.frame(level) else { break };
            if frame.is_script() {
                let whence = if level == 0 { "In" } else { "From" };
                let name = frame.name.as_deref().unwrap_or("top level");
                self.say(format!("{whence} {name}:").into_bytes());
                self.say_line(frame.line);
            }
        }
    }

    fn evaluate(&mut self, tools: Tools<'_>, code: &[u8]) {
        let begin: &[u8] = if run(tools, code) { b"<retval> " } else { b"<error> " };
        if begin == b"<error> "
            && let Some(text) = tools.stack.text(-1)
        {
            self.say([begin, text].concat());
            return tools.stack.pop(1);
        }
        self.show_value(tools, begin);
    }

    /// Calls a command as the script would.
    fn call(&mut self, tools: Tools<'_>, words: &[Vec<u8>]) {
        let argv: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        self.say(show::call(&argv));
        let mut reply = Reply::default();
        reply.set_protocol(if tools.state.resp3.get() { Protocol::Resp3 } else { Protocol::Resp2 });
        match HOST.with(|host| host.call(&argv, &mut reply)) {
            Ok(()) => self.show(show::reply(&reply.to_vec())),
            Err(Refused { error, ran, .. }) => self.show_error(error.as_bytes(), ran),
        }
    }
}

/// Runs code as [`Tools::evaluate`] does and pushes what it gives; false when that is an error.
fn run(Tools { stack, evaluate, .. }: Tools<'_>, code: &[u8]) -> bool {
    stack.push(evaluate);
    stack.push_text(code);
    if !stack.call(1, 0) || stack.kind(-1) != Type::Table {
        return false;
    }
    let at = stack.top();
    stack.push_item(at, 1);
    let fine = stack.is_true(-1);
    stack.pop(1);
    stack.push_item(at, 2);
    stack.replace(at);
    fine
}
