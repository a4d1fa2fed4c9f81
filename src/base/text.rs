//! Texts as C takes them, where clients can see that Redis does.

/// `text` up to its first NUL, where C ends a text.
pub fn until_nul(text: &[u8]) -> &[u8] {
    memchr::memchr(0, text).map_or(text, |end| &text[..end])
}
