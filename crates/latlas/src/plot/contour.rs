//! Lines of equal density by marching squares: closed loops with the denser side on one hand throughout.
//!
//! Each square of four nodes is walked around; where the walk leaves what is dense a line begins, where it
//! comes back one ends. A saddle (two dense corners across) is cut as the mean of its corners says. An edge is left in one of
//! its squares and entered in the other, so that lines join into loops by themselves.

use super::density::Density;

const NONE: u32 = u32::MAX;

/// The loops around everything at or above `threshold`, in units of the map. The outermost nodes count
/// as empty, so that every loop closes.
pub(super) fn loops(density: &Density, threshold: f32) -> Vec<Vec<[f64; 2]>> {
    let (columns, rows) = (density.columns, density.rows);
    let value = |column: usize, row: usize| {
        let rim = column == 0 || row == 0 || column + 1 == columns || row + 1 == rows;
        if rim { 0.0 } else { density.at(column, row) }
    };
    // Edges by the node at their lesser end: even numbers along x, odd ones along y.
    let mut next = vec![NONE; 2 * columns * rows];
    for row in 0..rows - 1 {
        for column in 0..columns - 1 {
            let corners = [
                value(column, row),
                value(column + 1, row),
                value(column + 1, row + 1),
                value(column, row + 1),
            ];
            let node = (row * columns + column) as u32;
            let below = node + columns as u32;
            let edges = [2 * node, 2 * (node + 1) + 1, 2 * below, 2 * node + 1];
            for (from, to) in crossings(corners, threshold).into_iter().flatten() {
                next[edges[from] as usize] = edges[to];
            }
        }
    }
    let crossing = |edge: u32| {
        let node = edge as usize / 2;
        let (column, row) = (node % columns, node / columns);
        let along_y = edge % 2 == 1;
        let (a, b) =
            (value(column, row), value(column + usize::from(!along_y), row + usize::from(along_y)));
        let t = f64::from((threshold - a) / (b - a)).clamp(0.0, 1.0);
        let (column, row) = (column as f64, row as f64);
        if along_y { density.place(column, row + t) } else { density.place(column + t, row) }
    };
    let mut loops = Vec::new();
    for start in 0..next.len() {
        let (mut edge, mut points) = (start as u32, Vec::new());
        while next[edge as usize] != NONE {
            points.push(crossing(edge));
            edge = std::mem::replace(&mut next[edge as usize], NONE);
        }
        if points.len() > 2 {
            loops.push(points);
        }
    }
    loops
}

/// The lines through one square: the edges (0 from corner 0 to 1, 1 from corner 1 to 2, …) they begin and end at.
fn crossings(corners: [f32; 4], threshold: f32) -> [Option<(usize, usize)>; 2] {
    let dense = corners.map(|v| v >= threshold);
    let leaves = |edge: usize| dense[edge] && !dense[(edge + 1) % 4];
    let enters = |edge: usize| !dense[edge] && dense[(edge + 1) % 4];
    let saddle = dense[0] == dense[2] && dense[1] == dense[3] && dense[0] != dense[1];
    let joined = saddle && corners.iter().sum::<f32>() / 4.0 < threshold;
    let mut lines = [None; 2];
    for (line, from) in lines.iter_mut().zip((0..4).filter(|&edge| leaves(edge))) {
        // Around the thin corners that follow; at a saddle whose middle is thin, back around the dense one.
        let ahead = |turn: usize| (from + turn) % 4;
        let behind = |turn: usize| (from + 4 - turn) % 4;
        let to = if joined {
            (1..4).map(behind).find(|&edge| enters(edge))
        } else {
            (1..4).map(ahead).find(|&edge| enters(edge))
        };
        *line = to.map(|to| (from, to));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;
    use super::*;

    /// Twice the signed area.
    fn area(points: &[[f64; 2]]) -> f64 {
        let around = points.iter().zip(points.iter().cycle().skip(1));
        around.map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum()
    }

    #[test]
    fn a_kernel_has_round_lines_and_a_ring_two() {
        // Three points in one spot, nearly: lines are circles of radius h √(−2 ln share).
        let (x, y) = ([0.0, 1e-3, -1e-3], [0.0, 1e-3, -1e-3]);
        let scene = Scene::new(&x, &y);
        let density = Density::of(&scene, &[0, 1, 2], [-10.0, -8.0, 10.0, 8.0], Some(2.0)).unwrap();
        let [column, row] = [density.columns / 2, density.rows / 2];
        let top = density.at(column, row);
        let found = loops(&density, top * 0.5);
        assert_eq!(found.len(), 1);
        let radius = 2.0 * (2.0 * std::f64::consts::LN_2).sqrt();
        for [x, y] in &found[0] {
            assert!((x.hypot(*y) - radius).abs() < 0.03, "{x} {y} is not {radius} away");
        }
        assert!(
            (area(&found[0]).abs() / 2.0 / (std::f64::consts::PI * radius * radius) - 1.0).abs()
                < 0.01
        );

        // A ring: one loop outside, one inside, with opposite turns.
        let ring: Vec<(f32, f32)> = (0..400)
            .map(|i| (i as f32 * std::f32::consts::TAU / 400.0).sin_cos())
            .map(|(sin, cos)| (6.0 * cos, 6.0 * sin))
            .collect();
        let (x, y): (Vec<f32>, Vec<f32>) = ring.into_iter().unzip();
        let points: Vec<u32> = (0..400).collect();
        let scene = Scene::new(&x, &y);
        let density = Density::of(&scene, &points, [-6.0, -6.0, 6.0, 6.0], Some(1.0)).unwrap();
        let threshold = density.thresholds(&scene, &points, &[0.9])[0];
        let found = loops(&density, threshold * 0.8);
        assert_eq!(found.len(), 2);
        assert!(area(&found[0]) * area(&found[1]) < 0.0);
    }

    #[test]
    fn saddles_are_cut_both_ways() {
        // Dense corners 0 and 2; the mean decides whether they are joined.
        assert_eq!(crossings([1.0, 0.4, 1.0, 0.4], 0.5), [Some((0, 1)), Some((2, 3))]);
        assert_eq!(crossings([0.6, 0.0, 0.6, 0.0], 0.5), [Some((0, 3)), Some((2, 1))]);
        assert_eq!(crossings([0.0; 4], 0.5), [None, None]);
        assert_eq!(crossings([1.0, 0.0, 0.0, 0.0], 0.5), [Some((0, 3)), None]);
    }
}
