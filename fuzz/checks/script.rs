use std::sync::Arc;
use synap::config::Settings;
use synap::dispatch::{Calls, registry, run};
use synap::engine::{Client, Engine, Session};
use synap::resp::read::decode_reply;
use synap::resp::{Protocol, Reply};

/// What a script sees, told by one: it is the same whatever ran before.
const SEEN: &[u8] = b"local seen = {}
for _, t in ipairs {_G, redis, string, table, math, os, coroutine, cjson, cmsgpack, struct, bit, getmetatable('').__index} do
  for name, value in pairs(t) do seen[#seen + 1] = tostring(name) .. type(value) end
end
table.sort(seen)
local kept = {cjson.encode({1, {a = 1.5}}), ('x'):rep(3), #KEYS, #ARGV, cjson.encode_max_depth(), pcall(rawset, _G, 'x', 1)}
return {seen, kept, pcall(setmetatable, redis, {}), tostring(getmetatable(_G)), type(rawget(_G, 'x')), redis.call('ECHO', 1.5)}";

struct Server {
    engine: Engine,
    session: Session,
}

impl Server {
    fn new() -> Self {
        let engine = Engine::new(Settings::new(), registry().catalogue());
        let client = Client::new(0, "fuzz".into(), "fuzz".into(), -1, engine.now_ms());
        let session = Session::new(Arc::new(client), &engine);
        Self { engine, session }
    }

    fn ask(&mut self, protocol: Protocol, argv: &[&[u8]], stopped: bool) -> Vec<u8> {
        self.engine.stop = Default::default();
        if stopped {
            // It may not go on once it is looked at: an endless one ends.
            self.engine.stop.cancel();
        }
        let mut reply = Reply::new(protocol);
        let calls = Calls::of(argv.iter().copied());
        let now_ms = self.engine.now_ms();
        run(&self.engine, &mut self.session, calls.get(0), now_ms, &mut reply);
        reply.to_vec()
    }
}

thread_local! {
    static SERVER: std::cell::RefCell<Server> = std::cell::RefCell::new(Server::new());
}

/// Whatever a script does, its reply is one frame, and the next script sees what it would have seen without it.
pub fn script(data: &[u8]) {
    let [kind, text @ ..] = data else { return };
    let protocol = if kind & 1 == 0 { Protocol::Resp2 } else { Protocol::Resp3 };
    SERVER.with_borrow_mut(|server| {
        let seen = server.ask(Protocol::Resp2, &[b"EVAL", SEEN, b"0"], false);
        assert_eq!(seen.first(), Some(&b'*'), "{}", seen.escape_ascii());
        for _ in 0..2 {
            let reply = server.ask(protocol, &[b"EVAL", text, b"1", b"key", b"1.5"], true);
            let frame = decode_reply(&reply, protocol).ok().flatten().map(|(_, len)| len);
            assert_eq!(frame, Some(reply.len()), "{}: {}", text.escape_ascii(), reply.escape_ascii());
        }
        let again = server.ask(Protocol::Resp2, &[b"EVAL", SEEN, b"0"], false);
        assert_eq!(
            again.escape_ascii().to_string(),
            seen.escape_ascii().to_string(),
            "{}",
            text.escape_ascii()
        );
    });
}
