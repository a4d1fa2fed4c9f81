//! Requests as clients send them.

use std::io::Write;

/// Appends the request `parts` as an array of bulk strings.
pub fn encode(out: &mut Vec<u8>, parts: &[impl AsRef<[u8]>]) {
    // Writing to a Vec cannot fail.
    let _ = write!(out, "*{}\r\n", parts.len());
    for part in parts.iter().map(AsRef::as_ref) {
        let _ = write!(out, "${}\r\n", part.len());
        out.extend_from_slice(part);
        out.extend_from_slice(b"\r\n");
    }
}
