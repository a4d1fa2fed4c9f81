//! SORT: the elements of a list, set or sorted set in another order, with what other keys say of them.

use crate::base::sorting::sort_part;
use crate::base::text::until_nul;
use crate::command::flag::*;
use crate::command::{Args, Command, Error, Found, Group, Keys, Reply, Result, Run, Sweep, access};
use crate::commands::access::permit_patterns;
use crate::commands::reply_item;
use crate::keyspace::{Class, EntryRef, Key, Kind, Str, Txn};
use crate::types::{Hash, Item, List, Set, Sorted};
use std::borrow::Cow;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::ops::Range;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[SORT, SORT_RO];

const COMPLEXITY: &str = "O(N+M*log(M)) for N elements, of which M are sorted.";

/// The keys of BY and GET follow from the elements: a call does not name them.
const LOOKED_UP: Keys = Keys::by(|_, _| Ok(()), access::RO | access::ACCESS)
    .note("The keys that the patterns of BY and GET make of the elements");

const SORT: Command = Command::new("SORT", "sort", Group::Generic, Run::Sweep(sort))
    .subject(&["set", "sortedset", "list"])
    .syntax(
        "key [BY by-pattern=pattern#1] [LIMIT limit: offset count] [GET get-pattern=pattern#1 \
         [GET pattern ...]] [order: ASC | DESC] [sorting=ALPHA] [STORE destination#2]",
    )
    .flags(WRITE | GROWS | DANGEROUS)
    .keys(&[
        Keys::one(1, access::RO | access::ACCESS),
        LOOKED_UP,
        Keys::by(find_destination, access::OW | access::UPDATE)
            .note("The key behind STORE, which may stand anywhere"),
    ])
    .doc(
        "1.0.0",
        COMPLEXITY,
        "Sorts the elements of a list, a set or a sorted set, and answers or stores them.",
    );

fn sort(cx: &mut Sweep<'_, '_>) -> Result {
    run(cx, true)
}

const SORT_RO: Command = Command::new("SORT_RO", "sort_ro", Group::Generic, Run::Sweep(sort_ro))
    .subject(&["set", "sortedset", "list"])
    .syntax(
        "key [BY by-pattern=pattern#1] [LIMIT limit: offset count] [GET get-pattern=pattern#1 \
         [GET pattern ...]] [order: ASC | DESC] [sorting=ALPHA]",
    )
    .flags(READ | DANGEROUS)
    .keys(&[Keys::one(1, access::RO | access::ACCESS), LOOKED_UP])
    .doc("7.0.0", COMPLEXITY, "Sorts the elements of a list, a set or a sorted set, and answers them.");

fn sort_ro(cx: &mut Sweep<'_, '_>) -> Result {
    run(cx, false)
}

/// Finds the key of STORE; the last one counts.
fn find_destination(argv: &[&[u8]], found: &mut Vec<Found>) -> Result {
    let mut destination = None;
    let mut at = 2;
    while let Some(word) = argv.get(at) {
        at += match &word.to_ascii_uppercase()[..] {
            b"LIMIT" => 3,
            b"GET" | b"BY" => 2,
            b"STORE" if at + 1 < argv.len() => {
                destination = Some(at + 1);
                2
            }
            _ => 1,
        };
    }
    found.extend(destination.map(|at| Found { at, access: access::OW | access::UPDATE }));
    Ok(())
}

/// What is asked for.
struct Request<'a> {
    by: Option<&'a [u8]>,
    gets: Vec<&'a [u8]>,
    offset: i64,
    /// Negative: all.
    count: i64,
    descending: bool,
    alpha: bool,
    destination: Option<&'a [u8]>,
    /// Fields that patterns named and that are due, with their keys.
    due: RefCell<Vec<(Vec<u8>, Vec<u8>)>>,
}

