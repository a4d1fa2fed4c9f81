//! A short seeded run of each fuzz check; `cargo fuzz run NAME` runs them at length.

#[path = "../fuzz/checks/decode.rs"]
mod decode;
#[path = "../fuzz/checks/rdb.rs"]
mod rdb;

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
