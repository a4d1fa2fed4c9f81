//! What all searches share: their options, finding the members, and answering or storing them.

use super::read::position_of;
use super::{length, position, reply_distance, reply_position, unit};
use crate::base::number;
use crate::base::sorting::sort_part;
use crate::command::{Args, Error, Keyed, Reply, Result};
use crate::commands::reply_item;
use crate::types::geo::{Position, Shape, centroid};
use crate::types::sorted::ScoreEdge;
use crate::types::{Item, Packing, Sorted};

/// What kind of search a command is: decides which options it takes.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    /// GEORADIUS and GEORADIUSBYMEMBER: STORE and STOREDIST take a key.
    Radius,
    /// Their _RO forms.
    RadiusReadOnly,
    /// GEOSEARCH.
    Search,
    /// GEOSEARCHSTORE: STOREDIST is a mere flag.
    SearchStore,
}

impl Kind {
    fn searches(self) -> bool {
        matches!(self, Kind::Search | Kind::SearchStore)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Order {
    None,
    Nearest,
    Farthest,
}

/// A search as it was asked for.
pub struct Query<'a> {
    /// The key to store under.
    store: Option<&'a [u8]>,
    /// The centre; absent where the set is that should hold the member it is given by.
    centre: Option<Position>,
    /// The area around it, and the metres of the unit it was given in.
    shape: Option<(Shape, f64)>,
    from_member: bool,
    from_position: bool,
    store_distance: bool,
    with_distance: bool,
    with_hash: bool,
    with_position: bool,
    order: Order,
    any: bool,
    count: usize,
}

impl Default for Query<'_> {
    fn default() -> Self {
        Query {
            store: None,
            centre: None,
            shape: None,
            from_member: false,
            from_position: false,
            store_distance: false,
            with_distance: false,
            with_hash: false,
            with_position: false,
            order: Order::None,
            any: false,
            count: 0,
        }
    }
}

/// A member found.
struct Hit<'a> {
    member: Item<'a>,
    score: f64,
    at: Position,
    /// In the unit asked for.
    distance: f64,
}

/// Takes a radius and its unit.
pub fn circle(args: &mut Args<'_>) -> Result<(Shape, f64)> {
    let radius = length(args, Error::new("ERR need numeric radius"))?;
    if radius < 0.0 {
        return Err(Error::new("ERR radius cannot be negative"));
    }
    let metres = unit(args)?;
    Ok((Shape::Circle { radius: radius * metres }, metres))
}

fn rectangle(args: &mut Args<'_>) -> Result<(Shape, f64)> {
    let width = length(args, Error::new("ERR need numeric width"))?;
    let height = length(args, Error::new("ERR need numeric height"))?;
    if width < 0.0 || height < 0.0 {
        return Err(Error::new("ERR height or width cannot be negative"));
    }
    let metres = unit(args)?;
    Ok((Shape::Rectangle { width: width * metres, height: height * metres }, metres))
}

/// Takes the number of corners and the corners; distances are in metres then.
fn polygon(args: &mut Args<'_>) -> Result<(Shape, f64)> {
    let count = number::parse_i64(args.bytes()?).filter(|count| i32::try_from(*count).is_ok());
    let count = count.ok_or(Error::new("ERR invalid number of vertices"))?;
    if count < 3 || count as usize > args.left() / 2 {
        return Err(Error::new("ERR GEOSEARCH BYPOLYGON must have at least 3 vertices"));
    }
    let corners = (0..count).map(|_| position(args)).collect::<Result<Vec<_>>>()?;
    Ok((Shape::Polygon { corners }, 1.0))
}

/// Where the member is that a search starts from.
pub fn centre_of(sorted: &Sorted, member: &[u8]) -> Result<Position> {
    position_of(sorted, member).ok_or(Error::new("ERR could not decode requested zset member"))
}

impl<'a> Query<'a> {
    /// A search around `centre`.
    pub fn around(centre: Position, shape: (Shape, f64)) -> Self {
        Query { centre: Some(centre), shape: Some(shape), ..Query::default() }
    }

    /// A search that stores what it finds under `key`.
    pub fn storing(key: &'a [u8]) -> Self {
        Query { store: Some(key), ..Query::default() }
    }

