//! Points outside of the frame, as arrows at its border: one for all that would stand in the same place.

use std::collections::BTreeMap;

use super::coding::Coding;
use super::frame::{Mark, Rect, Sheet};
use super::scene::Scene;
use super::view::View;

/// Adds arrows of a size to the marks of a sheet; how many points they stand for.
pub(super) fn lay(
    sheet: &mut Sheet,
    scene: &Scene,
    coding: &Coding,
    view: &View,
    size: f32,
) -> usize {
    if view.beyond.is_empty() {
        return 0;
    }
    // Outside of one panel is outside of all: they are equally large and show the same.
    let Some(first) = sheet.panels.first() else { return 0 };
    let outside = |&point: &u32| {
        let [x, y] = first.projection.at(scene.x[point as usize], scene.y[point as usize]);
        !first.map.grown(-sheet.front.radius).contains(&Rect {
            left: x,
            top: y,
            right: x,
            bottom: y,
        })
    };
    let beyond: Vec<u32> = view.beyond.iter().copied().filter(outside).collect();
    for panel in &sheet.panels {
        // Ascending numbers: membership by bisection.
        let front = |point: &&u32| panel.front.binary_search(point).is_ok();
        let mut places: BTreeMap<[i32; 2], (u32, [f32; 2])> = BTreeMap::new();
        let rim = panel.map.grown(-size * 1.4);
        let mine = beyond.iter().filter(|point| sheet.panels.len() == 1 || front(point));
        for &point in mine {
            let [x, y] = panel.projection.at(scene.x[point as usize], scene.y[point as usize]);
            let at = [x.clamp(rim.left, rim.right), y.clamp(rim.top, rim.bottom)];
            let slot = at.map(|v| (v / (size * 2.2)).round() as i32);
            places.entry(slot).or_insert((point, [x, y]));
        }
        for (point, [x, y]) in places.into_values() {
            let at = [x.clamp(rim.left, rim.right), y.clamp(rim.top, rim.bottom)];
            let (dx, dy) = (x - at[0], y - at[1]);
            let length = dx.hypot(dy).max(f32::MIN_POSITIVE);
            let (dx, dy) = (dx / length * size, dy / length * size);
            let corner = |along: f32, across: f32| {
                [at[0] + along * dx - across * dy, at[1] + along * dy + across * dx]
            };
            let arrow =
                vec![corner(1.0, 0.0), corner(-0.7, 0.75), corner(-0.3, 0.0), corner(-0.7, -0.75)];
            sheet.marks.push(Mark::Path {
                loops: vec![arrow],
                ink: coding.color(&sheet.palette, point),
                fill: 1.0,
                width: 0.0,
                halo: true,
            });
        }
    }
    beyond.len()
}

/// The place of an arrow among marks.
pub(super) fn extent(mark: &Mark) -> Option<Rect> {
    let Mark::Path { loops, width: 0.0, .. } = mark else { return None };
    let nothing = Rect {
        left: f32::INFINITY,
        top: f32::INFINITY,
        right: f32::NEG_INFINITY,
        bottom: f32::NEG_INFINITY,
    };
    Some(loops.iter().flatten().fold(nothing, |r, &[x, y]| Rect {
        left: r.left.min(x),
        top: r.top.min(y),
        right: r.right.max(x),
        bottom: r.bottom.max(y),
    }))
}
