//! The hash against a map that knows only what it should.

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering::Relaxed;

fn packing(entries: i64, value: i64) -> Packing {
    let packing = Packing::default();
    packing.cell("hash_max_listpack_entries").unwrap().store(entries, Relaxed);
    packing.cell("hash_max_listpack_value").unwrap().store(value, Relaxed);
    packing
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => (0u32..40).prop_map(|n| format!("f{n}").into_bytes()),
        2 => (0i64..40).prop_map(|n| (n * n * n * n).to_string().into_bytes()),
        1 => any::<i64>().prop_map(|n| n.to_string().into_bytes()),
        1 => (0usize..30).prop_map(|n| vec![b'x'; n * n * 2]),
    ]
}

#[derive(Debug, Clone)]
enum Op {
    Set(Vec<u8>, Vec<u8>),
    Update(Vec<u8>, Vec<u8>),
    Remove(Vec<u8>),
    ExpireAt(Vec<u8>, Option<i64>),
    Due(i64),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (text(), text()).prop_map(|(f, v)| Op::Set(f, v)),
        3 => (text(), text()).prop_map(|(f, v)| Op::Update(f, v)),
        2 => text().prop_map(Op::Remove),
        3 => (text(), prop::option::of(1i64..1000)).prop_map(|(f, t)| Op::ExpireAt(f, t)),
        1 => (1i64..300).prop_map(Op::Due),
    ]
}

type Twin = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

fn contents(hash: &Hash) -> Twin {
    hash.iter().map(|f| (f.field.to_vec(), (f.value.to_vec(), f.expire_at))).collect()
}

proptest! {
    #[test]
    fn it_is_a_map(entries in 0i64..40, ops in prop::collection::vec(op(), 0..400)) {
        let packing = packing(entries, 100);
        let (mut hash, mut twin) = (Hash::new(), Twin::new());
        for op in ops {
            match op {
                Op::Set(f, v) => {
                    let new = twin.insert(f.clone(), (v.clone(), None)).is_none();
                    prop_assert_eq!(hash.set(&f, &v, &packing), new);
                }
                Op::Update(f, v) => {
                    let old = twin.get(&f).cloned();
                    twin.insert(f.clone(), (v.clone(), old.clone().and_then(|(_, t)| t)));
                    prop_assert_eq!(hash.update(&f, &v, &packing), old.is_none());
                }
                Op::Remove(f) => prop_assert_eq!(hash.remove(&f), twin.remove(&f).is_some()),
                Op::ExpireAt(f, t) => {
                    let there = twin.get_mut(&f).map(|(_, time)| *time = t).is_some();
                    prop_assert_eq!(hash.set_expire_at(&f, t), there);
                }
                Op::Due(now) => {
                    let mut last = 0;
                    let mut gone = Vec::new();
                    while hash.remove_due(now, |f| gone.push((f.field.to_vec(), f.expire_at))) {}
                    for (field, time) in gone {
                        let time = time.unwrap();
                        prop_assert!(last <= time && time <= now);
                        last = time;
                        prop_assert_eq!(twin.remove(&field).unwrap().1, Some(time));
                    }
                }
            }
            let next = twin.values().filter_map(|(_, t)| *t).min();
            prop_assert_eq!(hash.next_expire_at(), next);
            prop_assert_eq!(hash.len(), twin.len());
        }
        for hash in [hash.clone(), hash] {
            prop_assert_eq!(contents(&hash), twin.clone());
            prop_assert_eq!(hash.expiring(), twin.values().filter(|(_, t)| t.is_some()).count());
            for (field, (value, time)) in &twin {
                let found = hash.get(field).unwrap();
                prop_assert_eq!((&found.value.to_vec(), found.expire_at), (value, *time));
            }
            prop_assert_eq!(hash.random().is_some(), !twin.is_empty());
            for now in [0, 150, 1000] {
                let live = hash.at(now);
                let seen: Twin = twin.clone().into_iter().filter(|(_, (_, t))| t.is_none_or(|t| t > now)).collect();
                prop_assert_eq!(live.iter().count(), seen.len());
                prop_assert_eq!((live.len(), live.is_empty()), (seen.len(), seen.is_empty()));
                prop_assert!(twin.keys().all(|f| live.contains(f) == seen.contains_key(f)));
                prop_assert_eq!(live.random().map(|f| seen.contains_key(&f.field.to_vec())), (!seen.is_empty()).then_some(true));
            }
        }
    }
}

