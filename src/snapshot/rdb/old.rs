//! Packed forms: the intset, and those that Redis no longer writes, ziplist and zipmap.
//!
//! ```text
//! intset   width (2, 4, 8), u32 LE │ members, u32 LE │ member, LE, ascending │ …
//! ziplist  bytes, u32 LE │ last, u32 LE │ elements, u16 LE (65535: not told) │ [size before] element │ … │ 0xFF
//!   size before   u8 below 254 │ 0xFE u32 LE
//!   element       00llllll text │ 01llllll l text │ 0x80 u32 BE text │ 0xC0 i16 │ 0xD0 i32 │ 0xE0 i64
//!                 │ 0xF0 i24 │ 0xFE i8, LE │ 1111nnnn: n - 1, n = 1 … 13
//! zipmap   fields, u8 │ length, field │ length, spare u8, value, spare bytes │ … │ 0xFF
//!   length        u8 below 254 │ 0xFE u32 LE
//! ```

use crate::types::Item;

const END: u8 = 0xFF;

/// Splits `n` bytes off.
fn take<'a>(bytes: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
    let (front, rest) = bytes.split_at_checked(n)?;
    *bytes = rest;
    Some(front)
}

fn byte(bytes: &mut &[u8]) -> Option<u8> {
    take(bytes, 1).map(|b| b[0])
}

fn array<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    take(bytes, N)?.try_into().ok()
}

fn u32_le(bytes: &mut &[u8]) -> Option<usize> {
    array(bytes).map(|n| u32::from_le_bytes(n) as usize)
}

/// The members of an intset.
pub fn intset(bytes: &[u8]) -> Result<Vec<i64>, &'static str> {
    let mut body = bytes;
    let head = u32_le(&mut body).zip(u32_le(&mut body));
    let Some((width @ (2 | 4 | 8), count)) = head else { return Err("an intset is malformed") };
    if count == 0 || !body.len().is_multiple_of(width) || body.len() / width != count {
        return Err("an intset is not as long as it says");
    }
    let unused = 64 - 8 * width as u32;
    let members: Vec<i64> = body
        .chunks_exact(width)
        .map(|n| {
            let mut le = [0; 8];
            le[..width].copy_from_slice(n);
            i64::from_le_bytes(le) << unused >> unused
        })
        .collect();
    if members.is_sorted_by(|a, b| a < b) { Ok(members) } else { Err("an intset is not in order") }
}

/// The elements of a ziplist.
pub fn ziplist(bytes: &[u8]) -> Result<Vec<Item<'_>>, &'static str> {
    parse_ziplist(bytes).ok_or("a ziplist is malformed")
}

fn parse_ziplist(bytes: &[u8]) -> Option<Vec<Item<'_>>> {
    let mut body = bytes;
    let (size, last) = (u32_le(&mut body)?, u32_le(&mut body)?);
    let told = u16::from_le_bytes(array(&mut body)?);
    let mut items = Vec::new();
    let (mut before, mut at) = (0, bytes.len() - body.len());
    let mut last_at = at;
    while body.first().is_some_and(|head| *head != END) {
        let told_before = match byte(&mut body)? {
            0xFE => u32_le(&mut body)?,
            n => n.into(),
        };
        if told_before != before {
            return None;
        }
        items.push(ziplist_element(&mut body)?);
        let behind = bytes.len() - body.len();
        (last_at, before, at) = (at, behind - at, behind);
    }
    let counted = told == u16::MAX || told as usize == items.len();
    (body == [END] && size == bytes.len() && last == last_at && counted).then_some(items)
}

