//! What is written reads back the same; what is damaged in any way is refused, or reads as something whole.

use super::super::writer::Output;
use super::*;
use crate::snapshot::rdb::listpack;
use crate::types::stream::producers::Bounds;
use crate::types::stream::{Group, Id, Pending};
use crate::types::vectors::{Quantization, Shape};
use crate::types::{End, FIELD_EXPIRE_MAX};
use proptest::prelude::*;

/// Everything about an entry's value, in a form that can be compared.
fn describe(entry: EntryRef<'_>) -> Vec<String> {
    let text = |item: Item<'_>| item.to_vec().escape_ascii().to_string();
    let mut lines = vec![entry.encoding().to_string()];
    if let Some(string) = entry.string() {
        lines.push(string.to_vec().escape_ascii().to_string());
    } else if let Some(list) = entry.collection::<List>() {
        lines.extend(list.iter().map(text));
    } else if let Some(set) = entry.collection::<Set>() {
        lines.extend(set.iter().map(text));
        lines[1..].sort();
    } else if let Some(sorted) = entry.collection::<Sorted>() {
        // A packed one does not tell -0 from 0, as in Redis.
        lines.extend(sorted.iter(0..sorted.len(), false).map(|(m, s)| format!("{} {:e}", text(m), s + 0.0)));
    } else if let Some(hash) = entry.collection::<Hash>() {
        lines.extend(hash.iter().map(|f| format!("{} {} {:?}", text(f.field), text(f.value), f.expire_at)));
        lines[1..].sort();
    } else if let Some(stream) = entry.collection::<Stream>() {
        lines.push(format!("{} {} {}", stream.last_id(), stream.max_deleted_id(), stream.entries_added()));
        for entry in stream.range(Id::MIN, Id::MAX) {
            let pairs = entry.pairs().map(|(f, v)| format!(" {} {}", text(f), text(v)));
            lines.push(format!("{}{}", entry.id, pairs.collect::<String>()));
        }
        if let Some(producers) = stream.producers() {
            lines.push(format!("{:?} {} {}", producers.bounds(), producers.added, producers.repeated));
            for (name, sent) in producers.iter(0) {
                let sent: Vec<_> = sent.map(|(name, id)| format!("{} {id}", name.escape_ascii())).collect();
                lines.push(format!("{} {sent:?}", name.escape_ascii()));
            }
        }
        for (name, group) in stream.groups() {
            lines.push(format!("{} {} {:?}", name.escape_ascii(), group.last_delivered, group.entries_read));
            lines.extend(group.pending(..).map(|(id, p)| format!("{id} {} {}", p.delivered_ms, p.count)));
            for c in group.consumers() {
                let pending: Vec<_> = c.pending(..).map(|id| id.to_string()).collect();
                lines.push(format!(
                    "{} {} {:?} {pending:?}",
                    c.name().escape_ascii(),
                    c.seen_ms,
                    c.active_ms
                ));
            }
        }
    }
    if let Some(set) = entry.collection::<VectorSet>() {
        lines.push(format!("{:?} {} {}", set.shape(), set.last_id(), set.max_level()));
        for element in set.stored(0) {
            let links = set.links(element.name.text().as_bytes()).unwrap();
            let links: Vec<Vec<Vec<u8>>> =
                links.iter().map(|layer| layer.iter().map(|(name, _)| name.to_vec()).collect()).collect();
            lines.push(format!(
                "{} {:?} {:?} {links:?}",
                text(element.name),
                element.raw,
                element.attributes
            ));
        }
    }
    lines
}

fn round_trip(value: Value) -> (u8, Vec<u8>) {
    let entry = value.into_entry(b"key", None);
    let kind = kind_byte(entry.as_ref());
    let mut bytes = Vec::new();
    write(entry.as_ref(), &mut bytes);
    let mut input = Reader::new(&bytes);
    let back = read(kind, &mut input, &Packing::default()).unwrap().into_entry(b"key", None);
    assert_eq!(input.offset() as usize, bytes.len());
    assert_eq!(describe(back.as_ref()), describe(entry.as_ref()));
    let mut source = &bytes[..];
    let mut input = Reader::stream(&mut source);
    let back = read(kind, &mut input, &Packing::default()).unwrap().into_entry(b"key", None);
    assert_eq!(describe(back.as_ref()), describe(entry.as_ref()));
    (kind, bytes)
}

