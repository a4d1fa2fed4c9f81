//! Append-only files: the commands that made a data set.
//!
//! ```text
//! file       [an RDB file] │ command │ …
//! command    *N CR LF │ $length CR LF bytes CR LF │ …      as clients send it; lines that begin with # are skipped
//!            as in Redis, LF alone ends a line, what follows its number does not matter, nor which two bytes follow a word
//! manifest   "file" name "seq" number "type" b │ h │ i, a line each: base, history, increment
//! ```

use super::reader::{Damage, Fault, Reader};
use crate::base::words;

/// A command of a file.
pub type Words = Vec<Vec<u8>>;

/// The most words a command may have, and the longest of them in bytes.
const WORDS_MAX: i64 = 1 << 30;
const WORD_LEN_MAX: i64 = 1 << 32;

/// Takes the commands of a file.
pub trait Commands {
    /// Why it takes no more.
    type Error: From<Damage>;

    /// Begins with a file, whose commands are about database 0 until one selects another.
    ///
    /// # Errors
    /// When it cannot; reading ends.
    fn begin(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Takes a command.
    ///
    /// # Errors
    /// When it cannot; reading ends.
    fn command(&mut self, words: Words, offset: u64) -> Result<(), Self::Error>;
}

/// Reads commands up to the end of `input`. Those between MULTI and EXEC are given on together.
///
/// Returns where the file is cut off, if its last command or transaction is not whole: as Redis does by
/// default, what is there of it is left out.
///
/// # Errors
/// [`Damage`] when it is malformed, or what `taker` fails with.
pub fn read<T: Commands>(input: &mut Reader<'_>, taker: &mut T) -> Result<Option<u64>, T::Error> {
    let mut transaction: Option<(u64, Vec<(Words, u64)>)> = None;
    taker.begin()?;
    loop {
        let start = input.offset();
        let words = match command(input) {
            Ok(Some(words)) => words,
            Ok(None) => return Ok(transaction.map(|(start, _)| start)),
            Err(Damage { fault: Fault::Short, .. }) => {
                return Ok(Some(transaction.map_or(start, |(start, _)| start)));
            }
            Err(damage) => return Err(damage.into()),
        };
        let name = words[0].to_ascii_uppercase();
        match (&mut transaction, name.as_slice()) {
            (None, b"MULTI") => transaction = Some((start, Vec::new())),
            (Some(_), b"EXEC") => {
                for (words, offset) in transaction.take().into_iter().flat_map(|(_, words)| words) {
                    taker.command(words, offset)?;
                }
            }
            (Some((_, held)), _) => held.push((words, start)),
            (None, _) => taker.command(words, start)?,
        }
    }
}

/// The next command; `None` at the end.
///
/// # Errors
/// [`Damage`] when it is malformed or cut off.
pub fn command(input: &mut Reader<'_>) -> Result<Option<Words>, Damage> {
    let mut text = Vec::new();
    let count = loop {
        line(input, &mut text)?;
        match &text[..] {
            [] => return Ok(None),
            [b'#', ..] => {}
            [b'*'] => return Err(input.fault(Fault::Short)),
            [b'*', count @ ..] => break number(count),
            _ => return Err(input.damage("a command does not begin with *")),
        }
    };
    if !(1..=WORDS_MAX).contains(&count) {
        return Err(input.damage("a command has an impossible number of words"));
    }
    let mut words = Vec::new();
    for _ in 0..count {
        line(input, &mut text)?;
        let len = match &text[..] {
            [] => return Err(input.fault(Fault::Short)),
            [b'$', len @ ..] => number(len),
            _ => return Err(input.damage("a word of a command does not begin with $")),
        };
        if !(0..=WORD_LEN_MAX).contains(&len) {
            return Err(input.damage("a word of a command has an impossible length"));
        }
        words.push(input.take(len as usize)?.to_vec());
        input.take(2)?;
    }
    Ok(Some(words))
}

/// The longest line; what is longer goes on as the next one.
const LINE_LEN_MAX: usize = 1023;

/// Reads a line with its end, or what there is of it; nothing at the end of `input`.
fn line(input: &mut Reader<'_>, line: &mut Vec<u8>) -> Result<(), Damage> {
    line.clear();
    while line.len() < LINE_LEN_MAX && line.last() != Some(&b'\n') && !input.is_at_end()? {
        line.push(input.byte()?);
    }
    Ok(())
}

/// The number that `text` begins with, behind blanks; 0 where there is none.
fn number(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text {
        [sign @ (b'-' | b'+'), digits @ ..] => (*sign == b'-', digits),
        digits => (false, digits),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let n = digits.fold(0i64, |n, digit| n.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    if negative { -n } else { n }
}

/// The longest line of a manifest, with its end.
const LINE_MAX: usize = 1024;

/// The files of an append-only directory, in the order in which they are read.
///
/// # Errors
/// What is wrong with the manifest, and the line.
pub fn manifest(text: &str) -> Result<Vec<String>, String> {
    const FORMAT: &str = "Invalid AOF manifest file format";
    if text.is_empty() {
        return Err("Found an empty AOF manifest".into());
    }
    let (mut base, mut increments) = (None, Vec::new());
    for (line, text) in text.split_inclusive('\n').enumerate().filter(|(_, text)| !text.starts_with('#')) {
        let fault = |what: &str| format!("{what} (line {})", line + 1);
        if text.len() > LINE_MAX || !text.ends_with('\n') {
            return Err(fault("The AOF manifest file contains too long line"));
        }
        let words =
            words::split(text.as_bytes()).filter(|words| words.len() >= 6 && words.len().is_multiple_of(2));
        let words = words.ok_or_else(|| fault(FORMAT))?;
        let value = |name: &[u8]| {
            let pair = words.chunks_exact(2).rfind(|pair| pair[0].eq_ignore_ascii_case(name));
            pair.and_then(|pair| std::str::from_utf8(&pair[1]).ok()).ok_or_else(|| fault(FORMAT))
        };
        let (file, number, kind) = (value(b"file")?, value(b"seq")?, value(b"type")?);
        if file.contains(['/', '\\']) {
            return Err(fault("File can't be a path, just a filename"));
        }
        let number: u64 = number.parse().ok().filter(|number| *number > 0).ok_or_else(|| fault(FORMAT))?;
        match kind {
            "b" if base.is_some() => return Err(fault("Found duplicate base file information")),
            "b" => base = Some(file.to_string()),
            "i" if increments.last().is_some_and(|(last, _)| *last >= number) => {
                return Err(fault("Found a non-monotonic sequence number"));
            }
            "i" => increments.push((number, file.to_string())),
            "h" => {}
            _ => return Err(fault("Unknown AOF file type")),
        }
    }
    Ok(base.into_iter().chain(increments.into_iter().map(|(_, file)| file)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct List(Vec<String>);

    impl Commands for List {
        type Error = Damage;
        fn command(&mut self, words: Words, _: u64) -> Result<(), Damage> {
            let words: Vec<_> = words.iter().map(|word| word.escape_ascii().to_string()).collect();
            self.0.push(words.join(" "));
            Ok(())
        }
    }

    fn commands(text: &[u8]) -> (Result<Option<u64>, Damage>, Vec<String>) {
        let mut list = List(Vec::new());
        let mut source = text;
        (read(&mut Reader::stream(&mut source), &mut list), list.0)
    }

    const SET: &[u8] = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$2\r\n\r\n\r\n";
    const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
    const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";

    #[test]
    fn whole_commands_and_transactions_are_taken() {
        let set = "SET a \\r\\n".to_string();
        assert_eq!(commands(b""), (Ok(None), vec![]));
        assert_eq!(commands(&[b"#TS:1\r\n", SET, SET].concat()), (Ok(None), vec![set.clone(), set.clone()]));
        let whole = [SET, MULTI, SET, SET, EXEC].concat();
        assert_eq!(commands(&whole), (Ok(None), vec![set.clone(); 3]));
        for cut in SET.len() + 1..whole.len() {
            assert_eq!(commands(&whole[..cut]), (Ok(Some(SET.len() as u64)), vec![set.clone()]), "{cut}");
        }
    }

    #[test]
    fn malformed_commands_are_damage() {
        for text in [
            &b"x"[..],
            b"\r\n",
            b"\0",
            b"*0\r\n",
            b"*-1\r\n",
            b"*x\r\n",
            b"*1\r\nx",
            b"*1\r\n$-1\r\n",
            b"*99999999999999\r\n",
            b"*\r\n",
        ] {
            assert!(commands(text).0.is_err(), "{}", text.escape_ascii());
        }
        assert_eq!(commands(&[&b"#"[..], &[b'x'; 1021], b"\n"].concat()).0, Ok(None));
        assert!(commands(&[&b"#"[..], &[b'x'; 1022], b"\n"].concat()).0.is_err());
        for cut in ["*", "*1", "*1\r\n", "*1\r\n$", "*1\r\n$1\r\na\r", "*1\r\n$4000000000\r\nabc"] {
            assert_eq!(commands(cut.as_bytes()).0, Ok(Some(0)), "{cut:?}");
        }
    }

    #[test]
    fn lines_are_read_as_redis_reads_them() {
        for text in [
            "*2\n$3\nGET\r\n$1\na\r\n",
            "*2abc\r\n$ 3xyz\r\nGET\r\n$+1\r\na\r\n",
            "*2\r\n$3\r\nGETxx$1\r\nayy",
        ] {
            assert_eq!(commands(text.as_bytes()), (Ok(None), vec!["GET a".into()]), "{text:?}");
        }
    }

    #[test]
    fn a_manifest_names_base_and_increments() {
        let text = "# a comment\nfile appendonly.aof.2.base.rdb seq 2 type b\nfile a.1.incr.aof seq 1 type h\n\
                    FILE \"a b.2.incr.aof\" seq 2 type i startoffset 7\nfile a.4.incr.aof seq 4 type i\n";
        let files = ["appendonly.aof.2.base.rdb", "a b.2.incr.aof", "a.4.incr.aof"].map(String::from);
        assert_eq!(manifest(text), Ok(files.to_vec()));
        assert_eq!(manifest("file a seq 1 type h\n"), Ok(vec![]));
    }

    #[test]
    fn a_bad_manifest_is_refused_as_redis_refuses_it() {
        let long = format!("file a seq 1 type b {}\n", "k v ".repeat(300));
        for (bad, why) in [
            ("", "Found an empty AOF manifest"),
            ("file a seq 1 type b\n\n", "Invalid AOF manifest file format (line 2)"),
            ("file a seq 1\n", "Invalid AOF manifest file format (line 1)"),
            ("filx a seq 1 type b\n", "Invalid AOF manifest file format (line 1)"),
            ("file a seq x type i\n", "Invalid AOF manifest file format (line 1)"),
            ("file a seq 0 type i\n", "Invalid AOF manifest file format (line 1)"),
            ("file a seq 1 type i more\n", "Invalid AOF manifest file format (line 1)"),
            ("file \"a\n", "Invalid AOF manifest file format (line 1)"),
            ("file ../a seq 1 type i\n", "File can't be a path, just a filename (line 1)"),
            ("file a seq 1 type x\n", "Unknown AOF file type (line 1)"),
            ("file a seq 1 type b\nfile b seq 2 type b\n", "Found duplicate base file information (line 2)"),
            ("file a seq 2 type i\nfile b seq 2 type i\n", "Found a non-monotonic sequence number (line 2)"),
            ("file a seq 1 type b", "The AOF manifest file contains too long line (line 1)"),
            (&long, "The AOF manifest file contains too long line (line 1)"),
        ] {
            assert_eq!(manifest(bad), Err(why.into()), "{bad}");
        }
    }
}
