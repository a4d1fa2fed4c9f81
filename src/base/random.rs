//! Random numbers: cheap ones per thread, and unpredictable ones from the operating system.

use std::io::Read;

/// A uniformly distributed number below `bound`; 0 when `bound` is 0.
pub fn below(bound: usize) -> usize {
    if bound == 0 { 0 } else { fastrand::usize(..bound) }
}

/// Fills `out` with unpredictable bytes (hash keys, run ids, passwords).
///
/// # Panics
/// When the operating system has no random source: no secret could be made then.
pub fn secret(out: &mut [u8]) {
    std::fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(out))
        .expect("/dev/urandom must be readable");
}

/// `len` random hexadecimal digits in lower case, as in run ids.
pub fn hex(len: usize) -> String {
    let mut bytes = vec![0; len.div_ceil(2)];
    secret(&mut bytes);
    let mut text: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    text.truncate(len);
    text
}
