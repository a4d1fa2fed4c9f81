//! Texts as C takes them, where clients can see that Redis does.

/// `text` up to its first NUL, where C ends a text.
pub fn until_nul(text: &[u8]) -> &[u8] {
    memchr::memchr(0, text).map_or(text, |end| &text[..end])
}

/// Whether C counts it among the blanks.
pub fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// `text` without the blanks that it begins with.
pub fn skip_blanks(text: &[u8]) -> &[u8] {
    &text[text.iter().take_while(|byte| is_blank(**byte)).count()..]
}
