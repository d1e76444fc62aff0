//! Which points are named, and where their names stand.
//!
//! Greedy, the heaviest point first: each name takes the cheapest of some thirty places around its point
//! that lies on the map and touches no name, named point or leader line laid before. A place costs more the
//! farther it is from the point and the more points it covers; names away from their point get a leader line.

use std::collections::HashSet;

use super::coding::Coding;
use super::frame::{CROWD, Mark, Rect, Sheet};
use super::scene::Scene;
use super::text::{self, Face};
use super::undrawn::Undrawn;

/// What is asked of the labels.
pub(super) struct Request {
    /// How many at most.
    pub(super) most: usize,
    /// The size of an ordinary label; the heaviest are larger.
    pub(super) size: f32,
    /// Whether labels that the face lacks are placed.
    pub(super) foreign: bool,
}

/// Room kept free around a label, as a share of its size.
const AIR: f32 = 0.3;

/// Adds labels to the marks of a sheet, and counts them.
pub(super) fn lay(
    sheet: &mut Sheet,
    scene: &Scene,
    coding: &Coding,
    face: &Face,
    request: &Request,
) {
    let Some(labels) = scene.labels else { return };
    if request.most == 0 {
        return;
    }
    // Most of the heaviest may lie on one spot. Looking at some tens of points per label finds the
    // others; looking at all would fill every gap with whatever is rare enough to lie there.
    let candidates = scene.heaviest(request.most.saturating_mul(40).max(2_000));
    let crowd = Crowd::of(sheet);
    let dense = scene.len() > CROWD;
    let mut taken = Taken::new(sheet.map);
    let mut named = HashSet::new();
    let mut undrawn = Undrawn::default();
    let mut words = Vec::new();
    for point in candidates {
        if sheet.labelled >= request.most {
            break;
        }
        let label = text::clean(labels[point as usize]);
        if label.is_empty() || named.contains(&label) {
            continue;
        }
        if !request.foreign
            && let Some(script) = face.fault(&label)
        {
            undrawn.add(script);
            continue;
        }
        let rank =
            if scene.weights.is_some() { sheet.labelled as f32 / request.most as f32 } else { 1.0 };
        let size = request.size * (1.3 - 0.3 * rank.sqrt());
        let label_text =
            face.fit(&label, size, (sheet.map.width() * 0.3).min(size * 22.0)).into_owned();
        let width = face.width(&label_text, size);
        let anchor = sheet.at[point as usize];
        let dot = sheet.radius.max(size * 0.14);
        let Some(place) = best(&taken, &crowd, anchor, dot, [width, size]) else { continue };
        if !dense && place.hides > TOO_MUCH {
            continue;
        }
        taken.add(place.frame.grown(size * AIR * 0.5));
        taken.add(
            Rect { left: anchor[0], top: anchor[1], right: anchor[0], bottom: anchor[1] }
                .grown(dot + 1.0),
        );
        let ground = sheet.palette.ground;
        let color = coding.color(&sheet.palette, point);
        if let Some((from, to)) = place.leader {
            taken.add_line(from, to);
            sheet.marks.push(Mark::Line { from, to, width: 1.6 + 1.0, ink: ground });
            sheet.marks.push(Mark::Line { from, to, width: 0.9, ink: sheet.palette.muted });
        }
        sheet.marks.push(Mark::Disc { at: anchor, radius: dot + 1.0, ink: ground });
        sheet.marks.push(Mark::Disc { at: anchor, radius: dot, ink: color });
        let ink = match coding {
            Coding::Categories { .. } => sheet.palette.ink.mix(color, 0.35),
            _ => sheet.palette.ink,
        };
        // The baseline: a frame holds ascenders above and descenders below it.
        let at = [place.frame.left, place.frame.top + size * ASCENT];
        words.push(Mark::Text { text: label_text, at, size, width, ink, halo: true });
        named.insert(label);
        sheet.labelled += 1;
    }
    // All words above all dots and lines.
    sheet.marks.extend(words);
    sheet.undrawn = undrawn;
}

/// How much of its frame a label may hide where points are drawn one by one. A density goes on beneath.
const TOO_MUCH: f32 = 0.6;

/// How far letters rise above the baseline and hang below it, in ems of the face.
const ASCENT: f32 = 0.78;
const DESCENT: f32 = 0.24;

struct Place {
    frame: Rect,
    /// How crowded the frame is.
    hides: f32,
    leader: Option<([f32; 2], [f32; 2])>,
}

