//! COMMANDLOG and SLOWLOG: the latest calls that took long, were large, or got large replies.

use bytes::Bytes;
use compact_str::CompactString;
use parking_lot::Mutex;
use std::collections::VecDeque;

/// Arguments of a call that are kept, and bytes of each.
const ARGUMENTS_MAX: usize = 32;
const ARGUMENT_BYTES_MAX: usize = 128;

/// What makes a call worth remembering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// It took long; measured in microseconds.
    Slow,
    /// Its words are large; measured in bytes.
    LargeRequest,
    /// Its reply is large; measured in bytes.
    LargeReply,
}

/// One call that is remembered.
#[derive(Clone, Debug)]
pub struct Noted {
    /// Its number; never used twice.
    pub id: u64,
    /// When it ran, unix seconds.
    pub at_s: i64,
    /// How long it took, or how large it was.
    pub measure: u64,
    /// Its words, cut short.
    pub argv: Vec<Vec<u8>>,
    /// The client's address.
    pub addr: CompactString,
    /// The client's name.
    pub name: Bytes,
}

/// The calls that are remembered, for each excess, with the number of the next.
#[derive(Debug, Default)]
pub struct CommandLog {
    logs: [Mutex<(VecDeque<Noted>, u64)>; 3],
}

/// `argv` as it is kept: few words, short ones, and how much is missing.
fn shorten(argv: &[&[u8]]) -> Vec<Vec<u8>> {
    let cut = |word: &&[u8]| match word.len().checked_sub(ARGUMENT_BYTES_MAX) {
        None | Some(0) => word.to_vec(),
        Some(more) => [&word[..ARGUMENT_BYTES_MAX], format!("... ({more} more bytes)").as_bytes()].concat(),
    };
    if argv.len() <= ARGUMENTS_MAX {
        return argv.iter().map(cut).collect();
    }
    let more = argv.len() - ARGUMENTS_MAX + 1;
    let rest = format!("... ({more} more arguments)").into_bytes();
    argv[..ARGUMENTS_MAX - 1].iter().map(cut).chain([rest]).collect()
}

impl CommandLog {
    /// Remembers a call; forgets the oldest ones above `len_max`.
    pub fn add(
        &self,
        excess: Excess,
        measure: u64,
        argv: &[&[u8]],
        at_s: i64,
        client: Option<&super::Client>,
        len_max: usize,
    ) {
        let mut log = self.logs[excess as usize].lock();
        let (calls, next) = &mut *log;
        let of = |client: &super::Client| (client.addr.clone(), client.introduction().name);
        let (addr, name) = client.map(of).unwrap_or_default();
        calls.push_front(Noted { id: *next, at_s, measure, argv: shorten(argv), addr, name });
        *next += 1;
        calls.truncate(len_max);
    }

    /// The latest calls, newest first.
    pub fn latest(&self, excess: Excess, count: usize) -> Vec<Noted> {
        self.logs[excess as usize].lock().0.iter().take(count).cloned().collect()
    }

    /// How many calls are remembered.
    pub fn len(&self, excess: Excess) -> usize {
        self.logs[excess as usize].lock().0.len()
    }

    /// Forgets all.
    pub fn reset(&self, excess: Excess) {
        self.logs[excess as usize].lock().0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_calls_are_cut() {
        let long = [b'x'; 200];
        let words: Vec<&[u8]> = vec![&long; 40];
        let kept = shorten(&words);
        assert_eq!(kept.len(), 32);
        assert!(kept[0].ends_with(b"xx... (72 more bytes)"));
        assert_eq!(kept[31], b"... (9 more arguments)");
        assert_eq!(shorten(&[b"get", b"k"]), [b"get".to_vec(), b"k".to_vec()]);
    }
}
