//! Rules as the words of a command or a line.

/// Puts the words of a selector in parentheses together: `(+get` `~a)` is one rule, `(+get ~a)`.
///
/// # Errors
/// The word that opens a parenthesis which is never closed.
pub fn gather<'a>(words: &[&'a [u8]]) -> Result<Vec<Vec<u8>>, &'a [u8]> {
    let mut rules: Vec<Vec<u8>> = Vec::with_capacity(words.len());
    let mut open: Option<&[u8]> = None;
    for word in words {
        match open {
            None => {
                rules.push(word.to_vec());
                open = (word.starts_with(b"(") && !word.ends_with(b")")).then_some(word);
            }
            Some(_) => {
                if let Some(rule) = rules.last_mut() {
                    rule.push(b' ');
                    rule.extend_from_slice(word);
                }
                if word.ends_with(b")") {
                    open = None;
                }
            }
        }
    }
    open.map_or(Ok(rules), Err)
}
