//! A short seeded run of each fuzz check; `cargo fuzz run NAME` runs them at length.

#[path = "../fuzz/checks/decode.rs"]
mod decode;
#[path = "../fuzz/checks/filter.rs"]
mod filter;
#[path = "../fuzz/checks/rdb.rs"]
mod rdb;
#[path = "../fuzz/checks/script.rs"]
mod script;

/// Inputs made of `tokens` and of random bytes.
fn inputs(tokens: &[&[u8]], count: u64) -> impl Iterator<Item = Vec<u8>> {
    (0..count).map(|seed| {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut input = vec![random.u8(..)];
        for _ in 0..random.usize(..24) {
            match random.usize(..8) {
                0 => input.push(random.u8(..)),
                _ => input.extend_from_slice(tokens[random.usize(..tokens.len())]),
            }
        }
        input
    })
}

#[test]
fn decode() {
    let tokens: &[&[u8]] = &[
        b"*1\r\n",
        b"*2\r\n",
        b"*0\r\n",
        b"*11\r\n",
        b"*-1\r\n",
        b"*",
        b"$",
        b"$1\r\n",
        b"$3\r\nGET\r\n",
        b"$0\r\n\r\n",
        b"$16385\r\n",
        b"a\r\n",
        b"\r\n",
        b"\r",
        b"\n",
        b"PING\r\n",
        b"\"a b\"",
        b"'",
        b"\\x41",
        b"12345678901234567890",
    ];
    inputs(tokens, 20_000).for_each(|input| decode::decode(&input));
}

#[test]
fn filter() {
    let tokens: &[&[u8]] = &[
        b".a",
        b".",
        b" ",
        b"\0",
        b"1",
        b"-1.5e3",
        b"e",
        b"'x'",
        b"\"",
        b"'",
        b"\\",
        b"[",
        b"]",
        b"[1, \"two\"]",
        b",",
        b"(",
        b")",
        b"!",
        b"not ",
        b"**",
        b"%",
        b"-",
        b">=",
        b"==",
        b" in ",
        b" and ",
        b"||",
        b"null",
        b"true",
        b"{\"a\":",
        b"{\"a\":[[1],",
        b"}",
        b":",
        b"\"b\":",
        b"\\u0041",
    ];
    inputs(tokens, 20_000).for_each(|input| filter::filter(&input));
    // And without the byte that no expression begins with.
    inputs(tokens, 20_000).for_each(|input| filter::filter(&input[1..]));
}

#[test]
fn rdb() {
    let tokens: &[&[u8]] = &[
        b"REDIS0012",
        b"VALKEY080",
        b"\xfe\x00",
        b"\xfc\xff\xff\xff\xff\xff\x00\x00\x00",
        b"\xf5\x01x",
        b"\xf7\x01\x02\x00\x05\x01x\x00",
        b"\xff\x00\x00\x00\x00\x00\x00\x00\x00",
        b"\x00\x01k\x01v",
        b"\x01\x01",
        b"\x02\x02\x01a\x01b",
        b"\x03\x01\x01a\x031.5",
        b"\x05\x01\x01a\x00\x00\x00\x00\x00\x00\xf0\x3f",
        b"\x0b\x01k\x0c\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00\x05\x00",
        b"\x10\x01k\x0b\x0b\x00\x00\x00\x02\x00\x01\x01\x02\x01\xff",
        b"\x12\x01k\x01\x02",
        b"\x0b\x0b\x00\x00\x00\x02\x00\x01\x01\x02\x01\xff",
        b"\x18\x01k\x00\x00\x00\x00\x00\x01\x00\x00\x01\x01\x01f\x01v",
        b"\x13\x01k\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
        b"\x07\x81\xbd\xe7-\xa2\xbb\x1e\xb4\x00\x02\x02\x02\x01\x02D\x01\x02\x00",
        b"\x05\x01a\x05\x02\x7f*\x02\x05\x02\x01\x02\x00\x02\x00\x02\x08\x02\x81?r\xdc\xe8@i\xb1\xe9",
        b"\xc3\x05\x14\x00a\xe0\x0a\x00",
        b"\x81\x10\x00\x00\x00\x00\x00\x00\x00",
        b"\x80\x7f\xff\xff\xff",
        b"*2\r\n$3\r\nSET\r\n$1\r\nk\r\n",
        b"*1\r\n$5\r\nMULTI\r\n",
    ];
    inputs(tokens, 20_000).for_each(|input| rdb::rdb(&input));
    // And from the kind on, without the byte that stands before it.
    inputs(tokens, 20_000).for_each(|input| rdb::rdb(&input[1..]));
}

#[test]
fn script() {
    let tokens: &[&[u8]] = &[
        b"return ",
        b"return redis.call(",
        b"return redis.pcall(",
        b"'SET', KEYS[1], ARGV[1]) ",
        b"'HSET', KEYS[1], 'f', 1, 'g', 2) ",
        b"'HGETALL', KEYS[1]) ",
        b"redis.setresp(3) ",
        b"local t = {} ",
        b"t[1] = t ",
        b"t.err = 'a\\r\\nb' ",
        b"t.ok = '+' ",
        b"t.map = t ",
        b"t.set = {t, {double = 1}} ",
        b"t.verbatim_string = {format = 'x', string = t[1]} ",
        b"t.big_number = '1\\r\\n' ",
        b"setmetatable(t, {__index = error, __newindex = rawset, __tostring = error}) ",
        b"rawset(redis, 'call', 1) ",
        b"getmetatable('').__index = nil ",
        b"string.rep = nil ",
        b"x = 1 ",
        b"_G.x = 1 ",
        b"KEYS[1] = t ",
        b"error(t) ",
        b"error({err = t}) ",
        b"error({err = 'X \\n'}) ",
        b"while true do ",
        b"repeat until pcall(error) ",
        b"for i = 1, 3 do ",
        b"if t then ",
        b"end ",
        b"pcall(",
        b"coroutine.wrap(function() ",
        b"function() ",
        b"end)",
        b"() ",
        b"(",
        b") ",
        b"t ",
        b", ",
        b"t:x() ",
        b"('x'):rep(1e4) ",
        b"('a'):find(('a?'):rep(20)) ",
        b"{1, nil, 'two', 3.5, true, {}} ",
        b"cjson.encode(t) ",
        b"cjson.decode('[{\"a\": [1, null]}]') ",
        b"cjson.encode_max_depth(2) ",
        b"cmsgpack.unpack(cmsgpack.pack({1, {a = t}})) ",
        b"struct.pack('>I2s', 1, 'x') ",
        b"bit.bxor(1, 2^40) ",
        b"loadstring('return ' .. ARGV[1]) ",
        b"select('#', unpack({}, 1, 100)) ",
        b"table.sort({3, 1, 2}, function() return true end) ",
        b"table.concat({1, {}}) ",
        b"collectgarbage() ",
        b"tostring(0/0) ",
        b"-2^63 ",
        b"#!lua flags=no-writes\n",
        b"\x1bLua",
        b"--[[",
        b"]]",
        b"'",
    ];
    inputs(tokens, 4_000).for_each(|input| script::script(&input));
}
