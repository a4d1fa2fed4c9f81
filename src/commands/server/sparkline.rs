//! A row of numbers as a small picture.
//!
//! ```text
//!    #
//!  _ |
//! _|_|
//! 9520
//! smss     the label of each, from top to bottom
//! ```

/// Numbers drawn at most: the latest.
const COLUMNS_MAX: usize = 80;
const ROWS: u64 = 4;

/// Draws `points`, numbers with their labels, oldest first.
pub(super) fn sparkline(points: &[(u64, String)]) -> String {
    let points = &points[points.len().saturating_sub(COLUMNS_MAX)..];
    let max = points.iter().map(|(n, _)| *n).max().unwrap_or(0).max(1);
    let min = points.iter().map(|(n, _)| *n).min().unwrap_or(0);
    let span = (max - min).max(1);
    // The row in which a column ends: 0 is the lowest.
    let top = |n: u64| (n - min) * (ROWS - 1) / span;
    let mut text = String::new();
    let mut line = |cell: &dyn Fn(&(u64, String)) -> char| {
        let row: String = points.iter().map(cell).collect();
        text.push_str(row.trim_end());
        text.push('\n');
    };
    for row in (0..ROWS).rev() {
        line(&|(n, _)| match row.cmp(&top(*n)) {
            std::cmp::Ordering::Less => '|',
            std::cmp::Ordering::Equal if *n == max => '#',
            std::cmp::Ordering::Equal => '_',
            std::cmp::Ordering::Greater => ' ',
        });
    }
    let label_len = points.iter().map(|(_, label)| label.chars().count()).max().unwrap_or(0);
    for at in 0..label_len {
        line(&|(_, label)| label.chars().nth(at).unwrap_or(' '));
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn high_numbers_stand_out() {
        let points = [(10, "3s"), (40, "12m"), (20, "0s")].map(|(n, label)| (n, label.to_string()));
        assert_eq!(super::sparkline(&points), " #\n |\n |_\n_||\n310\ns2s\n m\n");
        assert_eq!(super::sparkline(&[]), "\n\n\n\n");
    }
}
