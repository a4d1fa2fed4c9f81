//! What passes between a script and its host: words and replies are the same on both sides.

use super::{Failure, Host, Interp, Kind, Lasting, Level, Refused, Words, with};
use crate::resp::{Error, Protocol, Reply};
use proptest::prelude::*;

/// Answers every call with one reply, or an error, and keeps the words.
#[derive(Default)]
struct Echo {
    reply: Vec<u8>,
    error: Option<&'static str>,
    heard: Vec<Vec<Vec<u8>>>,
    told: Vec<Vec<u8>>,
    json: Lasting,
}

impl Host for Echo {
    fn call(&mut self, argv: &[&[u8]], reply: &mut Reply) -> Result<(), Refused> {
        self.heard.push(argv.iter().map(|word| word.to_vec()).collect());
        match self.error {
            Some(error) => Err(Refused { error: Error::new(error), counted: true, ran: true }),
            None => {
                reply.raw(&self.reply);
                Ok(())
            }
        }
    }

    fn may_run(&mut self, _: &[&[u8]]) -> Result<bool, Refused> {
        Ok(true)
    }

    fn log(&mut self, _: Level, _: &str) {}

    fn waits(&mut self) {}

    fn json(&self) -> &Lasting {
        &self.json
    }

    fn returned_error(&mut self, text: &[u8]) {
        self.told.push(text.to_vec());
    }

    fn may_go_on(&mut self) -> bool {
        true
    }
}

const LIMIT: usize = 16 << 20;

fn run(
    interp: &Interp,
    text: &str,
    args: &[&[u8]],
    protocol: Protocol,
    host: &mut Echo,
) -> Result<Vec<u8>, Failure> {
    let f = interp.compile_script(text.as_bytes()).unwrap();
    let mut reply = Reply::new(protocol);
    let words = Words { keys: &[b"key"], args };
    let is_error = interp.call(Kind::Script, &f, words, LIMIT, host, &mut reply)?;
    let bytes = reply.to_vec();
    assert!(is_error || bytes[0] != b'-');
    Ok(bytes)
}

fn eval(text: &str, args: &[&[u8]], protocol: Protocol, host: &mut Echo) -> Result<Vec<u8>, Failure> {
    with(|interp| run(interp, text, args, protocol, host)).unwrap()
}

/// A reply of RESP2 that a script returns as it is.
fn reply() -> impl Strategy<Value = Vec<u8>> {
    let bulk = |text: Vec<u8>| [format!("${}\r\n", text.len()).as_bytes(), &text, b"\r\n"].concat();
    let leaf = prop_oneof![
        (-(1i64 << 53)..=1 << 53).prop_map(|n| format!(":{n}\r\n").into_bytes()),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(bulk),
        "[a-zA-Z ]{0,12}".prop_map(|text| format!("+{text}\r\n").into_bytes()),
        Just(b"$-1\r\n".to_vec()),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        prop::collection::vec(inner, 0..6)
            .prop_map(|items| [format!("*{}\r\n", items.len()).into_bytes(), items.concat()].concat())
    })
}

proptest! {
    #[test]
    fn replies_come_back_as_they_were(reply in reply()) {
        let mut host = Echo { reply: reply.clone(), ..Echo::default() };
        for call in ["call", "pcall"] {
            let back = eval(&format!("return redis.{call}('x')"), &[], Protocol::Resp2, &mut host);
            prop_assert_eq!(&back.unwrap(), &reply);
        }
    }

    #[test]
    fn words_reach_the_host_as_they_were(words in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..20)) {
        let mut host = Echo { reply: b"+OK\r\n".to_vec(), ..Echo::default() };
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        eval("return redis.call(unpack(ARGV))", &words, Protocol::Resp2, &mut host).unwrap();
        prop_assert_eq!(&host.heard[0], &words);
    }

    #[test]
    fn numbers_reach_the_host_as_their_text(numbers in prop::collection::vec(-1000i32..1000, 1..20)) {
        let mut host = Echo { reply: b":1\r\n".to_vec(), ..Echo::default() };
        let text: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        // Every other one as text.
        let words = text.iter().enumerate().map(|(at, n)| if at % 2 == 0 { n.clone() } else { format!("'{n}'") });
        let call = format!("return redis.call({})", words.collect::<Vec<_>>().join(", "));
        eval(&call, &[], Protocol::Resp2, &mut host).unwrap();
        let heard: Vec<String> = host.heard[0].iter().map(|word| String::from_utf8(word.clone()).unwrap()).collect();
        prop_assert_eq!(heard, text);
    }
}

#[test]
fn replies_of_resp3_keep_their_types() {
    let reply =
        b"%1\r\n$1\r\na\r\n*5\r\n,1.5\r\n#t\r\n(12345678901234567890\r\n=7\r\ntxt:abc\r\n~1\r\n:7\r\n";
    let mut host = Echo { reply: reply.to_vec(), ..Echo::default() };
    let back = eval("redis.setresp(3) return redis.call('x')", &[], Protocol::Resp3, &mut host).unwrap();
    assert_eq!(back.escape_ascii().to_string(), reply.escape_ascii().to_string());
}

