use super::*;

#[test]
fn strings_are_stored_compactly_and_read_back() {
    let long = vec![b'v'; SHORT_MAX + 1];
    let long_key = vec![b'k'; 300];
    for key in [&b"k"[..], b"", &long_key] {
        let times = [1_700_000_000_000, 1_800_000_000_000, NEAR_FROM_MS, i64::MIN, i64::MAX];
        for expire_at in std::iter::once(None).chain(times.map(Some)) {
            for value in [&b""[..], b"12345", b"-9223372036854775808", b"012", b"text", &long] {
                let entry = EntryBox::string(key, value, expire_at);
                assert_eq!(entry.as_ref().expire_at(), expire_at);
                let entry = entry.with_expire_at(Some(5)).with_expire_at(Some(NEAR_FROM_MS + (1 << 38)));
                assert_eq!(entry.as_ref().expire_at(), Some(NEAR_FROM_MS + (1 << 38)));
                let entry = entry.with_expire_at(expire_at);
                assert_eq!(entry.as_ref().key(), key);
                assert_eq!(entry.as_ref().expire_at(), expire_at);
                assert_eq!(entry.as_ref().string().unwrap().to_vec(), value);
                assert_eq!(entry.as_ref().kind(), Kind::String);
            }
        }
    }
    let memory = |value: &[u8], expire_at| EntryBox::string(&[b'k'; 16], value, expire_at).as_ref().memory();
    assert_eq!(memory(&[b'v'; 64], None), 88);
    assert_eq!(memory(&[b'v'; 64], Some(1_800_000_000_000)), 92);
    assert_eq!((memory(b"12345", None), memory(b"12345", Some(1_800_000_000_000))), (32, 36));
}

#[test]
fn a_shared_value_is_copied_only_when_somebody_reads_it() {
    let mut entry = EntryBox::string(b"k", &vec![b'v'; 2 * SHORT_MAX], None);
    let Some(StrRef::Long(reader)) = entry.as_ref().string() else { panic!("long") };
    let reader = reader.clone();
    let mut bytes = entry.take_long().unwrap();
    bytes.extend_from_slice(b"more");
    entry.put_long(bytes.freeze());
    assert_eq!(reader.len(), 2 * SHORT_MAX);
    assert_eq!(entry.as_ref().string().unwrap().len(), 2 * SHORT_MAX + 4);
}

#[test]
fn a_renewed_entry_is_the_same_elsewhere() {
    let mut set = crate::types::Set::default();
    set.insert(b"member", &crate::types::Packing::default());
    let long = vec![b'v'; SHORT_MAX + 1];
    for expire_at in [None, Some(7)] {
        for mut entry in [
            EntryBox::string(b"key", b"value", expire_at),
            EntryBox::string(&[b'k'; 300], b"12345", expire_at),
            EntryBox::string(b"key", &long, expire_at),
            EntryBox::collection(b"key", set.clone(), expire_at),
            EntryBox::collection(b"key", crate::types::Queue::default(), expire_at),
        ] {
            entry.set_access(0xABCDEF);
            entry.set_generation(1);
            entry.set_raw();
            let tell = |entry: EntryRef<'_>| {
                let value = (entry.string().map(StrRef::to_vec), entry.kind(), entry.encoding());
                let rest = (entry.access(), entry.generation(), entry.expire_at(), entry.flags());
                (entry.key().to_vec(), value, rest, entry.memory())
            };
            let (at, told) = (entry.0, tell(entry.as_ref()));
            entry.renew();
            assert_ne!(entry.0, at);
            assert_eq!(tell(entry.as_ref()), told);
        }
    }
}

#[test]
fn the_access_clock_and_flags_survive_a_rebuild() {
    let mut entry = EntryBox::text(b"k", b"v", None);
    entry.set_access(0xABCDEF);
    entry.set_generation(1);
    entry.set_raw();
    let entry = entry.rebuilt(b"another", Some(7));
    assert_eq!((entry.as_ref().access(), entry.as_ref().generation()), (0xABCDEF, 1));
    assert_eq!(entry.as_ref().encoding(), "raw");
}