/// Reads `bytes` cut and changed: whatever comes of it, it is no panic, and what is read can be written.
fn mutate(kind: u8, bytes: &[u8], rounds: usize, seed: u64) {
    let packing = Packing::default();
    let mut random = fastrand::Rng::with_seed(seed);
    for cut in 0..bytes.len().min(300) {
        assert!(read(kind, &mut Reader::new(&bytes[..cut]), &packing).is_err(), "cut at {cut}");
    }
    for _ in 0..rounds {
        let mut bad = bytes.to_vec();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(..bad.len());
            bad[at] = match random.u8(..4) {
                0 => random.u8(..),
                1 => bad[at] ^ (1 << random.u8(..8)),
                2 => [0, 1, 0x7F, 0x80, 0x81, 0xC3, 0xFE, 0xFF][random.usize(..8)],
                _ => bad[at].wrapping_add(1),
            };
        }
        if let Ok(value) = read(kind, &mut Reader::new(&bad), &packing) {
            round_trip(value);
        }
    }
}

fn texts(len: usize) -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(
        prop_oneof![
            4 => any::<i64>().prop_map(|n| n.to_string().into_bytes()),
            4 => (-300i64..70_000).prop_map(|n| n.to_string().into_bytes()),
            4 => prop::collection::vec(any::<u8>(), 0..70),
            1 => (0usize..20_000).prop_map(|n| vec![b'x'; n]),
        ],
        1..len,
    )
}

fn hash_of(texts: &[Vec<u8>], times: &[i64]) -> Hash {
    let mut hash = Hash::new();
    for (at, pair) in texts.chunks_exact(2).enumerate() {
        hash.set(&pair[0], &pair[1], &Packing::default());
        if let Some(time) = times.get(at) {
            hash.set_expire_at(&pair[0], Some(*time));
        }
    }
    hash
}

fn stream_of(texts: &[Vec<u8>], seed: u64) -> Stream {
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut stream, mut id) = (Stream::new(), Id::MIN);
    let mut ids = Vec::new();
    for _ in 0..random.usize(1..250) {
        id = if random.bool() {
            Id::new(id.ms, id.seq + 1)
        } else {
            Id::new(id.ms + random.u64(1..999), random.u64(..9))
        };
        let field: &[u8] = if random.u8(..9) == 0 { b"other" } else { b"field" };
        let mut pairs = vec![field, &texts[random.usize(..texts.len())]];
        if random.u8(..9) == 0 {
            pairs.extend_from_slice(&[b"more", b"1"]);
        }
        assert!(stream.append(id, &pairs, &Packing::default()));
        ids.push(id);
    }
    for id in &ids {
        if random.u8(..5) == 0 {
            stream.delete(*id, Default::default());
        }
    }
    for name in [&b"g1"[..], b"g2", b""].into_iter().take(random.usize(..4)) {
        let mut group = Group::new(ids[random.usize(..ids.len())], random.bool().then_some(7));
        for name in [&b"ann"[..], b"bob"] {
            let (consumer, _) = group.find_or_create(name, random.i64(1..1 << 40));
            group.consumer_mut(consumer).active_ms = random.bool().then_some(5);
            for _ in 0..random.usize(..20) {
                let pending =
                    Pending { consumer, delivered_ms: random.i64(..1 << 40), count: random.u64(1..300) };
                group.assign(ids[random.usize(..ids.len())], pending);
            }
        }
        stream.add_group(name, group);
    }
    if random.bool() {
        let producers = stream.producers_mut(Bounds { seconds: random.u64(1..9), names: random.u64(1..5) });
        for (at, id) in ids.iter().enumerate().take(random.usize(..9)) {
            producers.note(&[random.u8(..3)], &[at as u8], *id, 0);
        }
    }
    stream
}