#[test]
fn errors_are_raised_or_returned() {
    let mut host = Echo { error: Some("WRONG thing"), ..Echo::default() };
    let raised = eval("\nreturn redis.call('x')", &[], Protocol::Resp2, &mut host).unwrap_err();
    let at = Some("@user_script:2".to_string());
    assert_eq!(raised, Failure::Raised { text: b"WRONG thing".to_vec(), at, counted: true });
    let returned = eval("return redis.pcall('x')", &[], Protocol::Resp2, &mut host).unwrap();
    assert_eq!(returned, b"-WRONG thing\r\n");
    assert!(host.told.is_empty(), "the call was counted already");
    let own = eval("return {1, {err = 'MY own\\r\\n'}}", &[], Protocol::Resp2, &mut host).unwrap();
    assert_eq!(own, b"*2\r\n:1\r\n-MY own\r\n");
    assert_eq!(host.told, [b"MY own\r\n"]);
}

#[test]
fn memory_is_limited_also_where_replies_fill_it() {
    let mut host =
        Echo { reply: [b"$1000000\r\n", &[b'x'; 1_000_000][..], b"\r\n"].concat(), ..Echo::default() };
    let text = "local t = {} for i = 1, 100 do t[i] = redis.call('x') .. i end";
    let failed = eval(text, &[], Protocol::Resp2, &mut host).unwrap_err();
    let Failure::Raised { text, .. } = failed else { panic!("{failed:?}") };
    assert!(String::from_utf8_lossy(&text).contains("memory"), "{}", text.escape_ascii());
    assert!(host.heard.len() < 40, "{}", host.heard.len());
    // And the next one has all of it again.
    assert_eq!(eval("return #redis.call('x')", &[], Protocol::Resp2, &mut host).unwrap(), b":1000000\r\n");
}

#[test]
fn tables_in_each_other_without_end_are_an_error() {
    let mut host = Echo::default();
    let back = eval("local t = {} t[1] = t return t", &[], Protocol::Resp2, &mut host).unwrap();
    assert!(back.ends_with(b"-ERR reached lua stack limit\r\n"));
}

#[test]
fn a_reply_has_an_end() {
    for text in ["local t = {} t.map = {[t] = t} return t", "local t = {} t[1] = t t[2] = t return {1, t, 2}"]
    {
        let mut host = Echo::default();
        let back = eval(text, &[], Protocol::Resp3, &mut host).unwrap();
        assert_eq!(back, b"-ERR the script's reply is too large\r\n");
        assert_eq!(host.told, [b"ERR the script's reply is too large"]);
    }
}

#[test]
fn what_is_deprecated_stays_in_the_sandbox() {
    let interp = Interp::new(true).unwrap();
    let told = |text: &str| match run(&interp, text, &[], Protocol::Resp2, &mut Echo::default()) {
        Ok(reply) => String::from_utf8(reply).unwrap(),
        Err(Failure::Raised { text, .. }) => String::from_utf8(text).unwrap(),
        Err(stopped) => panic!("{stopped:?}"),
    };
    for (text, wanted) in [
        ("return getfenv(1) == _G and getfenv() == _G and getfenv(0) == _G", ":1\r\n"),
        (
            "return getfenv(string.rep) == _G and getfenv(pcall) == _G and getfenv(string.gsub) == _G",
            ":1\r\n",
        ),
        (
            "local found = {} for _, t in pairs({_G, string, table, coroutine}) do for _, f in pairs(t) do \
            if type(f) == 'function' and getfenv(f) ~= _G then return 1 end end end return 0",
            ":0\r\n",
        ),
        ("local f = setfenv(function() return x end, {x = 5}) return f()", ":5\r\n"),
        (
            "local function f() setfenv(2, {y = 6}) end local function g() f() return y end return g()",
            ":6\r\n",
        ),
        ("getfenv(1).x = 1", "ERR user_script:1: Attempt to modify a readonly table"),
        ("setfenv(0, {})", "ERR user_script:1: 'setfenv' cannot change environment of given object"),
        (
            "setfenv(string.gsub, {})",
            "ERR user_script:1: 'setfenv' cannot change environment of given object",
        ),
        ("setfenv(1)", "ERR user_script:1: bad argument #2 to 'setfenv' (table expected, got no value)"),
        ("getfenv(99)", "ERR user_script:1: bad argument #1 to 'getfenv' (invalid level)"),
        (
            "local p = newproxy(true) getmetatable(p).__len = function() return 7 end return #newproxy(p)",
            ":7\r\n",
        ),
        (
            "return newproxy(1)",
            "ERR user_script:1: bad argument #1 to 'newproxy' (boolean or proxy expected)",
        ),
        (
            "local ran = 0 do local p = newproxy(true) getmetatable(p).__gc = function() ran = 1 end \
            rawset(getmetatable(p), '__gc', function() ran = 2 end) end collectgarbage() return ran",
            ":0\r\n",
        ),
    ] {
        assert_eq!(told(text), wanted, "{text}");
    }
    let interp = Interp::new(false).unwrap();
    let failed = run(&interp, "return getfenv", &[], Protocol::Resp2, &mut Echo::default()).unwrap_err();
    let Failure::Raised { text, .. } = failed else { panic!("{failed:?}") };
    assert!(text.ends_with(b"nonexistent global variable 'getfenv'"), "{}", text.escape_ascii());
}

#[test]
fn what_is_deprecated_comes_and_goes_with_the_setting() {
    let told = || {
        String::from_utf8(
            eval("return getfenv and 1", &[], Protocol::Resp2, &mut Echo::default()).unwrap_or_default(),
        )
    };
    for (enabled, wanted) in [(true, ":1\r\n"), (false, ""), (true, ":1\r\n"), (false, "")] {
        super::enable_deprecated(enabled);
        assert_eq!(told().unwrap(), wanted);
    }
}