impl<'a> Request<'a> {
    fn parse(args: &mut Args<'a>, may_store: bool) -> Result<Self> {
        let mut request = Request {
            by: None,
            gets: Vec::new(),
            offset: 0,
            count: -1,
            descending: false,
            alpha: false,
            destination: None,
            due: RefCell::default(),
        };
        while args.more() {
            if args.word("ASC") {
                request.descending = false;
            } else if args.word("DESC") {
                request.descending = true;
            } else if args.word("ALPHA") {
                request.alpha = true;
            } else if args.left() > 2 && args.word("LIMIT") {
                (request.offset, request.count) = (args.int()?, args.int()?);
            } else if may_store && args.left() > 1 && args.word("STORE") {
                request.destination = Some(args.bytes()?);
            } else if args.left() > 1 && args.word("BY") {
                request.by = Some(args.bytes()?);
            } else if args.left() > 1 && args.word("GET") {
                request.gets.push(args.bytes()?);
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(request)
    }

    /// BY a pattern that names no element: the elements stay in the order they have.
    fn keeps_order(&self) -> bool {
        self.by.is_some_and(|by| !by.contains(&b'*'))
    }

    /// Whether keys are touched that no argument names, or more than one.
    fn touches_many(&self) -> bool {
        let named = |pattern: &&[u8]| pattern.contains(&b'*');
        self.destination.is_some() || self.by.iter().chain(&self.gets).any(named)
    }

    /// The elements asked for, of `len`.
    fn range(&self, len: usize) -> Range<usize> {
        let start = self.offset.clamp(0, len as i64);
        let end = if self.count < 0 { len as i64 } else { start.saturating_add(self.count).min(len as i64) };
        start as usize..end as usize
    }
}

fn run(cx: &mut Sweep<'_, '_>, may_store: bool) -> Result {
    let key = cx.args.bytes()?;
    let request = Request::parse(&mut cx.args, may_store)?;
    // Keys that no argument names: nobody has checked them.
    let argv = cx.args.argv();
    if request.by.is_some_and(|by| by.contains(&b'*')) {
        request.by.inspect(|by| cx.engine.sample_pattern(key, by));
        permit_patterns(cx.engine, cx.session, argv, "BY")?;
    }
    if !request.gets.is_empty() {
        let looked_up = request.gets.iter().filter(|pattern| ***pattern != *b"#");
        looked_up.for_each(|pattern| cx.engine.sample_pattern(key, pattern));
        permit_patterns(cx.engine, cx.session, argv, "GET")?;
    }
    let touches_many = request.touches_many();
    // A set has no order to keep, and what is stored or scripts see should not depend on chance.
    let settled = request.destination.is_some() || cx.session.in_script;
    let mut reply = std::mem::take(cx.reply);
    let answer = |txn: &mut Txn<'_>| answer(txn, key, request, settled, &mut reply);
    let result = if touches_many { cx.all(answer) } else { cx.shard(Key::new(key).shard(), answer) };
    *cx.reply = reply;
    result
}

fn answer(
    txn: &mut Txn<'_>,
    key: &[u8],
    mut request: Request<'_>,
    settled: bool,
    reply: &mut Reply,
) -> Result {
    let result = sort_and_tell(txn, key, &mut request, settled, reply);
    for (key, field) in request.due.take() {
        txn.expire_if_due(&key);
        txn.expire_fields(&key, &[&field])?;
    }
    result
}

fn sort_and_tell(
    txn: &mut Txn<'_>,
    key: &[u8],
    request: &mut Request<'_>,
    settled: bool,
    reply: &mut Reply,
) -> Result {
    txn.expire_if_due(key);
    if request.keeps_order() && settled && txn.kind(key) == Some(Kind::Set) {
        (request.by, request.alpha) = (None, true);
    }
    // Redis reads a sorted set in its large form only, and leaves it so.
    if txn.kind(key) == Some(Kind::Sorted)
        && let Some(mut sorted) = txn.edit::<Sorted>(key)?
    {
        sorted.spread();
    }
    let rows = rows(txn, key, request)?;
    if request.destination.is_none() && request.gets.is_empty() {
        reply.array(rows.len());
        rows.into_iter().for_each(|element| reply_item(reply, element));
        return Ok(());
    }
    let values: Vec<Option<Cow<'_, [u8]>>> = if request.gets.is_empty() {
        rows.into_iter().map(|element| Some(text(element))).collect()
    } else {
        let pairs = rows.into_iter().flat_map(|element| request.gets.iter().map(move |get| (get, element)));
        pairs.map(|(get, element)| look_up(txn, get, element, &request.due)).collect()
    };
    let Some(destination) = request.destination else {
        reply.array(values.len());
        values.iter().for_each(|value| reply.bulk_or_null(value.as_deref()));
        return Ok(());
    };
    reply.len_of(values.len());
    if values.is_empty() {
        txn.delete(destination);
        return Ok(());
    }
    let texts: Vec<&[u8]> = values.iter().map(|value| value.as_deref().unwrap_or_default()).collect();
    let list = List::gathered(&texts, txn.packing());
    txn.counting(texts.len() as u64, |txn| txn.put_list(destination, list));
    txn.touch(destination, "sortstore", Class::LIST);
    Ok(())
}

/// The elements asked for, sorted.
fn rows<'t>(txn: &'t Txn<'_>, key: &[u8], request: &Request<'_>) -> Result<Vec<Item<'t>>> {
    let Some(entry) = txn.entry(key) else { return Ok(Vec::new()) };
    if request.keeps_order() {
        return in_order(entry, request);
    }
    let elements = elements(entry)?;
    let range = request.range(elements.len());
    let mut rows: Vec<(Weight<'t>, Item<'t>)> = Vec::with_capacity(elements.len());
    let mut refused = None;
    for element in elements {
        // All are looked up before any is refused: each look may tell of a miss.
        match Weight::of(txn, element, request) {
            Ok(weight) => rows.push((weight, element)),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    if let Some(error) = refused {
        return Err(error);
    }
    let by_weight = |a: &_, b: &_| {
        let order = compare(a, b, request.destination.is_some());
        if request.descending { order.reverse() } else { order }
    };
    // Numbers that are equal belong to equal elements, so that it does not matter which of them is taken.
    if !request.alpha && (1..rows.len()).contains(&range.end) {
        rows.select_nth_unstable_by(range.end - 1, by_weight);
        rows.truncate(range.end);
    }
    if request.alpha && request.by.is_some() && range.len() < rows.len() {
        // Texts of others may be equal, and then the order tells which elements are taken.
        sort_part(&mut rows, range.clone(), by_weight);
    } else {
        rows.sort_by(by_weight);
    }
    Ok(rows.drain(range).map(|(_, element)| element).collect())
}

/// The elements asked for, in the order that they have: of what has one, only these are read.
fn in_order<'t>(entry: EntryRef<'t>, request: &Request<'_>) -> Result<Vec<Item<'t>>> {
    // Counted from the front, whichever end the first one is at.
    let place = |len: usize| {
        let Range { start, end } = request.range(len);
        if request.descending { len - end..len - start } else { start..end }
    };
    if let Some(list) = entry.collection::<List>() {
        let range = place(list.len());
        let mut elements: Vec<_> = list.iter_from(range.start).take(range.len()).collect();
        if request.descending {
            elements.reverse();
        }
        return Ok(elements);
    }
    if let Some(set) = entry.collection::<Sorted>() {
        let elements = set.iter(place(set.len()), request.descending);
        return Ok(elements.map(|(member, _)| member).collect());
    }
    let elements = elements(entry)?;
    let range = request.range(elements.len());
    Ok(elements.into_iter().skip(range.start).take(range.len()).collect())
}

/// The elements of a list, a set or a sorted set.
fn elements(entry: EntryRef<'_>) -> Result<Vec<Item<'_>>> {
    if let Some(list) = entry.collection::<List>() {
        Ok(list.iter().collect())
    } else if let Some(set) = entry.collection::<Set>() {
        Ok(set.iter().collect())
    } else if let Some(set) = entry.collection::<Sorted>() {
        Ok(set.iter(0..set.len(), false).map(|(member, _)| member).collect())
    } else {
        Err(Error::WRONG_TYPE)
    }
}

fn text(item: Item<'_>) -> Cow<'_, [u8]> {
    match item {
        Item::Bytes(text) => text.into(),
        Item::Int(_) => item.to_vec().into(),
    }
}

/// What an element is sorted by.
enum Weight<'t> {
    Number(f64),
    /// Its own text or the one another key gives; none sorts first.
    Text(Option<Cow<'t, [u8]>>),
}

impl<'t> Weight<'t> {
    fn of(txn: &'t Txn<'_>, element: Item<'t>, request: &Request<'_>) -> Result<Self> {
        let given = request.by.map(|by| look_up(txn, by, element, &request.due));
        match (given, request.alpha) {
            (None, true) => Ok(Weight::Text(Some(text(element)))),
            (Some(given), true) => Ok(Weight::Text(given.map(|text| text.into_owned().into()))),
            (None, false) => match element {
                Item::Int(n) => Ok(Weight::Number(n as f64)),
                Item::Bytes(text) => Weight::number(text),
            },
            (Some(None), false) => Ok(Weight::Number(0.0)),
            (Some(Some(given)), false) => Weight::number(&given),
        }
    }

    /// Nothing at all is zero, and what is too large is infinite: looser than scores elsewhere.
    fn number(text: &[u8]) -> Result<Self> {
        let text = until_nul(text);
        let number = if text.is_empty() {
            Some(0.0)
        } else {
            std::str::from_utf8(text).ok().and_then(|t| t.parse().ok())
        };
        number
            .filter(|n: &f64| !n.is_nan())
            .map(Weight::Number)
            .ok_or(Error::new("ERR One or more scores can't be converted into double"))
    }
}

fn compare(a: &(Weight<'_>, Item<'_>), b: &(Weight<'_>, Item<'_>), stored: bool) -> Ordering {
    match (&a.0, &b.0) {
        (Weight::Number(x), Weight::Number(y)) => {
            let texts = || a.1.text().as_bytes().cmp(b.1.text().as_bytes());
            x.partial_cmp(y).unwrap_or(Ordering::Equal).then_with(texts)
        }
        // What is stored is sorted by whole texts, what is told as C compares texts.
        (Weight::Text(x), Weight::Text(y)) if stored => x.cmp(y),
        (Weight::Text(x), Weight::Text(y)) => x.as_deref().map(until_nul).cmp(&y.as_deref().map(until_nul)),
        _ => unreachable!("all elements of a call are sorted by the same"),
    }
}

/// The value that `pattern` names for `element`, a field that is due noted in `due`: `#` is the element itself; otherwise the element takes the place
/// of the first `*`, and `->field` behind that is a field of a hash.
fn look_up<'t>(
    txn: &'t Txn<'_>,
    pattern: &[u8],
    element: Item<'t>,
    due: &RefCell<Vec<(Vec<u8>, Vec<u8>)>>,
) -> Option<Cow<'t, [u8]>> {
    if pattern == b"#" {
        return Some(text(element));
    }
    let star = pattern.iter().position(|b| *b == b'*')?;
    let (prefix, rest) = (&pattern[..star], &pattern[star + 1..]);
    let arrow = rest.windows(2).position(|pair| pair == b"->").filter(|at| at + 2 < rest.len());
    let (postfix, field) = match arrow {
        Some(at) => (&rest[..at], Some(&rest[at + 2..])),
        None => (rest, None),
    };
    let key = [prefix, element.text().as_bytes(), postfix].concat();
    match field {
        None => txn.read::<Str>(&key).ok()?.map(|value| value.text()),
        Some(field) => {
            let found = txn.read::<Hash>(&key).ok()??.get(field)?;
            if found.is_due(txn.now_ms()) {
                due.borrow_mut().push((key, field.to_vec()));
                return None;
            }
            Some(text(found.value))
        }
    }
}