fn vectors_of(texts: &[Vec<u8>], seed: u64) -> VectorSet {
    let mut random = fastrand::Rng::with_seed(seed);
    let dim = random.u32(1..70);
    let quantization = Quantization::ALL[random.usize(..3)];
    let input_dim = random.bool().then(|| random.u32(1..10));
    let mut set = VectorSet::new(Shape { dim, quantization, links: random.u32(4..20), input_dim });
    let size = set.shape().input_dim();
    for (n, text) in texts.iter().enumerate() {
        let vector: Vec<f32> = (0..size).map(|_| random.f32() - 0.5).collect();
        set.insert(text, &vector, random.usize(1..20));
        match random.u8(..4) {
            0 => drop(set.set_attributes(text, b"{\"year\": 1984}")),
            1 if set.len() > 1 => drop(set.remove(&texts[n / 2])),
            _ => {}
        }
    }
    set
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn strings(texts in texts(6), seed in any::<u64>()) {
        for text in texts {
            let (kind, bytes) = round_trip(Value::Text(Text::from_slice(&text)));
            mutate(kind, &bytes, 10, seed);
        }
    }

    #[test]
    fn lists(texts in texts(60), seed in any::<u64>()) {
        let mut list = List::new();
        texts.iter().for_each(|text| list.push(End::Back, &[text], &Packing::default()));
        let (kind, bytes) = round_trip(Value::List(list));
        mutate(kind, &bytes, 60, seed);
    }

    #[test]
    fn sets(texts in texts(200), ints in any::<bool>(), seed in any::<u64>()) {
        let mut set = Set::new();
        for (n, text) in texts.iter().enumerate() {
            let n = (n * 1000).to_string();
            set.insert(if ints { n.as_bytes() } else { text }, &Packing::default());
        }
        let (kind, bytes) = round_trip(Value::Set(set));
        mutate(kind, &bytes, 60, seed);
    }

    #[test]
    fn sorted_sets(texts in texts(200), scores in prop::collection::vec(prop_oneof![
        any::<f64>().prop_filter("a number", |n| !n.is_nan()), (-9i32..9).prop_map(f64::from)], 200), seed in any::<u64>()) {
        let mut sorted = Sorted::new();
        for (text, score) in texts.iter().zip(scores) {
            sorted.insert(score, text, &Packing::default());
        }
        let (kind, bytes) = round_trip(Value::Sorted(sorted));
        mutate(kind, &bytes, 60, seed);
    }

    #[test]
    fn hashes(texts in texts(100), times in prop::collection::vec(1i64..FIELD_EXPIRE_MAX, 0..20), seed in any::<u64>()) {
        prop_assume!(texts.len() > 1);
        let (kind, bytes) = round_trip(Value::Hash(hash_of(&texts, &times)));
        mutate(kind, &bytes, 60, seed);
    }

    #[test]
    fn streams(texts in texts(9), seed in any::<u64>()) {
        let (kind, bytes) = round_trip(Value::Stream(stream_of(&texts, seed)));
        mutate(kind, &bytes, 60, seed);
    }

    #[test]
    fn vector_sets(texts in texts(24), seed in any::<u64>()) {
        let set = vectors_of(&texts, seed);
        prop_assume!(!set.is_empty());
        let (kind, bytes) = round_trip(Value::Vectors(set));
        mutate(kind, &bytes, 40, seed);
    }

    #[test]
    fn any_bytes_of_any_kind_are_an_answer(kind in 0u8..30, bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(value) = read(kind, &mut Reader::new(&bytes), &Packing::default()) {
            round_trip(value);
        }
        let _ = read(kind | 0x80, &mut Reader::new(&bytes), &Packing::default());
    }
}

