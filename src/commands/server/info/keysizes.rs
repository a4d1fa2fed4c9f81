//! How long the values are: a histogram per database and type, in powers of two.

use super::Lines;
use crate::keyspace::table::sizes::{BINS, TYPES};

/// The name of each type's line.
const NAMES: [&str; TYPES] = [
    "distrib_strings_sizes",
    "distrib_lists_items",
    "distrib_sets_items",
    "distrib_zsets_items",
    "distrib_hashes_items",
];

/// The smallest length that a bin counts, in short.
fn label(bin: usize) -> String {
    let Some(power) = bin.checked_sub(1) else { return "0".into() };
    let unit = ["", "K", "M", "G", "T", "P", "E"][power / 10];
    format!("{}{unit}", 1 << (power % 10))
}

pub(super) fn keysizes(lines: &mut Lines) {
    let sizes: Vec<[[u64; BINS]; TYPES]> = lines.survey.databases.iter().map(|db| db.sizes).collect();
    for (db, types) in sizes.iter().enumerate() {
        for (name, bins) in NAMES.iter().zip(types) {
            let full = bins.iter().enumerate().filter(|(_, n)| **n > 0);
            let values: Vec<String> = full.map(|(bin, n)| format!("{}={n}", label(bin))).collect();
            if !values.is_empty() {
                lines.add(&format!("db{db}_{name}"), values.join(","));
            }
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