/// The cheapest free place for words of some width and size around a point.
fn best(
    taken: &Taken,
    crowd: &Crowd,
    anchor: [f32; 2],
    dot: f32,
    [width, size]: [f32; 2],
) -> Option<Place> {
    let height = size * (ASCENT + DESCENT);
    let near = dot + size * 0.3;
    let mut best: Option<(f32, Place)> = None;
    let mut offer = |center: [f32; 2], cost: f32, leader: bool| {
        if best.as_ref().is_some_and(|(least, _)| *least <= cost) {
            return;
        }
        let frame = Rect {
            left: center[0] - width / 2.0,
            right: center[0] + width / 2.0,
            top: center[1] - height / 2.0,
            bottom: center[1] + height / 2.0,
        };
        let hides = crowd.share(&frame);
        let cost = cost + 1.6 * hides;
        if best.as_ref().is_some_and(|(least, _)| *least <= cost)
            || !taken.free(&frame.grown(size * AIR * 0.5))
        {
            return;
        }
        let leader = leader.then(|| {
            let end = [
                anchor[0].clamp(frame.left, frame.right),
                anchor[1].clamp(frame.top, frame.bottom),
            ];
            (anchor, end)
        });
        if leader.is_none_or(|(from, to)| taken.free_line(from, to)) {
            best = Some((cost, Place { frame, hides, leader }));
        }
    };
    // Beside the point: right, left, above, below, then across the corners.
    let (dx, dy) = (near + width / 2.0, near * 0.75 + height / 2.0);
    let across = near * 0.6;
    for (center, cost) in [
        ([dx, 0.0], 0.0),
        ([-dx, 0.0], 0.1),
        ([0.0, -dy], 0.12),
        ([0.0, dy], 0.16),
        ([across + width / 2.0, -dy], 0.2),
        ([across + width / 2.0, dy], 0.24),
        ([-across - width / 2.0, -dy], 0.26),
        ([-across - width / 2.0, dy], 0.3),
    ] {
        offer([anchor[0] + center[0], anchor[1] + center[1]], cost, false);
    }
    // Farther out, around the point.
    for (ring, cost) in [(1.3, 1.0), (2.4, 1.5)] {
        for step in 0..12 {
            let (sin, cos) = (step as f32 * std::f32::consts::TAU / 12.0).sin_cos();
            let reach = near + ring * size;
            let center =
                [anchor[0] + cos * (reach + width / 2.0), anchor[1] + sin * (reach + height / 2.0)];
            offer(center, cost, true);
        }
    }
    best.map(|(_, place)| place)
}

/// What is occupied, by square of a coarse grid.
struct Taken {
    map: Rect,
    columns: usize,
    squares: Vec<Vec<Rect>>,
}

/// The side of a square of [`Taken`].
const SQUARE: f32 = 64.0;

impl Taken {
    fn new(map: Rect) -> Self {
        let columns = (map.width() / SQUARE).max(0.0) as usize + 1;
        let rows = (map.height() / SQUARE).max(0.0) as usize + 1;
        Taken { map, columns, squares: vec![Vec::new(); columns * rows] }
    }

    fn squares(&self, rect: &Rect) -> impl Iterator<Item = usize> + use<> {
        let last = [self.columns - 1, self.squares.len() / self.columns - 1];
        let square =
            |v: f32, least: f32, last: usize| (((v - least) / SQUARE).max(0.0) as usize).min(last);
        let columns =
            square(rect.left, self.map.left, last[0])..=square(rect.right, self.map.left, last[0]);
        let rows =
            square(rect.top, self.map.top, last[1])..=square(rect.bottom, self.map.top, last[1]);
        let width = self.columns;
        rows.flat_map(move |row| columns.clone().map(move |column| row * width + column))
    }

    fn add(&mut self, rect: Rect) {
        for square in self.squares(&rect) {
            self.squares[square].push(rect);
        }
    }

    fn free(&self, rect: &Rect) -> bool {
        self.map.contains(rect) && self.clear(rect)
    }

    fn clear(&self, rect: &Rect) -> bool {
        self.squares(rect)
            .all(|square| !self.squares[square].iter().any(|other| other.overlaps(rect)))
    }

    /// A line as the small squares along it.
    fn beads(from: [f32; 2], to: [f32; 2]) -> impl Iterator<Item = Rect> {
        let steps = ((to[0] - from[0]).hypot(to[1] - from[1]) / 3.0).ceil().max(1.0) as usize;
        (0..=steps).map(move |step| {
            let t = step as f32 / steps as f32;
            let (x, y) = (from[0] + (to[0] - from[0]) * t, from[1] + (to[1] - from[1]) * t);
            Rect { left: x, top: y, right: x, bottom: y }.grown(1.5)
        })
    }

    fn free_line(&self, from: [f32; 2], to: [f32; 2]) -> bool {
        Self::beads(from, to).all(|bead| self.clear(&bead))
    }

    fn add_line(&mut self, from: [f32; 2], to: [f32; 2]) {
        for bead in Self::beads(from, to) {
            self.add(bead);
        }
    }
}

/// How crowded with points any rectangle of the map is, by a table of sums over small squares.
struct Crowd {
    map: Rect,
    columns: usize,
    rows: usize,
    /// The sum over all squares above and to the left, one row and column more than there are squares.
    sums: Vec<f32>,
}

/// The side of a square of [`Crowd`].
const FINE: f32 = 4.0;

