//! Positions on earth as the scores of a sorted set.
//!
//! A position is a cell of a grid that halves both axes 26 times; its 52-bit number interleaves the two
//! coordinates, longitude in the odd bits, so that a big cell is one contiguous range of small ones and
//! every score is exact in an `f64`:
//!
//! ```text
//! bit 51                                      0
//! ┌────┬────┬────┬────┬────┬────┬─ ─ ─┬────┬────┐
//! │ x₂₅│ y₂₅│ x₂₄│ y₂₄│ x₂₃│ y₂₃│     │ x₀ │ y₀ │    x: longitude, y: latitude
//! └────┴────┴────┴────┴────┴────┴─ ─ ─┴────┴────┘
//! ```
//! A search covers its shape with up to nine cells of one size (that of the centre and its eight
//! neighbours) and measures every member found there. All arithmetic follows Redis' step by step: scores
//! and distances are the same to the last bit.

use std::f64::consts::PI;
use std::ops::Range;

/// The northernmost latitude that has a score, in degrees; the southernmost is its negative.
pub const LATITUDE_MAX: f64 = 85.05112878;
/// The easternmost longitude, in degrees; the westernmost is its negative.
pub const LONGITUDE_MAX: f64 = 180.0;
/// Characters of a geohash's text.
pub const TEXT_LEN: usize = 11;

/// Halvings of each axis.
const STEP_MAX: u32 = 26;
const EARTH_RADIUS_M: f64 = 6_372_797.560856;
/// Half the length of the equator on the Mercator projection, in metres.
const MERCATOR_MAX_M: f64 = 20_037_726.37;

/// A place on earth, in degrees.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Position {
    /// East is positive.
    pub longitude: f64,
    /// North is positive.
    pub latitude: f64,
}

fn radians(degrees: f64) -> f64 {
    degrees * (PI / 180.0)
}

fn degrees(radians: f64) -> f64 {
    radians / (PI / 180.0)
}

/// Puts the bits of `n` at the even places.
fn spread(n: u32) -> u64 {
    let mut n = u64::from(n);
    for (shift, mask) in [
        (16, 0x0000_FFFF_0000_FFFF),
        (8, 0x00FF_00FF_00FF_00FF),
        (4, 0x0F0F_0F0F_0F0F_0F0F),
        (2, 0x3333_3333_3333_3333),
        (1, 0x5555_5555_5555_5555),
    ] {
        n = (n | n << shift) & mask;
    }
    n
}

/// Takes the bits at the even places together.
fn gather(n: u64) -> u32 {
    let mut n = n & 0x5555_5555_5555_5555;
    for (shift, mask) in [
        (1, 0x3333_3333_3333_3333),
        (2, 0x0F0F_0F0F_0F0F_0F0F),
        (4, 0x00FF_00FF_00FF_00FF),
        (8, 0x0000_FFFF_0000_FFFF),
        (16, 0x0000_0000_FFFF_FFFF),
    ] {
        n = (n | n >> shift) & mask;
    }
    n as u32
}

/// The number of the cell that a score names: of one that is none, what processors make of it (Redis leaves that to them).
fn cell_bits(score: f64) -> u64 {
    const HALF: f64 = (1u64 << 63) as f64;
    match score {
        _ if score < HALF => score as i64 as u64,
        _ if score < 2.0 * HALF => score as u64,
        _ => 0,
    }
}

/// A cell of the grid after `step` halvings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cell {
    x: u32,
    y: u32,
    step: u32,
}

/// Where a cell begins and ends, in degrees.
struct Area {
    longitude: Range<f64>,
    latitude: Range<f64>,
}

impl Cell {
    /// The cell of `at` on a grid whose latitudes go up to `latitude_max`.
    fn of(at: Position, latitude_max: f64, step: u32) -> Self {
        let index = |value: f64, max: f64| {
            let share = (value - -max) / (max - -max);
            (share * (1u64 << step) as f64) as u64 as u32
        };
        Cell { x: index(at.longitude, LONGITUDE_MAX), y: index(at.latitude, latitude_max), step }
    }

    fn bits(self) -> u64 {
        spread(self.x) << 1 | spread(self.y)
    }

    fn area(self) -> Area {
        let edge = |index: u32, more: u32, max: f64| {
            let share = f64::from(index.wrapping_add(more)) / (1u64 << self.step) as f64;
            -max + share * (max - -max)
        };
        Area {
            longitude: edge(self.x, 0, LONGITUDE_MAX)..edge(self.x, 1, LONGITUDE_MAX),
            latitude: edge(self.y, 0, LATITUDE_MAX)..edge(self.y, 1, LATITUDE_MAX),
        }
    }

