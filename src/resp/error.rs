//! What a client may be told when a command is refused: Redis' exact wording.

use crate::base::text::until_nul;
use std::borrow::Cow;
use std::fmt;

/// A refused command's answer, without the leading `-`; its first word is the error code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(Cow<'static, [u8]>);

/// What every command handler returns.
pub type Result<T = ()> = std::result::Result<T, Error>;

impl Error {
    /// The key holds a value of another type.
    pub const WRONG_TYPE: Error =
        Error::new("WRONGTYPE Operation against a key holding the wrong kind of value");
    /// An option is unknown, misplaced or contradicts another.
    pub const SYNTAX: Error = Error::new("ERR syntax error");
    /// An argument is no signed 64-bit integer, or outside its bounds.
    pub const NOT_INTEGER: Error = Error::new("ERR value is not an integer or out of range");
    /// An argument is no floating point number.
    pub const NOT_FLOAT: Error = Error::new("ERR value is not a valid float");
    /// The command needs a key that is absent.
    pub const NO_SUCH_KEY: Error = Error::new("ERR no such key");
    /// An index lies outside the value.
    pub const OUT_OF_RANGE: Error = Error::new("ERR index out of range");
    /// A value would grow past `proto-max-bulk-len`.
    pub const STRING_TOO_LONG: Error =
        Error::new("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    /// The connection has to authenticate first.
    pub const NO_AUTH: Error = Error::new("NOAUTH Authentication required.");
    /// The memory limit is reached and nothing can be evicted.
    pub const OUT_OF_MEMORY: Error = Error::new("OOM command not allowed when used memory > 'maxmemory'.");

    /// The data set is not there yet.
    pub const LOADING: Error = Error::new("LOADING Redis is loading the dataset in memory");
    /// Fewer replicas follow than a write asks for.
    pub const NO_REPLICAS: Error = Error::new("NOREPLICAS Not enough good replicas to write.");
    /// Snapshots fail that the settings ask for.
    pub const UNSAVED: Error = Error::new(
        "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands \
         that may modify the data set are disabled, because this instance is configured to report errors during \
         writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for \
         details about the RDB error.",
    );

    /// An error with a fixed text; allocates nothing.
    pub const fn new(text: &'static str) -> Error {
        Error(Cow::Borrowed(text.as_bytes()))
    }

    /// An error whose text is made for the occasion. CR and LF become blanks, so that no data of a
    /// user can start a second frame; those at its end are left out.
    pub fn text(text: impl Into<Vec<u8>>) -> Error {
        let is_break = |byte: &u8| matches!(*byte, b'\r' | b'\n');
        let mut text = text.into();
        text.truncate(text.iter().rposition(|byte| !is_break(byte)).map_or(0, |last| last + 1));
        text.iter_mut().filter(|byte| is_break(byte)).for_each(|byte| *byte = b' ');
        Error(Cow::Owned(text))
    }

    /// An error that repeats words of a client, which may be any bytes: all `parts` in a row, each up to a NUL, as in C.
    pub fn parts(parts: &[&[u8]]) -> Error {
        Error::text(parts.iter().map(|part| until_nul(part)).collect::<Vec<_>>().concat())
    }

    /// The command was called with too few or too many arguments; `name` as `set` or `config|get`.
    pub fn arity(name: &str) -> Error {
        Error::text(format!("ERR wrong number of arguments for '{name}' command"))
    }

    /// The whole text, code first.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The error code: the first word (`ERR`, `WRONGTYPE`, …).
    pub fn code(&self) -> &str {
        self.0
            .split(|byte| matches!(byte, b' ' | b'\r' | b'\n'))
            .next()
            .and_then(|code| std::str::from_utf8(code).ok())
            .unwrap_or("ERR")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl std::error::Error for Error {}
