//! A short seeded run of each fuzz check; `cargo fuzz run NAME` runs them at length.

#[path = "../fuzz/checks/decode.rs"]
mod decode;

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
