//! Timing a closure, and the tables it ends up in.
#![allow(dead_code, reason = "each benchmark uses its part")]

use std::time::Instant;

/// How often a measurement is repeated; the fastest counts, being the least disturbed.
const REPEATS: usize = 9;

/// Nanoseconds for each of the `operations` that one call of `run` does.
pub fn ns_per_operation(operations: usize, mut run: impl FnMut()) -> f64 {
    (0..REPEATS)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_nanos() as f64 / operations as f64
        })
        .fold(f64::INFINITY, f64::min)
}

/// Prints a Markdown table.
pub fn print_table<const N: usize>(head: [&str; N], rows: &[[String; N]]) {
    println!("| {} |\n|{}", head.join(" | "), "---|".repeat(N));
    for row in rows {
        println!("| {} |", row.join(" | "));
    }
    println!();
}