fn ziplist_element<'a>(body: &mut &'a [u8]) -> Option<Item<'a>> {
    let head = byte(body)?;
    let len = match head {
        0..0x40 => head.into(),
        0x40..0x80 => usize::from(head & 0x3F) << 8 | usize::from(byte(body)?),
        0x80 => u32::from_be_bytes(array(body)?) as usize,
        0xC0 => return array(body).map(|n| Item::Int(i16::from_le_bytes(n).into())),
        0xD0 => return array(body).map(|n| Item::Int(i32::from_le_bytes(n).into())),
        0xE0 => return array(body).map(|n| Item::Int(i64::from_le_bytes(n))),
        0xF0 => {
            let [a, b, c] = array(body)?;
            return Some(Item::Int((i32::from_le_bytes([0, a, b, c]) >> 8).into()));
        }
        0xFE => return array(body).map(|n| Item::Int(i8::from_le_bytes(n).into())),
        0xF1..=0xFD => return Some(Item::Int(i64::from(head & 0x0F) - 1)),
        _ => return None,
    };
    take(body, len).map(Item::from)
}

/// Fields and values of a zipmap in turns.
pub fn zipmap(bytes: &[u8]) -> Result<Vec<Item<'_>>, &'static str> {
    parse_zipmap(bytes).ok_or("a zipmap is malformed")
}

fn parse_zipmap(bytes: &[u8]) -> Option<Vec<Item<'_>>> {
    fn length(body: &mut &[u8]) -> Option<usize> {
        match byte(body)? {
            END => None,
            // Shorter ones fit the first byte.
            0xFE => u32_le(body).filter(|n| *n >= 0xFE),
            n => Some(n.into()),
        }
    }
    let mut body = bytes;
    let told = byte(&mut body)?;
    let mut items = Vec::new();
    while body.first().is_some_and(|head| *head != END) {
        let len = length(&mut body)?;
        items.push(Item::from(take(&mut body, len)?));
        let len = length(&mut body)?;
        let spare = byte(&mut body)?;
        items.push(Item::from(take(&mut body, len)?));
        take(&mut body, spare.into())?;
    }
    let counted = told >= 0xFE || told as usize == items.len() / 2;
    (body == [END] && counted).then_some(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(items: &[Item<'_>]) -> Vec<Vec<u8>> {
        items.iter().map(|item| item.to_vec()).collect()
    }

    #[test]
    fn a_ziplist_reads_and_no_byte_of_its_frame_may_differ() {
        let list = b"\x1d\0\0\0\x1a\0\0\0\x06\0\0\x02hi\x04\xF3\x02\xC0\x00\x01\x04\xFE\xFF\x03\xF0\xFF\xFF\xFF\x05\xF1\xFF";
        let list = {
            let mut fixed = list.to_vec();
            fixed[0] = list.len() as u8;
            fixed[4] = list.len() as u8 - 3;
            fixed
        };
        let items = ziplist(&list).unwrap();
        assert_eq!(texts(&items), [&b"hi"[..], b"2", b"256", b"-1", b"-1", b"0"]);
        for at in 0..10 {
            let mut bad = list.clone();
            bad[at] ^= 1;
            assert!(ziplist(&bad).is_err(), "{at}");
        }
        (0..list.len()).for_each(|cut| assert!(ziplist(&list[..cut]).is_err(), "{cut}"));
    }

    #[test]
    fn a_zipmap_reads() {
        let map = b"\x02\x03foo\x03\x00bar\x01a\x02\x01bc\x00\xFF";
        assert_eq!(texts(&zipmap(map).unwrap()), [&b"foo"[..], b"bar", b"a", b"bc"]);
        (0..map.len()).for_each(|cut| assert!(zipmap(&map[..cut]).is_err(), "{cut}"));
    }

    #[test]
    fn an_intset_is_ascending() {
        assert_eq!(intset(b"\x02\0\0\0\x02\0\0\0\xFF\xFF\x05\0"), Ok(vec![-1, 5]));
        assert!(intset(b"\x02\0\0\0\x02\0\0\0\x05\0\x05\0").is_err());
        assert!(intset(b"\x03\0\0\0\x01\0\0\0\x05\0\0").is_err());
        assert!(intset(b"\x02\0\0\0\0\0\0\0").is_err());
        assert!(intset(b"\x02\0\0\0\xFF\xFF\xFF\xFF\x05\0").is_err());
    }
}
