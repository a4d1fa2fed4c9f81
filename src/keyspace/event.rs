//! Keyspace events: what may be told about a key, and the classes `notify-keyspace-events` selects.

/// A set of event classes; the letters are those of `notify-keyspace-events`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Class(pub u32);

impl Class {
    /// `K`: publish to `__keyspace@db__:key`.
    pub const KEYSPACE: Class = Class(1);
    /// `E`: publish to `__keyevent@db__:event`.
    pub const KEYEVENT: Class = Class(1 << 1);
    /// `g`: commands of no type (DEL, EXPIRE, RENAME, …).
    pub const GENERIC: Class = Class(1 << 2);
    /// `$`: strings.
    pub const STRING: Class = Class(1 << 3);
    /// `l`: lists.
    pub const LIST: Class = Class(1 << 4);
    /// `s`: sets.
    pub const SET: Class = Class(1 << 5);
    /// `h`: hashes.
    pub const HASH: Class = Class(1 << 6);
    /// `z`: sorted sets.
    pub const SORTED: Class = Class(1 << 7);
    /// `x`: a key expired.
    pub const EXPIRED: Class = Class(1 << 8);
    /// `e`: a key was evicted.
    pub const EVICTED: Class = Class(1 << 9);
    /// `t`: streams.
    pub const STREAM: Class = Class(1 << 10);
    /// `m`: a reader missed a key.
    pub const MISS: Class = Class(1 << 11);
    /// `d`: module types.
    pub const MODULE: Class = Class(1 << 13);
    /// `n`: a key was created.
    pub const NEW: Class = Class(1 << 14);
    /// `q`: queues.
    pub const QUEUE: Class = Class(1 << 15);
    /// `A`: `g$lshztxed`.
    pub const ALL: Class = Class(0b10_0111_1111_1100);

    const LETTERS: [(u8, Class); 15] = [
        (b'g', Class::GENERIC),
        (b'$', Class::STRING),
        (b'l', Class::LIST),
        (b's', Class::SET),
        (b'h', Class::HASH),
        (b'z', Class::SORTED),
        (b'x', Class::EXPIRED),
        (b'e', Class::EVICTED),
        (b't', Class::STREAM),
        (b'd', Class::MODULE),
        (b'K', Class::KEYSPACE),
        (b'E', Class::KEYEVENT),
        (b'm', Class::MISS),
        (b'n', Class::NEW),
        (b'q', Class::QUEUE),
    ];

    /// Whether any class is in both.
    pub const fn meets(self, other: Class) -> bool {
        self.0 & other.0 != 0
    }

    /// Both together.
    pub const fn with(self, other: Class) -> Class {
        Class(self.0 | other.0)
    }

    /// Reads the letters of `notify-keyspace-events`; `None` for an unknown letter.
    pub fn parse(text: &str) -> Option<Class> {
        text.bytes().try_fold(Class(0), |all, letter| {
            if letter == b'A' {
                return Some(all.with(Class::ALL));
            }
            Class::LETTERS.iter().find(|(l, _)| *l == letter).map(|(_, class)| all.with(*class))
        })
    }

    /// The letters of this set, as CONFIG GET shows them.
    pub fn letters(self) -> String {
        let all = self.0 & Class::ALL.0 == Class::ALL.0;
        let mut text = String::from(if all { "A" } else { "" });
        for (letter, class) in Class::LETTERS {
            if self.meets(class) && !(all && Class::ALL.meets(class)) {
                text.push(letter as char);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_read_back() {
        for (text, shown) in [("KEA", "AKE"), ("g$lshzxetd", "A"), ("Kx", "xK"), ("", ""), ("qnKE", "KEnq")] {
            assert_eq!(Class::parse(text).map(Class::letters).as_deref(), Some(shown));
        }
        assert_eq!(Class::parse("Kf"), None);
    }
}