proptest! {
    #[test]
    fn fields_that_expire_stand_in_order(ops in prop::collection::vec(op(), 0..200)) {
        let packing = packing(1000, 10_000);
        let (mut hash, mut twin) = (Hash::new(), Vec::<(Vec<u8>, Vec<u8>, Option<i64>)>::new());
        hash.expect_expiry();
        for op in ops {
            let at = |twin: &[(Vec<u8>, Vec<u8>, Option<i64>)], field: &[u8]| twin.iter().position(|f| f.0 == field);
            match op {
                Op::Set(f, v) => {
                    hash.set(&f, &v, &packing);
                    match at(&twin, &f) {
                        Some(i) if twin[i].2.is_none() => twin[i].1 = v,
                        found => {
                            found.map(|i| twin.remove(i));
                            twin.push((f, v, None));
                        }
                    }
                }
                Op::Update(f, v) => {
                    hash.update(&f, &v, &packing);
                    match at(&twin, &f) {
                        Some(i) => twin[i].1 = v,
                        None => twin.push((f, v, None)),
                    }
                }
                Op::Remove(f) => {
                    hash.remove(&f);
                    at(&twin, &f).map(|i| twin.remove(i));
                }
                Op::ExpireAt(f, t) => {
                    hash.set_expire_at(&f, t);
                    if let Some(i) = at(&twin, &f) {
                        let (f, v, _) = twin.remove(i);
                        let sooner = |other: &Option<i64>| other.zip(t).is_some_and(|(other, t)| other < t);
                        let place = twin.iter().position(|f| !sooner(&f.2)).filter(|_| t.is_some());
                        twin.insert(place.unwrap_or(twin.len()), (f, v, t));
                    }
                }
                Op::Due(now) => while hash.remove_due(now, |f| assert_eq!(f.field.to_vec(), twin.remove(0).0)) {},
            }
            let all: Vec<_> = hash.iter().map(|f| (f.field.to_vec(), f.value.to_vec(), f.expire_at)).collect();
            prop_assert_eq!(&all, &twin);
            let n = twin.len() / 2;
            prop_assert_eq!(hash.iter().nth(n).map(|f| f.field.to_vec()), twin.get(n).map(|f| f.0.clone()));
        }
    }
}

#[test]
fn the_forms_follow_the_history() {
    let packing = packing(3, 5);
    let mut hash = Hash::new();
    hash.set(b"a", b"12345", &packing);
    hash.set(b"b", b"2", &packing);
    assert_eq!(hash.encoding(), "listpack");
    assert!(!hash.set_expire_at(b"none", Some(7)) && hash.encoding() == "listpack");
    hash.set_expire_at(b"b", Some(7));
    assert_eq!(hash.encoding(), "listpackex");
    let order: Vec<_> = hash.iter().map(|f| f.field.to_vec()).collect();
    assert_eq!(order, [b"b", b"a"]);
    hash.set(b"b", b"123456", &packing);
    assert_eq!((hash.encoding(), hash.next_expire_at()), ("hashtable", None));
    for (fields, form) in [(3, "listpack"), (4, "hashtable")] {
        let mut hash = Hash::new();
        hash.expect(fields, &packing);
        assert_eq!(hash.encoding(), form);
    }
    let mut hash = Hash::new();
    (0..4).for_each(|n| _ = hash.set(&[n], b"v", &packing));
    assert_eq!(hash.encoding(), "hashtable");
}

#[test]
fn many_fields_expire_in_order_while_counters_grow() {
    const COUNT: i64 = 20_000;
    let packing = packing(0, 0);
    let mut hash = Hash::new();
    let name = |n: i64| format!("field:{n}").into_bytes();
    for n in 0..COUNT {
        assert!(hash.set(&name(n), b"1", &packing));
        hash.set_expire_at(&name(n), (n % 2 == 0).then_some(1_700_000_000_000 + (n * 7919) % COUNT));
    }
    for round in [1000, 1_000_000, 1_000_000_000_000_i64] {
        for n in 0..COUNT {
            assert!(!hash.update(&name(n), (round + n).to_string().as_bytes(), &packing));
        }
    }
    assert!(hash.memory() / COUNT as usize <= 60, "{}", hash.memory() / COUNT as usize);
    let mut gone = BTreeSet::new();
    while hash.remove_due(1_800_000_000_000, |f| assert!(gone.insert((f.expire_at, f.field.to_vec())))) {}
    assert_eq!((gone.len(), hash.len(), hash.expiring()), (10_000, 10_000, 0));
    assert!((0..COUNT).all(|n| hash.contains(&name(n)) == (n % 2 == 1)));
}

#[test]
fn a_list_gives_back_what_removed_fields_took() {
    let packing = packing(100, 100);
    let mut hash = Hash::new();
    for field in [b"f1", b"f2", b"f3"] {
        hash.set(field, b"v", &packing);
    }
    hash.set_expire_at(b"f1", Some(7));
    let before = hash.memory();
    assert!(hash.remove_due(7, |_| {}));
    hash.shrink();
    assert!(hash.memory() < before && hash.len() == 2);
}
