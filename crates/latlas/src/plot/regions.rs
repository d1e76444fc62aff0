//! Names of regions, such as clusters: each where its points lie most densely, the largest first, none over
//! another; moved aside with a line to its place where a larger one stands there.

use super::coding::Coding;
use super::density::{self, Density};
use super::frame::{Mark, Rect, Sheet};
use super::labels::{AIR, ASCENT, DESCENT, Request, leader};
use super::room::Taken;
use super::scene::{Groups, Scene};
use super::text::{self, Face};
use super::undrawn::Undrawn;

/// More are not looked at: the densities would take long, and the names would not fit.
const MOST: usize = 400;

/// A region and its points.
pub(super) struct Region {
    pub(super) group: usize,
    pub(super) points: Vec<u32>,
}

/// Lays the names of the regions on the only panel of a sheet: lines and dots into its marks, the words as the
/// result, so that they can lie over everything else.
pub(super) fn lay(
    sheet: &mut Sheet,
    scene: &Scene,
    coding: &Coding,
    face: &Face,
    taken: &mut Taken,
    request: &Request,
    undrawn: &mut Undrawn,
) -> Vec<Mark> {
    let (Some(Groups { names, of }), [panel]) = (scene.regions, &sheet.panels[..]) else {
        return Vec::new();
    };
    let (map, projection) = (panel.map, panel.projection);
    let bounds = projection.seen(&map);
    let mut words = Vec::new();
    for region in largest(names.len(), of) {
        let name = text::clean(names[region.group]);
        if name.is_empty() {
            continue;
        }
        if !request.foreign
            && let Some(script) = face.fault(&name)
        {
            undrawn.add(script);
            continue;
        }
        let Some([x, y]) = peak(scene, &region.points, bounds) else { continue };
        let at = projection.at(x as f32, y as f32);
        let share = region.points.len() as f32 / scene.len() as f32;
        let size = request.size * (1.15 + 0.75 * share.sqrt().min(0.6));
        let bold = face.weight(true);
        let name = bold.fit(&name, size, (map.width() * 0.34).min(size * 22.0)).into_owned();
        let width = bold.width(&name, size);
        let Some((frame, aside)) = place(taken, at, [width, size]) else { continue };
        taken.add(frame.grown(size * AIR * 0.5));
        let color = coding.color(&sheet.palette, region.points[0]);
        let ink = match coding {
            Coding::Categories { .. } => sheet.palette.ink.mix(color, 0.3),
            _ => sheet.palette.ink,
        };
        if aside {
            let end = [at[0].clamp(frame.left, frame.right), at[1].clamp(frame.top, frame.bottom)];
            taken.add_line(at, end);
            leader(&mut sheet.marks, &sheet.palette, at, end);
            sheet.marks.push(Mark::Disc {
                at,
                radius: size * 0.15 + 1.0,
                ink: sheet.palette.ground,
            });
            sheet.marks.push(Mark::Disc { at, radius: size * 0.15, ink });
        }
        let at = [frame.left, frame.top + size * ASCENT];
        words.push(Mark::Text { text: name, at, size, width, ink, bold: true, halo: true });
    }
    words
}

/// The regions by falling size.
pub(super) fn largest(groups: usize, of: &[u32]) -> Vec<Region> {
    let mut regions: Vec<Region> =
        (0..groups).map(|group| Region { group, points: Vec::new() }).collect();
    for (point, &group) in of.iter().enumerate() {
        if let Some(region) = regions.get_mut(group as usize) {
            region.points.push(point as u32);
        }
    }
    regions.retain(|region| !region.points.is_empty());
    regions.sort_by_key(|region| std::cmp::Reverse(region.points.len()));
    regions.truncate(MOST);
    regions
}

/// Where points within bounds lie most densely, seen broadly: by Scott's rule; their mean where they are too few to tell.
pub(super) fn peak(scene: &Scene, points: &[u32], bounds: [f64; 4]) -> Option<[f64; 2]> {
    let inside = density::within(scene, points, bounds);
    let scott = density::scott(&inside) as f32;
    let wide = (scott > 0.0).then(|| Density::of(scene, points, bounds, Some(scott))).flatten();
    if let Some(density) = wide {
        return Some(density.peak());
    }
    let mean = |axis: usize| inside.iter().map(|p| p[axis]).sum::<f64>() / inside.len() as f64;
    (!inside.is_empty()).then(|| [mean(0), mean(1)])
}

/// The free place nearest to where a name belongs, and whether it is another place than that.
fn place(taken: &Taken, [x, y]: [f32; 2], [width, size]: [f32; 2]) -> Option<(Rect, bool)> {
    let height = size * (ASCENT + DESCENT);
    let frame = |x: f32, y: f32| Rect {
        left: x - width / 2.0,
        right: x + width / 2.0,
        top: y - height / 2.0,
        bottom: y + height / 2.0,
    };
    let free = |frame: &Rect| taken.free(&frame.grown(size * AIR * 0.5));
    // A little to any side still reads as being there.
    for (dx, dy) in [
        (0.0, 0.0),
        (0.0, -0.7),
        (0.0, 0.7),
        (0.25, 0.0),
        (-0.25, 0.0),
        (0.2, -0.7),
        (-0.2, -0.7),
        (0.2, 0.7),
        (-0.2, 0.7),
    ] {
        let frame = frame(x + dx * width, y + dy * height);
        if free(&frame) {
            return Some((frame, false));
        }
    }
    // Where another name stands, the line comes out from beneath it.
    let covered = !taken.free_line([x, y], [x, y]);
    for ring in [1.6f32, 2.8, 4.2] {
        for step in 0..16 {
            let (sin, cos) = (step as f32 * std::f32::consts::TAU / 16.0).sin_cos();
            let reach = [width / 2.0 + ring * size, height / 2.0 + ring * size];
            let frame = frame(x + cos * reach[0], y + sin * reach[1]);
            let end = [x.clamp(frame.left, frame.right), y.clamp(frame.top, frame.bottom)];
            if free(&frame) && (covered || taken.free_line([x, y], end)) {
                return Some((frame, true));
            }
        }
    }
    None
}
