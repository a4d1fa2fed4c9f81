//! Words as a transcript writes them: quotes and escapes of `redis-cli`, repetition and ranges.
//!
//! ```text
//! "a\r\n\x00"   double quotes: \n \r \t \b \a \\ \" \xHH
//! 'it''s'       single quotes: only \' is an escape
//! "ab"*3        a quoted word repeated: ababab
//! v{1..3}       in a bare word: the words v1 v2 v3
//! ```

/// One word, and whether quotes make every byte of it literal.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    pub bytes: Vec<u8>,
    pub quoted: bool,
}

/// A position in the text of one logical line.
pub struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text: text.as_bytes(), at: 0 }
    }

    pub fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub fn starts_with(&self, prefix: &str) -> bool {
        self.text[self.at..].starts_with(prefix.as_bytes())
    }

    pub fn skip(&mut self, bytes: usize) {
        self.at += bytes;
    }

    pub fn blanks(&mut self) {
        while self.peek().is_some_and(|b| b.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Everything up to the end of the line, without blanks at the ends.
    pub fn rest(&mut self) -> &'a str {
        let rest = std::str::from_utf8(&self.text[self.at..]).unwrap_or_default().trim();
        self.at = self.text.len();
        rest
    }

    /// The next word; a bare one also ends before a byte of `stops`.
    pub fn word(&mut self, stops: &[u8]) -> Result<Word, String> {
        match self.peek() {
            None => Err("a word is missing".into()),
            Some(quote @ (b'"' | b'\'')) => self.quoted(quote),
            Some(_) => {
                let from = self.at;
                while self.peek().is_some_and(|b| !b.is_ascii_whitespace() && !stops.contains(&b)) {
                    self.at += 1;
                }
                Ok(Word { bytes: self.text[from..self.at].to_vec(), quoted: false })
            }
        }
    }

    fn quoted(&mut self, quote: u8) -> Result<Word, String> {
        self.at += 1;
        let mut bytes = Vec::new();
        loop {
            let byte = self.peek().ok_or("a quote is not closed")?;
            self.at += 1;
            match byte {
                b'\\' if quote == b'\'' && self.peek() == Some(b'\'') => {
                    bytes.push(b'\'');
                    self.at += 1;
                }
                b'\\' if quote == b'"' => bytes.push(self.escape()?),
                b if b == quote => break,
                b => bytes.push(b),
            }
        }
        if self.peek() == Some(b'*') {
            self.at += 1;
            let times = self.number()?;
            bytes = bytes.repeat(times);
        }
        Ok(Word { bytes, quoted: true })
    }

    fn escape(&mut self) -> Result<u8, String> {
        let byte = self.peek().ok_or("an escape is not finished")?;
        self.at += 1;
        Ok(match byte {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'b' => 8,
            b'a' => 7,
            b'x' => {
                let digits = self.text.get(self.at..self.at + 2).ok_or("\\x needs two digits")?;
                self.at += 2;
                let digits = std::str::from_utf8(digits).map_err(|e| e.to_string())?;
                u8::from_str_radix(digits, 16).map_err(|e| e.to_string())?
            }
            other => other,
        })
    }

    fn number(&mut self) -> Result<usize, String> {
        let from = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        std::str::from_utf8(&self.text[from..self.at])
            .ok()
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| "a number is missing".into())
    }
}

/// Splits a command line into its words, ranges expanded.
pub fn words(line: &str) -> Result<Vec<Word>, String> {
    let mut cursor = Cursor::new(line);
    let mut out = Vec::new();
    loop {
        cursor.blanks();
        if cursor.peek().is_none() {
            return Ok(out);
        }
        let word = cursor.word(&[])?;
        if cursor.peek().is_some_and(|b| !b.is_ascii_whitespace()) {
            return Err("a closing quote must be followed by a blank".into());
        }
        expand(word, &mut out);
    }
}

/// Appends `word`, or each word of its range when it is bare and holds one: `v{1..3}`.
pub fn expand(word: Word, out: &mut Vec<Word>) {
    let Some((head, from, to, tail)) = range(&word) else {
        out.push(word);
        return;
    };
    for n in from..=to {
        out.push(Word { bytes: format!("{head}{n}{tail}").into_bytes(), quoted: false });
    }
}

fn range(word: &Word) -> Option<(&str, i64, i64, &str)> {
    let text = std::str::from_utf8(&word.bytes).ok().filter(|_| !word.quoted)?;
    let (head, rest) = text.split_once('{')?;
    let (inner, tail) = rest.split_once('}')?;
    let (from, to) = inner.split_once("..")?;
    Some((head, from.parse().ok()?, to.parse().ok()?, tail))
}

/// `bytes` as a quoted word that [`Cursor::word`] reads back.
pub fn quote(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for &b in bytes {
        match b {
            b'"' | b'\\' => out.extend(['\\', b as char]),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x20..=0x7e => out.push(b as char),
            _ => out.push_str(&format!("\\x{b:02x}")),
        }
    }
    out.push('"');
    out
}