impl Crowd {
    fn of(sheet: &Sheet) -> Self {
        let map = sheet.map;
        let columns = (map.width() / FINE).ceil().max(1.0) as usize;
        let rows = (map.height() / FINE).ceil().max(1.0) as usize;
        let mut counts = vec![0u32; columns * rows];
        for &[x, y] in &sheet.at {
            let column = (((x - map.left) / FINE).max(0.0) as usize).min(columns - 1);
            let row = (((y - map.top) / FINE).max(0.0) as usize).min(rows - 1);
            counts[row * columns + column] += 1;
        }
        // A square is as crowded as its points cover it, up to a point; beyond that only slowly more.
        let cover = (std::f32::consts::PI * sheet.radius * sheet.radius / (FINE * FINE)).max(0.02);
        let mut sums = vec![0.0f32; (columns + 1) * (rows + 1)];
        for row in 0..rows {
            let mut along = 0.0;
            for column in 0..columns {
                let count = counts[row * columns + column] as f32;
                along += (count * cover).min(1.0) + 0.25 * (count * cover).max(1.0).ln();
                let above = sums[row * (columns + 1) + column + 1];
                sums[(row + 1) * (columns + 1) + column + 1] = above + along;
            }
        }
        Crowd { map, columns, rows, sums }
    }

    /// How crowded a rectangle is: 0 without points, 1 where they just cover it.
    fn share(&self, rect: &Rect) -> f32 {
        let column =
            |x: f32| (((x - self.map.left) / FINE).round().max(0.0) as usize).min(self.columns);
        let row = |y: f32| (((y - self.map.top) / FINE).round().max(0.0) as usize).min(self.rows);
        let (left, right, top, bottom) =
            (column(rect.left), column(rect.right), row(rect.top), row(rect.bottom));
        let sum = |row: usize, column: usize| self.sums[row * (self.columns + 1) + column];
        let area = ((right - left) * (bottom - top)).max(1) as f32;
        (sum(bottom, right) - sum(top, right) - sum(bottom, left) + sum(top, left)) / area
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::{Scene, Style};
    use super::*;
    use proptest::prelude::*;

    fn frames(sheet: &Sheet) -> Vec<Rect> {
        let frame = |mark: &Mark| match mark {
            Mark::Text { at, size, width, halo: true, .. } => Some(Rect {
                left: at[0],
                right: at[0] + width,
                top: at[1] - size * ASCENT,
                bottom: at[1] + size * DESCENT,
            }),
            _ => None,
        };
        sheet.marks.iter().filter_map(frame).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        /// No two labels overlap, all lie on the map, and there are no more than asked for.
        #[test]
        fn labels_never_overlap(
            points in prop::collection::vec((-1.0f32..1.0, -1.0f32..1.0, "[a-zà-ÿ]{1,24}", 0.0f64..9.0), 1..150),
            squeeze in 0.0f32..1.0,
            most in 1usize..150,
        ) {
            let x: Vec<f32> = points.iter().map(|p| p.0 * squeeze).collect();
            let y: Vec<f32> = points.iter().map(|p| p.1).collect();
            let labels: Vec<&str> = points.iter().map(|p| p.2.as_str()).collect();
            let weights: Vec<f64> = points.iter().map(|p| p.3).collect();
            let scene = Scene { labels: Some(&labels), weights: Some(&weights), ..Scene::new(&x, &y) };
            let style = Style { width: 500, height: 400, labels: Some(most), ..Style::default() };
            let face = Face::new().unwrap();
            let sheet = Sheet::lay(&scene, &style, &Coding::of(&scene), &face, false);
            let frames = frames(&sheet);
            prop_assert_eq!(frames.len(), sheet.labelled);
            prop_assert!((1..=most).contains(&frames.len()));
            for (i, a) in frames.iter().enumerate() {
                prop_assert!(sheet.map.contains(a), "{a:?} leaves the map");
                for b in &frames[..i] {
                    prop_assert!(!a.overlaps(b), "{a:?} over {b:?}");
                }
            }
        }
    }

    #[test]
    fn the_heaviest_are_named_first_and_each_name_once() {
        let x: Vec<f32> = (0..100).map(|i| (i % 10) as f32).collect();
        let y: Vec<f32> = (0..100).map(|i| (i / 10) as f32).collect();
        let names: Vec<String> = (0..100).map(|i| format!("w{}", i / 2)).collect();
        let labels: Vec<&str> = names.iter().map(String::as_str).collect();
        let weights: Vec<f64> = (0..100).map(f64::from).collect();
        let scene = Scene { labels: Some(&labels), weights: Some(&weights), ..Scene::new(&x, &y) };
        let style = Style { labels: Some(3), ..Style::default() };
        let face = Face::new().unwrap();
        let sheet = Sheet::lay(&scene, &style, &Coding::of(&scene), &face, false);
        let named: Vec<&str> = sheet
            .marks
            .iter()
            .filter_map(|mark| match mark {
                Mark::Text { text, .. } => Some(text.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(named, ["w49", "w48", "w47"]);
    }
}