    /// The cell `east` and `north` steps away; the grid wraps at its edges.
    fn moved(self, east: i32, north: i32) -> Self {
        // The eastern and northern edges themselves lie one past the grid, and stay there unless moved.
        let add = |index: u32, by: i32| match by {
            0 => index,
            _ => index.wrapping_add_signed(by) & ((1 << self.step) - 1),
        };
        Cell { x: add(self.x, east), y: add(self.y, north), step: self.step }
    }

    /// The scores of all positions in the cell.
    fn scores(self) -> Range<f64> {
        let shift = 2 * (STEP_MAX - self.step);
        (self.bits() << shift) as f64..((self.bits() + 1) << shift) as f64
    }
}

impl Position {
    /// Whether the position has a score.
    pub fn is_valid(self) -> bool {
        self.longitude.abs() <= LONGITUDE_MAX && self.latitude.abs() <= LATITUDE_MAX
    }

    /// The score of the position.
    pub fn score(self) -> f64 {
        Cell::of(self, LATITUDE_MAX, STEP_MAX).bits() as f64
    }

    /// The middle of the cell that has this score.
    pub fn from_score(score: f64) -> Self {
        let bits = cell_bits(score);
        let Area { longitude, latitude } =
            Cell { x: gather(bits >> 1), y: gather(bits), step: STEP_MAX }.area();
        Position {
            longitude: ((longitude.start + longitude.end) / 2.0).clamp(-LONGITUDE_MAX, LONGITUDE_MAX),
            latitude: ((latitude.start + latitude.end) / 2.0).clamp(-LATITUDE_MAX, LATITUDE_MAX),
        }
    }

    /// The position's geohash as geohash.org writes it, on the grid that reaches to the poles.
    pub fn text(self) -> [u8; TEXT_LEN] {
        const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        let bits = Cell::of(self, 90.0, STEP_MAX).bits();
        // 52 bits make ten characters and 2 bits; the last is not known any more.
        std::array::from_fn(|i| match i {
            10 => ALPHABET[0],
            _ => ALPHABET[(bits >> (52 - 5 * (i + 1))) as usize & 0x1F],
        })
    }

    /// The distance to `other` in metres, on a great circle.
    pub fn distance(self, other: Position) -> f64 {
        let v = ((radians(other.longitude) - radians(self.longitude)) / 2.0).sin();
        if v == 0.0 {
            return self.latitude_distance(other);
        }
        let (from, to) = (radians(self.latitude), radians(other.latitude));
        let u = ((to - from) / 2.0).sin();
        let a = u * u + from.cos() * to.cos() * v * v;
        2.0 * EARTH_RADIUS_M * a.sqrt().asin()
    }

    fn latitude_distance(self, other: Position) -> f64 {
        EARTH_RADIUS_M * (radians(other.latitude) - radians(self.latitude)).abs()
    }
}

/// What a search covers; lengths are in metres.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// All within a distance of the centre.
    Circle {
        /// The greatest distance.
        radius: f64,
    },
    /// A rectangle around the centre, its sides along the axes.
    Rectangle {
        /// From west to east.
        width: f64,
        /// From south to north.
        height: f64,
    },
    /// What lies within a line from each corner to the next and back to the first, on the plane of
    /// longitude and latitude.
    Polygon {
        /// Three corners at least.
        corners: Vec<Position>,
    },
}

/// The middle of `corners`: where the sum of their directions from the centre of the earth points.
pub fn centroid(corners: &[Position]) -> Position {
    let (mut x, mut y, mut z) = (0.0, 0.0, 0.0);
    for corner in corners {
        let (longitude, latitude) = (radians(corner.longitude), radians(corner.latitude));
        x += latitude.cos() * longitude.cos();
        y += latitude.cos() * longitude.sin();
        z += latitude.sin();
    }
    let longitude = degrees(f64::atan2(y, x));
    Position { longitude, latitude: degrees(f64::atan2(z, (x * x + y * y).sqrt())) }
}

/// Whether a ray from `at` crosses the line around `corners` an odd number of times.
fn surrounds(corners: &[Position], at: Position) -> bool {
    let mut inside = false;
    let mut before = corners[corners.len() - 1];
    for &corner in corners {
        if (corner.latitude > at.latitude) != (before.latitude > at.latitude) {
            let crossing = (before.longitude - corner.longitude) * (at.latitude - corner.latitude)
                / (before.latitude - corner.latitude)
                + corner.longitude;
            inside ^= at.longitude < crossing;
        }
        before = corner;
    }
    inside
}

/// The area that holds all `corners`.
fn hull(corners: &[Position]) -> Area {
    let span = |values: &mut dyn Iterator<Item = f64>| {
        values.fold(f64::INFINITY..f64::NEG_INFINITY, |span, v| span.start.min(v)..span.end.max(v))
    };
    Area {
        longitude: span(&mut corners.iter().map(|corner| corner.longitude)),
        latitude: span(&mut corners.iter().map(|corner| corner.latitude)),
    }
}

