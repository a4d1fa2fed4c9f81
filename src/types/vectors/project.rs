//! The projection of REDUCE: onto rows of a Hadamard matrix, which needs no random numbers and so is the same everywhere.
//!
//! Row i has in column j the sign (-1)^|i & j|, scaled by 1 / √columns.

/// Rows that are added to at once: their signs within depend on the low bits alone.
const BLOCK: usize = 8;

/// The signs of [`BLOCK`] rows in the columns that end with the same bits.
static SIGNS: [[f32; BLOCK]; BLOCK] = {
    let mut signs = [[1.0; BLOCK]; BLOCK];
    let mut at = 0;
    while at < BLOCK * BLOCK {
        if is_odd((at / BLOCK) & (at % BLOCK)) {
            signs[at / BLOCK][at % BLOCK] = -1.0;
        }
        at += 1;
    }
    signs
};

const fn is_odd(bits: usize) -> bool {
    bits.count_ones() % 2 == 1
}

fn scale(columns: usize) -> f32 {
    (1.0 / (columns as f64).sqrt()) as f32
}

/// The projection of `input` onto `dim` dimensions: sums of each row from the first column to the last.
pub(super) fn project(input: &[f32], dim: usize) -> Vec<f32> {
    let scale = scale(input.len());
    let mut output = vec![0.0; dim.next_multiple_of(BLOCK)];
    for (column, value) in input.iter().enumerate() {
        let (scaled, signs) = (scale * value, &SIGNS[column % BLOCK]);
        for (block, rows) in output.chunks_exact_mut(BLOCK).enumerate() {
            let scaled = if is_odd(block & (column / BLOCK)) { -scaled } else { scaled };
            rows.iter_mut().zip(signs).for_each(|(sum, sign)| *sum += sign * scaled);
        }
    }
    output.truncate(dim);
    output
}

/// The matrix row by row, as files have it.
pub fn matrix(columns: usize, rows: usize) -> impl Iterator<Item = f32> {
    let scale = scale(columns);
    (0..rows).flat_map(move |i| (0..columns).map(move |j| if is_odd(i & j) { -scale } else { scale }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_matrix_times_the_vector() {
        for (columns, rows) in [(1, 1), (3, 2), (8, 8), (300, 100), (17, 40)] {
            let input: Vec<f32> = (0..columns).map(|n| (n as f32 * 0.7).sin()).collect();
            let matrix: Vec<f32> = matrix(columns, rows).collect();
            let product: Vec<f32> = matrix
                .chunks(columns)
                .map(|row| row.iter().zip(&input).fold(0.0, |sum, (a, b)| sum + a * b))
                .collect();
            assert_eq!(project(&input, rows), product);
        }
    }
}