#[test]
fn announced_sizes_reserve_nothing() {
    let huge = b"\x81\x10\0\0\0\0\0\0\0";
    for kind in 0..30 {
        assert!(read(kind, &mut Reader::new(huge), &Packing::default()).is_err());
    }
    let node = [b"\x01\x02", &huge[..]].concat();
    assert!(read(kind::LIST_QUICKLIST_2, &mut Reader::new(&node), &Packing::default()).is_err());
    let packed = b"\xC3\x04\x81\x10\0\0\0\0\0\0\0\x03abcd";
    assert!(read(kind::STRING, &mut Reader::new(packed), &Packing::default()).is_err());
}

/// Redis takes such a listpack as it is, and removes fields from its beginning on.
#[test]
fn fields_that_expire_first_come_first() {
    let texts: Vec<Vec<u8>> = (0..8u8).map(|n| vec![b'a' + n]).collect();
    let entry = Value::Hash(hash_of(&texts, &[40, 10, 30])).into_entry(b"k", None);
    let mut out = Vec::new();
    super::write_as(kind::HASH_EXPIRING_LISTPACK, entry.as_ref(), &mut Output::plain(&mut out));
    let mut input = Reader::new(&out);
    assert_eq!(input.time_ms().unwrap(), 10);
    let pack = input.string().unwrap();
    let items = listpack::elements(&pack).unwrap();
    let times: Vec<i64> = items.iter().skip(2).step_by(3).filter_map(|item| item.as_int()).collect();
    assert!(times.len() > 3 && times.contains(&0), "{times:?}");
    assert!(times.is_sorted_by_key(|at| if *at == 0 { i64::MAX } else { *at }), "{times:?}");
}

/// The listpack of `items` as a string of the format.
fn packed(items: &[Item<'_>]) -> Vec<u8> {
    let (mut pack, mut out) = (Vec::new(), Vec::new());
    let mut list = listpack::Writer::new(&mut pack);
    items.iter().for_each(|item| list.push(*item));
    list.end();
    Output::plain(&mut out).text(&pack);
    out
}

#[test]
fn fields_in_another_order_than_they_expire_are_refused() {
    let hash = |times: &[i64]| {
        let names: Vec<String> = (0..times.len()).map(|n| format!("f{n}")).collect();
        let items = names
            .iter()
            .zip(times)
            .flat_map(|(name, at)| [Item::Bytes(name.as_bytes()), Item::Bytes(b"v"), Item::Int(*at)]);
        let bytes = [&5i64.to_le_bytes()[..], &packed(&items.collect::<Vec<_>>())].concat();
        read(kind::HASH_EXPIRING_LISTPACK, &mut Reader::new(&bytes), &Packing::default()).is_ok()
    };
    assert!(hash(&[5, 5, 7, 0, 0]));
    assert!(!hash(&[7, 5]));
    assert!(!hash(&[0, 5]));
}

#[test]
fn what_has_no_elements_is_told_apart_and_read_over() {
    let empty = |kind, bytes: &[u8]| {
        let mut input = Reader::new(bytes);
        let fault = read(kind, &mut input, &Packing::default()).map(drop).unwrap_err().fault;
        assert!(fault == Fault::Empty && input.rest().is_empty(), "{kind}: {fault:?}");
    };
    for kind in [kind::LIST, kind::SET, kind::SORTED, kind::HASH, kind::LIST_QUICKLIST_2] {
        empty(kind, b"\0");
    }
    for kind in [kind::HASH_LISTPACK, kind::SORTED_LISTPACK, kind::SET_LISTPACK] {
        empty(kind, &packed(&[]));
    }
    let node = |items: &[Item<'_>]| [&[2][..], &packed(items)].concat();
    empty(kind::LIST_QUICKLIST_2, &[&[1][..], &node(&[])].concat());
    let some = [&[2][..], &node(&[]), &node(&[Item::Int(1)])].concat();
    let read = read(kind::LIST_QUICKLIST_2, &mut Reader::new(&some), &Packing::default());
    assert!(matches!(read, Ok(Value::List(list)) if list.len() == 1));
}
