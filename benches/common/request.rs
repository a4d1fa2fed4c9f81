//! Requests as clients send them.

use std::io::Write;

/// Appends the request `parts` as an array of bulk strings.
pub fn encode(out: &mut Vec<u8>, parts: &[&str]) {
    // Writing to a Vec cannot fail.
    let _ = write!(out, "*{}\r\n", parts.len());
    for part in parts {
        let _ = write!(out, "${}\r\n{part}\r\n", part.len());
    }
}
