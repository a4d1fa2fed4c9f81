//! The request decoder beside redis-protocol's: nanoseconds a request, in batches of 32 as a pipeline brings them.
//!
//! `cargo bench --bench codec`

#[path = "common/request.rs"]
mod request;
#[path = "common/timing.rs"]
mod timing;

use bumpalo::Bump;
use bytes::Bytes;
use redis_protocol::resp2::decode::{decode_bytes, decode_range};
use request::encode;
use std::hint::black_box;
use synap::resp::decode::{Batch, Decoder, Limits};
use timing::{ns_per_operation, print_table};

/// Requests in one input.
const BATCH: usize = 32;
/// Inputs decoded in one measurement.
const INPUTS: usize = 10_000;
const DATA: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

fn main() {
    let key = "key:000000123456";
    let mset: Vec<&str> = ["MSET"].into_iter().chain([key, DATA].repeat(10)).collect();
    let requests: [(&str, &[&str]); 5] = [
        ("PING", &["PING"]),
        ("GET", &["GET", key]),
        ("SET, 64 bytes", &["SET", key, DATA]),
        ("SET, 64 bytes, EX", &["SET", key, DATA, "EX", "100"]),
        ("MSET, 10 keys", &mset),
    ];
    let rows: Vec<[String; 5]> = requests
        .iter()
        .map(|(name, parts)| {
            let mut input = Vec::new();
            for _ in 0..BATCH {
                encode(&mut input, parts);
            }
            let input = Bytes::from(input);
            let (whole, halves) = (decode_whole(&input), decode_in_halves(&input));
            let [ranges, frames] = [decode_ranges(&input), decode_frames(&input)];
            [name.to_string(), ns(whole), ns(halves), ns(ranges), ns(frames)]
        })
        .collect();
    print_table(
        [
            "request",
            "Synap ns",
            "Synap ns, in two reads",
            "redis-protocol ranges ns",
            "redis-protocol frames ns",
        ],
        &rows,
    );
}

fn ns(value: f64) -> String {
    format!("{value:.0}")
}

fn decode_whole(input: &[u8]) -> f64 {
    let (mut decoder, unquoted, limits) = (Decoder::new(), Bump::new(), Limits::default());
    ns_per_operation(BATCH * INPUTS, || {
        for _ in 0..INPUTS {
            let mut batch = Batch::default();
            let taken = decoder.decode(black_box(input), &limits, BATCH, &unquoted, &mut batch);
            assert_eq!(taken, Ok(input.len()));
            black_box(&batch);
        }
    })
}

/// The input arrives in two reads, the first of which ends within a request.
fn decode_in_halves(input: &[u8]) -> f64 {
    let (mut decoder, unquoted, limits) = (Decoder::new(), Bump::new(), Limits::default());
    let middle = input.len() / 2 - 3;
    ns_per_operation(BATCH * INPUTS, || {
        for _ in 0..INPUTS {
            let mut batch = Batch::default();
            let first = decoder.decode(black_box(&input[..middle]), &limits, BATCH, &unquoted, &mut batch);
            let taken = first.unwrap_or(0);
            black_box(&batch);
            let mut batch = Batch::default();
            let rest = decoder.decode(black_box(&input[taken..]), &limits, BATCH, &unquoted, &mut batch);
            assert_eq!(rest, Ok(input.len() - taken));
            black_box(&batch);
        }
    })
}

/// redis-protocol's cheapest decoding: offsets only.
fn decode_ranges(input: &Bytes) -> f64 {
    ns_per_operation(BATCH * INPUTS, || {
        for _ in 0..INPUTS {
            let mut at = 0;
            while let Ok(Some((frame, len))) = decode_range(black_box(&input[at..])) {
                black_box(frame);
                at += len;
            }
            assert_eq!(at, input.len());
        }
    })
}

/// redis-protocol's frames, each argument sharing the input.
fn decode_frames(input: &Bytes) -> f64 {
    ns_per_operation(BATCH * INPUTS, || {
        for _ in 0..INPUTS {
            let mut rest = input.clone();
            while let Ok(Some((frame, len))) = decode_bytes(black_box(&rest)) {
                black_box(frame);
                rest = rest.slice(len..);
            }
            assert!(rest.is_empty());
        }
    })
}