    /// Takes all options; `sorted` is what is searched.
    ///
    /// # Errors
    /// Unknown, contradictory or missing options.
    pub fn options(&mut self, args: &mut Args<'a>, kind: Kind, sorted: Option<&Sorted>) -> Result {
        while args.more() {
            self.option(args, kind, sorted)?;
        }
        if self.store.is_some() && (self.with_distance || self.with_hash || self.with_position) {
            let name = if kind == Kind::SearchStore { "GEOSEARCHSTORE" } else { "STORE option in GEORADIUS" };
            return Err(Error::text(format!(
                "ERR {name} is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            )));
        }
        let missing = if !kind.searches() {
            None
        } else if let Some((Shape::Polygon { corners }, _)) = &self.shape {
            self.centre = Some(centroid(corners));
            None
        } else if !self.from_member && !self.from_position {
            Some("FROMMEMBER or FROMLONLAT")
        } else if self.shape.is_none() {
            Some("BYRADIUS and BYBOX")
        } else {
            None
        };
        if let Some(what) = missing {
            let what = format!("ERR exactly one of {what} can be specified for ");
            return Err(Error::parts(&[what.as_bytes(), args.argv()[0]]));
        }
        if self.any && self.count == 0 {
            return Err(Error::new("ERR the ANY argument requires COUNT argument"));
        }
        if self.count > 0 && self.order == Order::None && !self.any {
            self.order = Order::Nearest;
        }
        Ok(())
    }

    fn option(&mut self, args: &mut Args<'a>, kind: Kind, sorted: Option<&Sorted>) -> Result {
        let (searches, left) = (kind.searches(), args.left());
        let circular = matches!(self.shape, Some((Shape::Circle { .. }, _)));
        let polygonal = matches!(self.shape, Some((Shape::Polygon { .. }, _)));
        let centred = self.from_member || self.from_position;
        if args.word("WITHDIST") {
            self.with_distance = true;
        } else if args.word("WITHHASH") {
            self.with_hash = true;
        } else if args.word("WITHCOORD") {
            self.with_position = true;
        } else if args.word("ANY") {
            self.any = true;
        } else if args.word("ASC") {
            self.order = Order::Nearest;
        } else if args.word("DESC") {
            self.order = Order::Farthest;
        } else if left > 1 && args.word("COUNT") {
            self.count = args.int_in(1.., Error::new("ERR COUNT must be > 0"))? as usize;
        } else if kind == Kind::Radius && left > 1 && args.word("STORE") {
            (self.store, self.store_distance) = (Some(args.bytes()?), false);
        } else if kind == Kind::Radius && left > 1 && args.word("STOREDIST") {
            (self.store, self.store_distance) = (Some(args.bytes()?), true);
        } else if searches && left > 1 && !self.from_position && !polygonal && args.word("FROMMEMBER") {
            let member = args.bytes()?;
            self.centre = sorted.map(|sorted| centre_of(sorted, member)).transpose()?;
            self.from_member = true;
        } else if searches && left > 2 && !self.from_member && !polygonal && args.word("FROMLONLAT") {
            self.centre = Some(position(args)?);
            self.from_position = true;
        } else if searches && left > 2 && (self.shape.is_none() || circular) && args.word("BYRADIUS") {
            self.shape = Some(circle(args)?);
        } else if searches && left > 3 && !circular && !polygonal && args.word("BYBOX") {
            self.shape = Some(rectangle(args)?);
        } else if searches
            && left > 2
            && !centred
            && (self.shape.is_none() || polygonal)
            && args.word("BYPOLYGON")
        {
            self.shape = Some(polygon(args)?);
        } else if kind == Kind::SearchStore && args.word("STOREDIST") {
            self.store_distance = true;
        } else {
            return Err(Error::SYNTAX);
        }
        Ok(())
    }

    /// The members found, in the order and number asked for.
    fn hits<'s>(&self, sorted: Option<&'s Sorted>) -> Vec<Hit<'s>> {
        let (Some(sorted), Some(centre), Some((shape, metres))) = (sorted, self.centre, &self.shape) else {
            return Vec::new();
        };
        let enough = if self.any { self.count } else { usize::MAX };
        let cells = shape.scores(centre).into_iter().flat_map(|cell| {
            let begun = sorted.from_score(ScoreEdge { score: cell.start, exclusive: false });
            begun.take_while(move |(_, score)| *score < cell.end)
        });
        let inside = cells.filter_map(|(member, score)| {
            let at = Position::from_score(score);
            let distance = shape.distance(centre, at)? / metres;
            Some(Hit { member, score, at, distance })
        });
        let mut hits: Vec<_> = inside.take(enough).collect();
        self.arrange(&mut hits);
        hits
    }

    fn arrange(&self, hits: &mut Vec<Hit<'_>>) {
        let compare = |a: &Hit<'_>, b: &Hit<'_>| {
            let order = a.distance.total_cmp(&b.distance);
            if self.order == Order::Farthest { order.reverse() } else { order }
        };
        let few = self.count > 0 && self.count < hits.len();
        if self.order != Order::None {
            match few {
                true => sort_part(hits, 0..self.count, compare),
                false => hits.sort_by(compare),
            }
        }
        if few {
            hits.truncate(self.count);
        }
    }

    /// Answers the members found in `sorted`, or returns what to store, and where.
    pub fn run(
        &self,
        reply: &mut Reply,
        sorted: Option<&Sorted>,
        packing: &Packing,
    ) -> Option<(&'a [u8], Sorted)> {
        match self.store {
            Some(to) => Some((to, self.collect(sorted, packing))),
            None => {
                self.answer(reply, sorted);
                None
            }
        }
    }

    fn answer(&self, reply: &mut Reply, sorted: Option<&Sorted>) {
        let hits = self.hits(sorted);
        let parts = [self.with_distance, self.with_hash, self.with_position];
        let parts = parts.into_iter().filter(|with| *with).count();
        reply.array(hits.len());
        for hit in hits {
            if parts > 0 {
                reply.array(1 + parts);
            }
            reply_item(reply, hit.member);
            if self.with_distance {
                reply_distance(reply, hit.distance);
            }
            if self.with_hash {
                reply.int(hit.score as i64);
            }
            if self.with_position {
                reply_position(reply, hit.at);
            }
        }
    }

    /// The members found in `sorted` as a sorted set, scored by position or by distance.
    fn collect(&self, sorted: Option<&Sorted>, packing: &Packing) -> Sorted {
        let score_of = |hit: &Hit<'_>| if self.store_distance { hit.distance } else { hit.score };
        let hits = self.hits(sorted);
        let mut found: Vec<_> = hits.iter().map(|hit| (hit.member, score_of(hit))).collect();
        Sorted::arrange(&mut found);
        Sorted::gathered(&found, packing)
    }
}

/// Stores what a search found and answers how many they are; nothing if it has answered itself.
pub fn store(cx: &mut Keyed<'_, '_>, found: Option<(&[u8], Sorted)>) {
    if let Some((key, found)) = found {
        let count = found.len();
        cx.reply.len_of(count);
        // That nothing was found is a change if something is deleted for it.
        cx.txn.counting(count.max(1) as u64, |txn| txn.store_sorted(key, found, cx.command.event));
    }
}
