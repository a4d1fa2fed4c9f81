//! The arity of a command follows from its syntax text, at compile time.

/// Counts the fewest words `syntax` may be written with, and whether more may follow.
const fn shape(s: &[u8], mut at: usize) -> (i8, bool, usize) {
    let (mut words, mut fewest, mut open, mut split) = (0i8, i8::MAX, false, false);
    while at < s.len() {
        match s[at] {
            b' ' => at += 1,
            b']' | b'>' => break,
            b'|' => {
                if split && fewest != words {
                    open = true;
                }
                if words < fewest {
                    fewest = words;
                }
                (split, words, at) = (true, 0, at + 1);
            }
            b'.' => (open, at) = (true, at + 3),
            b'[' => (open, at) = (true, shape(s, at + 1).2 + 1),
            b'<' => {
                let (inner, more, end) = shape(s, at + 1);
                (words, open, at) = (words + inner, open | more, end + 1);
            }
            _ => {
                while at < s.len() && !matches!(s[at], b' ' | b']' | b'>' | b'|' | b'[') {
                    at += 1;
                }
                // What ends with a colon is a label.
                if s[at - 1] != b':' {
                    words += 1;
                }
            }
        }
    }
    if split && fewest != words {
        open = true;
    }
    (if words < fewest { words } else { fewest }, open, at)
}

/// Redis' arity of `name syntax`: the exact word count, or minus the least when more may follow.
pub const fn arity(syntax: &str) -> i8 {
    let (words, open, _) = shape(syntax.as_bytes(), 0);
    if open { -(words + 1) } else { words + 1 }
}

#[cfg(test)]
mod tests {
    #[test]
    fn arity_matches_redis() {
        for (syntax, want) in [
            ("", 1),
            ("key", 2),
            ("[message]", -1),
            ("key member [member ...]", -3),
            ("key value [NX | XX] [GET] [EX seconds | PX ms | KEEPTTL]", -3),
            ("source destination <LEFT | RIGHT> <LEFT | RIGHT>", 5),
            ("numkeys key [key ...] <LEFT | RIGHT> [COUNT count]", -4),
            ("[COUNT count] [BLOCK ms] STREAMS key [key ...] id [id ...]", -4),
            ("key [NOMKSTREAM] [<MAXLEN | MINID> threshold] <* | id> field value [field value ...]", -5),
            ("script numkeys [key ...] [arg ...]", -3),
            ("key [order: ASC | DESC] <where: x: LEFT a:integer | RIGHT b>", -4),
        ] {
            assert_eq!(super::arity(syntax), want, "{syntax}");
        }
    }
}
