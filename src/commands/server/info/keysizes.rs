//! How long the values are, and what keys take in memory: a histogram per database and type, in powers of two.

use super::Lines;
use super::survey::Lengths;
use crate::keyspace::table::sizes::TYPES;

/// The name of each type's line for lengths.
const LENGTHS: [&str; TYPES] = [
    "distrib_strings_sizes",
    "distrib_lists_items",
    "distrib_sets_items",
    "distrib_zsets_items",
    "distrib_hashes_items",
];

/// Likewise for bytes of memory. Strings have none: it would be called as that for their lengths.
const WEIGHTS: [&str; TYPES] =
    ["", "distrib_lists_sizes", "distrib_sets_sizes", "distrib_zsets_sizes", "distrib_hashes_sizes"];

/// The smallest size that a bin counts, in short.
fn label(bin: usize) -> String {
    let Some(power) = bin.checked_sub(1) else { return "0".into() };
    let unit = ["", "K", "M", "G", "T", "P", "E"][power / 10];
    format!("{}{unit}", 1 << (power % 10))
}

pub(super) fn keysizes(lines: &mut Lines) {
    let lengths = std::mem::take(&mut lines.survey.lengths);
    let weights = std::mem::take(&mut lines.survey.weights);
    for (db, lengths) in lengths.iter().enumerate() {
        if let Some(lengths) = lengths {
            tell(lines, db, &LENGTHS, lengths);
        }
        if let Some(weights) = weights.get(db) {
            tell(lines, db, &WEIGHTS, weights);
        }
    }
}

/// A line for each type that has a name and keys.
fn tell(lines: &mut Lines, db: usize, names: &[&str; TYPES], types: &Lengths) {
    for (name, bins) in names.iter().zip(types).filter(|(name, _)| !name.is_empty()) {
        let full = bins.iter().enumerate().filter(|(_, n)| **n > 0);
        let values: Vec<String> = full.map(|(bin, n)| format!("{}={n}", label(bin))).collect();
        if !values.is_empty() {
            lines.add(&format!("db{db}_{name}"), values.join(","));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn labels() {
        for (bin, text) in [(0, "0"), (1, "1"), (2, "2"), (3, "4"), (10, "512"), (11, "1K"), (22, "2M")] {
            assert_eq!(label(bin), text, "{bin}");
        }
    }
}