impl Shape {
    /// The distance of `at` from `centre`, if `at` lies in the shape.
    pub fn distance(&self, centre: Position, at: Position) -> Option<f64> {
        match self {
            // Most of what is outside is so by its latitude alone, well beyond what rounding does.
            Shape::Circle { radius } if at.latitude_distance(centre) > radius * 1.000_001 + 1e-6 => None,
            Shape::Circle { radius } => Some(centre.distance(at)).filter(|d| d <= radius),
            Shape::Rectangle { width, height } => {
                let beside = Position { longitude: centre.longitude, latitude: at.latitude };
                let inside =
                    at.latitude_distance(centre) <= height / 2.0 && at.distance(beside) <= width / 2.0;
                inside.then(|| centre.distance(at))
            }
            Shape::Polygon { corners } => surrounds(corners, at).then(|| centre.distance(at)),
        }
    }

    /// The radius of a circle around all, in metres.
    fn radius(&self, centre: Position) -> f64 {
        match self {
            Shape::Circle { radius } => *radius,
            Shape::Rectangle { width, height } => {
                let (w, h) = (width / 2.0, height / 2.0);
                (w * w + h * h).sqrt()
            }
            Shape::Polygon { corners } => {
                let Area { longitude: x, latitude: y } = hull(corners);
                let ends = [(x.start, y.end), (x.end, y.end), (x.start, y.start), (x.end, y.start)];
                let far = |(longitude, latitude)| centre.distance(Position { longitude, latitude });
                ends.into_iter().map(far).fold(0.0, f64::max)
            }
        }
    }

    /// The area that holds the shape around `centre`.
    fn bounds(&self, centre: Position) -> Area {
        let (width, height) = match self {
            Shape::Circle { radius } => (*radius, *radius),
            Shape::Rectangle { width, height } => (width / 2.0, height / 2.0),
            Shape::Polygon { corners } => return hull(corners),
        };
        let north = degrees(height / EARTH_RADIUS_M);
        // The meridians are closest on the side of the pole.
        let pole = if centre.latitude < 0.0 { centre.latitude - north } else { centre.latitude + north };
        let east = degrees(width / EARTH_RADIUS_M / radians(pole).cos());
        Area {
            longitude: centre.longitude - east..centre.longitude + east,
            latitude: centre.latitude - north..centre.latitude + north,
        }
    }

