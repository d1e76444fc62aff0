//! Which points are named, and where their names stand.
//!
//! Greedy, the heaviest point first: each name takes the cheapest of some thirty places around its point
//! that lies on the map and touches no name, named point or leader line laid before. A place costs more the
//! farther it is from the point and the more points it covers; names away from their point get a leader line.

use std::collections::HashSet;

use super::coding::Coding;
use super::frame::{Mark, Panel, Rect, Sheet};
use super::palette::Palette;
use super::room::{Crowd, Taken};
use super::scene::Scene;
use super::text::{self, Face};
use super::undrawn::Undrawn;
use super::{arrows, regions};

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
pub(super) const AIR: f32 = 0.3;

/// Adds the names of regions and the labels of points to the marks of a sheet, and counts the latter.
pub(super) fn lay(
    sheet: &mut Sheet,
    scene: &Scene,
    coding: &Coding,
    face: &Face,
    request: &Request,
) {
    let each = request.most.div_ceil(sheet.panels.len().max(1));
    let mut undrawn = Undrawn::default();
    for at in 0..sheet.panels.len() {
        let panel = &sheet.panels[at];
        let all = (0..scene.len()).map(|i| panel.projection.at(scene.x[i], scene.y[i]));
        let crowd = Crowd::of(all, panel.map, sheet.front.radius);
        let mut taken = Taken::new(panel.map);
        for arrow in sheet.marks.iter().filter_map(arrows::extent) {
            taken.add(arrow.grown(1.0));
        }
        let names = if sheet.panels.len() == 1 {
            regions::lay(sheet, scene, coding, face, &mut taken, request, &mut undrawn)
        } else {
            Vec::new()
        };
        let most = each.min(request.most - sheet.labelled);
        let request = Request { most, ..*request };
        points(sheet, at, (scene, coding, face), (&mut taken, &crowd), &request, &mut undrawn);
        // Above all dots and lines.
        sheet.marks.extend(names);
    }
    sheet.undrawn = undrawn;
}

/// Labels the heaviest points that carry the colours of a panel.
fn points(
    sheet: &mut Sheet,
    panel: usize,
    (scene, coding, face): (&Scene, &Coding, &Face),
    (taken, crowd): (&mut Taken, &Crowd),
    request: &Request,
    undrawn: &mut Undrawn,
) {
    let Some(labels) = scene.labels else { return };
    if request.most == 0 {
        return;
    }
    let Panel { map, projection, ref front, ref back } = sheet.panels[panel];
    // Most of the heaviest may lie on one spot. Looking at some tens of points per label finds the
    // others; looking at all would fill every gap with whatever is rare enough to lie there. Points that are
    // grey for want of a value are named too, where they are not those of other panels.
    let limit = request.most.saturating_mul(40).max(2_000);
    let candidates = if sheet.panels.len() == 1 && !back.is_empty() {
        scene.heaviest(None, limit)
    } else {
        scene.heaviest(Some(front), limit)
    };
    let mut named = HashSet::new();
    let mut words = Vec::new();
    let mut labelled = 0;
    for point in candidates {
        if labelled >= request.most {
            break;
        }
        let label = text::clean(labels[point as usize]);
        let anchor = projection.at(scene.x[point as usize], scene.y[point as usize]);
        let spot = Rect { left: anchor[0], top: anchor[1], right: anchor[0], bottom: anchor[1] };
        if label.is_empty() || named.contains(&label) || !map.contains(&spot) {
            continue;
        }
        if !request.foreign
            && let Some(script) = face.fault(&label)
        {
            undrawn.add(script);
            continue;
        }
        let rank =
            if scene.weights.is_some() { labelled as f32 / request.most as f32 } else { 1.0 };
        let size = request.size * (1.3 - 0.3 * rank.sqrt());
        let label_text = face.fit(&label, size, (map.width() * 0.3).min(size * 22.0)).into_owned();
        let width = face.width(&label_text, size);
        let dot = sheet.front.radius.max(size * 0.14);
        let Some(place) = best(taken, crowd, anchor, dot, [width, size]) else { continue };
        if sheet.points && !sheet.front.crowded && place.hides > TOO_MUCH {
            continue;
        }
        taken.add(place.frame.grown(size * AIR * 0.5));
        taken.add(spot.grown(dot + 1.0));
        let ground = sheet.palette.ground;
        let color = coding.color(&sheet.palette, point);
        if let Some((from, to)) = place.leader {
            taken.add_line(from, to);
            leader(&mut sheet.marks, &sheet.palette, from, to);
        }
        sheet.marks.push(Mark::Disc { at: anchor, radius: dot + 1.0, ink: ground });
        sheet.marks.push(Mark::Disc { at: anchor, radius: dot, ink: color });
        let ink = match coding {
            Coding::Categories { .. } => sheet.palette.ink.mix(color, 0.35),
            _ => sheet.palette.ink,
        };
        // The baseline: a frame holds ascenders above and descenders below it.
        let at = [place.frame.left, place.frame.top + size * ASCENT];
        words.push(Mark::Text { text: label_text, at, size, width, ink, bold: false, halo: true });
        named.insert(label);
        labelled += 1;
    }
    // All words above all dots and lines.
    sheet.marks.extend(words);
    sheet.labelled += labelled;
}

/// A line from a point to its name, kept apart from what lies below.
pub(super) fn leader(marks: &mut Vec<Mark>, palette: &Palette, from: [f32; 2], to: [f32; 2]) {
    marks.push(Mark::Line { from, to, width: 1.6 + 1.0, ink: palette.ground });
    marks.push(Mark::Line { from, to, width: 0.9, ink: palette.muted });
}

/// How much of its frame a label may hide where points are drawn one by one. A density goes on beneath.
const TOO_MUCH: f32 = 0.6;

/// How far letters rise above the baseline and hang below it, in ems of the face.
pub(super) const ASCENT: f32 = 0.78;
pub(super) const DESCENT: f32 = 0.24;

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

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;
    use super::super::style::Style;
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
                prop_assert!(sheet.panels[0].map.contains(a), "{a:?} leaves the map");
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
