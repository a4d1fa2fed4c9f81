//! The middle of several measurements.
#![allow(dead_code, reason = "each benchmark uses its part")]

/// The middle value; the mean of the middle two when there is none.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    percentile(values, 0.5)
}

/// The value below which the `share` of all is, between two neighbours where it falls between them.
pub fn percentile(values: impl IntoIterator<Item = f64>, share: f64) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let Some(last) = values.len().checked_sub(1) else { return f64::NAN };
    let at = last as f64 * share;
    let (low, part) = (at as usize, at.fract());
    values[low] * (1.0 - part) + values[(low + 1).min(last)] * part
}