    /// The ranges of scores that cover the shape around `centre`, in the order in which Redis reads them.
    pub fn scores(&self, centre: Position) -> Vec<Range<f64>> {
        let bounds = self.bounds(centre);
        let mut step = step_for(self.radius(centre), centre.latitude);
        let mut cell = Cell::of(centre, LATITUDE_MAX, step);
        let short = cell.moved(0, 1).area().latitude.end < bounds.latitude.end
            || cell.moved(0, -1).area().latitude.start > bounds.latitude.start
            || cell.moved(1, 0).area().longitude.end < bounds.longitude.end
            || cell.moved(-1, 0).area().longitude.start > bounds.longitude.start;
        if step > 1 && short {
            step -= 1;
            cell = Cell::of(centre, LATITUDE_MAX, step);
        }

        let area = cell.area();
        let reached = |east: i32, north: i32| {
            step < 2
                || !(north < 0 && area.latitude.start < bounds.latitude.start
                    || north > 0 && area.latitude.end > bounds.latitude.end
                    || east < 0 && area.longitude.start < bounds.longitude.start
                    || east > 0 && area.longitude.end > bounds.longitude.end)
        };
        let around = [(0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];
        let mut cells = vec![cell];
        for (east, north) in around.into_iter().filter(|(east, north)| reached(*east, *north)) {
            let next = cell.moved(east, north);
            // On a grid of two by two cells neighbours coincide.
            if !cells.contains(&next) {
                cells.push(next);
            }
        }
        cells.into_iter().map(Cell::scores).collect()
    }
}

/// How often to halve the axes so that nine cells cover a circle of `radius` metres.
fn step_for(radius: f64, latitude: f64) -> u32 {
    if radius == 0.0 {
        return STEP_MAX;
    }
    let (mut step, mut radius) = (1i32, radius);
    while radius < MERCATOR_MAX_M && step < 2 * STEP_MAX as i32 {
        radius *= 2.0;
        step += 1;
    }
    step -= 2;
    // Towards the poles cells get narrower.
    step -= i32::from(latitude.abs() > 66.0) + i32::from(latitude.abs() > 80.0);
    step.clamp(1, STEP_MAX as i32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PALERMO: Position = Position { longitude: 13.361389, latitude: 38.115556 };
    const CATANIA: Position = Position { longitude: 15.087269, latitude: 37.502669 };

    #[test]
    fn scores_texts_and_distances_are_those_of_redis() {
        assert_eq!(PALERMO.score(), 3479099956230698.0);
        assert_eq!(CATANIA.score(), 3479447370796909.0);
        let (a, b) = (Position::from_score(PALERMO.score()), Position::from_score(CATANIA.score()));
        assert_eq!(
            format!("{:.17} {:.17}", a.longitude, a.latitude),
            "13.36138933897018433 38.11555639549629859"
        );
        assert_eq!((&a.text(), &b.text()), (b"sqc8b49rny0", b"sqdtr74hyu0"));
        assert_eq!(format!("{:.4}", a.distance(b)), "166274.1516");
        assert_eq!(a.distance(a), 0.0);
    }

    #[test]
    fn the_edges_of_the_world_have_scores() {
        for (longitude, latitude) in [(180.0, LATITUDE_MAX), (-180.0, -LATITUDE_MAX), (0.0, 0.0)] {
            let at = Position { longitude, latitude };
            assert!(at.is_valid() && at.score() < (1u64 << 54) as f64);
        }
        assert!(!Position { longitude: 180.1, latitude: 0.0 }.is_valid());
        assert!(!Position { longitude: 0.0, latitude: f64::NAN }.is_valid());
    }

    #[test]
    fn sizes_without_measure_are_bounded() {
        for radius in [0.0, 1e-300, 5e-324, 1e300, f64::INFINITY] {
            let cells = Shape::Circle { radius }.scores(PALERMO);
            assert!((1..=9).contains(&cells.len()), "{radius}");
        }
    }

    fn position() -> impl Strategy<Value = Position> {
        (-180.0..180.0f64, -85.0..85.0f64).prop_map(|(longitude, latitude)| Position { longitude, latitude })
    }

    #[test]
    fn a_polygon_holds_what_is_within_its_corners() {
        let corner = |(longitude, latitude)| Position { longitude, latitude };
        // An L: the notch at the upper right is outside.
        let corners: Vec<_> =
            [(0.0, 0.0), (4.0, 0.0), (4.0, 1.0), (1.0, 1.0), (1.0, 4.0), (0.0, 4.0)].map(corner).into();
        let centre = centroid(&corners);
        let shape = Shape::Polygon { corners };
        for (at, inside) in [
            ((0.5, 0.5), true),
            ((3.5, 0.5), true),
            ((0.5, 3.5), true),
            ((2.0, 2.0), false),
            ((-0.1, 0.5), false),
            ((0.5, 4.1), false),
        ] {
            let at = Position::from_score(corner(at).score());
            assert_eq!(shape.distance(centre, at).is_some(), inside, "{at:?}");
            assert!(!inside || shape.scores(centre).iter().any(|cell| cell.contains(&at.score())));
        }
    }

    proptest! {
        #[test]
        fn a_score_gives_its_position_back(at in position()) {
            let back = Position::from_score(at.score());
            prop_assert_eq!(back.score(), at.score());
            prop_assert!((back.longitude - at.longitude).abs() < 3e-6);
            prop_assert!((back.latitude - at.latitude).abs() < 2e-6);
        }

        #[test]
        fn a_circle_holds_what_is_no_farther_than_its_radius(
            centre in position(), east in -1.0..1.0f64, north in -1.0..1.0f64, exponent in -6i32..3,
            share in prop_oneof![Just(1.0), 0.0..2.0f64, 0.999_999..1.000_001f64], due_north in any::<bool>(),
        ) {
            let scale = 10f64.powi(exponent);
            let east = if due_north { 0.0 } else { east };
            let at = Position {
                longitude: centre.longitude + east * scale,
                latitude: (centre.latitude + north * scale).clamp(-LATITUDE_MAX, LATITUDE_MAX),
            };
            let distance = centre.distance(at);
            let radius = distance * share;
            let found = Shape::Circle { radius }.distance(centre, at);
            prop_assert_eq!(found, (distance <= radius).then_some(distance));
        }

        #[test]
        fn the_cells_cover_the_shape(
            centre in (-150.0..150.0f64, -60.0..60.0f64),
            east in -1.0..1.0f64, north in -1.0..1.0f64,
            size in 10.0..1_000_000.0f64, circle in any::<bool>(),
        ) {
            let centre = Position { longitude: centre.0, latitude: centre.1 };
            let at = Position {
                longitude: centre.longitude + degrees(east * size / EARTH_RADIUS_M),
                latitude: centre.latitude + degrees(north * size / EARTH_RADIUS_M),
            };
            let shape = match circle {
                true => Shape::Circle { radius: size },
                false => Shape::Rectangle { width: size, height: 2.0 * size },
            };
            let at = Position::from_score(at.score());
            if shape.distance(centre, at).is_some() {
                let cells = shape.scores(centre);
                prop_assert!(cells.iter().any(|cell| cell.contains(&at.score())));
            }
        }
    }
}
