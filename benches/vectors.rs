//! Vector sets beside Redis': CPU of the server per VADD and VSIM, how much of what is nearest is found, bytes an element.
//!
//! `cargo bench --bench vectors -- [--subject PROGRAM] [--peer NAME=PROGRAM …] [--data LIST] [--elements N] [--dim N]`. The
//! targets are set against the first peer. Each data set is loaded by servers of their own: `clustered` vectors lie around
//! centres, as embeddings do, and `random` ones anywhere, which is the harder. Recall is the share of the 10 nearest, by the
//! cosines of the vectors that were given, that VSIM COUNT 10 finds.

#[path = "common/client.rs"]
mod client;
#[path = "common/request.rs"]
mod request;
#[path = "common/server.rs"]
mod server;

use request::encode;
use server::{Contender, NO_LOG, Server};
use std::collections::HashSet;
use std::error::Error;

const DATA: [&str; 2] = ["clustered", "random"];
const COUNT: usize = 10;
/// Searches whose CPU is measured.
const SEARCHES: usize = 2000;
/// Of those, the searches whose recall is.
const JUDGED: usize = 300;
/// Elements around a centre.
const CLUSTER: usize = 200;
/// How far they spread, where centres spread by 1.
const SPREAD: f32 = 0.6;

/// The rows of the table: a head, and the most (or least, if it is negative) of the first peer's figure.
const ROWS: [(&str, f64); 4] = [
    ("CPU per VADD, µs", 0.8),
    ("CPU per VSIM COUNT 10, µs", 0.8),
    ("recall@10", -1.0),
    ("bytes an element", 0.7),
];

type Vector = Vec<f32>;

/// A number of the normal distribution.
fn normal(random: &mut fastrand::Rng) -> f32 {
    let (radius, angle) = ((-2.0 * (1.0 - random.f32()).ln()).sqrt(), random.f32() * std::f32::consts::TAU);
    radius * angle.cos()
}

fn vectors(data: &str, dim: usize, count: usize) -> Vec<Vector> {
    let mut random = fastrand::Rng::with_seed(7);
    let mut around = |centre: &[f32], spread: f32| -> Vector {
        centre.iter().map(|at| at + spread * normal(&mut random)).collect()
    };
    let origin = vec![0.0; dim];
    if data == "random" {
        return (0..count).map(|_| around(&origin, 1.0)).collect();
    }
    let centres: Vec<Vector> = (0..count.div_ceil(CLUSTER)).map(|_| around(&origin, 1.0)).collect();
    let mut random = fastrand::Rng::with_seed(8);
    (0..count).map(|_| around(&centres[random.usize(..centres.len())], SPREAD)).collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// The elements nearest to each query.
fn nearest(elements: &[Vector], queries: &[Vector]) -> Vec<HashSet<String>> {
    let of = |query: &Vector| {
        let mut all: Vec<(f32, usize)> =
            elements.iter().enumerate().map(|(n, vector)| (-cosine(query, vector), n)).collect();
        all.select_nth_unstable_by(COUNT, |a, b| a.0.total_cmp(&b.0));
        all[..COUNT].iter().map(|(_, n)| name(*n)).collect()
    };
    queries.iter().map(of).collect()
}

fn name(n: usize) -> String {
    format!("element:{n}")
}

fn blob(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|float| float.to_le_bytes()).collect()
}

/// The figures of one server, in the order of [`ROWS`].
fn measure(
    contender: &Contender,
    elements: &[Vector],
    queries: &[Vector],
    truth: &[HashSet<String>],
) -> Result<[f64; 4], Box<dyn Error>> {
    let server = Server::start(contender, NO_LOG)?;
    let mut client = server.client()?;
    let (empty, before) = (server.settled_rss()?, server.cpu()?);
    client.load(elements.len(), |n, out| {
        let (vector, name) = (blob(&elements[n]), name(n));
        let words: [&[u8]; 5] = [b"VADD", b"set", b"FP32", &vector, name.as_bytes()];
        encode(out, &words);
    })?;
    let added = server.cpu()? - before;
    let bytes = server.settled_rss()?.saturating_sub(empty) as f64 / elements.len() as f64;
    let count = COUNT.to_string();
    let search = |n: usize, out: &mut Vec<u8>| {
        let words: [&[u8]; 6] = [b"VSIM", b"set", b"FP32", &blob(&queries[n]), b"COUNT", count.as_bytes()];
        encode(out, &words);
    };
    let before = server.cpu()?;
    client.load(queries.len(), search)?;
    let searched = server.cpu()? - before;
    let mut found = 0;
    for (n, truth) in truth.iter().enumerate() {
        let mut request = Vec::new();
        search(n, &mut request);
        let replies = client.run(&request, 1)?;
        found += replies[0].iter().filter(|name| truth.contains(*name)).count();
    }
    Ok([
        added.as_secs_f64() * 1e6 / elements.len() as f64,
        searched.as_secs_f64() * 1e6 / queries.len() as f64,
        found as f64 / (COUNT * truth.len()) as f64,
        bytes,
    ])
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut contenders = vec![Contender::parse(&format!("Synap={}", env!("CARGO_BIN_EXE_synap-server")))?];
    let (mut chosen, mut count, mut dim) = (DATA.join(","), 100_000, 128);
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    while let Some(option) = args.next() {
        let value = args.next().ok_or(format!("{option} needs a value"))?;
        match option.as_str() {
            "--subject" => contenders[0] = Contender::parse(&format!("Synap={value}"))?,
            "--peer" => contenders.push(Contender::parse(&value)?),
            "--data" => chosen = value,
            "--elements" => count = value.parse()?,
            "--dim" => dim = value.parse()?,
            _ => return Err(format!("unknown option {option}").into()),
        }
    }
    let names: Vec<&str> = contenders.iter().map(|c| c.name.as_str()).collect();
    println!("| {count} elements of {dim} dimensions, Q8 | {} | target | |", names.join(" | "));
    println!("|---|{}---|---|", "---|".repeat(names.len()));
    for data in DATA.into_iter().filter(|data| chosen.split(',').any(|name| name == *data)) {
        let all = vectors(data, dim, count + SEARCHES);
        let (elements, queries) = all.split_at(count);
        let truth = nearest(elements, &queries[..JUDGED]);
        let figures = contenders
            .iter()
            .map(|contender| measure(contender, elements, queries, &truth))
            .collect::<Result<Vec<_>, _>>()?;
        for (row, (head, share)) in ROWS.iter().enumerate() {
            let own = figures[0][row];
            let (sign, bar) = if *share < 0.0 { ("≥", -share) } else { ("≤", *share) };
            let verdict = figures.get(1).map_or("", |peer| {
                let is_met = if *share < 0.0 { own >= bar * peer[row] } else { own <= bar * peer[row] };
                if is_met { "met" } else { "missed" }
            });
            let digits = if *share < 0.0 { 3 } else { 1 };
            let cells: Vec<String> =
                figures.iter().map(|figures| format!("{:.digits$}", figures[row])).collect();
            println!("| {data}: {head} | {} | {sign} {bar} × the peer's | {verdict} |", cells.join(" | "));
        }
    }
    Ok(())
}
