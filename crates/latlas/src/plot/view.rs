//! What part of the plane the frame shows: all points, or the bulk of them where a few lie far away.
//!
//! Few points far away shrink everything else. Points are ranked by how large a frame around the middle
//! (the medians) they ask for; the most demanding, at most [`spared`] of them, may be left out. What they would have left
//! blank decides: unless the rest gains [`GAIN`] in area the frame holds all.

use super::scene::Scene;
use super::style::Frame;

/// How many times the area the bulk must gain for points to be left out of the frame.
const GAIN: f64 = 1.8;

/// Around the box of those that stay, the share of its size within which points are kept too: what is
/// left out lies apart, and is not merely the rim.
const RIM: f64 = 0.15;

/// What the frame shows, in units of the map.
pub(super) struct View {
    /// Least x, least y, greatest x, greatest y; in f64 so that differences do not overflow.
    pub(super) bounds: [f64; 4],
    /// Points outside of the bounds.
    pub(super) beyond: Vec<u32>,
}

impl View {
    /// `aspect` is the width of the frame over its height.
    pub(super) fn of(scene: &Scene, frame: Frame, aspect: f64) -> Self {
        let all = View { bounds: bounds(scene, |_| true), beyond: Vec::new() };
        let spared = spared(scene.len());
        if frame == Frame::All || spared == 0 {
            return all;
        }
        let middle = [scene.x, scene.y].map(median);
        let reach = |at: usize| {
            let far = |v: f32, axis: usize| (f64::from(v) - f64::from(middle[axis])).abs();
            far(scene.x[at], 0).max(far(scene.y[at], 1) * aspect)
        };
        let mut reaches: Vec<f64> = (0..scene.len()).map(reach).collect();
        let last = reaches.len() - 1 - spared;
        let limit = *reaches.select_nth_unstable_by(last, f64::total_cmp).1;
        let [x0, y0, x1, y1] = bounds(scene, |at| reach(at) <= limit);
        let (dx, dy) = ((x1 - x0) * RIM, (y1 - y0) * RIM);
        let inside = |at: usize| {
            let (x, y) = (f64::from(scene.x[at]), f64::from(scene.y[at]));
            x >= x0 - dx && x <= x1 + dx && y >= y0 - dy && y <= y1 + dy
        };
        let bulk = bounds(scene, inside);
        let side = |[x0, y0, x1, y1]: [f64; 4]| (x1 - x0).max((y1 - y0) * aspect);
        // The bulk may be one point: then any gain is infinite, and a frame of nothing helps nobody.
        if side(bulk) == 0.0 || side(all.bounds) < side(bulk) * GAIN.sqrt() {
            return all;
        }
        let beyond = (0..scene.len()).filter(|&at| !inside(at)).map(|at| at as u32).collect();
        View { bounds: bulk, beyond }
    }
}

/// How many points may be left out of the frame.
fn spared(n: usize) -> usize {
    (n / 1000).max((n / 100).min(3))
}

fn bounds(scene: &Scene, held: impl Fn(usize) -> bool) -> [f64; 4] {
    let mut bounds = [f32::INFINITY, f32::INFINITY, f32::NEG_INFINITY, f32::NEG_INFINITY];
    for (at, (&x, &y)) in scene.x.iter().zip(scene.y).enumerate() {
        if held(at) {
            let [x0, y0, x1, y1] = bounds;
            bounds = [x0.min(x), y0.min(y), x1.max(x), y1.max(y)];
        }
    }
    bounds.map(f64::from)
}

fn median(values: &[f32]) -> f32 {
    let mut values = values.to_vec();
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disc of points of radius 1, and some far away.
    fn scene(n: usize, far: &[[f32; 2]]) -> (Vec<f32>, Vec<f32>) {
        let golden = std::f32::consts::TAU * 0.618_034;
        let disc = (0..n).map(|i| {
            let (sin, cos) = (golden * i as f32).sin_cos();
            let r = ((i as f32 + 0.5) / n as f32).sqrt();
            [r * cos, r * sin]
        });
        disc.chain(far.iter().copied()).map(|[x, y]| (x, y)).unzip()
    }

    #[test]
    fn a_few_far_points_do_not_shrink_the_rest() {
        let far = [[40.0, 3.0], [41.0, 3.0], [0.0, -30.0]];
        let (x, y) = scene(5_000, &far);
        let scene = Scene::new(&x, &y);
        let view = View::of(&scene, Frame::Bulk, 4.0 / 3.0);
        assert_eq!(view.beyond, [5000, 5001, 5002]);
        assert!(view.bounds.iter().all(|v| v.abs() <= 1.0), "{:?}", view.bounds);
        let all = View::of(&scene, Frame::All, 4.0 / 3.0);
        assert_eq!((all.bounds[2], all.beyond.len()), (41.0, 0));
    }

    #[test]
    fn a_rim_is_no_island_and_many_are_no_few() {
        // 1.2 away from a disc of radius 1: the frame would gain a fifth.
        let (x, y) = scene(5_000, &[[1.2, 0.0]]);
        assert!(View::of(&Scene::new(&x, &y), Frame::Bulk, 1.0).beyond.is_empty());
        // One in a hundred: an island of its own right.
        let (x, y) = scene(5_000, &[[40.0, 0.0]; 50]);
        assert!(View::of(&Scene::new(&x, &y), Frame::Bulk, 1.0).beyond.is_empty());
        // Of few points each counts.
        let (x, y) = scene(50, &[[40.0, 0.0]]);
        assert!(View::of(&Scene::new(&x, &y), Frame::Bulk, 1.0).beyond.is_empty());
    }

    #[test]
    fn odd_crowds_are_shown_whole() {
        let mut x = vec![1.0f32; 2000];
        x[7] = 9.0;
        let view = View::of(&Scene::new(&x, &x), Frame::Bulk, 1.0);
        assert_eq!((view.bounds, view.beyond.len()), ([1.0, 1.0, 9.0, 9.0], 0));
        x[8] = f32::MAX;
        x[9] = f32::MIN;
        View::of(&Scene::new(&x, &x), Frame::Bulk, 1.0);
    }
}
